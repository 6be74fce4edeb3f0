//! Model zoo of benchrack: architectures written as ONNX, in fp32 and int8, with manifests.
//!
//! An architecture (`architectures/`, one family a file) is a [`graph::Graph`] without weights; its counts of parameters and
//! multiply-adds come from there. [`settle`] gives it seeded weights and folds batch normalisation, [`quantise`] makes the
//! int8 form, [`execute`] computes reference outputs, [`export`] writes ONNX, [`build`](mod@build) keeps files on disk.
//! [`inspect`](mod@inspect) describes ONNX files made by others.
//!
//! The same seed gives the same bytes on every machine: weights use no function but the square root, and all sums run in a fixed order.

#![warn(missing_docs)]

pub mod architectures;
pub mod build;
pub mod describe;
pub mod execute;
pub mod export;
mod fidelity;
pub mod generate;
pub mod graph;
pub mod inspect;
mod kernels;
pub mod low_rank;
mod net;
#[expect(missing_docs, reason = "the fields are documented by the ONNX project's onnx.proto3")]
pub mod onnx;
pub mod onnxruntime;
mod pipeline;
pub mod program;
pub mod quantise;
pub mod seeded;
pub mod settle;
pub mod verify;
mod weights;
pub mod window;

pub use architectures::{Architecture, CATALOGUE, find};
pub use build::{Built, Progress, ZooError, build, named};
pub use describe::{Description, Layer, describe};
pub use inspect::{InspectError, inspect};
pub use verify::{Mismatch, Verified, verify};
