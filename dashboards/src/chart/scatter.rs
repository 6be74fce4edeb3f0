//! Two figures of subjects against each other: fp32 as outlines and int8 solid, a thin line between the two precisions of
//! one model, budgets as lines, and the front of those that nothing beats in both.

use std::collections::BTreeSet;

use benchrack_protocol::api::{Estimate, Metric, Run};
use benchrack_protocol::model::Precision;
use benchrack_protocol::validity::Validity;
use plotters::prelude::PathElement;
use plotters::style::text_anchor::{HPos, VPos};

use super::axis::Axis;
use super::frame::{HALF, Place, Plot, Plotted, Sheet, words};
use super::ink::Tone;
use super::mark::{Body, Mark, SHAPES, Shape};
use crate::RenderError;
use crate::format::Unit;
use crate::link;
use crate::text::{Texts, fill};
use crate::view::{Axes, BudgetLine, CompareDevice, CompareRow, Dimension};

/// The unit of a dimension's figures.
fn unit(dimension: Dimension) -> Unit {
    match dimension {
        Dimension::Measured(metric) => Unit::of(metric),
        Dimension::Size => Unit::Size,
        Dimension::Macs | Dimension::Parameters => Unit::Count,
        Dimension::Sqnr => Unit::Fidelity,
        Dimension::Accuracy => Unit::Share,
    }
}

/// Figures that span decades stand on a logarithmic axis; what is a logarithm or a share itself does not.
fn is_logarithmic(dimension: Dimension) -> bool {
    !matches!(dimension, Dimension::Sqnr | Dimension::Accuracy)
}

/// An axis over the rows' figures and the budget.
fn axis(dimension: Dimension, values: impl Iterator<Item = f64>, budgets: &[BudgetLine], t: &Texts) -> Axis {
    let title = t.compare.dimension(dimension, t);
    let values = values.chain(limit(dimension, budgets));
    if is_logarithmic(dimension) {
        Axis::logarithmic(title, unit(dimension), values)
    } else {
        Axis::linear(title, unit(dimension), values, false, 5)
    }
}

/// The least that the budgets allow of a dimension.
fn limit(dimension: Dimension, budgets: &[BudgetLine]) -> Option<f64> {
    let limits = budgets.iter().filter(|budget| budget.dimension == dimension).filter_map(BudgetLine::most);
    limits.min_by(f64::total_cmp)
}

/// A figure that its axis can show.
fn shown(dimension: Dimension, row: &CompareRow) -> Option<Estimate> {
    dimension.of(row).filter(|figure| figure.value.is_finite() && (figure.value > 0.0 || !is_logarithmic(dimension)))
}

/// The run's figure for a metric.
pub(crate) fn metric(row: &CompareRow, wanted: Metric) -> Option<&Estimate> {
    row.run.metrics.iter().find(|(metric, _)| *metric == wanted).map(|(_, estimate)| estimate)
}

/// Whether a row counts: it ran and nothing speaks against it.
pub(crate) fn counts(row: &CompareRow) -> bool {
    run_counts(&row.run)
}

/// Whether a run counts.
pub(crate) fn run_counts(run: &Run) -> bool {
    run.failure.is_none() && run.validity == Some(Validity::Valid)
}

/// The families of these rows in the order of their names: the place is their colour and shape.
pub(crate) fn families(rows: &[CompareRow]) -> Vec<&str> {
    rows.iter().map(|row| row.family.as_str()).collect::<BTreeSet<_>>().into_iter().collect()
}

/// Colour and shape of the family at this place.
pub(crate) fn look(place: usize) -> (Tone, Shape) {
    (Tone::Data((place % SHAPES.len()) as u8), SHAPES[place % SHAPES.len()])
}

/// Indices of the rows that count and that no other such row beats or equals in both figures, from the best across on.
pub(crate) fn front(rows: &[CompareRow], axes: Axes) -> Vec<usize> {
    let worse = |dimension: Dimension, row: &CompareRow| {
        let value = shown(dimension, row)?.value;
        Some(if dimension.more_is_better() { -value } else { value })
    };
    let mut candidates: Vec<(usize, f64, f64)> = rows
        .iter()
        .enumerate()
        .filter(|(_, row)| counts(row))
        .filter_map(|(nth, row)| Some((nth, worse(axes.x, row)?, worse(axes.y, row)?)))
        .collect();
    candidates.sort_by(|a, b| a.1.total_cmp(&b.1).then(a.2.total_cmp(&b.2)));
    let mut best = f64::INFINITY;
    candidates.retain(|(_, _, upwards)| {
        let better = *upwards < best;
        best = best.min(*upwards);
        better
    });
    candidates.into_iter().map(|(nth, ..)| nth).collect()
}

/// Two figures of one device's subjects; those over a budget are drawn without their colour.
pub(crate) fn scatter(
    device: &CompareDevice,
    axes: Axes,
    budgets: &[BudgetLine],
    t: &Texts,
    place: Place,
) -> Result<String, RenderError> {
    let [up, across] = [axes.y, axes.x].map(|dimension| t.compare.dimension(dimension, t));
    let sheet = Sheet {
        name: "scatter",
        title: fill(t.chart.against_on, &[&up, &across, &device.device.name]),
        description: t.chart.scatter_description.into(),
        width: HALF,
        height: 340,
        left: 52,
        newest_last: false,
    };
    let drawn: Vec<(usize, Estimate, Estimate)> = device
        .rows
        .iter()
        .enumerate()
        .filter(|(_, row)| row.run.failure.is_none())
        .filter_map(|(nth, row)| Some((nth, shown(axes.x, row)?, shown(axes.y, row)?)))
        .collect();
    if drawn.is_empty() {
        return Ok(sheet.empty(place, t.chart.no_valid_runs));
    }
    let x = axis(axes.x, drawn.iter().map(|(_, x, _)| x.value), budgets, t);
    let y = axis(axes.y, drawn.iter().map(|(_, _, y)| y.value), budgets, t);
    let places: Vec<(usize, (f64, f64))> = drawn.iter().map(|(nth, x, y)| (*nth, (x.value, y.value))).collect();
    let front: Vec<(f64, f64)> = front(&device.rows, axes)
        .into_iter()
        .filter_map(|nth| places.iter().find(|(row, _)| *row == nth).map(|(_, place)| *place))
        .collect();
    let names = families(&device.rows);
    sheet.plot(place, &x, &y, |plot| {
        draw_front(plot, &front, axes, (&x, &y))?;
        draw_budgets(plot, axes, budgets, (&x, &y))?;
        draw_partners(plot, device, &places)?;
        for (nth, x, y) in &drawn {
            let row = &device.rows[*nth];
            let (own, shape) = look(names.iter().position(|family| *family == row.family).unwrap_or(0));
            let tone = if budgets.iter().all(|budget| budget.keeps(row)) { own } else { Tone::Guide };
            let body = match (counts(row), row.run.precision) {
                (false, _) => Body::Hollow,
                (true, Precision::Fp32 | Precision::Fp16) => Body::Outline,
                (true, Precision::Int8) => Body::Solid,
            };
            let end = |of: f64, value: f64, dimension| if of > 0.0 || !is_logarithmic(dimension) { of } else { value };
            let [left, right] = [x.low, x.high].map(|of| (end(of, x.value, axes.x), y.value));
            if left != right {
                plot.draw_series([PathElement::new(vec![left, right], tone.line(1))])?;
            }
            let [low, high] = [y.low, y.high].map(|of| (x.value, end(of, y.value, axes.y)));
            let told = told(row, (x, y), axes, t);
            let at = (x.value, y.value);
            let mark = Mark { shape, body, href: Some(link::run(row.run.id)), radius: 55, ..Mark::at(at, tone, told) };
            plot.draw_series([mark.within(low, high)])?;
        }
        draw_names(plot, device, &places, (&x, &y))
    })
}

fn told(row: &CompareRow, (x, y): (&Estimate, &Estimate), axes: Axes, t: &Texts) -> String {
    let threads = fill(t.common.threads_short, &[&row.run.threads]);
    let doubt = row.run.validity.as_ref().map_or("", |validity| t.common.validity(validity));
    let words = |dimension: Dimension, figure: &Estimate| match dimension {
        Dimension::Macs => fill(t.chart.so_many_macs, &[&Unit::Count.show(figure.value)]),
        dimension => unit(dimension).show_interval(figure),
    };
    let (up, across) = (words(axes.y, y), words(axes.x, x));
    let revision = row.revision.as_ref().map(|revision| format!(" {revision}")).unwrap_or_default();
    format!("{} {}{revision} · {threads}\n{up} · {across}\n{doubt}", row.run.model, row.run.precision)
}

/// The stepped line beyond which nothing lies.
fn draw_front(plot: &mut Plot<'_, '_>, front: &[(f64, f64)], axes: Axes, (x, y): (&Axis, &Axis)) -> Plotted {
    let (Some(first), Some(last)) = (front.first(), front.last()) else { return Ok(()) };
    let worst = |dimension: Dimension, axis: &Axis| if dimension.more_is_better() { axis.low } else { axis.high };
    let mut path = vec![(first.0, worst(axes.y, y))];
    for pair in front.windows(2) {
        path.extend([pair[0], (pair[1].0, pair[0].1)]);
    }
    path.extend([*last, (worst(axes.x, x), last.1)]);
    plot.draw_series([PathElement::new(path, Tone::Guide.line(2))])?;
    Ok(())
}

/// What may not be passed, as a line through the whole plot.
fn draw_budgets(plot: &mut Plot<'_, '_>, axes: Axes, budgets: &[BudgetLine], (x, y): (&Axis, &Axis)) -> Plotted {
    let across = limit(axes.x, budgets).map(|most| [(most, y.low), (most, y.high)]);
    let up = limit(axes.y, budgets).map(|most| [(x.low, most), (x.high, most)]);
    for line in [across, up].into_iter().flatten() {
        plot.draw_series([PathElement::new(line.to_vec(), Tone::Limit.line(1))])?;
    }
    Ok(())
}

/// A thin line from each fp32 model to its int8 form with the same engine, threads and operating point.
fn draw_partners(plot: &mut Plot<'_, '_>, device: &CompareDevice, places: &[(usize, (f64, f64))]) -> Plotted {
    let same = |a: &CompareRow, b: &CompareRow| {
        let key = |row: &CompareRow| {
            let CompareRow { run, revision, .. } = row;
            (run.model.clone(), revision.clone(), run.engine.clone(), run.threads, run.operating_point.clone())
        };
        key(a) == key(b)
    };
    for (nth, from) in places {
        let row = &device.rows[*nth];
        if row.run.precision != Precision::Fp32 {
            continue;
        }
        for (_, to) in places.iter().filter(|(other, _)| {
            let other = &device.rows[*other];
            other.run.precision == Precision::Int8 && same(row, other)
        }) {
            plot.draw_series([PathElement::new(vec![*from, *to], Tone::Axis.line(1))])?;
        }
    }
    Ok(())
}

/// A box in parts of the plot: left, top, right, bottom.
type Area = (f64, f64, f64, f64);

/// Each model's name once, or each revision's where several are compared, beside one of its points, where it covers neither a
/// point nor another name; else nowhere: the words under the pointer and the table have it too.
fn draw_names(
    plot: &mut Plot<'_, '_>,
    device: &CompareDevice,
    places: &[(usize, (f64, f64))],
    (x, y): (&Axis, &Axis),
) -> Plotted {
    let share = |(px, py): (f64, f64)| (x.share(px), 1.0 - y.share(py));
    let (wide, high) = (440.0, 270.0);
    let mut taken: Vec<Area> = places
        .iter()
        .map(|(_, at)| share(*at))
        .map(|(px, py)| (px - 7.0 / wide, py - 7.0 / high, px + 7.0 / wide, py + 7.0 / high))
        .collect();
    let mut named = BTreeSet::new();
    for (nth, at) in places.iter().filter(|(nth, _)| counts(&device.rows[*nth])) {
        let row = &device.rows[*nth];
        let model = row.revision.as_deref().unwrap_or(&row.run.model);
        if named.contains(model) {
            continue;
        }
        let shown: String =
            if model.chars().count() > 24 { model.chars().take(23).chain(['…']).collect() } else { model.into() };
        let (px, py) = share(*at);
        let (width, height) = (shown.chars().count() as f64 * 6.3 / wide, 13.0 / high);
        let (aside, above) = (11.0 / wide, 15.0 / high);
        let spots = [
            ((px + aside, py), HPos::Left, (px + aside, px + aside + width)),
            ((px - aside, py), HPos::Right, (px - aside - width, px - aside)),
            ((px, py - above), HPos::Center, (px - width / 2.0, px + width / 2.0)),
            ((px, py + above), HPos::Center, (px - width / 2.0, px + width / 2.0)),
            ((px + aside, py - above), HPos::Left, (px + aside, px + aside + width)),
            ((px + aside, py + above), HPos::Left, (px + aside, px + aside + width)),
            ((px - aside, py - above), HPos::Right, (px - aside - width, px - aside)),
            ((px - aside, py + above), HPos::Right, (px - aside - width, px - aside)),
        ];
        let free = spots.into_iter().find_map(|((cx, cy), across, (left, right))| {
            let area = (left, cy - height / 2.0, right, cy + height / 2.0);
            let inside = left > 0.0 && right < 1.0 && area.1 > 0.0 && area.3 < 1.0;
            let clear = taken.iter().all(|other| area.0 > other.2 || area.2 < other.0 || area.1 > other.3 || area.3 < other.1);
            (inside && clear).then_some(((cx, cy), across, area))
        });
        let Some(((cx, cy), across, area)) = free else { continue };
        taken.push(area);
        named.insert(model.to_owned());
        let position = (x.at_share(cx), y.at_share(1.0 - cy));
        plot.draw_series([words(&shown, "note", position, across, VPos::Center)])?;
    }
    Ok(())
}
