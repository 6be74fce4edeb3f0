//! `config/rack.toml`: the commented file is the documentation, and a test loads it.

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Deserialize;

use crate::adb::AdbServer;
use crate::host::{Commands, Detaching, PowerCommand};
use crate::watch::Policy;

/// Settings of `benchrack rack`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Name of this host in the farm's labels; the system's name when left out.
    pub name: Option<String>,
    /// The adb program.
    pub adb: PathBuf,
    /// adb servers; adb's own choice when empty.
    pub adb_servers: Vec<AdbServer>,
    /// Boards by ssh.
    pub boards: Vec<String>,
    /// Folder for the agent on boards.
    pub board_dir: String,
    /// Folder with the agents.
    pub agents: Option<PathBuf>,
    /// Address of the server as phones reach it.
    pub phone_server: Option<String>,
    /// Port on the phones' loopback that leads to the server.
    pub phone_port: u16,
    /// Command that cycles a port's power.
    pub power_cycle: Option<PowerCommand>,
    /// Command that switches a port's power off; with [`Config::power_on`] or not at all.
    pub power_off: Option<PowerCommand>,
    /// Command that switches it on.
    pub power_on: Option<PowerCommand>,
    /// Folder for the journal of ports that are off.
    pub state_dir: Option<PathBuf>,
    /// How phones are measured without their cables.
    pub detach: Detach,
    /// Whether phones are prepared in each session.
    pub prepare: bool,
    /// File for the watch's figures.
    pub metrics_file: Option<PathBuf>,
    /// Bounds of the watch's patience.
    pub watch: Patience,
}

/// How phones are measured without their cables; see [`Detaching`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Detach {
    /// [`Detaching::longest`], seconds.
    pub longest_s: u64,
    /// [`Detaching::least_level`], percent.
    pub least_level: u8,
    /// [`Detaching::rest`], seconds.
    pub rest_s: u64,
}

impl Default for Detach {
    fn default() -> Self {
        Self { longest_s: 600, least_level: 40, rest_s: 3_600 }
    }
}

/// Bounds of the watch's patience; see [`Policy`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Patience {
    /// [`Policy::silence`], seconds.
    pub silence_s: u64,
    /// [`Policy::grace`], seconds.
    pub grace_s: u64,
    /// [`Policy::calm`], seconds.
    pub calm_s: u64,
    /// [`Policy::boots`].
    pub boots: usize,
    /// [`Policy::boots_within`], seconds.
    pub boots_within_s: u64,
    /// [`Policy::battery_floor`], percent.
    pub battery_floor: u8,
    /// [`Policy::battery_every`], seconds.
    pub battery_s: u64,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            name: None,
            adb: "adb".into(),
            adb_servers: Vec::new(),
            boards: Vec::new(),
            board_dir: "/var/tmp/benchrack".into(),
            agents: None,
            phone_server: None,
            phone_port: 7070,
            power_cycle: None,
            power_off: None,
            power_on: None,
            state_dir: None,
            detach: Detach::default(),
            prepare: true,
            metrics_file: None,
            watch: Patience::default(),
        }
    }
}

impl Default for Patience {
    fn default() -> Self {
        let policy = Policy::default();
        Self {
            silence_s: policy.silence.as_secs(),
            grace_s: policy.grace.as_secs(),
            calm_s: policy.calm.as_secs(),
            boots: policy.boots,
            boots_within_s: policy.boots_within.as_secs(),
            battery_floor: policy.battery_floor,
            battery_s: policy.battery_every.as_secs(),
        }
    }
}

/// The settings cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// A file cannot be read.
    #[error("cannot read {}", path.display())]
    Read {
        /// Which.
        path: PathBuf,
        /// Why not.
        #[source]
        source: std::io::Error,
    },
    /// The file is not in the format.
    #[error("{} is no rack configuration", path.display())]
    Parse {
        /// Which.
        path: PathBuf,
        /// Line and reason.
        #[source]
        source: Box<toml::de::Error>,
    },
    /// A value makes no sense.
    #[error("{field} cannot be {value}: {why}")]
    Value {
        /// Which setting.
        field: &'static str,
        /// As given.
        value: u64,
        /// What is possible.
        why: &'static str,
    },
    /// One of two commands that belong together.
    #[error("power_off and power_on go together: a port that is switched off has to be switched on again")]
    HalfASwitch,
}

impl Config {
    /// Reads a file.
    ///
    /// # Errors
    /// When it cannot be read, has unknown keys, or values that make no sense.
    pub fn load(path: &Path) -> Result<Self, ConfigError> {
        let text = std::fs::read_to_string(path).map_err(|source| ConfigError::Read { path: path.into(), source })?;
        let config: Self =
            toml::from_str(&text).map_err(|source| ConfigError::Parse { path: path.into(), source: Box::new(source) })?;
        config.checked()
    }

    fn checked(self) -> Result<Self, ConfigError> {
        let wrong = |field, value, why| Err(ConfigError::Value { field, value, why });
        let Patience { silence_s, grace_s, calm_s, boots, boots_within_s, battery_floor, battery_s } = self.watch;
        if !(60..=86_400).contains(&silence_s) {
            return wrong("watch.silence_s", silence_s, "60 to 86400 seconds; an idle agent asks for work twice a minute");
        }
        if grace_s > 3_600 {
            return wrong("watch.grace_s", grace_s, "at most 3600 seconds");
        }
        if !(60..=86_400).contains(&calm_s) {
            return wrong("watch.calm_s", calm_s, "60 to 86400 seconds");
        }
        if !(2..=100).contains(&boots) {
            return wrong("watch.boots", boots as u64, "2 to 100; one boot is no loop");
        }
        if !(60..=86_400).contains(&boots_within_s) {
            return wrong("watch.boots_within_s", boots_within_s, "60 to 86400 seconds");
        }
        if battery_floor > 50 {
            return wrong("watch.battery_floor", battery_floor.into(), "at most 50 percent; 0 for none");
        }
        if !(10..=86_400).contains(&battery_s) {
            return wrong("watch.battery_s", battery_s, "10 to 86400 seconds");
        }
        if self.phone_port == 0 {
            return wrong("phone_port", 0, "1 to 65535");
        }
        let Detach { longest_s, least_level, rest_s } = self.detach;
        if !(120..=3_600).contains(&longest_s) {
            return wrong("detach.longest_s", longest_s, "120 to 3600 seconds");
        }
        if !(30..=100).contains(&least_level) {
            return wrong("detach.least_level", least_level.into(), "30 to 100 percent");
        }
        if !(longest_s..=604_800).contains(&rest_s) {
            return wrong("detach.rest_s", rest_s, "detach.longest_s to 604800 seconds");
        }
        Ok(self)
    }

    /// How phones are measured without their cables; none where their ports cannot be switched.
    ///
    /// # Errors
    /// [`ConfigError::HalfASwitch`].
    pub fn detaching(&self) -> Result<Option<Detaching>, ConfigError> {
        let Detach { longest_s, least_level, rest_s } = self.detach;
        let switch = match (&self.power_off, &self.power_on) {
            (None, None) => return Ok(None),
            (Some(off), Some(on)) => Commands { off: off.clone(), on: on.clone() },
            _ => return Err(ConfigError::HalfASwitch),
        };
        let (longest, rest) = (Duration::from_secs(longest_s), Duration::from_secs(rest_s));
        Ok(Some(Detaching { switch, longest, least_level, rest }))
    }

    /// What the watch goes by.
    pub fn policy(&self) -> Policy {
        let Patience { silence_s, grace_s, calm_s, boots, boots_within_s, battery_floor, battery_s } = self.watch;
        Policy {
            silence: Duration::from_secs(silence_s),
            grace: Duration::from_secs(grace_s),
            calm: Duration::from_secs(calm_s),
            boots,
            boots_within: Duration::from_secs(boots_within_s),
            battery_floor,
            battery_every: Duration::from_secs(battery_s),
            can_cycle_power: self.power_cycle.is_some(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_commented_file_holds_the_defaults() {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../config/rack.toml");
        assert_eq!(Config::load(&file).unwrap(), Config::default());
        assert_eq!(Config::default().policy(), Policy::default());
        let text = std::fs::read_to_string(&file).unwrap();
        let all = text.lines().map(|line| line.strip_prefix("#: ").unwrap_or(line)).collect::<Vec<_>>().join("\n");
        let every = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(every.path(), all).unwrap();
        let config = Config::load(every.path()).unwrap();
        assert!(config.policy().can_cycle_power && config.name.as_deref() == Some("lab-4"));
        assert!(config.detaching().unwrap().is_some());
        let half = Config { power_on: None, ..config };
        assert!(half.detaching().is_err(), "a port that nobody could switch on");
    }

    #[test]
    fn unknown_keys_and_impossible_values_are_refused_by_name() {
        let file = tempfile::NamedTempFile::new().unwrap();
        for (text, named) in [
            ("adb_server = 'x'", "adb_server"),
            ("adb_servers = ['hub']", "hub"),
            ("power_cycle = 'uhubctl -a cycle'", "names no phone"),
            ("phone_port = 0", "phone_port"),
            ("[watch]\nsilence_s = 5", "watch.silence_s"),
            ("[watch]\nboots = 1", "watch.boots"),
            ("[watch]\nbattery_floor = 51", "watch.battery_floor"),
            ("[watch]\nbattery_s = 5", "watch.battery_s"),
            ("power_off = 'hub off'", "names no phone"),
            ("[detach]\nlongest_s = 60", "detach.longest_s"),
            ("[detach]\nleast_level = 5", "detach.least_level"),
            ("[detach]\nrest_s = 60", "detach.rest_s"),
        ] {
            std::fs::write(file.path(), text).unwrap();
            let error = Config::load(file.path()).unwrap_err();
            let shown = format!("{error} {}", std::error::Error::source(&error).map(ToString::to_string).unwrap_or_default());
            assert!(shown.contains(named), "{shown}");
        }
    }
}
