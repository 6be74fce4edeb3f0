//! One file for each command.

pub mod aa;
pub mod alerts;
pub mod bench;
pub mod changepoints;
pub mod demo;
pub mod devices;
pub mod engines;
pub mod gate;
pub mod models;
pub mod rack;
pub mod runs;
pub mod serve;
pub mod study;
pub mod submit;
pub mod token;
pub mod verify;
pub mod zoo;
