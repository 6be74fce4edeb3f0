//! What comes after a subject's blocks.

use benchrack_protocol::evidence::ThreadPlacement;
use benchrack_protocol::pipeline::Frames;
use benchrack_protocol::report::{FailedPass, Failure, Measurement, OutputCheck, Pass};
use benchrack_protocol::runner::{FailureReason, MemoryFigures, Reply, Request};
use benchrack_protocol::tensor::compare;
use benchrack_protocol::units::Nanos;

use super::{FIRST_FRAMES, Loaded, inferences};
use crate::evidence::threads;
use crate::runner_process::{Runner, unexpected};

/// Frames are asked for in pieces of about this long, so that no answer takes longer than a runner is waited for.
const FRAMES_PIECE: Nanos = Nanos(2_000_000_000);
/// Inferences that a profile averages.
const PROFILE_INFERENCES: u32 = 10;

impl<R: Runner> Loaded<'_, R> {
    /// What comes after the blocks: placement, memory, outputs, profile, whole frames. Memory is read before anything
    /// that takes more of it.
    pub async fn finish(mut self) -> Result<(Measurement, R), Failure> {
        let mut threads: Vec<ThreadPlacement> = std::mem::take(&mut self.threads).into_values().collect();
        if threads.is_empty() {
            threads = threads::placements(self.device.sysfs.as_ref(), self.runner.pid());
        }
        if self.summary.is_some() {
            return Ok(self.of_program(threads));
        }
        let memory = self.memory().await?;
        let outputs = self.check_outputs().await;
        let profile = if self.plan.profile {
            match self.ask(&Request::Profile { n: PROFILE_INFERENCES }).await {
                Ok(Reply::Profile { operators }) => operators,
                Ok(other) => return Err(unexpected("profile", &other)),
                // An engine without a profiler is measured all the same.
                Err(Failure { reason: FailureReason::Unsupported, .. }) => Vec::new(),
                Err(failure) => return Err(failure),
            }
        } else {
            Vec::new()
        };
        let mut failed_passes = Vec::new();
        let frames = match self.frames().await {
            Ok(frames) => frames,
            Err(failure) => {
                failed_passes.push(FailedPass { pass: Pass::Frames, failure });
                None
            }
        };
        let measurement = Measurement {
            load: self.load,
            first_inference: self.first_inference,
            warmup: self.warmup,
            blocks: self.blocks,
            fresh_runners: self.fresh_runners,
            memory_before: self.runner.memory_before(),
            memory,
            outputs,
            engine: self.engine,
            threads,
            summary: None,
            frames,
            packaged_loads: Vec::new(),
            energy: None,
            sustained: None,
            failed_passes,
            profile,
        };
        Ok((measurement, self.runner))
    }

    /// Whole frames, when the plan asks for them and the manifest has a pipeline.
    async fn frames(&mut self) -> Result<Option<Frames>, Failure> {
        let spec = self.spec;
        let Some(pipeline) = spec.manifest.pipeline.as_ref().filter(|_| self.plan.frames > 0) else { return Ok(None) };
        // The first touch every buffer for the first time.
        let first = self.run_frames(FIRST_FRAMES).await?;
        let latency = first.last().map_or(Nanos(0), |time| time.total);
        let piece = u32::try_from(inferences(FRAMES_PIECE, latency)).unwrap_or(u32::MAX);
        let mut times = Vec::new();
        while let missing @ 1.. = self.plan.frames.saturating_sub(u32::try_from(times.len()).unwrap_or(u32::MAX)) {
            times.extend(self.run_frames(missing.min(piece)).await?);
        }
        Ok(Some(Frames { pipeline: pipeline.clone(), times }))
    }

    /// What is known of a program's run: its summary, and no more. It has no outputs that could be checked.
    fn of_program(self, threads: Vec<ThreadPlacement>) -> (Measurement, R) {
        let measurement = Measurement {
            load: self.load,
            first_inference: self.first_inference,
            warmup: self.warmup,
            blocks: Vec::new(),
            fresh_runners: Vec::new(),
            memory_before: MemoryFigures::default(),
            memory: self.program_memory,
            outputs: OutputCheck::NoReference,
            engine: self.engine,
            threads,
            summary: self.summary,
            frames: None,
            packaged_loads: Vec::new(),
            energy: None,
            sustained: None,
            profile: Vec::new(),
            failed_passes: Vec::new(),
        };
        (measurement, self.runner)
    }

    async fn check_outputs(&mut self) -> OutputCheck {
        let references = &self.spec.manifest.references;
        if references.is_empty() {
            return OutputCheck::NoReference;
        }
        let wanted: Vec<_> = references.iter().map(|reference| (reference.output.clone(), reference.positions.clone())).collect();
        match self.ask(&Request::Outputs { wanted }).await {
            Ok(Reply::Outputs { values }) if values.len() == references.len() => {
                let compared = references.iter().zip(&values).map(|(reference, values)| {
                    (reference.output.clone(), compare(values, &reference.values, reference.tolerance))
                });
                OutputCheck::Compared { outputs: compared.collect() }
            }
            Ok(other) => OutputCheck::Failed { detail: unexpected("outputs, one for each wanted", &other).detail },
            Err(failure) => OutputCheck::Failed { detail: failure.detail },
        }
    }
}
