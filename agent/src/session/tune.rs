//! Turning the knobs that an operating point and the configuration ask for, in the registry's order.
//!
//! Every write is read back until it holds, because drivers and vendor daemons clamp, round and undo; what became of it
//! is the evidence. A guard restores on every way out, the journal where there was no way out, and the guardian while
//! nobody starts the agent again.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use benchrack_protocol::cpuset::CpuSet;
use benchrack_protocol::device::{CpufreqPolicy, DeviceReport};
use benchrack_protocol::evidence::{ClockTarget, KnobEvidence, KnobOutcome};
use benchrack_protocol::reading::{Missing, Reading};
use benchrack_protocol::session::Frequency;
use tokio::time::sleep;

use super::guardian::Guardian;
use super::journal::{Journal, JournalError, Saved};
use super::step::{self, Turned};
use crate::device::Device;
use crate::knobs::plan::{self, Scene, Step};
use crate::knobs::ports::Ports;
use crate::knobs::{Asked, Form, Knob, Stage, When, all};
use crate::probe::{cpufreq, getprop, topology};
use crate::runner_process::RunnerProgram;

const BETWEEN_READS: Duration = Duration::from_millis(50);
/// Longest wait for knobs to be back, at the end of a session.
const RESTORING: Duration = Duration::from_secs(1);

/// What a session wants of the device's knobs.
#[derive(Clone, Copy)]
pub struct Wish<'a> {
    /// CPUs of the session.
    pub cpus: &'a CpuSet,
    /// CPUs that are online.
    pub online: &'a CpuSet,
    /// Their clocks.
    pub frequency: Frequency,
    /// Knobs that the configuration asks for.
    pub asked: &'a [Asked],
    /// Whether the agent's own cut-off has a sensor to go by.
    pub cut_off: bool,
    /// The program of the guardian and the journal's folder; none where nobody may outlive this process.
    pub guardian: Option<(&'a RunnerProgram, &'a Path)>,
}

/// The knobs could not be turned at all.
#[derive(Debug, thiserror::Error)]
pub enum TuneError {
    /// Without a journal nothing is touched.
    #[error("no knob is touched without a journal")]
    Journal(#[from] JournalError),
    /// CPUs of the session that cannot be brought online.
    #[error("CPUs {offline} are offline and cannot be brought online: {why}")]
    Offline {
        /// Which.
        offline: CpuSet,
        /// What the device said.
        why: String,
    },
}

/// Changed knobs; restores them when dropped.
pub struct Tuned<'a> {
    ports: Ports<'a>,
    journal: &'a Journal,
    owner: String,
    guardian: Option<Guardian>,
    /// Everything that may have been written, in that order; put back even where a write was not waited for.
    saved: Vec<Saved>,
    turned: Vec<Turned>,
    restored: bool,
    /// The policies as they are after CPUs came online.
    pub policies: Vec<CpufreqPolicy>,
    /// Where each pinned clock was to stand.
    pub targets: Vec<ClockTarget>,
}

/// Turns what the wish asks for. A wish for nothing touches nothing.
///
/// # Errors
/// When the journal cannot be written, or a CPU of the session stays offline; then everything is as it was.
pub async fn tune<'a>(
    device: &'a Device,
    journal: &'a Journal,
    known: &DeviceReport,
    wish: Wish<'_>,
) -> Result<Tuned<'a>, TuneError> {
    let mut tuned = Tuned::untouched(device, journal, known);
    let offline: CpuSet = wish.cpus.iter().filter(|&cpu| !wish.online.contains(cpu)).collect();
    if wish.frequency == Frequency::Unpinned && wish.asked.is_empty() && offline.is_empty() {
        return Ok(tuned);
    }
    let properties = getprop::read(device.commands.as_ref()).value().cloned().unwrap_or_default();
    let mut online = wish.online.clone();
    for stage in Stage::ALL {
        let mut steps = Vec::new();
        for knob in all().filter(|knob| knob.stage == stage) {
            let Some(given) = wanted(knob, &wish, &offline) else { continue };
            let cpus = if knob.when == When::Offline { &offline } else { wish.cpus };
            let scene = Scene {
                ports: &tuned.ports,
                cpus,
                online: &online,
                policies: &tuned.policies,
                targets: &tuned.targets,
                properties: &properties,
            };
            let meant = plan::steps(knob, &scene, given);
            match refusal(knob, &wish, &properties) {
                Some(why) => {
                    let refused = meant.iter().map(|step| Turned::refused(step, Missing::Denied, &why));
                    let refused: Vec<Turned> = refused.collect();
                    tuned.turned.extend(refused);
                }
                None => steps.extend(meant),
            }
        }
        tuned.carry_out(steps, &offline, wish.guardian).await?;
        if stage == Stage::Hotplug {
            if !offline.is_empty() {
                online = tuned.with_all_online(wish.cpus)?;
                tuned.policies = cpufreq::policies(device.sysfs.as_ref());
            }
            tuned.aim(known, &wish);
        }
    }
    tuned.rest_on_ppm();
    Ok(tuned)
}

/// Whether a session turns this knob, and with which value of the configuration.
fn wanted<'w>(knob: &Knob, wish: &Wish<'w>, offline: &CpuSet) -> Option<Option<&'w str>> {
    let when = match knob.when {
        When::Offline => !offline.is_empty(),
        When::Pins | When::Pinned => wish.frequency.is_pinned(),
        When::FixedPerformance => wish.frequency == Frequency::FixedPerformance,
        When::Asked | When::AskedWithCutOff => return wish.asked.iter().find(|asked| asked.means(knob)).map(Asked::value),
        When::Charging => false,
    };
    when.then_some(None)
}

/// Why a knob must not be turned here.
fn refusal(knob: &Knob, wish: &Wish<'_>, properties: &BTreeMap<String, String>) -> Option<String> {
    if let Some(why) = plan::denied(knob, properties) {
        return Some(format!("on the deny list: {why}"));
    }
    let unprotected = knob.when == When::AskedWithCutOff && !wish.cut_off;
    unprotected.then(|| "the agent's own cut-off has no sensor to go by".into())
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
            guardian: None,
            saved: Vec::new(),
            turned: Vec::new(),
            restored: true,
            policies: known.policies.clone(),
            targets: Vec::new(),
        }
    }
}

impl Tuned<'_> {
    /// Decides where each clock of the session is to stand.
    fn aim(&mut self, known: &DeviceReport, wish: &Wish<'_>) {
        if !wish.frequency.is_pinned() {
            return;
        }
        let relevant: Vec<&CpufreqPolicy> =
            self.policies.iter().filter(|policy| policy.cpus.iter().any(|cpu| wish.cpus.contains(cpu))).collect();
        if relevant.is_empty() {
            let why = "no cpufreq policy clocks these CPUs";
            self.turned.push(Turned::impossible("cpufreq", &wish.frequency.to_string(), Missing::Absent, why));
        }
        for policy in relevant {
            let cluster = known.clusters.iter().find(|cluster| policy.cpus.iter().all(|cpu| cluster.cpus.contains(cpu)));
            let Some(pin) = wish.frequency.of_cluster(cluster.map(|cluster| cluster.name.as_str())) else { continue };
            let points = match &policy.frequencies {
                Reading::Value { value } if !value.is_empty() => value.clone(),
                // Drivers without a table take any frequency within the hardware's bounds.
                _ => [policy.hardware_min.value(), policy.hardware_max.value()].into_iter().flatten().copied().collect(),
            };
            match pin.nearest(&points) {
                Some(target) => self.targets.push(ClockTarget {
                    policy: policy.path.clone(),
                    cpus: policy.cpus.clone(),
                    asked: pin.to_string(),
                    target,
                }),
                None => {
                    let why = "neither operating points nor hardware bounds are known";
                    self.turned.push(Turned::impossible(&policy.path, &pin.to_string(), Missing::Absent, why));
                }
            }
        }
    }

    /// CPUs online, when all of the session are.
    fn with_all_online(&self, cpus: &CpuSet) -> Result<CpuSet, TuneError> {
        let online = topology::cpu_list(self.ports.device().sysfs.as_ref(), "online");
        let (online, why) = match online {
            Reading::Value { value } => (value, self.turned.iter().map(Turned::shown).collect::<Vec<_>>().join("; ")),
            Reading::Missing { detail, .. } => (CpuSet::default(), detail),
        };
        let offline: CpuSet = cpus.iter().filter(|&cpu| !online.contains(cpu)).collect();
        if offline.is_empty() { Ok(online) } else { Err(TuneError::Offline { offline, why }) }
    }

    /// Saves, writes and verifies the steps of one stage.
    pub(super) async fn carry_out(
        &mut self,
        steps: Vec<Step>,
        brought_online: &CpuSet,
        guardian: Option<(&RunnerProgram, &Path)>,
    ) -> Result<(), JournalError> {
        let mut ready: Vec<(Step, Saved)> = Vec::new();
        for step in steps {
            match step::save(&self.ports, &step, brought_online).await {
                Ok(saved) => ready.push((step, saved)),
                Err(refused) => self.turned.push(*refused),
            }
        }
        if ready.is_empty() {
            return Ok(());
        }
        step::in_order_of_limits(&mut ready);
        if self.guardian.is_none()
            && let Some((program, folder)) = guardian
        {
            match Guardian::start(program, folder, &self.owner) {
                Ok(guardian) => self.guardian = Some(guardian),
                Err(error) => tracing::warn!(%error, "no guardian: after kill -9 knobs wait for the agent's next start"),
            }
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

    /// On MediaTek's phones cpufreq's limits may not hold; where PPM holds a clock on both sides, the pin rests on it.
    fn rest_on_ppm(&mut self) {
        let held = |turned: &&Turned| matches!(turned.form, Form::PpmLimit(_)) && turned.evidence.outcome == KnobOutcome::Held;
        let mut sides: BTreeMap<String, usize> = BTreeMap::new();
        for policy in self.turned.iter().filter(held).filter_map(|turned| turned.policy.clone()) {
            *sides.entry(policy).or_default() += 1;
        }
        for turned in &mut self.turned {
            let both = turned.policy.as_ref().and_then(|policy| sides.get(policy)).is_some_and(|&sides| sides == 2);
            if both {
                turned.evidence.helpful = !matches!(turned.form, Form::PpmLimit(_));
            }
        }
    }

    /// Tells the guardian that the agent lives.
    pub fn beat(&self) {
        if let Some(guardian) = &self.guardian {
            guardian.beat();
        }
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
        if whole && let Some(guardian) = self.guardian.take() {
            guardian.done();
        }
        // What could not be put back now will not be a moment later, in the guard; the guardian tries once more.
        self.restored = true;
        let turned = std::mem::take(&mut self.turned);
        turned.into_iter().map(|turned| turned.into_evidence(&self.ports, whole)).collect()
    }

    /// What became of a knob.
    pub(super) fn outcome_of(&self, knob: &str) -> KnobOutcome {
        let turned = self.turned.iter().find(|turned| turned.evidence.knob == knob);
        turned.map_or(KnobOutcome::Absent, |turned| turned.evidence.outcome)
    }

    /// Whether every knob that held still does.
    pub(super) fn still_holds(&self) -> bool {
        self.drifted().0.is_empty()
    }

    /// Puts everything back at once.
    ///
    /// # Errors
    /// [`JournalError::NotRestored`]; dropping tries again.
    pub(super) fn put_back_now(mut self) -> Result<(), JournalError> {
        if !self.restored {
            self.put_back()?;
            self.restored = true;
        }
        Ok(())
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
            Ok(()) => {
                if let Some(guardian) = self.guardian.take() {
                    guardian.done();
                }
            }
            Err(error) => tracing::error!(%error, "the journal is kept and tried again at the next start"),
        }
    }
}

#[cfg(test)]
mod tests;
