//! One subject over the operating points of a device.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use benchrack_dashboards::view::{BudgetLine, DeviceRef, DeviceSustained, Facet, OperatingRow, OperatingView};
use benchrack_protocol::cpuset::CpuSet;
use benchrack_protocol::evidence::ClockTarget;
use benchrack_protocol::ids::{DeviceId, RunId};
use benchrack_protocol::model::Precision;
use benchrack_protocol::units::Kilohertz;
use serde::Deserialize;

use super::super::column::cell;
use super::super::{Database, DbError, runs};
use super::subjects::{self, Subject, text_facet, threads_facet};
use super::{Limit, chosen, compare, run};
use crate::judge;

/// What is chosen in the form.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Choice {
    #[serde(deserialize_with = "chosen")]
    model: Option<String>,
    #[serde(deserialize_with = "chosen")]
    precision: Option<Precision>,
    #[serde(deserialize_with = "chosen")]
    engine: Option<String>,
    #[serde(deserialize_with = "chosen")]
    threads: Option<u16>,
    #[serde(deserialize_with = "chosen")]
    p90_ms: Option<Limit>,
    #[serde(deserialize_with = "chosen")]
    power_w: Option<Limit>,
}

/// What is measured, whatever the operating point.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Key<'a> {
    model: &'a str,
    precision: &'a str,
    engine: &'a str,
    threads: i32,
}

impl<'a> Key<'a> {
    fn of(subject: &'a Subject) -> Self {
        let Subject { model_name, precision, engine, threads, .. } = subject;
        Self { model: model_name, precision, engine, threads: *threads }
    }
}

impl Choice {
    fn takes(&self, key: &Key<'_>) -> bool {
        self.model.as_deref().is_none_or(|model| model == key.model)
            && self.precision.is_none_or(|precision| precision.to_string() == key.precision)
            && self.engine.as_deref().is_none_or(|engine| engine == key.engine)
            && self.threads.is_none_or(|threads| i32::from(threads) == key.threads)
    }

    fn budgets(&self) -> Vec<BudgetLine> {
        let [p90, power] = BudgetLine::OPERATING;
        vec![
            BudgetLine { limit: self.p90_ms.map(|limit| limit.0), ..p90 },
            BudgetLine { limit: self.power_w.map(|limit| limit.0), ..power },
        ]
    }
}

/// The part of a device's page.
pub(super) async fn of_device(db: &Database, device: DeviceRef, choice: &Choice) -> Result<OperatingView, DbError> {
    let known = subjects::of_devices(db, &[device.id.0]).await?;
    let shown = shown(&known, choice);
    let facets = facets(&known, shown, choice);
    let mut ids: BTreeMap<(&str, &str), i64> = BTreeMap::new();
    for subject in known.iter().filter(|subject| shown == Some(Key::of(subject))) {
        // Builds of an engine and knobs apart there are several: the newest.
        let newest = ids.entry((&subject.cores, &subject.frequency)).or_default();
        *newest = subject.run_id.max(*newest);
    }
    let ids: Vec<i64> = ids.into_values().collect();
    let mut clocks = clocks(db, &ids).await?;
    let rows = compare::of_runs(db, vec![device], &ids).await?.into_iter().flat_map(|device| device.rows);
    let mut points: Vec<OperatingRow> =
        rows.map(|row| OperatingRow { clock: clocks.remove(&row.run.id.0).flatten(), row }).collect();
    points.sort_by_cached_key(|point| {
        let at = &point.row.run.operating_point;
        (at.cores.to_string(), point.clock, at.frequency.to_string())
    });
    let budgets = choice.budgets();
    let cheapest = judge::cheapest(&points, &budgets);
    Ok(OperatingView { facets, budgets, points, cheapest })
}

/// The subject with the most operating points among those that fit the choice.
fn shown<'a>(known: &'a [Subject], choice: &Choice) -> Option<Key<'a>> {
    let mut points: BTreeMap<Key<'a>, BTreeSet<(&str, &str)>> = BTreeMap::new();
    for subject in known {
        points.entry(Key::of(subject)).or_default().insert((&subject.cores, &subject.frequency));
    }
    let fitting = points.into_iter().filter(|(key, _)| choice.takes(key));
    // Of several with as many the first: the last maximum of the reversed order.
    fitting.rev().max_by_key(|(_, points)| points.len()).map(|(key, _)| key)
}

fn facets(known: &[Subject], shown: Option<Key<'_>>, choice: &Choice) -> Vec<Facet> {
    let precision = choice.precision.map(|precision| precision.to_string());
    let [model, precision, engine] = [
        choice.model.as_deref().or(shown.map(|key| key.model)),
        precision.as_deref().or(shown.map(|key| key.precision)),
        choice.engine.as_deref().or(shown.map(|key| key.engine)),
    ];
    let threads = choice.threads.or_else(|| u16::try_from(shown?.threads).ok());
    let mut facets = vec![
        text_facet("model", known.iter().map(|subject| subject.model_name.as_str()), model),
        text_facet("precision", known.iter().map(|subject| subject.precision.as_str()), precision),
        text_facet("engine", known.iter().map(|subject| subject.engine.as_str()), engine),
        threads_facet(known.iter().map(|subject| subject.threads), threads),
    ];
    for facet in &mut facets {
        // There is no choice of all: points of several subjects say nothing about the clock.
        facet.options.retain(|option| !option.value.is_empty());
    }
    facets
}

/// The clock that each run's cores were to stand at.
async fn clocks(db: &Database, ids: &[i64]) -> Result<HashMap<i64, Option<Kilohertz>>, DbError> {
    let rows = sqlx::query!(
        r#"select r.id, r.session_id, (s.evidence -> 'targets')::text as targets, (s.evidence -> 'cpus')::text as cpus
           from runs r join sessions s on s.id = r.session_id where r.id = any($1)"#,
        ids
    )
    .fetch_all(db.pool())
    .await?;
    rows.into_iter()
        .map(|row| {
            let evidence = cell("sessions", "evidence", row.session_id);
            let (Some(targets), Some(cpus)) = (row.targets, row.cpus) else { return Ok((row.id, None)) };
            let (targets, cpus): (Vec<ClockTarget>, CpuSet) = (evidence.json(&targets)?, evidence.json(&cpus)?);
            let own = targets.into_iter().filter(|target| target.cpus.iter().any(|cpu| cpus.contains(cpu)));
            Ok((row.id, own.map(|target| target.target).max()))
        })
        .collect()
}

/// The newest run with minutes of load.
pub(super) async fn sustained(db: &Database, device: DeviceId) -> Result<Option<DeviceSustained>, DbError> {
    let row = sqlx::query!(
        r#"select id, (measurement -> 'sustained')::text as "curve!" from runs
           where device_id = $1 and measurement ? 'sustained' order by id desc limit 1"#,
        device.0
    )
    .fetch_optional(db.pool())
    .await?;
    let Some(row) = row else { return Ok(None) };
    let curve = cell("runs", "measurement", row.id).json(&row.curve)?;
    let Some(found) = runs::get(db, RunId(row.id)).await? else { return Ok(None) };
    Ok(Some(DeviceSustained { run: found, figures: run::sustained(&curve), curve }))
}
