//! The line protocol between an agent and a runner process: one JSON object a line, requests on the runner's standard
//! input, one reply each on its standard output. Whatever speaks it can join the farm as an engine.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::adapter::{Adapter, Summary};
use crate::engine::EngineEvidence;
use crate::model::TensorSpec;
use crate::packaging::{PackageKey, Packaging};
use crate::pipeline::{FrameTime, Pipeline};
use crate::tensor::InputGenerator;
use crate::units::{Bytes, Nanos};

/// To the runner.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[expect(clippy::large_enum_variant, reason = "there is one request at a time, and it is read at once")]
#[serde(tag = "op", rename_all = "snake_case", deny_unknown_fields)]
pub enum Request {
    /// Read, check and prepare a model; the reply is [`Reply::Loaded`].
    Load(LoadRequest),
    /// Run `n` inferences one after another; the reply is [`Reply::Ran`].
    Run {
        /// How many, at least 1.
        n: u32,
    },
    /// The last outputs; the reply is [`Reply::Outputs`].
    Outputs {
        /// For each wanted output its name and the flat positions in it; no positions means all.
        wanted: Vec<(String, Vec<u64>)>,
    },
    /// Memory of the runner as it stands; the reply is [`Reply::Memory`].
    Memory,
    /// Time by operator over `n` inferences; the reply is [`Reply::Profile`], or `Failed` with `unsupported`.
    Profile {
        /// How many inferences to average.
        n: u32,
    },
    /// Run `n` whole frames of the loaded pipeline one after another; the reply is [`Reply::Framed`].
    Frames {
        /// How many, at least 1.
        n: u32,
    },
    /// End; no reply.
    Quit,
}

/// What to load and how.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LoadRequest {
    /// The model file.
    pub model: PathBuf,
    /// Name of the engine.
    pub engine: String,
    /// The engine's library, where it is not built in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub library: Option<PathBuf>,
    /// How to call and to read the program, where the engine is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub adapter: Option<Adapter>,
    /// How the file at `model` is packed; none as it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub package: Option<PackedModel>,
    /// The frames that will be asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pipeline: Option<Pipeline>,
    /// Threads it may use.
    pub threads: u16,
    /// Inputs with known shapes; empty: taken from the file, which must then say all dimensions.
    pub inputs: Vec<TensorSpec>,
    /// How each input is made; empty: evenly spread -1 to 1, seed 1.
    pub generators: Vec<InputGenerator>,
    /// Inputs whose values come from files of this device, by name; they win over the generators.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<InputFile>,
}

/// The values of one input in a file of numpy's `.npy` format.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InputFile {
    /// Name of the input; empty for the first.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// The file.
    pub path: PathBuf,
}

impl LoadRequest {
    /// A file as it is, on an engine without a library, with inputs as the file says.
    pub fn new(model: impl Into<PathBuf>, engine: impl Into<String>, threads: u16) -> Self {
        Self {
            model: model.into(),
            engine: engine.into(),
            library: None,
            adapter: None,
            package: None,
            pipeline: None,
            threads,
            inputs: Vec::new(),
            generators: Vec::new(),
            files: Vec::new(),
        }
    }
}

/// A packed model file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PackedModel {
    /// Form.
    pub packaging: Packaging,
    /// Its key, where it is encrypted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<PackageKey>,
}

/// From the runner.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "reply", rename_all = "snake_case", deny_unknown_fields)]
pub enum Reply {
    /// First line of a runner, before any request.
    Ready {
        /// Version of this protocol: 1.
        protocol: u32,
        /// Memory before any model: the engine's own baseline.
        memory: MemoryFigures,
    },
    /// The model is ready to run.
    Loaded {
        /// Reading the file, parsing and optimising.
        load: Nanos,
        /// Reading, decrypting and decompressing alone, where the file was packed; not part of `load`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        unpack: Option<Nanos>,
        /// Inputs with all dimensions known.
        inputs: Vec<TensorSpec>,
        /// Outputs with all dimensions known.
        outputs: Vec<TensorSpec>,
        /// What the engine says it will execute.
        evidence: EngineEvidence,
    },
    /// Latencies.
    Ran {
        /// Of each inference, CLOCK_MONOTONIC_RAW.
        samples: Vec<Nanos>,
        /// Instant of CLOCK_MONOTONIC_RAW before the first.
        started: Nanos,
        /// How much longer CLOCK_BOOTTIME ran than CLOCK_MONOTONIC over the batch: time spent suspended.
        suspended: Nanos,
    },
    /// What a program printed of its inferences, in place of [`Reply::Ran`]: it gives no samples.
    Summarised {
        /// Its figures.
        summary: Summary,
        /// Its load time, where it says so.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        load: Option<Nanos>,
        /// Its first inference, where it says so.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        first_inference: Option<Nanos>,
        /// The most memory it held, as it says or as the system counted for the ended process.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        peak_rss: Option<Bytes>,
        /// Its version, where it says so.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        version: Option<String>,
    },
    /// Frames.
    Framed {
        /// Each frame.
        times: Vec<FrameTime>,
        /// How much longer CLOCK_BOOTTIME ran than CLOCK_MONOTONIC over the batch: time spent suspended.
        suspended: Nanos,
    },
    /// Values in the order wanted, as f32 whatever the element type.
    Outputs {
        /// One list for each wanted output.
        values: Vec<Vec<f32>>,
    },
    /// Memory.
    Memory(MemoryFigures),
    /// Time by operator, in the order of execution.
    Profile {
        /// Operators.
        operators: Vec<OperatorTime>,
    },
    /// The request failed; the runner goes on unless it says so by ending.
    Failed {
        /// Why, for rules.
        reason: FailureReason,
        /// Why, for people.
        detail: String,
    },
}

/// Memory of a runner process, from /proc/self/status and smaps_rollup; none where the kernel does not say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct MemoryFigures {
    /// VmHWM: the most that was ever resident.
    pub peak_rss: Option<Bytes>,
    /// VmRSS.
    pub rss: Option<Bytes>,
    /// Pss: shared pages counted by share.
    pub pss: Option<Bytes>,
    /// Pss_Anon.
    pub pss_anonymous: Option<Bytes>,
    /// Pss_File.
    pub pss_file: Option<Bytes>,
    /// RssAnon: resident and private to the process, such as weights read into the heap.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rss_anonymous: Option<Bytes>,
    /// RssFile: resident pages of files, such as mapped weights, which the kernel can drop and read again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rss_file: Option<Bytes>,
}

/// Time of one operator.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct OperatorTime {
    /// Node name.
    pub name: String,
    /// Operator type.
    pub operator: String,
    /// Mean time of one inference spent there.
    pub time: Nanos,
}

/// Why a subject has no measurement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum FailureReason {
    /// The bytes are not an ONNX model.
    NotAModel,
    /// The engine lacks an operator; the detail names it.
    UnsupportedOperator,
    /// The engine refuses the model for another reason.
    RefusedByEngine,
    /// No such engine in this build, or its library cannot be loaded.
    EngineMissing,
    /// The engine cannot do this (a profile, say).
    Unsupported,
    /// An inference failed.
    InferenceFailed,
    /// The runner process died; the detail has its exit status or signal.
    RunnerDied,
    /// The runner gave no answer in time.
    RunnerHung,
    /// The runner said something that is not in the protocol.
    ProtocolViolated,
    /// The artifact could not be fetched or has another digest.
    ArtifactUnavailable,
    /// The device refuses what the operating point asks (no such cores).
    OperatingPointImpossible,
    /// The agent was stopped.
    Stopped,
    /// The device became so hot or so empty that the agent ended the session by itself.
    CutOff,
}
