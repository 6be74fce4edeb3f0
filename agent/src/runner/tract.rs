//! The built-in engine: tract, pure Rust, in every build of the agent.

mod operators;
mod shapes;

use std::borrow::Cow;
use std::time::Duration;

use benchrack_protocol::engine::{BUILT_IN_ENGINE, EngineEvidence};
use benchrack_protocol::model::{ElementType, TensorSpec};
use benchrack_protocol::runner::{FailureReason, LoadRequest, OperatorTime};
use benchrack_protocol::units::Nanos;
use tract_linalg::multithread::Executor;
use tract_onnx::prelude::*;
use tract_onnx::tract_core::plan::eval;
use tract_onnx::tract_core::runtime::RunOptions;

use super::engine::{Engine, Opened, Output, Source, input_holding, no_output, nothing_yet};
use super::model::elapsed;
use super::{Refusal, inputs, onnx};
use crate::clock::raw;

/// Version of tract, as the workspace pins it.
const VERSION: &str = "0.23.9";

/// A model in tract.
struct Tract {
    state: TypedSimpleState,
    values: TVec<TValue>,
    inputs: Vec<TensorSpec>,
    outputs: Vec<Output>,
    last: Option<TVec<TValue>>,
    evidence: EngineEvidence,
}

/// Reads, checks and optimises the model.
///
/// # Errors
/// The reason: not a model, an unknown operator, refused otherwise.
pub fn open(source: Source<'_>, request: &LoadRequest) -> Result<Opened, Refusal> {
    let begun = raw();
    let tract = Tract::load(source, request)?;
    let load = elapsed(begun);
    Ok(Opened { engine: Box::new(tract), load })
}

impl Tract {
    fn load(source: Source<'_>, request: &LoadRequest) -> Result<Self, Refusal> {
        let engine = tract_onnx::onnx();
        let file = onnx::decode(&engine, &source)?;
        drop(source);
        onnx::refuse_unknown_operators(&engine, &file)?;
        // Without a folder: tensors kept outside of the file would make its digest mean nothing.
        let parsed = engine.parse(&file, None).map_err(refused)?;
        if let Some(name) = parsed.unresolved_inputs.first() {
            return Err(Refusal::new(FailureReason::NotAModel, format!("its graph uses '{name}', which nothing produces")));
        }
        drop(file);
        let mut model = parsed.model;
        let inputs = inputs::settle(&shapes::declared(&model)?, &request.inputs)?;
        shapes::fix(&mut model, &inputs)?;
        let model = model.into_optimized().map_err(refused)?;
        let evidence = EngineEvidence {
            engine: BUILT_IN_ENGINE.into(),
            version: VERSION.into(),
            kernels: operators::kernel_family(),
            threads: request.threads,
            executed: operators::executed(&model),
            integer_kernels: operators::integer_kernels(&model),
            operators: operators::histogram(&model),
            settings: Vec::new(),
        };
        let outputs = shapes::outputs(&model);
        let executor = match request.threads {
            0 | 1 => Executor::SingleThread,
            threads => Executor::multithread_with_name(usize::from(threads), "tract"),
        };
        let options = RunOptions { executor: Some(executor), ..RunOptions::default() };
        let plan = model.into_runnable_with_options(&options).map_err(refused)?;
        let state = plan.spawn().map_err(refused)?;
        let values = inputs.iter().map(shapes::empty).collect::<Result<_, _>>()?;
        Ok(Self { state, values, inputs, outputs, last: None, evidence })
    }
}

impl Engine for Tract {
    fn evidence(&self) -> &EngineEvidence {
        &self.evidence
    }

    fn inputs(&self) -> &[TensorSpec] {
        &self.inputs
    }

    fn outputs(&self) -> &[Output] {
        &self.outputs
    }

    fn set_input(&mut self, place: usize, values: &[f32]) -> Result<(), Refusal> {
        // There is a value for each input.
        self.values[place] = shapes::tensor(input_holding(&self.inputs, place, values.len())?, values)?;
        Ok(())
    }

    fn write_input(&mut self, place: usize, write: &mut dyn FnMut(&mut [f32])) -> Result<bool, Refusal> {
        if self.inputs.get(place).is_none_or(|spec| spec.element != ElementType::F32) {
            return Ok(false);
        }
        // Nobody else holds the tensor between two inferences, so it is neither copied nor made anew.
        let mut tensor = self.values.remove(place).into_tensor();
        let written = tensor.try_as_plain_ram_mut().and_then(|mut plain| plain.as_slice_mut::<f32>().map(&mut *write));
        self.values.insert(place, tensor.into_tvalue());
        written.map(|()| true).map_err(|error| failed(&error))
    }

    fn rest(&mut self) {
        self.last = None;
    }

    fn infer(&mut self) -> Result<(), Refusal> {
        // Cloning counts references; the values stay where they are.
        let outputs = self.state.run(self.values.clone()).map_err(|error| failed(&error))?;
        self.last = Some(outputs);
        Ok(())
    }

    fn output(&self, place: usize) -> Result<Cow<'_, [f32]>, Refusal> {
        let last = self.last.as_ref().ok_or_else(nothing_yet)?;
        let tensor = last.get(place).ok_or_else(|| no_output(place))?;
        let values =
            |tensor: &Tensor| -> Result<Vec<f32>, TractError> { Ok(tensor.try_as_plain_ram()?.as_slice::<f32>()?.to_vec()) };
        if tensor.datum_type() == DatumType::F32 {
            let plain = tensor.try_as_plain_ram().map_err(|error| failed(&error))?;
            return Ok(Cow::Borrowed(plain.as_slice::<f32>().map_err(|error| failed(&error))?));
        }
        let cast = tensor.cast_to::<f32>().map_err(|error| failed(&error))?;
        values(&cast).map(Cow::Owned).map_err(|error| failed(&error))
    }

    fn profile(&mut self, n: u32) -> Result<Vec<OperatorTime>, Refusal> {
        let mut spent: Vec<(String, String, Duration)> = Vec::new();
        for inference in 0..n {
            let mut place = 0;
            let result = self.state.run_plan_with_eval(self.values.clone(), |context, state, node, inputs| {
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
        let mean = |time: Duration| Nanos::from(time / n);
        Ok(spent.into_iter().map(|(name, operator, time)| OperatorTime { name, operator, time: mean(time) }).collect())
    }
}

fn refused(error: TractError) -> Refusal {
    Refusal::new(FailureReason::RefusedByEngine, format!("{BUILT_IN_ENGINE} refuses the model: {}", onnx::root_cause(&error)))
}

fn failed(error: &TractError) -> Refusal {
    Refusal::new(FailureReason::InferenceFailed, format!("the inference failed: {}", onnx::root_cause(error)))
}

/// The same engine without any of our machinery, for measuring what the machinery costs: loads and returns a closure
/// that runs one inference.
///
/// # Errors
/// As [`open`].
pub fn bare(request: &LoadRequest) -> Result<impl FnMut() -> Result<(), Refusal> + use<>, Refusal> {
    let mut tract = Tract::load(Source::File(&request.model), request)?;
    inputs::set(&mut tract, request)?;
    Ok(move || {
        let outputs = tract.state.run(tract.values.clone()).map_err(|error| failed(&error))?;
        std::hint::black_box(&outputs);
        Ok(())
    })
}
