//! Gates: the list, and one of them.

use benchrack_dashboards::link;
use benchrack_dashboards::view::{GateListView, GateRow, GateSide, GateView};
use benchrack_protocol::api::{Gate, GateSubject};
use benchrack_protocol::ids::{ArtifactId, GateId, SessionId};
use serde::Deserialize;

use super::super::column::cell;
use super::super::jobs::{self, Origin};
use super::super::{Database, DbError, gates, signed_reports};
use super::{PART, chosen, cut, named_devices};

/// Which part of the list.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Choice {
    /// Only older ones.
    #[serde(deserialize_with = "chosen")]
    before: Option<GateId>,
}

/// The page of one gate; none when there is no such gate.
pub async fn view(db: &Database, id: GateId) -> Result<Option<GateView>, DbError> {
    let Some(stored) = gates::get(db, id).await? else { return Ok(None) };
    let jobs = jobs::of_origin(db, Origin::Gate(id)).await?;
    let ids: Vec<i64> = jobs.iter().map(|job| job.device.0).collect();
    let devices = named_devices(db, &ids).await?;
    let sessions: Vec<SessionId> = jobs.iter().filter_map(|job| job.session).collect();
    let judged_from_texts = stored.decided.is_some() && stored.request_text.is_some();
    let has_receipt = judged_from_texts && signed_reports::are_kept(db, &sessions).await?;
    let (outcome, decided_at) = stored.decided.unzip();
    let request = stored.request;
    Ok(Some(GateView {
        gate: Gate { id, rules: request.rules, jobs, outcome },
        devices,
        baseline: side(request.baseline),
        candidate: side(request.candidate),
        operating_point: request.operating_point,
        submitted_at: stored.submitted_at,
        decided_at,
        has_receipt,
    }))
}

fn side(subject: GateSubject) -> GateSide {
    GateSide {
        model: subject.manifest.name,
        precision: subject.manifest.precision,
        artifact: subject.manifest.artifact,
        engine: subject.engine.name,
        threads: subject.threads,
    }
}

/// The page of all gates.
pub async fn list(db: &Database, choice: &Choice) -> Result<GateListView, DbError> {
    let mut rows = rows(db, choice.before, PART + 1).await?;
    let more = cut(&mut rows, PART);
    let older = rows.last().filter(|_| more).map(|row| format!("{}?before={}", link::GATES, row.id));
    Ok(GateListView { rows, older })
}

/// The parts of a [`GateSubject`] that a list shows.
#[derive(Deserialize)]
struct Side {
    model: String,
    precision: benchrack_protocol::model::Precision,
    artifact: ArtifactId,
    engine: String,
    threads: u16,
}

impl From<Side> for GateSide {
    fn from(side: Side) -> Self {
        let Side { model, precision, artifact, engine, threads } = side;
        Self { model, precision, artifact, engine, threads }
    }
}

/// Gates below this id, newest first.
pub(super) async fn rows(db: &Database, before: Option<GateId>, limit: i64) -> Result<Vec<GateRow>, DbError> {
    let rows = sqlx::query!(
        r#"select g.id, g.submitted_at, g.outcome ->> 'verdict' as verdict, g.outcome ->> 'summary' as summary,
               jsonb_build_object('model', b #> '{manifest,name}', 'precision', b #> '{manifest,precision}',
                   'artifact', b #> '{manifest,artifact}', 'engine', b #> '{engine,name}', 'threads', b -> 'threads')::text
                   as "baseline!",
               jsonb_build_object('model', c #> '{manifest,name}', 'precision', c #> '{manifest,precision}',
                   'artifact', c #> '{manifest,artifact}', 'engine', c #> '{engine,name}', 'threads', c -> 'threads')::text
                   as "candidate!",
               j.total as "total!", j.over as "over!"
           from (select *, request -> 'baseline' as b, request -> 'candidate' as c from gates
                 where id < coalesce($1, 9223372036854775807) order by id desc limit $2) g
           cross join lateral (
               select count(*) as total, count(*) filter (where state not in ('queued', 'leased')) as over
               from jobs where gate_id = g.id
           ) j
           order by g.id desc"#,
        before.map(|before| before.0),
        limit
    )
    .fetch_all(db.pool())
    .await?;
    rows.into_iter()
        .map(|row| {
            let request = cell("gates", "request", row.id);
            Ok(GateRow {
                id: GateId(row.id),
                baseline: request.json::<Side>(&row.baseline)?.into(),
                candidate: request.json::<Side>(&row.candidate)?.into(),
                submitted_at: row.submitted_at,
                verdict: row.verdict.as_deref().map(|word| cell("gates", "outcome", row.id).word(word)).transpose()?,
                summary: row.summary.unwrap_or_default(),
                jobs_done: cell("jobs", "gate_id", row.id).number(row.over)?,
                jobs: cell("jobs", "gate_id", row.id).number(row.total)?,
            })
        })
        .collect()
}
