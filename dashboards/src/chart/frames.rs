//! Whole frames one after another, each as a stack of its parts: conversion below, inference, post-processing above.

use benchrack_protocol::pipeline::{FrameTime, Frames};
use plotters::prelude::Rectangle;

use super::axis::Axis;
use super::frame::{FULL, Place, Sheet};
use super::ink::Tone;
use crate::RenderError;
use crate::format::Unit;
use crate::text::{Texts, fill};

/// Name of the chart.
pub(crate) const NAME: &str = "frames";
/// Frames drawn, the first: more would be thinner than a line.
const MOST: usize = 240;

/// A part of a frame's time, ns.
type Part = fn(&FrameTime) -> u64;

/// The parts of a frame from below, with their tones.
pub(crate) const PARTS: [(Tone, Part); 3] =
    [(Tone::Data(1), |time| time.conversion.0), (Tone::Data(0), |time| time.inference.0), (Tone::Data(2), |time| time.post.0)];

/// How long each part of each frame took.
pub(crate) fn frames(frames: &Frames, label: &str, t: &Texts, place: Place) -> Result<String, RenderError> {
    let sheet = Sheet {
        name: NAME,
        title: fill(t.chart.frames_title, &[&label]),
        description: t.chart.frames_description.into(),
        width: FULL,
        height: 260,
        left: 62,
        newest_last: false,
    };
    let times = &frames.times[..frames.times.len().min(MOST)];
    if times.is_empty() {
        return Ok(sheet.empty(place, t.chart.no_frames));
    }
    let stack = |time: &FrameTime| PARTS.iter().map(|(_, part)| part(time) as f64).sum::<f64>();
    let x = Axis::linear(t.chart.frame_number, Unit::Count, [0.0, times.len() as f64], true, 8);
    let y = Axis::linear(t.chart.frame_time, Unit::Time, times.iter().map(stack), true, 5);
    sheet.plot(place, &x, &y, |plot| {
        for (nth, (tone, part)) in PARTS.iter().enumerate() {
            let below = |time: &FrameTime| PARTS[..nth].iter().map(|(_, part)| part(time) as f64).sum::<f64>();
            plot.draw_series(times.iter().enumerate().map(|(number, time)| {
                let (left, from) = (number as f64, below(time));
                Rectangle::new([(left + 0.06, from), (left + 0.94, from + part(time) as f64)], tone.fill())
            }))?;
        }
        Ok(())
    })
}
