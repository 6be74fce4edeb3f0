//! Digital twins: phones of which every kernel file, program, clock and runner is computed from one state with public
//! physics, so that whole sessions run without hardware, and what the agent says can be held against the truth.
//!
//! A twin takes the place of the ports ([`Device`]) and of the runners ([`Launcher`](crate::runner_process::Launcher));
//! session and work loop run on it unchanged, and everything they report is marked simulated. Its time is that of
//! tokio's timers: in a paused runtime a session of a minute takes milliseconds.

mod android;
mod battery;
mod file;
mod files;
mod heat;
mod layers;
mod ledger;
mod pace;
mod policy;
mod ports;
mod process;
mod runner;
mod script;
mod truth;
mod world;

use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use benchrack_protocol::session::SessionSpec;
use benchrack_protocol::units::Nanos;
use time::OffsetDateTime;
use tokio::time::Instant;

use crate::device::Device;
use crate::session::Artifacts;
use crate::sysfs::{Captured, InvalidCapture};
#[cfg(test)]
pub(crate) use file::FileForm;
pub use file::HEADER;
use file::Spec;
pub use ledger::Joules;
pub use pace::{Paced, Speed, keep_pace};
pub(crate) use ports::{SimulatedClock, SimulatedPlacement};
pub use runner::{TwinLauncher, TwinRunner};
pub use script::{Deed, Refusal, Scripted};
pub use truth::Truth;
use world::World;

/// A text is no twin.
#[derive(Debug, thiserror::Error)]
pub enum TwinError {
    /// The file cannot be read.
    #[error("cannot read the twin {path}")]
    Read {
        /// Which.
        path: String,
        /// Why not.
        #[source]
        source: std::io::Error,
    },
    /// Another first line.
    #[error("a twin begins with the line '{HEADER}'")]
    NoTwin,
    /// The second part is missing.
    #[error("a twin ends with a capture, which begins with the line '{}'", crate::sysfs::CAPTURE_HEADER)]
    NoCapture,
    /// The first part is not in the format.
    #[error("the twin's physics cannot be read")]
    Physics {
        /// Where and why.
        #[source]
        source: Box<toml::de::Error>,
    },
    /// The second part is not in the format.
    #[error("the twin's capture cannot be read")]
    Capture {
        /// Where and why.
        #[source]
        source: InvalidCapture,
    },
    /// A value is impossible.
    #[error("the twin's {field}: {why}")]
    Wrong {
        /// Which.
        field: String,
        /// Why.
        why: String,
    },
}

/// A running twin. Cheap to clone; clones are the same phone.
#[derive(Clone)]
pub struct Twin(Arc<Running>);

struct Running {
    world: Mutex<World>,
    /// What the physics does not drive.
    captured: Captured,
    epoch: Instant,
    placement: SimulatedPlacement,
}

impl Twin {
    /// Switches a twin on. Its time begins now, by the clock of the runtime in which it is called.
    ///
    /// # Errors
    /// What is wrong with the text, with its place.
    pub fn parse(text: &str) -> Result<Self, TwinError> {
        let (spec, captured) = file::parse(text)?;
        Ok(Self::of(spec, captured))
    }

    /// The same from a file.
    ///
    /// # Errors
    /// As [`Twin::parse`], and when the file cannot be read.
    pub fn load(path: &Path) -> Result<Self, TwinError> {
        let text = std::fs::read_to_string(path);
        Self::parse(&text.map_err(|source| TwinError::Read { path: path.display().to_string(), source })?)
    }

    fn of(spec: Spec, captured: Captured) -> Self {
        let world = World::of(spec);
        let placement = SimulatedPlacement::on(world.online());
        Self(Arc::new(Running { world: Mutex::new(world), captured, epoch: Instant::now(), placement }))
    }

    /// The twin in place of this machine; its wall clock begins in 1970.
    pub fn device(&self) -> Device {
        self.device_at(OffsetDateTime::UNIX_EPOCH)
    }

    /// The same with a wall clock that showed this when the twin was switched on.
    pub fn device_at(&self, wall: OffsetDateTime) -> Device {
        let running = &self.0;
        Device {
            sysfs: Arc::clone(running) as _,
            commands: Arc::clone(running) as _,
            clock: Arc::new(SimulatedClock { epoch: running.epoch, wall }),
            placement: Arc::clone(running) as _,
            compiled_for: None,
            twin: Some(self.clone()),
        }
    }

    /// Starts its runners. The session says what the models cost, the artifacts where their files are: a runner is told
    /// no more than a path.
    pub fn launcher(&self, session: &SessionSpec, artifacts: &Artifacts) -> TwinLauncher {
        TwinLauncher::of(self.clone(), session, artifacts)
    }

    /// What truly happened.
    pub fn truth(&self) -> Truth {
        Truth::of(self.clone())
    }

    /// Lets something happen now, beside the script of its file.
    pub fn happen(&self, deed: Deed) {
        let mut world = self.world();
        let now = world.at;
        world.script.add(now, deed);
        script::act(&mut world);
    }

    /// Time since it was switched on.
    pub fn now(&self) -> Nanos {
        Nanos::from(self.0.epoch.elapsed())
    }

    /// Its state now.
    fn world(&self) -> MutexGuard<'_, World> {
        self.0.world()
    }
}

impl Running {
    /// A panic of another holder leaves a step half done at worst; the next look goes on from there.
    fn world(&self) -> MutexGuard<'_, World> {
        let mut world = self.world.lock().unwrap_or_else(PoisonError::into_inner);
        world.advance(u64::try_from(self.epoch.elapsed().as_nanos()).unwrap_or(u64::MAX));
        for (path, text) in std::mem::take(&mut world.captured_writes) {
            self.captured.set(&path, &format!("{text}\n"));
        }
        world
    }
}

#[cfg(test)]
mod tests;
