//! CPU affinity of the agent's own thread: children inherit it, so a runner is born where it belongs, and the agent
//! itself stays off the cores under measurement.

use benchrack_protocol::cpuset::CpuSet;
use rustix::thread::{CpuSet as Mask, sched_getaffinity, sched_setaffinity};

/// Reads and sets where the calling thread may run.
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
}
