//! `cargo xtask emulated`: the static arm64 agent, run by the test that wants it.

use std::process::Command;

use clap::Args;

use crate::target::Target;
use crate::{agent_build, paths, run, sysroot};

/// The profile of agents that tests run.
const PROFILE: &str = "emulated";
/// The one that phones get.
const TARGET: Target = Target::Arm64Static;

/// Arguments of `emulated`.
#[derive(Debug, Args)]
#[command(after_help = "The agent is built with the profile 'emulated', which is quick to build. `cargo test` runs the
same test where BENCHRACK_EMULATED_AGENTS names the folder of agents, and says SKIPPED elsewhere.")]
pub struct Emulated {
    /// Build the agent, and leave the test to `cargo test`
    #[arg(long)]
    build_only: bool,
    /// Where the standard library of arm64 cannot be had, say SKIPPED and succeed; anything else still fails
    #[arg(long, requires = "build_only")]
    or_skip: bool,
}

impl Emulated {
    /// Builds the agent and runs the test; here it may not be skipped.
    pub fn run(self) -> anyhow::Result<()> {
        run::need(&[("qemu-aarch64-static", "qemu-user-static"), ("unshare", "util-linux")])?;
        if let Err(error) = sysroot::prepare(TARGET.triple(), &paths::cache()?) {
            if !self.or_skip {
                return Err(error);
            }
            // An agent of an earlier run is not that of this source.
            run::remove(&paths::agents(PROFILE)?)?;
            eprintln!(
                "*** SKIPPED: NO ARM64 AGENT IS BUILT OR TESTED: no standard library for {}: {error:#} ***",
                TARGET.triple()
            );
            return Ok(());
        }
        println!("{}", agent_build::build(TARGET, PROFILE)?.describe()?);
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
