//! Every sample of a run: the warm-up by itself on the left, then the blocks over the session's time, with the median
//! and its interval across. Samples far above the rest stand at the upper edge, so that one hiccup does not flatten the
//! picture; their words give the true figure.

use benchrack_protocol::api::{Estimate, Metric};
use benchrack_protocol::report::Measurement;
use benchrack_protocol::units::Nanos;
use plotters::prelude::{PathElement, Rectangle};
use plotters::style::text_anchor::{HPos, VPos};

use super::axis::Axis;
use super::decimate::decimate;
use super::frame::{FULL, Place, Plot, Plotted, Sheet, axes, words};
use super::ink::{TENTHS, Tone};
use super::mark::{Body, Mark, Shape};
use crate::RenderError;
use crate::format::Unit;
use crate::text::{Texts, fill};
use crate::view::RunView;

/// Name of the chart.
pub(crate) const NAME: &str = "samples";
/// Columns of which the lowest and the highest sample are kept.
const COLUMNS: usize = 260;
/// Width of the warm-up's part, user units: what stands beneath the blocks begins there.
pub(super) const WARMUP: u32 = 260;
/// Space left of each part's plotting area.
pub(super) const LEFT: u32 = 60;

struct Drawn {
    across: f64,
    latency: f64,
    /// Number of its block from 1; none in the warm-up.
    block: Option<usize>,
    /// Number within its block or the warm-up, from 1.
    nth: usize,
}

impl Drawn {
    fn words(&self, t: &Texts) -> String {
        let latency = Unit::Time.show(self.latency);
        match self.block {
            Some(block) => fill(t.chart.block_sample, &[&latency, &block, &self.nth]),
            None => fill(t.chart.warmup_sample, &[&latency, &self.nth]),
        }
    }
}

/// Every sample of the run over time.
pub(crate) fn samples(view: &RunView, t: &Texts, place: Place) -> Result<String, RenderError> {
    let sheet = Sheet {
        name: NAME,
        title: fill(t.chart.samples_title, &[&view.run.label]),
        description: t.chart.samples_description.into(),
        width: FULL,
        height: 320,
        left: LEFT,
        newest_last: false,
    };
    let Some(measurement) = view.measurement.as_ref().filter(|measurement| !measurement.blocks.is_empty()) else {
        return Ok(sheet.empty(place, t.chart.no_samples));
    };
    let warmup = warmup(measurement);
    let blocks = blocks(measurement);
    let edge = edge(blocks.iter().map(|drawn| drawn.latency));
    let shown = blocks.iter().map(|drawn| drawn.latency).filter(|latency| *latency <= edge);
    // The warm-up has its own axis: its first inferences are slow by nature and would flatten the blocks.
    let early = Axis::linear(t.chart.latency, Unit::Time, warmup.iter().map(|drawn| drawn.latency), false, 6);
    let y = Axis::linear(t.chart.latency, Unit::Time, shown, false, 6);
    let median = view.run.metrics.iter().find(|(metric, _)| *metric == Metric::Latency).map(|(_, estimate)| *estimate);
    sheet.panels(place, |root| {
        let (left, right) = root.split_horizontally(WARMUP * TENTHS as u32);
        let count = warmup.len().max(1) as f64;
        let x = Axis::between(t.chart.warmup, Unit::Count, -0.02 * count, count * 1.02, 3);
        let mut plot = axes(&left, sheet.left, &x, &early)?;
        draw_samples(&mut plot, &warmup, &early, (Tone::Data(6), Body::Outline), t)?;

        let (ends, x) = session_axis(measurement, t);
        let mut plot = axes(&right, sheet.left, &x, &y)?;
        for (from, to) in &ends {
            plot.draw_series([Rectangle::new([(*from, y.low), (*to, y.high)], Tone::Shade.fill())])?;
        }
        if ends.len() <= 30 {
            for (nth, (from, to)) in ends.iter().enumerate() {
                let at = ((from + to) / 2.0, y.high);
                plot.draw_series([words(&(nth + 1).to_string(), "note", at, HPos::Center, VPos::Top)])?;
            }
        }
        if let Some(Estimate { value, low, high, .. }) = median {
            plot.draw_series([Rectangle::new([(x.low, low.max(y.low)), (x.high, high.min(y.high))], Tone::Span.fill())])?;
            plot.draw_series([PathElement::new(vec![(x.low, value), (x.high, value)], Tone::Limit.line(1))])?;
        }
        draw_samples(&mut plot, &blocks, &y, (Tone::Data(0), Body::Solid), t)
    })
}

fn draw_samples(plot: &mut Plot<'_, '_>, samples: &[Drawn], y: &Axis, (tone, body): (Tone, Body), t: &Texts) -> Plotted {
    let places: Vec<(f64, f64)> = samples.iter().map(|drawn| (drawn.across, drawn.latency)).collect();
    for nth in decimate(&places, COLUMNS) {
        let drawn = &samples[nth];
        let above = drawn.latency > y.high;
        let (shape, radius) = if above { (Shape::Triangle, 45) } else { (Shape::Circle, 22) };
        let at = (drawn.across, drawn.latency.min(y.high));
        plot.draw_series([Mark { shape, radius, body, ..Mark::at(at, if above { Tone::Doubt } else { tone }, drawn.words(t)) }])?;
    }
    Ok(())
}

fn warmup(measurement: &Measurement) -> Vec<Drawn> {
    let samples = measurement.warmup.samples.iter().enumerate();
    samples
        .map(|(nth, latency)| Drawn { across: nth as f64 + 1.0, latency: latency.0 as f64, block: None, nth: nth + 1 })
        .collect()
}

fn blocks(measurement: &Measurement) -> Vec<Drawn> {
    let mut drawn = Vec::new();
    for (number, block) in measurement.blocks.iter().enumerate() {
        let mut at = block.started.0;
        for (nth, latency) in block.samples.iter().enumerate() {
            at = at.saturating_add(latency.0);
            drawn.push(Drawn { across: at as f64, latency: latency.0 as f64, block: Some(number + 1), nth: nth + 1 });
        }
    }
    drawn
}

/// Start and end of each block, and the axis over all of them.
pub(super) fn session_axis(measurement: &Measurement, t: &Texts) -> (Vec<(f64, f64)>, Axis) {
    let ends: Vec<(f64, f64)> = measurement.blocks.iter().map(|block| span(block.started, &block.samples)).collect();
    let x = Axis::linear(t.chart.session_time, Unit::Time, ends.iter().flat_map(|(from, to)| [*from, *to]), false, 7);
    (ends, x)
}

/// Start and end of samples that follow one another without a gap.
pub(super) fn span(started: Nanos, samples: &[Nanos]) -> (f64, f64) {
    let length: u64 = samples.iter().fold(0, |sum, sample| sum.saturating_add(sample.0));
    (started.0 as f64, started.0.saturating_add(length) as f64)
}

/// Where the picture ends: at the largest sample that is not far out. Far out begins twice as far above the 98th of a
/// hundred as that is above the second.
pub(super) fn edge(latencies: impl Iterator<Item = f64>) -> f64 {
    let mut sorted: Vec<f64> = latencies.filter(|latency| latency.is_finite()).collect();
    sorted.sort_by(f64::total_cmp);
    if sorted.is_empty() {
        return 1.0;
    }
    let (low, high) = (sorted[(sorted.len() - 1) * 2 / 100], sorted[(sorted.len() - 1) * 98 / 100]);
    let far = high + 2.0 * (high - low);
    sorted.into_iter().rev().find(|latency| *latency <= far).unwrap_or(high)
}
