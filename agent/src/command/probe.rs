//! `benchrack-agent probe`.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use clap::Args;

use crate::device::Device;
use crate::probe::{probe, text};

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
    /// Print the report as JSON
    #[arg(long)]
    json: bool,
}

/// Prints the report.
pub fn run(arguments: &ProbeArgs) -> anyhow::Result<ExitCode> {
    let device = match &arguments.root {
        Some(root) => Device::captured(root)?,
        None => Device::live(),
    };
    let report = probe(&device, None);
    let output = if arguments.json {
        serde_json::to_string_pretty(&report).context("cannot write the report")?
    } else {
        text::describe(&report).trim_end().to_owned()
    };
    super::print(&output);
    Ok(ExitCode::SUCCESS)
}
