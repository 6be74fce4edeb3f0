//! What the agent is compared with when its own cost is measured: a bare loop over the engine, or ONNX Runtime's own
//! Python loop, each in a process of its own as the runner is.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Instant;

use anyhow::{Context as _, anyhow, bail};
use benchrack_protocol::engine::BUILT_IN_ENGINE;
use benchrack_protocol::model::{ElementType, TensorSpec};
use benchrack_protocol::runner::LoadRequest;
use benchrack_stats::Samples;
use serde::{Deserialize, Serialize};
use tempfile::TempDir;

use crate::runner;
use crate::runner_process::{NO_TELEMETRY, RunnerProgram};

/// A process that runs blocks of inferences without the agent: it waits for the number of the next block, a line, and
/// answers with their times in nanoseconds, a JSON list.
pub struct Baseline {
    child: Child,
    stdin: ChildStdin,
    stdout: BufReader<ChildStdout>,
    /// Of Python's onnxruntime; none for a bare loop.
    pub version: Option<String>,
    _inputs: Option<TempDir>,
}

/// What the process says once it has loaded the model.
#[derive(Serialize, Deserialize)]
struct Ready {
    version: Option<String>,
}

const LOOP: &str = include_str!("onnxruntime_loop.py");

impl Baseline {
    /// The engine that the request names, alone in a process of this program.
    pub fn bare(program: &RunnerProgram, request: &LoadRequest) -> anyhow::Result<Self> {
        let mut command = Command::new(&program.path);
        // The runner's own word is the last one.
        command.args(program.args.iter().rev().skip(1).rev()).arg(BARE_LOOP);
        Self::start(command, &serde_json::to_value(request)?, None).context("the bare loop cannot run the model")
    }

    /// Python's onnxruntime where this thread may run, with the same model, inputs and threads.
    pub fn python(python: &Path, request: &LoadRequest, inputs: &[TensorSpec]) -> anyhow::Result<Self> {
        let folder = TempDir::with_prefix("benchrack-inputs-")?;
        let mut given = Vec::new();
        for (place, (spec, values)) in inputs.iter().zip(runner::input_values(inputs, request)?).enumerate() {
            let file = folder.path().join(place.to_string());
            let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
            std::fs::write(&file, bytes).with_context(|| format!("cannot write {}", file.display()))?;
            given.push(serde_json::json!({ "name": spec.name, "shape": spec.shape, "type": kind(spec.element), "file": file }));
        }
        let mut command = Command::new(python);
        command.args(["-c", LOOP]);
        let asked = serde_json::json!({ "model": request.model, "threads": request.threads, "inputs": given });
        Self::start(command, &asked, Some(folder))
            .with_context(|| format!("{} cannot run the model; it needs onnxruntime and numpy", python.display()))
    }

    fn start(mut command: Command, asked: &serde_json::Value, inputs: Option<TempDir>) -> anyhow::Result<Self> {
        let program = Path::new(command.get_program()).display().to_string();
        let mut child = command
            .env(NO_TELEMETRY.0, NO_TELEMETRY.1)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .with_context(|| format!("cannot start {program}"))?;
        let pipes = child.stdin.take().zip(child.stdout.take());
        let (stdin, stdout) = pipes.ok_or_else(|| anyhow!("{program} has no pipes"))?;
        let mut started = Self { child, stdin, stdout: BufReader::new(stdout), version: None, _inputs: inputs };
        started.version = started.ask::<Ready>(&asked.to_string())?.version;
        Ok(started)
    }

    fn ask<T: for<'de> Deserialize<'de>>(&mut self, line: &str) -> anyhow::Result<T> {
        writeln!(self.stdin, "{line}").context("the loop does not listen any more")?;
        let mut answer = String::new();
        self.stdout.read_line(&mut answer)?;
        serde_json::from_str(&answer).context("the loop ended, or answered something else; what it said is above")
    }

    /// Median latency of a block of `n`, in nanoseconds.
    pub fn block(&mut self, n: u32) -> anyhow::Result<f64> {
        let times: Vec<f64> = self.ask(&n.to_string())?;
        Ok(Samples::new(times)?.median())
    }
}

fn kind(element: ElementType) -> &'static str {
    match element {
        ElementType::F32 => "float32",
        ElementType::F16 => "float16",
        ElementType::U8 => "uint8",
        ElementType::I8 => "int8",
        ElementType::I32 => "int32",
        ElementType::I64 => "int64",
    }
}

impl Drop for Baseline {
    fn drop(&mut self) {
        // It fails for a process that has ended already, which is what is wanted.
        let _ = self.child.kill();
        if let Err(error) = self.child.wait() {
            tracing::warn!(%error, "cannot wait for the loop");
        }
    }
}

/// The command that [`serve_bare`] is behind.
pub const BARE_LOOP: &str = "bare-loop";

/// The bare loop's process: the request is the first line, each further one is a number of inferences.
pub fn serve_bare() -> anyhow::Result<()> {
    let mut lines = std::io::stdin().lock().lines();
    let asked = lines.next().context("no request came")??;
    let mut infer = bare(&serde_json::from_str(&asked).context("the request is not that of a runner")?)?;
    super::print(&serde_json::to_string(&Ready { version: None })?);
    for line in lines {
        let n: usize = line?.trim().parse().context("a number of inferences is expected")?;
        let mut times = Vec::with_capacity(n);
        for _ in 0..n {
            let begun = Instant::now();
            infer()?;
            times.push(begun.elapsed().as_nanos());
        }
        super::print(&serde_json::to_string(&times)?);
    }
    Ok(())
}

fn bare(request: &LoadRequest) -> anyhow::Result<Box<dyn FnMut() -> anyhow::Result<()>>> {
    if request.engine == BUILT_IN_ENGINE {
        let mut bare = runner::tract::bare(request)?;
        return Ok(Box::new(move || Ok(bare()?)));
    }
    #[cfg(feature = "onnxruntime")]
    if request.engine == runner::onnxruntime::NAME {
        let mut bare = runner::onnxruntime::bare(request)?;
        return Ok(Box::new(move || Ok(bare()?)));
    }
    bail!("there is no bare loop of engine '{}' to compare with", request.engine)
}
