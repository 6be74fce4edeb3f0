//! All SQL. One function for each question; every query is checked at compile time; time is a parameter.
//!
//! Rows are locked in one order everywhere, suspicion before series before alert before device before job before lease, so
//! that transactions never wait for each other in a circle. `FOR NO KEY UPDATE` is enough, as keys never change, and lets others refer to a locked row.

pub(crate) mod column;
mod error;
mod pool;

pub mod alerts;
pub mod artifacts;
pub mod devices;
pub mod engines;
pub mod gates;
pub mod jobs;
pub mod leases;
pub mod maintenance;
pub mod models;
pub mod notify;
pub mod outbox;
pub mod pages;
pub mod racks;
pub mod results;
pub mod runs;
pub mod saved_views;
pub mod seed;
pub mod self_tests;
pub mod signed_reports;
pub mod studies;
pub mod submissions;
pub mod suspicions;
pub mod tokens;
pub mod watches;

pub(crate) use error::one_row;
pub use error::{DbError, Trouble};
pub use pool::{Database, DatabaseOptions, MIGRATIONS, OpenError};
