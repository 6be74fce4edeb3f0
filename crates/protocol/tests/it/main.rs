//! The wire format as others see it, and the rules both sides share.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a helper that fails must fail its test")]

mod golden;
mod samples;
mod validity;
