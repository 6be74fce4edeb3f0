//! `benchrack-agent bench`: one session on this device, without a server.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{IsTerminal, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context as _, bail};
use benchrack_protocol::api::Heartbeat;
use benchrack_protocol::energy::EnergyPlan;
use benchrack_protocol::engine::{BUILT_IN_ENGINE, EngineRef};
use benchrack_protocol::ids::ArtifactId;
use benchrack_protocol::packaging::Packaging;
use benchrack_protocol::runner::InputFile;
use benchrack_protocol::session::{Cores, Frequency, MeasurePlan, OperatingPoint, SessionSpec, Subject};
use benchrack_protocol::tensor::Tolerance;
use benchrack_protocol::units::Nanos;
use clap::Args;

use super::model_file::{InputArgument, ReferenceArgument, feed, manifest, refer};
use super::summary;
use crate::adapter;
use crate::config::{Config, default_data_dir};
use crate::device::Device;
use crate::knobs::Asked;
use crate::probe::probe;
use crate::runner_process::RunnerProgram;
use crate::session::{self, Artifacts, Context};
use crate::work::take_for_one_session;

/// Arguments of `bench`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  benchrack-agent bench model.onnx                           one thread, all cores, clocks as they are
  benchrack-agent bench old.onnx new.onnx                    both, interleaved, so that drift hits both alike
  benchrack-agent bench model.onnx --cores big --freq 60% --threads 4
  benchrack-agent bench model.onnx --input data=1x3x224x224  a file that leaves dimensions open
  benchrack-agent bench model.onnx --frames 100              whole frames, camera to answer, by the manifest's pipeline
  benchrack-agent bench model.onnx --packaging all           what loading costs when the model is packed
  benchrack-agent bench model.onnx --energy                  joules per inference, where the device has a meter
  benchrack-agent bench model.onnx --sustained 600           ten minutes of load: when it throttles, and to what
  benchrack-agent bench model.onnx --input x.npy --reference y.npy
  benchrack-agent bench model.onnx --engine onnxruntime --library libonnxruntime.so.1.32.0
  benchrack-agent bench model.tflite --engine litert --library ./benchmark_model --adapter config/adapters/litert-benchmark-model.toml
  benchrack-agent bench model.onnx --json                    the whole report: every sample, all evidence

The manifest MODEL.json beside a model gives its inputs and the outputs that are checked.
Exit code: 0 when every model was measured and no run is invalid, 1 otherwise, 2 for a wrong command line.")]
pub struct BenchArgs {
    /// ONNX files
    #[arg(required = true, value_name = "MODEL")]
    models: Vec<PathBuf>,
    /// Manifest of the model, instead of the JSON beside it; for one model
    #[arg(long, value_name = "FILE")]
    manifest: Option<PathBuf>,
    /// Shape of an input that the file leaves open, NAME=1x3x224x224, or a file of its values, [NAME=]X.npy
    #[arg(long = "input", value_name = "INPUT")]
    inputs: Vec<InputArgument>,
    /// File of the values that an output must have, [NAME=]Y.npy; without a name the first; for one model
    #[arg(long = "reference", value_name = "OUTPUT")]
    references: Vec<ReferenceArgument>,
    /// Largest allowed difference from a reference, as a share of its largest value
    #[arg(long, default_value_t = Tolerance::FP32.max_relative_error, value_name = "SHARE", requires = "references")]
    max_relative_error: f32,
    /// Lowest allowed cosine between an output and its reference
    #[arg(long, default_value_t = Tolerance::FP32.min_cosine, value_name = "COSINE", requires = "references")]
    min_cosine: f32,
    /// Inference engine: tract, onnxruntime, openvino, or any name with --adapter
    #[arg(long, default_value = BUILT_IN_ENGINE)]
    engine: String,
    /// The engine's library, or its benchmark program with --adapter
    #[arg(long, value_name = "FILE")]
    library: Option<PathBuf>,
    /// How to call and to read the engine's benchmark program; see config/adapters
    #[arg(long, value_name = "FILE", requires = "library")]
    adapter: Option<PathBuf>,
    /// Threads of the engine
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..))]
    threads: u16,
    /// Cores: all, little, mid, big, prime, or a list such as 0-3
    #[arg(long, default_value = "all")]
    cores: Cores,
    /// Clock: unpinned, min, max, 60%, '1200 MHz', little=min,big=60%, or fixed-performance
    #[arg(long, default_value = "unpinned", value_name = "CLOCK")]
    freq: Frequency,
    /// Turn this knob as well, NAME or NAME=VALUE: see 'knobs' and docs/knobs.md
    #[arg(long = "knob", value_name = "KNOB")]
    knobs: Vec<Asked>,
    /// Blocks for each model
    #[arg(long, default_value_t = MeasurePlan::default().blocks, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    blocks: u32,
    /// Length of a block in milliseconds
    #[arg(long, default_value_t = 100, value_name = "MS", value_parser = clap::value_parser!(u64).range(1..=600_000))]
    block_time: u64,
    /// Longest wait for an idle and cool device, seconds
    #[arg(long, default_value_t = 60, value_name = "S", value_parser = clap::value_parser!(u64).range(0..=3_600))]
    settle: u64,
    /// Also print where the time goes, by operator
    #[arg(long)]
    profile: bool,
    /// Also measure this many whole frames, for models whose manifest has a pipeline
    #[arg(long, default_value_t = 0, value_name = "N", value_parser = clap::value_parser!(u32).range(..=1_000_000))]
    frames: u32,
    /// Also measure loading from packages: all, or some of raw, zstd, encrypted_then_zstd, zstd_then_encrypted
    #[arg(long, value_name = "FORMS", value_delimiter = ',', value_parser = forms)]
    packaging: Vec<Forms>,
    /// Loads from each package
    #[arg(long, default_value_t = MeasurePlan::default().loads, value_parser = clap::value_parser!(u32).range(1..=1_000))]
    loads: u32,
    /// Also measure energy per inference; needs a meter of the device, and no cable that feeds it where that is the battery's
    #[arg(long)]
    energy: bool,
    /// Half of the 95 % interval at which energy is known well enough, per cent
    #[arg(long, default_value_t = 5, value_name = "PERCENT", requires = "energy", value_parser = clap::value_parser!(u8).range(1..=50))]
    energy_width: u8,
    /// Longest time that energy may take for each model, seconds
    #[arg(long, default_value_t = 300, value_name = "S", requires = "energy", value_parser = clap::value_parser!(u64).range(10..=36_000))]
    energy_time: u64,
    /// Also load the device this long with each model and watch its latency go, seconds
    #[arg(long, value_name = "S", value_parser = clap::value_parser!(u64).range(10..=36_000))]
    sustained: Option<u64>,
    /// Folder for the journal of changed clocks, and for packages while they are measured
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
    /// Print the whole report as JSON
    #[arg(long)]
    json: bool,
}

/// Measures and prints.
pub async fn run(arguments: BenchArgs, program: &RunnerProgram) -> anyhow::Result<ExitCode> {
    if arguments.manifest.is_some() && arguments.models.len() > 1 {
        bail!("--manifest is for one model; put MODEL.json beside each of several");
    }
    if arguments.models.len() > 1 && !arguments.references.is_empty() {
        bail!("--reference is for one model");
    }
    let Prepared { spec, artifacts, inputs } = prepare(&arguments)?;
    let folder = arguments.data_dir.clone().or_else(default_data_dir).context("no folder for the journal: set --data-dir")?;
    let device = Device::live();
    let turns_knobs = spec.operating_point.frequency != Frequency::Unpinned || !arguments.knobs.is_empty();
    let _taken = take_for_one_session(&folder, &device, turns_knobs)?;
    let known = probe(&device, None);
    let context = Context {
        device: &device,
        known: &known,
        artifacts: &artifacts,
        inputs: &inputs,
        asked: &arguments.knobs,
        state_folder: &folder,
        address_space: Config::default().address_space(),
        cable: None,
        observer: &show,
    };
    let measuring = session::run(session::new_report_id(), spec, context, program);
    let report = tokio::select! {
        report = measuring => report,
        _ = tokio::signal::ctrl_c() => {
            clear();
            bail!("stopped; the device is restored");
        }
    };
    clear();
    if arguments.json {
        super::print(&serde_json::to_string_pretty(&report).context("cannot write the report")?);
    } else {
        super::print(summary::describe(&report, &known).trim_end());
    }
    Ok(if summary::good(&report) { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// What is measured, and the files that it needs.
struct Prepared {
    spec: SessionSpec,
    artifacts: Artifacts,
    inputs: Vec<InputFile>,
}

fn prepare(arguments: &BenchArgs) -> anyhow::Result<Prepared> {
    let mut artifacts: Artifacts = BTreeMap::new();
    let mut subjects = Vec::new();
    let mut inputs = Vec::new();
    let engine = engine(arguments, &mut artifacts)?;
    let tolerance = Tolerance { max_relative_error: arguments.max_relative_error, min_cosine: arguments.min_cosine };
    for model in &arguments.models {
        let mut manifest = manifest(model, arguments.manifest.as_deref(), &arguments.inputs)?;
        inputs.extend(feed(&mut manifest, model, &arguments.inputs)?);
        refer(&mut manifest, model, &arguments.references, tolerance)?;
        artifacts.insert(manifest.artifact, Ok(model.clone()));
        let label = model.display().to_string();
        subjects.push(Subject { label, manifest, engine: engine.clone(), threads: arguments.threads });
    }
    inputs.dedup();
    let plan = MeasurePlan {
        blocks: arguments.blocks,
        block_time: Nanos::from(Duration::from_millis(arguments.block_time)),
        max_settle_time: Nanos::from(Duration::from_secs(arguments.settle)),
        profile: arguments.profile,
        frames: arguments.frames,
        packagings: packagings(&arguments.packaging),
        loads: arguments.loads,
        energy: arguments.energy.then(|| EnergyPlan {
            width: f64::from(arguments.energy_width) / 100.0,
            max_time: Nanos::from(Duration::from_secs(arguments.energy_time)),
        }),
        sustained: arguments.sustained.map(|seconds| Nanos::from(Duration::from_secs(seconds))),
        ..MeasurePlan::default()
    };
    let operating_point = OperatingPoint { cores: arguments.cores.clone(), frequency: arguments.freq };
    Ok(Prepared { spec: SessionSpec { subjects, operating_point, plan }, artifacts, inputs })
}

/// The engine of the command line, with the file of its library or program.
fn engine(arguments: &BenchArgs, artifacts: &mut Artifacts) -> anyhow::Result<EngineRef> {
    let mut engine = EngineRef::named(&arguments.engine);
    if let Some(library) = &arguments.library {
        let bytes = std::fs::read(library).with_context(|| format!("cannot read the engine {}", library.display()))?;
        let id = ArtifactId::of(&bytes);
        artifacts.insert(id, Ok(library.clone()));
        engine.build = Some(id);
    }
    engine.adapter = arguments.adapter.as_deref().map(adapter::load).transpose()?;
    Ok(engine)
}

/// What one word of `--packaging` names.
type Forms = &'static [Packaging];

fn forms(text: &str) -> Result<Forms, String> {
    let named = || Packaging::ALL.iter().position(|form| form.name() == text.trim()).map(|place| &Packaging::ALL[place..=place]);
    match text.trim() {
        "all" => Ok(&Packaging::ALL),
        other => named().ok_or_else(|| {
            let names: Vec<&str> = Packaging::ALL.iter().map(|form| form.name()).collect();
            format!("'{other}' is no packaging: all, {}", names.join(", "))
        }),
    }
}

/// Each form once, in the order they are shown.
fn packagings(named: &[Forms]) -> Vec<Packaging> {
    named.iter().flat_map(|forms| forms.iter().copied()).collect::<BTreeSet<_>>().into_iter().collect()
}

/// One line on a terminal, rewritten; nothing elsewhere.
fn show(heartbeat: Heartbeat) {
    let mut terminal = std::io::stderr().lock();
    if terminal.is_terminal() {
        let line = format!("\r\x1b[K{} ({} of {} blocks)", heartbeat.phase, heartbeat.done, heartbeat.total);
        // A terminal that went away sees nothing.
        let _ = terminal.write_all(line.as_bytes()).and_then(|()| terminal.flush());
    }
}

fn clear() {
    let mut terminal = std::io::stderr().lock();
    if terminal.is_terminal() {
        let _ = terminal.write_all(b"\r\x1b[K").and_then(|()| terminal.flush());
    }
}
