//! `cargo xtask idle`: what an agent without work costs the phone it waits on.
//!
//! A real agent, registered with a real server on this machine, waiting for work. Memory is what the kernel counts for the
//! process: touched pages of its own, and those pages of its file that are mapped, which other processes share and which
//! the kernel takes back when memory is short.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use clap::Args;

use crate::agent_build::{self, SHIPPED};
use crate::target::Target;
use crate::{paths, run};

/// Memory that an idle agent may hold, megabytes.
pub const MEMORY_BUDGET: f64 = 12.0;
/// CPU time that it may use, percent of one core.
pub const CPU_BUDGET: f64 = 0.1;
/// An agent has registered and everything that happens once is over.
const START_UP: Duration = Duration::from_secs(10);
/// What a start may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// Arguments of `idle`.
#[derive(Debug, Args)]
pub struct Idle {
    /// An agent that runs on this machine; by default the static x86-64 one is built as it is shipped
    #[arg(long, value_name = "FILE")]
    agent: Option<PathBuf>,
    /// The program `benchrack` to serve it; by default it is built
    #[arg(long, value_name = "FILE")]
    benchrack: Option<PathBuf>,
    /// How long to watch it
    #[arg(long, default_value_t = 60, value_name = "S", value_parser = clap::value_parser!(u64).range(10..=3600))]
    seconds: u64,
}

impl Idle {
    /// Measures, prints, and fails above a budget.
    pub fn run(self) -> anyhow::Result<()> {
        let agent = match self.agent {
            Some(agent) => agent,
            None => agent_build::build(Target::X86Static, SHIPPED)?.stripped,
        };
        let folder = tempfile::tempdir().context("cannot make a folder")?;
        let server = Server::start(self.benchrack, &folder.path().join("server"))?;
        let child = Command::new(&agent)
            .args(["run", "--server", &server.url, "--data-dir"])
            .arg(folder.path().join("agent"))
            .env("BENCHRACK_LOG", "warn")
            .stdin(Stdio::null())
            .spawn()
            .with_context(|| format!("cannot start {}", agent.display()))?;
        let agent = Killed(child);
        server.wait_for_a_device()?;
        std::thread::sleep(START_UP);
        let before = cpu_time(agent.0.id())?;
        std::thread::sleep(Duration::from_secs(self.seconds));
        let used = cpu_time(agent.0.id())?.saturating_sub(before);
        let memory = Memory::parse(&run::read(&PathBuf::from(format!("/proc/{}/smaps_rollup", agent.0.id())))?)?;
        report(&memory, used, Duration::from_secs(self.seconds))
    }
}

/// Prints the figures, and fails when one is above its budget.
///
/// # Errors
/// A figure above its budget.
pub fn report(memory: &Memory, used: Duration, watched: Duration) -> anyhow::Result<()> {
    let share = 100.0 * used.as_secs_f64() / watched.as_secs_f64();
    println!(
        "idle: {:.1} MB resident ({:.1} MB of its own, {:.1} MB of mapped files), {share:.3} % of a core over {} s",
        memory.resident,
        memory.own,
        memory.resident - memory.own,
        watched.as_secs()
    );
    if memory.resident > MEMORY_BUDGET {
        bail!("{:.1} MB are above the budget of {MEMORY_BUDGET} MB", memory.resident);
    }
    if share >= CPU_BUDGET {
        bail!("{share:.3} % of a core is not below the budget of {CPU_BUDGET} %");
    }
    Ok(())
}

/// What a process holds, in megabytes of a million bytes.
#[derive(Debug, PartialEq)]
pub struct Memory {
    /// All mapped pages that are in memory.
    pub resident: f64,
    /// Those that belong to it alone and to no file.
    pub own: f64,
}

impl Memory {
    /// From `/proc/PID/smaps_rollup`.
    pub fn parse(text: &str) -> anyhow::Result<Self> {
        let figure = |name: &str| {
            let row = text.lines().find_map(|line| line.strip_prefix(name)?.trim().strip_suffix(" kB"));
            let kib: f64 = row
                .with_context(|| format!("smaps_rollup has no {name}"))?
                .parse()
                .with_context(|| format!("{name} of smaps_rollup"))?;
            Ok::<f64, anyhow::Error>(kib * 1024.0 / 1e6)
        };
        Ok(Self { resident: figure("Rss:")?, own: figure("Anonymous:")? })
    }
}

/// CPU time from the text of `/proc/PID/stat`: fields 14 and 15 count from the first after the name, which is the third.
pub fn cpu_time_of(stat: &str, ticks_per_second: u64) -> anyhow::Result<Duration> {
    let after_name = stat.rsplit_once(')').context("stat has no name")?.1;
    let ticks = |nth: usize| -> anyhow::Result<u64> {
        after_name.split_whitespace().nth(nth).context("stat is too short")?.parse().context("stat holds no number")
    };
    Ok(Duration::from_millis((ticks(11)? + ticks(12)?) * 1000 / ticks_per_second.max(1)))
}

fn cpu_time(pid: u32) -> anyhow::Result<Duration> {
    cpu_time_of(&run::read(&PathBuf::from(format!("/proc/{pid}/stat")))?, rustix::param::clock_ticks_per_second())
}

/// A process that ends with us.
pub struct Killed(pub Child);

impl Drop for Killed {
    fn drop(&mut self) {
        if let Err(error) = self.0.kill().and_then(|()| self.0.wait()) {
            eprintln!("xtask: cannot stop a process: {error}");
        }
    }
}

/// `benchrack serve` of this project on a free port, with a database of its own.
pub struct Server {
    _process: Killed,
    program: PathBuf,
    /// Where it answers on this machine.
    pub url: String,
}

impl Server {
    /// Starts this program, or builds it first.
    ///
    /// # Errors
    /// A build that fails, or a server that does not say where it listens.
    pub fn start(program: Option<PathBuf>, data_dir: &Path) -> anyhow::Result<Self> {
        let program = match program {
            Some(program) => program,
            None => build()?,
        };
        let mut process = Killed(
            benchrack(&program)
                .args(["serve", "--listen", "127.0.0.1:0", "--data-dir"])
                .arg(data_dir)
                .env("BENCHRACK_LOG", "warn")
                .stdin(Stdio::null())
                .stdout(Stdio::piped())
                .spawn()
                .with_context(|| format!("cannot start {}", program.display()))?,
        );
        let mut line = String::new();
        let output = process.0.stdout.take().context("the server has no output")?;
        BufReader::new(output).read_line(&mut line).context("cannot hear the server")?;
        let url = line.split_whitespace().find(|word| word.starts_with("http://"));
        let url = url.with_context(|| format!("the server said '{}'", line.trim()))?.trim_end_matches([';', ',']).to_owned();
        Ok(Self { _process: process, program, url })
    }

    /// `benchrack` with this server set.
    pub fn command(&self) -> Command {
        let mut command = benchrack(&self.program);
        command.env("BENCHRACK_SERVER", &self.url);
        command
    }

    /// Waits until a device has registered.
    pub fn wait_for_a_device(&self) -> anyhow::Result<()> {
        let begun = Instant::now();
        while run::output(self.command().args(["devices", "--json"]))?.trim() == "[]" {
            if begun.elapsed() > PATIENCE {
                bail!("no device has registered within {} s", PATIENCE.as_secs());
            }
            std::thread::sleep(Duration::from_millis(200));
        }
        Ok(())
    }
}

/// Builds the program `benchrack`.
pub fn build() -> anyhow::Result<PathBuf> {
    let target = paths::target()?;
    run::run(
        Command::new("cargo")
            .current_dir(paths::root())
            .args(["build", "--quiet", "--bin", "benchrack"])
            .env("CARGO_TARGET_DIR", &target),
    )?;
    Ok(target.join("debug/benchrack"))
}

/// This program without the settings of whoever calls us.
fn benchrack(program: &Path) -> Command {
    let mut command = Command::new(program);
    let names =
        ["BENCHRACK_SERVER", "BENCHRACK_TOKEN", "BENCHRACK_TOKEN_FILE", "BENCHRACK_DATA_DIR", "BENCHRACK_LISTEN", "DATABASE_URL"];
    for name in names {
        command.env_remove(name);
    }
    command
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_and_cpu_time_are_read_as_the_kernel_writes_them() {
        let rollup = "00400000-7ffd rollup\nRss:   12000 kB\nPss:  8000 kB\nAnonymous:     1000 kB\n";
        assert_eq!(Memory::parse(rollup).unwrap(), Memory { resident: 12.288, own: 1.024 });
        assert!(Memory::parse("Rss: 5 kB\n").is_err());
        let stat = "77 (a (b) c) S 1 2 3 4 5 6 7 8 9 10 150 50 0 0 20 0 1 0";
        assert_eq!(cpu_time_of(stat, 100).unwrap(), Duration::from_secs(2));
        assert!(cpu_time_of("77 (x", 100).is_err());
    }

    #[test]
    fn a_figure_above_its_budget_fails() {
        let fine = Memory { resident: 11.0, own: 1.0 };
        report(&fine, Duration::from_millis(50), Duration::from_secs(60)).unwrap();
        assert!(report(&fine, Duration::from_millis(70), Duration::from_secs(60)).is_err());
        assert!(report(&Memory { resident: 12.1, own: 1.0 }, Duration::ZERO, Duration::from_secs(60)).is_err());
    }
}
