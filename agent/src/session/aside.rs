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
        let mut aside = Self { placement, before: None };
        aside.make_room(online, measured);
        aside
    }

    /// Steps aside from these CPUs instead; stays where it is when there are no others.
    pub(super) fn make_room(&mut self, online: &CpuSet, measured: &CpuSet) {
        let others: CpuSet = online.iter().filter(|&cpu| !measured.contains(cpu)).collect();
        if others.is_empty() {
            return;
        }
        let before = self.placement.allowed();
        match before.and_then(|before| self.placement.confine(&others).map(|()| before)) {
            Ok(before) => {
                self.before.get_or_insert(before);
            }
            Err(error) => cannot_step_aside(&error),
        }
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
