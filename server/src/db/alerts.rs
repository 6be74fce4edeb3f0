//! Alerts: what was confirmed, and what people decided about it.

use std::collections::HashMap;

use benchrack_lifecycle::alert::AlertState;
use benchrack_protocol::alert::{Alert, Finding, RevisionRef, TriageState};
use benchrack_protocol::api::{Estimate, Metric};
use benchrack_protocol::ids::{AlertId, ArtifactId, DeviceId, GateId, ModelId, RunId, SeriesId};
use sqlx::PgConnection;
use time::OffsetDateTime;

use super::column::{cell, word};
use super::{Database, DbError, one_row};

/// An alert's row, locked until the transaction ends.
#[derive(Debug)]
pub struct LockedAlert {
    /// Id.
    pub id: AlertId,
    /// State.
    pub state: AlertState,
    /// Whether it was made just now.
    pub is_new: bool,
}

/// The alert of a revision, made where there is none.
pub async fn of_revision(
    tx: &mut PgConnection,
    model: ModelId,
    engine: Option<ArtifactId>,
    now: OffsetDateTime,
) -> Result<LockedAlert, DbError> {
    let engine = engine.as_ref().map(|engine| &engine.0[..]);
    let made = sqlx::query_scalar!(
        "insert into alerts (kind, model_id, engine_artifact_id, title, state, raised_at, changed_at)
         values ('regression', $1, $2, '', 'new', $3, $3)
         on conflict (model_id, coalesce(engine_artifact_id, ''::bytea)) where kind = 'regression' do nothing returning id",
        model.0,
        engine,
        now
    )
    .fetch_optional(&mut *tx)
    .await?;
    made_or_there(tx, made, async |tx| {
        sqlx::query_scalar!(
            "select id from alerts where kind = 'regression' and model_id = $1
                 and coalesce(engine_artifact_id, ''::bytea) = coalesce($2, ''::bytea)",
            model.0,
            engine
        )
        .fetch_one(tx)
        .await
    })
    .await
}

/// The open alert of a device, made where there is none.
pub async fn of_device(tx: &mut PgConnection, device: DeviceId, now: OffsetDateTime) -> Result<LockedAlert, DbError> {
    let made = sqlx::query_scalar!(
        "insert into alerts (kind, device_id, title, state, raised_at, changed_at) values ('device_drift', $1, '', 'new', $2, $2)
         on conflict (device_id) where kind = 'device_drift' and state in ('new', 'confirmed') do nothing returning id",
        device.0,
        now
    )
    .fetch_optional(&mut *tx)
    .await?;
    made_or_there(tx, made, async |tx| {
        sqlx::query_scalar!(
            "select id from alerts where kind = 'device_drift' and device_id = $1 and state in ('new', 'confirmed')",
            device.0
        )
        .fetch_one(tx)
        .await
    })
    .await
}

/// The alert that was made just now, or the one that was there already, locked.
async fn made_or_there(
    tx: &mut PgConnection,
    made: Option<i64>,
    there: impl AsyncFnOnce(&mut PgConnection) -> Result<i64, sqlx::Error>,
) -> Result<LockedAlert, DbError> {
    if let Some(id) = made {
        return Ok(LockedAlert { id: AlertId(id), state: AlertState::New, is_new: true });
    }
    let id = AlertId(there(&mut *tx).await?);
    lock(tx, id).await?.ok_or(DbError::RowCount { statement: "select from alerts", touched: 0 })
}

/// Locks an alert.
pub async fn lock(tx: &mut PgConnection, id: AlertId) -> Result<Option<LockedAlert>, DbError> {
    let row = sqlx::query!("select id, state, owner, reason, due_at from alerts where id = $1 for no key update", id.0)
        .fetch_optional(tx)
        .await?;
    let Some(row) = row else { return Ok(None) };
    let without = |column| DbError::row("alerts", column, row.id, format!("null in state {}", row.state));
    let word: TriageState = cell("alerts", "state", row.id).word(&row.state)?;
    let state = match word {
        TriageState::New => AlertState::New,
        TriageState::Confirmed => AlertState::Confirmed { owner: row.owner.ok_or_else(|| without("owner"))?, due_at: row.due_at },
        TriageState::Expected => AlertState::Expected { owner: row.owner, reason: row.reason.ok_or_else(|| without("reason"))? },
        TriageState::Fixed => AlertState::Fixed { owner: row.owner },
        TriageState::Ignored => {
            let reason = row.reason.ok_or_else(|| without("reason"))?;
            AlertState::Ignored { owner: row.owner, reason, until: row.due_at }
        }
    };
    Ok(Some(LockedAlert { id, state, is_new: false }))
}

/// Writes the state of a locked alert.
pub async fn write(tx: &mut PgConnection, id: AlertId, to: &AlertState, now: OffsetDateTime) -> Result<(), DbError> {
    let (owner, reason, due_at) = match to {
        AlertState::New => (None, None, None),
        AlertState::Confirmed { owner, due_at } => (Some(owner), None, *due_at),
        AlertState::Expected { owner, reason } => (owner.as_ref(), Some(reason), None),
        AlertState::Fixed { owner } => (owner.as_ref(), None, None),
        AlertState::Ignored { owner, reason, until } => (owner.as_ref(), Some(reason), *until),
    };
    let touched = sqlx::query!(
        "update alerts set state = $2, owner = $3, reason = $4, due_at = $5, changed_at = $6 where id = $1",
        id.0,
        word(&to.word()),
        owner,
        reason,
        due_at,
        now
    )
    .execute(tx)
    .await?
    .rows_affected();
    one_row("update alerts", touched)
}

/// A finding to be stored.
#[derive(Debug, Clone)]
pub struct NewFinding {
    /// The series.
    pub series: SeriesId,
    /// The suspicion that it was; none for figures without noise and for drifts.
    pub suspicion: Option<i64>,
    /// Runs of the old and of the new build.
    pub runs: (RunId, RunId),
    /// Revisions: the last good one, and the first slower one.
    pub models: (ModelId, ModelId),
    /// How many may be the culprit.
    pub suspects: usize,
    /// The change as a share.
    pub effect: Option<Estimate>,
    /// The gate that confirmed it.
    pub gate: Option<GateId>,
}

/// Adds a finding; false when the same was found before.
pub async fn add_finding(tx: &mut PgConnection, alert: AlertId, new: &NewFinding, now: OffsetDateTime) -> Result<bool, DbError> {
    let touched = sqlx::query!(
        "insert into alert_findings (alert_id, series_id, suspicion_id, good_run_id, bad_run_id, good_model_id, bad_model_id,
             suspects, change, low, high, gate_id, found_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13) on conflict do nothing",
        alert.0,
        new.series.0,
        new.suspicion,
        new.runs.0.0,
        new.runs.1.0,
        new.models.0.0,
        new.models.1.0,
        i32::try_from(new.suspects).unwrap_or(i32::MAX),
        new.effect.map(|effect| effect.value),
        new.effect.map(|effect| effect.low),
        new.effect.map(|effect| effect.high),
        new.gate.map(|gate| gate.0),
        now
    )
    .execute(&mut *tx)
    .await?
    .rows_affected();
    Ok(touched == 1)
}

/// The series of an alert, each with the run of the slower build.
pub async fn series_of(tx: &mut PgConnection, alert: AlertId) -> Result<Vec<(SeriesId, RunId)>, DbError> {
    let rows = sqlx::query!(
        "select series_id, max(bad_run_id) as \"run!\" from alert_findings where alert_id = $1 group by series_id",
        alert.0
    )
    .fetch_all(tx)
    .await?;
    Ok(rows.into_iter().map(|row| (SeriesId(row.series_id), RunId(row.run))).collect())
}

/// Alerts that are ignored until a moment that is over.
pub async fn ignored_until(db: &Database, now: OffsetDateTime) -> Result<Vec<AlertId>, DbError> {
    let ids = sqlx::query_scalar!("select id from alerts where state = 'ignored' and due_at <= $1 order by id limit 100", now)
        .fetch_all(db.pool())
        .await?;
    Ok(ids.into_iter().map(AlertId).collect())
}

/// Which alerts to list; what is none does not filter.
#[derive(Debug, Clone, Default)]
pub struct AlertFilter {
    /// Only in this state.
    pub state: Option<TriageState>,
    /// Only this one.
    pub id: Option<AlertId>,
    /// Only older ones.
    pub before: Option<AlertId>,
    /// At most so many.
    pub limit: i64,
}

/// Alerts with their findings, newest first.
pub async fn list(tx: &mut PgConnection, filter: &AlertFilter) -> Result<Vec<Alert>, DbError> {
    let rows = sqlx::query!(
        "select id, kind, title, state, owner, reason, due_at, raised_at, changed_at from alerts
         where ($1::text is null or state = $1) and ($2::bigint is null or id = $2)
             and id < coalesce($3, 9223372036854775807)
         order by id desc limit $4",
        filter.state.map(|state| word(&state)),
        filter.id.map(|id| id.0),
        filter.before.map(|id| id.0),
        filter.limit
    )
    .fetch_all(&mut *tx)
    .await?;
    let ids: Vec<i64> = rows.iter().map(|row| row.id).collect();
    let mut findings = findings_of(tx, &ids).await?;
    rows.into_iter()
        .map(|row| {
            Ok(Alert {
                id: AlertId(row.id),
                kind: cell("alerts", "kind", row.id).word(&row.kind)?,
                title: row.title,
                state: cell("alerts", "state", row.id).word(&row.state)?,
                owner: row.owner,
                reason: row.reason,
                due_at: row.due_at,
                raised_at: row.raised_at,
                changed_at: row.changed_at,
                findings: findings.remove(&row.id).unwrap_or_default(),
            })
        })
        .collect()
}

/// One alert.
pub async fn get(tx: &mut PgConnection, id: AlertId) -> Result<Option<Alert>, DbError> {
    Ok(list(tx, &AlertFilter { id: Some(id), limit: 1, ..AlertFilter::default() }).await?.pop())
}

async fn findings_of(tx: &mut PgConnection, alerts: &[i64]) -> Result<HashMap<i64, Vec<Finding>>, DbError> {
    let rows = sqlx::query!(
        r#"select f.alert_id, f.series_id, f.suspects, f.change, f.low, f.high, f.gate_id, f.found_at, s.metric,
               d.id as device_id, d.name as device_name,
               g.id as good_model, g.name as good_name, g.precision as good_precision, g.revision as good_revision,
               g.artifact_id as good_artifact, gr.engine_artifact_id as good_engine,
               case when gr.model_id = g.id then gr.id end as good_run,
               b.id as bad_model, b.name as bad_name, b.precision as bad_precision, b.revision as bad_revision,
               b.artifact_id as bad_artifact, br.engine_artifact_id as bad_engine,
               case when br.model_id = b.id then br.id end as bad_run
           from alert_findings f
           join series s on s.id = f.series_id
           join devices d on d.id = s.device_id
           join runs gr on gr.id = f.good_run_id
           join runs br on br.id = f.bad_run_id
           join models g on g.id = f.good_model_id
           join models b on b.id = f.bad_model_id
           where f.alert_id = any($1) order by f.id"#,
        alerts
    )
    .fetch_all(tx)
    .await?;
    let mut findings: HashMap<i64, Vec<Finding>> = HashMap::with_capacity(alerts.len());
    for row in rows {
        let models = |column| cell("models", column, row.bad_model);
        let engine = |bytes: Option<Vec<u8>>| {
            bytes.as_deref().map(|bytes| cell("runs", "engine_artifact_id", row.series_id).artifact(bytes)).transpose()
        };
        let effect = row.change.zip(row.low).zip(row.high);
        findings.entry(row.alert_id).or_default().push(Finding {
            series: SeriesId(row.series_id),
            device: DeviceId(row.device_id),
            device_name: row.device_name,
            metric: Metric::named(&row.metric).ok_or_else(|| cell("series", "metric", row.series_id).unknown(&row.metric))?,
            good: RevisionRef {
                model: ModelId(row.good_model),
                name: row.good_name,
                precision: models("precision").word(&row.good_precision)?,
                revision: row.good_revision,
                artifact: models("artifact_id").artifact(&row.good_artifact)?,
                engine: engine(row.good_engine)?,
                run: row.good_run.map(RunId),
            },
            bad: RevisionRef {
                model: ModelId(row.bad_model),
                name: row.bad_name,
                precision: models("precision").word(&row.bad_precision)?,
                revision: row.bad_revision,
                artifact: models("artifact_id").artifact(&row.bad_artifact)?,
                engine: engine(row.bad_engine)?,
                run: row.bad_run.map(RunId),
            },
            suspects: cell("alert_findings", "suspects", row.alert_id).number(row.suspects)?,
            effect: effect.map(|((value, low), high)| Estimate::within(value, low, high)),
            gate: row.gate_id.map(GateId),
            found_at: row.found_at,
        });
    }
    Ok(findings)
}

/// Names an alert, whose findings have changed.
pub async fn set_title(tx: &mut PgConnection, id: AlertId, title: &str, now: OffsetDateTime) -> Result<(), DbError> {
    let touched = sqlx::query!("update alerts set title = $2, changed_at = $3 where id = $1", id.0, title, now)
        .execute(tx)
        .await?
        .rows_affected();
    one_row("update alerts", touched)
}
