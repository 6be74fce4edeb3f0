//! One subject over the clocks of a device: latency or energy, a line for each choice of cores. What keeps the budgets and
//! costs least is the largest mark of its line.

use benchrack_protocol::api::{Estimate, Metric};
use plotters::prelude::PathElement;

use super::axis::Axis;
use super::frame::{HALF, Place, Sheet};
use super::ink::Tone;
use super::mark::{Body, Mark};
use super::scatter::{counts, look};
use crate::RenderError;
use crate::format::Unit;
use crate::link;
use crate::text::{Texts, fill};
use crate::view::{Dimension, OperatingRow, OperatingView};

/// What is drawn over the clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum OverClock {
    /// 90th percentile of latency, with the longest that is allowed.
    Latency,
    /// Energy of an inference.
    Energy,
}

impl OverClock {
    /// Both, in the order shown.
    pub(crate) const ALL: [Self; 2] = [Self::Latency, Self::Energy];

    /// Name of the chart.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Latency => "latency-clock",
            Self::Energy => "energy-clock",
        }
    }

    /// Heading of the chart.
    pub(crate) fn title(self, t: &Texts) -> &'static str {
        match self {
            Self::Latency => t.point.latency_clock,
            Self::Energy => t.point.energy_clock,
        }
    }

    fn metric(self) -> Metric {
        match self {
            Self::Latency => Metric::LatencyP90,
            Self::Energy => Metric::Energy,
        }
    }
}

/// A choice of cores with its points by rising clock.
pub(crate) struct Line<'a> {
    /// `little`.
    pub(crate) cores: String,
    /// Its points.
    pub(crate) points: Vec<&'a OperatingRow>,
}

/// Points by cores, in the order of the view.
pub(crate) fn lines(view: &OperatingView) -> Vec<Line<'_>> {
    let mut lines: Vec<Line<'_>> = Vec::new();
    for point in &view.points {
        let cores = point.row.run.operating_point.cores.to_string();
        match lines.iter_mut().find(|line| line.cores == cores) {
            Some(line) => line.points.push(point),
            None => lines.push(Line { cores, points: vec![point] }),
        }
    }
    lines
}

/// One figure over the clock; `subject` and `device` are for the title.
pub(crate) fn points(
    view: &OperatingView,
    over: OverClock,
    (subject, device): (&str, &str),
    t: &Texts,
    place: Place,
) -> Result<String, RenderError> {
    let dimension = Dimension::Measured(over.metric());
    let name = t.compare.dimension(dimension, t);
    let sheet = Sheet {
        name: over.name(),
        title: fill(t.point.title_of, &[&over.title(t), &subject, &device]),
        description: t.point.description.into(),
        width: HALF,
        height: 300,
        left: 62,
        newest_last: false,
    };
    let figure = |point: &OperatingRow| {
        let clock = point.clock?.0 as f64;
        dimension.of(&point.row).filter(|figure| figure.value > 0.0).map(|figure| (clock, figure))
    };
    let drawn: Vec<(f64, Estimate)> = view.points.iter().filter_map(figure).collect();
    if drawn.is_empty() {
        return Ok(sheet.empty(place, t.point.no_points));
    }
    let unit = Unit::of(over.metric());
    let limit = view.budgets.iter().find(|budget| budget.dimension == dimension).and_then(|budget| budget.most());
    let x = Axis::linear(t.point.clock, Unit::Frequency, drawn.iter().map(|(clock, _)| *clock), false, 5);
    let values = drawn.iter().map(|(_, figure)| figure.value).chain(limit);
    let y = match over {
        OverClock::Latency => Axis::logarithmic(name, unit, values),
        OverClock::Energy => Axis::linear(name, unit, values, true, 5),
    };
    sheet.plot(place, &x, &y, |plot| {
        if let Some(limit) = limit {
            plot.draw_series([PathElement::new(vec![(x.low, limit), (x.high, limit)], Tone::Limit.line(1))])?;
        }
        for (nth, line) in lines(view).iter().enumerate() {
            let (tone, shape) = look(nth);
            let valid = line.points.iter().filter(|point| counts(&point.row)).filter_map(|point| figure(point));
            let path: Vec<(f64, f64)> = valid.map(|(clock, figure)| (clock, figure.value)).collect();
            if path.len() > 1 {
                plot.draw_series([PathElement::new(path, tone.line(1))])?;
            }
            for point in &line.points {
                let Some((clock, value)) = figure(point) else { continue };
                let run = &point.row.run;
                let doubt = run.validity.as_ref().map_or("", |validity| t.common.validity(validity));
                let shown = unit.show_interval(&value);
                let told = format!("{} · {}\n{shown}\n{doubt}", line.cores, Unit::Frequency.show(clock));
                let body = if counts(&point.row) { Body::Solid } else { Body::Hollow };
                let radius = if view.cheapest.contains(&run.id) { 75 } else { 45 };
                let tone = if view.fits(point) { tone } else { Tone::Guide };
                let at = (clock, value.value);
                let mark = Mark { shape, body, radius, href: Some(link::run(run.id)), ..Mark::at(at, tone, told) };
                let end = |end: f64| (clock, if end > 0.0 { end.clamp(y.low, y.high) } else { value.value });
                plot.draw_series([mark.within(end(value.low), end(value.high))])?;
            }
        }
        Ok(())
    })
}
