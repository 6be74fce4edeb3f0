//! `benchrack serve`: the server, until it is told to stop.

use std::path::PathBuf;

use benchrack_server::{Server, ServerConfig};
use clap::Args;

use crate::exit::{Blame, Exit, Failure, Outcome};
use crate::output;

/// Run the server: on the database of DATABASE_URL, or on a Postgres of its own in the data folder.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  benchrack serve\n  benchrack serve --listen 127.0.0.1:8080 --data-dir ~/farm\n  DATABASE_URL=postgres://farm@db.example/farm benchrack serve --config config/server.toml"
)]
pub struct Serve {
    /// Configuration; config/server.toml explains each key.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Address and port to listen on; port 0 takes a free one.
    #[arg(long, value_name = "ADDRESS:PORT")]
    listen: Option<std::net::SocketAddr>,
    /// Folder for the embedded database and the artifacts.
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
}

impl Serve {
    pub async fn run(self) -> Outcome {
        let config = configuration(self.config, self.listen, self.data_dir)?;
        let server = Server::start(config).await.infrastructure("the server did not start")?;
        output::line(format!("benchrack is at http://{}; Ctrl-C stops it", server.address()))?;
        stopped().await?;
        server.stop().await;
        Ok(Exit::Pass)
    }
}

/// The file's settings with the flags above them.
pub fn configuration(
    file: Option<PathBuf>,
    listen: Option<std::net::SocketAddr>,
    data_dir: Option<PathBuf>,
) -> Result<ServerConfig, Failure> {
    let mut config = ServerConfig::load(file.as_deref(), environment).usage("the server's configuration cannot be used")?;
    if let Some(listen) = listen {
        config.listen = listen;
    }
    config.data_dir = data_dir.or(config.data_dir);
    config.check().usage("the server's configuration cannot be used")?;
    Ok(config)
}

/// A variable of the environment; text that is not UTF-8 counts as not set.
pub fn environment(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// Until Ctrl-C or SIGTERM.
pub async fn stopped() -> Result<(), Failure> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate()).infrastructure("cannot listen for SIGTERM")?;
    tokio::select! {
        result = tokio::signal::ctrl_c() => result.infrastructure("cannot listen for Ctrl-C"),
        _ = terminate.recv() => Ok(()),
    }
}
