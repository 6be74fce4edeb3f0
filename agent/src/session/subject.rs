//! One subject of a session: its runner, and what was measured of it so far. A failure ends the subject, never the
//! session.

mod finish;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use benchrack_protocol::adapter::Summary;
use benchrack_protocol::cpuset::CpuSet;
use benchrack_protocol::engine::EngineEvidence;
use benchrack_protocol::evidence::ThreadPlacement;
use benchrack_protocol::pipeline::FrameTime;
use benchrack_protocol::report::{Block, Failure, FreshRunner, Turn, Warmup};
use benchrack_protocol::round::Round;
use benchrack_protocol::runner::{FailureReason, InputFile, LoadRequest, MemoryFigures, Reply, Request};
use benchrack_protocol::session::{MeasurePlan, Subject};
use benchrack_protocol::units::Nanos;
use benchrack_stats::steady::{Steadiness, steadiness};

use crate::device::Device;
use crate::evidence::{contention, schedstat, threads};
use crate::runner_process::{Birth, Launcher, Runner, unexpected};

/// Warm-up goes on in pieces of about this long, each followed by a look whether it is steady.
const WARMUP_PIECE: Nanos = Nanos(50_000_000);
/// Clocks need some hundred milliseconds to follow a load, however few inferences look alike before.
const SHORTEST_WARMUP: Nanos = Nanos(300_000_000);
/// A runner that replaces another begins on a device that its own loading has warmed: this long, and no fewer inferences than
/// the plan says.
const RENEWED_WARMUP: Nanos = Nanos(20_000_000);
/// Kept warm-up latencies; a model this quick is warm long before.
const MOST_WARMUP_SAMPLES: usize = 20_000;
/// Bounds a report; a block of a model this quick is shorter than asked.
const MOST_BLOCK_SAMPLES: u64 = 10_000;
/// Frames before those that count.
const FIRST_FRAMES: u32 = 3;
/// Between two looks at the CPU time of threads that should rest: longer than the kernel's longest tick of 10 ms, because
/// the time of a running thread is counted tick by tick.
const REST_LOOK: Duration = Duration::from_millis(12);
/// CPU time between two looks, in nanoseconds, that is rest: the runner's own answer takes some microseconds.
const REST: u64 = 1_000_000;
/// Looks before the next block begins all the same; its own evidence tells what it suffered.
const MOST_REST_LOOKS: u32 = 20;

/// A benchmark program measures at least this many inferences in a call.
const FEWEST_OF_A_PROGRAM: u32 = 10;

/// A loaded subject.
pub struct Loaded<'a, R> {
    spec: &'a Subject,
    plan: &'a MeasurePlan,
    device: &'a Device,
    runner: R,
    load: Nanos,
    engine: EngineEvidence,
    first_inference: Nanos,
    warmup: Warmup,
    blocks: Vec<Block>,
    /// As seen after each block, the most telling sight of each thread.
    threads: BTreeMap<u32, ThreadPlacement>,
    fresh_runners: Vec<FreshRunner>,
    summary: Option<Summary>,
    program_memory: MemoryFigures,
}

/// Which part of a round is measured.
#[derive(Debug, Clone, Copy)]
pub struct OfRound {
    /// The round.
    pub round: u32,
    /// The subject's place in it.
    pub place: u32,
    /// The turn, from 0.
    pub turn: u32,
    /// Turns of each subject.
    pub turns: u32,
}

/// What a subject is made of on this device.
#[derive(Clone)]
pub struct Files<'a> {
    /// The model.
    pub model: &'a Path,
    /// The engine's library or program; none for the engine inside the agent.
    pub library: Option<PathBuf>,
    /// Values of inputs that come from files.
    pub inputs: &'a [InputFile],
}

impl<'a, R: Runner> Loaded<'a, R> {
    /// Starts the runner, loads the model and runs the first inference.
    pub async fn load<L: Launcher<Runner = R>>(
        launcher: &L,
        birth: &Birth,
        device: &'a Device,
        spec: &'a Subject,
        plan: &'a MeasurePlan,
        files: Files<'_>,
    ) -> Result<Self, Failure> {
        if spec.threads == 0 {
            let detail = "no engine runs with 0 threads; ask for 1 or more".into();
            return Err(Failure { reason: FailureReason::OperatingPointImpossible, detail });
        }
        let format = spec.manifest.format;
        if let Some(adapter) = spec.engine.adapter.as_ref().filter(|adapter| !adapter.formats.contains(&format)) {
            let taken: Vec<String> = adapter.formats.iter().map(ToString::to_string).collect();
            let detail = format!("the program of {} takes {}, the model is {format}", spec.engine.name, taken.join(", "));
            return Err(Failure { reason: FailureReason::RefusedByEngine, detail });
        }
        let runner = launcher.launch(birth).await?;
        let mut subject = Self {
            spec,
            plan,
            device,
            runner,
            load: Nanos(0),
            engine: nothing_loaded(),
            first_inference: Nanos(0),
            warmup: Warmup { samples: Vec::new(), steady: false },
            blocks: Vec::new(),
            threads: BTreeMap::new(),
            fresh_runners: Vec::new(),
            summary: None,
            program_memory: MemoryFigures::default(),
        };
        match subject.ask(&Request::Load(load_request(spec, &files))).await? {
            Reply::Loaded { load, evidence, .. } => {
                subject.load = load;
                subject.engine = evidence;
            }
            other => return Err(unexpected("loaded", &other)),
        }
        if subject.is_program() {
            return Ok(subject);
        }
        let (samples, _, _) = subject.run(1).await?;
        subject.first_inference = samples.first().copied().unwrap_or_default();
        Ok(subject)
    }

    /// For people: `squeezenet-1.1 int8`.
    pub fn name(&self) -> String {
        format!("{} {}", self.spec.manifest.name, self.spec.manifest.precision)
    }

    /// Whether a benchmark program measures instead of a runner: it warms up by itself and gives a summary.
    fn is_program(&self) -> bool {
        self.spec.engine.adapter.is_some()
    }

    /// Waits until the runner's threads have come to rest, within bounds. Those of a pool spin on after an inference, to be
    /// quick for the next one, and would take CPU time from the block of the subject that follows.
    pub async fn wind_down(&self) {
        if self.spec.threads < 2 || self.is_program() {
            return;
        }
        for _ in 0..MOST_REST_LOOKS {
            let Some(before) = self.ran() else { return };
            tokio::time::sleep(REST_LOOK).await;
            let Some(after) = self.ran() else { return };
            if after.saturating_sub(before) < REST {
                return;
            }
        }
        tracing::debug!(subject = self.name(), "the runner's threads did not come to rest between blocks");
    }

    /// CPU time of the runner's threads so far, nanoseconds; none where the kernel does not count it.
    fn ran(&self) -> Option<u64> {
        let threads = schedstat::threads(self.device.sysfs.as_ref(), self.runner.pid());
        Some(threads.value()?.values().map(|times| times.ran).sum())
    }

    /// Runs until the latencies show no trend, within the plan's bounds.
    pub async fn warm_up(&mut self) -> Result<(), Failure> {
        if self.is_program() {
            self.warmup.steady = true;
            return Ok(());
        }
        let begun = self.device.clock.now();
        let enough = usize::try_from(self.plan.min_warmup_samples).unwrap_or(usize::MAX).min(MOST_WARMUP_SAMPLES);
        loop {
            let known = &self.warmup.samples;
            let latency = median(known).unwrap_or(self.first_inference);
            let missing = enough.saturating_sub(known.len());
            let piece = inferences(WARMUP_PIECE, latency).min((MOST_WARMUP_SAMPLES - known.len()) as u64);
            // The fewest that are asked for may take longer than a piece; a slow model goes one by one after them.
            let count = piece.max(1).min(if missing > 0 { missing as u64 } else { u64::MAX });
            let (samples, _, _) = self.run(u32::try_from(count).unwrap_or(u32::MAX)).await?;
            self.warmup.samples.extend(samples);
            let latencies: Vec<u64> = self.warmup.samples.iter().map(|sample| sample.0).collect();
            let spent = Nanos(self.device.clock.now().0.saturating_sub(begun.0));
            let full = latencies.len() >= MOST_WARMUP_SAMPLES;
            if latencies.len() < enough || (spent < SHORTEST_WARMUP.min(self.plan.max_warmup_time) && !full) {
                continue;
            }
            self.warmup.steady = steadiness(&latencies) == Steadiness::Steady;
            if self.warmup.steady || spent >= self.plan.max_warmup_time || full {
                return Ok(());
            }
        }
    }

    /// The subject with a fresh runner for this round, warmed up for a moment only: the device is warm, and what an engine
    /// does in its first inferences is over soon. A program starts anew in each call anyway.
    pub async fn renew<L: Launcher<Runner = R>, E: Future<Output = ()>>(
        self,
        (launcher, birth): (&L, &Birth),
        files: Files<'_>,
        round: u32,
        end: impl Fn(R) -> E,
    ) -> Result<Self, Failure> {
        if self.is_program() {
            return Ok(self);
        }
        // The old one first, so that the device never holds two of the same model.
        end(self.runner).await;
        let fresh = Self::load(launcher, birth, self.device, self.spec, self.plan, files).await?;
        let (load, first_inference) = (fresh.load, fresh.first_inference);
        let mut renewed = Self { runner: fresh.runner, ..self };
        let wanted = inferences(RENEWED_WARMUP, renewed.latency()).max(u64::from(renewed.plan.min_warmup_samples));
        renewed.run(u32::try_from(wanted.min(MOST_BLOCK_SAMPLES)).unwrap_or(u32::MAX)).await?;
        let mut frames = Vec::new();
        if renewed.plan.round_frames > 0 && renewed.spec.manifest.pipeline.is_some() {
            renewed.run_frames(FIRST_FRAMES).await?;
            frames.extend(renewed.run_frames(renewed.plan.round_frames).await?.iter().map(|time| time.total));
        }
        renewed.fresh_runners.push(FreshRunner { round, load, first_inference, frames, memory: None });
        Ok(renewed)
    }

    /// Notes the memory of this round's runner, where each round has one of its own. Reading it takes milliseconds, so it comes
    /// after the turns of all subjects.
    pub async fn weigh(&mut self) -> Result<(), Failure> {
        if self.last_round().is_none_or(|round| round.runner.is_none()) {
            return Ok(());
        }
        let memory = self.memory().await?;
        if let Some(runner) = self.fresh_runners.last_mut() {
            runner.memory = Some(memory);
        }
        Ok(())
    }

    async fn memory(&mut self) -> Result<MemoryFigures, Failure> {
        match self.ask(&Request::Memory).await? {
            Reply::Memory(figures) => Ok(figures),
            other => Err(unexpected("memory", &other)),
        }
    }

    /// What the last round gave.
    pub fn last_round(&self) -> Option<Round<'_>> {
        let block = self.blocks.last()?;
        Some(Round { block, runner: self.fresh_runners.last().filter(|runner| runner.round == block.round) })
    }

    /// The usual latency, for planning only.
    fn latency(&self) -> Nanos {
        median(&self.warmup.samples[self.warmup.samples.len() / 2..]).unwrap_or(self.first_inference)
    }

    /// Inferences of a block.
    fn block_samples(&self) -> u64 {
        let fewest = u64::from(self.plan.min_block_samples);
        inferences(self.plan.block_time, self.latency()).max(fewest).clamp(1, MOST_BLOCK_SAMPLES)
    }

    /// Turns that a block can be measured in: each has an inference. One for a program, and for a runner of several threads:
    /// those would not rest between turns, and who disturbs them cannot be told within some milliseconds.
    pub fn most_turns(&self) -> u32 {
        let threads = schedstat::threads(self.device.sysfs.as_ref(), self.runner.pid());
        let several = self.spec.threads > 1 || threads.value().is_some_and(|threads| threads.len() > 1);
        if several || self.is_program() { 1 } else { u32::try_from(self.block_samples()).unwrap_or(u32::MAX) }
    }

    /// The CPU that the runner last used; none where the system does not say.
    pub fn last_cpu(&self) -> Option<u32> {
        let threads = threads::placements(self.device.sysfs.as_ref(), self.runner.pid());
        threads.first().and_then(|thread| thread.last_cpu.value().copied())
    }

    /// Measures a block, or one turn of it. Files are read before and after it, never within.
    pub async fn turn(&mut self, of: OfRound, since: Nanos, cpus: &CpuSet) -> Result<(), Failure> {
        if self.is_program() {
            // It starts and loads anew in each call, so it gets the time of all its blocks at once.
            return if self.summary.is_none() { self.summarise().await } else { Ok(()) };
        }
        let (whole, turns) = (self.block_samples(), u64::from(of.turns.max(1)));
        let count = whole / turns + u64::from(u64::from(of.turn) < whole % turns);
        let count = u32::try_from(count.max(1)).unwrap_or(u32::MAX);
        let fs = self.device.sysfs.as_ref();
        let before = contention::counters(fs, self.runner.pid(), cpus, self.device.clock.now());
        let (samples, started, suspended) = self.run(count).await?;
        let after = contention::counters(fs, self.runner.pid(), cpus, self.device.clock.now());
        let waiting_share = before.waiting_share(&after);
        let turn = (of.turns > 1).then(|| Turn { samples: count, waiting_share: waiting_share.clone() });
        match self.blocks.last_mut().filter(|block| of.turn > 0 && block.round == of.round) {
            Some(block) => {
                block.samples.extend(samples);
                block.suspended.0 = block.suspended.0.saturating_add(suspended.0);
                block.turns.extend(turn);
                block.waiting_share = block.waiting_of_turns();
            }
            None => self.blocks.push(Block {
                round: of.round,
                place: of.place,
                started: Nanos(started.0.saturating_sub(since.0)),
                samples,
                suspended,
                waiting_share,
                turns: turn.into_iter().collect(),
            }),
        }
        if of.turn + 1 >= of.turns {
            self.see_threads(cpus);
        }
        Ok(())
    }

    /// Notes where each thread may run and last ran. A thread that was once seen off the session's CPUs stays noted so.
    fn see_threads(&mut self, cpus: &CpuSet) {
        let is_off = |seen: &ThreadPlacement| {
            seen.last_cpu.value().is_some_and(|&cpu| !cpus.contains(cpu))
                || seen.allowed.value().is_some_and(|allowed| !allowed.is_subset(cpus))
        };
        for thread in threads::placements(self.device.sysfs.as_ref(), self.runner.pid()) {
            if !self.threads.get(&thread.tid).is_some_and(is_off) {
                self.threads.insert(thread.tid, thread);
            }
        }
    }

    /// Lets a program measure as many inferences as fill the time of all blocks; a short call before says how many are.
    async fn summarise(&mut self) -> Result<(), Failure> {
        let short = self.plan.min_block_samples.max(FEWEST_OF_A_PROGRAM);
        let first = self.call(short).await?;
        let latency = first.median.or(first.mean).unwrap_or_default();
        let time = Nanos(self.plan.block_time.0.saturating_mul(u64::from(self.plan.blocks)));
        let count = inferences(time, latency).clamp(u64::from(short), MOST_BLOCK_SAMPLES.max(u64::from(short)));
        self.summary = Some(self.call(u32::try_from(count).unwrap_or(u32::MAX)).await?);
        Ok(())
    }

    async fn call(&mut self, n: u32) -> Result<Summary, Failure> {
        match self.ask(&Request::Run { n }).await? {
            Reply::Summarised { summary, load, first_inference, peak_rss, version } => {
                self.load = load.unwrap_or(self.load);
                self.first_inference = first_inference.unwrap_or(self.first_inference);
                self.program_memory.peak_rss = self.program_memory.peak_rss.max(peak_rss);
                self.engine.version = version.unwrap_or_else(|| self.engine.version.clone());
                Ok(summary)
            }
            other => Err(unexpected("summarised", &other)),
        }
    }

    async fn run(&mut self, n: u32) -> Result<(Vec<Nanos>, Nanos, Nanos), Failure> {
        match self.ask(&Request::Run { n }).await? {
            Reply::Ran { samples, started, suspended } if samples.len() == n as usize => Ok((samples, started, suspended)),
            Reply::Ran { samples, .. } => Err(Failure {
                reason: FailureReason::ProtocolViolated,
                detail: format!("{n} inferences were asked for, the runner sent {} samples", samples.len()),
            }),
            other => Err(unexpected("ran", &other)),
        }
    }

    async fn run_frames(&mut self, n: u32) -> Result<Vec<FrameTime>, Failure> {
        match self.ask(&Request::Frames { n }).await? {
            Reply::Framed { times, .. } if times.len() == n as usize => Ok(times),
            Reply::Framed { times, .. } => Err(Failure {
                reason: FailureReason::ProtocolViolated,
                detail: format!("{n} frames were asked for, the runner sent the times of {}", times.len()),
            }),
            other => Err(unexpected("framed", &other)),
        }
    }

    async fn ask(&mut self, request: &Request) -> Result<Reply, Failure> {
        self.runner.ask(request, Duration::from(self.plan.runner_timeout)).await
    }
}

/// How a subject's model is loaded into its engine.
pub fn load_request(spec: &Subject, files: &Files<'_>) -> LoadRequest {
    LoadRequest {
        library: files.library.clone(),
        adapter: spec.engine.adapter.clone(),
        files: files.inputs.to_vec(),
        inputs: spec.manifest.inputs.clone(),
        generators: spec.manifest.generators.clone(),
        pipeline: spec.manifest.pipeline.clone(),
        ..LoadRequest::new(files.model, &spec.engine.name, spec.threads)
    }
}

/// How many inferences fill this time.
fn inferences(time: Nanos, latency: Nanos) -> u64 {
    time.0.div_ceil(latency.0.max(1))
}

/// The middle latency, for planning only.
fn median(samples: &[Nanos]) -> Option<Nanos> {
    let mut sorted = samples.to_vec();
    sorted.sort_unstable();
    sorted.get(sorted.len() / 2).copied()
}

fn nothing_loaded() -> EngineEvidence {
    EngineEvidence {
        engine: String::new(),
        version: String::new(),
        kernels: String::new(),
        threads: 0,
        executed: Vec::new(),
        integer_kernels: benchrack_protocol::engine::IntegerKernels::None,
        operators: Vec::new(),
        settings: Vec::new(),
    }
}
