//! Does one median describe the samples, or do they have several modes?
//!
//! A phone whose scheduler moves a thread between clusters gives two latencies, and the median of both is neither. The
//! dip test (see the source of `dip`) compares the samples with the uniform distribution, the hardest one with a single mode, so
//! the share of false flags stays below its level for every distribution with one mode. The flag is for people, so a
//! dip that is certain but small is not flagged: both modes must matter.

use crate::dip::dip;
use crate::samples::Samples;

/// Fewest samples that are judged.
pub const MIN_COUNT: usize = 20;

/// Smallest dip that is flagged: the smaller mode then holds at least 1 sample in 20.
pub const MIN_DIP: f64 = 0.025;

/// Smallest distance between the modes that is flagged, as a share of the median.
pub const MIN_SEPARATION: f64 = 0.01;

/// Whether samples have one mode.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Modality {
    /// Fewer than [`MIN_COUNT`] samples.
    TooFew,
    /// No sign of several modes that matter.
    One,
    /// Several modes; described by the two parts that fit best.
    Several {
        /// Share of the samples in the lower part.
        lower_share: f64,
        /// Median of the lower part.
        lower: f64,
        /// Median of the upper part.
        upper: f64,
    },
}

/// √n times the dip of n uniform samples, 99th percentile: simulated with 200,000 sets each (the test of this crate
/// does it again with fewer).
const CRITICAL: [(f64, f64); 7] =
    [(20.0, 0.5), (50.0, 0.55), (100.0, 0.56), (200.0, 0.57), (500.0, 0.58), (1000.0, 0.58), (2000.0, 0.58)];

/// The 99th percentile of the dip of `count` uniform samples: between the simulated counts by the reciprocal root.
fn critical_dip(count: usize) -> f64 {
    let count = count as f64;
    let next = CRITICAL.partition_point(|&(simulated, _)| simulated < count);
    let scaled = match (next.checked_sub(1).map(|previous| CRITICAL[previous]), CRITICAL.get(next)) {
        (Some((low, at_low)), Some(&(high, at_high))) => {
            let share = (low.sqrt().recip() - count.sqrt().recip()) / (low.sqrt().recip() - high.sqrt().recip());
            at_low + (at_high - at_low) * share
        }
        (Some((_, at_most)), None) => at_most,
        (None, _) => CRITICAL[0].1,
    };
    scaled / count.sqrt()
}

/// Judges samples; the chance of flagging independent samples with a single mode is at most 1 %.
pub(crate) fn of(samples: &Samples) -> Modality {
    if samples.count() < MIN_COUNT {
        return Modality::TooFew;
    }
    let found = dip(&spread_ties(samples.sorted()));
    if found < MIN_DIP || found <= critical_dip(samples.count()) {
        return Modality::One;
    }
    let split = best_split(samples.sorted());
    let (lower, upper) = samples.sorted().split_at(split);
    let median = |part: &[f64]| Samples::of_finite(part.to_vec()).median();
    let (lower, upper) = (median(lower), median(upper));
    if upper - lower < MIN_SEPARATION * samples.median().abs() {
        return Modality::One;
    }
    Modality::Several { lower_share: split as f64 / samples.count() as f64, lower, upper }
}

/// Spreads equal values evenly over the width of the clock's tick, taken to be the smallest difference there is: a
/// coarse clock makes steps, and steps are not modes.
fn spread_ties(sorted: &[f64]) -> Vec<f64> {
    let differences = sorted.windows(2).map(|pair| pair[1] - pair[0]).filter(|&difference| difference > 0.0);
    let tick = differences.fold(f64::INFINITY, f64::min);
    if tick.is_infinite() {
        return sorted.to_vec();
    }
    let mut spread = Vec::with_capacity(sorted.len());
    for equal in sorted.chunk_by(|a, b| a == b) {
        let count = equal.len() as f64;
        spread.extend(equal.iter().enumerate().map(|(index, value)| value + tick * ((index as f64 + 0.5) / count - 0.5)));
    }
    spread
}

/// The length of the lower part for which the distances of all samples from the median of their part have the smallest
/// sum; at least one sample lies in each part.
fn best_split(sorted: &[f64]) -> usize {
    let mut sums = vec![0.0];
    let mut sum = 0.0;
    for value in sorted {
        sum += value - sorted[0];
        sums.push(sum);
    }
    // Sum of distances from the median: the upper half less the lower half.
    let cost = |from: usize, to: usize| {
        let half = (to - from) / 2;
        (sums[to] - sums[to - half]) - (sums[from + half] - sums[from])
    };
    let costs = (1..sorted.len()).map(|split| (cost(0, split) + cost(split, sorted.len()), split));
    costs.min_by(|a, b| a.0.total_cmp(&b.0)).map_or(1, |(_, split)| split)
}
