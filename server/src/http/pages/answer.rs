//! From a view to an answer: as a page, as JSON, as a table or as one chart, by the last part of the address.

use std::convert::Infallible;

use axum::extract::{FromRequestParts, MatchedPath};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use benchrack_dashboards::asset::{PAGE_POLICY, SVG_POLICY};
use benchrack_dashboards::picture::{self, Shade};
use benchrack_dashboards::{Account, Chrome, Language, Page, Preferences};
use benchrack_protocol::ids::ArtifactId;
use benchrack_protocol::problem::ProblemCode;

use crate::app::{App, Caller};
use crate::config::AuthMode;
use crate::http::guard::Needed;
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
    Chart(String, Drawing),
    Badge(Drawing),
    /// Nothing that pages have.
    Other,
}

/// How a chart or badge is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Drawing {
    /// In the reader's language.
    Svg,
    /// In English: it is embedded where no browser says a language, and its font has no Hangul.
    Png(Shade),
}

impl Drawing {
    /// The name of a file without its ending, and what the ending asks for.
    fn of(file: &str) -> Option<(&str, Self)> {
        let forms = [(".svg", Self::Svg), (".dark.png", Self::Png(Shade::Dark)), (".png", Self::Png(Shade::Light))];
        forms.into_iter().find_map(|(ending, form)| Some((file.strip_suffix(ending)?, form)))
    }

    fn content_type(self) -> &'static str {
        match self {
            Self::Svg => "image/svg+xml",
            Self::Png(_) => "image/png",
        }
    }

    /// For a reader of this one.
    fn language(self, readers: Language) -> Language {
        match self {
            Self::Svg => readers,
            Self::Png(_) => Language::English,
        }
    }
}

impl Wanted {
    /// By the address, and the route it was found by: only a page's companions have a `{file}`.
    fn of(path: &str, route: &str) -> Self {
        match path.rsplit('/').next() {
            Some("view.json") => Self::Json,
            Some("table.csv") => Self::Csv,
            Some("badge.svg") => Self::Badge(Drawing::Svg),
            Some("badge.png") => Self::Badge(Drawing::Png(Shade::Light)),
            Some(file) if route.ends_with("{file}") => {
                Drawing::of(file).map_or(Self::Other, |(chart, form)| Self::Chart(chart.to_owned(), form))
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
        let caller = parts.extensions.get::<Caller>();
        let route = parts.extensions.get::<MatchedPath>().map_or("", MatchedPath::as_str);
        Ok(Self {
            chrome: chrome(app, &parts.uri, &parts.headers, caller),
            wanted: Wanted::of(parts.uri.path(), route),
            known: text(&parts.headers, header::IF_NONE_MATCH).map(str::to_owned),
        })
    }
}

/// The frame of a page for this request; without a login there is nobody to show.
pub(super) fn chrome(app: &App, uri: &Uri, headers: &HeaderMap, caller: Option<&Caller>) -> Chrome {
    let open = app.auth() == AuthMode::OpenOnLoopback;
    Chrome {
        preferences: Preferences::of_request(text(headers, header::COOKIE), text(headers, header::ACCEPT_LANGUAGE)),
        now: app.now(),
        version: env!("CARGO_PKG_VERSION").into(),
        path: uri.path_and_query().map_or("/", |path| path.as_str()).to_owned(),
        account: match caller {
            Some(Caller { name: Some(name), .. }) => Account::Token(name.clone()),
            None if !open => Account::Anonymous,
            Some(_) | None => Account::Open,
        },
        may_submit: caller.map_or(open, |caller| Needed::Submit.is_met_by(caller.scope)),
    }
}

fn text(headers: &HeaderMap, name: header::HeaderName) -> Option<&str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

/// A form of a view, ready to be sent.
struct Made {
    content_type: &'static str,
    policy: Option<&'static str>,
    /// Entity tag; a page has none, for it says when it was made, so that no two are the same.
    tag: Option<String>,
    /// None when the reader has it already.
    body: Option<Vec<u8>>,
}

impl Reader {
    /// Answers with this view.
    pub(super) async fn answer<V: Page + Send + 'static>(self, view: V) -> Result<Response, Refusal> {
        // A long series or comparison takes longer to draw than an async task should keep its thread.
        let made = tokio::task::spawn_blocking(move || make(&view, &self)).await.map_err(Refusal::internal)??;
        let made = made.ok_or_else(|| {
            Refusal::new(ProblemCode::NotFound, "this page has no such part; its JSON form is view.json, its table table.csv")
        })?;
        let mut response = match made.body {
            None => StatusCode::NOT_MODIFIED.into_response(),
            Some(body) => ([(header::CONTENT_TYPE, made.content_type)], body).into_response(),
        };
        let headers = response.headers_mut();
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
        headers.insert(header::VARY, HeaderValue::from_static("cookie, accept-language"));
        headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("same-origin"));
        if let Some(policy) = made.policy {
            headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(policy));
        }
        if let Some(tag) = made.tag.and_then(|tag| HeaderValue::try_from(tag).ok()) {
            headers.insert(header::ETAG, tag);
        }
        Ok(response)
    }
}

/// The form that is wanted; none when the page has none of that name.
fn make(view: &impl Page, reader: &Reader) -> Result<Option<Made>, Refusal> {
    let Reader { chrome, wanted, known } = reader;
    let language = |form: &Drawing| form.language(chrome.preferences.language);
    let (content_type, policy, text) = match wanted {
        Wanted::Page => ("text/html; charset=utf-8", Some(PAGE_POLICY), Some(view.html(chrome).map_err(Refusal::internal)?)),
        Wanted::Json => ("application/json", None, Some(serde_json::to_string(view).map_err(Refusal::internal)?)),
        Wanted::Csv => ("text/csv; charset=utf-8; header=present", None, view.csv().map_err(Refusal::internal)?),
        Wanted::Badge(form) => (form.content_type(), Some(SVG_POLICY), view.badge_svg(language(form))),
        Wanted::Chart(name, form) => {
            let chart = view.chart_svg(name, language(form)).map_err(Refusal::internal)?;
            (form.content_type(), Some(SVG_POLICY), chart)
        }
        Wanted::Other => return Ok(None),
    };
    let Some(text) = text else { return Ok(None) };
    let shade = match wanted {
        Wanted::Badge(Drawing::Png(shade)) | Wanted::Chart(_, Drawing::Png(shade)) => Some(*shade),
        _ => None,
    };
    // Pixels follow from the SVG and the version that draws them: whoever has them already costs no drawing.
    let drawn_by = if shade.is_some() { concat!("-", env!("CARGO_PKG_VERSION")) } else { "" };
    let tag = (*wanted != Wanted::Page).then(|| format!("W/\"{}{drawn_by}\"", ArtifactId::of(text.as_bytes()).short()));
    let body = match (known, &tag, shade) {
        (Some(known), Some(tag), _) if known.split(',').any(|known| known.trim() == tag) => None,
        (_, _, Some(shade)) => Some(picture::png(&text, shade).map_err(Refusal::internal)?),
        _ => Some(text.into_bytes()),
    };
    Ok(Some(Made { content_type, policy, tag, body }))
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
            ("/compare/latency-macs-3.svg", "/compare/{file}", Wanted::Chart("latency-macs-3".into(), Drawing::Svg)),
            ("/series/1/series.png", "/series/{id}/{file}", Wanted::Chart("series".into(), Drawing::Png(Shade::Light))),
            ("/series/1/series.dark.png", "/series/{id}/{file}", Wanted::Chart("series".into(), Drawing::Png(Shade::Dark))),
            ("/series/1/series.jpg", "/series/{id}/{file}", Wanted::Other),
            ("/alerts/badge.svg", "/alerts/badge.svg", Wanted::Badge(Drawing::Svg)),
            ("/alerts/badge.png", "/alerts/badge.png", Wanted::Badge(Drawing::Png(Shade::Light))),
            ("/gates/1/badge.svg", "/gates/{id}/{file}", Wanted::Badge(Drawing::Svg)),
            ("/rack/anything", "/rack/{file}", Wanted::Other),
        ] {
            assert_eq!(Wanted::of(path, route), wanted, "{path}");
        }
    }
}
