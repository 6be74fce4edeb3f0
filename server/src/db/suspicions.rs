//! Suspicions and their state machine's row.

use benchrack_lifecycle::suspicion::SuspicionState;
use benchrack_protocol::api::{GateOutcome, Metric};
use benchrack_protocol::ids::{DeviceId, GateId, ModelId, RunId, SeriesId};
use benchrack_protocol::model::Manifest;
use benchrack_protocol::session::{OperatingPoint, SessionSpec, Subject};
use sqlx::PgConnection;
use sqlx::types::Json;
use time::OffsetDateTime;

use super::column::cell;
use super::{Database, DbError, one_row};
use crate::judge::culprit::Culprits;

/// A suspicion's row, locked until the transaction ends.
#[derive(Debug)]
pub struct LockedSuspicion {
    /// Id.
    pub id: i64,
    /// The series.
    pub series: SeriesId,
    /// Its metric.
    pub metric: Metric,
    /// The run of the old build.
    pub good: RunId,
    /// The run of the new build.
    pub bad: RunId,
    /// State.
    pub state: SuspicionState,
    /// Revisions between; none before they were looked for.
    pub search: Option<Culprits>,
}

/// Raises a suspicion, unless the series waits for an answer already.
pub async fn raise(
    tx: &mut PgConnection,
    series: SeriesId,
    (good, bad): (RunId, RunId),
    now: OffsetDateTime,
) -> Result<bool, DbError> {
    let touched = sqlx::query!(
        "insert into suspicions (series_id, good_run_id, bad_run_id, state, attempts, raised_at)
         values ($1, $2, $3, 'raised', 0, $4)
         on conflict (series_id) where state in ('raised', 'confirming') do nothing",
        series.0,
        good.0,
        bad.0,
        now
    )
    .execute(tx)
    .await?
    .rows_affected();
    Ok(touched == 1)
}

/// What a session said, or will say, of what happened to a series within some runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Answer {
    /// The gate that found it slower; none when it is not, or not yet.
    pub slower_by: Option<GateId>,
}

/// The newest answer about what happened after the one run and up to the other, given or awaited. An open question
/// answers nothing.
pub async fn answer(tx: &mut PgConnection, series: SeriesId, (good, bad): (RunId, RunId)) -> Result<Option<Answer>, DbError> {
    let row = sqlx::query!(
        "select case when state in ('searching', 'confirmed') then confirmed_by end as slower_by from suspicions
            where series_id = $1 and bad_run_id > $2 and good_run_id < $3 and state <> 'undecided'
           order by bad_run_id desc, id desc limit 1",
        series.0,
        good.0,
        bad.0
    )
    .fetch_optional(tx)
    .await?;
    Ok(row.map(|row| Answer { slower_by: row.slower_by.map(GateId) }))
}

/// The run of the newest build before this run that was found slower than the one before it; none where none was.
pub async fn slower_before(tx: &mut PgConnection, series: SeriesId, run: RunId) -> Result<Option<RunId>, DbError> {
    let bad = sqlx::query_scalar!(
        r#"select max(bad_run_id) as "bad" from suspicions
           where series_id = $1 and bad_run_id < $2 and state in ('searching', 'confirmed')"#,
        series.0,
        run.0
    )
    .fetch_one(tx)
    .await?;
    Ok(bad.map(RunId))
}

/// Suspicions for which something can be done: no gate is open for them, it has its verdict, or its device is gone for good.
pub async fn due(db: &Database) -> Result<Vec<i64>, DbError> {
    Ok(sqlx::query_scalar!(
        "select p.id from suspicions p
         join series s on s.id = p.series_id
         join devices d on d.id = s.device_id
         left join gates g on g.id = p.gate_id
         where p.closed_at is null and (p.gate_id is null or g.outcome is not null or d.state = 'retired')
         order by p.id limit 100"
    )
    .fetch_all(db.pool())
    .await?)
}

/// Locks an open suspicion.
pub async fn lock(tx: &mut PgConnection, id: i64) -> Result<Option<LockedSuspicion>, DbError> {
    let row = sqlx::query!(
        "select p.id, p.series_id, s.metric, p.good_run_id, p.bad_run_id, p.state, p.confirmed_by, p.gate_id, p.attempts,
             p.search::text as search
         from suspicions p join series s on s.id = p.series_id
         where p.id = $1 and p.closed_at is null for no key update of p",
        id
    )
    .fetch_optional(tx)
    .await?;
    let Some(row) = row else { return Ok(None) };
    let without = |column| DbError::row("suspicions", column, row.id, format!("null in state {}", row.state));
    let gate = row.gate_id.map(GateId);
    let attempts = cell("suspicions", "attempts", row.id).number(row.attempts)?;
    let state = match row.state.as_str() {
        "raised" => SuspicionState::Raised { attempts },
        "confirming" => SuspicionState::Confirming { gate: gate.ok_or_else(|| without("gate_id"))?, attempts },
        "searching" => {
            let confirmed_by = GateId(row.confirmed_by.ok_or_else(|| without("confirmed_by"))?);
            SuspicionState::Searching { confirmed_by, gate }
        }
        other => return Err(cell("suspicions", "state", row.id).unknown(other)),
    };
    Ok(Some(LockedSuspicion {
        id: row.id,
        series: SeriesId(row.series_id),
        metric: Metric::named(&row.metric).ok_or_else(|| cell("series", "metric", row.series_id).unknown(&row.metric))?,
        good: RunId(row.good_run_id),
        bad: RunId(row.bad_run_id),
        state,
        search: row.search.as_deref().map(|text| cell("suspicions", "search", row.id).json(text)).transpose()?,
    }))
}

/// Writes the next state of a locked suspicion.
pub async fn write(
    tx: &mut PgConnection,
    suspicion: &LockedSuspicion,
    to: &SuspicionState,
    search: Option<&Culprits>,
    now: OffsetDateTime,
) -> Result<(), DbError> {
    let (mut confirmed_by, mut gate, mut reason, mut tried) = (None, None, None, None);
    match to {
        SuspicionState::Raised { attempts } => tried = Some(*attempts),
        SuspicionState::Confirming { gate: open, attempts } => (gate, tried) = (Some(open.0), Some(*attempts)),
        SuspicionState::Searching { confirmed_by: by, gate: open } => {
            (confirmed_by, gate) = (Some(by.0), open.map(|open| open.0));
        }
        SuspicionState::Confirmed { by } | SuspicionState::Cleared { by } => confirmed_by = Some(by.0),
        SuspicionState::Undecided { reason: why } => reason = Some(why),
    }
    let touched = sqlx::query!(
        "update suspicions set state = $2, confirmed_by = $3, gate_id = $4, reason = $5, search = $6, closed_at = $7,
             attempts = coalesce($8, attempts)
         where id = $1 and state = $9",
        suspicion.id,
        to.word(),
        confirmed_by,
        gate,
        reason,
        search.map(Json) as _,
        to.is_final().then_some(now),
        tried.map(|attempts| i32::try_from(attempts).unwrap_or(i32::MAX)),
        suspicion.state.word()
    )
    .execute(tx)
    .await?
    .rows_affected();
    one_row("update suspicions", touched)
}

/// The outcome of a gate; none while it is open.
pub async fn outcome(tx: &mut PgConnection, gate: GateId) -> Result<Option<GateOutcome>, DbError> {
    let row = sqlx::query_scalar!("select outcome::text from gates where id = $1", gate.0).fetch_one(tx).await?;
    row.as_deref().map(|text| cell("gates", "outcome", gate.0).json(text)).transpose()
}

/// What a run measured, so that it can be measured again.
#[derive(Debug, Clone, PartialEq)]
pub struct Measured {
    /// Its device.
    pub device: DeviceId,
    /// The revision of its model.
    pub model: ModelId,
    /// Model, engine and threads.
    pub subject: Subject,
    /// Cores and clock.
    pub operating_point: OperatingPoint,
}

/// What this run measured.
pub async fn measured(tx: &mut PgConnection, run: RunId) -> Result<Measured, DbError> {
    let row = sqlx::query!(
        r#"select r.device_id, r.model_id, r.place, s.id as session_id, s.spec::text as "spec!"
           from runs r join sessions s on s.id = r.session_id where r.id = $1"#,
        run.0
    )
    .fetch_one(tx)
    .await?;
    let spec: SessionSpec = cell("sessions", "spec", row.session_id).json(&row.spec)?;
    let place: usize = cell("runs", "place", run.0).number(row.place)?;
    let subject = spec.subjects.into_iter().nth(place);
    let subject = subject.ok_or_else(|| DbError::row("runs", "place", run.0, "its session has no such subject"))?;
    let (device, model) = (DeviceId(row.device_id), ModelId(row.model_id));
    Ok(Measured { device, model, subject, operating_point: spec.operating_point })
}

/// The listed revisions after the one and up to the other, in their order; empty when they are not in this order.
pub async fn between(tx: &mut PgConnection, good: ModelId, bad: ModelId) -> Result<Vec<ModelId>, DbError> {
    let ids = sqlx::query_scalar!(
        "select m.id from models m, models g, models b
         where g.id = $1 and b.id = $2 and m.name = b.name and m.precision = b.precision and (m.listed or m.id = b.id)
             and (m.added_at, m.id) > (g.added_at, g.id) and (m.added_at, m.id) <= (b.added_at, b.id)
         order by m.added_at, m.id",
        good.0,
        bad.0
    )
    .fetch_all(tx)
    .await?;
    Ok(ids.into_iter().map(ModelId).collect())
}

/// The manifest of a revision.
pub async fn manifest(tx: &mut PgConnection, model: ModelId) -> Result<Manifest, DbError> {
    let text =
        sqlx::query_scalar!(r#"select manifest::text as "manifest!" from models where id = $1"#, model.0).fetch_one(tx).await?;
    cell("models", "manifest", model.0).json(&text)
}

/// Moves a gate's waiting jobs up or down the queue.
pub async fn set_priority(tx: &mut PgConnection, gate: GateId, priority: i32) -> Result<(), DbError> {
    sqlx::query!("update jobs set priority = $2 where gate_id = $1 and state = 'queued'", gate.0, priority).execute(tx).await?;
    Ok(())
}
