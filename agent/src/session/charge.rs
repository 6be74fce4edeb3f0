//! Cutting charge while the cable stays: what a candidate does is found by measuring, never by its name.
//!
//! Each candidate is turned, and the battery's current is looked at three times: as it charged before, then with the device
//! idle, then under load. The sign of the first is the direction into the battery, whatever the gauge's sign and unit are,
//! so only ratios of one gauge are compared. Where the battery feeds the device, current flows out and grows with the load. In
//! a bypass it flows nowhere. Where nothing happened it flows in as before.

use std::time::Duration;

use benchrack_protocol::cpuset::CpuSet;
use benchrack_protocol::device::DeviceReport;
use benchrack_protocol::evidence::KnobOutcome;
use serde::Serialize;
use tokio::time::sleep;

use super::journal::{Journal, JournalError};
use super::tuned::{Mark, Tuned};
use crate::device::Device;
use crate::knobs::plan::{Scene, Step, steps};
use crate::knobs::ports::Ports;
use crate::knobs::{When, all};
use crate::probe::power_supply;

/// Gauges update within a second; one that was seen needs ten. Chargers take some seconds to follow a write.
const FOLLOWS: Duration = Duration::from_secs(12);
const SAMPLES: u32 = 8;
const BETWEEN_SAMPLES: Duration = Duration::from_secs(1);
/// A phone that is left with its charge cut may not come back when it is flat, so there must be time to notice.
const MIN_LEVEL: u32 = 30;
/// Share of the charging current that counts as none.
const NONE: f64 = 0.05;

/// What a candidate does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Effect {
    /// The battery feeds the device: its gauge sees all power.
    Discharge,
    /// The cable feeds the device and the battery idles: its gauge sees nothing.
    Bypass,
    /// It charges as before.
    Nothing,
}

impl std::fmt::Display for Effect {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Discharge => "a true discharge",
            Self::Bypass => "a bypass: the cable feeds the device",
            Self::Nothing => "without effect",
        })
    }
}

/// One candidate that was tried.
#[derive(Debug, Clone, Serialize)]
pub struct Tried {
    /// Its file.
    pub place: String,
    /// What became of the write.
    pub outcome: KnobOutcome,
    /// What it does, or why that cannot be told.
    pub effect: Result<Effect, String>,
}

/// Charge cannot be cut here, or not now.
#[derive(Debug, thiserror::Error)]
pub enum ChargeError {
    /// The device is not in a state in which anything could be told.
    #[error("what cuts charge cannot be found out now: {0}")]
    NotNow(String),
    /// Without a journal nothing is touched.
    #[error("charge is not cut without a journal, nor when it cannot be restored")]
    Journal(#[from] JournalError),
}

/// What keeps CPUs busy.
pub trait Load: Send {
    /// For so long.
    fn run(&mut self, time: Duration) -> impl Future<Output = ()> + Send;
}

/// Tries every candidate of the registry on this device, one after another, each put back before the next.
///
/// # Errors
/// [`ChargeError`]; then everything is as it was.
pub async fn try_all(
    device: &Device,
    journal: &Journal,
    known: &DeviceReport,
    load: &mut impl Load,
) -> Result<Vec<Tried>, ChargeError> {
    let battery = Battery::charging(device, known)?;
    let before = battery.current().await?;
    let mut tuned = Tuned::untouched(device, journal, known);
    let (mut tried, mark) = (Vec::new(), tuned.mark());
    for step in candidates(device, known) {
        tried.push(attempt(&battery, &mut tuned, step, &before, load).await?);
        tuned.put_back_after(mark)?;
        tuned.forget_after(mark);
        sleep(FOLLOWS).await;
    }
    Ok(tried)
}

/// Charge that is cut.
pub(super) struct Cut {
    /// From when on the knobs of the session are those that cut it.
    mark: Mark,
}

impl Cut {
    /// Whether nobody has undone it.
    pub(super) fn holds(&self, tuned: &Tuned<'_>) -> bool {
        tuned.still_holds_after(self.mark)
    }

    /// Lets the device charge again and notes whether it was cut until now.
    ///
    /// # Errors
    /// [`JournalError`]; the end of the session tries again.
    pub(super) fn end(self, tuned: &mut Tuned<'_>) -> Result<(), JournalError> {
        tuned.note_overridden_after(self.mark);
        tuned.put_back_after(self.mark)
    }
}

/// Cuts charge by the first candidate after which the battery feeds the device. It stays cut until that is ended, or the
/// session's knobs are put back. Also returns what was tried; nothing is cut where none of it discharges.
///
/// # Errors
/// [`ChargeError`]; the knobs of the session's end are then put back with the others.
pub(super) async fn cut(
    device: &Device,
    tuned: &mut Tuned<'_>,
    known: &DeviceReport,
    load: &mut impl Load,
) -> Result<(Option<Cut>, Vec<Tried>), ChargeError> {
    let battery = Battery::charging(device, known)?;
    let before = battery.current().await?;
    let (mut tried, mark) = (Vec::new(), tuned.mark());
    for step in candidates(device, known) {
        let result = attempt(&battery, tuned, step, &before, load).await?;
        let discharges = result.effect == Ok(Effect::Discharge);
        tried.push(result);
        if discharges {
            return Ok((Some(Cut { mark }), tried));
        }
        tuned.put_back_after(mark)?;
        tuned.forget_after(mark);
        sleep(FOLLOWS).await;
    }
    Ok((None, tried))
}

async fn attempt(
    battery: &Battery<'_>,
    tuned: &mut Tuned<'_>,
    step: Step,
    before: &[i64],
    load: &mut impl Load,
) -> Result<Tried, ChargeError> {
    let (place, mark) = (step.spot.name(), tuned.mark());
    tuned.carry_out(vec![step], &CpuSet::default()).await?;
    let outcome = tuned.last_outcome();
    let effect = if outcome == KnobOutcome::Held {
        sleep(FOLLOWS).await;
        let idle = battery.current().await?;
        let loaded = async {
            sleep(FOLLOWS).await;
            battery.current().await
        };
        let (loaded, ()) = tokio::join!(loaded, load.run(FOLLOWS + BETWEEN_SAMPLES * (SAMPLES + 1)));
        if tuned.still_holds_after(mark) {
            classify(before, &idle, &loaded?)
        } else {
            Err("the write was undone while the current was looked at".into())
        }
    } else {
        Err(format!("the write was not taken ({outcome:?})"))
    };
    Ok(Tried { place, outcome, effect })
}

/// What the battery's current says, in raw counts of one gauge: while it charged, idle after the write, under load.
///
/// # Errors
/// What speaks against an answer.
pub fn classify(charging: &[i64], idle: &[i64], loaded: &[i64]) -> Result<Effect, String> {
    let (Some(charged), Some(idled), Some(worked)) = (median(charging), median(idle), median(loaded)) else {
        return Err("a gauge without readings".into());
    };
    let noise = [(charging, charged), (idle, idled), (loaded, worked)].map(|(values, middle)| spread(values, middle));
    let noise = 3.0 * noise.into_iter().fold(1.0, f64::max);
    let size = charged.abs();
    if size <= 2.0 * noise {
        return Err(format!("the battery took too little current before ({charged} counts, noise {noise:.0}): it may be full"));
    }
    let none = size * NONE + noise;
    // Positive flows into the battery.
    let (idled, worked) = (idled * charged.signum(), worked * charged.signum());
    if worked < -none && worked < idled - noise {
        return if idled < -noise.min(none) {
            Ok(Effect::Discharge)
        } else {
            Err("the battery feeds the device under load only: the cable goes on feeding it as well".into())
        };
    }
    if idled.abs() <= none && worked.abs() <= none {
        return Ok(Effect::Bypass);
    }
    if idled >= size / 2.0 {
        return Ok(Effect::Nothing);
    }
    Err(format!("{size} counts when charging, {idled} idle and {worked} under load fit neither"))
}

fn median(values: &[i64]) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_unstable();
    sorted.get(sorted.len() / 2).map(|&value| value as f64)
}

/// Median absolute deviation.
fn spread(values: &[i64], middle: f64) -> f64 {
    let mut distances: Vec<f64> = values.iter().map(|&value| (value as f64 - middle).abs()).collect();
    distances.sort_by(f64::total_cmp);
    distances.get(distances.len() / 2).copied().unwrap_or_default()
}

/// The candidates that exist here.
fn candidates(device: &Device, known: &DeviceReport) -> Vec<Step> {
    let (ports, none) = (Ports::of(device), CpuSet::default());
    let properties = std::collections::BTreeMap::new();
    let scene =
        Scene { ports: &ports, cpus: &none, online: &none, policies: &known.policies, targets: &[], properties: &properties };
    all().filter(|knob| knob.when == When::Charging).flat_map(|knob| steps(knob, &scene, None)).collect()
}

/// A battery that charges.
struct Battery<'a> {
    device: &'a Device,
    gauge: String,
}

impl<'a> Battery<'a> {
    fn charging(device: &'a Device, known: &DeviceReport) -> Result<Self, ChargeError> {
        let not_now = |why: &str| ChargeError::NotNow(why.into());
        let fs = device.sysfs.as_ref();
        let name = &power_supply::battery(fs, &known.power_supplies).ok_or_else(|| not_now("there is no battery"))?.name;
        let supply = power_supply::supply(fs, name.clone());
        let status = supply.status.value().map_or("unknown", String::as_str).to_owned();
        if status != "Charging" {
            return Err(not_now(&format!("the battery must be charging, its status is {status}")));
        }
        let level = *supply.capacity_percent.value().ok_or_else(|| not_now("the battery's level is not known"))?;
        if level < MIN_LEVEL {
            return Err(not_now(&format!("the battery is at {level} %, {MIN_LEVEL} % are needed")));
        }
        Ok(Self { device, gauge: format!("sys/class/power_supply/{name}/current_now") })
    }

    /// Raw counts, a second apart.
    async fn current(&self) -> Result<Vec<i64>, ChargeError> {
        let ports = Ports::of(self.device);
        let mut counts = Vec::new();
        for _ in 0..SAMPLES {
            sleep(BETWEEN_SAMPLES).await;
            let text = ports.read(&self.gauge).map_err(|error| ChargeError::NotNow(error.to_string()))?;
            let count = text.trim().parse().map_err(|_| ChargeError::NotNow(format!("{}: '{}'", self.gauge, text.trim())))?;
            counts.push(count);
        }
        Ok(counts)
    }
}

#[cfg(test)]
mod tests;
