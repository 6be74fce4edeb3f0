//! Energy and sustained load: figures from what a meter and a curve of latencies said.

use benchrack_protocol::api::{Estimate, Metric};
use benchrack_protocol::energy::{EnergyRun, Slice, SustainedRun};
use benchrack_protocol::report::Measurement;
use benchrack_stats::Confidence;
use benchrack_stats::energy::{EnergyError, EnergyEstimate, estimate_numbers};
use benchrack_stats::sustained::{self, Sustained};

use super::run::interval;

/// Energy per inference and power of a measurement, in intervals of this confidence; nothing where they cannot be told.
pub(super) fn figures(measurement: &Measurement, confidence: Confidence) -> Vec<(Metric, Estimate)> {
    let run = measurement.energy.as_ref().and_then(|reading| reading.value());
    match run.map(|run| estimate_numbers(run.numbers(), confidence)) {
        Some(Ok(estimate)) => {
            vec![(Metric::Energy, interval(&estimate.per_inference)), (Metric::Power, interval(&estimate.power))]
        }
        Some(Err(_)) | None => Vec::new(),
    }
}

/// The estimate behind the figures, or why there is none.
///
/// # Errors
/// When the readings are too few, or load and rest cannot be told apart.
pub fn energy(run: &EnergyRun) -> Result<EnergyEstimate, EnergyError> {
    estimate_numbers(run.numbers(), Confidence::P95)
}

/// Figures of minutes of load; none for an empty curve.
pub fn sustained(run: &SustainedRun) -> Option<Sustained> {
    let point = |slice: &Slice| sustained::Slice { at: slice.at.0 as f64 / 1e9, latency: slice.latency.0 as f64 };
    let points = |slices: &[Slice]| slices.iter().map(point).collect::<Vec<_>>();
    let ended = run.load.last().map_or(0.0, |slice| (slice.at.0 + slice.took.0) as f64 / 1e9);
    sustained::sustained(&points(&run.load), ended, &points(&run.recovery))
}
