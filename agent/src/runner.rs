//! The runner: a child process that loads one model and measures it, speaking [`protocol::runner`] on its standard
//! input and output. Models are untrusted, so they live here only, under limits; a crash here is a result with a reason.
//!
//! Standard output carries the protocol and nothing else; logs go to standard error.
//!
//! [`protocol::runner`]: benchrack_protocol::runner

#[cfg_attr(not(feature = "onnxruntime"), expect(dead_code, reason = "only ONNX Runtime has kernels to look at aside"))]
mod aside;
#[cfg(any(feature = "onnxruntime", feature = "openvino"))]
mod cpu;
pub mod engine;
mod frames;
mod inputs;
mod limits;
mod memory;
pub mod model;
mod onnx;
#[cfg(feature = "onnxruntime")]
pub mod onnxruntime;
#[cfg(feature = "openvino")]
pub mod openvino;
mod package;
mod program;
pub mod tract;

use std::ffi::OsString;
use std::io::{self, BufRead, Write};
use std::os::unix::process::CommandExt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::Command;

use benchrack_protocol::runner::{FailureReason, Reply, Request};

use aside::Aside;
pub use inputs::values as input_values;
pub use model::Model;
pub use onnx::{Peek, peek};
use program::Program;

/// Version of the line protocol.
pub const PROTOCOL: u32 = 1;

/// Why a request cannot be done.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{detail}")]
pub struct Refusal {
    /// For rules.
    pub reason: FailureReason,
    /// For people.
    pub detail: String,
}

impl Refusal {
    /// A refusal.
    pub fn new(reason: FailureReason, detail: impl Into<String>) -> Self {
        Self { reason, detail: detail.into() }
    }
}

/// Limits of a runner.
#[derive(Debug, Clone, clap::Args)]
pub struct RunnerArgs {
    /// Bytes of address space that the process may use; without it as much as the system gives.
    #[arg(long, value_name = "BYTES")]
    address_space: Option<u64>,
    /// Be the second process of a runner: look at the kernels that one model runs, say them, end.
    #[arg(long, hide = true)]
    aside: bool,
    /// Be this program with these arguments, under the limits of a runner.
    #[arg(last = true, hide = true)]
    program: Vec<OsString>,
}

/// What a runner holds.
enum Held {
    Model(Box<Model>),
    Program(Box<Program>),
}

impl Held {
    fn model(&mut self) -> Result<&mut Model, Refusal> {
        match self {
            Self::Model(model) => Ok(model),
            Self::Program(_) => Err(Refusal::new(FailureReason::Unsupported, "a benchmark program gives a summary and no more")),
        }
    }
}

/// Serves standard input until it ends or says quit.
///
/// # Errors
/// When standard input or output break, which ends the process: nobody listens any more.
pub fn serve(arguments: &RunnerArgs) -> io::Result<()> {
    if let Some((program, rest)) = arguments.program.split_first() {
        limits::apply(arguments.address_space, limits::MOST_WRITTEN);
        // Comes back only when it fails.
        return Err(Command::new(program).args(rest).exec());
    }
    if arguments.aside {
        limits::apply(arguments.address_space, limits::MOST_WRITTEN);
        return aside::serve();
    }
    limits::apply(arguments.address_space, 0);
    let aside = Aside::of_this_runner();
    let mut output = io::stdout().lock();
    reply(&mut output, &Reply::Ready { protocol: PROTOCOL, memory: memory::figures() })?;
    let mut held = None;
    for line in io::stdin().lock().lines() {
        let line = line?;
        if line.trim().is_empty() {
            continue;
        }
        let answer = match serde_json::from_str(&line) {
            Ok(Request::Quit) => return Ok(()),
            Ok(request) => guarded(&mut held, request, &aside),
            Err(error) => failed(Refusal::new(FailureReason::ProtocolViolated, format!("cannot read the request: {error}"))),
        };
        reply(&mut output, &answer)?;
    }
    Ok(())
}

fn reply(output: &mut impl Write, reply: &Reply) -> io::Result<()> {
    let mut line = serde_json::to_vec(reply).map_err(io::Error::other)?;
    line.push(b'\n');
    output.write_all(&line)?;
    output.flush()
}

/// Engines may panic on models that nobody tried before.
fn guarded(held: &mut Option<Held>, request: Request, aside: &Aside) -> Reply {
    let loading = matches!(request, Request::Load(_));
    match catch_unwind(AssertUnwindSafe(|| answer(held, request, aside))) {
        Ok(Ok(reply)) => reply,
        Ok(Err(refusal)) => failed(refusal),
        Err(panic) => {
            // What it was doing is in an unknown state.
            *held = None;
            let said = panic
                .downcast_ref::<&str>()
                .map(|text| (*text).to_owned())
                .or_else(|| panic.downcast_ref::<String>().cloned())
                .unwrap_or_else(|| "no message".into());
            let reason = if loading { FailureReason::RefusedByEngine } else { FailureReason::InferenceFailed };
            failed(Refusal::new(reason, format!("the engine panicked: {said}")))
        }
    }
}

fn failed(refusal: Refusal) -> Reply {
    Reply::Failed { reason: refusal.reason, detail: refusal.detail }
}

fn answer(held: &mut Option<Held>, request: Request, aside: &Aside) -> Result<Reply, Refusal> {
    let nothing = || Refusal::new(FailureReason::ProtocolViolated, "no model is loaded");
    match request {
        Request::Load(load) => {
            *held = None;
            let (loaded, reply) = if load.adapter.is_some() {
                let program = Program::load(&load, aside)?;
                let reply = program.loaded();
                (Held::Program(Box::new(program)), reply)
            } else {
                let model = Model::load(&load, Some(aside))?;
                let reply = model.loaded();
                (Held::Model(Box::new(model)), reply)
            };
            *held = Some(loaded);
            Ok(reply)
        }
        Request::Run { n } => match held.as_mut().ok_or_else(nothing)? {
            Held::Model(model) => model.run(n),
            Held::Program(program) => program.run(n),
        },
        Request::Outputs { wanted } => held.as_mut().ok_or_else(nothing)?.model()?.outputs(&wanted),
        Request::Profile { n } => {
            let operators = held.as_mut().ok_or_else(nothing)?.model()?.profile(n)?;
            Ok(Reply::Profile { operators })
        }
        Request::Frames { n } => held.as_mut().ok_or_else(nothing)?.model()?.frames(n),
        Request::Memory => Ok(Reply::Memory(memory::figures())),
        Request::Quit => Err(Refusal::new(FailureReason::ProtocolViolated, "quit has no reply")),
    }
}
