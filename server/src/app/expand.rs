//! From a suite to jobs. Pure.
//!
//! One job for each device, model, engine, number of threads and operating point, whose subjects are the precisions of
//! the model: they are measured in turn within one session, so that fp32 against int8 is a comparison within it.

use benchrack_protocol::api::{Device, Model};
use benchrack_protocol::engine::{BUILT_IN_ENGINE, EngineRef};
use benchrack_protocol::model::Manifest;
use benchrack_protocol::session::{Cores, OperatingPoint, SessionSpec, Subject};
use benchrack_protocol::suite::Suite;

use crate::db::jobs::NewJob;
use crate::refusal::Refusal;

/// The jobs of a suite on these devices, device by device; `models` are the newest revisions.
pub(super) fn expand(suite: &Suite, devices: &[Device], models: &[Model], most: usize) -> Result<Vec<NewJob>, Refusal> {
    check(suite)?;
    let chosen = chosen_models(suite, models)?;
    let mut jobs: Vec<NewJob> = Vec::new();
    for device in devices {
        let first = jobs.len();
        for manifests in &chosen {
            for engine in &suite.engines {
                for cores in &suite.cores {
                    for &frequency in &suite.frequencies {
                        for &threads in &suite.threads {
                            let Some(threads) = threads_on(device, cores, threads) else { continue };
                            let point = OperatingPoint { cores: cores.clone(), frequency };
                            let job = job(device, manifests, engine, threads, point, suite);
                            // All cores are one thread on a device with one core.
                            if !jobs[first..].contains(&job) {
                                jobs.push(job);
                            }
                            if jobs.len() > most {
                                return Err(Refusal::invalid(format!(
                                    "the submission would become more than {most} jobs (limits.jobs_per_submission): split it"
                                )));
                            }
                        }
                    }
                }
            }
        }
    }
    if jobs.is_empty() {
        return Err(Refusal::invalid("no job comes of this: no chosen device has the cores that the suite asks for"));
    }
    Ok(jobs)
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
    // Other engines come as a library that a session must name by its digest, which a suite has no place for.
    if let Some(engine) = suite.engines.iter().find(|engine| engine.as_str() != BUILT_IN_ENGINE) {
        return Err(Refusal::unknown_reference(format!("suite.engines: '{engine}' is unknown; agents have {BUILT_IN_ENGINE}")));
    }
    check_plan("suite.plan", &suite.plan)
}

/// Whether a plan measures anything.
pub(super) fn check_plan(at: &str, plan: &benchrack_protocol::session::MeasurePlan) -> Result<(), Refusal> {
    let wrong = |text: &str| Err(Refusal::invalid(format!("{at}.{text}")));
    match plan {
        plan if plan.blocks == 0 => wrong("blocks is 0: at least 1 is needed"),
        plan if plan.blocks > 100_000 => wrong("blocks is above 100000"),
        plan if plan.min_block_samples == 0 => wrong("min_block_samples is 0: at least 1 is needed"),
        plan if plan.runner_timeout.0 == 0 => wrong("runner_timeout is 0: no answer comes in no time"),
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
fn threads_on(device: &Device, cores: &Cores, threads: u16) -> Option<u16> {
    let report = &device.report;
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

fn job(device: &Device, manifests: &[&Manifest], engine: &str, threads: u16, point: OperatingPoint, suite: &Suite) -> NewJob {
    let subject = |manifest: &&Manifest| Subject {
        label: format!("{} {}", manifest.name, manifest.precision),
        manifest: (*manifest).clone(),
        engine: EngineRef::named(engine),
        threads,
    };
    let precisions: Vec<String> = manifests.iter().map(|manifest| manifest.precision.to_string()).collect();
    let name = manifests.first().map_or("", |manifest| manifest.name.as_str());
    let mut title = format!("{name} {}, {engine}, {threads} thread{}", precisions.join("/"), if threads == 1 { "" } else { "s" });
    if point != OperatingPoint::default() {
        title.push_str(&format!(", {} cores, {}", point.cores, point.frequency));
    }
    let spec =
        SessionSpec { subjects: manifests.iter().map(subject).collect(), operating_point: point, plan: suite.plan.clone() };
    NewJob { device: device.id, title, spec }
}
