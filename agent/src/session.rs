//! A session: settle, tune, load every subject, warm up, measure in interleaved blocks while watching, check, restore,
//! report.
//!
//! Everything that can go wrong with one subject ends that subject with a reason; the others go on. Dropping the future
//! at any point kills the runners and restores the device, so stopping needs no protocol of its own.

pub mod cores;
mod enough;
pub mod journal;
mod order;
mod packaged;
pub mod settle;
#[cfg(test)]
pub(crate) mod simulated;
mod subject;
#[cfg(test)]
mod tests;
pub mod tune;

use std::collections::BTreeMap;
use std::path::{Component, Path, PathBuf};
use std::time::Duration;

use benchrack_protocol::WIRE_VERSION;
use benchrack_protocol::api::Heartbeat;
use benchrack_protocol::cpuset::CpuSet;
use benchrack_protocol::device::DeviceReport;
use benchrack_protocol::evidence::{SessionEvidence, WatchSample};
use benchrack_protocol::ids::{ArtifactId, ReportId};
use benchrack_protocol::report::{AgentBuild, FailedPass, Failure, Pass, RunReport, SessionReport};
use benchrack_protocol::runner::{FailureReason, InputFile};
use benchrack_protocol::session::{SessionSpec, Subject};
use benchrack_protocol::units::Nanos;

use crate::device::Device;
use crate::evidence::watch::{self, Watch};
use crate::evidence::{residency, stat};
use crate::files::chain;
use crate::placement::Placement;
use crate::runner_process::{Birth, Launcher, ProcessLauncher, RunnerProcess, RunnerProgram};
use enough::Enough;
use journal::Journal;
use subject::{Files, Loaded};

/// Hears how far a session is.
pub type Observer<'a> = &'a (dyn Fn(Heartbeat) + Send + Sync);

/// Where the file of a model or of an engine's build is, or why there is none.
pub type Artifacts = BTreeMap<ArtifactId, Result<PathBuf, String>>;

/// What a session needs to know and to have.
#[derive(Clone, Copy)]
pub struct Context<'a> {
    /// The device.
    pub device: &'a Device,
    /// What the probes found of it.
    pub known: &'a DeviceReport,
    /// Files of the models and of the engines' builds, by digest; the folder of a build of several files.
    pub artifacts: &'a Artifacts,
    /// Inputs whose values come from files, for every subject.
    pub inputs: &'a [InputFile],
    /// Folder for the journal of changed knobs; must be writable before a clock is pinned.
    pub state_folder: &'a Path,
    /// Bytes of address space that a runner may use; none for no limit.
    pub address_space: Option<u64>,
    /// Hears how far it is.
    pub observer: Observer<'a>,
}

/// This build of the agent.
pub fn build() -> AgentBuild {
    let environment = if cfg!(target_os = "android") {
        "bionic"
    } else if cfg!(target_env = "musl") {
        "musl"
    } else {
        "gnu"
    };
    AgentBuild {
        version: env!("CARGO_PKG_VERSION").into(),
        target: format!("{}-{}-{environment}", std::env::consts::ARCH, std::env::consts::OS),
    }
}

/// A new identity for a report: the one place that makes them.
#[expect(clippy::disallowed_methods, reason = "a report's identity must differ from every other one in the farm")]
pub fn new_report_id() -> ReportId {
    ReportId(uuid::Uuid::new_v4())
}

/// Runs a session in runner processes. Every subject gets a run in the report, in the order of the spec.
///
/// Sets the affinity of the thread that polls it, so it wants to stay on one: `block_on` it, do not spawn it on a runtime
/// of several threads.
///
/// # Cancel safety
/// Dropping the future ends the runners and restores the device.
pub async fn run(id: ReportId, spec: SessionSpec, context: Context<'_>, program: &RunnerProgram) -> SessionReport {
    let launcher = ProcessLauncher { program, placement: context.device.placement.as_ref() };
    run_on(id, spec, context, &launcher, RunnerProcess::quit).await
}

/// The same with any kind of runners; `end` asks one that is done to leave.
pub async fn run_on<L: Launcher, E: Future<Output = ()> + Send>(
    id: ReportId,
    spec: SessionSpec,
    context: Context<'_>,
    launcher: &L,
    end: impl Fn(L::Runner) -> E + Send,
) -> SessionReport {
    let Context { device, known, .. } = context;
    let (started_at, begun) = (device.clock.wall(), device.clock.now());
    let (evidence, runs) = match measure(&spec, context, launcher, begun, end).await {
        Ok((evidence, runs)) => (Some(evidence), runs),
        Err(failure) => (None, spec.subjects.iter().map(|_| RunReport::Failed(failure.clone())).collect()),
    };
    SessionReport {
        id,
        wire_version: WIRE_VERSION,
        agent: build(),
        device_key: known.identity.key.clone(),
        os_fingerprint: known.identity.os_fingerprint.clone(),
        reality: known.reality,
        spec,
        started_at,
        duration: Nanos(device.clock.now().0.saturating_sub(begun.0)),
        evidence,
        runs,
    }
}

async fn measure<L: Launcher, E: Future<Output = ()> + Send>(
    spec: &SessionSpec,
    context: Context<'_>,
    launcher: &L,
    begun: Nanos,
    end: impl Fn(L::Runner) -> E + Send,
) -> Result<(SessionEvidence, Vec<RunReport>), Failure> {
    let Context { device, known, observer, .. } = context;
    let fs = device.sysfs.as_ref();
    let total = spec.plan.blocks.saturating_mul(u32::try_from(spec.subjects.len()).unwrap_or(u32::MAX));
    let tell = |phase: String, done: u32| observer(Heartbeat { phase, done, total });

    let online = online(context)?;
    let cpus = cores::choose(&spec.operating_point.cores, known, &online)?;
    tell("waiting for an idle and cool device".into(), 0);
    let settle = settle::settle(device, known, &cpus, &online, spec.plan.max_settle_time).await;

    let journal = Journal::in_folder(context.state_folder);
    let tuned = tune::tune(device, &journal, &known.policies, &cpus, spec.operating_point.frequency)
        .await
        .map_err(|error| Failure { reason: FailureReason::OperatingPointImpossible, detail: chain(&error) })?;
    let aside = Aside::step(device.placement.as_ref(), &online, &cpus);

    let since = |moment: Nanos| device.clock.now().0.saturating_sub(moment.0) / 1_000;
    let prepared_us = since(begun);
    let loading = device.clock.now();
    let birth = |subject: &Subject| Birth {
        cpus: cpus.clone(),
        address_space: room(context.address_space, subject.threads),
        patience: Duration::from(spec.plan.runner_timeout),
    };
    let mut subjects = Vec::with_capacity(spec.subjects.len());
    for subject in &spec.subjects {
        tell(format!("loading {} {}", subject.manifest.name, subject.manifest.precision), 0);
        let birth = birth(subject);
        let loaded = match files(subject, context) {
            Ok(files) => Loaded::load(launcher, &birth, device, subject, &spec.plan, files).await,
            Err(failure) => Err(failure),
        };
        subjects.push(loaded);
    }
    let (load_us, warming) = (since(loading), device.clock.now());
    for subject in &mut subjects {
        if let Ok(loaded) = subject {
            tell(format!("warming up {}", loaded.name()), 0);
            let result = loaded.warm_up().await;
            fail_on(subject, result);
        }
    }

    tracing::debug!(prepared_us, load_us, warmup_us = since(warming), "the first block begins");
    let (steal_before, blocks_begun) = (stat::steal(fs), device.clock.now());
    let before = residency::counters(fs, &known.policies, &cpus);
    let watcher = Watch::of(device, known);
    let mut looks = Vec::new();
    let mut enough = match spec.plan.stop.as_ref().filter(|_| subjects.len() == 2).map(Enough::new) {
        Some(Err(error)) => {
            return Err(Failure { reason: FailureReason::OperatingPointImpossible, detail: format!("plan.stop: {error}") });
        }
        Some(Ok(enough)) => Some(enough),
        None => None,
    };
    let blocks = async {
        let mut done = 0;
        for (round, order) in (0u32..).zip(order::rounds(&spec.plan.order, subjects.len(), spec.plan.blocks)) {
            if round > 0
                && enough.as_ref().is_some_and(|enough| enough.is_late(Nanos(device.clock.now().0.saturating_sub(begun.0))))
            {
                break;
            }
            if spec.plan.fresh_runners {
                for &index in &order {
                    let (Some(slot), Some(subject)) = (subjects.get_mut(index), spec.subjects.get(index)) else { continue };
                    let place = std::mem::replace(slot, Err(between_runners()));
                    *slot = match (place, files(subject, context)) {
                        (Ok(loaded), Ok(files)) => loaded.renew((launcher, &birth(subject)), files, round, &end).await,
                        (Err(failure), _) | (_, Err(failure)) => Err(failure),
                    };
                    if let Ok(loaded) = slot {
                        loaded.wind_down().await;
                    }
                }
            }
            for (place, index) in (0u32..).zip(order) {
                if let Some(Ok(loaded)) = subjects.get_mut(index) {
                    tell(format!("measuring {}", loaded.name()), done);
                    let result = loaded.block(round, place, begun, &cpus).await;
                    if spec.subjects.len() > 1 && result.is_ok() {
                        loaded.wind_down().await;
                    }
                    fail_on(&mut subjects[index], result);
                }
                done += 1;
            }
            if let Some(enough) = &mut enough {
                let [Ok(baseline), Ok(candidate)] = subjects.as_slice() else { break };
                let both = baseline.last_round().zip(candidate.last_round());
                if both.is_some_and(|(baseline, candidate)| enough.round(baseline, candidate)) {
                    break;
                }
            }
        }
    };
    tokio::select! {
        biased;
        () = keep_looking(&watcher, begun, &mut looks) => {}
        () = blocks => {}
    }
    looks.push(watcher.look(begun));
    let passed = Nanos(device.clock.now().0.saturating_sub(blocks_begun.0));
    let residency = before.until(&residency::counters(fs, &known.policies, &cpus));
    let steal_share = stat::steal_share(&steal_before, &stat::steal(fs), passed);

    tell("checking outputs and restoring the device".into(), total);
    let mut runs = Vec::with_capacity(subjects.len());
    for subject in subjects {
        runs.push(finish(subject, &end).await);
    }
    for (subject, run) in spec.subjects.iter().zip(&mut runs) {
        if spec.plan.packagings.is_empty() || subject.engine.adapter.is_some() {
            continue;
        }
        if let (RunReport::Measured(run), Ok(files)) = (run, files(subject, context)) {
            tell(format!("loading {} {} from packages", subject.manifest.name, subject.manifest.precision), total);
            let birth = birth(subject);
            match packaged::measure(launcher, &birth, subject, &spec.plan, (&files, context.state_folder), &end).await {
                Ok(loads) => run.packaged_loads = loads,
                Err(failure) => run.failed_passes.push(FailedPass { pass: Pass::PackagedLoads, failure }),
            }
        }
    }
    drop(aside);
    let knobs = tuned.restore().await;
    Ok((SessionEvidence { settle, knobs, cpus, watch: looks, residency, steal_share }, runs))
}

async fn finish<R: crate::runner_process::Runner, E: Future<Output = ()>>(
    subject: Result<Loaded<'_, R>, Failure>,
    end: impl Fn(R) -> E,
) -> RunReport {
    let finished = match subject {
        Ok(loaded) => loaded.finish().await,
        Err(failure) => Err(failure),
    };
    match finished {
        Ok((measurement, runner)) => {
            end(runner).await;
            RunReport::Measured(Box::new(measurement))
        }
        Err(failure) => RunReport::Failed(failure),
    }
}

/// Stands in a subject's place while its runner is replaced; seen by nobody unless the session ends right then.
fn between_runners() -> Failure {
    Failure { reason: FailureReason::Stopped, detail: "its runner was being replaced".into() }
}

/// A subject that failed is over; its runner ends with it.
fn fail_on<R>(subject: &mut Result<Loaded<'_, R>, Failure>, result: Result<(), Failure>) {
    if let Err(failure) = result {
        *subject = Err(failure);
    }
}

async fn keep_looking(watcher: &Watch<'_>, begun: Nanos, looks: &mut Vec<WatchSample>) {
    loop {
        looks.push(watcher.look(begun));
        tokio::time::sleep(watch::PERIOD).await;
    }
}

/// CPUs that are online now; by our own affinity where the kernel does not list them.
fn online(context: Context<'_>) -> Result<CpuSet, Failure> {
    let listed = crate::probe::topology::cpu_list(context.device.sysfs.as_ref(), "online");
    match listed.value() {
        Some(cpus) if !cpus.is_empty() => Ok(cpus.clone()),
        _ => context.device.placement.allowed().map_err(|error| Failure {
            reason: FailureReason::OperatingPointImpossible,
            detail: format!("cannot tell which CPUs are online: {error}"),
        }),
    }
}

/// A thread's stack and its allocator's arena take address space, not memory.
fn room(address_space: Option<u64>, threads: u16) -> Option<u64> {
    const PER_THREAD: u64 = 192 << 20;
    address_space.map(|bytes| bytes.saturating_add(PER_THREAD.saturating_mul(u64::from(threads))))
}

/// Where a subject's model and its engine are.
fn files<'a>(subject: &Subject, context: Context<'a>) -> Result<Files<'a>, Failure> {
    let find = |id: &ArtifactId| match context.artifacts.get(id) {
        Some(Ok(path)) => Ok(path),
        Some(Err(why)) => Err(unavailable(why.clone())),
        None => Err(unavailable(format!("nobody fetched {id}"))),
    };
    let engine = &subject.engine;
    let library = match (engine.build.as_ref().map(find).transpose()?, &engine.entry) {
        (Some(folder), Some(entry)) => {
            let inside = Path::new(entry).components().all(|part| matches!(part, Component::Normal(_)));
            if !inside || entry.is_empty() {
                return Err(unavailable(format!("the entry '{entry}' of engine {} leads out of its build", engine.name)));
            }
            Some(folder.join(entry))
        }
        (library, _) => library.cloned(),
    };
    Ok(Files { model: find(&subject.manifest.artifact)?, library, inputs: context.inputs })
}

fn unavailable(detail: String) -> Failure {
    Failure { reason: FailureReason::ArtifactUnavailable, detail }
}

/// Keeps the agent's own thread off the measured CPUs while it lives, where others are left.
struct Aside<'a> {
    placement: &'a dyn Placement,
    before: Option<CpuSet>,
}

impl<'a> Aside<'a> {
    fn step(placement: &'a dyn Placement, online: &CpuSet, measured: &CpuSet) -> Self {
        let others: CpuSet = online.iter().filter(|&cpu| !measured.contains(cpu)).collect();
        let stepped = || {
            let before = placement.allowed()?;
            placement.confine(&others)?;
            Ok::<_, std::io::Error>(before)
        };
        let before = if others.is_empty() { None } else { stepped().inspect_err(cannot_step_aside).ok() };
        Self { placement, before }
    }
}

impl Drop for Aside<'_> {
    fn drop(&mut self) {
        if let Some(before) = &self.before
            && let Err(error) = self.placement.confine(before)
        {
            cannot_step_aside(&error);
        }
    }
}

fn cannot_step_aside(error: &std::io::Error) {
    tracing::warn!(%error, "cannot choose the agent's own CPUs; it may run beside the runners");
}
