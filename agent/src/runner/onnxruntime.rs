//! ONNX Runtime through its C library, loaded at run time from the file that a session or a person names.
//!
//! Whatever library has C API 17 or newer will do: that is ONNX Runtime 1.17, and one build of the agent runs them all.
//! The library is looked for nowhere else, because a figure of an unknown build means nothing.

mod profile;
mod values;

use std::borrow::Cow;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use benchrack_protocol::engine::{EngineEvidence, IntegerKernels};
use benchrack_protocol::model::TensorSpec;
use benchrack_protocol::runner::{FailureReason, LoadRequest, OperatorTime};
use ort::environment::Environment;
use ort::session::builder::{GraphOptimizationLevel, SessionBuilder};
use ort::session::{Session, SessionInputValue};
use ort::value::DynValue;

use super::aside::{self, Aside, Observation, Seen};
use super::engine::{Engine, Opened, Output, Source, input_holding, no_output, nothing_yet};
use super::model::elapsed;
use super::{Refusal, cpu, inputs, onnx};
use crate::clock::raw;

/// Its name in sessions.
pub const NAME: &str = "onnxruntime";

/// Threads of a pool spin for work by default, as in an app that sets nothing; numbers too small for the normal form are
/// computed with, as the ONNX standard asks. Both are set so that the record is what was in force.
const SETTINGS: [(&str, &str); 2] = [("session.intra_op.allow_spinning", "1"), ("session.set_denormal_as_zero", "0")];

/// A model in ONNX Runtime.
struct OnnxRuntime {
    session: Session,
    inputs: Vec<TensorSpec>,
    values: Vec<SessionInputValue<'static>>,
    outputs: Vec<Output>,
    last: Vec<DynValue>,
    evidence: EngineEvidence,
    again: Option<(Aside, LoadRequest)>,
}

/// Looks at the kernels in a second process where there may be one, then loads the model into this one.
///
/// # Errors
/// The reason: no library, not a model, an unknown operator, refused otherwise.
pub fn open(source: Source<'_>, request: &LoadRequest, aside: Option<&Aside>) -> Result<Opened, Refusal> {
    let library = library(request)?;
    let from_file = matches!(source, Source::File(_));
    let again = aside.filter(|_| from_file).map(|aside| (aside.clone(), request.clone()));
    let seen = match &again {
        Some((aside, load)) => see(aside, load)?,
        None => Vec::new(),
    };
    let environment = environment(&library)?;
    let begun = raw();
    let session = commit(builder(&environment, request.threads), source)?;
    let load = elapsed(begun);
    let mut engine = OnnxRuntime::with(session, request)?;
    let aside::Summary { executed, integer_kernels, operators } = aside::summarise(&seen);
    engine.evidence = EngineEvidence { version: version(&library), executed, integer_kernels, operators, ..engine.evidence };
    engine.again = again;
    Ok(Opened { engine: Box::new(engine), load })
}

/// The kernels of one inference. What is wrong with the model itself is said by the load that follows.
fn see(aside: &Aside, load: &LoadRequest) -> Result<Vec<Seen>, Refusal> {
    match aside.observe(&Observation { load: load.clone(), inferences: 0 }) {
        Ok(seen) => Ok(seen),
        Err(refusal) if refusal.reason == FailureReason::EngineMissing => Err(refusal),
        Err(refusal) => {
            tracing::warn!(why = refusal.detail, "nothing is known of the kernels that run");
            Ok(Vec::new())
        }
    }
}

/// What the second process does: one warm inference, then as many as wanted, all profiled.
///
/// # Errors
/// As [`open`].
pub fn observe(observation: &Observation) -> Result<Vec<Seen>, Refusal> {
    let request = &observation.load;
    let environment = environment(&library(request)?)?;
    let profile = profile::Recording::begin()?;
    let builder = builder(&environment, request.threads).and_then(|builder| Ok(builder.with_profiling(profile.prefix())?));
    let session = commit(builder, Source::File(&request.model))?;
    let mut engine = OnnxRuntime::with(session, request)?;
    let profile = profile.opened()?;
    inputs::set(&mut engine, request)?;
    for _ in 0..=observation.inferences {
        engine.rest();
        engine.infer()?;
    }
    engine.session.end_profiling().map_err(|error| failed(&error))?;
    profile.read(observation.inferences)
}

impl OnnxRuntime {
    fn with(session: Session, request: &LoadRequest) -> Result<Self, Refusal> {
        let inputs = inputs::settle(&values::declared(&session), &request.inputs)?;
        let outputs = values::outputs(&session);
        let evidence = EngineEvidence {
            engine: NAME.into(),
            version: String::new(),
            kernels: cpu::kernel_family(),
            threads: request.threads,
            executed: Vec::new(),
            integer_kernels: IntegerKernels::None,
            operators: Vec::new(),
            settings: SETTINGS.map(|(key, value)| (key.into(), value.into())).to_vec(),
        };
        let zeros = |spec: &TensorSpec| values::tensor(spec, &vec![0.0; spec.elements()]).map(SessionInputValue::from);
        let values = inputs.iter().map(zeros).collect::<Result<_, _>>()?;
        let last = Vec::with_capacity(outputs.len());
        Ok(Self { session, inputs, values, outputs, last, evidence, again: None })
    }
}

impl Engine for OnnxRuntime {
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
        self.values[place] = values::tensor(input_holding(&self.inputs, place, values.len())?, values)?.into();
        Ok(())
    }

    fn rest(&mut self) {
        self.last.clear();
    }

    fn infer(&mut self) -> Result<(), Refusal> {
        let outputs = self.session.run(self.values.as_slice()).map_err(|error| failed(&error))?;
        self.last.extend(outputs.into_iter().map(|(_, value)| value));
        Ok(())
    }

    fn output(&self, place: usize) -> Result<Cow<'_, [f32]>, Refusal> {
        if self.last.is_empty() {
            return Err(nothing_yet());
        }
        values::as_f32(self.last.get(place).ok_or_else(|| no_output(place))?)
    }

    fn profile(&mut self, n: u32) -> Result<Vec<OperatorTime>, Refusal> {
        let Some((aside, load)) = &self.again else {
            return Err(Refusal::new(FailureReason::Unsupported, "a profile needs a runner process and a model in a file"));
        };
        aside.observe(&Observation { load: load.clone(), inferences: n }).map(aside::profile)
    }
}

/// The path that the request names.
fn library(request: &LoadRequest) -> Result<PathBuf, Refusal> {
    let Some(path) = &request.library else {
        let detail = "ONNX Runtime is not built in: name a build of it, or its library with --library; PyPI's onnxruntime \
            wheel has one at onnxruntime/capi/libonnxruntime.so.VERSION, the Android archive one for each ABI";
        return Err(Refusal::new(FailureReason::EngineMissing, detail));
    };
    let absent = |error| Refusal::new(FailureReason::EngineMissing, format!("no library at {}: {error}", path.display()));
    std::fs::canonicalize(path).map_err(absent)
}

/// The library is loaded once a process and cannot be unloaded.
static LOADED: Mutex<Option<(PathBuf, Environment)>> = Mutex::new(None);

fn environment(library: &Path) -> Result<Environment, Refusal> {
    let missing = |why: &dyn std::fmt::Display| {
        let hint = if cfg!(target_feature = "crt-static") { "; a static build of the agent can load no library" } else { "" };
        Refusal::new(FailureReason::EngineMissing, format!("{} cannot be used: {why}{hint}", library.display()))
    };
    let mut loaded = LOADED.lock().unwrap_or_else(PoisonError::into_inner);
    match &*loaded {
        Some((path, environment)) if path == library => return Ok(environment.clone()),
        Some((path, _)) => return Err(missing(&format_args!("this process has loaded {} already", path.display()))),
        None => {}
    }
    let builder = ort::init_from(library).map_err(|error| missing(&error))?;
    let environment = builder.with_telemetry(false).build().map_err(|error| missing(&error))?;
    *loaded = Some((library.to_owned(), environment.clone()));
    Ok(environment)
}

fn builder(environment: &Environment, threads: u16) -> ort::Result<SessionBuilder> {
    let mut builder = Session::builder(environment)?
        .with_optimization_level(GraphOptimizationLevel::All)?
        .with_intra_threads(usize::from(threads.max(1)))?
        .with_inter_threads(1)?;
    for (key, value) in SETTINGS {
        builder = builder.with_config_entry(key, value)?;
    }
    Ok(builder)
}

fn commit(builder: ort::Result<SessionBuilder>, source: Source<'_>) -> Result<Session, Refusal> {
    if onnx::size(&source)? == 0 {
        return Err(Refusal::new(FailureReason::NotAModel, "the file is empty"));
    }
    let mut builder = builder.map_err(|error| refused(&error))?;
    let session = match source {
        Source::File(path) => builder.commit_from_file(path),
        Source::Bytes(bytes) => builder.commit_from_memory(&bytes),
    };
    session.map_err(|error| refused(&error))
}

/// The C interface gives its version to code that handles raw pointers only; but the library's version script puts it into
/// the version of its one symbol, `OrtGetApiBase@@VERS_1.32.0`.
fn version(library: &Path) -> String {
    const MARK: &[u8] = b"VERS_";
    let bytes = std::fs::read(library).unwrap_or_default();
    let found = bytes.windows(MARK.len()).enumerate().filter(|(_, window)| *window == MARK).find_map(|(at, _)| {
        let rest = bytes.get(at + MARK.len()..)?;
        let length = rest.iter().take(24).position(|byte| !(byte.is_ascii_digit() || *byte == b'.'))?;
        let version = std::str::from_utf8(rest.get(..length)?).ok()?;
        version.contains('.').then(|| version.to_owned())
    });
    found.unwrap_or_else(|| "unknown".into())
}

/// Words of ONNX Runtime for an operator that it has no kernel for, or has never heard of.
const UNKNOWN_OPERATOR: [&str; 3] =
    ["is not a registered function/op", "No Op registered for", "Could not find an implementation for"];

fn refused(error: &ort::Error) -> Refusal {
    use ort::ErrorCode::{InvalidProtobuf, NoModel, NoSuchFile, NotImplemented};
    let said = error.message();
    let reason = match error.code() {
        InvalidProtobuf | NoModel => FailureReason::NotAModel,
        NoSuchFile => FailureReason::ArtifactUnavailable,
        NotImplemented => FailureReason::UnsupportedOperator,
        _ if UNKNOWN_OPERATOR.iter().any(|words| said.contains(words)) => FailureReason::UnsupportedOperator,
        _ => FailureReason::RefusedByEngine,
    };
    let said: String = said.chars().take(300).collect();
    Refusal::new(reason, format!("ONNX Runtime refuses the model: {said}"))
}

fn failed(error: &ort::Error) -> Refusal {
    let said: String = error.message().chars().take(300).collect();
    Refusal::new(FailureReason::InferenceFailed, format!("the inference failed: {said}"))
}

/// A loop over the engine without any of our machinery, for measuring what the machinery costs: loads and returns a
/// closure that runs one inference.
///
/// # Errors
/// As [`open`].
pub fn bare(request: &LoadRequest) -> Result<impl FnMut() -> Result<(), Refusal> + use<>, Refusal> {
    let environment = environment(&library(request)?)?;
    let session = commit(builder(&environment, request.threads), Source::File(&request.model))?;
    let mut engine = OnnxRuntime::with(session, request)?;
    inputs::set(&mut engine, request)?;
    Ok(move || {
        let outputs = engine.session.run(engine.values.as_slice()).map_err(|error| failed(&error))?;
        std::hint::black_box(&outputs);
        Ok(())
    })
}
