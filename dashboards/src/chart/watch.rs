//! What the agent saw beside the blocks: clocks with their caps, temperatures, pressure. One picture for each kind; a
//! device that does not give a kind gets no picture, and the page says why.

use std::collections::BTreeMap;

use benchrack_protocol::evidence::SessionEvidence;
use benchrack_protocol::report::Measurement;
use plotters::prelude::{PathElement, Rectangle};
use plotters::style::text_anchor::{HPos, VPos};

use super::axis::Axis;
use super::frame::{FULL, Place, Sheet, words};
use super::ink::{DATA_TONES, Tone};
use super::mark::{Mark, SHAPES};
use super::samples::{LEFT, WARMUP, session_axis};
use crate::RenderError;
use crate::format::Unit;
use crate::text::Texts;

/// What was watched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Watched {
    /// Frequencies in force, and caps as lines.
    Clocks,
    /// Temperatures by sensor.
    Temperatures,
    /// Share of time in which something waited for a CPU.
    Pressure,
}

impl Watched {
    /// All kinds, in the order shown.
    pub(crate) const ALL: [Self; 3] = [Self::Clocks, Self::Temperatures, Self::Pressure];

    /// Name of the chart.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Clocks => "clocks",
            Self::Temperatures => "temperatures",
            Self::Pressure => "pressure",
        }
    }

    /// Heading of the chart.
    pub(crate) fn title(self, t: &Texts) -> &'static str {
        match self {
            Self::Clocks => t.chart.clocks,
            Self::Temperatures => t.chart.temperatures,
            Self::Pressure => t.chart.pressure,
        }
    }

    fn unit(self) -> Unit {
        match self {
            Self::Clocks => Unit::Frequency,
            Self::Temperatures => Unit::Temperature,
            Self::Pressure => Unit::Share,
        }
    }

    /// Lines by name: time since the session's start in ns, value; and caps by name.
    fn lines(self, evidence: &SessionEvidence, t: &Texts) -> (Lines, Lines) {
        let (mut lines, mut caps) = (Lines::new(), Lines::new());
        for sample in &evidence.watch {
            let at = sample.at.0 as f64;
            let add = |lines: &mut Lines, name: &str, value: f64| lines.entry(name.to_owned()).or_default().push((at, value));
            match self {
                Self::Clocks => {
                    for clock in &sample.clocks {
                        if let Some(frequency) = clock.frequency.value() {
                            add(&mut lines, &clock.policy, frequency.0 as f64);
                        }
                        if let Some(cap) = clock.cap.value() {
                            add(&mut caps, &clock.policy, cap.0 as f64);
                        }
                    }
                }
                Self::Temperatures => {
                    for (sensor, temperature) in &sample.temperatures {
                        if let Some(temperature) = temperature.value() {
                            add(&mut lines, sensor, temperature.0 as f64);
                        }
                    }
                }
                Self::Pressure => {
                    if let Some(pressure) = sample.cpu_pressure.value() {
                        add(&mut lines, t.chart.pressure_line, pressure / 100.0);
                    }
                }
            }
        }
        (lines, caps)
    }
}

/// A cap holds until it is seen to be another.
fn steps(points: &[(f64, f64)]) -> Vec<(f64, f64)> {
    let mut path: Vec<(f64, f64)> = points.first().copied().into_iter().collect();
    path.extend(points.windows(2).flat_map(|pair| [(pair[1].0, pair[0].1), pair[1]]));
    path
}

type Lines = BTreeMap<String, Vec<(f64, f64)>>;

/// The picture of one kind over the session's time; none when the device gave nothing of it. With a run's measurement it
/// stands beneath that run's samples: the same stretch of time on the same place of the page, its blocks shaded.
pub(crate) fn watch(
    evidence: &SessionEvidence,
    watched: Watched,
    beneath: Option<&Measurement>,
    t: &Texts,
    place: Place,
) -> Result<Option<String>, RenderError> {
    let (mut lines, mut caps) = watched.lines(evidence, t);
    let beneath = beneath.filter(|measurement| !measurement.blocks.is_empty()).map(|measurement| session_axis(measurement, t));
    if let Some((_, x)) = &beneath {
        for points in lines.values_mut().chain(caps.values_mut()) {
            points.retain(|(at, _)| (x.low..=x.high).contains(at));
        }
        lines.retain(|_, points| !points.is_empty());
        caps.retain(|_, points| !points.is_empty());
    }
    if lines.is_empty() {
        return Ok(None);
    }
    let sheet = Sheet {
        name: watched.name(),
        title: watched.title(t).into(),
        description: t.chart.watch_description.into(),
        width: FULL,
        height: if beneath.is_some() { 180 } else { 240 },
        left: if beneath.is_some() { WARMUP + LEFT } else { LEFT },
        newest_last: false,
    };
    let all = || lines.values().chain(caps.values()).flatten();
    let (blocks, x) = beneath
        .unwrap_or_else(|| (Vec::new(), Axis::linear(t.chart.session_time, Unit::Time, all().map(|(at, _)| *at), true, 7)));
    let from_zero = watched == Watched::Pressure;
    let y = Axis::linear(watched.title(t), watched.unit(), all().map(|(_, value)| *value), from_zero, 5);
    let drawn = sheet.plot(place, &x, &y, |plot| {
        for (from, to) in &blocks {
            plot.draw_series([Rectangle::new([(*from, y.low), (*to, y.high)], Tone::Shade.fill())])?;
        }
        for cap in caps.values() {
            plot.draw_series([PathElement::new(steps(cap), Tone::Guide.line(1))])?;
        }
        for (nth, (name, line)) in lines.iter().enumerate() {
            let tone = Tone::Data((nth % usize::from(DATA_TONES)) as u8);
            plot.draw_series([PathElement::new(line.clone(), tone.line(2))])?;
            let step = line.len().div_ceil(60).max(1);
            for (at, value) in line.iter().step_by(step) {
                let told = format!("{name}\n{} · {}", watched.unit().show(*value), Unit::Time.show(*at));
                plot.draw_series([Mark {
                    shape: SHAPES[nth % SHAPES.len()],
                    radius: 28,
                    ..Mark::at((*at, *value), tone, told)
                }])?;
            }
            if lines.len() <= usize::from(DATA_TONES)
                && let Some(last) = line.last()
            {
                let name: String = name.rsplit('/').next().unwrap_or(name).chars().take(24).collect();
                plot.draw_series([words(&name, "note", (last.0, last.1 + (y.high - y.low) * 0.045), HPos::Right, VPos::Bottom)])?;
            }
        }
        Ok(())
    })?;
    Ok(Some(drawn))
}
