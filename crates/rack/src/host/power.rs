//! Switching the power of a phone's port by a command of the operator's.

use std::path::PathBuf;
use std::time::Duration;

use serde::Deserialize;

use crate::adb::{AdbError, called, shortened};
use crate::phones::Phone;

/// A command that switches a port's power, as a program and its arguments. `{port}` stands for the phone's port as adb prints
/// it (`1-4.2`), `{hub}` and `{nth}` for its two parts as uhubctl takes them (`1-4` and `2`), `{serial}` for the serial number.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct PowerCommand {
    program: PathBuf,
    arguments: Vec<String>,
}

impl std::str::FromStr for PowerCommand {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut words = text.split_whitespace().map(str::to_owned);
        let program = words.next().ok_or("the command is empty")?.into();
        let arguments: Vec<String> = words.collect();
        if !["{port}", "{nth}", "{serial}"].iter().any(|name| arguments.iter().any(|word| word.contains(name))) {
            return Err(format!("'{text}' names no phone: write {{port}}, {{hub}} and {{nth}}, or {{serial}} where it stands"));
        }
        Ok(Self { program, arguments })
    }
}

impl TryFrom<String> for PowerCommand {
    type Error = String;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl PowerCommand {
    /// The arguments for this phone; none where the command wants its port and adb does not tell it.
    fn arguments(&self, phone: &Phone) -> Option<Vec<String>> {
        let port = phone.port.as_deref();
        // A port of the root hub of bus 1 is 1-4, one of a hub there is 1-4.2.
        let parts = port.and_then(|port| port.rsplit_once('.').or_else(|| port.split_once('-')));
        let filled = |word: &String| {
            let mut word = word.replace("{serial}", &phone.serial);
            for (name, value) in [("{port}", port), ("{hub}", parts.map(|(hub, _)| hub)), ("{nth}", parts.map(|(_, nth)| nth))] {
                if word.contains(name) {
                    word = word.replace(name, value?);
                }
            }
            Some(word)
        };
        self.arguments.iter().map(filled).collect()
    }

    /// Whether adb tells all of this phone that the command wants.
    pub(super) fn is_for(&self, phone: &Phone) -> bool {
        self.arguments(phone).is_some()
    }

    /// Runs it for this phone.
    ///
    /// # Errors
    /// As the program says; when adb does not tell the port that the command wants.
    pub(super) async fn run(&self, phone: &Phone) -> Result<(), AdbError> {
        let call = || shortened(&format!("{} {}", self.program.display(), self.arguments.join(" ")));
        let Some(arguments) = self.arguments(phone) else {
            return Err(AdbError::Strange { call: call(), line: "adb does not tell the phone's port".into() });
        };
        let mut command = tokio::process::Command::new(&self.program);
        command.args(arguments);
        called(command, call(), Duration::from_secs(60)).await.map(drop)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::phones::PhoneState;

    #[test]
    fn a_power_command_names_the_phone_and_is_no_shell() {
        let mut phone = Phone::new("S; rm -rf /".into(), PhoneState::Device);
        phone.port = Some("1-4.2".into());
        let power: PowerCommand = "hubctl --port {port} --name={serial} -l {hub} -p {nth}".parse().unwrap();
        let words = power.arguments(&phone).unwrap();
        assert_eq!(words, ["--port", "1-4.2", "--name=S; rm -rf /", "-l", "1-4", "-p", "2"]);
        phone.port = Some("1-4".into());
        assert_eq!(power.arguments(&phone).unwrap()[3..], ["-l", "1", "-p", "4"], "a port of the root hub");
        phone.port = None;
        assert_eq!(power.arguments(&phone), None);
        for wrong in ["", "uhubctl -a cycle", "uhubctl -l {hub}"] {
            assert!(wrong.parse::<PowerCommand>().is_err(), "{wrong}");
        }
    }
}
