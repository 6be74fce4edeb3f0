//! One session: its subjects side by side.

use benchrack_dashboards::view::{Download, Pair, Provenance, SessionSubject, SessionView};
use benchrack_protocol::api::Run;
use benchrack_protocol::ids::{JobId, SessionId};
use benchrack_protocol::report::RunReport;
use benchrack_protocol::validity::Validity;

use super::super::{Database, DbError, runs};
use super::device_ref;
use crate::judge;

/// The page; none when there is no such session.
pub async fn view(db: &Database, id: SessionId) -> Result<Option<SessionView>, DbError> {
    let Some(report) = runs::report(db, id).await? else { return Ok(None) };
    let row = sqlx::query!(
        r#"select s.job_id, s.measured_at, d.id as device_id, d.name, d.title, d.reality,
               array(select r.id from runs r where r.session_id = s.id) as "runs!"
           from sessions s join devices d on d.id = s.device_id where s.id = $1"#,
        id.0
    )
    .fetch_one(db.pool())
    .await?;
    // Runs are stored in the order of their subjects, so that their ids ascend with it.
    let runs = runs::some(db, &row.runs).await?;
    let subjects: Vec<SessionSubject> = runs
        .into_iter()
        .zip(report.runs)
        .map(|(run, reported)| match reported {
            RunReport::Measured(measurement) => SessionSubject { run, blocks: measurement.blocks },
            RunReport::Failed(_) => SessionSubject { run, blocks: Vec::new() },
        })
        .collect();
    Ok(Some(SessionView {
        id,
        job: JobId(row.job_id),
        device: device_ref(row.device_id, row.name, row.title, &row.reality)?,
        operating_point: report.spec.operating_point,
        plan: report.spec.plan,
        evidence: report.evidence,
        pairs: pairs(&subjects),
        subjects,
        provenance: Provenance {
            agent: report.agent,
            os_fingerprint: report.os_fingerprint,
            report: report.id.to_string(),
            started_at: report.started_at,
            received_at: row.measured_at,
            duration: report.duration,
        },
        downloads: vec![Download { name: "report.json".into(), href: format!("/api/v1/sessions/{id}") }],
    }))
}

/// The first subject that was measured against each other one.
fn pairs(subjects: &[SessionSubject]) -> Vec<Pair> {
    let mut measured = subjects.iter().filter(|subject| !subject.blocks.is_empty());
    let Some(base) = measured.next() else { return Vec::new() };
    let engines = subjects.iter().any(|subject| subject.run.engine != base.run.engine);
    let name = |run: &Run| name(run, engines);
    let pair = |other: &SessionSubject| {
        let counts = counts(&base.run).and_then(|()| counts(&other.run));
        judge::pair((&name(&base.run), &base.blocks), (&name(&other.run), &other.blocks), counts)
    };
    measured.map(pair).filter(|pair| !pair.rounds.is_empty()).collect()
}

/// The label, with what tells apart two subjects of the same one; the engine where there are several.
fn name(run: &Run, engines: bool) -> String {
    let precision = run.precision.to_string();
    let mut name = run.label.clone();
    if !name.split(' ').any(|word| word == precision) {
        name = format!("{name} {precision}");
    }
    if engines { format!("{name} {}", run.engine) } else { name }
}

fn counts(run: &Run) -> Result<(), String> {
    match &run.validity {
        Some(Validity::Valid) => Ok(()),
        Some(doubtful) => {
            let why = doubtful.reasons().first().map(|doubt| format!(": {}", doubt.reason)).unwrap_or_default();
            Err(format!("the run of {} is {}{why}", run.label, doubtful.word()))
        }
        None => Err(format!("{} was not measured", run.label)),
    }
}
