//! The `adb` program with a server of its own, so that phones of this machine's user are neither seen nor disturbed.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, bail};

use crate::run;

/// The longest that one call may take, seconds: `adb` waits without end for a phone whose network is gone.
const LIMIT: &str = "900";

/// One phone, as adb knows it.
pub struct Adb {
    /// Home of its server: keys, log.
    home: tempfile::TempDir,
    /// Port of its server.
    server: u16,
    /// Address and port of the phone.
    serial: String,
}

impl Adb {
    /// A server that knows no phone yet; it is started by the first call.
    pub fn new(phone: u16) -> anyhow::Result<Self> {
        let home = tempfile::tempdir().context("cannot make a folder for adb")?;
        Ok(Self { home, server: super::guest::free_port()?, serial: format!("127.0.0.1:{phone}") })
    }

    /// Connects to the phone, and says whether a shell answers there.
    pub fn answers(&self) -> bool {
        // A connection made before adbd listened stays half open: `connect` says yes to it, and nothing ever answers. There
        // may be none yet, which is as good.
        drop(self.call(&["disconnect", &self.serial]));
        let known = || {
            let list = self.call(&["devices"]).unwrap_or_default();
            list.lines().any(|line| line == format!("{}\tdevice", self.serial))
        };
        self.call(&["connect", &self.serial]).is_ok() && known() && self.sh("true").is_ok()
    }

    /// Runs a script in the phone's shell; the exit code and what it printed. `adb shell` ends well when the phone dies
    /// under it, so the code is a line of its own.
    ///
    /// # Errors
    /// A phone that does not answer. A script that fails is an answer.
    pub fn sh(&self, script: &str) -> anyhow::Result<(i32, String)> {
        let answer = self.phone(&["shell", &format!("{script}\necho \"@code=$?\"")])?;
        let (output, code) = answer.rsplit_once("@code=").with_context(|| format!("'{script}' was cut off after '{answer}'"))?;
        let code = code.trim().parse().with_context(|| format!("'{script}' gave no exit code"))?;
        Ok((code, output.to_owned()))
    }

    /// Copies a file to the phone and makes it executable there.
    pub fn push(&self, file: &Path, to: &str) -> anyhow::Result<()> {
        self.phone(&["push", &file.display().to_string(), to])?;
        let bytes = std::fs::metadata(file).with_context(|| format!("cannot read {}", file.display()))?.len();
        let (_, arrived) = self.sh(&format!("chmod 755 {to} && wc -c <{to}"))?;
        if arrived.trim() != bytes.to_string() {
            bail!("{} has {bytes} bytes, and {} arrived at {to}", file.display(), arrived.trim());
        }
        Ok(())
    }

    /// Has the phone reach a port of this machine at its own port 7070.
    pub fn reverse(&self, port: &str) -> anyhow::Result<()> {
        self.phone(&["reverse", "tcp:7070", &format!("tcp:{port}")]).map(drop)
    }

    /// For people: how to reach the phone.
    pub fn reach(&self) -> String {
        format!("ANDROID_ADB_SERVER_PORT={} adb -s {} shell", self.server, self.serial)
    }

    fn phone(&self, arguments: &[&str]) -> anyhow::Result<String> {
        self.call(&[&["-s", &self.serial], arguments].concat())
    }

    fn call(&self, arguments: &[&str]) -> anyhow::Result<String> {
        run::output(
            Command::new("timeout")
                .args(["--kill-after=5", LIMIT, "adb"])
                .args(arguments)
                .env("ANDROID_ADB_SERVER_PORT", self.server.to_string())
                .env("HOME", self.home.path())
                .env("TMPDIR", self.home.path())
                // Or its server takes phones at this machine's ports for emulators.
                .env("ADB_LOCAL_TRANSPORT_MAX_PORT", "5554"),
        )
    }
}

impl Drop for Adb {
    fn drop(&mut self) {
        if let Err(error) = self.call(&["kill-server"]) {
            eprintln!("xtask: adb's server does not stop: {error:#}");
        }
    }
}
