//! The agent's own program; everything is in the library, which `benchrack agent` carries as well.

use std::process::ExitCode;

use benchrack_agent::command::{AgentCommand, RunnerProgram, run};
use clap::Parser;

/// musl's own allocator maps and unmaps every block above 128 KiB: each tensor of each inference would come as new pages, which
/// cost MobileNet half of its time again (docs/size.md).
#[cfg(target_env = "musl")]
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Measures deep-learning models on the device it runs on
#[derive(Debug, Parser)]
#[command(
    version,
    after_help = "Examples:
  benchrack-agent probe                    what is this device, and what may I do on it
  benchrack-agent bench model.onnx         measure a model here, no server needed
  benchrack-agent run --server http://rack:7070

Logs go to standard error; BENCHRACK_LOG=debug shows more."
)]
struct Arguments {
    #[command(subcommand)]
    command: AgentCommand,
}

fn main() -> anyhow::Result<ExitCode> {
    let arguments = Arguments::parse();
    run(arguments.command, RunnerProgram::this(&["runner"])?)
}
