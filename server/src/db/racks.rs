//! What the hosts of racks told of their phones.

use std::collections::BTreeMap;

use benchrack_protocol::rack::{Rack, RackPhase, RackPhone, RackPhoneStatus, RackQuarantine, RackReport};
use sqlx::PgConnection;
use time::OffsetDateTime;

use super::column::cell;
use super::{Database, DbError, one_row};

/// Quarantines that are listed of one host.
const NEWEST: i64 = 50;

/// Puts a host's word in the place of its last one. A phone that it no longer names is forgotten, and a quarantine that it no
/// longer tells of is over.
pub async fn report(tx: &mut PgConnection, host: &str, report: &RackReport, now: OffsetDateTime) -> Result<(), DbError> {
    // This row is locked from here on: two reports of one host come one after the other.
    let touched = sqlx::query!(
        "insert into racks (host, reported_at) values ($1, $2)
         on conflict on constraint racks_pk do update set reported_at = excluded.reported_at",
        host,
        now
    )
    .execute(&mut *tx)
    .await?
    .rows_affected();
    one_row("insert racks", touched)?;
    let column = |of: fn(&RackPhone) -> Option<&String>| -> Vec<Option<String>> {
        report.phones.iter().map(|phone| of(phone).cloned()).collect()
    };
    let (models, devices) = (column(|phone| phone.model.as_ref()), column(|phone| phone.device.as_ref()));
    let (reasons, doings) = (column(|phone| phone.reason.as_ref()), column(|phone| phone.doing.as_ref()));
    let names: Vec<String> = report.phones.iter().map(|phone| phone.phone.clone()).collect();
    let phases: Vec<String> = report.phones.iter().map(|phone| phone.phase.word().to_owned()).collect();
    sqlx::query!(
        "insert into rack_phones (host, phone, model, device_name, phase, since, reason, doing)
         select $1::text, phone, model, device_name, phase, $2::timestamptz, reason, doing
         from unnest($3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[])
             as told (phone, model, device_name, phase, reason, doing)
         on conflict on constraint rack_phones_phone_unique do update
             set model = excluded.model, device_name = excluded.device_name, reason = excluded.reason, doing = excluded.doing,
                 since = case when rack_phones.phase = excluded.phase then rack_phones.since else excluded.since end,
                 phase = excluded.phase",
        host,
        now,
        &names,
        &models as &[Option<String>],
        &devices as &[Option<String>],
        &phases,
        &reasons as &[Option<String>],
        &doings as &[Option<String>],
    )
    .execute(&mut *tx)
    .await?;
    sqlx::query!("delete from rack_phones where host = $1 and phone <> all($2)", host, &names).execute(&mut *tx).await?;
    sqlx::query!(
        "update rack_quarantines q set ended_at = greatest($2, q.began_at)
         where q.host = $1 and q.ended_at is null
             and not exists (select from rack_phones p where p.host = q.host and p.phone = q.phone and p.phase = 'quarantined')",
        host,
        now
    )
    .execute(&mut *tx)
    .await?;
    sqlx::query!(
        "insert into rack_quarantines (host, phone, reason, began_at)
         select host, phone, reason, $2::timestamptz from rack_phones where host = $1 and phase = 'quarantined' and reason is not null
         on conflict (host, phone) where ended_at is null do nothing",
        host,
        now
    )
    .execute(&mut *tx)
    .await?;
    Ok(())
}

/// Every host with its phones, by name.
pub async fn list(db: &Database) -> Result<Vec<Rack>, DbError> {
    let rows = sqlx::query!(r#"select host, reported_at from racks order by host collate "C""#).fetch_all(db.pool()).await?;
    let mut racks: BTreeMap<String, Rack> = BTreeMap::new();
    for row in rows {
        let rack = Rack { host: row.host.clone(), reported_at: row.reported_at, phones: Vec::new(), quarantines: Vec::new() };
        racks.insert(row.host, rack);
    }
    let rows = sqlx::query!(
        r#"select id, host, phone, model, device_name, phase, since, reason, doing from rack_phones order by phone collate "C""#
    )
    .fetch_all(db.pool())
    .await?;
    for row in rows {
        let phase: RackPhase = cell("rack_phones", "phase", row.id).word(&row.phase)?;
        let told = RackPhone {
            phone: row.phone,
            model: row.model,
            device: row.device_name,
            phase,
            reason: row.reason,
            doing: row.doing,
        };
        if let Some(rack) = racks.get_mut(&row.host) {
            rack.phones.push(RackPhoneStatus { told, since: row.since });
        }
    }
    let rows = sqlx::query!(
        r#"select host as "host!", phone as "phone!", reason as "reason!", began_at as "began_at!", ended_at
           from (select *, row_number() over (partition by host order by began_at desc, id desc) as nth from rack_quarantines) q
           where nth <= $1 order by host, nth"#,
        NEWEST
    )
    .fetch_all(db.pool())
    .await?;
    for row in rows {
        if let Some(rack) = racks.get_mut(&row.host) {
            let (phone, reason, began_at, ended_at) = (row.phone, row.reason, row.began_at, row.ended_at);
            rack.quarantines.push(RackQuarantine { phone, reason, began_at, ended_at });
        }
    }
    Ok(racks.into_values().collect())
}

/// Forgets hosts that have been silent since then, with their phones and quarantines.
pub async fn forget(tx: &mut PgConnection, silent_since: OffsetDateTime) -> Result<u64, DbError> {
    Ok(sqlx::query!("delete from racks where reported_at < $1", silent_since).execute(tx).await?.rows_affected())
}
