//! One metric of a device: the two sides' figures, compared as the metric asks for.

use std::collections::BTreeMap;

use benchrack_protocol::api::{Judged, Metric};
use benchrack_protocol::energy::EnergyRun;
use benchrack_protocol::reading::Reading;
use benchrack_protocol::report::{Block, Measurement, SessionReport};
use benchrack_protocol::round::Round;
use benchrack_stats::energy::estimate_numbers;
use benchrack_stats::family::Figure;
use benchrack_stats::gate::{Decision, Doubt, Rules};
use benchrack_stats::paired::Pair;
use benchrack_stats::sequential::{Comparison, judge_exact};
use benchrack_stats::{Confidence, Interval, Samples};

use super::super::rounds::round_pair;
use super::super::run::metrics;

/// A metric of one device.
pub(super) struct MeasuredMetric {
    pub(super) metric: Metric,
    pub(super) tolerance: f64,
    pub(super) figure: Figure,
    /// Medians over the rounds, or the figures themselves, in the metric's unit.
    pub(super) values: Option<(f64, f64)>,
    /// The change with its interval where no pairs of rounds give it: value, low, high.
    pub(super) change: Option<[f64; 3]>,
    /// Time of the session that would probably end a doubt that no round ends, ns.
    pub(super) more_time: Option<f64>,
    /// Why there is no figure, where that is known.
    pub(super) missing: Option<String>,
}

impl MeasuredMetric {
    fn new(metric: Metric, tolerance: f64, figure: Figure) -> Self {
        Self { metric, tolerance, figure, values: None, change: None, more_time: None, missing: None }
    }
}

/// Compares the two sides; `share` is what this comparison has of the gate's alpha.
///
/// # Errors
/// Figures that make no ratio, in words.
pub(super) fn compared(
    (metric, tolerance): (Metric, f64),
    (report, sides): (&SessionReport, &[Measurement; 2]),
    rules: &Rules,
    share: f64,
) -> Result<MeasuredMetric, String> {
    match Judged::of(metric) {
        Some(Judged::Exactly) => exactly(metric, tolerance, (report, sides), rules),
        Some(Judged::ByIntervals) => Ok(by_intervals(metric, tolerance, sides, share)),
        Some(Judged::ByRounds) | None => by_rounds(metric, tolerance, sides, rules),
    }
}

/// The pairs of a metric, in the order of the rounds.
fn by_rounds(metric: Metric, tolerance: f64, sides: &[Measurement; 2], rules: &Rules) -> Result<MeasuredMetric, String> {
    let [baseline, candidate] = sides;
    let mut comparison = Comparison::new(rules);
    let mut paired: [Vec<f64>; 2] = [Vec::new(), Vec::new()];
    for block in &baseline.blocks {
        let Some(other) = candidate.blocks.iter().find(|other| other.round == block.round) else { continue };
        let Some(pair) = round_pair(metric, [round(baseline, block), round(candidate, other)]) else { continue };
        comparison.push(pair).map_err(|error| format!("{}: {error}", metric.name()))?;
        paired[0].push(pair.baseline);
        paired[1].push(pair.candidate);
    }
    let [baseline, candidate] = paired.map(|values| Samples::new(values).ok().map(|samples| samples.median()));
    let figure = if comparison.pairs() == 0 { Figure::Missing } else { Figure::ByRounds(Box::new(comparison)) };
    Ok(MeasuredMetric { values: baseline.zip(candidate), ..MeasuredMetric::new(metric, tolerance, figure) })
}

/// A run's figure in each of its rounds.
pub(super) fn of_rounds(run: &Measurement, metric: Metric) -> BTreeMap<u32, f64> {
    let figure = |block: &Block| {
        let (values, share) = metric.of_round(round(run, block))?;
        Samples::new(values).ok().map(|samples| samples.quantile(share))
    };
    run.blocks.iter().filter_map(|block| Some((block.round, figure(block)?))).collect()
}

fn round<'a>(run: &'a Measurement, block: &'a Block) -> Round<'a> {
    Round { block, runner: run.fresh_runners.iter().find(|runner| runner.round == block.round) }
}

/// A metric that is the same each time.
fn exactly(
    metric: Metric,
    tolerance: f64,
    (report, sides): (&SessionReport, &[Measurement; 2]),
    rules: &Rules,
) -> Result<MeasuredMetric, String> {
    let value = |place: usize| {
        let manifest = &report.spec.subjects.get(place)?.manifest;
        if metric == Metric::Fidelity {
            return manifest.fidelity.as_ref().map(|fidelity| fidelity.sqnr_db);
        }
        let figures = metrics(sides.get(place)?, manifest.size).ok()?;
        figures.iter().find(|(of, _)| *of == metric).map(|(_, estimate)| estimate.value)
    };
    let Some((baseline, candidate)) = value(0).zip(value(1)) else {
        return Ok(MeasuredMetric::new(metric, tolerance, Figure::Missing));
    };
    // Decibels are no shares. What a tolerance is about is how far outputs lie off, relative to their size.
    let noise = |db: f64| 10f64.powf(-db / 20.0);
    let pair = if metric == Metric::Fidelity {
        Pair { baseline: noise(baseline), candidate: noise(candidate) }
    } else {
        Pair { baseline, candidate }
    };
    let decision = judge_exact(pair, rules).map_err(|error| format!("{}: {error}", metric.name()))?;
    let change = pair.candidate / pair.baseline - 1.0;
    Ok(MeasuredMetric {
        values: Some((baseline, candidate)),
        change: Some([change; 3]),
        ..MeasuredMetric::new(metric, tolerance, Figure::Decided(decision))
    })
}

/// Energy: each side has an interval of its own, and the two hold together with the chance 1 - `share`. The rests between
/// the loops are those of both, so that what they leave unknown is counted twice, to the safe side.
fn by_intervals(metric: Metric, tolerance: f64, sides: &[Measurement; 2], share: f64) -> MeasuredMetric {
    let of = |place: usize| energy(&sides[place], share);
    let (baseline, candidate) = match (of(0), of(1)) {
        (Ok(baseline), Ok(candidate)) => (baseline, candidate),
        (Err(why), _) | (_, Err(why)) => {
            return MeasuredMetric { missing: Some(why), ..MeasuredMetric::new(metric, tolerance, Figure::Missing) };
        }
    };
    let change =
        [candidate.value / baseline.value - 1.0, candidate.low / baseline.high - 1.0, candidate.high / baseline.low - 1.0];
    let [value, low, high] = change;
    let decision = if low > tolerance {
        Decision::Slower
    } else if high <= tolerance {
        Decision::NotSlower
    } else {
        Decision::Inconclusive(Doubt::Wide)
    };
    MeasuredMetric {
        values: Some((baseline.value, candidate.value)),
        change: Some(change),
        more_time: more_time(tolerance, [value, low, high], &sides[0]),
        ..MeasuredMetric::new(metric, tolerance, Figure::Decided(decision))
    }
}

/// Energy of one inference of one side, or why there is none.
fn energy(run: &Measurement, share: f64) -> Result<Interval, String> {
    let run = match &run.energy {
        Some(Reading::Value { value }) => value,
        Some(Reading::Missing { missing, detail }) => return Err(format!("{missing}: {detail}")),
        None => return Err("it was not measured".into()),
    };
    // Either side's interval may fail with half of the share.
    let confidence = Confidence::new(1.0 - share / 2.0).map_err(|error| error.to_string())?;
    estimate_numbers(run.numbers(), confidence).map(|estimate| estimate.per_inference).map_err(|error| error.to_string())
}

/// Time that would narrow the interval until it lies on one side of the tolerance, if the change is as it looks: noise
/// falls with the root of the time. None when no session of reasonable length would.
fn more_time(tolerance: f64, [value, low, high]: [f64; 3], run: &Measurement) -> Option<f64> {
    /// As many times as long.
    const MOST: f64 = 30.0;
    let half = if value > tolerance { value - low } else { high - value };
    let longer = (half / (value - tolerance).abs()).powi(2);
    let spent = run.energy.as_ref().and_then(Reading::value).map(span)?;
    // To a second, for the reason of [`super::rounded`].
    (longer > 1.0 && longer <= MOST).then(|| ((longer - 1.0) * spent / 1e9).ceil() * 1e9)
}

/// From the first rest to the last, ns.
fn span(run: &EnergyRun) -> f64 {
    let first = run.rests.first().map_or(0, |phase| phase.started.0);
    let last = run.rests.last().map_or(0, |phase| phase.ended.0);
    last.saturating_sub(first) as f64
}
