//! `benchrack-agent knobs`.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::Context;
use clap::Args;

use crate::config::default_data_dir;
use crate::device::Device;
use crate::knobs::{look, ports, table};
use crate::probe::probe;
use crate::session::charge::{self, Load, Tried};
use crate::session::journal::Journal;
use crate::work::take_for_one_session;

/// Arguments of `knobs`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  benchrack-agent knobs                      which knobs are here, what they say, and whether this user may turn them
  benchrack-agent knobs --json               the same for programs
  benchrack-agent knobs --root phone.capture what a captured device says; what may be turned is told on the device itself
  benchrack-agent knobs --markdown           the whole registry as the table of docs/knobs.md

  benchrack-agent knobs --try-charging       find out what each file that cuts charge does; turns them, and puts them back

Without --try-charging nothing is turned.")]
pub struct KnobsArgs {
    /// Read a captured device instead of this one
    #[arg(long, value_name = "DIR|FILE", conflicts_with = "markdown")]
    root: Option<PathBuf>,
    /// Print as JSON
    #[arg(long, conflicts_with = "markdown")]
    json: bool,
    /// Print the registry as a table in Markdown
    #[arg(long)]
    markdown: bool,
    /// Turn each file that cuts charge, watch the battery's current, and put it back
    #[arg(long, conflicts_with_all = ["markdown", "root"])]
    try_charging: bool,
    /// Folder for the journal of changed knobs
    #[arg(long, value_name = "DIR", requires = "try_charging")]
    data_dir: Option<PathBuf>,
}

/// Prints what is there.
pub async fn run(arguments: &KnobsArgs) -> anyhow::Result<ExitCode> {
    if arguments.markdown {
        super::print(table::markdown().trim_end());
        return Ok(ExitCode::SUCCESS);
    }
    if arguments.try_charging {
        return try_charging(arguments).await;
    }
    let device = match &arguments.root {
        Some(root) => Device::captured(root)?,
        None => Device::live(),
    };
    let known = probe(&device, None);
    let (root, rows) = look::look(&device, &known);
    let output = if arguments.json {
        let answer = serde_json::json!({ "root": ports::described(root), "knobs": rows });
        serde_json::to_string_pretty(&answer).context("cannot write the answer")?
    } else {
        look::describe(root, &rows).trim_end().to_owned()
    };
    super::print(&output);
    Ok(ExitCode::SUCCESS)
}

async fn try_charging(arguments: &KnobsArgs) -> anyhow::Result<ExitCode> {
    let folder = arguments.data_dir.clone().or_else(default_data_dir).context("no folder for the journal: set --data-dir")?;
    let (device, journal) = (Device::live(), Journal::in_folder(&folder));
    let _taken = take_for_one_session(&folder, &device, true)?;
    let known = probe(&device, None);
    let mut load = AllCpus;
    let tried = tokio::select! {
        tried = charge::try_all(&device, &journal, &known, &mut load) => tried?,
        _ = tokio::signal::ctrl_c() => anyhow::bail!("stopped; charging is as it was"),
    };
    let output = if arguments.json {
        serde_json::to_string_pretty(&tried).context("cannot write the answer")?
    } else if tried.is_empty() {
        "no file that cuts charge is known here".into()
    } else {
        tried.iter().map(described).collect::<Vec<_>>().join("\n")
    };
    super::print(&output);
    Ok(ExitCode::SUCCESS)
}

fn described(tried: &Tried) -> String {
    match &tried.effect {
        Ok(effect) => format!("{}: {effect}", tried.place),
        Err(why) => format!("{}: cannot be told: {why}", tried.place),
    }
}

/// Every CPU of this machine, by a thread each.
struct AllCpus;

impl Load for AllCpus {
    async fn run(&mut self, time: Duration) {
        let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        for _ in 0..threads {
            std::thread::spawn(move || {
                let begun = Instant::now();
                while begun.elapsed() < time {
                    std::hint::spin_loop();
                }
            });
        }
        tokio::time::sleep(time).await;
    }
}
