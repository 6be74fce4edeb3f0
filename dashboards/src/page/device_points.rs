//! The operating points of a device for one subject: which cores, at which clock, within which limits.

use askama::Template;
use askama::filters::HtmlSafe;
use benchrack_protocol::api::{Estimate, Metric};

use super::facets::{Facets, Field, Preset};
use crate::RenderError;
use crate::chart::{Body, Line, OverClock, Place, counts, lines, look, metric, points, shape_icon};
use crate::format::Unit;
use crate::link;
use crate::part::{Badge, ChartFigure, Ctx, Html, Num};
use crate::text::point::Points as Words;
use crate::text::{Texts, fill};
use crate::view::{Dimension, OperatingRow, OperatingView};

/// The part of a device's page.
#[derive(Template)]
#[template(path = "part/points.html")]
pub(super) struct Part<'a> {
    p: &'static Words,
    device: &'a str,
    facets: Facets<'a>,
    rates: Vec<Preset>,
    tone: &'static str,
    answer: String,
    /// Sentences after the answer.
    rest: Vec<String>,
    figures: [&'static str; 3],
    rows: Vec<Row>,
    charts: Vec<ChartFigure>,
}

impl HtmlSafe for Part<'_> {}

/// Figures of the table.
const FIGURES: [Metric; 3] = [Metric::LatencyP90, Metric::Energy, Metric::Power];

/// Rates on offer, inferences in a second, each with its field's limit of the 90th percentile, ms.
const RATES: [(u32, f64); 4] = [(15, 66.7), (30, 33.3), (60, 16.7), (120, 8.3)];

/// One choice of cores.
struct Row {
    icon: Html,
    cores: String,
    href: Option<String>,
    keeps: bool,
    verdict: Badge,
    clock: Num,
    figures: Vec<Num>,
}

fn cores(line: &Line<'_>, t: &Texts) -> String {
    if line.cores == "all" { t.common.all_cores.to_owned() } else { line.cores.clone() }
}

fn p90(point: &OperatingRow) -> Option<f64> {
    metric(&point.row, Metric::LatencyP90).filter(|_| counts(&point.row)).map(|p90| p90.value)
}

/// The point among those of a line that is its answer.
fn chosen<'a>(line: &Line<'a>, view: &OperatingView) -> Option<&'a OperatingRow> {
    line.points.iter().find(|point| view.cheapest.contains(&point.row.run.id)).copied()
}

fn fastest<'a>(points: impl Iterator<Item = &'a OperatingRow>) -> Option<&'a OperatingRow> {
    points.filter_map(|point| Some((point, p90(point)?))).min_by(|a, b| a.1.total_cmp(&b.1)).map(|(point, _)| point)
}

/// `little, 1.42 GHz`.
fn place(point: &OperatingRow) -> String {
    let cores = &point.row.run.operating_point.cores;
    point.clock.map_or_else(|| cores.to_string(), |clock| format!("{cores}, {}", Unit::Frequency.show(clock.0 as f64)))
}

/// Tone, answer and what follows it.
fn answer(view: &OperatingView, t: &Texts) -> (&'static str, String, Vec<String>) {
    let p = &t.point;
    let known = |id: &benchrack_protocol::ids::RunId| {
        let point = view.points.iter().find(|point| point.row.run.id == *id)?;
        Some((point, *metric(&point.row, Metric::Energy)?))
    };
    let mut cheapest = view.cheapest.iter().filter_map(known);
    let Some((point, least)): Option<(&OperatingRow, Estimate)> = cheapest.next() else {
        let said = match fastest(view.points.iter()) {
            Some(point) => fill(p.no_energy, &[&place(point), &Unit::Time.show(p90(point).unwrap_or_default())]),
            None => t.chart.no_valid_runs.to_owned(),
        };
        return ("doubt", said, Vec::new());
    };
    let said = fill(p.cheapest, &[&place(point), &Unit::Energy.show_interval(&least)]);
    let rest = match cheapest.next() {
        None => vec![p.only.to_owned()],
        Some((other, more)) => {
            let times = Unit::Count.show(more.value / least.value);
            let against = fill(p.against, &[&place(other), &Unit::Energy.show_interval(&more), &times]);
            vec![format!("{against} {}", if more.low > least.high { p.apart } else { p.not_apart })]
        }
    };
    ("good", said, rest)
}

fn row(nth: usize, line: &Line<'_>, view: &OperatingView, c: &Ctx<'_>) -> Row {
    let p = &c.t.point;
    let (tone, shape) = look(nth);
    let kept = chosen(line, view).or_else(|| fastest(line.points.iter().copied().filter(|point| view.fits(point))));
    let shown = kept.or_else(|| fastest(line.points.iter().copied()));
    let figure = |wanted: Metric| match shown.and_then(|point| metric(&point.row, wanted)) {
        Some(figure) => Num::of(figure, Unit::of(wanted)),
        None => Num::missing(c.t.common.never_measured),
    };
    let first = view.cheapest.first();
    Row {
        icon: Html(shape_icon(tone, shape, Body::Solid)),
        cores: cores(line, c.t),
        href: shown.map(|point| link::run(point.row.run.id)),
        keeps: kept.is_some(),
        verdict: match kept {
            Some(point) if first == Some(&point.row.run.id) => c.answer(true, p.best, ""),
            Some(_) => c.answer(true, p.keeps, ""),
            None => c.answer(false, "", p.misses),
        },
        clock: match shown.and_then(|point| point.clock) {
            Some(clock) => Num::plain(Unit::Frequency.show(clock.0 as f64)),
            None => Num::missing(p.clock_unknown),
        },
        figures: FIGURES.map(figure).into(),
    }
}

/// Model, precision and engine that the points are of.
pub(super) fn subject(view: &OperatingView) -> String {
    let run = view.points.first().map(|point| &point.row.run);
    run.map(|run| format!("{} {} · {}", run.model, run.precision, run.engine)).unwrap_or_default()
}

impl<'a> Part<'a> {
    /// `query` is the page's, so that links keep what was chosen.
    pub(super) fn new(
        view: &'a OperatingView,
        device: &'a str,
        (action, query): (&'a str, &str),
        c: &Ctx<'_>,
    ) -> Result<Self, RenderError> {
        let (tone, answer, rest) = answer(view, c.t);
        let subject = subject(view);
        let charts = OverClock::ALL.map(|over| {
            let svg = points(view, over, (&subject, device), c.t, Place::Page)?;
            Ok(c.chart(over.title(c.t), over.name(), svg, c.t.point.note))
        });
        let fields = view.budgets.iter().map(|budget| Field::of(budget, c.t));
        let rates = RATES.iter().filter_map(|(rate, limit)| {
            let budget = view.budgets.iter().find(|budget| budget.field == "p90_ms")?;
            Some(Preset::new(rate.to_string(), (action, query), budget, *limit))
        });
        Ok(Self {
            p: &c.t.point,
            device,
            facets: Facets::new(action, &view.facets, c.t).with(fields.collect()),
            rates: rates.collect(),
            tone,
            answer,
            rest,
            figures: FIGURES.map(|metric| c.t.compare.dimension(Dimension::Measured(metric), c.t)),
            rows: lines(view).iter().enumerate().map(|(nth, line)| row(nth, line, view, c)).collect(),
            charts: if view.points.is_empty() { Vec::new() } else { charts.into_iter().collect::<Result<_, RenderError>>()? },
        })
    }
}
