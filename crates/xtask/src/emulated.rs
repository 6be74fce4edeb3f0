//! `cargo xtask emulated`: the arm64 agents, run by the tests that want them.

use std::process::Command;

use clap::Args;

use crate::target::Target;
use crate::{agent_build, paths, run, sysroot};

/// The profile of agents that tests run.
const PROFILE: &str = "emulated";
/// The one that phones get, and the one that can load an engine's library.
const TARGETS: [Target; 2] = [Target::Arm64Static, Target::Arm64Dynamic];

/// Arguments of `emulated`.
#[derive(Debug, Args)]
#[command(after_help = "The agents are built with the profile 'emulated', which is quick to build. `cargo test` runs the
same tests where BENCHRACK_EMULATED_AGENTS names the folder of the agents, and says SKIPPED elsewhere.")]
pub struct Emulated {
    /// Build the agents, and leave the tests to `cargo test`
    #[arg(long)]
    build_only: bool,
    /// Where the standard library of arm64 cannot be had, say SKIPPED and succeed; anything else still fails
    #[arg(long, requires = "build_only")]
    or_skip: bool,
}

impl Emulated {
    /// Builds both agents and runs the tests; here none may be skipped.
    pub fn run(self) -> anyhow::Result<()> {
        run::need(&[("qemu-aarch64-static", "qemu-user-static"), ("unshare", "util-linux")])?;
        let cache = paths::cache()?;
        for target in TARGETS {
            if let Err(error) = sysroot::prepare(target.triple(), &cache) {
                if !self.or_skip {
                    return Err(error);
                }
                // Agents of an earlier run are not those of this source.
                run::remove(&paths::agents(PROFILE)?)?;
                eprintln!(
                    "*** SKIPPED: NO ARM64 AGENTS ARE BUILT OR TESTED: no standard library for {}: {error:#} ***",
                    target.triple()
                );
                return Ok(());
            }
        }
        for target in TARGETS {
            println!("{}", agent_build::build(target, PROFILE)?.describe()?);
        }
        if self.build_only {
            return Ok(());
        }
        run::run(
            Command::new("cargo")
                .current_dir(paths::root())
                .args(["test", "--workspace", "--test", "it", "--", "emulated::"])
                .env("CARGO_TARGET_DIR", paths::target()?)
                .env("BENCHRACK_EMULATED_AGENTS", paths::agents(PROFILE)?),
        )
    }
}
