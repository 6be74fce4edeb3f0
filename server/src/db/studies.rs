//! Studies.

use benchrack_protocol::ids::{SessionId, StudyId, SubmissionId};
use benchrack_protocol::study::{Study, StudyListed};
use sqlx::PgConnection;
use sqlx::types::Json;

use super::column::cell;
use super::{Database, DbError};

/// A study as it is stored.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredStudy {
    /// Id.
    pub id: StudyId,
    /// The study as it was sent.
    pub study: Study,
    /// What measures it.
    pub submission: SubmissionId,
    /// Engines that the submission measures.
    pub engines: Vec<String>,
}

/// Which studies to list; what is none does not filter.
#[derive(Debug, Clone, Default)]
pub struct StudyFilter {
    /// Of this name.
    pub name: Option<String>,
    /// Only older ones.
    pub before: Option<StudyId>,
    /// At most so many.
    pub limit: i64,
}

/// Stores a study; its submission and jobs are inserted by the caller in the same transaction.
pub async fn insert(tx: &mut PgConnection, study: &Study, submission: SubmissionId) -> Result<StudyId, DbError> {
    let id = sqlx::query_scalar!(
        "insert into studies (submission_id, study) values ($1, $2) returning id",
        submission.0,
        Json(study) as _
    )
    .fetch_one(tx)
    .await?;
    Ok(StudyId(id))
}

/// One study.
pub async fn get(db: &Database, id: StudyId) -> Result<Option<StoredStudy>, DbError> {
    let row = sqlx::query!(
        r#"select s.study::text as "study!", s.submission_id, (u.suite -> 'engines')::text as "engines!"
           from studies s join submissions u on u.id = s.submission_id where s.id = $1"#,
        id.0
    )
    .fetch_optional(db.pool())
    .await?;
    row.map(|row| {
        Ok(StoredStudy {
            id,
            study: cell("studies", "study", id.0).json(&row.study)?,
            submission: SubmissionId(row.submission_id),
            engines: cell("submissions", "suite", row.submission_id).json(&row.engines)?,
        })
    })
    .transpose()
}

/// Studies, newest first.
pub async fn list(db: &Database, filter: &StudyFilter) -> Result<Vec<StudyListed>, DbError> {
    let rows = sqlx::query!(
        r#"select s.id, s.name, s.title, u.submitted_at, j.total as "total!", j.over as "over!"
           from (select * from studies
                 where ($1::text is null or name = $1) and id < coalesce($2, 9223372036854775807)
                 order by id desc limit $3) s
           join submissions u on u.id = s.submission_id
           cross join lateral (
               select count(*) as total, count(*) filter (where state not in ('queued', 'leased')) as over
               from jobs where submission_id = s.submission_id
           ) j
           order by s.id desc"#,
        filter.name,
        filter.before.map(|before| before.0),
        filter.limit
    )
    .fetch_all(db.pool())
    .await?;
    rows.into_iter()
        .map(|row| {
            let count = |number| cell("jobs", "submission_id", row.id).number(number);
            Ok(StudyListed {
                id: StudyId(row.id),
                jobs: count(row.total)?,
                over: count(row.over)?,
                name: row.name,
                title: row.title,
                submitted_at: row.submitted_at,
            })
        })
        .collect()
}

/// Sessions of a submission that measured one of these models, oldest first: only their samples are needed.
pub async fn sessions_of_models(db: &Database, id: SubmissionId, models: &[String]) -> Result<Vec<SessionId>, DbError> {
    let ids = sqlx::query_scalar!(
        "select distinct session_id from runs where submission_id = $1 and model_name = any($2) order by session_id",
        id.0,
        models
    )
    .fetch_all(db.pool())
    .await?;
    Ok(ids.into_iter().map(SessionId).collect())
}
