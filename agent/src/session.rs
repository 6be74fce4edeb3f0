//! A session: settle, tune, load every subject, warm up, measure in interleaved blocks while watching, check, restore,
//! report.
//!
//! Everything that can go wrong with one subject ends that subject with a reason; the others go on. Dropping the future
//! at any point kills the runners and restores the device, so stopping needs no protocol of its own.

mod aside;
pub mod charge;
mod context;
pub mod cores;
pub mod cutoff;
pub mod detached;
pub mod energy;
mod enough;
pub mod guardian;
pub mod journal;
mod looping;
mod order;
mod packaged;
pub mod settle;
#[cfg(test)]
pub(crate) mod simulated;
mod step;
mod subject;
pub mod sustained;
#[cfg(test)]
mod tests;
pub mod tune;
pub mod tuned;
mod under_load;

use std::time::Duration;

use benchrack_protocol::WIRE_VERSION;
use benchrack_protocol::api::Heartbeat;
use benchrack_protocol::causes::chain;
use benchrack_protocol::cpuset::CpuSet;
use benchrack_protocol::evidence::{ResidencyEvidence, SessionEvidence, TrueFrequency, WatchSample};
use benchrack_protocol::ids::ReportId;
use benchrack_protocol::reading::{Missing, Reading};
use benchrack_protocol::report::{AgentBuild, FailedPass, Failure, Pass, RunReport, SessionReport};
use benchrack_protocol::runner::FailureReason;
use benchrack_protocol::session::{MeasurePlan, SessionSpec, Subject};
use benchrack_protocol::units::Nanos;
use benchrack_protocol::validity::is_disturbed;

use crate::evidence::watch::{self, Watch};
use crate::evidence::{cycles, residency, stat};
use crate::knobs;
use crate::runner_process::{Birth, Launcher, ProcessLauncher, Runner, RunnerProcess, RunnerProgram};
use aside::Aside;
pub use context::{Artifacts, Context, Observer};
use context::{files, online, room};
use cutoff::CutOff;
use enough::Enough;
use journal::Journal;
use subject::{Loaded, OfRound};
use tuned::{Drifted, Tuned};

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

/// Runs a session in runner processes, or in the runners of a twin. Every subject gets a run in the report, in the order of
/// the spec.
///
/// Sets the affinity of the thread that polls it, so it wants to stay on one: `block_on` it, do not spawn it on a runtime
/// of several threads.
///
/// # Cancel safety
/// Dropping the future ends the runners and restores the device.
pub async fn run(id: ReportId, spec: SessionSpec, context: Context<'_>, program: &RunnerProgram) -> SessionReport {
    #[cfg(any(test, feature = "twins"))]
    if let Some(twin) = &context.device.twin {
        let launcher = twin.launcher(&spec, context.artifacts);
        return run_on(id, spec, context, &launcher, |_| async {}).await;
    }
    let launcher = ProcessLauncher { program, placement: context.device.placement.as_ref() };
    let guardian = program.sibling("guardian");
    run_guarded(id, spec, context, &launcher, RunnerProcess::quit, Some(&guardian)).await
}

/// The same with any kind of runners and without a guardian; `end` asks one that is done to leave.
pub async fn run_on<L: Launcher, E: Future<Output = ()> + Send>(
    id: ReportId,
    spec: SessionSpec,
    context: Context<'_>,
    launcher: &L,
    end: impl Fn(L::Runner) -> E + Send,
) -> SessionReport {
    run_guarded(id, spec, context, launcher, end, None).await
}

async fn run_guarded<L: Launcher, E: Future<Output = ()> + Send>(
    id: ReportId,
    spec: SessionSpec,
    context: Context<'_>,
    launcher: &L,
    end: impl Fn(L::Runner) -> E + Send,
    guardian: Option<&RunnerProgram>,
) -> SessionReport {
    let Context { device, known, .. } = context;
    let (started_at, begun) = (device.clock.wall(), device.clock.now());
    let (evidence, runs) = match measure(&spec, context, launcher, begun, end, guardian).await {
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

/// What was seen of the device while blocks ran.
struct Seen {
    looks: Vec<WatchSample>,
    residency: Vec<ResidencyEvidence>,
    true_frequencies: Vec<TrueFrequency>,
    steal_share: Reading<f64>,
    drifted: Drifted,
}

async fn measure<L: Launcher, E: Future<Output = ()> + Send>(
    spec: &SessionSpec,
    context: Context<'_>,
    launcher: &L,
    begun: Nanos,
    end: impl Fn(L::Runner) -> E + Send,
    guardian: Option<&RunnerProgram>,
) -> Result<(SessionEvidence, Vec<RunReport>), Failure> {
    let Context { device, known, observer, .. } = context;
    let online = online(context)?;
    let pluggable = cores::pluggable(device.sysfs.as_ref(), &online);
    let cpus = cores::choose(&spec.operating_point.cores, known, &online, &pluggable)?;
    observer(Heartbeat::of("waiting for an idle and cool device", 0, blocks_in_all(spec)));
    let settle = settle::settle(device, known, &cpus, &online, spec.plan.max_settle_time).await;

    let (journal, cut_off) = (Journal::in_folder(context.state_folder), CutOff::of(device, known));
    let wish = tune::Wish {
        cpus: &cpus,
        online: &online,
        frequency: spec.operating_point.frequency,
        asked: context.asked,
        cut_off: cut_off.is_armed(),
        guardian: guardian.map(|program| (program, context.state_folder)),
    };
    let mut tuned = tune::tune(device, &journal, known, wish)
        .await
        .map_err(|error| Failure { reason: FailureReason::OperatingPointImpossible, detail: chain(&error) })?;
    let mut seen = Seen {
        looks: Vec::new(),
        residency: Vec::new(),
        true_frequencies: Vec::new(),
        steal_share: Reading::missing(Missing::NotAsked, "no block was measured"),
        drifted: Drifted::default(),
    };
    let pulse = tuned.pulse();
    let measured = tokio::select! {
        biased;
        why = cut_off.exceeded(|| pulse.beat()) => Err(Failure { reason: FailureReason::CutOff, detail: why }),
        runs = subjects(spec, context, launcher, begun, end, &mut tuned, (&cpus, &online), &mut seen) => Ok(runs),
    };
    let runs = measured.unwrap_or_else(|failure| {
        tracing::error!(why = failure.detail, "the session is cut off");
        spec.subjects.iter().map(|_| RunReport::Failed(failure.clone())).collect()
    });
    let targets = tuned.targets.clone();
    let knobs = tuned.restore(seen.drifted).await;
    let Seen { looks: watch, residency, true_frequencies, steal_share, .. } = seen;
    let asked_knobs = knobs::in_order(context.asked);
    Ok((SessionEvidence { settle, knobs, asked_knobs, targets, cpus, watch, residency, true_frequencies, steal_share }, runs))
}

/// Loads, warms up and measures all subjects, in tuned surroundings.
#[expect(clippy::too_many_arguments, reason = "one call; the pieces of a session belong to no other thing")]
async fn subjects<L: Launcher, E: Future<Output = ()> + Send>(
    spec: &SessionSpec,
    context: Context<'_>,
    launcher: &L,
    begun: Nanos,
    end: impl Fn(L::Runner) -> E + Send,
    tuned: &mut Tuned<'_>,
    (cpus, online): (&CpuSet, &CpuSet),
    seen: &mut Seen,
) -> Vec<RunReport> {
    let Context { device, known, observer, .. } = context;
    let fs = device.sysfs.as_ref();
    let total = blocks_in_all(spec);
    let tell = |phase: String, done: u32| observer(Heartbeat::of(phase, done, total));
    let mut aside = Aside::step(device.placement.as_ref(), online, cpus);

    let since = |moment: Nanos| device.clock.now().0.saturating_sub(moment.0) / 1_000;
    let prepared_us = since(begun);
    let loading = device.clock.now();
    let birth = |subject: &Subject, cpus: &CpuSet| Birth {
        cpus: cpus.clone(),
        address_space: room(context.address_space, subject.threads),
        patience: Duration::from(spec.plan.runner_timeout),
    };
    let mut subjects = Vec::with_capacity(spec.subjects.len());
    for subject in &spec.subjects {
        tell(format!("loading {} {}", subject.manifest.name, subject.manifest.precision), 0);
        let birth = birth(subject, cpus);
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

    let mut core = shared_core(&subjects, &spec.plan);
    let alone = |core: u32| -> CpuSet { [core].into_iter().collect() };
    if let Some(core) = core {
        aside.make_room(online, &alone(core));
    }
    tracing::debug!(prepared_us, load_us, warmup_us = since(warming), "the first block begins");
    seen.true_frequencies = cycles::true_frequencies(device, &tuned.policies, cpus, begun);
    let (steal_before, blocks_begun) = (stat::steal(fs), device.clock.now());
    let before = residency::counters(fs, &tuned.policies, cpus);
    let watcher = Watch::of(device, known, &tuned.policies);
    let mut enough = match spec.plan.stop.as_ref().filter(|_| subjects.len() == 2).map(Enough::new) {
        Some(Err(error)) => {
            let failure = Failure { reason: FailureReason::OperatingPointImpossible, detail: format!("plan.stop: {error}") };
            return spec.subjects.iter().map(|_| RunReport::Failed(failure.clone())).collect();
        }
        Some(Ok(enough)) => Some(enough),
        None => None,
    };
    let blocks = async {
        let of_each_round = u32::try_from(spec.subjects.len()).unwrap_or(u32::MAX);
        for (round, order) in (0u32..).zip(order::rounds(&spec.plan.order, subjects.len(), spec.plan.blocks)) {
            if round > 0
                && enough.as_ref().is_some_and(|enough| enough.is_late(Nanos(device.clock.now().0.saturating_sub(begun.0))))
            {
                break;
            }
            let in_round = core.map_or_else(|| cpus.clone(), alone);
            if spec.plan.fresh_runners {
                for &index in &order {
                    let (Some(slot), Some(subject)) = (subjects.get_mut(index), spec.subjects.get(index)) else { continue };
                    let place = std::mem::replace(slot, Err(between_runners()));
                    *slot = match (place, files(subject, context)) {
                        (Ok(loaded), Ok(files)) => loaded.renew((launcher, &birth(subject, &in_round)), files, round, &end).await,
                        (Err(failure), _) | (_, Err(failure)) => Err(failure),
                    };
                    if let Ok(loaded) = slot {
                        loaded.wind_down().await;
                    }
                }
            }
            let tell_of = |place: u32, name: String| {
                tell(format!("measuring {name}"), round.saturating_mul(of_each_round).saturating_add(place));
            };
            take_turns(&mut subjects, &order, (round, spec.plan.turns), (begun, &in_round), tell_of).await;
            for subject in &mut subjects {
                if let Ok(loaded) = subject {
                    let result = loaded.weigh().await;
                    fail_on(subject, result);
                }
            }
            let disturbed = |subject: &Loaded<'_, _>| subject.last_round().is_some_and(|round| is_disturbed(round.block));
            if let Some(busy) = core.filter(|_| subjects.iter().flatten().any(disturbed)) {
                let next = cores::next_of_kind(busy, known, cpus);
                core = Some(next);
                aside.make_room(online, &alone(next));
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
        () = keep_looking(&watcher, begun, &mut seen.looks) => {}
        () = blocks => {}
    }
    seen.looks.push(watcher.look(begun));
    let passed = Nanos(device.clock.now().0.saturating_sub(blocks_begun.0));
    seen.residency = before.until(&residency::counters(fs, &tuned.policies, cpus));
    seen.steal_share = stat::steal_share(&steal_before, &stat::steal(fs), passed);

    seen.drifted = tuned.drifted();
    seen.true_frequencies.extend(cycles::true_frequencies(device, &tuned.policies, cpus, begun));

    tell("checking outputs and restoring the device".into(), total);
    let mut finished = Vec::with_capacity(subjects.len());
    for subject in subjects {
        finished.push(match subject {
            Ok(loaded) => loaded.finish().await,
            Err(failure) => Err(failure),
        });
    }
    under_load::measure(&mut finished, &spec.plan, context, tuned, (cpus, begun), &|phase| tell(phase.into(), total)).await;
    let mut runs = Vec::with_capacity(finished.len());
    for one in finished {
        runs.push(match one {
            Ok((measurement, runner)) => {
                end(runner).await;
                RunReport::Measured(Box::new(measurement))
            }
            Err(failure) => RunReport::Failed(failure),
        });
    }
    for (subject, run) in spec.subjects.iter().zip(&mut runs) {
        if spec.plan.packagings.is_empty() || subject.engine.adapter.is_some() {
            continue;
        }
        if let (RunReport::Measured(run), Ok(files)) = (run, files(subject, context)) {
            tell(format!("loading {} {} from packages", subject.manifest.name, subject.manifest.precision), total);
            let birth = birth(subject, cpus);
            match packaged::measure(launcher, &birth, subject, &spec.plan, (&files, context.state_folder), &end).await {
                Ok(loads) => run.packaged_loads = loads,
                Err(failure) => run.failed_passes.push(FailedPass { pass: Pass::PackagedLoads, failure }),
            }
        }
    }
    drop(aside);
    runs
}

fn blocks_in_all(spec: &SessionSpec) -> u32 {
    spec.plan.blocks.saturating_mul(u32::try_from(spec.subjects.len()).unwrap_or(u32::MAX))
}

/// Turns of the subjects in the next round: as many as each can take, an odd number, so that one of them is in the middle.
fn turns<R: Runner>(subjects: &[Result<Loaded<'_, R>, Failure>], wanted: u32) -> u32 {
    if wanted < 2 || subjects.len() < 2 {
        return 1;
    }
    let most = subjects.iter().flatten().map(Loaded::most_turns).min().unwrap_or(1).min(wanted).max(1);
    most - (1 - most % 2)
}

/// One block of each subject that is left, in turns; `tells` hears of each when its first turn begins.
async fn take_turns<R: Runner>(
    subjects: &mut [Result<Loaded<'_, R>, Failure>],
    order: &[usize],
    (round, wanted): (u32, u32),
    (begun, cpus): (Nanos, &CpuSet),
    tells: impl Fn(u32, String),
) {
    let (turns, several) = (turns(subjects, wanted), subjects.len() > 1);
    for turn in 0..turns {
        let mut places: Vec<(u32, usize)> = (0u32..).zip(order.iter().copied()).collect();
        if turn % 2 == 1 {
            places.reverse();
        }
        for (place, index) in places {
            let Some(Ok(loaded)) = subjects.get_mut(index) else { continue };
            if turn == 0 {
                tells(place, loaded.name());
            }
            let result = loaded.turn(OfRound { round, place, turn, turns }, begun, cpus).await;
            if several && result.is_ok() {
                loaded.wind_down().await;
            }
            fail_on(&mut subjects[index], result);
        }
    }
}

/// The CPU on which fresh runners of one thread take their turns: where the system itself had put the first of them. Two cores
/// of one kind can differ by a third for seconds, when another guest of the host or heat slows one of them, and a runner stays
/// on the core where it began; on one core whatever slows it hits both sides. After a round that others disturbed the next
/// core of its kind takes over.
fn shared_core<R: Runner>(subjects: &[Result<Loaded<'_, R>, Failure>], plan: &MeasurePlan) -> Option<u32> {
    if !plan.fresh_runners || turns(subjects, plan.turns) == 1 {
        return None;
    }
    subjects.iter().flatten().find_map(Loaded::last_cpu)
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
