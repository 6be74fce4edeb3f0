//! One metric over revisions and time.

use benchrack_protocol::alert::Catches;
use benchrack_protocol::api::{Estimate, Metric};
use benchrack_protocol::ids::{RunId, SeriesId};
use benchrack_protocol::model::Precision;
use benchrack_protocol::session::OperatingPoint;
use benchrack_protocol::validity::{EvidenceTier, Validity};
use serde::Serialize;
use time::OffsetDateTime;

use super::{DeviceRef, Facet};

/// What makes a series one.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SeriesKey {
    /// Id.
    pub id: SeriesId,
    /// Device.
    pub device: DeviceRef,
    /// Its system; a new one starts a new series.
    pub os_fingerprint: String,
    /// Model's name.
    pub model: String,
    /// Precision as executed.
    pub precision: Precision,
    /// Engine's name.
    pub engine: String,
    /// Threads.
    pub threads: u16,
    /// Cores and clock.
    pub operating_point: OperatingPoint,
    /// Knobs that the agent's configuration asked for by name, with commas; empty for none.
    pub knobs: String,
    /// Metric.
    pub metric: Metric,
}

/// One point: one run.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SeriesPoint {
    /// Run.
    pub run: RunId,
    /// When.
    #[serde(with = "time::serde::rfc3339")]
    pub measured_at: OffsetDateTime,
    /// Model revision, or the short digest where none was given.
    pub model_revision: String,
    /// Engine's version.
    pub engine_version: String,
    /// Value with its interval, in [`Metric::unit`].
    pub estimate: Estimate,
    /// Whether it counts.
    pub validity: Validity,
    /// Strength of the proof.
    pub tier: EvidenceTier,
}

/// One series.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SeriesView {
    /// Which.
    pub key: SeriesKey,
    /// The same subject's other metrics, this one too, in the order of [`Metric::ALL`].
    pub metrics: Vec<(Metric, SeriesId)>,
    /// The same subject and metric on other devices.
    pub elsewhere: Vec<SeriesElsewhere>,
    /// Those of them that are drawn as well, over the time of `points`: query `also`, ids with commas.
    pub also: Vec<SeriesAlso>,
    /// Median of the valid ones of `points`, against which it is drawn beside others; none without such.
    pub middle: Option<f64>,
    /// Oldest first, up to 10,000.
    pub points: Vec<SeriesPoint>,
    /// How many points of the series are not among `points`: older ones, and newer ones than the range's end.
    pub left_out: u64,
    /// Which part of the series `points` is.
    pub range: SeriesRange,
    /// The run whose level is accepted; none before the series was watched.
    pub baseline: Option<SeriesBaseline>,
    /// What the farm wrote on it, newest first.
    pub marks: Vec<SeriesMark>,
    /// What gates on its device catch, by planted slow-downs; of its own model where there are such. Only for metrics that
    /// are watched.
    pub catches: Vec<Catches>,
    /// What runs from left to right: query `x=time` (also without `x`) or `x=order`.
    pub axis: SeriesAxis,
}

/// The same subject and metric on another device.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SeriesElsewhere {
    /// Device.
    pub device: DeviceRef,
    /// Its series under its newest system.
    pub series: SeriesId,
    /// Values of the newest valid points, oldest first: a small chart.
    pub recent: Vec<f64>,
}

/// Another series over the same time.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SeriesAlso {
    /// Device.
    pub device: DeviceRef,
    /// Its series.
    pub series: SeriesId,
    /// Its valid points, oldest first: run, when, and value in [`Metric::unit`].
    pub points: Vec<AlsoPoint>,
    /// Their median; none without points.
    pub middle: Option<f64>,
}

/// A valid point of another series.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct AlsoPoint {
    /// Run.
    pub run: RunId,
    /// When.
    #[serde(with = "time::serde::rfc3339")]
    pub measured_at: OffsetDateTime,
    /// Value, in [`Metric::unit`].
    pub value: f64,
}

impl SeriesAlso {
    /// The most that are drawn together, the series itself not counted: as many as there are shapes.
    pub const MOST: usize = 7;
}

/// A part of a series: so many points up to one.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct SeriesRange {
    /// At most so many: query `points`.
    pub points: u32,
    /// The run that it ends with, query `until`; none for the newest.
    pub until: Option<RunId>,
    /// The run that the part before this one ends with; none at the series' beginning.
    pub earlier: Option<RunId>,
}

impl SeriesRange {
    /// Points drawn unless more are asked for: a year of nightly runs with room, and a page that a phone bears.
    pub const DEFAULT: u32 = 500;
    /// The most that are drawn.
    pub const MOST: u32 = 10_000;
}

/// The level that people accept: of the first valid run, or of the one that an alert was expected for.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SeriesBaseline {
    /// Its run.
    pub run: RunId,
    /// What was measured, in [`Metric::unit`].
    pub value: f64,
    /// The newest valid point against it as a share: 0.05 is 5 % more; none without one.
    pub change: Option<f64>,
}

/// Something that the farm wrote on a series.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SeriesMark {
    /// The first point of the new level, or the point at which it was noticed.
    pub run: RunId,
    /// `change`, `infrastructure`, `unexplained`, `suspected`, `cleared`, `undecided`, `confirmed` or `drift`.
    pub kind: String,
    /// In words.
    pub detail: String,
    /// Change of the level as a share, where there is one: 0.05 is 5 % more.
    pub change: Option<f64>,
    /// When it was written.
    #[serde(with = "time::serde::rfc3339")]
    pub at: OffsetDateTime,
}

/// What runs from left to right in a series chart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum SeriesAxis {
    /// When it was measured.
    #[default]
    Time,
    /// One step for each run, so that busy days do not crowd.
    Order,
}

/// All series, filtered.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SeriesListView {
    /// `device`, `model`, `precision`, `engine`, `threads`, `metric`.
    pub facets: Vec<Facet>,
    /// Most recently measured first.
    pub rows: Vec<SeriesRow>,
    /// Address (path and query) of the next part; none at the end.
    pub more: Option<String>,
}

/// One series in the list.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SeriesRow {
    /// Which.
    pub key: SeriesKey,
    /// Number of points, all.
    pub points: u64,
    /// Newest point.
    pub latest: Option<SeriesPoint>,
    /// Values of the newest valid points, oldest first, at most 60: a small chart.
    pub recent: Vec<f64>,
}
