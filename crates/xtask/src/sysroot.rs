//! Rust's standard library for a target: the one that is installed (`rustup target add`), else one built here from the
//! source package that Debian keeps of this very release of rustc.
//!
//! It is built once for each rustc, into a sysroot of its own: the installed toolchain is not touched, and the project
//! is built by a stable rustc without unstable flags.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, bail};

use crate::debian::Debian;
use crate::run;

/// Releases that may carry the source of this rustc, in the order they are asked.
const RELEASES: [&str; 4] = ["trixie-backports", "forky", "sid", "experimental"];

/// Where the standard library of this target is: none for the installed one.
pub fn prepare(triple: &str, cache: &Path) -> anyhow::Result<Option<PathBuf>> {
    if installed(triple)? {
        return Ok(None);
    }
    let version = run::output(Command::new("rustc").arg("-vV"))?;
    let release = version.lines().find_map(|line| line.strip_prefix("release: ")).context("rustc does not say its release")?;
    let sysroot = cache.join(format!("sysroot-{release}"));
    let stamp = sysroot.join(format!("{triple}.rustc"));
    if std::fs::read_to_string(&stamp).is_ok_and(|built_by| built_by == version) {
        return Ok(Some(sysroot));
    }
    eprintln!(
        "xtask: building the standard library of Rust {release} for {triple}; `rustup target add {triple}` makes this unnecessary"
    );
    let source = source(release, cache)?;
    build(triple, &source, &sysroot, cache)?;
    run::write(&stamp, version)?;
    Ok(Some(sysroot))
}

fn installed(triple: &str) -> anyhow::Result<bool> {
    let folder = run::output(Command::new("rustc").args(["--print", "target-libdir", "--target", triple]))?;
    let Ok(files) = std::fs::read_dir(folder.trim()) else { return Ok(false) };
    Ok(files.flatten().any(|file| file.file_name().to_string_lossy().starts_with("libstd-")))
}

/// The source of the standard library. Debian adds nothing to what it does on Linux.
fn source(release: &str, cache: &Path) -> anyhow::Result<PathBuf> {
    let source = cache.join(format!("rust-src-{release}"));
    if source.join("library/Cargo.toml").is_file() {
        return Ok(source);
    }
    let debian = Debian::open(cache, &RELEASES, "amd64")?;
    let versions = debian.versions("rust-src")?;
    let Some(version) = versions.iter().find(|version| version.starts_with(&format!("{release}+"))) else {
        bail!("Debian has no source of Rust {release} (it has {}); install the target with rustup", versions.join(", "));
    };
    let unpacked = cache.join(format!("rust-src-{release}.new"));
    run::remove(&unpacked)?;
    debian.unpack(&[format!("rust-src={version}")], &unpacked)?;
    run::remove(&source)?;
    std::fs::rename(unpacked.join(format!("usr/src/rustc-{release}")), &source).context("cannot place the source of Rust")?;
    run::remove(&unpacked)?;
    Ok(source)
}

/// `panic_abort` has to be compiled with the strategy that it carries out, or programs that abort do not link; everything
/// else is compiled to unwind, which serves both.
const WRAPPER: &str = r#"#!/bin/sh
case " $* " in *" --crate-name panic_abort "*) exec "$@" -Cpanic=abort ;; esac
exec "$@"
"#;

/// An empty program whose dependencies are the standard library.
const EMPTY: &str = "[package]\nname = \"standard-library\"\nversion = \"0.0.0\"\nedition = \"2024\"\n[workspace]\n";

fn build(triple: &str, source: &Path, sysroot: &Path, cache: &Path) -> anyhow::Result<()> {
    let work = tempfile::tempdir_in(cache).context("cannot make a folder to build in")?;
    let at = work.path();
    run::folder(&at.join("src"))?;
    run::write(&at.join("Cargo.toml"), EMPTY)?;
    run::write(&at.join("src/lib.rs"), "")?;
    let wrapper = at.join("wrapper");
    run::program(&wrapper, WRAPPER)?;
    run::run(
        Command::new("cargo")
            .current_dir(at)
            .args(["build", "--release", "-Z", "build-std=std,panic_abort,panic_unwind,test", "--target", triple])
            .env("RUSTC_BOOTSTRAP", "1")
            .env("RUSTC_WRAPPER", &wrapper)
            .env("__CARGO_TESTS_ONLY_SRC_ROOT", source.join("library"))
            // Bitcode, so that link-time optimisation reaches into the standard library.
            .env("RUSTFLAGS", "-Cembed-bitcode=yes")
            .env("CARGO_TARGET_DIR", at.join("target"))
            .env_remove("CARGO_ENCODED_RUSTFLAGS"),
    )?;
    let libraries = sysroot.join(format!("lib/rustlib/{triple}/lib"));
    run::remove(&libraries)?;
    run::folder(&libraries)?;
    let built = at.join(format!("target/{triple}/release/deps"));
    for file in std::fs::read_dir(&built).with_context(|| format!("cannot list {}", built.display()))? {
        let file = file.context("cannot list what was built")?.path();
        let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if name.ends_with(".rlib") && !name.starts_with("libstandard_library") {
            run::copy(&file, &libraries.join(name))?;
        }
    }
    Ok(())
}
