//! The HTTP side: routes by caller, and what surrounds every request.
//!
//! A handler extracts, calls one function of [`crate::app`], and converts; who may call it is said where its group of
//! routes is put together, so that no handler can forget to ask.

mod admin;
mod agent;
mod alerts;
mod ci;
mod events;
mod extract;
mod guard;
mod health;
mod pages;
mod problem;
mod read;
mod studies;

use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderName, HeaderValue};
use axum::middleware::{self, Next};
use axum::response::Response;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::request_id::{MakeRequestUuid, PropagateRequestIdLayer, SetRequestIdLayer};
use tower_http::timeout::TimeoutLayer;
use tower_http::trace::TraceLayer;
use utoipa::OpenApi as _;
use utoipa::openapi::OpenApi;
use utoipa_axum::router::OpenApiRouter;

use crate::app::App;
use guard::Needed;
use problem::REQUEST_ID;

/// An answer that only needs the database comes within this, or never.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(30);
/// A report of some 10 MB over a phone's bad Wi-Fi.
const REPORT_TIMEOUT: Duration = Duration::from_secs(5 * 60);

#[derive(utoipa::OpenApi)]
#[openapi(
    info(
        title = "benchrack",
        description = "Benchmarking farm for deep learning on phones. Errors are problem+json (RFC 9457) with a stable code."
    ),
    components(schemas(benchrack_protocol::problem::Problem))
)]
struct Document;

/// Every route of the server.
pub fn router(app: &App) -> Router {
    let (api, mut document) = api(app).split_for_parts();
    document.info.version = env!("CARGO_PKG_VERSION").into();
    // Written once: the document never changes while the server runs.
    let document: axum::body::Bytes = serde_json::to_vec(&document).unwrap_or_default().into();
    let document = axum::routing::get(async move || {
        ([(axum::http::header::CONTENT_TYPE, HeaderValue::from_static("application/json"))], document.clone())
    });
    let metrics =
        Router::new().route("/metrics", axum::routing::get(health::metrics)).route_layer(guard::layer(app, Needed::Read));
    let router = Router::new()
        .merge(api)
        .route("/api/v1/openapi.json", document)
        .route("/healthz", axum::routing::get(health::alive))
        .route("/readyz", axum::routing::get(health::ready))
        .merge(metrics)
        .merge(pages::router(app));
    surround(router, app).with_state(app.clone())
}

/// The description of the API.
pub fn document(app: &App) -> OpenApi {
    api(app).into_openapi()
}

fn api(app: &App) -> OpenApiRouter<App> {
    let group = |routes: OpenApiRouter<App>, needed: Needed, timeout: Option<Duration>| {
        let routes = match timeout {
            Some(timeout) => routes.route_layer(TimeoutLayer::with_status_code(axum::http::StatusCode::REQUEST_TIMEOUT, timeout)),
            None => routes,
        };
        routes.route_layer(guard::layer(app, needed))
    };
    let v1 = OpenApiRouter::new()
        .merge(group(agent::routes(), Needed::Agent, Some(ANSWER_TIMEOUT)))
        .merge(group(agent::report_route(), Needed::Agent, Some(REPORT_TIMEOUT)))
        // Held open for as long as the agent likes to wait.
        .merge(group(agent::claim_route(), Needed::Agent, None))
        .merge(group(ci::routes(), Needed::Submit, Some(ANSWER_TIMEOUT)))
        .merge(group(studies::work_routes(), Needed::Submit, Some(ANSWER_TIMEOUT)))
        .merge(group(alerts::work_routes(), Needed::Submit, Some(ANSWER_TIMEOUT)))
        // Bounded by silence, not by the whole.
        .merge(group(ci::upload_route(), Needed::Submit, None))
        .merge(group(read::download_route(), Needed::ReadOrAgent, None))
        .merge(group(read::routes(), Needed::Read, Some(ANSWER_TIMEOUT)))
        .merge(group(studies::read_routes(), Needed::Read, Some(ANSWER_TIMEOUT)))
        .merge(group(alerts::read_routes(), Needed::Read, Some(ANSWER_TIMEOUT)))
        .merge(group(events::routes(), Needed::Read, None))
        .merge(group(admin::routes(), Needed::Admin, Some(ANSWER_TIMEOUT)));
    OpenApiRouter::with_openapi(Document::openapi()).nest("/api/v1", v1)
}

/// Request ids, logs, figures, panics and problems around all routes; the last line is outermost.
fn surround(router: Router<App>, app: &App) -> Router<App> {
    let id = HeaderName::from_static(REQUEST_ID);
    let span = |request: &Request| {
        let id = request.headers().get(REQUEST_ID).and_then(|id| id.to_str().ok()).unwrap_or_default();
        tracing::info_span!("request", id, method = %request.method(), path = request.uri().path())
    };
    let panicked = |panic: Box<dyn std::any::Any + Send>| {
        let text = panic.downcast_ref::<String>().map(String::as_str).or_else(|| panic.downcast_ref::<&str>().copied());
        axum::response::IntoResponse::into_response(crate::refusal::Refusal::internal(format!(
            "a handler panicked: {}",
            text.unwrap_or("without words")
        )))
    };
    router
        .fallback(async || axum::http::StatusCode::NOT_FOUND)
        .layer(CatchPanicLayer::custom(panicked))
        .layer(middleware::from_fn(problem::finish))
        .layer(middleware::from_fn_with_state(app.clone(), pages::for_browsers))
        .layer(middleware::from_fn_with_state(app.clone(), track))
        .layer(TraceLayer::new_for_http().make_span_with(span))
        .layer(PropagateRequestIdLayer::new(id.clone()))
        .layer(SetRequestIdLayer::new(id, MakeRequestUuid))
}

/// Counts and times each answer, and says the time to browsers' developer tools.
async fn track(State(app): State<App>, request: Request, next: Next) -> Response {
    let begun = Instant::now();
    let method = request.method().as_str().to_owned();
    let route = request.extensions().get::<MatchedPath>().map_or_else(|| "none".to_owned(), |path| path.as_str().to_owned());
    let mut response = next.run(request).await;
    let seconds = begun.elapsed().as_secs_f64();
    app.metrics().answered(&method, &route, response.status().as_u16(), seconds);
    if let Ok(value) = HeaderValue::try_from(format!("app;dur={:.3}", seconds * 1e3)) {
        response.headers_mut().insert(HeaderName::from_static("server-timing"), value);
    }
    response.headers_mut().insert(HeaderName::from_static("x-content-type-options"), HeaderValue::from_static("nosniff"));
    response
}
