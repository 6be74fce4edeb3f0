//! A farm of real processes for one test: `benchrack serve` on a database of its own, agents, and the client.

use std::fs::File;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::LazyLock;
use std::time::{Duration, Instant};

use benchrack_client::Client;
use benchrack_protocol::api::Submission;
use benchrack_protocol::ids::SubmissionId;

/// Tests share the cores. One that compares speeds takes them for itself, or its evidence would speak of the others and
/// forbid a verdict.
pub static CORES: tokio::sync::RwLock<()> = tokio::sync::RwLock::const_new(());

/// Far above what anything takes here; only a hang gets this far.
pub const PATIENCE: Duration = Duration::from_secs(300);

/// The built program with the environment's settings for it taken away.
pub fn benchrack() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_benchrack"));
    for name in
        ["BENCHRACK_SERVER", "BENCHRACK_TOKEN", "BENCHRACK_TOKEN_FILE", "BENCHRACK_DATA_DIR", "BENCHRACK_LISTEN", "DATABASE_URL"]
    {
        command.env_remove(name);
    }
    command.stdin(Stdio::null());
    command
}

/// Runs to the end and returns code, standard output and standard error.
pub fn run(command: &mut Command) -> (i32, String, String) {
    let Output { status, stdout, stderr } = command.output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (status.code().unwrap_or(-1), text(stdout), text(stderr))
}

/// A folder that a database running as another user can reach; gone at the end of the test.
pub fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
    folder
}

/// The models of the zoo that tests measure, built once for all tests of this program: small and quick.
pub fn models() -> &'static Path {
    static MODELS: LazyLock<Models> = LazyLock::new(|| Models::build("mobilenet-v1-0.5-160"));
    &MODELS.folder
}

/// A model of the zoo that all tests share, also those that run this program again in namespaces. Nothing drops a static, so its
/// folder is no temporary one: it has the model's name, and is made anew when `benchrack` was. That waits for whoever uses it.
pub struct Models {
    pub folder: PathBuf,
    _in_use: File,
}

impl Models {
    pub fn build(model: &str) -> Self {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(model);
        let (lock, stamp) = (folder.with_added_extension("lock"), folder.with_added_extension("builder"));
        let builder = std::fs::metadata(env!("CARGO_BIN_EXE_benchrack")).unwrap();
        let builder = format!("{} {:?}", builder.len(), builder.modified().unwrap());
        let is_fresh = || std::fs::read_to_string(&stamp).is_ok_and(|stamp| stamp == builder);
        let lock = File::create(lock).unwrap();
        loop {
            lock.lock_shared().unwrap();
            if is_fresh() {
                return Self { folder, _in_use: lock };
            }
            lock.unlock().unwrap();
            lock.lock().unwrap();
            if !is_fresh() {
                if folder.exists() {
                    std::fs::remove_dir_all(&folder).unwrap();
                }
                let (code, _, stderr) = run(benchrack().args(["zoo", "build", "--quiet"]).arg(&folder).arg(model));
                assert_eq!(code, 0, "{stderr}");
                std::fs::write(&stamp, &builder).unwrap();
            }
            lock.unlock().unwrap();
        }
    }
}

/// A short suite over all models of the server.
pub const SUITE: &str = r#"
name = "test"
models = ["*"]
[plan]
blocks = 4
block_time = 20_000_000
min_warmup_samples = 3
max_warmup_time = 300_000_000
max_settle_time = 1_000_000
"#;

/// A process that is killed when the test ends.
pub struct Process {
    child: Child,
}

impl Process {
    pub fn start(command: &mut Command) -> Self {
        Self { child: command.spawn().unwrap() }
    }

    pub fn of(child: Child) -> Self {
        Self { child }
    }

    pub fn kill_9(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if let Err(error) = self.child.kill().and_then(|()| self.child.wait()) {
            eprintln!("cannot stop a process of this test: {error}");
        }
    }
}

/// A server and its address.
pub struct Server {
    pub process: Process,
    pub address: SocketAddr,
}

impl Server {
    /// Starts on a free port and waits until it says where it listens.
    pub fn start(data_dir: &Path, lease_seconds: u32) -> Self {
        Self::with(data_dir, lease_seconds, "")
    }

    /// The same with more settings of the farm.
    pub fn with(data_dir: &Path, lease_seconds: u32, settings: &str) -> Self {
        let config = data_dir.with_extension("toml");
        let text = format!("[farm]\nlease_seconds = {lease_seconds}\nhousekeeping_seconds = 1\n{settings}");
        std::fs::write(&config, text).unwrap();
        let mut command = benchrack();
        command.args(["serve", "--listen", "127.0.0.1:0", "--config"]).arg(&config).arg("--data-dir").arg(data_dir);
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let address = line.split("http://").nth(1).and_then(|rest| rest.split(';').next()).map(str::parse);
        let Some(Ok(address)) = address else { panic!("the server said '{line}'") };
        Self { process: Process { child }, address }
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub fn client(&self) -> Client {
        Client::new(&self.url(), None).unwrap()
    }

    /// `benchrack` with this server set.
    pub fn command(&self) -> Command {
        let mut command = benchrack();
        command.env("BENCHRACK_SERVER", self.url());
        command
    }

    /// A page as a browser gets it.
    pub fn page(&self, path: &str) -> String {
        let mut connection = TcpStream::connect(self.address).unwrap();
        write!(connection, "GET {path} HTTP/1.0\r\nHost: {}\r\nAccept: text/html\r\n\r\n", self.address).unwrap();
        let mut answer = String::new();
        connection.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.0 200") || answer.starts_with("HTTP/1.1 200"), "{path}: {answer}");
        answer
    }

    /// Adds the test models.
    pub fn add_models(&self) {
        let mut files: Vec<PathBuf> = std::fs::read_dir(models()).unwrap().map(|entry| entry.unwrap().path()).collect();
        files.retain(|file| file.extension().is_some_and(|extension| extension == "onnx"));
        files.sort();
        let (code, _, stderr) = run(self.command().args(["models", "add", "--quiet"]).args(&files));
        assert_eq!(code, 0, "{stderr}");
    }

    /// Queues the short suite for all devices.
    pub fn submit(&self) -> Submission {
        let suite = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(suite.path(), SUITE).unwrap();
        let (code, stdout, stderr) = run(self.command().args(["submit", "--json"]).arg(suite.path()));
        assert_eq!(code, 0, "{stderr}");
        serde_json::from_str(&stdout).unwrap()
    }
}

/// An agent of this program; `server` may be a proxy's address.
pub fn agent(server: &str, data_dir: &Path) -> Process {
    Process::start(benchrack().args(["agent", "run", "--server", server, "--data-dir"]).arg(data_dir).stdout(Stdio::null()))
}

/// Waits for something that other processes do, looking at it again and again.
pub async fn until<T, F: Future<Output = Option<T>>>(what: &str, mut look: impl FnMut() -> F) -> T {
    let started = Instant::now();
    let mut every = tokio::time::interval(Duration::from_millis(50));
    loop {
        every.tick().await;
        if let Some(found) = look().await {
            return found;
        }
        assert!(started.elapsed() < PATIENCE, "waited in vain until {what}");
    }
}

/// Waits until a device has registered.
pub async fn registered(client: &Client) {
    until("a device has registered", || async { client.devices().await.ok().filter(|devices| !devices.is_empty()) }).await;
}

/// Waits until the agent has begun the submission's first job.
pub async fn begun(client: &Client, id: SubmissionId) {
    until("a session has begun", || async {
        let submission = client.submission(id).await.ok()?;
        submission.jobs.iter().any(|job| job.progress.as_ref().is_some_and(|progress| progress.total > 0)).then_some(())
    })
    .await;
}

/// Waits until no job of the submission is open.
pub async fn finished(client: &Client, id: SubmissionId) -> Submission {
    until("all sessions are over", || async {
        let submission = client.submission(id).await.ok()?;
        let open = submission.jobs.iter().any(|job| matches!(job.state.as_str(), "queued" | "leased"));
        (!open).then_some(submission)
    })
    .await
}
