//! One call of the `adb` program.

use std::ffi::{OsStr, OsString};
use std::fmt;
use std::path::PathBuf;
use std::process::Stdio;
use std::str::FromStr;
use std::time::Duration;

use serde::Deserialize;
use tokio::process::Command;

/// How to call `adb`.
#[derive(Debug, Clone)]
pub struct Adb {
    /// The program; looked up on PATH when it is a bare name.
    pub program: PathBuf,
    /// The server to talk to; adb's own choice when none is named: `ANDROID_ADB_SERVER_PORT`, else port 5037 of this host.
    pub server: Option<AdbServer>,
    /// A call that takes longer is killed.
    pub limit: Duration,
}

impl Default for Adb {
    /// `adb` of PATH. Listing phones takes milliseconds; starting adb's server, a few seconds.
    fn default() -> Self {
        Self { program: "adb".into(), server: None, limit: Duration::from_secs(20) }
    }
}

/// Address of an adb server, `HOST:PORT`: a rack may have several, each with its own hubs.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct AdbServer {
    host: String,
    port: u16,
}

impl FromStr for AdbServer {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = || format!("'{text}' is no address of an adb server: HOST:PORT, 127.0.0.1:5037");
        let (host, port) = text.rsplit_once(':').ok_or_else(wrong)?;
        let port = port.parse().ok().filter(|port| *port > 0).ok_or_else(wrong)?;
        // A host that begins with a dash would be read as a flag.
        if host.is_empty() || host.starts_with('-') || host.contains(char::is_whitespace) {
            return Err(wrong());
        }
        Ok(Self { host: host.into(), port })
    }
}

impl TryFrom<String> for AdbServer {
    type Error = String;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl fmt::Display for AdbServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.host, self.port)
    }
}

/// Why a call of a program gave no answer. The program is `adb`, or `ssh` for a board without adb.
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
    #[error("{call} gave no answer within {} s; is a cable loose, or adb's server wedged (adb kill-server)?", limit.as_secs_f32())]
    TimedOut {
        /// Program and arguments.
        call: String,
        /// The limit.
        limit: Duration,
    },
    /// It ended with an error.
    #[error("{call} failed ({status}): {stderr}")]
    Failed {
        /// Program and arguments.
        call: String,
        /// Exit status.
        status: std::process::ExitStatus,
        /// What it said.
        stderr: String,
    },
    /// Its output is not what adb prints.
    #[error("{call} printed a line that is not understood: '{line}'")]
    Strange {
        /// Program and arguments.
        call: String,
        /// The line.
        line: String,
    },
    /// The shell on the phone went away before the command was over, which adb itself reports as a success.
    #[error("{call} was cut off: the phone went away before the command had ended")]
    CutOff {
        /// What was run, shortened.
        call: String,
    },
    /// Only adb can lead a phone back to its host.
    #[error(
        "{phone} is reached by ssh, which leads no way back: name an address of the server that it can reach itself, --phone-server http://ADDRESS:PORT"
    )]
    NoWayBack {
        /// Which.
        phone: String,
    },
}

impl AdbError {
    /// Whether the phone, the cable or adb is to blame, so that trying again later makes sense.
    pub fn is_transient(&self) -> bool {
        matches!(self, Self::TimedOut { .. } | Self::Failed { .. } | Self::CutOff { .. })
    }
}

impl Adb {
    /// Runs `adb` with these arguments and returns its standard output.
    ///
    /// # Errors
    /// See [`AdbError`]; a call that takes too long is killed.
    pub async fn call(&self, arguments: &[&str]) -> Result<String, AdbError> {
        self.call_within(arguments, self.limit).await
    }

    /// The same with a limit of its own: a push of a large file takes longer than a listing.
    ///
    /// # Errors
    /// See [`AdbError`].
    pub async fn call_within(&self, arguments: &[&str], limit: Duration) -> Result<String, AdbError> {
        let mut command = Command::new(&self.program);
        command.args(self.server_arguments()).args(arguments.iter().map(OsString::from));
        called(command, format!("adb {}", shortened(&arguments.join(" "))), limit).await
    }

    /// What names the server, before every other argument.
    fn server_arguments(&self) -> Vec<OsString> {
        match &self.server {
            Some(AdbServer { host, port }) => ["-H", host, "-P", &port.to_string()].map(OsString::from).to_vec(),
            None => Vec::new(),
        }
    }
}

/// Runs a program to its end within a limit and returns its standard output; `call` names it in errors.
pub(crate) async fn called(mut command: Command, call: String, limit: Duration) -> Result<String, AdbError> {
    command.stdin(Stdio::null());
    finished(command, call, limit).await
}

/// The same, with standard input as the caller has set it.
pub(crate) async fn finished(mut command: Command, call: String, limit: Duration) -> Result<String, AdbError> {
    command.stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    let program = PathBuf::from(command.as_std().get_program());
    let output = match tokio::time::timeout(limit, command.output()).await {
        Err(_) => return Err(AdbError::TimedOut { call, limit }),
        Ok(Err(source)) => return Err(AdbError::Missing { program, source }),
        Ok(Ok(output)) => output,
    };
    if !output.status.success() {
        // adb says why a push failed on standard output.
        let said = if output.stderr.trim_ascii().is_empty() { &output.stdout } else { &output.stderr };
        let stderr = String::from_utf8_lossy(said).trim().chars().take(500).collect();
        return Err(AdbError::Failed { call, status: output.status, stderr });
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// A call's text for an error: one line, not the whole script.
pub(crate) fn shortened(call: &str) -> String {
    const LONGEST: usize = 100;
    let line = call.lines().map(str::trim).filter(|line| !line.is_empty()).collect::<Vec<_>>().join("; ");
    if line.chars().count() <= LONGEST { line } else { format!("{}…", line.chars().take(LONGEST).collect::<String>()) }
}

/// A word that a POSIX shell takes literally.
pub fn quoted(word: impl AsRef<OsStr>) -> String {
    format!("'{}'", word.as_ref().to_string_lossy().replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_of_an_adb_server_has_a_host_and_a_port() {
        assert_eq!("10.0.0.2:5037".parse::<AdbServer>().unwrap().to_string(), "10.0.0.2:5037");
        for wrong in ["", "host", "host:", "host:0", "host:99999", ":5037", "-H:5037", "a b:1"] {
            assert!(wrong.parse::<AdbServer>().is_err(), "{wrong}");
        }
    }

    #[tokio::test]
    async fn another_server_is_named_before_the_call() {
        let mut adb = Adb { program: "echo".into(), ..Adb::default() };
        assert_eq!(adb.call(&["devices"]).await.unwrap(), "devices\n");
        adb.server = Some("hub2:5038".parse().unwrap());
        assert_eq!(adb.call(&["devices"]).await.unwrap(), "-H hub2 -P 5038 devices\n");
    }

    #[tokio::test]
    async fn quoted_words_reach_a_shell_unchanged() {
        for word in ["plain", "with space", "it's", "$HOME `id` \"x\" \\", "a\nb", ""] {
            let mut command = Command::new("sh");
            command.arg("-c").arg(format!("printf %s {}", quoted(word)));
            let printed = called(command, "sh".into(), Duration::from_secs(30)).await.unwrap();
            assert_eq!(printed, word);
        }
    }

    #[test]
    fn an_error_names_a_long_script_in_one_line() {
        let text = shortened("  one\n\n two\n");
        assert_eq!(text, "one; two");
        assert!(shortened(&"x".repeat(400)).chars().count() < 110);
    }
}
