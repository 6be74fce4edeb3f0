//! Inference engines: which one is asked for, and what it says it executed.

use serde::{Deserialize, Serialize};

use crate::adapter::Adapter;
use crate::ids::ArtifactId;
use crate::model::Precision;
use crate::units::Bytes;

/// The engine that is linked into every agent.
pub const BUILT_IN_ENGINE: &str = "tract";

/// An engine as a session asks for it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct EngineRef {
    /// `tract`, `onnxruntime`, …
    pub name: String,
    /// The library or program, an artifact; none for the engine inside the agent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub build: Option<ArtifactId>,
    /// Path of the library or program inside the build, where the build is a tar archive of several files.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub entry: Option<String>,
    /// How to call and to read the program, where the engine is a benchmark program of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub adapter: Option<Adapter>,
}

impl EngineRef {
    /// The engine inside the agent.
    pub fn built_in() -> Self {
        Self::named(BUILT_IN_ENGINE)
    }

    /// An engine of this name, of which no build is known.
    pub fn named(name: impl Into<String>) -> Self {
        Self { name: name.into(), build: None, entry: None, adapter: None }
    }
}

/// A build of an engine that can be sent to devices: a library, a program, or a tar archive that holds one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct EngineBuild {
    /// What to name in a suite, and what loads it; carries digest, entry and adapter.
    pub engine: EngineRef,
    /// Version, as its makers number it: `1.32.0`.
    pub version: String,
    /// What it runs on, in the parts of [`crate::report::AgentBuild::target`]: `x86_64-linux-gnu`.
    pub target: String,
    /// SPDX expression.
    pub licence: String,
    /// Bytes of the file as it is stored.
    pub size: Bytes,
    /// Bytes that an app must ship to have this engine: the library without what only an archive adds.
    pub installed_size: Bytes,
    /// Where it came from: `PyPI onnxruntime 1.32.0`, a commit, a person.
    pub origin: String,
}

/// How much of a model ran in integer kernels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum IntegerKernels {
    /// Every convolution and matrix product.
    All,
    /// The dense ones; depthwise and grouped ones ran in floating point.
    DenseOnly,
    /// None.
    None,
}

/// What an engine says of a model it has loaded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct EngineEvidence {
    /// Name of the engine.
    pub engine: String,
    /// Its version.
    pub version: String,
    /// The family of kernels it chose on this CPU, as it names them (`avx512_vnni`, `neon+dotprod`).
    pub kernels: String,
    /// Threads it was asked to use.
    pub threads: u16,
    /// What ran: convolutions and matrix products of the optimised graph by the arithmetic of their kernels, with their
    /// number. One entry is a plain precision, several are a mixed one; empty where the engine does not tell.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub executed: Vec<(Precision, u32)>,
    /// How much ran in integer kernels, from the optimised graph; `None` means nothing where `executed` is empty.
    pub integer_kernels: IntegerKernels,
    /// Operators of the optimised graph by name, with their number: the evidence for the line above.
    pub operators: Vec<(String, u32)>,
    /// Settings of the engine that change latency, in its own words, with the values in force.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub settings: Vec<(String, String)>,
}
