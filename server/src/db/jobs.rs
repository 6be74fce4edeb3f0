//! Jobs: what is to be measured, and their state machine's row.

use benchrack_lifecycle::job::{Hold, JobState};
use benchrack_protocol::api::JobStatus;
use benchrack_protocol::ids::{DeviceId, GateId, JobId, LeaseId, SessionId, SubmissionId};
use benchrack_protocol::session::SessionSpec;
use sqlx::types::Json;
use sqlx::{PgConnection, PgExecutor};
use time::OffsetDateTime;

use super::column::cell;
use super::{Database, DbError, leases, one_row};

/// What a job came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// A suite.
    Submission(SubmissionId),
    /// A comparison.
    Gate(GateId),
}

impl Origin {
    /// `submission_id` and `gate_id`.
    fn columns(self) -> (Option<i64>, Option<i64>) {
        match self {
            Self::Submission(id) => (Some(id.0), None),
            Self::Gate(id) => (None, Some(id.0)),
        }
    }
}

/// A job's row, locked until the transaction ends.
#[derive(Debug)]
pub struct LockedJob {
    /// Its id.
    pub id: JobId,
    /// The device it is for.
    pub device: DeviceId,
    /// Its state.
    pub state: JobState,
}

/// A job to be queued.
#[derive(Debug, Clone, PartialEq)]
pub struct NewJob {
    /// The device it is for.
    pub device: DeviceId,
    /// For people.
    pub title: String,
    /// What is to be done.
    pub spec: SessionSpec,
}

/// Somebody waits for a gate; suites can wait.
fn priority(origin: Origin) -> i32 {
    match origin {
        Origin::Submission(_) => 0,
        Origin::Gate(_) => 10,
    }
}

/// Queues jobs in their order.
pub async fn insert(tx: &mut PgConnection, origin: Origin, jobs: &[NewJob], now: OffsetDateTime) -> Result<(), DbError> {
    let (submission, gate) = origin.columns();
    let devices: Vec<i64> = jobs.iter().map(|job| job.device.0).collect();
    let titles: Vec<String> = jobs.iter().map(|job| job.title.clone()).collect();
    let specs: Vec<Json<&SessionSpec>> = jobs.iter().map(|job| Json(&job.spec)).collect();
    let touched = sqlx::query!(
        "insert into jobs (submission_id, gate_id, device_id, title, spec, priority, queued_at, state, attempts, not_before)
         select $1, $2, new.device_id, new.title, new.spec, $6, $7, 'queued', 0, $7
         from unnest($3::bigint[], $4::text[], $5::jsonb[]) with ordinality as new (device_id, title, spec, nth)
         order by new.nth",
        submission,
        gate,
        &devices,
        &titles,
        &specs as _,
        priority(origin),
        now
    )
    .execute(tx)
    .await?
    .rows_affected();
    if touched == jobs.len() as u64 { Ok(()) } else { Err(DbError::RowCount { statement: "insert into jobs", touched }) }
}

struct Columns {
    id: i64,
    device_id: i64,
    state: String,
    attempts: i32,
    not_before: Option<OffsetDateTime>,
    lease_id: Option<i64>,
    expires_at: Option<OffsetDateTime>,
    failure: Option<String>,
}

fn locked(row: Columns) -> Result<LockedJob, DbError> {
    let without = |column| DbError::row("jobs", column, row.id, format!("null in state {}", row.state));
    let attempts = cell("jobs", "attempts", row.id).number(row.attempts)?;
    let device = DeviceId(row.device_id);
    let state = match row.state.as_str() {
        "queued" => JobState::Queued { attempts, not_before: row.not_before.ok_or_else(|| without("not_before"))? },
        "leased" => {
            let lease = LeaseId(row.lease_id.ok_or_else(|| without("lease_id"))?);
            let expires_at = row.expires_at.ok_or_else(|| without("lease_id"))?;
            JobState::Leased { attempts, hold: Hold { lease, device, expires_at } }
        }
        "done" => JobState::Done { lease: LeaseId(row.lease_id.ok_or_else(|| without("lease_id"))?) },
        "failed" => JobState::Failed { attempts, reason: row.failure.ok_or_else(|| without("failure"))? },
        "cancelled" => JobState::Cancelled,
        other => return Err(cell("jobs", "state", row.id).unknown(other)),
    };
    Ok(LockedJob { id: JobId(row.id), device, state })
}

/// Locks a job's row.
pub async fn lock(tx: &mut PgConnection, id: JobId) -> Result<Option<LockedJob>, DbError> {
    let row = sqlx::query_as!(
        Columns,
        r#"select j.id, j.device_id, j.state, j.attempts, j.not_before, j.lease_id, l.expires_at as "expires_at?", j.failure
           from jobs j left join leases l on l.id = j.lease_id
           where j.id = $1 for no key update of j"#,
        id.0
    )
    .fetch_optional(tx)
    .await?;
    row.map(locked).transpose()
}

/// Locks the job that this device should do next. A job that another transaction holds, to cancel it, is passed over.
pub async fn lock_next(tx: &mut PgConnection, device: DeviceId, now: OffsetDateTime) -> Result<Option<LockedJob>, DbError> {
    let row = sqlx::query_as!(
        Columns,
        r#"select id, device_id, state, attempts, not_before, lease_id, null::timestamptz as "expires_at?", failure
           from jobs
           where device_id = $1 and state = 'queued' and not_before <= $2
           order by priority desc, id limit 1
           for no key update skip locked"#,
        device.0,
        now
    )
    .fetch_optional(tx)
    .await?;
    row.map(locked).transpose()
}

/// When the first job that this device must still wait for may go.
pub async fn next_not_before(tx: &mut PgConnection, device: DeviceId) -> Result<Option<OffsetDateTime>, DbError> {
    Ok(sqlx::query_scalar!("select min(not_before) from jobs where device_id = $1 and state = 'queued'", device.0)
        .fetch_one(tx)
        .await?)
}

/// Writes the state of a locked job; `session` is its result, when done.
pub async fn write(
    tx: &mut PgConnection,
    job: &LockedJob,
    to: &JobState,
    session: Option<SessionId>,
    now: OffsetDateTime,
) -> Result<(), DbError> {
    let (mut attempts_now, mut not_before, mut lease, mut failure) = (None, None, None, None);
    match to {
        JobState::Queued { attempts, not_before: from } => (attempts_now, not_before) = (Some(*attempts), Some(*from)),
        JobState::Leased { attempts, hold } => (attempts_now, lease) = (Some(*attempts), Some(hold.lease.0)),
        JobState::Done { lease: reported } => lease = Some(reported.0),
        JobState::Failed { attempts, reason } => (attempts_now, failure) = (Some(*attempts), Some(reason)),
        JobState::Cancelled => {}
    }
    let touched = sqlx::query!(
        "update jobs set state = $3, attempts = coalesce($4, attempts), not_before = $5, lease_id = $6, session_id = $7,
             failure = $8, closed_at = $9
         where id = $1 and state = $2",
        job.id.0,
        job.state.word(),
        to.word(),
        attempts_now.map(|attempts| i32::try_from(attempts).unwrap_or(i32::MAX)),
        not_before,
        lease,
        session.map(|session| session.0),
        failure,
        to.is_final().then_some(now)
    )
    .execute(tx)
    .await?
    .rows_affected();
    one_row("update jobs", touched)
}

/// What a job is to do and what it came from.
pub async fn brief(db: impl PgExecutor<'_>, id: JobId) -> Result<Option<(SessionSpec, Origin)>, DbError> {
    let row = sqlx::query!(r#"select spec::text as "spec!", submission_id, gate_id from jobs where id = $1"#, id.0)
        .fetch_optional(db)
        .await?;
    let Some(row) = row else { return Ok(None) };
    let spec = cell("jobs", "spec", id.0).json(&row.spec)?;
    Ok(Some((spec, origin(id.0, row.submission_id, row.gate_id)?)))
}

fn origin(id: i64, submission: Option<i64>, gate: Option<i64>) -> Result<Origin, DbError> {
    match (submission, gate) {
        (Some(submission), None) => Ok(Origin::Submission(SubmissionId(submission))),
        (None, Some(gate)) => Ok(Origin::Gate(GateId(gate))),
        _ => Err(DbError::row("jobs", "submission_id", id, "a job has one origin")),
    }
}

struct StatusRow {
    id: i64,
    device_id: i64,
    state: String,
    title: String,
    phase: Option<String>,
    blocks_done: Option<i32>,
    blocks_total: Option<i32>,
    session_id: Option<i64>,
    failure: Option<String>,
}

fn status(row: StatusRow) -> Result<JobStatus, DbError> {
    let phase = row.phase.filter(|_| row.state == "leased");
    let progress = phase.map(|phase| leases::progress(row.id, phase, (row.blocks_done, row.blocks_total))).transpose()?;
    Ok(JobStatus {
        id: JobId(row.id),
        device: DeviceId(row.device_id),
        state: row.state,
        title: row.title,
        progress,
        session: row.session_id.map(SessionId),
        failure: row.failure,
    })
}

/// Jobs of a submission or gate, in their order.
pub async fn of_origin(db: &Database, of: Origin) -> Result<Vec<JobStatus>, DbError> {
    let (submission, gate) = of.columns();
    let rows = sqlx::query_as!(
        StatusRow,
        r#"select j.id, j.device_id, j.state, j.title, l.phase as "phase?", l.blocks_done as "blocks_done?",
               l.blocks_total as "blocks_total?", j.session_id, j.failure
           from jobs j left join leases l on l.id = j.lease_id
           where j.submission_id = $1 or j.gate_id = $2 order by j.id"#,
        submission,
        gate
    )
    .fetch_all(db.pool())
    .await?;
    rows.into_iter().map(status).collect()
}

/// Jobs of a submission that are not over; only those that nobody has begun, unless `begun`.
pub async fn open_of_submission(db: &Database, id: SubmissionId, begun: bool) -> Result<Vec<(JobId, DeviceId)>, DbError> {
    let rows = sqlx::query!(
        "select id, device_id from jobs
         where submission_id = $1 and (state = 'queued' or ($2 and state = 'leased')) order by device_id, id",
        id.0,
        begun
    )
    .fetch_all(db.pool())
    .await?;
    Ok(rows.into_iter().map(|row| (JobId(row.id), DeviceId(row.device_id))).collect())
}

/// Number of jobs in each state that is not final.
pub async fn count_open(db: &Database) -> Result<(u32, u32), DbError> {
    let row = sqlx::query!(
        r#"select count(*) filter (where state = 'queued') as "queued!", count(*) filter (where state = 'leased') as "leased!"
           from jobs where state in ('queued', 'leased')"#
    )
    .fetch_one(db.pool())
    .await?;
    let count = |number: i64| u32::try_from(number).unwrap_or(u32::MAX);
    Ok((count(row.queued), count(row.leased)))
}
