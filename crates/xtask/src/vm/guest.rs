//! The running virtual phone: a shell and a door for files, both over TCP to ports of this machine's loopback.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};

use super::image::{CPU, CPUS, Image, MEMORY};
use crate::idle::Killed;
use crate::run;

/// An emulated boot takes half a minute on a free core; a machine that others use takes longer.
const BOOT: Duration = Duration::from_secs(300);
/// The longest that one command may take.
const COMMAND: Duration = Duration::from_secs(900);
/// Where the guest sees this machine.
pub const HOST: &str = "10.0.2.2";

/// A running machine; it ends with this value.
pub struct Guest {
    process: std::cell::RefCell<Killed>,
    shell: u16,
    files: u16,
    console: PathBuf,
}

/// What a command in the guest answered.
#[derive(Debug)]
pub struct Answer {
    /// Its exit code.
    pub code: i32,
    /// Its standard output.
    pub output: String,
}

impl Guest {
    /// Starts it and waits until it answers.
    pub fn boot(image: &Image) -> anyhow::Result<Self> {
        let (shell, files) = (free_port()?, free_port()?);
        let console = image.folder.join("console.log");
        let forward = |port: u16, inside: u16| format!("hostfwd=tcp:127.0.0.1:{port}-:{inside}");
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
            .arg(format!("user,id=net,{},{}", forward(shell, 5555), forward(files, 5556)))
            .args(["-device", "virtio-net-pci,netdev=net,romfile="])
            .stdin(Stdio::null())
            .spawn()
            .context("cannot start QEMU")?;
        let guest = Self { process: std::cell::RefCell::new(Killed(process)), shell, files, console };
        let begun = Instant::now();
        while guest.sh("true").is_err() {
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

    /// Runs a script in the guest's shell.
    ///
    /// # Errors
    /// A machine that does not answer. A script that fails is an answer.
    pub fn sh(&self, script: &str) -> anyhow::Result<Answer> {
        let answer = exchange(self.shell, format!("{script}\necho \"@code=$?\"\nexit\n").as_bytes())?;
        let (output, code) = answer.rsplit_once("@code=").with_context(|| format!("'{script}' was cut off after '{answer}'"))?;
        let code = code.trim().parse().with_context(|| format!("'{script}' gave no exit code"))?;
        Ok(Answer { code, output: output.to_owned() })
    }

    /// Runs a script that must succeed, and returns its output without the last line's end.
    pub fn ok(&self, script: &str) -> anyhow::Result<String> {
        let answer = self.sh(script)?;
        if answer.code != 0 {
            bail!("'{script}' ended with {} in the guest: {}", answer.code, answer.output.trim());
        }
        Ok(answer.output.trim_end().to_owned())
    }

    /// Copies a file into the guest and makes it executable.
    pub fn push(&self, file: &Path, to: &str) -> anyhow::Result<()> {
        let bytes = std::fs::read(file).with_context(|| format!("cannot read {}", file.display()))?;
        let mut message = format!("{to}\n").into_bytes();
        message.extend_from_slice(&bytes);
        let received = exchange(self.files, &message)?;
        if received.trim() != bytes.len().to_string() {
            bail!("{} has {} bytes, and {} arrived at {to}", file.display(), bytes.len(), received.trim());
        }
        Ok(())
    }

    /// The end of what the kernel and the first program said.
    pub fn last_words(&self) -> String {
        let said = run::read(&self.console).unwrap_or_default();
        let lines: Vec<&str> = said.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
        lines[lines.len().saturating_sub(8)..].join("\n")
    }

    /// For people.
    pub fn reach(&self) -> String {
        format!("`nc 127.0.0.1 {}` is its shell, {} its console", self.shell, self.console.display())
    }
}

fn exchange(port: u16, message: &[u8]) -> anyhow::Result<String> {
    let mut connection = TcpStream::connect(("127.0.0.1", port)).context("cannot reach the guest")?;
    connection.set_read_timeout(Some(COMMAND)).context("cannot limit the wait for the guest")?;
    connection.write_all(message).context("cannot speak to the guest")?;
    connection.shutdown(Shutdown::Write).context("cannot speak to the guest")?;
    let mut answer = Vec::new();
    connection.read_to_end(&mut answer).context("the guest does not answer")?;
    String::from_utf8(answer).context("the guest answered no UTF-8")
}

/// A port that nobody listens at now.
fn free_port() -> anyhow::Result<u16> {
    let listener = TcpListener::bind("127.0.0.1:0").context("no free port")?;
    Ok(listener.local_addr().context("a port without an address")?.port())
}
