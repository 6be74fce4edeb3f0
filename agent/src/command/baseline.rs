//! What the agent is compared with when its own cost is measured: a bare loop over the engine in this process, or ONNX
//! Runtime's own Python loop in another.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Instant;

use anyhow::{Context as _, anyhow, bail};
use benchrack_protocol::engine::BUILT_IN_ENGINE;
use benchrack_protocol::model::{ElementType, TensorSpec};
use benchrack_protocol::runner::LoadRequest;
use benchrack_stats::Samples;
use serde::Deserialize;
use tempfile::TempDir;

use crate::runner;
use crate::runner_process::NO_TELEMETRY;

/// Runs blocks of inferences without the agent.
pub enum Baseline {
    /// The engine in this process.
    Bare(Box<dyn FnMut() -> anyhow::Result<()>>),
    /// The engine in Python.
    Python(Box<Python>),
}

impl Baseline {
    /// The engine that the request names, in this process.
    pub fn bare(request: &LoadRequest) -> anyhow::Result<Self> {
        if request.engine == BUILT_IN_ENGINE {
            let mut bare = runner::tract::bare(request)?;
            return Ok(Self::Bare(Box::new(move || Ok(bare()?))));
        }
        #[cfg(feature = "onnxruntime")]
        if request.engine == runner::onnxruntime::NAME {
            let mut bare = runner::onnxruntime::bare(request)?;
            return Ok(Self::Bare(Box::new(move || Ok(bare()?))));
        }
        bail!("there is no bare loop of engine '{}' to compare with", request.engine)
    }

    /// Median latency of a block of `n`, in nanoseconds.
    pub fn block(&mut self, n: u32) -> anyhow::Result<f64> {
        let samples = match self {
            Self::Bare(infer) => {
                let mut samples = Vec::with_capacity(n as usize);
                for _ in 0..n {
                    let begun = Instant::now();
                    infer()?;
                    samples.push(begun.elapsed().as_nanos() as f64);
                }
                samples
            }
            Self::Python(python) => python.block(n)?,
        };
        Ok(Samples::new(samples)?.median())
    }
}

/// A Python that waits for the number of inferences of the next block.
pub struct Python {
    child: Child,
    stdin: ChildStdin,
    stdout: BufReader<ChildStdout>,
    /// Of its onnxruntime.
    pub version: String,
    _inputs: TempDir,
}

#[derive(Deserialize)]
struct Ready {
    version: String,
}

const LOOP: &str = include_str!("onnxruntime_loop.py");

impl Python {
    /// Starts `python` where this thread may run, with the same model, inputs and threads.
    pub fn start(python: &Path, request: &LoadRequest, inputs: &[TensorSpec]) -> anyhow::Result<Self> {
        let folder = TempDir::with_prefix("benchrack-inputs-")?;
        let mut given = Vec::new();
        for (place, (spec, values)) in inputs.iter().zip(runner::input_values(inputs, request)?).enumerate() {
            let file = folder.path().join(place.to_string());
            let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
            std::fs::write(&file, bytes).with_context(|| format!("cannot write {}", file.display()))?;
            given.push(serde_json::json!({ "name": spec.name, "shape": spec.shape, "type": kind(spec.element), "file": file }));
        }
        let mut child = Command::new(python)
            .args(["-c", LOOP])
            .env(NO_TELEMETRY.0, NO_TELEMETRY.1)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .with_context(|| format!("cannot start {}", python.display()))?;
        let pipes = child.stdin.take().zip(child.stdout.take());
        let (mut stdin, stdout) = pipes.ok_or_else(|| anyhow!("{} has no pipes", python.display()))?;
        let asked = serde_json::json!({ "model": request.model, "threads": request.threads, "inputs": given });
        writeln!(stdin, "{asked}").context("Python does not listen")?;
        let mut stdout = BufReader::new(stdout);
        let Ready { version } = answer(&mut stdout)
            .with_context(|| format!("{} cannot run the model; it needs onnxruntime and numpy", python.display()))?;
        Ok(Self { child, stdin, stdout, version, _inputs: folder })
    }

    fn block(&mut self, n: u32) -> anyhow::Result<Vec<f64>> {
        writeln!(self.stdin, "{n}").context("Python does not listen any more")?;
        answer(&mut self.stdout)
    }
}

fn answer<T: for<'de> Deserialize<'de>>(stdout: &mut impl BufRead) -> anyhow::Result<T> {
    let mut line = String::new();
    stdout.read_line(&mut line)?;
    serde_json::from_str(&line).context("Python ended, or answered something else; what it said is above")
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

impl Drop for Python {
    fn drop(&mut self) {
        // It fails for a process that has ended already, which is what is wanted.
        let _ = self.child.kill();
        if let Err(error) = self.child.wait() {
            tracing::warn!(%error, "cannot wait for Python");
        }
    }
}
