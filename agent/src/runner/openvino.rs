//! OpenVINO through its C library, loaded at run time from the file that a session or a person names: `libopenvino_c.so`
//! in a folder with the libraries that it needs (core, CPU plugin, ONNX reader, thread building blocks).
//!
//! It reads the same ONNX files as the other engines, on x86 and ARM Linux. Its C interface as the crate has it tells neither
//! kernels nor their times, and what its kernel library prints on request is only a part of them; so nothing is claimed.

mod values;

use std::borrow::Cow;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use benchrack_protocol::engine::{EngineEvidence, IntegerKernels};
use benchrack_protocol::model::TensorSpec;
use benchrack_protocol::runner::{FailureReason, LoadRequest, OperatorTime};
use openvino::{CompiledModel, Core, DeviceType, InferRequest, InferenceError, PropertyKey, RwPropertyKey, SetupError, Tensor};

use super::engine::{Engine, Opened, Output, Source, input_holding, no_output, nothing_yet};
use super::model::elapsed;
use super::{Refusal, cpu, inputs, onnx};
use crate::clock::raw;

/// Its name in sessions.
pub const NAME: &str = "openvino";

/// A model in OpenVINO. The fields are dropped in this order: what was made last goes first.
struct OpenVino {
    last: Option<Vec<Tensor>>,
    values: Vec<Tensor>,
    request: InferRequest,
    _compiled: CompiledModel,
    _core: Core,
    inputs: Vec<TensorSpec>,
    outputs: Vec<Output>,
    evidence: EngineEvidence,
}

/// Loads the model.
///
/// # Errors
/// The reason: no library, not a model, an unknown operator, refused otherwise.
pub fn open(source: Source<'_>, request: &LoadRequest) -> Result<Opened, Refusal> {
    let core = core(request)?;
    let begun = raw();
    let engine = OpenVino::load(core, source, request)?;
    let load = elapsed(begun);
    Ok(Opened { engine: Box::new(engine), load })
}

impl OpenVino {
    fn load(mut core: Core, source: Source<'_>, request: &LoadRequest) -> Result<Self, Refusal> {
        if onnx::size(&source)? == 0 {
            return Err(Refusal::new(FailureReason::NotAModel, "the file is empty"));
        }
        let settings = settings(request.threads);
        for (key, value) in &settings {
            let key = RwPropertyKey::Other(Cow::Owned(key.clone()));
            core.set_property(&DeviceType::CPU, &key, value).map_err(|error| refused(&error))?;
        }
        let mut model = match &source {
            Source::File(path) => {
                let path = path.to_str().ok_or_else(|| {
                    Refusal::new(FailureReason::RefusedByEngine, "OpenVINO reads no file whose path is not UTF-8")
                })?;
                core.read_model_from_file(path, "")
            }
            Source::Bytes(bytes) => core.read_model_from_buffer(bytes, None),
        }
        .map_err(|error| unread(&error))?;
        drop(source);
        let inputs = inputs::settle(&values::declared(&model).map_err(|error| refused(&error))?, &request.inputs)?;
        values::fix(&mut model, &inputs).map_err(|error| refused(&error))?;
        let outputs = values::outputs(&model).map_err(|error| refused(&error))?;
        let mut compiled = core.compile_model(&model, DeviceType::CPU).map_err(|error| refused(&error))?;
        let mut infer = compiled.create_infer_request().map_err(|error| refused(&error))?;
        let mut values = Vec::with_capacity(inputs.len());
        for (place, spec) in inputs.iter().enumerate() {
            let tensor = values::empty(spec).map_err(|error| refused(&error))?;
            infer.set_input_tensor_by_index(place, &tensor).map_err(|error| refused(&error))?;
            values.push(tensor);
        }
        let evidence = EngineEvidence {
            engine: NAME.into(),
            version: release(&openvino::version().build_number),
            kernels: cpu::kernel_family(),
            threads: request.threads,
            executed: Vec::new(),
            integer_kernels: IntegerKernels::None,
            operators: Vec::new(),
            settings: in_force(&compiled, settings),
        };
        Ok(Self { last: None, values, request: infer, _compiled: compiled, _core: core, inputs, outputs, evidence })
    }
}

/// Settings for one model at a time on the CPUs that this process was given: latency first, no pinning of its own (the
/// agent has placed the process), and fp32 where the file says fp32, because the CPU plugin otherwise computes in bf16
/// where the CPU can.
fn settings(threads: u16) -> Vec<(String, String)> {
    [
        ("INFERENCE_NUM_THREADS", threads.max(1).to_string()),
        ("NUM_STREAMS", "1".into()),
        ("PERFORMANCE_HINT", "LATENCY".into()),
        ("ENABLE_CPU_PINNING", "NO".into()),
        ("INFERENCE_PRECISION_HINT", "f32".into()),
    ]
    .map(|(key, value)| (key.to_owned(), value))
    .to_vec()
}

/// The settings as the compiled model reads them back.
fn in_force(compiled: &CompiledModel, asked: Vec<(String, String)>) -> Vec<(String, String)> {
    let read = |(key, asked): (String, String)| {
        let value = compiled.get_property(&PropertyKey::Other(Cow::Owned(key.clone())));
        let value = value.map_or(asked, |value| value.into_owned());
        (key, value)
    };
    asked.into_iter().map(read).collect()
}

impl Engine for OpenVino {
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
        let spec = input_holding(&self.inputs, place, values.len())?;
        // There is a tensor for each input, and the request holds the same memory.
        values::fill(&mut self.values[place], spec.element, values).map_err(|error| failed(&error))
    }

    fn infer(&mut self) -> Result<(), Refusal> {
        self.request.infer().map_err(|error| failed(&error))?;
        if self.last.is_none() {
            // Handles to memory that every later inference writes again.
            let outputs = (0..self.outputs.len()).map(|place| self.request.get_output_tensor_by_index(place));
            self.last = Some(outputs.collect::<Result<_, _>>().map_err(|error| failed(&error))?);
        }
        Ok(())
    }

    fn output(&self, place: usize) -> Result<Cow<'_, [f32]>, Refusal> {
        let last = self.last.as_ref().ok_or_else(nothing_yet)?;
        values::as_f32(last.get(place).ok_or_else(|| no_output(place))?).map_err(|error| failed(&error))
    }

    fn profile(&mut self, _n: u32) -> Result<Vec<OperatorTime>, Refusal> {
        Err(Refusal::new(FailureReason::Unsupported, "OpenVINO's profile cannot be had through its C interface here"))
    }
}

/// The library is loaded once a process and cannot be unloaded.
static LOADED: Mutex<Option<PathBuf>> = Mutex::new(None);

fn core(request: &LoadRequest) -> Result<Core, Refusal> {
    let Some(path) = &request.library else {
        let detail = "OpenVINO is not built in: name a build of it, or its library with --library; PyPI's openvino wheel \
            has it at openvino/libs/libopenvino_c.so.NUMBER, beside the libraries that it needs";
        return Err(Refusal::new(FailureReason::EngineMissing, detail));
    };
    let missing = |why: &dyn std::fmt::Display| {
        Refusal::new(FailureReason::EngineMissing, format!("{} cannot be used: {why}", path.display()))
    };
    let library = std::fs::canonicalize(path).map_err(|error| missing(&error))?;
    load_once(&library).map_err(|why| missing(&why))?;
    Core::new().map_err(|error| match error {
        SetupError::Inference(error) => missing(&error),
        SetupError::Loading(error) => missing(&error),
    })
}

fn load_once(library: &Path) -> Result<(), String> {
    let mut loaded = LOADED.lock().unwrap_or_else(PoisonError::into_inner);
    match &*loaded {
        Some(path) if path == library => return Ok(()),
        Some(path) => return Err(format!("this process has loaded {} already", path.display())),
        None => {}
    }
    openvino_sys::library::load_from(library)?;
    *loaded = Some(library.to_owned());
    Ok(())
}

/// Release and number of the build; the commit and the branch that follow make columns wide and say less than the build's digest.
fn release(build_number: &str) -> String {
    build_number.split('-').take(2).collect::<Vec<_>>().join("-")
}

/// Words of OpenVINO for operators that it does not know.
const UNKNOWN_OPERATOR: [&str; 3] =
    ["No conversion rule", "OpenVINO does not support the following ONNX operations", "unsupported operation"];
/// Its words for bytes that are no model.
const NOT_A_MODEL: [&str; 4] =
    ["Unable to read the model", "Error during import of ONNX model", "Can't parse", "is not supported"];

fn words(error: &InferenceError) -> String {
    error.to_string().split_whitespace().collect::<Vec<_>>().join(" ")
}

fn unread(error: &InferenceError) -> Refusal {
    let said = words(error);
    let reason = if UNKNOWN_OPERATOR.iter().any(|words| said.contains(words)) {
        FailureReason::UnsupportedOperator
    } else if NOT_A_MODEL.iter().any(|words| said.contains(words)) {
        FailureReason::NotAModel
    } else {
        FailureReason::RefusedByEngine
    };
    Refusal::new(reason, format!("OpenVINO refuses the model: {}", shortened(&said)))
}

fn refused(error: &InferenceError) -> Refusal {
    Refusal::new(FailureReason::RefusedByEngine, format!("OpenVINO refuses the model: {}", shortened(&words(error))))
}

fn failed(error: &InferenceError) -> Refusal {
    Refusal::new(FailureReason::InferenceFailed, format!("the inference failed: {}", shortened(&words(error))))
}

/// The end of a message, where the cause stands.
fn shortened(said: &str) -> String {
    let surplus = said.chars().count().saturating_sub(400);
    said.chars().skip(surplus).collect()
}
