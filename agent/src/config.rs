//! `config/agent.toml`: the commented file is the documentation, and a test loads it.

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Deserialize;

use crate::knobs::Asked;

/// Settings of `benchrack-agent run`.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Address of the server.
    pub server: String,
    /// File that holds the token.
    pub token_file: Option<PathBuf>,
    /// Name of this device in the farm; the host's name when empty.
    pub name: String,
    /// What people call this device besides its name, for selectors: `lab=seoul`.
    pub labels: Vec<String>,
    /// Folder for models, undelivered reports and the journal; none: see [`default_data_dir`].
    pub data_dir: Option<PathBuf>,
    /// How long the server may hold a request for work open, seconds.
    pub claim_wait_s: u64,
    /// Longest time between two signs of life during a session, seconds; shorter where the lease is.
    pub heartbeat_s: u64,
    /// First wait after a failed request, milliseconds; doubles with each further one.
    pub first_retry_ms: u64,
    /// Longest wait after failed requests, seconds.
    pub longest_retry_s: u64,
    /// An agent that is refused because another one works as its device takes an identity of its own after this, seconds.
    pub identity_wait_s: u64,
    /// Models kept for later sessions, megabytes.
    pub model_cache_mb: u64,
    /// Builds of engines kept for later sessions, megabytes.
    pub engine_cache_mb: u64,
    /// Knobs to turn in every session, beside those of its operating point.
    pub knobs: Vec<Asked>,
    /// Address space of a runner, megabytes; 0 for no limit.
    pub runner_memory_mb: u64,
    /// For so long at a time a rack can cut the power of this device's cable, seconds; 0 for never.
    pub detached_s: u64,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            server: "http://127.0.0.1:7070".into(),
            token_file: None,
            name: String::new(),
            labels: Vec::new(),
            data_dir: None,
            claim_wait_s: 30,
            heartbeat_s: 10,
            first_retry_ms: 500,
            longest_retry_s: 60,
            identity_wait_s: 100,
            model_cache_mb: 2_048,
            engine_cache_mb: 1_024,
            knobs: Vec::new(),
            runner_memory_mb: 4_096,
            detached_s: 0,
        }
    }
}

/// A token; never printed.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Its text.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(redacted)")
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
    #[error("{} is no agent configuration", path.display())]
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
        value: String,
        /// What is possible.
        why: &'static str,
    },
    /// There is no place for the agent's files.
    #[error("no folder for the agent's files: set data_dir in the configuration, or --data-dir")]
    NoDataDir,
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

    /// The settings, when each makes sense.
    ///
    /// # Errors
    /// Naming the field that does not.
    pub fn checked(self) -> Result<Self, ConfigError> {
        let wrong = |field, value: u64, why| Err(ConfigError::Value { field, value: value.to_string(), why });
        if !(1..=60).contains(&self.claim_wait_s) {
            return wrong("claim_wait_s", self.claim_wait_s, "1 to 60 seconds; the server holds no request longer");
        }
        if !(1..=300).contains(&self.heartbeat_s) {
            return wrong("heartbeat_s", self.heartbeat_s, "1 to 300 seconds; a lease would end meanwhile");
        }
        if !(1..=60_000).contains(&self.first_retry_ms) {
            return wrong("first_retry_ms", self.first_retry_ms, "1 to 60000 milliseconds");
        }
        if !(1..=3_600).contains(&self.longest_retry_s) {
            return wrong("longest_retry_s", self.longest_retry_s, "1 to 3600 seconds");
        }
        if (1..256).contains(&self.runner_memory_mb) {
            return wrong(
                "runner_memory_mb",
                self.runner_memory_mb,
                "0 for no limit, or at least 256, which the engine itself needs",
            );
        }
        if self.detached_s != 0 && !(120..=3_600).contains(&self.detached_s) {
            return wrong("detached_s", self.detached_s, "0 for never, or 120 to 3600 seconds");
        }
        Ok(self)
    }

    /// For so long the power of the cable can be cut at a time, where it can.
    pub fn longest_detached(&self) -> Option<Duration> {
        (self.detached_s > 0).then(|| Duration::from_secs(self.detached_s))
    }

    /// The token from its file; none when no file is named.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn token(&self) -> Result<Option<Secret>, ConfigError> {
        let Some(path) = &self.token_file else { return Ok(None) };
        let text = std::fs::read_to_string(path).map_err(|source| ConfigError::Read { path: path.clone(), source })?;
        Ok(Some(Secret(text.trim().to_owned())))
    }

    /// Address space of a runner in bytes.
    pub fn address_space(&self) -> Option<u64> {
        (self.runner_memory_mb > 0).then(|| self.runner_memory_mb.saturating_mul(1_000_000))
    }

    /// The longest wait between tries.
    pub fn longest_retry(&self) -> Duration {
        Duration::from_secs(self.longest_retry_s)
    }

    /// The folder for the agent's files.
    ///
    /// # Errors
    /// [`ConfigError::NoDataDir`] when none is set and the system has no usual place.
    pub fn folder(&self) -> Result<PathBuf, ConfigError> {
        self.data_dir.clone().or_else(default_data_dir).ok_or(ConfigError::NoDataDir)
    }
}

/// A token from the environment, BENCHRACK_TOKEN.
pub fn token_from_environment() -> Option<Secret> {
    std::env::var("BENCHRACK_TOKEN").ok().filter(|token| !token.trim().is_empty()).map(|token| Secret(token.trim().to_owned()))
}

/// Where the system keeps state of programs: the folder that `adb shell` may write on Android, the state folder of the
/// XDG base directory specification elsewhere.
pub fn default_data_dir() -> Option<PathBuf> {
    if Path::new("/system/build.prop").exists() {
        return Some("/data/local/tmp/benchrack".into());
    }
    state_folder("benchrack-agent")
}

/// The folder of a program's state by the XDG base directory specification.
pub fn state_folder(program: &str) -> Option<PathBuf> {
    let state = std::env::var_os("XDG_STATE_HOME").map(PathBuf::from).filter(|path| path.is_absolute());
    let home = || std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".local/state"));
    state.or_else(home).map(|folder| folder.join(program))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_commented_file_holds_the_defaults() {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../config/agent.toml");
        assert_eq!(Config::load(&file).unwrap(), Config::default());
        let text = std::fs::read_to_string(&file).unwrap();
        let all = text.lines().map(|line| line.strip_prefix("#: ").unwrap_or(line)).collect::<Vec<_>>().join("\n");
        let folder = tempfile::tempdir().unwrap();
        let every = folder.path().join("agent.toml");
        std::fs::write(&every, all).unwrap();
        Config::load(&every).unwrap();
    }

    #[test]
    fn unknown_keys_and_impossible_values_are_refused_by_name() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("agent.toml");
        for (text, named) in [
            ("sever = 'x'", "sever"),
            ("claim_wait_s = 0", "claim_wait_s"),
            ("runner_memory_mb = 3", "runner_memory_mb"),
            ("detached_s = 7", "detached_s"),
            ("knobs = ['overclock']", "overclock"),
        ] {
            std::fs::write(&file, text).unwrap();
            let error = Config::load(&file).unwrap_err();
            let shown = format!("{error} {}", std::error::Error::source(&error).map(ToString::to_string).unwrap_or_default());
            assert!(shown.contains(named), "{shown}");
        }
    }

    #[test]
    fn a_secret_is_never_printed() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("token");
        std::fs::write(&file, "s3cret\n").unwrap();
        let config = Config { token_file: Some(file), ..Config::default() };
        let token = config.token().unwrap().unwrap();
        assert_eq!(token.expose(), "s3cret");
        assert!(!format!("{token:?} {config:?}").contains("s3cret"));
    }
}
