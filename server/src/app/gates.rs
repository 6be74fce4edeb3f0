//! Gates: one interleaved session on each device, then a verdict over all.

use benchrack_protocol::api::{Engine, Gate, GateOutcome, GateSubject, JobStatus, NewGate};
use benchrack_protocol::ids::{ArtifactId, GateId, SessionId};
use benchrack_protocol::problem::ProblemCode;
use benchrack_protocol::receipt::ReceiptDevice;
use benchrack_protocol::report::SessionReport;

use super::engines::{Host, Wanted};
use super::selector::{Facts, Selector};
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
        judge::check_metrics(new).map_err(Refusal::invalid)?;
        let rules = judge::rules(&new.rules).map_err(|error| Refusal::invalid(format!("rules: {error}")))?;
        expand::check_plan("plan", &new.plan)?;
        for (at, side) in [("baseline", &new.baseline), ("candidate", &new.candidate)] {
            self.check_side(at, side).await?;
        }
        for (nth, budget) in new.budgets.iter().enumerate() {
            budget.check().map_err(|why| Refusal::invalid(format!("budgets[{nth}]: {why}")))?;
        }
        let devices = self.selected(&new.devices).await?;
        let needed = rules.pairs_needed();
        if usize::try_from(new.plan.blocks).unwrap_or(usize::MAX) < needed {
            return Err(Refusal::invalid(format!(
                "plan.blocks is {}: at alpha {} nothing can be decided with fewer than {needed}",
                new.plan.blocks, new.rules.alpha
            )));
        }
        if usize::try_from(new.rules.at_least).unwrap_or(usize::MAX) > devices.len() {
            return Err(Refusal::invalid(format!(
                "rules.at_least is {}, and only {} devices match: choose more devices",
                new.rules.at_least,
                devices.len()
            )));
        }
        let text = serde_json::to_string(new).map_err(Refusal::internal)?;
        let asked = Asked { new, digest: ArtifactId::of(text.as_bytes()), devices: devices.len() };
        let engines = db::engines::list(self.db()).await?;
        let targets = db::devices::targets(self.db()).await?;
        let jobs: Vec<NewJob> =
            hosts(&devices, &targets)?.into_iter().map(|host| job(asked, host, &engines)).collect::<Result<_, _>>()?;
        let now = self.now();
        let mut tx = self.db().begin().await?;
        for side in [&new.baseline, &new.candidate] {
            db::models::add(&mut *tx, &side.manifest, "", Listed::ByGateOnly, now).await?;
        }
        let id = db::gates::insert(&mut tx, (new, &text), caller.token, now).await?;
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

    async fn judge_gate(&self, gate: &StoredGate, jobs: &[JobStatus]) -> Result<GateOutcome, Refusal> {
        let mut reports: Vec<(String, JobStatus, Option<SessionReport>)> = Vec::with_capacity(jobs.len());
        for job in jobs {
            let name = self.device(job.device).await?.name;
            let report = match job.session {
                Some(session) => self.judged_report(session).await?,
                None => None,
            };
            reports.push((name, job.clone(), report));
        }
        let request = gate.request.clone();
        let judged = tokio::task::spawn_blocking(move || {
            let results: Vec<DeviceResult<'_>> =
                reports.iter().map(|(name, job, report)| result(name, job, report.as_ref())).collect();
            judge::judge_results(&results, &request)
        });
        judged.await.map_err(Refusal::internal)
    }

    /// The report by which a gate is judged: the text that its agent signed, so that a receipt gives the same verdict; for
    /// sessions of before such texts were kept, what the tables hold.
    async fn judged_report(&self, session: SessionId) -> Result<Option<SessionReport>, Refusal> {
        match db::signed_reports::get(self.db(), session).await? {
            Some(signed) => serde_json::from_str(&signed.report).map(Some).map_err(Refusal::internal),
            None => Ok(db::runs::report(self.db(), session).await?),
        }
    }

    /// The receipt of a gate: a file from which anybody can compute its verdict again.
    ///
    /// # Errors
    /// Unknown gate; one that is still open, or was judged before receipts were kept.
    pub async fn gate_receipt(&self, id: GateId) -> Result<String, Refusal> {
        let stored = db::gates::get(self.db(), id).await?.ok_or_else(|| Refusal::not_found("gate", id))?;
        let conflict = |why: &str| Refusal::new(ProblemCode::Conflict, format!("gate {id} {why}"));
        if stored.decided.is_none() {
            return Err(conflict("has no verdict yet: ask again when its jobs are over"));
        }
        let unkept = || conflict("was asked before receipts were kept");
        let request = stored.request_text.ok_or_else(unkept)?;
        let mut devices = Vec::new();
        for job in db::jobs::of_origin(self.db(), Origin::Gate(id)).await? {
            let device = self.device(job.device).await?.name;
            let result = match job.session {
                Some(session) => Ok(db::signed_reports::get(self.db(), session).await?.ok_or_else(unkept)?),
                None => Err(unmeasured(&job)),
            };
            devices.push(ReceiptDevice { device, result });
        }
        let receipt = tokio::task::spawn_blocking(move || judge::receipt(&request, devices)).await.map_err(Refusal::internal)?;
        receipt.map_err(Refusal::internal)?.to_text().map_err(Refusal::internal)
    }
}

/// Why a job has no session.
fn unmeasured(job: &JobStatus) -> String {
    match &job.failure {
        Some(failure) => format!("its session failed: {failure}"),
        None => format!("its job was {}", job.state),
    }
}

fn result<'a>(name: &str, job: &JobStatus, report: Option<&'a SessionReport>) -> DeviceResult<'a> {
    DeviceResult { device: name.to_owned(), session: job.session, report: report.ok_or_else(|| unmeasured(job)) }
}

/// A gate as it was asked.
#[derive(Clone, Copy)]
pub(super) struct Asked<'a> {
    pub(super) new: &'a NewGate,
    /// Of its JSON text.
    pub(super) digest: ArtifactId,
    /// How many are measured for it.
    pub(super) devices: usize,
}

/// Which budgets are about this device, by their places.
///
/// # Errors
/// A device class that is no selector.
pub fn budgets_of(new: &NewGate, device: Facts<'_>) -> Result<Vec<u32>, Refusal> {
    let mut about = Vec::new();
    for (place, budget) in (0u32..).zip(&new.budgets) {
        let class = Selector::parse(&budget.devices)
            .map_err(|refusal| Refusal::invalid(format!("budgets[{place}].{}", refusal.detail)))?;
        if class.matches(device) {
            about.push(place);
        }
    }
    Ok(about)
}

/// The gate's session on one device. A side that names its engine without a build gets the newest one for the device.
pub(super) fn job(asked: Asked<'_>, host: Host<'_>, engines: &[Engine]) -> Result<NewJob, Refusal> {
    let Asked { new, digest, devices } = asked;
    let engine = |label: &str, side: &GateSubject| match side.engine.build {
        Some(_) => Ok(side.engine.clone()),
        None => {
            let wanted = Wanted::of(&side.engine.name);
            wanted.on(host, engines).ok_or_else(|| {
                Refusal::unknown_reference(format!(
                    "{label}.engine: there is no build of {wanted} for {}, the target of {}; choose other devices, or add one \
                     with `benchrack engines add`",
                    host.target, host.device.name
                ))
            })
        }
    };
    let two_engines = new.baseline.engine != new.candidate.engine;
    let name = |side: &GateSubject| {
        let engine = if two_engines { format!(" on {}", side.engine.name) } else { String::new() };
        format!("{} {}{engine}", side.manifest.name, side.manifest.precision)
    };
    let budgets = budgets_of(new, Facts::from(host.device))?;
    let engines = [engine("baseline", &new.baseline)?, engine("candidate", &new.candidate)?];
    let devices = u32::try_from(devices).unwrap_or(u32::MAX);
    Ok(NewJob {
        device: host.device.id,
        title: format!("gate: {} against {}", name(&new.candidate), name(&new.baseline)),
        spec: new.session(digest, &host.device.name, devices, budgets, engines),
    })
}
