//! A verdict in words.

use benchrack_protocol::api::{GateComparison, GateDevice, Metric, NewGate, Verdict};
use benchrack_protocol::units::Nanos;
use benchrack_stats::family::{Figure, Judgement};
use benchrack_stats::gate::{Decision, Doubt};

use super::figures::MeasuredMetric;

/// The comparison that a device's verdict rests on: the worst that is certain, then what is in doubt.
pub(super) fn worst(comparisons: &[GateComparison]) -> Option<&GateComparison> {
    let of = |verdict| comparisons.iter().find(move |one| one.verdict == verdict);
    [Verdict::Slower, Verdict::OverBudget, Verdict::Inconclusive, Verdict::NotSlower].into_iter().find_map(of)
}

/// What there is to know of a device, named by the metric where there are several.
pub(super) fn detail(worst: &GateComparison, several: bool) -> String {
    if several && !worst.budget { format!("{}: {}", worst.metric, worst.detail) } else { worst.detail.clone() }
}

pub(super) fn of_decision(of: &MeasuredMetric, decision: Decision) -> String {
    let accepted = percent(of.tolerance);
    match decision {
        Decision::Slower if is_time(of.metric) => format!("slower by more than the {accepted} that are accepted"),
        Decision::Slower if of.metric == Metric::Fidelity => {
            format!("noise of quantisation larger by more than the {accepted} that are accepted")
        }
        Decision::Slower => format!("larger by more than the {accepted} that are accepted"),
        Decision::NotSlower => format!("within the {accepted} that are accepted"),
        Decision::Inconclusive(Doubt::NoPairs) if of.figure == Figure::Missing => {
            let why = of.missing.as_ref().map_or_else(String::new, |why| format!(": {why}"));
            format!("{} has no figure in these runs{why}", of.metric.name())
        }
        Decision::Inconclusive(doubt) => doubt.to_string(),
    }
}

fn is_time(metric: Metric) -> bool {
    metric.unit() == "ns"
}

pub(super) fn summary(
    verdict: Verdict,
    judgement: &Judgement,
    parts: &[GateDevice],
    request: &NewGate,
    more_time: Option<Nanos>,
) -> String {
    let tolerance = percent(request.rules.tolerance);
    let alone = parts.len() == 1;
    let scope = |count: usize| if alone { String::new() } else { format!(" on {count} of {} devices", parts.len()) };
    let with = |verdict: Verdict| parts.iter().filter(move |part| part.verdict == verdict);
    let first = |verdict: Verdict| with(verdict).next().map_or("", |part| part.detail.as_str());
    match verdict {
        Verdict::WrongOutputs => {
            format!("wrong outputs{}: {}", scope(with(verdict).count()), first(verdict))
        }
        Verdict::OverBudget => format!("over budget{}: {}", scope(with(verdict).count()), first(verdict)),
        Verdict::Slower if judgement.together => {
            format!("slower than the {tolerance} that are accepted: no device alone is sure, all together are")
        }
        Verdict::Slower => {
            let slower = comparisons(parts).filter(|(_, one)| one.verdict == Verdict::Slower);
            let worst = slower.max_by(|a, b| change(a.1).total_cmp(&change(b.1)));
            let Some((device, worst)) = worst else { return format!("slower than the {tolerance} that are accepted") };
            let what = if worst.metric == Metric::Latency.name() {
                format!("slower than the {} that are accepted", percent(worst.limit))
            } else {
                format!("{} above the {} that are accepted", worst.metric, percent(worst.limit))
            };
            let shown = worst.change.map(|change| signed_percent(change.value));
            let end = match shown {
                None => String::new(),
                Some(shown) if alone => format!(": {shown}"),
                Some(shown) => format!(", most on {device}: {shown}"),
            };
            format!("{what}{}{end}", scope(with(Verdict::Slower).count()))
        }
        Verdict::NotSlower => {
            let changed = comparisons(parts).map(|(_, one)| one).filter(|one| !one.budget && one.change.is_some());
            let worst = changed.max_by(|a, b| change(a).total_cmp(&change(b)));
            // A metric may have a tolerance of its own.
            let tolerance = worst.map_or(tolerance, |worst| percent(worst.limit));
            let scope = if alone { String::new() } else { format!(" on all {} devices", parts.len()) };
            let worst = match worst.map(change) {
                None => String::new(),
                Some(change) if alone => format!(": {}", signed_percent(change)),
                Some(change) => format!(", at most {}", signed_percent(change)),
            };
            let budgets = comparisons(parts).filter(|(_, one)| one.budget).count();
            let budgets = if budgets > 0 { ", within budget" } else { "" };
            format!("within the {tolerance} that are accepted{scope}{worst}{budgets}")
        }
        Verdict::Inconclusive => {
            let why = match judgement.decision {
                // A device that decides what the statistics leave open says it best itself.
                _ if alone => first(verdict).to_owned(),
                Decision::Inconclusive(doubt) => doubt.to_string(),
                Decision::Slower | Decision::NotSlower => Doubt::DevicesInDoubt { devices: with(verdict).count() }.to_string(),
            };
            match more_time {
                Some(time) => format!("inconclusive: {why}; about {} more would probably tell", minutes(time)),
                None => format!("inconclusive: {why}"),
            }
        }
    }
}

fn comparisons(parts: &[GateDevice]) -> impl Iterator<Item = (&str, &GateComparison)> {
    parts.iter().flat_map(|part| part.comparisons.iter().map(|one| (part.device.as_str(), one)))
}

fn change(one: &GateComparison) -> f64 {
    one.change.map_or(f64::NEG_INFINITY, |change| change.value)
}

fn minutes(time: Nanos) -> String {
    format!("{:.1} device-minutes", (time.0 as f64 / 6e10).max(0.1))
}

fn percent(share: f64) -> String {
    format!("{} %", (share * 1e4).round() / 1e2)
}

fn signed_percent(share: f64) -> String {
    format!("{:+.1} %", share * 100.0)
}
