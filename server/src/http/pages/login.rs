//! Logging in by browser: a token is exchanged for a cookie, which scripts cannot read and other sites cannot send.

use axum::Form;
use axum::extract::State;
use axum::extract::rejection::FormRejection;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use benchrack_dashboards::view::LoginView;
use benchrack_dashboards::{link, local_path};
use benchrack_protocol::problem::ProblemCode;
use serde::Deserialize;

use super::answer::{chrome, page, see_other, unreadable_form};
use crate::app::{App, LOGIN_LIFE};
use crate::config::AuthMode;
use crate::http::extract::Query;
use crate::http::guard::{SESSION_COOKIE, check_same_site, cookie};
use crate::refusal::Refusal;

/// Where to go after logging in.
#[derive(Debug, Deserialize)]
pub(super) struct Next {
    #[serde(default)]
    next: String,
}

#[derive(Debug, Deserialize)]
pub(super) struct Credentials {
    token: String,
    #[serde(default)]
    next: String,
}

/// Carried by the answer to a login that failed, so that the form shown again still knows where to go.
#[derive(Debug, Clone)]
pub(super) struct Failed {
    pub(super) next: String,
}

pub(super) async fn form(
    State(app): State<App>,
    uri: Uri,
    headers: HeaderMap,
    Query(Next { next }): Query<Next>,
) -> Result<Response, Refusal> {
    let view = LoginView { next: local_path(&next).to_owned(), failure: None };
    page(StatusCode::OK, &view, &chrome(&app, &uri, &headers, None))
}

pub(super) async fn log_in(
    State(app): State<App>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    form: Result<Form<Credentials>, FormRejection>,
) -> Result<Response, Refusal> {
    check_same_site(&app, &method, &uri, &headers)?;
    let Form(Credentials { token, next }) = form.map_err(|error| unreadable_form(&error.body_text()))?;
    let next = local_path(&next);
    match app.log_in(&token).await {
        Ok(login) => with_cookie(see_other(next), &app, login.secret.reveal(), LOGIN_LIFE.whole_seconds()),
        Err(refusal) if refusal.code == ProblemCode::Unauthorized => {
            let mut response = refusal.into_response();
            response.extensions_mut().insert(Failed { next: next.to_owned() });
            Ok(response)
        }
        Err(refusal) => Err(refusal),
    }
}

pub(super) async fn log_out(State(app): State<App>, method: Method, uri: Uri, headers: HeaderMap) -> Result<Response, Refusal> {
    check_same_site(&app, &method, &uri, &headers)?;
    if let Some(secret) = cookie(&headers, SESSION_COOKIE) {
        app.log_out(secret).await?;
    }
    let next = match app.auth() {
        AuthMode::Required => link::LOGIN,
        AuthMode::OpenOnLoopback => link::HOME,
    };
    with_cookie(see_other(next), &app, "", 0)
}

fn with_cookie(mut response: Response, app: &App, value: &str, seconds: i64) -> Result<Response, Refusal> {
    let secure = if app.public_url().is_some_and(|url| url.starts_with("https://")) { "; Secure" } else { "" };
    let cookie = format!("{SESSION_COOKIE}={value}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Strict{secure}");
    response.headers_mut().insert(header::SET_COOKIE, HeaderValue::try_from(cookie).map_err(Refusal::internal)?);
    Ok(response)
}
