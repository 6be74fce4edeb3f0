//! The benchrack agent: measures models on the device it runs on.
//!
//! A small program on every phone of a rack. It knows its device ([`probe`]), takes sessions from the server ([`work`])
//! or from a person ([`command`]), measures each subject in a process of its own ([`runner`], [`runner_process`]), and
//! reports every sample with the evidence of what the device did meanwhile ([`session`]). It never summarises for the
//! record: judging is the server's.

#![warn(missing_docs)]

pub mod adapter;
pub mod clock;
pub mod command;
pub mod config;
pub mod device;
mod energy;
pub mod evidence;
mod files;
pub mod frame;
pub mod gauge;
pub mod knobs;
mod npy;
pub mod placement;
pub mod probe;
pub mod runner;
pub mod runner_process;
pub mod session;
pub mod sysfs;
#[cfg(any(test, feature = "twins"))]
pub mod twin;
pub mod work;
