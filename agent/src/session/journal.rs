//! The journal of changed knobs: on disk before the first write, gone after the last restore, replayed at every start.
//! So a device is never left pinned, whatever kills the agent.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::files::write_safely;
use crate::sysfs::{self, SysFs};

/// A knob as it was.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Saved {
    /// Path of its file.
    pub path: String,
    /// What it said.
    pub before: String,
}

/// What is on disk.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Content {
    /// Knobs forget at a reboot, and their old values may be wrong then.
    boot: Option<String>,
    knobs: Vec<Saved>,
}

/// The journal file of one agent.
#[derive(Debug, Clone)]
pub struct Journal {
    file: PathBuf,
}

/// The journal could not be kept or replayed.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// The file cannot be written; without it nothing is changed.
    #[error("cannot keep the journal {}; make its folder writable", path.display())]
    Write {
        /// Which.
        path: PathBuf,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// The file is there and cannot be read.
    #[error("cannot read the journal {}; knobs may still be changed, reboot the device and remove it", path.display())]
    Read {
        /// Which.
        path: PathBuf,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// Knobs that did not take their old values.
    #[error("these knobs could not be restored: {}", knobs.join(", "))]
    NotRestored {
        /// Their paths.
        knobs: Vec<String>,
    },
}

/// Limits depend on each other (a minimum cannot be raised above the maximum), so each round may make the next possible.
const ROUNDS: usize = 4;

impl Journal {
    /// The journal in this folder.
    pub fn in_folder(folder: &Path) -> Self {
        Self { file: folder.join("knobs.json") }
    }

    /// Keeps the knobs safely on disk.
    ///
    /// # Errors
    /// [`JournalError::Write`].
    pub fn keep(&self, fs: &dyn SysFs, knobs: &[Saved]) -> Result<(), JournalError> {
        let content = Content { boot: boot_id(fs), knobs: knobs.to_vec() };
        let bytes = serde_json::to_vec_pretty(&content).map_err(io::Error::other);
        let written = bytes.and_then(|bytes| write_safely(&self.file, &bytes));
        written.map_err(|source| JournalError::Write { path: self.file.clone(), source })
    }

    /// Puts everything back that a journal on disk names, and removes it. A journal of an earlier boot is only removed.
    /// Returns how many knobs it named.
    ///
    /// # Errors
    /// [`JournalError::NotRestored`] keeps the journal for the next try.
    pub fn replay(&self, sysfs: &dyn SysFs) -> Result<usize, JournalError> {
        let read = |source| JournalError::Read { path: self.file.clone(), source };
        let bytes = match fs::read(&self.file) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(0),
            Err(error) => return Err(read(error)),
        };
        let content: Content = serde_json::from_slice(&bytes).map_err(|error| read(error.into()))?;
        let now = boot_id(sysfs);
        if content.boot.is_some() && now.is_some() && content.boot != now {
            tracing::info!(knobs = content.knobs.len(), "a journal of an earlier boot is dropped: the reboot restored its knobs");
            self.remove()?;
            return Ok(0);
        }
        self.restore(sysfs, &content.knobs)?;
        Ok(content.knobs.len())
    }

    /// Puts these knobs back and removes the journal.
    ///
    /// # Errors
    /// [`JournalError::NotRestored`] keeps the journal for the next try.
    pub fn restore(&self, sysfs: &dyn SysFs, knobs: &[Saved]) -> Result<(), JournalError> {
        let differs = |knob: &&Saved| !holds(sysfs, knob);
        for _ in 0..ROUNDS {
            let pending: Vec<&Saved> = knobs.iter().filter(differs).collect();
            if pending.is_empty() {
                return self.remove();
            }
            for knob in pending {
                if let Err(error) = sysfs.write(&knob.path, &knob.before) {
                    tracing::debug!(knob = knob.path, %error, "not restored in this round");
                }
            }
        }
        let left: Vec<String> = knobs.iter().filter(differs).map(|knob| knob.path.clone()).collect();
        if left.is_empty() { self.remove() } else { Err(JournalError::NotRestored { knobs: left }) }
    }

    fn remove(&self) -> Result<(), JournalError> {
        match fs::remove_file(&self.file) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(JournalError::Write { path: self.file.clone(), source: error })
            }
            _ => Ok(()),
        }
    }
}

/// Whether a knob says what it said before.
pub fn holds(fs: &dyn SysFs, knob: &Saved) -> bool {
    sysfs::text(fs, &knob.path).value().is_some_and(|now| *now == knob.before)
}

fn boot_id(fs: &dyn SysFs) -> Option<String> {
    sysfs::text(fs, "proc/sys/kernel/random/boot_id").value().cloned()
}
