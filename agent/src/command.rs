//! The agent's commands, for its own program and for `benchrack agent` on hosts.

mod bench;
mod capture;
mod model_file;
mod overhead;
mod probe;
mod summary;
mod work;

use std::process::ExitCode;

use clap::Subcommand;

use crate::runner::{self, RunnerArgs};
pub use crate::runner_process::RunnerProgram;
pub use probe::here as this_device;

/// What an agent can be told to do.
#[derive(Debug, Subcommand)]
pub enum AgentCommand {
    /// Work for a server: take sessions, measure, report, until stopped
    Run(work::RunArgs),
    /// Print what this device is and what may be done on it
    Probe(probe::ProbeArgs),
    /// Measure models here and now, without a server
    Bench(bench::BenchArgs),
    /// Write what this device answers into one file, for tests and for a bug report
    Capture(capture::CaptureArgs),
    /// Serve the runner protocol on standard input and output
    #[command(hide = true)]
    Runner(RunnerArgs),
    /// Measure what measuring costs: the agent against the engine's bare loop
    #[command(hide = true)]
    Overhead(overhead::OverheadArgs),
}

/// Does it. `program` says how a runner is started: `benchrack-agent runner`, or `benchrack agent runner`.
///
/// Starts a runtime of its own: not to be called from within one.
///
/// # Errors
/// What went wrong, with its causes; the exit code is then 1.
pub fn run(command: AgentCommand, program: RunnerProgram) -> anyhow::Result<ExitCode> {
    match command {
        AgentCommand::Run(arguments) => runtime()?.block_on(work::run(arguments, &program)),
        AgentCommand::Probe(arguments) => probe::run(&arguments),
        AgentCommand::Bench(arguments) => runtime()?.block_on(bench::run(arguments, &program)),
        AgentCommand::Capture(arguments) => capture::run(&arguments),
        AgentCommand::Runner(arguments) => {
            runner::serve(&arguments)?;
            Ok(ExitCode::SUCCESS)
        }
        AgentCommand::Overhead(arguments) => runtime()?.block_on(overhead::run(arguments, &program)),
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
