//! What every inference engine can do, and which engines this build has.
//!
//! One engine holds one model. Everything that is the same for all of them, the measuring loop above all, is in
//! [`super::model`], so that figures of two engines differ by the engines alone.

use std::borrow::Cow;
use std::path::Path;

use benchrack_protocol::engine::{BUILT_IN_ENGINE, EngineEvidence};
use benchrack_protocol::model::TensorSpec;
use benchrack_protocol::runner::{FailureReason, LoadRequest, OperatorTime};
use benchrack_protocol::units::Nanos;

use super::aside::{Aside, Observation, Seen};
#[cfg(feature = "onnxruntime")]
use super::onnxruntime;
#[cfg(feature = "openvino")]
use super::openvino;
use super::{Refusal, tract};

/// Where a model's bytes are.
#[derive(Debug)]
pub enum Source<'a> {
    /// In a file, which the engine reads in its own way.
    File(&'a Path),
    /// In memory, where they were unpacked to.
    Bytes(Vec<u8>),
}

/// An output of a model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Output {
    /// Name in the graph.
    pub name: String,
    /// Type and shape; none where the shape stays open until an inference, or the protocol has no such type.
    pub spec: Option<TensorSpec>,
}

/// An engine with a model that is ready to run.
pub trait Engine {
    /// What it says it will execute.
    fn evidence(&self) -> &EngineEvidence;

    /// The model's inputs in its own order, all dimensions known.
    fn inputs(&self) -> &[TensorSpec];

    /// The model's outputs in its own order.
    fn outputs(&self) -> &[Output];

    /// Makes these the values of the input at `place`, row-major, converted to its element type.
    ///
    /// # Errors
    /// [`FailureReason::InferenceFailed`] when there is no such input, or it has another number of elements.
    fn set_input(&mut self, place: usize, values: &[f32]) -> Result<(), Refusal>;

    /// Lets `write` make the values of the f32 input at `place` where the engine keeps them, which holds the values set
    /// before; false, and nothing written, where the engine wants them from [`Engine::set_input`].
    ///
    /// # Errors
    /// [`FailureReason::InferenceFailed`] when there is no such input.
    fn write_input(&mut self, _place: usize, _write: &mut dyn FnMut(&mut [f32])) -> Result<bool, Refusal> {
        Ok(false)
    }

    /// What must be done between two inferences and belongs to neither, such as dropping the last outputs.
    fn rest(&mut self) {}

    /// One inference of the inputs set last. This is what is timed: an engine does nothing here that an app would not.
    ///
    /// # Errors
    /// [`FailureReason::InferenceFailed`] with the engine's words.
    fn infer(&mut self) -> Result<(), Refusal>;

    /// Values of the output at `place` after the last inference, row-major; borrowed where they are f32 already.
    ///
    /// # Errors
    /// [`FailureReason::InferenceFailed`] when there was no inference, or no such output.
    fn output(&self, place: usize) -> Result<Cow<'_, [f32]>, Refusal>;

    /// Mean time of each operator over `n` inferences, in the order of execution. Reading the clock around every
    /// operator costs time, so these are never samples.
    ///
    /// # Errors
    /// [`FailureReason::Unsupported`] where the engine has no profiler, [`FailureReason::InferenceFailed`] otherwise.
    fn profile(&mut self, n: u32) -> Result<Vec<OperatorTime>, Refusal>;
}

/// A model that was just loaded, its inputs not set yet.
pub struct Opened {
    /// The engine that holds it.
    pub engine: Box<dyn Engine>,
    /// The engine's own work: reading, parsing and optimising.
    pub load: Nanos,
}

/// Loads a model into the engine that the request names.
///
/// # Errors
/// The reason: no such engine here, not a model, an unknown operator, refused otherwise.
pub fn open(source: Source<'_>, request: &LoadRequest, aside: Option<&Aside>) -> Result<Opened, Refusal> {
    #[cfg(not(feature = "onnxruntime"))]
    let _ = aside;
    match request.engine.as_str() {
        BUILT_IN_ENGINE => tract::open(source, request),
        #[cfg(feature = "onnxruntime")]
        onnxruntime::NAME => onnxruntime::open(source, request, aside),
        #[cfg(feature = "openvino")]
        openvino::NAME => openvino::open(source, request),
        other => Err(missing(other)),
    }
}

/// What the second process of a runner sees of the model that an observation names.
///
/// # Errors
/// As [`open`].
pub fn observe(observation: &Observation) -> Result<Vec<Seen>, Refusal> {
    match observation.load.engine.as_str() {
        #[cfg(feature = "onnxruntime")]
        onnxruntime::NAME => onnxruntime::observe(observation),
        other => Err(missing(other)),
    }
}

/// Engines of this build.
const ENGINES: &[&str] = &[
    BUILT_IN_ENGINE,
    #[cfg(feature = "onnxruntime")]
    onnxruntime::NAME,
    #[cfg(feature = "openvino")]
    openvino::NAME,
];

/// Engines that some builds have.
const OPTIONAL: [&str; 2] = ["onnxruntime", "openvino"];

fn missing(engine: &str) -> Refusal {
    let hint = if OPTIONAL.contains(&engine) {
        format!(" only; an agent built with the feature '{engine}', for a system with shared libraries, has it")
    } else {
        "; a benchmark program of another engine is measured with its adapter".into()
    };
    let detail = format!("this build has no engine '{engine}', it has {}{hint}", ENGINES.join(", "));
    Refusal::new(FailureReason::EngineMissing, detail)
}

/// The refusal of an output that is not there.
pub fn no_output(place: usize) -> Refusal {
    Refusal::new(FailureReason::InferenceFailed, format!("the model has no output at place {place}"))
}

/// The input at `place`, which must be there and hold so many values.
///
/// # Errors
/// [`FailureReason::InferenceFailed`], naming the input and its shape.
pub fn input_holding(inputs: &[TensorSpec], place: usize, values: usize) -> Result<&TensorSpec, Refusal> {
    let fitting = inputs.get(place).filter(|spec| spec.elements() == values);
    fitting.ok_or_else(|| wrong_input(inputs, place, values))
}

fn wrong_input(inputs: &[TensorSpec], place: usize, values: usize) -> Refusal {
    let detail = match inputs.get(place) {
        Some(spec) => format!("input '{}' of shape {:?} cannot hold {values} values", spec.name, spec.shape),
        None => format!("the model has no input at place {place}"),
    };
    Refusal::new(FailureReason::InferenceFailed, detail)
}

/// The refusal of an output before any inference.
pub fn nothing_yet() -> Refusal {
    Refusal::new(FailureReason::InferenceFailed, "there was no inference yet")
}
