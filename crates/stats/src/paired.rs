//! How much slower is the candidate? The effect from blocks measured in turn.
//!
//! Blocks of one round are neighbours in time, so what the device does (clock, heat, other processes) hits both, and the
//! ratio within a round is far steadier than either. Each round gives one pair of block medians; the logarithm of their
//! ratio makes twice as slow and twice as fast equally far from no change. The effect is the median of all pairwise
//! averages of the log ratios (Hodges and Lehmann 1963), the interval comes from the exact distribution of the
//! signed-rank statistic: no normal distribution is assumed, and a throttled round moves neither much.
//!
//! The one assumption is that a log ratio is as likely above the true effect as equally far below it. When the order
//! within each round is drawn at random this holds by design, whatever the noise is and however it drifts: swapping the
//! two places swaps the sign of everything that the device did. Alternating order has the same symmetry as long as the
//! device does not itself alternate.

use crate::interval::Confidence;
use crate::samples::Samples;
use crate::signed_rank::SignedRank;
use crate::walsh::Walsh;

/// What one round gave, in the same unit, both above zero: usually the medians of its two blocks.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Pair {
    /// What is compared with.
    pub baseline: f64,
    /// What is judged.
    pub candidate: f64,
}

/// These pairs tell nothing.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum PairError {
    /// A value that has no ratio.
    #[error("pair {index} is {baseline} and {candidate}: a ratio needs finite numbers above zero")]
    NoRatio {
        /// Place in the pairs, from 0.
        index: usize,
        /// Baseline's value.
        baseline: f64,
        /// Candidate's value.
        candidate: f64,
    },
}

impl Pair {
    /// The pair of a round from pieces of it, each with the values of both sides: their quantiles where the change is in the
    /// middle. None without pieces, or when a piece has no usable values.
    pub fn of_pieces(pieces: impl IntoIterator<Item = [Vec<f64>; 2]>, quantile: f64) -> Option<Self> {
        let figure = |values| Samples::new(values).ok().map(|samples| samples.quantile(quantile));
        let pair =
            |[baseline, candidate]: [Vec<f64>; 2]| Some(Self { baseline: figure(baseline)?, candidate: figure(candidate)? });
        Self::middle(pieces.into_iter().map(pair).collect::<Option<_>>()?)
    }

    /// The pair with the middle change, of an odd number the one in the middle and of an even number the lower of two; none
    /// of none. Of turns that two subjects took, a few in which the device changed its pace do not move it.
    pub fn middle(mut pairs: Vec<Self>) -> Option<Self> {
        pairs.sort_by(|a, b| (a.candidate / a.baseline).total_cmp(&(b.candidate / b.baseline)));
        let last = pairs.len().checked_sub(1)?;
        pairs.get(last / 2).copied()
    }
}

/// The candidate's value over the baseline's, minus one: 0.1 is ten per cent slower.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PairedEffect {
    /// How many pairs.
    pub pairs: usize,
    /// The estimate.
    pub change: f64,
    /// Its interval; none when there are too few pairs for the confidence, see [`pairs_needed`].
    pub interval: Option<ChangeInterval>,
}

/// Ends of an interval of a relative change.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ChangeInterval {
    /// Lower end.
    pub low: f64,
    /// Upper end.
    pub high: f64,
}

impl PairedEffect {
    /// The effect over these pairs; none without pairs.
    ///
    /// ```
    /// use benchrack_stats::Confidence;
    /// use benchrack_stats::paired::{Pair, PairedEffect};
    ///
    /// // The device slowed down by half on the way; the ratio did not care.
    /// let pairs: Vec<Pair> =
    ///     (0..10).map(|round| 20.0 + f64::from(round)).map(|ms| Pair { baseline: ms, candidate: ms * 1.1 }).collect();
    /// let effect = PairedEffect::new(&pairs, Confidence::P95)?.unwrap();
    /// assert!((effect.change - 0.1).abs() < 1e-9);
    /// # Ok::<(), benchrack_stats::paired::PairError>(())
    /// ```
    ///
    /// # Errors
    /// When a value is not a finite number above zero.
    pub fn new(pairs: &[Pair], confidence: Confidence) -> Result<Option<Self>, PairError> {
        let Some(ratios) = LogRatios::new(pairs)? else { return Ok(None) };
        Ok(Some(ratios.effect(confidence.tail(), confidence.tail())))
    }
}

/// The fewest pairs with which an interval whose tails are at most `tail` each can exist: the extreme case, all pairs on
/// one side, has the chance 2^-n.
pub fn pairs_needed(tail: f64) -> usize {
    (-tail.log2()).ceil().max(1.0) as usize
}

/// Logarithms of the ratios of at least one pair, with the distribution that judges them.
pub(crate) struct LogRatios {
    walsh: Walsh,
    distribution: SignedRank,
}

impl LogRatios {
    pub(crate) fn new(pairs: &[Pair]) -> Result<Option<Self>, PairError> {
        let usable = |value: f64| value.is_finite() && value > 0.0;
        let mut ratios = Vec::with_capacity(pairs.len());
        for (index, &Pair { baseline, candidate }) in pairs.iter().enumerate() {
            if !(usable(baseline) && usable(candidate)) {
                return Err(PairError::NoRatio { index, baseline, candidate });
            }
            // The difference of logarithms cannot overflow as the ratio can; equal values give exactly zero.
            ratios.push(candidate.ln() - baseline.ln());
        }
        if ratios.is_empty() {
            return Ok(None);
        }
        let distribution = SignedRank::new(ratios.len());
        Ok(Some(Self { walsh: Walsh::new(ratios), distribution }))
    }

    pub(crate) fn pairs(&self) -> usize {
        self.walsh.values()
    }

    /// The estimate in log space.
    pub(crate) fn estimate(&self) -> f64 {
        self.walsh.median()
    }

    /// The lower end in log space: above the true effect with a chance of at most `tail`. None with too few pairs.
    pub(crate) fn low(&self, tail: f64) -> Option<f64> {
        Some(self.walsh.ranked(self.distribution.left_out(tail)? + 1))
    }

    /// The upper end in log space: below the true effect with a chance of at most `tail`. None with too few pairs.
    pub(crate) fn high(&self, tail: f64) -> Option<f64> {
        Some(self.walsh.ranked(self.walsh.count() - self.distribution.left_out(tail)?))
    }

    /// The estimate as a relative change; the chances that the true one lies below and above the interval are at most
    /// `low_tail` and `high_tail`.
    pub(crate) fn effect(&self, low_tail: f64, high_tail: f64) -> PairedEffect {
        let change = |log: f64| log.exp_m1();
        let interval = self.low(low_tail).zip(self.high(high_tail));
        PairedEffect {
            pairs: self.pairs(),
            change: change(self.estimate()),
            interval: interval.map(|(low, high)| ChangeInterval { low: change(low), high: change(high) }),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn pairs_of(ratios: &[f64]) -> Vec<Pair> {
        ratios.iter().map(|ratio| Pair { baseline: 8.0, candidate: 8.0 * ratio }).collect()
    }

    #[test]
    fn a_piece_without_values_makes_no_pair() {
        let whole = [[vec![1.0, 2.0, 3.0], vec![4.0]], [vec![2.0], vec![2.0]], [vec![1.0], vec![9.0]]];
        assert_eq!(Pair::of_pieces(whole.clone(), 0.5), Some(Pair { baseline: 2.0, candidate: 4.0 }));
        assert_eq!(Pair::of_pieces(whole.into_iter().chain([[Vec::new(), vec![1.0]]]), 0.5), None);
    }

    #[test]
    fn the_middle_pair_is_one_of_those_measured() {
        assert_eq!(Pair::middle(pairs_of(&[1.3, 0.4, 1.1])), Some(Pair { baseline: 8.0, candidate: 8.0 * 1.1 }));
        assert_eq!(Pair::middle(pairs_of(&[1.3, 1.1])).map(|pair| pair.candidate), Some(8.0 * 1.1));
        assert_eq!(Pair::middle(Vec::new()), None);
    }

    #[test]
    fn too_few_pairs_give_an_estimate_without_an_interval() {
        let effect = PairedEffect::new(&pairs_of(&[1.1, 1.2, 1.3, 1.2, 1.25]), Confidence::P95).unwrap().unwrap();
        assert!((effect.change - 0.2).abs() < 0.02);
        assert_eq!(effect.interval, None);
        assert_eq!(pairs_needed(Confidence::P95.tail()), 6);
        assert!(PairedEffect::new(&pairs_of(&[1.1; 6]), Confidence::P95).unwrap().unwrap().interval.is_some());
        assert_eq!(PairedEffect::new(&[], Confidence::P95), Ok(None));
    }

    /// Hollander and Wolfe, "Nonparametric Statistical Methods", example 3.1: depression scale before and after a
    /// tranquilliser, differences with a Hodges–Lehmann estimate of -0.46 and a 96 % interval from -0.786 to -0.010.
    #[test]
    fn estimate_and_interval_are_those_of_the_textbook() {
        // In thousandths; the values paired have these as their logarithms.
        let before = [1830, 500, 1620, 2480, 1680, 1880, 1550, 3060, 1300];
        let after = [878, 647, 598, 2050, 1060, 1290, 1060, 3140, 1290];
        let value = |thousandths: i32| (f64::from(thousandths) / 1000.0).exp();
        let pairs: Vec<Pair> = before.iter().zip(after).map(|(&x, y)| Pair { baseline: value(x), candidate: value(y) }).collect();
        let ratios = LogRatios::new(&pairs).unwrap().unwrap();
        assert!((ratios.estimate() + 0.46).abs() < 1e-9, "{}", ratios.estimate());
        let (low, high) = (ratios.low(0.02).unwrap(), ratios.high(0.02).unwrap());
        assert!((low + 0.786).abs() < 1e-9 && (high + 0.010).abs() < 1e-9, "{low} {high}");
    }

    proptest! {
        #[test]
        fn swapping_the_sides_turns_the_effect_round(ratios in prop::collection::vec(0.5..2.0f64, 8..40)) {
            let swapped: Vec<f64> = ratios.iter().map(|ratio| ratio.recip()).collect();
            let effect = PairedEffect::new(&pairs_of(&ratios), Confidence::P95).unwrap().unwrap();
            let other = PairedEffect::new(&pairs_of(&swapped), Confidence::P95).unwrap().unwrap();
            prop_assert!(((1.0 + effect.change) * (1.0 + other.change) - 1.0).abs() < 1e-9);
            let (interval, mirrored) = (effect.interval.unwrap(), other.interval.unwrap());
            prop_assert!(((1.0 + interval.low) * (1.0 + mirrored.high) - 1.0).abs() < 1e-9);
            prop_assert!(interval.low <= effect.change && effect.change <= interval.high);
        }

        #[test]
        fn drift_that_both_sides_share_changes_nothing(
            ratios in prop::collection::vec(0.5..2.0f64, 8..20), speed in 0.5..2.0f64,
        ) {
            let still = PairedEffect::new(&pairs_of(&ratios), Confidence::P95).unwrap().unwrap();
            let mut factor = 1.0;
            let drifting: Vec<Pair> = pairs_of(&ratios)
                .into_iter()
                .map(|pair| {
                    factor *= speed;
                    Pair { baseline: pair.baseline * factor, candidate: pair.candidate * factor }
                })
                .collect();
            let drifting = PairedEffect::new(&drifting, Confidence::P95).unwrap().unwrap();
            prop_assert!((still.change - drifting.change).abs() < 1e-9);
        }
    }
}
