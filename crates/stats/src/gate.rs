//! May the candidate ship? Slower, not slower, or inconclusive, over one or more devices.
//!
//! The question is non-inferiority: is the slow-down above the tolerance or below it? On each device two one-sided
//! tests are read off one interval of the effect (Schuirmann, "A comparison of the two one-sided tests procedure",
//! Journal of Pharmacokinetics and Biopharmaceutics 15 (1987)): all above the tolerance is slower, all below is not
//! slower, and an interval that holds the tolerance decides nothing. No difference found is never taken for no
//! difference.
//!
//! Over devices the two answers have different risks. One device on which the candidate is slower rejects it, so every
//! device is another chance of a wrong rejection: with m devices each lower end holds at alpha/m (Bonferroni), and the
//! chance of any wrong `slower` stays below alpha. (Holm's procedure rejects the same gates, because its first step is
//! this one, and has no intervals to show.) A pass needs every device, and a claim that is made only when all of its
//! parts hold needs no correction (Berger, "Multiparameter hypothesis testing and acceptance sampling", Technometrics 24
//! (1982)): each upper end holds at alpha.
//!
//! The number of pairs must be fixed before the first is measured. Adding pairs after a look at an inconclusive answer
//! and judging all of them again would raise the false alarms: measure a new session of that length instead.

use std::fmt;

use crate::distributions::normal_quantile_above;
use crate::paired::{LogRatios, Pair, PairError, PairedEffect, pairs_needed};

/// What is judged and how surely.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rules {
    pub(crate) tolerance: f64,
    pub(crate) alpha: f64,
    pub(crate) at_least: usize,
}

/// These rules judge nothing.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
pub enum RulesError {
    /// The tolerance is no share.
    #[error("tolerance {0} is not a share from 0 to 10: 0.02 accepts 2 % slower")]
    Tolerance(f64),
    /// Alpha is no small chance.
    #[error("alpha {0} is not a chance above 0 and below 0.5: 0.01 accepts one false alarm in a hundred")]
    Alpha(f64),
    /// No device would be needed.
    #[error("a gate needs a verdict of at least 1 device, not of 0")]
    AtLeast,
}

impl Rules {
    /// Rules of a gate: the slow-down that is accepted as a share (0.02 is 2 %), the chance of a wrong `slower` over all
    /// devices, and the fewest devices that must have a verdict before the candidate passes.
    ///
    /// # Errors
    /// When a figure is out of range; the message says what is meant.
    pub fn new(tolerance: f64, alpha: f64, at_least: usize) -> Result<Self, RulesError> {
        if !(0.0..=10.0).contains(&tolerance) {
            return Err(RulesError::Tolerance(tolerance));
        }
        if !(alpha > 0.0 && alpha < 0.5) {
            return Err(RulesError::Alpha(alpha));
        }
        if at_least == 0 {
            return Err(RulesError::AtLeast);
        }
        Ok(Self { tolerance, alpha, at_least })
    }

    /// Fewest pairs for each of `devices` with which these rules can decide anything.
    pub fn pairs_needed(&self, devices: usize) -> usize {
        pairs_needed(self.alpha / devices.max(1) as f64)
    }
}

/// The answer for a device or for the gate.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Decision {
    /// The slow-down is above the tolerance.
    Slower,
    /// The slow-down is below the tolerance.
    NotSlower,
    /// Neither is certain.
    Inconclusive(Doubt),
}

/// Why there is no answer. As text: one sentence without a full stop.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Doubt {
    /// The device has no valid pair.
    NoPairs,
    /// So few pairs cannot decide at this alpha, whatever they say.
    TooFewPairs {
        /// Pairs there are.
        pairs: usize,
        /// Pairs that can.
        needed: usize,
    },
    /// The interval holds the tolerance.
    Unclear {
        /// Pairs there are.
        pairs: usize,
        /// How many more a session would need to decide with four chances in five, if effect and noise are as they
        /// look now; none when the effect lies so close to the tolerance that no session of reasonable length would.
        more: Option<usize>,
    },
    /// No device is slower, and some are in doubt.
    DevicesInDoubt {
        /// How many.
        devices: usize,
    },
    /// Fewer devices than the rules ask for.
    TooFewDevices {
        /// Devices there are.
        judged: usize,
        /// Devices the rules ask for.
        needed: usize,
    },
}

impl fmt::Display for Doubt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let s = |count: usize| if count == 1 { "" } else { "s" };
        match *self {
            Self::NoPairs => f.write_str("no round gave a valid block of both, see the runs for the reason"),
            Self::TooFewPairs { pairs, needed } => {
                write!(f, "{pairs} pair{} cannot decide at this alpha, {needed} can: measure more blocks", s(pairs))
            }
            Self::Unclear { pairs, more: Some(more) } => {
                write!(f, "{pairs} pairs leave it open, {} would probably decide: measure more blocks", pairs + more)
            }
            Self::Unclear { pairs, more: None } => {
                write!(f, "after {pairs} pairs the effect is too close to the tolerance to be told from it: change the tolerance")
            }
            Self::DevicesInDoubt { devices } => write!(f, "{devices} device{} in doubt, none slower", s(devices)),
            Self::TooFewDevices { judged, needed } => {
                write!(f, "{judged} device{} judged, {needed} needed: choose more devices", s(judged))
            }
        }
    }
}

/// One device's part.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct DeviceJudgement {
    /// Its answer.
    pub decision: Decision,
    /// Slow-down with the very interval that the answer is read off: the lower end at alpha over the number of devices,
    /// the upper end at alpha. No effect without pairs, no interval when one of its ends would need more of them.
    pub effect: Option<PairedEffect>,
}

/// The answer of a gate.
#[derive(Debug, Clone, PartialEq)]
pub struct Judgement {
    /// Slower when one device is; not slower when all devices are, and enough of them; else inconclusive.
    pub decision: Decision,
    /// In the order of the devices given.
    pub devices: Vec<DeviceJudgement>,
}

/// A device's pairs cannot be judged.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("the pairs of device {index} cannot be judged")]
pub struct JudgeError {
    /// Place among the devices given, from 0.
    pub index: usize,
    /// Why.
    pub source: PairError,
}

/// Judges a gate from the pairs of each device; a device without valid pairs is given with an empty list, so that it
/// counts as in doubt.
///
/// ```
/// use benchrack_stats::gate::{self, Decision, Rules};
/// use benchrack_stats::paired::Pair;
///
/// let phone: Vec<Pair> = (0..10).map(|round| Pair { baseline: 20.0, candidate: 22.0 + 0.1 * f64::from(round) }).collect();
/// let judgement = gate::judge(&[phone], &Rules::new(0.02, 0.01, 1)?)?;
/// assert_eq!(judgement.decision, Decision::Slower);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// When a pair has a value that is not a finite number above zero.
pub fn judge(devices: &[Vec<Pair>], rules: &Rules) -> Result<Judgement, JudgeError> {
    let tails = Tails { low: rules.alpha / devices.len().max(1) as f64, high: rules.alpha };
    let judge_one = |(index, pairs): (usize, &Vec<Pair>)| {
        let ratios = LogRatios::new(pairs).map_err(|source| JudgeError { index, source })?;
        Ok(ratios.map_or(DeviceJudgement { decision: Decision::Inconclusive(Doubt::NoPairs), effect: None }, |ratios| {
            DeviceJudgement {
                decision: decide(&ratios, rules.tolerance.ln_1p(), tails),
                effect: Some(ratios.effect(tails.low, tails.high)),
            }
        }))
    };
    let devices: Vec<DeviceJudgement> = devices.iter().enumerate().map(judge_one).collect::<Result<_, _>>()?;
    Ok(Judgement { decision: combine(&devices, rules), devices })
}

/// Chances of a wrong answer on one device.
#[derive(Debug, Clone, Copy)]
struct Tails {
    /// Of a wrong `slower`.
    low: f64,
    /// Of a wrong `not slower`.
    high: f64,
}

/// Reads the answer off the interval; `limit` is the tolerance in log space.
fn decide(ratios: &LogRatios, limit: f64, tails: Tails) -> Decision {
    let (low, high) = (ratios.low(tails.low), ratios.high(tails.high));
    if low.is_some_and(|low| low > limit) {
        Decision::Slower
    } else if high.is_some_and(|high| high < limit) {
        Decision::NotSlower
    } else if let Some((low, high)) = low.zip(high) {
        Decision::Inconclusive(Doubt::Unclear { pairs: ratios.pairs(), more: more_pairs(ratios, limit, low, high, tails) })
    } else {
        Decision::Inconclusive(Doubt::TooFewPairs { pairs: ratios.pairs(), needed: pairs_needed(tails.low) })
    }
}

/// Longest session that is worth proposing, in pairs.
const MOST_PAIRS: f64 = 10_000.0;

/// How many more pairs would clear the limit, if the interval shrinks with the root of their number.
fn more_pairs(ratios: &LogRatios, limit: f64, low: f64, high: f64, tails: Tails) -> Option<usize> {
    /// Normal deviate of four chances in five: the next estimate scatters as well.
    const POWER: f64 = 0.841_621;
    let estimate = ratios.estimate();
    let (half, tail) = if estimate > limit { (estimate - low, tails.low) } else { (high - estimate, tails.high) };
    let deviate = normal_quantile_above(tail);
    let pairs = ratios.pairs() as f64;
    let total = pairs * (half / (estimate - limit) * (deviate + POWER) / deviate).powi(2);
    (total <= MOST_PAIRS).then(|| (total - pairs).ceil().max(1.0) as usize)
}

fn combine(devices: &[DeviceJudgement], rules: &Rules) -> Decision {
    let slower = devices.iter().any(|device| device.decision == Decision::Slower);
    let in_doubt = devices.iter().filter(|device| matches!(device.decision, Decision::Inconclusive(_))).count();
    let judged = devices.len() - in_doubt;
    if slower {
        Decision::Slower
    } else if in_doubt > 0 {
        Decision::Inconclusive(Doubt::DevicesInDoubt { devices: in_doubt })
    } else if judged < rules.at_least {
        Decision::Inconclusive(Doubt::TooFewDevices { judged, needed: rules.at_least })
    } else {
        Decision::NotSlower
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Pairs whose log ratios are `effect` plus these offsets.
    fn pairs(effect: f64, offsets: &[f64]) -> Vec<Pair> {
        offsets.iter().map(|offset| Pair { baseline: 30.0, candidate: 30.0 * (effect.ln_1p() + offset).exp() }).collect()
    }

    const CALM: [f64; 10] = [-0.004, 0.001, 0.003, -0.001, 0.002, -0.002, 0.004, -0.003, 0.0005, -0.0005];

    fn rules(at_least: usize) -> Rules {
        Rules::new(0.02, 0.01, at_least).unwrap()
    }

    #[test]
    fn rules_that_judge_nothing_are_refused_with_what_is_meant() {
        assert!(Rules::new(f64::NAN, 0.01, 1).is_err());
        assert_eq!(Rules::new(-0.01, 0.01, 1), Err(RulesError::Tolerance(-0.01)));
        assert_eq!(Rules::new(0.02, 0.0, 1), Err(RulesError::Alpha(0.0)));
        assert_eq!(Rules::new(0.02, 0.01, 0), Err(RulesError::AtLeast));
    }

    #[test]
    fn no_change_passes_and_ten_per_cent_does_not() {
        let same = judge(&[pairs(0.0, &CALM)], &rules(1)).unwrap();
        assert_eq!(same.decision, Decision::NotSlower);
        let slower = judge(&[pairs(0.1, &CALM)], &rules(1)).unwrap();
        assert_eq!(slower.decision, Decision::Slower);
        let effect = slower.devices[0].effect.unwrap();
        let interval = effect.interval.unwrap();
        assert!(0.02 < interval.low && interval.low < 0.1 && 0.1 < interval.high, "{effect:?}");
    }

    #[test]
    fn a_slow_down_at_the_tolerance_is_neither_and_no_session_would_tell() {
        let judgement = judge(&[pairs(0.02, &CALM)], &rules(1)).unwrap();
        let Decision::Inconclusive(Doubt::Unclear { pairs: 10, more: None }) = judgement.devices[0].decision else {
            panic!("{judgement:?}");
        };
        assert_eq!(judgement.decision, Decision::Inconclusive(Doubt::DevicesInDoubt { devices: 1 }));
    }

    #[test]
    fn noise_that_hides_the_answer_is_answered_with_the_length_that_would_show_it() {
        let noisy = CALM.map(|offset| offset * 20.0);
        let judgement = judge(&[pairs(0.05, &noisy)], &rules(1)).unwrap();
        let Decision::Inconclusive(Doubt::Unclear { pairs: 10, more: Some(more) }) = judgement.devices[0].decision else {
            panic!("{judgement:?}");
        };
        assert!((5..60).contains(&more), "{more}");
        assert_eq!(
            Doubt::Unclear { pairs: 10, more: Some(14) }.to_string(),
            "10 pairs leave it open, 24 would probably decide: measure more blocks"
        );
    }

    #[test]
    fn too_few_pairs_say_how_many_can_decide() {
        let judgement = judge(&[pairs(0.5, &CALM[..6])], &rules(1)).unwrap();
        assert_eq!(judgement.devices[0].decision, Decision::Inconclusive(Doubt::TooFewPairs { pairs: 6, needed: 7 }));
        assert_eq!(judgement.devices[0].effect.unwrap().interval, None);
        assert_eq!(judge(&[pairs(0.5, &CALM[..7])], &rules(1)).unwrap().decision, Decision::Slower);
        assert_eq!(rules(1).pairs_needed(1), 7);
        assert_eq!(rules(1).pairs_needed(10), 10);
    }

    #[test]
    fn one_slower_device_rejects_and_one_in_doubt_holds_a_pass_back() {
        let (same, slower, none) = (pairs(0.0, &CALM), pairs(0.1, &CALM), Vec::new());
        let decision = |devices: &[Vec<Pair>], at_least| judge(devices, &rules(at_least)).unwrap().decision;
        assert_eq!(decision(&[same.clone(), slower, none.clone()], 1), Decision::Slower);
        assert_eq!(decision(&[same.clone(), same.clone()], 2), Decision::NotSlower);
        assert_eq!(decision(&[same.clone(), none], 1), Decision::Inconclusive(Doubt::DevicesInDoubt { devices: 1 }));
        let few = Decision::Inconclusive(Doubt::TooFewDevices { judged: 1, needed: 2 });
        assert_eq!(decision(&[same], 2), few);
        assert_eq!(decision(&[], 1), Decision::Inconclusive(Doubt::TooFewDevices { judged: 0, needed: 1 }));
    }

    #[test]
    fn more_devices_ask_for_more_evidence_of_each_before_one_rejects() {
        let seven = pairs(0.1, &CALM[..7]);
        assert_eq!(judge(std::slice::from_ref(&seven), &rules(1)).unwrap().decision, Decision::Slower);
        let with_another = judge(&[seven, pairs(0.0, &CALM)], &rules(1)).unwrap();
        assert_eq!(with_another.devices[0].decision, Decision::Inconclusive(Doubt::TooFewPairs { pairs: 7, needed: 8 }));
    }

    #[test]
    fn a_figure_that_never_varies_is_judged_at_its_first_difference() {
        let exact = |candidate| vec![Pair { baseline: 1_000_000.0, candidate }; 10];
        let decision = |candidate| judge(&[exact(candidate)], &Rules::new(0.0, 0.01, 1).unwrap()).unwrap().decision;
        assert_eq!(decision(1_000_001.0), Decision::Slower);
        assert_eq!(decision(999_999.0), Decision::NotSlower);
        assert!(matches!(decision(1_000_000.0), Decision::Inconclusive(_)));
    }

    #[test]
    fn a_pair_without_a_ratio_names_its_device_and_place() {
        let mut bad = pairs(0.0, &CALM);
        bad[3].candidate = 0.0;
        let error = judge(&[pairs(0.0, &CALM), bad], &rules(1)).unwrap_err();
        assert_eq!(error.to_string(), "the pairs of device 1 cannot be judged");
        assert_eq!(error.source.to_string(), "pair 3 is 30 and 0: a ratio needs finite numbers above zero");
    }
}
