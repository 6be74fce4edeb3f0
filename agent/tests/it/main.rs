//! The agent from outside: captured devices, real runner processes, whole sessions, the work loop, the program.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod cli;
mod engines;
mod frames;
mod guardian;
mod models;
mod packages;
mod phones;
mod phones_damaged;
mod phones_other;
mod phones_power;
mod phones_varied;
mod runner;
mod session;
mod twin_energy;
mod twin_knobs;
mod twin_truth;
mod twins;
mod work;
