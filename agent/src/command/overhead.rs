//! What measuring costs: a model's latency through the agent's runner process against the engine's bare loop in this
//! process, both in the same run, block by block in turn on the same core.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::{Context as _, anyhow};
use benchrack_protocol::cpuset::CpuSet;
use benchrack_protocol::engine::{BUILT_IN_ENGINE, EngineRef};
use benchrack_protocol::model::Manifest;
use benchrack_protocol::report::RunReport;
use benchrack_protocol::runner::{LoadRequest, Reply, Request};
use benchrack_protocol::session::{Cores, MeasurePlan, OperatingPoint, SessionSpec, Subject};
use benchrack_protocol::units::Nanos;
use benchrack_stats::paired::{Pair, PairedEffect};
use benchrack_stats::{Confidence, Samples};
use clap::Args;

use super::model_file::{InputShape, manifest};
use crate::device::Device;
use crate::probe::probe;
use crate::runner::tract::bare;
use crate::runner_process::{Birth, Launcher, ProcessLauncher, Runner, RunnerProgram};
use crate::session::{self, Artifacts, Context};

/// Arguments of `overhead`.
#[derive(Debug, Args)]
#[command(after_help = "Example:
  benchrack-agent overhead model.onnx --rounds 40")]
pub struct OverheadArgs {
    /// ONNX file
    model: PathBuf,
    /// Shape of an input that the file leaves open, NAME=1x3x224x224
    #[arg(long = "input", value_name = "NAME=SHAPE")]
    inputs: Vec<InputShape>,
    /// Pairs of blocks
    #[arg(long, default_value_t = 30, value_parser = clap::value_parser!(u32).range(2..=10_000))]
    rounds: u32,
    /// Length of a block in milliseconds
    #[arg(long, default_value_t = 200, value_name = "MS", value_parser = clap::value_parser!(u64).range(1..=60_000))]
    block_time: u64,
    /// Core that both use; the last one online without it
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
    let manifest = manifest(&arguments.model, None, &arguments.inputs)?;
    let last = device.placement.allowed()?.iter().last();
    let cpu = arguments.cpu.or(last).context("no CPU may be used")?;
    let cpus: CpuSet = [cpu].into_iter().collect();
    let pairs = pairs(&arguments, &device, &manifest, &cpus, program).await?;
    let effect = PairedEffect::new(&pairs, Confidence::P95)?;
    let medians = |of: fn(&Pair) -> f64| Samples::new(pairs.iter().map(of).collect()).map(|samples| samples.median());
    let (bare, agent) = (medians(|pair| pair.baseline)?, medians(|pair| pair.candidate)?);
    super::print(&format!("median latency  bare loop {:.4} ms, through the agent {:.4} ms, CPU {cpu}", bare / 1e6, agent / 1e6));
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
        inputs: manifest.inputs.clone(),
        generators: manifest.generators.clone(),
        ..LoadRequest::new(&arguments.model, BUILT_IN_ENGINE, 1)
    };
    device.placement.confine(cpus)?;
    let mut bare = bare(&request)?;
    let launcher = ProcessLauncher { program, placement: device.placement.as_ref() };
    let birth = Birth { cpus: cpus.clone(), address_space: None, patience: PATIENCE };
    let mut runner = launcher.launch(&birth).await.map_err(|failure| anyhow!(failure.detail))?;
    ask(&mut runner, &Request::Load(request)).await?;

    let mut alone = |n: u32| -> anyhow::Result<f64> {
        let mut samples = Vec::with_capacity(n as usize);
        for _ in 0..n {
            let begun = Instant::now();
            bare()?;
            samples.push(begun.elapsed().as_nanos() as f64);
        }
        Ok(Samples::new(samples)?.median())
    };
    // Both warm, and the length of a block known.
    let latency = alone(10)?;
    through(&mut runner, 10).await?;
    let n = ((arguments.block_time as f64 * 1e6 / latency) as u32).clamp(3, 10_000);
    let mut pairs = Vec::new();
    for round in 0..arguments.rounds {
        let (baseline, candidate) = if round % 2 == 0 {
            let baseline = alone(n)?;
            (baseline, through(&mut runner, n).await?)
        } else {
            let candidate = through(&mut runner, n).await?;
            (alone(n)?, candidate)
        };
        pairs.push(Pair { baseline, candidate });
    }
    Ok(pairs)
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
    let artifacts: Artifacts = [(manifest.artifact, Ok(arguments.model.clone()))].into();
    let folder = std::env::temp_dir();
    let spec = SessionSpec {
        subjects: vec![Subject { label: "model".into(), manifest: manifest.clone(), engine: EngineRef::built_in(), threads: 1 }],
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
