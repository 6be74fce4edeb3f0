//! The zoo's files on ONNX Runtime, an implementation that shares nothing with ours: does it give the outputs that the manifests
//! promise, and does its own quantiser make better int8 files?
//!
//! It is reached through its Python package in a process of its own, so that checking needs no library of this program's. The
//! script is part of the program; the interpreter is given by whoever asks.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use serde::Deserialize;
use serde_json::json;

use benchrack_protocol::model::Manifest;
use benchrack_protocol::tensor::{Comparison, InputGenerator, compare};

use crate::fidelity;

const SCRIPT: &str = include_str!("onnxruntime/worker.py");
/// Largest answer that is believed, in values.
const LIMIT: usize = 1 << 28;

/// A Python process with ONNX Runtime.
#[derive(Debug)]
pub struct OnnxRuntime {
    python: PathBuf,
    child: Child,
    requests: ChildStdin,
    answers: BufReader<ChildStdout>,
}

/// A model that could not be run or compared there.
#[derive(Debug, thiserror::Error)]
pub enum OnnxRuntimeError {
    /// No such interpreter.
    #[error("cannot start {}; give a Python that has onnxruntime, onnx and numpy", .python.display())]
    Start {
        /// As given.
        python: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The process ended or broke off, as it does when a package is missing.
    #[error("{} does not answer; see what it printed, and that it has onnxruntime, onnx and numpy", .python.display())]
    Talk {
        /// As given.
        python: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// ONNX Runtime refuses the model, or the quantiser fails.
    #[error("ONNX Runtime cannot do it: {0}")]
    Refused(String),
    /// The manifest has nothing to compare with.
    #[error("the manifest has no {0}, so there is nothing to compare")]
    Nothing(&'static str),
    /// A reference of the manifest lies outside the output.
    #[error("the manifest refers to output {position} of {outputs}; build the model again")]
    Position {
        /// Flat position.
        position: u64,
        /// Number of values that came out.
        outputs: usize,
    },
}

/// Our int8 file and that of ONNX Runtime's static quantiser (QDQ, uint8 activations, int8 weights, one scale a tensor, range from
/// lowest to highest value), both against the fp32 file, on the same calibration and the same unseen pictures.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
pub struct Quantisers {
    /// Signal to quantisation noise of ours, dB.
    pub ours_db: f64,
    /// Of theirs, dB.
    pub theirs_db: f64,
}

#[derive(Deserialize)]
struct Answer {
    version: String,
    error: Option<String>,
    values: Option<usize>,
    ours_db: Option<f64>,
    theirs_db: Option<f64>,
}

impl OnnxRuntime {
    /// Starts it.
    ///
    /// # Errors
    /// The interpreter cannot be started. Missing packages show at the first request.
    pub fn start(python: &Path) -> Result<Self, OnnxRuntimeError> {
        let failed = |source| OnnxRuntimeError::Start { python: python.into(), source };
        let mut child =
            Command::new(python).args(["-c", SCRIPT]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().map_err(failed)?;
        let (Some(requests), Some(answers)) = (child.stdin.take(), child.stdout.take()) else {
            return Err(failed(io::ErrorKind::BrokenPipe.into()));
        };
        Ok(Self { python: python.into(), child, requests, answers: BufReader::new(answers) })
    }

    /// The outputs of the manifest's first output for the manifest's own input, held to its reference and tolerance, and the
    /// version of ONNX Runtime.
    ///
    /// # Errors
    /// It cannot run the file, or the manifest has no reference.
    pub fn check(&mut self, model: &Path, manifest: &Manifest) -> Result<(Comparison, String), OnnxRuntimeError> {
        let (Some(input), Some(generator)) = (manifest.inputs.first(), manifest.generators.first()) else {
            return Err(OnnxRuntimeError::Nothing("input"));
        };
        let reference = manifest.references.first().ok_or(OnnxRuntimeError::Nothing("reference"))?;
        let request = json!({ "command": "run", "model": model, "shape": input.shape });
        let (answer, outputs) = self.ask(&request, &[generator.generate(&input.shape)])?;
        let at = |&position: &u64| {
            let value = usize::try_from(position).ok().and_then(|position| outputs.get(position));
            value.copied().ok_or(OnnxRuntimeError::Position { position, outputs: outputs.len() })
        };
        let chosen: Vec<f32> = match reference.positions[..] {
            [] => outputs.clone(),
            ref positions => positions.iter().map(at).collect::<Result<_, _>>()?,
        };
        Ok((compare(&chosen, &reference.values, reference.tolerance), answer.version))
    }

    /// Makes an int8 file of `real` with ONNX Runtime's quantiser, on the pictures that ours was calibrated on, and measures it and
    /// `integer` on eight others.
    ///
    /// # Errors
    /// It cannot quantise or run a file, or the manifest has no input.
    pub fn compare_quantisers(
        &mut self,
        real: &Path,
        integer: &Path,
        manifest: &Manifest,
    ) -> Result<Quantisers, OnnxRuntimeError> {
        let input = manifest.inputs.first().ok_or(OnnxRuntimeError::Nothing("input"))?;
        let Some(&InputGenerator::Image { seed }) = manifest.generators.first() else {
            return Err(OnnxRuntimeError::Nothing("picture as input"));
        };
        let mut pictures = fidelity::calibration(&input.shape, seed);
        let calibration = pictures.len();
        pictures.extend(fidelity::unseen(&pictures, &input.shape, seed, 8));
        let unseen = pictures.len() - calibration;
        let request = json!({
            "command": "compare_quantisers", "real": real, "integer": integer,
            "shape": input.shape, "calibration": calibration, "unseen": unseen,
        });
        match self.ask(&request, &pictures)?.0 {
            Answer { ours_db: Some(ours_db), theirs_db: Some(theirs_db), .. } => Ok(Quantisers { ours_db, theirs_db }),
            _ => Err(self.broken(io::Error::from(io::ErrorKind::InvalidData))),
        }
    }

    fn broken(&self, source: io::Error) -> OnnxRuntimeError {
        OnnxRuntimeError::Talk { python: self.python.clone(), source }
    }

    fn ask(&mut self, request: &serde_json::Value, tensors: &[Vec<f32>]) -> Result<(Answer, Vec<f32>), OnnxRuntimeError> {
        let answered = self.exchange(request, tensors).map_err(|source| self.broken(source))?;
        match answered {
            (Answer { error: Some(error), .. }, _) => Err(OnnxRuntimeError::Refused(error)),
            answered => Ok(answered),
        }
    }

    fn exchange(&mut self, request: &serde_json::Value, tensors: &[Vec<f32>]) -> io::Result<(Answer, Vec<f32>)> {
        writeln!(self.requests, "{request}")?;
        for tensor in tensors {
            self.requests.write_all(&tensor.iter().flat_map(|value| value.to_le_bytes()).collect::<Vec<u8>>())?;
        }
        self.requests.flush()?;
        let mut line = String::new();
        if self.answers.read_line(&mut line)? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let answer: Answer = serde_json::from_str(&line)?;
        let count = answer.values.unwrap_or(0);
        if count > LIMIT {
            return Err(io::Error::new(io::ErrorKind::InvalidData, format!("{count} values are promised")));
        }
        let mut bytes = vec![0; count * 4];
        self.answers.read_exact(&mut bytes)?;
        let (values, _) = bytes.as_chunks::<4>();
        Ok((answer, values.iter().map(|&value| f32::from_le_bytes(value)).collect()))
    }
}

impl Drop for OnnxRuntime {
    fn drop(&mut self) {
        // It holds nothing that could be lost, and may be deep in a long computation.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
