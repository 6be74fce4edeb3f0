//! One run: every sample, the proof, where it comes from.

use askama::Template;
use benchrack_protocol::adapter::Summary;
use benchrack_protocol::api::{Metric, Run};
use benchrack_protocol::engine::IntegerKernels;
use benchrack_protocol::reading::Reading;
use benchrack_protocol::report::{Measurement, OutputCheck};
use benchrack_protocol::runner::OperatorTime;
use benchrack_protocol::session::MeasurePlan;
use benchrack_protocol::units::Bytes;
use benchrack_protocol::validity::Validity;

use super::compare::executed_words;
use super::render;
use super::run_frames::{FramesPart, Packaged, frames_part};
use super::run_load::{EnergyPart, SustainedPart, energy_part, sustained_part};
use super::run_words::{Evidence, output_words};
use crate::chart::{self, Curve, Place, Watched, bar, frames, histogram, samples, sustained, watch};
use crate::format::Unit;
use crate::part::{ChartFigure, Ctx, Html, Num, Tab, metric_of, missing};
use crate::table::Table;
use crate::text::{Texts, fill, texts};
use crate::view::RunView;
use crate::{Chrome, Language, Page, RenderError, link};

#[derive(Template)]
#[template(path = "run.html")]
struct RunPage<'a> {
    c: &'a Ctx<'a>,
    v: &'a RunView,
    r: &'a Run,
    tone: &'static str,
    tiles: Vec<Tile>,
    samples: ChartFigure,
    /// What was watched in the same stretch of time.
    watched: Vec<ChartFigure>,
    histogram: ChartFigure,
    outputs: super::run_words::Outputs,
    executed: String,
    integers_told: bool,
    frames: Option<FramesPart>,
    packaged: Vec<Packaged>,
    energy: Option<EnergyPart>,
    sustained: Option<SustainedPart>,
    printed: Vec<(&'static str, String)>,
    profile: Vec<(&'a OperatorTime, Html, String)>,
    memory: Vec<(&'static str, [Num; 3])>,
    evidence: Evidence<'a>,
    plan: String,
}

struct Tile {
    name: &'static str,
    num: Num,
    href: Option<String>,
}

fn time(ns: f64) -> String {
    Unit::Time.show(ns)
}

fn share(reading: &Reading<f64>, c: &Ctx<'_>) -> Num {
    match reading {
        Reading::Value { value } => Num::plain(Unit::Share.show(*value)),
        missing_one => Num::missing(missing(missing_one, c.t).unwrap_or_default()),
    }
}

/// Whether a metric has a tile: the plain ones always, so that a missing one says why; others where they were measured,
/// those of frames in a part of their own.
fn shown(run: &Run, metric: Metric) -> bool {
    match metric {
        Metric::Latency
        | Metric::LatencyP90
        | Metric::LatencyP99
        | Metric::FirstInference
        | Metric::Load
        | Metric::PeakRss
        | Metric::Pss
        | Metric::ModelSize => true,
        Metric::LatencyMean | Metric::Frame | Metric::FrameRate | Metric::Energy | Metric::Power | Metric::ModelPeakRss => {
            run.metrics.iter().any(|(known, _)| *known == metric)
        }
        Metric::FrameP90
        | Metric::FrameJitter
        | Metric::FrameConversion
        | Metric::FramePost
        | Metric::LoadRaw
        | Metric::LoadZstd
        | Metric::LoadEncryptedThenZstd
        | Metric::LoadZstdThenEncrypted
        | Metric::ModelPssAnonymous
        | Metric::ModelPssFile
        | Metric::Fidelity => false,
    }
}

/// What a program said of its own inferences.
fn printed(summary: &Summary, t: &Texts) -> Vec<(&'static str, String)> {
    let r = &t.run;
    let times = [
        (r.mean, summary.mean),
        (r.median_short, summary.median),
        ("p90", summary.p90),
        ("p99", summary.p99),
        (r.minimum, summary.minimum),
        (r.maximum, summary.maximum),
        (r.deviation, summary.deviation),
    ];
    let count = summary.count.map(|count| (r.inferences, count.to_string()));
    let times = times.into_iter().filter_map(|(name, time)| Some((name, Unit::Time.show((time?).0 as f64))));
    count.into_iter().chain(times).collect()
}

/// Blocks and their length.
pub(super) fn plan_words(plan: &MeasurePlan, t: &Texts) -> String {
    fill(t.run.plan, &[&plan.blocks, &plan.block_time])
}

/// Colour of the judgement's box.
pub(super) fn tone(validity: Option<&Validity>) -> &'static str {
    match validity {
        Some(Validity::Valid) => "good",
        Some(Validity::Degraded { .. }) => "doubt",
        Some(Validity::Invalid { .. }) => "bad",
        None => "",
    }
}

impl Page for RunView {
    fn charts(&self) -> Vec<String> {
        let has = |part: fn(&Measurement) -> bool| self.measurement.as_ref().is_some_and(part);
        let mut charts: Vec<String> = Vec::new();
        // A program's summary has no samples to draw.
        if !has(|measurement| measurement.summary.is_some()) {
            charts.extend([chart::SAMPLES.into(), chart::DISTRIBUTION.into()]);
        }
        if has(|measurement| !measurement.blocks.is_empty()) && self.evidence.is_some() {
            charts.extend(BENEATH.map(|watched| watched.name().to_owned()));
        }
        if has(|measurement| measurement.frames.is_some()) {
            charts.push(chart::FRAMES.into());
        }
        if let Some(curve) = self.measurement.as_ref().and_then(|measurement| measurement.sustained.as_ref()) {
            let drawn = Curve::ALL.into_iter().filter(|kind| kind.is_in(curve));
            charts.extend(drawn.map(|kind| kind.name().into()));
        }
        charts
    }

    fn html(&self, chrome: &Chrome) -> Result<String, RenderError> {
        let run = &self.run;
        let c = &Ctx::new(chrome, format!("{} {}", run.label, run.precision), Tab::Other).at(link::run(run.id), "").with_csv();
        let tile = |metric: &Metric| Tile {
            name: c.t.common.metric(*metric),
            num: c.figure(&metric_of(run, *metric), Unit::of(*metric)),
            href: self.series.iter().find(|(known, _)| known == metric).map(|(_, id)| link::series(*id)),
        };
        let measured = self.measurement.is_some();
        let samples_note = if measured { c.t.chart.samples_note } else { "" };
        let histogram_note = if measured { c.t.chart.distribution_note } else { "" };
        render(&RunPage {
            c,
            v: self,
            r: run,
            tone: tone(run.validity.as_ref()),
            tiles: Metric::ALL.iter().filter(|metric| shown(run, **metric)).map(tile).collect(),
            samples: c.chart(c.t.run.every_sample, chart::SAMPLES, samples(self, c.t, Place::Page)?, samples_note).main(),
            watched: self.watched(c)?,
            histogram: c.chart(c.t.run.distribution, chart::DISTRIBUTION, histogram(self, c.t, Place::Page)?, histogram_note),
            outputs: output_words(self.measurement.as_ref().map_or(&OutputCheck::NoReference, |m| &m.outputs), c),
            executed: self
                .measurement
                .as_ref()
                .map(|measurement| executed_words(&measurement.engine.executed))
                .unwrap_or_default(),
            // Without a word of what ran, none is what an engine says that does not tell.
            integers_told: self.measurement.as_ref().is_some_and(|measurement| {
                !measurement.engine.executed.is_empty() || measurement.engine.integer_kernels != IntegerKernels::None
            }),
            frames: frames_part(self, c)?,
            packaged: self.packaged.iter().map(|figures| Packaged::of(figures, c)).collect(),
            energy: energy_part(self, c),
            sustained: sustained_part(self, c)?,
            printed: self
                .measurement
                .as_ref()
                .and_then(|measurement| Some(printed(measurement.summary.as_ref()?, c.t)))
                .unwrap_or_default(),
            profile: self.measurement.as_ref().map(profile).unwrap_or_default(),
            memory: self.measurement.as_ref().map(|measurement| memory(measurement, c)).unwrap_or_default(),
            evidence: Evidence::new(self.evidence.as_ref(), self.measurement.as_ref(), &run.operating_point, c),
            plan: plan_words(&self.plan, c.t),
        })
    }

    fn chart_svg(&self, name: &str, language: Language) -> Result<Option<String>, RenderError> {
        if !self.charts().iter().any(|known| known == name) {
            return Ok(None);
        }
        if let Some(watched) = BENEATH.into_iter().find(|watched| watched.name() == name) {
            return self.watch(watched, texts(language), Place::File);
        }
        match name {
            chart::SAMPLES => samples(self, texts(language), Place::File).map(Some),
            chart::DISTRIBUTION => histogram(self, texts(language), Place::File).map(Some),
            chart::FRAMES => {
                let measured = self.measurement.as_ref().and_then(|measurement| measurement.frames.as_ref());
                measured.map(|measured| frames(measured, &self.run.label, texts(language), Place::File)).transpose()
            }
            other => {
                let curve = self.measurement.as_ref().and_then(|measurement| measurement.sustained.as_ref());
                let kind = Curve::ALL.into_iter().find(|kind| kind.name() == other);
                let (Some(curve), Some(kind)) = (curve, kind) else { return Ok(None) };
                sustained(curve, kind, &self.run.label, texts(language), Place::File)
            }
        }
    }

    /// Every sample.
    fn csv(&self) -> Result<Option<String>, RenderError> {
        let mut table = Table::new(&["phase", "block", "round", "sample", "latency_ns", "block_started_ns"]);
        let Some(measurement) = &self.measurement else { return table.finish().map(Some) };
        for (nth, latency) in measurement.warmup.samples.iter().enumerate() {
            let cells =
                ["warmup".to_owned(), String::new(), String::new(), (nth + 1).to_string(), latency.0.to_string(), String::new()];
            table.row(cells)?;
        }
        for (number, block) in measurement.blocks.iter().enumerate() {
            for (nth, latency) in block.samples.iter().enumerate() {
                let place = [number + 1, block.round as usize + 1, nth + 1].map(|place| place.to_string());
                let figures = [latency.0.to_string(), block.started.0.to_string()];
                table.row(["block".to_owned()].into_iter().chain(place).chain(figures))?;
            }
        }
        table.finish().map(Some)
    }
}

/// What stands beneath the samples.
const BENEATH: [Watched; 2] = [Watched::Clocks, Watched::Temperatures];

impl RunView {
    fn watch(&self, watched: Watched, t: &Texts, place: Place) -> Result<Option<String>, RenderError> {
        let (Some(evidence), Some(measurement)) = (&self.evidence, &self.measurement) else { return Ok(None) };
        if measurement.blocks.is_empty() { Ok(None) } else { watch(evidence, watched, Some(measurement), t, place) }
    }

    fn watched(&self, c: &Ctx<'_>) -> Result<Vec<ChartFigure>, RenderError> {
        let mut charts = Vec::new();
        for watched in BENEATH {
            if let Some(svg) = self.watch(watched, c.t, Place::Page)? {
                let note = if watched == Watched::Clocks { c.t.chart.clocks_note } else { "" };
                charts.push(c.chart(watched.title(c.t), watched.name(), svg, note));
            }
        }
        Ok(charts)
    }
}

fn profile(measurement: &Measurement) -> Vec<(&OperatorTime, Html, String)> {
    let largest = measurement.profile.iter().map(|operator| operator.time.0).max().unwrap_or(1) as f64;
    let mut operators: Vec<&OperatorTime> = measurement.profile.iter().collect();
    operators.sort_by_key(|operator| std::cmp::Reverse(operator.time));
    let row = |operator: &'_ OperatorTime| {
        let value = operator.time.0 as f64;
        let estimate = benchrack_protocol::api::Estimate::exact(value);
        (Html(bar(&estimate, largest, false, true)), Unit::Time.show(value))
    };
    operators
        .into_iter()
        .map(|operator| {
            let (bar, time) = row(operator);
            (operator, bar, time)
        })
        .collect()
}

fn memory(measurement: &Measurement, c: &Ctx<'_>) -> Vec<(&'static str, [Num; 3])> {
    let (before, after) = (&measurement.memory_before, &measurement.memory);
    let num = |bytes: Option<Bytes>| match bytes {
        Some(bytes) => Num::plain(bytes.to_string()),
        None => Num::missing(c.t.run.kernel_silent),
    };
    [
        (c.t.run.peak_rss, before.peak_rss, after.peak_rss),
        (c.t.run.rss, before.rss, after.rss),
        (c.t.run.pss, before.pss, after.pss),
        (c.t.run.pss_anonymous, before.pss_anonymous, after.pss_anonymous),
        (c.t.run.pss_file, before.pss_file, after.pss_file),
        (c.t.run.rss_anonymous, before.rss_anonymous, after.rss_anonymous),
        (c.t.run.rss_file, before.rss_file, after.rss_file),
    ]
    .map(|(name, before, after)| {
        let added = before.zip(after).and_then(|(before, after)| after.0.checked_sub(before.0)).map(Bytes);
        (name, [num(before), num(after), num(added)])
    })
    .into()
}
