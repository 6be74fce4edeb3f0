//! The statistics that turn samples into judgements.
//!
//! Devices send samples and never a summary; everything that a page, an alert or a gate says about a number is computed
//! here. The crate is pure: no I/O, no clock, no randomness, so a verdict can be computed again from stored samples and
//! comes out the same. It knows nothing of devices or models: plain numbers come in, estimates with intervals come out.
//!
//! | question | answer |
//! |---|---|
//! | what is in these samples? | [`summary`]: quantiles with distribution-free intervals, spread, number of modes |
//! | how fast was this run? | [`blocks`]: the same from blocks, honest although neighbours in time resemble each other |
//! | is the device warm? | [`steady`]: does the end of the series still have a trend? |
//! | how much slower is B than A? | [`paired`]: effect with interval from blocks measured in turn |
//! | may B ship? | [`gate`]: the rules, and the answers slower, not slower, or inconclusive |
//! | is that certain yet? | [`sequential`]: the answer of one comparison, asked after each pair |
//! | over all devices and metrics? | [`family`]: one answer from many comparisons |
//! | has it perhaps just changed? | [`suspicion`]: an early, cheap alarm that a session must confirm |
//! | what does an inference cost? | [`energy`]: joules above rest from a slow and coarse meter, with an interval that holds them |
//! | what do minutes of load do? | [`sustained`]: minute 1, time to throttle, plateau, recovery |
//! | which revision was it? | [`bisect`]: what to compare next, by information per minute |
//! | when did it change? | [`changepoint`]: steps, drifts and outliers of a series at a stated level |
//!
//! Two rules hold throughout. A mean is shown and never judged, because one interrupted inference moves it. And an
//! interval that the data cannot support is not made up: it is wider and says so, or it is missing.

#![warn(missing_docs)]

pub mod bisect;
pub mod blocks;
pub mod changepoint;
mod dip;
mod distributions;
pub mod energy;
pub mod family;
pub mod gate;
pub mod interval;
pub mod modality;
pub mod paired;
pub mod samples;
pub mod sequential;
mod signed_rank;
pub mod steady;
pub mod summary;
pub mod suspicion;
pub mod sustained;
mod walsh;

pub use interval::{Confidence, ConfidenceError, Interval};
pub use samples::{SampleError, Samples};
