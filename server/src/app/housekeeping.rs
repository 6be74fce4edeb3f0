//! What must happen without anybody asking: leases run out, devices fall silent, months begin.

use benchrack_lifecycle::device::{DeviceEvent, SessionEnd};
use benchrack_lifecycle::job::{self, JobEvent, JobStep};
use benchrack_protocol::ids::{DeviceId, LeaseId};
use time::{Duration, OffsetDateTime};

use super::App;
use crate::db;
use crate::db::leases::{EndedAs, LeaseRef};
use crate::events::FarmEvent;
use crate::refusal::Refusal;

/// Sample partitions are made so far ahead that a server that was away over a month's end finds one.
const PARTITIONS_AHEAD: Duration = Duration::days(35);
/// What a job and a device are told of a lease that ran out.
const SILENT: &str = "the agent fell silent";

/// What one look found to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Swept {
    /// Whether this server was the housekeeper; another one may be.
    pub was_housekeeper: bool,
    /// Leases that ran out.
    pub leases: usize,
    /// Devices that changed their state.
    pub devices: usize,
    /// Gates that were decided.
    pub gates: usize,
    /// Series with new points.
    pub series: usize,
    /// Suspicions that went on.
    pub suspicions: usize,
}

impl App {
    /// One look. Leases first, so that a device whose lease ran out is then looked at as one without.
    ///
    /// # Errors
    /// When the database does not do as asked; the next look does the rest.
    pub async fn tick(&self, now: OffsetDateTime) -> Result<Swept, Refusal> {
        let Some(mut housekeeper) = db::maintenance::housekeeper(self.db()).await? else { return Ok(Swept::default()) };
        for moment in [now, now.saturating_add(PARTITIONS_AHEAD)] {
            db::maintenance::ensure_partition(&mut housekeeper, moment).await?;
        }
        let mut swept = Swept { was_housekeeper: true, ..Swept::default() };
        for (id, lease) in db::leases::run_out(self.db(), now).await? {
            swept.leases += usize::from(self.expire(id, lease, now).await?);
        }
        let silent_since = now.saturating_sub(self.device_policy().offline_after);
        for id in db::devices::due(self.db(), now, silent_since).await? {
            swept.devices += usize::from(self.look_at(id, now).await?);
        }
        // A report settles its gate at once; jobs that fail, and a server that died in between, are found here.
        swept.gates = self.settle_gates().await?;
        // Only the housekeeper watches series, so that each point is looked at once.
        swept.series = self.watch_series(now).await?;
        swept.suspicions = self.follow_suspicions(now).await?;
        self.wake_alerts(now).await?;
        self.test_itself(now).await?;
        db::racks::forget(&mut housekeeper, now.saturating_sub(super::racks::FORGOTTEN_AFTER)).await?;
        db::tokens::forget_old_sessions(self.db(), now).await?;
        housekeeper.commit().await?;
        self.metrics().leases_expired(swept.leases);
        Ok(swept)
    }

    /// Ends a lease, unless a heartbeat or report came first.
    async fn expire(&self, id: LeaseId, lease: LeaseRef, now: OffsetDateTime) -> Result<bool, Refusal> {
        let mut tx = self.db().begin().await?;
        let device = db::devices::lock(&mut tx, lease.device).await?;
        let job = db::jobs::lock(&mut tx, lease.job).await?;
        let (Some(device), Some(job)) = (device, job) else { return Ok(false) };
        let held = matches!(&job.state, benchrack_lifecycle::job::JobState::Leased { hold, .. } if hold.lease == id);
        let Ok(JobStep::To(state)) = job::apply(&job.state, &JobEvent::Expire, now, self.job_policy()) else { return Ok(false) };
        if !held {
            return Ok(false);
        }
        db::jobs::write(&mut tx, &job, &state, None, now).await?;
        db::leases::end(&mut tx, id, EndedAs::Expired, now).await?;
        db::notify::notify(&mut tx, &FarmEvent::Job { job: job.id, state: state.word().into() }).await?;
        self.end_session_of(&mut tx, &device, id, SessionEnd::Failed { reason: SILENT.into() }, now).await?;
        tx.commit().await?;
        tracing::warn!(lease.id = %id, job.id = %job.id, device.id = %device.id, state = state.word(), "a lease ran out");
        Ok(true)
    }

    /// Tells a device the time.
    async fn look_at(&self, id: DeviceId, now: OffsetDateTime) -> Result<bool, Refusal> {
        let mut tx = self.db().begin().await?;
        let Some(device) = db::devices::lock(&mut tx, id).await? else { return Ok(false) };
        let machine = self.move_device(&mut tx, &device, &DeviceEvent::Tick, now).await?;
        tx.commit().await?;
        let changed = machine.state != device.machine.state;
        if changed {
            tracing::info!(device.id = %id, from = device.machine.state.word(), to = machine.state.word(), "a device changed its state");
        }
        Ok(changed)
    }

    /// Gives every open lease a whole life again: while no server was there, no agent could send a heartbeat.
    ///
    /// # Errors
    /// When the database does not do as asked.
    pub async fn forgive_silence(&self, now: OffsetDateTime) -> Result<(), Refusal> {
        let forgiven = db::leases::forgive_silence(self.db(), now.saturating_add(self.job_policy().lease_time)).await?;
        if forgiven > 0 {
            tracing::info!(leases = forgiven, "open leases live on");
        }
        Ok(())
    }
}
