//! For whoever runs the server: is it alive, is it ready, what does it count.

use axum::extract::State;
use axum::http::{HeaderValue, header};
use axum::response::IntoResponse;

use crate::app::App;
use crate::db;
use crate::metrics::Snapshot;
use crate::refusal::Refusal;

/// The process answers.
pub(super) async fn alive() -> &'static str {
    "alive\n"
}

/// Database and artifact store answer: requests can be served.
pub(super) async fn ready(State(app): State<App>) -> Result<&'static str, Refusal> {
    app.db().ping().await?;
    app.store().ping().await?;
    Ok("ready\n")
}

/// Figures for Prometheus.
pub(super) async fn metrics(State(app): State<App>) -> Result<impl IntoResponse, Refusal> {
    let snapshot = Snapshot {
        devices: db::devices::count_by_state(app.db()).await?,
        jobs: db::jobs::count_open(app.db()).await?,
        connections: app.db().connections(),
        racks: app.racks().await?,
        now: app.now(),
    };
    let text = app.metrics().text(&snapshot).map_err(Refusal::internal)?;
    let kind = HeaderValue::from_static("application/openmetrics-text; version=1.0.0; charset=utf-8");
    Ok(([(header::CONTENT_TYPE, kind)], text))
}
