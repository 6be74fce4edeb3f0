//! One metric over time or over runs: every point with its interval, what does not count hollow, a line where model or
//! engine changed.

use benchrack_protocol::api::Metric;
use benchrack_protocol::validity::Validity;
use plotters::prelude::{PathElement, Polygon};
use plotters::style::text_anchor::{HPos, VPos};

use super::axis::{Axis, extent};
use super::decimate::{decimate, extremes};
use super::frame::{FULL, Place, Plot, Plotted, Sheet, words};
use super::ink::Tone;
use super::mark::{Body, Mark, Shape};
use crate::RenderError;
use crate::format::Unit;
use crate::link;
use crate::part::instant;
use crate::text::{Texts, fill};
use crate::view::{SeriesAxis, SeriesPoint, SeriesView};

/// Columns of which the lowest and the highest point are kept.
const COLUMNS: usize = 240;
/// With more points than this, they are drawn as an envelope with its extremes.
const CROWD: usize = 2 * COLUMNS;
/// More changes than this are not named one by one.
const NAMED_CHANGES: usize = 8;
/// More changes than this are not drawn: the table has them.
const DRAWN_CHANGES: usize = 40;
/// Smallest span of the values' axis as a share of the middle: noise is not blown up to fill the picture.
const LEAST_SPAN: f64 = 0.06;

/// Name of the chart.
pub(crate) const NAME: &str = "series";

/// The series over time or over runs.
pub(crate) fn series(view: &SeriesView, t: &Texts, place: Place) -> Result<String, RenderError> {
    let key = &view.key;
    let metric = t.common.metric(key.metric);
    let sheet = Sheet {
        name: NAME,
        title: fill(t.chart.series_title, &[&metric, &key.model, &key.precision, &key.device.name]),
        description: t.chart.series_description.into(),
        width: FULL,
        height: 340,
        left: 60,
        newest_last: true,
    };
    if view.points.is_empty() {
        return Ok(sheet.empty(place, t.chart.no_runs));
    }
    let across: Vec<f64> = view
        .points
        .iter()
        .enumerate()
        .map(|(nth, point)| match view.axis {
            SeriesAxis::Time => point.measured_at.unix_timestamp() as f64,
            SeriesAxis::Order => nth as f64,
        })
        .collect();
    let x = match view.axis {
        SeriesAxis::Time => Axis::time(t.chart.time_utc, across.iter().copied(), 8),
        SeriesAxis::Order => Axis::places(t.chart.runs_in_order, view.points.len(), order_ticks(&view.points)),
    };
    let y = values_axis(view, metric);
    let kept = kept(view, &across);
    let changes = changes(&view.points);
    let crowded = view.points.len() > CROWD;
    sheet.plot(place, &x, &y, |plot| {
        for (nth, name) in changes.iter().filter(|_| changes.len() <= DRAWN_CHANGES) {
            let at = match view.axis {
                SeriesAxis::Time => across[*nth],
                SeriesAxis::Order => across[*nth] - 0.5,
            };
            plot.draw_series([PathElement::new(vec![(at, y.low), (at, y.high)], Tone::Guide.line(1))])?;
            if changes.len() <= NAMED_CHANGES {
                let name: String = name.chars().take(16).collect();
                plot.draw_series([words(&format!(" {name}"), "note", (at, y.high), HPos::Left, VPos::Top)])?;
            }
        }
        draw_course(plot, view, &across, crowded)?;
        for nth in &kept {
            let point = &view.points[*nth];
            let mark = Mark { point: Some((point.run, *nth)), ..mark(point, across[*nth], &y, crowded, t, key.metric) };
            plot.draw_series([mark])?;
        }
        Ok(())
    })
}

/// What connects the points that count: a line, or among very many the envelope of their values.
fn draw_course(plot: &mut Plot<'_, '_>, view: &SeriesView, across: &[f64], crowded: bool) -> Plotted {
    let valid = across.iter().zip(&view.points).filter(|(_, point)| point.validity == Validity::Valid);
    let line: Vec<(f64, f64)> = valid.map(|(across, point)| (*across, point.estimate.value)).collect();
    if crowded {
        let ends = extremes(&line, COLUMNS);
        let lower = ends.iter().map(|(low, _)| line[*low]);
        let upper = ends.iter().rev().map(|(_, high)| line[*high]);
        plot.draw_series([Polygon::new(lower.chain(upper).collect::<Vec<_>>(), Tone::Span.fill())])?;
    } else if line.len() > 1 {
        plot.draw_series([PathElement::new(line, Tone::Axis.line(1))])?;
    }
    Ok(())
}

fn mark(point: &SeriesPoint, across: f64, y: &Axis, crowded: bool, t: &Texts, metric: Metric) -> Mark {
    let estimate = &point.estimate;
    let figure = Unit::of(metric).show_interval(estimate);
    let doubts = point.validity.reasons().iter().filter(|_| !crowded);
    let doubts: String = doubts.map(|doubt| format!("\n{}", doubt.detail)).collect();
    let revision = revision(point);
    let words = format!("{figure}\n{} · {revision}\n{}{doubts}", instant(point.measured_at), t.common.validity(&point.validity));
    let clamped = estimate.value.clamp(y.low, y.high);
    let (tone, body) = match point.validity {
        Validity::Valid => (Tone::Data(0), if crowded { Body::Tiny } else { Body::Solid }),
        // A broken outline cannot be seen as such when it is tiny.
        Validity::Degraded { .. } => (Tone::Doubt, if crowded { Body::Outline } else { Body::Hollow }),
        Validity::Invalid { .. } => (Tone::Bad, if crowded { Body::Outline } else { Body::Hollow }),
    };
    let shape = match (estimate.value > y.high, estimate.value < y.low) {
        (true, _) => Shape::Triangle,
        (_, true) => Shape::Down,
        _ => Shape::Circle,
    };
    let mark = Mark {
        shape,
        body,
        radius: if crowded { 16 } else { 42 },
        href: (!crowded).then(|| link::run(point.run)),
        ..Mark::at((across, clamped), tone, words)
    };
    if shape == Shape::Circle && !crowded {
        mark.within((across, estimate.low.clamp(y.low, y.high)), (across, estimate.high.clamp(y.low, y.high)))
    } else {
        mark
    }
}

/// Model revision and engine of a point.
pub(crate) fn revision(point: &SeriesPoint) -> String {
    match (point.model_revision.as_str(), point.engine_version.as_str()) {
        ("", engine) => engine.into(),
        (model, "") => model.into(),
        (model, engine) => format!("{model} · {engine}"),
    }
}

/// Runs that count and those that do not are thinned apart, so that one cannot hide the other.
fn kept(view: &SeriesView, across: &[f64]) -> Vec<usize> {
    let mut kept = Vec::new();
    for valid in [true, false] {
        let chosen: Vec<usize> =
            (0..view.points.len()).filter(|&nth| (view.points[nth].validity == Validity::Valid) == valid).collect();
        let places: Vec<(f64, f64)> = chosen.iter().map(|&nth| (across[nth], view.points[nth].estimate.value)).collect();
        kept.extend(decimate(&places, COLUMNS).into_iter().map(|nth| chosen[nth]));
    }
    kept.sort_unstable();
    kept
}

/// The values' axis: all intervals that count, the others as far as they are near; farther ones stand at the edge.
fn values_axis(view: &SeriesView, title: &str) -> Axis {
    let valid = || view.points.iter().filter(|point| point.validity == Validity::Valid);
    let ends = |point: &SeriesPoint| [point.estimate.low, point.estimate.high, point.estimate.value];
    let (low, high) = extent(valid().flat_map(ends)).or_else(|| extent(view.points.iter().flat_map(ends))).unwrap_or((0.0, 1.0));
    let middle = (low + high) / 2.0;
    let half = ((high - low) / 2.0).max(middle.abs() * LEAST_SPAN / 2.0);
    let reach = (middle - 2.5 * half, middle + 2.5 * half);
    let near = view.points.iter().map(|point| point.estimate.value).filter(|value| (reach.0..=reach.1).contains(value));
    let (low, high) = extent(near.chain([middle - half, middle + half])).unwrap_or((low, high));
    Axis::linear(title, Unit::of(view.key.metric), [low, high], false, 6)
}

/// Places where model or engine differ from the point before, with what is new.
pub(crate) fn changes(points: &[SeriesPoint]) -> Vec<(usize, String)> {
    points
        .windows(2)
        .enumerate()
        .filter_map(|(nth, pair)| {
            let new_model = pair[0].model_revision != pair[1].model_revision;
            let new_engine = pair[0].engine_version != pair[1].engine_version;
            let name = match (new_model, new_engine) {
                (false, false) => return None,
                (true, false) => pair[1].model_revision.clone(),
                (false, true) => pair[1].engine_version.clone(),
                (true, true) => revision(&pair[1]),
            };
            Some((nth + 1, name))
        })
        .collect()
}

/// About ten places named by their revision.
fn order_ticks(points: &[SeriesPoint]) -> Vec<(usize, String)> {
    let every = points.len().div_ceil(10).max(1);
    points.iter().enumerate().step_by(every).map(|(nth, point)| (nth, point.model_revision.chars().take(10).collect())).collect()
}
