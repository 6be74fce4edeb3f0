//! The server as its callers see it. One binary, so that one Postgres serves all of it.

#![expect(clippy::unwrap_used, reason = "a helper that fails must fail its test")]

mod launcher;
