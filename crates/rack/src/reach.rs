//! The way to one phone: a shell on it, files to it, and its way back to the server.
//!
//! Two ways: `adb`, and `ssh` for boards that run plain Linux. Both are driven as programs with a time limit. What a shell
//! says counts only when the end marker came through: `adb shell` ends with success when the phone dies under it.

use std::future::Future;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::process::Command;

use crate::adb::{Adb, AdbError, called, finished, quoted, shortened};
use crate::phones::Phone;

/// What a command on the phone printed and how it ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// Standard output, without the line's end after its last line.
    pub output: String,
    /// Exit code.
    pub code: i32,
}

/// The way to one phone.
pub trait Reach: Sync {
    /// Runs a script of POSIX shell on the phone; it gets no input.
    ///
    /// # Errors
    /// When it gave no answer in time, or none at all.
    fn shell(&self, script: &str, limit: Duration) -> impl Future<Output = Result<Answer, AdbError>> + Send;

    /// Copies a file of this host to the phone.
    ///
    /// # Errors
    /// As the program says.
    fn push(&self, file: &Path, to: &str, limit: Duration) -> impl Future<Output = Result<(), AdbError>> + Send;

    /// Lets programs on the phone reach this port of the host at that port of their own loopback.
    ///
    /// # Errors
    /// As the program says; always where there is no such way.
    fn lead_back(&self, phone_port: u16, host_port: u16) -> impl Future<Output = Result<(), AdbError>> + Send;
}

const END: &str = "@benchrack-end=";

/// The script with its end marker. The braces keep one script's `exit` from taking the marker along: it runs in a subshell.
fn marked(script: &str) -> String {
    format!("(\n{script}\n)\ncode=$?\necho\necho \"{END}$code\"")
}

/// Takes the marker off again; none where the output was cut off.
fn unmarked(text: &str) -> Option<Answer> {
    let text = text.replace("\r\n", "\n");
    let (output, rest) = text.rsplit_once(END)?;
    let code = rest.trim().parse().ok()?;
    // One line's end is the marker's own, one may be the last line's.
    let output = output.strip_suffix('\n')?;
    Some(Answer { output: output.strip_suffix('\n').unwrap_or(output).to_owned(), code })
}

/// A phone behind an adb server.
#[derive(Debug, Clone)]
pub struct AdbPhone {
    adb: Adb,
    which: [String; 2],
}

impl AdbPhone {
    /// The phone of a listing. It is addressed by its transport, because two phones can have one serial number; a transport
    /// that has ended is refused by adb, so that no call reaches another phone.
    pub fn of(adb: &Adb, phone: &Phone) -> Self {
        let which = match phone.transport {
            Some(transport) => ["-t".into(), transport.to_string()],
            None => ["-s".into(), phone.serial.clone()],
        };
        Self { adb: adb.clone(), which }
    }

    /// Runs `adb` on this phone.
    ///
    /// # Errors
    /// See [`AdbError`].
    pub async fn call(&self, arguments: &[&str], limit: Duration) -> Result<String, AdbError> {
        let mut all: Vec<&str> = self.which.iter().map(String::as_str).collect();
        all.extend(arguments);
        self.adb.call_within(&all, limit).await
    }
}

impl Reach for AdbPhone {
    async fn shell(&self, script: &str, limit: Duration) -> Result<Answer, AdbError> {
        let text = self.call(&["shell", &marked(script)], limit).await?;
        unmarked(&text).ok_or_else(|| AdbError::CutOff { call: shortened(script) })
    }

    async fn push(&self, file: &Path, to: &str, limit: Duration) -> Result<(), AdbError> {
        self.call(&["push", &file.to_string_lossy(), to], limit).await.map(drop)
    }

    async fn lead_back(&self, phone_port: u16, host_port: u16) -> Result<(), AdbError> {
        self.call(&["reverse", &format!("tcp:{phone_port}"), &format!("tcp:{host_port}")], self.adb.limit).await.map(drop)
    }
}

/// A board that runs plain Linux, by ssh with a key: no password is ever asked for.
#[derive(Debug, Clone)]
pub struct SshHost {
    program: PathBuf,
    options: Vec<String>,
    destination: String,
}

impl SshHost {
    /// `user@host`, or a name of `~/.ssh/config`.
    ///
    /// # Errors
    /// A destination that ssh would read as a flag.
    pub fn new(destination: &str) -> Result<Self, String> {
        if destination.is_empty() || destination.starts_with('-') || destination.contains(char::is_whitespace) {
            return Err(format!("'{destination}' is no destination of ssh: user@host, or a name of ~/.ssh/config"));
        }
        let options = ["-o", "BatchMode=yes", "-o", "ConnectTimeout=10", "-T"].map(str::to_owned).to_vec();
        Ok(Self { program: "ssh".into(), options, destination: destination.into() })
    }

    /// Another program in place of `ssh`, with arguments before the destination.
    #[must_use]
    pub fn through(mut self, program: PathBuf, options: Vec<String>) -> Self {
        (self.program, self.options) = (program, options);
        self
    }

    /// `user@host`.
    pub fn destination(&self) -> &str {
        &self.destination
    }

    fn command(&self, script: &str) -> Command {
        let mut command = Command::new(&self.program);
        // One word: sshd hands it to the user's shell, which need not be a POSIX one.
        command.args(&self.options).arg(&self.destination).arg(format!("sh -c {}", quoted(script)));
        command
    }
}

impl Reach for SshHost {
    async fn shell(&self, script: &str, limit: Duration) -> Result<Answer, AdbError> {
        let call = format!("ssh {} {}", self.destination, shortened(script));
        let text = called(self.command(&marked(script)), call, limit).await?;
        unmarked(&text).ok_or_else(|| AdbError::CutOff { call: shortened(script) })
    }

    async fn push(&self, file: &Path, to: &str, limit: Duration) -> Result<(), AdbError> {
        let call = format!("ssh {} cat > {to}", self.destination);
        let source = |source| AdbError::Missing { program: file.into(), source };
        let input = tokio::fs::File::open(file).await.map_err(source)?.into_std().await;
        let mut command = self.command(&format!("cat > {}", quoted(to)));
        command.stdin(input);
        finished(command, call, limit).await.map(drop)
    }

    async fn lead_back(&self, _: u16, _: u16) -> Result<(), AdbError> {
        // A tunnel lives only as long as its ssh process; a board has a network of its own.
        Err(AdbError::NoWayBack { phone: self.destination.clone() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Runs `sh` here in place of a phone.
    fn here() -> SshHost {
        // `sh -c 'shift; exec sh -c "$1"'`-like: the destination is dropped, the command word is run.
        SshHost::new("board").unwrap().through("sh".into(), vec!["-c".into(), r#"eval "$1""#.into()])
    }

    const SOON: Duration = Duration::from_secs(30);

    #[tokio::test]
    async fn a_script_answers_with_its_output_and_its_code() {
        for (script, output, code) in [
            ("echo one; echo two", "one\ntwo", 0),
            ("printf 'no end of line'", "no end of line", 0),
            ("printf 'ends empty\n\n'", "ends empty\n", 0),
            ("echo out; exit 7", "out", 7),
            ("false", "", 1),
        ] {
            let answer = here().shell(script, SOON).await.unwrap();
            assert_eq!(answer, Answer { output: output.into(), code }, "{script}");
        }
    }

    #[tokio::test]
    async fn an_answer_without_its_end_is_no_answer() {
        // The shell that would print the marker is killed, as when a phone dies: standard output just ends.
        let error = here().shell("kill -9 $PPID $$", SOON).await;
        assert!(error.is_err(), "{error:?}");
        for cut in ["", "some output\n", "some output\n@benchrack-end=", "half@benchrack-e"] {
            assert_eq!(unmarked(cut), None, "{cut:?}");
        }
        // Old shells of Android print line ends of a terminal.
        assert_eq!(unmarked("a\r\n\r\n@benchrack-end=3\r\n"), Some(Answer { output: "a".into(), code: 3 }));
    }

    #[tokio::test]
    async fn a_file_arrives_whole() {
        let folder = tempfile::tempdir().unwrap();
        let (from, to) = (folder.path().join("from"), folder.path().join("it's here"));
        let bytes: Vec<u8> = (0..=255).cycle().take(200_000).collect();
        std::fs::write(&from, &bytes).unwrap();
        here().push(&from, to.to_str().unwrap(), SOON).await.unwrap();
        assert_eq!(std::fs::read(to).unwrap(), bytes);
        assert!(here().push(&folder.path().join("absent"), "/dev/null", SOON).await.is_err());
        assert!(here().push(&from, "/nonexistent/folder/file", SOON).await.is_err());
    }

    #[test]
    fn a_destination_cannot_be_a_flag() {
        for wrong in ["", "-oProxyCommand=x", "a b"] {
            assert!(SshHost::new(wrong).is_err(), "{wrong}");
        }
    }
}
