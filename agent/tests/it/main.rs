//! The agent from outside: captured devices, real runner processes, whole sessions, the work loop.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod phones;
