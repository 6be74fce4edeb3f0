//! Our driver, `phonesim`, for the kernel of the virtual phone.
//!
//! The kernel's build tools come from the kernel's own release of Debian, and may want a newer C library than this machine
//! has: they are run by that release's. Its compiler flags may be newer than this machine's compiler: the one that is, is
//! said in the older way.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Context;

use crate::debian::Debian;
use crate::run;

const SOURCE: &str = include_str!("../../vm/phonesim.c");
const MAKEFILE: &str = include_str!("../../vm/Makefile");

/// gcc knows `-fmin-function-alignment` since version 14.
const COMPILER: &str = r#"#!/bin/bash
arguments=()
for argument in "$@"; do
    case $argument in
    -fmin-function-alignment=*) arguments+=("-falign-functions=${argument#*=}") ;;
    *) arguments+=("$argument") ;;
    esac
done
exec aarch64-linux-gnu-gcc "${arguments[@]}"
"#;

/// Builds it for this kernel, unless it is there and its source unchanged.
pub fn build(debian: &Debian, cache: &Path, folder: &Path, version: &str) -> anyhow::Result<PathBuf> {
    let work = folder.join("phonesim");
    let (module, source) = (work.join("phonesim.ko"), work.join("phonesim.c"));
    if module.is_file() && std::fs::read_to_string(&source).is_ok_and(|built| built == SOURCE) {
        return Ok(module);
    }
    let headers = headers(debian, cache, folder, version)?;
    run::remove(&work)?;
    run::folder(&work)?;
    run::write(&source, SOURCE)?;
    run::write(&work.join("Makefile"), MAKEFILE)?;
    let compiler = work.join("compiler");
    run::program(&compiler, COMPILER)?;
    let mut make = Command::new("make");
    make.args(["-s", "-C"]).arg(&headers).arg(format!("M={}", work.display())).arg(format!("CC={}", compiler.display()));
    // Type information of the kernel is not wanted, and would need its whole debug file.
    run::run(make.args(["ARCH=arm64", "CROSS_COMPILE=aarch64-linux-gnu-", "PAHOLE=true", "modules"]))
        .context("cannot build the virtual phone's driver")?;
    Ok(module)
}

/// The kernel's headers, with build tools that run here.
fn headers(debian: &Debian, cache: &Path, folder: &Path, version: &str) -> anyhow::Result<PathBuf> {
    let root = folder.join("headers");
    let headers = root.join(format!("usr/src/linux-headers-{version}"));
    let ready = root.join("ready");
    if ready.exists() {
        return Ok(headers);
    }
    run::remove(&root)?;
    let package = format!("linux-headers-{version}");
    let common = debian.dependency(&package, "linux-headers-")?;
    let tools = debian.dependency(&package, "linux-kbuild-")?;
    debian.unpack(&[&package, &common], &root)?;
    let here = Debian::open(cache, &["trixie"], "amd64")?;
    here.unpack(&[tools.as_str(), "libc6"], &root)?;
    let makefile = headers.join("Makefile");
    let text = run::read(&makefile)?.replace("/usr/src/", &format!("{}/usr/src/", root.display()));
    run::write(&makefile, text)?;
    match std::fs::remove_file(headers.join("vmlinux")) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error).context("cannot remove vmlinux"),
        _ => {}
    }
    let libraries = root.join("usr/lib/x86_64-linux-gnu");
    for tool in ["scripts/mod/modpost", "scripts/basic/fixdep"] {
        let tool = root.join("usr/lib").join(&tools).join(tool);
        // Some releases choose between two builds of a tool by a script; the one for 64-bit kernels is meant.
        let (wide, real) = (tool.with_extension("real-lsb-64"), tool.with_extension("real"));
        std::fs::rename(if wide.exists() { &wide } else { &tool }, &real).with_context(|| format!("no {}", tool.display()))?;
        let loader = libraries.join("ld-linux-x86-64.so.2");
        let script =
            format!("#!/bin/sh\nexec {} --library-path {} {} \"$@\"\n", loader.display(), libraries.display(), real.display());
        run::program(&tool, &script)?;
    }
    run::write(&ready, "")?;
    Ok(headers)
}
