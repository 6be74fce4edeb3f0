//! A gate: the candidate of each device's session against its baseline, and against the budgets.
//!
//! Two runs of one session are compared round by round, and the sequential test of [`benchrack_stats::sequential`] reads
//! the pairs in the order in which they were measured, so that it does not matter when or why a session stopped. Devices and
//! metrics share the gate's alpha ([`benchrack_stats::family`]). Figures that are the same each time are compared as they
//! are. Wrong outputs and a budget that is certainly exceeded reject a candidate however it compares.

mod budget;
mod figures;
mod words;

use benchrack_protocol::api::{Estimate, GateComparison, GateDevice, GateOutcome, GateRules, Judged, Metric, NewGate, Verdict};
use benchrack_protocol::device::Reality;
use benchrack_protocol::ids::SessionId;
use benchrack_protocol::report::{Measurement, OutputCheck, RunReport, SessionReport};
use benchrack_protocol::units::Nanos;
use benchrack_stats::Samples;
use benchrack_stats::family::{self, Figure};
use benchrack_stats::gate::{Decision, Doubt, Rules, RulesError};

use self::figures::MeasuredMetric;
use super::rounds::common_rounds;
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

/// Whether these metrics can decide a gate.
///
/// # Errors
/// The first that cannot, a tolerance that is no share, or a metric that is there twice.
pub fn check_metrics(request: &NewGate) -> Result<(), String> {
    let base = rules(&request.rules).map_err(|error| format!("rules: {error}"))?;
    if request.rules.models == 0 {
        return Err("rules.models is 0: this gate is one itself".into());
    }
    let mut seen = Vec::new();
    for (metric, tolerance) in request.tolerances() {
        let name = metric.name();
        if Judged::of(metric).is_none() {
            let known: Vec<&str> = Judged::METRICS.iter().map(|metric| metric.name()).collect();
            return Err(format!("metrics: {name} cannot decide a gate, these can: {}", known.join(", ")));
        }
        if seen.contains(&metric) {
            return Err(format!("metrics: {name} is there twice"));
        }
        seen.push(metric);
        base.with_tolerance(tolerance).map_err(|error| format!("metrics: {name}: {error}"))?;
    }
    Ok(())
}

/// Judges a gate from one report of each device; see [`judge_results`].
pub fn judge_gate(devices: &[(String, Option<SessionId>, &SessionReport)], request: &NewGate) -> GateOutcome {
    let results: Vec<DeviceResult<'_>> = devices
        .iter()
        .map(|(device, session, report)| DeviceResult { device: device.clone(), session: *session, report: Ok(report) })
        .collect();
    judge_results(&results, request)
}

/// Judges a gate. Only valid runs count, after disturbed rounds are left out: a device with one that failed, is degraded or
/// invalid, or that gave no report, is inconclusive with that reason. Rules out of range judge nothing, and the summary says so.
pub fn judge_results(devices: &[DeviceResult<'_>], request: &NewGate) -> GateOutcome {
    let checked = check_metrics(request).and_then(|()| rules(&request.rules).map_err(|error| error.to_string()));
    let rules = match checked {
        Ok(rules) => rules,
        Err(why) => {
            let parts = devices.iter().map(|device| in_doubt(device, &why)).collect();
            return GateOutcome {
                verdict: Verdict::Inconclusive,
                summary: format!("inconclusive: {why}"),
                devices: parts,
                more_time: None,
            };
        }
    };
    let asked = request.tolerances();
    let comparisons = request.comparisons(devices.len());
    let share = request.rules.alpha / comparisons.max(1) as f64;
    let measured: Vec<Result<Measured, String>> = devices.iter().map(|device| measured(device, &asked, &rules, share)).collect();
    let figures: Vec<Vec<Figure>> = measured
        .iter()
        .map(|measured| measured.as_ref().map_or_else(|_| Vec::new(), |m| m.metrics.iter().map(|m| m.figure.clone()).collect()))
        .collect();
    let judgement = family::judge(&figures, comparisons, &rules);
    let tails = (share, request.rules.alpha);
    let parts: Vec<GateDevice> = devices
        .iter()
        .zip(&measured)
        .zip(&judgement.devices)
        .map(|((device, measured), decisions)| match (measured, device.report.as_ref()) {
            (Ok(measured), Ok(report)) => part(device, (*report, measured), decisions, request, (tails, devices.len())),
            (Err(why), Ok(report)) => wrong_outputs(device, report).unwrap_or_else(|| in_doubt(device, why)),
            (Err(why), Err(_)) | (Ok(_), Err(why)) => in_doubt(device, why),
        })
        .collect();
    let verdict = of_all(&judgement, &parts);
    let doubtful = parts.iter().filter(|part| part.verdict == Verdict::Inconclusive);
    let more = doubtful.map(|part| part.more_time.map(|time| time.0)).sum::<Option<u64>>();
    let more_time = more.filter(|_| verdict == Verdict::Inconclusive).filter(|time| *time > 0).map(Nanos);
    let summary = words::summary(verdict, &judgement, &parts, request, more_time);
    GateOutcome { verdict, summary, devices: parts, more_time }
}

/// The worst that is certain.
fn of_all(judgement: &family::Judgement, parts: &[GateDevice]) -> Verdict {
    let any = |verdict| parts.iter().any(|part| part.verdict == verdict);
    if any(Verdict::WrongOutputs) {
        return Verdict::WrongOutputs;
    }
    match judgement.decision {
        Decision::Slower => Verdict::Slower,
        _ if any(Verdict::OverBudget) => Verdict::OverBudget,
        Decision::NotSlower if !any(Verdict::Inconclusive) => Verdict::NotSlower,
        Decision::NotSlower | Decision::Inconclusive(_) => Verdict::Inconclusive,
    }
}

/// What a device's report gives to judge.
struct Measured {
    metrics: Vec<MeasuredMetric>,
    /// The two runs without disturbed rounds.
    sides: [Measurement; 2],
    medians: (f64, f64),
    /// Rounds left out because others took CPU time from one of the two runners, of all rounds.
    left_out: (usize, usize),
    /// From one round to the next, ns, by those that count.
    per_pair: f64,
}

/// What a report whose two runs both count says of each metric; otherwise why they do not count.
fn measured(device: &DeviceResult<'_>, asked: &[(Metric, f64)], rules: &Rules, share: f64) -> Result<Measured, String> {
    let report = *device.report.as_ref().map_err(Clone::clone)?;
    // Times under an emulated CPU say nothing of any device, however steady they are.
    if report.reality == Reality::Emulated {
        return Err("its CPU is emulated: its times do not count".into());
    }
    if report.runs.len() != 2 {
        return Err(format!("its session has {} runs; a gate needs a baseline and a candidate", report.runs.len()));
    }
    let rounds = common_rounds(report, [("baseline", 0), ("candidate", 1)]).map_err(|doubt| doubt.to_string())?;
    let medians = median(&rounds.sides[0]).zip(median(&rounds.sides[1])).ok_or("a side has no samples")?;
    let metrics = asked
        .iter()
        .map(|&(metric, tolerance)| {
            let rules = rules.with_tolerance(tolerance).map_err(|error| error.to_string())?;
            figures::compared((metric, tolerance), (report, &rounds.sides), &rules, share)
        })
        .collect::<Result<_, String>>()?;
    let started: Vec<u64> = rounds.sides[0].blocks.iter().map(|block| block.started.0).collect();
    let per_pair = match (started.iter().min(), started.iter().max()) {
        (Some(first), Some(last)) if last > first => (last - first) as f64 / (started.len() - 1) as f64,
        // One round took no longer than all of the session.
        _ => report.duration.0 as f64,
    };
    Ok(Measured { metrics, medians, left_out: rounds.left_out, per_pair, sides: rounds.sides })
}

/// Median over the medians of the blocks, ns.
fn median(measurement: &Measurement) -> Option<f64> {
    let block_median = |samples: &[Nanos]| Samples::new(nanoseconds(samples)).ok().map(|samples| samples.median());
    let medians: Option<Vec<f64>> = measurement.blocks.iter().map(|block| block_median(&block.samples)).collect();
    Samples::new(medians?).ok().map(|medians| medians.median())
}

fn part(
    device: &DeviceResult<'_>,
    (report, measured): (&SessionReport, &Measured),
    decisions: &[Decision],
    request: &NewGate,
    (tails, devices): ((f64, f64), usize),
) -> GateDevice {
    let compared = measured.metrics.iter().zip(decisions);
    let mut comparisons: Vec<GateComparison> =
        compared.clone().map(|(metric, decision)| comparison(metric, *decision, tails)).collect();
    let pairs = measured.metrics.iter().map(|metric| match &metric.figure {
        Figure::ByRounds(comparison) => comparison.pairs(),
        Figure::Decided(_) | Figure::Missing => 0,
    });
    let more = compared.map(|(metric, decision)| more_time(metric, *decision, measured.per_pair)).collect::<Option<Vec<f64>>>();
    let effect = comparisons.iter().find(|one| one.metric == Metric::Latency.name()).and_then(|one| one.change);
    let effect = effect.or_else(|| comparisons.first().and_then(|one| one.change));
    comparisons.extend(budget::checks(report, &measured.sides[1], request, devices));
    let worst = words::worst(&comparisons);
    let wrong = wrong_outputs(device, report);
    let (verdict, detail) = match (&wrong, worst) {
        (Some(wrong), _) => (Verdict::WrongOutputs, wrong.detail.clone()),
        (None, Some(worst)) => (worst.verdict, words::detail(worst, comparisons.len() > 1)),
        (None, None) => (Verdict::Inconclusive, "no metric was asked for".to_owned()),
    };
    let detail = match measured.left_out {
        (0, _) => detail,
        (disturbed, all) => format!("{detail}; {disturbed} of {all} rounds were disturbed by others and left out"),
    };
    let more = more.and_then(|more| more.into_iter().max_by(f64::total_cmp));
    GateDevice {
        device: device.device.clone(),
        session: device.session,
        verdict,
        detail,
        effect,
        pairs: u32::try_from(pairs.max().unwrap_or(0)).unwrap_or(u32::MAX),
        medians: Some((Nanos(measured.medians.0.round() as u64), Nanos(measured.medians.1.round() as u64))),
        comparisons,
        device_time: Some(report.duration),
        more_time: more.map(|time| Nanos(time as u64)).filter(|time| time.0 > 0),
    }
}

/// Device time that would probably end a doubt, ns; none when nobody can say.
fn more_time(of: &MeasuredMetric, decision: Decision, per_pair: f64) -> Option<f64> {
    let pairs = match decision {
        Decision::Slower | Decision::NotSlower => 0,
        Decision::Inconclusive(Doubt::Unclear { more, .. }) => more?,
        Decision::Inconclusive(Doubt::TooFewPairs { pairs, needed }) => needed.saturating_sub(pairs),
        Decision::Inconclusive(Doubt::Wide) => return of.more_time,
        Decision::Inconclusive(_) => return None,
    };
    Some(pairs as f64 * per_pair)
}

fn comparison(of: &MeasuredMetric, decision: Decision, (low, high): (f64, f64)) -> GateComparison {
    let change = match (&of.figure, of.change) {
        (Figure::ByRounds(comparison), _) => comparison.effect(low, high).ok().flatten().and_then(|effect| {
            let interval = effect.interval?;
            Some(Estimate::within(rounded(effect.change), rounded(interval.low), rounded(interval.high)))
        }),
        (_, change) => change.map(|change| {
            let [value, low, high] = change.map(rounded);
            Estimate::within(value, low, high)
        }),
    };
    GateComparison {
        metric: of.metric.name().to_owned(),
        verdict: verdict(decision),
        change,
        baseline: of.values.map(|(baseline, _)| baseline),
        candidate: of.values.map(|(_, candidate)| Estimate::exact(candidate)),
        limit: of.tolerance,
        budget: false,
        detail: words::of_decision(of, decision),
    }
}

/// To a millionth: logarithms may differ in their last digits from machine to machine, a verdict's text must not.
fn rounded(share: f64) -> f64 {
    (share * 1e6).round() / 1e6
}

/// The device's part when the candidate's outputs are not those of its reference: fast and wrong is no result.
fn wrong_outputs(device: &DeviceResult<'_>, report: &SessionReport) -> Option<GateDevice> {
    let Some(RunReport::Measured(candidate)) = report.runs.get(1) else { return None };
    let OutputCheck::Compared { outputs } = &candidate.outputs else { return None };
    let (name, wrong) = outputs.iter().find(|(_, comparison)| !comparison.within)?;
    let detail = format!(
        "the candidate's outputs differ from its reference: output {name}, relative error {:.2e}, cosine {:.6}",
        wrong.max_relative_error, wrong.cosine
    );
    Some(GateDevice { verdict: Verdict::WrongOutputs, device_time: Some(report.duration), ..in_doubt(device, &detail) })
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
        comparisons: Vec::new(),
        device_time: device.report.as_ref().ok().map(|report| report.duration),
        more_time: None,
    }
}

fn verdict(decision: Decision) -> Verdict {
    match decision {
        Decision::Slower => Verdict::Slower,
        Decision::NotSlower => Verdict::NotSlower,
        Decision::Inconclusive(_) => Verdict::Inconclusive,
    }
}
