//! Submissions: a suite becomes jobs.

use std::collections::HashMap;

use benchrack_lifecycle::device::SessionEnd;
use benchrack_lifecycle::job::{self, JobEvent, JobState, JobStep};
use benchrack_protocol::api::{Device, Model, NewSubmission, Submission};
use benchrack_protocol::engine::EngineRef;
use benchrack_protocol::ids::{DeviceId, JobId, SubmissionId};
use benchrack_protocol::model::Precision;
use benchrack_protocol::session::{SessionSpec, Subject};
use sqlx::PgConnection;

use super::engines::Host;
use super::selector::Selector;
use super::{App, Caller, expand};
use crate::db;
use crate::db::jobs::{NewJob, Origin};
use crate::db::leases::EndedAs;
use crate::db::watches::CONTROL;
use crate::events::FarmEvent;
use crate::refusal::Refusal;

/// These devices with what their agents run on.
pub(super) fn hosts<'a>(devices: &'a [Device], targets: &'a HashMap<DeviceId, String>) -> Result<Vec<Host<'a>>, Refusal> {
    let host = |device: &'a Device| {
        let target = targets.get(&device.id).ok_or_else(|| Refusal::not_found("device", device.id))?;
        Ok(Host { device, target })
    };
    devices.iter().map(host).collect()
}

/// Adds the control to a session, unless that measures the very same anyway.
fn ride_along(spec: &mut SessionSpec, control: &Subject) {
    let same = |subject: &Subject| {
        subject.manifest.artifact == control.manifest.artifact
            && subject.engine == control.engine
            && subject.threads == control.threads
    };
    if !spec.subjects.iter().any(same) {
        spec.subjects.push(control.clone());
    }
}

impl App {
    /// Queues a suite.
    ///
    /// # Errors
    /// Unknown models, engines or devices; a suite that becomes no job or too many.
    pub async fn submit(&self, new: &NewSubmission, caller: &Caller) -> Result<Submission, Refusal> {
        let devices = self.selected(&new.devices).await?;
        let models = db::models::newest(self.db()).await?;
        let engines = db::engines::list(self.db()).await?;
        let targets = db::devices::targets(self.db()).await?;
        let hosts = hosts(&devices, &targets)?;
        let mut jobs = expand::expand(&new.suite, &hosts, &models, &engines, self.limits().jobs_per_submission)?;
        if let Some(control) = self.control(&models) {
            jobs.iter_mut().for_each(|job| ride_along(&mut job.spec, &control));
        }
        let now = self.now();
        let mut tx = self.db().begin().await?;
        let id = db::submissions::insert(&mut tx, new, caller.token, now).await?;
        self.queue(&mut tx, Origin::Submission(id), &jobs, now).await?;
        tx.commit().await?;
        tracing::info!(submission.id = %id, suite = new.suite.name, jobs = jobs.len(), devices = devices.len(), "suite queued");
        self.submission(id).await
    }

    /// The subject that rides along in every session, where one is configured and the farm has its model.
    fn control(&self, models: &[Model]) -> Option<Subject> {
        let name = self.series_config().control.as_deref()?;
        let fits = |model: &&Model| model.manifest.name == name && model.manifest.precision == Precision::Fp32;
        let Some(model) = models.iter().find(fits) else {
            tracing::warn!(
                model = name,
                "the control (series.control) is not one of the farm's models in fp32: sessions go without"
            );
            return None;
        };
        Some(Subject { label: CONTROL.into(), manifest: model.manifest.clone(), engine: EngineRef::built_in(), threads: 1 })
    }

    /// Stores jobs and wakes the agents that wait for some.
    pub(super) async fn queue(
        &self,
        tx: &mut PgConnection,
        origin: Origin,
        jobs: &[NewJob],
        now: time::OffsetDateTime,
    ) -> Result<(), Refusal> {
        db::jobs::insert(tx, origin, jobs, now).await?;
        let mut devices: Vec<DeviceId> = jobs.iter().map(|job| job.device).collect();
        devices.dedup();
        for device in devices {
            db::notify::notify(tx, &FarmEvent::Work { device }).await?;
        }
        Ok(())
    }

    /// The devices that a selector means, without those that are retired.
    pub(super) async fn selected(&self, selector: &str) -> Result<Vec<Device>, Refusal> {
        let wanted = Selector::parse(selector)?;
        let known: Vec<Device> =
            db::devices::list(self.db()).await?.into_iter().filter(|device| device.state != "retired").collect();
        let names: Vec<&str> = known.iter().map(|device| device.name.as_str()).take(20).collect();
        let none = if names.is_empty() {
            "devices: no device has registered yet; start an agent with `benchrack agent run`".to_owned()
        } else {
            format!("devices: none matches '{selector}'; known are {}", names.join(", "))
        };
        let selected: Vec<Device> = known.into_iter().filter(|device| wanted.matches(device)).collect();
        if selected.is_empty() { Err(Refusal::unknown_reference(none)) } else { Ok(selected) }
    }

    /// One submission.
    ///
    /// # Errors
    /// Unknown submission.
    pub async fn submission(&self, id: SubmissionId) -> Result<Submission, Refusal> {
        db::submissions::get(self.db(), id).await?.ok_or_else(|| Refusal::not_found("submission", id))
    }

    /// Cancels a submission's jobs that nobody has begun; with `begun` those under way too, whose agents then stop.
    ///
    /// # Errors
    /// Unknown submission.
    pub async fn cancel(&self, id: SubmissionId, begun: bool) -> Result<Submission, Refusal> {
        self.submission(id).await?;
        for (job, device) in db::jobs::open_of_submission(self.db(), id, begun).await? {
            self.cancel_job(job, device, begun).await?;
        }
        self.submission(id).await
    }

    /// Cancels one job; false when it is over, or begun and that is not meant.
    async fn cancel_job(&self, id: JobId, device: DeviceId, begun: bool) -> Result<bool, Refusal> {
        let now = self.now();
        let mut tx = self.db().begin().await?;
        let device = db::devices::lock(&mut tx, device).await?.ok_or_else(|| Refusal::not_found("device", device))?;
        let job = db::jobs::lock(&mut tx, id).await?.ok_or_else(|| Refusal::not_found("job", id))?;
        let lease = match &job.state {
            JobState::Leased { hold, .. } => Some(hold.lease),
            _ => None,
        };
        if lease.is_some() && !begun {
            return Ok(false);
        }
        let Ok(JobStep::To(state)) = job::apply(&job.state, &JobEvent::Cancel, now, self.job_policy()) else { return Ok(false) };
        db::jobs::write(&mut tx, &job, &state, None, now).await?;
        if let Some(lease) = lease {
            db::leases::end(&mut tx, lease, EndedAs::Cancelled, now).await?;
            self.end_session_of(&mut tx, &device, lease, SessionEnd::Cancelled, now).await?;
        }
        db::notify::notify(&mut tx, &FarmEvent::Job { job: id, state: state.word().into() }).await?;
        tx.commit().await?;
        Ok(true)
    }
}
