//! The farm from outside: what a person and a CI job see. One binary, so that its helpers are built once.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a helper that fails must fail its test")]

mod accessibility;
mod alert;
mod board;
mod browser;
mod changepoints;
mod ci;
mod demo;
mod directions;
mod emulated;
mod engines;
mod farm;
mod foreign;
mod gate;
mod interactive;
mod killed;
mod proxy;
mod questions;
mod rack;
mod simulated_rack;
mod study;
mod twins;
mod wrong;
