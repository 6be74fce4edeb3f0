//! Simulated phones against the promises of this crate: false alarms, power, coverage. Every seed is fixed, so each run
//! sees the same numbers; the counts behind a share are large enough for what is claimed of it.

#![expect(clippy::unwrap_used, reason = "a helper that fails must fail its test")]

mod changepoints;
mod coverage;
mod modes;
mod noise;
mod optimal;
mod pipeline;
mod scoring;
mod sequential;
mod series;
mod simulated_gate;
mod suspicion;
mod warm_up;
mod watched;
