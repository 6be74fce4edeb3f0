//! Why there is no embedded Postgres, and what to do about it.

use std::path::PathBuf;

use super::OLDEST_MAJOR;
use super::fetch::FetchError;

/// What a person can do where there is no Postgres.
const REMEDY: &str = "install it (Debian, Ubuntu: `apt-get install -y --no-install-recommends postgresql`; macOS: `brew install \
                      postgresql`), set BENCHRACK_POSTGRES to its folder, or set DATABASE_URL to a running server";

/// Why the embedded Postgres did not start.
#[derive(Debug, thiserror::Error)]
pub enum LauncherError {
    /// There is no usable Postgres, and none could be fetched.
    #[error("no PostgreSQL {} was found{}: {REMEDY}", wanted(*.needed), if .fetch.is_some() { ", and none could be fetched" } else { "" })]
    Missing {
        /// Major version that the data folder was made by.
        needed: Option<u32>,
        /// Why fetching failed, where it was tried.
        #[source]
        fetch: Option<Box<FetchError>>,
    },
    /// The data folder needs another major version than those that are there.
    #[error(
        "the data in {} was made by PostgreSQL {needed}, but only PostgreSQL {found} was found: install PostgreSQL {needed}, \
         or move the folder away to begin anew", .data.display()
    )]
    OtherMajor {
        /// Cluster folder.
        data: PathBuf,
        /// Its major version.
        needed: u32,
        /// Versions found.
        found: String,
    },
    /// The installation that was named cannot be used.
    #[error("cannot use the PostgreSQL in {}: {why}; set BENCHRACK_POSTGRES to a folder with bin/postgres and bin/initdb", .path.display())]
    Named {
        /// As named.
        path: PathBuf,
        /// Why not.
        why: String,
    },
    /// A file or folder could not be handled.
    #[error("cannot {what} {}: choose another data folder with BENCHRACK_DATA_DIR, or give this user access", .path.display())]
    Folder {
        /// What was tried.
        what: &'static str,
        /// Where.
        path: PathBuf,
        /// Why not.
        #[source]
        source: std::io::Error,
    },
    /// `PG_VERSION` holds no number.
    #[error("{} does not hold a PostgreSQL version: the folder is damaged or is none of PostgreSQL's", .path.display())]
    NotACluster {
        /// The file.
        path: PathBuf,
    },
    /// Another process holds the lock.
    #[error("another benchrack server uses the data folder {}: stop it, or choose another with BENCHRACK_DATA_DIR", .path.display())]
    InUse {
        /// Data folder.
        path: PathBuf,
    },
    /// PostgreSQL refuses to be root, and there is nobody else.
    #[error(
        "PostgreSQL does not run as root, and /etc/passwd has neither a postgres nor a nobody user: add one, run benchrack as \
         another user, or set DATABASE_URL"
    )]
    NoAccount,
    /// The user that PostgreSQL runs as cannot come to a folder.
    #[error(
        "PostgreSQL runs as user {user} here, who may not enter {}: choose a data folder (BENCHRACK_DATA_DIR) and a PostgreSQL \
         (BENCHRACK_POSTGRES) whose parent folders all can be entered by everyone, or run benchrack as another user than root",
        .path.display()
    )]
    OutOfReach {
        /// The folder in the way.
        path: PathBuf,
        /// User.
        user: String,
    },
    /// A program of PostgreSQL could not be run.
    #[error("cannot run {}", .program.display())]
    Run {
        /// Program.
        program: PathBuf,
        /// Why not.
        #[source]
        source: std::io::Error,
    },
    /// initdb failed.
    #[error("cannot make a database cluster, initdb said: {output}")]
    Initdb {
        /// What it wrote.
        output: String,
    },
    /// The socket's folder belongs to another user.
    #[error("the folder {} for PostgreSQL's socket belongs to another user: remove it, or set TMPDIR to a folder of your own", .path.display())]
    ForeignSocketFolder {
        /// The folder.
        path: PathBuf,
    },
    /// A PostgreSQL of an earlier start does not end.
    #[error("process {pid} still runs on {}: stop it with `kill -INT {pid}` and start again", .data.display())]
    StillRunning {
        /// Its id.
        pid: u32,
        /// Cluster folder.
        data: PathBuf,
    },
    /// Postgres ended before it took a connection.
    #[error("PostgreSQL ended while starting; the end of {} says: {tail}", .log.display())]
    Died {
        /// Log file.
        log: PathBuf,
        /// Its last lines.
        tail: String,
    },
    /// Postgres did not take connections in time.
    #[error("PostgreSQL took no connection within {seconds} s; see {}", .log.display())]
    NotReady {
        /// How long was waited.
        seconds: u64,
        /// Log file.
        log: PathBuf,
    },
}

impl LauncherError {
    pub(super) fn folder(what: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.into();
        move |source| Self::Folder { what, path, source }
    }
}

fn wanted(needed: Option<u32>) -> String {
    needed.map_or_else(|| format!("{OLDEST_MAJOR} or newer"), |major| major.to_string())
}
