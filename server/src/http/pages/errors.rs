//! Refusals for people: the same problem that a program gets, as a page, and the way to the login where one is needed.

use axum::extract::{Request, State};
use axum::http::{HeaderMap, Method, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use benchrack_dashboards::link;
use benchrack_dashboards::view::{ErrorView, LoginView};
use benchrack_protocol::problem::{Problem, ProblemCode};

use super::answer::{chrome, page, see_other};
use super::login::Failed;
use crate::app::App;
use crate::http::guard;

/// Turns the problem that an answer carries into a page, for whoever asked for one.
pub async fn for_browsers(State(app): State<App>, request: Request, next: Next) -> Response {
    if !wants_page(request.headers(), request.uri().path()) {
        return next.run(request).await;
    }
    let (method, uri, headers) = (request.method().clone(), request.uri().clone(), request.headers().clone());
    let mut response = next.run(request).await;
    let Some(problem) = response.extensions_mut().remove::<Problem>() else { return response };
    let failed = response.extensions_mut().remove::<Failed>();
    if problem.code == ProblemCode::Unauthorized && failed.is_none() && method.is_safe() {
        let mut query = form_urlencoded::Serializer::new(String::new());
        let path = uri.path_and_query().map_or("/", |path| path.as_str());
        return see_other(&format!("{}?{}", link::LOGIN, query.append_pair("next", path).finish()));
    }
    // Asked again, because a refusal may have come before anybody asked.
    let caller = guard::identify(&app, &Method::GET, &uri, &headers).await.ok();
    let chrome = chrome(&app, &uri, &headers, caller.as_ref());
    let status = response.status();
    let made = match failed {
        Some(Failed { next }) => page(status, &LoginView { next, failure: Some(problem.detail) }, &chrome),
        None => page(status, &ErrorView { problem }, &chrome),
    };
    match made {
        Ok(made) => {
            // What the refuser said in headers (Allow, Retry-After) stays.
            for name in [header::CONTENT_LENGTH, header::WWW_AUTHENTICATE] {
                response.headers_mut().remove(name);
            }
            let (made, body) = made.into_parts();
            response.headers_mut().extend(made.headers);
            *response.body_mut() = body;
            response
        }
        Err(refusal) => {
            tracing::error!(
                cause = refusal.cause.as_deref().map(|cause| benchrack_protocol::causes::chain(cause)),
                "an error page cannot be made"
            );
            (status, "the server failed and cannot even show its error page; its log tells more").into_response()
        }
    }
}

fn wants_page(headers: &HeaderMap, path: &str) -> bool {
    let accepts_html =
        headers.get(header::ACCEPT).and_then(|accept| accept.to_str().ok()).is_some_and(|a| a.contains("text/html"));
    accepts_html && !path.starts_with("/api/")
}
