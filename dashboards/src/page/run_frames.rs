//! Whole frames of a run, and loading from packages: what an app does beside the inference.

use benchrack_protocol::api::Metric;
use benchrack_protocol::pipeline::{Frames, Orientation, PixelFormat};
use benchrack_protocol::reading::Reading;

use crate::RenderError;
use crate::chart::{self, Body, Place, Shape, frames, shape_icon};
use crate::format::Unit;
use crate::part::{ChartFigure, Ctx, Html, Num};
use crate::table::Table;
use crate::text::fill;
use crate::view::{PackagedFigures, RunView};

/// What is shown of whole frames.
pub(super) struct FramesPart {
    pub(super) source: String,
    pub(super) figures: Vec<(&'static str, Num)>,
    pub(super) legend: Vec<(Html, &'static str)>,
    pub(super) chart: ChartFigure,
}

/// `NV21 640 × 480, rotate90`.
fn source(frames: &Frames) -> String {
    let source = &frames.pipeline.source;
    let format = match source.format {
        PixelFormat::Abgr8888 => "ABGR8888",
        PixelFormat::Argb8888 => "ARGB8888",
        PixelFormat::Nv21 => "NV21",
    };
    let turn = match source.orientation {
        Orientation::Upright => String::new(),
        turned => format!(", {}", Table::word(&turned)),
    };
    format!("{format} {} × {}{turn}", source.width, source.height)
}

/// The part of the page; none where no frames were measured.
pub(super) fn frames_part(view: &RunView, c: &Ctx<'_>) -> Result<Option<FramesPart>, RenderError> {
    let Some(measured) = view.measurement.as_ref().and_then(|measurement| measurement.frames.as_ref()) else { return Ok(None) };
    let metric = |metric: Metric| (c.t.common.metric(metric), c.metric(&view.run, metric));
    let inference = match view.frame_inference {
        Some(time) => c.figure(&Reading::of(time), Unit::Time),
        None => Num::missing(c.t.common.never_measured),
    };
    let names = [c.t.common.frame_conversion, c.t.run.frame_inference, c.t.common.frame_post];
    let icon = |(tone, _)| Html(shape_icon(tone, Shape::Square, Body::Solid));
    let svg = frames(measured, &view.run.label, c.t, Place::Page)?;
    Ok(Some(FramesPart {
        source: fill(c.t.run.frames_of, &[&measured.times.len(), &source(measured)]),
        figures: vec![
            metric(Metric::Frame),
            metric(Metric::FrameP90),
            metric(Metric::FrameRate),
            metric(Metric::FrameJitter),
            metric(Metric::FrameConversion),
            (c.t.run.frame_inference, inference),
            metric(Metric::FramePost),
        ],
        legend: chart::FRAME_PARTS.into_iter().map(icon).zip(names).collect(),
        chart: c.chart(c.t.run.every_frame, chart::FRAMES, svg, ""),
    }))
}

/// A packaging and its figures: name, size, loads, unpacking, loading, both.
pub(super) struct Packaged {
    pub(super) name: &'static str,
    pub(super) size: String,
    pub(super) loads: u32,
    pub(super) unpack: String,
    pub(super) load: String,
    pub(super) total: Num,
}

impl Packaged {
    pub(super) fn of(figures: &PackagedFigures, c: &Ctx<'_>) -> Self {
        Self {
            name: c.t.common.packaging(figures.packaging),
            size: figures.size.to_string(),
            loads: figures.loads,
            unpack: Unit::Time.show(figures.unpack_ns),
            load: Unit::Time.show(figures.load_ns),
            total: Num::of(&figures.total, Unit::Time),
        }
    }
}
