//! `benchrack rack`: phones on this host's USB become devices of the farm, and stay at work.

mod metrics;
mod options;
mod orders;
mod simulate;

use std::io::IsTerminal;
use std::sync::Arc;

use benchrack_protocol::causes::chain;
use benchrack_rack::AdbError;
use benchrack_rack::config::Config;
use benchrack_rack::host::{Host, Line, patrol};
use benchrack_rack::watch::Phase;
use clap::{Args, Subcommand};

use super::serve::stopped;
use crate::context::Context;
use crate::exit::{Blame, Exit, Outcome, usage};
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
  benchrack rack --power-off 'uhubctl -l {hub} -p {nth} -a off' --power-on 'uhubctl -l {hub} -p {nth} -a on'
  benchrack rack --ssh pi@board1 --phone-server http://10.0.0.2:7070
  benchrack rack --simulate 60                       60 simulated phones on this host

docs/operations.md tells how to build a rack.")]
pub struct Rack {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    options: options::Options,
    /// Run so many simulated phones on this host in place of a rack.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1_000))]
    simulate: Option<u16>,
    #[command(flatten)]
    simulation: simulate::Simulation,
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
        let config = self.options.configuration()?;
        if let Some(count) = self.simulate {
            if self.command.is_some() {
                return Err(usage("--simulate stands alone: a simulated rack has no phones to give orders to"));
            }
            return self.simulation.run(count, &options::host_name(&config), context).await;
        }
        let host = options::host(&config, context)?;
        // Before anything else: what a host that died has left off.
        for error in host.power_back().await {
            // The watch goes on trying, where it has the commands.
            eprintln!("warning: {}", chain(&error));
        }
        match self.command {
            None => keep_at_work(host, &config, context).await,
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

/// Until Ctrl-C. On a terminal the rack is a table that is drawn again at each change; elsewhere each change of a phone is a
/// line; with `--json` each is the whole rack as one line of JSON.
async fn keep_at_work(host: Host, config: &Config, context: &Context) -> Outcome {
    let metrics_file = config.metrics_file.as_ref();
    let (json, quiet, terminal) = (context.json, context.quiet, std::io::stdout().is_terminal());
    if !quiet {
        eprintln!("looking for phones; Ctrl-C ends the watch, and the agents work on");
    }
    let (units, errors) = host.units().await;
    let missing = errors.into_iter().find(|(_, error)| matches!(error, AdbError::Missing { .. }));
    if let Some((_, error)) = missing.filter(|_| units.is_empty()) {
        return Err(error).usage("cannot look for phones");
    }
    if let Some(file) = metrics_file {
        metrics::write(file, &[]).usage(format!("cannot write {}", file.display()))?;
    }
    let mut before: Vec<Line> = Vec::new();
    let mut printed = Ok(Exit::Pass);
    let stop = async {
        if let Err(failure) = stopped().await {
            tracing::error!(error = format!("{:#}", failure.error), "cannot wait for Ctrl-C");
        }
    };
    patrol(Arc::new(host), config.policy(), stop, |lines| {
        if let Some(file) = metrics_file
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
        (Phase::Working | Phase::Detached | Phase::Quarantined { .. } | Phase::Drained, _, _) | (_, None, None) => {
            line.phase.to_string()
        }
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
}
