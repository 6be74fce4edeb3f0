//! What measuring costs: a model's latency through the agent's runner process against the engine's bare loop, or ONNX
//! Runtime's own Python loop, in another process, both in the same run, block by block in turn on the same cores.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{anyhow, bail};
use benchrack_protocol::cpuset::CpuSet;
use benchrack_protocol::engine::{BUILT_IN_ENGINE, EngineRef};
use benchrack_protocol::ids::ArtifactId;
use benchrack_protocol::model::Manifest;
use benchrack_protocol::report::RunReport;
use benchrack_protocol::runner::{LoadRequest, Reply, Request};
use benchrack_protocol::session::{Cores, MeasurePlan, OperatingPoint, SessionSpec, Subject};
use benchrack_protocol::units::Nanos;
use benchrack_stats::paired::{Pair, PairedEffect};
use benchrack_stats::{Confidence, Samples};
use clap::Args;

use super::baseline::Baseline;
use super::model_file::{InputArgument, manifest};
use crate::device::Device;
use crate::probe::probe;
use crate::runner_process::{Birth, Launcher, ProcessLauncher, Runner, RunnerProgram};
use crate::session::{self, Artifacts, Context};

/// Arguments of `overhead`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  benchrack-agent overhead model.onnx
  benchrack-agent overhead zoo/*.onnx --sessions 0 --engine onnxruntime --library libonnxruntime.so.1.32.0 --python venv/bin/python

Two processes of one program differ by some per cent as long as they live, so that each pair is of two new processes
and the interval is over those.")]
pub struct OverheadArgs {
    /// ONNX files
    #[arg(required = true, value_name = "MODEL")]
    models: Vec<PathBuf>,
    /// Shape of an input that a file leaves open, NAME=1x3x224x224
    #[arg(long = "input", value_name = "NAME=SHAPE")]
    inputs: Vec<InputArgument>,
    /// Inference engine: tract or onnxruntime
    #[arg(long, default_value = BUILT_IN_ENGINE)]
    engine: String,
    /// The engine's library
    #[arg(long, value_name = "FILE")]
    library: Option<PathBuf>,
    /// Compare with onnxruntime's loop in this Python instead of a bare loop
    #[arg(long, value_name = "PYTHON", requires = "library")]
    python: Option<PathBuf>,
    /// Threads of the engine
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..))]
    threads: u16,
    /// Pairs of runners; an interval needs at least 6
    #[arg(long, default_value_t = 8, value_parser = clap::value_parser!(u32).range(1..=1_000))]
    runners: u32,
    /// Pairs of blocks of each pair of runners
    #[arg(long, default_value_t = 6, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    rounds: u32,
    /// Length of a block in milliseconds
    #[arg(long, default_value_t = 100, value_name = "MS", value_parser = clap::value_parser!(u64).range(1..=60_000))]
    block_time: u64,
    /// Core that both use; without it the last ones, as many as threads
    #[arg(long)]
    cpu: Option<u32>,
    /// Whole sessions for the time from claim to first sample
    #[arg(long, default_value_t = 5)]
    sessions: u32,
}

/// Long enough for any model on a busy machine.
const PATIENCE: Duration = Duration::from_secs(120);

/// Measures and prints both figures.
pub async fn run(arguments: OverheadArgs, program: &RunnerProgram) -> anyhow::Result<ExitCode> {
    let device = Device::live();
    let allowed: Vec<u32> = device.placement.allowed()?.iter().collect();
    let last = allowed.iter().rev().take(usize::from(arguments.threads)).copied();
    let cpus: CpuSet = arguments.cpu.map_or_else(|| last.collect(), |cpu| [cpu].into_iter().collect());
    if cpus.is_empty() {
        bail!("no CPU may be used");
    }
    let other = if arguments.python.is_some() { "Python" } else { "bare loop" };
    super::print(&format!(
        "median latency of {other} and through the agent, CPUs {cpus}; ratio with 95 % interval over {} pairs of processes",
        arguments.runners
    ));
    let mut highest: Option<(f64, &Path)> = None;
    for model in &arguments.models {
        let manifest = manifest(model, None, &arguments.inputs)?;
        let comparison = Comparison { arguments: &arguments, model, manifest: &manifest, device: &device, cpus: &cpus, program };
        let (bare, ratio) = row(model, &comparison.pairs().await?)?;
        if bare >= SMALLEST_JUDGED && highest.is_none_or(|(known, _)| ratio > known) {
            highest = Some((ratio, model));
        }
        if arguments.sessions > 0 {
            comparison.first_sample().await?;
        }
    }
    if let Some((ratio, model)) = highest {
        super::print(&format!("highest ratio of models from 2 ms on: {ratio:.4}, {}", name(model)));
    }
    Ok(ExitCode::SUCCESS)
}

/// A model to be compared, and where.
#[derive(Clone, Copy)]
struct Comparison<'a> {
    arguments: &'a OverheadArgs,
    model: &'a Path,
    manifest: &'a Manifest,
    device: &'a Device,
    cpus: &'a CpuSet,
    program: &'a RunnerProgram,
}

/// Below this a timer's and a pipe's microseconds are more than per mille; ns.
const SMALLEST_JUDGED: f64 = 2e6;

fn name(model: &Path) -> String {
    model.file_stem().unwrap_or(model.as_os_str()).to_string_lossy().into_owned()
}

fn median(pairs: &[Pair], of: fn(&Pair) -> f64) -> anyhow::Result<f64> {
    Ok(Samples::new(pairs.iter().map(of).collect())?.median())
}

/// Prints one model's line and returns the latency of the baseline in ns and the ratio to it.
fn row(model: &Path, pairs: &[Pair]) -> anyhow::Result<(f64, f64)> {
    let (bare, agent) = (median(pairs, |pair| pair.baseline)?, median(pairs, |pair| pair.candidate)?);
    let effect = PairedEffect::new(pairs, Confidence::P95)?;
    let (ratio, interval) = match &effect {
        Some(effect) => (
            1.0 + effect.change,
            effect.interval.map_or_else(
                || "too few for an interval".into(),
                |interval| format!("{:.4} to {:.4}", 1.0 + interval.low, 1.0 + interval.high),
            ),
        ),
        None => (agent / bare, "too few for an interval".into()),
    };
    super::print(&format!("{:<32} {:>10.4} ms {:>10.4} ms   {ratio:.4} ({interval})", name(model), bare / 1e6, agent / 1e6));
    Ok((bare, ratio))
}

impl Comparison<'_> {
    /// Medians of two new processes: baseline bare, candidate through the agent, their blocks in turn.
    async fn pairs(self) -> anyhow::Result<Vec<Pair>> {
        let Self { arguments, model, manifest, device, cpus, program } = self;
        let request = LoadRequest {
            library: arguments.library.clone(),
            inputs: manifest.inputs.clone(),
            generators: manifest.generators.clone(),
            ..LoadRequest::new(model, &arguments.engine, arguments.threads)
        };
        device.placement.confine(cpus)?;
        let launcher = ProcessLauncher { program, placement: device.placement.as_ref() };
        let birth = Birth { cpus: cpus.clone(), address_space: None, patience: PATIENCE };
        let mut pairs = Vec::new();
        for _ in 0..arguments.runners {
            let mut runner = launcher.launch(&birth).await.map_err(|failure| anyhow!(failure.detail))?;
            let loaded = ask(&mut runner, &Request::Load(request.clone())).await?;
            let mut baseline = match &arguments.python {
                Some(python) => python_loop(python, &request, &loaded)?,
                None => Baseline::bare(program, &request)?,
            };
            pairs.push(pair(arguments, &mut runner, &mut baseline).await?);
            runner.quit().await;
        }
        Ok(pairs)
    }

    /// Prints the time from a session's start to its first sample.
    async fn first_sample(self) -> anyhow::Result<()> {
        let samples = Samples::new(self.sessions().await?)?;
        super::print(&format!(
            "  first sample {:.1} ms after a session's start, without load and warm-up (median of {}, {:.1} to {:.1} ms)",
            samples.median(),
            samples.count(),
            samples.minimum(),
            samples.maximum()
        ));
        Ok(())
    }

    /// Time from the start of a session to its first sample, less loading, first inference and warm-up; milliseconds.
    async fn sessions(self) -> anyhow::Result<Vec<f64>> {
        let Self { arguments, model, manifest, device, cpus, program } = self;
        let known = probe(device, None);
        let mut artifacts: Artifacts = [(manifest.artifact, Ok(model.to_owned()))].into();
        let mut engine = EngineRef::named(&arguments.engine);
        if let Some(library) = &arguments.library {
            // Any digest does: nothing is fetched here.
            let build = ArtifactId::of(library.as_os_str().as_encoded_bytes());
            engine.build = Some(build);
            artifacts.insert(build, Ok(library.clone()));
        }
        let folder = std::env::temp_dir();
        let spec = SessionSpec {
            subjects: vec![Subject { label: "model".into(), manifest: manifest.clone(), engine, threads: arguments.threads }],
            operating_point: OperatingPoint { cores: Cores::List(cpus.clone()), ..OperatingPoint::default() },
            // A busy machine must not be waited for: this is about our own time.
            plan: MeasurePlan { blocks: 1, block_time: Nanos(1), max_settle_time: Nanos(0), ..MeasurePlan::default() },
        };
        let mut overheads = Vec::new();
        for _ in 0..arguments.sessions {
            let context = Context {
                device,
                known: &known,
                artifacts: &artifacts,
                inputs: &[],
                asked: &[],
                state_folder: &folder,
                address_space: None,
                cable: None,
                observer: &|_| {},
            };
            let report = session::run(session::new_report_id(), spec.clone(), context, program).await;
            match report.runs.first() {
                Some(RunReport::Measured(run)) => {
                    let work = run.load.0 + run.first_inference.0 + run.warmup.samples.iter().map(|sample| sample.0).sum::<u64>();
                    let first = run.blocks.first().map_or(0, |block| block.started.0);
                    overheads.push(first.saturating_sub(work) as f64 / 1e6);
                }
                Some(RunReport::Failed(failure)) => return Err(anyhow!("the session failed: {}", failure.detail)),
                None => return Err(anyhow!("the session has no run")),
            }
        }
        Ok(overheads)
    }
}

async fn pair(arguments: &OverheadArgs, runner: &mut impl Runner, baseline: &mut Baseline) -> anyhow::Result<Pair> {
    // Both warm, and the length of a block known.
    let latency = baseline.block(WARM_UP)?;
    through(runner, WARM_UP).await?;
    let n = ((arguments.block_time as f64 * 1e6 / latency) as u32).clamp(3, 10_000);
    let (mut alone, mut candidate) = (Vec::new(), Vec::new());
    for round in 0..arguments.rounds {
        if round % 2 == 0 {
            alone.push(baseline.block(n)?);
            candidate.push(through(runner, n).await?);
        } else {
            candidate.push(through(runner, n).await?);
            alone.push(baseline.block(n)?);
        }
    }
    Ok(Pair { baseline: Samples::new(alone)?.median(), candidate: Samples::new(candidate)?.median() })
}

/// Inferences before the first block.
const WARM_UP: u32 = 5;

/// Python with the same version of the library as the runner: a ratio of two versions would say nothing of the agent.
fn python_loop(python: &Path, request: &LoadRequest, loaded: &Reply) -> anyhow::Result<Baseline> {
    let Reply::Loaded { inputs, evidence, .. } = loaded else { bail!("the runner answered {loaded:?}") };
    let python = Baseline::python(python, request, inputs)?;
    match &python.version {
        Some(version) if *version == evidence.version => Ok(python),
        other => bail!(
            "Python has onnxruntime {}, the library is {}; compare like with like",
            other.as_deref().unwrap_or("of no version"),
            evidence.version
        ),
    }
}

async fn through(runner: &mut impl Runner, n: u32) -> anyhow::Result<f64> {
    match ask(runner, &Request::Run { n }).await? {
        Reply::Ran { samples, .. } => Ok(Samples::new(samples.iter().map(|sample| sample.0 as f64).collect())?.median()),
        other => Err(anyhow!("the runner answered {other:?}")),
    }
}

async fn ask(runner: &mut impl Runner, request: &Request) -> anyhow::Result<Reply> {
    runner.ask(request, PATIENCE).await.map_err(|failure| anyhow!(failure.detail))
}
