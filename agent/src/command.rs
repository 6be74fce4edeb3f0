//! The agent's commands, for its own program and for `benchrack agent` on hosts.

mod baseline;
mod bench;
mod calibrate;
mod capture;
mod frame_bench;
mod model_file;
mod overhead;
mod probe;
mod summary;
mod work;

use std::io::IsTerminal;
use std::process::ExitCode;

use benchrack_protocol::device::DeviceReport;
use clap::Subcommand;
use tracing_subscriber::EnvFilter;

use crate::device::Device;
use crate::runner::{self, RunnerArgs};
pub use crate::runner_process::RunnerProgram;

/// What an agent can be told to do.
#[derive(Debug, Subcommand)]
pub enum AgentCommand {
    /// Work for a server: take sessions, measure, report, until stopped
    Run(work::RunArgs),
    /// Print what this device is and what may be done on it
    Probe(probe::ProbeArgs),
    /// Measure models here and now, without a server
    Bench(bench::BenchArgs),
    /// Prove unit and sign of this device's battery current, once
    Calibrate(calibrate::CalibrateArgs),
    /// Write what this device answers into one file, for tests and for a bug report
    Capture(capture::CaptureArgs),
    /// Serve the runner protocol on standard input and output
    #[command(hide = true)]
    Runner(RunnerArgs),
    /// Measure what measuring costs: the agent against the engine's bare loop
    #[command(hide = true)]
    Overhead(overhead::OverheadArgs),
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
        AgentCommand::Runner(arguments) => {
            runner::serve(&arguments)?;
            Ok(ExitCode::SUCCESS)
        }
        AgentCommand::FrameBench(arguments) => frame_bench::run(&arguments),
        AgentCommand::Overhead(arguments) => runtime()?.block_on(overhead::run(arguments, &program)),
    }
}

/// What this machine is.
pub fn this_device(device: &Device) -> DeviceReport {
    crate::probe::probe(device, None)
}

/// To standard error, because a runner's standard output is its protocol.
fn start_log() {
    let filter = EnvFilter::try_from_env("BENCHRACK_LOG").unwrap_or_else(|_| EnvFilter::new("info"));
    let colours = std::io::stderr().is_terminal();
    let log =
        tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_target(false).with_ansi(colours);
    if let Err(error) = log.try_init() {
        tracing::debug!(%error, "the program has a log already");
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
