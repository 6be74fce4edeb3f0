//! The running virtual phone, reached as a real one is: by `adb`, and by its own `adbd`.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};

use super::adb::Adb;
use super::image::{CPU, CPUS, Image, MEMORY};
use crate::idle::Killed;
use crate::run;

/// An emulated boot takes half a minute on a free core; a machine that others use takes longer.
const BOOT: Duration = Duration::from_secs(300);
/// Where the agent in the guest finds this machine's server.
pub const SERVER: &str = "http://127.0.0.1:7070";

/// Where the agent, its models and what it prints are in the guest; adbd starts its shells elsewhere.
pub const FOLDER: &str = "/data/local/tmp";

/// A running machine; it ends with this value.
pub struct Guest {
    adb: Adb,
    process: std::cell::RefCell<Killed>,
    console: PathBuf,
}

impl Guest {
    /// Starts it and waits until its shell answers. It reaches nothing but what `adb reverse` gives it.
    pub fn boot(image: &Image) -> anyhow::Result<Self> {
        let port = free_port()?;
        let console = image.folder.join("console.log");
        let process = Command::new("qemu-system-aarch64")
            .args(["-M", "virt", "-cpu", CPU, "-smp", CPUS, "-m", MEMORY, "-display", "none", "-no-reboot", "-serial"])
            .arg(format!("file:{}", console.display()))
            .arg("-kernel")
            .arg(&image.kernel)
            .arg("-initrd")
            .arg(&image.files)
            .arg("-dtb")
            .arg(&image.device_tree)
            .args(["-append", "console=ttyAMA0 quiet panic=-1", "-netdev"])
            .arg(format!("user,id=net,restrict=on,hostfwd=tcp:127.0.0.1:{port}-:5555"))
            .args(["-device", "virtio-net-pci,netdev=net,romfile="])
            .stdin(Stdio::null())
            .spawn()
            .context("cannot start QEMU")?;
        let guest = Self { adb: Adb::new(port)?, process: std::cell::RefCell::new(Killed(process)), console };
        let begun = Instant::now();
        while !guest.adb.answers() {
            if let Some(status) = guest.process.borrow_mut().0.try_wait().context("cannot watch QEMU")? {
                bail!("QEMU ended with {status}: {}", guest.last_words());
            }
            if begun.elapsed() > BOOT {
                bail!("no answer within {} s: {}", BOOT.as_secs(), guest.last_words());
            }
            std::thread::sleep(Duration::from_millis(500));
        }
        println!("booted in {:.0} s: {}", begun.elapsed().as_secs_f64(), guest.last_words().lines().last().unwrap_or_default());
        Ok(guest)
    }

    /// Runs a script in the guest's shell, in the [`FOLDER`]: its exit code and its output.
    ///
    /// # Errors
    /// A machine that does not answer.
    pub fn sh(&self, script: &str) -> anyhow::Result<(i32, String)> {
        self.adb.sh(&format!("cd {FOLDER}\n{script}"))
    }

    /// Runs a script that must succeed, and returns its output without the last line's end.
    pub fn ok(&self, script: &str) -> anyhow::Result<String> {
        let (code, output) = self.sh(script)?;
        if code != 0 {
            bail!("'{script}' ended with {code} in the guest: {}", output.trim());
        }
        Ok(output.trim_end().to_owned())
    }

    /// Copies a file into the guest and makes it executable.
    pub fn push(&self, file: &Path, to: &str) -> anyhow::Result<()> {
        self.adb.push(file, to)
    }

    /// Has the guest reach a port of this machine at [`SERVER`].
    pub fn reverse(&self, port: &str) -> anyhow::Result<()> {
        self.adb.reverse(port)
    }

    /// The end of what the kernel and the first program said.
    pub fn last_words(&self) -> String {
        let said = run::read(&self.console).unwrap_or_default();
        let lines: Vec<&str> = said.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
        lines[lines.len().saturating_sub(8)..].join("\n")
    }

    /// For people.
    pub fn reach(&self) -> String {
        format!("`{}`; its console is {}", self.adb.reach(), self.console.display())
    }
}

/// A port that nobody listens at now.
pub fn free_port() -> anyhow::Result<u16> {
    let listener = TcpListener::bind("127.0.0.1:0").context("no free port")?;
    Ok(listener.local_addr().context("a port without an address")?.port())
}
