//! `cargo xtask agent-build`: the agent for phones and boards.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, bail};
use clap::Args;

use crate::target::Target;
use crate::{elf, paths, run, sysroot, zig};

/// The profile of what is shipped.
pub const SHIPPED: &str = "dist";

/// The built-in engine's int8 kernel for FEAT_DotProd. tract leaves it out, saying nothing, where the assembler is too old.
const INT8_KERNEL: &str = "mmm_i32_8x8_dot";

/// Arguments of `agent-build`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  cargo xtask agent-build                                   the static arm64 agent, as it is shipped
  cargo xtask agent-build --target arm64 --target arm64-dynamic
  cargo xtask agent-build --profile emulated                the same, built quickly, for tests")]
pub struct AgentBuild {
    /// What for; may be given again
    #[arg(long = "target", value_name = "TARGET", default_value = "aarch64-unknown-linux-musl")]
    targets: Vec<Target>,
    /// Profile of the root Cargo.toml
    #[arg(long, default_value = SHIPPED)]
    profile: String,
}

impl AgentBuild {
    /// Builds them one after the other and says what became of each.
    pub fn run(self) -> anyhow::Result<()> {
        for target in self.targets {
            let built = build(target, &self.profile)?;
            println!("{}", built.describe()?);
        }
        Ok(())
    }
}

/// A finished agent.
pub struct Built {
    /// Without symbols, as it goes to a phone.
    pub stripped: PathBuf,
    /// With symbols.
    pub with_symbols: PathBuf,
}

impl Built {
    /// Its file, size and shape in one line.
    pub fn describe(&self) -> anyhow::Result<String> {
        let bytes = std::fs::read(&self.stripped).with_context(|| format!("cannot read {}", self.stripped.display()))?;
        let shape = elf::Shape::of(&bytes)?;
        Ok(format!("{}: {:.2} MB, {shape}", self.stripped.display(), elf::megabytes(bytes.len() as u64)))
    }
}

/// Builds the agent for one target and checks that the file is what was asked for.
///
/// # Errors
/// A tool that is missing, a build that fails, or a file that would not run everywhere it should.
pub fn build(target: Target, profile: &str) -> anyhow::Result<Built> {
    let cache = paths::cache()?;
    let results = paths::target()?;
    let zig = zig::prepare(&cache)?;
    let mut flags = target.flags(profile);
    if let Some(sysroot) = sysroot::prepare(target.triple(), &cache)? {
        flags.extend(["--sysroot".to_owned(), sysroot.display().to_string()]);
    }
    let program = zig.as_ref().map_or_else(|| "cargo-zigbuild".into(), |folder| folder.join("cargo-zigbuild"));
    let mut cargo = Command::new(program);
    cargo
        .current_dir(paths::root())
        .args(["rustc", "--locked", "--package", "benchrack-agent", "--bin", "benchrack-agent", "--no-default-features"])
        .args(["--features", target.features(), "--profile", profile, "--target", target.for_zig(), "--"])
        .args(target.link_flags())
        .env("CARGO_ENCODED_RUSTFLAGS", flags.join("\x1f"))
        .env("CARGO_TARGET_DIR", &results)
        .env("CARGO_ZIGBUILD_CACHE_DIR", cache.join("zigbuild"))
        .env("ZIG_GLOBAL_CACHE_DIR", cache.join("zig-cache"))
        // The allocator asks 32-bit ARM for GCC's library of atomic operations; here they come with zig's compiler.
        .env("DEP_ATOMIC", "c")
        // The file must not depend on where it was built, nor on flags for this machine.
        .env_remove("RUSTFLAGS");
    if let Some(zig) = zig {
        cargo.env("PATH", before_path(zig)?);
    }
    run::run(&mut cargo)?;
    let with_symbols = results.join(target.triple()).join(profile).join("benchrack-agent");
    let folder = paths::agents(profile)?.join(target.triple());
    run::folder(&folder)?;
    let stripped = folder.join("benchrack-agent");
    strip(&with_symbols, &stripped)?;
    let read = |path: &PathBuf| std::fs::read(path).with_context(|| format!("cannot read {}", path.display()));
    elf::Shape::of(&read(&stripped)?)?.check(target)?;
    if matches!(target, Target::Arm64Static | Target::Arm64Dynamic) && !elf::has_symbol(&read(&with_symbols)?, INT8_KERNEL)? {
        bail!("the assembler does not know `sdot`: int8 models would be four times slower on every phone since 2018");
    }
    Ok(Built { stripped, with_symbols })
}

fn before_path(folder: PathBuf) -> anyhow::Result<OsString> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::iter::once(folder).chain(std::env::split_paths(&path));
    std::env::join_paths(folders).context("PATH cannot hold the compiler's folder")
}

/// Takes the symbols out: by the tool that comes with rustc, which reads files of every architecture, or LLVM's own.
pub fn strip(from: &Path, to: &Path) -> anyhow::Result<()> {
    let sysroot = PathBuf::from(run::output(Command::new("rustc").args(["--print", "sysroot"]))?.trim());
    let libraries = PathBuf::from(run::output(Command::new("rustc").args(["--print", "target-libdir"]))?.trim());
    let beside = libraries.with_file_name("bin").join("rust-objcopy");
    let mut objcopy = if beside.is_file() {
        let mut command = Command::new(beside);
        command.env("LD_LIBRARY_PATH", sysroot.join("lib"));
        command
    } else {
        Command::new("llvm-objcopy")
    };
    run::run(objcopy.arg("--strip-all").args([from, to])).context("cannot take the symbols out")
}
