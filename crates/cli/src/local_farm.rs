//! A farm on this machine for one command: the server, and the agent as a process of its own, as it runs on a phone.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use benchrack_client::Client;
use benchrack_protocol::api::Device;
use benchrack_protocol::engine::BUILT_IN_ENGINE;
use benchrack_server::{Server, ServerConfig, default_cache_dir, default_data_dir};
use tokio::process::{Child, Command};
use tokio::task::JoinHandle;

use crate::commands::serve::{configuration, environment, stopped};
use crate::context::Context;
use crate::exit::{Blame, Failure, infrastructure};
use crate::onnxruntime::{self, Library};
use crate::{child, engine_file, local};

/// The port tried first, so that the printed address is mostly the same.
pub const PORT: u16 = 7070;
/// Name of this machine in its own farm.
const AGENT_NAME: &str = "this-machine";
/// An agent that starts on a busy machine may take this long to say so.
const AGENT_START: Duration = Duration::from_secs(60);
/// It restores what it set when it is asked to end; after this it is killed.
const AGENT_END: Duration = Duration::from_secs(10);

/// Settings of a server on loopback, at this port when it is free.
pub fn settings(port: u16, data_dir: Option<PathBuf>) -> Result<ServerConfig, Failure> {
    configuration(None, Some(free_address(port)), data_dir)
}

/// The folder in which a server of these settings keeps database, models and logs.
pub fn data_dir(config: &ServerConfig) -> PathBuf {
    config.data_dir.clone().unwrap_or_else(|| default_data_dir(environment))
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

/// A running farm. It is to be stopped; dropped without that, the agent is killed and the database follows.
pub struct LocalFarm {
    server: Server,
    agent: Option<Child>,
    data_dir: PathBuf,
    /// Address of the server and its pages.
    pub address: String,
    /// A client of the server.
    pub client: Client,
}

impl LocalFarm {
    /// Starts the server alone: enough to look at what was measured before.
    pub async fn without_agent(config: ServerConfig, context: &Context) -> Result<Self, Failure> {
        let data_dir = data_dir(&config);
        let server = Server::start(config).await.infrastructure("the server did not start")?;
        let address = format!("http://{}", server.address());
        match context.client_of(&address) {
            Ok(client) => Ok(Self { server, agent: None, data_dir, address, client }),
            Err(failure) => {
                server.stop().await;
                Err(failure)
            }
        }
    }

    /// Starts the server, then the agent.
    pub async fn start(config: ServerConfig, context: &Context) -> Result<Self, Failure> {
        let mut farm = Self::without_agent(config, context).await?;
        if !context.quiet {
            eprintln!("dashboard: {}", farm.address);
        }
        match start_agent(&farm.address, &farm.data_dir) {
            Ok(agent) => {
                farm.agent = Some(agent);
                Ok(farm)
            }
            Err(failure) => {
                farm.stop().await;
                Err(failure)
            }
        }
    }

    /// This machine as a device, once its agent has registered.
    pub async fn device(&mut self) -> Result<Device, Failure> {
        let client = self.client.clone();
        // A machine without an identity of its own, as many containers are, gets its key from the agent's folder, so that
        // only the name is known here; the name of an earlier farm's device may be that of the host.
        let key = local::device_key();
        let ours = move |device: &Device| device.key == key || device.name == AGENT_NAME;
        let log = agent_log(&self.data_dir);
        let seen = async move {
            // Until this machine is in the list and not offline: the agent has said that it is there.
            loop {
                let devices = client.devices().await?;
                if let Some(device) = devices.into_iter().find(|device| ours(device) && device.state != "offline") {
                    return Ok::<_, Failure>(device);
                }
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        };
        let in_time = async move {
            match tokio::time::timeout(AGENT_START, seen).await {
                Ok(device) => device,
                Err(_) => {
                    let (seconds, log) = (AGENT_START.as_secs(), log.display());
                    Err(infrastructure(format!("the agent did not register within {seconds} s; see {log}")))
                }
            }
        };
        self.while_measuring(in_time).await
    }

    /// Does this unless the agent ends before it is done.
    pub async fn while_measuring<T>(&mut self, work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
        let Some(agent) = &mut self.agent else { return work.await };
        tokio::select! {
            done = work => done,
            status = agent.wait() => {
                let how = status.map_or_else(|error| error.to_string(), |status| status.to_string());
                Err(infrastructure(format!("the agent ended ({how}); see {}", agent_log(&self.data_dir).display())))
            }
        }
    }

    /// Stops the agent, which restores what it set, then the server and its database.
    pub async fn stop(self) {
        if let Some(agent) = self.agent {
            child::end(agent, AGENT_END, "the agent").await;
        }
        self.server.stop().await;
    }
}

/// What a search for ONNX Runtime gave: nothing when nobody asked for it; the inner error is why there is none.
pub type Looked = Result<Option<Result<Library, String>>, Failure>;

/// Whether a suite means ONNX Runtime by this name.
pub fn is_onnxruntime(engine: &str) -> bool {
    engine.split('@').next() == Some(onnxruntime::NAME)
}

/// Looks for ONNX Runtime's library beside other work, when one of these engines asks for it.
pub fn look_for_onnxruntime(config: &ServerConfig, engines: &[String]) -> JoinHandle<Looked> {
    let cache = config.cache_dir.clone().unwrap_or_else(|| default_cache_dir(environment));
    let wanted = engines.iter().any(|engine| is_onnxruntime(engine) || engine == benchrack_protocol::study::EVERY);
    tokio::task::spawn_blocking(move || wanted.then(|| onnxruntime::find(&cache)).transpose())
}

/// Adds a library that was found, and says so.
pub async fn add_onnxruntime(client: &Client, library: &Library) -> Result<(), Failure> {
    let engine = engine_file::add(client, &library.path, library.describe()).await?;
    let build = engine.build;
    eprintln!(
        "engines: {} inside the agent, and ONNX Runtime {} ({}, {})",
        BUILT_IN_ENGINE, build.version, build.origin, build.size
    );
    Ok(())
}

/// Does this unless a person interrupts it.
pub async fn unless_interrupted<T>(work: impl Future<Output = Result<T, Failure>>, what_becomes: &str) -> Result<T, Failure> {
    tokio::select! {
        done = work => done,
        interrupted = stopped() => {
            interrupted?;
            Err(infrastructure(format!("interrupted; {what_becomes}")))
        }
    }
}

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
