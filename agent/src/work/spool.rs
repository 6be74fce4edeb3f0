//! Reports on their way: on disk before they go out, gone once the server has stored them.
//!
//! An entry holds the lease's secret, so its file is its owner's alone. A report that the server will never take is
//! kept aside for people.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use benchrack_client::ClientError;
use benchrack_protocol::api::Lease;
use benchrack_protocol::causes::chain;
use benchrack_protocol::ids::LeaseId;
use benchrack_protocol::report::SessionReport;
use benchrack_protocol::signature::SecretKey;
use serde::{Deserialize, Serialize};

use super::Farm;
use crate::files::write_safely;

/// The folder of waiting reports.
#[derive(Debug)]
pub struct Spool {
    waiting: PathBuf,
    rejected: PathBuf,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Content<R> {
    lease: LeaseId,
    secret: String,
    report: R,
}

/// A waiting report.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Entry {
    file: PathBuf,
}

impl Entry {
    /// For people.
    pub fn name(&self) -> String {
        self.file.file_stem().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
    }
}

/// What became of a report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Delivery {
    /// The server has it.
    Stored {
        /// It had it before.
        duplicate: bool,
    },
    /// The server will never take it; the file is in `rejected/`.
    Rejected {
        /// Its words.
        why: String,
    },
}

/// The spool cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("cannot {what} {}", path.display())]
pub struct SpoolError {
    what: &'static str,
    path: PathBuf,
    #[source]
    source: io::Error,
}

impl Spool {
    /// The spool of an agent.
    ///
    /// # Errors
    /// When its folders cannot be made.
    pub fn in_folder(folder: &Path) -> Result<Self, SpoolError> {
        let spool = Self { waiting: folder.join("spool"), rejected: folder.join("rejected") };
        for folder in [&spool.waiting, &spool.rejected] {
            fs::create_dir_all(folder).map_err(|source| SpoolError { what: "make", path: folder.clone(), source })?;
        }
        Ok(spool)
    }

    /// Keeps a report safely on disk.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn keep(&self, lease: &Lease, report: &SessionReport) -> Result<(), SpoolError> {
        // Ascending leases, so that the oldest report goes out first.
        let path = self.waiting.join(format!("{:012}-{}.json", lease.id.0, report.id));
        let content = Content { lease: lease.id, secret: lease.secret.clone(), report };
        let written = serde_json::to_vec(&content).map_err(io::Error::other).and_then(|bytes| write_safely(&path, &bytes));
        written.map_err(|source| SpoolError { what: "write", path, source })
    }

    /// Reports that wait, oldest first.
    ///
    /// # Errors
    /// When the folder cannot be read.
    pub fn waiting(&self) -> Result<Vec<Entry>, SpoolError> {
        let unreadable = |source| SpoolError { what: "read", path: self.waiting.clone(), source };
        let mut entries = Vec::new();
        for entry in fs::read_dir(&self.waiting).map_err(unreadable)? {
            let file = entry.map_err(unreadable)?.path();
            if file.extension().is_some_and(|extension| extension == "json") {
                entries.push(Entry { file });
            }
        }
        entries.sort();
        Ok(entries)
    }

    /// Sends one report. What is stored leaves the disk.
    ///
    /// # Errors
    /// When the server is away or will take it later: the entry waits on.
    pub async fn deliver(&self, farm: &impl Farm, entry: &Entry, key: &SecretKey) -> Result<Delivery, ClientError> {
        let content: Content<SessionReport> = match fs::read(&entry.file).map(|bytes| serde_json::from_slice(&bytes)) {
            Ok(Ok(content)) => content,
            Ok(Err(error)) => return Ok(self.reject(entry, format!("the file is damaged: {error}"))),
            Err(error) => return Ok(self.reject(entry, format!("the file cannot be read: {error}"))),
        };
        match farm.report(content.lease, &content.secret, &content.report, key).await {
            Ok(reported) => {
                if let Err(error) = fs::remove_file(&entry.file) {
                    tracing::error!(path = %entry.file.display(), %error, "a delivered report stays on disk; it will be known again");
                }
                Ok(Delivery::Stored { duplicate: reported.duplicate })
            }
            Err(error) if waits(&error) => Err(error),
            Err(error) => Ok(self.reject(entry, chain(&error))),
        }
    }

    fn reject(&self, entry: &Entry, why: String) -> Delivery {
        let aside = self.rejected.join(entry.file.file_name().unwrap_or_default());
        if let Err(error) = fs::rename(&entry.file, &aside) {
            tracing::error!(path = %entry.file.display(), %error, "a rejected report cannot be put aside");
        }
        Delivery::Rejected { why }
    }
}

/// Whether a report may still be taken: after trouble that passes, and after a person has given a new token.
fn waits(error: &ClientError) -> bool {
    error.is_transient()
        || match error {
            ClientError::Refused(problem) => matches!(problem.status, 401 | 403),
            // A server of another version, or another server at this address: nothing that a report should be lost for.
            ClientError::Address { .. } | ClientError::Answer { .. } | ClientError::Foreign { .. } => true,
            _ => false,
        }
}
