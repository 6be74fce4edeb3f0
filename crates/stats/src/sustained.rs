//! What minutes of load do to latency: minute 1, time to throttle, plateau, recovery.
//!
//! A phone is quick until it is warm. Its first minute is what a benchmark usually shows, its plateau what somebody who
//! films gets.

use crate::samples::Samples;

/// A slice of a curve.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Slice {
    /// Seconds since the start of the load.
    pub at: f64,
    /// Median latency in it, any unit.
    pub latency: f64,
}

/// Figures of a curve, in the latencies' unit and seconds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sustained {
    /// Median of the slices of the first minute.
    pub first_minute: f64,
    /// When latency left its level for good; none where it did not.
    pub throttled_after: Option<f64>,
    /// Median of the last third; none for a load of less than three minutes, which ends before a phone's case is warm.
    pub plateau: Option<f64>,
    /// Seconds after the end of the load at which latency was back at its level; none where it was not, or never left it.
    pub recovered_after: Option<f64>,
}

/// Slices whose median is the level of a cool device.
const COOL: usize = 5;
/// Slices of a running median: one slow slice is no throttling.
const RUNNING: usize = 5;
/// A change of latency below this is no throttling: one operating point of a phone is 5 to 15 % from the next.
const MIN_CHANGE: f64 = 0.05;
/// In deviations of the cool slices.
const MIN_DEVIATIONS: f64 = 6.0;
/// Shortest load with a plateau, seconds.
const MIN_PLATEAU: f64 = 180.0;

/// Figures of a load and of the looks after it; none for a curve without slices or with a latency that is no number.
///
/// `ended` is when the load ended, in seconds since its start.
pub fn sustained(load: &[Slice], ended: f64, recovery: &[Slice]) -> Option<Sustained> {
    let median = |slices: &[Slice]| Samples::new(slices.iter().map(|slice| slice.latency).collect()).ok();
    let minute: Vec<Slice> = load.iter().copied().take_while(|slice| slice.at < 60.0).collect();
    let cool = median(load.get(..COOL.min(load.len()))?)?;
    let limit = cool.median() * (1.0 + MIN_CHANGE).max(1.0 + MIN_DEVIATIONS * cool.mad() / cool.median());
    let last_third: Vec<Slice> = load.iter().copied().filter(|slice| slice.at >= ended * 2.0 / 3.0).collect();
    let running: Vec<f64> = load.windows(RUNNING).filter_map(|slices| Some(median(slices)?.median())).collect();
    // From where on the running median stays above: all after the last one that does not.
    let below = running.iter().rposition(|&latency| latency <= limit);
    let left = below.map_or(0, |place| place + 1);
    let throttled = left < running.len();
    // The running median passes when half of its slices have, which is its middle one.
    let throttled_after = throttled.then(|| load.get(left + RUNNING / 2).map(|slice| slice.at)).flatten();
    let recovered = recovery.iter().find(|slice| slice.latency <= limit).map(|slice| slice.at - ended);
    Some(Sustained {
        first_minute: median(&minute)?.median(),
        throttled_after,
        plateau: if ended >= MIN_PLATEAU { Some(median(&last_third)?.median()) } else { None },
        recovered_after: if throttled { recovered } else { None },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A slice each two seconds.
    fn curve(seconds: u32, latency: impl Fn(f64) -> f64) -> Vec<Slice> {
        (0..seconds / 2).map(|nth| f64::from(nth) * 2.0).map(|at| Slice { at, latency: latency(at) }).collect()
    }

    #[test]
    fn a_phone_that_gets_warm_is_quick_for_a_while() {
        let load = curve(300, |at| if at < 90.0 { 20.0 } else { 30.0 });
        let recovery = [Slice { at: 310.0, latency: 29.0 }, Slice { at: 320.0, latency: 20.5 }];
        let figures = sustained(&load, 300.0, &recovery).unwrap();
        assert_eq!((figures.first_minute, figures.plateau), (20.0, Some(30.0)));
        assert_eq!((figures.throttled_after, figures.recovered_after), (Some(90.0), Some(20.0)));
    }

    #[test]
    fn one_slow_slice_is_no_throttling() {
        let load = curve(300, |at| if at == 100.0 { 60.0 } else { 20.0 });
        let figures = sustained(&load, 300.0, &[Slice { at: 305.0, latency: 20.0 }]).unwrap();
        assert_eq!((figures.throttled_after, figures.recovered_after), (None, None));
        assert_eq!(figures.plateau, Some(20.0));
    }

    #[test]
    fn a_short_load_has_no_plateau_and_an_empty_one_no_figures() {
        assert_eq!(sustained(&curve(60, |_| 20.0), 60.0, &[]).unwrap().plateau, None);
        assert_eq!(sustained(&[], 60.0, &[]), None);
        assert_eq!(sustained(&curve(60, |_| f64::NAN), 60.0, &[]), None);
    }
}
