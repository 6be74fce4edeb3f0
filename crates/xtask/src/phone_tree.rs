//! `cargo xtask phone-tree`: a folder that stands in for a phone's system, for the tests of the rack: Debian's own build of
//! adbd, busybox for the shell and its programs, and a `getprop`. Tests run any number of phones from it, each in namespaces
//! of its own.

use std::path::Path;

use anyhow::{Context, bail};
use clap::Args;

use crate::debian::Debian;
use crate::{paths, run};

/// Arguments of `phone-tree`.
#[derive(Debug, Args)]
#[command(after_help = "Wants Debian or a container of it, adb, iproute2 and root (`.ci/setup`). The folder's path is printed;
tests find it in the cache folder, or where BENCHRACK_PHONE_TREE says.")]
pub struct PhoneTree {
    /// Make it anew.
    #[arg(long)]
    again: bool,
}

/// The first release of Debian with adbd.
const RELEASE: &str = "trixie";
const PACKAGES: [&str; 2] = ["adbd", "busybox-static"];

/// What Android's toybox has too, so that a script which works here uses nothing that a phone lacks.
const PROGRAMS: &str = "sh ls cat id env echo rm cp mv mkdir rmdir chmod chown ps kill pidof sleep df du head tail grep sed cut tr \
    sort uniq wc test true false printf date uname stat dd sync touch ln readlink find xargs md5sum sha256sum nohup setsid \
    timeout taskset nproc free uptime top dmesg seq expr tee which basename dirname pgrep pkill mount umount";

/// Answers from a file, as Android's does from its property service.
const GETPROP: &str = r#"#!/bin/sh
[ $# = 0 ] && exec cat /etc/prop
sed -n "s/^\[$1\]: \[\(.*\)\]$/\1/p" /etc/prop
"#;

const PASSWD: &str = "root:x:0:0:root:/data/local/tmp:/bin/sh\nshell:x:2000:2000:shell:/data/local/tmp:/bin/sh\n";

impl PhoneTree {
    /// Makes it.
    pub fn run(self) -> anyhow::Result<()> {
        let cache = paths::cache()?;
        let tree = cache.join("phone-tree");
        // One that an earlier version of this task made is made anew.
        let recipe = recipe();
        let made_by = tree.join("recipe");
        if self.again || !std::fs::read_to_string(&made_by).is_ok_and(|made_by| made_by == recipe) {
            run::remove(&tree)?;
        }
        if !tree.is_dir() {
            let architecture = match std::env::consts::ARCH {
                "x86_64" => "amd64",
                "aarch64" => "arm64",
                other => bail!("Debian has adbd for x86-64 and arm64, and this machine is {other}"),
            };
            // Made beside its place: one that was stopped half-way is not taken for a whole one.
            let partial = cache.join("phone-tree.partial");
            run::remove(&partial)?;
            make(&Debian::open(&cache, &[RELEASE], architecture)?, &partial)?;
            run::write(&partial.join("recipe"), &recipe)?;
            std::fs::rename(&partial, &tree).with_context(|| format!("cannot rename {}", partial.display()))?;
        }
        println!("{}", tree.display());
        Ok(())
    }
}

/// What the tree is made of.
fn recipe() -> String {
    format!("{RELEASE}\n{}\n{PROGRAMS}\n{PASSWD}{GETPROP}", PACKAGES.join(" "))
}

fn make(debian: &Debian, tree: &Path) -> anyhow::Result<()> {
    // Packages of this release have everything below /usr.
    for folder in ["bin", "lib", "sbin", "lib64"] {
        run::folder(&tree.join("usr").join(folder))?;
        run::link(&format!("usr/{folder}"), &tree.join(folder))?;
    }
    let mut packages = std::collections::BTreeSet::new();
    for package in PACKAGES {
        packages.extend(debian.with_dependencies(package)?);
    }
    debian.unpack(&Vec::from_iter(packages), tree)?;
    run::remove(&tree.join("usr/share"))?;
    for folder in ["data/local/tmp", "proc", "sys", "dev", "system/bin", "tmp", "run", "etc"] {
        run::folder(&tree.join(folder))?;
    }
    for program in PROGRAMS.split_whitespace() {
        let path = tree.join("usr/bin").join(program);
        if path.symlink_metadata().is_ok() {
            std::fs::remove_file(&path).with_context(|| format!("cannot replace {}", path.display()))?;
        }
        run::link("busybox", &path)?;
    }
    run::link("/usr/bin/busybox", &tree.join("system/bin/sh"))?;
    run::write(&tree.join("etc/passwd"), PASSWD)?;
    run::write(&tree.join("etc/hosts"), "127.0.0.1 localhost\n")?;
    run::program(&tree.join("system/bin/getprop"), GETPROP)
}
