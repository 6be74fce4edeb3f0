//! Architectures against each other: which one to ship on which phone.

use std::collections::BTreeSet;

use askama::Template;
use benchrack_protocol::api::Metric;
use benchrack_protocol::model::{Fidelity, Precision};

use super::compare_matrix::{Matrix, across_devices, by_engine};
use super::compare_row::{Marks, Row, Scales};
use super::facets::{Facets, Field, Preset};
use super::render;
use super::run_table::{self, three};
use crate::chart::{Body, Place, counts, families, front, look, metric, scatter, shape_icon};
use crate::format::{NBSP, Unit, number};
use crate::part::{ChartFigure, Ctx, Html, Num, Tab};
use crate::table::Table;
use crate::text::{Texts, fill, texts};
use crate::view::{Axes, CompareDevice, CompareRow, CompareView, DeviceRef};
use crate::{Chrome, Language, Page, RenderError, link};
use benchrack_protocol::units::Bytes;

#[derive(Template)]
#[template(path = "compare.html")]
struct Compare<'a> {
    c: &'a Ctx<'a>,
    v: &'a CompareView,
    facets: Facets<'a>,
    /// What is not listed; empty when all is.
    left_out: String,
    presets: Vec<Preset>,
    matrix: Option<Matrix>,
    devices: Vec<Device<'a>>,
}

struct Device<'a> {
    device: &'a DeviceRef,
    /// What all rows have in common: engine and operating point.
    setting: String,
    caption: String,
    tiles: Vec<Tile>,
    /// How many keep the budgets; empty without budgets.
    budgets: String,
    units: Scales,
    rows: Vec<Row<'a>>,
    accuracy: bool,
    /// Whether the energy of any row is known.
    energy: bool,
    threads: bool,
    /// Whether rows differ in their engine's name or version.
    engines: bool,
    /// Whether there are several engines, so that each row names its own at once.
    several: bool,
    points: bool,
    /// Engines beside each other, where there are several.
    by_engine: Option<Matrix>,
    legend: Vec<(Html, String)>,
    charts: Vec<ChartFigure>,
}

/// An answer in one line.
struct Tile {
    name: &'static str,
    what: String,
    chips: Vec<String>,
    value: String,
    sub: String,
}

/// `38.2 dB, same first class in 98.0 % of 64 images`.
pub(crate) fn fidelity_words(fidelity: &Fidelity, t: &Texts) -> String {
    let top1 = Unit::Share.show(fidelity.top1_agreement);
    fill(t.compare.fidelity_words, &[&number(fidelity.sqnr_db), &top1, &fidelity.images])
}

impl Page for CompareView {
    fn charts(&self) -> Vec<String> {
        let names =
            |device: &CompareDevice| chart_axes(self).into_iter().map(|axes| chart_name(axes, device)).collect::<Vec<_>>();
        self.devices.iter().flat_map(names).collect()
    }

    fn html(&self, chrome: &Chrome) -> Result<String, RenderError> {
        let c = Ctx::new(chrome, "", Tab::Compare).at(link::COMPARE, &self.query).with_csv();
        let c = &Ctx { title: c.t.common.compare.into(), ..c };
        let devices = self.devices.iter().map(|one| device(one, self, c)).collect::<Result<_, _>>()?;
        let fields = self.budgets.iter().map(|budget| Field::of(budget, c.t));
        let facets = Facets::new(link::COMPARE, &self.facets, c.t).with(fields.collect());
        let left_out = if self.left_out == 0 { String::new() } else { fill(c.t.compare.left_out, &[&self.left_out]) };
        let presets = presets(self, c);
        render(&Compare { c, v: self, facets, presets, left_out, matrix: across_devices(self, c), devices })
    }

    fn chart_svg(&self, name: &str, language: Language) -> Result<Option<String>, RenderError> {
        // Any two figures have a chart at their own address, chosen or not.
        let Some((axes, id)) = name.rsplit_once('-') else { return Ok(None) };
        let device = self.devices.iter().find(|device| device.device.id.to_string() == id);
        match (axes.parse::<Axes>(), device) {
            (Ok(axes), Some(device)) => scatter(device, axes, &self.budgets, texts(language), Place::File).map(Some),
            _ => Ok(None),
        }
    }

    fn csv(&self) -> Result<Option<String>, RenderError> {
        let mut heading = run_table::heading();
        heading.extend(EXTRA.map(str::to_owned));
        let mut table = Table::new(&heading.iter().map(String::as_str).collect::<Vec<_>>());
        for row in self.devices.iter().flat_map(|device| &device.rows) {
            table.row(run_table::cells(&row.run).into_iter().chain(extra_cells(row, self.fits(row))))?;
        }
        table.finish().map(Some)
    }
}

/// Limits that are asked for often: frames at 60, 50 and 30 a second, and files that an app store bears.
const PRESETS: [(&str, f64); 5] = [("p90_ms", 16.7), ("p90_ms", 20.0), ("p90_ms", 33.3), ("size_mb", 5.0), ("size_mb", 10.0)];

/// Each as a link that keeps everything else that was chosen.
fn presets(view: &CompareView, c: &Ctx<'_>) -> Vec<Preset> {
    let preset = |(field, limit): (&str, f64)| {
        let budget = view.budgets.iter().find(|budget| budget.field == field)?;
        let name = format!("{} ≤ {limit}{NBSP}{}", c.t.compare.dimension(budget.dimension, c.t), budget.symbol);
        Some(Preset::new(name, (link::COMPARE, &view.query), budget, limit))
    };
    PRESETS.into_iter().filter_map(preset).collect()
}

/// What the page draws: what was chosen first, then what is always there.
fn chart_axes(view: &CompareView) -> Vec<Axes> {
    let always = [Axes::SIZE, Axes::MACS].into_iter().filter(|axes| view.axes != Some(*axes));
    view.axes.into_iter().chain(always).collect()
}

fn chart_name(axes: Axes, device: &CompareDevice) -> String {
    format!("{}-{}", axes.name(), device.device.id)
}

/// Columns of the comparison's file beyond those of a run.
const EXTRA: [&str; 20] = [
    "model_revision",
    "knobs",
    "family",
    "size_B",
    "parameters",
    "macs",
    "sqnr_db",
    "top1_agreement",
    "claimed_accuracy",
    "integer_kernels",
    "kernels",
    "executed",
    "library_B",
    "speedup",
    "speedup_low",
    "speedup_high",
    "relative",
    "relative_low",
    "relative_high",
    "keeps_budgets",
];

fn extra_cells(row: &CompareRow, fits: bool) -> Vec<String> {
    let plain = [
        Table::text(row.revision.as_deref().unwrap_or_default()),
        Table::text(&row.knobs),
        Table::text(&row.family),
        row.size.0.to_string(),
        Table::maybe(row.parameters),
        Table::maybe(row.macs),
        Table::maybe(row.fidelity.as_ref().map(|fidelity| fidelity.sqnr_db)),
        Table::maybe(row.fidelity.as_ref().map(|fidelity| fidelity.top1_agreement)),
        Table::maybe(row.claimed_accuracy),
        row.integer_kernels.as_ref().map(Table::word).unwrap_or_default(),
        Table::text(&row.kernels),
        row.executed.iter().map(|(precision, count)| format!("{precision} {count}")).collect::<Vec<_>>().join(" "),
        Table::maybe(row.library.map(|size| size.0)),
    ];
    let ratios = [&row.speedup, &row.relative].into_iter().flat_map(|ratio| three(ratio.value()));
    plain.into_iter().chain(ratios).chain([fits.to_string()]).collect()
}

fn device<'a>(device: &'a CompareDevice, view: &'a CompareView, c: &Ctx<'_>) -> Result<Device<'a>, RenderError> {
    let rows = &device.rows;
    let units = Scales::of(rows);
    let one = |values: BTreeSet<String>| (values.len() == 1).then(|| values.into_iter().next().unwrap_or_default());
    let engine = one(rows.iter().map(|row| row.run.engine.clone()).collect());
    let threads = one(rows.iter().map(|row| fill(c.t.common.threads_long, &[&row.run.threads])).collect());
    let point = one(rows.iter().map(|row| c.setting(&row.run.operating_point, &row.knobs)).collect());
    let latencies = || rows.iter().filter_map(|row| metric(row, Metric::Latency));
    let largest = latencies().map(|latency| latency.value).fold(0.0, f64::max);
    let names = families(rows);
    let fronts: BTreeSet<usize> = front(rows, Axes::SIZE).into_iter().collect();
    let fits = |row: &CompareRow| view.fits(row);
    let best = best(rows, fits, |row| metric(row, Metric::Latency).map(|latency| latency.value));
    let shown = rows
        .iter()
        .enumerate()
        .map(|(nth, row)| {
            let place = names.iter().position(|family| *family == row.family).unwrap_or(0);
            let marks = Marks { best: best == Some(nth), front: fronts.contains(&nth), fits: view.fits(row) };
            Row::new(row, place, &units, largest, marks, view.base.is_some(), c)
        })
        .collect();
    let legend = names.iter().enumerate().map(|(place, family)| {
        let (tone, shape) = look(place);
        (Html(shape_icon(tone, shape, Body::Solid)), (*family).to_owned())
    });
    let (tone, shape) = (crate::chart::Tone::Data(6), crate::chart::Shape::Circle);
    let bodies = [(Body::Solid, c.t.compare.solid), (Body::Outline, c.t.compare.outline), (Body::Hollow, c.t.compare.hollow)]
        .map(|(body, name)| (Html(shape_icon(tone, shape, body)), name.to_owned()));
    let charts = chart_axes(view).into_iter().map(|axes| {
        let [up, across] = [axes.y, axes.x].map(|dimension| c.t.compare.dimension(dimension, c.t));
        let title = fill(c.t.chart.against, &[&up, &across]);
        Ok(c.chart(title, &chart_name(axes, device), scatter(device, axes, &view.budgets, c.t, Place::Page)?, ""))
    });
    let charts = charts.collect::<Result<_, RenderError>>()?;
    let keeping = rows.iter().filter(|row| counts(row) && view.fits(row)).count();
    let budgets = match (view.has_budgets(), keeping) {
        (false, _) => String::new(),
        (true, 0) => c.t.compare.none_fits.into(),
        (true, some) => fill(c.t.compare.some_fit, &[&some, &rows.len()]),
    };
    Ok(Device {
        device: &device.device,
        setting: [engine.clone(), threads.clone(), point.clone()].into_iter().flatten().collect::<Vec<_>>().join(" · "),
        caption: fill(c.t.compare.caption, &[&device.device.name]),
        tiles: tiles(rows, fits, c.t),
        budgets,
        units,
        rows: shown,
        accuracy: rows.iter().any(|row| row.claimed_accuracy.is_some()),
        energy: rows.iter().any(|row| metric(row, Metric::Energy).is_some()),
        threads: threads.is_none(),
        engines: engine.is_none(),
        several: rows.iter().map(|row| &row.engine).collect::<BTreeSet<_>>().len() > 1,
        points: point.is_none(),
        by_engine: by_engine(device, c),
        legend: legend.chain(bodies).collect(),
        charts,
    })
}

/// The row that counts and fits with the smallest figure.
pub(super) fn best(
    rows: &[CompareRow],
    fits: impl Fn(&CompareRow) -> bool,
    figure: impl Fn(&CompareRow) -> Option<f64>,
) -> Option<usize> {
    let figures =
        rows.iter().enumerate().filter(|(_, row)| counts(row) && fits(row)).filter_map(|(nth, row)| Some((nth, figure(row)?)));
    figures.min_by(|a, b| a.1.total_cmp(&b.1)).map(|(nth, _)| nth)
}

fn tiles(rows: &[CompareRow], fits: impl Fn(&CompareRow) -> bool + Copy, t: &Texts) -> Vec<Tile> {
    let c = &t.compare;
    let engines = rows.iter().map(|row| &row.engine).collect::<BTreeSet<_>>().len() > 1;
    let latency =
        |row: &CompareRow| metric(row, Metric::Latency).map(|latency| Unit::Time.show(latency.value)).unwrap_or_default();
    let tile =
        |name: &'static str, nth: Option<usize>, value: &dyn Fn(&CompareRow) -> String, sub: &dyn Fn(&CompareRow) -> String| {
            let row = rows.get(nth?)?;
            let mut chips = vec![row.run.precision.to_string()];
            chips.extend(row.revision.clone());
            chips.push(fill(t.common.threads_short, &[&row.run.threads]));
            if engines {
                chips.push(row.engine.clone());
            }
            Some(Tile { name, what: row.run.model.clone(), chips, value: value(row), sub: sub(row) })
        };
    let size = |row: &CompareRow| Unit::Size.show(row.size.0 as f64);
    let memory = |row: &CompareRow| metric(row, Metric::PeakRss).map(|memory| memory.value);
    let shown_memory = |row: &CompareRow| memory(row).map(|memory| Unit::Size.show(memory)).unwrap_or_default();
    let speedup = |row: &CompareRow| row.speedup.value().map(|speedup| -speedup.value);
    let shown_speedup = |row: &CompareRow| row.speedup.value().map(|speedup| Unit::Ratio.show(speedup.value)).unwrap_or_default();
    let worst =
        rows.iter().filter(|row| counts(row) && fits(row)).filter_map(|row| row.speedup.value()).map(|speedup| speedup.value);
    let worst = worst.min_by(f64::total_cmp).map(|worst| fill(c.at_worst, &[&Unit::Ratio.show(worst)])).unwrap_or_default();
    [
        tile(c.fastest, best(rows, fits, |row| metric(row, Metric::Latency).map(|latency| latency.value)), &latency, &|row| {
            fill(c.in_file, &[&size(row)])
        }),
        tile(
            c.fastest_int8,
            best(
                rows,
                |row| fits(row) && row.run.precision == Precision::Int8,
                |row| metric(row, Metric::Latency).map(|latency| latency.value),
            ),
            &latency,
            &|row| fill(c.in_file, &[&size(row)]),
        ),
        tile(c.smallest, best(rows, fits, |row| Some(row.size.0 as f64)), &size, &|row| fill(c.in_time, &[&latency(row)])),
        tile(c.least_memory, best(rows, fits, memory), &shown_memory, &|row| fill(c.in_time, &[&latency(row)])),
        tile(c.most_from_int8, best(rows, fits, speedup), &shown_speedup, &|_| worst.clone()),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// `library 22.1 MB`; for the engine inside the agent that it needs none.
pub(super) fn engine_words(library: Option<Bytes>, t: &Texts) -> String {
    match library {
        Some(size) => fill(t.compare.library, &[&size]),
        None => t.compare.built_in.into(),
    }
}

/// What ran: `int8`, or `96 % int8, 4 % fp32` by number of convolutions and matrix products; empty where the engine does
/// not tell.
pub(crate) fn executed_words(executed: &[(Precision, u32)]) -> String {
    let all: u32 = executed.iter().map(|(_, count)| count).sum();
    match executed {
        [] => String::new(),
        [(precision, _)] => precision.to_string(),
        mixed => {
            let share = |(precision, count): &(Precision, u32)| {
                format!("{:.0}{NBSP}%{NBSP}{precision}", f64::from(*count) / f64::from(all.max(1)) * 100.0)
            };
            mixed.iter().map(share).collect::<Vec<_>>().join(", ")
        }
    }
}

/// `38.2 · 98.0`, for the column of fidelities.
pub(super) fn fidelity(fidelity: &Option<Fidelity>, precision: Precision, t: &Texts) -> Num {
    match (fidelity, precision) {
        (Some(fidelity), _) => {
            let (sqnr, top1) = (number(fidelity.sqnr_db), number(fidelity.top1_agreement * 100.0));
            Num::plain(format!("{sqnr}{NBSP}·{NBSP}{top1}")).titled(fidelity_words(fidelity, t))
        }
        (None, Precision::Int8) => Num::missing(t.common.not_in_manifest),
        (None, Precision::Fp32 | Precision::Fp16) => Num::missing(t.compare.only_int8),
    }
}
