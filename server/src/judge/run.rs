//! One run: its figures and whether it counts.

use benchrack_protocol::api::{Estimate, Metric};
use benchrack_protocol::evidence::SessionEvidence;
use benchrack_protocol::report::Measurement;
use benchrack_protocol::session::{OperatingPoint, Subject};
use benchrack_protocol::units::{Bytes, Nanos};
use benchrack_protocol::validity::{self, EvidenceTier, Validity};
use benchrack_stats::blocks::{self, BlockError};
use benchrack_stats::{Confidence, Interval};

/// What is said of a measured run.
#[derive(Debug, Clone, PartialEq)]
pub struct JudgedRun {
    /// Whether it counts.
    pub validity: Validity,
    /// Strength of the proof.
    pub tier: EvidenceTier,
    /// Its figures, in the order of [`Metric::ALL`]; what was not measured is not there.
    pub metrics: Vec<(Metric, Estimate)>,
}

/// The samples cannot be judged.
#[derive(Debug, thiserror::Error)]
#[error("the samples cannot be judged")]
pub struct UnusableMeasurement(#[from] BlockError);

/// Judges one run by its samples and its session's evidence.
///
/// # Errors
/// When there are no blocks, or one has no samples.
pub fn run(
    subject: &Subject,
    point: &OperatingPoint,
    evidence: &SessionEvidence,
    measurement: &Measurement,
) -> Result<JudgedRun, UnusableMeasurement> {
    Ok(JudgedRun {
        validity: validity::assess(point, evidence, measurement),
        tier: validity::tier(point, evidence),
        metrics: metrics(measurement, subject.manifest.size)?,
    })
}

/// The figures of a measurement of a model file of this size.
///
/// # Errors
/// When there are no blocks, or one has no samples.
pub fn metrics(measurement: &Measurement, size: Bytes) -> Result<Vec<(Metric, Estimate)>, UnusableMeasurement> {
    let blocks: Vec<Vec<f64>> = measurement.blocks.iter().map(|block| nanoseconds(&block.samples)).collect();
    let summary = blocks::summary(&blocks, Confidence::P95)?;
    let figures = [
        (Metric::Latency, Some(interval(&summary.median))),
        (Metric::LatencyP90, Some(interval(&summary.p90))),
        (Metric::LatencyP99, Some(interval(&summary.p99))),
        (Metric::FirstInference, Some(exact(measurement.first_inference.0))),
        (Metric::Load, Some(exact(measurement.load.0))),
        (Metric::PeakRss, measurement.memory.peak_rss.map(|bytes| exact(bytes.0))),
        (Metric::Pss, measurement.memory.pss.map(|bytes| exact(bytes.0))),
        (Metric::ModelSize, Some(exact(size.0))),
    ];
    Ok(figures.into_iter().filter_map(|(metric, estimate)| Some((metric, estimate?))).collect())
}

/// Latencies as the statistics take them; 2^53 ns, where a float begins to round, are 104 days.
pub(super) fn nanoseconds(samples: &[Nanos]) -> Vec<f64> {
    samples.iter().map(|sample| sample.0 as f64).collect()
}

fn interval(interval: &Interval) -> Estimate {
    Estimate { value: interval.value, low: interval.low, high: interval.high }
}

fn exact(value: u64) -> Estimate {
    let value = value as f64;
    Estimate { value, low: value, high: value }
}
