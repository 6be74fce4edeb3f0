//! What measuring costs: a model's latency through the agent's runner process against the engine's bare loop in this
//! process, or against ONNX Runtime's own Python loop, both in the same run, block by block in turn on the same cores.

use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context as _, anyhow, bail};
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

use super::baseline::{Baseline, Python};
use super::model_file::{InputArgument, manifest};
use crate::device::Device;
use crate::probe::probe;
use crate::runner_process::{Birth, Launcher, NO_TELEMETRY, ProcessLauncher, Runner, RunnerProgram};
use crate::session::{self, Artifacts, Context};

/// Arguments of `overhead`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  benchrack-agent overhead model.onnx --rounds 40
  benchrack-agent overhead model.onnx --engine onnxruntime --library libonnxruntime.so.1.32.0 --python venv/bin/python")]
pub struct OverheadArgs {
    /// ONNX file
    model: PathBuf,
    /// Shape of an input that the file leaves open, NAME=1x3x224x224
    #[arg(long = "input", value_name = "NAME=SHAPE")]
    inputs: Vec<InputArgument>,
    /// Inference engine: tract or onnxruntime
    #[arg(long, default_value = BUILT_IN_ENGINE)]
    engine: String,
    /// The engine's library
    #[arg(long, value_name = "FILE")]
    library: Option<PathBuf>,
    /// Compare with onnxruntime's loop in this Python instead of a bare loop in this process
    #[arg(long, value_name = "PYTHON", requires = "library")]
    python: Option<PathBuf>,
    /// Threads of the engine
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..))]
    threads: u16,
    /// Pairs of blocks
    #[arg(long, default_value_t = 30, value_parser = clap::value_parser!(u32).range(2..=10_000))]
    rounds: u32,
    /// Length of a block in milliseconds
    #[arg(long, default_value_t = 200, value_name = "MS", value_parser = clap::value_parser!(u64).range(1..=60_000))]
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
    if arguments.library.is_some() && std::env::var_os(NO_TELEMETRY.0).is_none() {
        // The library is loaded into this process too, and a process cannot safely change its own environment.
        let error = std::process::Command::new("/proc/self/exe")
            .args(std::env::args_os().skip(1))
            .env(NO_TELEMETRY.0, NO_TELEMETRY.1)
            .exec();
        return Err(error).context("cannot start again without telemetry");
    }
    let device = Device::live();
    let manifest = manifest(&arguments.model, None, &arguments.inputs)?;
    let allowed: Vec<u32> = device.placement.allowed()?.iter().collect();
    let last = allowed.iter().rev().take(usize::from(arguments.threads)).copied();
    let cpus: CpuSet = arguments.cpu.map_or_else(|| last.collect(), |cpu| [cpu].into_iter().collect());
    if cpus.is_empty() {
        bail!("no CPU may be used");
    }
    let pairs = pairs(&arguments, &device, &manifest, &cpus, program).await?;
    let effect = PairedEffect::new(&pairs, Confidence::P95)?;
    let medians = |of: fn(&Pair) -> f64| Samples::new(pairs.iter().map(of).collect()).map(|samples| samples.median());
    let (bare, agent) = (medians(|pair| pair.baseline)?, medians(|pair| pair.candidate)?);
    let other = if arguments.python.is_some() { "Python" } else { "bare loop" };
    super::print(&format!("median latency  {other} {:.4} ms, through the agent {:.4} ms, CPUs {cpus}", bare / 1e6, agent / 1e6));
    match effect.and_then(|effect| effect.interval.map(|interval| (effect.change, interval))) {
        Some((change, interval)) => super::print(&format!(
            "ratio           {:.4}  ({:.4} to {:.4} with 95 % confidence, {} pairs of blocks)",
            1.0 + change,
            1.0 + interval.low,
            1.0 + interval.high,
            pairs.len()
        )),
        None => super::print("ratio           too few pairs for an interval; ask for more --rounds"),
    }
    if arguments.sessions > 0 {
        let overheads = sessions(&arguments, &device, &manifest, &cpus, program).await?;
        let samples = Samples::new(overheads)?;
        super::print(&format!(
            "first sample    {:.1} ms after a session's start, without load and warm-up (median of {}, {:.1} to {:.1} ms)",
            samples.median(),
            samples.count(),
            samples.minimum(),
            samples.maximum()
        ));
    }
    Ok(ExitCode::SUCCESS)
}

/// Medians of neighbouring blocks: baseline bare, candidate through the agent.
async fn pairs(
    arguments: &OverheadArgs,
    device: &Device,
    manifest: &Manifest,
    cpus: &CpuSet,
    program: &RunnerProgram,
) -> anyhow::Result<Vec<Pair>> {
    let request = LoadRequest {
        library: arguments.library.clone(),
        inputs: manifest.inputs.clone(),
        generators: manifest.generators.clone(),
        ..LoadRequest::new(&arguments.model, &arguments.engine, arguments.threads)
    };
    device.placement.confine(cpus)?;
    let launcher = ProcessLauncher { program, placement: device.placement.as_ref() };
    let birth = Birth { cpus: cpus.clone(), address_space: None, patience: PATIENCE };
    let mut runner = launcher.launch(&birth).await.map_err(|failure| anyhow!(failure.detail))?;
    let loaded = ask(&mut runner, &Request::Load(request.clone())).await?;
    let mut baseline = match &arguments.python {
        Some(python) => python_loop(python, &request, &loaded)?,
        None => Baseline::bare(&request)?,
    };

    // Both warm, and the length of a block known.
    let latency = baseline.block(10)?;
    through(&mut runner, 10).await?;
    let n = ((arguments.block_time as f64 * 1e6 / latency) as u32).clamp(3, 10_000);
    let mut pairs = Vec::new();
    for round in 0..arguments.rounds {
        let (baseline, candidate) = if round % 2 == 0 {
            let alone = baseline.block(n)?;
            (alone, through(&mut runner, n).await?)
        } else {
            let candidate = through(&mut runner, n).await?;
            (baseline.block(n)?, candidate)
        };
        pairs.push(Pair { baseline, candidate });
    }
    Ok(pairs)
}

/// Python with the same version of the library as the runner: a ratio of two versions would say nothing of the agent.
fn python_loop(python: &Path, request: &LoadRequest, loaded: &Reply) -> anyhow::Result<Baseline> {
    let Reply::Loaded { inputs, evidence, .. } = loaded else { bail!("the runner answered {loaded:?}") };
    let python = Python::start(python, request, inputs)?;
    if python.version != evidence.version {
        bail!("Python has onnxruntime {}, the library is {}; compare like with like", python.version, evidence.version);
    }
    Ok(Baseline::Python(Box::new(python)))
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

/// Time from the start of a session to its first sample, less loading, first inference and warm-up; milliseconds.
async fn sessions(
    arguments: &OverheadArgs,
    device: &Device,
    manifest: &Manifest,
    cpus: &CpuSet,
    program: &RunnerProgram,
) -> anyhow::Result<Vec<f64>> {
    let known = probe(device, None);
    let mut artifacts: Artifacts = [(manifest.artifact, Ok(arguments.model.clone()))].into();
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
            gauge: None,
            inputs: &[],
            state_folder: &folder,
            address_space: None,
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
