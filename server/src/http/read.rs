//! What can be looked at.

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use benchrack_protocol::api::{Device, Engine, Gate, Model, Run, Submission};
use benchrack_protocol::ids::{ArtifactId, DeviceId, GateId, RunId, SessionId, SubmissionId};
use benchrack_protocol::model::Precision;
use benchrack_protocol::problem::Problem;
use benchrack_protocol::rack::Rack;
use benchrack_protocol::report::{Measurement, SessionReport};
use serde::Deserialize;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::extract::{Json, Path, Query};
use crate::app::App;
use crate::db::column::word;
use crate::db::runs::RunFilter;
use crate::refusal::Refusal;

const TAG: &str = "results";

/// Everything that is answered at once.
pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(devices))
        .routes(routes!(device))
        .routes(routes!(racks))
        .routes(routes!(models))
        .routes(routes!(engines))
        .routes(routes!(submissions))
        .routes(routes!(submission))
        .routes(routes!(runs))
        .routes(routes!(run))
        .routes(routes!(measurement))
        .routes(routes!(session))
        .routes(routes!(gate))
        .routes(routes!(gate_receipt))
}

/// Downloads, which take as long as they take.
pub(super) fn download_route() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(download))
}

/// A stored file.
#[utoipa::path(method(get, head), path = "/artifacts/{sha256}", tag = TAG,
    params(("sha256" = String, Path, description = "64 hexadecimal digits")),
    responses((status = 200, body = Vec<u8>, content_type = "application/octet-stream"), (status = "default", body = Problem)))]
async fn download(State(app): State<App>, Path(id): Path<ArtifactId>, method: axum::http::Method) -> Result<Response, Refusal> {
    let size = app.artifact_size(id).await?;
    let body = if method == axum::http::Method::HEAD { Body::empty() } else { Body::from_stream(app.store().get(id).await?) };
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static("application/octet-stream")),
        (header::CONTENT_LENGTH, HeaderValue::from(size.0)),
        // The name is the content's digest: it never changes.
        (header::CACHE_CONTROL, HeaderValue::from_static("private, max-age=31536000, immutable")),
    ];
    Ok((headers, body).into_response())
}

/// All devices, by name.
#[utoipa::path(get, path = "/devices", tag = TAG, responses((status = 200, body = Vec<Device>), (status = "default", body = Problem)))]
async fn devices(State(app): State<App>) -> Result<Json<Vec<Device>>, Refusal> {
    app.devices().await.map(Json)
}

/// One device.
#[utoipa::path(get, path = "/devices/{device}", tag = TAG, params(("device" = i64, Path)),
    responses((status = 200, body = Device), (status = "default", body = Problem)))]
async fn device(State(app): State<App>, Path(id): Path<DeviceId>) -> Result<Json<Device>, Refusal> {
    app.device(id).await.map(Json)
}

/// Every host of a rack with its phones and their quarantines, by name.
#[utoipa::path(get, path = "/racks", tag = TAG, responses((status = 200, body = Vec<Rack>), (status = "default", body = Problem)))]
async fn racks(State(app): State<App>) -> Result<Json<Vec<Rack>>, Refusal> {
    app.racks().await.map(Json)
}

/// All model revisions, newest first.
#[utoipa::path(get, path = "/models", tag = TAG, responses((status = 200, body = Vec<Model>), (status = "default", body = Problem)))]
async fn models(State(app): State<App>) -> Result<Json<Vec<Model>>, Refusal> {
    app.models().await.map(Json)
}

/// All builds of engines, by name, newest first.
#[utoipa::path(get, path = "/engines", tag = TAG, responses((status = 200, body = Vec<Engine>), (status = "default", body = Problem)))]
async fn engines(State(app): State<App>) -> Result<Json<Vec<Engine>>, Refusal> {
    app.engines().await.map(Json)
}

/// Part of a list.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Part {
    /// Only ids below this.
    before: Option<i64>,
    /// At most so many: 50 unless told, 500 at most.
    limit: Option<u32>,
}

fn bounded(limit: Option<u32>) -> i64 {
    i64::from(limit.unwrap_or(50).clamp(1, 500))
}

/// Submissions, newest first.
#[utoipa::path(get, path = "/submissions", tag = TAG, params(Part),
    responses((status = 200, body = Vec<Submission>), (status = "default", body = Problem)))]
async fn submissions(State(app): State<App>, Query(part): Query<Part>) -> Result<Json<Vec<Submission>>, Refusal> {
    app.submissions(part.before.map(SubmissionId), bounded(part.limit)).await.map(Json)
}

/// How far a submission is.
#[utoipa::path(get, path = "/submissions/{id}", tag = TAG, params(("id" = i64, Path)),
    responses((status = 200, body = Submission), (status = "default", body = Problem)))]
async fn submission(State(app): State<App>, Path(id): Path<SubmissionId>) -> Result<Json<Submission>, Refusal> {
    app.submission(id).await.map(Json)
}

/// Which runs to list; what is left out does not filter.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct RunQuery {
    /// Device's name.
    device: Option<String>,
    /// Model's name.
    model: Option<String>,
    /// Precision of the file.
    precision: Option<Precision>,
    /// Submission.
    submission: Option<i64>,
    /// Only ids below this.
    before: Option<i64>,
    /// At most so many: 50 unless told, 500 at most.
    limit: Option<u32>,
}

/// Runs, newest first.
#[utoipa::path(get, path = "/runs", tag = TAG, params(RunQuery),
    responses((status = 200, body = Vec<Run>), (status = "default", body = Problem)))]
async fn runs(State(app): State<App>, Query(query): Query<RunQuery>) -> Result<Json<Vec<Run>>, Refusal> {
    let filter = RunFilter {
        device: query.device,
        model: query.model,
        precision: query.precision.as_ref().map(word),
        submission: query.submission.map(SubmissionId),
        before: query.before.map(RunId),
        limit: bounded(query.limit),
        ..RunFilter::default()
    };
    app.runs(&filter).await.map(Json)
}

/// One run.
#[utoipa::path(get, path = "/runs/{id}", tag = TAG, params(("id" = i64, Path)),
    responses((status = 200, body = Run), (status = "default", body = Problem)))]
async fn run(State(app): State<App>, Path(id): Path<RunId>) -> Result<Json<Run>, Refusal> {
    app.run(id).await.map(Json)
}

/// Everything measured of a run, every sample included.
#[utoipa::path(get, path = "/runs/{id}/measurement", tag = TAG, params(("id" = i64, Path)),
    responses((status = 200, body = Measurement), (status = "default", body = Problem)))]
async fn measurement(State(app): State<App>, Path(id): Path<RunId>) -> Result<Json<Measurement>, Refusal> {
    app.measurement(id).await.map(Json)
}

/// The report of a session as it was delivered.
#[utoipa::path(get, path = "/sessions/{id}", tag = TAG, params(("id" = i64, Path)),
    responses((status = 200, body = SessionReport), (status = "default", body = Problem)))]
async fn session(State(app): State<App>, Path(id): Path<SessionId>) -> Result<Json<SessionReport>, Refusal> {
    app.session_report(id).await.map(Json)
}

/// A gate and its verdict so far.
#[utoipa::path(get, path = "/gates/{id}", tag = TAG, params(("id" = i64, Path)),
    responses((status = 200, body = Gate), (status = "default", body = Problem)))]
async fn gate(State(app): State<App>, Path(id): Path<GateId>) -> Result<Json<Gate>, Refusal> {
    app.gate(id).await.map(Json)
}

/// A gate's receipt: every sample, signature and rule that its verdict rests on, one JSON record a line.
#[utoipa::path(get, path = "/gates/{id}/receipt", tag = TAG, params(("id" = i64, Path)),
    responses((status = 200, body = String, content_type = "application/jsonl"), (status = "default", body = Problem)))]
async fn gate_receipt(State(app): State<App>, Path(id): Path<GateId>) -> Result<Response, Refusal> {
    let receipt = app.gate_receipt(id).await?;
    let name = format!("attachment; filename=\"benchrack-gate-{id}.receipt\"");
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static("application/jsonl")),
        (header::CONTENT_DISPOSITION, HeaderValue::from_str(&name).map_err(Refusal::internal)?),
    ];
    Ok((headers, receipt).into_response())
}
