//! A row of the comparison, and the units its columns share.

use benchrack_protocol::api::{Estimate, Metric};
use benchrack_protocol::engine::IntegerKernels;
use benchrack_protocol::model::Precision;
use benchrack_protocol::reading::Reading;

use super::compare::{engine_words, executed_words, fidelity};
use crate::chart::{Body, bar, counts, look, metric, shape_icon};
use crate::format::{Interval, Scale, Unit, level_words};
use crate::part::{Ctx, Html, Num, metric_of};
use crate::text::fill;
use crate::view::{CompareRow, Figure};

/// The prefix that each column's figures share.
pub(super) struct Scales {
    pub(super) latency: Scale,
    pub(super) p90: Scale,
    pub(super) memory: Scale,
    pub(super) energy: Scale,
    pub(super) load: Scale,
    pub(super) first: Scale,
    pub(super) size: Scale,
    pub(super) macs: Scale,
    pub(super) parameters: Scale,
}

impl Scales {
    pub(super) fn of(rows: &[CompareRow]) -> Self {
        let of_metric = |wanted: Metric| {
            let values = rows.iter().filter_map(|row| metric(row, wanted)).map(|estimate| estimate.value);
            Unit::of(wanted).scale_for_all(values)
        };
        let of_count = |count: fn(&CompareRow) -> Option<u64>| {
            Unit::Count.scale_for_all(rows.iter().filter_map(count).map(|count| count as f64))
        };
        Self {
            latency: of_metric(Metric::Latency),
            p90: of_metric(Metric::LatencyP90),
            memory: of_metric(Metric::PeakRss),
            energy: of_metric(Metric::Energy),
            load: of_metric(Metric::Load),
            first: of_metric(Metric::FirstInference),
            size: Unit::Size.scale_for_all(rows.iter().map(|row| row.size.0 as f64)),
            macs: of_count(|row| row.macs),
            parameters: of_count(|row| row.parameters),
        }
    }
}

/// A ratio, with the tone that its interval allows.
pub(super) struct Ratio {
    pub(super) num: Num,
    pub(super) tone: &'static str,
}

/// What sets a row apart from others.
pub(super) struct Marks {
    pub(super) best: bool,
    /// On the front of latency and size: no other row is both faster and smaller.
    pub(super) front: bool,
    /// Keeps every budget.
    pub(super) fits: bool,
}

pub(super) struct Row<'a> {
    pub(super) row: &'a CompareRow,
    pub(super) counts: bool,
    pub(super) marks: Marks,
    pub(super) icon: Html,
    pub(super) bar: Html,
    pub(super) latency: Num,
    pub(super) interval: String,
    /// For sorting: the plain latency.
    pub(super) order: String,
    pub(super) relative: Option<Ratio>,
    pub(super) speedup: Ratio,
    pub(super) p90: Num,
    pub(super) memory: Num,
    pub(super) energy: Num,
    pub(super) size: Num,
    pub(super) macs: Num,
    pub(super) parameters: Num,
    pub(super) fidelity: Num,
    pub(super) accuracy: Num,
    pub(super) load: Num,
    pub(super) first: Num,
    /// What ran, as the engine tells; how much ran in integers where it does not.
    pub(super) executed: String,
    pub(super) library: String,
}

impl<'a> Row<'a> {
    pub(super) fn new(
        row: &'a CompareRow,
        family: usize,
        scales: &Scales,
        largest: f64,
        marks: Marks,
        with_base: bool,
        c: &Ctx<'_>,
    ) -> Self {
        let counts = counts(row);
        let (tone, shape) = look(family);
        let body = match (counts, row.run.precision) {
            (false, _) => Body::Hollow,
            (true, Precision::Int8) => Body::Solid,
            (true, Precision::Fp32 | Precision::Fp16) => Body::Outline,
        };
        let column = |wanted: Metric, scale: Scale| match metric_of(&row.run, wanted) {
            Reading::Value { value } => Num::in_column(&value, Unit::of(wanted), scale),
            missing => Num::missing(c.why(&missing)),
        };
        let optional = |value: Option<u64>, scale: Scale| match value {
            Some(value) => Num::plain(scale.number(value as f64)),
            None => Num::missing(c.t.common.not_in_manifest),
        };
        let latency = metric(row, Metric::Latency);
        let (shown, interval) = match latency.and_then(|latency| scales.latency.interval(latency)) {
            Some(Interval { value, low, high }) => {
                (Num::plain(value), format!("[{low}, {high}]{}", latency.map(level_words).unwrap_or_default()))
            }
            None => match metric(row, Metric::LatencyMean).filter(|_| latency.is_none()) {
                // A program's own mean, which is no measurement of ours: it says so, and has no bar.
                Some(mean) => (Num::of(mean, Unit::Time), c.t.compare.mean_only.to_owned()),
                None => (column(Metric::Latency, scales.latency), String::new()),
            },
        };
        Self {
            row,
            counts,
            icon: Html(shape_icon(tone, shape, body)),
            bar: Html(latency.map(|latency| bar(latency, largest, marks.best, counts)).unwrap_or_default()),
            latency: shown,
            interval,
            order: latency.map(|latency| latency.value.to_string()).unwrap_or_default(),
            relative: with_base.then(|| ratio(&row.relative, false, c)),
            speedup: ratio(&row.speedup, true, c),
            p90: column(Metric::LatencyP90, scales.p90),
            memory: column(Metric::PeakRss, scales.memory),
            energy: column(Metric::Energy, scales.energy),
            size: Num::plain(scales.size.number(row.size.0 as f64)),
            macs: optional(row.macs, scales.macs),
            parameters: optional(row.parameters, scales.parameters),
            fidelity: fidelity(&row.fidelity, row.run.precision, c.t),
            accuracy: match row.claimed_accuracy {
                Some(accuracy) => Num::plain(Unit::Share.show(accuracy)),
                None => Num::missing(c.t.common.not_in_manifest),
            },
            load: column(Metric::Load, scales.load),
            first: column(Metric::FirstInference, scales.first),
            executed: match (executed_words(&row.executed), row.integer_kernels) {
                (words, _) if !words.is_empty() => words,
                // Without a word of what ran, none is what an engine says that does not tell.
                (_, Some(integers)) if integers != IntegerKernels::None => {
                    fill(c.t.compare.in_integers, &[&c.t.common.integers(&integers)])
                }
                _ => "–".into(),
            },
            library: engine_words(row.library, c.t),
            marks,
        }
    }
}

/// Good or bad only where the whole interval is on one side of 1.
fn ratio(figure: &Figure, more_is_better: bool, c: &Ctx<'_>) -> Ratio {
    let Reading::Value { value: Estimate { low, high, .. } } = figure else {
        return Ratio { num: Num::missing(c.why(figure)), tone: "" };
    };
    let tone = match (*low > 1.0, *high < 1.0) {
        (true, _) if more_is_better => "better",
        (_, true) if !more_is_better => "better",
        (true, _) | (_, true) => "worse",
        _ => "",
    };
    Ratio { num: c.figure(figure, Unit::Ratio), tone }
}
