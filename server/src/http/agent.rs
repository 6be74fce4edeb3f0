//! What agents ask.

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use benchrack_protocol::api::{Claim, Device, Heartbeat, LEASE_HEADER, Lease, Registration, Release, Reported, SIGNATURE_HEADER};
use benchrack_protocol::ids::LeaseId;
use benchrack_protocol::problem::{Problem, ProblemCode};
use benchrack_protocol::report::SessionReport;
use benchrack_protocol::signature::Signature;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::extract::{Json, LargeJson, Path};
use crate::app::{App, SentReport};
use crate::refusal::Refusal;
use crate::secret::SecretHash;

const TAG: &str = "agent";

/// Quick requests of an agent.
pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(register)).routes(routes!(heartbeat)).routes(routes!(release))
}

/// The report, which is large.
pub(super) fn report_route() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(report))
}

/// The claim, which waits.
pub(super) fn claim_route() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(claim))
}

/// The lease's secret; without one the lease is not held.
fn lease_secret(headers: &HeaderMap) -> Result<SecretHash, Refusal> {
    let secret = headers.get(LEASE_HEADER).and_then(|value| value.to_str().ok());
    let missing = || Refusal::new(ProblemCode::LeaseLost, format!("the header {LEASE_HEADER} must carry the lease's secret"));
    secret.map(SecretHash::of).ok_or_else(missing)
}

/// The agent's signature over the body, where it has a key.
fn signature(headers: &HeaderMap) -> Result<Option<Signature>, Refusal> {
    let Some(value) = headers.get(SIGNATURE_HEADER) else { return Ok(None) };
    let text = value.to_str().unwrap_or_default();
    text.parse()
        .map(Some)
        .map_err(|error| Refusal::new(ProblemCode::Malformed, format!("the header {SIGNATURE_HEADER}: {error}")))
}

/// Make a device known, or bring up to date what is known of it.
#[utoipa::path(put, path = "/devices/{device}", tag = TAG, params(("device" = String, Path, description = "`identity.key` of its report")),
    request_body = Registration, responses((status = 200, body = Device), (status = "default", body = Problem)))]
async fn register(
    State(app): State<App>,
    Path(key): Path<String>,
    Json(registration): Json<Registration>,
) -> Result<Json<Device>, Refusal> {
    app.register(&key, &registration).await.map(Json)
}

/// Ask for work; held open for up to `wait`.
#[utoipa::path(post, path = "/leases", tag = TAG, request_body = Claim,
    responses((status = 200, body = Lease), (status = 204, description = "no work"), (status = "default", body = Problem)))]
async fn claim(State(app): State<App>, Json(claim): Json<Claim>) -> Result<Response, Refusal> {
    Ok(match app.claim(&claim).await? {
        Some(lease) => Json(lease).into_response(),
        None => StatusCode::NO_CONTENT.into_response(),
    })
}

/// Keep a lease alive and say how far the session is.
#[utoipa::path(post, path = "/leases/{id}/heartbeat", tag = TAG,
    params(("id" = i64, Path), ("x-benchrack-lease" = String, Header, description = "the lease's secret")), request_body = Heartbeat,
    responses((status = 204), (status = "default", body = Problem)))]
async fn heartbeat(
    State(app): State<App>,
    Path(id): Path<LeaseId>,
    headers: HeaderMap,
    Json(beat): Json<Heartbeat>,
) -> Result<StatusCode, Refusal> {
    app.heartbeat(id, &lease_secret(&headers)?, &beat).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Deliver a session's result; a second delivery changes nothing and says so.
#[utoipa::path(post, path = "/leases/{id}/report", tag = TAG,
    params(("id" = i64, Path), ("x-benchrack-lease" = String, Header, description = "the lease's secret"),
        ("x-benchrack-signature" = Option<String>, Header, description = "the agent's Ed25519 signature over the body")), request_body = SessionReport,
    responses((status = 200, body = Reported), (status = "default", body = Problem)))]
async fn report(
    State(app): State<App>,
    Path(id): Path<LeaseId>,
    headers: HeaderMap,
    LargeJson(report, text): LargeJson<SessionReport>,
) -> Result<Json<Reported>, Refusal> {
    let sent = SentReport { report, text, signature: signature(&headers)? };
    app.report(id, &lease_secret(&headers)?, sent).await.map(Json)
}

/// Give a job back that cannot be done.
#[utoipa::path(post, path = "/leases/{id}/release", tag = TAG,
    params(("id" = i64, Path), ("x-benchrack-lease" = String, Header, description = "the lease's secret")), request_body = Release,
    responses((status = 204), (status = "default", body = Problem)))]
async fn release(
    State(app): State<App>,
    Path(id): Path<LeaseId>,
    headers: HeaderMap,
    Json(release): Json<Release>,
) -> Result<StatusCode, Refusal> {
    app.release(id, &lease_secret(&headers)?, &release).await?;
    Ok(StatusCode::NO_CONTENT)
}
