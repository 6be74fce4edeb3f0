//! The journal of changed knobs: on disk before the first write, gone after the last restore, replayed at every start.
//! So a device is never left pinned, whatever kills the agent.
//!
//! Knobs are put back in the reverse order of their turning, because an earlier one can hide or undo a later one: limits
//! vanish with a CPU that goes offline, and a minimum cannot be raised above a maximum. Each round may make the next
//! possible. What is compared is the part of a file that was written, in one spelling, for files that others write as well.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::device::Device;
use crate::files::write_safely;
use crate::knobs::Form;
use crate::knobs::ports::Ports;
use crate::sysfs::{SysError, SysErrorKind};

/// A knob as it was, and how to get back there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Saved {
    /// Name for people: the path of its file, or what a command turns.
    pub name: String,
    /// How to ask and to undo.
    pub back: Back,
    /// How its value reads.
    pub form: Form,
    /// What was going to be written: says which part of the text is meant.
    pub asked: String,
    /// What it said; none where there is no way to ask.
    pub before: Option<String>,
    /// What a file says where this knob is not there at all: an offline CPU has no limits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gone_while: Option<Condition>,
    /// Whether a reboot leaves it changed.
    #[serde(default)]
    pub survives_reboot: bool,
}

/// The way back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Back {
    /// Write this to this file.
    File {
        /// Its path.
        path: String,
        /// What to write.
        value: String,
    },
    /// Run this.
    Command {
        /// Asks for the present value; none where there is no way to ask.
        ask: Option<Vec<String>>,
        /// Undoes.
        undo: Vec<String>,
        /// Whether undoing needs root.
        root: bool,
    },
}

/// A file and what it must say.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Condition {
    /// The file.
    pub path: String,
    /// Its text.
    pub text: String,
}

/// What is on disk.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Content {
    /// Most knobs forget at a reboot, and their old values may be wrong then.
    boot: Option<String>,
    /// Whose it is: a guardian restores the session that it was started for and no later one.
    owner: String,
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
        /// Their names.
        knobs: Vec<String>,
    },
}

/// Rounds of one restore; limits that depend on each other need two, and a vendor's file between them a third.
const ROUNDS: usize = 5;

/// A service that is started again says so a moment later, and limits may read back wrong for a second.
const TRIES: u32 = 20;
const BETWEEN_TRIES: Duration = Duration::from_millis(75);

impl Journal {
    /// The journal in this folder.
    pub fn in_folder(folder: &Path) -> Self {
        Self { file: folder.join("knobs.json") }
    }

    /// Keeps the knobs safely on disk, in the order in which they are turned. Replaces what was kept.
    ///
    /// # Errors
    /// [`JournalError::Write`].
    pub fn keep(&self, ports: &Ports<'_>, owner: &str, knobs: &[Saved]) -> Result<(), JournalError> {
        let content = Content { boot: boot_id(ports.device()), owner: owner.into(), knobs: knobs.to_vec() };
        let bytes = serde_json::to_vec_pretty(&content).map_err(io::Error::other);
        let written = bytes.and_then(|bytes| write_safely(&self.file, &bytes));
        written.map_err(|source| JournalError::Write { path: self.file.clone(), source })
    }

    /// Puts everything back that a journal on disk names, and removes it. Of a journal of an earlier boot only what outlives
    /// a reboot is put back. Returns how many knobs that were.
    ///
    /// # Errors
    /// [`JournalError::NotRestored`] keeps the journal for the next try.
    pub fn replay(&self, device: &Device) -> Result<usize, JournalError> {
        match self.read()? {
            Some(content) => self.replay_content(device, content),
            None => Ok(0),
        }
    }

    /// The same, if the journal on disk is this owner's.
    ///
    /// # Errors
    /// As [`Journal::replay`].
    pub fn replay_of(&self, device: &Device, owner: &str) -> Result<usize, JournalError> {
        match self.read()? {
            Some(content) if content.owner == owner => self.replay_content(device, content),
            _ => Ok(0),
        }
    }

    fn read(&self) -> Result<Option<Content>, JournalError> {
        let failed = |source| JournalError::Read { path: self.file.clone(), source };
        match fs::read(&self.file) {
            Ok(bytes) => serde_json::from_slice(&bytes).map(Some).map_err(|error| failed(error.into())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(failed(error)),
        }
    }

    fn replay_content(&self, device: &Device, content: Content) -> Result<usize, JournalError> {
        let now = boot_id(device);
        let mut knobs = content.knobs;
        if content.boot.is_some() && now.is_some() && content.boot != now {
            let all = knobs.len();
            knobs.retain(|knob| knob.survives_reboot);
            tracing::info!(knobs = all, kept = knobs.len(), "a journal of an earlier boot: the reboot restored its other knobs");
        }
        let ports = Ports::of(device);
        let mut tries = 0;
        loop {
            match self.restore(&ports, &knobs) {
                Ok(()) => return Ok(knobs.len()),
                Err(JournalError::NotRestored { .. }) if tries < TRIES => {
                    tries += 1;
                    std::thread::sleep(BETWEEN_TRIES);
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// Puts these knobs back, the last one first, and removes the journal.
    ///
    /// # Errors
    /// [`JournalError::NotRestored`] keeps the journal for the next try.
    pub fn restore(&self, ports: &Ports<'_>, knobs: &[Saved]) -> Result<(), JournalError> {
        put_back(ports, knobs)?;
        self.remove()
    }

    /// Puts the knobs from this place on back, the last one first; the journal goes on for those before.
    ///
    /// # Errors
    /// [`JournalError::NotRestored`] keeps the journal as it was; [`JournalError::Write`].
    pub fn restore_from(&self, ports: &Ports<'_>, owner: &str, knobs: &[Saved], place: usize) -> Result<(), JournalError> {
        let (before, after) = knobs.split_at(place.min(knobs.len()));
        put_back(ports, after)?;
        if before.is_empty() { self.remove() } else { self.keep(ports, owner, before) }
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

fn put_back(ports: &Ports<'_>, knobs: &[Saved]) -> Result<(), JournalError> {
    // The first round writes all: one that reads as before may still be about to follow its last write.
    let mut pending: Vec<&Saved> = knobs.iter().rev().collect();
    for _ in 0..ROUNDS {
        // A command that cannot be asked counts as undone when it was run.
        let mut undone = Vec::new();
        for knob in &pending {
            match knob.put_back(ports) {
                Ok(()) => undone.push(*knob),
                // A program that is not there never turned anything.
                Err(error) if error.kind == SysErrorKind::NotFound && knob.before.is_none() => undone.push(*knob),
                Err(error) => tracing::debug!(knob = knob.name, %error, "not restored in this round"),
            }
        }
        let is_back = |knob: &Saved| knob.is_back(ports) || (knob.before.is_none() && undone.contains(&knob));
        pending.retain(|knob| !is_back(knob));
        // Putting one back can move another that was back before.
        if pending.is_empty() {
            pending = knobs.iter().rev().filter(|knob| knob.before.is_some() && !knob.is_back(ports)).collect();
        }
        if pending.is_empty() {
            return Ok(());
        }
    }
    Err(JournalError::NotRestored { knobs: pending.into_iter().map(|knob| knob.name.clone()).collect() })
}

impl Saved {
    /// What the knob says now.
    ///
    /// # Errors
    /// As the port says; [`SysErrorKind::NotFound`] too where there is no way to ask.
    pub fn now(&self, ports: &Ports<'_>) -> Result<String, SysError> {
        match &self.back {
            Back::File { path, .. } => ports.read(path),
            Back::Command { ask: Some(ask), .. } => ports.run(ask, false),
            Back::Command { ask: None, .. } => {
                Err(SysError::new(SysErrorKind::NotFound, &self.name, "there is no way to ask what is set"))
            }
        }
    }

    /// The same, of which the text from before is known from an earlier look.
    pub fn said(&self, before: &str) -> Self {
        let back = match &self.back {
            Back::File { path, .. } => Back::File { path: path.clone(), value: before.trim().to_owned() },
            command => command.clone(),
        };
        Self { back, before: Some(before.to_owned()), ..self.clone() }
    }

    /// Whether it says what it said before, or is gone as it was gone before.
    pub fn is_back(&self, ports: &Ports<'_>) -> bool {
        let Some(before) = &self.before else { return false };
        match self.now(ports) {
            Ok(now) => {
                now.trim() == before.trim() || {
                    let part = |text: &str| self.form.part(&self.asked, text);
                    part(&now).is_some() && part(&now) == part(before)
                }
            }
            Err(error) if error.kind == SysErrorKind::NotFound => {
                let gone =
                    |condition: &Condition| ports.read(&condition.path).is_ok_and(|text| text.trim() == condition.text.trim());
                self.gone_while.as_ref().is_some_and(gone)
            }
            Err(_) => false,
        }
    }

    fn put_back(&self, ports: &Ports<'_>) -> Result<(), SysError> {
        match &self.back {
            Back::File { path, value } => ports.write(path, value),
            Back::Command { undo, root, .. } => ports.run(undo, *root).map(drop),
        }
    }
}

fn boot_id(device: &Device) -> Option<String> {
    crate::sysfs::text(device.sysfs.as_ref(), "proc/sys/kernel/random/boot_id").value().cloned()
}
