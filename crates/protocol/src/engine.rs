//! Inference engines: which one is asked for, and what it says it executed.

use serde::{Deserialize, Serialize};

use crate::ids::ArtifactId;

/// The engine that is linked into every agent.
pub const BUILT_IN_ENGINE: &str = "tract";

/// An engine as a session asks for it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct EngineRef {
    /// `tract`, `onnxruntime`, …
    pub name: String,
    /// The library to load, an artifact; none for the engine inside the agent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub build: Option<ArtifactId>,
}

impl EngineRef {
    /// The engine inside the agent.
    pub fn built_in() -> Self {
        Self { name: BUILT_IN_ENGINE.into(), build: None }
    }
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
    /// How much ran in integer kernels, from the optimised graph.
    pub integer_kernels: IntegerKernels,
    /// Operators of the optimised graph by name, with their number: the evidence for the line above.
    pub operators: Vec<(String, u32)>,
}
