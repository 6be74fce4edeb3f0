//! Two subjects of one session, round by round: the ratio of their latencies, so that drift of the device cancels.

use plotters::prelude::{PathElement, Rectangle};

use super::axis::Axis;
use super::frame::{HALF, Place, Sheet};
use super::ink::Tone;
use super::mark::Mark;
use crate::RenderError;
use crate::format::Unit;
use crate::text::{Texts, fill};
use crate::view::Pair;

/// First part of the chart's name; the pair's place follows.
pub(crate) const NAME: &str = "pair";

/// Ratios of one pair.
pub(crate) fn pairs(pair: &Pair, t: &Texts, place: Place) -> Result<String, RenderError> {
    let sheet = Sheet {
        name: NAME,
        title: fill(t.chart.pair_title, &[&pair.candidate, &pair.base]),
        description: t.chart.pair_description.into(),
        width: HALF,
        height: 260,
        left: 52,
        newest_last: false,
    };
    if pair.rounds.is_empty() {
        return Ok(sheet.empty(place, t.chart.no_pairs));
    }
    let estimate = pair.ratio.value();
    let ends = estimate.into_iter().flat_map(|ratio| [ratio.low, ratio.high]);
    let y =
        Axis::linear(t.chart.ratio, Unit::Ratio, pair.rounds.iter().map(|(_, ratio)| *ratio).chain(ends).chain([1.0]), false, 5);
    let (first, last) = super::axis::extent(pair.rounds.iter().map(|(round, _)| f64::from(*round))).unwrap_or((0.0, 1.0));
    let every = (pair.rounds.len().div_ceil(10)).max(1);
    let ticks = pair.rounds.iter().step_by(every).map(|(round, _)| (f64::from(*round), (round + 1).to_string())).collect();
    let x = Axis { ticks, low: first - 0.7, high: last + 0.7, ..Axis::places(t.chart.round, 1, Vec::new()) };
    sheet.plot(place, &x, &y, |plot| {
        if let Some(ratio) = estimate {
            plot.draw_series([Rectangle::new([(x.low, ratio.low), (x.high, ratio.high)], Tone::Span.fill())])?;
            plot.draw_series([PathElement::new(vec![(x.low, ratio.value), (x.high, ratio.value)], Tone::Limit.line(1))])?;
        }
        plot.draw_series([PathElement::new(vec![(x.low, 1.0), (x.high, 1.0)], Tone::Guide.line(1))])?;
        for (round, ratio) in &pair.rounds {
            let told = fill(t.chart.round_ratio, &[&(round + 1), &Unit::Ratio.show(*ratio)]);
            plot.draw_series([Mark::at((f64::from(*round), *ratio), Tone::Data(0), told)])?;
        }
        Ok(())
    })
}
