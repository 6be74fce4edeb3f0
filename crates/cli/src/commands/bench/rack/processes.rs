//! Programs of this benchmark, and what they and all that they started have used.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use procfs::ProcError;
use procfs::process::{Process, all_processes};
use serde::Serialize;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

use crate::child;
use crate::exit::{Blame, Failure, infrastructure};

/// A server starts a database of its own within this, also on a busy machine.
const SERVER_START: Duration = Duration::from_secs(120);
/// A program ends in order within this, else it is killed.
const ENDS_WITHIN: Duration = Duration::from_secs(30);

/// A command of this program, at work.
pub(super) struct Program {
    name: &'static str,
    child: Child,
    log: PathBuf,
}

impl Program {
    /// Starts `benchrack NAME ARGUMENTS…` with its log in the folder; it is killed when this is dropped.
    pub(super) fn start(name: &'static str, arguments: &[&OsStr], folder: &Path) -> Result<Self, Failure> {
        let program = std::env::current_exe().infrastructure("cannot find this program's own file")?;
        let log = folder.join(format!("{name}.log"));
        let file = std::fs::File::create(&log).infrastructure(format!("cannot write {}", log.display()))?;
        let mut command = Command::new(program);
        // The farm of this benchmark is its own, whatever the environment says of others.
        for variable in ["BENCHRACK_SERVER", "BENCHRACK_TOKEN", "BENCHRACK_TOKEN_FILE", "DATABASE_URL"] {
            command.env_remove(variable);
        }
        // Ctrl-C is for this benchmark, which then ends them in order.
        command.arg(name).args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(file).process_group(0);
        let child = command.kill_on_drop(true).spawn().infrastructure(format!("cannot start benchrack {name}"))?;
        Ok(Self { name, child, log })
    }

    pub(super) fn id(&self) -> Result<i32, Failure> {
        self.child.id().map(u32::cast_signed).ok_or_else(|| self.ended_early("before it was at work"))
    }

    fn ended_early(&self, how: &str) -> Failure {
        infrastructure(format!("benchrack {} ended {how}; see {}", self.name, self.log.display()))
    }

    /// Of a server: the address that it prints.
    pub(super) async fn address(&mut self) -> Result<String, Failure> {
        let Some(said) = self.child.stdout.take() else { return Err(infrastructure("the server's output is taken")) };
        let mut lines = BufReader::new(said).lines();
        let line = tokio::time::timeout(SERVER_START, lines.next_line()).await;
        let line = line.infrastructure("the server did not start in time")?.infrastructure("cannot hear the server")?;
        let address = line.as_deref().and_then(|line| line.split_whitespace().find_map(|word| word.strip_suffix(';')));
        address.map(str::to_owned).ok_or_else(|| self.ended_early("without saying where it is"))
    }

    /// Waits for an end that should not come.
    pub(super) async fn ended(&mut self) -> Failure {
        let how = self.child.wait().await.map_or_else(|error| error.to_string(), |status| status.to_string());
        self.ended_early(&format!("({how})"))
    }

    /// Asks it to end, waits, and kills what does not.
    pub(super) async fn end(self) {
        child::end(self.child, ENDS_WITHIN, self.name).await;
    }
}

/// What a process and all below it have used since their starts.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Usage {
    /// CPU time, children that have ended included, seconds.
    pub(super) cpu_s: f64,
    /// Proportional set size: pages that several processes share count once, MB; none where one of them is not ours to see.
    pub(super) memory_mb: Option<f64>,
    /// Processes now.
    pub(super) processes: usize,
}

impl Usage {
    /// Of this process and those below it.
    pub(super) fn of_tree(root: i32) -> Result<Self, Failure> {
        let processes = all_processes().infrastructure("cannot list processes")?;
        // One that ends while it is looked at is left out; its parent has its time.
        let stats: Vec<_> = processes.filter_map(|process| process.and_then(|process| process.stat()).ok()).collect();
        let mut tree = BTreeSet::from([root]);
        loop {
            let below: Vec<i32> =
                stats.iter().filter(|stat| tree.contains(&stat.ppid) && !tree.contains(&stat.pid)).map(|stat| stat.pid).collect();
            if below.is_empty() {
                break;
            }
            tree.extend(below);
        }
        let ticks: u64 = stats
            .iter()
            .filter(|stat| tree.contains(&stat.pid))
            .map(|stat| {
                let ended = stat.cutime.saturating_add(stat.cstime).max(0).cast_unsigned();
                stat.utime.saturating_add(stat.stime).saturating_add(ended)
            })
            .sum();
        if ticks == 0 && !stats.iter().any(|stat| stat.pid == root) {
            return Err(infrastructure(format!("process {root} has ended")));
        }
        let memory: Option<u64> = tree.iter().map(|pid| proportional(*pid)).sum();
        Ok(Self {
            cpu_s: ticks as f64 / procfs::ticks_per_second().max(1) as f64,
            memory_mb: memory.map(|bytes| bytes as f64 / 1e6),
            processes: tree.len(),
        })
    }
}

/// Proportional set size, bytes: nothing of a process that has just ended, none where it is not ours to see.
fn proportional(pid: i32) -> Option<u64> {
    match Process::new(pid).and_then(|process| process.smaps_rollup()) {
        Ok(maps) => Some(maps.memory_map_rollup.iter().filter_map(|map| map.extension.map.get("Pss")).sum()),
        Err(ProcError::PermissionDenied(_)) => None,
        Err(_) => Some(0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tree_counts_the_process_and_what_it_started() {
        let mut child = std::process::Command::new("sh")
            .args(["-c", "read stop | cat; true"])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let ours = Usage::of_tree(std::process::id().cast_signed()).unwrap();
        assert!(ours.processes >= 2 && ours.memory_mb.is_some_and(|memory| memory > 1.0) && ours.cpu_s >= 0.0, "{ours:?}");
        drop(child.stdin.take());
        child.wait().unwrap();
        assert!(Usage::of_tree(i32::MAX).is_err());
    }
}
