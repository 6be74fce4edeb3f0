//! One step of tuning: saved, written, read back, watched, put back.

use std::collections::BTreeMap;
use std::time::Duration;

use benchrack_protocol::cpuset::CpuSet;
use benchrack_protocol::evidence::{KnobEvidence, KnobOutcome};
use benchrack_protocol::reading::{Missing, Reading};
use tokio::time::sleep;

use super::journal::{Back, Condition, Saved};
use crate::knobs::plan::{Spot, Step};
use crate::knobs::ports::Ports;
use crate::knobs::{Access, Form, Place, Stage, When};
use crate::probe::cpufreq::CPU;
use crate::sysfs::{SysError, SysErrorKind};

const BETWEEN_READS: Duration = Duration::from_millis(50);

/// A knob that was turned, or could not be.
pub(super) struct Turned {
    pub(super) evidence: KnobEvidence,
    pub(super) form: Form,
    pub(super) policy: Option<String>,
    /// The way back; none where nothing was changed.
    pub(super) saved: Option<Saved>,
    expected: Option<String>,
}

impl Turned {
    /// A step that must not or cannot be carried out.
    pub(super) fn refused(step: &Step, missing: Missing, why: &str) -> Self {
        let impossible = Self::impossible(&step.spot.name(), &step.asked, missing, why);
        let evidence = KnobEvidence { helpful: is_helpful(step), ..impossible.evidence };
        Self { evidence, form: step.knob.form, policy: step.policy.clone(), ..impossible }
    }

    /// Something that the operating point needs and the device does not have.
    pub(super) fn impossible(knob: &str, asked: &str, missing: Missing, why: &str) -> Self {
        let evidence = KnobEvidence {
            knob: knob.into(),
            before: Reading::missing(missing, why),
            asked: asked.into(),
            read_back: Reading::missing(missing, why),
            outcome: if missing == Missing::Absent { KnobOutcome::Absent } else { KnobOutcome::Refused },
            restored: true,
            helpful: false,
        };
        Self { evidence, form: Form::Exact, policy: None, saved: None, expected: None }
    }

    /// For messages: what it is and what became of it.
    pub(super) fn shown(&self) -> String {
        format!("{} reads {} ({:?})", self.evidence.knob, self.evidence.read_back, self.evidence.outcome)
    }

    /// What a knob says that held at first and no longer does.
    pub(super) fn drifted(&self, ports: &Ports<'_>) -> Option<Reading<String>> {
        let saved = self.saved.as_ref().filter(|_| self.evidence.outcome == KnobOutcome::Held)?;
        let now = saved.now(ports);
        (!holds(saved, self.expected.as_deref(), &now)).then(|| reading(now))
    }

    /// The way back of something that was refused and cannot be asked: there is nothing to go back from.
    pub(super) fn take_refused(&mut self) -> Option<Saved> {
        let refused = matches!(self.evidence.outcome, KnobOutcome::Refused | KnobOutcome::Absent);
        self.saved.take_if(|saved| refused && saved.before.is_none())
    }

    /// The evidence at the end; `whole` says whether everything could be put back.
    pub(super) fn into_evidence(self, ports: &Ports<'_>, whole: bool) -> KnobEvidence {
        let restored = self.saved.as_ref().is_none_or(|saved| saved.is_back(ports) || (whole && saved.before.is_none()));
        KnobEvidence { restored, ..self.evidence }
    }
}

/// Whether the operating point holds without this step.
fn is_helpful(step: &Step) -> bool {
    !matches!(step.knob.when, When::Offline | When::Pins | When::FixedPerformance)
}

/// The way back of a step, asked before anything is written. A knob that does not answer now is asked again for as long as
/// it may take to settle.
pub(super) async fn save(ports: &Ports<'_>, step: &Step, brought_online: &CpuSet) -> Result<Saved, Box<Turned>> {
    let ask = ask(&step.spot);
    let mut waited = Duration::ZERO;
    let before = loop {
        let answer = match (&step.spot, &ask) {
            (Spot::File(path), _) => ports.read(path),
            (_, Some(ask)) => ports.run(ask, false),
            (_, None) => break None,
        };
        match answer {
            Ok(text) => break Some(text),
            Err(error) if error.kind == SysErrorKind::Unavailable && waited < step.knob.settle => {
                sleep(BETWEEN_READS).await;
                waited += BETWEEN_READS;
            }
            Err(error) => {
                let missing = match error.kind {
                    SysErrorKind::NotFound => Missing::Absent,
                    SysErrorKind::Denied => Missing::Denied,
                    _ => Missing::Unavailable,
                };
                return Err(Box::new(Turned::refused(step, missing, &error.to_string())));
            }
        }
    };
    let refused = |why: &str| Box::new(Turned::refused(step, Missing::Invalid, why));
    let back = match (&step.spot, &before) {
        (Spot::File(path), Some(before)) => {
            let value = step.knob.form.undo(&step.asked, before, &step.table);
            let value = value.ok_or_else(|| refused(&format!("{path}: '{}' cannot be put back", before.trim())))?;
            Back::File { path: path.clone(), value }
        }
        (Spot::Service(name), _) => {
            let undo = if before.as_deref().is_some_and(|state| state.trim() == "stopped") { "ctl.stop" } else { "ctl.start" };
            Back::Command { ask, undo: words(&["setprop", undo, name]), root: true }
        }
        (Spot::Setting(namespace, key), Some(before)) => {
            let undo = match before.trim() {
                "null" => words(&["settings", "delete", namespace, key]),
                value => words(&["settings", "put", namespace, key, value]),
            };
            Back::Command { ask, undo, root: false }
        }
        (Spot::Program(command), _) => {
            let Place::Program { undo, .. } = step.knob.place else { return Err(refused("it has no way back")) };
            let undo = command.iter().cloned().chain([undo.to_owned()]).collect();
            Back::Command { ask, undo, root: step.knob.access == Access::Root }
        }
        (_, None) => return Err(refused("what it says cannot be asked")),
    };
    Ok(Saved {
        name: step.spot.name(),
        gone_while: gone_while(&back, brought_online),
        back,
        form: step.knob.form,
        asked: step.asked.clone(),
        before,
        survives_reboot: step.knob.survives_reboot,
    })
}

/// Files of a CPU or policy that was offline may be gone again once it is.
fn gone_while(back: &Back, brought_online: &CpuSet) -> Option<Condition> {
    let Back::File { path, .. } = back else { return None };
    let rest = path.strip_prefix(CPU)?.trim_start_matches('/');
    let rest = rest.strip_prefix("cpufreq/policy").or_else(|| rest.strip_prefix("cpu"))?;
    let (number, file) = rest.split_once('/')?;
    let cpu = number.parse().ok().filter(|&cpu| brought_online.contains(cpu) && file != "online")?;
    Some(Condition { path: format!("{CPU}/cpu{cpu}/online"), text: "0".into() })
}

fn ask(spot: &Spot) -> Option<Vec<String>> {
    match spot {
        Spot::File(_) | Spot::Program(_) => None,
        Spot::Service(name) => Some(words(&["getprop", &format!("init.svc.{name}")])),
        Spot::Setting(namespace, key) => Some(words(&["settings", "get", namespace, key])),
    }
}

fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(|&word| word.to_owned()).collect()
}

/// Raising the maximum first or lowering the minimum first keeps min <= max at every moment. Other steps stay in place.
pub(super) fn in_order_of_limits(ready: &mut [(Step, Saved)]) {
    let is_max = |step: &Step| step.knob.name == "cpufreq.max";
    let above: BTreeMap<String, bool> = ready
        .iter()
        .filter(|(step, _)| is_max(step))
        .filter_map(|(step, saved)| {
            let before: u64 = saved.before.as_deref()?.trim().parse().ok()?;
            Some((step.policy.clone()?, step.asked.parse().is_ok_and(|target: u64| target > before)))
        })
        .collect();
    ready.sort_by_key(|(step, _)| {
        let limits = step.knob.stage == Stage::Limits;
        let policy = step.policy.clone().filter(|_| limits);
        let raise = policy.as_ref().and_then(|policy| above.get(policy)).copied().unwrap_or(false);
        (policy, limits && is_max(step) != raise)
    });
}

/// Writes the steps one after another, then waits until all read back as written, or their time is over.
pub(super) async fn turn(ports: &Ports<'_>, ready: Vec<(Step, Saved)>) -> Vec<Turned> {
    let mut written = Vec::with_capacity(ready.len());
    for (step, saved) in ready {
        // What is there already needs no write, and a file that only looks writable no failure.
        let there = holds(&saved, step.expected.as_deref(), &saved.now(ports));
        let result = if there { Ok(()) } else { write(ports, &step) };
        written.push((step, saved, result));
    }
    let longest = written.iter().map(|(step, ..)| step.knob.settle).max().unwrap_or_default();
    let mut waited = Duration::ZERO;
    // A refused write cannot be waited for.
    let unsettled = |(step, saved, result): &(Step, Saved, Result<(), SysError>)| {
        result.is_ok() && saved.before.is_some() && !holds(saved, step.expected.as_deref(), &saved.now(ports))
    };
    while waited < longest && written.iter().any(unsettled) {
        sleep(BETWEEN_READS).await;
        waited += BETWEEN_READS;
    }
    written.into_iter().map(|(step, saved, result)| judge(ports, step, saved, &result)).collect()
}

fn write(ports: &Ports<'_>, step: &Step) -> Result<(), SysError> {
    let root = step.knob.access == Access::Root;
    let command = match &step.spot {
        Spot::File(path) => return ports.write(path, &step.asked),
        Spot::Service(name) => words(&["setprop", "ctl.stop", name]),
        Spot::Setting(namespace, key) => words(&["settings", "put", namespace, key, &step.asked]),
        Spot::Program(command) => command.iter().cloned().chain([step.asked.clone()]).collect(),
    };
    ports.run(&command, root).map(drop)
}

fn judge(ports: &Ports<'_>, step: Step, saved: Saved, result: &Result<(), SysError>) -> Turned {
    let now = saved.now(ports);
    let outcome = match result {
        _ if holds(&saved, step.expected.as_deref(), &now) => KnobOutcome::Held,
        Err(error) if error.kind == SysErrorKind::NotFound => KnobOutcome::Absent,
        Err(_) => KnobOutcome::Refused,
        Ok(()) if saved.before.is_none() => KnobOutcome::Unverified,
        Ok(()) => KnobOutcome::Overridden,
    };
    let read_back = match (result, reading(now)) {
        (Err(error), Reading::Missing { .. }) => error.clone().into_reading(),
        (_, read_back) => read_back,
    };
    let before = match &saved.before {
        Some(before) => Reading::of(before.trim().to_owned()),
        None => Reading::missing(Missing::Absent, "there is no way to ask what is set"),
    };
    let evidence = KnobEvidence {
        knob: saved.name.clone(),
        before,
        asked: step.asked.clone(),
        read_back,
        outcome,
        restored: false,
        helpful: is_helpful(&step),
    };
    Turned { evidence, form: step.knob.form, policy: step.policy, saved: Some(saved), expected: step.expected }
}

fn reading(now: Result<String, SysError>) -> Reading<String> {
    match now {
        Ok(text) => Reading::of(text.trim().to_owned()),
        Err(error) => error.into_reading(),
    }
}

/// Whether the part that was written says what was asked for.
fn holds(saved: &Saved, expected: Option<&str>, now: &Result<String, SysError>) -> bool {
    let part = now.as_ref().ok().and_then(|text| saved.form.part(&saved.asked, text));
    part.is_some() && part.as_deref() == expected
}
