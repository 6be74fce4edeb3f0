//! Bodies of the HTTP API, `/api/v1`.

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use crate::device::{DeviceReport, Reality};
use crate::engine::EngineBuild;
use crate::ids::{ArtifactId, DeviceId, EngineId, JobId, LeaseId, ModelId, RunId, SessionId, SubmissionId, TokenId};
use crate::model::{Manifest, Precision};
use crate::report::{AgentBuild, Failure};
use crate::session::{OperatingPoint, SessionSpec};
use crate::signature::PublicKey;
use crate::suite::Suite;
use crate::units::{Bytes, Nanos};
use crate::validity::{EvidenceTier, Validity};

pub use crate::gate::{
    Gate, GateComparison, GateDevice, GateOutcome, GateRules, GateSubject, Judged, MetricRule, NewGate, Verdict,
};

/// Header that carries a lease's secret.
pub const LEASE_HEADER: &str = "x-benchrack-lease";
/// Header that carries the agent's signature over the bytes of a report, see [`crate::signature::Signature`].
pub const SIGNATURE_HEADER: &str = "x-benchrack-signature";

/// `PUT /devices/{key}`: an agent says what it runs on. Scope agent.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Registration {
    /// Wished name, unique in the farm; kept from the first registration.
    pub name: String,
    /// What the probes found.
    pub report: DeviceReport,
    /// The agent's build.
    pub agent: AgentBuild,
    /// Public half of the key with which the agent signs its reports.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub public_key: Option<PublicKey>,
    /// What people call it besides its name, for selectors: `lab=seoul`, `case=off`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub labels: Vec<String>,
}

/// A device as the server knows it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Device {
    /// Id.
    pub id: DeviceId,
    /// `identity.key` of its report.
    pub key: String,
    /// Unique name.
    pub name: String,
    /// `identity.title` of its report.
    pub title: String,
    /// `idle`, `leased`, `cooling`, `quarantined`, `offline`, `retired`.
    pub state: String,
    /// Why, for quarantined and retired.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Whether its figures are real.
    pub reality: Reality,
    /// Last sign of life.
    #[serde(with = "time::serde::rfc3339")]
    pub last_seen_at: OffsetDateTime,
    /// Latest report.
    pub report: DeviceReport,
    /// Public half of the key with which its agent signs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub public_key: Option<PublicKey>,
    /// Labels that its agent gave it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub labels: Vec<String>,
    /// Its agent measures and wants no power from its cable until then; counted from `last_seen_at`, when it said so.
    #[serde(default, with = "time::serde::rfc3339::option", skip_serializing_if = "Option::is_none")]
    pub detached_until: Option<OffsetDateTime>,
}

impl Device {
    /// The longest reason of a quarantine or retirement, characters.
    pub const LONGEST_REASON: usize = 300;
}

/// `POST /leases`: an agent asks for work and waits up to `wait` for it. Scope agent. 204 when there is none.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Claim {
    /// The device.
    pub device: DeviceId,
    /// How long the server may hold the request open; at most 60 s count.
    pub wait: Nanos,
}

/// Answer to a claim: the right to work on one job.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Lease {
    /// Id, the fencing number.
    pub id: LeaseId,
    /// Secret for [`LEASE_HEADER`]; shown once.
    pub secret: String,
    /// Job.
    pub job: JobId,
    /// What to do.
    pub session: SessionSpec,
    /// How long the lease lives without a heartbeat.
    pub lives_for: Nanos,
}

/// `POST /leases/{id}/heartbeat`: still at work. 409 `lease_lost` means stop and restore.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Heartbeat {
    /// For people: `warming up squeezenet-1.1 int8`.
    pub phase: String,
    /// Blocks done.
    pub done: u32,
    /// Blocks in all.
    pub total: u32,
    /// From now on the agent may be silent for so long, seconds: it asks that the power of its cable be cut, without which it
    /// may have no way to the server. The lease lives on meanwhile. A sign of life without it takes the wish back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detached_for_s: Option<u32>,
}

impl Heartbeat {
    /// What the agent does, and how many blocks of how many are done.
    pub fn of(phase: impl Into<String>, done: u32, total: u32) -> Self {
        Self { phase: phase.into(), done, total, detached_for_s: None }
    }

    /// Time that an agent gets after a detached stretch to find its way back to the server, beside a lease's own life: the port
    /// is switched on, the phone is listed, and its rack leads it back.
    pub const RETURNS_WITHIN: std::time::Duration = std::time::Duration::from_secs(120);
}

/// `POST /leases/{id}/release`: the session could not be done at all; it may run elsewhere or again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Release {
    /// Why.
    pub failure: Failure,
}

/// `POST /leases/{id}/report` answers this; the body is a [`crate::report::SessionReport`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Reported {
    /// The session stored.
    pub session: SessionId,
    /// Its runs, one for each subject in order.
    pub runs: Vec<RunId>,
    /// Whether this report had been stored before: nothing was written now.
    pub duplicate: bool,
}

/// `PUT /artifacts/{sha256}` answers this; the body is the file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ArtifactStored {
    /// Digest.
    pub id: ArtifactId,
    /// Bytes.
    pub size: crate::units::Bytes,
    /// Whether it was there before.
    pub known: bool,
}

/// `POST /models`: gives a stored artifact its manifest. Scope submit. Idempotent for the same name, precision and digest.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct NewModel {
    /// Manifest; its artifact must be stored already.
    pub manifest: Manifest,
    /// Commit, version or build that made it; shown on series.
    #[serde(default)]
    pub revision: String,
}

/// A model revision.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Model {
    /// Id.
    pub id: ModelId,
    /// Manifest.
    pub manifest: Manifest,
    /// Revision it was added with.
    pub revision: String,
    /// When it was added.
    #[serde(with = "time::serde::rfc3339")]
    pub added_at: OffsetDateTime,
}

/// `POST /engines` takes an [`EngineBuild`] whose artifact is stored already; this is what the farm knows of it then. Scope
/// submit. Idempotent for the same name and digest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Engine {
    /// Id.
    pub id: EngineId,
    /// The build.
    pub build: EngineBuild,
    /// When it was added.
    #[serde(with = "time::serde::rfc3339")]
    pub added_at: OffsetDateTime,
}

/// `POST /submissions`: measure a suite. Scope submit.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct NewSubmission {
    /// The suite.
    pub suite: Suite,
    /// Device selector: empty for all, else `key=value` terms joined by commas, all to match (`name`, `soc`, `os`, `model`).
    #[serde(default)]
    pub devices: String,
}

/// A submission and how far it is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Submission {
    /// Id.
    pub id: SubmissionId,
    /// Suite's name.
    pub suite: String,
    /// When it came.
    #[serde(with = "time::serde::rfc3339")]
    pub submitted_at: OffsetDateTime,
    /// Its jobs.
    pub jobs: Vec<JobStatus>,
}

/// A job and how far it is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct JobStatus {
    /// Id.
    pub id: JobId,
    /// The device it is for.
    pub device: DeviceId,
    /// `queued`, `leased`, `done`, `failed`, `cancelled`.
    pub state: String,
    /// For people: its subjects.
    pub title: String,
    /// What the agent does right now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub progress: Option<Heartbeat>,
    /// Session, when done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session: Option<SessionId>,
    /// Why, when failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<String>,
}

/// A value with the interval that holds it, in the metric's unit.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Estimate {
    /// Point.
    pub value: f64,
    /// Lower end of the 95 % interval; equal to the point for exact metrics.
    pub low: f64,
    /// Upper end.
    pub high: f64,
    /// Chance, 0 to 1, with which the interval holds the true value, where there were too few samples for 95 %: the
    /// interval then ends at the smallest or largest of them. None: the interval is as sure as its place says, or exact.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub level: Option<f64>,
}

impl Estimate {
    /// A figure with an interval of the level that its place says.
    pub fn within(value: f64, low: f64, high: f64) -> Self {
        Self { value, low, high, level: None }
    }

    /// A figure without error.
    pub fn exact(value: f64) -> Self {
        Self::within(value, value, value)
    }
}

/// What is measured of a run. Each has one unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Metric {
    /// Median latency of one inference, ns.
    Latency,
    /// 90th percentile of latency, ns.
    LatencyP90,
    /// 99th percentile of latency, ns.
    LatencyP99,
    /// First inference after loading, ns.
    FirstInference,
    /// Reading, parsing and optimising the model before the blocks, ns.
    Load,
    /// Peak resident memory of the runner, bytes.
    PeakRss,
    /// Proportional set size after the blocks, bytes.
    Pss,
    /// Size of the model file, bytes.
    ModelSize,
    /// Mean latency that an engine's own program printed, ns; only of runs without samples.
    LatencyMean,
    /// Median time of a whole frame, from the camera's bytes to the answer, ns.
    Frame,
    /// 90th percentile of a whole frame, ns.
    FrameP90,
    /// Median difference between neighbouring frames' times, ns.
    FrameJitter,
    /// Frames in a second at the median frame time.
    FrameRate,
    /// Median time from the camera's bytes to the input tensor, ns.
    FrameConversion,
    /// Median time from the output tensor to the answer, ns.
    FramePost,
    /// Loading from the file as it is, once more in fresh runners as from packages, ns.
    LoadRaw,
    /// Loading from a Zstandard package, ns.
    LoadZstd,
    /// Loading from an encrypted, then compressed package, ns.
    LoadEncryptedThenZstd,
    /// Loading from a compressed, then encrypted package, ns.
    LoadZstdThenEncrypted,
    /// Energy that one inference adds to the device at rest, J.
    Energy,
    /// Mean power of all that the meter sees while inferences follow each other, W.
    Power,
    /// Peak resident memory above the runner's own before the model was loaded, bytes.
    ModelPeakRss,
    /// Anonymous part of the proportional set size above the runner's own, bytes.
    ModelPssAnonymous,
    /// Part of the proportional set size that is backed by files, above the runner's own, bytes.
    ModelPssFile,
    /// Signal to quantisation noise of an int8 model, dB, as its manifest gives it; for gates and budgets, no run has it.
    Fidelity,
}

impl Metric {
    /// All, in the order they are shown.
    pub const ALL: [Metric; 25] = [
        Self::Latency,
        Self::LatencyP90,
        Self::LatencyP99,
        Self::FirstInference,
        Self::Load,
        Self::PeakRss,
        Self::Pss,
        Self::ModelSize,
        Self::LatencyMean,
        Self::Frame,
        Self::FrameP90,
        Self::FrameJitter,
        Self::FrameRate,
        Self::FrameConversion,
        Self::FramePost,
        Self::LoadRaw,
        Self::LoadZstd,
        Self::LoadEncryptedThenZstd,
        Self::LoadZstdThenEncrypted,
        Self::Energy,
        Self::Power,
        Self::ModelPeakRss,
        Self::ModelPssAnonymous,
        Self::ModelPssFile,
        Self::Fidelity,
    ];

    /// Stable name: `latency_p90`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Latency => "latency",
            Self::LatencyP90 => "latency_p90",
            Self::LatencyP99 => "latency_p99",
            Self::FirstInference => "first_inference",
            Self::Load => "load",
            Self::PeakRss => "peak_rss",
            Self::Pss => "pss",
            Self::ModelSize => "model_size",
            Self::LatencyMean => "latency_mean",
            Self::Frame => "frame",
            Self::FrameP90 => "frame_p90",
            Self::FrameJitter => "frame_jitter",
            Self::FrameRate => "frame_rate",
            Self::FrameConversion => "frame_conversion",
            Self::FramePost => "frame_post",
            Self::LoadRaw => "load_raw",
            Self::LoadZstd => "load_zstd",
            Self::LoadEncryptedThenZstd => "load_encrypted_then_zstd",
            Self::LoadZstdThenEncrypted => "load_zstd_then_encrypted",
            Self::Energy => "energy",
            Self::Power => "power",
            Self::ModelPeakRss => "model_peak_rss",
            Self::ModelPssAnonymous => "model_pss_anonymous",
            Self::ModelPssFile => "model_pss_file",
            Self::Fidelity => "fidelity",
        }
    }

    /// The metric of this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|metric| metric.name() == name)
    }

    /// Unit of its values: `ns`, `B`, `J`, `W`, `fps` or `dB`.
    pub fn unit(self) -> &'static str {
        match self {
            Self::PeakRss | Self::Pss | Self::ModelSize | Self::ModelPeakRss | Self::ModelPssAnonymous | Self::ModelPssFile => {
                "B"
            }
            Self::Energy => "J",
            Self::Power => "W",
            Self::FrameRate => "fps",
            Self::Fidelity => "dB",
            _ => "ns",
        }
    }

    /// A value for people: `12.3 ms`, `4.2 MB`, `2.1 mJ`.
    pub fn show(self, value: f64) -> String {
        let whole = value.max(0.0).round() as u64;
        match self.unit() {
            "ns" => Nanos(whole).to_string(),
            "B" => Bytes(whole).to_string(),
            unit @ ("J" | "W") if value < 1e-3 => format!("{:.1} µ{unit}", value * 1e6),
            unit @ ("J" | "W") if value < 1.0 => format!("{:.1} m{unit}", value * 1e3),
            unit => format!("{value:.1} {unit}"),
        }
    }

    /// Whether more is better; of all others less is.
    pub fn more_is_better(self) -> bool {
        matches!(self, Self::FrameRate | Self::Fidelity)
    }
}

/// One run, summarised by the server from its samples.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Run {
    /// Id.
    pub id: RunId,
    /// Its session.
    pub session: SessionId,
    /// Device.
    pub device: DeviceId,
    /// Device's name.
    pub device_name: String,
    /// Subject's label.
    pub label: String,
    /// Model's name.
    pub model: String,
    /// Precision of the file.
    pub precision: Precision,
    /// Artifact.
    pub artifact: ArtifactId,
    /// Engine and version.
    pub engine: String,
    /// Threads asked for.
    pub threads: u16,
    /// Cores and clock.
    pub operating_point: OperatingPoint,
    /// Server's clock when the report came.
    #[serde(with = "time::serde::rfc3339")]
    pub measured_at: OffsetDateTime,
    /// Whether figures are real.
    pub reality: Reality,
    /// Whether it counts; none when it failed.
    pub validity: Option<Validity>,
    /// Strength of the proof; none when it failed.
    pub tier: Option<EvidenceTier>,
    /// Why it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<Failure>,
    /// Summary figures; a metric that was not measured is not in the list.
    pub metrics: Vec<(Metric, Estimate)>,
}

/// What a token allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// Register devices, claim and report.
    Agent,
    /// Upload artifacts, add models, submit suites and gates; read too.
    Submit,
    /// Read everything but tokens.
    Read,
    /// Everything, and tokens.
    Admin,
}

/// `POST /tokens`. Scope admin.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct NewToken {
    /// For people: `phone rack in room 4`.
    pub name: String,
    /// What it allows.
    pub scope: Scope,
}

/// A token just made: the only time its secret is shown.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct CreatedToken {
    /// Id.
    pub id: TokenId,
    /// The bearer token.
    pub secret: String,
}

/// A token in the list.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Token {
    /// Id.
    pub id: TokenId,
    /// Name.
    pub name: String,
    /// Scope.
    pub scope: Scope,
    /// When it was made.
    #[serde(with = "time::serde::rfc3339")]
    pub created_at: OffsetDateTime,
    /// When it was last used.
    #[serde(with = "time::serde::rfc3339::option", default)]
    pub last_used_at: Option<OffsetDateTime>,
    /// When it was revoked.
    #[serde(with = "time::serde::rfc3339::option", default)]
    pub revoked_at: Option<OffsetDateTime>,
}
