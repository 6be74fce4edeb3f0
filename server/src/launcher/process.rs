//! The running Postgres: started below a small shell that holds it to our life.

use std::fs::File;
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::time::{Duration, Instant};

use super::USER;
use super::account::Account;
use super::error::LauncherError;
use super::find::Installation;

/// Crash recovery of a large database takes a while.
const START_PATIENCE: Duration = Duration::from_secs(120);
/// The log is set aside at a start when it has grown beyond this.
const LARGEST_LOG: u64 = 4 << 20;

/// Runs the server and waits for it, while a background shell reads the pipe that we hold open: at its end, however we
/// ended, SIGINT asks for a fast shutdown (SIGTERM would wait for clients). Descriptor 3 is that pipe, because shells
/// give background jobs an empty standard input.
const TIE: &str = r#"
exec 3<&0
"$@" </dev/null 3<&- &
server=$!
( while read -r _ <&3; do :; done; kill -INT "$server" ) &
tie=$!
exec 3<&- </dev/null
wait "$server"
status=$?
kill "$tie" 2>/dev/null
exit "$status"
"#;

/// A running server; dropping it shuts the server down and waits.
#[derive(Debug)]
pub(super) struct Running {
    child: Child,
    tie: Option<ChildStdin>,
}

impl Running {
    pub(super) fn pid(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        drop(self.tie.take());
        if let Err(error) = self.child.wait() {
            tracing::error!(%error, "cannot wait for the embedded PostgreSQL to end");
        }
    }
}

/// A program of Postgres in a small environment of its own: same locale everywhere, and out of the terminal's process
/// group, so that Ctrl-C does not end the database before the server has drained.
pub(super) fn command(program: &Path, account: Option<&Account>) -> Command {
    let mut command = Command::new(program);
    command.env_clear().env("LC_ALL", "C").env("PATH", "/usr/bin:/bin").current_dir("/").process_group(0);
    if let Some(path) = std::env::var_os("LD_LIBRARY_PATH") {
        command.env("LD_LIBRARY_PATH", path);
    }
    if let Some(account) = account {
        command.uid(account.uid).gid(account.gid);
    }
    command
}

/// Starts the server on this cluster and waits until it takes connections.
pub(super) fn start(
    installation: &Installation,
    folder: &Path,
    data: &Path,
    socket_folder: &Path,
    account: Option<&Account>,
    settings: &[String],
) -> Result<Running, LauncherError> {
    let log = folder.join("postgres.log");
    let log_file = open_log(&log)?;
    let log_begins = log_file.metadata().map_or(0, |metadata| metadata.len());
    let shell = PathBuf::from("/bin/sh");
    let mut command = command(&shell, account);
    command.args(["-c", TIE, "benchrack-postgres"]).arg(installation.bin.join("postgres")).arg("-D").arg(data);
    command.arg("-k").arg(socket_folder);
    let fixed = [
        "listen_addresses=",
        "unix_socket_permissions=0700",
        "max_connections=60",
        "jit=off",
        "timezone=UTC",
        "log_timezone=UTC",
        "log_checkpoints=off",
    ];
    for setting in fixed.into_iter().chain(settings.iter().map(String::as_str)) {
        command.args(["-c", setting]);
    }
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(log_file)
        .spawn()
        .map_err(|source| LauncherError::Run { program: shell, source })?;
    let tie = child.stdin.take();
    let mut running = Running { child, tie };
    wait_until_ready(&mut running, &socket_folder.join(".s.PGSQL.5432"), &log, log_begins)?;
    Ok(running)
}

fn open_log(path: &Path) -> Result<File, LauncherError> {
    if std::fs::metadata(path).is_ok_and(|metadata| metadata.len() > LARGEST_LOG) {
        std::fs::rename(path, path.with_extension("log.1")).map_err(LauncherError::folder("set aside", path))?;
    }
    File::options().create(true).append(true).open(path).map_err(LauncherError::folder("write", path))
}

fn wait_until_ready(running: &mut Running, socket: &Path, log: &Path, log_begins: u64) -> Result<(), LauncherError> {
    let begun = Instant::now();
    while begun.elapsed() < START_PATIENCE {
        // A refused or unfinished conversation means not yet; the deadline and the child's end bound the wait.
        if takes_connections(socket).unwrap_or(false) {
            return Ok(());
        }
        let ended = running.child.try_wait();
        if !matches!(ended, Ok(None)) {
            return Err(LauncherError::Died { log: log.into(), tail: tail_of(log, log_begins) });
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    Err(LauncherError::NotReady { seconds: START_PATIENCE.as_secs(), log: log.into() })
}

/// Whether a startup packet is answered with an authentication message. A socket that only accepts also belongs to a
/// server that is still starting up (PostgreSQL manual, "Message Formats": StartupMessage, Authentication*).
fn takes_connections(socket: &Path) -> std::io::Result<bool> {
    let mut stream = UnixStream::connect(socket)?;
    stream.set_read_timeout(Some(Duration::from_secs(5)))?;
    let mut body = vec![0, 3, 0, 0];
    for text in ["user", USER, "database", "postgres"] {
        body.extend_from_slice(text.as_bytes());
        body.push(0);
    }
    body.push(0);
    let length = u32::try_from(body.len() + 4).map_err(std::io::Error::other)?;
    stream.write_all(&length.to_be_bytes())?;
    stream.write_all(&body)?;
    let mut kind = [0];
    stream.read_exact(&mut kind)?;
    if kind != *b"R" {
        return Ok(false);
    }
    stream.write_all(b"X\0\0\0\x04")?;
    Ok(true)
}

/// The last lines that this start wrote.
fn tail_of(log: &Path, begins: u64) -> String {
    let text = std::fs::read(log).unwrap_or_default();
    let text = text.get(usize::try_from(begins).unwrap_or(0)..).unwrap_or_default();
    let text = String::from_utf8_lossy(text);
    let lines: Vec<&str> = text.lines().rev().take(5).collect();
    if lines.is_empty() { "nothing".into() } else { lines.into_iter().rev().collect::<Vec<_>>().join(" | ") }
}
