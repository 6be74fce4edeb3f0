//! The benchrack server: queue, storage, judgement and pages on Postgres.

#![warn(missing_docs)]

pub mod launcher;
