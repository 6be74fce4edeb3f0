//! Minutes of load: latency, clock and temperature over time, one picture each, with the looks while the device recovers.

use benchrack_protocol::energy::{Slice, SustainedRun};
use plotters::prelude::PathElement;

use super::axis::Axis;
use super::frame::{FULL, Place, Sheet};
use super::ink::Tone;
use super::mark::{Body, Mark, Shape};
use crate::RenderError;
use crate::format::Unit;
use crate::text::{Texts, fill};

/// What is drawn of a curve.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Curve {
    /// Median latency of each slice.
    Latency,
    /// Clock of the measured cores.
    Clock,
    /// Hottest sensor.
    Temperature,
}

impl Curve {
    /// All, in the order shown.
    pub(crate) const ALL: [Self; 3] = [Self::Latency, Self::Clock, Self::Temperature];

    /// Name of the chart.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Latency => "sustained-latency",
            Self::Clock => "sustained-clock",
            Self::Temperature => "sustained-temperature",
        }
    }

    /// Heading of the chart.
    pub(crate) fn title(self, t: &Texts) -> &'static str {
        match self {
            Self::Latency => t.chart.latency,
            Self::Clock => t.chart.clocks,
            Self::Temperature => t.chart.temperatures,
        }
    }

    fn unit(self) -> Unit {
        match self {
            Self::Latency => Unit::Time,
            Self::Clock => Unit::Frequency,
            Self::Temperature => Unit::Temperature,
        }
    }

    fn value(self, slice: &Slice) -> Option<f64> {
        match self {
            Self::Latency => Some(slice.latency.0 as f64),
            Self::Clock => slice.frequency.value().map(|frequency| frequency.0 as f64),
            Self::Temperature => slice.temperature.value().map(|temperature| temperature.0 as f64),
        }
    }

    /// Whether the device gave something of it.
    pub(crate) fn is_in(self, run: &SustainedRun) -> bool {
        run.load.iter().any(|slice| self.value(slice).is_some())
    }

    fn points(self, slices: &[Slice]) -> Vec<(f64, f64)> {
        slices.iter().filter_map(|slice| Some((slice.at.0 as f64, self.value(slice)?))).collect()
    }
}

/// The picture of one kind; none where the device gave nothing of it.
pub(crate) fn sustained(
    run: &SustainedRun,
    curve: Curve,
    label: &str,
    t: &Texts,
    place: Place,
) -> Result<Option<String>, RenderError> {
    let (load, recovery) = (curve.points(&run.load), curve.points(&run.recovery));
    if load.is_empty() {
        return Ok(None);
    }
    let sheet = Sheet {
        name: curve.name(),
        title: fill(t.chart.sustained_title, &[&curve.title(t), &label]),
        description: t.chart.sustained_description.into(),
        width: FULL,
        height: 220,
        left: 62,
        newest_last: false,
    };
    let all = || load.iter().chain(&recovery);
    let x = Axis::linear(t.chart.load_time, Unit::Time, all().map(|(at, _)| *at), true, 8);
    let y = Axis::linear(curve.title(t), curve.unit(), all().map(|(_, value)| *value), curve == Curve::Latency, 4);
    let drawn = sheet.plot(place, &x, &y, |plot| {
        plot.draw_series([PathElement::new(load.clone(), Tone::Data(0).line(2))])?;
        let marks = [(&load, Body::Solid, load.len().div_ceil(60).max(1)), (&recovery, Body::Outline, 1)];
        for (points, body, step) in marks {
            for (at, value) in points.iter().step_by(step) {
                let told = format!("{} · {}", curve.unit().show(*value), Unit::Time.show(*at));
                let mark = Mark::at((*at, *value), Tone::Data(0), told);
                plot.draw_series([Mark { shape: Shape::Circle, radius: 28, body, ..mark }])?;
            }
        }
        Ok(())
    })?;
    Ok(Some(drawn))
}
