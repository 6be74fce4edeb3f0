//! A device of captured files in simulated time, for tests that set the files themselves. A phone whose files follow from
//! physics is a [twin](crate::twin).

use std::sync::Arc;

use crate::device::Device;
use crate::sysfs::Captured;
pub(crate) use crate::twin::{SimulatedClock, SimulatedPlacement};

/// A device of these files. Call it within a paused runtime.
pub(crate) fn simulated(files: &Arc<Captured>) -> Device {
    Device {
        clock: Arc::new(SimulatedClock::start()),
        placement: Arc::new(SimulatedPlacement::on("0-7".parse().unwrap())),
        ..Device::of(Arc::clone(files))
    }
}
