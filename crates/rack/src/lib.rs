//! Phones on this host's USB, driven through the `adb` program.
//!
//! `adb` is run as a program with a time limit on every call: its server hangs without end when a phone's network is
//! down, and its own library bindings lose exit codes. This first part finds phones and says what each one needs.

#![warn(missing_docs)]

pub mod adb;
pub mod phones;

pub use adb::{Adb, AdbError};
pub use phones::{Phone, PhoneState};
