//! Latency against what a model costs: both axes logarithmic, fp32 as outlines and int8 solid, a thin line between the
//! two precisions of one model, and the front of those that nothing beats in both.

use std::collections::BTreeSet;

use benchrack_protocol::api::{Estimate, Metric};
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
use crate::view::{CompareDevice, CompareRow};

/// What latency is drawn against.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Against {
    /// Multiply-adds of one inference.
    Macs,
    /// Size of the model file.
    Size,
}

impl Against {
    /// First part of the chart's name; the device's id follows.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Macs => "latency-macs",
            Self::Size => "latency-size",
        }
    }

    fn value(self, row: &CompareRow) -> Option<f64> {
        match self {
            Self::Macs => row.macs.map(|macs| macs as f64),
            Self::Size => Some(row.size.0 as f64),
        }
        .filter(|value| *value > 0.0)
    }
}

/// The run's figure for a metric.
pub(crate) fn metric(row: &CompareRow, wanted: Metric) -> Option<&Estimate> {
    row.run.metrics.iter().find(|(metric, _)| *metric == wanted).map(|(_, estimate)| estimate)
}

/// Whether a row counts: it ran and nothing speaks against it.
pub(crate) fn counts(row: &CompareRow) -> bool {
    row.run.failure.is_none() && row.run.validity == Some(Validity::Valid)
}

/// The families of these rows in the order of their names: the place is their colour and shape.
pub(crate) fn families(rows: &[CompareRow]) -> Vec<&str> {
    rows.iter().map(|row| row.family.as_str()).collect::<BTreeSet<_>>().into_iter().collect()
}

/// Colour and shape of the family at this place.
pub(crate) fn look(place: usize) -> (Tone, Shape) {
    (Tone::Data((place % SHAPES.len()) as u8), SHAPES[place % SHAPES.len()])
}

/// Indices of the rows that count and that no other such row beats or equals in both latency and cost, by rising cost.
pub(crate) fn front(rows: &[CompareRow], against: Against) -> Vec<usize> {
    let mut candidates: Vec<(usize, f64, f64)> = rows
        .iter()
        .enumerate()
        .filter(|(_, row)| counts(row))
        .filter_map(|(nth, row)| Some((nth, against.value(row)?, metric(row, Metric::Latency)?.value)))
        .collect();
    candidates.sort_by(|a, b| a.1.total_cmp(&b.1).then(a.2.total_cmp(&b.2)));
    let mut fastest = f64::INFINITY;
    candidates.retain(|(_, _, latency)| {
        let faster = *latency < fastest;
        fastest = fastest.min(*latency);
        faster
    });
    candidates.into_iter().map(|(nth, ..)| nth).collect()
}

/// Latency against cost on one device.
pub(crate) fn scatter(device: &CompareDevice, against: Against, t: &Texts, place: Place) -> Result<String, RenderError> {
    let (title, across) = match against {
        Against::Macs => (t.chart.latency_macs, t.chart.macs),
        Against::Size => (t.chart.latency_size, t.chart.size),
    };
    let sheet = Sheet {
        name: against.name(),
        title: fill(title, &[&device.device.name]),
        description: t.chart.scatter_description.into(),
        width: HALF,
        height: 340,
        left: 52,
        newest_last: false,
    };
    let drawn: Vec<(usize, f64, Estimate)> = device
        .rows
        .iter()
        .enumerate()
        .filter(|(_, row)| row.run.failure.is_none())
        .filter_map(|(nth, row)| Some((nth, against.value(row)?, *metric(row, Metric::Latency)?)))
        .filter(|(_, _, latency)| latency.value > 0.0)
        .collect();
    if drawn.is_empty() {
        return Ok(sheet.empty(place, t.chart.no_valid_runs));
    }
    let x = Axis::logarithmic(
        across,
        if against == Against::Macs { Unit::Count } else { Unit::Size },
        drawn.iter().map(|(_, cost, _)| *cost),
    );
    let y = Axis::logarithmic(t.chart.median_latency, Unit::Time, drawn.iter().map(|(_, _, latency)| latency.value));
    let places: Vec<(usize, (f64, f64))> = drawn.iter().map(|(nth, cost, latency)| (*nth, (*cost, latency.value))).collect();
    let front: Vec<(f64, f64)> = front(&device.rows, against)
        .into_iter()
        .filter_map(|nth| places.iter().find(|(row, _)| *row == nth).map(|(_, place)| *place))
        .collect();
    let names = families(&device.rows);
    sheet.plot(place, &x, &y, |plot| {
        draw_front(plot, &front, (&x, &y))?;
        draw_partners(plot, device, &places)?;
        for (nth, cost, latency) in &drawn {
            let row = &device.rows[*nth];
            let (tone, shape) = look(names.iter().position(|family| *family == row.family).unwrap_or(0));
            let body = match (counts(row), row.run.precision) {
                (false, _) => Body::Hollow,
                (true, Precision::Fp32 | Precision::Fp16) => Body::Outline,
                (true, Precision::Int8) => Body::Solid,
            };
            let told = told(row, *cost, latency, against, t);
            let end = |end: f64| (*cost, if end > 0.0 { end } else { latency.value });
            let at = (*cost, latency.value);
            let mark = Mark { shape, body, href: Some(link::run(row.run.id)), radius: 55, ..Mark::at(at, tone, told) };
            plot.draw_series([mark.within(end(latency.low), end(latency.high))])?;
        }
        draw_names(plot, device, &places, (&x, &y))
    })
}

fn told(row: &CompareRow, cost: f64, latency: &Estimate, against: Against, t: &Texts) -> String {
    let cost = match against {
        Against::Macs => fill(t.chart.so_many_macs, &[&Unit::Count.show(cost)]),
        Against::Size => Unit::Size.show(cost),
    };
    let threads = fill(t.common.threads_short, &[&row.run.threads]);
    let doubt = row.run.validity.as_ref().map_or("", |validity| t.common.validity(validity));
    format!("{} {} · {threads}\n{} · {cost}\n{doubt}", row.run.model, row.run.precision, Unit::Time.show_interval(latency))
}

/// The stepped line under which nothing lies.
fn draw_front(plot: &mut Plot<'_, '_>, front: &[(f64, f64)], (x, y): (&Axis, &Axis)) -> Plotted {
    let (Some(first), Some(last)) = (front.first(), front.last()) else { return Ok(()) };
    let mut path = vec![(first.0, y.high)];
    for pair in front.windows(2) {
        path.extend([pair[0], (pair[1].0, pair[0].1)]);
    }
    path.extend([*last, (x.high, last.1)]);
    plot.draw_series([PathElement::new(path, Tone::Guide.line(2))])?;
    Ok(())
}

/// A thin line from each fp32 model to its int8 form with the same engine, threads and operating point.
fn draw_partners(plot: &mut Plot<'_, '_>, device: &CompareDevice, places: &[(usize, (f64, f64))]) -> Plotted {
    let same = |a: &CompareRow, b: &CompareRow| {
        let key =
            |row: &CompareRow| (row.run.model.clone(), row.run.engine.clone(), row.run.threads, row.run.operating_point.clone());
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

/// Each model's name once, beside one of its points, where it covers neither a point nor another name; else nowhere:
/// the words under the pointer and the table have it too.
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
        let model = device.rows[*nth].run.model.as_str();
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
