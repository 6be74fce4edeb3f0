//! A twin's runners: latencies follow from the model's multiply-adds, the cores, their present clocks and the threads;
//! outputs are those of the manifest's references.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use benchrack_protocol::engine::{EngineEvidence, IntegerKernels};
use benchrack_protocol::model::{Manifest, Precision};
use benchrack_protocol::pipeline::FrameTime;
use benchrack_protocol::report::Failure;
use benchrack_protocol::runner::{FailureReason, LoadRequest, MemoryFigures, Reply, Request};
use benchrack_protocol::session::SessionSpec;
use benchrack_protocol::units::{Bytes, Nanos};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use tokio::time::{sleep_until, timeout};

use super::Twin;
use super::battery::normal;
use super::world::STEP;
use crate::runner_process::{Birth, Launcher, Runner, failure};
use crate::session::Artifacts;

/// Relative spread of latencies on a quiet core.
const NOISE: f64 = 0.004;
/// Cycles for reading, parsing and preparing a byte of a model.
const LOAD_CYCLES_PER_BYTE: f64 = 6.0;
/// Cycles for decrypting and unpacking a byte of a package.
const UNPACK_CYCLES_PER_BYTE: f64 = 4.0;
/// Cycles for converting a pixel of a camera's frame, and for what comes after the inference.
const FRAME_CYCLES_PER_PIXEL: f64 = 12.0;
/// What a runner holds before any model.
const BARE: u64 = 11_000_000;

/// What is known of the model in a file.
type Models = Arc<Vec<(PathBuf, Manifest)>>;

/// Starts a twin's runners.
pub struct TwinLauncher {
    twin: Twin,
    models: Models,
}

impl TwinLauncher {
    pub(super) fn of(twin: Twin, session: &SessionSpec, artifacts: &Artifacts) -> Self {
        let models = session.subjects.iter().filter_map(|subject| {
            let path = artifacts.get(&subject.manifest.artifact)?.as_ref().ok()?;
            Some((path.clone(), subject.manifest.clone()))
        });
        Self { models: Arc::new(models.collect()), twin }
    }
}

impl Launcher for TwinLauncher {
    type Runner = TwinRunner;

    async fn launch(&self, birth: &Birth) -> Result<TwinRunner, Failure> {
        let mut world = self.twin.world();
        let Some(pid) = world.spawn(&birth.cpus) else {
            let detail = format!("cannot start a runner on CPUs {}: none of them is online", birth.cpus);
            return Err(failure(FailureReason::OperatingPointImpossible, detail));
        };
        let rng = ChaCha8Rng::seed_from_u64(world.spec.seed ^ u64::from(pid));
        let (twin, models) = (self.twin.clone(), Arc::clone(&self.models));
        Ok(TwinRunner { twin, models, pid, rng, loaded: None })
    }
}

/// A runner of a twin; dropping it ends its process.
pub struct TwinRunner {
    twin: Twin,
    models: Models,
    pid: u32,
    rng: ChaCha8Rng,
    loaded: Option<Loaded>,
}

/// The loaded model.
#[derive(Clone)]
struct Loaded {
    /// None for a file that is no subject of the session, such as a package: it can be loaded, and not run.
    manifest: Option<Manifest>,
    bytes: u64,
    threads: usize,
    /// Pixels of a frame.
    pixels: f64,
}

impl Runner for TwinRunner {
    async fn ask(&mut self, request: &Request, patience: Duration) -> Result<Reply, Failure> {
        let answer = timeout(patience, self.answer(request)).await;
        answer
            .unwrap_or_else(|_| Err(failure(FailureReason::RunnerHung, format!("no answer within {} s", patience.as_secs_f64()))))
    }

    fn pid(&self) -> u32 {
        self.pid
    }

    fn memory_before(&self) -> MemoryFigures {
        memory(0, 0)
    }
}

impl Drop for TwinRunner {
    fn drop(&mut self) {
        let mut world = self.twin.world();
        world.runners.remove(&self.pid);
        world.changed();
    }
}

impl TwinRunner {
    async fn answer(&mut self, request: &Request) -> Result<Reply, Failure> {
        match request {
            Request::Load(load) => self.load(load).await,
            Request::Run { n } => {
                let (samples, started) = self.infer(*n).await?;
                Ok(Reply::Ran { samples, started, suspended: Nanos(0) })
            }
            Request::Frames { n } => self.frames(*n).await,
            Request::Outputs { wanted } => Ok(Reply::Outputs { values: self.outputs(wanted)? }),
            Request::Memory => {
                let loaded = self.loaded()?;
                let shapes = loaded.manifest.iter().flat_map(|manifest| manifest.inputs.iter().chain(&manifest.outputs));
                let elements: usize = shapes.map(|tensor| tensor.elements()).sum();
                Ok(Reply::Memory(memory(loaded.bytes, 8 * elements as u64)))
            }
            Request::Profile { .. } => {
                Err(failure(FailureReason::Unsupported, "a twin computes whole inferences and has no operators to time".into()))
            }
            Request::Quit => Err(failure(FailureReason::RunnerDied, "the runner was asked to leave".into())),
        }
    }

    fn loaded(&self) -> Result<&Loaded, Failure> {
        self.loaded.as_ref().ok_or_else(|| failure(FailureReason::ProtocolViolated, "no model is loaded".into()))
    }

    async fn load(&mut self, load: &LoadRequest) -> Result<Reply, Failure> {
        if load.adapter.is_some() {
            let detail = format!("a twin runs no programs, and {} is one", load.engine);
            return Err(failure(FailureReason::EngineMissing, detail));
        }
        let manifest = self.models.iter().find(|(known, _)| *known == load.model).map(|(_, manifest)| manifest.clone());
        let bytes = match &manifest {
            Some(manifest) => manifest.size.0,
            None => size(&load.model)?,
        };
        let threads = usize::from(load.threads).max(1);
        let pixels =
            load.pipeline.as_ref().map_or(0.0, |pipeline| f64::from(pipeline.source.width) * f64::from(pipeline.source.height));
        self.twin.world().set_threads(self.pid, threads);
        let unpack = match &load.package {
            Some(_) => Some(self.spend(bytes as f64 * UNPACK_CYCLES_PER_BYTE).await?),
            None => None,
        };
        let time = self.spend(bytes as f64 * LOAD_CYCLES_PER_BYTE).await?;
        let tensors =
            |part: fn(&Manifest) -> &Vec<_>| manifest.as_ref().map(|manifest| part(manifest).clone()).unwrap_or_default();
        let reply = Reply::Loaded {
            load: time,
            unpack,
            inputs: tensors(|manifest| &manifest.inputs),
            outputs: tensors(|manifest| &manifest.outputs),
            evidence: EngineEvidence {
                engine: load.engine.clone(),
                version: "twin".into(),
                kernels: "computed from multiply-adds".into(),
                threads: load.threads,
                executed: Vec::new(),
                integer_kernels: IntegerKernels::None,
                operators: Vec::new(),
                settings: Vec::new(),
            },
        };
        self.loaded = Some(Loaded { manifest, bytes, threads, pixels });
        Ok(reply)
    }

    /// The latencies of inferences one after another, and when the first began.
    async fn infer(&mut self, n: u32) -> Result<(Vec<Nanos>, Nanos), Failure> {
        let loaded = self.loaded()?.clone();
        let Some(manifest) = &loaded.manifest else {
            return Err(failure(FailureReason::Unsupported, "a twin runs the models of its session only".into()));
        };
        let Some(macs) = manifest.macs else {
            let detail =
                format!("a twin needs the multiply-adds of a model, and the manifest of {} does not say them", manifest.name);
            return Err(failure(FailureReason::Unsupported, detail));
        };
        let int8 = manifest.precision == Precision::Int8;
        let started = self.twin.now();
        let (mut at, mut begun) = (started.0 as f64, started.0 as f64);
        let (mut samples, mut done, mut noise) = (Vec::new(), 0.0, self.noise());
        while samples.len() < n as usize {
            let inference = self.alive(|world, pid| world.inference(pid, macs as f64, loaded.bytes as f64, int8))? * 1e9;
            let (from, end) = (at, at + self.twin.world().longest_step(Some(self.pid)) as f64);
            while at < end && samples.len() < n as usize {
                let missing = (1.0 - done) * inference * noise;
                if at + missing <= end {
                    at += missing;
                    samples.push(Nanos((at - begun).max(1.0) as u64));
                    (begun, done, noise) = (at, 0.0, self.noise());
                } else {
                    done += (end - at) / (inference * noise);
                    at = end;
                }
            }
            self.pass(loaded.threads, from, at).await;
        }
        Ok((samples, started))
    }

    async fn frames(&mut self, n: u32) -> Result<Reply, Failure> {
        let pixels = self.loaded()?.pixels;
        let mut times = Vec::new();
        for _ in 0..n {
            let conversion = self.spend(pixels * FRAME_CYCLES_PER_PIXEL).await?;
            let (inferences, _) = self.infer(1).await?;
            let inference = inferences.first().copied().unwrap_or_default();
            let post = self.spend(FRAME_CYCLES_PER_PIXEL * 1000.0).await?;
            times.push(FrameTime { conversion, inference, post, total: Nanos(conversion.0 + inference.0 + post.0) });
        }
        Ok(Reply::Framed { times, suspended: Nanos(0) })
    }

    fn outputs(&self, wanted: &[(String, Vec<u64>)]) -> Result<Vec<Vec<f32>>, Failure> {
        let references = self.loaded()?.manifest.as_ref().map(|manifest| manifest.references.as_slice()).unwrap_or_default();
        let answer = |(name, positions): &(String, Vec<u64>)| {
            let reference = references.iter().find(|reference| reference.output == *name && reference.positions == *positions);
            let unknown = || failure(FailureReason::Unsupported, format!("a twin knows the references of '{name}' only"));
            reference.map(|reference| reference.values.clone()).ok_or_else(unknown)
        };
        wanted.iter().map(answer).collect()
    }

    /// Lets the first thread work through so many cycles; returns the time that it took.
    async fn spend(&mut self, cycles: f64) -> Result<Nanos, Failure> {
        let begun = self.twin.now().0 as f64;
        let (mut at, mut left) = (begun, cycles.max(1.0));
        while left >= 1.0 {
            let per_second = self.alive(|world, pid| world.cycles(pid))?;
            let time = (left / per_second * 1e9).min(STEP as f64);
            left -= time / 1e9 * per_second;
            self.pass(1, at, at + time).await;
            at += time;
        }
        Ok(Nanos((at - begun).max(1.0) as u64))
    }

    /// Lets so many threads work from one moment until another, ns, and waits until then.
    async fn pass(&self, threads: usize, from: f64, until: f64) {
        self.twin.world().work(self.pid, threads, from as u64, until as u64);
        sleep_until(self.twin.0.epoch + Duration::from_nanos(until as u64)).await;
    }

    /// Something of the living process.
    fn alive<T>(&self, ask: impl FnOnce(&super::World, u32) -> Option<T>) -> Result<T, Failure> {
        let gone = || failure(FailureReason::RunnerDied, "the twin's script ended the runner".into());
        ask(&self.twin.world(), self.pid).ok_or_else(gone)
    }

    fn noise(&mut self) -> f64 {
        1.0 + NOISE * normal(&mut self.rng).abs()
    }
}

fn size(path: &Path) -> Result<u64, Failure> {
    let unread = |error| failure(FailureReason::ArtifactUnavailable, format!("cannot read {}: {error}", path.display()));
    std::fs::metadata(path).map(|file| file.len()).map_err(unread)
}

/// Weights stay as mapped file pages, tensors are anonymous.
fn memory(weights: u64, tensors: u64) -> MemoryFigures {
    let anonymous = BARE / 4 + tensors;
    let file = BARE - BARE / 4 + weights;
    MemoryFigures {
        peak_rss: Some(Bytes(anonymous + file + tensors / 4)),
        rss: Some(Bytes(anonymous + file)),
        rss_anonymous: Some(Bytes(anonymous)),
        rss_file: Some(Bytes(file)),
        pss: Some(Bytes(anonymous + file)),
        pss_anonymous: Some(Bytes(anonymous)),
        pss_file: Some(Bytes(file)),
    }
}
