//! Gates that the farm opened to test itself.

use benchrack_protocol::alert::{Planted, SelfTestCount};
use benchrack_protocol::ids::{DeviceId, GateId};
use sqlx::PgConnection;
use time::OffsetDateTime;

use super::column::cell;
use super::{Database, DbError};

/// A pair of models on a device.
#[derive(Debug, Clone, PartialEq)]
pub struct Pair<'a> {
    /// The device.
    pub device: DeviceId,
    /// The model with less work.
    pub baseline: &'a str,
    /// The one with more, or the same.
    pub candidate: &'a str,
    /// Multiplications that it has more, as a share.
    pub more_macs: f64,
}

/// Notes a gate.
pub async fn insert(tx: &mut PgConnection, gate: GateId, pair: &Pair<'_>, now: OffsetDateTime) -> Result<(), DbError> {
    sqlx::query!(
        "insert into self_tests (gate_id, device_id, baseline, candidate, more_macs, opened_at) values ($1, $2, $3, $4, $5, $6)",
        gate.0,
        pair.device.0,
        pair.baseline,
        pair.candidate,
        pair.more_macs,
        now
    )
    .execute(tx)
    .await?;
    Ok(())
}

/// When this pair was last measured on this device.
pub async fn last(tx: &mut PgConnection, pair: &Pair<'_>) -> Result<Option<OffsetDateTime>, DbError> {
    Ok(sqlx::query_scalar!(
        "select max(opened_at) from self_tests where device_id = $1 and baseline = $2 and candidate = $3",
        pair.device.0,
        pair.baseline,
        pair.candidate
    )
    .fetch_one(tx)
    .await?)
}

/// Decided gates by device and pair, of one device or of all, unchanged ones first, then by growing size.
pub async fn counts(db: &Database, device: Option<DeviceId>) -> Result<Vec<Planted>, DbError> {
    let rows = sqlx::query!(
        r#"select t.device_id, d.name, t.baseline, t.candidate, max(t.more_macs) as "more_macs!", count(*) as "gates!",
               count(*) filter (where g.outcome ->> 'verdict' = 'slower') as "slower!",
               count(*) filter (where g.outcome ->> 'verdict' = 'not_slower') as "not_slower!",
               count(*) filter (where g.outcome ->> 'verdict' = 'inconclusive') as "inconclusive!"
           from self_tests t join gates g on g.id = t.gate_id join devices d on d.id = t.device_id
           where g.outcome is not null and ($1::bigint is null or t.device_id = $1)
           group by t.device_id, d.name, t.baseline, t.candidate
           order by 5, d.name, t.baseline, t.candidate"#,
        device.map(|id| id.0)
    )
    .fetch_all(db.pool())
    .await?;
    rows.into_iter()
        .map(|row| {
            let count = |number: i64| cell("self_tests", "gate_id", row.device_id).number(number);
            Ok(Planted {
                device: DeviceId(row.device_id),
                device_name: row.name,
                baseline: row.baseline,
                candidate: row.candidate,
                more_macs: row.more_macs,
                count: SelfTestCount {
                    gates: count(row.gates)?,
                    slower: count(row.slower)?,
                    not_slower: count(row.not_slower)?,
                    inconclusive: count(row.inconclusive)?,
                },
            })
        })
        .collect()
}
