//! A benchmark program of another engine in a runner's place: each run calls it once and reads what it prints.
//!
//! It is called directly, without a shell, as a child that this runner turns itself into, so that it has the runner's
//! limits and dies with it; the agent's patience bounds its time.

use std::io::Read;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::Stdio;

use benchrack_protocol::adapter::Adapter;
use benchrack_protocol::causes::chain;
use benchrack_protocol::engine::{EngineEvidence, IntegerKernels};
use benchrack_protocol::runner::{FailureReason, LoadRequest, Reply};
use benchrack_protocol::units::{Bytes, Nanos};
use nix::sys::resource::{UsageWho, getrusage};
use tempfile::TempDir;

use super::Refusal;
use super::aside::Aside;
use crate::adapter::{self, Reader, Said, Words};

/// Inferences before those that count, where the program can be told.
const WARMUP: u32 = 5;

/// What is kept of a program's output; figures stand in few lines, and a program that prints without end must not fill
/// the memory.
const MOST_OUTPUT: u64 = 1 << 20;

/// What is shown of it when it fails.
const SHOWN: usize = 400;

/// A program and the model that it will be called with.
pub struct Program {
    path: PathBuf,
    adapter: Adapter,
    reader: Reader,
    request: LoadRequest,
    aside: Aside,
    /// Holds a link to the model alone; removed with this.
    folder: TempDir,
}

fn broken(error: &dyn std::error::Error) -> Refusal {
    Refusal::new(FailureReason::RefusedByEngine, chain(error))
}

impl Program {
    /// Checks the program, the adapter and the model's file; nothing runs yet.
    ///
    /// # Errors
    /// [`FailureReason::EngineMissing`] when the program cannot be executed, [`FailureReason::RefusedByEngine`] when the
    /// adapter makes no sense.
    pub fn load(request: &LoadRequest, aside: &Aside) -> Result<Self, Refusal> {
        let adapter = request.adapter.clone().ok_or_else(|| Refusal::new(FailureReason::ProtocolViolated, "no adapter"))?;
        let missing = |why: String| Refusal::new(FailureReason::EngineMissing, why);
        let Some(path) = request.library.clone() else {
            return Err(missing(format!(
                "the program of engine '{}' is missing: name a build of it, or --library",
                request.engine
            )));
        };
        let metadata = std::fs::metadata(&path).map_err(|error| missing(format!("no program at {}: {error}", path.display())))?;
        if !metadata.is_file() || metadata.permissions().mode() & 0o111 == 0 {
            return Err(missing(format!("{} is not executable; chmod +x it", path.display())));
        }
        let path = std::fs::canonicalize(&path).map_err(|error| missing(format!("{}: {error}", path.display())))?;
        let model = std::fs::canonicalize(&request.model).map_err(|error| {
            Refusal::new(FailureReason::ArtifactUnavailable, format!("cannot read {}: {error}", request.model.display()))
        })?;
        let reader = Reader::new(&adapter).map_err(|error| broken(&error))?;
        let folder = TempDir::with_prefix("benchrack-model-").map_err(|error| broken(&error))?;
        if let Some(name) = model.file_name() {
            std::os::unix::fs::symlink(&model, folder.path().join(name)).map_err(|error| broken(&error))?;
        }
        let request = LoadRequest { model, ..request.clone() };
        let program = Self { path, adapter, reader, request, aside: aside.clone(), folder };
        program.arguments(1)?;
        Ok(program)
    }

    /// The reply to a load request. The program loads the model anew in each call, so there is no time yet.
    pub fn loaded(&self) -> Reply {
        Reply::Loaded {
            load: Nanos(0),
            unpack: None,
            inputs: Vec::new(),
            outputs: Vec::new(),
            evidence: EngineEvidence {
                engine: self.request.engine.clone(),
                version: "unknown".into(),
                kernels: "not told".into(),
                threads: self.request.threads,
                executed: Vec::new(),
                integer_kernels: IntegerKernels::None,
                operators: Vec::new(),
                settings: Vec::new(),
            },
        }
    }

    fn arguments(&self, runs: u32) -> Result<Vec<std::ffi::OsString>, Refusal> {
        let words = Words {
            model: &self.request.model,
            folder: self.folder.path(),
            threads: self.request.threads,
            runs,
            warmup: WARMUP,
            input: self.request.inputs.first(),
        };
        adapter::arguments(&self.adapter, words).map_err(|error| broken(&error))
    }

    /// Calls the program once, for `n` inferences.
    ///
    /// # Errors
    /// [`FailureReason::InferenceFailed`] with its last words, when it fails or prints no latency.
    pub fn run(&mut self, n: u32) -> Result<Reply, Refusal> {
        let wrong = |why: String| Refusal::new(FailureReason::InferenceFailed, why);
        let name = self.path.display().to_string();
        let (mut output, input) = std::io::pipe().map_err(|error| wrong(format!("cannot make a pipe: {error}")))?;
        let again = input.try_clone().map_err(|error| wrong(format!("cannot make a pipe: {error}")))?;
        let mut command = self.aside.command();
        command.arg("--").arg(&self.path).args(self.arguments(n)?);
        command.stdin(Stdio::null()).stdout(input).stderr(again);
        let mut child = command.spawn().map_err(|error| wrong(format!("cannot start {name}: {error}")))?;
        // Our ends of the pipe are in it; the output ends only when nobody can write any more.
        drop(command);
        let mut bytes = Vec::new();
        let read = (&mut output).take(MOST_OUTPUT).read_to_end(&mut bytes);
        let drained = read.and_then(|_| std::io::copy(&mut output, &mut std::io::sink()));
        let status = child.wait().map_err(|error| wrong(format!("cannot wait for {name}: {error}")))?;
        drained.map_err(|error| wrong(format!("cannot read what {name} prints: {error}")))?;
        let text = String::from_utf8_lossy(&bytes);
        if !status.success() {
            return Err(wrong(format!("{name} failed ({status}): {}", last_words(&text))));
        }
        let said = self.reader.read(&text).map_err(|error| wrong(chain(&error)))?;
        if said.latency().is_none() {
            return Err(wrong(format!("{name} printed no latency that its adapter knows: {}", last_words(&text))));
        }
        let Said { summary, load, first_inference, peak_rss, version } = said;
        Ok(Reply::Summarised { summary, load, first_inference, peak_rss: peak_rss.or_else(peak_of_children), version })
    }
}

/// The most that any ended child held: all of them are this program. Linux counts in KiB (getrusage(2)).
fn peak_of_children() -> Option<Bytes> {
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN).ok()?;
    u64::try_from(usage.max_rss()).ok().filter(|&kibibytes| kibibytes > 0).map(|kibibytes| Bytes(kibibytes * 1024))
}

fn last_words(text: &str) -> String {
    let text = text.trim();
    let surplus = text.chars().count().saturating_sub(SHOWN);
    text.chars().skip(surplus).collect()
}
