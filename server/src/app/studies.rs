//! Studies: a suite is measured, and its claims are answered from what it gave.

use std::collections::{BTreeSet, HashMap};

use benchrack_protocol::api::{Engine, JobStatus, NewSubmission};
use benchrack_protocol::engine::BUILT_IN_ENGINE;
use benchrack_protocol::ids::{ArtifactId, DeviceId, SessionId, StudyId};
use benchrack_protocol::report::SessionReport;
use benchrack_protocol::study::{EVERY, NewStudy, Study, StudyDevice, StudyListed, StudyReport};
use benchrack_protocol::units::Bytes;

use super::engines::Wanted;
use super::submissions::hosts;
use super::{App, Caller, expand};
use crate::db;
use crate::db::jobs::{NewJob, Origin};
use crate::db::studies::StudyFilter;
use crate::judge::{self, StudyEvidence};
use crate::refusal::Refusal;

impl App {
    /// Queues the suite of a study as often as the study says. Engines that the farm has no build of are left out: claims
    /// about them cannot be told then.
    ///
    /// # Errors
    /// A study that cannot be answered; unknown models or devices; a suite that becomes no job or too many.
    pub async fn open_study(&self, new: &NewStudy, caller: &Caller) -> Result<StudyReport, Refusal> {
        let study = &new.study;
        study.validate().map_err(|error| Refusal::invalid(format!("study.{error}")))?;
        judge::enough_blocks(study).map_err(|error| Refusal::invalid(format!("study.{error}")))?;
        let engines = db::engines::list(self.db()).await?;
        let mut suite = study.suite.clone();
        suite.engines = measured_engines(&study.suite.engines, &engines);
        if suite.engines.is_empty() {
            return Err(Refusal::unknown_reference(format!(
                "study.suite.engines: the farm has none of {}; known are {}",
                study.suite.engines.join(", "),
                known_names(&engines).join(", ")
            )));
        }
        let devices = self.selected(&new.devices).await?;
        let models = db::models::newest(self.db()).await?;
        let targets = db::devices::targets(self.db()).await?;
        let hosts = hosts(&devices, &targets)?;
        let most = self.limits().jobs_per_submission;
        let once = expand::expand(&suite, &hosts, &models, &engines, most)?;
        let sessions = usize::try_from(study.sessions).unwrap_or(usize::MAX);
        if once.len().saturating_mul(sessions) > most {
            return Err(Refusal::invalid(format!(
                "the study would become {} jobs, {most} are the most (limits.jobs_per_submission): fewer sessions or devices",
                once.len().saturating_mul(sessions)
            )));
        }
        // The whole suite again and again, so that what changes on a device with the hour hits all subjects alike.
        let jobs: Vec<NewJob> = (0..sessions).flat_map(|_| once.iter().cloned()).collect();
        let now = self.now();
        let mut tx = self.db().begin().await?;
        let submission = NewSubmission { suite, devices: new.devices.clone() };
        let submission = db::submissions::insert(&mut tx, &submission, caller.token, now).await?;
        let id = db::studies::insert(&mut tx, study, submission).await?;
        self.queue(&mut tx, Origin::Submission(submission), &jobs, now).await?;
        tx.commit().await?;
        tracing::info!(study.id = %id, study = study.name, jobs = jobs.len(), devices = devices.len(), "study queued");
        self.study(id).await
    }

    /// Studies, newest first.
    ///
    /// # Errors
    /// Only when the database does not do as asked.
    pub async fn studies(&self, filter: &StudyFilter) -> Result<Vec<StudyListed>, Refusal> {
        Ok(db::studies::list(self.db(), filter).await?)
    }

    /// A study and what can be said of its claims so far.
    ///
    /// # Errors
    /// Unknown study.
    pub async fn study(&self, id: StudyId) -> Result<StudyReport, Refusal> {
        let stored = db::studies::get(self.db(), id).await?.ok_or_else(|| Refusal::not_found("study", id))?;
        let submission = self.submission(stored.submission).await?;
        let study = stored.study;
        let engines_left_out: Vec<String> =
            study.suite.engines.iter().filter(|engine| *engine != EVERY && !stored.engines.contains(engine)).cloned().collect();
        let models: BTreeSet<&String> =
            study.checks().flat_map(|(_, check)| check.sides().map(|side| &side.model).collect::<Vec<_>>()).collect();
        let models: Vec<String> = models.into_iter().cloned().collect();
        let mut reports: Vec<(SessionId, SessionReport)> = Vec::new();
        for session in db::studies::sessions_of_models(self.db(), stored.submission, &models).await? {
            if let Some(report) = db::runs::report(self.db(), session).await? {
                reports.push((session, report));
            }
        }
        let builds = db::engines::list(self.db()).await?.into_iter().map(|engine| engine.build);
        let engine_sizes: HashMap<ArtifactId, Bytes> =
            builds.filter_map(|build| Some((build.engine.build?, build.installed_size))).collect();
        let ids: BTreeSet<DeviceId> = submission.jobs.iter().map(|job| job.device).collect();
        let mut devices = Vec::with_capacity(ids.len());
        for id in ids {
            devices.push(self.device(id).await?);
        }
        devices.sort_by(|a, b| a.name.cmp(&b.name));
        // Weeks of samples take longer to judge than an async task should keep its thread.
        let judged = tokio::task::spawn_blocking(move || {
            let judge = |device: benchrack_protocol::api::Device| StudyDevice {
                device: device.id,
                claims: judge_device(&study, device.id, &submission.jobs, &reports, &engines_left_out, &engine_sizes),
                name: device.name,
                title: device.title,
                reality: device.reality,
            };
            let devices = devices.into_iter().map(judge).collect();
            StudyReport { id, devices, study, submission, engines_left_out }
        });
        judged.await.map_err(Refusal::internal)
    }
}

/// Of the engines that a study names, those that the farm has.
fn measured_engines(wanted: &[String], known: &[Engine]) -> Vec<String> {
    if wanted.iter().any(|engine| engine == EVERY) {
        return known_names(known);
    }
    wanted.iter().filter(|engine| Wanted::of(engine).check("", known).is_ok()).cloned().collect()
}

/// Names of the engines that the farm has, the one inside the agents first.
fn known_names(known: &[Engine]) -> Vec<String> {
    let mut names = vec![BUILT_IN_ENGINE.to_owned()];
    for engine in known {
        if !names.contains(&engine.build.engine.name) {
            names.push(engine.build.engine.name.clone());
        }
    }
    names
}

fn judge_device(
    study: &Study,
    device: DeviceId,
    jobs: &[JobStatus],
    reports: &[(SessionId, SessionReport)],
    engines_left_out: &[String],
    engine_sizes: &HashMap<ArtifactId, Bytes>,
) -> Vec<benchrack_protocol::study::ClaimResult> {
    let own: Vec<&JobStatus> = jobs.iter().filter(|job| job.device == device).collect();
    let is_own = |session: SessionId| own.iter().any(|job| job.session == Some(session));
    let sessions = reports.iter().filter(|(session, _)| is_own(*session)).map(|(session, report)| (*session, report)).collect();
    let unmeasured = own.iter().filter(|job| job.session.is_none()).map(|job| (job.title.clone(), why(job))).collect();
    let evidence = StudyEvidence { sessions, unmeasured, engines_left_out, engine_sizes: engine_sizes.clone() };
    judge::judge_study(study, &evidence)
}

fn why(job: &JobStatus) -> String {
    match (&job.failure, job.state.as_str()) {
        (Some(failure), _) => failure.clone(),
        (None, "queued") => "its session waits for the device".into(),
        (None, "leased") => "its session is being measured".into(),
        (None, state) => format!("its session was {state}"),
    }
}
