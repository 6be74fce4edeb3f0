//! Phones on this host's USB, driven through the `adb` program.
//!
//! `adb` is run as a program with a time limit on every call and an end marker in every shell: its server hangs without end
//! when a phone's network is down, its shell ends with success when the phone dies under it, and its own library bindings
//! lose exit codes.
//!
//! A phone is brought to what it shall be in three parts: [`survey`] looks at it, [`deploy::plan`] says what is missing, and
//! [`deploy::carry_out`] does that. Everything can be done again at any point, so this host may be killed at any point.

#![warn(missing_docs)]

pub mod abi;
pub mod adb;
pub mod battery;
pub mod config;
pub mod deploy;
pub mod enrol;
pub mod host;
pub mod phones;
pub mod place;
pub mod ports;
pub mod reach;
pub mod settings;
pub mod survey;
pub mod watch;

pub use adb::{Adb, AdbError, AdbServer};
pub use phones::{Phone, PhoneState};
