//! Pages for people. A page's companions (its JSON form, its table, its charts) stand below its own address and are
//! made from the same view by the same handler.

mod answer;
mod assets;
mod errors;
mod login;
mod preferences;
mod saved_views;
mod triage;
mod views;

use axum::Router;
use axum::http::StatusCode;
use axum::routing::{MethodRouter, get, post};
use benchrack_dashboards::link;
use tower_http::compression::CompressionLayer;
use tower_http::timeout::TimeoutLayer;

pub use errors::for_browsers;

use super::ANSWER_TIMEOUT;
use super::guard::{self, Needed};
use crate::app::App;

/// Every page. Whoever may look may see them; to log in, and for the style sheet, nobody need be known.
pub fn router(app: &App) -> Router<App> {
    let page = |router: Router<App>, path: &str, handler: MethodRouter<App>| {
        router.route(path, handler.clone()).route(&format!("{}/{{file}}", path.trim_end_matches('/')), handler)
    };
    // Lists whose members stand beside the companions: those are named, or they would be taken for members.
    let list = |router: Router<App>, path: &str, handler: MethodRouter<App>| {
        let companion = |name: &str| format!("{}/{name}", path.trim_end_matches('/'));
        router
            .route(path, handler.clone())
            .route(&companion("view.json"), handler.clone())
            .route(&companion("table.csv"), handler.clone())
            .route(&companion("badge.svg"), handler.clone())
            .route(&companion("badge.png"), handler)
    };
    let mut pages = Router::new();
    pages = list(pages, link::HOME, get(views::home));
    pages = page(pages, link::RACK, get(views::rack));
    pages = page(pages, "/devices/{id}", get(views::device));
    pages = page(pages, link::MODELS, get(views::models));
    pages = page(pages, link::ENGINES, get(views::engines));
    pages = page(pages, link::COMPARE, get(views::compare));
    pages = list(pages, link::SERIES, get(views::series_list));
    pages = page(pages, "/series/{id}", get(views::series));
    pages = page(pages, "/runs/{id}", get(views::run));
    pages = page(pages, "/sessions/{id}", get(views::session));
    pages = list(pages, link::GATES, get(views::gates));
    pages = page(pages, "/gates/{id}", get(views::gate));
    pages = list(pages, link::ALERTS, get(views::alerts));
    pages = page(pages, "/alerts/{id}", get(views::alert));
    pages = page(pages, link::SELF_TEST, get(views::self_test));
    pages = page(pages, link::SEARCH, get(views::search));
    pages = list(pages, link::STUDIES, get(views::studies));
    pages = page(pages, "/studies/{id}", get(views::study));
    pages = pages.route_layer(guard::layer(app, Needed::Read));
    let decisions = Router::new()
        .route(link::TRIAGE, post(triage::decide))
        .route(link::SAVE_VIEW, post(saved_views::save))
        .route(link::REMOVE_VIEW, post(saved_views::remove))
        .route_layer(guard::layer(app, Needed::Submit));
    let open = Router::new()
        .route(link::LOGIN, get(login::form).post(login::log_in))
        .route(link::LOGOUT, post(login::log_out))
        .route(link::PREFERENCES, get(preferences::set))
        .route("/assets/{file}", get(assets::asset));
    pages
        .merge(decisions)
        .merge(open)
        .route_layer(TimeoutLayer::with_status_code(StatusCode::REQUEST_TIMEOUT, ANSWER_TIMEOUT))
        .route_layer(CompressionLayer::new())
}
