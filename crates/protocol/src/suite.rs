//! A suite: which models, precisions, engines and operating points are measured on which devices. TOML for people,
//! JSON on the wire; every list has a default, so that the shortest suite is a list of models.

use serde::{Deserialize, Serialize};

use crate::engine::BUILT_IN_ENGINE;
use crate::model::Precision;
use crate::session::{Cores, Frequency, MeasurePlan};
use crate::text_form::serde_as_text;

/// A suite file of `config/suites`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Suite {
    /// Name, shown with everything it measured.
    pub name: String,
    /// What it is for.
    #[serde(default)]
    pub description: String,
    /// Model names without precision; `*` alone means all that the server has.
    pub models: Vec<String>,
    /// Precisions; a model that lacks one is measured in the others.
    #[serde(default = "default_precisions")]
    pub precisions: Vec<Precision>,
    /// Engine names; `onnxruntime@1.32.0` names one build, a name alone the newest build for a device's target.
    #[serde(default = "default_engines")]
    pub engines: Vec<String>,
    /// Along which axes subjects share a session, so that their blocks are interleaved and they are compared pair by pair.
    #[serde(default = "default_together", skip_serializing_if = "is_default_together")]
    pub together: Vec<Axis>,
    /// Threads; 0 means as many as the cores chosen.
    #[serde(default = "default_threads")]
    pub threads: Vec<u16>,
    /// Cores.
    #[serde(default = "default_cores")]
    pub cores: Vec<Cores>,
    /// Clocks; `sweep` stands for each operating point of the cores' clock, on each device its own.
    #[serde(default = "default_frequencies")]
    pub frequencies: Vec<Clock>,
    /// How long and how often.
    #[serde(default)]
    pub plan: MeasurePlan,
}

/// What the subjects of a suite differ in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Axis {
    /// Models.
    Model,
    /// Precisions of one model.
    Precision,
    /// Engines.
    Engine,
    /// Numbers of threads.
    Threads,
}

fn default_together() -> Vec<Axis> {
    vec![Axis::Precision]
}

fn is_default_together(together: &Vec<Axis>) -> bool {
    *together == default_together()
}

fn default_precisions() -> Vec<Precision> {
    vec![Precision::Fp32, Precision::Int8]
}

fn default_engines() -> Vec<String> {
    vec![BUILT_IN_ENGINE.into()]
}

fn default_threads() -> Vec<u16> {
    vec![1]
}

fn default_cores() -> Vec<Cores> {
    vec![Cores::All]
}

fn default_frequencies() -> Vec<Clock> {
    vec![Clock::default()]
}

/// A clock of a suite. Text form: a frequency, or `sweep`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Clock {
    /// The same plan on every device.
    Plan(Frequency),
    /// One session for each operating point of the cores' clock.
    Sweep,
}

impl Default for Clock {
    fn default() -> Self {
        Self::Plan(Frequency::default())
    }
}

impl std::fmt::Display for Clock {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Plan(frequency) => frequency.fmt(f),
            Self::Sweep => f.write_str("sweep"),
        }
    }
}

impl std::str::FromStr for Clock {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.trim() == "sweep" {
            return Ok(Self::Sweep);
        }
        text.parse().map(Self::Plan).map_err(|why| format!("{why}, or sweep"))
    }
}

serde_as_text!(Clock);
