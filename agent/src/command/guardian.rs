//! `benchrack-agent guardian`: the process that restores knobs when the agent died or hangs. Started by the agent.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;

use crate::device::Device;
use crate::session::guardian::{DEADLINE, Ended, guard};
use crate::sysfs::LiveSysFs;

/// Arguments of `guardian`.
#[derive(Debug, Args)]
pub struct GuardianArgs {
    /// Folder of the journal
    #[arg(long, value_name = "DIR")]
    data_dir: PathBuf,
    /// Whose journal
    #[arg(long)]
    owner: String,
    /// Silence after which the agent counts as hung, milliseconds
    #[arg(long, value_name = "MS", default_value_t = DEADLINE.as_millis() as u64)]
    deadline_ms: u64,
    /// Restore below this folder instead of the device's root
    #[arg(long, value_name = "DIR")]
    root: Option<PathBuf>,
}

/// Waits for the agent's end, and restores when it must.
pub fn run(arguments: &GuardianArgs) -> anyhow::Result<ExitCode> {
    // A session of its own: the terminal or cable that takes the agent away must not take this.
    if let Err(error) = rustix::process::setsid() {
        tracing::debug!(%error, "the guardian stays in its session");
    }
    let mut device = Device::live();
    if let Some(root) = &arguments.root {
        device.sysfs = std::sync::Arc::new(LiveSysFs::at(root));
    }
    let deadline = Duration::from_millis(arguments.deadline_ms);
    let (ended, knobs) = guard(&device, &arguments.data_dir, &arguments.owner, deadline, std::io::stdin())?;
    if ended != Ended::Done {
        tracing::warn!(?ended, knobs, "the agent is gone or hangs: its knobs are restored");
    }
    Ok(ExitCode::SUCCESS)
}
