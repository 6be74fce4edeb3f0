//! An estimate with the interval that holds it.

use statrs::function::beta::beta_reg;

use crate::distributions::Binomial;
use crate::samples::Samples;

/// How sure an interval is to be: a chance above 0.5 and below 1.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd)]
pub struct Confidence(f64);

/// No usable level.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
#[error("a confidence of {0} makes no interval: it must be above 0.5 and below 1, such as 0.95")]
pub struct ConfidenceError(f64);

impl Confidence {
    /// What pages and tables show.
    pub const P95: Self = Self(0.95);

    /// A level.
    ///
    /// # Errors
    /// When it is not above 0.5 and below 1.
    pub fn new(level: f64) -> Result<Self, ConfidenceError> {
        if level > 0.5 && level < 1.0 { Ok(Self(level)) } else { Err(ConfidenceError(level)) }
    }

    /// The chance that an interval of this level holds the true value.
    pub fn level(self) -> f64 {
        self.0
    }

    /// The chance that the true value lies above the interval, and the chance that it lies below it.
    pub fn tail(self) -> f64 {
        (1.0 - self.0) / 2.0
    }
}

/// A point and the interval around it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Interval {
    /// The estimate.
    pub value: f64,
    /// Lower end, at most `value`.
    pub low: f64,
    /// Upper end, at least `value`.
    pub high: f64,
    /// The chance with which such an interval really holds the true value: at least what was asked, or less where there
    /// were too few samples for it; then the interval ends at the smallest or largest sample.
    pub confidence: f64,
}

impl Interval {
    /// Whether there were samples enough for the level asked.
    pub fn reaches(&self, asked: Confidence) -> bool {
        // The sum of a binomial distribution is exact to about this.
        self.confidence >= asked.level() - 1e-9
    }
}

/// The most that a chance can be when it came true in `hits` of `trials`: the upper end of the exact one-sided interval of
/// this confidence (Clopper and Pearson, Biometrika 26 (1934)). 1 without trials.
///
/// ```
/// use benchrack_stats::interval::chance_at_most;
///
/// // The rule of three: none in n trials, so below about 3/n.
/// assert!((chance_at_most(0, 300, 0.95) - 0.00994).abs() < 1e-4);
/// ```
pub fn chance_at_most(hits: usize, trials: usize, confidence: f64) -> f64 {
    if hits >= trials {
        return 1.0;
    }
    let (mut low, mut high) = (hits as f64 / trials as f64, 1.0);
    for _ in 0..60 {
        let middle = f64::midpoint(low, high);
        let at_most_hits = Binomial::new(trials, middle).between(0, hits + 1);
        if at_most_hits > 1.0 - confidence { low = middle } else { high = middle }
    }
    high
}

/// The interval between two order statistics for the quantile at `share`, for samples independent of each other.
///
/// The number of samples below the true quantile is binomial whatever the distribution is, so the ranks follow from the
/// binomial distribution alone (Conover, "Practical Nonparametric Statistics", §3.2; David and Nagaraja, "Order
/// Statistics", §7.1). Each end is the tightest one whose tail does not exceed half of the error.
pub(crate) fn of_quantile(samples: &Samples, share: f64, confidence: Confidence) -> Interval {
    let ranks = Ranks::of(samples.count(), share, confidence);
    let sorted = samples.sorted();
    Interval {
        value: samples.quantile(share),
        low: sorted[ranks.low - 1],
        high: sorted[ranks.high - 1],
        confidence: ranks.confidence,
    }
}

/// Ranks, from 1, of the order statistics that hold a quantile.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Ranks {
    pub(crate) low: usize,
    pub(crate) high: usize,
    /// Chance that the quantile lies between the two.
    pub(crate) confidence: f64,
}

impl Ranks {
    /// For the quantile at `share` of `count` samples, at least one.
    pub(crate) fn of(count: usize, share: f64, confidence: Confidence) -> Self {
        let below = Binomial::new(count, share);
        // X_(low) lies above the quantile when fewer than `low` samples lie below it: P(B < low) is the lower error.
        let low = below.largest_with_lower_tail(confidence.tail()).max(1);
        // X_(high) lies below the quantile when at least `high` samples do: P(B >= high) is the upper error.
        let high = below.smallest_with_upper_tail(confidence.tail()).min(count);
        let high = high.max(low);
        Self { low, high, confidence: below.between(low, high) }
    }
}

/// Upper end of the exact one-sided interval of a share (Clopper and Pearson, "The use of confidence or fiducial limits
/// illustrated in the case of the binomial", Biometrika 26 (1934)): the share for which `hits` or fewer of `trials` have
/// the chance `tail`. None without trials, and 1 when all were hits.
pub fn share_at_most(hits: u64, trials: u64, tail: f64) -> Option<f64> {
    const STEPS: usize = 60;
    if trials == 0 || hits > trials || !(tail > 0.0 && tail < 1.0) {
        return None;
    }
    if hits == trials {
        return Some(1.0);
    }
    let (misses, more) = ((trials - hits) as f64, hits as f64 + 1.0);
    // P(X <= hits) of a share p is the regularised incomplete beta function at 1 - p, and falls with p.
    let (mut low, mut high) = (hits as f64 / trials as f64, 1.0);
    for _ in 0..STEPS {
        let middle = f64::midpoint(low, high);
        if beta_reg(misses, more, 1.0 - middle) > tail { low = middle } else { high = middle }
    }
    Some(high)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn shares_have_the_textbook_upper_ends() {
        // The rule of three: -ln(0.05)/n for no hit; and a value from the tables for 2 of 10.
        assert!((share_at_most(0, 300, 0.05).unwrap() - (1.0 - 0.05f64.powf(1.0 / 300.0))).abs() < 1e-9);
        assert!((share_at_most(2, 10, 0.025).unwrap() - 0.5561).abs() < 1e-4);
        assert_eq!((share_at_most(0, 0, 0.05), share_at_most(4, 4, 0.05)), (None, Some(1.0)));
    }

    #[test]
    fn only_levels_that_make_an_interval_are_taken() {
        for level in [0.5, 1.0, 0.0, 95.0, f64::NAN] {
            assert!(Confidence::new(level).is_err(), "{level}");
        }
        assert_eq!(Confidence::new(0.95), Ok(Confidence::P95));
    }

    /// Levels by exact rational arithmetic.
    #[test]
    fn ranks_for_a_median_are_those_of_the_tables() {
        let ranks = Ranks::of(20, 0.5, Confidence::P95);
        assert_eq!((ranks.low, ranks.high), (6, 15));
        assert!((ranks.confidence - 0.958_610_534_667_968_8).abs() < 1e-12);
        let ranks = Ranks::of(10, 0.5, Confidence::P95);
        assert_eq!((ranks.low, ranks.high), (2, 9));
        assert!((ranks.confidence - 0.978_515_625).abs() < 1e-12);
    }

    #[test]
    fn too_few_samples_give_their_range_and_say_how_little_it_holds() {
        let five = Samples::new(vec![1.0, 2.0, 3.0, 4.0, 5.0]).unwrap();
        let median = of_quantile(&five, 0.5, Confidence::P95);
        assert_eq!((median.low, median.value, median.high), (1.0, 3.0, 5.0));
        assert!((median.confidence - 0.9375).abs() < 1e-12);
        assert!(!median.reaches(Confidence::P95));
        let p99 = of_quantile(&five, 0.99, Confidence::P95);
        assert!(p99.confidence < 0.05, "{p99:?}");
        assert_eq!(p99.high, 5.0);
    }

    proptest! {
        #[test]
        fn the_point_lies_within_and_the_level_is_kept_when_the_range_is_not_needed(
            count in 1usize..3000, share in prop::sample::select(vec![0.5, 0.9, 0.99]), level in 0.6..0.999f64,
        ) {
            let confidence = Confidence::new(level).unwrap();
            let samples = Samples::new((0..count).map(|value| value as f64).collect()).unwrap();
            let interval = of_quantile(&samples, share, confidence);
            prop_assert!(interval.low <= interval.value && interval.value <= interval.high, "{interval:?}");
            let needs_no_range = interval.low > samples.minimum() && interval.high < samples.maximum();
            prop_assert!(!needs_no_range || interval.reaches(confidence), "{interval:?}");
        }
    }
}
