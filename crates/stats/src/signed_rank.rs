//! The null distribution of the signed-rank statistic.
//!
//! Under the null hypothesis each of the ranks 1 to n has a plus sign with chance 1/2, and T is the sum of the ranks
//! with a plus (Wilcoxon, "Individual comparisons by ranking methods", Biometrics Bulletin 1 (1945)). T equals the
//! number of Walsh averages above the hypothesis (Tukey 1949), which is how it is counted here. Averages that equal the
//! hypothesis are counted against the claim; that only makes the test more careful, because the strict count is never
//! above the one that breaking the ties at random would give.

use crate::distributions;

/// Largest number of pairs for which the distribution is made exactly; 5,051 sums of 100 ranks.
const EXACT_UP_TO: usize = 100;

/// Chances of the signed-rank statistic of `pairs` pairs.
pub(crate) struct SignedRank {
    pairs: usize,
    /// P(T >= t) for every t, up to [`EXACT_UP_TO`] pairs.
    upper_tails: Option<Vec<f64>>,
}

impl SignedRank {
    pub(crate) fn new(pairs: usize) -> Self {
        Self { pairs, upper_tails: (pairs <= EXACT_UP_TO).then(|| exact_upper_tails(pairs)) }
    }

    /// P(T >= `statistic`).
    pub(crate) fn upper_tail(&self, statistic: usize) -> f64 {
        match &self.upper_tails {
            Some(tails) => tails.get(statistic).copied().unwrap_or(0.0),
            None => {
                let (mean, deviation) = self.normal();
                distributions::normal_upper_tail((statistic as f64 - 0.5 - mean) / deviation)
            }
        }
    }

    /// The number of Walsh averages to leave out at each end so that each tail of the interval is at most `tail`: none
    /// when even the two extreme averages are not far enough apart.
    ///
    /// The end at rank k + 1 misses when T <= k, which by symmetry has the chance P(T >= maximum - k).
    pub(crate) fn left_out(&self, tail: f64) -> Option<usize> {
        let maximum = self.pairs * (self.pairs + 1) / 2;
        let (mut low, mut high) = (0, maximum / 2);
        if self.upper_tail(maximum) > tail {
            return None;
        }
        // The largest k whose chance is within the tail.
        while low < high {
            let middle = (low + high).div_ceil(2);
            if self.upper_tail(maximum - middle) <= tail { low = middle } else { high = middle - 1 }
        }
        Some(low)
    }

    /// Mean n(n+1)/4 and standard deviation √(n(n+1)(2n+1)/24).
    fn normal(&self) -> (f64, f64) {
        let pairs = self.pairs as f64;
        (pairs * (pairs + 1.0) / 4.0, (pairs * (pairs + 1.0) * (2.0 * pairs + 1.0) / 24.0).sqrt())
    }
}

/// P(T >= t) for t from 0 to n(n+1)/2, by adding one rank after the other.
fn exact_upper_tails(pairs: usize) -> Vec<f64> {
    let maximum = pairs * (pairs + 1) / 2;
    let mut chances = vec![0.0; maximum + 1];
    chances[0] = 1.0;
    let mut reached = 0;
    for rank in 1..=pairs {
        reached += rank;
        for sum in (0..=reached).rev() {
            let with_plus = if sum >= rank { chances[sum - rank] } else { 0.0 };
            chances[sum] = (chances[sum] + with_plus) / 2.0;
        }
    }
    let mut above = 0.0;
    for chance in chances.iter_mut().rev() {
        above += *chance;
        *chance = above;
    }
    chances
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn four_pairs_have_the_chances_counted_by_hand() {
        // Subsets of {1, 2, 3, 4} with a sum of at least 9: 9 = 2+3+4, 10 = all.
        let four = SignedRank::new(4);
        assert_eq!(four.upper_tail(10), 1.0 / 16.0);
        assert_eq!(four.upper_tail(9), 2.0 / 16.0);
        assert_eq!(four.upper_tail(0), 1.0);
        assert_eq!(four.upper_tail(11), 0.0);
    }

    /// Critical values of Wilcoxon and Wilcox (1964), as in Conover, table A12: the largest T with P(T <= t) within
    /// the level of one tail.
    #[test]
    fn critical_values_are_those_of_the_tables() {
        for (pairs, tail, critical) in [
            (6, 0.025, 0),
            (8, 0.025, 3),
            (10, 0.025, 8),
            (10, 0.005, 3),
            (12, 0.01, 9),
            (20, 0.025, 52),
            (20, 0.005, 37),
            (50, 0.025, 434),
        ] {
            assert_eq!(SignedRank::new(pairs).left_out(tail), Some(critical), "{pairs} pairs, {tail}");
        }
        assert_eq!(SignedRank::new(5).left_out(0.025), None);
        assert_eq!(SignedRank::new(6).left_out(0.01), None);
    }

    #[test]
    fn the_approximation_takes_over_without_a_jump() {
        let exact = SignedRank::new(EXACT_UP_TO);
        let approximate = SignedRank { pairs: EXACT_UP_TO, upper_tails: None };
        for statistic in (2600..3600).step_by(50) {
            let (p, q) = (exact.upper_tail(statistic), approximate.upper_tail(statistic));
            assert!((p - q).abs() < 1e-3, "{statistic}: {p} {q}");
        }
    }
}
