//! The wire format as others see it, and the rules both sides share.

mod golden;
mod samples;
mod validity;
