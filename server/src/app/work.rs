//! The loop of an agent: register, claim, heartbeat, release. (Its report has a file of its own.)

use std::time::Duration;

use benchrack_lifecycle::Refusal as Refused;
use benchrack_lifecycle::device::{self, Device as Machine, DeviceEvent, DeviceState, SessionEnd};
use benchrack_lifecycle::job::{self, JobEvent, JobState, JobStep};
use benchrack_protocol::api::{Claim, Device, Heartbeat, Lease, Registration, Release};
use benchrack_protocol::ids::{DeviceId, LeaseId};
use benchrack_protocol::problem::ProblemCode;
use benchrack_protocol::report::Failure;
use benchrack_protocol::units::Nanos;
use sqlx::PgConnection;
use time::OffsetDateTime;
use tokio::sync::broadcast;
use tokio::time::Instant;

use super::{App, check_text};
use crate::db::devices::{LockedDevice, Registered};
use crate::db::leases::{EndedAs, HeldLease, Presented};
use crate::db::{self, DbError};
use crate::events::{FarmEvent, LONGEST_PHASE};
use crate::refusal::Refusal;
use crate::secret::{Secret, SecretHash};

/// Longest time that a claim is held open; proxies cut idle requests after about this.
const LONGEST_WAIT: Duration = Duration::from_secs(60);

/// An agent that is there is heard of every minute at least, by its claims or its signs of life; one that was not for this long
/// may be replaced by one with another signing key.
const AGENT_GONE_AFTER: Duration = Duration::from_secs(90);

/// What came of looking for work.
#[derive(Debug)]
enum Found {
    Work(Box<Lease>),
    /// None now; at this time it is worth looking again even if nothing is heard.
    Nothing {
        again_at: Option<OffsetDateTime>,
    },
}

fn in_use(key: &str, silence: time::Duration) -> Refusal {
    let detail = format!(
        "an agent with another signing key works as '{key}' and was heard of {} s ago: either two devices tell one serial number or \
         machine id, or the agent's data folder is a new one; an agent that is silent for {} s is replaced",
        silence.whole_seconds(),
        AGENT_GONE_AFTER.as_secs()
    );
    Refusal::new(ProblemCode::IdentityInUse, detail)
}

impl App {
    /// Makes a device known or brings it up to date.
    ///
    /// # Errors
    /// Invalid key or name; a retired device is a conflict; `identity_in_use` while another agent works as this device.
    pub async fn register(&self, key: &str, registration: &Registration) -> Result<Device, Refusal> {
        check_text("the device key", key, 200)?;
        check_text("name", &registration.name, 120)?;
        check_text("report.identity.title", &registration.report.identity.title, 300)?;
        if registration.report.identity.key != key {
            return Err(Refusal::invalid(format!(
                "report.identity.key is '{}' and the address says '{key}': both must name the same device",
                registration.report.identity.key
            )));
        }
        let now = self.now();
        let mut tx = self.db().begin().await?;
        let (id, new) = match db::devices::register(&mut tx, key, registration, now, now - AGENT_GONE_AFTER).await? {
            Registered::New(id) => (id, true),
            Registered::Known(id) => (id, false),
            Registered::InUse(last_seen) => return Err(in_use(key, now - last_seen)),
        };
        let device = known(id, db::devices::lock(&mut tx, id).await?)?;
        self.move_device(&mut tx, &device, &DeviceEvent::Seen, now).await?;
        if new {
            // Its state did not change, but pages do not know of it yet.
            let event = FarmEvent::Device { device: id, state: device.machine.state.word().into() };
            db::notify::notify(&mut tx, &event).await?;
        }
        tx.commit().await?;
        if new {
            tracing::info!(device.id = %id, name = registration.name, "a new device registered");
        }
        db::devices::get(self.db(), id).await?.ok_or_else(|| Refusal::not_found("device", id))
    }

    /// Gives a device work, waiting for some; none when there was none in that time.
    ///
    /// # Errors
    /// Unknown device.
    pub async fn claim(&self, claim: &Claim) -> Result<Option<Lease>, Refusal> {
        let deadline = Instant::now() + Duration::from(claim.wait).min(LONGEST_WAIT);
        // Before the first look, so that work which comes between looking and waiting is heard of.
        let mut events = self.events().subscribe();
        loop {
            let again = match self.try_claim(claim.device).await? {
                Found::Work(lease) => return Ok(Some(*lease)),
                Found::Nothing { again_at } => again_at.map(|at| {
                    let wait = Duration::try_from(at - self.now()).unwrap_or_default();
                    // A clock that stands still, or a device in a state that only housekeeping ends, must not spin.
                    Instant::now() + wait.max(Duration::from_millis(20))
                }),
            };
            if Instant::now() >= deadline {
                return Ok(None);
            }
            let wake = again.map_or(deadline, |again| again.min(deadline));
            tokio::select! {
                () = heard_of_work(&mut events, claim.device) => {}
                () = tokio::time::sleep_until(wake) => {}
                () = self.stopping().cancelled() => return Ok(None),
            }
        }
    }

    async fn try_claim(&self, id: DeviceId) -> Result<Found, Refusal> {
        let now = self.now();
        let mut tx = self.db().begin().await?;
        let mut device = known(id, db::devices::lock(&mut tx, id).await?)?;
        device.machine = self.move_device(&mut tx, &device, &DeviceEvent::Seen, now).await?;
        let found = self.take_next_job(&mut tx, &device, now).await?;
        tx.commit().await?;
        if let Found::Work(lease) = &found {
            tracing::info!(lease.id = %lease.id, job.id = %lease.job, device.id = %id, "lease granted");
        }
        Ok(found)
    }

    async fn take_next_job(&self, tx: &mut PgConnection, device: &LockedDevice, now: OffsetDateTime) -> Result<Found, Refusal> {
        match &device.machine.state {
            DeviceState::Idle => {}
            DeviceState::Cooling { until } => return Ok(Found::Nothing { again_at: Some(*until) }),
            _ => return Ok(Found::Nothing { again_at: None }),
        }
        let Some(job) = db::jobs::lock_next(tx, device.id, now).await? else {
            let again_at = db::jobs::next_not_before(tx, device.id).await?;
            return Ok(Found::Nothing { again_at: again_at.filter(|at| *at > now) });
        };
        let (spec, _) = db::jobs::brief(&mut *tx, job.id).await?.ok_or_else(|| Refusal::not_found("job", job.id))?;
        let secret = Secret::generate("");
        let policy = self.job_policy();
        let lease = db::leases::grant(tx, &job, device, &secret.hash(), now, now.saturating_add(policy.lease_time)).await?;
        let step = job::apply(&job.state, &JobEvent::Claim { lease, device: device.id }, now, policy).map_err(refused)?;
        if let JobStep::To(state) = &step {
            db::jobs::write(tx, &job, state, None, now).await?;
        }
        self.move_device(tx, device, &DeviceEvent::Claim { lease }, now).await?;
        db::notify::notify(tx, &FarmEvent::Job { job: job.id, state: "leased".into() }).await?;
        let lives_for = Nanos::from(Duration::try_from(policy.lease_time).unwrap_or_default());
        Ok(Found::Work(Box::new(Lease { id: lease, secret: secret.reveal().into(), job: job.id, session: spec, lives_for })))
    }

    /// Keeps a lease alive, through an announced silence as well.
    ///
    /// # Errors
    /// `lease_lost` when it has ended; a conflict where the silence is longer than this farm allows.
    pub async fn heartbeat(&self, id: LeaseId, secret: &SecretHash, beat: &Heartbeat) -> Result<(), Refusal> {
        let beat = Heartbeat { phase: shortened(&beat.phase), ..beat.clone() };
        let now = self.now();
        let mut tx = self.db().begin().await?;
        let lease = held(db::leases::hold(&mut tx, id, secret, now).await?)?;
        let detached = beat.detached_for_s.map(|seconds| time::Duration::seconds(seconds.into()));
        let event = match detached {
            Some(time) => JobEvent::Detach { lease: id, time },
            None => JobEvent::Heartbeat { lease: id },
        };
        if let JobStep::To(JobState::Leased { hold, .. }) =
            job::apply(&lease.job().state, &event, now, self.job_policy()).map_err(refused)?
        {
            let detached_until = detached.map(|time| now.saturating_add(time));
            db::leases::beat(&mut tx, &lease, &beat, detached_until, hold.expires_at).await?;
        }
        self.move_device(&mut tx, lease.device(), &DeviceEvent::Seen, now).await?;
        let Heartbeat { phase, done, total, .. } = beat;
        let event = FarmEvent::Progress { job: lease.job().id, device: lease.device().id, phase, done, total };
        db::notify::notify(&mut tx, &event).await?;
        tx.commit().await?;
        Ok(())
    }

    /// Takes a job back from an agent that cannot do it.
    ///
    /// # Errors
    /// `lease_lost` when the lease has ended.
    pub async fn release(&self, id: LeaseId, secret: &SecretHash, release: &Release) -> Result<(), Refusal> {
        let now = self.now();
        let failure = Failure { detail: shortened(&release.failure.detail), ..release.failure.clone() };
        let mut tx = self.db().begin().await?;
        let lease = held(db::leases::hold(&mut tx, id, secret, now).await?)?;
        let event = JobEvent::Release { lease: id, failure: failure.clone() };
        if let JobStep::To(state) = job::apply(&lease.job().state, &event, now, self.job_policy()).map_err(refused)? {
            self.close(&mut tx, &lease, &state, None, EndedAs::Released, now).await?;
        }
        self.finish_device(&mut tx, lease.device(), id, SessionEnd::given_back(&failure), now).await?;
        tx.commit().await?;
        let Failure { reason, detail } = failure;
        tracing::warn!(
            lease.id = %id, job.id = %lease.job().id, device.id = %lease.device().id, ?reason, detail, "a session was given back"
        );
        Ok(())
    }

    /// Writes a job's next state and ends its lease.
    pub(super) async fn close(
        &self,
        tx: &mut PgConnection,
        lease: &HeldLease,
        to: &JobState,
        session: Option<benchrack_protocol::ids::SessionId>,
        ended_as: EndedAs,
        now: OffsetDateTime,
    ) -> Result<(), Refusal> {
        db::jobs::write(tx, lease.job(), to, session, now).await?;
        db::leases::end(tx, lease.id(), ended_as, now).await?;
        db::notify::notify(tx, &FarmEvent::Job { job: lease.job().id, state: to.word().into() }).await?;
        Ok(())
    }

    /// A holder's request is a sign of life, and the end of its session frees the device.
    pub(super) async fn finish_device(
        &self,
        tx: &mut PgConnection,
        device: &LockedDevice,
        lease: LeaseId,
        end: SessionEnd,
        now: OffsetDateTime,
    ) -> Result<(), Refusal> {
        let machine = self.move_device(tx, device, &DeviceEvent::Seen, now).await?;
        let device = LockedDevice { id: device.id, machine };
        self.end_session_of(tx, &device, lease, end, now).await
    }

    /// Tells a device's machine that a session is over. A device that was retired meanwhile does not care.
    pub(super) async fn end_session_of(
        &self,
        tx: &mut PgConnection,
        device: &LockedDevice,
        lease: LeaseId,
        end: SessionEnd,
        now: OffsetDateTime,
    ) -> Result<(), Refusal> {
        let event = DeviceEvent::Finish { lease, end };
        match device::apply(&device.machine, &event, now, self.device_policy()) {
            Ok(machine) => Ok(self.write_device(tx, device, &machine, now).await?),
            Err(Refused::LeaseLost { .. } | Refused::NotNow { .. }) => Ok(()),
        }
    }

    /// Applies an event to a locked device and writes what comes out.
    pub(super) async fn move_device(
        &self,
        tx: &mut PgConnection,
        device: &LockedDevice,
        event: &DeviceEvent,
        now: OffsetDateTime,
    ) -> Result<Machine, Refusal> {
        let machine = device::apply(&device.machine, event, now, self.device_policy()).map_err(refused)?;
        self.write_device(tx, device, &machine, now).await?;
        Ok(machine)
    }

    async fn write_device(
        &self,
        tx: &mut PgConnection,
        device: &LockedDevice,
        to: &Machine,
        now: OffsetDateTime,
    ) -> Result<(), DbError> {
        if device.machine == *to {
            return Ok(());
        }
        db::devices::write(tx, device, to, now).await?;
        if device.machine.state != to.state {
            let event = FarmEvent::Device { device: device.id, state: to.state.word().into() };
            db::notify::notify(tx, &event).await?;
            if to.state == DeviceState::Idle {
                db::notify::notify(tx, &FarmEvent::Work { device: device.id }).await?;
            }
        }
        Ok(())
    }
}

fn known(id: DeviceId, device: Option<LockedDevice>) -> Result<LockedDevice, Refusal> {
    device.ok_or_else(|| Refusal::not_found("device", id))
}

/// The lease, if it is held.
pub(super) fn held(presented: Presented) -> Result<HeldLease, Refusal> {
    match presented {
        Presented::Held(lease) => Ok(lease),
        Presented::Over(_) | Presented::Unknown => Err(lease_lost()),
    }
}

pub(super) fn lease_lost() -> Refusal {
    let detail = "the lease has run out, has ended, or is not yours: stop the session, restore the device and claim anew";
    Refusal::new(ProblemCode::LeaseLost, detail)
}

/// A state machine's refusal, for the caller.
pub(super) fn refused(refusal: Refused) -> Refusal {
    match refusal {
        Refused::LeaseLost { .. } => lease_lost(),
        Refused::NotNow { .. } => Refusal::new(ProblemCode::Conflict, refusal.to_string()),
    }
}

/// What people read in lists and in notifications.
fn shortened(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(LONGEST_PHASE).collect()
}

/// Until there may be work for this device.
async fn heard_of_work(events: &mut broadcast::Receiver<FarmEvent>, device: DeviceId) {
    loop {
        match events.recv().await {
            Ok(FarmEvent::Work { device: of }) if of == device => return,
            Ok(FarmEvent::Lost) | Err(broadcast::error::RecvError::Lagged(_)) => return,
            Ok(_) => {}
            // The bus lives as long as the server; without it only the deadline is left.
            Err(broadcast::error::RecvError::Closed) => std::future::pending().await,
        }
    }
}
