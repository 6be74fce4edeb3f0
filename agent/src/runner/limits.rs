//! Limits that a runner puts on itself before it sees a model.

use rustix::process::{Resource, Rlimit, Signal, setrlimit};

use crate::probe::reality::foreign_kernel;
use crate::sysfs::LiveSysFs;

/// A runner reads one model file and its own files below /proc; an engine's library opens a few more.
const OPEN_FILES: u64 = 128;

/// A file that the second process of a runner lets an engine write (its profile) is no longer. The measured process
/// writes none, but may not forbid it to its children for ever.
pub const MOST_WRITTEN: u64 = 64 << 20;

/// Under user-mode emulation, QEMU writes what it makes up of /proc/self into unnamed files of the process that asks.
const MADE_UP: u64 = 1 << 20;

/// Applies the limits; `written` bytes are the longest file that may be written. A system that refuses one is logged: the
/// model is measured all the same, and still in a process of its own.
pub fn apply(address_space: Option<u64>, written: u64) {
    let emulated = foreign_kernel(&LiveSysFs::at("/"), std::env::consts::ARCH);
    let written = if emulated { written.max(MADE_UP) } else { written };
    let bounds = [
        (Resource::Core, Some(0), 0, "core dumps"),
        (Resource::Nofile, Some(OPEN_FILES), OPEN_FILES, "open files"),
        (Resource::Fsize, Some(written), MOST_WRITTEN, "written files"),
        (Resource::As, address_space, address_space.unwrap_or(0), "address space"),
    ];
    for (resource, bound, maximum, name) in bounds {
        let Some(bound) = bound else { continue };
        if let Err(error) = setrlimit(resource, Rlimit { current: Some(bound), maximum: Some(maximum) }) {
            tracing::warn!(limit = name, bound, %error, "cannot limit the runner");
        }
    }
    // A runner that computes on after its agent was killed would disturb whatever is measured next.
    if let Err(error) = rustix::process::set_parent_process_death_signal(Some(Signal::KILL)) {
        tracing::warn!(%error, "cannot tie the runner's life to the agent's");
    }
}
