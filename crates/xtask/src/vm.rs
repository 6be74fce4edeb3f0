//! `cargo xtask vm`: the agent on a real arm64 kernel that has what phones have: two clusters with clocks of their own, CPUs
//! that come and go, a thermal zone that slows them, a battery. QEMU executes every instruction, so times mean nothing; the
//! kernel's files, and how they behave when they are written, are the real ones.

mod adb;
mod checks;
mod guest;
mod image;
mod module;
mod trial;

use std::path::PathBuf;

use anyhow::Context;
use clap::{Args, ValueEnum};

use crate::agent_build::{self, SHIPPED};
use crate::target::Target;
use crate::{paths, run};

/// Arguments of `vm`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  cargo xtask vm                       4 KiB pages
  cargo xtask vm --pages 16k           the kernel of newer phones
  cargo xtask vm --agent FILE          another static arm64 agent

Wants qemu-system-arm, adb, device-tree-compiler, cpio, xz-utils, make and gcc-aarch64-linux-gnu (`.ci/setup vm`), and
fetches about 100 MB of Debian packages once. docs/building.md says what was seen.")]
pub struct Vm {
    /// Page size of the kernel
    #[arg(long, value_enum, default_value_t = Pages::K4)]
    pages: Pages,
    /// A static arm64 agent; by default it is built as it is shipped
    #[arg(long, value_name = "FILE")]
    agent: Option<PathBuf>,
    /// The program `benchrack` to serve it; by default it is built
    #[arg(long, value_name = "FILE")]
    benchrack: Option<PathBuf>,
    /// Build the machine, and stop there
    #[arg(long, conflicts_with_all = ["agent", "benchrack", "keep"])]
    build_only: bool,
    /// Leave the machine running after the trial, and say how to reach it
    #[arg(long)]
    keep: bool,
}

/// Page size.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Pages {
    /// 4 KiB
    #[value(name = "4k")]
    K4,
    /// 16 KiB
    #[value(name = "16k")]
    K16,
}

impl Pages {
    /// As Debian names its kernels.
    fn flavour(self) -> &'static str {
        match self {
            Self::K4 => "arm64",
            Self::K16 => "arm64-16k",
        }
    }

    fn bytes(self) -> u64 {
        match self {
            Self::K4 => 4096,
            Self::K16 => 16384,
        }
    }
}

impl Vm {
    /// Builds the machine and the agent, boots, and tries everything.
    pub fn run(self) -> anyhow::Result<()> {
        run::need(&[
            ("qemu-system-aarch64", "qemu-system-arm"),
            ("adb", "adb"),
            ("dtc", "device-tree-compiler"),
            ("cpio", "cpio"),
            ("xz", "xz-utils"),
            ("make", "make"),
            ("aarch64-linux-gnu-gcc", "gcc-aarch64-linux-gnu"),
        ])?;
        let image = image::prepare(&paths::cache()?, self.pages)?;
        if self.build_only {
            println!("the machine is in {}", image.folder.display());
            return Ok(());
        }
        let agent = match self.agent {
            Some(agent) => agent,
            None => agent_build::build(Target::Arm64Static, SHIPPED)?.stripped,
        };
        let guest = guest::Guest::boot(&image).context("the virtual phone did not start")?;
        let outcome = trial::run(&guest, &agent, self.benchrack, self.pages);
        match (outcome, self.keep) {
            (outcome, true) => {
                println!("the machine runs until you press Enter: {}", guest.reach());
                std::io::stdin().read_line(&mut String::new()).context("cannot wait")?;
                outcome
            }
            (Ok(()), false) => Ok(()),
            (Err(error), false) => Err(error.context(format!("the machine's last words: {}", guest.last_words()))),
        }
    }
}
