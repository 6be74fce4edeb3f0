//! The agent's commands, for its own program and for `benchrack agent` on hosts.

mod baseline;
mod bench;
mod calibrate;
mod capture;
mod frame_bench;
mod guardian;
mod knobs;
mod model_file;
mod overhead;
mod probe;
mod summary;
mod work;

use std::io::IsTerminal;
use std::process::ExitCode;

use benchrack_protocol::device::DeviceReport;
use clap::Subcommand;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::prelude::*;

use crate::device::Device;
use crate::runner::{self, RunnerArgs};
pub use crate::runner_process::RunnerProgram;

/// What an agent can be told to do.
#[derive(Debug, Subcommand)]
#[expect(clippy::large_enum_variant, reason = "one is made in the life of a program")]
pub enum AgentCommand {
    /// Work for a server: take sessions, measure, report, until stopped
    Run(work::RunArgs),
    /// Print what this device is and what may be done on it
    Probe(probe::ProbeArgs),
    /// Print which knobs are on this device and which of them may be turned
    Knobs(knobs::KnobsArgs),
    /// Measure models here and now, without a server
    Bench(bench::BenchArgs),
    /// Prove unit and sign of this device's battery current, once
    Calibrate(calibrate::CalibrateArgs),
    /// Write what this device answers into one file, for tests and for a bug report
    Capture(capture::CaptureArgs),
    /// Serve the runner protocol on standard input and output
    #[command(hide = true)]
    Runner(RunnerArgs),
    /// Restore knobs when the agent that started this died
    #[command(hide = true)]
    Guardian(guardian::GuardianArgs),
    /// Measure what measuring costs: the agent against the engine's bare loop
    #[command(hide = true)]
    Overhead(overhead::OverheadArgs),
    /// Run an engine's bare loop for `overhead`
    #[command(hide = true, name = baseline::BARE_LOOP)]
    BareLoop,
    /// Compare the conversion of camera frames with OpenCV's: speed and pixels
    #[command(hide = true)]
    FrameBench(frame_bench::FrameBenchArgs),
}

/// Does it. `program` says how a runner is started: `benchrack-agent runner`, or `benchrack agent runner`.
///
/// Starts a runtime and a log of its own: not to be called from within a runtime.
///
/// # Errors
/// What went wrong, with its causes; the exit code is then 1.
pub fn run(command: AgentCommand, program: RunnerProgram) -> anyhow::Result<ExitCode> {
    start_log();
    match command {
        AgentCommand::Run(arguments) => runtime()?.block_on(work::run(arguments, &program)),
        AgentCommand::Probe(arguments) => probe::run(&arguments),
        AgentCommand::Bench(arguments) => runtime()?.block_on(bench::run(arguments, &program)),
        AgentCommand::Calibrate(arguments) => runtime()?.block_on(calibrate::run(arguments)),
        AgentCommand::Capture(arguments) => capture::run(&arguments),
        AgentCommand::Knobs(arguments) => runtime()?.block_on(knobs::run(&arguments)),
        AgentCommand::Guardian(arguments) => guardian::run(&arguments),
        AgentCommand::Runner(arguments) => {
            runner::serve(&arguments)?;
            Ok(ExitCode::SUCCESS)
        }
        AgentCommand::BareLoop => baseline::serve_bare().map(|()| ExitCode::SUCCESS),
        AgentCommand::FrameBench(arguments) => frame_bench::run(&arguments),
        AgentCommand::Overhead(arguments) => runtime()?.block_on(overhead::run(arguments, &program)),
    }
}

/// What this machine is.
pub fn this_device(device: &Device) -> DeviceReport {
    crate::probe::probe(device, None)
}

/// To standard error, because a runner's standard output is its protocol. `BENCHRACK_LOG` is a level, or a list such as
/// `info,benchrack_agent::session=debug`; one that cannot be read is said and counts as `info`.
fn start_log() {
    let asked = std::env::var("BENCHRACK_LOG").ok().filter(|text| !text.is_empty()).map(|text| text.parse::<Targets>());
    let info = || Targets::new().with_default(LevelFilter::INFO);
    let (filter, wrong) = match asked {
        Some(Ok(filter)) => (filter, None),
        Some(Err(error)) => (info(), Some(error)),
        None => (info(), None),
    };
    let colours = std::io::stderr().is_terminal();
    let lines = tracing_subscriber::fmt::layer().with_writer(std::io::stderr).with_target(false).with_ansi(colours);
    if let Err(error) = tracing_subscriber::registry().with(lines).with(filter).try_init() {
        tracing::debug!(%error, "the program has a log already");
    }
    if let Some(error) = wrong {
        tracing::warn!(%error, "BENCHRACK_LOG cannot be read");
    }
}

/// One thread: an agent waits most of its life, and must not disturb what it measures.
fn runtime() -> std::io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()
}

/// Prints to standard output; a reader that went away is no error of ours.
fn print(text: &str) {
    use std::io::Write;
    let mut output = std::io::stdout().lock();
    let _ = output.write_all(text.as_bytes()).and_then(|()| output.write_all(b"\n"));
}
