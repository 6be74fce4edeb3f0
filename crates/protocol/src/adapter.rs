//! How an engine's own benchmark program is called and read, as data: a command and one pattern for each figure.
//!
//! Such a program gives a summary and no samples, so a run of it is marked so and never judged. The adapters that come
//! with benchrack are in `config/adapters`.

use serde::{Deserialize, Serialize};

use crate::model::ModelFormat;
use crate::units::Nanos;

/// How to call one program and what it prints.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Adapter {
    /// Arguments. `{model}`, `{folder}` (one that holds this model alone), `{threads}`, `{runs}`, `{warmup}`, and
    /// `{channels}`, `{height}` and `{width}` of the first input are replaced; an unknown word in braces is an error.
    pub arguments: Vec<String>,
    /// Model files that it takes.
    pub formats: Vec<ModelFormat>,
    /// What it prints.
    pub figures: Vec<FigurePattern>,
    /// A pattern whose first group is the program's version, where it prints one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
}

/// Where one figure stands in what a program prints, on standard output and standard error alike.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct FigurePattern {
    /// Which figure.
    pub figure: Figure,
    /// A regular expression over one line, without the terminal's colours; its first group is the number.
    pub pattern: String,
    /// Unit of the number.
    pub unit: FigureUnit,
    /// Which line counts where several match.
    #[serde(default)]
    pub line: MatchedLine,
}

/// A figure that benchmark programs print.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Figure {
    /// Number of inferences.
    Count,
    /// Mean latency.
    Mean,
    /// Lowest latency.
    Minimum,
    /// Highest latency.
    Maximum,
    /// Median latency.
    Median,
    /// 90th percentile of latency.
    P90,
    /// 99th percentile of latency.
    P99,
    /// Standard deviation of latency.
    Deviation,
    /// Loading.
    Load,
    /// First inference.
    FirstInference,
    /// Most memory that was resident.
    PeakRss,
}

/// Unit of a printed number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum FigureUnit {
    /// Nanoseconds.
    #[serde(rename = "ns")]
    Nanoseconds,
    /// Microseconds.
    #[serde(rename = "us")]
    Microseconds,
    /// Milliseconds.
    #[serde(rename = "ms")]
    Milliseconds,
    /// Seconds.
    #[serde(rename = "s")]
    Seconds,
    /// A plain number.
    #[serde(rename = "1")]
    One,
    /// Bytes.
    #[serde(rename = "B")]
    Bytes,
    /// 1024 bytes.
    #[serde(rename = "KiB")]
    Kibibytes,
    /// 1024 x 1024 bytes.
    #[serde(rename = "MiB")]
    Mebibytes,
}

/// Which matching line counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum MatchedLine {
    /// The first.
    First,
    /// The last.
    #[default]
    Last,
}

/// What a program printed of its own inferences; none where it did not say.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Summary {
    /// Inferences.
    pub count: Option<u64>,
    /// Mean latency.
    pub mean: Option<Nanos>,
    /// Lowest latency.
    pub minimum: Option<Nanos>,
    /// Highest latency.
    pub maximum: Option<Nanos>,
    /// Median latency.
    pub median: Option<Nanos>,
    /// 90th percentile.
    pub p90: Option<Nanos>,
    /// 99th percentile.
    pub p99: Option<Nanos>,
    /// Standard deviation.
    pub deviation: Option<Nanos>,
}
