//! Pinning clocks: minimum and maximum of a policy set to one operating point, which works under every governor.
//!
//! Every write is read back until it holds, because drivers and vendor daemons clamp, round and undo; what became of it
//! is the evidence. A guard restores on every way out, and the journal restores where there was no way out.

use std::time::Duration;

use benchrack_protocol::cpuset::CpuSet;
use benchrack_protocol::device::CpufreqPolicy;
use benchrack_protocol::evidence::{KnobEvidence, KnobOutcome};
use benchrack_protocol::reading::{Missing, Reading};
use benchrack_protocol::session::Frequency;
use benchrack_protocol::units::Kilohertz;
use tokio::time::sleep;

use super::journal::{Journal, JournalError, Saved, holds};
use crate::device::Device;
use crate::probe::cpufreq::CPU;
use crate::sysfs::{self, SysErrorKind, SysFs};

/// Limits may take so long to read back right.
const SETTLING: Duration = Duration::from_secs(1);
const BETWEEN_READS: Duration = Duration::from_millis(50);

/// Changed knobs; restores them when dropped.
pub struct Tuned<'a> {
    device: &'a Device,
    journal: &'a Journal,
    saved: Vec<Saved>,
    evidence: Vec<KnobEvidence>,
    restored: bool,
}

/// Pins the clocks of these CPUs as asked. Unpinned asks for nothing and touches nothing.
///
/// # Errors
/// When the journal cannot be written: then no knob was touched.
pub async fn tune<'a>(
    device: &'a Device,
    journal: &'a Journal,
    policies: &[CpufreqPolicy],
    cpus: &CpuSet,
    frequency: Frequency,
) -> Result<Tuned<'a>, JournalError> {
    let mut tuned = Tuned { device, journal, saved: Vec::new(), evidence: Vec::new(), restored: true };
    if frequency == Frequency::Unpinned {
        return Ok(tuned);
    }
    let relevant: Vec<_> = policies.iter().filter(|policy| policy.cpus.iter().any(|cpu| cpus.contains(cpu))).collect();
    if relevant.is_empty() {
        tuned.evidence.push(impossible("cpufreq", frequency, Missing::Absent, "no cpufreq policy clocks these CPUs"));
        return Ok(tuned);
    }
    let mut plans = Vec::new();
    for policy in relevant {
        match Plan::of(device.sysfs.as_ref(), policy, frequency) {
            Ok(plan) => plans.push(plan),
            Err(evidence) => tuned.evidence.push(*evidence),
        }
    }
    tuned.saved = plans.iter().flat_map(|plan| [plan.min.clone(), plan.max.clone()]).collect();
    if !tuned.saved.is_empty() {
        journal.keep(device.sysfs.as_ref(), &tuned.saved)?;
        tuned.restored = false;
    }
    for plan in plans {
        let evidence = plan.carry_out(device.sysfs.as_ref()).await;
        tuned.evidence.extend(evidence);
    }
    Ok(tuned)
}

impl Tuned<'_> {
    /// Puts everything back, waiting until it reads back, and returns the evidence.
    pub async fn restore(mut self) -> Vec<KnobEvidence> {
        let fs = self.device.sysfs.as_ref();
        let mut waited = Duration::ZERO;
        while !self.restored {
            match self.journal.restore(fs, &self.saved) {
                Ok(()) => self.restored = true,
                Err(error) if waited >= SETTLING => {
                    tracing::error!(%error, "the journal is kept and tried again at the next start");
                    break;
                }
                Err(_) => {
                    sleep(BETWEEN_READS).await;
                    waited += BETWEEN_READS;
                }
            }
        }
        let saved = std::mem::take(&mut self.saved);
        for evidence in &mut self.evidence {
            evidence.restored = saved.iter().find(|knob| knob.path == evidence.knob).is_none_or(|knob| holds(fs, knob));
        }
        // What could not be put back now will not be a moment later, in the guard.
        self.restored = true;
        std::mem::take(&mut self.evidence)
    }
}

impl Drop for Tuned<'_> {
    fn drop(&mut self) {
        if !self.restored
            && let Err(error) = self.journal.restore(self.device.sysfs.as_ref(), &self.saved)
        {
            tracing::error!(%error, "the journal is kept and tried again at the next start");
        }
    }
}

/// What to do with one policy.
struct Plan {
    min: Saved,
    max: Saved,
    target: Kilohertz,
}

impl Plan {
    fn of(fs: &dyn SysFs, policy: &CpufreqPolicy, frequency: Frequency) -> Result<Self, Box<KnobEvidence>> {
        let refused = |knob: &str, missing: Missing, why: &str| Box::new(impossible(knob, frequency, missing, why));
        let save = |name: &str| {
            let path = format!("{CPU}/{}/{name}", policy.path);
            match sysfs::text(fs, &path) {
                Reading::Value { value } => Ok(Saved { path, before: value }),
                Reading::Missing { missing, detail } => Err(refused(&path, missing, &detail)),
            }
        };
        let points = match &policy.frequencies {
            Reading::Value { value } if !value.is_empty() => value.clone(),
            // Drivers without a table take any frequency within the hardware's bounds.
            _ => [policy.hardware_min.value(), policy.hardware_max.value()].into_iter().flatten().copied().collect(),
        };
        let target = nearest(&points, frequency)
            .ok_or_else(|| refused(&policy.path, Missing::Absent, "neither operating points nor hardware bounds are known"))?;
        Ok(Self { min: save("scaling_min_freq")?, max: save("scaling_max_freq")?, target })
    }

    /// Raising the maximum first or lowering the minimum first keeps min <= max at every moment.
    async fn carry_out(&self, fs: &dyn SysFs) -> [KnobEvidence; 2] {
        let asked = self.target.0.to_string();
        let above = self.max.before.parse().is_ok_and(|max: u64| self.target.0 > max);
        let order = if above { [&self.max, &self.min] } else { [&self.min, &self.max] };
        let written = order.map(|knob| (knob, fs.write(&knob.path, &asked)));
        let mut waited = Duration::ZERO;
        let wanted = |knob: &Saved| sysfs::text(fs, &knob.path).value() == Some(&asked);
        while waited < SETTLING && !order.iter().all(|knob| wanted(knob)) {
            // A refused write cannot be waited for.
            if written.iter().any(|(_, result)| result.is_err()) {
                break;
            }
            sleep(BETWEEN_READS).await;
            waited += BETWEEN_READS;
        }
        written.map(|(knob, result)| {
            let read_back = sysfs::text(fs, &knob.path);
            let outcome = match (&result, read_back.value() == Some(&asked)) {
                (_, true) => KnobOutcome::Held,
                (Err(error), false) if error.kind == SysErrorKind::NotFound => KnobOutcome::Absent,
                (Err(_), false) => KnobOutcome::Refused,
                (Ok(()), false) => KnobOutcome::Overridden,
            };
            KnobEvidence {
                knob: knob.path.clone(),
                before: Reading::of(knob.before.clone()),
                asked: asked.clone(),
                read_back,
                outcome,
                restored: false,
            }
        })
    }
}

fn impossible(knob: &str, asked: Frequency, missing: Missing, why: &str) -> KnobEvidence {
    let outcome = if missing == Missing::Denied { KnobOutcome::Refused } else { KnobOutcome::Absent };
    KnobEvidence {
        knob: knob.into(),
        before: Reading::missing(missing, why),
        asked: asked.to_string(),
        read_back: Reading::missing(missing, why),
        outcome,
        restored: true,
    }
}

/// The operating point that is meant, by absolute distance; the lower of two that are equally near.
fn nearest(points: &[Kilohertz], frequency: Frequency) -> Option<Kilohertz> {
    let (lowest, highest) = (*points.iter().min()?, *points.iter().max()?);
    let wanted = match frequency {
        Frequency::Unpinned => return None,
        Frequency::Min => lowest,
        Frequency::Max => highest,
        Frequency::Percent(share) => Kilohertz(highest.0.saturating_mul(u64::from(share)) / 100),
        Frequency::At(frequency) => frequency,
    };
    points.iter().copied().min_by_key(|point| (point.0.abs_diff(wanted.0), point.0))
}

#[cfg(test)]
mod tests;
