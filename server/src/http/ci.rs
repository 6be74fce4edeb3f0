//! What people and build servers send: artifacts, models, engines, suites, gates.

use axum::Extension;
use axum::body::Body;
use axum::extract::State;
use benchrack_protocol::api::{ArtifactStored, Engine, Gate, Model, NewGate, NewModel, NewSubmission, Submission};
use benchrack_protocol::engine::EngineBuild;
use benchrack_protocol::ids::{ArtifactId, SubmissionId};
use benchrack_protocol::problem::Problem;
use serde::Deserialize;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::extract::{Json, Path, Query};
use crate::app::{App, Caller};
use crate::refusal::Refusal;

const TAG: &str = "work";

/// Quick requests.
pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(add_model))
        .routes(routes!(add_engine))
        .routes(routes!(submit))
        .routes(routes!(cancel))
        .routes(routes!(open_gate))
}

/// Uploads, which take as long as they take.
pub(super) fn upload_route() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(upload))
}

/// Store a file under its SHA-256.
#[utoipa::path(put, path = "/artifacts/{sha256}", tag = TAG, params(("sha256" = String, Path, description = "64 hexadecimal digits")),
    request_body(content = Vec<u8>, content_type = "application/octet-stream"),
    responses((status = 200, body = ArtifactStored), (status = "default", body = Problem)))]
async fn upload(State(app): State<App>, Path(id): Path<ArtifactId>, body: Body) -> Result<Json<ArtifactStored>, Refusal> {
    app.store_artifact(id, body.into_data_stream()).await.map(Json)
}

/// Give a stored file its manifest; the same name, precision and file again is the same revision.
#[utoipa::path(post, path = "/models", tag = TAG, request_body = NewModel,
    responses((status = 200, body = Model), (status = "default", body = Problem)))]
async fn add_model(State(app): State<App>, Json(model): Json<NewModel>) -> Result<Json<Model>, Refusal> {
    app.add_model(&model).await.map(Json)
}

/// Give a stored library or program of an engine its name, version and target; the same name and file again is the same build.
#[utoipa::path(post, path = "/engines", tag = TAG, request_body = EngineBuild,
    responses((status = 200, body = Engine), (status = "default", body = Problem)))]
async fn add_engine(State(app): State<App>, Json(build): Json<EngineBuild>) -> Result<Json<Engine>, Refusal> {
    app.add_engine(&build).await.map(Json)
}

/// Queue a suite.
#[utoipa::path(post, path = "/submissions", tag = TAG, request_body = NewSubmission,
    responses((status = 200, body = Submission), (status = "default", body = Problem)))]
async fn submit(
    State(app): State<App>,
    Extension(caller): Extension<Caller>,
    Json(submission): Json<NewSubmission>,
) -> Result<Json<Submission>, Refusal> {
    app.submit(&submission, &caller).await.map(Json)
}

/// How much of a submission is cancelled.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Cancel {
    /// Jobs under way too; their agents stop.
    #[serde(default)]
    running: bool,
}

/// Cancel the jobs of a submission that no device has begun.
#[utoipa::path(post, path = "/submissions/{id}/cancel", tag = TAG, params(("id" = i64, Path), Cancel),
    responses((status = 200, body = Submission), (status = "default", body = Problem)))]
async fn cancel(
    State(app): State<App>,
    Path(id): Path<SubmissionId>,
    Query(cancel): Query<Cancel>,
) -> Result<Json<Submission>, Refusal> {
    app.cancel(id, cancel.running).await.map(Json)
}

/// Ask whether a candidate is slower than a baseline.
#[utoipa::path(post, path = "/gates", tag = TAG, request_body = NewGate,
    responses((status = 200, body = Gate), (status = "default", body = Problem)))]
async fn open_gate(
    State(app): State<App>,
    Extension(caller): Extension<Caller>,
    Json(gate): Json<NewGate>,
) -> Result<Json<Gate>, Refusal> {
    app.open_gate(&gate, &caller).await.map(Json)
}
