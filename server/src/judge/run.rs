//! One run: its figures and whether it counts.

use benchrack_protocol::api::{Estimate, Metric};
use benchrack_protocol::evidence::SessionEvidence;
use benchrack_protocol::packaging::{LoadTime, PackagedLoad, Packaging};
use benchrack_protocol::pipeline::{FrameTime, Frames};
use benchrack_protocol::report::Measurement;
use benchrack_protocol::session::{OperatingPoint, Subject};
use benchrack_protocol::units::{Bytes, Nanos};
use benchrack_protocol::validity::{self, EvidenceTier, Validity};
use benchrack_stats::blocks::{self, BlockError, BlockSummary};
use benchrack_stats::{Confidence, Interval, Samples};

use super::energy;

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
/// When there are neither blocks nor a summary, or a block has no samples.
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
/// What an engine's own program printed is not what our samples say: only its mean is taken, under a metric of its own.
///
/// # Errors
/// When there are neither blocks nor a summary, or a block has no samples.
pub fn metrics(measurement: &Measurement, size: Bytes) -> Result<Vec<(Metric, Estimate)>, UnusableMeasurement> {
    metrics_at(measurement, size, Confidence::P95)
}

/// The same with intervals of another confidence.
///
/// # Errors
/// As [`metrics`].
pub fn metrics_at(
    measurement: &Measurement,
    size: Bytes,
    confidence: Confidence,
) -> Result<Vec<(Metric, Estimate)>, UnusableMeasurement> {
    let latencies = match &measurement.summary {
        Some(_) => None,
        None => Some(latencies(measurement, confidence)?),
    };
    let of_samples = |of: fn(&BlockSummary) -> &Interval| latencies.as_ref().map(|summary| interval(of(summary)));
    // A program that does not tell how long it loaded has its time reported as zero.
    let told = |time: Nanos| (measurement.summary.is_none() || time.0 > 0).then(|| exact(time.0));
    let packaged = |packaging| measurement.packaged_loads.iter().find(|load| load.packaging == packaging).and_then(load_time);
    let figures = [
        (Metric::Latency, of_samples(|summary| &summary.median)),
        (Metric::LatencyP90, of_samples(|summary| &summary.p90)),
        (Metric::LatencyP99, of_samples(|summary| &summary.p99)),
        (Metric::FirstInference, told(measurement.first_inference)),
        (Metric::Load, told(measurement.load)),
        (Metric::PeakRss, measurement.memory.peak_rss.map(|bytes| exact(bytes.0))),
        (Metric::Pss, measurement.memory.pss.map(|bytes| exact(bytes.0))),
        (Metric::ModelSize, Some(exact(size.0))),
        (Metric::LatencyMean, measurement.summary.as_ref().and_then(|summary| summary.mean).map(|mean| exact(mean.0))),
    ];
    let loads = [
        (Metric::LoadRaw, packaged(Packaging::Raw)),
        (Metric::LoadZstd, packaged(Packaging::Zstd)),
        (Metric::LoadEncryptedThenZstd, packaged(Packaging::EncryptedThenZstd)),
        (Metric::LoadZstdThenEncrypted, packaged(Packaging::ZstdThenEncrypted)),
    ];
    let mut all: Vec<(Metric, Estimate)> =
        figures.into_iter().chain(loads).filter_map(|(metric, estimate)| Some((metric, estimate?))).collect();
    all.extend(memory_figures(measurement));
    all.extend(energy::figures(measurement, confidence));
    if let Some(frames) = &measurement.frames {
        all.extend(frame_figures(frames, confidence)?);
    }
    all.sort_by_key(|(metric, _)| *metric);
    Ok(all)
}

/// What the model adds to the runner's own memory; a figure that fell is none, because nothing was added.
fn memory_figures(measurement: &Measurement) -> impl Iterator<Item = (Metric, Estimate)> {
    let (before, after) = (measurement.memory_before, measurement.memory);
    let added = |before: Option<Bytes>, after: Option<Bytes>| Some(exact(after?.0.checked_sub(before?.0)?));
    [
        (Metric::ModelPeakRss, added(before.peak_rss, after.peak_rss)),
        (Metric::ModelPssAnonymous, added(before.pss_anonymous, after.pss_anonymous)),
        (Metric::ModelPssFile, added(before.pss_file, after.pss_file)),
    ]
    .into_iter()
    .filter_map(|(metric, estimate)| Some((metric, estimate?)))
}

fn latencies(measurement: &Measurement, confidence: Confidence) -> Result<BlockSummary, BlockError> {
    let blocks: Vec<Vec<f64>> = measurement.blocks.iter().map(|block| nanoseconds(&block.samples)).collect();
    blocks::summary(&blocks, confidence)
}

/// Batches that a run of frames is cut into, at most.
const BATCHES: usize = 10;
/// Fewest frames of a batch: enough for neighbours to lie in one batch, not in two.
const BATCH: usize = 5;

/// The figures of whole frames.
///
/// Frames follow each other without a pause and resemble their neighbours, so that they are judged in batches of
/// consecutive ones, as blocks are: the method of batch means (Law and Kelton, "Simulation Modeling and Analysis",
/// §9.5.3) with medians in their place.
fn frame_figures(frames: &Frames, confidence: Confidence) -> Result<Vec<(Metric, Estimate)>, BlockError> {
    let batched = |values: &[f64]| batched(values, confidence);
    let of = |part: fn(&FrameTime) -> Nanos| batched(&frames.times.iter().map(|time| part(time).0 as f64).collect::<Vec<_>>());
    let (total, conversion, post) = (of(|time| time.total)?, of(|time| time.conversion)?, of(|time| time.post)?);
    let frame = interval(&total.median);
    let mut figures = vec![
        (Metric::Frame, frame),
        (Metric::FrameP90, interval(&total.p90)),
        (Metric::FrameConversion, interval(&conversion.median)),
        (Metric::FramePost, interval(&post.median)),
    ];
    if frame.low > 0.0 {
        let rate = |time: f64| 1e9 / time;
        let level = frame.level;
        figures.push((
            Metric::FrameRate,
            Estimate { level, ..Estimate::within(rate(frame.value), rate(frame.high), rate(frame.low)) },
        ));
    }
    let steps: Vec<f64> =
        frames.times.iter().zip(frames.times.iter().skip(1)).map(|(a, b)| a.total.0.abs_diff(b.total.0) as f64).collect();
    // One frame has no neighbour.
    if !steps.is_empty() {
        figures.push((Metric::FrameJitter, interval(&batched(&steps)?.median)));
    }
    Ok(figures)
}

fn batched(values: &[f64], confidence: Confidence) -> Result<BlockSummary, BlockError> {
    let batches = (values.len() / BATCH).clamp(1, BATCHES);
    // Sizes differ by one at most.
    let start = |batch: usize| batch * values.len() / batches;
    let blocks: Vec<Vec<f64>> = (0..batches).map(|batch| values[start(batch)..start(batch + 1)].to_vec()).collect();
    blocks::summary(&blocks, confidence)
}

/// The median inference within whole frames, ns; none without frames.
pub fn frame_inference(frames: &Frames) -> Option<Estimate> {
    let times: Vec<f64> = frames.times.iter().map(|time| time.inference.0 as f64).collect();
    batched(&times, Confidence::P95).ok().map(|summary| interval(&summary.median))
}

/// Loading from a package in figures, ns.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LoadParts {
    /// Median of reading, decrypting and decompressing.
    pub unpack: f64,
    /// Median of the engine's own work.
    pub load: f64,
    /// Median of both together.
    pub total: Estimate,
}

/// The times of loading from a package; none without a load. Each load had a runner of its own, so that they are
/// independent of each other.
pub fn load_parts(load: &PackagedLoad) -> Option<LoadParts> {
    let of = |part: fn(&LoadTime) -> f64| Samples::new(load.loads.iter().map(part).collect()).ok();
    Some(LoadParts {
        unpack: of(|load| load.unpack.0 as f64)?.median(),
        load: of(|load| load.load.0 as f64)?.median(),
        total: interval(&of(|load| load.unpack.0 as f64 + load.load.0 as f64)?.summary(Confidence::P95).median),
    })
}

fn load_time(load: &PackagedLoad) -> Option<Estimate> {
    load_parts(load).map(|parts| parts.total)
}

/// Latencies as the statistics take them; 2^53 ns, where a float begins to round, are 104 days.
pub(super) fn nanoseconds(samples: &[Nanos]) -> Vec<f64> {
    samples.iter().map(|sample| sample.0 as f64).collect()
}

pub(super) fn interval(interval: &Interval) -> Estimate {
    let level = (!interval.reaches(Confidence::P95)).then_some(interval.confidence);
    Estimate { level, ..Estimate::within(interval.value, interval.low, interval.high) }
}

fn exact(value: u64) -> Estimate {
    Estimate::exact(value as f64)
}
