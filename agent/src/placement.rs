//! CPU affinity of the agent's own thread: children inherit it, so a runner is born where it belongs, and the agent
//! itself stays off the cores under measurement.

use benchrack_protocol::cpuset::CpuSet;
use benchrack_protocol::reading::Missing;
use rustix::thread::{CpuSet as Mask, sched_getaffinity, sched_setaffinity};

use crate::evidence::cycles::{self, Executed};

/// Reads and sets where the calling thread may run, and tells how quickly a CPU executes it.
pub trait Placement: Send + Sync {
    /// CPUs that the calling thread may use.
    ///
    /// # Errors
    /// As the system says.
    fn allowed(&self) -> std::io::Result<CpuSet>;

    /// Confines the calling thread. The kernel silently drops CPUs that are offline, and refuses when none is left.
    ///
    /// # Errors
    /// As the system says.
    fn confine(&self, cpus: &CpuSet) -> std::io::Result<()>;

    /// The clock of a CPU as this thread's own instructions see it; takes some milliseconds of that CPU and leaves the
    /// thread where it was.
    fn true_frequency(&self, _cpu: u32) -> Executed {
        Executed::missing(Missing::NotAsked, "nothing is executed on this device")
    }
}

/// The calling thread on this machine.
#[derive(Debug, Default)]
pub struct LivePlacement;

impl Placement for LivePlacement {
    fn allowed(&self) -> std::io::Result<CpuSet> {
        let mask = sched_getaffinity(None)?;
        let cpus = (0..Mask::MAX_CPU).filter(|&cpu| mask.is_set(cpu));
        Ok(cpus.filter_map(|cpu| u32::try_from(cpu).ok()).collect())
    }

    fn confine(&self, cpus: &CpuSet) -> std::io::Result<()> {
        let mut mask = Mask::new();
        for cpu in cpus.iter() {
            match usize::try_from(cpu) {
                Ok(cpu) if cpu < Mask::MAX_CPU => mask.set(cpu),
                _ => {
                    return Err(std::io::Error::other(format!(
                        "CPU {cpu} is beyond the {} that can be addressed",
                        Mask::MAX_CPU
                    )));
                }
            }
        }
        Ok(sched_setaffinity(None, &mask)?)
    }

    fn true_frequency(&self, cpu: u32) -> Executed {
        let moved = |error: std::io::Error| Executed::missing(Missing::Denied, format!("cannot run on CPU {cpu}: {error}"));
        let before = match self.allowed() {
            Ok(before) => before,
            Err(error) => return moved(error),
        };
        if let Err(error) = self.confine(&CpuSet::from_iter([cpu])) {
            return moved(error);
        }
        let frequency = cycles::frequency();
        match self.confine(&before) {
            Ok(()) => frequency,
            Err(error) => moved(error),
        }
    }
}
