//! How a meter behaves in time.

use crate::samples::Samples;

/// A meter's rhythm, from readings much faster than it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Pace {
    /// Seconds between two new values.
    pub period: f64,
    /// Least difference between two values.
    pub step: f64,
}

/// Fewest changes that show a rhythm.
const MIN_CHANGES: usize = 4;

/// The rhythm of a meter that was read at these times; none where it changed too rarely to tell.
///
/// The period is the median time between two changes: a meter that repeats a value now and then seems slower only where
/// it does so more often than not.
pub fn pace(readings: &[(f64, f64)]) -> Option<Pace> {
    let changes: Vec<(f64, f64)> = readings
        .iter()
        .zip(readings.iter().skip(1))
        .filter(|((_, before), (_, after))| before != after)
        .map(|((_, before), (at, after))| (*at, (after - before).abs()))
        .collect();
    if changes.len() < MIN_CHANGES {
        return None;
    }
    let gaps = Samples::new(changes.iter().zip(changes.iter().skip(1)).map(|((a, _), (b, _))| b - a).collect()).ok()?;
    let steps = Samples::new(changes.iter().map(|(_, step)| *step).collect()).ok()?;
    Some(Pace { period: gaps.median(), step: steps.minimum() })
}

/// A little more than two periods: the first reading that lies wholly behind a change, wherever updates fall.
const WHOLE: f64 = 2.2;
/// Share of a change at which its time is taken: a filter of one pole is at 80 % after 1.6 time constants.
const MOSTLY: f64 = 0.8;
/// Times that until the rest is below 1 %: e^(−3 × 1.6).
const WHOLLY: f64 = 3.0;

/// Seconds after a change of power until a power meter of this period tells all of it, from the readings after a change
/// at the time `changed` away from the level `before`.
pub fn response(readings: &[(f64, f64)], changed: f64, before: f64, period: f64) -> f64 {
    let whole = WHOLE * period;
    let settled: Vec<f64> = readings.iter().skip(readings.len() / 2).map(|(_, value)| *value).collect();
    let Ok(settled) = Samples::new(settled) else { return whole };
    let change = settled.median() - before;
    // A change that the meter's own noise could be shows no response.
    if change.abs() <= 4.0 * settled.mad() {
        return whole;
    }
    let reached = readings.iter().find(|(at, value)| *at > changed && (value - before) / change >= MOSTLY);
    match reached.map(|(at, _)| at - changed) {
        Some(time) if time > whole => WHOLLY * time,
        _ => whole,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Readings every `poll` seconds of a value that changes every `period`.
    fn polled(poll: f64, period: f64, seconds: f64, value: impl Fn(f64) -> f64) -> Vec<(f64, f64)> {
        let count = (seconds / poll) as usize;
        (0..count).map(|nth| nth as f64 * poll).map(|at| (at, value((at / period).floor() * period))).collect()
    }

    #[test]
    fn a_rhythm_is_told_from_changes() {
        let readings = polled(0.05, 1.0, 12.0, |at| (at * 7.0) % 5.0);
        let pace = pace(&readings).unwrap();
        assert!((pace.period - 1.0).abs() < 0.06 && (pace.step - 2.0).abs() < 1e-9, "{pace:?}");
    }

    #[test]
    fn a_meter_that_stands_still_has_no_rhythm() {
        assert_eq!(pace(&polled(0.05, 1.0, 12.0, |_| 3.0)), None);
        assert_eq!(pace(&[]), None);
    }

    #[test]
    fn a_filter_is_waited_for_and_a_plain_gauge_is_not() {
        let filtered = polled(1.0, 1.0, 60.0, |at| 3.0 - 2.0 * (-at / 4.0f64).exp());
        let waited = response(&filtered, 0.0, 1.0, 1.0);
        assert!((18.0..=24.0).contains(&waited), "{waited}");
        let plain = polled(1.0, 1.0, 60.0, |at| if at < 1.0 { 1.0 } else { 3.0 });
        assert_eq!(response(&plain, 0.0, 1.0, 1.0), 2.2);
    }
}
