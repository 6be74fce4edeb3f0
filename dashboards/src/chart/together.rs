//! One subject on several devices: each against its own median, so that a change that all of them show is one line.

use benchrack_protocol::ids::RunId;
use benchrack_protocol::validity::Validity;
use plotters::prelude::PathElement;

use super::axis::Axis;
use super::decimate::decimate;
use super::frame::{FULL, Place, Sheet};
use super::ink::Tone;
use super::mark::Mark;
use super::scatter::look;
use crate::RenderError;
use crate::format::{Unit, change};
use crate::link;
use crate::part::instant;
use crate::text::{Texts, fill};
use crate::view::SeriesView;

/// Name of the chart.
pub(crate) const NAME: &str = "together";
/// Columns of which the lowest and the highest point of a line are kept.
const COLUMNS: usize = 120;

/// A device's valid points: when, share of its median, run.
struct Line<'a> {
    device: &'a str,
    points: Vec<(f64, f64, RunId)>,
}

fn lines(view: &SeriesView) -> Vec<Line<'_>> {
    let seconds = |at: time::OffsetDateTime| at.unix_timestamp() as f64;
    let share = |value: f64, middle: Option<f64>| middle.filter(|middle| *middle > 0.0).map(|middle| value / middle - 1.0);
    let valid = view.points.iter().filter(|point| point.validity == Validity::Valid);
    let own = valid.filter_map(|point| Some((seconds(point.measured_at), share(point.estimate.value, view.middle)?, point.run)));
    let others = view.also.iter().map(|also| Line {
        device: &also.device.name,
        points: also
            .points
            .iter()
            .filter_map(|point| Some((seconds(point.measured_at), share(point.value, also.middle)?, point.run)))
            .collect(),
    });
    std::iter::once(Line { device: &view.key.device.name, points: own.collect() }).chain(others).collect()
}

/// All of them over time.
pub(crate) fn together(view: &SeriesView, t: &Texts, place: Place) -> Result<String, RenderError> {
    let lines = lines(view);
    let sheet = Sheet {
        name: NAME,
        title: fill(t.chart.together_title, &[&t.common.metric(view.key.metric), &view.key.model, &view.key.precision]),
        description: t.chart.together_description.into(),
        width: FULL,
        height: 300,
        left: 60,
        newest_last: true,
    };
    let all = || lines.iter().flat_map(|line| &line.points);
    if all().next().is_none() {
        return Ok(sheet.empty(place, t.chart.no_valid_runs));
    }
    let x = Axis::time(t.chart.time_utc, all().map(|(at, ..)| *at), 8);
    let y = Axis::linear(t.chart.own_median, Unit::Share, all().map(|(_, share, _)| *share).chain([0.0]), false, 5);
    sheet.plot(place, &x, &y, |plot| {
        plot.draw_series([PathElement::new(vec![(x.low, 0.0), (x.high, 0.0)], Tone::Axis.line(1))])?;
        for (nth, line) in lines.iter().enumerate() {
            let (tone, shape) = look(nth);
            let places: Vec<(f64, f64)> = line.points.iter().map(|(at, share, _)| (*at, *share)).collect();
            let kept: Vec<usize> = decimate(&places, COLUMNS);
            let path: Vec<(f64, f64)> = kept.iter().filter_map(|nth| places.get(*nth).copied()).collect();
            if path.len() > 1 {
                plot.draw_series([PathElement::new(path, tone.line(1))])?;
            }
            for (at, share, run) in kept.iter().filter_map(|nth| line.points.get(*nth)) {
                let when = time::OffsetDateTime::from_unix_timestamp(*at as i64).map(instant).unwrap_or_default();
                let told = format!("{}\n{}\n{when}", line.device, change(*share));
                let mark = Mark { shape, radius: 30, href: Some(link::run(*run)), ..Mark::at((*at, *share), tone, told) };
                plot.draw_series([mark])?;
            }
        }
        Ok(())
    })
}
