//! The rounds of a session that count: what a gate and a study compare.

use std::collections::{BTreeMap, BTreeSet};

use benchrack_protocol::api::Metric;
use benchrack_protocol::evidence::Hindrance;
use benchrack_protocol::report::{Block, Measurement, RunReport, SessionReport};
use benchrack_protocol::round::{self, Round};
use benchrack_protocol::session::BlockOrder;
use benchrack_protocol::validity::{self, Doubt, Reason};
use benchrack_stats::paired::Pair;

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
/// Rounds, and turns within them, in which others demonstrably took CPU time from either runner are left out first, as
/// [`round::undisturbed`] says. What is left must count by itself. A session that began on a device others were using is no
/// doubt of its own here, as long as every block says whether its runner was disturbed; that is what the wait was to foretell.
pub(super) fn common_rounds(report: &SessionReport, sides: [(&str, usize); 2]) -> Result<CommonRounds, NotCounting> {
    let [first, second] = sides;
    let (baseline, candidate) = (of_run(report, first)?, of_run(report, second)?);
    let baselines = by_round(first.0, &baseline.blocks).map_err(NotCounting::Other)?;
    let candidates = by_round(second.0, &candidate.blocks).map_err(NotCounting::Other)?;
    let all: BTreeSet<u32> = baselines.keys().chain(candidates.keys()).copied().collect();
    let mut left_out = (0, all.len());
    let mut kept: [Vec<Block>; 2] = Default::default();
    for round in all {
        let sides = [baselines.get(&round), candidates.get(&round)];
        let quiet = match sides {
            [Some(baseline), Some(candidate)] => round::undisturbed(baseline, candidate).map(|sides| sides.map(Some)),
            sides => (!sides.into_iter().flatten().any(|block| validity::is_disturbed(block)))
                .then(|| sides.map(|block| block.map(|&block| block.clone()))),
        };
        match quiet {
            Some(blocks) => kept.iter_mut().zip(blocks).for_each(|(kept, block)| kept.extend(block)),
            None => left_out.0 += 1,
        }
    }
    if left_out.0 == left_out.1 && left_out.1 > 0 {
        return Err(NotCounting::Disturbed { rounds: left_out.1 });
    }
    let pairs = latency_pairs([(first.0, &kept[0]), (second.0, &kept[1])]).map_err(NotCounting::Other)?;
    let pairs = pairs.into_iter().map(|(_, pair)| pair).collect();
    let [baselines, candidates] = kept;
    let sides = [Measurement { blocks: baselines, ..baseline.clone() }, Measurement { blocks: candidates, ..candidate.clone() }];
    counting(first.0, &sides[0], report)?;
    counting(second.0, &sides[1], report)?;
    Ok(CommonRounds { pairs, sides, left_out })
}

/// The blocks of a run by their rounds.
///
/// # Errors
/// Two blocks in one round, in words.
fn by_round<'a>(side: &str, blocks: &'a [Block]) -> Result<BTreeMap<u32, &'a Block>, String> {
    let mut rounds = BTreeMap::new();
    for block in blocks {
        if rounds.insert(block.round, block).is_some() {
            return Err(format!("the {side} has two blocks in round {}: a round makes one pair", block.round));
        }
    }
    Ok(rounds)
}

/// Latencies of two subjects, each with its name, in the rounds that both have.
///
/// # Errors
/// Blocks that make no pair, in words.
pub(super) fn latency_pairs([baseline, candidate]: [(&str, &[Block]); 2]) -> Result<Vec<(u32, Pair)>, String> {
    let candidates = by_round(candidate.0, candidate.1)?;
    let both =
        by_round(baseline.0, baseline.1)?.into_iter().filter_map(|(nth, block)| Some((nth, [block, candidates.get(&nth)?])));
    both.map(|(nth, blocks)| {
        let pair = round_pair(Metric::Latency, blocks.map(|block| Round { block, runner: None }));
        Ok((nth, pair.ok_or_else(|| format!("the blocks of round {nth} make no pair: a block has no usable samples"))?))
    })
    .collect()
}

/// What a round says of a metric, side by side; none where either side has no figure in each round.
pub fn round_pair(metric: Metric, sides: [Round<'_>; 2]) -> Option<Pair> {
    metric.side_by_side(sides).and_then(|sides| Pair::of_pieces(sides.pieces, sides.quantile))
}

/// One run without the blocks in which others took CPU time from it, if what is left counts; see [`common_rounds`].
pub(super) fn undisturbed(report: &SessionReport, (side, place): (&str, usize)) -> Result<Measurement, NotCounting> {
    let run = of_run(report, (side, place))?;
    let mut kept = run.clone();
    kept.blocks.retain(|block| !validity::is_disturbed(block));
    if kept.blocks.is_empty() && !run.blocks.is_empty() {
        return Err(NotCounting::Disturbed { rounds: run.blocks.len() });
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
