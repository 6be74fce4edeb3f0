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

/// The 99th percentile of the dip of `count` uniform samples.
///
/// The dip shrinks with the root of the count. The line through what is left was fitted to 200,000 simulated sets each of
/// 20, 30, 50, 100, 200, 500 and 1,000 samples, and is within 0.3 % of all of them.
fn critical_dip(count: usize) -> f64 {
    let root = (count as f64).sqrt();
    (0.632 - 0.413 / root) / root
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

#[cfg(test)]
mod tests {
    use rand_chacha::ChaCha8Rng;
    use rand_chacha::rand_core::{Rng, SeedableRng};

    use super::*;

    /// The dips of `sets` sets of `count` uniform samples, ascending.
    fn dips_of_uniform(count: usize, sets: usize, seed: u64) -> Vec<f64> {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let mut set = || {
            let mut values: Vec<f64> = (0..count).map(|_| rng.next_u64() as f64).collect();
            values.sort_unstable_by(f64::total_cmp);
            dip(&values)
        };
        let mut dips: Vec<f64> = (0..sets).map(|_| set()).collect();
        dips.sort_unstable_by(f64::total_cmp);
        dips
    }

    #[test]
    fn one_uniform_set_in_a_hundred_is_beyond_the_critical_dip() {
        const SETS: usize = 10_000;
        for count in [20, 37, 100, 320] {
            let beyond = dips_of_uniform(count, SETS, 7).iter().filter(|&&found| found > critical_dip(count)).count();
            // 100 expected; three standard deviations are 30.
            assert!((70..130).contains(&beyond), "{count}: {beyond} of {SETS}");
        }
    }

    fn modes(values: impl IntoIterator<Item = f64>) -> Modality {
        of(&Samples::new(values.into_iter().collect()).unwrap())
    }

    #[test]
    fn two_clusters_of_a_scheduler_are_found_and_described() {
        // 3 of 10 inferences ran on the slow cores.
        let latencies = (0..100).map(|n| if n % 10 < 3 { 31.0 } else { 20.0 } + 0.01 * f64::from(n));
        let Modality::Several { lower_share, lower, upper } = modes(latencies) else { panic!("one mode") };
        assert!((lower_share - 0.7).abs() < 1e-9);
        assert!((lower - 20.5).abs() < 0.1 && (upper - 31.5).abs() < 0.1, "{lower} {upper}");
    }

    #[test]
    fn a_coarse_clock_makes_no_modes() {
        // A bell shape seen through a clock of 1 ms.
        let ticks = [(28, 2), (29, 12), (30, 30), (31, 33), (32, 18), (33, 5)];
        assert_eq!(modes(ticks.iter().flat_map(|&(ms, count)| vec![f64::from(ms); count])), Modality::One);
        assert_eq!(modes(vec![5.0; 100]), Modality::One);
    }

    #[test]
    fn few_samples_small_modes_and_close_modes_are_not_flagged() {
        let mixture = |count: usize, one_in: usize, apart: f64| {
            modes((0..count).map(|n| if n % one_in == 0 { 20.0 * (1.0 + apart) } else { 20.0 } + 1e-4 * n as f64 / count as f64))
        };
        assert_eq!(mixture(MIN_COUNT - 1, 2, 0.5), Modality::TooFew);
        assert!(matches!(mixture(1000, 3, 0.5), Modality::Several { .. }));
        assert_eq!(mixture(1000, 40, 0.5), Modality::One, "one spike in forty is a tail");
        assert_eq!(mixture(1000, 3, 0.005), Modality::One, "half a per cent apart does not matter");
    }
}
