//! The few reference distributions that the intervals need.

use statrs::function::{beta, erf};

/// The number of successes in `count` trials.
pub(crate) struct Binomial {
    /// Successes of the first weight.
    first: usize,
    /// Chances of `first`, `first` + 1, …; all others are below 1e-18 of the largest.
    weights: Vec<f64>,
}

impl Binomial {
    /// `chance` above 0 and below 1.
    ///
    /// Starts at the mode with weight 1, multiplies outwards by the ratio of neighbours and divides by the sum: exact to
    /// rounding for any count, without a logarithm of a factorial, in about √count steps.
    pub(crate) fn new(count: usize, chance: f64) -> Self {
        const NEGLIGIBLE: f64 = 1e-18;
        let odds = chance / (1.0 - chance);
        let mode = (((count + 1) as f64 * chance) as usize).min(count);
        let mut lower = Vec::new();
        let (mut weight, mut successes) = (1.0, mode);
        while successes > 0 && weight > NEGLIGIBLE {
            weight *= successes as f64 / ((count - successes + 1) as f64 * odds);
            successes -= 1;
            lower.push(weight);
        }
        let first = successes;
        lower.reverse();
        let mut weights = lower;
        weights.push(1.0);
        (weight, successes) = (1.0, mode);
        while successes < count && weight > NEGLIGIBLE {
            weight *= (count - successes) as f64 * odds / (successes + 1) as f64;
            successes += 1;
            weights.push(weight);
        }
        let total: f64 = weights.iter().sum();
        weights.iter_mut().for_each(|weight| *weight /= total);
        Self { first, weights }
    }

    /// The largest k with P(B < k) <= `tail`.
    pub(crate) fn largest_with_lower_tail(&self, tail: f64) -> usize {
        let mut below = 0.0;
        let taken = self.weights.iter().take_while(|&&weight| {
            below += weight;
            below <= tail
        });
        self.first + taken.count()
    }

    /// The smallest k with P(B >= k) <= `tail`; one more than the count when there is no such success.
    pub(crate) fn smallest_with_upper_tail(&self, tail: f64) -> usize {
        let mut above = 0.0;
        let taken = self.weights.iter().rev().take_while(|&&weight| {
            above += weight;
            above <= tail
        });
        self.first + self.weights.len() - taken.count()
    }

    /// P(`low` <= B < `high`).
    pub(crate) fn between(&self, low: usize, high: usize) -> f64 {
        let index = |successes: usize| successes.saturating_sub(self.first).min(self.weights.len());
        self.weights[index(low)..index(high.max(low))].iter().sum::<f64>().min(1.0)
    }
}

/// P(Z >= z) of the standard normal distribution.
pub(crate) fn normal_upper_tail(z: f64) -> f64 {
    erf::erfc(z / std::f64::consts::SQRT_2) / 2.0
}

/// The z with P(Z >= z) = `tail`, for 0 < `tail` < 1.
pub(crate) fn normal_quantile_above(tail: f64) -> f64 {
    std::f64::consts::SQRT_2 * erf::erfc_inv(2.0 * tail)
}

/// The t with P(T >= t) = `tail`, for 0 < `tail` < 0.5 and at least one degree of freedom.
///
/// P(T >= t) is half of the regularised incomplete beta function of d/2 and 1/2 at d/(d + t²), which falls with t, so t
/// is found by halving.
pub(crate) fn student_quantile_above(tail: f64, degrees: usize) -> f64 {
    let degrees = degrees as f64;
    let upper_tail = |t: f64| beta::beta_reg(degrees / 2.0, 0.5, degrees / (degrees + t * t)) / 2.0;
    let (mut low, mut high) = (0.0, 1.0);
    while upper_tail(high) > tail && high < 1e12 {
        (low, high) = (high, high * 2.0);
    }
    for _ in 0..80 {
        let middle = (low + high) / 2.0;
        if upper_tail(middle) > tail { low = middle } else { high = middle }
    }
    high
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_those_of_the_tables() {
        assert!((normal_quantile_above(0.025) - 1.959_963_984_540_054).abs() < 1e-9);
        assert!((normal_quantile_above(0.001) - 3.090_232_306_167_813).abs() < 1e-9);
        let five_per_cent = normal_upper_tail(1.644_853_626_951_472_2);
        assert!((five_per_cent - 0.05).abs() < 1e-9, "{five_per_cent}");
        for (tail, degrees, t) in
            [(0.025, 1, 12.706_204_736), (0.025, 9, 2.262_157_163), (0.005, 4, 4.604_094_871), (0.025, 400, 1.965_912_343)]
        {
            assert!(
                (student_quantile_above(tail, degrees) - t).abs() < 1e-6,
                "{degrees}: {}",
                student_quantile_above(tail, degrees)
            );
        }
    }

    #[test]
    fn binomial_tails_are_those_counted_by_hand() {
        let coins = Binomial::new(4, 0.5);
        assert!((coins.between(0, 5) - 1.0).abs() < 1e-15);
        assert!((coins.between(1, 3) - 10.0 / 16.0).abs() < 1e-15);
        assert_eq!(coins.largest_with_lower_tail(1.0 / 16.0), 1);
        assert_eq!(coins.smallest_with_upper_tail(5.0 / 16.0), 3);
        assert_eq!(coins.smallest_with_upper_tail(0.01), 5);
    }

    /// The first by exact rational arithmetic, the second by the normal approximation with continuity correction.
    #[test]
    fn large_counts_keep_their_digits() {
        assert!((Binomial::new(1000, 0.99).between(985, 990) - 0.369_088_610_940_954_6).abs() < 1e-12);
        let half = Binomial::new(1_000_000, 0.5);
        let normal = 1.0 - 2.0 * normal_upper_tail(200.5 / 500.0);
        assert!((half.between(499_800, 500_201) - normal).abs() < 1e-6);
    }
}
