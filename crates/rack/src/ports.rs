//! Which ports this host has switched off and until when, on disk before it is done: a host that is killed finds there what it
//! has to switch on again.
//!
//! The file is read and written under a lock each time, and nothing of it is remembered: a watch and an order that are run
//! beside it see the same.

use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use crate::phones::{Phone, PhoneState};

/// One port.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Port {
    /// [`Phone::id`] of the phone on it.
    pub phone: String,
    /// Its serial number.
    pub serial: String,
    /// adb's name of the port, where it tells one.
    pub port: Option<String>,
    /// When it was switched off, or was about to be.
    #[serde(with = "time::serde::rfc3339")]
    pub off_at: OffsetDateTime,
    /// When it is switched on again.
    #[serde(with = "time::serde::rfc3339")]
    pub until: OffsetDateTime,
    /// Whether it has been.
    pub on: bool,
}

impl Port {
    /// The phone, as the command that switches its port wants it.
    pub fn phone(&self) -> Phone {
        Phone { port: self.port.clone(), ..Phone::new(self.serial.clone(), PhoneState::Offline) }
    }

    /// Whether it has to be switched on. A clock that was set back cannot be trusted with the end.
    fn is_due(&self, now: OffsetDateTime) -> bool {
        !self.on && (now >= self.until || now < self.off_at)
    }
}

/// The journal cannot be used, or says no.
#[derive(Debug, thiserror::Error)]
pub enum PortsError {
    /// The file.
    #[error("cannot use {}, the journal of ports that are switched off", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why not.
        #[source]
        source: std::io::Error,
    },
    /// It is not what was written.
    #[error("{} is no journal of ports; see that every port has power, then remove it", path.display())]
    Content {
        /// Which.
        path: PathBuf,
        /// Where.
        #[source]
        source: serde_json::Error,
    },
    /// The phone was without power not long ago, or is now.
    #[error("its port was switched off at {off_at} already; at most once in {} s", rest.as_secs())]
    TooSoon {
        /// When.
        off_at: OffsetDateTime,
        /// The least time from one to the next.
        rest: Duration,
    },
}

/// The journal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Journal {
    folder: PathBuf,
}

impl Journal {
    /// In this folder, which is made when it is first written.
    pub fn in_folder(folder: &Path) -> Self {
        Self { folder: folder.into() }
    }

    /// The file.
    pub fn path(&self) -> PathBuf {
        self.folder.join("ports.json")
    }

    /// Ports that are off, or may be.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn off(&self) -> Result<Vec<Port>, PortsError> {
        Ok(self.read()?.into_iter().filter(|port| !port.on).collect())
    }

    /// Ports that have to be switched on now.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn due(&self, now: OffsetDateTime) -> Result<Vec<Port>, PortsError> {
        Ok(self.read()?.into_iter().filter(|port| port.is_due(now)).collect())
    }

    /// Notes that a phone's port is switched off from now on for so long; only then may it be. `rest` is the least time from one
    /// such stretch of a phone to the next.
    ///
    /// # Errors
    /// [`PortsError::TooSoon`], or when the file cannot be written.
    pub fn reserve(&self, phone: &Phone, time: Duration, rest: Duration, now: OffsetDateTime) -> Result<(), PortsError> {
        self.change(|ports| {
            // What is on again counts for the next stretch of its phone only.
            ports.retain(|port| !port.on || (port.off_at <= now && now - port.off_at < rest));
            if let Some(before) = ports.iter().find(|port| port.phone == phone.id()) {
                return Err(PortsError::TooSoon { off_at: before.off_at, rest });
            }
            ports.push(Port {
                phone: phone.id(),
                serial: phone.serial.clone(),
                port: phone.port.clone(),
                off_at: now,
                until: now + time,
                on: false,
            });
            Ok(())
        })
    }

    /// A phone's port has to be switched on from now on.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn end(&self, phone: &str, now: OffsetDateTime) -> Result<(), PortsError> {
        self.each_off(phone, |port| port.until = port.until.min(now))
    }

    /// A phone's port is on again.
    ///
    /// # Errors
    /// When the file cannot be written; it is then switched on once more, which changes nothing.
    pub fn is_on(&self, phone: &str) -> Result<(), PortsError> {
        self.each_off(phone, |port| port.on = true)
    }

    fn each_off(&self, phone: &str, change: impl Fn(&mut Port)) -> Result<(), PortsError> {
        self.change(|ports| {
            ports.iter_mut().filter(|port| port.phone == phone && !port.on).for_each(change);
            Ok(())
        })
    }

    fn unusable(&self) -> impl Fn(std::io::Error) -> PortsError {
        let path = self.path();
        move |source| PortsError::File { path: path.clone(), source }
    }

    fn read(&self) -> Result<Vec<Port>, PortsError> {
        let text = match std::fs::read(self.path()) {
            Ok(text) => text,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(self.unusable()(error)),
        };
        serde_json::from_slice(&text).map_err(|source| PortsError::Content { path: self.path(), source })
    }

    fn change(&self, change: impl FnOnce(&mut Vec<Port>) -> Result<(), PortsError>) -> Result<(), PortsError> {
        let unusable = self.unusable();
        std::fs::create_dir_all(&self.folder).map_err(&unusable)?;
        let lock = std::fs::File::create(self.folder.join("ports.lock")).map_err(&unusable)?;
        lock.lock().map_err(&unusable)?;
        let before = self.read()?;
        let mut ports = before.clone();
        change(&mut ports)?;
        if ports == before {
            return Ok(());
        }
        let text = serde_json::to_vec_pretty(&ports).map_err(|source| PortsError::Content { path: self.path(), source })?;
        self.write(&text).map_err(&unusable)
    }

    /// Whole or not at all, also when the host loses its power.
    fn write(&self, text: &[u8]) -> std::io::Result<()> {
        let mut file = tempfile::NamedTempFile::new_in(&self.folder)?;
        file.write_all(text)?;
        file.as_file().sync_all()?;
        file.persist(self.path())?;
        std::fs::File::open(&self.folder)?.sync_all()
    }
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    const NOW: OffsetDateTime = datetime!(2026-11-26 12:00 UTC);
    const TIME: Duration = Duration::from_secs(600);
    const REST: Duration = Duration::from_secs(3_600);

    fn phone(serial: &str) -> Phone {
        Phone { port: Some("1-4.2".into()), ..Phone::new(serial.into(), PhoneState::Device) }
    }

    #[test]
    fn a_port_is_off_until_it_is_said_to_be_on_and_due_from_its_end_on() {
        let folder = tempfile::tempdir().unwrap();
        let journal = Journal::in_folder(&folder.path().join("state"));
        assert!(journal.off().unwrap().is_empty());
        journal.reserve(&phone("A"), TIME, REST, NOW).unwrap();
        journal.reserve(&phone("B"), 2 * TIME, REST, NOW).unwrap();
        let due = |now| journal.due(now).unwrap().into_iter().map(|port| port.phone).collect::<Vec<_>>();
        assert_eq!(due(NOW + Duration::from_secs(599)), [""; 0]);
        assert_eq!(due(NOW + TIME), ["A"]);
        assert_eq!(due(NOW - Duration::from_secs(1)), ["A", "B"], "a clock that was set back");
        let port = journal.off().unwrap().remove(0);
        assert_eq!((port.phone().serial.as_str(), port.phone().port.as_deref()), ("A", Some("1-4.2")));
        // Another process, later.
        let journal = Journal::in_folder(&folder.path().join("state"));
        journal.end("B", NOW).unwrap();
        journal.is_on("A").unwrap();
        assert_eq!(journal.due(NOW).unwrap().into_iter().map(|port| port.phone).collect::<Vec<_>>(), ["B"]);
        assert_eq!(journal.off().unwrap().len(), 1);
    }

    #[test]
    fn a_phone_is_cut_off_once_at_a_time_and_once_in_its_rest() {
        let folder = tempfile::tempdir().unwrap();
        let journal = Journal::in_folder(folder.path());
        let reserve = |serial: &str, now| journal.reserve(&phone(serial), TIME, REST, now);
        reserve("A", NOW).unwrap();
        assert!(matches!(reserve("A", NOW + 2 * REST), Err(PortsError::TooSoon { .. })), "it is still off");
        journal.is_on("A").unwrap();
        assert!(matches!(reserve("A", NOW + TIME), Err(PortsError::TooSoon { off_at, .. }) if off_at == NOW));
        reserve("B", NOW + TIME).unwrap();
        reserve("A", NOW + REST).unwrap();
        assert_eq!(journal.read().unwrap().len(), 2, "what is over is forgotten");
    }

    #[test]
    fn a_journal_that_is_none_is_told_with_advice_and_not_written_over() {
        let folder = tempfile::tempdir().unwrap();
        let journal = Journal::in_folder(folder.path());
        std::fs::write(journal.path(), "[{\"phone\": \"A\"}]").unwrap();
        let error = journal.reserve(&phone("A"), TIME, REST, NOW).unwrap_err();
        assert!(error.to_string().contains("see that every port has power"), "{error}");
        assert!(journal.off().is_err());
        assert_eq!(std::fs::read_to_string(journal.path()).unwrap(), "[{\"phone\": \"A\"}]");
    }
}
