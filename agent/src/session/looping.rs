//! One subject's runner asked for inferences again and again, for what takes minutes.

use std::time::Duration;

use benchrack_protocol::energy::Batch;
use benchrack_protocol::report::Failure;
use benchrack_protocol::runner::{FailureReason, Reply, Request};
use benchrack_protocol::units::Nanos;

use crate::clock::Clock;
use crate::runner_process::{Runner, unexpected};

/// Inferences are asked for in batches of about this long: long against the way to the runner and back, short against a
/// gauge's period.
const BATCH: Nanos = Nanos(500_000_000);
/// Bounds one answer of the runner.
const MOST_INFERENCES: u64 = 10_000;

/// A runner and what is known of its speed.
pub struct Looping<'a, R> {
    runner: &'a mut R,
    clock: &'a dyn Clock,
    patience: Duration,
    /// The latest latency, for planning only.
    latency: Nanos,
}

impl<'a, R: Runner> Looping<'a, R> {
    /// A runner with a loaded model, one inference of which took about this long.
    pub fn new(runner: &'a mut R, latency: Nanos, clock: &'a dyn Clock, patience: Nanos) -> Self {
        Self { runner, clock, patience: Duration::from(patience), latency }
    }

    /// As many inferences as take about this long; their latencies.
    pub async fn run(&mut self, time: Nanos) -> Result<Vec<Nanos>, Failure> {
        let count = (time.0 / self.latency.0.max(1)).clamp(1, MOST_INFERENCES);
        let n = u32::try_from(count).unwrap_or(u32::MAX);
        match self.runner.ask(&Request::Run { n }, self.patience).await? {
            Reply::Ran { samples, .. } if samples.len() == n as usize => {
                self.latency = samples.last().copied().unwrap_or(self.latency);
                Ok(samples)
            }
            Reply::Ran { samples, .. } => Err(Failure {
                reason: FailureReason::ProtocolViolated,
                detail: format!("{n} inferences were asked for, the runner sent {} samples", samples.len()),
            }),
            other => Err(unexpected("ran", &other)),
        }
    }

    /// Inferences one batch after another for at least this long. Batches end at times since `begun`.
    pub async fn repeat(&mut self, time: Nanos, begun: Nanos) -> Result<Vec<Batch>, Failure> {
        let until = self.clock.now().0.saturating_add(time.0);
        let mut batches = Vec::new();
        while self.clock.now().0 < until {
            let samples = self.run(BATCH).await?;
            let ended = Nanos(self.clock.now().0.saturating_sub(begun.0));
            batches.push(Batch { ended, inferences: u32::try_from(samples.len()).unwrap_or(u32::MAX) });
        }
        Ok(batches)
    }
}
