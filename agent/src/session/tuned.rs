//! Knobs that were turned: watched, read again, put back in every case.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use benchrack_protocol::cpuset::CpuSet;
use benchrack_protocol::device::{CpufreqPolicy, DeviceReport};
use benchrack_protocol::evidence::{ClockTarget, KnobEvidence, KnobOutcome};
use benchrack_protocol::reading::Reading;
use tokio::time::sleep;

use super::guardian::Pulse;
use super::journal::{Journal, JournalError, Saved};
use super::step::{self, Turned};
use crate::device::Device;
use crate::knobs::plan::Step;
use crate::knobs::ports::Ports;
use crate::runner_process::RunnerProgram;

const BETWEEN_READS: Duration = Duration::from_millis(50);
/// Longest wait for knobs to be back, at the end of a session.
const RESTORING: Duration = Duration::from_secs(1);

/// Changed knobs; restores them when dropped.
pub struct Tuned<'a> {
    pub(super) ports: Ports<'a>,
    journal: &'a Journal,
    pub(super) owner: String,
    guardian: Pulse,
    /// The guardian's program and the journal's folder; none where nobody may outlive this process.
    pub(super) keeper: Option<(RunnerProgram, PathBuf)>,
    /// Everything that may have been written, in that order; put back even where a write was not waited for.
    saved: Vec<Saved>,
    pub(super) turned: Vec<Turned>,
    pub(super) restored: bool,
    /// What files said before anything was turned: a vendor's limit shows in those of cpufreq, and must not be put back there.
    pub(super) untouched: BTreeMap<String, String>,
    /// The policies as they are after CPUs came online.
    pub policies: Vec<CpufreqPolicy>,
    /// Where each pinned clock was to stand.
    pub targets: Vec<ClockTarget>,
}

/// A moment between two knobs, to which those that come after can be undone.
#[derive(Debug, Clone, Copy)]
pub(super) struct Mark {
    saved: usize,
    turned: usize,
}

/// Knobs that no longer read as written when the blocks were over, and what they said.
#[derive(Debug, Default)]
pub struct Drifted(Vec<(usize, Reading<String>)>);

impl<'a> Tuned<'a> {
    /// Nothing turned yet.
    pub(super) fn untouched(device: &'a Device, journal: &'a Journal, known: &DeviceReport) -> Self {
        Self {
            ports: Ports::of(device),
            journal,
            owner: format!("{}-{}", std::process::id(), device.clock.now().0),
            guardian: Pulse::default(),
            keeper: None,
            saved: Vec::new(),
            turned: Vec::new(),
            restored: true,
            untouched: BTreeMap::new(),
            policies: known.policies.clone(),
            targets: Vec::new(),
        }
    }
}

impl Tuned<'_> {
    /// Saves, writes and verifies the steps of one stage.
    pub(super) async fn carry_out(&mut self, steps: Vec<Step>, brought_online: &CpuSet) -> Result<(), JournalError> {
        let mut ready: Vec<(Step, Saved)> = Vec::new();
        for step in steps {
            match step::save(&self.ports, &step, brought_online).await {
                Ok(saved) => {
                    let before = self.untouched.get(&saved.name);
                    ready.push((step, before.map_or(saved.clone(), |before| saved.said(before))));
                }
                Err(refused) => self.turned.push(*refused),
            }
        }
        if ready.is_empty() {
            return Ok(());
        }
        step::in_order_of_limits(&mut ready);
        if let Some((program, folder)) = &self.keeper
            && let Err(error) = self.guardian.start(program, folder, &self.owner)
        {
            tracing::warn!(%error, "no guardian: after kill -9 knobs wait for the agent's next start");
        }
        let known = self.saved.len();
        self.saved.extend(ready.iter().map(|(_, saved)| saved.clone()));
        if let Err(error) = self.journal.keep(&self.ports, &self.owner, &self.saved) {
            self.saved.truncate(known);
            return Err(error);
        }
        self.restored = false;
        let mut turned = step::turn(&self.ports, ready).await;
        // A command that was refused changed nothing, and undoing it would be refused as well, for ever.
        let refused: Vec<Saved> = turned.iter_mut().filter_map(Turned::take_refused).collect();
        self.turned.extend(turned);
        if !refused.is_empty() {
            self.saved.retain(|saved| !refused.contains(saved));
            self.journal.keep(&self.ports, &self.owner, &self.saved)?;
        }
        Ok(())
    }

    /// What tells the guardian that the agent lives, also while knobs are turned.
    pub fn pulse(&self) -> Pulse {
        self.guardian.clone()
    }

    /// This moment.
    pub(super) fn mark(&self) -> Mark {
        Mark { saved: self.saved.len(), turned: self.turned.len() }
    }

    /// Undoes what was turned after this moment; the journal goes on for the rest.
    ///
    /// # Errors
    /// [`JournalError`]; the end of the session tries again.
    pub(super) fn put_back_after(&mut self, mark: Mark) -> Result<(), JournalError> {
        if self.saved.len() > mark.saved {
            self.journal.restore_from(&self.ports, &self.owner, &self.saved, mark.saved)?;
            self.saved.truncate(mark.saved);
            self.restored = self.saved.is_empty();
        }
        Ok(())
    }

    /// Leaves what was turned after this moment out of the evidence: it was only tried.
    pub(super) fn forget_after(&mut self, mark: Mark) {
        self.turned.truncate(mark.turned);
    }

    /// Notes which of the knobs that were turned after this moment no longer read as written.
    pub(super) fn note_overridden_after(&mut self, mark: Mark) {
        for turned in self.turned.iter_mut().skip(mark.turned) {
            if let Some(now) = turned.drifted(&self.ports) {
                turned.evidence.outcome = KnobOutcome::Overridden;
                turned.evidence.read_back = now;
            }
        }
    }

    /// Whether every knob that held and was turned after this moment still does.
    pub(super) fn still_holds_after(&self, mark: Mark) -> bool {
        self.turned.iter().skip(mark.turned).all(|turned| turned.drifted(&self.ports).is_none())
    }

    /// Reads every knob again that held at first.
    pub fn drifted(&self) -> Drifted {
        Drifted(self.turned.iter().enumerate().filter_map(|(nth, turned)| Some((nth, turned.drifted(&self.ports)?))).collect())
    }

    /// Puts everything back, waiting until it reads back, and returns the evidence; what drifted before was overridden.
    pub async fn restore(mut self, drifted: Drifted) -> Vec<KnobEvidence> {
        for (nth, now) in drifted.0 {
            if let Some(turned) = self.turned.get_mut(nth) {
                turned.evidence.outcome = KnobOutcome::Overridden;
                turned.evidence.read_back = now;
            }
        }
        let mut waited = Duration::ZERO;
        let mut whole = self.restored;
        while !whole {
            match self.put_back() {
                Ok(()) => whole = true,
                Err(error) if waited >= RESTORING => {
                    tracing::error!(%error, "the journal is kept and tried again at the next start");
                    break;
                }
                Err(_) => {
                    sleep(BETWEEN_READS).await;
                    waited += BETWEEN_READS;
                }
            }
        }
        if whole {
            self.guardian.done();
        }
        // What could not be put back now will not be a moment later, in the guard; the guardian tries once more.
        self.restored = true;
        let turned = std::mem::take(&mut self.turned);
        turned.into_iter().map(|turned| turned.into_evidence(&self.ports, whole)).collect()
    }

    /// What became of the knob that was turned last.
    pub(super) fn last_outcome(&self) -> KnobOutcome {
        self.turned.last().map_or(KnobOutcome::Absent, |turned| turned.evidence.outcome)
    }

    fn put_back(&self) -> Result<(), JournalError> {
        self.journal.restore(&self.ports, &self.saved)
    }
}

impl Drop for Tuned<'_> {
    fn drop(&mut self) {
        if self.restored {
            return;
        }
        match self.put_back() {
            Ok(()) => self.guardian.done(),
            Err(error) => tracing::error!(%error, "the journal is kept and tried again at the next start"),
        }
    }
}
