//! The rounds of a session that count: what a gate and a study compare.

use std::collections::BTreeSet;

use benchrack_protocol::evidence::Hindrance;
use benchrack_protocol::report::{Block, Measurement, RunReport, SessionReport};
use benchrack_protocol::session::BlockOrder;
use benchrack_protocol::validity::{self, Doubt, Reason};
use benchrack_stats::paired::{Pair, RoundBlock, pairs_by_round};

use super::run::nanoseconds;

/// Why a run does not count.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub(super) enum NotCounting {
    /// Its evidence speaks against it.
    #[error("{side}'s run is {word}: {}, {}", doubt.reason, doubt.detail)]
    InDoubt {
        /// Whose.
        side: String,
        /// `degraded` or `invalid`.
        word: &'static str,
        /// The first reason.
        doubt: Doubt,
    },
    /// Others took CPU time from it throughout.
    #[error("others took CPU time from the runners in all of its {rounds} rounds")]
    Disturbed {
        /// Rounds in all.
        rounds: usize,
    },
    /// Anything else, in one sentence.
    #[error("{0}")]
    Other(String),
}

/// What two runs of one session have in common.
pub(super) struct CommonRounds {
    pub(super) pairs: Vec<Pair>,
    /// The two runs without the rounds that were left out.
    pub(super) sides: [Measurement; 2],
    /// Rounds left out because others took CPU time from one of the two runners, of all rounds.
    pub(super) left_out: (usize, usize),
}

/// The pairs of two runs of a session, each given by its name and its place, that both count.
///
/// Rounds in which others demonstrably took CPU time from either runner are left out first, as a pair: the choice looks at
/// who had the CPU, never at a latency, and treats both sides alike, so that it favours neither. What is left must count by
/// itself. A session that began on a device others were using is no doubt of its own here, as long as every block says
/// whether its runner was disturbed; that is what the wait was to foretell.
pub(super) fn common_rounds(report: &SessionReport, sides: [(&str, usize); 2]) -> Result<CommonRounds, NotCounting> {
    let [first, second] = sides;
    let (baseline, candidate) = (of_run(report, first)?, of_run(report, second)?);
    let all: BTreeSet<u32> = rounds_of(baseline, |_| true).chain(rounds_of(candidate, |_| true)).collect();
    let disturbed: BTreeSet<u32> =
        rounds_of(baseline, validity::is_disturbed).chain(rounds_of(candidate, validity::is_disturbed)).collect();
    let left_out = (disturbed.len(), all.len());
    if left_out.0 == left_out.1 && left_out.1 > 0 {
        return Err(NotCounting::Disturbed { rounds: left_out.1 });
    }
    let (baseline, candidate) = (without(baseline, &disturbed), without(candidate, &disturbed));
    counting(first.0, &baseline, report)?;
    counting(second.0, &candidate, report)?;
    let pairs = pairs_by_round(&rounds(&baseline), &rounds(&candidate)).map_err(|error| NotCounting::Other(error.to_string()))?;
    Ok(CommonRounds { pairs, sides: [baseline, candidate], left_out })
}

/// One run without the blocks in which others took CPU time from it, if what is left counts; see [`common_rounds`].
pub(super) fn undisturbed(report: &SessionReport, (side, place): (&str, usize)) -> Result<Measurement, NotCounting> {
    let run = of_run(report, (side, place))?;
    let disturbed: BTreeSet<u32> = rounds_of(run, validity::is_disturbed).collect();
    let kept = without(run, &disturbed);
    if kept.blocks.is_empty() && !run.blocks.is_empty() {
        return Err(NotCounting::Disturbed { rounds: disturbed.len() });
    }
    counting(side, &kept, report)?;
    Ok(kept)
}

/// The measurement at this place of a session.
pub(super) fn of_run<'a>(report: &'a SessionReport, (side, place): (&str, usize)) -> Result<&'a Measurement, NotCounting> {
    match report.runs.get(place) {
        Some(RunReport::Measured(measurement)) => Ok(measurement),
        Some(RunReport::Failed(failure)) => {
            Err(NotCounting::Other(format!("the {side} could not be measured: {}", failure.detail)))
        }
        None => Err(NotCounting::Other(format!("the {side} has no run in its session"))),
    }
}

fn rounds_of(run: &Measurement, which: fn(&Block) -> bool) -> impl Iterator<Item = u32> + '_ {
    run.blocks.iter().filter(move |block| which(block)).map(|block| block.round)
}

fn without(run: &Measurement, rounds: &BTreeSet<u32>) -> Measurement {
    let mut kept = run.clone();
    kept.blocks.retain(|block| !rounds.contains(&block.round));
    kept
}

/// Says why a run does not count, if it does not.
fn counting(side: &str, run: &Measurement, report: &SessionReport) -> Result<(), NotCounting> {
    let evidence = report.evidence.as_ref().ok_or_else(|| NotCounting::Other("its session has no evidence".into()))?;
    let each_block_tells = run.blocks.iter().all(|block| block.waiting_share.value().is_some());
    let foretold = evidence.settle.hindrance == Some(Hindrance::Competition) && each_block_tells;
    // A trend that was there before the first round hits both sides of a pair alike when chance says who is first.
    let trend_cancels = report.spec.plan.fresh_runners && matches!(report.spec.plan.order, BlockOrder::Shuffled { .. });
    let answered = |reason| match reason {
        Reason::NotSettled => foretold,
        Reason::Unsteady => trend_cancels,
        _ => false,
    };
    let judged = validity::assess(&report.spec.operating_point, evidence, run);
    let doubts: Vec<&Doubt> = judged.reasons().iter().filter(|doubt| !answered(doubt.reason)).collect();
    // Fast and wrong is the one reason that a person can mend in the model.
    match doubts.iter().find(|doubt| doubt.reason == Reason::OutputsDiffer).or(doubts.first()) {
        None => Ok(()),
        Some(&doubt) => Err(NotCounting::InDoubt { side: format!("the {side}"), word: judged.word(), doubt: doubt.clone() }),
    }
}

fn rounds(measurement: &Measurement) -> Vec<RoundBlock> {
    let block =
        |block: &benchrack_protocol::report::Block| RoundBlock { round: block.round, samples: nanoseconds(&block.samples) };
    measurement.blocks.iter().map(block).collect()
}
