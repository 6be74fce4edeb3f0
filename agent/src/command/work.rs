//! `benchrack-agent run`.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use benchrack_client::Client;
use clap::Args;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::oneshot;

#[cfg(feature = "twins")]
use crate::clock::{Clock, LiveClock};
use crate::config::{Config, token_from_environment};
use crate::device::Device;
use crate::runner_process::RunnerProgram;
#[cfg(feature = "twins")]
use crate::twin::{Paced, Speed, Twin, keep_pace};
use crate::work::{Farm, Worker};

const EXAMPLES: &str = "Examples:
  benchrack-agent run                                        server and defaults of config/agent.toml
  benchrack-agent run --config /etc/benchrack/agent.toml
  BENCHRACK_TOKEN=... benchrack-agent run --server http://rack:7070 --name pixel-8-a";

#[cfg(feature = "twins")]
const TWINS: &str = "
  benchrack-agent run --twin config/twins/google-pixel-6.twin --speed 60 --name pixel-6-twin

A twin is a simulated phone: the same work, a minute in each second at speed 60, and all its figures marked simulated.";
#[cfg(not(feature = "twins"))]
const TWINS: &str = "";

const ENDS: &str =
    "Ctrl-C and SIGTERM give the lease back, restore clocks and end; SIGUSR1 ends after the session under way. After kill -9
the next start restores them.";

/// Arguments of `run`; flags override the configuration.
#[derive(Debug, Args)]
#[command(after_help = format!("{EXAMPLES}{TWINS}\n\n{ENDS}"))]
pub struct RunArgs {
    /// Configuration file
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Address of the server
    #[arg(long, env = "BENCHRACK_SERVER", value_name = "URL")]
    server: Option<String>,
    /// File that holds the token; BENCHRACK_TOKEN holds the token itself
    #[arg(long, env = "BENCHRACK_TOKEN_FILE", value_name = "FILE")]
    token_file: Option<PathBuf>,
    /// Name of this device in the farm
    #[arg(long)]
    name: Option<String>,
    /// Folder for models, undelivered reports and the journal of changed clocks
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
    /// Work as the twin in this file, in place of this machine
    #[cfg(feature = "twins")]
    #[arg(long, value_name = "FILE")]
    twin: Option<PathBuf>,
    /// Simulated seconds in a real one
    #[cfg(feature = "twins")]
    #[arg(long, value_name = "N", default_value = "1", requires = "twin")]
    speed: Speed,
    /// End when standard input does: the program that started this one is gone
    #[arg(long, hide = true)]
    while_stdin: bool,
}

impl RunArgs {
    fn config(self) -> anyhow::Result<Config> {
        let mut config = match &self.config {
            Some(file) => Config::load(file)?,
            None => Config::default(),
        };
        config.server = self.server.unwrap_or(config.server);
        config.token_file = self.token_file.or(config.token_file);
        config.name = self.name.unwrap_or(config.name);
        config.data_dir = self.data_dir.or(config.data_dir);
        Ok(config.checked()?)
    }
}

/// Works until told to stop.
pub async fn run(arguments: RunArgs, program: &RunnerProgram) -> anyhow::Result<ExitCode> {
    #[cfg(feature = "twins")]
    let (twin, speed) = (arguments.twin.clone(), arguments.speed);
    let input = arguments.while_stdin.then(end_of_stdin);
    let config = arguments.config()?;
    let token = match token_from_environment() {
        Some(token) => Some(token),
        None => config.token()?,
    };
    let client = Client::new(&config.server, token.as_ref().map(|token| token.expose()))?;
    #[cfg(feature = "twins")]
    if let Some(file) = twin {
        let device = Twin::load(&file)?.device_at(LiveClock.wall());
        let farm = Paced::new(client);
        tokio::select! {
            biased;
            worked = work(&farm, &config, &device, program, input) => worked?,
            () = keep_pace(speed, &farm) => {}
        }
        return Ok(ExitCode::SUCCESS);
    }
    work(client, &config, &Device::live(), program, input).await?;
    Ok(ExitCode::SUCCESS)
}

/// A thread tells when standard input has ended; it waits in a read, which nothing else could end.
fn end_of_stdin() -> oneshot::Receiver<()> {
    let (sender, receiver) = oneshot::channel();
    std::thread::spawn(move || {
        let ended = std::io::copy(&mut std::io::stdin().lock(), &mut std::io::sink());
        // The agent may be at its end already.
        let _ = sender.send(());
        ended
    });
    receiver
}

async fn work(
    farm: impl Farm,
    config: &Config,
    device: &Device,
    program: &RunnerProgram,
    input: Option<oneshot::Receiver<()>>,
) -> anyhow::Result<()> {
    let folder = config.folder()?;
    tracing::info!(server = config.server, data_dir = %folder.display(), "the agent begins");
    let mut worker = Worker::new(farm, config, device, program, folder)?;
    let listen = |kind| signal(kind).context("cannot listen for signals");
    let (mut terminate, mut interrupt) = (listen(SignalKind::terminate())?, listen(SignalKind::interrupt())?);
    // A terminal or an adb shell that goes away.
    let mut hangup = listen(SignalKind::hangup())?;
    let input_ended = async {
        match input {
            Some(ended) => drop(ended.await),
            None => std::future::pending().await,
        }
    };
    let stop = async {
        tokio::select! {
            () = input_ended => {}
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
            _ = hangup.recv() => {}
        }
        tracing::info!("stopping: the device is restored first");
    };
    let mut finish = listen(SignalKind::user_defined1())?;
    let drain = async {
        finish.recv().await;
        tracing::info!("draining: no session after this one");
    };
    Ok(worker.run_or_drain(stop, drain).await?)
}
