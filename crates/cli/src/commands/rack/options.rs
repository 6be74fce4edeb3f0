//! The rack's configuration, flags above its file, and the host that they make.

use std::net::SocketAddr;
use std::path::PathBuf;

use benchrack_agent::config::state_folder;
use benchrack_rack::abi::{Agents, usual_folder};
use benchrack_rack::config::Config;
use benchrack_rack::host::{Host, PowerCommand, WayBack};
use benchrack_rack::place::Place;
use benchrack_rack::ports::Journal;
use benchrack_rack::reach::SshHost;
use benchrack_rack::{Adb, AdbServer};
use clap::Args;

use crate::context::Context;
use crate::exit::{Blame, Failure, usage};

/// Flags above the configuration.
#[derive(Debug, Args)]
pub(super) struct Options {
    /// Configuration; config/rack.toml explains each key.
    #[arg(long, value_name = "FILE", global = true)]
    config: Option<PathBuf>,
    /// The adb program.
    #[arg(long, value_name = "PROGRAM", global = true)]
    adb: Option<PathBuf>,
    /// An adb server; may be given several times.
    #[arg(long, value_name = "HOST:PORT", global = true)]
    adb_server: Vec<AdbServer>,
    /// A Linux board by ssh, user@host; may be given several times. ssh must get in by a key.
    #[arg(long, value_name = "DESTINATION", global = true)]
    ssh: Vec<String>,
    /// Folder for the agent on boards.
    #[arg(long, value_name = "DIR", global = true)]
    board_dir: Option<String>,
    /// Folder with the agents, as `cargo xtask agent-build` makes it.
    #[arg(long, value_name = "DIR", env = "BENCHRACK_AGENTS", global = true)]
    agents: Option<PathBuf>,
    /// Address of the server as phones reach it; when left out they reach this host's server through `adb reverse`.
    #[arg(long, value_name = "URL", global = true)]
    phone_server: Option<String>,
    /// Port on the phones' loopback that leads to the server.
    #[arg(long, value_name = "PORT", value_parser = clap::value_parser!(u16).range(1..), global = true)]
    phone_port: Option<u16>,
    /// Command that switches the power of a phone's port off and on: 'uhubctl -l {hub} -p {nth} -a cycle'.
    #[arg(long, value_name = "COMMAND", global = true)]
    power_cycle: Option<PowerCommand>,
    /// Command that switches the power of a phone's port off for an energy session: 'uhubctl -l {hub} -p {nth} -a off'.
    #[arg(long, value_name = "COMMAND", global = true)]
    power_off: Option<PowerCommand>,
    /// Command that switches it on again.
    #[arg(long, value_name = "COMMAND", global = true)]
    power_on: Option<PowerCommand>,
    /// Folder for the journal of ports that are off.
    #[arg(long, value_name = "DIR", global = true)]
    state_dir: Option<PathBuf>,
    /// Leave phones' own settings as they are.
    #[arg(long, global = true)]
    unprepared: bool,
    /// File for the watch's figures, for the textfile collector of Prometheus' node_exporter.
    #[arg(long, value_name = "FILE")]
    metrics_file: Option<PathBuf>,
    /// Name of this host in the farm's labels.
    #[arg(long, value_name = "NAME", global = true)]
    host_name: Option<String>,
}

impl Options {
    /// The file's settings with the flags above them.
    pub(super) fn configuration(self) -> Result<Config, Failure> {
        let mut config = match &self.config {
            Some(file) => Config::load(file).usage("the rack's configuration cannot be used")?,
            None => Config::default(),
        };
        config.name = self.host_name.or(config.name);
        config.adb = self.adb.unwrap_or(config.adb);
        if !self.adb_server.is_empty() {
            config.adb_servers = self.adb_server;
        }
        if !self.ssh.is_empty() {
            config.boards = self.ssh;
        }
        config.board_dir = self.board_dir.unwrap_or(config.board_dir);
        config.agents = self.agents.or(config.agents);
        config.phone_server = self.phone_server.or(config.phone_server);
        config.phone_port = self.phone_port.unwrap_or(config.phone_port);
        config.power_cycle = self.power_cycle.or(config.power_cycle);
        config.power_off = self.power_off.or(config.power_off);
        config.power_on = self.power_on.or(config.power_on);
        config.state_dir = self.state_dir.or(config.state_dir);
        config.prepare &= !self.unprepared;
        config.metrics_file = self.metrics_file.or(config.metrics_file);
        Ok(config)
    }
}

/// As people call this host.
pub(super) fn host_name(config: &Config) -> String {
    let system = || rustix::system::uname().nodename().to_string_lossy().into_owned();
    config.name.clone().unwrap_or_else(system)
}

/// This host as the configuration has it.
pub(super) fn host(config: &Config, context: &Context) -> Result<Host, Failure> {
    let adb = |server| Adb { program: config.adb.clone(), server, ..Adb::default() };
    let adbs = if config.adb_servers.is_empty() {
        vec![adb(None)]
    } else {
        config.adb_servers.iter().map(|server| adb(Some(server.clone()))).collect()
    };
    let place = Place::at(&config.board_dir).map_err(usage)?;
    let board = |destination: &String| Ok((SshHost::new(destination)?, place.clone()));
    let boards = config.boards.iter().map(board).collect::<Result<Vec<_>, String>>().map_err(usage)?;
    let agents = match &config.agents {
        Some(folder) => folder.clone(),
        None => usual_folder(&std::env::current_exe().infrastructure("cannot find this program's own file")?),
    };
    let state = config.state_dir.clone().or_else(|| state_folder("benchrack-rack"));
    Ok(Host {
        name: host_name(config),
        adbs,
        boards,
        client: context.client()?,
        agents: Agents::in_folder(agents),
        way_back: way_back(config, &context.server)?,
        prepares: config.prepare,
        power: config.power_cycle.clone(),
        detach: config.detaching().usage("the rack's configuration cannot be used")?,
        ports: Journal::in_folder(&state.ok_or_else(|| usage("no folder for the journal of ports: give --state-dir"))?),
    })
}

/// Phones reach a server of this host through adb; another one needs an address of its own.
fn way_back(config: &Config, server: &str) -> Result<WayBack, Failure> {
    if let Some(address) = &config.phone_server {
        return Ok(WayBack::Address(address.clone()));
    }
    let host_port = loopback_port(server).ok_or_else(|| {
        usage(format!(
            "phones cannot reach {server} through adb, which leads to this host alone: name an address that they can reach \
             themselves, --phone-server http://ADDRESS:PORT"
        ))
    })?;
    Ok(WayBack::Reverse { phone_port: config.phone_port, host_port })
}

/// The port of a plain http address on this host's loopback.
fn loopback_port(server: &str) -> Option<u16> {
    let rest = server.strip_prefix("http://")?.trim_end_matches('/');
    let rest = rest.strip_prefix("localhost").map_or_else(|| rest.to_owned(), |port| format!("127.0.0.1{port}"));
    let address: SocketAddr = rest.parse().ok()?;
    address.ip().is_loopback().then_some(address.port())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, clap::Parser)]
    struct Program {
        #[command(flatten)]
        options: Options,
    }

    #[test]
    fn flags_override_the_file_and_leave_the_rest_of_it() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "name = 'file'\nadb_servers = ['a:1']\nphone_port = 7071\nprepare = true\n").unwrap();
        let parsed = |flags: &[&str]| {
            let all = ["rack", "--config", file.path().to_str().unwrap()].into_iter().chain(flags.iter().copied());
            <Program as clap::Parser>::try_parse_from(all).unwrap().options.configuration().unwrap()
        };
        let config = parsed(&["--host-name", "flag", "--adb-server", "b:2", "--adb-server", "c:3", "--unprepared"]);
        let servers: Vec<String> = config.adb_servers.iter().map(ToString::to_string).collect();
        assert_eq!((config.name.as_deref(), servers), (Some("flag"), vec!["b:2".to_owned(), "c:3".to_owned()]));
        assert_eq!((config.phone_port, config.prepare), (7071, false));
        assert_eq!(parsed(&[]).adb_servers.len(), 1);
    }

    #[test]
    fn only_a_server_of_this_host_is_reached_through_adb() {
        for (server, port) in [
            ("http://127.0.0.1:7070", Some(7070)),
            ("http://localhost:80/", Some(80)),
            ("http://[::1]:7070", Some(7070)),
            ("http://10.0.0.2:7070", None),
            ("https://127.0.0.1:7070", None),
            ("http://farm:7070", None),
        ] {
            assert_eq!(loopback_port(server), port, "{server}");
        }
    }
}
