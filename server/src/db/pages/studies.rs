//! Studies: the list, and one of them.

use benchrack_dashboards::link;
use benchrack_dashboards::view::{StudyListView, StudyView};
use benchrack_protocol::ids::StudyId;
use benchrack_protocol::study::StudyReport;
use serde::Deserialize;

use super::super::studies::{self, StudyFilter};
use super::super::{Database, DbError};
use super::{PART, chosen, compare, cut, named_devices};

/// Which part of the list.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Choice {
    /// Only older ones.
    #[serde(deserialize_with = "chosen")]
    before: Option<StudyId>,
}

/// The page of one study, whose claims have been answered.
pub async fn view(db: &Database, report: StudyReport) -> Result<StudyView, DbError> {
    let ids: Vec<i64> = report.devices.iter().map(|device| device.device.0).collect();
    let devices = named_devices(db, &ids).await?;
    // A study of several sessions has measured each subject several times.
    let runs = sqlx::query_scalar!(
        r#"select distinct on (device_id, model_name, precision, engine, threads) id from runs where submission_id = $1
           order by device_id, model_name, precision, engine, threads, id desc"#,
        report.submission.id.0
    )
    .fetch_all(db.pool())
    .await?;
    Ok(StudyView { measured: compare::of_runs(db, devices, &runs).await?, report })
}

/// The page of all studies.
pub async fn list(db: &Database, choice: &Choice) -> Result<StudyListView, DbError> {
    let filter = StudyFilter { name: None, before: choice.before, limit: PART + 1 };
    let mut rows = studies::list(db, &filter).await?;
    let more = cut(&mut rows, PART);
    let older = rows.last().filter(|_| more).map(|row| format!("{}?before={}", link::STUDIES, row.id));
    Ok(StudyListView { rows, older })
}
