//! From a view to an answer: as a page, as JSON, as a table or as one chart, by the last part of the address.

use std::convert::Infallible;

use axum::extract::{FromRequestParts, MatchedPath};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use benchrack_dashboards::asset::{PAGE_POLICY, SVG_POLICY};
use benchrack_dashboards::{Account, Chrome, Page, Preferences};
use benchrack_protocol::ids::ArtifactId;
use benchrack_protocol::problem::ProblemCode;

use crate::app::{App, Caller};
use crate::config::AuthMode;
use crate::refusal::Refusal;

/// A form that is none, or not the one of its page.
pub(super) fn unreadable_form(why: &str) -> Refusal {
    Refusal::new(ProblemCode::Malformed, format!("the form cannot be read: {why}"))
}

/// Which form of a page is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Wanted {
    Page,
    Json,
    Csv,
    Chart(String),
    Badge,
    /// Nothing that pages have.
    Other,
}

impl Wanted {
    /// By the address, and the route it was found by: only a page's companions have a `{file}`.
    fn of(path: &str, route: &str) -> Self {
        match path.rsplit('/').next() {
            Some("view.json") => Self::Json,
            Some("table.csv") => Self::Csv,
            Some("badge.svg") => Self::Badge,
            Some(file) if route.ends_with("{file}") => {
                file.strip_suffix(".svg").map_or(Self::Other, |chart| Self::Chart(chart.to_owned()))
            }
            _ => Self::Page,
        }
    }
}

/// Who reads, and in which form.
#[derive(Debug)]
pub(super) struct Reader {
    chrome: Chrome,
    wanted: Wanted,
    /// Entity tags that the reader has already.
    known: Option<String>,
}

impl FromRequestParts<App> for Reader {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Infallible> {
        let account = account(app, parts.extensions.get::<Caller>());
        let route = parts.extensions.get::<MatchedPath>().map_or("", MatchedPath::as_str);
        Ok(Self {
            chrome: chrome(app, &parts.uri, &parts.headers, account),
            wanted: Wanted::of(parts.uri.path(), route),
            known: text(&parts.headers, header::IF_NONE_MATCH).map(str::to_owned),
        })
    }
}

/// How a caller is shown; without a login there is nobody to show.
pub(super) fn account(app: &App, caller: Option<&Caller>) -> Account {
    match (caller, app.auth()) {
        (Some(Caller { name: Some(name), .. }), _) => Account::Token(name.clone()),
        (Some(_), _) | (None, AuthMode::OpenOnLoopback) => Account::Open,
        (None, AuthMode::Required) => Account::Anonymous,
    }
}

/// The frame of a page for this request.
pub(super) fn chrome(app: &App, uri: &Uri, headers: &HeaderMap, account: Account) -> Chrome {
    Chrome {
        preferences: Preferences::of_request(text(headers, header::COOKIE), text(headers, header::ACCEPT_LANGUAGE)),
        now: app.now(),
        version: env!("CARGO_PKG_VERSION").into(),
        path: uri.path_and_query().map_or("/", |path| path.as_str()).to_owned(),
        account,
    }
}

fn text(headers: &HeaderMap, name: header::HeaderName) -> Option<&str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

/// A form of a view, ready to be sent.
struct Made {
    content_type: &'static str,
    policy: Option<&'static str>,
    body: String,
}

impl Reader {
    /// Answers with this view.
    pub(super) async fn answer<V: Page + Send + 'static>(self, view: V) -> Result<Response, Refusal> {
        let Self { chrome, wanted, known } = self;
        // A long series or comparison takes longer to draw than an async task should keep its thread.
        let made = tokio::task::spawn_blocking({
            let wanted = wanted.clone();
            move || make(&view, &chrome, &wanted)
        });
        let made = made.await.map_err(Refusal::internal)??;
        let made = made.ok_or_else(|| {
            Refusal::new(ProblemCode::NotFound, "this page has no such part; its JSON form is view.json, its table table.csv")
        })?;
        // A page says when it was made, so that no two are the same.
        let tag = (wanted != Wanted::Page).then(|| format!("W/\"{}\"", ArtifactId::of(made.body.as_bytes()).short()));
        let mut response = match (&tag, known) {
            (Some(tag), Some(known)) if known.split(',').any(|known| known.trim() == tag) => {
                StatusCode::NOT_MODIFIED.into_response()
            }
            _ => ([(header::CONTENT_TYPE, made.content_type)], made.body).into_response(),
        };
        let headers = response.headers_mut();
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
        headers.insert(header::VARY, HeaderValue::from_static("cookie, accept-language"));
        headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("same-origin"));
        if let Some(policy) = made.policy {
            headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(policy));
        }
        if let Some(tag) = tag.and_then(|tag| HeaderValue::try_from(tag).ok()) {
            headers.insert(header::ETAG, tag);
        }
        Ok(response)
    }
}

const SVG: &str = "image/svg+xml";

/// The form that is wanted; none when the page has none of that name.
fn make(view: &impl Page, chrome: &Chrome, wanted: &Wanted) -> Result<Option<Made>, Refusal> {
    let language = chrome.preferences.language;
    let (content_type, policy, body) = match wanted {
        Wanted::Page => ("text/html; charset=utf-8", Some(PAGE_POLICY), Some(view.html(chrome).map_err(Refusal::internal)?)),
        Wanted::Json => ("application/json", None, Some(serde_json::to_string(view).map_err(Refusal::internal)?)),
        Wanted::Csv => ("text/csv; charset=utf-8; header=present", None, view.csv().map_err(Refusal::internal)?),
        Wanted::Badge => (SVG, Some(SVG_POLICY), view.badge_svg(language)),
        Wanted::Other => return Ok(None),
        Wanted::Chart(name) => (SVG, Some(SVG_POLICY), view.chart_svg(name, language).map_err(Refusal::internal)?),
    };
    Ok(body.map(|body| Made { content_type, policy, body }))
}

/// A page that answers something else than a view's address: a form, an error.
pub(super) fn page(status: StatusCode, view: &impl Page, chrome: &Chrome) -> Result<Response, Refusal> {
    let html = view.html(chrome).map_err(Refusal::internal)?;
    let headers = [
        (header::CONTENT_TYPE, "text/html; charset=utf-8"),
        (header::CONTENT_SECURITY_POLICY, PAGE_POLICY),
        (header::REFERRER_POLICY, "same-origin"),
        (header::CACHE_CONTROL, "no-store"),
    ];
    Ok((status, headers, html).into_response())
}

/// Sends a browser on to a path of this server.
pub(super) fn see_other(path: &str) -> Response {
    let location = HeaderValue::try_from(path).unwrap_or_else(|_| HeaderValue::from_static("/"));
    (StatusCode::SEE_OTHER, [(header::LOCATION, location), (header::CACHE_CONTROL, HeaderValue::from_static("no-store"))])
        .into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_part_of_an_address_says_the_form() {
        for (path, route, wanted) in [
            ("/", "/", Wanted::Page),
            ("/view.json", "/view.json", Wanted::Json),
            ("/runs/7", "/runs/{id}", Wanted::Page),
            ("/runs/7/table.csv", "/runs/{id}/{file}", Wanted::Csv),
            ("/compare/latency-macs-3.svg", "/compare/{file}", Wanted::Chart("latency-macs-3".into())),
            ("/alerts/badge.svg", "/alerts/badge.svg", Wanted::Badge),
            ("/gates/1/badge.svg", "/gates/{id}/{file}", Wanted::Badge),
            ("/rack/anything", "/rack/{file}", Wanted::Other),
        ] {
            assert_eq!(Wanted::of(path, route), wanted, "{path}");
        }
    }
}
