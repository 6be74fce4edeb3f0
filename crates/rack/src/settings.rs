//! The agent's configuration on a phone, as `config/agent.toml` explains it.

use std::time::Duration;

use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::phones::Phone;
use crate::place::{Place, TOKEN};
use crate::survey::Survey;

/// Label under which the server knows a phone's serial number.
pub const SERIAL_LABEL: &str = "serial";
/// Label with the name of the host whose rack a phone is in.
pub const RACK_LABEL: &str = "rack";

/// What the rack writes into a phone's `agent.toml`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Settings {
    server: String,
    token_file: String,
    name: String,
    labels: Vec<String>,
    data_dir: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    knobs: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    detached_s: Option<u64>,
}

/// What a phone that is in no pocket is prepared with in every session: families of the agent's knobs, which it puts back.
const PREPARED: [&str; 2] = ["prepare", "screen"];

impl Settings {
    /// Of this phone: `server` as the phone reaches it, `host` as people call this rack's host.
    pub fn of(phone: &Phone, survey: &Survey, place: &Place, server: &str, host: &str) -> Self {
        // A phone on the network has an address where others have a serial number, and may get another one.
        let serial = if survey.serial.is_empty() { &phone.serial } else { &survey.serial };
        let model = if survey.model.is_empty() { phone.model.as_deref().unwrap_or("device") } else { &survey.model };
        Self {
            server: server.into(),
            token_file: place.file(TOKEN),
            name: plain(&format!("{model}-{serial}")),
            labels: labels(&phone.id(), host),
            data_dir: place.folder().into(),
            knobs: Vec::new(),
            detached_s: None,
        }
    }

    /// With the phone's own settings made fit for measuring during each session, and put back after it.
    #[must_use]
    pub fn prepared(mut self) -> Self {
        self.knobs = PREPARED.map(str::to_owned).to_vec();
        self
    }

    /// With its port's power cut for so long at a time when its agent asks for that.
    #[must_use]
    pub fn detachable(mut self, longest: Duration) -> Self {
        self.detached_s = Some(longest.as_secs());
        self
    }

    /// Of a simulated phone: its files are below `folder` of this host.
    pub fn simulated(name: &str, folder: &str, server: &str, host: &str) -> Self {
        Self {
            server: server.into(),
            token_file: format!("{folder}/{TOKEN}"),
            name: plain(name),
            labels: labels(name, host),
            data_dir: folder.into(),
            knobs: Vec::new(),
            detached_s: None,
        }
    }

    /// The label with the host's name.
    pub fn rack_label(&self) -> &str {
        self.labels.last().map(String::as_str).unwrap_or_default()
    }

    /// The name of a host as it stands in its phones' labels.
    pub fn host_label(host: &str) -> String {
        plain(host)
    }

    /// The label by which the server's list names this phone.
    pub fn label_of(phone: &Phone) -> String {
        serial_label(&phone.id())
    }

    /// The file's text.
    ///
    /// # Errors
    /// Never for these types; the writer says so nevertheless.
    pub fn text(&self) -> Result<String, toml::ser::Error> {
        let values = toml::to_string(self)?;
        Ok(format!("# Written by `benchrack rack`; what is changed here by hand is written over.\n{values}"))
    }
}

fn labels(id: &str, host: &str) -> Vec<String> {
    vec![serial_label(id), format!("{RACK_LABEL}={}", plain(host))]
}

fn serial_label(id: &str) -> String {
    format!("{SERIAL_LABEL}={}", plain(id))
}

/// SHA-256 of a file's text, as `sha256sum` prints it.
pub fn sha256(text: &str) -> String {
    hex::encode(Sha256::digest(text.as_bytes()))
}

/// A name that selectors, shells and people read alike: lower case, digits, and single dashes.
fn plain(text: &str) -> String {
    let mut name = String::new();
    for letter in text.chars() {
        if letter.is_ascii_alphanumeric() || letter == '.' || letter == '_' {
            name.push(letter.to_ascii_lowercase());
        } else if !name.is_empty() && !name.ends_with('-') {
            name.push('-');
        }
    }
    name.truncate(64);
    name.trim_end_matches('-').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::phones::PhoneState;

    #[test]
    fn names_are_plain_and_the_text_is_toml_with_every_word_kept() {
        let phone = Phone::new("R58M 123".into(), PhoneState::Device);
        let survey = Survey { model: "SM-G973F/DS \"x\"".into(), ..Survey::default() };
        let settings = Settings::of(&phone, &survey, &Place::on_android(), "http://127.0.0.1:7070", "Lab 4");
        assert_eq!(settings.name, "sm-g973f-ds-x-r58m-123");
        assert_eq!(settings.labels, ["serial=r58m-123", "rack=lab-4"]);
        assert_eq!(Settings::label_of(&phone), "serial=r58m-123");
        let read: toml::Table = toml::from_str(&settings.text().unwrap()).unwrap();
        assert_eq!(read["data_dir"].as_str(), Some("/data/local/tmp/benchrack"));
        assert_eq!(read["token_file"].as_str(), Some("/data/local/tmp/benchrack/token"));
    }

    #[test]
    fn a_digest_is_that_of_sha256sum() {
        assert_eq!(sha256("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    }
}
