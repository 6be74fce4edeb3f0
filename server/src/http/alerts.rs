//! Alerts: looked at by all who may read, decided about by all who may send work.

use axum::Extension;
use axum::extract::State;
use benchrack_protocol::alert::{Alert, NewTriage, SelfTest, TriageState};
use benchrack_protocol::ids::AlertId;
use benchrack_protocol::problem::Problem;
use serde::Deserialize;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::extract::{Json, Path, Query};
use crate::app::{App, Caller};
use crate::db::alerts::AlertFilter;
use crate::refusal::Refusal;

/// What decides.
pub(super) fn work_routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(triage))
}

/// What only looks.
pub(super) fn read_routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(one)).routes(routes!(self_test))
}

/// Which alerts to list; what is left out does not filter.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct AlertQuery {
    /// State of triage.
    state: Option<TriageState>,
    /// Only ids below this.
    before: Option<i64>,
    /// At most so many: 50 unless told, 500 at most.
    limit: Option<u32>,
}

/// Alerts with their findings, newest first.
#[utoipa::path(get, path = "/alerts", tag = "results", params(AlertQuery),
    responses((status = 200, body = Vec<Alert>), (status = "default", body = Problem)))]
async fn list(State(app): State<App>, Query(query): Query<AlertQuery>) -> Result<Json<Vec<Alert>>, Refusal> {
    let limit = i64::from(query.limit.unwrap_or(50).clamp(1, 500));
    let filter = AlertFilter { state: query.state, before: query.before.map(AlertId), limit, ..AlertFilter::default() };
    app.alerts(&filter).await.map(Json)
}

/// One alert.
#[utoipa::path(get, path = "/alerts/{id}", tag = "results", params(("id" = i64, Path)),
    responses((status = 200, body = Alert), (status = "default", body = Problem)))]
async fn one(State(app): State<App>, Path(id): Path<AlertId>) -> Result<Json<Alert>, Refusal> {
    app.alert(id).await.map(Json)
}

/// Decide about an alert.
#[utoipa::path(post, path = "/alerts/{id}/triage", tag = "work", params(("id" = i64, Path)), request_body = NewTriage,
    responses((status = 200, body = Alert), (status = "default", body = Problem)))]
async fn triage(
    State(app): State<App>,
    Extension(caller): Extension<Caller>,
    Path(id): Path<AlertId>,
    Json(new): Json<NewTriage>,
) -> Result<Json<Alert>, Refusal> {
    app.triage(id, &new, &caller).await.map(Json)
}

/// What the farm measured of itself.
#[utoipa::path(get, path = "/self-test", tag = "results",
    responses((status = 200, body = SelfTest), (status = "default", body = Problem)))]
async fn self_test(State(app): State<App>) -> Result<Json<SelfTest>, Refusal> {
    app.self_test().await.map(Json)
}
