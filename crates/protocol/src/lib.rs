//! What the parts of benchrack say to each other: wire types, typed ids, units.
//!
//! Everything here is data with serde; the only code is parsing, checking and the pure rules that both a device and
//! the server must apply alike ([`validity`], [`tensor`]). No I/O, no clock. Every message that has ever been shipped
//! keeps a golden JSON file in `tests/golden`.

#![warn(missing_docs)]

pub mod access;
pub mod adapter;
pub mod alert;
pub mod api;
pub mod budget;
pub mod causes;
pub mod cpuset;
pub mod device;
pub mod energy;
pub mod engine;
pub mod evidence;
pub mod frequency;
pub mod gate;
pub mod gauge;
pub mod ids;
pub mod model;
pub mod packaging;
pub mod pipeline;
pub mod problem;
pub mod rack;
pub mod reading;
pub mod receipt;
pub mod report;
pub mod round;
pub mod runner;
pub mod session;
pub mod signature;
pub mod study;
pub mod suite;
pub mod tensor;
mod text_form;
#[cfg(feature = "openapi")]
mod text_schema;
pub mod units;
pub mod validity;

/// Version of the wire format; the server answers agents of this version and older ones whose goldens it keeps.
pub const WIRE_VERSION: u32 = 2;
