//! `benchrack-agent probe`.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use clap::Args;

use crate::config::default_data_dir;
use crate::device::Device;
use crate::probe::{probe, probe_in, text};
use crate::work::kept_key;

/// Arguments of `probe`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  benchrack-agent probe                      this device, for people
  benchrack-agent probe --json               the same as the server gets it
  benchrack-agent probe --root phones/x      a folder laid out like a device's root, or a file made by 'capture'")]
pub struct ProbeArgs {
    /// Read a captured device instead of this one
    #[arg(long, value_name = "DIR|FILE")]
    root: Option<PathBuf>,
    /// The agent's data folder, which holds the calibration of the battery's current
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
    /// Print the report as JSON
    #[arg(long)]
    json: bool,
}

/// Prints the report.
pub fn run(arguments: &ProbeArgs) -> anyhow::Result<ExitCode> {
    let report = match &arguments.root {
        Some(root) => probe(&Device::captured(root)?, None),
        None => {
            let folder = arguments.data_dir.clone().or_else(default_data_dir);
            let own_key = folder.as_deref().and_then(kept_key);
            probe_in(&Device::live(), own_key.as_deref(), folder.as_deref())
        }
    };
    let output = if arguments.json {
        serde_json::to_string_pretty(&report).context("cannot write the report")?
    } else {
        text::describe(&report).trim_end().to_owned()
    };
    super::print(&output);
    Ok(ExitCode::SUCCESS)
}
