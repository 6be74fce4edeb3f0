//! Median latencies as a matrix: architectures by device, and on one device by engine and precision.

use std::collections::{BTreeMap, BTreeSet};

use askama::Template;
use askama::filters::HtmlSafe;
use benchrack_protocol::api::Metric;
use benchrack_protocol::model::Precision;

use super::compare::{best, engine_words};
use crate::chart::{counts, metric};
use crate::format::{Scale, Unit};
use crate::link;
use crate::part::{Ctx, Num};
use crate::text::fill;
use crate::view::{CompareDevice, CompareRow, CompareView};

/// The table under its heading.
#[derive(Template)]
#[template(path = "part/matrix.html")]
pub(super) struct Matrix {
    level: u8,
    title: String,
    caption: &'static str,
    architecture: &'static str,
    unit: &'static str,
    columns: Vec<Column>,
    rows: Vec<Row>,
}

impl HtmlSafe for Matrix {}

struct Column {
    name: String,
    chips: Vec<String>,
    sub: String,
}

struct Row {
    model: String,
    chips: Vec<String>,
    cells: Vec<Cell>,
}

#[derive(Clone)]
struct Cell {
    num: Num,
    href: Option<String>,
    best: bool,
}

/// Whether more than one of these values is there.
fn vary<T: Ord>(values: impl Iterator<Item = T>) -> bool {
    values.collect::<BTreeSet<_>>().len() > 1
}

fn scale<'a>(rows: impl Iterator<Item = &'a CompareRow>) -> Scale {
    Unit::Time.scale_for_all(rows.filter_map(|row| metric(row, Metric::Latency)).map(|latency| latency.value))
}

fn cell(row: &CompareRow, scale: Scale, best: bool, c: &Ctx<'_>) -> Cell {
    let num = match metric(row, Metric::Latency) {
        Some(latency) if counts(row) => Num::in_column(latency, Unit::Time, scale),
        _ => Num::missing(c.validity(&row.run.validity, &row.run.failure).word),
    };
    Cell { num, href: Some(link::run(row.run.id)), best }
}

fn empty(c: &Ctx<'_>) -> Cell {
    Cell { num: Num::missing(c.t.common.never_measured), href: None, best: false }
}

/// All devices side by side, the smallest latency of each device marked; none for fewer than two.
pub(super) fn across_devices(view: &CompareView, c: &Ctx<'_>) -> Option<Matrix> {
    if view.devices.len() < 2 {
        return None;
    }
    let all = || view.devices.iter().flat_map(|device| &device.rows);
    let (threads, engines) = (vary(all().map(|row| row.run.threads)), vary(all().map(|row| &row.engine)));
    let scale = scale(all());
    type Key<'a> = (&'a str, Precision, Option<&'a str>, &'a str, u16);
    let mut rows: BTreeMap<Key<'_>, Vec<Cell>> = BTreeMap::new();
    for (column, device) in view.devices.iter().enumerate() {
        let fastest = best(&device.rows, |row| view.fits(row), |row| metric(row, Metric::Latency).map(|latency| latency.value));
        for (nth, row) in device.rows.iter().enumerate() {
            let revision = row.revision.as_deref();
            let key = (row.run.model.as_str(), row.run.precision, revision, row.engine.as_str(), row.run.threads);
            let cells = rows.entry(key).or_insert_with(|| vec![empty(c); view.devices.len()]);
            // Rows come fastest first; further operating points of the same subject are in the device's table.
            if cells[column].href.is_none() {
                cells[column] = cell(row, scale, fastest == Some(nth), c);
            }
        }
    }
    let row = |((model, precision, revision, engine, count), cells): (Key<'_>, Vec<Cell>)| {
        let engine = engines.then(|| engine.to_owned());
        let count = threads.then(|| fill(c.t.common.threads_short, &[&count]));
        let chips = [Some(precision.to_string()), revision.map(str::to_owned), engine, count].into_iter().flatten().collect();
        Row { model: model.to_owned(), chips, cells }
    };
    let column = |device: &CompareDevice| Column { name: device.device.name.clone(), chips: Vec::new(), sub: String::new() };
    Some(Matrix {
        level: 2,
        title: c.t.compare.across.into(),
        caption: c.t.compare.matrix_caption,
        architecture: c.t.common.architecture,
        unit: scale.symbol,
        columns: view.devices.iter().map(column).collect(),
        rows: rows.into_iter().map(row).collect(),
    })
}

/// Engines and precisions of one device side by side, the smallest latency of each architecture marked; none for fewer
/// than two engines.
pub(super) fn by_engine(device: &CompareDevice, c: &Ctx<'_>) -> Option<Matrix> {
    let all = &device.rows;
    if !vary(all.iter().map(|row| &row.engine)) {
        return None;
    }
    // The newest version of each names its columns.
    let mut columns: BTreeMap<(&str, Precision), &CompareRow> = BTreeMap::new();
    for row in all {
        let newest = columns.entry((row.engine.as_str(), row.run.precision)).or_insert(row);
        if row.run.measured_at > newest.run.measured_at {
            *newest = row;
        }
    }
    let places: BTreeMap<(&str, Precision), usize> = columns.keys().enumerate().map(|(nth, key)| (*key, nth)).collect();
    let (threads, points) = (
        vary(all.iter().map(|row| row.run.threads)),
        vary(all.iter().map(|row| c.setting(&row.run.operating_point, &row.knobs))),
    );
    let scale = scale(all.iter());
    type Key<'a> = (&'a str, Option<&'a str>, u16, String);
    let mut rows: BTreeMap<Key<'_>, Vec<Option<&CompareRow>>> = BTreeMap::new();
    for row in all {
        let point = c.setting(&row.run.operating_point, &row.knobs);
        let key = (row.run.model.as_str(), row.revision.as_deref(), row.run.threads, point);
        let cells = rows.entry(key).or_insert_with(|| vec![None; places.len()]);
        if let Some(place) = places.get(&(row.engine.as_str(), row.run.precision)) {
            cells[*place] = cells[*place].or(Some(row));
        }
    }
    let row = |((model, revision, count, point), found): (Key<'_>, Vec<Option<&CompareRow>>)| {
        let latency = |row: &CompareRow| counts(row).then(|| metric(row, Metric::Latency).map(|latency| latency.value)).flatten();
        let fastest = found.iter().flatten().filter_map(|row| latency(row)).min_by(f64::total_cmp);
        let cells = found.iter().map(|row| match row {
            Some(row) => cell(row, scale, fastest.is_some() && latency(row) == fastest, c),
            None => empty(c),
        });
        let count = threads.then(|| fill(c.t.common.threads_short, &[&count]));
        let chips = [revision.map(str::to_owned), count, points.then_some(point)].into_iter().flatten().collect();
        Row { model: model.to_owned(), chips, cells: cells.collect() }
    };
    let column = |((_, precision), row): ((&str, Precision), &CompareRow)| Column {
        name: row.run.engine.clone(),
        chips: vec![precision.to_string()],
        sub: engine_words(row.library, c.t),
    };
    Some(Matrix {
        level: 3,
        title: c.t.compare.by_engine.into(),
        caption: c.t.compare.engine_caption,
        architecture: c.t.common.architecture,
        unit: scale.symbol,
        rows: rows.into_iter().map(row).collect(),
        columns: columns.into_iter().map(column).collect(),
    })
}
