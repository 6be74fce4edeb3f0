//! Charts: one file each, drawn by plotters onto our own SVG backend. A chart takes the part of a view it shows and
//! answers a fragment for a page or a file of its own; without data it says so instead of drawing axes.

mod axis;
mod badge;
mod decimate;
mod forest;
mod frame;
mod frames;
mod histogram;
mod ink;
mod mark;
mod pairs;
mod points;
mod samples;
mod scatter;
mod series;
mod small;
mod sustained;
mod together;
mod turns;
mod watch;

pub(crate) use badge::{Look, badge};
pub(crate) use forest::{NAME as FOREST, findings, forest};
pub(crate) use frame::Place;
pub(crate) use frames::{NAME as FRAMES, PARTS as FRAME_PARTS, frames};
pub(crate) use histogram::{NAME as DISTRIBUTION, histogram};
pub(crate) use ink::Tone;
pub(crate) use mark::{Body, Shape};
pub(crate) use pairs::{NAME as PAIR, pairs};
pub(crate) use points::{Line, OverClock, lines, points};
pub(crate) use samples::{NAME as SAMPLES, samples};
pub(crate) use scatter::{counts, families, front, look, metric, scatter};
pub(crate) use series::{NAME as SERIES, series};
pub(crate) use small::{bar, shape_icon, spark};
pub(crate) use sustained::{Curve, sustained};
pub(crate) use together::{NAME as TOGETHER, together};
pub(crate) use turns::{NAME as TURNS, turns};
pub(crate) use watch::{Watched, watch};
