//! The agent's side of a runner: starts it where it belongs, asks, waits no longer than agreed, and turns every way in
//! which it can fail into a reason.

use std::collections::VecDeque;
use std::future::Future;
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use benchrack_protocol::cpuset::CpuSet;
use benchrack_protocol::report::Failure;
use benchrack_protocol::runner::{FailureReason, MemoryFigures, Reply, Request};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command};
use tokio::time::timeout;

use crate::placement::Placement;
use crate::runner::PROTOCOL;

/// How to start a runner: a program and the arguments before our own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunnerProgram {
    /// The program.
    pub path: PathBuf,
    /// Its first arguments, `runner` for the agent itself.
    pub args: Vec<String>,
}

impl RunnerProgram {
    /// This very program with these arguments.
    ///
    /// # Errors
    /// When the system does not say where this program is.
    pub fn this(args: &[&str]) -> std::io::Result<Self> {
        Ok(Self { path: std::env::current_exe()?, args: args.iter().map(|&arg| arg.to_owned()).collect() })
    }

    /// The same program with another last word, which names one of the agent's commands.
    pub fn sibling(&self, command: &str) -> Self {
        let mut args = self.args.clone();
        args.pop();
        args.push(command.into());
        Self { path: self.path.clone(), args }
    }
}

/// What a runner is born with.
#[derive(Debug, Clone)]
pub struct Birth {
    /// CPUs that it may use.
    pub cpus: CpuSet,
    /// Bytes of address space, none for no limit.
    pub address_space: Option<u64>,
    /// How long one answer may take.
    pub patience: Duration,
}

/// Something that answers the runner protocol; a twin has its own.
pub trait Runner: Send {
    /// Asks and waits for the answer. After a failure that ends the runner, every further request fails the same way.
    fn ask(&mut self, request: &Request, patience: Duration) -> impl Future<Output = Result<Reply, Failure>> + Send;

    /// Process id, for its files below /proc.
    fn pid(&self) -> u32;

    /// Memory before any model.
    fn memory_before(&self) -> MemoryFigures;
}

/// Starts runners.
pub trait Launcher: Sync {
    /// What it starts.
    type Runner: Runner;

    /// Starts one and waits until it is ready.
    fn launch(&self, birth: &Birth) -> impl Future<Output = Result<Self::Runner, Failure>> + Send;
}

/// Starts real processes.
pub struct ProcessLauncher<'a> {
    /// The program.
    pub program: &'a RunnerProgram,
    /// Affinity of our own thread, which the child inherits.
    pub placement: &'a dyn Placement,
}

/// The agent's environment may hold its token, which a process with an untrusted model must not see. A backtrace is not
/// among them either: in a runner's last words it would push out the message. The last is where an emulator of another
/// architecture finds that architecture's libraries.
const KEPT_ENVIRONMENT: [&str; 5] = ["PATH", "LD_LIBRARY_PATH", "TMPDIR", "BENCHRACK_LOG", "QEMU_LD_PREFIX"];

/// Official builds of ONNX Runtime for Linux, such as 1.32, collect telemetry in a database below the home folder. That is
/// work beside the measured one, and a written file. It must be off before the library is loaded.
pub const NO_TELEMETRY: (&str, &str) = ("ORT_DISABLE_TELEMETRY", "1");

/// The allocator of the static agents gives memory back that was free for a while. A runner keeps it: a block between two
/// inferences of a slow model must not decide what the second one costs.
const KEEP_MEMORY: (&str, &str) = ("MIMALLOC_PURGE_DELAY", "-1");

impl Launcher for ProcessLauncher<'_> {
    type Runner = RunnerProcess;

    async fn launch(&self, birth: &Birth) -> Result<RunnerProcess, Failure> {
        let child = self.spawn(birth)?;
        RunnerProcess::greet(child, birth.patience).await
    }
}

impl ProcessLauncher<'_> {
    /// Puts this thread on the runner's CPUs for the moment of the fork, so that no instruction of the child, and no
    /// thread that it makes, ever runs elsewhere.
    fn spawn(&self, birth: &Birth) -> Result<Child, Failure> {
        let mut command = Command::new(&self.program.path);
        command
            .args(&self.program.args)
            .env_clear()
            .envs(KEPT_ENVIRONMENT.iter().filter_map(|name| Some((name, std::env::var_os(name)?))))
            .envs([NO_TELEMETRY, KEEP_MEMORY])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        if let Some(bytes) = birth.address_space {
            command.arg("--address-space").arg(bytes.to_string());
        }
        let misplaced = |error: std::io::Error| {
            failure(FailureReason::OperatingPointImpossible, format!("cannot start a runner on CPUs {}: {error}", birth.cpus))
        };
        let own = self.placement.allowed().map_err(misplaced)?;
        self.placement.confine(&birth.cpus).map_err(misplaced)?;
        let child = command.spawn();
        self.placement.confine(&own).map_err(misplaced)?;
        child.map_err(|error| {
            failure(FailureReason::RunnerDied, format!("cannot start the runner {}: {error}", self.program.path.display()))
        })
    }
}

/// A longer line than any answer can be: a million samples of twenty digits.
const LONGEST_ANSWER: u64 = 64 << 20;
/// What is kept of a runner's last words.
const LAST_WORDS: usize = 2048;
/// A process whose pipe has ended is about to be a zombie; one that closed its output and lives on is killed.
const DEATH: Duration = Duration::from_secs(2);

/// A running runner; dropping it kills it.
pub struct RunnerProcess {
    child: Child,
    pid: u32,
    stdin: ChildStdin,
    stdout: BufReader<ChildStdout>,
    last_words: Arc<Mutex<VecDeque<u8>>>,
    memory: MemoryFigures,
    ended: Option<Failure>,
}

impl RunnerProcess {
    async fn greet(mut child: Child, patience: Duration) -> Result<Self, Failure> {
        let pipes = (child.stdin.take(), child.stdout.take(), child.stderr.take(), child.id());
        let (Some(stdin), Some(stdout), Some(stderr), Some(pid)) = pipes else {
            return Err(failure(FailureReason::RunnerDied, "the runner ended before it began".into()));
        };
        let last_words = Arc::new(Mutex::new(VecDeque::new()));
        tokio::spawn(listen(stderr, Arc::clone(&last_words)));
        let memory = MemoryFigures::default();
        let mut runner = Self { child, pid, stdin, stdout: BufReader::new(stdout), last_words, memory, ended: None };
        match runner.bounded(patience, None).await? {
            Reply::Ready { protocol: PROTOCOL, memory } => {
                runner.memory = memory;
                Ok(runner)
            }
            Reply::Ready { protocol, .. } => Err(failure(
                FailureReason::ProtocolViolated,
                format!("the runner speaks version {protocol} of the protocol, this agent {PROTOCOL}"),
            )),
            other => Err(unexpected("ready", &other)),
        }
    }

    /// One exchange within the patience.
    async fn bounded(&mut self, patience: Duration, request: Option<&Request>) -> Result<Reply, Failure> {
        if let Some(ended) = &self.ended {
            return Err(ended.clone());
        }
        let result = match timeout(patience, self.exchange(request)).await {
            Ok(result) => result,
            Err(_) => Err(failure(FailureReason::RunnerHung, format!("no answer within {} s", patience.as_secs_f64()))),
        };
        match result {
            // A refusal is an answer; the runner goes on.
            Ok(Reply::Failed { reason, detail }) => Err(Failure { reason, detail }),
            Ok(reply) => Ok(reply),
            Err(ended) => {
                self.end().await;
                let ended = Failure { detail: format!("{}{}", ended.detail, self.said()), ..ended };
                self.ended = Some(ended.clone());
                Err(ended)
            }
        }
    }

    async fn exchange(&mut self, request: Option<&Request>) -> Result<Reply, Failure> {
        if let Some(request) = request {
            let mut line = serde_json::to_vec(request)
                .map_err(|error| failure(FailureReason::ProtocolViolated, format!("cannot write the request: {error}")))?;
            line.push(b'\n');
            if self.stdin.write_all(&line).await.is_err() || self.stdin.flush().await.is_err() {
                return Err(self.death().await);
            }
        }
        let mut line = Vec::new();
        let read = (&mut self.stdout).take(LONGEST_ANSWER).read_until(b'\n', &mut line).await;
        if read.is_err() || line.last() != Some(&b'\n') {
            if line.len() as u64 >= LONGEST_ANSWER {
                return Err(failure(FailureReason::ProtocolViolated, format!("an answer is longer than {LONGEST_ANSWER} bytes")));
            }
            return Err(self.death().await);
        }
        serde_json::from_slice(&line).map_err(|error| {
            let begin: String = String::from_utf8_lossy(&line).chars().take(80).collect();
            failure(FailureReason::ProtocolViolated, format!("cannot read the runner's answer '{}': {error}", begin.trim()))
        })
    }

    /// The reason of a pipe's end.
    async fn death(&mut self) -> Failure {
        let detail = match timeout(DEATH, self.child.wait()).await {
            Ok(Ok(status)) => format!("the runner {}", describe(status)),
            Ok(Err(error)) => format!("the runner's end cannot be told: {error}"),
            Err(_) => "the runner closed its output".into(),
        };
        failure(FailureReason::RunnerDied, detail)
    }

    async fn end(&mut self) {
        // It fails for a process that has ended already, which is what is wanted.
        let _ = self.child.start_kill();
        if let Err(error) = self.child.wait().await {
            tracing::warn!(pid = self.pid, %error, "cannot wait for a killed runner");
        }
        // Its standard error ended with it; the listener sees the end when it is polled next.
        tokio::task::yield_now().await;
    }

    fn said(&self) -> String {
        let words = self.last_words.lock().unwrap_or_else(PoisonError::into_inner);
        let (front, back) = words.as_slices();
        let text = String::from_utf8_lossy(&[front, back].concat()).trim().to_owned();
        if text.is_empty() { String::new() } else { format!("; it said: {text}") }
    }

    /// Asks it to leave, and makes it leave.
    pub async fn quit(mut self) {
        if self.ended.is_none() && self.stdin.write_all(b"{\"op\":\"quit\"}\n").await.is_ok() {
            // Whether it left by itself does not matter: it is dropped, and so killed, right here.
            let _ = timeout(DEATH, self.child.wait()).await;
        }
    }
}

impl Runner for RunnerProcess {
    async fn ask(&mut self, request: &Request, patience: Duration) -> Result<Reply, Failure> {
        self.bounded(patience, Some(request)).await
    }

    fn pid(&self) -> u32 {
        self.pid
    }

    fn memory_before(&self) -> MemoryFigures {
        self.memory
    }
}

/// A failure.
pub fn failure(reason: FailureReason, detail: String) -> Failure {
    Failure { reason, detail }
}

/// An answer of the wrong kind.
pub fn unexpected(wanted: &str, got: &Reply) -> Failure {
    let got: String = serde_json::to_string(got).unwrap_or_default().chars().take(80).collect();
    failure(FailureReason::ProtocolViolated, format!("'{wanted}' was expected, the runner answered {got}"))
}

fn describe(status: ExitStatus) -> String {
    /// What an engine dies of: a bad instruction, its own abort, bad memory, a forbidden system call.
    const NAMES: [(i32, &str); 6] =
        [(4, "SIGILL"), (6, "SIGABRT"), (7, "SIGBUS"), (8, "SIGFPE"), (11, "SIGSEGV"), (31, "SIGSYS")];
    match (status.signal(), status.code()) {
        (Some(9), _) => "was killed (signal 9), by a person or for want of memory".into(),
        (Some(signal), _) => match NAMES.iter().find(|(number, _)| *number == signal) {
            Some((_, name)) => format!("died of signal {signal} ({name})"),
            None => format!("died of signal {signal}"),
        },
        (None, Some(code)) => format!("ended with exit status {code}"),
        (None, None) => format!("ended: {status}"),
    }
}

async fn listen(mut stderr: ChildStderr, last_words: Arc<Mutex<VecDeque<u8>>>) {
    let mut buffer = [0; 1024];
    while let Ok(count @ 1..) = stderr.read(&mut buffer).await {
        let mut words = last_words.lock().unwrap_or_else(PoisonError::into_inner);
        words.extend(&buffer[..count]);
        let surplus = words.len().saturating_sub(LAST_WORDS);
        words.drain(..surplus);
    }
}
