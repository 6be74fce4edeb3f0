//! `benchrack rack`: phones on this host's USB become devices of the farm, and stay at work.

mod metrics;
mod orders;
mod simulate;

use std::io::IsTerminal;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use benchrack_rack::abi::{Agents, usual_folder};
use benchrack_rack::host::{Host, Line, PowerCommand, WayBack, patrol};
use benchrack_rack::place::Place;
use benchrack_rack::reach::SshHost;
use benchrack_rack::watch::{Phase, Policy};
use benchrack_rack::{Adb, AdbError, AdbServer};
use clap::{Args, Subcommand};

use super::serve::stopped;
use crate::context::Context;
use crate::exit::{Blame, Exit, Failure, Outcome, usage};
use crate::output;

/// Bring the phones of this host into the farm and keep them at work, until stopped; the agents work on without it.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  benchrack rack                                     every phone that adb sees joins the farm and stays in it
  benchrack rack list                                what adb sees, and what each phone needs
  benchrack rack deploy                              once, without watching
  benchrack rack status
  benchrack rack logs R58M123
  benchrack rack --adb-server 127.0.0.1:5037 --adb-server 10.0.0.7:5037 --phone-server http://10.0.0.2:7070
  benchrack rack --power-cycle 'uhubctl -l {hub} -p {nth} -a cycle'
  benchrack rack --ssh pi@board1 --phone-server http://10.0.0.2:7070
  benchrack rack --simulate 60                       60 simulated phones on this host

docs/operations.md tells how to build a rack.")]
pub struct Rack {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    options: Options,
    /// Run so many simulated phones on this host in place of a rack.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1_000))]
    simulate: Option<u16>,
    #[command(flatten)]
    simulation: simulate::Simulation,
}

#[derive(Debug, Args)]
struct Options {
    /// The adb program.
    #[arg(long, default_value = "adb", value_name = "PROGRAM", global = true)]
    adb: PathBuf,
    /// An adb server; may be given several times. adb's own choice when left out, which is started when it is not there.
    #[arg(long, value_name = "HOST:PORT", global = true)]
    adb_server: Vec<AdbServer>,
    /// A Linux board by ssh, user@host; may be given several times. ssh must get in by a key.
    #[arg(long, value_name = "DESTINATION", global = true)]
    ssh: Vec<String>,
    /// Folder for the agent on boards.
    #[arg(long, value_name = "DIR", default_value = "/var/tmp/benchrack", global = true)]
    board_dir: String,
    /// Folder with the agents, as `cargo xtask agent-build` makes it; target/agents/dist of the build when left out.
    #[arg(long, value_name = "DIR", env = "BENCHRACK_AGENTS", global = true)]
    agents: Option<PathBuf>,
    /// Address of the server as phones reach it; when left out they reach this host's server through `adb reverse`.
    #[arg(long, value_name = "URL", global = true)]
    phone_server: Option<String>,
    /// Port on the phones' loopback that leads to the server.
    #[arg(long, value_name = "PORT", default_value_t = 7070, global = true)]
    phone_port: u16,
    /// Command that switches the power of a phone's port off and on; {port} is adb's name of the port (1-4.2), {hub} and
    /// {nth} its parts (1-4 and 2), {serial} the phone's serial number.
    #[arg(long, value_name = "COMMAND", global = true)]
    power_cycle: Option<PowerCommand>,
    /// Leave phones' own settings as they are; else screen, animations and sleep are set in each session and put back.
    #[arg(long, global = true)]
    unprepared: bool,
    /// File for figures of the watch in Prometheus' text format, for the textfile collector of node_exporter; written anew at
    /// each change and twice a minute.
    #[arg(long, value_name = "FILE")]
    metrics_file: Option<PathBuf>,
    /// Name of this host in the farm's labels; the system's name when left out.
    #[arg(long, value_name = "NAME", global = true)]
    host_name: Option<String>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// List what adb sees, and what each phone needs to be usable.
    List,
    /// Bring phones up once: deploy, enrol, start. All of them when none is named.
    Deploy {
        /// Serial numbers, as `list` shows them.
        phones: Vec<String>,
    },
    /// Show each phone with its agent and its device in the farm.
    Status {
        /// Serial numbers, as `list` shows them.
        phones: Vec<String>,
    },
    /// Print the end of an agent's log.
    Logs {
        /// Serial number, as `list` shows it.
        phone: String,
        /// Lines.
        #[arg(long, short = 'n', default_value_t = 50)]
        lines: u32,
    },
    /// Run a command on a phone and print what it says; ends with the command's code.
    Shell {
        /// Serial number, as `list` shows it.
        phone: String,
        /// The command.
        #[arg(required = true, trailing_var_arg = true, allow_hyphen_values = true)]
        command: Vec<String>,
    },
    /// Let phones finish their session, deliver what they have, and stop; `deploy` starts them again.
    Drain {
        /// Serial numbers, as `list` shows them.
        #[arg(required = true)]
        phones: Vec<String>,
    },
    /// Take the agent off phones and revoke their tokens.
    Undeploy {
        /// Serial numbers, as `list` shows them.
        #[arg(required = true)]
        phones: Vec<String>,
        /// Also where reports wait to be delivered; they are lost.
        #[arg(long)]
        force: bool,
    },
}

impl Rack {
    pub async fn run(self, context: &Context) -> Outcome {
        if let Some(count) = self.simulate {
            if self.command.is_some() {
                return Err(usage("--simulate stands alone: a simulated rack has no phones to give orders to"));
            }
            return self.simulation.run(count, &self.options.host_name(), context).await;
        }
        let host = self.options.host(context)?;
        match self.command {
            None => keep_at_work(host, self.options.metrics_file, context).await,
            Some(Command::List) => orders::list(&host, context).await,
            Some(Command::Deploy { phones }) => orders::deploy(&host, &phones, context).await,
            Some(Command::Status { phones }) => orders::status(&host, &phones, context).await,
            Some(Command::Logs { phone, lines }) => orders::logs(&host, &phone, lines).await,
            Some(Command::Shell { phone, command }) => orders::shell(&host, &phone, &command).await,
            Some(Command::Drain { phones }) => orders::drain(&host, &phones, context).await,
            Some(Command::Undeploy { phones, force }) => orders::undeploy(&host, &phones, force, context).await,
        }
    }
}

impl Options {
    fn host_name(&self) -> String {
        let system = || rustix::system::uname().nodename().to_string_lossy().into_owned();
        self.host_name.clone().unwrap_or_else(system)
    }

    fn host(&self, context: &Context) -> Result<Host, Failure> {
        let adb = |server| Adb { program: self.adb.clone(), server, ..Adb::default() };
        let adbs = if self.adb_server.is_empty() {
            vec![adb(None)]
        } else {
            self.adb_server.iter().map(|server| adb(Some(server.clone()))).collect()
        };
        let place = Place::at(&self.board_dir).map_err(usage)?;
        let board = |destination: &String| Ok((SshHost::new(destination)?, place.clone()));
        let boards = self.ssh.iter().map(board).collect::<Result<Vec<_>, String>>().map_err(usage)?;
        let agents = match &self.agents {
            Some(folder) => folder.clone(),
            None => usual_folder(&std::env::current_exe().infrastructure("cannot find this program's own file")?),
        };
        Ok(Host {
            name: self.host_name(),
            adbs,
            boards,
            client: context.client()?,
            agents: Agents::in_folder(agents),
            way_back: self.way_back(&context.server)?,
            prepares: !self.unprepared,
            power: self.power_cycle.clone(),
        })
    }

    /// Phones reach a server of this host through adb; another one needs an address of its own.
    fn way_back(&self, server: &str) -> Result<WayBack, Failure> {
        if let Some(address) = &self.phone_server {
            return Ok(WayBack::Address(address.clone()));
        }
        let host_port = loopback_port(server).ok_or_else(|| {
            usage(format!(
                "phones cannot reach {server} through adb, which leads to this host alone: name an address that they can reach \
                 themselves, --phone-server http://ADDRESS:PORT"
            ))
        })?;
        Ok(WayBack::Reverse { phone_port: self.phone_port, host_port })
    }
}

/// The port of a plain http address on this host's loopback.
fn loopback_port(server: &str) -> Option<u16> {
    let rest = server.strip_prefix("http://")?.trim_end_matches('/');
    let rest = rest.strip_prefix("localhost").map_or_else(|| rest.to_owned(), |port| format!("127.0.0.1{port}"));
    let address: SocketAddr = rest.parse().ok()?;
    address.ip().is_loopback().then_some(address.port())
}

/// Until Ctrl-C. On a terminal the rack is a table that is drawn again at each change; elsewhere each change of a phone is a
/// line; with `--json` each is the whole rack as one line of JSON.
async fn keep_at_work(host: Host, metrics_file: Option<PathBuf>, context: &Context) -> Outcome {
    let policy = Policy { can_cycle_power: host.power.is_some(), ..Policy::default() };
    let (json, quiet, terminal) = (context.json, context.quiet, std::io::stdout().is_terminal());
    if !quiet {
        eprintln!("looking for phones; Ctrl-C ends the watch, and the agents work on");
    }
    let (units, errors) = host.units().await;
    let missing = errors.into_iter().find(|(_, error)| matches!(error, AdbError::Missing { .. }));
    if let Some((_, error)) = missing.filter(|_| units.is_empty()) {
        return Err(error).usage("cannot look for phones");
    }
    if let Some(file) = &metrics_file {
        metrics::write(file, &[]).usage(format!("cannot write {}", file.display()))?;
    }
    let mut before: Vec<Line> = Vec::new();
    let mut printed = Ok(Exit::Pass);
    let stop = async {
        if let Err(failure) = stopped().await {
            tracing::error!(error = format!("{:#}", failure.error), "cannot wait for Ctrl-C");
        }
    };
    patrol(Arc::new(host), policy, stop, |lines| {
        if let Some(file) = &metrics_file
            && let Err(error) = metrics::write(file, lines)
        {
            tracing::error!(%error, file = %file.display(), "the rack's figures cannot be written");
        }
        let news = |line: &&Line| !before.iter().any(|before| before.says_the_same_as(line));
        if quiet || (!terminal && lines.iter().filter(news).count() == 0 && before.len() == lines.len()) {
            return;
        }
        if json {
            printed = serde_json::to_string(lines).infrastructure("cannot write the rack as JSON").and_then(output::line);
        } else if terminal {
            // Home, and away with what was below.
            printed = output::line(format!("\u{1b}[H\u{1b}[2J{}", table(lines)));
        } else {
            for line in lines.iter().filter(news) {
                printed = output::line(sentence(line));
            }
        }
        before = lines.to_vec();
    })
    .await;
    printed
}

fn table(lines: &[Line]) -> String {
    let mut table = output::table(["phone", "model", "how it is", "device", "state", "silent"], &["silent"]);
    let dash = || "–".to_owned();
    for line in lines {
        table.add_row([
            line.id.clone(),
            line.model.clone().unwrap_or_else(dash),
            how_it_is(line),
            line.device.clone().unwrap_or_else(dash),
            line.device_state.clone().unwrap_or_else(dash),
            line.silent_s.map_or_else(dash, |seconds| format!("{seconds} s")),
        ]);
    }
    table.to_string()
}

fn sentence(line: &Line) -> String {
    let name = line.device.as_deref().map(|name| format!(" ({name})")).unwrap_or_default();
    format!("{}{name}: {}", line.id, how_it_is(line))
}

/// How a phone is, and why, where that is not all well.
fn how_it_is(line: &Line) -> String {
    match (&line.phase, line.doing, &line.last) {
        (Phase::Working | Phase::Quarantined { .. } | Phase::Drained, _, _) | (_, None, None) => line.phase.to_string(),
        (phase, Some(action), _) => format!("{phase}; {action}"),
        (phase, None, Some(last)) => format!("{phase}; {last}"),
    }
}

#[cfg(test)]
mod tests {
    use benchrack_rack::PhoneState;
    use benchrack_rack::watch::Action;

    use super::*;

    #[test]
    fn a_phone_that_is_not_at_work_says_why() {
        let state = PhoneState::Unauthorized;
        let mut line = Line {
            id: "R58".into(),
            model: None,
            adb: Some(state.clone()),
            phase: Phase::NeedsPerson { state: state.clone() },
            doing: None,
            last: state.advice().map(str::to_owned),
            device: Some("pixel".into()),
            device_state: None,
            silent_s: None,
        };
        assert!(sentence(&line).starts_with("R58 (pixel): needs you: unauthorized; unlock the phone"), "{line:?}");
        line.phase = Phase::Starting;
        line.doing = Some(Action::BringUp);
        assert_eq!(sentence(&line), "R58 (pixel): starting; deploying");
        line.phase = Phase::Working;
        assert_eq!(sentence(&line), "R58 (pixel): at work");
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
