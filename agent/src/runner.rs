//! The runner: a child process that loads one model and measures it, speaking [`protocol::runner`] on its standard
//! input and output. Models are untrusted, so they live here only, under limits; a crash here is a result with a reason.
//!
//! Standard output carries the protocol and nothing else; logs go to standard error.
//!
//! [`protocol::runner`]: benchrack_protocol::runner

pub mod engine;
mod frames;
mod inputs;
mod limits;
mod memory;
pub mod model;
mod onnx;
mod package;
pub mod tract;

use std::io::{self, BufRead, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};

use benchrack_protocol::runner::{FailureReason, Reply, Request};

pub use model::Model;
pub use onnx::peek;

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
}

/// Serves standard input until it ends or says quit.
///
/// # Errors
/// When standard input or output break, which ends the process: nobody listens any more.
pub fn serve(arguments: &RunnerArgs) -> io::Result<()> {
    limits::apply(arguments.address_space);
    let mut output = io::stdout().lock();
    reply(&mut output, &Reply::Ready { protocol: PROTOCOL, memory: memory::figures() })?;
    let mut model = None;
    for line in io::stdin().lock().lines() {
        let line = line?;
        if line.trim().is_empty() {
            continue;
        }
        let answer = match serde_json::from_str(&line) {
            Ok(Request::Quit) => return Ok(()),
            Ok(request) => guarded(&mut model, request),
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
fn guarded(model: &mut Option<Model>, request: Request) -> Reply {
    let loading = matches!(request, Request::Load(_));
    match catch_unwind(AssertUnwindSafe(|| answer(model, request))) {
        Ok(Ok(reply)) => reply,
        Ok(Err(refusal)) => failed(refusal),
        Err(panic) => {
            // What it was doing is in an unknown state.
            *model = None;
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

fn answer(model: &mut Option<Model>, request: Request) -> Result<Reply, Refusal> {
    let nothing = || Refusal::new(FailureReason::ProtocolViolated, "no model is loaded");
    match request {
        Request::Load(load) => {
            *model = None;
            let loaded = Model::load(&load)?;
            let reply = loaded.loaded();
            *model = Some(loaded);
            Ok(reply)
        }
        Request::Run { n } => model.as_mut().ok_or_else(nothing)?.run(n),
        Request::Outputs { wanted } => model.as_ref().ok_or_else(nothing)?.outputs(&wanted),
        Request::Profile { n } => Ok(Reply::Profile { operators: model.as_mut().ok_or_else(nothing)?.profile(n)? }),
        Request::Frames { n } => model.as_mut().ok_or_else(nothing)?.frames(n),
        Request::Memory => Ok(Reply::Memory(memory::figures())),
        Request::Quit => Err(Refusal::new(FailureReason::ProtocolViolated, "quit has no reply")),
    }
}
