//! A second process of the runner, for what must not happen in the measured one.
//!
//! ONNX Runtime tells which kernels ran only in its profile, which slows it down and goes to a file. So a process of its own loads the same model on the same CPUs, runs it a few times in the open, says what it
//! saw, and ends. The measured process keeps its memory and its times to itself.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io::{self, BufRead, Read, Write};
use std::path::PathBuf;
use std::process::{Command, Stdio};

use benchrack_protocol::engine::IntegerKernels;
use benchrack_protocol::model::Precision;
use benchrack_protocol::runner::{FailureReason, LoadRequest, OperatorTime};
use benchrack_protocol::units::Nanos;
use serde::{Deserialize, Serialize};

use super::Refusal;

/// What the second process is to do.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Observation {
    /// What to load and how, as in the measured process.
    pub load: LoadRequest,
    /// Inferences to average, beside a first one that warms up.
    pub inferences: u32,
}

/// An operator that was seen to run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seen {
    /// Node name.
    pub name: String,
    /// Operator type in the engine's words.
    pub operator: String,
    /// Arithmetic of its kernel, for convolutions and matrix products.
    pub arithmetic: Option<Precision>,
    /// Mean time of one inference spent there.
    pub time: Nanos,
}

/// The last line of the second process.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Answer {
    Seen(Vec<Seen>),
    Failed { reason: FailureReason, detail: String },
}

/// How to start a further process of this runner.
#[derive(Debug, Clone)]
pub struct Aside {
    program: PathBuf,
    arguments: Vec<OsString>,
}

impl Aside {
    /// The program that runs now, with the arguments that made it a runner. Only for processes that are one.
    pub fn of_this_runner() -> Self {
        Self { program: "/proc/self/exe".into(), arguments: std::env::args_os().skip(1).collect() }
    }

    /// A command that starts this runner again.
    pub fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        command.args(&self.arguments);
        command
    }

    /// Lets the second process observe, and waits for it; it ends with this one.
    ///
    /// # Errors
    /// The engine's refusal of the model, or [`FailureReason::Unsupported`] when the process itself fails.
    pub fn observe(&self, observation: &Observation) -> Result<Vec<Seen>, Refusal> {
        let broken = |error: &dyn std::fmt::Display| {
            Refusal::new(FailureReason::Unsupported, format!("the process that looks at the kernels failed: {error}"))
        };
        let mut child =
            self.command().arg("--aside").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().map_err(|error| broken(&error))?;
        let question = serde_json::to_vec(observation).map_err(|error| broken(&error))?;
        if let Some(mut stdin) = child.stdin.take() {
            // A process that died before it read says so by its status below.
            let _ = stdin.write_all(&question).and_then(|()| stdin.write_all(b"\n"));
        }
        let mut said = String::new();
        let read = child.stdout.take().map_or(Ok(0), |mut stdout| stdout.read_to_string(&mut said));
        let status = child.wait().map_err(|error| broken(&error))?;
        read.map_err(|error| broken(&error))?;
        // Whatever the engine prints by itself stands before the answer.
        match serde_json::from_str(said.trim_end().lines().next_back().unwrap_or_default()) {
            Ok(Answer::Seen(seen)) => Ok(seen),
            Ok(Answer::Failed { reason, detail }) => Err(Refusal { reason, detail }),
            Err(_) => Err(broken(&status)),
        }
    }
}

/// The second process: one question on standard input, one answer on standard output.
///
/// # Errors
/// When standard input or output break.
pub fn serve() -> io::Result<()> {
    let mut line = String::new();
    io::stdin().lock().read_line(&mut line)?;
    let observation: Observation = serde_json::from_str(&line).map_err(io::Error::other)?;
    let answer = match super::engine::observe(&observation) {
        Ok(seen) => Answer::Seen(seen),
        Err(Refusal { reason, detail }) => Answer::Failed { reason, detail },
    };
    let mut output = io::stdout().lock();
    serde_json::to_writer(&mut output, &answer).map_err(io::Error::other)?;
    output.write_all(b"\n")?;
    output.flush()
}

/// What evidence says of the operators that were seen.
pub struct Summary {
    /// Convolutions and matrix products by their arithmetic.
    pub executed: Vec<(Precision, u32)>,
    /// How much of them ran in integers.
    pub integer_kernels: IntegerKernels,
    /// All operators with their number, the commonest first.
    pub operators: Vec<(String, u32)>,
}

/// Counts.
pub fn summarise(seen: &[Seen]) -> Summary {
    let mut executed: BTreeMap<Precision, u32> = BTreeMap::new();
    let mut operators: BTreeMap<&str, u32> = BTreeMap::new();
    for operator in seen {
        *operators.entry(&operator.operator).or_default() += 1;
        if let Some(precision) = operator.arithmetic {
            *executed.entry(precision).or_default() += 1;
        }
    }
    let integer = executed.get(&Precision::Int8).copied().unwrap_or(0);
    let others: u32 = executed.values().sum::<u32>() - integer;
    let integer_kernels = match (integer, others) {
        (0, _) => IntegerKernels::None,
        (_, 0) => IntegerKernels::All,
        _ => IntegerKernels::DenseOnly,
    };
    let mut operators: Vec<_> = operators.into_iter().map(|(name, count)| (name.to_owned(), count)).collect();
    operators.sort_by(|one, other| other.1.cmp(&one.1).then_with(|| one.0.cmp(&other.0)));
    Summary { executed: executed.into_iter().collect(), integer_kernels, operators }
}

/// The times as a profile.
pub fn profile(seen: Vec<Seen>) -> Vec<OperatorTime> {
    seen.into_iter().map(|Seen { name, operator, time, .. }| OperatorTime { name, operator, time }).collect()
}
