//! May a run move a series or a gate? Computed from the evidence by pure code, on the device for people and on the
//! server for the record, always with the same result.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::evidence::{ClockTarget, KnobOutcome, ResidencyEvidence, SessionEvidence, TrueFrequency, WatchSample};
use crate::reading::Reading;
use crate::report::{Block, Measurement, OutputCheck};
use crate::session::{Frequency, OperatingPoint};
use crate::units::Kilohertz;

/// Whether a run counts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum Validity {
    /// Counts.
    Valid,
    /// Shown with its reasons; does not move a series or a gate.
    Degraded {
        /// Why.
        reasons: Vec<Doubt>,
    },
    /// Wrong for the question asked.
    Invalid {
        /// Why.
        reasons: Vec<Doubt>,
    },
}

impl Validity {
    /// `valid`, `degraded` or `invalid`.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Valid => "valid",
            Self::Degraded { .. } => "degraded",
            Self::Invalid { .. } => "invalid",
        }
    }

    /// All reasons.
    pub fn reasons(&self) -> &[Doubt] {
        match self {
            Self::Valid => &[],
            Self::Degraded { reasons } | Self::Invalid { reasons } => reasons,
        }
    }
}

/// One reason and the figure behind it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Doubt {
    /// For rules.
    pub reason: Reason,
    /// For people, with figures.
    pub detail: String,
}

/// Why a run is in doubt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// A clock that was to be pinned changed.
    FrequencyMoved,
    /// A clock that was to be pinned could not be.
    PinRefused,
    /// A cap fell, or a cooling device slowed the CPUs, during the blocks.
    Throttled,
    /// The clock was capped below the hardware maximum from the start.
    Capped,
    /// A CPU went offline during the blocks.
    Unplugged,
    /// A CPU executed more slowly than the clock that was to be pinned.
    ClockDiffers,
    /// A thread was allowed outside of the cores asked for, or ran there.
    Misplaced,
    /// Others took CPU time from the runner.
    Interference,
    /// The device was suspended within a block.
    Suspended,
    /// Latency still had a trend when warm-up ended.
    Unsteady,
    /// The device never became cool and idle.
    NotSettled,
    /// Outputs are not those of the reference.
    OutputsDiffer,
    /// Outputs could not be read.
    OutputsUnread,
    /// Too few samples for a judgement.
    TooFewSamples,
    /// A program of its own measured and printed a summary; there are no samples to judge.
    SummaryOnly,
}

impl Reason {
    /// All of them.
    pub const ALL: [Self; 15] = [
        Self::FrequencyMoved,
        Self::PinRefused,
        Self::Throttled,
        Self::Capped,
        Self::Unplugged,
        Self::ClockDiffers,
        Self::Misplaced,
        Self::Interference,
        Self::Suspended,
        Self::Unsteady,
        Self::NotSettled,
        Self::OutputsDiffer,
        Self::OutputsUnread,
        Self::TooFewSamples,
        Self::SummaryOnly,
    ];
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::FrequencyMoved => "frequency moved",
            Self::PinRefused => "pin refused",
            Self::Throttled => "throttled",
            Self::Capped => "capped",
            Self::Unplugged => "CPU unplugged",
            Self::ClockDiffers => "clock differs",
            Self::Misplaced => "misplaced",
            Self::Interference => "interference",
            Self::Suspended => "suspended",
            Self::Unsteady => "unsteady",
            Self::NotSettled => "not settled",
            Self::OutputsDiffer => "outputs differ",
            Self::OutputsUnread => "outputs unread",
            Self::TooFewSamples => "too few samples",
            Self::SummaryOnly => "summary only",
        })
    }
}

/// How strong the proof is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum EvidenceTier {
    /// Clocks neither pinned nor shown to be still.
    Bronze,
    /// Residency proves one frequency and no throttling.
    Silver,
    /// Pinned, read back and shown to be still.
    Gold,
}

impl fmt::Display for EvidenceTier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Bronze => "bronze",
            Self::Silver => "silver",
            Self::Gold => "gold",
        })
    }
}

/// Share of a block that a runner may wait for a CPU before the block counts as disturbed. A tick of another process
/// now and then is below 1 %; one busy neighbour on a shared core is far above.
pub const MAX_WAITING_SHARE: f64 = 0.05;
/// Share of blocks that may be disturbed before the run is degraded: medians over blocks bear less than half.
pub const MAX_DISTURBED_BLOCKS: f64 = 0.25;
/// Time stolen by a hypervisor, as a share of one CPU.
pub const MAX_STEAL_SHARE: f64 = 0.05;
/// Fewest samples over all blocks.
pub const MIN_SAMPLES: usize = 20;
/// Share of time in one operating point that proves a still clock; a tick of residency is 10 ms.
pub const MIN_RESIDENCY: f64 = 0.99;

/// Judges one run by its own and its session's evidence.
pub fn assess(point: &OperatingPoint, session: &SessionEvidence, run: &Measurement) -> Validity {
    let (mut invalid, mut degraded) = (Vec::new(), Vec::new());
    let doubt = |reason, detail: String| Doubt { reason, detail };

    if point.frequency != Frequency::Unpinned {
        for knob in session.knobs.iter().filter(|knob| !knob.helpful && !stands(point, knob.outcome)) {
            let detail = format!("{}: asked {}, read back {} ({:?})", knob.knob, knob.asked, knob.read_back, knob.outcome);
            invalid.push(doubt(Reason::PinRefused, detail));
        }
        if session.knobs.iter().all(|knob| knob.helpful) {
            invalid.push(doubt(Reason::PinRefused, "this device offers no clock to pin".into()));
        }
        for residency in relevant(session).filter(|residency| is_to_stand(point, session, residency)) {
            if let Some(detail) = moved(residency) {
                invalid.push(doubt(Reason::FrequencyMoved, detail));
            }
        }
    }
    for target in &session.targets {
        if let Some(detail) = stood_elsewhere(session, target) {
            invalid.push(doubt(Reason::FrequencyMoved, detail));
        }
        if let Some(detail) = executed_slowly(session, target) {
            degraded.push(doubt(Reason::ClockDiffers, detail));
        }
    }
    for (policy, detail) in caps(session) {
        invalid.push(doubt(Reason::Throttled, format!("{policy}: {detail}")));
    }
    if let Some((kind, state)) = active_cooling(session) {
        invalid.push(doubt(Reason::Throttled, format!("{kind} was in state {state} during the blocks")));
    }
    if let Some(detail) = unplugged(session) {
        invalid.push(doubt(Reason::Unplugged, detail));
    }
    if !point.frequency.is_pinned() {
        for (policy, cap, hardware) in capped_from_the_start(session) {
            degraded.push(doubt(Reason::Capped, format!("{policy}: capped at {cap} of {hardware} from the start")));
        }
    }
    for thread in &run.threads {
        if let Some(allowed) = thread.allowed.value().filter(|allowed| !allowed.is_subset(&session.cpus)) {
            let detail = format!("thread {} ({}) was allowed on {allowed}, asked {}", thread.tid, thread.name, session.cpus);
            invalid.push(doubt(Reason::Misplaced, detail));
        } else if let Some(&cpu) = thread.last_cpu.value().filter(|&&cpu| !session.cpus.contains(cpu)) {
            let detail = format!("thread {} ({}) last ran on CPU {cpu}, asked {}", thread.tid, thread.name, session.cpus);
            invalid.push(doubt(Reason::Misplaced, detail));
        }
    }
    let suspended: u64 = run.blocks.iter().map(|block| block.suspended.0).sum();
    if suspended > 0 {
        invalid.push(doubt(Reason::Suspended, format!("{} within blocks", crate::units::Nanos(suspended))));
    }
    match &run.outputs {
        OutputCheck::NoReference => {}
        OutputCheck::Failed { detail } => invalid.push(doubt(Reason::OutputsUnread, detail.clone())),
        OutputCheck::Compared { outputs } => {
            for (name, comparison) in outputs.iter().filter(|(_, comparison)| !comparison.within) {
                let detail = format!(
                    "output {name}: relative error {:.2e}, cosine {:.6}",
                    comparison.max_relative_error, comparison.cosine
                );
                invalid.push(doubt(Reason::OutputsDiffer, detail));
            }
        }
    }

    if let Some(&share) = session.steal_share.value().filter(|&&share| share > MAX_STEAL_SHARE) {
        degraded.push(doubt(Reason::Interference, format!("the hypervisor took {:.0} % of a CPU", share * 100.0)));
    }
    let waits: Vec<f64> = run.blocks.iter().filter_map(|block| block.waiting_share.value().copied()).collect();
    let disturbed = run.blocks.iter().filter(|block| is_disturbed(block)).count();
    if disturbed as f64 > waits.len() as f64 * MAX_DISTURBED_BLOCKS {
        let worst = waits.iter().copied().fold(0.0, f64::max);
        let detail =
            format!("the runner waited for a CPU in {disturbed} of {} blocks, up to {:.0} %", waits.len(), worst * 100.0);
        degraded.push(doubt(Reason::Interference, detail));
    }
    if !run.warmup.steady {
        let detail = format!("still a trend after {} warm-up inferences", run.warmup.samples.len());
        degraded.push(doubt(Reason::Unsteady, detail));
    }
    if session.settle.timed_out {
        degraded.push(doubt(Reason::NotSettled, session.settle.detail.clone()));
    }
    let samples: usize = run.blocks.iter().map(|block| block.samples.len()).sum();
    if run.summary.is_some() {
        degraded.push(doubt(Reason::SummaryOnly, "a program of its own measured; it gives no samples".into()));
    } else if samples < MIN_SAMPLES {
        degraded.push(doubt(Reason::TooFewSamples, format!("{samples} samples, {MIN_SAMPLES} are needed")));
    }

    if !invalid.is_empty() {
        invalid.append(&mut degraded);
        Validity::Invalid { reasons: invalid }
    } else if !degraded.is_empty() {
        Validity::Degraded { reasons: degraded }
    } else {
        Validity::Valid
    }
}

/// Whether others demonstrably took CPU time from the runner within the block. A block of which that is not known is not
/// disturbed, and proves nothing either.
pub fn is_disturbed(block: &Block) -> bool {
    takes_too_much(&block.waiting_share)
}

/// Whether a runner waited for a CPU so long that its latencies tell of others.
pub(crate) fn takes_too_much(waiting_share: &Reading<f64>) -> bool {
    waiting_share.value().is_some_and(|&share| share > MAX_WAITING_SHARE)
}

/// The strength of a session's proof for the clocks of its cores.
pub fn tier(point: &OperatingPoint, session: &SessionEvidence) -> EvidenceTier {
    let mut policies = relevant(session).peekable();
    let covered = session.cpus.iter().all(|cpu| relevant(session).any(|residency| residency.cpus.contains(cpu)));
    let still = covered
        && policies.peek().is_some()
        && policies.all(proved_still)
        && caps(session).is_empty()
        && active_cooling(session).is_none()
        && unplugged(session).is_none()
        && session.targets.iter().all(|target| stood_elsewhere(session, target).is_none());
    let mut needed = session.knobs.iter().filter(|knob| !knob.helpful).peekable();
    let pinned = point.frequency.is_pinned() && needed.peek().is_some() && needed.all(|knob| knob.outcome == KnobOutcome::Held);
    match (still, pinned) {
        (true, true) => EvidenceTier::Gold,
        (true, false) => EvidenceTier::Silver,
        (false, _) => EvidenceTier::Bronze,
    }
}

/// Policies that clock one of the session's CPUs.
fn relevant(session: &SessionEvidence) -> impl Iterator<Item = &ResidencyEvidence> {
    session.residency.iter().filter(|residency| residency.cpus.iter().any(|cpu| session.cpus.contains(cpu)))
}

/// Share of the blocks' time that the policy spent in its commonest operating point; none without a count.
fn main_share(residency: &ResidencyEvidence) -> Option<f64> {
    let times = residency.time_in_state.value()?;
    let total: u64 = times.iter().map(|state| state.ticks).sum();
    let longest = times.iter().map(|state| state.ticks).max()?;
    (total > 0).then(|| longest as f64 / total as f64)
}

fn proved_still(residency: &ResidencyEvidence) -> bool {
    main_share(residency).is_some_and(|share| share >= MIN_RESIDENCY)
}

/// What shows that the policy's clock moved, if anything does.
fn moved(residency: &ResidencyEvidence) -> Option<String> {
    if let Some(share) = main_share(residency).filter(|&share| share < MIN_RESIDENCY) {
        return Some(format!("{}: only {:.1} % of the time in one operating point", residency.policy, share * 100.0));
    }
    let transitions = *residency.transitions.value()?;
    (transitions > 0).then(|| format!("{}: {transitions} transitions", residency.policy))
}

/// Whether what became of a knob is what the operating point asked for. Android's mode has nothing that could be read back.
fn stands(point: &OperatingPoint, outcome: KnobOutcome) -> bool {
    outcome == KnobOutcome::Held || (point.frequency == Frequency::FixedPerformance && outcome == KnobOutcome::Unverified)
}

/// Whether this policy's clock was to stand still. Evidence without targets is of a plan for all clocks.
fn is_to_stand(point: &OperatingPoint, session: &SessionEvidence, residency: &ResidencyEvidence) -> bool {
    session.targets.is_empty() || !point.frequency.is_pinned() || target_of(session, residency).is_some()
}

fn target_of<'a>(session: &'a SessionEvidence, residency: &ResidencyEvidence) -> Option<&'a ClockTarget> {
    session.targets.iter().find(|target| target.policy == residency.policy)
}

/// A clock that stood still, or was seen, at another operating point than the one asked for: a vendor's layer that takes
/// the limits and ignores them.
fn stood_elsewhere(session: &SessionEvidence, target: &ClockTarget) -> Option<String> {
    let residency = session.residency.iter().find(|residency| residency.policy == target.policy);
    // One that moved stood nowhere, and is told already.
    if residency.and_then(main_share).is_some_and(|share| share < MIN_RESIDENCY) {
        return None;
    }
    let times = residency.and_then(|residency| residency.time_in_state.value()).map_or(&[][..], Vec::as_slice);
    let longest = times.iter().max_by_key(|state| state.ticks);
    if let Some(state) = longest.filter(|state| state.frequency != target.target) {
        return Some(format!("{}: stood at {}, {} was asked", target.policy, state.frequency, target.target));
    }
    let seen = |look: &WatchSample| {
        let clock = look.clocks.iter().find(|clock| clock.policy == target.policy)?;
        clock.frequency.value().copied().filter(|&frequency| differs(frequency, target.target))
    };
    // Where time_in_state counts, a single look proves nothing against it: some drivers give a stale or derived value.
    if longest.is_some() {
        return None;
    }
    let frequency = session.watch.iter().find_map(seen)?;
    Some(format!("{}: seen at {frequency}, {} was asked", target.policy, target.target))
}

/// Share by which two frequencies may differ and be the same: hardware counters round.
const SAME_CLOCK: f64 = 0.02;

fn differs(one: Kilohertz, other: Kilohertz) -> bool {
    one.0.abs_diff(other.0) as f64 > other.0 as f64 * SAME_CLOCK
}

/// Share by which a CPU may be slower than its clock before it is believed: the chain is interrupted now and then.
const SLOW_EXECUTION: f64 = 0.05;

/// The best of a CPU's measurements is what counts, because others can only make them worse.
fn executed_slowly(session: &SessionEvidence, target: &ClockTarget) -> Option<String> {
    let of_target = session.true_frequencies.iter().filter(|measured| target.cpus.contains(measured.cpu));
    let both = |measured: &TrueFrequency| {
        let counted = measured.counted.as_ref().and_then(|counted| counted.value().copied());
        [measured.frequency.value().copied(), counted].into_iter().flatten().max()
    };
    let best = of_target.filter_map(both).max()?;
    let least = target.target.0 as f64 * (1.0 - SLOW_EXECUTION);
    ((best.0 as f64) < least).then(|| format!("{}: executes as at {best}, {} was asked", target.policy, target.target))
}

/// Whether a cooling device of this type slows CPUs.
pub fn slows_cpus(kind: &str) -> bool {
    let kind = kind.to_ascii_lowercase();
    ["cpufreq", "cpu", "processor", "hotplug"].iter().any(|word| kind.contains(word))
}

/// A cooling device that slowed CPUs during the blocks.
fn active_cooling(session: &SessionEvidence) -> Option<(&str, u64)> {
    let mut seen = session.watch.iter().flat_map(|look| &look.cooling);
    seen.find(|(kind, state)| *state > 0 && slows_cpus(kind)).map(|(kind, state)| (kind.as_str(), *state))
}

fn unplugged(session: &SessionEvidence) -> Option<String> {
    session.watch.iter().find_map(|look| {
        let online = look.online.as_ref()?;
        (!session.cpus.is_subset(online)).then(|| format!("only CPUs {online} were online, {} are measured", session.cpus))
    })
}

/// Policies whose cap was below the hardware's maximum when the blocks began, with both.
fn capped_from_the_start(session: &SessionEvidence) -> Vec<(&str, Kilohertz, Kilohertz)> {
    let cap = |residency: &ResidencyEvidence| {
        let first = session.watch.first()?.clocks.iter().find(|clock| clock.policy == residency.policy)?.cap.value().copied()?;
        Some((first, *residency.hardware_max.value()?))
    };
    let capped = |residency: &ResidencyEvidence| cap(residency).filter(|(cap, hardware)| cap < hardware);
    relevant(session)
        .filter_map(|residency| capped(residency).map(|(cap, hardware)| (residency.policy.as_str(), cap, hardware)))
        .collect()
}

/// Policies of the session's CPUs whose cap fell during the blocks, against the cap at their start.
fn caps(session: &SessionEvidence) -> Vec<(String, String)> {
    let mut found: Vec<(String, String)> = Vec::new();
    for residency in relevant(session) {
        let cap_at = |sample: &WatchSample| {
            let clock = sample.clocks.iter().find(|clock| clock.policy == residency.policy)?;
            clock.cap.value().copied()
        };
        let mut seen = session.watch.iter().filter_map(cap_at);
        let Some(first) = seen.next() else { continue };
        if let Some(lower) = seen.filter(|&cap| cap < first).min() {
            found.push((residency.policy.clone(), format!("cap fell from {first} to {lower}")));
        }
    }
    found
}
