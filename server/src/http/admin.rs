//! What only an admin may: tokens, and decisions about devices.

use axum::extract::State;
use axum::http::StatusCode;
use benchrack_protocol::api::{CreatedToken, Device, NewToken, Token};
use benchrack_protocol::ids::{DeviceId, TokenId};
use benchrack_protocol::problem::Problem;
use benchrack_protocol::rack::RackReport;
use serde::Deserialize;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::extract::{Json, Path};
use crate::app::{App, Order};
use crate::refusal::Refusal;

const TAG: &str = "admin";

/// All of it.
pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(tokens, create_token))
        .routes(routes!(revoke_token))
        .routes(routes!(quarantine))
        .routes(routes!(readmit))
        .routes(routes!(retire))
        .routes(routes!(report_rack))
}

/// All tokens, newest first, without their secrets.
#[utoipa::path(get, path = "/tokens", tag = TAG, responses((status = 200, body = Vec<Token>), (status = "default", body = Problem)))]
async fn tokens(State(app): State<App>) -> Result<Json<Vec<Token>>, Refusal> {
    app.tokens().await.map(Json)
}

/// Make a token; its secret is in this answer and nowhere else.
#[utoipa::path(post, path = "/tokens", tag = TAG, request_body = NewToken,
    responses((status = 200, body = CreatedToken), (status = "default", body = Problem)))]
async fn create_token(State(app): State<App>, Json(token): Json<NewToken>) -> Result<Json<CreatedToken>, Refusal> {
    app.create_token(&token).await.map(Json)
}

/// End a token's life, and the browser sessions made from it.
#[utoipa::path(delete, path = "/tokens/{id}", tag = TAG, params(("id" = i64, Path)),
    responses((status = 204), (status = "default", body = Problem)))]
async fn revoke_token(State(app): State<App>, Path(id): Path<TokenId>) -> Result<StatusCode, Refusal> {
    app.revoke_token(id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Why a device is kept out.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
struct Reason {
    /// For people.
    reason: String,
}

/// Give a device no more work until it is readmitted; its session under way goes on.
#[utoipa::path(post, path = "/devices/{device}/quarantine", tag = TAG, params(("device" = i64, Path)), request_body = Reason,
    responses((status = 200, body = Device), (status = "default", body = Problem)))]
async fn quarantine(
    State(app): State<App>,
    Path(id): Path<DeviceId>,
    Json(Reason { reason }): Json<Reason>,
) -> Result<Json<Device>, Refusal> {
    app.order(id, Order::Quarantine(reason)).await.map(Json)
}

/// Let a quarantined device in again.
#[utoipa::path(post, path = "/devices/{device}/readmit", tag = TAG, params(("device" = i64, Path)),
    responses((status = 200, body = Device), (status = "default", body = Problem)))]
async fn readmit(State(app): State<App>, Path(id): Path<DeviceId>) -> Result<Json<Device>, Refusal> {
    app.order(id, Order::Readmit).await.map(Json)
}

/// Take a device away for good; its results stay.
#[utoipa::path(post, path = "/devices/{device}/retire", tag = TAG, params(("device" = i64, Path)), request_body = Reason,
    responses((status = 200, body = Device), (status = "default", body = Problem)))]
async fn retire(
    State(app): State<App>,
    Path(id): Path<DeviceId>,
    Json(Reason { reason }): Json<Reason>,
) -> Result<Json<Device>, Refusal> {
    app.order(id, Order::Retire(reason)).await.map(Json)
}

/// Tell how the phones of a rack's host are doing; whole each time.
#[utoipa::path(put, path = "/racks/{host}", tag = TAG, params(("host" = String, Path, description = "name of the host")),
    request_body = RackReport, responses((status = 204), (status = "default", body = Problem)))]
async fn report_rack(
    State(app): State<App>,
    Path(host): Path<String>,
    Json(report): Json<RackReport>,
) -> Result<StatusCode, Refusal> {
    app.report_rack(&host, &report).await?;
    Ok(StatusCode::NO_CONTENT)
}
