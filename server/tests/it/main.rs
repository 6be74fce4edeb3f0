//! The server as its callers see it. One binary, so that one Postgres serves all of it.

mod launcher;
