//! The agent's own thread, away from the CPUs that are measured.

use benchrack_protocol::cpuset::CpuSet;

use crate::placement::Placement;

/// Keeps the agent's own thread off the measured CPUs while it lives, where others are left.
pub(super) struct Aside<'a> {
    placement: &'a dyn Placement,
    before: Option<CpuSet>,
}

impl<'a> Aside<'a> {
    /// Steps aside, back when dropped.
    pub(super) fn step(placement: &'a dyn Placement, online: &CpuSet, measured: &CpuSet) -> Self {
        let others: CpuSet = online.iter().filter(|&cpu| !measured.contains(cpu)).collect();
        let stepped = || {
            let before = placement.allowed()?;
            placement.confine(&others)?;
            Ok::<_, std::io::Error>(before)
        };
        let before = if others.is_empty() { None } else { stepped().inspect_err(cannot_step_aside).ok() };
        Self { placement, before }
    }
}

impl Drop for Aside<'_> {
    fn drop(&mut self) {
        if let Some(before) = &self.before
            && let Err(error) = self.placement.confine(before)
        {
            cannot_step_aside(&error);
        }
    }
}

fn cannot_step_aside(error: &std::io::Error) {
    tracing::warn!(%error, "cannot choose the agent's own CPUs; it may run beside the runners");
}
