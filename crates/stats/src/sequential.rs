//! May the candidate ship? The question of [`crate::gate`], asked again after every pair.
//!
//! A session stops as soon as it is sure, and looking costs nothing: all statements hold at every number of pairs at
//! once, however the moment to stop was chosen.
//!
//! The evidence is a bet. Against the claim "the candidate is not slower than the tolerance" a gambler stakes a share λ
//! of his money on each log ratio lying above the tolerance, and gets 1 + λ·g back, where g is the ratio's distance
//! from the tolerance in units of the spread of the pairs *before* it, held within -1 and 1. While the claim is true the
//! money grows on average never, so that it exceeds 1/α *ever* with a chance of at most α (Ville 1939). The gambler
//! mixes 32 shares evenly, so that no share has to be guessed (Waudby-Smith and Ramdas, "Estimating means of bounded
//! random variables by betting", Journal of the Royal Statistical Society B 86 (2024), arXiv:2010.09686, §4 and B.1; Howard,
//! Ramdas, McAuliffe and Sekhon, "Time-uniform, nonparametric, nonasymptotic confidence sequences", Annals of Statistics
//! 49 (2021), arXiv:1810.08240). The confidence sequence is the set of effects against which neither gambler has won.
//!
//! The one assumption is that of [`crate::paired`], given the pairs before: a log ratio lies as likely above the true
//! effect as equally far below it. When the order within each round is drawn at random this holds by design, whatever
//! the device does: memory, throttling, heavy tails and spikes change how far a ratio lies off and not on which side. An
//! odd function of it has the mean zero then, and no moment need exist.
//!
//! **Many comparisons** share α: see [`crate::family`].
//!
//! Figures without noise (a file's size) need no bet: [`judge_exact`].

use crate::family::{self, Figure};
use crate::gate::{Decision, Doubt, Rules};
use crate::paired::{ChangeInterval, LogRatios, Pair, PairError, PairedEffect};
use crate::samples::Samples;

/// Shares that are staked side by side.
const SHARES: usize = 32;

/// Longest session worth proposing, in pairs.
const MOST_PAIRS: f64 = 10_000.0;

/// Money of a gambler that mixes all shares.
#[derive(Debug, Clone, PartialEq)]
struct Bets {
    /// Of each share, over e^`scale`. A share that has lost all but 1e-300 stays poor, which only makes the bet more careful.
    money: [f64; SHARES],
    scale: f64,
    /// Logarithm of the most that the average ever was.
    peak: f64,
}

impl Bets {
    fn new() -> Self {
        Self { money: [1.0; SHARES], scale: 0.0, peak: 0.0 }
    }

    /// Stakes on `gain`, which lies between -1 and 1.
    fn stake(&mut self, gain: f64) {
        /// Beyond it the money is counted in larger units, long before it overflows.
        const LARGE: f64 = 1e100;
        for (nth, money) in self.money.iter_mut().enumerate() {
            let share = (nth as f64 + 0.5) / SHARES as f64;
            *money *= 1.0 + share * gain;
        }
        if self.most() > LARGE {
            self.money.iter_mut().for_each(|money| *money /= LARGE);
            self.scale += LARGE.ln();
        }
        self.peak = self.peak.max(self.log());
    }

    fn most(&self) -> f64 {
        self.money.iter().copied().fold(0.0, f64::max)
    }

    /// Logarithm of the average money now.
    fn log(&self) -> f64 {
        self.scale + (self.money.iter().sum::<f64>() / SHARES as f64).ln()
    }

    /// Growth per bet of the share that did best.
    fn best_growth(&self, bets: usize) -> f64 {
        (self.scale + self.most().ln()) / bets.max(1) as f64
    }
}

/// The fewest pairs that can decide at this chance of error: all of them as far on one side as counts.
pub fn pairs_needed(alpha: f64) -> usize {
    let mut bets = Bets::new();
    let mut pairs = 0;
    while bets.peak < -alpha.ln() {
        bets.stake(1.0);
        pairs += 1;
    }
    pairs
}

/// One metric of one model on one device, pair after pair.
#[derive(Debug, Clone, PartialEq)]
pub struct Comparison {
    /// The tolerance in log space.
    limit: f64,
    pairs: Vec<Pair>,
    /// Log ratios with the spread of those before.
    ratios: Vec<(f64, f64)>,
    slower: Bets,
    not_slower: Bets,
}

impl Comparison {
    /// A comparison without pairs.
    pub fn new(rules: &Rules) -> Self {
        let (pairs, ratios) = (Vec::new(), Vec::new());
        Self { limit: rules.tolerance.ln_1p(), pairs, ratios, slower: Bets::new(), not_slower: Bets::new() }
    }

    /// Takes the pair of the next round.
    ///
    /// # Errors
    /// When a value is not a finite number above zero; the comparison is as it was.
    pub fn push(&mut self, pair: Pair) -> Result<(), PairError> {
        let usable = |value: f64| value.is_finite() && value > 0.0;
        let Pair { baseline, candidate } = pair;
        if !(usable(baseline) && usable(candidate)) {
            return Err(PairError::NoRatio { index: self.pairs.len(), baseline, candidate });
        }
        let ratio = candidate.ln() - baseline.ln();
        let spread = self.spread();
        let gain = gain(ratio - self.limit, spread);
        self.slower.stake(gain);
        self.not_slower.stake(-gain);
        self.pairs.push(pair);
        self.ratios.push((ratio, spread));
        Ok(())
    }

    /// Money of the gambler against "not slower than the tolerance" now: an e-value.
    pub(crate) fn evidence_of_slower(&self) -> f64 {
        self.slower.log().exp()
    }

    /// Pairs so far.
    pub fn pairs(&self) -> usize {
        self.pairs.len()
    }

    /// Spread of the ratios so far: their median absolute deviation, as that of a normal distribution. None is zero.
    fn spread(&self) -> f64 {
        /// Of a normal distribution: standard deviation over median absolute deviation.
        const NORMAL: f64 = 1.482_602;
        if self.ratios.is_empty() {
            return 0.0;
        }
        NORMAL * Samples::of_finite(self.ratios.iter().map(|(ratio, _)| *ratio).collect()).mad()
    }

    /// The answer when this is one of so many comparisons.
    pub fn decision(&self, rules: &Rules, comparisons: usize) -> Decision {
        let slower_at = (comparisons.max(1) as f64 / rules.alpha).ln();
        let not_slower_at = -rules.alpha.ln();
        if self.slower.peak >= slower_at {
            return Decision::Slower;
        }
        if self.not_slower.peak >= not_slower_at {
            return Decision::NotSlower;
        }
        let pairs = self.pairs();
        let needed = pairs_needed(rules.alpha);
        Decision::Inconclusive(match pairs {
            0 => Doubt::NoPairs,
            few if few < needed => Doubt::TooFewPairs { pairs, needed },
            _ => Doubt::Unclear { pairs, more: self.more(slower_at, not_slower_at) },
        })
    }

    /// Pairs until either gambler would have won, if the better one goes on as so far.
    fn more(&self, slower_at: f64, not_slower_at: f64) -> Option<usize> {
        let pairs = self.pairs();
        let wait = |bets: &Bets, goal: f64| {
            // What the best of 32 shares would have gained from nothing but chance is half a unit for the whole session.
            let growth = bets.best_growth(pairs) - 0.5 / pairs as f64;
            if growth > 0.0 { (goal - bets.log()) / growth } else { f64::INFINITY }
        };
        let more = wait(&self.slower, slower_at).min(wait(&self.not_slower, not_slower_at));
        (more + pairs as f64 <= MOST_PAIRS).then(|| more.ceil().max(1.0) as usize)
    }

    /// The effect with its confidence sequence at this moment: the chances that the true effect *ever* lies below or
    /// above are at most `low_tail` and `high_tail`. None without pairs; no interval where an end is still unbounded.
    ///
    /// # Errors
    /// Never for pairs that [`Comparison::push`] took; the type is that of [`PairedEffect::new`].
    pub fn effect(&self, low_tail: f64, high_tail: f64) -> Result<Option<PairedEffect>, PairError> {
        let Some(ratios) = LogRatios::new(&self.pairs)? else { return Ok(None) };
        let interval = self.end(low_tail, 1.0).zip(self.end(high_tail, -1.0));
        let change = |log: f64| log.exp_m1();
        Ok(Some(PairedEffect {
            pairs: self.pairs(),
            change: change(ratios.estimate()),
            interval: interval.map(|(low, high)| ChangeInterval { low: change(low), high: change(high) }),
        }))
    }

    /// The end of the interval on one side: the effect farthest inside against which that side's gambler has won. The
    /// money falls as the effect moves inwards, so it is found by bisection.
    fn end(&self, tail: f64, side: f64) -> Option<f64> {
        const STEPS: usize = 60;
        let won = |effect: f64| {
            let mut bets = Bets::new();
            self.ratios.iter().for_each(|(ratio, spread)| bets.stake(side * gain(ratio - effect, *spread)));
            bets.log() >= -tail.ln()
        };
        let all = self.ratios.iter();
        let widest = all.clone().map(|(_, spread)| *spread).fold(0.0, f64::max);
        let least = all.clone().map(|(ratio, _)| ratio * side).fold(f64::INFINITY, f64::min);
        let most = all.map(|(ratio, _)| ratio * side).fold(f64::NEG_INFINITY, f64::max);
        // At the outside every bet gains all it can; at the inside none does.
        let (mut outside, mut inside) = (least - widest - f64::EPSILON * least.abs().max(1.0), most);
        if !won(outside * side) {
            return None;
        }
        for _ in 0..STEPS {
            let middle = outside.midpoint(inside);
            if won(middle * side) { outside = middle } else { inside = middle }
        }
        Some(outside * side)
    }
}

/// What a bet on a positive distance pays. Until there is a spread, only the side counts.
fn gain(distance: f64, spread: f64) -> f64 {
    if spread > 0.0 {
        (distance / spread).clamp(-1.0, 1.0)
    } else if distance == 0.0 {
        0.0
    } else {
        distance.signum()
    }
}

/// The answer of a gate of one metric, one comparison a device; see [`family::judge`].
///
/// ```
/// use benchrack_stats::gate::{Decision, Rules};
/// use benchrack_stats::paired::Pair;
/// use benchrack_stats::sequential::{Comparison, judge};
///
/// let rules = Rules::new(0.02, 0.01, 1)?;
/// let mut phone = Comparison::new(&rules);
/// let mut pairs = 0;
/// while !matches!(judge(std::slice::from_ref(&phone), &rules), Decision::Slower | Decision::NotSlower) {
///     phone.push(Pair { baseline: 20.0, candidate: 21.0 + 0.1 * f64::from(pairs % 3) })?;
///     pairs += 1;
/// }
/// assert_eq!(judge(&[phone], &rules), Decision::Slower);
/// assert!(pairs < 15);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn judge(comparisons: &[Comparison], rules: &Rules) -> Decision {
    let devices: Vec<Vec<Figure>> = comparisons.iter().map(|one| vec![Figure::ByRounds(Box::new(one.clone()))]).collect();
    family::judge(&devices, comparisons.len(), rules).decision
}

/// The answer for a figure that is the same each time, such as a file's size: exact, at the first look.
///
/// # Errors
/// When a value is not a finite number above zero.
pub fn judge_exact(pair: Pair, rules: &Rules) -> Result<Decision, PairError> {
    let mut exact = Comparison::new(rules);
    exact.push(pair)?;
    let above = exact.ratios.first().is_some_and(|(ratio, _)| *ratio > exact.limit);
    Ok(if above { Decision::Slower } else { Decision::NotSlower })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn rules() -> Rules {
        Rules::new(0.02, 0.01, 1).unwrap()
    }

    fn comparison(ratios: &[f64]) -> Comparison {
        let mut comparison = Comparison::new(&rules());
        for ratio in ratios {
            comparison.push(Pair { baseline: 8.0, candidate: 8.0 * ratio }).unwrap();
        }
        comparison
    }

    const CALM: [f64; 6] = [0.998, 1.001, 1.003, 0.999, 1.002, 0.9985];

    fn calm(effect: f64, pairs: usize) -> Comparison {
        comparison(&CALM.iter().cycle().take(pairs).map(|ratio| ratio * effect).collect::<Vec<_>>())
    }

    /// The average of (1 + λ)^n over many shares is (2^(n+1) - 1)/(n + 1), which first passes 100 at the ninth pair.
    #[test]
    fn the_fewest_pairs_are_those_of_the_integral() {
        let integral = |pairs: i32| (2f64.powi(pairs + 1) - 1.0) / f64::from(pairs + 1);
        assert!(integral(8) < 100.0 && integral(9) > 100.0, "{} {}", integral(8), integral(9));
        assert_eq!(pairs_needed(0.01), 9);
        assert!(pairs_needed(0.001) > 9);
    }

    #[test]
    fn the_same_model_passes_and_a_slower_one_does_not_after_few_pairs() {
        assert_eq!(calm(1.0, 12).decision(&rules(), 1), Decision::NotSlower);
        assert_eq!(calm(1.1, 12).decision(&rules(), 1), Decision::Slower);
        assert_eq!(calm(1.1, 4).decision(&rules(), 1), Decision::Inconclusive(Doubt::TooFewPairs { pairs: 4, needed: 9 }));
        assert_eq!(calm(1.1, 0).decision(&rules(), 1), Decision::Inconclusive(Doubt::NoPairs));
    }

    #[test]
    fn an_answer_stays_whatever_comes_after() {
        let mut one = calm(1.1, 20);
        for _ in 0..200 {
            one.push(Pair { baseline: 8.0, candidate: 8.0 }).unwrap();
        }
        assert_eq!(one.decision(&rules(), 1), Decision::Slower);
    }

    #[test]
    fn the_effect_lies_in_its_interval_and_the_answer_agrees_with_it() {
        let one = calm(1.05, 40);
        let effect = one.effect(0.01, 0.01).unwrap().unwrap();
        let interval = effect.interval.unwrap();
        assert!((effect.change - 0.05).abs() < 0.002, "{effect:?}");
        assert!(0.02 < interval.low && interval.low < 0.05 && 0.05 < interval.high && interval.high < 0.06, "{effect:?}");
        assert_eq!(calm(1.05, 3).effect(0.01, 0.01).unwrap().unwrap().interval, None);
    }

    #[test]
    fn several_devices_that_are_almost_sure_reject_together() {
        // Ten devices need a thousand each alone; on average a hundred is enough.
        let devices = vec![calm(1.1, 9); 10];
        assert!(devices.iter().all(|one| matches!(one.decision(&rules(), 10), Decision::Inconclusive(_))));
        assert_eq!(judge(&devices, &rules()), Decision::Slower);
        let calm_ones = vec![calm(1.0, 20); 10];
        assert_eq!(judge(&calm_ones, &rules()), Decision::NotSlower);
        assert_eq!(judge(&[calm(1.0, 20), calm(1.0, 2)], &rules()), Decision::Inconclusive(Doubt::DevicesInDoubt { devices: 1 }));
        assert_eq!(judge(&[], &rules()), Decision::Inconclusive(Doubt::TooFewDevices { judged: 0, needed: 1 }));
    }

    #[test]
    fn one_wild_pair_weighs_no_more_than_an_unusual_one() {
        let mut ratios: Vec<f64> = CALM.iter().cycle().take(30).copied().collect();
        ratios[20] = 1e6;
        assert_eq!(comparison(&ratios).decision(&rules(), 1), Decision::NotSlower);
    }

    #[test]
    fn figures_without_noise_are_judged_at_once() {
        let exact = |candidate| judge_exact(Pair { baseline: 1_000_000.0, candidate }, &Rules::new(0.0, 0.01, 1).unwrap());
        assert_eq!(exact(1_000_001.0), Ok(Decision::Slower));
        assert_eq!(exact(1_000_000.0), Ok(Decision::NotSlower));
        assert!(exact(0.0).is_err());
        assert!(Comparison::new(&rules()).push(Pair { baseline: f64::NAN, candidate: 1.0 }).is_err());
    }

    proptest! {
        #[test]
        fn the_surer_the_interval_must_be_the_wider_it_is(ratios in prop::collection::vec(0.8..1.3f64, 20..60)) {
            let one = comparison(&ratios);
            let loose = one.effect(0.2, 0.2).unwrap().unwrap().interval;
            let tight = one.effect(0.01, 0.01).unwrap().unwrap().interval;
            if let (Some(loose), Some(tight)) = (loose, tight) {
                prop_assert!(tight.low <= loose.low && loose.high <= tight.high);
            }
        }
    }
}
