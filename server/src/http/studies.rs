//! Studies: asked for by people, answered to all who may read.

use axum::Extension;
use axum::extract::State;
use benchrack_protocol::ids::StudyId;
use benchrack_protocol::problem::Problem;
use benchrack_protocol::study::{NewStudy, StudyListed, StudyReport};
use serde::Deserialize;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::extract::{Json, Path, Query};
use crate::app::{App, Caller};
use crate::db::studies::StudyFilter;
use crate::refusal::Refusal;

/// What asks for work.
pub(super) fn work_routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(open))
}

/// What only looks.
pub(super) fn read_routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(one))
}

/// Measure a study.
#[utoipa::path(post, path = "/studies", tag = "work", request_body = NewStudy,
    responses((status = 200, body = StudyReport), (status = "default", body = Problem)))]
async fn open(
    State(app): State<App>,
    Extension(caller): Extension<Caller>,
    Json(study): Json<NewStudy>,
) -> Result<Json<StudyReport>, Refusal> {
    app.open_study(&study, &caller).await.map(Json)
}

/// Which studies to list; what is left out does not filter.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct StudyQuery {
    /// Study's name.
    name: Option<String>,
    /// Only ids below this.
    before: Option<i64>,
    /// At most so many: 50 unless told, 500 at most.
    limit: Option<u32>,
}

/// Studies, newest first.
#[utoipa::path(get, path = "/studies", tag = "results", params(StudyQuery),
    responses((status = 200, body = Vec<StudyListed>), (status = "default", body = Problem)))]
async fn list(State(app): State<App>, Query(query): Query<StudyQuery>) -> Result<Json<Vec<StudyListed>>, Refusal> {
    let limit = i64::from(query.limit.unwrap_or(50).clamp(1, 500));
    app.studies(&StudyFilter { name: query.name, before: query.before.map(StudyId), limit }).await.map(Json)
}

/// A study and what can be said of its claims so far.
#[utoipa::path(get, path = "/studies/{id}", tag = "results", params(("id" = i64, Path)),
    responses((status = 200, body = StudyReport), (status = "default", body = Problem)))]
async fn one(State(app): State<App>, Path(id): Path<StudyId>) -> Result<Json<StudyReport>, Refusal> {
    app.study(id).await.map(Json)
}
