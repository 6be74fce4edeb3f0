//! One answer from many comparisons: devices times metrics.
//!
//! A comparison is one metric of one model on one device. The two answers have different risks. One comparison that is
//! slower rejects the candidate, so each is another chance of a wrong rejection: with m of them each claim of `slower`
//! needs the evidence m/α (Bonferroni), so that the chance of any wrong one is at most α. For the whole gate the *average*
//! evidence must pass 1/α as well: averages of such bets are bets again, whatever their dependence (Vovk and Wang,
//! "E-values: calibration, combination and applications", Annals of Statistics 49 (2021), arXiv:1912.06116), and several
//! devices that are each almost sure reject together. A pass needs every comparison, and a claim that is made only when
//! all of its parts hold needs no correction (Berger, "Multiparameter hypothesis testing and acceptance sampling",
//! Technometrics 24 (1982)): each at α.

use crate::gate::{Decision, Doubt, Rules};
use crate::sequential::Comparison;

/// What one metric of one device gave.
#[derive(Debug, Clone, PartialEq)]
pub enum Figure {
    /// Pairs, one for each round.
    ByRounds(Box<Comparison>),
    /// Compared already: figures without noise, which take no share of alpha, or intervals that were made for theirs.
    Decided(Decision),
    /// Nothing that counts.
    Missing,
}

/// The answer of a gate.
#[derive(Debug, Clone, PartialEq)]
pub struct Judgement {
    /// Slower when one comparison is, or all together; not slower when all are, on enough devices; else inconclusive.
    pub decision: Decision,
    /// Of each device, each metric's, in the order given.
    pub devices: Vec<Vec<Decision>>,
    /// No comparison alone is sure that the candidate is slower, all together are.
    pub together: bool,
}

/// Judges a gate. `comparisons` are those that were meant to be judged by rounds, fixed before the first was measured; one
/// that gave nothing is evidence of nothing.
pub fn judge(devices: &[Vec<Figure>], comparisons: usize, rules: &Rules) -> Judgement {
    let decide = |figure: &Figure| match figure {
        Figure::ByRounds(one) => one.decision(rules, comparisons),
        Figure::Decided(decision) => *decision,
        Figure::Missing => Decision::Inconclusive(Doubt::NoPairs),
    };
    let decisions: Vec<Vec<Decision>> = devices.iter().map(|figures| figures.iter().map(decide).collect()).collect();
    let evidence = |figure: &Figure| match figure {
        Figure::ByRounds(one) => Some(one.evidence_of_slower()),
        Figure::Decided(_) | Figure::Missing => None,
    };
    let evidence: Vec<f64> = devices.iter().flatten().filter_map(evidence).collect();
    let average = evidence.iter().sum::<f64>() / comparisons.max(evidence.len()).max(1) as f64;
    let in_doubt =
        |device: &&Vec<Decision>| device.is_empty() || device.iter().any(|one| matches!(one, Decision::Inconclusive(_)));
    let doubtful = decisions.iter().filter(in_doubt).count();
    let alone = decisions.iter().flatten().any(|decision| *decision == Decision::Slower);
    let together = !alone && average >= 1.0 / rules.alpha;
    let decision = if alone || together {
        Decision::Slower
    } else if doubtful > 0 {
        match decisions.as_slice() {
            // One comparison's doubt is the gate's, with what would end it.
            [device] if device.len() == 1 => device[0],
            _ => Decision::Inconclusive(Doubt::DevicesInDoubt { devices: doubtful }),
        }
    } else if decisions.len() < rules.at_least {
        Decision::Inconclusive(Doubt::TooFewDevices { judged: decisions.len(), needed: rules.at_least })
    } else {
        Decision::NotSlower
    };
    Judgement { decision, devices: decisions, together }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::paired::Pair;

    fn rules() -> Rules {
        Rules::new(0.02, 0.01, 1).unwrap()
    }

    fn pairs(effect: f64, count: usize) -> Figure {
        let mut one = Comparison::new(&rules());
        for nth in 0..count {
            one.push(Pair { baseline: 8.0, candidate: 8.0 * effect * (1.0 + 0.002 * (nth % 3) as f64) }).unwrap();
        }
        Figure::ByRounds(Box::new(one))
    }

    #[test]
    fn one_metric_that_is_slower_rejects_and_one_in_doubt_holds_a_pass_back() {
        let exact = Figure::Decided(Decision::NotSlower);
        let decision = |figures: Vec<Figure>| judge(&[figures], 2, &rules()).decision;
        assert_eq!(decision(vec![pairs(1.0, 20), pairs(0.99, 20), exact.clone()]), Decision::NotSlower);
        assert_eq!(decision(vec![pairs(1.0, 20), pairs(1.1, 20), exact]), Decision::Slower);
        assert_eq!(decision(vec![pairs(1.0, 20), pairs(1.0, 20), Figure::Decided(Decision::Slower)]), Decision::Slower);
        let open = Decision::Inconclusive(Doubt::DevicesInDoubt { devices: 1 });
        assert_eq!(decision(vec![pairs(1.0, 20), Figure::Missing]), open);
        assert_eq!(decision(vec![pairs(1.0, 20), pairs(1.0, 3)]), open);
        assert_eq!(judge(&[Vec::new()], 1, &rules()).decision, open, "a device without any figure");
    }

    #[test]
    fn more_comparisons_ask_for_more_evidence_of_each_before_one_rejects() {
        let nine = vec![vec![pairs(1.1, 9)]];
        assert_eq!(judge(&nine, 1, &rules()).decision, Decision::Slower);
        let shared = judge(&nine, 10, &rules());
        assert!(matches!(shared.decision, Decision::Inconclusive(_)) && !shared.together, "{shared:?}");
    }

    #[test]
    fn metrics_that_are_each_almost_sure_reject_together_and_say_so() {
        let devices = vec![vec![pairs(1.1, 9), pairs(1.1, 9)]; 5];
        let judgement = judge(&devices, 10, &rules());
        assert!(judgement.together && judgement.decision == Decision::Slower, "{judgement:?}");
        assert!(judgement.devices.iter().flatten().all(|one| matches!(one, Decision::Inconclusive(_))));
    }
}
