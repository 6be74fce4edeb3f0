//! A gate: the candidate of each device's session against its baseline.

use std::collections::BTreeSet;

use benchrack_protocol::api::{Estimate, GateDevice, GateOutcome, GateRules, Verdict};
use benchrack_protocol::evidence::Hindrance;
use benchrack_protocol::ids::SessionId;
use benchrack_protocol::report::{Block, Measurement, RunReport, SessionReport};
use benchrack_protocol::units::Nanos;
use benchrack_protocol::validity::{self, Doubt, Reason};
use benchrack_stats::Samples;
use benchrack_stats::gate::{self, Decision, DeviceJudgement, Rules, RulesError, judge};
use benchrack_stats::paired::{Pair, RoundBlock, pairs_by_round};

use super::run::nanoseconds;

/// What one device gave for a gate.
#[derive(Debug)]
pub struct DeviceResult<'a> {
    /// Device's name.
    pub device: String,
    /// Its session, where a server stored one.
    pub session: Option<SessionId>,
    /// Its report, subject 0 the baseline and subject 1 the candidate; or why there is none.
    pub report: Result<&'a SessionReport, String>,
}

/// The rules as the statistics take them.
///
/// # Errors
/// When a figure is out of range; the message says what is meant.
pub fn rules(rules: &GateRules) -> Result<Rules, RulesError> {
    Rules::new(rules.tolerance, rules.alpha, usize::try_from(rules.at_least).unwrap_or(usize::MAX))
}

/// Judges a gate from one report of each device; see [`judge_results`].
pub fn judge_gate(devices: &[(String, Option<SessionId>, &SessionReport)], gate_rules: &GateRules) -> GateOutcome {
    let results: Vec<DeviceResult<'_>> = devices
        .iter()
        .map(|(device, session, report)| DeviceResult { device: device.clone(), session: *session, report: Ok(report) })
        .collect();
    judge_results(&results, gate_rules)
}

/// Judges a gate. Only valid runs count, after disturbed rounds are left out: a device with one that failed, is degraded or
/// invalid, or that gave no report, is inconclusive with that reason. Rules out of range judge nothing, and the summary says so.
pub fn judge_results(devices: &[DeviceResult<'_>], gate_rules: &GateRules) -> GateOutcome {
    let rules = match rules(gate_rules) {
        Ok(rules) => rules,
        Err(error) => {
            let parts = devices.iter().map(|device| in_doubt(device, &error.to_string())).collect();
            return GateOutcome { verdict: Verdict::Inconclusive, summary: format!("inconclusive: {error}"), devices: parts };
        }
    };
    let measured: Vec<Result<Measured, String>> = devices
        .iter()
        .map(|device| {
            let measured = measured(device.report.as_ref().map_err(Clone::clone)?)?;
            // Alone first, so that one device's unusable pairs take away no other device's verdict.
            judge(std::slice::from_ref(&measured.pairs), &rules).map_err(|error| error.source.to_string())?;
            Ok(measured)
        })
        .collect();
    let pairs: Vec<Vec<Pair>> =
        measured.iter().map(|measured| measured.as_ref().map_or_else(|_| Vec::new(), |m| m.pairs.clone())).collect();
    let judgement = match judge(&pairs, &rules) {
        Ok(judgement) => judgement,
        Err(error) => {
            let detail = error.source.to_string();
            let parts = devices.iter().map(|device| in_doubt(device, &detail)).collect();
            return GateOutcome { verdict: Verdict::Inconclusive, summary: format!("inconclusive: {detail}"), devices: parts };
        }
    };
    let parts: Vec<GateDevice> = devices
        .iter()
        .zip(&measured)
        .zip(&judgement.devices)
        .map(|((device, measured), judged)| match measured {
            Ok(measured) => part(device, measured, judged, gate_rules),
            Err(why) => in_doubt(device, why),
        })
        .collect();
    let summary = summary(judgement.decision, &parts, gate_rules);
    GateOutcome { verdict: verdict(judgement.decision), summary, devices: parts }
}

/// What a device's report gives to judge.
struct Measured {
    pairs: Vec<Pair>,
    medians: (f64, f64),
    /// Rounds left out because others took CPU time from one of the two runners, of all rounds.
    left_out: (usize, usize),
}

/// The pairs of a report whose two runs both count; otherwise why they do not.
fn measured(report: &SessionReport) -> Result<Measured, String> {
    if report.runs.len() != 2 {
        return Err(format!("its session has {} runs; a gate needs a baseline and a candidate", report.runs.len()));
    }
    let rounds = common_rounds(report, [("baseline", 0), ("candidate", 1)]).map_err(|doubt| doubt.to_string())?;
    let medians = median(&rounds.sides[0]).zip(median(&rounds.sides[1])).ok_or("a side has no samples")?;
    Ok(Measured { pairs: rounds.pairs, medians, left_out: rounds.left_out })
}

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
    let judged = validity::assess(&report.spec.operating_point, evidence, run);
    let doubts: Vec<&Doubt> = judged.reasons().iter().filter(|doubt| !(foretold && doubt.reason == Reason::NotSettled)).collect();
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

/// Median over the medians of the blocks, ns.
fn median(measurement: &Measurement) -> Option<f64> {
    let block_median = |samples: &[Nanos]| Samples::new(nanoseconds(samples)).ok().map(|samples| samples.median());
    let medians: Option<Vec<f64>> = measurement.blocks.iter().map(|block| block_median(&block.samples)).collect();
    Samples::new(medians?).ok().map(|medians| medians.median())
}

fn part(device: &DeviceResult<'_>, measured: &Measured, judged: &DeviceJudgement, rules: &GateRules) -> GateDevice {
    let tolerance = percent(rules.tolerance);
    let detail = match judged.decision {
        Decision::Slower => format!("slower by more than the {tolerance} that are accepted"),
        Decision::NotSlower => format!("within the {tolerance} that are accepted"),
        Decision::Inconclusive(doubt) => doubt.to_string(),
    };
    let detail = match measured.left_out {
        (0, _) => detail,
        (disturbed, all) => format!("{detail}; {disturbed} of {all} rounds were disturbed by others and left out"),
    };
    let effect = judged.effect.and_then(|effect| {
        let interval = effect.interval?;
        Some(Estimate::within(effect.change, interval.low, interval.high))
    });
    GateDevice {
        device: device.device.clone(),
        session: device.session,
        verdict: verdict(judged.decision),
        detail,
        effect,
        pairs: u32::try_from(measured.pairs.len()).unwrap_or(u32::MAX),
        medians: Some((Nanos(measured.medians.0.round() as u64), Nanos(measured.medians.1.round() as u64))),
    }
}

fn in_doubt(device: &DeviceResult<'_>, why: &str) -> GateDevice {
    GateDevice {
        device: device.device.clone(),
        session: device.session,
        verdict: Verdict::Inconclusive,
        detail: why.to_owned(),
        effect: None,
        pairs: 0,
        medians: None,
    }
}

fn verdict(decision: Decision) -> Verdict {
    match decision {
        Decision::Slower => Verdict::Slower,
        Decision::NotSlower => Verdict::NotSlower,
        Decision::Inconclusive(_) => Verdict::Inconclusive,
    }
}

fn summary(decision: Decision, parts: &[GateDevice], rules: &GateRules) -> String {
    let tolerance = percent(rules.tolerance);
    let changes = |verdict: Verdict| {
        let changes = parts.iter().filter(move |part| part.verdict == verdict);
        changes.filter_map(|part| part.effect.map(|effect| (part.device.as_str(), effect.value)))
    };
    let alone = parts.len() == 1;
    match decision {
        Decision::Slower => {
            let worst = changes(Verdict::Slower).max_by(|a, b| a.1.total_cmp(&b.1));
            let slower = parts.iter().filter(|part| part.verdict == Verdict::Slower).count();
            let scope = if alone { String::new() } else { format!(" on {slower} of {} devices", parts.len()) };
            let worst = match worst {
                None => String::new(),
                Some((_, change)) if alone => format!(": {}", signed_percent(change)),
                Some((device, change)) => format!(", most on {device}: {}", signed_percent(change)),
            };
            format!("slower than the {tolerance} that are accepted{scope}{worst}")
        }
        Decision::NotSlower => {
            let worst = changes(Verdict::NotSlower).map(|(_, change)| change).max_by(f64::total_cmp);
            let scope = if alone { String::new() } else { format!(" on all {} devices", parts.len()) };
            let worst = match worst {
                None => String::new(),
                Some(change) if alone => format!(": {}", signed_percent(change)),
                Some(change) => format!(", at most {}", signed_percent(change)),
            };
            format!("within the {tolerance} that are accepted{scope}{worst}")
        }
        Decision::Inconclusive(gate::Doubt::DevicesInDoubt { .. }) if alone => {
            format!("inconclusive: {}", parts.first().map_or("no device", |part| part.detail.as_str()))
        }
        Decision::Inconclusive(doubt) => format!("inconclusive: {doubt}"),
    }
}

fn percent(share: f64) -> String {
    format!("{} %", (share * 1e4).round() / 1e2)
}

fn signed_percent(share: f64) -> String {
    format!("{:+.1} %", share * 100.0)
}
