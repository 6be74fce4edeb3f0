//! A simulated device and runner: time passes only in tokio's paused timers, so that whole sessions take no time.

use std::sync::{Arc, Mutex};

use benchrack_protocol::cpuset::CpuSet;
use benchrack_protocol::units::Nanos;
use time::OffsetDateTime;

use crate::clock::Clock;
use crate::device::Device;
use crate::placement::Placement;
use crate::sysfs::Captured;

/// Time of the paused runtime.
pub(crate) struct SimulatedClock(tokio::time::Instant);

impl SimulatedClock {
    /// Zero now. Call it within a paused runtime.
    pub(crate) fn start() -> Self {
        Self(tokio::time::Instant::now())
    }
}

impl Clock for SimulatedClock {
    fn now(&self) -> Nanos {
        Nanos::from(self.0.elapsed())
    }

    fn wall(&self) -> OffsetDateTime {
        OffsetDateTime::UNIX_EPOCH + self.0.elapsed()
    }
}

/// Remembers where it was put.
#[derive(Default)]
pub(crate) struct SimulatedPlacement(pub(crate) Mutex<CpuSet>);

impl Placement for SimulatedPlacement {
    fn allowed(&self) -> std::io::Result<CpuSet> {
        Ok(self.0.lock().unwrap().clone())
    }

    fn confine(&self, cpus: &CpuSet) -> std::io::Result<()> {
        *self.0.lock().unwrap() = cpus.clone();
        Ok(())
    }
}

/// A device of these files. Call it within a paused runtime.
pub(crate) fn simulated(files: &Arc<Captured>) -> Device {
    Device {
        clock: Arc::new(SimulatedClock::start()),
        placement: Arc::new(SimulatedPlacement(Mutex::new("0-7".parse().unwrap()))),
        ..Device::of(Arc::clone(files))
    }
}
