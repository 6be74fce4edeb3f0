//! `benchrack demo`: the whole farm on this machine: database, zoo, server, agent, starter suite, table, dashboard.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use benchrack_client::Client;
use benchrack_protocol::api::{Device, NewSubmission};
use benchrack_protocol::engine::BUILT_IN_ENGINE;
use benchrack_protocol::suite::Suite;
use benchrack_server::{Server, default_cache_dir, default_data_dir};
use benchrack_zoo::Built;
use clap::Args;
use tokio::process::{Child, Command};
use tokio::task::JoinHandle;

use super::serve::{configuration, environment, stopped};
use super::{submit, zoo};
use crate::context::Context;
use crate::exit::{Blame, Exit, Failure, Outcome, infrastructure};
use crate::onnxruntime::{self, Library};
use crate::output;
use crate::{engine_file, local, model_file};

/// The suite that the demo measures; compiled in, so that the binary alone is enough.
const STARTER: &str = include_str!("../../../../config/suites/starter.toml");
/// Seed of the zoo's weights: the same files on every machine.
const ZOO_SEED: u64 = 1;
/// The port tried first, so that the printed address is mostly the same.
const PORT: u16 = 7070;
/// Name of this machine in the demo's farm.
const AGENT_NAME: &str = "this-machine";
/// An agent that starts on a busy machine may take this long to say so.
const AGENT_START: Duration = Duration::from_secs(60);

/// Run the whole farm on this machine and measure the starter suite, on ONNX Runtime too where its library is found.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  benchrack demo                 # measure, print the table, keep the dashboard up until Ctrl-C\n  benchrack demo --exit          # leave after the table\n  benchrack demo --exit --json   # the runs as JSON"
)]
pub struct Demo {
    /// Leave after the table instead of keeping the dashboard up.
    #[arg(long)]
    exit: bool,
    /// Another suite than the starter one.
    #[arg(long, value_name = "FILE")]
    suite: Option<PathBuf>,
    /// Folder for database, models and logs; history is kept in it.
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
    /// Port of the dashboard; a free one when this is taken.
    #[arg(long, default_value_t = PORT)]
    port: u16,
}

impl Demo {
    pub async fn run(self, context: &Context) -> Outcome {
        let suite = match &self.suite {
            Some(file) => submit::read_suite(file)?,
            None => toml::from_str(STARTER).infrastructure("the compiled-in suite cannot be read")?,
        };
        let config = configuration(None, Some(free_address(self.port)), self.data_dir)?;
        let data_dir = config.data_dir.clone().unwrap_or_else(|| default_data_dir(environment));
        let building = tokio::task::spawn_blocking({
            let (models, folder, quiet) = (suite.models.clone(), data_dir.join("zoo"), context.quiet);
            move || zoo::build(&models, &folder, ZOO_SEED, quiet)
        });
        let cache = config.cache_dir.clone().unwrap_or_else(|| default_cache_dir(environment));
        let wants_onnxruntime = suite.engines.iter().any(|engine| is_onnxruntime(engine));
        let finding = tokio::task::spawn_blocking(move || wants_onnxruntime.then(|| onnxruntime::find(&cache)).transpose());
        let server = Server::start(config).await.infrastructure("the server did not start")?;
        let address = format!("http://{}", server.address());
        if !context.quiet {
            eprintln!("dashboard: {address}");
        }
        let client = context.client_of(&address)?;
        let mut agent = start_agent(&address, &data_dir)?;
        let prepared = Prepared { building, finding, suite };
        let done = measure(&client, &mut agent, prepared, &data_dir, context.quiet).await;
        let result = match done {
            Ok(submission) => {
                let runs = submit::results(&client, &submission).await?;
                if context.json {
                    output::json(&runs)?;
                } else {
                    submit::print(&client, &submission, &runs).await?;
                }
                if !self.exit {
                    eprintln!("compare the models at {address}/compare; Ctrl-C ends the demo");
                    stopped().await?;
                }
                if submission.jobs.iter().all(|job| job.state == "done") {
                    Ok(Exit::Pass)
                } else {
                    Err(infrastructure("some sessions failed; their reasons are above"))
                }
            }
            Err(failure) => Err(failure),
        };
        stop_agent(agent).await;
        server.stop().await;
        result
    }
}

/// What is being prepared while the server starts.
struct Prepared {
    building: JoinHandle<Result<Vec<Built>, Failure>>,
    /// None when the suite does not ask for ONNX Runtime; the inner error is why there is none.
    finding: JoinHandle<Result<Option<Result<Library, String>>, Failure>>,
    suite: Suite,
}

fn is_onnxruntime(engine: &str) -> bool {
    engine.split('@').next() == Some(onnxruntime::NAME)
}

/// Adds ONNX Runtime where it was found. Where it was not, the suite goes without it, and a person hears why.
async fn add_onnxruntime(client: &Client, found: Result<Library, String>, suite: &mut Suite) -> Result<(), Failure> {
    match found {
        Ok(library) => {
            let engine = engine_file::add(client, &library.path, library.describe()).await?;
            let build = engine.build;
            eprintln!(
                "engines: {} inside the agent, and ONNX Runtime {} ({}, {})",
                BUILT_IN_ENGINE, build.version, build.origin, build.size
            );
        }
        Err(why) => eprintln!("{}", go_without(suite, &why)?),
    }
    Ok(())
}

/// Takes ONNX Runtime out of the suite; what a person is told.
fn go_without(suite: &mut Suite, why: &str) -> Result<String, Failure> {
    suite.engines.retain(|engine| !is_onnxruntime(engine));
    if suite.engines.is_empty() {
        return Err(infrastructure(format!("the suite asks for ONNX Runtime alone, and it is not here: {why}")));
    }
    let variable = onnxruntime::VARIABLE;
    Ok(format!(
        "ONNX Runtime is not measured: {why}. To measure it, install the Python package onnxruntime, or name a library with {variable}"
    ))
}

async fn measure(
    client: &Client,
    agent: &mut Child,
    prepared: Prepared,
    data_dir: &Path,
    quiet: bool,
) -> Result<benchrack_protocol::api::Submission, Failure> {
    let Prepared { building, finding, mut suite } = prepared;
    if let Some(found) = finding.await.infrastructure("looking for ONNX Runtime was interrupted")?? {
        add_onnxruntime(client, found, &mut suite).await?;
    }
    let built = building.await.infrastructure("building the zoo was interrupted")??;
    for model in built {
        model_file::add(client, &model.path, model.manifest, "zoo").await?;
    }
    let device = wait_for_agent(client, agent, data_dir).await?;
    let submission = client.submit(&NewSubmission { suite, devices: format!("key={}", device.key) }).await?;
    tokio::select! {
        done = submit::watch(client, submission, quiet) => done,
        status = agent.wait() => Err(agent_ended(status, data_dir)),
        interrupted = stopped() => {
            interrupted?;
            Err(infrastructure("interrupted; sessions that were not measured run on the next start"))
        }
    }
}

/// The wished port on loopback when it is free, else one that the system chooses.
fn free_address(port: u16) -> SocketAddr {
    let wished = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    match std::net::TcpListener::bind(wished) {
        Ok(_) => wished,
        Err(error) => {
            eprintln!("port {port} cannot be used ({error}); taking a free one");
            SocketAddr::from((Ipv4Addr::LOCALHOST, 0))
        }
    }
}

/// Starts this program's own agent as a process of its own, as it runs on a phone.
fn start_agent(server: &str, data_dir: &Path) -> Result<Child, Failure> {
    let program = std::env::current_exe().infrastructure("cannot find this program's own file")?;
    let log = agent_log(data_dir);
    let file = std::fs::File::create(&log).infrastructure(format!("cannot write {}", log.display()))?;
    Command::new(program)
        .args(["agent", "run", "--server", server, "--name", AGENT_NAME, "--data-dir"])
        .arg(data_dir.join("agent"))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(file)
        .kill_on_drop(true)
        .spawn()
        .infrastructure("cannot start the agent")
}

fn agent_log(data_dir: &Path) -> PathBuf {
    data_dir.join("agent.log")
}

/// Waits until this machine is in the list and not offline: the agent has said that it is there.
async fn wait_for_agent(client: &Client, agent: &mut Child, data_dir: &Path) -> Result<Device, Failure> {
    let pid = agent.id();
    // A machine without an identity of its own, as many containers are, gets its key from the agent's folder, so that
    // only the name is known here; the name of an earlier demo's device may be that of the host.
    let key = local::device_key();
    let ours = |device: &Device| device.key == key || device.name == AGENT_NAME;
    let seen = async {
        loop {
            let devices = client.devices().await?;
            if let Some(device) = devices.into_iter().find(|device| ours(device) && device.state != "offline") {
                return Ok::<_, Failure>(device);
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    tokio::select! {
        device = tokio::time::timeout(AGENT_START, seen) => match device {
            Ok(device) => device,
            Err(_) => Err(infrastructure(format!(
                "the agent (process {pid:?}) did not register within {} s; see {}", AGENT_START.as_secs(), agent_log(data_dir).display()
            ))),
        },
        status = agent.wait() => Err(agent_ended(status, data_dir)),
    }
}

fn agent_ended(status: std::io::Result<std::process::ExitStatus>, data_dir: &Path) -> Failure {
    let how = status.map_or_else(|error| error.to_string(), |status| status.to_string());
    infrastructure(format!("the agent ended ({how}); see {}", agent_log(data_dir).display()))
}

/// SIGTERM lets the agent restore what it set; a second later than it needs, it is killed.
async fn stop_agent(mut agent: Child) {
    if let Some(pid) = agent.id().and_then(|pid| rustix::process::Pid::from_raw(pid.cast_signed()))
        && let Err(error) = rustix::process::kill_process(pid, rustix::process::Signal::TERM)
    {
        tracing::debug!(%error, "the agent had ended");
    }
    if tokio::time::timeout(Duration::from_secs(10), agent.wait()).await.is_err()
        && let Err(error) = agent.kill().await
    {
        tracing::warn!(%error, "the agent could not be stopped");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_onnxruntime_the_starter_suite_measures_the_engine_inside_and_says_why() {
        let mut suite: Suite = toml::from_str(STARTER).unwrap();
        assert!(suite.engines.iter().any(|engine| is_onnxruntime(engine)), "the starter suite asks for both");
        let said = go_without(&mut suite, "pip3 is not installed").unwrap();
        assert_eq!(suite.engines, [BUILT_IN_ENGINE]);
        assert!(said.contains("pip3 is not installed") && said.contains(onnxruntime::VARIABLE), "{said}");
        suite.engines = vec!["onnxruntime@1.32.0".into()];
        assert!(go_without(&mut suite, "why").is_err(), "nothing would be left to measure");
    }
}
