//! One series, and the list of all.

use askama::Template;
use benchrack_protocol::alert::Catches;
use benchrack_protocol::ids::{RunId, SeriesId};
use benchrack_protocol::validity::Validity;

use super::facets::Facets;
use super::render;
use crate::chart::{self, Body, Look, Place, badge, look, series, shape_icon, spark, together};
use crate::format::{Unit, change, fixed};
use crate::part::{Badge, ChartFigure, Ctx, Html, Num, Tab, reasons};
use crate::table::Table;
use crate::text::{fill, texts};
use crate::view::{
    SeriesAlso, SeriesAxis, SeriesElsewhere, SeriesKey, SeriesListView, SeriesMark, SeriesPoint, SeriesRange, SeriesRow,
    SeriesView,
};
use crate::{Chrome, Language, Page, RenderError, link};

/// Newest points that the page's table shows; the file has all that are drawn.
const SHOWN: usize = 150;
/// Numbers of points that are one click away.
const RANGES: [u32; 4] = [100, SeriesRange::DEFAULT, 2_500, SeriesRange::MOST];

#[derive(Template)]
#[template(path = "series.html")]
struct Series<'a> {
    c: &'a Ctx<'a>,
    v: &'a SeriesView,
    k: &'a SeriesKey,
    metric: &'static str,
    metrics: Vec<(&'static str, String, bool)>,
    axes: [(&'static str, String, bool); 2],
    ranges: Vec<(String, String, bool)>,
    /// Links to the part before, and to the newest.
    earlier: Option<String>,
    newest: Option<String>,
    chart: ChartFigure,
    shown: String,
    points: Vec<Point<'a>>,
    marks: Vec<(&'a SeriesMark, Num)>,
    /// Other devices with their newest valid figure and a small chart.
    elsewhere: Vec<Elsewhere<'a>>,
    /// Several devices in one picture, with their shapes; none while no other was chosen.
    together: Option<ChartFigure>,
    legend: Vec<(Html, &'a str)>,
    /// Run and words of the baseline.
    baseline: Option<(RunId, String)>,
    /// What would be caught, in words; empty where nothing is watched or nothing was tried.
    catches: Vec<String>,
}

/// Another device with its newest valid figure and a small chart, and the way to draw it as well, or no more.
struct Elsewhere<'a> {
    other: &'a SeriesElsewhere,
    newest: Num,
    spark: Html,
    toggle: String,
    words: String,
    drawn: bool,
}

struct Point<'a> {
    point: &'a SeriesPoint,
    counts: bool,
    num: Num,
    validity: Badge,
    tier: Badge,
    new_model: bool,
    new_engine: bool,
    reasons: String,
}

/// The query of a view of a series: whoever follows it sees the same, while `until` names where it ends.
fn query(axis: SeriesAxis, points: u32, until: Option<RunId>, also: &[SeriesId]) -> String {
    let axis = (axis == SeriesAxis::Order).then(|| "x=order".to_owned());
    let points = (points != SeriesRange::DEFAULT).then(|| format!("points={points}"));
    let until = until.map(|until| format!("until={until}"));
    let also = (!also.is_empty()).then(|| {
        let ids: Vec<String> = also.iter().map(ToString::to_string).collect();
        format!("also={}", ids.join(","))
    });
    [axis, points, until, also].into_iter().flatten().collect::<Vec<_>>().join("&")
}

impl Page for SeriesView {
    fn charts(&self) -> Vec<String> {
        let together = (!self.also.is_empty()).then(|| chart::TOGETHER.to_owned());
        [chart::SERIES.to_owned()].into_iter().chain(together).collect()
    }

    fn html(&self, chrome: &Chrome) -> Result<String, RenderError> {
        let key = &self.key;
        let SeriesRange { points: drawn, until, earlier } = self.range;
        let also: Vec<SeriesId> = self.also.iter().map(|also| also.series).collect();
        let own = query(self.axis, drawn, until, &also);
        let c = Ctx::new(chrome, "", Tab::Series).at(link::series(key.id), &own).with_csv();
        let with = |axis, points, until, also: &[SeriesId]| match query(axis, points, until, also) {
            query if query.is_empty() => link::series(key.id),
            query => format!("{}?{query}", link::series(key.id)),
        };
        let to = |axis, points, until| with(axis, points, until, &also);
        let toggle = |id: SeriesId| {
            let mut also: Vec<SeriesId> = also.iter().copied().filter(|known| *known != id).collect();
            if also.len() == self.also.len() {
                also.push(id);
                if also.len() > SeriesAlso::MOST {
                    also.remove(0);
                }
            }
            with(self.axis, drawn, until, &also)
        };
        let metric = c.t.common.metric(key.metric);
        let c = &Ctx { title: fill(c.t.chart.series_title, &[&metric, &key.model, &key.precision, &key.device.name]), ..c };
        let note = if self.points.is_empty() { "" } else { c.t.chart.series_note };
        let chart = c.chart(metric, chart::SERIES, series(self, c.t, Place::Page)?, note).main();
        let all = self.points.len() as u64 + self.left_out;
        let shown = self.points.len().min(SHOWN);
        let metrics = self.metrics.iter().map(|(metric, id)| (c.t.common.metric(*metric), link::series(*id), *id == key.id));
        render(&Series {
            c,
            v: self,
            k: key,
            metric,
            metrics: metrics.collect(),
            axes: [(SeriesAxis::Time, c.t.series.by_time), (SeriesAxis::Order, c.t.series.by_order)]
                .map(|(axis, name)| (name, to(axis, drawn, until), axis == self.axis)),
            ranges: RANGES.iter().map(|&range| (fixed(range.into(), 0), to(self.axis, range, until), range == drawn)).collect(),
            earlier: earlier.map(|run| to(self.axis, drawn, Some(run))),
            newest: until.map(|_| to(self.axis, drawn, None)),
            chart,
            shown: fill(c.t.series.shown, &[&shown, &all]),
            points: points(self, c),
            elsewhere: self
                .elsewhere
                .iter()
                .map(|other| {
                    let drawn = also.contains(&other.series);
                    let words = if drawn { c.t.series.draw_not } else { c.t.series.draw_too };
                    let spark = Html(spark(&other.recent));
                    let words = fill(words, &[&other.device.name]);
                    Elsewhere { other, newest: newest(other, self, c), spark, toggle: toggle(other.series), words, drawn }
                })
                .collect(),
            together: if self.also.is_empty() {
                None
            } else {
                let svg = together(self, c.t, Place::Page)?;
                Some(c.chart(c.t.series.together, chart::TOGETHER, svg, c.t.chart.together_note).main())
            },
            legend: std::iter::once(key.device.name.as_str())
                .chain(self.also.iter().map(|also| also.device.name.as_str()))
                .enumerate()
                .map(|(nth, name)| {
                    let (tone, shape) = look(nth);
                    (Html(shape_icon(tone, shape, Body::Solid)), name)
                })
                .collect(),
            baseline: self.baseline.as_ref().map(|baseline| {
                let value = Unit::of(key.metric).show(baseline.value);
                let now = baseline.change.map_or_else(|| c.t.common.never_measured.to_owned(), change);
                (baseline.run, fill(c.t.series.baseline, &[&value, &now]))
            }),
            catches: self.catches.iter().map(|one| catches_words(one, c)).collect(),
            marks: self.marks.iter().map(|mark| (mark, Num::plain(mark.change.map(change).unwrap_or_default()))).collect(),
        })
    }

    fn badge_svg(&self, language: Language) -> Option<String> {
        let (t, key) = (texts(language), &self.key);
        let what = format!("{} {} · {}", key.model, key.precision, key.device.name);
        let newest = self.points.iter().rev().find(|point| point.validity == Validity::Valid);
        Some(match newest {
            Some(point) => badge(&what, &Unit::of(key.metric).show(point.estimate.value), Look::Plain),
            None => badge(&what, t.common.never_measured, Look::Doubt),
        })
    }

    fn chart_svg(&self, name: &str, language: Language) -> Result<Option<String>, RenderError> {
        match name {
            chart::SERIES => series(self, texts(language), Place::File).map(Some),
            chart::TOGETHER if !self.also.is_empty() => together(self, texts(language), Place::File).map(Some),
            _ => Ok(None),
        }
    }

    fn csv(&self) -> Result<Option<String>, RenderError> {
        let unit = self.key.metric.unit();
        let [value, low, high] = ["", "_low", "_high"].map(|end| format!("{}{end}_{unit}", self.key.metric.name()));
        let heading =
            ["run", "measured_at", &value, &low, &high, "validity", "tier", "model_revision", "engine_version", "reasons"];
        let mut table = Table::new(&heading);
        for point in &self.points {
            table.row([
                point.run.to_string(),
                Table::time(point.measured_at),
                point.estimate.value.to_string(),
                point.estimate.low.to_string(),
                point.estimate.high.to_string(),
                point.validity.word().into(),
                point.tier.to_string(),
                Table::text(&point.model_revision),
                Table::text(&point.engine_version),
                Table::text(&reasons(&point.validity, texts(Language::English))),
            ])?;
        }
        table.finish().map(Some)
    }
}

/// What gates of a model catch, in a sentence.
fn catches_words(of: &Catches, c: &Ctx<'_>) -> String {
    match (of.more_macs, of.at_least) {
        (Some(more), Some(least)) => fill(c.t.alert.catches_words, &[&of.baseline, &change(more), &Unit::Share.show(least)]),
        _ => fill(c.t.alert.catches_nothing, &[&of.baseline]),
    }
}

/// The newest valid figure of another device.
fn newest(other: &SeriesElsewhere, view: &SeriesView, c: &Ctx<'_>) -> Num {
    match other.recent.last() {
        Some(value) => Num::plain(Unit::of(view.key.metric).show(*value)),
        None => Num::missing(c.t.common.never_measured),
    }
}

/// The newest points, newest first.
fn points<'a>(view: &'a SeriesView, c: &Ctx<'_>) -> Vec<Point<'a>> {
    let before = |nth: usize| nth.checked_sub(1).and_then(|nth| view.points.get(nth));
    let newest = view.points.iter().enumerate().rev().take(SHOWN);
    newest
        .map(|(nth, point)| Point {
            point,
            counts: point.validity == Validity::Valid,
            num: Num::of(&point.estimate, Unit::of(view.key.metric)),
            validity: c.validity(&Some(point.validity.clone()), &None),
            tier: c.tier_badge(point.tier),
            new_model: before(nth).is_some_and(|before| before.model_revision != point.model_revision),
            new_engine: before(nth).is_some_and(|before| before.engine_version != point.engine_version),
            reasons: reasons(&point.validity, c.t),
        })
        .collect()
}

#[derive(Template)]
#[template(path = "series_list.html")]
struct SeriesList<'a> {
    c: &'a Ctx<'a>,
    v: &'a SeriesListView,
    facets: Facets<'a>,
    rows: Vec<Listed<'a>>,
}

struct Listed<'a> {
    row: &'a SeriesRow,
    metric: &'static str,
    latest: Num,
    spark: Html,
}

impl Page for SeriesListView {
    fn html(&self, chrome: &Chrome) -> Result<String, RenderError> {
        let c = Ctx::new(chrome, "", Tab::Series).at(link::SERIES, "").with_csv();
        let c = &Ctx { title: c.t.common.series.into(), ..c };
        let rows = self.rows.iter().map(|row| {
            let SeriesRow { key, latest, recent, .. } = row;
            Listed {
                row,
                metric: c.t.common.metric(key.metric),
                latest: match latest {
                    Some(latest) => Num::of(&latest.estimate, Unit::of(key.metric)),
                    None => Num::missing(c.t.common.never_measured),
                },
                spark: Html(spark(recent)),
            }
        });
        let facets = Facets::new(link::SERIES, &self.facets, c.t);
        render(&SeriesList { c, v: self, facets, rows: rows.collect() })
    }

    fn csv(&self) -> Result<Option<String>, RenderError> {
        let heading = [
            "series",
            "metric",
            "unit",
            "device",
            "os_fingerprint",
            "model",
            "precision",
            "engine",
            "threads",
            "cores",
            "frequency",
            "knobs",
            "points",
            "latest",
            "latest_at",
        ];
        let mut table = Table::new(&heading);
        for SeriesRow { key, points, latest, .. } in &self.rows {
            table.row([
                key.id.to_string(),
                key.metric.name().into(),
                key.metric.unit().into(),
                Table::text(&key.device.name),
                Table::text(&key.os_fingerprint),
                Table::text(&key.model),
                key.precision.to_string(),
                Table::text(&key.engine),
                key.threads.to_string(),
                key.operating_point.cores.to_string(),
                key.operating_point.frequency.to_string(),
                Table::text(&key.knobs),
                points.to_string(),
                Table::maybe(latest.as_ref().map(|latest| latest.estimate.value)),
                latest.as_ref().map(|latest| Table::time(latest.measured_at)).unwrap_or_default(),
            ])?;
        }
        table.finish().map(Some)
    }
}
