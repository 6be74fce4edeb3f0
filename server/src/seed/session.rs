//! One made-up session: its evidence and what each subject got.

use benchrack_protocol::api::{Estimate, Metric};
use benchrack_protocol::cpuset::CpuSet;
use benchrack_protocol::device::DeviceReport;
use benchrack_protocol::engine::{EngineEvidence, IntegerKernels};
use benchrack_protocol::evidence::{
    ClockSample, ClockTarget, Hindrance, KnobEvidence, KnobOutcome, ResidencyEvidence, SessionEvidence, SettleEvidence,
    WatchSample,
};
use benchrack_protocol::model::Precision;
use benchrack_protocol::reading::{Missing, Reading};
use benchrack_protocol::report::{Block, Failure, Measurement, OutputCheck, Warmup};
use benchrack_protocol::runner::{FailureReason, MemoryFigures};
use benchrack_protocol::session::Subject;
use benchrack_protocol::units::{Bytes, Kilohertz, Millicelsius, Nanos};
use benchrack_protocol::validity;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

use super::rack::{Place, Rack, Revision, Variant};
use super::sweep::Sweep;
use crate::judge::{self, JudgedRun, UnusableMeasurement};

/// Share of sessions in which something goes wrong, by kind.
const TROUBLED: [(Trouble, f64); 3] = [(Trouble::Heat, 0.02), (Trouble::Neighbour, 0.006), (Trouble::Unsettled, 0.004)];
/// Share of a block that the runner waits for a busy neighbour, and without one.
const WAITING_BUSY: f64 = 0.14;
const WAITING: f64 = 0.002;
/// Share of runs that fail.
const FAILED: f64 = 0.003;
/// Blocks of a run, and inferences in each.
const BLOCKS: u32 = 10;
const BLOCK_SAMPLES: usize = 30;
/// Time between two blocks of a subject, ns: the others have theirs.
const ROUND_NS: u64 = 1_000_000_000;
const SECOND: u64 = 1_000_000_000;

/// What goes wrong in a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Trouble {
    /// The clock is capped by heat half-way through.
    Heat,
    /// Something else wants the same cores in every other block.
    Neighbour,
    /// The phone did not cool down in time before it began.
    Unsettled,
}

impl Trouble {
    pub(super) const ALL: [Self; 3] = [Self::Heat, Self::Neighbour, Self::Unsettled];

    /// How many times as long an inference takes.
    fn slows_by(self) -> f64 {
        match self {
            Self::Heat => 1.25,
            Self::Neighbour => 1.06,
            Self::Unsettled => 1.02,
        }
    }
}

/// What became of a subject.
pub(super) enum Outcome {
    Measured(Box<Measurement>, JudgedRun),
    Failed(Failure),
}

/// Chance of one session; the same for the same seed and number.
pub(super) struct Chance(ChaCha8Rng);

impl Chance {
    pub(super) fn of(seed: u64, session: u64) -> Self {
        Self(ChaCha8Rng::seed_from_u64(seed ^ session.wrapping_mul(0x9e37_79b9_7f4a_7c15)))
    }

    /// Uniform from 0 to 1.
    fn share(&mut self) -> f64 {
        (self.0.next_u64() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// Standard normal (Box and Muller, Annals of Mathematical Statistics 29 (1958)).
    fn normal(&mut self) -> f64 {
        let (radius, angle) = (1.0 - self.share(), self.share());
        (-2.0 * radius.ln()).sqrt() * (std::f64::consts::TAU * angle).cos()
    }

    pub(super) fn bytes<const N: usize>(&mut self) -> [u8; N] {
        let mut bytes = [0; N];
        self.0.fill_bytes(&mut bytes);
        bytes
    }

    pub(super) fn trouble(&mut self) -> Option<Trouble> {
        let mut left = self.share();
        TROUBLED.into_iter().find_map(|(trouble, share)| {
            left -= share;
            (left < 0.0).then_some(trouble)
        })
    }
}

fn not_asked<T>() -> Reading<T> {
    Reading::missing(Missing::NotAsked, "simulated history")
}

/// What was seen around a session; while its samples are kept, second by second.
pub(super) fn evidence(report: &DeviceReport, sweep: Option<&Sweep>, trouble: Option<Trouble>, whole: bool) -> SessionEvidence {
    let throttled = trouble == Some(Trouble::Heat);
    let unsettled = trouble == Some(Trouble::Unsettled);
    let pressure = if trouble == Some(Trouble::Neighbour) { 21.0 } else { 0.4 };
    let fastest = report.clusters.last();
    let (cpus, clock, policy) = match sweep {
        Some(sweep) => (sweep.cpus.clone(), sweep.clock, sweep.policy.clone()),
        None => {
            let cpus = fastest.map(|cluster| cluster.cpus.clone()).unwrap_or_default();
            let clock = fastest.and_then(|cluster| cluster.max_freq.value().copied()).unwrap_or(Kilohertz(1_800_000));
            let policy = format!("cpufreq/policy{}", cpus.iter().next().unwrap_or_default());
            (cpus, clock, policy)
        }
    };
    let seconds = u64::from(BLOCKS);
    let look = |second: u64| {
        let capped = throttled && second > seconds / 2;
        let cap = if capped { Kilohertz(clock.0 * 7 / 10) } else { clock };
        let heat = i64::try_from(second).unwrap_or_default() * if throttled { 2_600 } else { 700 };
        WatchSample {
            at: Nanos(second * SECOND),
            online: None,
            clocks: vec![ClockSample { policy: policy.clone(), frequency: Reading::of(cap), cap: Reading::of(cap) }],
            temperatures: vec![("cpu".into(), Reading::of(Millicelsius(38_000 + heat)))],
            cooling: Vec::new(),
            cpu_pressure: Reading::of(pressure),
            current: not_asked(),
            voltage: not_asked(),
        }
    };
    let looks: Vec<u64> = if whole { (0..=seconds).collect() } else { vec![0, seconds] };
    SessionEvidence {
        settle: SettleEvidence {
            waited: Nanos(if unsettled { 300 } else { 4 } * SECOND),
            timed_out: unsettled,
            hindrance: unsettled.then_some(Hindrance::Heat),
            detail: if unsettled { "skin is at 44.1 °C, above 37.0 °C" } else { "cool and idle" }.into(),
            load_1min: Reading::of(0.3),
            cpu_pressure: Reading::of(0.2),
        },
        knobs: sweep.map(|_| pinned(&policy, clock)).into_iter().flatten().collect(),
        asked_knobs: Vec::new(),
        targets: sweep.map(|_| target(&policy, &cpus, clock)).into_iter().collect(),
        true_frequencies: Vec::new(),
        watch: looks.into_iter().map(look).collect(),
        residency: vec![ResidencyEvidence {
            policy,
            cpus: cpus.clone(),
            time_in_state: not_asked(),
            transitions: not_asked(),
            hardware_max: Reading::of(sweep.map_or(clock, |sweep| sweep.top)),
        }],
        cpus,
        steal_share: Reading::of(0.0),
    }
}

/// Both limits of a clock, held.
fn pinned(policy: &str, clock: Kilohertz) -> [KnobEvidence; 2] {
    ["scaling_min_freq", "scaling_max_freq"].map(|limit| KnobEvidence {
        knob: format!("{policy}/{limit}"),
        before: not_asked(),
        asked: clock.0.to_string(),
        read_back: Reading::of(clock.0.to_string()),
        outcome: KnobOutcome::Held,
        restored: true,
        helpful: false,
    })
}

fn target(policy: &str, cpus: &CpuSet, clock: Kilohertz) -> ClockTarget {
    ClockTarget { policy: policy.into(), cpus: cpus.clone(), asked: clock.0.to_string(), target: clock }
}

/// One subject of a session.
pub(super) struct Asked<'a> {
    pub(super) place: Place,
    pub(super) variant: Variant,
    pub(super) subject: &'a Subject,
    pub(super) evidence: &'a SessionEvidence,
    pub(super) revision: &'a Revision,
    pub(super) trouble: Option<Trouble>,
    /// Whether its samples are kept.
    pub(super) whole: bool,
}

/// How much ran in integer kernels.
pub(super) fn integer_kernels(variant: Variant) -> IntegerKernels {
    match (variant.precision, variant.library) {
        (Precision::Int8, true) => IntegerKernels::All,
        (Precision::Int8, false) => IntegerKernels::DenseOnly,
        _ => IntegerKernels::None,
    }
}

/// Measures a subject, or lets it fail.
pub(super) fn outcome(rack: &Rack<'_>, asked: &Asked<'_>, chance: &mut Chance) -> Result<Outcome, UnusableMeasurement> {
    if chance.share() < FAILED {
        return Ok(Outcome::Failed(Failure { reason: FailureReason::RunnerDied, detail: "signal 9".into() }));
    }
    let Asked { place, variant, subject, evidence, revision, trouble, whole } = *asked;
    let noise = rack.noise(place.device);
    let slowed = trouble.map_or(1.0, Trouble::slows_by);
    let busy = |round: u32| trouble == Some(Trouble::Neighbour) && round.is_multiple_of(2);
    let median = rack.level(place, variant, revision) * slowed * (noise * chance.normal()).exp();
    let mut sample = || Nanos((median * (0.4 * noise * chance.normal()).exp()) as u64);
    let place_in_round = u32::from(variant.library) * 2 + u32::from(variant.precision == Precision::Int8);
    let block = |round: u32, samples: Vec<Nanos>| Block {
        round,
        place: place_in_round,
        started: Nanos(u64::from(round) * ROUND_NS + u64::from(place_in_round) * (ROUND_NS / 4)),
        samples,
        suspended: Nanos(0),
        waiting_share: Reading::of(if busy(round) { WAITING_BUSY } else { WAITING }),
        turns: Vec::new(),
    };
    // What is retired was judged when it came: its samples need only be enough for that.
    let blocks: Vec<Block> = if whole {
        (0..BLOCKS).map(|round| block(round, (0..BLOCK_SAMPLES).map(|_| sample()).collect())).collect()
    } else {
        vec![block(0, vec![Nanos(median as u64); validity::MIN_SAMPLES])]
    };
    let size = subject.manifest.size;
    let version = rack.build_at(place.round).filter(|_| variant.library).map_or("0.23.3", |(_, version)| version.as_str());
    let measurement = Measurement {
        load: Nanos(8_000_000 + size.0 * 3),
        first_inference: Nanos((median * 1.8) as u64),
        warmup: Warmup { samples: vec![Nanos((median * 1.05) as u64); 5], steady: true },
        blocks,
        memory_before: MemoryFigures::default(),
        memory: MemoryFigures { peak_rss: Some(Bytes(18_000_000 + size.0 * 5 / 2)), ..MemoryFigures::default() },
        outputs: OutputCheck::NoReference,
        engine: EngineEvidence {
            engine: variant.engine().into(),
            version: version.into(),
            kernels: "neon".into(),
            threads: subject.threads,
            executed: vec![(variant.precision, 26)],
            integer_kernels: integer_kernels(variant),
            operators: Vec::new(),
            settings: Vec::new(),
        },
        threads: Vec::new(),
        summary: None,
        frames: None,
        packaged_loads: Vec::new(),
        energy: None,
        sustained: None,
        failed_passes: Vec::new(),
        fresh_runners: Vec::new(),
        profile: Vec::new(),
    };
    let point = rack.point(place.sweep);
    let mut judged = if whole {
        judge::run(subject, &point, evidence, &measurement)?
    } else {
        JudgedRun {
            validity: validity::assess(&point, evidence, &measurement),
            tier: validity::tier(&point, evidence),
            metrics: figures(median, noise, &measurement, size),
        }
    };
    if let Some((added, all)) = rack.sweep(place.sweep).map(Sweep::watts) {
        let about = |value: f64| Estimate::within(value, value * 0.97, value * 1.03);
        judged.metrics.push((Metric::Energy, about(added * median / SECOND as f64)));
        judged.metrics.push((Metric::Power, about(all)));
    }
    Ok(Outcome::Measured(Box::new(measurement), judged))
}

/// The figures of a run whose samples were retired.
fn figures(median: f64, noise: f64, measurement: &Measurement, size: Bytes) -> Vec<(Metric, Estimate)> {
    let about = |value: f64, share: f64| Estimate::within(value, value * (1.0 - share), value * (1.0 + share));
    let exact = |value: u64| Estimate::exact(value as f64);
    let mut figures = vec![
        (Metric::Latency, about(median, 0.1 * noise)),
        (Metric::LatencyP90, about(median * (1.0 + 0.5 * noise), 0.15 * noise)),
        (Metric::LatencyP99, about(median * (1.0 + noise), 0.3 * noise)),
        (Metric::FirstInference, exact(measurement.first_inference.0)),
        (Metric::Load, exact(measurement.load.0)),
        (Metric::ModelSize, exact(size.0)),
    ];
    figures.extend(measurement.memory.peak_rss.map(|bytes| (Metric::PeakRss, exact(bytes.0))));
    figures
}
