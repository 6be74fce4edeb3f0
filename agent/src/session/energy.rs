//! The energy pass: how long a meter has to be read, then rest, loops of the subjects in turn, and rest again.
//!
//! A trial comes first: the device rests, then one subject runs. It shows the meter's period, its step, its response and
//! its noise, from which follows how long rest and loops must last for the interval asked for. Then the device rests until
//! its power no longer falls. Nothing of this is in the result, so that no length depends on the figures it belongs to.

mod plan;
#[cfg(test)]
mod tests;

use std::time::Duration;

use benchrack_protocol::energy::{Batch, EnergyMeter, EnergyPhase, EnergyPlan, EnergyRun, MeterReading, Quantity};
use benchrack_protocol::gauge::Gauge;
use benchrack_protocol::reading::{Missing, Reading};
use benchrack_protocol::report::Failure;
use benchrack_protocol::units::Nanos;
use benchrack_stats::energy::{pace, response};

use super::looping::Looping;
use crate::clock::Clock;
use crate::device::Device;
use crate::energy::{Cut, Look, Source, open};
use crate::runner_process::Runner;
pub use plan::estimate;
use plan::{Trial, affordable, nanos, phases, power, seconds, shortest};

/// What became of one subject.
pub type Outcome = Result<Reading<EnergyRun>, Failure>;

/// The look at a meter whose rhythm is not known.
const RHYTHM: Nanos = Nanos(15_000_000_000);
/// Words that name a meter, at most.
const MOST_WORDS: usize = 1_000;
/// Rest is looked at half as often, because looking costs power.
const REST_SLOWER: u32 = 2;

/// Why the whole pass gives nothing.
type Nothing = (Missing, String);

/// Measures the energy of each subject; none for a place whose subject cannot be looped. `cut` tells whether charge is still
/// cut, where it was for this.
pub async fn measure<R: Runner>(
    device: &Device,
    (gauge, cut): (Option<&Gauge>, Option<Cut<'_>>),
    subjects: &mut [Option<Looping<'_, R>>],
    plan: &EnergyPlan,
    begun: Nanos,
) -> Vec<Option<Outcome>> {
    let mut failures: Vec<Option<Failure>> = subjects.iter().map(|_| None).collect();
    let pass = async {
        let mut source = match open(device, gauge, cut) {
            Reading::Value { value } => value,
            Reading::Missing { missing, detail } => return Err((missing, detail)),
        };
        let mut meter = Meter { source: source.as_mut(), clock: device.clock.as_ref(), begun, every: Duration::ZERO };
        meter.measure(subjects, &mut failures, plan).await
    };
    let result = pass.await;
    let mut taken = match result {
        Ok((known, rests, loops)) => {
            let run = |loops: Vec<EnergyPhase>| Reading::of(EnergyRun { meter: known.clone(), rests: rests.clone(), loops });
            loops.into_iter().map(run).collect::<Vec<_>>()
        }
        Err((missing, detail)) => subjects.iter().map(|_| Reading::missing(missing, detail.clone())).collect(),
    };
    let outcomes = subjects
        .iter()
        .zip(failures)
        .zip(taken.drain(..))
        .map(|((subject, failure), reading)| subject.as_ref().map(|_| failure.map_or(Ok(reading), Err)));
    outcomes.collect()
}

/// A source that is looked at while something else goes on.
struct Meter<'a> {
    source: &'a mut (dyn Source + 'a),
    clock: &'a dyn Clock,
    begun: Nanos,
    every: Duration,
}

/// A meter, the rests, and the loops of each subject.
type Measured = (EnergyMeter, Vec<EnergyPhase>, Vec<Vec<EnergyPhase>>);

impl Meter<'_> {
    async fn measure<R: Runner>(
        &mut self,
        subjects: &mut [Option<Looping<'_, R>>],
        failures: &mut [Option<Failure>],
        plan: &EnergyPlan,
    ) -> Result<Measured, Nothing> {
        let count = subjects.iter().flatten().count();
        let first = subjects.iter().position(Option::is_some).ok_or((Missing::NotAsked, "no subject can be looped".into()))?;
        let until = self.now().0.saturating_add(plan.max_time.0.saturating_mul(count as u64));
        let left = |now: Nanos| until.saturating_sub(now.0) as f64 / 1e9;
        let mut known = self.pace(subjects, failures, first, plan).await?;
        known.what.truncate(known.what.floor_char_boundary(MOST_WORDS));
        affordable(&known, left(self.now()), count, 2.0)?;
        let trial = self.try_out(subjects, failures, first, &mut known).await?;
        self.cool(&known, &trial, plan.width, left(self.now()) / 4.0).await?;
        let least = affordable(&known, left(self.now()), count, 0.0)?;
        let most = left(self.now()) / phases(count);
        let length = trial.length(plan.width).unwrap_or(most).clamp(least, most.max(least));
        // Several subjects take turns, forwards and backwards, so that drift hits all alike.
        let turns = if count > 1 { 2 } else { 1 };
        let share = nanos((length / f64::from(turns)).max(least));
        let mut rests = vec![self.rest(nanos(length)).await?];
        let mut loops: Vec<Vec<EnergyPhase>> = subjects.iter().map(|_| Vec::new()).collect();
        for turn in 0..turns {
            for place in 0..subjects.len() {
                let index = if turn % 2 == 0 { place } else { subjects.len() - 1 - place };
                if let Some(done) = self.turn(subjects, failures, index, share).await? {
                    loops[index].push(done);
                }
            }
        }
        rests.push(self.rest(nanos(length)).await?);
        Ok((known, rests, loops))
    }

    /// Period and step, as they are known or as they are seen while the first subject runs.
    async fn pace<R: Runner>(
        &mut self,
        subjects: &mut [Option<Looping<'_, R>>],
        failures: &mut [Option<Failure>],
        first: usize,
        plan: &EnergyPlan,
    ) -> Result<EnergyMeter, Nothing> {
        let nature = self.source.nature().clone();
        // Charge is counted in steps that a slow phone takes many seconds for.
        let time = match nature.source.quantity() {
            Quantity::Charge => RHYTHM.max(Nanos(plan.max_time.0 / 10)),
            Quantity::Current | Quantity::Energy => RHYTHM,
        };
        let (period, step) = match (nature.period, nature.step) {
            (Some(period), Some(step)) => (period, step),
            (known, step) => {
                self.every = nature.shortest_look;
                let Some(seen) = self.turn(subjects, failures, first, time).await?.map(|phase| phase.readings) else {
                    return Err(first_failed());
                };
                let points: Vec<(f64, f64)> = seen.iter().map(|one| (seconds(one.at), one.value as f64)).collect();
                let Some(pace) = pace(&points) else {
                    let (what, count, time) = (nature.what, seen.len(), seconds(time));
                    let why = format!("{what} hardly changed in {count} looks over {time} s: its period is not known");
                    return Err((Missing::Unavailable, why));
                };
                (known.unwrap_or(nanos(pace.period)), step.unwrap_or(pace.step.ceil() as u64))
            }
        };
        self.every = Duration::from(period).max(nature.shortest_look);
        let period = Nanos::from(self.every);
        Ok(EnergyMeter {
            source: nature.source,
            what: nature.what,
            period,
            step,
            timing: nature.timing.unwrap_or(period),
            response: Nanos(period.0.saturating_mul(22) / 10),
        })
    }

    /// Rest and a loop of the first subject, and how fast the meter followed.
    async fn try_out<R: Runner>(
        &mut self,
        subjects: &mut [Option<Looping<'_, R>>],
        failures: &mut [Option<Failure>],
        first: usize,
        known: &mut EnergyMeter,
    ) -> Result<Trial, Nothing> {
        let time = nanos(shortest(known));
        let rest = self.rest(time).await?;
        let load = self.turn(subjects, failures, first, time).await?.ok_or_else(first_failed)?;
        let quantity = known.source.quantity();
        if quantity == Quantity::Current {
            let waited = response(&load.points(quantity), load.span().0, power(known, &rest), seconds(known.period));
            known.response = nanos(waited).max(known.response);
        }
        let net = power(known, &load) - power(known, &rest);
        let run = EnergyRun { meter: known.clone(), rests: vec![rest], loops: vec![load] };
        Ok(Trial { seconds: seconds(time), net, width: estimate(&run).ok().map(|estimate| estimate.width()) })
    }

    /// Rests until a stretch of rest draws no less than the one before, for `most` seconds at the longest: a chip that is
    /// still warm from the work before leaks.
    async fn cool(&mut self, known: &EnergyMeter, trial: &Trial, width: f64, most: f64) -> Result<(), Nothing> {
        let allowed = trial.still_warm(width);
        let stretch = shortest(known);
        let mut before: Option<f64> = None;
        for _ in 0..(most / stretch).floor() as u32 {
            let now = power(known, &self.rest(nanos(stretch)).await?);
            if before.is_some_and(|before| before - now <= allowed) {
                return Ok(());
            }
            before = Some(now);
        }
        Ok(())
    }

    async fn rest(&mut self, time: Nanos) -> Result<EnergyPhase, Nothing> {
        let (started, every) = (self.now(), self.every);
        let mut readings = Vec::new();
        let pause = async {
            tokio::time::sleep(Duration::from(time)).await;
        };
        tokio::select! {
            biased;
            nothing = look(self.source, self.clock, self.begun, every * REST_SLOWER, &mut readings) => return Err(nothing),
            () = pause => {}
        }
        Ok(EnergyPhase { started, ended: self.now(), batches: Vec::new(), readings })
    }

    /// One subject in a loop; none when its runner fails, which is noted.
    async fn turn<R: Runner>(
        &mut self,
        subjects: &mut [Option<Looping<'_, R>>],
        failures: &mut [Option<Failure>],
        index: usize,
        time: Nanos,
    ) -> Result<Option<EnergyPhase>, Nothing> {
        let (Some(Some(subject)), Some(failure @ None)) = (subjects.get_mut(index), failures.get_mut(index)) else {
            return Ok(None);
        };
        let started = self.now();
        let mut readings: Vec<MeterReading> = Vec::new();
        let result: Result<Vec<Batch>, Failure> = tokio::select! {
            biased;
            nothing = look(self.source, self.clock, self.begun, self.every, &mut readings) => return Err(nothing),
            result = subject.repeat(time, self.begun) => result,
        };
        match result {
            Ok(batches) => Ok(Some(EnergyPhase { started, ended: self.now(), batches, readings })),
            Err(why) => {
                *failure = Some(why);
                Ok(None)
            }
        }
    }

    fn now(&self) -> Nanos {
        Nanos(self.clock.now().0.saturating_sub(self.begun.0))
    }
}

/// Looks again and again; ends only when no figure can be trusted any more.
async fn look(
    source: &mut (dyn Source + '_),
    clock: &dyn Clock,
    begun: Nanos,
    every: Duration,
    readings: &mut Vec<MeterReading>,
) -> Nothing {
    let mut ticks = tokio::time::interval(every);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        match source.look(Nanos(clock.now().0.saturating_sub(begun.0))) {
            Look::Reading(reading) => readings.push(reading),
            Look::Silent => {}
            Look::Unusable(missing, why) => return (missing, why),
        }
    }
}

fn first_failed() -> Nothing {
    (Missing::Unavailable, "the first subject failed while the meter was tried".into())
}
