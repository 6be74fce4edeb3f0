//! The state machines under random histories, and the cases that matter by name.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a helper that fails must fail its test")]

mod histories;
mod named;
mod triage;
