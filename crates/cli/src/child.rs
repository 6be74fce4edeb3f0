//! Ending the programs that a command has started.

use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use tokio::process::Child;

/// Asks a program to end in order; `what` it is, for the log.
pub fn ask_to_end(child: &Child, what: &str) {
    if let Some(pid) = child.id().and_then(|pid| Pid::from_raw(pid.cast_signed()))
        && let Err(error) = kill_process(pid, Signal::TERM)
    {
        tracing::debug!(%error, what, "it had ended");
    }
}

/// Asks a program to end, waits, and kills one that takes longer than it may.
pub async fn end(mut child: Child, within: Duration, what: &str) {
    ask_to_end(&child, what);
    if tokio::time::timeout(within, child.wait()).await.is_err()
        && let Err(error) = child.kill().await
    {
        tracing::warn!(%error, what, "it cannot be ended");
    }
}
