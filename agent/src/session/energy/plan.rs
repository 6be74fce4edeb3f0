//! How long rest and loops must last, from what a trial showed.

use benchrack_protocol::energy::{EnergyMeter, EnergyPhase, EnergyRun, Quantity};
use benchrack_protocol::reading::Missing;
use benchrack_protocol::units::Nanos;
use benchrack_stats::Confidence;
use benchrack_stats::energy::{EnergyError, EnergyEstimate, estimate_numbers};

use super::Nothing;

/// Batches of the meter's memory that a trial and the shortest phase hold.
const SHORTEST_BATCHES: f64 = 5.0;
/// Shortest phase, whatever the meter: it must hold bursts of others' work, and clocks need a while.
const SHORTEST_PHASE: f64 = 24.0;
/// Share of the asked width that noise may take; steps, timing and the range of rest take the others.
const NOISE_SHARE: f64 = 0.6;
/// Share of the asked width by which the power of rest may still fall, and share of the width that a trial's noise left.
const COOL_SHARE: f64 = 0.1;
const COOL_NOISE: f64 = 0.3;

/// What a trial showed.
pub(super) struct Trial {
    /// Length of its rest and of its loop.
    pub(super) seconds: f64,
    /// Power of the loop above rest, W.
    pub(super) net: f64,
    /// Half of the interval as a share of the energy; none where the trial could not tell.
    pub(super) width: Option<f64>,
}

impl Trial {
    /// Seconds of rest and of loops after which the noise of the trial makes its share of the width asked for.
    pub(super) fn length(&self, width: f64) -> Option<f64> {
        let seen = self.width? / (NOISE_SHARE * width);
        // Noise falls with the root of the time, a counter's step with the time itself: the longer one.
        Some(self.seconds * seen.max(seen.powi(2)))
    }

    /// How much less a stretch of rest may draw than the one before it, W.
    pub(super) fn still_warm(&self, width: f64) -> f64 {
        self.net.max(0.0) * (COOL_SHARE * width).max(COOL_NOISE * self.width.unwrap_or(0.0))
    }
}

/// The shortest phase in seconds, when the time left holds as many as are needed and some for a trial.
pub(super) fn affordable(known: &EnergyMeter, left: f64, subjects: usize, trials: f64) -> Result<f64, Nothing> {
    let least = shortest(known);
    let needed = least * (phases(subjects) + trials);
    if needed <= left {
        return Ok(least);
    }
    let (period, all) = (seconds(known.period), (needed + 4.0 * least) / subjects as f64);
    let why = format!(
        "{} has a new value every {period:.2} s and follows within {:.1} s: energy.max_time must be about {all:.0} s",
        known.what,
        seconds(known.response)
    );
    Err((Missing::Unavailable, why))
}

/// Phases of one length that subjects take together: rest before and after, and each subject's loops, of which those of
/// several subjects come in two parts.
pub(super) fn phases(subjects: usize) -> f64 {
    2.0 + subjects as f64 * if subjects > 1 { 2.0 } else { 1.0 }
}

/// Shortest phase that a figure can be made of, in seconds.
pub(super) fn shortest(known: &EnergyMeter) -> f64 {
    let (period, response) = (seconds(known.period), seconds(known.response));
    (response + SHORTEST_BATCHES * response.max(2.0 * period) + 2.0 * period).max(SHORTEST_PHASE)
}

/// Mean power of a phase in watts, for planning only.
pub(super) fn power(known: &EnergyMeter, phase: &EnergyPhase) -> f64 {
    let quantity = known.source.quantity();
    let from = phase.span().0 + seconds(known.response);
    let points: Vec<(f64, f64)> = phase.points(quantity).into_iter().filter(|(at, _)| *at >= from).collect();
    match (quantity, points.first(), points.last()) {
        (Quantity::Current, ..) => points.iter().map(|(_, value)| value).sum::<f64>() / points.len().max(1) as f64,
        (_, Some((begun, before)), Some((ended, after))) if ended > begun => (after - before) / (ended - begun),
        _ => 0.0,
    }
}

pub(super) fn seconds(time: Nanos) -> f64 {
    time.0 as f64 / 1e9
}

pub(super) fn nanos(seconds: f64) -> Nanos {
    Nanos((seconds.max(0.0) * 1e9) as u64)
}

/// The figures of a run by the same code as the server's.
///
/// # Errors
/// When the readings are too few, or load and rest cannot be told apart.
pub fn estimate(run: &EnergyRun) -> Result<EnergyEstimate, EnergyError> {
    estimate_numbers(run.numbers(), Confidence::P95)
}
