//! Energy and sustained load: figures from what a meter and a curve of latencies said.

use benchrack_protocol::api::{Estimate, Metric};
use benchrack_protocol::energy::{EnergyPhase, EnergyRun, Quantity, Slice, SustainedRun};
use benchrack_protocol::report::Measurement;
use benchrack_protocol::units::Nanos;
use benchrack_stats::Confidence;
use benchrack_stats::energy::{self, EnergyError, EnergyEstimate, Meter, Stretch};
use benchrack_stats::sustained::{self, Sustained};

use super::run::interval;

/// Energy per inference and power of a measurement; nothing where they cannot be told.
pub(super) fn figures(measurement: &Measurement) -> Vec<(Metric, Estimate)> {
    let run = measurement.energy.as_ref().and_then(|reading| reading.value());
    match run.map(energy) {
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
    let quantity = run.meter.source.quantity();
    let seconds = |time: Nanos| time.0 as f64 / 1e9;
    let meter = Meter {
        counts: quantity != Quantity::Current,
        period: seconds(run.meter.period),
        step: run.meter.step as f64 / 1e6 * run.rests.first().map_or(1.0, EnergyPhase::volts),
        timing: seconds(run.meter.timing),
        response: seconds(run.meter.response),
    };
    let stretches = |phases: &[EnergyPhase]| {
        let one = |phase: &EnergyPhase| Stretch { span: phase.span(), readings: phase.points(quantity), work: phase.work() };
        phases.iter().map(one).collect::<Vec<_>>()
    };
    energy::estimate(&meter, &stretches(&run.rests), &stretches(&run.loops), Confidence::P95)
}

/// Figures of minutes of load; none for an empty curve.
pub fn sustained(run: &SustainedRun) -> Option<Sustained> {
    let point = |slice: &Slice| sustained::Slice { at: slice.at.0 as f64 / 1e9, latency: slice.latency.0 as f64 };
    let points = |slices: &[Slice]| slices.iter().map(point).collect::<Vec<_>>();
    let ended = run.load.last().map_or(0.0, |slice| (slice.at.0 + slice.took.0) as f64 / 1e9);
    sustained::sustained(&points(&run.load), ended, &points(&run.recovery))
}
