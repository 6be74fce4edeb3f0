//! The passes that keep loaded subjects busy for minutes: energy and sustained load.

use std::time::Duration;

use benchrack_protocol::causes::chain;
use benchrack_protocol::cpuset::CpuSet;
use benchrack_protocol::energy::EnergyPlan;
use benchrack_protocol::gauge::Gauge;
use benchrack_protocol::reading::{Missing, Reading};
use benchrack_protocol::report::{FailedPass, Failure, Measurement, Pass};
use benchrack_protocol::session::MeasurePlan;
use benchrack_protocol::units::Nanos;

use super::charge::{self, Cut, Load, Tried};
use super::detached::Detached;
use super::looping::Looping;
use super::tuned::Tuned;
use super::{Context, detached, energy, sustained};
use crate::device::Device;
use crate::energy::waits_for_charge;
use crate::runner_process::Runner;

/// A subject that was measured in blocks, with its runner, or why it ended.
pub(super) type Finished<R> = Result<(Measurement, R), Failure>;

/// Both passes, where the plan asks for them. One that fails is noted and leaves what was measured before.
pub(super) async fn measure<R: Runner>(
    finished: &mut [Finished<R>],
    plan: &MeasurePlan,
    context: Context<'_>,
    tuned: &mut Tuned<'_>,
    (cpus, begun): (&CpuSet, Nanos),
    tell: &(dyn Fn(&str) + Sync),
) {
    let Context { device, known, .. } = context;
    if let Some(energy) = &plan.energy {
        measure_energy(finished, plan, energy, context, tuned, begun, tell).await;
    }
    let Some(time) = plan.sustained else { return };
    for (measured, runner) in finished.iter_mut().flatten() {
        let Some(latency) = latency(measured) else { continue };
        let mut subject = Looping::new(runner, latency, device.clock.as_ref(), plan.runner_timeout);
        tell("loading the device for minutes");
        match sustained::measure(device, known, cpus, &mut subject, time).await {
            Ok(curve) => measured.sustained = Some(curve),
            Err(failure) => measured.failed_passes.push(FailedPass { pass: Pass::Sustained, failure }),
        }
    }
}

/// A program of its own has no blocks, and nobody can time its inferences from outside.
fn latency(measured: &Measurement) -> Option<Nanos> {
    measured.blocks.last()?.samples.last().copied()
}

/// The energy of each subject. Where only a charger stands against it, charge is cut first and comes back after it.
async fn measure_energy<R: Runner>(
    finished: &mut [Finished<R>],
    plan: &MeasurePlan,
    energy: &EnergyPlan,
    context: Context<'_>,
    tuned: &mut Tuned<'_>,
    begun: Nanos,
    tell: &(dyn Fn(&str) + Sync),
) {
    let Context { device, known, .. } = context;
    let gauge = known.battery.as_ref().and_then(|battery| battery.gauge.value());
    let mut looping: Vec<Option<Looping<'_, R>>> = finished
        .iter_mut()
        .map(|one| {
            let (measured, runner) = one.as_mut().ok()?;
            Some(Looping::new(runner, latency(measured)?, device.clock.as_ref(), plan.runner_timeout))
        })
        .collect();
    let (mut cut, mut uncut) = (None, None);
    if waits_for_charge(device, gauge)
        && let Some(first) = looping.iter_mut().flatten().next()
    {
        tell("cutting charge");
        match charge::cut(device, tuned, known, &mut Busy { looping: first, begun }).await {
            Ok((Some(done), _)) => cut = Some(done),
            Ok((None, tried)) => uncut = Some(described(&tried)),
            Err(error) => uncut = Some(chain(&error)),
        }
    }
    let mut detached = None;
    let count = looping.iter().flatten().count() as u32;
    if let Some(cable) = context.cable.filter(|_| cut.is_none() && count > 0 && detached::would_help(device, gauge)) {
        let wanted = Duration::from(energy.max_time).saturating_mul(count);
        match detached::detach(device, gauge, (cable, context.state_folder), wanted, tell).await {
            Ok(done) => detached = Some(done),
            Err(why) => uncut = Some(uncut.map_or(why.clone(), |before| format!("{before}; {why}"))),
        }
    }
    let outcomes = match &detached {
        Some(detached) => without_cable(detached, device, gauge, &mut looping, energy, begun).await,
        None => {
            tell("measuring energy");
            let (tuned, cut) = (&*tuned, cut.as_ref());
            let holds = move || cut.is_some_and(|cut: &Cut| cut.holds(tuned));
            let holds: Option<crate::energy::Cut<'_>> = if cut.is_some() { Some(&holds) } else { None };
            energy::measure(device, (gauge, holds), &mut looping, energy, begun).await
        }
    };
    if let Some(detached) = detached {
        tell("waiting for the cable's power");
        detached.attach().await;
    }
    if let Some(Err(error)) = cut.map(|cut| cut.end(tuned)) {
        tracing::error!(error = chain(&error), "charge is still cut; the end of the session tries again");
    }
    for (one, outcome) in finished.iter_mut().zip(outcomes) {
        let Ok((measured, _)) = one else { continue };
        match outcome {
            Some(Ok(Reading::Missing { missing, detail })) => {
                let detail = uncut.iter().fold(detail, |detail, why| format!("{detail}; charge could not be cut: {why}"));
                measured.energy = Some(Reading::missing(missing, detail));
            }
            Some(Ok(energy)) => measured.energy = Some(energy),
            Some(Err(failure)) => measured.failed_passes.push(FailedPass { pass: Pass::Energy, failure }),
            None => {
                let why = "a program of its own decides when it runs its inferences";
                measured.energy = Some(Reading::missing(Missing::NotAsked, why));
            }
        }
    }
}

/// The pass of a device whose cable was cut off: within what is left of that, and as long as the battery is not too low.
async fn without_cable<R: Runner>(
    detached: &Detached<'_>,
    device: &Device,
    gauge: Option<&Gauge>,
    looping: &mut [Option<Looping<'_, R>>],
    energy: &EnergyPlan,
    begun: Nanos,
) -> Vec<Option<energy::Outcome>> {
    let subjects = looping.iter().flatten().count() as u64;
    let each = Nanos(Nanos::from(detached.left()).0 / subjects.max(1));
    let plan = EnergyPlan { max_time: energy.max_time.min(each), ..*energy };
    let too_low = {
        let measured = tokio::select! {
            biased;
            why = detached.too_low() => Err(why),
            outcomes = energy::measure(device, (gauge, None), looping, &plan, begun) => Ok(outcomes),
        };
        match measured {
            Ok(outcomes) => return outcomes,
            Err(why) => why,
        }
    };
    let missing = || Ok(Reading::missing(Missing::Unavailable, too_low.clone()));
    looping.iter().map(|subject| subject.as_ref().map(|_| missing())).collect()
}

/// What each candidate did.
fn described(tried: &[Tried]) -> String {
    let one = |tried: &Tried| match &tried.effect {
        Ok(effect) => format!("{} is {effect}", tried.place),
        Err(why) => format!("{}: {why}", tried.place),
    };
    if tried.is_empty() {
        "no file that cuts it is known here".into()
    } else {
        tried.iter().map(one).collect::<Vec<_>>().join("; ")
    }
}

/// A subject as the load under which the battery's current is looked at.
struct Busy<'a, 'b, R> {
    looping: &'a mut Looping<'b, R>,
    begun: Nanos,
}

impl<R: Runner> Load for Busy<'_, '_, R> {
    async fn run(&mut self, time: Duration) {
        // A runner that fails is no load, which the current shows, and fails the pass itself next.
        if let Err(failure) = self.looping.repeat(Nanos::from(time), self.begun).await {
            tracing::warn!(?failure, "the load ended early while charge was cut");
        }
    }
}
