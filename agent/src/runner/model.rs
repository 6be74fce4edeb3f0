//! A loaded model: its inputs made once, and the measuring loop, the same for every engine.

use benchrack_protocol::pipeline::Pipeline;
use benchrack_protocol::runner::{FailureReason, LoadRequest, OperatorTime, Reply};
use benchrack_protocol::units::Nanos;

use super::aside::Aside;
use super::engine::{self, Engine, Opened};
use super::frames::FrameLoop;
use super::{Refusal, inputs, package};
use crate::clock::{Suspended, raw};

/// No batch is longer; it bounds the buffer that is allocated before the first sample.
const MOST_INFERENCES: u32 = 1 << 20;

/// A model that is ready to run.
pub struct Model {
    engine: Box<dyn Engine>,
    load: Nanos,
    unpack: Option<Nanos>,
    pipeline: Option<Pipeline>,
    /// Made when frames are first asked for, so that it is not in the model's memory figures.
    frames: Option<FrameLoop>,
    /// What the inputs are made from.
    request: LoadRequest,
}

impl Model {
    /// Loads the file into the engine asked for, and makes the inputs. An engine that tells its kernels only to a second
    /// process needs `aside` for that.
    ///
    /// # Errors
    /// The reason: no such engine, not a model, an unknown operator, refused otherwise.
    pub fn load(request: &LoadRequest, aside: Option<&Aside>) -> Result<Self, Refusal> {
        let (source, unpack) = package::source(request)?;
        let Opened { engine, load } = engine::open(source, request, aside)?;
        // The key has done its work.
        let request = LoadRequest { package: None, ..request.clone() };
        let mut model = Self { engine, load, unpack, pipeline: request.pipeline.clone(), frames: None, request };
        // Making the inputs is our work, not the engine's, so it is no part of the load.
        inputs::set(model.engine.as_mut(), &model.request)?;
        Ok(model)
    }

    /// The engine that holds it.
    pub fn engine(&mut self) -> &mut dyn Engine {
        self.engine.as_mut()
    }

    /// The reply to a load request.
    pub fn loaded(&self) -> Reply {
        Reply::Loaded {
            load: self.load,
            unpack: self.unpack,
            inputs: self.engine.inputs().to_vec(),
            outputs: self.engine.outputs().iter().filter_map(|output| output.spec.clone()).collect(),
            evidence: self.engine.evidence().clone(),
        }
    }

    /// Runs and measures `n` inferences one after another. Between two samples only the engine works.
    ///
    /// # Errors
    /// [`FailureReason::InferenceFailed`] with the engine's words.
    pub fn run(&mut self, n: u32) -> Result<Reply, Refusal> {
        check_number(n, "inferences")?;
        let mut samples = Vec::with_capacity(usize::try_from(n).unwrap_or(0));
        let before = Suspended::since_boot();
        let started = raw();
        for _ in 0..n {
            self.engine.rest();
            let begun = raw();
            let result = self.engine.infer();
            samples.push(elapsed(begun));
            result?;
        }
        Ok(Reply::Ran { samples, started, suspended: Suspended::between(before, Suspended::since_boot()) })
    }

    /// Runs and measures `n` whole frames one after another; the inputs are those of the load again afterwards.
    ///
    /// # Errors
    /// [`FailureReason::Unsupported`] when there is no pipeline or it does not fit the model,
    /// [`FailureReason::InferenceFailed`] otherwise.
    pub fn frames(&mut self, n: u32) -> Result<Reply, Refusal> {
        check_number(n, "frames")?;
        let frames = match self.frames.take() {
            Some(frames) => frames,
            None => {
                let nothing = || Refusal::new(FailureReason::Unsupported, "the model was loaded without a pipeline");
                FrameLoop::new(self.pipeline.as_ref().ok_or_else(nothing)?, self.engine.as_ref())?
            }
        };
        let frames = self.frames.insert(frames);
        let reply = frames.run(self.engine.as_mut(), n);
        inputs::set(self.engine.as_mut(), &self.request)?;
        reply
    }

    /// Values of the last inference as f32.
    ///
    /// # Errors
    /// [`FailureReason::InferenceFailed`] for outputs and positions that do not exist, and for values that are not
    /// finite: those have no form in JSON, and no reference.
    pub fn outputs(&self, wanted: &[(String, Vec<u64>)]) -> Result<Reply, Refusal> {
        let wrong = |detail: String| Refusal::new(FailureReason::InferenceFailed, detail);
        let mut all = Vec::new();
        for (name, positions) in wanted {
            let known = self.engine.outputs();
            let place = known.iter().position(|output| output.name == *name).ok_or_else(|| {
                let names: Vec<&str> = known.iter().map(|output| output.name.as_str()).collect();
                wrong(format!("the model has no output '{name}'; it has {}", names.join(", ")))
            })?;
            let values = self.engine.output(place)?;
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

    /// Mean time of each operator over `n` inferences.
    ///
    /// # Errors
    /// As [`Engine::profile`].
    pub fn profile(&mut self, n: u32) -> Result<Vec<OperatorTime>, Refusal> {
        self.engine.profile(n.clamp(1, MOST_INFERENCES))
    }
}

fn check_number(n: u32, what: &str) -> Result<(), Refusal> {
    if (1..=MOST_INFERENCES).contains(&n) {
        return Ok(());
    }
    Err(Refusal::new(FailureReason::ProtocolViolated, format!("{n} {what}: 1 to {MOST_INFERENCES} can be asked for")))
}

/// Time since an instant of [`raw`].
pub fn elapsed(since: Nanos) -> Nanos {
    Nanos(raw().0.saturating_sub(since.0))
}
