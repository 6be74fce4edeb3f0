//! The built-in engine: tract, pure Rust, in every build of the agent.

use std::time::Duration;

use benchrack_protocol::engine::{BUILT_IN_ENGINE, EngineEvidence};
use benchrack_protocol::model::TensorSpec;
use benchrack_protocol::runner::{FailureReason, LoadRequest, OperatorTime, Reply};
use benchrack_protocol::units::Nanos;
use tract_linalg::multithread::Executor;
use tract_onnx::prelude::*;
use tract_onnx::tract_core::plan::eval;
use tract_onnx::tract_core::runtime::RunOptions;

use super::{Refusal, inputs, onnx, operators};
use crate::clock::{Suspended, raw};

/// Version of tract, as the workspace pins it.
const VERSION: &str = "0.23.9";

/// No batch is longer; it bounds the buffer that is allocated before the first sample.
const MOST_INFERENCES: u32 = 1 << 20;

/// A model that is ready to run.
pub struct Model {
    state: TypedSimpleState,
    inputs: TVec<TValue>,
    input_specs: Vec<TensorSpec>,
    output_names: Vec<String>,
    output_specs: Vec<TensorSpec>,
    last: Option<TVec<TValue>>,
    load: Nanos,
    evidence: EngineEvidence,
}

impl Model {
    /// Reads, checks and optimises the file; makes the inputs.
    ///
    /// # Errors
    /// The reason: not a model, an unknown operator, refused otherwise.
    pub fn load(request: &LoadRequest) -> Result<Self, Refusal> {
        let begun = raw();
        let engine = tract_onnx::onnx();
        let file = onnx::decode(&engine, &request.model)?;
        onnx::refuse_unknown_operators(&engine, &file)?;
        // Without a folder: tensors kept outside of the file would make its digest mean nothing.
        let parsed = engine.parse(&file, None).map_err(refused)?;
        if let Some(name) = parsed.unresolved_inputs.first() {
            return Err(Refusal::new(FailureReason::NotAModel, format!("its graph uses '{name}', which nothing produces")));
        }
        drop(file);
        let mut model = parsed.model;
        let input_specs = inputs::fix_shapes(&mut model, &request.inputs)?;
        let model = model.into_optimized().map_err(refused)?;
        let evidence = EngineEvidence {
            engine: BUILT_IN_ENGINE.into(),
            version: VERSION.into(),
            kernels: operators::kernel_family(),
            threads: request.threads,
            executed: Vec::new(),
            integer_kernels: operators::integer_kernels(&model),
            operators: operators::histogram(&model),
        };
        let (output_names, output_specs) = outputs_of(&model);
        let executor = match request.threads {
            0 | 1 => Executor::SingleThread,
            threads => Executor::multithread_with_name(usize::from(threads), "tract"),
        };
        let options = RunOptions { executor: Some(executor), ..RunOptions::default() };
        let plan = model.into_runnable_with_options(&options).map_err(refused)?;
        let state = plan.spawn().map_err(refused)?;
        let load = elapsed(begun);
        // Making the inputs is our work, not the engine's.
        let inputs = inputs::tensors(&input_specs, request)?;
        Ok(Self { state, inputs, input_specs, output_names, output_specs, last: None, load, evidence })
    }

    /// The reply to a load request.
    pub fn loaded(&self) -> Reply {
        Reply::Loaded {
            load: self.load,
            unpack: None,
            inputs: self.input_specs.clone(),
            outputs: self.output_specs.clone(),
            evidence: self.evidence.clone(),
        }
    }

    /// Runs and measures `n` inferences one after another. Between two samples only the engine works.
    ///
    /// # Errors
    /// [`FailureReason::InferenceFailed`] with the engine's words.
    pub fn run(&mut self, n: u32) -> Result<Reply, Refusal> {
        if n == 0 || n > MOST_INFERENCES {
            return Err(Refusal::new(
                FailureReason::ProtocolViolated,
                format!("{n} inferences: 1 to {MOST_INFERENCES} can be asked for"),
            ));
        }
        let mut samples = Vec::with_capacity(usize::try_from(n).unwrap_or(0));
        let before = Suspended::since_boot();
        let started = raw();
        for _ in 0..n {
            let inputs = self.inputs.clone();
            let begun = raw();
            let outputs = self.state.run(inputs);
            samples.push(elapsed(begun));
            self.last = Some(outputs.map_err(|error| failed(&error))?);
        }
        Ok(Reply::Ran { samples, started, suspended: Suspended::between(before, Suspended::since_boot()) })
    }

    /// Values of the last inference as f32.
    ///
    /// # Errors
    /// [`FailureReason::InferenceFailed`] for outputs and positions that do not exist, and for values that are not
    /// finite: those have no form in JSON, and no reference.
    pub fn outputs(&self, wanted: &[(String, Vec<u64>)]) -> Result<Reply, Refusal> {
        let wrong = |detail: String| Refusal::new(FailureReason::InferenceFailed, detail);
        let last = self.last.as_ref().ok_or_else(|| wrong("there was no inference yet".into()))?;
        let mut all = Vec::new();
        for (name, positions) in wanted {
            let index = self.output_names.iter().position(|output| output == name);
            let tensor = index
                .and_then(|index| last.get(index))
                .ok_or_else(|| wrong(format!("the model has no output '{name}'; it has {}", self.output_names.join(", "))))?;
            let cast = tensor.cast_to::<f32>().map_err(|error| failed(&error))?;
            let plain = cast.try_as_plain_ram().map_err(|error| failed(&error))?;
            let values = plain.as_slice::<f32>().map_err(|error| failed(&error))?;
            let at = |&position: &u64| {
                let value = usize::try_from(position).ok().and_then(|position| values.get(position));
                value.copied().ok_or_else(|| wrong(format!("output '{name}' has {} values, none at {position}", values.len())))
            };
            let chosen =
                if positions.is_empty() { values.to_vec() } else { positions.iter().map(at).collect::<Result<_, _>>()? };
            if let Some(place) = chosen.iter().position(|value| !value.is_finite()) {
                return Err(wrong(format!("output '{name}' holds {} at place {place} of those wanted", chosen[place])));
            }
            all.push(chosen);
        }
        Ok(Reply::Outputs { values: all })
    }

    /// Mean time of each operator over `n` inferences, in the order of execution. Reading the clock around every
    /// operator costs time, so these are never samples.
    ///
    /// # Errors
    /// [`FailureReason::InferenceFailed`] with the engine's words.
    pub fn profile(&mut self, n: u32) -> Result<Reply, Refusal> {
        let n = n.clamp(1, MOST_INFERENCES);
        let mut spent: Vec<(String, String, Duration)> = Vec::new();
        for inference in 0..n {
            let mut place = 0;
            let result = self.state.run_plan_with_eval(self.inputs.clone(), |context, state, node, inputs| {
                let begun = raw();
                let outputs = eval(context, state, node, inputs);
                let time = Duration::from(elapsed(begun));
                if inference == 0 {
                    spent.push((node.name.clone(), node.op().name().into_owned(), time));
                } else if let Some(known) = spent.get_mut(place) {
                    known.2 += time;
                }
                place += 1;
                outputs
            });
            self.last = Some(result.map_err(|error| failed(&error))?);
        }
        let operators = spent
            .into_iter()
            .map(|(name, operator, time)| OperatorTime { name, operator, time: Nanos::from(time / n) })
            .collect();
        Ok(Reply::Profile { operators })
    }
}

fn elapsed(begun: Nanos) -> Nanos {
    Nanos(raw().0.saturating_sub(begun.0))
}

fn refused(error: TractError) -> Refusal {
    Refusal::new(FailureReason::RefusedByEngine, format!("{BUILT_IN_ENGINE} refuses the model: {}", onnx::root_cause(&error)))
}

fn failed(error: &TractError) -> Refusal {
    Refusal::new(FailureReason::InferenceFailed, format!("the inference failed: {}", onnx::root_cause(error)))
}

/// Names and shapes of the outputs; a shape that stays open, or a type that the protocol has not, is left out of the
/// specifications, never the name.
fn outputs_of(model: &TypedModel) -> (Vec<String>, Vec<TensorSpec>) {
    let mut specs = Vec::new();
    let mut names = Vec::new();
    for &outlet in &model.outputs {
        let name = model.outlet_label(outlet).unwrap_or(&model.node(outlet.node).name).to_owned();
        let fact = model.outlet_fact(outlet).ok();
        let shape = fact.and_then(|fact| fact.shape.as_concrete().map(<[usize]>::to_vec));
        if let Some((element, shape)) = fact.and_then(|fact| inputs::element(fact.datum_type)).zip(shape) {
            specs.push(TensorSpec { name: name.clone(), element, shape });
        }
        names.push(name);
    }
    (names, specs)
}

/// The same engine without any of our machinery, for measuring what the machinery costs: loads and returns a closure
/// that runs one inference.
///
/// # Errors
/// As [`Model::load`].
pub fn bare(request: &LoadRequest) -> Result<impl FnMut() -> Result<(), Refusal> + use<>, Refusal> {
    let mut model = Model::load(request)?;
    Ok(move || {
        let outputs = model.state.run(model.inputs.clone()).map_err(|error| failed(&error))?;
        std::hint::black_box(&outputs);
        Ok(())
    })
}
