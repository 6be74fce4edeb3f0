//! Is the device warm? Whether the end of a latency series still has a trend.
//!
//! The last half is tested with the Mann–Kendall test (Mann, "Nonparametric tests against trend", Econometrica 13
//! (1945); Kendall, "Rank Correlation Methods" (1975)), which sees any monotone change and no single outlier. A trend
//! counts only when it also matters: in a very quiet series a drift of a tenth of a per cent is certain and irrelevant.
//! Its size is the slope of Theil and Sen (Sen, "Estimates of the regression coefficient based on Kendall's tau", JASA
//! 63 (1968)) over the tail.
//!
//! Not to see a trend that is there spoils a measurement; to see one that is not there costs one more chunk of warm-up.
//! So the test is a lenient one that calls trends early.

use crate::distributions::normal_quantile_above;
use crate::samples::Samples;

/// Fewest latencies at the end that can show a trend: with fewer, even a steady rise is no evidence.
pub const MIN_TAIL: usize = 4;

/// Chance of calling a series without a trend a trend, both directions together, before [`MIN_CHANGE`] is looked at.
pub const ALPHA: f64 = 0.1;

/// A change over the tail below this share of its median does not matter: run-to-run noise of a pinned phone is of
/// this size, and interleaved blocks share what is left of the drift.
pub const MIN_CHANGE: f64 = 0.01;

/// Longer tails are cut into this many medians of neighbours: the test stays quick for thousands of inferences, and
/// neighbours that resemble each other count once.
const MOST_POINTS: usize = 64;

/// What the end of a series shows.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Steadiness {
    /// Fewer than [`MIN_TAIL`] latencies.
    TooFew,
    /// It still changes.
    Trend {
        /// Change from one latency to the next as a share of the tail's median; negative when it becomes faster.
        per_sample_relative: f64,
    },
    /// No trend that matters.
    Steady,
}

/// Judges the last half of `latencies` (any unit), but at least the last [`MIN_TAIL`]: everything before is warm-up.
///
/// ```
/// use benchrack_stats::steady::{Steadiness, steadiness};
///
/// let warming: Vec<u64> = (0..20).map(|inference| 30_000_000 - 400_000 * inference).collect();
/// assert!(matches!(steadiness(&warming), Steadiness::Trend { per_sample_relative } if per_sample_relative < 0.0));
/// let warm = [30_100_000, 30_200_000, 30_050_000, 30_180_000, 30_090_000, 30_120_000, 30_060_000, 30_160_000];
/// assert_eq!(steadiness(&warm), Steadiness::Steady);
/// ```
pub fn steadiness(latencies: &[u64]) -> Steadiness {
    if latencies.len() < MIN_TAIL {
        return Steadiness::TooFew;
    }
    let tail = &latencies[latencies.len() - (latencies.len() / 2).max(MIN_TAIL)..];
    let points = points(tail);
    if !has_trend(&points) {
        return Steadiness::Steady;
    }
    let middle = Samples::of_finite(points.iter().map(|point| point.latency).collect()).median();
    let per_sample_relative = slope(&points) / middle;
    if (per_sample_relative * tail.len() as f64).abs() < MIN_CHANGE {
        return Steadiness::Steady;
    }
    Steadiness::Trend { per_sample_relative }
}

/// A latency, or the median of neighbouring ones, at its place in the series.
struct Point {
    place: f64,
    latency: f64,
}

/// The tail in at most [`MOST_POINTS`] points.
fn points(tail: &[u64]) -> Vec<Point> {
    let group = tail.len().div_ceil(MOST_POINTS);
    let point = |(index, latencies): (usize, &[u64])| Point {
        place: (index * group) as f64 + (latencies.len() - 1) as f64 / 2.0,
        latency: Samples::of_finite(latencies.iter().map(|&latency| latency as f64).collect()).median(),
    };
    tail.chunks(group).enumerate().map(point).collect()
}

fn pairs(points: &[Point]) -> impl Iterator<Item = (&Point, &Point)> {
    points.iter().enumerate().flat_map(|(index, early)| points[index + 1..].iter().map(move |late| (early, late)))
}

/// The Mann–Kendall test in its normal approximation with continuity and tie correction.
fn has_trend(points: &[Point]) -> bool {
    let sign =
        |(early, late): (&Point, &Point)| f64::from(late.latency > early.latency) - f64::from(late.latency < early.latency);
    let score: f64 = pairs(points).map(sign).sum();
    // n(n-1)(2n+5)/18, less the same term for each group of equal values.
    let term = |count: f64| count * (count - 1.0) * (2.0 * count + 5.0) / 18.0;
    let mut sorted: Vec<f64> = points.iter().map(|point| point.latency).collect();
    sorted.sort_unstable_by(f64::total_cmp);
    let ties: f64 = sorted.chunk_by(|a, b| a == b).map(|equal| term(equal.len() as f64)).sum();
    let deviation = (term(points.len() as f64) - ties).max(0.0).sqrt();
    score.abs() - 1.0 > normal_quantile_above(ALPHA / 2.0) * deviation
}

/// The median of the slopes between all pairs of points, per sample.
fn slope(points: &[Point]) -> f64 {
    let slopes = pairs(points).map(|(early, late)| (late.latency - early.latency) / (late.place - early.place));
    Samples::of_finite(slopes.collect()).median()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_latencies_are_too_few_and_four_are_judged() {
        assert_eq!(steadiness(&[5, 4, 3]), Steadiness::TooFew);
        assert!(matches!(steadiness(&[80, 60, 40, 20]), Steadiness::Trend { .. }));
        assert_eq!(steadiness(&[40, 60, 80, 20]), Steadiness::Steady);
        assert_eq!(steadiness(&[7; 9]), Steadiness::Steady);
    }

    #[test]
    fn only_the_last_half_counts() {
        let cold_then_warm: Vec<u64> =
            (0..20).map(|n| 90_000 - 2_000 * n).chain((0..20).map(|n| 50_000 + 100 * (n % 3))).collect();
        assert_eq!(steadiness(&cold_then_warm), Steadiness::Steady);
        assert!(matches!(steadiness(&cold_then_warm[..20]), Steadiness::Trend { .. }));
    }

    #[test]
    fn the_trend_has_the_size_and_direction_of_the_change() {
        let throttling: Vec<u64> = (0..4_000).map(|n| 1_000_000 + 50 * n + 3_000 * (n % 7)).collect();
        let Steadiness::Trend { per_sample_relative } = steadiness(&throttling) else { panic!("no trend") };
        assert!((per_sample_relative - 50.0 / 1_159_000.0).abs() < 1e-6, "{per_sample_relative}");
    }

    #[test]
    fn a_certain_drift_of_a_tenth_of_a_per_cent_does_not_matter() {
        let quiet: Vec<u64> = (0..200).map(|n| 10_000_000 + 50 * n).collect();
        assert_eq!(steadiness(&quiet), Steadiness::Steady);
    }

    #[test]
    fn one_wild_latency_at_the_end_is_no_trend() {
        let mut latencies: Vec<u64> = (0..40).map(|n| 10_000_000 + 1_000 * ((n * 7) % 11)).collect();
        latencies.push(90_000_000);
        assert_eq!(steadiness(&latencies), Steadiness::Steady);
    }
}
