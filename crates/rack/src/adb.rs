//! One call of the `adb` program.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use tokio::process::Command;

/// How to call `adb`.
#[derive(Debug, Clone)]
pub struct Adb {
    /// The program; looked up on PATH when it is a bare name.
    pub program: PathBuf,
    /// A call that takes longer is killed.
    pub limit: Duration,
}

impl Default for Adb {
    /// `adb` of PATH. Listing phones takes milliseconds; starting adb's server, a few seconds.
    fn default() -> Self {
        Self { program: "adb".into(), limit: Duration::from_secs(20) }
    }
}

/// Why a call of `adb` gave no answer.
#[derive(Debug, thiserror::Error)]
pub enum AdbError {
    /// The program is not there.
    #[error("cannot run {}; install Android's platform tools (Debian: apt-get install adb)", program.display())]
    Missing {
        /// What was looked for.
        program: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// No answer in time; the call was killed.
    #[error("adb {call} gave no answer within {} s; is a cable loose, or adb's server wedged (adb kill-server)?", limit.as_secs_f32())]
    TimedOut {
        /// Arguments.
        call: String,
        /// The limit.
        limit: Duration,
    },
    /// It ended with an error.
    #[error("adb {call} failed ({status}): {stderr}")]
    Failed {
        /// Arguments.
        call: String,
        /// Exit status.
        status: std::process::ExitStatus,
        /// What it said.
        stderr: String,
    },
    /// Its output is not what adb prints.
    #[error("adb {call} printed a line that is not understood: '{line}'")]
    Strange {
        /// Arguments.
        call: String,
        /// The line.
        line: String,
    },
}

impl Adb {
    /// Runs `adb` with these arguments and returns its standard output.
    ///
    /// # Errors
    /// See [`AdbError`]; a call that takes too long is killed.
    pub async fn call(&self, arguments: &[&str]) -> Result<String, AdbError> {
        let call = arguments.join(" ");
        let mut command = Command::new(&self.program);
        command.args(arguments.iter().map(OsString::from)).stdin(Stdio::null()).kill_on_drop(true);
        let output = match tokio::time::timeout(self.limit, command.output()).await {
            Err(_) => return Err(AdbError::TimedOut { call, limit: self.limit }),
            Ok(Err(source)) => return Err(AdbError::Missing { program: self.program.clone(), source }),
            Ok(Ok(output)) => output,
        };
        if !output.status.success() {
            let stderr = String::from_utf8_lossy(&output.stderr).trim().chars().take(500).collect();
            return Err(AdbError::Failed { call, status: output.status, stderr });
        }
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }
}
