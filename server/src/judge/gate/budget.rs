//! Absolute limits: is the candidate's own figure certainly above, certainly within, or neither?

use benchrack_protocol::api::{Estimate, GateComparison, Metric, NewGate, Verdict};
use benchrack_protocol::budget::Budget;
use benchrack_protocol::report::{Measurement, SessionReport};
use benchrack_stats::{Confidence, Samples};

use super::super::run::{interval, metrics_at};
use super::figures::of_rounds;

/// Every budget that applies to this device and the candidate's model. Each has an equal share of the gate's alpha over all
/// budgets, devices and models, which the interval of its figure is made for.
pub(super) fn checks(report: &SessionReport, candidate: &Measurement, request: &NewGate, devices: usize) -> Vec<GateComparison> {
    let applies = applying(report, request);
    let share = request.rules.alpha / request.limits(devices).max(1) as f64;
    // Both ends hold at the share, so the interval is this sure.
    let confidence = Confidence::new(1.0 - 2.0 * share).unwrap_or(Confidence::P95);
    let size = request.candidate.manifest.size;
    let figures = metrics_at(candidate, size, confidence).unwrap_or_default();
    let few = (candidate.blocks.len() as u64) < u64::from(request.rounds_of_limits(devices));
    let figure = |metric: Metric| {
        if metric == Metric::Fidelity {
            return request.candidate.manifest.fidelity.as_ref().map(|fidelity| Estimate::exact(fidelity.sqnr_db));
        }
        let in_rounds = of_fresh_runners(candidate, metric, confidence);
        in_rounds.or_else(|| figures.iter().find(|(of, _)| *of == metric).map(|(_, estimate)| digits(*estimate)))
    };
    applies.map(|budget| check(budget, Metric::named(&budget.metric).and_then(figure), few)).collect()
}

/// To nine digits, for the reason of [`super::rounded`]: the ends of an energy's interval come from quantiles of a
/// distribution.
fn digits(Estimate { value, low, high, level }: Estimate) -> Estimate {
    let [value, low, high] = [value, low, high].map(|value| format!("{value:.8e}").parse().unwrap_or(value));
    Estimate { value, low, high, level }
}

/// What a new runner in each round gives many of, where a session with one runner has a single figure.
fn of_fresh_runners(run: &Measurement, metric: Metric, confidence: Confidence) -> Option<Estimate> {
    if !matches!(metric, Metric::Load | Metric::FirstInference | Metric::Frame | Metric::PeakRss | Metric::Pss) {
        return None;
    }
    let values: Vec<f64> = of_rounds(run, metric).into_values().collect();
    Samples::new(values).ok().map(|samples| interval(&samples.summary(confidence).median))
}

/// The budgets that the farm found to be about this device and that are about the candidate.
fn applying<'a>(report: &'a SessionReport, request: &'a NewGate) -> impl Iterator<Item = &'a Budget> {
    let binding = report.spec.plan.gate.as_ref();
    let of_device = move |nth: u32, budget: &Budget| match binding {
        Some(binding) => binding.budgets.contains(&nth),
        None => budget.devices.is_empty(),
    };
    let numbered = (0u32..).zip(&request.budgets);
    numbered
        .filter(move |(nth, budget)| of_device(*nth, budget) && budget.fits_model(&request.candidate.manifest.name))
        .map(|(_, budget)| budget)
}

/// `few`: so few rounds that no interval over them is as sure as it must be.
fn check(budget: &Budget, figure: Option<Estimate>, few: bool) -> GateComparison {
    let limit = budget.limit.value;
    let shown = |value: f64| Metric::named(&budget.metric).map_or_else(|| value.to_string(), |metric| metric.show(value));
    let (verdict, said) = match figure {
        None => (Verdict::Inconclusive, "was not measured, its budget cannot be checked".to_owned()),
        Some(Estimate { low, high, .. }) if few && low < high => {
            (Verdict::Inconclusive, "cannot be held against its budget with so few rounds: measure longer".to_owned())
        }
        Some(Estimate { low, high, value, .. }) => {
            let (over, within) = if budget.is_least() { (high < limit, low >= limit) } else { (low > limit, high <= limit) };
            let is = shown(value);
            if over {
                (Verdict::OverBudget, format!("is {is}, over the budget of {}", budget.limit))
            } else if within {
                (Verdict::NotSlower, format!("is {is}, within the budget of {}", budget.limit))
            } else {
                let ends = (shown(low), shown(high));
                let text = format!("is between {} and {}, too close to the budget of {} to tell", ends.0, ends.1, budget.limit);
                (Verdict::Inconclusive, text)
            }
        }
    };
    let because = if verdict == Verdict::NotSlower { String::new() } else { format!(" ({}; {})", budget.reason, budget.owner) };
    GateComparison {
        metric: budget.metric.clone(),
        verdict,
        change: None,
        baseline: None,
        candidate: figure,
        limit,
        budget: true,
        detail: format!("{} {said}{because}", budget.metric),
    }
}
