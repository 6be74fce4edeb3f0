//! The server as its callers see it. One binary, so that one Postgres serves all of it.

#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a helper that fails must fail its test")]

mod access;
mod agent_loop;
mod artifacts;
mod energy;
mod engines;
mod events;
mod farm;
mod figures;
mod gates;
mod identity;
mod judge;
mod judge_metrics;
mod launcher;
mod migrations;
mod pages;
mod problems;
mod racks;
mod receipts;
mod replay;
mod s3;
mod sample;
mod seed;
mod series;
mod start;
mod study;
mod submissions;
