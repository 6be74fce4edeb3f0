//! The distribution of a run's samples, with the median, its interval and the 90th percentile as lines.

use benchrack_protocol::api::Metric;
use plotters::prelude::{PathElement, Rectangle};
use plotters::style::text_anchor::{HPos, VPos};

use super::axis::Axis;
use super::frame::{HALF, Place, Sheet, words};
use super::ink::Tone;
use super::samples::edge;
use crate::RenderError;
use crate::format::Unit;
use crate::text::{Texts, fill};
use crate::view::RunView;

/// Name of the chart.
pub(crate) const NAME: &str = "distribution";
/// Bars between the smallest sample and the edge of the picture.
const BARS: usize = 48;

/// How often each latency came.
pub(crate) fn histogram(view: &RunView, t: &Texts, place: Place) -> Result<String, RenderError> {
    let sheet = Sheet {
        name: NAME,
        title: fill(t.chart.distribution_title, &[&view.run.label]),
        description: t.chart.distribution_description.into(),
        width: HALF,
        height: 300,
        left: 52,
        newest_last: false,
    };
    let samples: Vec<f64> = view
        .measurement
        .iter()
        .flat_map(|measurement| &measurement.blocks)
        .flat_map(|block| block.samples.iter().map(|sample| sample.0 as f64))
        .collect();
    let Some(smallest) = samples.iter().copied().min_by(f64::total_cmp) else {
        return Ok(sheet.empty(place, t.chart.no_samples));
    };
    let largest = edge(samples.iter().copied()).max(smallest + 1.0);
    let width = (largest - smallest) / BARS as f64;
    let mut bars = [0_u32; BARS + 1];
    for sample in &samples {
        bars[(((sample - smallest) / width) as usize).min(BARS)] += 1;
    }
    let beyond = samples.iter().filter(|sample| **sample > largest).count();
    bars[BARS - 1] += bars[BARS] - beyond as u32;
    let metric = |wanted| view.run.metrics.iter().find(|(metric, _)| *metric == wanted).map(|(_, estimate)| *estimate);
    let x = Axis::linear(t.chart.latency, Unit::Time, [smallest, largest], false, 6);
    let y = Axis::linear(t.chart.samples, Unit::Count, bars[..BARS].iter().map(|count| f64::from(*count)), true, 5);
    sheet.plot(place, &x, &y, |plot| {
        if let Some(median) = metric(Metric::Latency) {
            plot.draw_series([Rectangle::new([(median.low, 0.0), (median.high, y.high)], Tone::Span.fill())])?;
        }
        plot.draw_series(bars[..BARS].iter().enumerate().filter(|(_, count)| **count > 0).map(|(nth, count)| {
            let from = smallest + nth as f64 * width;
            Rectangle::new([(from, 0.0), (from + width * 0.92, f64::from(*count))], Tone::Data(0).fill())
        }))?;
        let lines = [(metric(Metric::Latency), t.chart.median, 1.0), (metric(Metric::LatencyP90), t.chart.p90, 0.92)];
        for (metric, name, height) in lines {
            let Some(estimate) = metric.filter(|estimate| (x.low..=x.high).contains(&estimate.value)) else { continue };
            let at = estimate.value;
            plot.draw_series([PathElement::new(vec![(at, 0.0), (at, y.high)], Tone::Limit.line(1))])?;
            plot.draw_series([words(&format!(" {name}"), "note", (at, y.high * height), HPos::Left, VPos::Top)])?;
        }
        if beyond > 0 {
            let note = fill(t.chart.beyond, &[&beyond]);
            plot.draw_series([words(&note, "note", (x.high, y.low + (y.high - y.low) * 0.12), HPos::Right, VPos::Center)])?;
        }
        Ok(())
    })
}
