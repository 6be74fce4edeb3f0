//! Devices: what they are, and their state machine's row.

use std::collections::HashMap;

use benchrack_lifecycle::device::{Device as Machine, DeviceState};
use benchrack_protocol::api::{Device, Registration};
use benchrack_protocol::ids::{DeviceId, LeaseId};
use benchrack_protocol::report::AgentBuild;
use benchrack_protocol::signature::PublicKey;
use sqlx::types::Json;
use sqlx::{PgConnection, Postgres, Transaction};
use time::OffsetDateTime;

use super::column::cell;
use super::{Database, DbError, one_row};

/// A device's row, locked until the transaction ends.
#[derive(Debug)]
pub struct LockedDevice {
    /// Its id.
    pub id: DeviceId,
    /// Its state.
    pub machine: Machine,
}

/// Columns of the state machine, as they are stored.
struct Columns {
    state: String,
    state_since: Option<OffsetDateTime>,
    lease_id: Option<i64>,
    cooling_until: Option<OffsetDateTime>,
    reason: Option<String>,
    failures: i32,
    last_seen_at: OffsetDateTime,
}

fn machine(id: i64, row: Columns) -> Result<Machine, DbError> {
    let state = cell("devices", "state", id);
    let without = |column| DbError::row("devices", column, id, format!("null in state {}", row.state));
    let state = match row.state.as_str() {
        "idle" => DeviceState::Idle,
        "leased" => DeviceState::Leased { lease: LeaseId(row.lease_id.ok_or_else(|| without("lease_id"))?) },
        "cooling" => DeviceState::Cooling { until: row.cooling_until.ok_or_else(|| without("cooling_until"))? },
        "quarantined" => DeviceState::Quarantined {
            since: row.state_since.ok_or_else(|| without("state_since"))?,
            reason: row.reason.ok_or_else(|| without("reason"))?,
            lease: row.lease_id.map(LeaseId),
        },
        "offline" => DeviceState::Offline { since: row.state_since.ok_or_else(|| without("state_since"))? },
        "retired" => DeviceState::Retired { reason: row.reason.ok_or_else(|| without("reason"))? },
        other => return Err(state.unknown(other)),
    };
    Ok(Machine { state, failures: cell("devices", "failures", id).number(row.failures)?, last_seen_at: row.last_seen_at })
}

/// Locks a device's row.
pub async fn lock(tx: &mut PgConnection, id: DeviceId) -> Result<Option<LockedDevice>, DbError> {
    let row = sqlx::query_as!(
        Columns,
        "select state, state_since, lease_id, cooling_until, reason, failures, last_seen_at
         from devices where id = $1 for no key update",
        id.0
    )
    .fetch_optional(&mut *tx)
    .await?;
    row.map(|row| Ok(LockedDevice { id, machine: machine(id.0, row)? })).transpose()
}

/// Writes the state of a locked device, and the times in which it takes no work.
pub async fn write(tx: &mut PgConnection, device: &LockedDevice, to: &Machine, now: OffsetDateTime) -> Result<(), DbError> {
    let (mut since, mut lease, mut until, mut reason) = (None, None, None, None);
    match &to.state {
        DeviceState::Idle => {}
        DeviceState::Leased { lease: held } => lease = Some(held.0),
        DeviceState::Cooling { until: end } => until = Some(*end),
        DeviceState::Quarantined { reason: why, since: from, lease: held } => {
            (reason, since, lease) = (Some(why), Some(*from), held.map(|held| held.0));
        }
        DeviceState::Offline { since: from } => since = Some(*from),
        DeviceState::Retired { reason: why } => reason = Some(why),
    }
    let touched = sqlx::query!(
        "update devices set state = $3, state_since = $4, lease_id = $5, cooling_until = $6, reason = $7, failures = $8,
             last_seen_at = $9
         where id = $1 and state = $2",
        device.id.0,
        device.machine.state.word(),
        to.state.word(),
        since,
        lease,
        until,
        reason,
        i32::try_from(to.failures).unwrap_or(i32::MAX),
        to.last_seen_at
    )
    .execute(&mut *tx)
    .await?
    .rows_affected();
    one_row("update devices", touched)?;
    let (before, after) = (absence(&device.machine.state), absence(&to.state));
    if before == after {
        return Ok(());
    }
    if before.is_some() {
        sqlx::query!(
            "update device_absences set until = greatest(since, $2) where device_id = $1 and until is null",
            device.id.0,
            now
        )
        .execute(&mut *tx)
        .await?;
    }
    if let Some((state, reason)) = after {
        sqlx::query!(
            "insert into device_absences (device_id, state, reason, since) values ($1, $2, $3, $4)",
            device.id.0,
            state,
            reason,
            since.unwrap_or(now)
        )
        .execute(tx)
        .await?;
    }
    Ok(())
}

/// Word and reason of a state in which a device takes no work.
fn absence(state: &DeviceState) -> Option<(&'static str, Option<&str>)> {
    match state {
        DeviceState::Idle | DeviceState::Leased { .. } | DeviceState::Cooling { .. } => None,
        DeviceState::Quarantined { reason, .. } | DeviceState::Retired { reason } => Some((state.word(), Some(reason))),
        DeviceState::Offline { .. } => Some((state.word(), None)),
    }
}

/// What came of a registration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Registered {
    /// The device was not known before.
    New(DeviceId),
    /// It was.
    Known(DeviceId),
    /// Nothing was stored: an agent with another signing key works as this device, and was last heard of then.
    InUse(OffsetDateTime),
}

/// Makes a device known, or brings up to date what is known of it, unless another agent was heard of as this device after
/// `gone_before`. A wished name that another device has gets a number; the name of a known device stays.
pub async fn register(
    tx: &mut Transaction<'_, Postgres>,
    key: &str,
    registration: &Registration,
    now: OffsetDateTime,
    gone_before: OffsetDateTime,
) -> Result<Registered, DbError> {
    let Registration { name, report, agent, public_key, labels } = registration;
    let public_key = public_key.map(|key| key.0.to_vec());
    if let Some(last_seen) = heard_of_another(tx, key, public_key.as_deref(), gone_before).await? {
        return Ok(Registered::InUse(last_seen));
    }
    let known = sqlx::query_scalar!(
        "update devices set report = $2, agent_version = $3, agent_target = $4, public_key = $5, labels = $6 where key = $1
         returning id",
        key,
        Json(report) as _,
        agent.version,
        agent.target,
        public_key,
        labels
    )
    .fetch_optional(&mut **tx)
    .await?;
    if let Some(id) = known {
        return Ok(Registered::Known(DeviceId(id)));
    }
    // One newcomer at a time, so that two of them do not choose the same name, nor the same key twice.
    sqlx::query!("select pg_advisory_xact_lock(hashtext('benchrack.register'))").execute(&mut **tx).await?;
    if let Some(last_seen) = heard_of_another(tx, key, public_key.as_deref(), gone_before).await? {
        return Ok(Registered::InUse(last_seen));
    }
    let taken = sqlx::query_scalar!(r#"select name from devices where name = $1 or starts_with(name, $1 || '-')"#, name)
        .fetch_all(&mut **tx)
        .await?;
    let id = sqlx::query_scalar!(
        "insert into devices (key, name, report, agent_version, agent_target, registered_at, last_seen_at, state, failures,
             public_key, labels)
         values ($1, $2, $3, $4, $5, $6, $6, 'idle', 0, $7, $8)
         on conflict on constraint devices_key_unique do update
             set report = excluded.report, agent_version = excluded.agent_version, agent_target = excluded.agent_target,
                 public_key = excluded.public_key, labels = excluded.labels
         returning id",
        key,
        free_name(name, &taken),
        Json(report) as _,
        agent.version,
        agent.target,
        now,
        public_key,
        labels
    )
    .fetch_one(&mut **tx)
    .await?;
    Ok(Registered::New(DeviceId(id)))
}

/// When an agent with another signing key was last heard of as this device, if that was after `gone_before`; the device is then
/// locked.
async fn heard_of_another(
    tx: &mut Transaction<'_, Postgres>,
    key: &str,
    public_key: Option<&[u8]>,
    gone_before: OffsetDateTime,
) -> Result<Option<OffsetDateTime>, DbError> {
    Ok(sqlx::query_scalar!(
        "select last_seen_at from devices
         where key = $1 and public_key <> $2 and last_seen_at > $3 and state not in ('offline', 'retired')
         for update",
        key,
        public_key,
        gone_before
    )
    .fetch_optional(&mut **tx)
    .await?)
}

/// The wish, or the wish with the lowest free number from 2.
fn free_name(wish: &str, taken: &[String]) -> String {
    if !taken.iter().any(|name| name == wish) {
        return wish.into();
    }
    let numbered = (2..taken.len() + 3).map(|number| format!("{wish}-{number}"));
    numbered.into_iter().find(|name| !taken.contains(name)).unwrap_or_else(|| format!("{wish}-{}", taken.len() + 3))
}

struct DeviceRow {
    id: i64,
    key: String,
    name: String,
    title: String,
    state: String,
    reason: Option<String>,
    reality: String,
    last_seen_at: OffsetDateTime,
    report: String,
    public_key: Option<Vec<u8>>,
    labels: Vec<String>,
    detached_until: Option<OffsetDateTime>,
}

fn device(row: DeviceRow) -> Result<Device, DbError> {
    Ok(Device {
        id: DeviceId(row.id),
        key: row.key,
        name: row.name,
        title: row.title,
        state: row.state,
        reason: row.reason,
        reality: cell("devices", "reality", row.id).word(&row.reality)?,
        last_seen_at: row.last_seen_at,
        report: cell("devices", "report", row.id).json(&row.report)?,
        public_key: row.public_key.map(|key| cell("devices", "public_key", row.id).array(&key).map(PublicKey)).transpose()?,
        labels: row.labels,
        detached_until: row.detached_until,
    })
}

/// Every device, by name.
pub async fn list(db: &Database) -> Result<Vec<Device>, DbError> {
    let rows = sqlx::query_as!(
        DeviceRow,
        r#"select d.id, d.key, d.name, d.title, d.state, d.reason, d.reality, d.last_seen_at, d.report::text as "report!",
               d.public_key, d.labels, l.detached_until as "detached_until?"
           from devices d left join leases l on l.id = d.lease_id
           order by d.name collate "C""#
    )
    .fetch_all(db.pool())
    .await?;
    rows.into_iter().map(device).collect()
}

/// One device.
pub async fn get(db: &Database, id: DeviceId) -> Result<Option<Device>, DbError> {
    let row = sqlx::query_as!(
        DeviceRow,
        r#"select d.id, d.key, d.name, d.title, d.state, d.reason, d.reality, d.last_seen_at, d.report::text as "report!",
               d.public_key, d.labels, l.detached_until as "detached_until?"
           from devices d left join leases l on l.id = d.lease_id
           where d.id = $1"#,
        id.0
    )
    .fetch_optional(db.pool())
    .await?;
    row.map(device).transpose()
}

/// What the agent of each device runs on.
pub async fn targets(db: &Database) -> Result<HashMap<DeviceId, String>, DbError> {
    let rows = sqlx::query!("select id, agent_target from devices").fetch_all(db.pool()).await?;
    Ok(rows.into_iter().map(|row| (DeviceId(row.id), row.agent_target)).collect())
}

/// The build of a device's agent.
pub async fn agent(db: &Database, id: DeviceId) -> Result<Option<AgentBuild>, DbError> {
    Ok(sqlx::query_as!(AgentBuild, "select agent_version as version, agent_target as target from devices where id = $1", id.0)
        .fetch_optional(db.pool())
        .await?)
}

/// Devices whose rest is over or that may have been silent for too long.
pub async fn due(db: &Database, now: OffsetDateTime, silent_since: OffsetDateTime) -> Result<Vec<DeviceId>, DbError> {
    let ids = sqlx::query_scalar!(
        "select id from devices where state = 'cooling' and cooling_until <= $1
         union
         select id from devices where state in ('idle', 'cooling') and last_seen_at <= $2
         order by id",
        now,
        silent_since
    )
    .fetch_all(db.pool())
    .await?;
    Ok(ids.into_iter().flatten().map(DeviceId).collect())
}

/// Number of devices in each state.
pub async fn count_by_state(db: &Database) -> Result<Vec<(String, i64)>, DbError> {
    let rows = sqlx::query!(r#"select state, count(*) as "count!" from devices group by state"#).fetch_all(db.pool()).await?;
    Ok(rows.into_iter().map(|row| (row.state, row.count)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn taken_names_get_the_lowest_free_number() {
        let taken = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        assert_eq!(free_name("pixel", &taken(&[])), "pixel");
        assert_eq!(free_name("pixel", &taken(&["pixel-2"])), "pixel");
        assert_eq!(free_name("pixel", &taken(&["pixel", "pixel-2", "pixel-4"])), "pixel-3");
    }
}
