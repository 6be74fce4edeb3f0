//! One run: its samples and the proof around them.

use benchrack_dashboards::view::{EnergyFigures, PackagedFigures, Provenance, RunModel, RunView, SustainedFigures};
use benchrack_protocol::api::Metric;
use benchrack_protocol::energy::{EnergyRun, SustainedRun};
use benchrack_protocol::ids::{ModelId, RunId, SeriesId};
use benchrack_protocol::packaging::PackagedLoad;
use benchrack_protocol::reading::{Missing, Reading};
use benchrack_protocol::report::AgentBuild;
use benchrack_protocol::units::Nanos;

use super::super::column::cell;
use super::super::{Database, DbError, runs};
use super::{engines, manifest};
use crate::judge;

/// The page; none when there is no such run.
pub async fn view(db: &Database, id: RunId) -> Result<Option<RunView>, DbError> {
    let Some(run) = runs::get(db, id).await? else { return Ok(None) };
    let session = sqlx::query!(
        r#"select s.report_id, s.agent_version, s.agent_target, s.os_fingerprint, s.started_at, s.measured_at, s.duration_ns,
               (s.spec -> 'plan')::text as plan, s.evidence::text as evidence, d.title, m.id as model_id, m.revision
           from runs r
           join sessions s on s.id = r.session_id
           join devices d on d.id = r.device_id
           join models m on m.id = r.model_id
           where r.id = $1"#,
        id.0
    )
    .fetch_one(db.pool())
    .await?;
    let shown = manifest::of(db, &[session.model_id]).await?.remove(&session.model_id);
    let shown = shown.ok_or_else(|| DbError::row("models", "manifest", session.model_id, "gone meanwhile"))?;
    let measurement = runs::measurement(db, id).await?.flatten();
    // A program's summary never had samples; those of others may have been retired.
    let measurement = measurement.filter(|measurement| !measurement.blocks.is_empty() || measurement.summary.is_some());
    let column = |column| cell("sessions", column, run.session.0);
    Ok(Some(RunView {
        device_title: session.title,
        model: RunModel {
            id: ModelId(session.model_id),
            family: shown.family,
            revision: session.revision,
            size: shown.size,
            parameters: shown.parameters,
            macs: shown.macs,
            fidelity: shown.fidelity,
            published: shown.published,
            claimed_accuracy: shown.claimed_accuracy,
        },
        spread: measurement.as_ref().and_then(|measurement| judge::spread(&measurement.blocks)),
        frame_inference: measurement.as_ref().and_then(|measurement| judge::frame_inference(measurement.frames.as_ref()?)),
        packaged: measurement
            .as_ref()
            .map(|measurement| measurement.packaged_loads.iter().filter_map(packaged).collect())
            .unwrap_or_default(),
        energy: measurement
            .as_ref()
            .and_then(|measurement| measurement.energy.as_ref())
            .map(|reading| reading.clone().and_then(|run| energy(&run))),
        sustained: measurement.as_ref().and_then(|measurement| sustained(measurement.sustained.as_ref()?)),
        engine: engines::of_run(db, id).await?,
        measurement,
        evidence: session.evidence.as_deref().map(|text| column("evidence").json(text)).transpose()?,
        plan: session.plan.as_deref().map(|text| column("spec").json(text)).transpose()?.unwrap_or_default(),
        provenance: Provenance {
            agent: AgentBuild { version: session.agent_version, target: session.agent_target },
            os_fingerprint: session.os_fingerprint,
            report: session.report_id.to_string(),
            started_at: session.started_at,
            received_at: session.measured_at,
            duration: Nanos(column("duration_ns").number(session.duration_ns)?),
        },
        series: series_of(db, id).await?,
        run,
    }))
}

/// The loads of one packaging in figures; none without a load.
fn packaged(load: &PackagedLoad) -> Option<PackagedFigures> {
    let parts = judge::load_parts(load)?;
    Some(PackagedFigures {
        packaging: load.packaging,
        size: load.size,
        loads: u32::try_from(load.loads.len()).unwrap_or(u32::MAX),
        unpack_ns: parts.unpack,
        load_ns: parts.load,
        total: parts.total,
    })
}

/// What told the energy, or why the readings say nothing.
fn energy(run: &EnergyRun) -> Reading<EnergyFigures> {
    match judge::energy(run) {
        Ok(estimate) => Reading::of(EnergyFigures {
            source: run.meter.source,
            what: run.meter.what.clone(),
            period: run.meter.period,
            rest_w: estimate.rest,
            inferences: estimate.inferences,
            seconds: estimate.windows.iter().map(|(from, to)| to - from).sum(),
        }),
        Err(error) => Reading::missing(Missing::Unavailable, error.to_string()),
    }
}

pub(super) fn sustained(run: &SustainedRun) -> Option<SustainedFigures> {
    let figures = judge::sustained(run)?;
    let nanos = |seconds: f64| seconds * 1e9;
    Some(SustainedFigures {
        first_minute_ns: figures.first_minute,
        throttled_after_ns: figures.throttled_after.map(nanos),
        plateau_ns: figures.plateau,
        recovered_after_ns: figures.recovered_after.map(nanos),
    })
}

/// Series that a run is a point of, in the order of [`Metric::ALL`].
async fn series_of(db: &Database, id: RunId) -> Result<Vec<(Metric, SeriesId)>, DbError> {
    let rows = sqlx::query!(
        r#"select metric, series_id as "series_id!" from run_metrics where run_id = $1 and series_id is not null"#,
        id.0
    )
    .fetch_all(db.pool())
    .await?;
    let metric = |name: &str| Metric::named(name).ok_or_else(|| cell("run_metrics", "metric", id.0).unknown(name));
    let mut series: Vec<_> =
        rows.iter().map(|row| Ok((metric(&row.metric)?, SeriesId(row.series_id)))).collect::<Result<_, DbError>>()?;
    series.sort_by_key(|(metric, _)| *metric);
    Ok(series)
}
