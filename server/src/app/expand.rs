//! From a suite to jobs. Pure.
//!
//! A suite is models x precisions x engines x threads x operating points. What it measures together shares a session: its
//! subjects are then measured in turn, so that they are compared within it, pair by pair. Without a word about it these
//! are the precisions of a model.

use std::collections::{BTreeSet, HashMap};

use benchrack_protocol::api::{Engine, Model};
use benchrack_protocol::engine::{BUILT_IN_ENGINE, EngineRef};
use benchrack_protocol::model::{Manifest, ModelFormat, Precision};
use benchrack_protocol::reading::Reading;
use benchrack_protocol::session::{Cores, Frequency, MeasurePlan, OperatingPoint, SessionSpec, Subject};
use benchrack_protocol::suite::{Axis, Clock, Suite};
use benchrack_protocol::units::Kilohertz;

use super::engines::{Host, Wanted};
use crate::db::jobs::NewJob;
use crate::refusal::Refusal;

/// Most operating points of one sweep; a finer table is thinned evenly, both ends kept.
const MOST_POINTS: usize = 32;

/// Most subjects of one session: each has a runner that stays loaded, and a phone's memory ends somewhere.
const MOST_SUBJECTS: usize = 16;

/// The jobs of a suite on these devices, device by device; `models` are the newest revisions.
pub(super) fn expand(
    suite: &Suite,
    hosts: &[Host<'_>],
    models: &[Model],
    engines: &[Engine],
    most: usize,
) -> Result<Vec<NewJob>, Refusal> {
    check(suite)?;
    let mut wanted: Vec<Wanted<'_>> = Vec::new();
    for name in &suite.engines {
        let engine = Wanted::of(name);
        engine.check("suite.engines", engines)?;
        if !wanted.contains(&engine) {
            wanted.push(engine);
        }
    }
    let chosen = chosen_models(suite, models)?;
    let mut jobs: Vec<NewJob> = Vec::new();
    let mut left_out: BTreeSet<String> = BTreeSet::new();
    for &host in hosts {
        for sessions in sessions(suite, host, &chosen, &wanted, engines, &mut left_out)? {
            jobs.push(sessions.job(host, suite));
            if jobs.len() > most {
                return Err(Refusal::invalid(format!(
                    "the submission would become more than {most} jobs (limits.jobs_per_submission): split it"
                )));
            }
        }
    }
    let reasons: Vec<String> = left_out.into_iter().collect();
    if jobs.is_empty() {
        return Err(Refusal::invalid(format!("no job comes of this: {}", reasons.join("; "))));
    }
    if !reasons.is_empty() {
        tracing::info!(suite = suite.name, left_out = reasons.join("; "), "a part of a suite cannot be measured");
    }
    Ok(jobs)
}

/// What the subjects of one session have in common; none where they may differ.
type Common<'a> = (Option<&'a str>, Option<Precision>, Option<Wanted<'a>>, Option<u16>, &'a Cores, Frequency);

/// A session to be.
struct Session<'a> {
    subjects: Vec<Subject>,
    cores: &'a Cores,
    frequency: Frequency,
}

/// The sessions of one device, in the suite's order.
fn sessions<'a>(
    suite: &'a Suite,
    host: Host<'_>,
    chosen: &[Vec<&'a Manifest>],
    wanted: &[Wanted<'a>],
    engines: &[Engine],
    left_out: &mut BTreeSet<String>,
) -> Result<Vec<Session<'a>>, Refusal> {
    let together = |axis: Axis| suite.together.contains(&axis);
    let mut sessions: Vec<Session<'a>> = Vec::new();
    let mut places: HashMap<Common<'a>, usize> = HashMap::new();
    for manifests in chosen {
        for &name in wanted {
            let Some(engine) = name.on(host, engines) else {
                left_out.insert(format!("there is no build of {name} for {}, the target of {}", host.target, host.device.name));
                continue;
            };
            for cores in &suite.cores {
                for frequency in frequencies_on(suite, host, cores, left_out) {
                    for &threads in &suite.threads {
                        let Some(threads) = threads_on(host, cores, threads) else {
                            left_out.insert(format!("{} has no cores {cores}", host.device.name));
                            continue;
                        };
                        for manifest in manifests {
                            if !takes(&engine, manifest.format) {
                                left_out.insert(format!("{name} takes no files as {} is", manifest.name));
                                continue;
                            }
                            let common = (
                                (!together(Axis::Model)).then_some(manifest.name.as_str()),
                                (!together(Axis::Precision)).then_some(manifest.precision),
                                (!together(Axis::Engine)).then_some(name),
                                (!together(Axis::Threads)).then_some(threads),
                                cores,
                                frequency,
                            );
                            let place = *places.entry(common).or_insert_with(|| {
                                sessions.push(Session { subjects: Vec::new(), cores, frequency });
                                sessions.len() - 1
                            });
                            let label = label(suite, manifest, name, threads, wanted.len());
                            let subject = Subject { label, manifest: (*manifest).clone(), engine: engine.clone(), threads };
                            let subjects = &mut sessions[place].subjects;
                            // All cores are one thread on a device with one core.
                            if !subjects.contains(&subject) {
                                subjects.push(subject);
                            }
                            if subjects.len() > MOST_SUBJECTS {
                                return Err(Refusal::invalid(format!(
                                    "suite.together: a session would have more than {MOST_SUBJECTS} subjects on {}: take an \
                                     axis out of it, or name fewer models, precisions, engines or threads",
                                    host.device.name
                                )));
                            }
                        }
                    }
                }
            }
        }
    }
    Ok(sessions)
}

/// The frequency plans of a suite on these cores of one device, each once, in the suite's order.
fn frequencies_on(suite: &Suite, host: Host<'_>, cores: &Cores, left_out: &mut BTreeSet<String>) -> Vec<Frequency> {
    let mut plans: Vec<Frequency> = Vec::new();
    for clock in &suite.frequencies {
        let meant = match clock {
            Clock::Plan(frequency) => vec![*frequency],
            Clock::Sweep => match swept(host, cores) {
                Ok(points) => points.into_iter().map(Frequency::At).collect(),
                Err(why) => {
                    left_out.insert(format!("{} cannot sweep cores {cores}: {why}", host.device.name));
                    continue;
                }
            },
        };
        for frequency in meant {
            if !plans.contains(&frequency) {
                plans.push(frequency);
            }
        }
    }
    plans
}

/// The operating points of the one clock that drives these cores, ascending.
fn swept(host: Host<'_>, cores: &Cores) -> Result<Vec<Kilohertz>, String> {
    let report = &host.device.report;
    let cpus = match cores {
        Cores::All => report.cpus_online.value().or(report.cpus_possible.value()).ok_or("its CPUs are not known")?,
        Cores::Cluster(name) => {
            &report.clusters.iter().find(|cluster| cluster.name == *name).ok_or("it has no such cluster")?.cpus
        }
        Cores::List(cpus) => cpus,
    };
    let mut clocks = report.policies.iter().filter(|policy| policy.cpus.iter().any(|cpu| cpus.contains(cpu)));
    let clock = match (clocks.next(), clocks.next()) {
        (Some(clock), None) => clock,
        (None, _) => return Err("no cpufreq policy clocks them".into()),
        (Some(_), Some(_)) => return Err("they have several clocks; name the cores of one cluster".into()),
    };
    match &clock.frequencies {
        Reading::Value { value } if !value.is_empty() => Ok(thinned(value)),
        Reading::Value { .. } => Err("its table of operating points is empty".into()),
        Reading::Missing { missing, detail } => Err(format!("its operating points are {missing} ({detail})")),
    }
}

/// At most [`MOST_POINTS`] of these, evenly spread, with the first and the last.
fn thinned(points: &[Kilohertz]) -> Vec<Kilohertz> {
    let last = points.len().saturating_sub(1);
    if points.len() <= MOST_POINTS {
        return points.to_vec();
    }
    (0..MOST_POINTS).filter_map(|nth| points.get(nth * last / (MOST_POINTS - 1)).copied()).collect()
}

/// Model and precision, and what else subjects of one session may differ in.
fn label(suite: &Suite, manifest: &Manifest, engine: Wanted<'_>, threads: u16, engines: usize) -> String {
    let mut label = format!("{} {}", manifest.name, manifest.precision);
    if engines > 1 && suite.together.contains(&Axis::Engine) {
        label.push_str(&format!(" {engine}"));
    }
    if suite.threads.len() > 1 && suite.together.contains(&Axis::Threads) {
        label.push_str(&format!(" {threads}T"));
    }
    label
}

/// Whether an engine can be given such a file.
fn takes(engine: &EngineRef, format: ModelFormat) -> bool {
    match &engine.adapter {
        Some(adapter) => adapter.formats.contains(&format),
        None => format == ModelFormat::Onnx || !matches!(engine.name.as_str(), BUILT_IN_ENGINE | "onnxruntime"),
    }
}

impl Session<'_> {
    fn job(self, host: Host<'_>, suite: &Suite) -> NewJob {
        let point = OperatingPoint { cores: self.cores.clone(), frequency: self.frequency };
        let listed = |of: &dyn Fn(&Subject) -> String| {
            let mut values: Vec<String> = Vec::new();
            for value in self.subjects.iter().map(of) {
                if !values.contains(&value) {
                    values.push(value);
                }
            }
            values
        };
        let models = listed(&|subject| subject.manifest.name.clone());
        let models = if models.len() > 3 { format!("{} models", models.len()) } else { models.join("/") };
        let precisions = listed(&|subject| subject.manifest.precision.to_string()).join("/");
        let engines = listed(&|subject| subject.engine.name.clone()).join("/");
        let threads = listed(&|subject| subject.threads.to_string()).join("/");
        let mut title = format!("{models} {precisions}, {engines}, {threads} thread{}", if threads == "1" { "" } else { "s" });
        if point != OperatingPoint::default() {
            title.push_str(&format!(", {} cores, {}", point.cores, point.frequency));
        }
        let spec = SessionSpec { subjects: self.subjects, operating_point: point, plan: suite.plan.clone() };
        NewJob { device: host.device.id, title, spec }
    }
}

fn check(suite: &Suite) -> Result<(), Refusal> {
    super::check_text("suite.name", &suite.name, 120)?;
    let lists = [
        ("models", suite.models.is_empty()),
        ("precisions", suite.precisions.is_empty()),
        ("engines", suite.engines.is_empty()),
        ("threads", suite.threads.is_empty()),
        ("cores", suite.cores.is_empty()),
        ("frequencies", suite.frequencies.is_empty()),
    ];
    if let Some((name, _)) = lists.iter().find(|(_, empty)| *empty) {
        return Err(Refusal::invalid(format!("suite.{name} is empty; leave it out for the default")));
    }
    check_plan("suite.plan", &suite.plan)
}

/// Whether a plan measures anything.
pub(super) fn check_plan(at: &str, plan: &MeasurePlan) -> Result<(), Refusal> {
    let wrong = |text: &str| Err(Refusal::invalid(format!("{at}.{text}")));
    match plan {
        plan if plan.blocks == 0 => wrong("blocks is 0: at least 1 is needed"),
        plan if plan.blocks > 100_000 => wrong("blocks is above 100000"),
        plan if plan.turns == 0 => wrong("turns is 0: 1 measures whole blocks"),
        plan if plan.min_block_samples == 0 => wrong("min_block_samples is 0: at least 1 is needed"),
        plan if plan.gate.is_some() => wrong("gate is set by the server: leave it out"),
        plan if plan.stop.is_some() => wrong("stop is set by the server for gates, from max_time: leave it out"),
        plan if plan.round_frames > 1_000 => wrong("round_frames is above 1000"),
        plan if plan.runner_timeout.0 == 0 => wrong("runner_timeout is 0: no answer comes in no time"),
        MeasurePlan { energy: Some(energy), .. } if !(energy.width > 0.0 && energy.width < 1.0) => {
            wrong("energy.width is no share: above 0 and below 1, such as 0.05")
        }
        MeasurePlan { energy: Some(energy), .. } if energy.max_time.0 == 0 => {
            wrong("energy.max_time is 0: no meter tells anything then")
        }
        MeasurePlan { sustained: Some(time), .. } if time.0 == 0 => wrong("sustained is 0; leave it out for no load"),
        _ => Ok(()),
    }
}

/// For each model of the suite its manifests in the order of the suite's precisions.
fn chosen_models<'a>(suite: &Suite, models: &'a [Model]) -> Result<Vec<Vec<&'a Manifest>>, Refusal> {
    let of_name = |name: &str| -> Vec<&'a Manifest> {
        let revision = |precision| models.iter().find(|m| m.manifest.name == name && m.manifest.precision == precision);
        let mut wanted = suite.precisions.clone();
        wanted.dedup();
        wanted.into_iter().filter_map(revision).map(|model| &model.manifest).collect()
    };
    let names: Vec<&str> = if suite.models.iter().any(|name| name == "*") {
        let mut names: Vec<&str> = models.iter().map(|model| model.manifest.name.as_str()).collect();
        names.dedup();
        names
    } else {
        suite.models.iter().map(String::as_str).collect()
    };
    if names.is_empty() {
        return Err(Refusal::unknown_reference(
            "suite.models: the server has no models yet; add some with `benchrack models add`",
        ));
    }
    if let Some(unknown) = names.iter().find(|name| !models.iter().any(|model| model.manifest.name == **name)) {
        let mut known: Vec<&str> = models.iter().map(|model| model.manifest.name.as_str()).collect();
        known.dedup();
        return Err(Refusal::unknown_reference(format!(
            "suite.models: there is no model '{unknown}' here; known are {}",
            if known.is_empty() { "none".into() } else { known.join(", ") }
        )));
    }
    let chosen: Vec<Vec<&Manifest>> = names.into_iter().map(of_name).filter(|manifests| !manifests.is_empty()).collect();
    if chosen.is_empty() {
        return Err(Refusal::unknown_reference("suite.precisions: no chosen model has one of these precisions"));
    }
    Ok(chosen)
}

/// Threads on these cores; 0 means as many as cores. None where the device has no such cores.
fn threads_on(host: Host<'_>, cores: &Cores, threads: u16) -> Option<u16> {
    let report = &host.device.report;
    let online = || report.cpus_online.value().or(report.cpus_possible.value());
    let count = match cores {
        // A device that does not tell its cores is given one thread for "as many as cores".
        Cores::All => online().map_or(1, |cpus| cpus.len()),
        Cores::Cluster(name) => report.clusters.iter().find(|cluster| cluster.name == *name)?.cpus.len(),
        Cores::List(cpus) => {
            let fits = online().is_none_or(|online| cpus.is_subset(online));
            fits.then(|| cpus.len())?
        }
    };
    Some(if threads == 0 { u16::try_from(count).unwrap_or(u16::MAX).max(1) } else { threads })
}

#[cfg(test)]
mod tests;
