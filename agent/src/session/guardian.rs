//! A second process that puts knobs back when the agent cannot: killed, or hung for longer than the deadline.
//!
//! It is the agent's own program in another mode, started before the first write, in a session of its own. It holds a pipe
//! to the agent: each line is a sign of life, `done` ends it, and the end of the pipe is the agent's death, which the kernel
//! tells whatever killed it. It restores only the journal of the session that it was started for. Where both are killed,
//! the next start of the agent restores.

use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::journal::{Journal, JournalError};
use crate::device::Device;
use crate::runner_process::RunnerProgram;

/// Silence after which the agent counts as hung. It gives a sign of life each second, but packing a large model holds it up,
/// and so do services that do not answer.
pub const DEADLINE: Duration = Duration::from_secs(180);

/// The agent's end.
pub struct Guardian {
    child: Child,
    pipe: ChildStdin,
}

impl Guardian {
    /// Starts one for this owner's journal in this folder.
    ///
    /// # Errors
    /// When the process cannot be started.
    pub fn start(program: &RunnerProgram, folder: &Path, owner: &str) -> std::io::Result<Self> {
        let mut child = Command::new(&program.path)
            .args(&program.args)
            .arg("--data-dir")
            .arg(folder)
            .args(["--owner", owner])
            .args(["--deadline-ms", &DEADLINE.as_millis().to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            // Not the agent's group: Ctrl-C and a hang-up are for the agent, which then says `done`.
            .process_group(0)
            .spawn()?;
        let pipe = child.stdin.take().ok_or_else(|| std::io::Error::other("the guardian has no standard input"))?;
        // A guardian that is stopped must not stop the agent: a sign of life that finds the pipe full is left out.
        rustix::io::ioctl_fionbio(&pipe, true)?;
        Ok(Self { child, pipe })
    }

    /// Gives a sign of life. A guardian that is gone is missed at the end, by the next start.
    pub fn beat(&self) {
        let _ = (&self.pipe).write_all(b"alive\n");
    }

    /// Everything is restored: it may go.
    pub fn done(self) {
        let Self { mut child, mut pipe } = self;
        // One that is gone already needs no word.
        let _ = pipe.write_all(b"done\n");
        drop(pipe);
        // It ends at once; nobody waits for it here.
        std::thread::spawn(move || child.wait());
    }
}

/// A guardian, once there is one, for everybody who gives signs of life.
#[derive(Clone, Default)]
pub struct Pulse(Arc<Mutex<Option<Guardian>>>);

impl Pulse {
    /// Gives a sign of life.
    pub fn beat(&self) {
        if let Some(guardian) = self.guardian().as_ref() {
            guardian.beat();
        }
    }

    /// Starts the guardian where there is none yet.
    ///
    /// # Errors
    /// As [`Guardian::start`].
    pub fn start(&self, program: &RunnerProgram, folder: &Path, owner: &str) -> std::io::Result<()> {
        let mut guardian = self.guardian();
        if guardian.is_none() {
            *guardian = Some(Guardian::start(program, folder, owner)?);
        }
        Ok(())
    }

    /// Everything is restored: the guardian may go.
    pub fn done(&self) {
        if let Some(guardian) = self.guardian().take() {
            guardian.done();
        }
    }

    /// A panic of another holder leaves the guardian as it was.
    fn guardian(&self) -> MutexGuard<'_, Option<Guardian>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What made a guardian act, or not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// The agent restored everything itself.
    Done,
    /// The agent died.
    Died,
    /// The agent was silent for longer than the deadline.
    Silent,
}

/// The guardian's side: waits, and restores when it must. Returns why it ended and how many knobs it put back.
///
/// # Errors
/// As [`Journal::replay_of`].
pub fn guard(
    device: &Device,
    folder: &Path,
    owner: &str,
    deadline: Duration,
    pipe: impl Read + Send + 'static,
) -> Result<(Ended, usize), JournalError> {
    let ended = wait(pipe, deadline);
    let restored = if ended == Ended::Done { 0 } else { Journal::in_folder(folder).replay_of(device, owner)? };
    Ok((ended, restored))
}

fn wait(pipe: impl Read + Send + 'static, deadline: Duration) -> Ended {
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || {
        for line in BufReader::new(pipe).lines() {
            let Ok(line) = line else { break };
            if sender.send(line == "done").is_err() {
                break;
            }
        }
    });
    loop {
        match receiver.recv_timeout(deadline) {
            Ok(true) => return Ended::Done,
            Ok(false) => {}
            Err(RecvTimeoutError::Disconnected) => return Ended::Died,
            Err(RecvTimeoutError::Timeout) => return Ended::Silent,
        }
    }
}
