//! Absolute limits: is the candidate's own figure certainly above, certainly within, or neither?

use benchrack_protocol::api::{Estimate, GateComparison, Metric, NewGate, Verdict};
use benchrack_protocol::budget::{Budget, FIDELITY};
use benchrack_protocol::report::{Measurement, SessionReport};
use benchrack_stats::Confidence;

use super::super::run::metrics_at;
use super::words;

/// Every budget that applies to this device and the candidate's model. Each has an equal share of the gate's alpha over all
/// budgets and devices, which the interval of its figure is made for.
pub(super) fn checks(report: &SessionReport, candidate: &Measurement, request: &NewGate, devices: usize) -> Vec<GateComparison> {
    let applies = applying(report, request);
    let share = request.rules.alpha / (request.budgets.len().max(1) * devices.max(1)) as f64;
    // Both ends hold at the share, so the interval is this sure.
    let confidence = Confidence::new(1.0 - 2.0 * share).unwrap_or(Confidence::P95);
    let size = request.candidate.manifest.size;
    let figures = metrics_at(candidate, size, confidence).unwrap_or_default();
    let figure = |budget: &Budget| match Metric::named(&budget.metric) {
        Some(metric) => figures.iter().find(|(of, _)| *of == metric).map(|(_, estimate)| *estimate),
        None if budget.metric == FIDELITY => {
            request.candidate.manifest.fidelity.as_ref().map(|fidelity| Estimate::exact(fidelity.sqnr_db))
        }
        None => None,
    };
    applies.map(|budget| check(budget, figure(budget))).collect()
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

fn check(budget: &Budget, figure: Option<Estimate>) -> GateComparison {
    let limit = budget.limit.value;
    let (verdict, said) = match figure {
        None => (Verdict::Inconclusive, "was not measured, its budget cannot be checked".to_owned()),
        Some(Estimate { low, high, value, .. }) => {
            let (over, within) = if budget.is_least() { (high < limit, low >= limit) } else { (low > limit, high <= limit) };
            let shown = words::in_unit(value, budget.limit.unit);
            if over {
                (Verdict::OverBudget, format!("is {shown}, over the budget of {}", budget.limit))
            } else if within {
                (Verdict::NotSlower, format!("is {shown}, within the budget of {}", budget.limit))
            } else {
                let ends = (words::in_unit(low, budget.limit.unit), words::in_unit(high, budget.limit.unit));
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
