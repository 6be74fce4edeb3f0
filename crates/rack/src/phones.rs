//! `adb devices -l`: which phones are attached, in which state, and what to do about it.

use std::collections::BTreeSet;
use std::fmt;

use serde::Serialize;

use crate::adb::{Adb, AdbError};

/// A phone that adb's server knows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Phone {
    /// Serial number, or address and port of a phone on the network.
    pub serial: String,
    /// Its state.
    pub state: PhoneState,
    /// `model:` of the listing; a phone that is not ready does not say.
    pub model: Option<String>,
    /// `usb:` of the listing: the port, for power switching.
    pub port: Option<String>,
    /// `transport_id:` of the listing: another one each time that the phone is attached.
    pub transport: Option<u64>,
    /// Whether another phone of the listing has the same serial number.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub shares_serial: bool,
    /// Its adb server, where another one lists a phone that would otherwise have the same name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub listed_by: Option<String>,
}

impl Phone {
    /// A phone of which nothing else is known.
    pub fn new(serial: String, state: PhoneState) -> Self {
        Self { serial, state, model: None, port: None, transport: None, shares_serial: false, listed_by: None }
    }

    /// What tells it apart on this rack, also after it was away: the serial number; of two phones with one number, the
    /// port as well; of two on the same port of two hosts, their adb server.
    pub fn id(&self) -> String {
        let mut id = self.serial.clone();
        if let Some(port) = self.port.as_ref().filter(|_| self.shares_serial) {
            id = format!("{id}@{port}");
        }
        if let Some(server) = &self.listed_by {
            id = format!("{id}@{server}");
        }
        id
    }

    /// Whether a phone of an earlier listing of the same adb server is this one.
    pub(crate) fn is_at_the_place_of(&self, later: &Self) -> bool {
        self.serial == later.serial && (self.port == later.port || self.port.is_none() || later.port.is_none())
    }

    /// What told it apart in an earlier listing goes on to do so while the other phone is away.
    pub(crate) fn keep_name_of(&mut self, earlier: &Self) {
        self.shares_serial |= earlier.shares_serial;
        self.listed_by = self.listed_by.take().or_else(|| earlier.listed_by.clone());
        self.port = self.port.take().or_else(|| earlier.port.clone());
    }
}

/// State of a phone, as adb prints it (adb's `transport.cpp`, `connection_state_name`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum PhoneState {
    /// Ready.
    Device,
    /// Known and not answering.
    Offline,
    /// The phone waits for its owner to trust this host.
    Unauthorized,
    /// The phone is just being asked.
    Authorizing,
    /// This user may not open the USB device.
    NoPermissions,
    /// Android's recovery system.
    Recovery,
    /// Recovery waiting for an update.
    Sideload,
    /// The boot loader.
    Bootloader,
    /// A state of a newer adb.
    Other(String),
}

impl fmt::Display for PhoneState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Device => "ready",
            Self::Offline => "offline",
            Self::Unauthorized => "unauthorized",
            Self::Authorizing => "authorizing",
            Self::NoPermissions => "no permissions",
            Self::Recovery => "recovery",
            Self::Sideload => "sideload",
            Self::Bootloader => "bootloader",
            Self::Other(name) => name,
        })
    }
}

impl PhoneState {
    /// What a person should do; nothing for a phone that is ready.
    pub fn advice(&self) -> Option<&'static str> {
        match self {
            Self::Device => None,
            Self::Offline => Some("plug it in again; if it stays offline, run `adb reconnect offline` or restart the phone"),
            Self::Unauthorized => Some("unlock the phone and accept this computer under 'Allow USB debugging'"),
            Self::Authorizing => Some("wait a moment; the phone is being asked"),
            Self::NoPermissions => Some(
                "add a udev rule for the phone's USB vendor (Debian: apt-get install android-sdk-platform-tools-common) and plug it in again",
            ),
            Self::Recovery | Self::Sideload | Self::Bootloader => {
                Some("start Android on it: `adb reboot`, or hold the power key")
            }
            Self::Other(_) => Some("this state is not known here; see adb's documentation"),
        }
    }
}

const CALL: [&str; 2] = ["devices", "-l"];

/// The phones that adb's server knows; starts the server when there is none.
///
/// # Errors
/// See [`AdbError`].
pub async fn attached(adb: &Adb) -> Result<Vec<Phone>, AdbError> {
    parse(&adb.call(&CALL).await?)
}

/// Reads the listing; notices of adb's server (`* daemon started …`) are passed over.
fn parse(listing: &str) -> Result<Vec<Phone>, AdbError> {
    let strange = |line: &str| AdbError::Strange { call: CALL.join(" "), line: line.chars().take(120).collect() };
    let lines = listing.lines().map(str::trim_end);
    let phones = lines.filter(|line| !line.is_empty() && !line.starts_with('*') && !line.starts_with("List of devices"));
    let mut phones = phones.map(|line| phone(line).ok_or_else(|| strange(line))).collect::<Result<Vec<_>, _>>()?;
    let shared = named_alike(&phones);
    for phone in &mut phones {
        phone.shares_serial = shared.contains(&phone.id());
    }
    Ok(phones)
}

/// Names that several of these phones have.
fn named_alike<'a>(phones: impl IntoIterator<Item = &'a Phone>) -> BTreeSet<String> {
    let (mut once, mut again) = (BTreeSet::new(), BTreeSet::new());
    for id in phones.into_iter().map(Phone::id) {
        if !once.insert(id.clone()) {
            again.insert(id);
        }
    }
    again
}

/// Tells phones of several adb servers apart, each given with the name of its server.
pub(crate) fn tell_apart(phones: &mut [(&mut Phone, Option<String>)]) {
    let shared = named_alike(phones.iter().map(|(phone, _)| &**phone));
    for (phone, server) in phones.iter_mut().filter(|(phone, _)| shared.contains(&phone.id())) {
        phone.listed_by.clone_from(server);
    }
}

fn phone(line: &str) -> Option<Phone> {
    let (serial, rest) = line.split_once(char::is_whitespace)?;
    let rest = rest.trim_start();
    let (state, rest) = match rest.strip_prefix("no permissions") {
        // An explanation in brackets follows, then the fields.
        Some(rest) => (PhoneState::NoPermissions, rest.rsplit_once(']').map_or(rest, |(_, fields)| fields)),
        None => {
            let (word, rest) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
            let state = match word {
                "" => return None,
                "device" => PhoneState::Device,
                "offline" => PhoneState::Offline,
                "unauthorized" => PhoneState::Unauthorized,
                "authorizing" => PhoneState::Authorizing,
                "recovery" => PhoneState::Recovery,
                "sideload" => PhoneState::Sideload,
                "bootloader" => PhoneState::Bootloader,
                other => PhoneState::Other(other.into()),
            };
            (state, rest)
        }
    };
    let field =
        |name: &str| rest.split_whitespace().find_map(|field| field.strip_prefix(name)?.strip_prefix(':')).map(str::to_owned);
    let transport = field("transport_id").and_then(|id| id.parse().ok());
    Some(Phone { model: field("model"), port: field("usb"), transport, ..Phone::new(serial.into(), state) })
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;
    use std::time::Duration;

    use super::*;

    const LISTING: &str = "* daemon not running; starting now at tcp:5037\n* daemon started successfully\nList of devices attached\n\
        R58M123 device usb:1-4.2 product:beyond1 model:SM_G973F device:beyond1 transport_id:3\n\
        0a388e93               no permissions (missing udev rules? user is in the plugdev group); see [http://developer.android.com/tools/device.html] usb:1-2 transport_id:1\n\
        192.168.7.2:5555       offline transport_id:9\n\
        emulator-5554\tunauthorized\n\n";

    #[test]
    fn every_state_of_a_listing_is_told_apart() {
        let phones = parse(LISTING).unwrap();
        let states: Vec<_> = phones.iter().map(|phone| (phone.serial.as_str(), phone.state.to_string())).collect();
        assert_eq!(
            states,
            [
                ("R58M123", "ready".into()),
                ("0a388e93", "no permissions".into()),
                ("192.168.7.2:5555", "offline".into()),
                ("emulator-5554", "unauthorized".into()),
            ]
        );
        assert_eq!(phones[0].model.as_deref(), Some("SM_G973F"));
        assert_eq!(phones[1].port.as_deref(), Some("1-2"));
        assert!(phones.iter().skip(1).all(|phone| phone.state.advice().is_some()));
    }

    #[test]
    fn two_phones_with_one_serial_number_are_told_apart_by_their_ports() {
        let phones = parse(
            "0123456789ABCDEF device usb:1-4 model:A transport_id:3\n0123456789ABCDEF device usb:1-5 model:A transport_id:4\nX device usb:1-6 transport_id:5\n",
        )
        .unwrap();
        let ids: Vec<_> = phones.iter().map(|phone| (phone.id(), phone.transport)).collect();
        let expected = [("0123456789ABCDEF@1-4", 3), ("0123456789ABCDEF@1-5", 4), ("X", 5)];
        assert_eq!(ids, expected.map(|(id, transport)| (id.to_owned(), Some(transport))));
    }

    #[test]
    fn phones_of_two_hosts_with_one_serial_number_and_port_are_told_apart_by_their_servers() {
        let listing = "X device usb:1-4 transport_id:1\nY device usb:1-5 transport_id:2\n";
        let (mut here, mut there) = (parse(listing).unwrap(), parse("X device usb:1-4 transport_id:1\n").unwrap());
        let servers = ["a:1", "a:1", "b:2"].map(|server| Some(server.to_owned()));
        let mut all: Vec<_> = here.iter_mut().chain(&mut there).zip(servers).collect();
        tell_apart(&mut all);
        let ids: Vec<String> = here.iter().chain(&there).map(Phone::id).collect();
        assert_eq!(ids, ["X@a:1", "Y", "X@b:2"]);
        let mut alone = parse("X device usb:1-4 transport_id:7\n").unwrap().remove(0);
        assert!(here[0].is_at_the_place_of(&alone) && !here[1].is_at_the_place_of(&alone));
        alone.keep_name_of(&here[0]);
        assert_eq!(alone.id(), "X@a:1", "the other one is away and still has its name");
    }

    #[test]
    fn a_line_that_is_no_phone_is_an_error_naming_it() {
        let error = parse("List of devices attached\ngibberish\n").unwrap_err();
        assert!(error.to_string().contains("'gibberish'"), "{error}");
    }

    fn fake_adb(script: &str) -> (tempfile::TempDir, Adb) {
        let folder = tempfile::tempdir().unwrap();
        let program = folder.path().join("adb");
        std::fs::write(&program, format!("#!/bin/sh\n{script}\n")).unwrap();
        std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
        (folder, Adb { program, limit: Duration::from_secs(30), ..Adb::default() })
    }

    #[tokio::test]
    async fn what_the_program_prints_is_listed() {
        let (_folder, adb) =
            fake_adb("[ \"$1 $2\" = 'devices -l' ] && printf 'List of devices attached\\nabc device model:X\\n'");
        assert_eq!(attached(&adb).await.unwrap()[0].serial, "abc");
    }

    #[tokio::test]
    async fn a_missing_failing_or_hanging_program_is_named_with_advice() {
        let missing = Adb { program: "/nonexistent/adb".into(), ..Adb::default() };
        assert!(matches!(attached(&missing).await, Err(AdbError::Missing { .. })));
        let (_folder, failing) = fake_adb("echo 'cannot bind' >&2; exit 3");
        let error = attached(&failing).await.unwrap_err();
        assert!(error.to_string().contains("cannot bind"), "{error}");
        let (_folder, mut hanging) = fake_adb("exec tail -f /dev/null");
        hanging.limit = Duration::from_millis(50);
        assert!(matches!(attached(&hanging).await, Err(AdbError::TimedOut { .. })));
    }
}
