//! What the virtual phone boots: Debian's arm64 kernel, the board's device tree made a phone's, and a small file system.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Context;

use super::{Pages, module};
use crate::debian::Debian;
use crate::run;

/// Release of Debian that the kernel and its tools are from.
const RELEASE: &str = "trixie";
/// Its drivers, in the order that they are loaded; the last is ours.
const DRIVERS: [&str; 6] = [
    "net/core/failover",
    "drivers/net/net_failover",
    "drivers/net/virtio_net",
    "drivers/cpufreq/cpufreq_userspace",
    "drivers/cpufreq/cpufreq_powersave",
    "drivers/cpufreq/cpufreq-dt",
];
/// CPUs of the board; the device tree puts them into clusters of two.
pub const CPUS: &str = "4";
/// Memory of the board, megabytes.
pub const MEMORY: &str = "1024";
/// Model of its CPUs: all that QEMU has, without what makes emulation slow.
pub const CPU: &str = "max,sve=off,pauth-impdef=on";

/// Files for QEMU.
pub struct Image {
    /// Its folder; the console's log goes there too.
    pub folder: PathBuf,
    /// The kernel.
    pub kernel: PathBuf,
    /// The first file system.
    pub files: PathBuf,
    /// The device tree.
    pub device_tree: PathBuf,
}

/// Makes what is not there yet.
///
/// # Errors
/// Packages that cannot be had, or a tool that fails.
pub fn prepare(cache: &Path, pages: Pages) -> anyhow::Result<Image> {
    let debian = Debian::open(cache, &[RELEASE], "arm64")?;
    let (folder, package) = kernel(&debian, cache, pages)?;
    let version = package.trim_start_matches("linux-image-").to_owned();
    let unpacked = folder.join("kernel");
    let root = file_system(&debian, &folder)?;
    let modules = root.join("modules");
    for driver in DRIVERS {
        let name = driver.rsplit('/').next().unwrap_or(driver);
        let packed = unpacked.join(format!("usr/lib/modules/{version}/kernel/{driver}.ko.xz"));
        let plain = Command::new("xz").arg("-dc").arg(&packed).output().context("cannot start xz")?;
        anyhow::ensure!(plain.status.success(), "cannot unpack {}", packed.display());
        run::write(&modules.join(format!("{name}.ko")), plain.stdout)?;
    }
    run::copy(&module::build(&debian, cache, &folder, &version)?, &modules.join("phonesim.ko"))?;
    Ok(Image {
        kernel: unpacked.join(format!("boot/vmlinuz-{version}")),
        files: archive(&folder, &root)?,
        device_tree: device_tree(&folder)?,
        folder,
    })
}

/// The kernel's package, unpacked once. A kernel that is there is used, even when Debian has a newer one by now: removing
/// the folder brings that.
fn kernel(debian: &Debian, cache: &Path, pages: Pages) -> anyhow::Result<(PathBuf, String)> {
    let folder = cache.join(format!("vm-{}", pages.flavour()));
    let stamp = folder.join("package");
    if let Ok(package) = std::fs::read_to_string(&stamp) {
        return Ok((folder, package));
    }
    debian.refresh()?;
    let package = debian.dependency(&format!("linux-image-{}", pages.flavour()), "linux-image-")?;
    run::remove(&folder)?;
    debian.unpack(&[&package], &folder.join("kernel"))?;
    run::write(&stamp, &package)?;
    Ok((folder, package))
}

/// adbd with its libraries, busybox, the drivers and our first program, as the kernel wants its first file system.
fn file_system(debian: &Debian, folder: &Path) -> anyhow::Result<PathBuf> {
    let (root, stamp) = (folder.join("root"), folder.join("root.ready"));
    if !stamp.is_file() {
        run::remove(&root)?;
        for name in ["bin", "lib", "sbin"] {
            run::folder(&root.join("usr").join(name))?;
            run::link(&format!("usr/{name}"), &root.join(name))?;
        }
        let packages = [debian.with_dependencies("adbd")?, vec!["busybox-static".to_owned()]].concat();
        debian.unpack(&packages, &root)?;
        for needless in ["usr/share", "etc/init.d", "usr/lib/aarch64-linux-gnu/gconv"] {
            run::remove(&root.join(needless))?;
        }
        for name in ["proc", "sys", "dev", "tmp", "run", "etc", "data/local/tmp", "modules", "system/bin"] {
            run::folder(&root.join(name))?;
        }
        run::write(&root.join("etc/hosts"), "127.0.0.1 localhost\n")?;
        run::write(&root.join("etc/passwd"), "root:x:0:0:root:/data/local/tmp:/system/bin/sh\n")?;
        run::write(&stamp, "")?;
    }
    run::program(&root.join("init"), include_str!("../../vm/init"))?;
    Ok(root)
}

/// Packs it.
fn archive(folder: &Path, root: &Path) -> anyhow::Result<PathBuf> {
    let (archive, listed) = (folder.join("files.cpio"), folder.join("files.list"));
    run::write(&listed, run::output(Command::new("find").current_dir(root).arg("."))?)?;
    let mut cpio = Command::new("cpio");
    cpio.current_dir(root).args(["--quiet", "-o", "-H", "newc", "-R", "0:0"]);
    cpio.stdin(std::fs::File::open(&listed).context("cannot read the list of files")?);
    cpio.stdout(std::fs::File::create(&archive).with_context(|| format!("cannot write {}", archive.display()))?);
    run::run(&mut cpio)?;
    Ok(archive)
}

/// The board's own device tree with ours behind it.
fn device_tree(folder: &Path) -> anyhow::Result<PathBuf> {
    let (board, text, whole) = (folder.join("board.dtb"), folder.join("phone.dts"), folder.join("phone.dtb"));
    run::output(Command::new("qemu-system-aarch64").args([
        "-M",
        &format!("virt,dumpdtb={}", board.display()),
        "-cpu",
        CPU,
        "-smp",
        CPUS,
        "-m",
        MEMORY,
        "-display",
        "none",
    ]))?;
    let own = run::output(Command::new("dtc").args(["-q", "-I", "dtb", "-O", "dts"]).arg(&board))?;
    run::write(&text, format!("{own}\n{}", include_str!("../../vm/phone.dtsi")))?;
    run::run(Command::new("dtc").args(["-q", "-I", "dts", "-O", "dtb", "-o"]).args([&whole, &text]))?;
    Ok(whole)
}
