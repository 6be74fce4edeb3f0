//! The C compiler, assembler and linker for all targets: zig, which carries musl, glibc's stubs and libunwind for each,
//! driven by cargo-zigbuild. Both are Python packages; an installed cargo-zigbuild is used when there is one.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Context;

use crate::{paths, run};

/// Its folder of programs, to be put before PATH; none when it is installed.
pub fn prepare(cache: &Path) -> anyhow::Result<Option<PathBuf>> {
    if run::is_there("cargo-zigbuild") {
        return Ok(None);
    }
    let requirements = paths::root().join(".ci/cross-requirements.txt");
    let wanted = run::read(&requirements)?;
    let folder = cache.join("zig");
    let (programs, stamp) = (folder.join("bin"), folder.join("requirements.txt"));
    if std::fs::read_to_string(&stamp).is_ok_and(|installed| installed == wanted) {
        return Ok(Some(programs));
    }
    run::need(&[("python3", "python3 python3-venv")])?;
    eprintln!("xtask: installing {} into {}", requirements.display(), folder.display());
    run::remove(&folder)?;
    run::run(Command::new("python3").args(["-m", "venv"]).arg(&folder))?;
    run::run(
        Command::new(programs.join("python"))
            .args(["-m", "pip", "install", "-q", "--disable-pip-version-check", "--require-hashes", "--only-binary=:all:", "-r"])
            .arg(&requirements),
    )
    .context("zig cannot be installed; install cargo-zigbuild and zig in another way")?;
    run::write(&stamp, wanted)?;
    Ok(Some(programs))
}
