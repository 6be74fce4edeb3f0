//! Leases, and the proof that one is held.

use benchrack_protocol::api::Heartbeat;
use benchrack_protocol::ids::{DeviceId, JobId, LeaseId};
use sqlx::PgConnection;
use time::OffsetDateTime;

use super::column::cell;
use super::devices::{self, LockedDevice};
use super::jobs::{self, LockedJob};
use super::{Database, DbError, one_row};
use crate::secret::SecretHash;

/// How a lease ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EndedAs {
    /// Its report was stored.
    Reported,
    /// Given back by its agent.
    Released,
    /// Silent for too long.
    Expired,
    /// Its job was cancelled.
    Cancelled,
}

impl EndedAs {
    fn word(self) -> &'static str {
        match self {
            Self::Reported => "reported",
            Self::Released => "released",
            Self::Expired => "expired",
            Self::Cancelled => "cancelled",
        }
    }
}

/// Proof that a request comes from the holder of an open lease: device, job and lease are locked, the secret matched and
/// the lease has not run out. The only way to one is [`hold`], and whatever writes results takes one.
#[derive(Debug)]
pub struct HeldLease {
    id: LeaseId,
    device: LockedDevice,
    job: LockedJob,
}

impl HeldLease {
    /// The lease.
    pub fn id(&self) -> LeaseId {
        self.id
    }

    /// Its device, locked.
    pub fn device(&self) -> &LockedDevice {
        &self.device
    }

    /// Its job, locked.
    pub fn job(&self) -> &LockedJob {
        &self.job
    }
}

/// What a presented lease turned out to be.
#[derive(Debug)]
pub enum Presented {
    /// Held.
    Held(HeldLease),
    /// The secret is right, but the lease has ended or run out; its job, locked.
    Over(LockedJob),
    /// No such lease with this secret.
    Unknown,
}

/// A lease as its number and secret name it, without a lock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LeaseRef {
    /// Its job.
    pub job: JobId,
    /// Its device.
    pub device: DeviceId,
}

/// The lease with this number, if the secret is its secret.
pub async fn find(db: &Database, id: LeaseId, secret: &SecretHash) -> Result<Option<LeaseRef>, DbError> {
    let row = sqlx::query!("select job_id, device_id from leases where id = $1 and secret_hash = $2", id.0, secret.as_bytes())
        .fetch_optional(db.pool())
        .await?;
    Ok(row.map(|row| LeaseRef { job: JobId(row.job_id), device: DeviceId(row.device_id) }))
}

/// Locks device, job and lease in this order and looks whether the lease is held.
pub async fn hold(tx: &mut PgConnection, id: LeaseId, secret: &SecretHash, now: OffsetDateTime) -> Result<Presented, DbError> {
    let named = sqlx::query!("select job_id, device_id from leases where id = $1 and secret_hash = $2", id.0, secret.as_bytes())
        .fetch_optional(&mut *tx)
        .await?;
    let Some(named) = named else { return Ok(Presented::Unknown) };
    let device = devices::lock(tx, DeviceId(named.device_id)).await?;
    let job = jobs::lock(tx, JobId(named.job_id)).await?;
    let (Some(device), Some(job)) = (device, job) else { return Ok(Presented::Unknown) };
    let open = sqlx::query_scalar!(
        r#"select true as "open!" from leases where id = $1 and ended_at is null and expires_at > $2 for no key update"#,
        id.0,
        now
    )
    .fetch_optional(tx)
    .await?;
    Ok(if open.is_some() { Presented::Held(HeldLease { id, device, job }) } else { Presented::Over(job) })
}

/// Grants a lease on a locked job to a locked device.
pub async fn grant(
    tx: &mut PgConnection,
    job: &LockedJob,
    device: &LockedDevice,
    secret: &SecretHash,
    now: OffsetDateTime,
    expires_at: OffsetDateTime,
) -> Result<LeaseId, DbError> {
    let id = sqlx::query_scalar!(
        "insert into leases (job_id, device_id, secret_hash, granted_at, expires_at) values ($1, $2, $3, $4, $5) returning id",
        job.id.0,
        device.id.0,
        secret.as_bytes(),
        now,
        expires_at
    )
    .fetch_one(tx)
    .await?;
    Ok(LeaseId(id))
}

/// How far a session is, by its lease's columns; `row` is the one that they were read with.
pub(super) fn progress(row: i64, phase: String, (done, total): (Option<i32>, Option<i32>)) -> Result<Heartbeat, DbError> {
    let count = |column, value: Option<i32>| cell("leases", column, row).number(value.unwrap_or_default());
    Ok(Heartbeat::of(phase, count("blocks_done", done)?, count("blocks_total", total)?))
}

/// Notes a heartbeat, until when its agent may be silent, and until when the lease now lives.
pub async fn beat(
    tx: &mut PgConnection,
    lease: &HeldLease,
    beat: &Heartbeat,
    detached_until: Option<OffsetDateTime>,
    expires_at: OffsetDateTime,
) -> Result<(), DbError> {
    let touched = sqlx::query!(
        "update leases set expires_at = $2, phase = $3, blocks_done = $4, blocks_total = $5, detached_until = $6
         where id = $1 and ended_at is null",
        lease.id.0,
        expires_at,
        beat.phase,
        i32::try_from(beat.done).unwrap_or(i32::MAX),
        i32::try_from(beat.total).unwrap_or(i32::MAX),
        detached_until
    )
    .execute(tx)
    .await?
    .rows_affected();
    one_row("update leases", touched)
}

/// Ends an open lease whose job and device are locked.
pub async fn end(tx: &mut PgConnection, id: LeaseId, ended_as: EndedAs, now: OffsetDateTime) -> Result<(), DbError> {
    let touched = sqlx::query!(
        "update leases set ended_at = $2, ended_as = $3 where id = $1 and ended_at is null",
        id.0,
        now,
        ended_as.word()
    )
    .execute(tx)
    .await?
    .rows_affected();
    one_row("update leases", touched)
}

/// Open leases that have run out, by job.
pub async fn run_out(db: &Database, now: OffsetDateTime) -> Result<Vec<(LeaseId, LeaseRef)>, DbError> {
    let rows = sqlx::query!(
        "select id, job_id, device_id from leases where ended_at is null and expires_at <= $1 order by job_id limit 1000",
        now
    )
    .fetch_all(db.pool())
    .await?;
    let lease = |job, device| LeaseRef { job: JobId(job), device: DeviceId(device) };
    Ok(rows.into_iter().map(|row| (LeaseId(row.id), lease(row.job_id, row.device_id))).collect())
}

/// Lets every open lease live at least until then: agents cannot be blamed for silence while no server was there.
pub async fn forgive_silence(db: &Database, until: OffsetDateTime) -> Result<u64, DbError> {
    Ok(sqlx::query!("update leases set expires_at = $1 where ended_at is null and expires_at < $1", until)
        .execute(db.pool())
        .await?
        .rows_affected())
}
