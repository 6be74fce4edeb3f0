//! Has a gate's session seen enough? Asked after each round.
//!
//! The verdict is not given here: the server judges the samples of the report. But its test holds at every moment at once,
//! so a session may stop when that test is sure, or when its time is over, and the verdict is as good as any.

use std::collections::BTreeSet;

use benchrack_protocol::api::Metric;
use benchrack_protocol::round::{Round, undisturbed};
use benchrack_protocol::session::StopRule;
use benchrack_protocol::units::Nanos;
use benchrack_stats::gate::{Decision, Rules, RulesError};
use benchrack_stats::paired::Pair;
use benchrack_stats::sequential::Comparison;

/// The rule and what it has seen.
pub struct Enough<'a> {
    rule: &'a StopRule,
    metrics: Vec<(Metric, Rules, Comparison)>,
    seen: BTreeSet<u32>,
}

impl<'a> Enough<'a> {
    /// Nothing seen yet.
    ///
    /// # Errors
    /// When a tolerance or alpha is out of range.
    pub fn new(rule: &'a StopRule) -> Result<Self, RulesError> {
        let compared = |&(metric, tolerance): &(Metric, f64)| {
            let rules = Rules::new(tolerance, rule.alpha, 1)?;
            Ok((metric, rules, Comparison::new(&rules)))
        };
        Ok(Self { rule, metrics: rule.metrics.iter().map(compared).collect::<Result<_, _>>()?, seen: BTreeSet::new() })
    }

    /// Whether no round may begin any more: the time is over, `spent` since the session began.
    pub fn is_late(&self, spent: Nanos) -> bool {
        spent >= self.rule.max_time
    }

    /// Takes a round, unless others disturbed it; whether every metric is decided now, or one is slower.
    pub fn round(&mut self, baseline: Round<'_>, candidate: Round<'_>) -> bool {
        let quiet = undisturbed(baseline.block, candidate.block);
        if let Some([of_baseline, of_candidate]) = quiet.filter(|_| self.seen.insert(baseline.block.round)) {
            let sides = [Round { block: &of_baseline, ..baseline }, Round { block: &of_candidate, ..candidate }];
            for (metric, _, comparison) in &mut self.metrics {
                // A figure that is missing or makes no ratio is for the judge to name; it decides nothing here.
                if let Some(pair) = metric.side_by_side(sides).and_then(|sides| Pair::of_pieces(sides.pieces, sides.quantile))
                    && let Err(error) = comparison.push(pair)
                {
                    tracing::debug!(%error, metric = metric.name(), "a round makes no pair");
                }
            }
        }
        if self.seen.len() < usize::try_from(self.rule.min_rounds).unwrap_or(usize::MAX) {
            return false;
        }
        let comparisons = usize::try_from(self.rule.comparisons).unwrap_or(usize::MAX);
        let mut decisions = self.metrics.iter().map(|(_, rules, comparison)| comparison.decision(rules, comparisons));
        let slower = decisions.clone().any(|decision| decision == Decision::Slower);
        slower || decisions.all(|decision| decision == Decision::NotSlower)
    }
}

#[cfg(test)]
mod tests {
    use benchrack_protocol::reading::Reading;
    use benchrack_protocol::report::Block;

    use super::*;

    fn rule(metrics: &[(Metric, f64)]) -> StopRule {
        StopRule { metrics: metrics.to_vec(), alpha: 0.01, comparisons: 1, max_time: Nanos(1_000), min_rounds: 0 }
    }

    fn block(round: u32, latency: u64, waiting: f64) -> Block {
        Block {
            round,
            place: 0,
            started: Nanos(0),
            samples: vec![Nanos(latency); 3],
            suspended: Nanos(0),
            waiting_share: Reading::of(waiting),
            turns: Vec::new(),
        }
    }

    /// Rounds until it is enough, when the candidate's latency is this.
    fn rounds(rule: &StopRule, candidate: u64, waiting: f64) -> Option<u32> {
        let mut enough = Enough::new(rule).unwrap();
        (0..100).find(|&round| {
            let (a, b) = (block(round, 1_000 + u64::from(round % 3), 0.0), block(round, candidate, waiting));
            enough.round(Round { block: &a, runner: None }, Round { block: &b, runner: None })
        })
    }

    #[test]
    fn a_session_stops_at_the_fewest_pairs_that_decide_when_they_are_clear() {
        let latency = rule(&[(Metric::Latency, 0.02)]);
        let fewest = u32::try_from(benchrack_stats::sequential::pairs_needed(0.01)).unwrap();
        assert_eq!(rounds(&latency, 1_500, 0.0), Some(fewest - 1));
        assert_eq!(rounds(&latency, 700, 0.0), Some(fewest - 1));
        assert_eq!(rounds(&latency, 1_021, 0.0), None, "too close to the tolerance");
    }

    #[test]
    fn rounds_that_limits_need_are_measured_although_the_comparison_is_sure() {
        let latency = StopRule { min_rounds: 14, ..rule(&[(Metric::Latency, 0.02)]) };
        assert_eq!(rounds(&latency, 1_500, 0.0), Some(13));
        assert_eq!(rounds(&StopRule { min_rounds: 3, ..rule(&[]) }, 700, 0.0), Some(2), "only exact metrics");
        assert_eq!(rounds(&latency, 1_500, 0.5), None, "disturbed ones are none");
    }

    #[test]
    fn disturbed_rounds_and_metrics_that_no_round_gives_decide_nothing() {
        assert_eq!(rounds(&rule(&[(Metric::Latency, 0.02)]), 1_500, 0.5), None);
        assert_eq!(rounds(&rule(&[(Metric::Latency, 0.02), (Metric::Load, 0.02)]), 700, 0.0), None);
    }

    #[test]
    fn time_that_is_over_is_over() {
        let rule = rule(&[]);
        let enough = Enough::new(&rule).unwrap();
        assert!(enough.is_late(Nanos(1_000)) && !enough.is_late(Nanos(999)));
        let metrics = vec![(Metric::Latency, 0.02)];
        assert!(Enough::new(&StopRule { alpha: 0.9, metrics, ..rule }).is_err());
    }
}
