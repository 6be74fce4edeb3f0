//! A gate on the wire: what is asked, by which rules, and what came out.

use serde::{Deserialize, Serialize};

use crate::api::{Estimate, JobStatus, Metric};
use crate::budget::Budget;
use crate::energy::EnergyPlan;
use crate::engine::EngineRef;
use crate::ids::{ArtifactId, GateId, SessionId};
use crate::model::Manifest;
use crate::packaging::Packaging;
use crate::session::{GateBinding, MeasurePlan, OperatingPoint, SessionSpec, StopRule, Subject};
use crate::units::Nanos;
use crate::validity::MIN_SAMPLES;

/// `POST /gates`: is the candidate slower than the baseline on these devices? Scope submit.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct NewGate {
    /// What is compared with.
    pub baseline: GateSubject,
    /// What is judged.
    pub candidate: GateSubject,
    /// Device selector: empty for all, else terms joined by commas that all must match: `name`, `soc`, `os`, `model`,
    /// `label` and `key` with `=` or `!=`; `android`, `cores` and `memory_gb` also with `<`, `<=`, `>`, `>=`.
    #[serde(default)]
    pub devices: String,
    /// Cores and clock.
    #[serde(default)]
    pub operating_point: OperatingPoint,
    /// How long and how often. Its rounds are an upper bound when `max_time` is given.
    #[serde(default)]
    pub plan: MeasurePlan,
    /// Rules of the verdict.
    #[serde(default)]
    pub rules: GateRules,
    /// Metrics that decide; latency alone when left out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub metrics: Vec<MetricRule>,
    /// Device time after which no round begins; each device stops as soon as it is sure. Without it all rounds of the plan
    /// are measured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_time: Option<Nanos>,
    /// Absolute limits for the candidate.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub budgets: Vec<Budget>,
}

/// One side of a gate.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct GateSubject {
    /// Manifest; its artifact must be stored.
    pub manifest: Manifest,
    /// Engine.
    pub engine: EngineRef,
    /// Threads.
    pub threads: u16,
}

/// Rules of a gate's verdict.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields, default)]
pub struct GateRules {
    /// Slow-down that is accepted, as a share: 0.02 is 2 %.
    pub tolerance: f64,
    /// Chance of a wrong `slower` over all devices and metrics of the gate, and over all gates of one change.
    pub alpha: f64,
    /// Fewest devices that must have a verdict.
    pub at_least: u32,
    /// Gates of one change, one for each of its models, that share `alpha`.
    #[serde(skip_serializing_if = "is_one")]
    pub models: u32,
}

fn is_one(models: &u32) -> bool {
    *models == 1
}

impl Default for GateRules {
    fn default() -> Self {
        Self { tolerance: 0.02, alpha: 0.01, at_least: 1, models: 1 }
    }
}

/// A metric that decides.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct MetricRule {
    /// Which.
    pub metric: Metric,
    /// Its own tolerance as a share; that of the rules when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tolerance: Option<f64>,
}

/// How a metric is judged in a gate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Judged {
    /// Each round gives a pair; a sequential test over them.
    ByRounds,
    /// The same each time: the two figures are compared.
    Exactly,
    /// Measured in a pass of its own, which gives each side an interval.
    ByIntervals,
}

impl Judged {
    /// Metrics that can decide a gate.
    pub const METRICS: [Metric; 10] = [
        Metric::Latency,
        Metric::LatencyP90,
        Metric::FirstInference,
        Metric::Load,
        Metric::Frame,
        Metric::PeakRss,
        Metric::Pss,
        Metric::ModelSize,
        Metric::Fidelity,
        Metric::Energy,
    ];

    /// How this metric is judged; none when it cannot decide a gate.
    pub fn of(metric: Metric) -> Option<Self> {
        match metric {
            Metric::Latency
            | Metric::LatencyP90
            | Metric::FirstInference
            | Metric::Load
            | Metric::Frame
            | Metric::PeakRss
            | Metric::Pss => Some(Self::ByRounds),
            Metric::ModelSize | Metric::Fidelity => Some(Self::Exactly),
            Metric::Energy => Some(Self::ByIntervals),
            _ => None,
        }
    }
}

impl MeasurePlan {
    /// This plan with what metrics need to be measured beside the blocks: whole frames, packages, energy. `tolerance` is the
    /// share of energy that is accepted; none for the usual width of its interval.
    #[must_use]
    pub fn with_what_they_need(self, metrics: &[Metric], tolerance: Option<f64>) -> Self {
        /// Frames in each round, when their time decides.
        const FRAMES: u32 = 12;
        /// Frames after the rounds, for budgets of what a single one does.
        const ALL_FRAMES: u32 = 100;
        /// Energy whose intervals are to lie on one side of a tolerance must be this much surer than that is wide.
        const SURER: f64 = 3.0;
        let any = |wanted: &[Metric]| wanted.iter().any(|metric| metrics.contains(metric));
        let of_frames = [Metric::FrameP90, Metric::FrameJitter, Metric::FrameRate, Metric::FrameConversion, Metric::FramePost];
        let packaged = [Metric::LoadRaw, Metric::LoadZstd, Metric::LoadEncryptedThenZstd, Metric::LoadZstdThenEncrypted];
        let usual = EnergyPlan::default();
        let energy = EnergyPlan { width: tolerance.map_or(usual.width, |share| (share / SURER).min(usual.width)), ..usual };
        Self {
            round_frames: if any(&[Metric::Frame]) { FRAMES } else { self.round_frames },
            frames: if any(&of_frames) { ALL_FRAMES } else { self.frames },
            packagings: if any(&packaged) { Packaging::ALL.into() } else { self.packagings },
            energy: if any(&[Metric::Energy, Metric::Power]) { Some(energy) } else { self.energy },
            ..self
        }
    }
}

impl NewGate {
    /// Metrics that decide, each with its tolerance.
    pub fn tolerances(&self) -> Vec<(Metric, f64)> {
        if self.metrics.is_empty() {
            return vec![(Metric::Latency, self.rules.tolerance)];
        }
        self.metrics.iter().map(|rule| (rule.metric, rule.tolerance.unwrap_or(self.rules.tolerance))).collect()
    }

    /// Comparisons with noise on so many devices, which share alpha: metrics times devices times the models of one change.
    pub fn comparisons(&self, devices: usize) -> usize {
        let noisy = |metric| matches!(Judged::of(metric), Some(Judged::ByRounds | Judged::ByIntervals));
        let metrics = self.tolerances().iter().filter(|(metric, _)| noisy(*metric)).count();
        metrics.saturating_mul(devices).saturating_mul(usize::try_from(self.rules.models).unwrap_or(usize::MAX))
    }

    /// Absolute limits on so many devices, which share alpha in the same way.
    pub fn limits(&self, devices: usize) -> usize {
        self.budgets.len().saturating_mul(devices).saturating_mul(usize::try_from(self.rules.models).unwrap_or(usize::MAX))
    }

    /// Fewest rounds with which a median can be held against so many limits: in n rounds all lie on one side of their median
    /// with a chance of 2^-n. None without limits.
    pub fn rounds_of_limits(&self, devices: usize) -> u32 {
        match self.limits(devices) {
            0 => 0,
            limits => (limits as f64 / self.rules.alpha).log2().ceil().max(1.0) as u32,
        }
    }

    /// Rounds after which a run has samples enough to count, however long an inference takes.
    fn rounds_of_samples(&self) -> u32 {
        u32::try_from(MIN_SAMPLES).unwrap_or(u32::MAX).div_ceil(self.plan.min_block_samples.max(1))
    }

    /// The session of one of `devices` devices. `engines` are those of baseline and candidate on it, with their builds;
    /// `request` is the digest of this request's JSON text, `budgets` the places of those that are about the device.
    pub fn session(
        &self,
        request: ArtifactId,
        device: &str,
        devices: u32,
        budgets: Vec<u32>,
        engines: [EngineRef; 2],
    ) -> SessionSpec {
        let [baseline, candidate] = engines;
        let subject = |label: &str, side: &GateSubject, engine| Subject {
            label: label.into(),
            manifest: side.manifest.clone(),
            engine,
            threads: side.threads,
        };
        let by_rounds: Vec<(Metric, f64)> =
            self.tolerances().into_iter().filter(|(metric, _)| Judged::of(*metric) == Some(Judged::ByRounds)).collect();
        let all = usize::try_from(devices).unwrap_or(usize::MAX);
        let comparisons = u32::try_from(self.comparisons(all)).unwrap_or(u32::MAX);
        let stop = self.max_time.map(|max_time| StopRule {
            metrics: by_rounds,
            alpha: self.rules.alpha,
            comparisons,
            max_time,
            min_rounds: self.rounds_of_limits(all).max(self.rounds_of_samples()),
        });
        SessionSpec {
            subjects: vec![subject("baseline", &self.baseline, baseline), subject("candidate", &self.candidate, candidate)],
            operating_point: self.operating_point.clone(),
            plan: MeasurePlan {
                stop,
                gate: Some(GateBinding { request, device: device.to_owned(), devices, budgets }),
                ..self.plan.clone()
            },
        }
    }
}

/// The answer of a gate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// The change of a metric that decides is certainly above the tolerance.
    Slower,
    /// It is certainly below the tolerance.
    NotSlower,
    /// Neither is certain.
    Inconclusive,
    /// The candidate's outputs are not those of its reference, however fast it is.
    WrongOutputs,
    /// The candidate is certainly above an absolute limit, however it compares.
    OverBudget,
}

impl Verdict {
    /// Whether the candidate must not ship.
    pub fn rejects(self) -> bool {
        matches!(self, Self::Slower | Self::WrongOutputs | Self::OverBudget)
    }
}

impl std::fmt::Display for Verdict {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Slower => "slower",
            Self::NotSlower => "not slower",
            Self::Inconclusive => "inconclusive",
            Self::WrongOutputs => "wrong outputs",
            Self::OverBudget => "over budget",
        })
    }
}

/// A gate and its verdict so far.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Gate {
    /// Id.
    pub id: GateId,
    /// Rules.
    pub rules: GateRules,
    /// Its jobs.
    pub jobs: Vec<JobStatus>,
    /// Verdict over all devices; none while jobs are open.
    pub outcome: Option<GateOutcome>,
}

/// Verdict of a gate.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct GateOutcome {
    /// Over all devices, the worst first: wrong outputs, slower, over budget, inconclusive, not slower.
    pub verdict: Verdict,
    /// In one sentence.
    pub summary: String,
    /// By device.
    pub devices: Vec<GateDevice>,
    /// Device time that would probably end the doubt, all devices together; none when there is no doubt, or when no time
    /// would.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub more_time: Option<Nanos>,
}

/// One device's part of a verdict.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct GateDevice {
    /// Device.
    pub device: String,
    /// Its session; none when measured without a server.
    pub session: Option<SessionId>,
    /// Its verdict.
    pub verdict: Verdict,
    /// Why it is inconclusive, or what is to be known: one sentence.
    pub detail: String,
    /// Candidate's latency over the baseline's, minus one, with the interval at the gate's level; none without valid pairs.
    pub effect: Option<Estimate>,
    /// Pairs of blocks.
    pub pairs: u32,
    /// Median latencies: baseline, candidate.
    pub medians: Option<(Nanos, Nanos)>,
    /// Every metric that decides, and every budget that applies.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub comparisons: Vec<GateComparison>,
    /// How long its session took.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device_time: Option<Nanos>,
    /// Device time that would probably end its doubt.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub more_time: Option<Nanos>,
}

/// One metric of a device against the baseline, or against a budget.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct GateComparison {
    /// A metric's name, or `fidelity`.
    pub metric: String,
    /// Its answer.
    pub verdict: Verdict,
    /// Candidate's value over the baseline's, minus one, with the interval that the answer is read off; none for budgets.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub change: Option<Estimate>,
    /// The baseline's value in the metric's unit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub baseline: Option<f64>,
    /// The candidate's value in the metric's unit, for a budget with the interval that is held against it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub candidate: Option<Estimate>,
    /// Tolerance as a share, or the budget's limit in the metric's unit.
    pub limit: f64,
    /// Whether `limit` is a budget's.
    pub budget: bool,
    /// One sentence.
    pub detail: String,
}
