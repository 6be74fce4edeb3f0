//! What needs a person, worst first: nothing is measured on a device, then measured in vain, then a result to look at.

use std::collections::BTreeMap;

use benchrack_dashboards::view::{DeviceCard, DeviceRef, SilentDevice, Trouble};
use benchrack_protocol::alert::{Alert, TriageState};
use benchrack_protocol::api::{Estimate, Verdict};
use benchrack_protocol::ids::{DeviceId, GateId, RunId};
use benchrack_protocol::report::Failure;
use benchrack_protocol::validity::{Doubt, Validity};
use time::{Duration, OffsetDateTime};

use super::super::alerts::{self, AlertFilter};
use super::super::column::cell;
use super::super::{Database, DbError};
use super::device_ref;

/// What is older was seen, or nobody will look at it any more.
const LATELY: Duration = Duration::hours(24);
/// Runs of lately that are looked at, so that a busy farm's first page is as fast as a small one's.
const NEWEST_RUNS: i64 = 2_000;
/// Gates that are looked at.
const NEWEST_GATES: i64 = 100;
/// Alerts of a state that are looked at, and how many are shown: the list has all.
const NEWEST_ALERTS: i64 = 100;
const MOST_ALERTS: usize = 10;
/// A run is disturbed now and then, and the farm measures again; where one in five does not count, something is wrong.
const SHARE_IN_DOUBT: f64 = 0.2;

/// All troubles, worst first.
pub(super) async fn of(db: &Database, devices: &[DeviceCard], now: OffsetDateTime) -> Result<Vec<Trouble>, DbError> {
    let since = now.saturating_sub(LATELY);
    let quarantined = devices
        .iter()
        .filter(|device| device.state == "quarantined")
        .map(|device| Trouble::Quarantined { device: reference(device), reason: device.reason.clone().unwrap_or_default() });
    let offline: Vec<SilentDevice> = devices
        .iter()
        .filter(|device| device.state == "offline")
        .map(|device| SilentDevice { device: reference(device), last_seen_at: device.last_seen_at })
        .collect();
    let mut troubles: Vec<Trouble> = quarantined.collect();
    let (failed, invalid) = runs(db, since).await?;
    troubles.extend(failed);
    troubles.extend(stuck(db).await?);
    troubles.extend((!offline.is_empty()).then_some(Trouble::Offline { devices: offline }));
    troubles.extend(open_alerts(db, now).await?);
    troubles.extend(slower_gates(db, since).await?);
    troubles.extend(invalid);
    Ok(troubles)
}

fn reference(device: &DeviceCard) -> DeviceRef {
    DeviceRef { id: device.id, name: device.name.clone(), title: device.title.clone(), reality: device.reality }
}

/// Alerts that wait for a decision, and those that should have been fixed by now, the most significant first.
async fn open_alerts(db: &Database, now: OffsetDateTime) -> Result<Vec<Trouble>, DbError> {
    let mut tx = db.begin().await?;
    let mut of = async |state| {
        let filter = AlertFilter { state: Some(state), limit: NEWEST_ALERTS, ..AlertFilter::default() };
        alerts::list(&mut tx, &filter).await
    };
    let mut open = of(TriageState::New).await?;
    let confirmed = of(TriageState::Confirmed).await?;
    open.extend(confirmed.into_iter().filter(|alert| alert.due_at.is_some_and(|due| due < now)));
    open.sort_by(|a, b| significance(b).total_cmp(&significance(a)));
    open.truncate(MOST_ALERTS);
    Ok(open.into_iter().map(|alert| Trouble::Alert { alert }).collect())
}

/// How far the clearest finding stands from no change, in halves of its interval. Figures without noise come first.
fn significance(alert: &Alert) -> f64 {
    let far = |effect: Estimate| {
        let half = (effect.high - effect.low) / 2.0;
        if half > 0.0 { effect.value.abs() / half } else { f64::INFINITY }
    };
    alert.findings.iter().filter_map(|finding| finding.effect).map(far).fold(0.0, f64::max)
}

/// Gates that reject their candidate, but for those of which an alert tells already and the farm's tests of itself.
async fn slower_gates(db: &Database, since: OffsetDateTime) -> Result<Vec<Trouble>, DbError> {
    let rows = sqlx::query!(
        r#"select id, outcome ->> 'summary' as summary, outcome ->> 'verdict' as "verdict!"
           from (select id, outcome, decided_at from gates order by id desc limit $2) g
           where decided_at > $1 and outcome ->> 'verdict' in ('slower', 'wrong_outputs', 'over_budget')
               and not exists (select from self_tests t where t.gate_id = g.id)
               and not exists (select from alert_findings f where f.gate_id = g.id) order by id desc"#,
        since,
        NEWEST_GATES
    )
    .fetch_all(db.pool())
    .await?;
    rows.into_iter()
        .map(|row| {
            let verdict: Verdict = cell("gates", "outcome", row.id).word(&row.verdict)?;
            Ok(Trouble::GateSlower { gate: GateId(row.id), summary: row.summary.unwrap_or_default(), verdict })
        })
        .collect()
}

/// Jobs whose device takes no work.
async fn stuck(db: &Database) -> Result<Vec<Trouble>, DbError> {
    let rows = sqlx::query!(
        r#"select d.id, d.name, d.title, d.reality, d.state, j.jobs as "jobs!", j.since as "since!"
           from devices d
           cross join lateral (
               select count(*) as jobs, min(queued_at) as since from jobs where device_id = d.id and state = 'queued'
           ) j
           where d.state in ('quarantined', 'offline', 'retired') and j.jobs > 0
           order by j.since, d.id"#
    )
    .fetch_all(db.pool())
    .await?;
    rows.into_iter()
        .map(|row| {
            Ok(Trouble::Stuck {
                jobs: cell("jobs", "device_id", row.id).number(row.jobs)?,
                since: row.since,
                device: device_ref(row.id, row.name, row.title, &row.reality)?,
                state: row.state,
            })
        })
        .collect()
}

/// What the runs of one device have in common that do not count.
struct Doubtful {
    device: DeviceRef,
    count: u32,
    of: u32,
    doubt: Option<Doubt>,
    newest: RunId,
}

/// Runs that failed and runs that do not count, the most common first.
async fn runs(db: &Database, since: OffsetDateTime) -> Result<(Vec<Trouble>, Vec<Trouble>), DbError> {
    let rows = sqlx::query!(
        r#"with lately as materialized (
               select id, device_id, failure ->> 'reason' as failed, validity ->> 'state' as state,
                   validity -> 'reasons' -> 0 ->> 'reason' as doubt
               from runs where measured_at > $1 order by measured_at desc, id desc limit $2
           ),
           totals as (select device_id, count(*) as runs from lately group by device_id),
           alike as (
               select device_id, count(*) as count, max(id) as newest
               -- A program's own summary never counts, and nothing is wrong with the device.
               from lately where failed is not null or (state <> 'valid' and doubt is distinct from 'summary_only')
               group by device_id, failed, doubt
           )
           select d.id, d.name, d.title, d.reality, a.count as "count!", t.runs as "of!", a.newest as "newest!",
               n.failure::text as failure, n.validity::text as validity
           from alike a
           join totals t on t.device_id = a.device_id
           join devices d on d.id = a.device_id
           join runs n on n.id = a.newest
           order by a.count desc, d.id, a.newest desc"#,
        since,
        NEWEST_RUNS
    )
    .fetch_all(db.pool())
    .await?;
    let mut failed = Vec::new();
    let mut doubtful: BTreeMap<DeviceId, Doubtful> = BTreeMap::new();
    for row in rows {
        let device = device_ref(row.id, row.name, row.title, &row.reality)?;
        let count = cell("runs", "device_id", row.id).number(row.count)?;
        if let Some(failure) = row.failure {
            let failure: Failure = cell("runs", "failure", row.newest).json(&failure)?;
            failed.push(Trouble::RunsFailed { device, count, failure, newest: RunId(row.newest) });
        } else if let Some(validity) = row.validity {
            let validity: Validity = cell("runs", "validity", row.newest).json(&validity)?;
            let of = cell("runs", "device_id", row.id).number(row.of)?;
            // Rows come the most common first, so that the first of a device has its main reason.
            doubtful.entry(device.id).and_modify(|known| known.count += count).or_insert_with(|| Doubtful {
                doubt: validity.reasons().first().cloned(),
                device,
                count,
                of,
                newest: RunId(row.newest),
            });
        }
    }
    let many = |doubtful: &Doubtful| f64::from(doubtful.count) >= SHARE_IN_DOUBT * f64::from(doubtful.of);
    let invalid = doubtful.into_values().filter(many).map(|Doubtful { device, count, of, doubt, newest }| Trouble::RunsInvalid {
        device,
        count,
        of,
        doubt,
        newest,
    });
    Ok((failed, invalid.collect()))
}
