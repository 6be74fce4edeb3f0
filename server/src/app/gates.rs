//! Gates: one interleaved session on each device, then a verdict over all.

use benchrack_protocol::api::{Engine, Gate, GateSubject, JobStatus, NewGate};
use benchrack_protocol::ids::GateId;
use benchrack_protocol::report::SessionReport;
use benchrack_protocol::session::{SessionSpec, Subject};

use super::engines::{Host, Wanted};
use super::submissions::hosts;
use super::{App, Caller, expand};
use crate::db;
use crate::db::gates::StoredGate;
use crate::db::jobs::{NewJob, Origin};
use crate::db::models::Listed;
use crate::events::FarmEvent;
use crate::judge::{self, DeviceResult};
use crate::refusal::Refusal;

impl App {
    /// Opens a gate: queues its session on every device that is meant.
    ///
    /// # Errors
    /// Unknown artifacts, engines or devices; rules or a plan that cannot decide anything.
    pub async fn open_gate(&self, new: &NewGate, caller: &Caller) -> Result<Gate, Refusal> {
        let rules = judge::rules(&new.rules).map_err(|error| Refusal::invalid(format!("rules: {error}")))?;
        expand::check_plan("plan", &new.plan)?;
        for (at, side) in [("baseline", &new.baseline), ("candidate", &new.candidate)] {
            self.check_side(at, side).await?;
        }
        let devices = self.selected(&new.devices).await?;
        let needed = rules.pairs_needed(devices.len());
        if usize::try_from(new.plan.blocks).unwrap_or(usize::MAX) < needed {
            return Err(Refusal::invalid(format!(
                "plan.blocks is {}: at alpha {} on {} devices nothing can be decided with fewer than {needed}",
                new.plan.blocks,
                new.rules.alpha,
                devices.len()
            )));
        }
        if usize::try_from(new.rules.at_least).unwrap_or(usize::MAX) > devices.len() {
            return Err(Refusal::invalid(format!(
                "rules.at_least is {}, and only {} devices match: choose more devices",
                new.rules.at_least,
                devices.len()
            )));
        }
        let engines = db::engines::list(self.db()).await?;
        let targets = db::devices::targets(self.db()).await?;
        let jobs: Vec<NewJob> =
            hosts(&devices, &targets)?.into_iter().map(|host| job(new, host, &engines)).collect::<Result<_, _>>()?;
        let now = self.now();
        let mut tx = self.db().begin().await?;
        for side in [&new.baseline, &new.candidate] {
            db::models::add(&mut *tx, &side.manifest, "", Listed::ByGateOnly, now).await?;
        }
        let id = db::gates::insert(&mut tx, new, caller.token, now).await?;
        self.queue(&mut tx, Origin::Gate(id), &jobs, now).await?;
        tx.commit().await?;
        tracing::info!(gate.id = %id, devices = devices.len(), "gate opened");
        self.gate(id).await
    }

    async fn check_side(&self, at: &str, side: &GateSubject) -> Result<(), Refusal> {
        self.check_manifest(&format!("{at}.manifest"), &side.manifest).await?;
        if side.threads == 0 {
            return Err(Refusal::invalid(format!("{at}.threads is 0: at least 1 is needed")));
        }
        match side.engine.build {
            Some(build) if db::artifacts::size(self.db(), build).await?.is_none() => {
                Err(Refusal::unknown_reference(format!("{at}.engine.build: {build} is not stored here; upload it first")))
            }
            Some(_) => Ok(()),
            None => Wanted::of(&side.engine.name).check(&format!("{at}.engine"), &db::engines::list(self.db()).await?),
        }
    }

    /// A gate and its verdict so far.
    ///
    /// # Errors
    /// Unknown gate.
    pub async fn gate(&self, id: GateId) -> Result<Gate, Refusal> {
        let stored = db::gates::get(self.db(), id).await?.ok_or_else(|| Refusal::not_found("gate", id))?;
        let jobs = db::jobs::of_origin(self.db(), Origin::Gate(id)).await?;
        Ok(Gate { id, rules: stored.request.rules, jobs, outcome: stored.decided.map(|(outcome, _)| outcome) })
    }

    /// Gives the verdicts of all gates whose jobs are over, however they ended.
    pub(super) async fn settle_gates(&self) -> Result<usize, Refusal> {
        let due = db::gates::due(self.db()).await?;
        for gate in &due {
            self.settle_gate(*gate).await?;
        }
        Ok(due.len())
    }

    /// Gives a gate's verdict once all of its jobs are over.
    pub(super) async fn settle_gate(&self, id: GateId) -> Result<(), Refusal> {
        let Some(stored) = db::gates::get(self.db(), id).await? else { return Ok(()) };
        let jobs = db::jobs::of_origin(self.db(), Origin::Gate(id)).await?;
        let open = |job: &JobStatus| matches!(job.state.as_str(), "queued" | "leased");
        if stored.decided.is_some() || jobs.iter().any(open) {
            return Ok(());
        }
        let outcome = self.judge_gate(&stored, &jobs).await?;
        let mut tx = self.db().begin().await?;
        if db::gates::decide(&mut tx, id, &outcome, self.now()).await? {
            db::notify::notify(&mut tx, &FarmEvent::Decided { gate: id }).await?;
            tx.commit().await?;
            tracing::info!(gate.id = %id, verdict = %outcome.verdict, summary = outcome.summary, "gate decided");
        }
        Ok(())
    }

    async fn judge_gate(&self, gate: &StoredGate, jobs: &[JobStatus]) -> Result<benchrack_protocol::api::GateOutcome, Refusal> {
        let mut reports: Vec<(String, JobStatus, Option<SessionReport>)> = Vec::with_capacity(jobs.len());
        for job in jobs {
            let name = self.device(job.device).await?.name;
            let report = match job.session {
                Some(session) => db::runs::report(self.db(), session).await?,
                None => None,
            };
            reports.push((name, job.clone(), report));
        }
        let rules = gate.request.rules;
        let judged = tokio::task::spawn_blocking(move || {
            let results: Vec<DeviceResult<'_>> =
                reports.iter().map(|(name, job, report)| result(name, job, report.as_ref())).collect();
            judge::judge_results(&results, &rules)
        });
        judged.await.map_err(Refusal::internal)
    }
}

fn result<'a>(name: &str, job: &JobStatus, report: Option<&'a SessionReport>) -> DeviceResult<'a> {
    let report = report.ok_or_else(|| match &job.failure {
        Some(failure) => format!("its session failed: {failure}"),
        None => format!("its job was {}", job.state),
    });
    DeviceResult { device: name.to_owned(), session: job.session, report }
}

/// The gate's session on one device. A side that names its engine without a build gets the newest one for the device.
pub(super) fn job(new: &NewGate, host: Host<'_>, engines: &[Engine]) -> Result<NewJob, Refusal> {
    let subject = |label: &str, side: &GateSubject| {
        let engine = match side.engine.build {
            Some(_) => side.engine.clone(),
            None => {
                let wanted = Wanted::of(&side.engine.name);
                wanted.on(host, engines).ok_or_else(|| {
                    Refusal::unknown_reference(format!(
                        "{label}.engine: there is no build of {wanted} for {}, the target of {}; choose other devices, or add one \
                         with `benchrack engines add`",
                        host.target, host.device.name
                    ))
                })?
            }
        };
        Ok::<_, Refusal>(Subject { label: label.into(), manifest: side.manifest.clone(), engine, threads: side.threads })
    };
    let two_engines = new.baseline.engine != new.candidate.engine;
    let name = |side: &GateSubject| {
        let engine = if two_engines { format!(" on {}", side.engine.name) } else { String::new() };
        format!("{} {}{engine}", side.manifest.name, side.manifest.precision)
    };
    Ok(NewJob {
        device: host.device.id,
        title: format!("gate: {} against {}", name(&new.candidate), name(&new.baseline)),
        spec: SessionSpec {
            subjects: vec![subject("baseline", &new.baseline)?, subject("candidate", &new.candidate)?],
            operating_point: new.operating_point.clone(),
            plan: new.plan.clone(),
        },
    })
}
