//! Turning the knobs that an operating point and the configuration ask for, in the registry's order.
//!
//! Every write is read back until it holds, because drivers and vendor daemons clamp, round and undo; what became of it
//! is the evidence. A guard restores on every way out, the journal where there was no way out, and the guardian while
//! nobody starts the agent again.

use std::collections::BTreeMap;
use std::path::Path;

use benchrack_protocol::cpuset::CpuSet;
use benchrack_protocol::device::{CpufreqPolicy, DeviceReport};
use benchrack_protocol::evidence::{ClockTarget, KnobOutcome};
use benchrack_protocol::reading::{Missing, Reading};
use benchrack_protocol::session::Frequency;

use super::journal::{Journal, JournalError};
use super::step::Turned;
use super::tuned::Tuned;
use crate::device::Device;
use crate::knobs::plan::{self, Scene};
use crate::knobs::{Asked, Form, Knob, Stage, When, all};
use crate::probe::{cpufreq, getprop, topology};
use crate::runner_process::RunnerProgram;

/// What a session wants of the device's knobs.
#[derive(Clone, Copy)]
pub struct Wish<'a> {
    /// CPUs of the session.
    pub cpus: &'a CpuSet,
    /// CPUs that are online.
    pub online: &'a CpuSet,
    /// Their clocks.
    pub frequency: Frequency,
    /// Knobs that the configuration asks for.
    pub asked: &'a [Asked],
    /// Whether the agent's own cut-off has a sensor to go by.
    pub cut_off: bool,
    /// The program of the guardian and the journal's folder; none where nobody may outlive this process.
    pub guardian: Option<(&'a RunnerProgram, &'a Path)>,
}

/// The knobs could not be turned at all.
#[derive(Debug, thiserror::Error)]
pub enum TuneError {
    /// Without a journal nothing is touched.
    #[error("no knob is touched without a journal")]
    Journal(#[from] JournalError),
    /// CPUs of the session that cannot be brought online.
    #[error("CPUs {offline} are offline and cannot be brought online: {why}")]
    Offline {
        /// Which.
        offline: CpuSet,
        /// What the device said.
        why: String,
    },
}

/// Turns what the wish asks for. A wish for nothing touches nothing.
///
/// # Errors
/// When the journal cannot be written, or a CPU of the session stays offline; then everything is as it was.
pub async fn tune<'a>(
    device: &'a Device,
    journal: &'a Journal,
    known: &DeviceReport,
    wish: Wish<'_>,
) -> Result<Tuned<'a>, TuneError> {
    let mut tuned = Tuned::untouched(device, journal, known);
    tuned.keeper = wish.guardian.map(|(program, folder)| (program.clone(), folder.to_owned()));
    let offline: CpuSet = wish.cpus.iter().filter(|&cpu| !wish.online.contains(cpu)).collect();
    if wish.frequency == Frequency::Unpinned && wish.asked.is_empty() && offline.is_empty() {
        return Ok(tuned);
    }
    let properties = getprop::read(device.commands.as_ref()).value().cloned().unwrap_or_default();
    let mut online = wish.online.clone();
    for stage in Stage::ALL {
        let mut steps = Vec::new();
        for knob in all().filter(|knob| knob.stage == stage) {
            let Some(given) = wanted(knob, &wish, &offline) else { continue };
            let cpus = if knob.when == When::Offline { &offline } else { wish.cpus };
            let scene = Scene {
                ports: &tuned.ports,
                cpus,
                online: &online,
                policies: &tuned.policies,
                targets: &tuned.targets,
                properties: &properties,
            };
            let meant = plan::steps(knob, &scene, given);
            match refusal(knob, &wish, &properties) {
                Some(why) => {
                    let refused = meant.iter().map(|step| Turned::refused(step, Missing::Denied, &why));
                    let refused: Vec<Turned> = refused.collect();
                    tuned.turned.extend(refused);
                }
                None => steps.extend(meant),
            }
        }
        tuned.carry_out(steps, &offline).await?;
        if stage == Stage::Hotplug {
            if !offline.is_empty() {
                online = tuned.with_all_online(wish.cpus)?;
                tuned.policies = cpufreq::policies(device.sysfs.as_ref());
            }
            tuned.aim(known, &wish);
        }
    }
    tuned.rest_on_ppm();
    Ok(tuned)
}

/// Whether a session turns this knob, and with which value of the configuration.
fn wanted<'w>(knob: &Knob, wish: &Wish<'w>, offline: &CpuSet) -> Option<Option<&'w str>> {
    let when = match knob.when {
        When::Offline => !offline.is_empty(),
        When::Pins | When::Pinned => wish.frequency.is_pinned(),
        When::FixedPerformance => wish.frequency == Frequency::FixedPerformance,
        When::Asked | When::AskedWithCutOff => return wish.asked.iter().find(|asked| asked.means(knob)).map(Asked::value),
        When::Charging => false,
    };
    when.then_some(None)
}

/// Why a knob must not be turned here.
fn refusal(knob: &Knob, wish: &Wish<'_>, properties: &BTreeMap<String, String>) -> Option<String> {
    if let Some(why) = plan::denied(knob, properties) {
        return Some(format!("on the deny list: {why}"));
    }
    let unprotected = knob.when == When::AskedWithCutOff && !wish.cut_off;
    unprotected.then(|| "the agent's own cut-off has no sensor to go by".into())
}

impl Tuned<'_> {
    /// Decides where each clock of the session is to stand.
    fn aim(&mut self, known: &DeviceReport, wish: &Wish<'_>) {
        if !wish.frequency.is_pinned() {
            return;
        }
        let relevant: Vec<&CpufreqPolicy> =
            self.policies.iter().filter(|policy| policy.cpus.iter().any(|cpu| wish.cpus.contains(cpu))).collect();
        if relevant.is_empty() {
            let why = "no cpufreq policy clocks these CPUs";
            self.turned.push(Turned::impossible("cpufreq", &wish.frequency.to_string(), Missing::Absent, why));
        }
        let limits = relevant.iter().flat_map(|policy| {
            ["scaling_min_freq", "scaling_max_freq"].map(|file| format!("{}/{}/{file}", cpufreq::CPU, policy.path))
        });
        let said: BTreeMap<String, String> =
            limits.filter_map(|path| Some((path.clone(), self.ports.read(&path).ok()?))).collect();
        for policy in relevant {
            let cluster = known.clusters.iter().find(|cluster| policy.cpus.iter().all(|cpu| cluster.cpus.contains(cpu)));
            let Some(pin) = wish.frequency.of_cluster(cluster.map(|cluster| cluster.name.as_str())) else { continue };
            let points = match &policy.frequencies {
                Reading::Value { value } if !value.is_empty() => value.clone(),
                // Drivers without a table take any frequency within the hardware's bounds.
                _ => [policy.hardware_min.value(), policy.hardware_max.value()].into_iter().flatten().copied().collect(),
            };
            match pin.nearest(&points) {
                Some(target) => self.targets.push(ClockTarget {
                    policy: policy.path.clone(),
                    cpus: policy.cpus.clone(),
                    asked: pin.to_string(),
                    target,
                }),
                None => {
                    let why = "neither operating points nor hardware bounds are known";
                    self.turned.push(Turned::impossible(&policy.path, &pin.to_string(), Missing::Absent, why));
                }
            }
        }
        self.untouched = said;
    }

    /// CPUs online, when all of the session are.
    fn with_all_online(&self, cpus: &CpuSet) -> Result<CpuSet, TuneError> {
        let online = topology::cpu_list(self.ports.device().sysfs.as_ref(), "online");
        let (online, why) = match online {
            Reading::Value { value } => (value, self.turned.iter().map(Turned::shown).collect::<Vec<_>>().join("; ")),
            Reading::Missing { detail, .. } => (CpuSet::default(), detail),
        };
        let offline: CpuSet = cpus.iter().filter(|&cpu| !online.contains(cpu)).collect();
        if offline.is_empty() { Ok(online) } else { Err(TuneError::Offline { offline, why }) }
    }

    /// On MediaTek's phones cpufreq's limits may not hold; where PPM holds a clock on both sides, the pin rests on it.
    fn rest_on_ppm(&mut self) {
        let held = |turned: &&Turned| matches!(turned.form, Form::PpmLimit(_)) && turned.evidence.outcome == KnobOutcome::Held;
        let mut sides: BTreeMap<String, usize> = BTreeMap::new();
        for policy in self.turned.iter().filter(held).filter_map(|turned| turned.policy.clone()) {
            *sides.entry(policy).or_default() += 1;
        }
        for turned in &mut self.turned {
            let both = turned.policy.as_ref().and_then(|policy| sides.get(policy)).is_some_and(|&sides| sides == 2);
            if both {
                turned.evidence.helpful = !matches!(turned.form, Form::PpmLimit(_));
            }
        }
    }
}

#[cfg(test)]
mod tests;
