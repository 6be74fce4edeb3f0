//! `benchrack`: the one program of a host.
//!
//! It parses arguments, loads configuration and calls the libraries; each command is a file in `commands/`.

mod child;
mod commands;
mod comparison;
mod context;
mod engine_file;
mod exit;
mod gate;
mod local;
mod local_farm;
mod model_file;
mod onnxruntime;
mod output;
mod series_file;
mod studies;
mod study_text;

use std::process::ExitCode;

use clap::{Args, CommandFactory, Parser, Subcommand};
use tracing_subscriber::EnvFilter;

use context::Context;
use exit::{Exit, Failure, Outcome};

/// A benchmarking farm for deep learning on phones.
#[derive(Debug, Parser)]
#[command(
    name = "benchrack",
    version,
    propagate_version = true,
    after_help = "Start here:\n  benchrack demo     everything on this machine: database, models, agent, measurements, dashboard\n  benchrack serve    a server for a real rack\n\nExit codes: 0 done, 1 rejected (gate), 2 the request makes no sense, 3 inconclusive (gate), 4 infrastructure failed."
)]
struct Program {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    #[command(flatten)]
    Host(HostCommand),
    /// The agent: what `benchrack-agent` is on a phone.
    #[command(subcommand)]
    Agent(benchrack_agent::command::AgentCommand),
}

#[derive(Debug, Subcommand)]
enum HostCommand {
    Demo(With<commands::demo::Demo>),
    Serve(commands::serve::Serve),
    Submit(With<commands::submit::Submit>),
    Models(With<commands::models::Models>),
    Engines(With<commands::engines::Engines>),
    Devices(With<commands::devices::Devices>),
    Runs(With<commands::runs::Runs>),
    Gate(Box<With<commands::gate::Gate>>),
    Verify(With<commands::verify::Verify>),
    Bench(With<commands::bench::Bench>),
    Study(With<commands::study::StudyCommand>),
    Alerts(With<commands::alerts::Alerts>),
    Aa(With<commands::aa::Aa>),
    Changepoints(With<commands::changepoints::Changepoints>),
    #[command(name = "token")]
    Tokens(With<commands::token::Tokens>),
    Zoo(With<commands::zoo::Zoo>),
    Rack(Box<With<commands::rack::Rack>>),
    /// Print the shell's completion script: `benchrack completion bash > /etc/bash_completion.d/benchrack`.
    Completion {
        /// The shell.
        shell: clap_complete::Shell,
    },
}

/// A command with the flags that all of them share; the agent has its own.
#[derive(Debug, Args)]
struct With<C: Args> {
    #[command(flatten)]
    command: C,
    #[command(flatten)]
    context: Context,
}

fn main() -> ExitCode {
    let program = Program::parse();
    // The agent brings its own runtime, small enough for a phone, and its own log settings and exit codes.
    let outcome = match program.command {
        Command::Agent(command) => match local::runner_program() {
            Ok(runner) => match benchrack_agent::command::run(command, runner) {
                Ok(code) => return code,
                Err(error) => Err(Failure { exit: Exit::Rejected, error }),
            },
            Err(failure) => Err(failure),
        },
        Command::Host(command) => run(command),
    };
    match outcome {
        Ok(exit) => exit.into(),
        Err(failure) => {
            eprintln!("error: {:#}", failure.error);
            failure.exit.into()
        }
    }
}

fn run(command: HostCommand) -> Outcome {
    use exit::Blame;
    tracing_subscriber::fmt()
        .with_env_filter(EnvFilter::try_from_env("BENCHRACK_LOG").unwrap_or_else(|_| EnvFilter::new("warn")))
        .with_writer(std::io::stderr)
        .init();
    let runtime = tokio::runtime::Runtime::new().infrastructure("cannot start the runtime")?;
    runtime.block_on(dispatch(command))
}

async fn dispatch(command: HostCommand) -> Outcome {
    match command {
        HostCommand::Demo(With { command, context }) => command.run(&context).await,
        HostCommand::Serve(command) => command.run().await,
        HostCommand::Submit(With { command, context }) => command.run(&context).await,
        HostCommand::Models(With { command, context }) => command.run(&context).await,
        HostCommand::Engines(With { command, context }) => command.run(&context).await,
        HostCommand::Devices(With { command, context }) => command.run(&context).await,
        HostCommand::Runs(With { command, context }) => command.run(&context).await,
        HostCommand::Gate(gate) => {
            let With { command, context } = *gate;
            command.run(&context).await
        }
        HostCommand::Verify(With { command, context }) => command.run(&context),
        HostCommand::Bench(With { command, context }) => command.run(&context).await,
        HostCommand::Study(With { command, context }) => command.run(&context).await,
        HostCommand::Alerts(With { command, context }) => command.run(&context).await,
        HostCommand::Aa(With { command, context }) => command.run(&context).await,
        HostCommand::Changepoints(With { command, context }) => command.run(&context),
        HostCommand::Tokens(With { command, context }) => command.run(&context).await,
        HostCommand::Zoo(With { command, context }) => command.run(&context),
        HostCommand::Rack(rack) => {
            let With { command, context } = *rack;
            command.run(&context).await
        }
        HostCommand::Completion { shell } => {
            clap_complete::generate(shell, &mut Program::command(), "benchrack", &mut std::io::stdout());
            Ok(Exit::Pass)
        }
    }
}
