//! The port for the few system programs whose answers no file gives: `getprop`, later `dumpsys` and `cmd`.

use std::io::Read;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use super::{SysError, SysErrorKind};

/// Runs system programs.
pub trait Commands: Send + Sync {
    /// The program's standard output.
    ///
    /// # Errors
    /// [`SysErrorKind::NotFound`] where there is no such program, [`SysErrorKind::Unavailable`] when it fails or hangs.
    fn run(&self, program: &str, arguments: &[&str]) -> Result<String, SysError>;
}

/// A service that does not answer within this is taken as silent; `dumpsys` of a healthy phone needs below a second.
const PATIENCE: Duration = Duration::from_secs(5);

/// Programs of the machine we run on.
#[derive(Debug, Default)]
pub struct LiveCommands;

impl Commands for LiveCommands {
    fn run(&self, program: &str, arguments: &[&str]) -> Result<String, SysError> {
        let line = line(program, arguments);
        // These need no program, so that they work in the barest container.
        match line.as_str() {
            "uname -m" => return Ok(rustix::system::uname().machine().to_string_lossy().into_owned()),
            "id -u" => return Ok(rustix::process::geteuid().as_raw().to_string()),
            "getconf PAGESIZE" => return Ok(rustix::param::page_size().to_string()),
            _ => {}
        }
        let failed = |kind, detail: String| SysError::new(kind, &line, detail);
        let mut child = Command::new(program)
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|error| match error.kind() {
                std::io::ErrorKind::NotFound => failed(SysErrorKind::NotFound, error.to_string()),
                std::io::ErrorKind::PermissionDenied => failed(SysErrorKind::Denied, error.to_string()),
                _ => failed(SysErrorKind::Io, error.to_string()),
            })?;
        let Some(mut stdout) = child.stdout.take() else {
            return Err(failed(SysErrorKind::Io, "it has no standard output".into()));
        };
        let (sender, receiver) = mpsc::channel();
        std::thread::spawn(move || {
            let mut output = Vec::new();
            let result = stdout.read_to_end(&mut output).map(|_| output);
            // Nobody listens any more once the patience is over.
            let _ = sender.send(result);
        });
        let output = match receiver.recv_timeout(PATIENCE) {
            Ok(Ok(output)) => output,
            Ok(Err(error)) => return Err(failed(SysErrorKind::Io, error.to_string())),
            Err(_) => {
                let ended = child.kill().and_then(|()| child.wait());
                return Err(failed(SysErrorKind::Unavailable, format!("no answer within {PATIENCE:?} ({ended:?})")));
            }
        };
        let status = child.wait().map_err(|error| failed(SysErrorKind::Io, error.to_string()))?;
        if !status.success() {
            return Err(failed(SysErrorKind::Unavailable, format!("it ended with {status}")));
        }
        Ok(String::from_utf8_lossy(&output).into_owned())
    }
}

/// Answers kept as files in the folder of a captured device: `getprop.txt`, `dumpsys-battery.txt`.
#[derive(Debug)]
pub struct CommandFolder {
    folder: PathBuf,
}

impl CommandFolder {
    /// Answers in this folder.
    pub fn at(folder: impl Into<PathBuf>) -> Self {
        Self { folder: folder.into() }
    }
}

impl Commands for CommandFolder {
    fn run(&self, program: &str, arguments: &[&str]) -> Result<String, SysError> {
        let line = line(program, arguments);
        let file = self.folder.join(format!("{}.txt", line.replace(' ', "-")));
        match std::fs::read(file) {
            Ok(output) => Ok(String::from_utf8_lossy(&output).into_owned()),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                Err(SysError::new(SysErrorKind::NotFound, &line, "not captured"))
            }
            Err(error) => Err(SysError::new(SysErrorKind::Io, &line, error.to_string())),
        }
    }
}

fn line(program: &str, arguments: &[&str]) -> String {
    std::iter::once(program).chain(arguments.iter().copied()).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_answer_or_say_why_not() {
        let kind = |program: &str, arguments: &[&str]| LiveCommands.run(program, arguments).map_err(|error| error.kind);
        assert_eq!(kind("echo", &["a", "b"]), Ok("a b\n".into()));
        assert_eq!(kind("no-such-program-anywhere", &[]), Err(SysErrorKind::NotFound));
        assert_eq!(kind("false", &[]), Err(SysErrorKind::Unavailable));
        assert!(kind("getconf", &["PAGESIZE"]).is_ok_and(|size| size.parse::<u32>().is_ok_and(u32::is_power_of_two)));
    }

    #[test]
    fn answers_in_a_folder_are_named_after_the_command() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("dumpsys-battery.txt"), "level: 5\n").unwrap();
        let commands = CommandFolder::at(folder.path());
        assert_eq!(commands.run("dumpsys", &["battery"]).unwrap(), "level: 5\n");
        assert_eq!(commands.run("getprop", &[]).unwrap_err().kind, SysErrorKind::NotFound);
    }
}
