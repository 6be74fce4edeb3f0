//! Refusals as answers: problem+json for programs, a page for people. Causes go to the log and nowhere else.

use std::sync::Arc;

use axum::Json;
use axum::extract::Request;
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use benchrack_protocol::causes::chain;
use benchrack_protocol::problem::{Problem, ProblemCode};

use crate::refusal::Refusal;

/// Header that names a request in answers and in the log.
pub const REQUEST_ID: &str = "x-request-id";

impl IntoResponse for Refusal {
    /// Only status and reason: [`finish`] knows the request and writes the body.
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.code.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = status.into_response();
        response.extensions_mut().insert(Arc::new(self));
        response
    }
}

/// Gives every refused request its body, whoever refused it: a handler, an extractor, the router or a layer.
pub async fn finish(request: Request, next: Next) -> Response {
    let id = request.headers().get(REQUEST_ID).and_then(|id| id.to_str().ok()).map(str::to_owned);
    let mut response = next.run(request).await;
    let status = response.status();
    if !(status.is_client_error() || status.is_server_error()) {
        return response;
    }
    let refusal = response.extensions_mut().remove::<Arc<Refusal>>();
    let (code, detail) = match &refusal {
        Some(refusal) => (refusal.code, refusal.detail.clone()),
        None => by_status(status),
    };
    if let Some(cause) = refusal.as_ref().and_then(|refusal| refusal.cause.as_deref()) {
        let causes = chain(cause);
        if code == ProblemCode::Internal {
            tracing::error!(request_id = id, causes, "request failed");
        } else {
            tracing::warn!(request_id = id, causes, "request refused: {detail}");
        }
    }
    let mut problem = Problem::new(code, detail);
    problem.request_id = id;
    let json = HeaderValue::from_static("application/problem+json");
    let body = ([(header::CONTENT_TYPE, json)], Json(&problem)).into_response();
    // What the refuser said in headers (Allow, Retry-After) stays; pages are made from the problem itself.
    let mut parts = response.into_parts().0;
    parts.extensions.insert(problem);
    parts.headers.remove(header::CONTENT_LENGTH);
    let content_type = body.headers().get(header::CONTENT_TYPE).cloned();
    if let Some(content_type) = content_type {
        parts.headers.insert(header::CONTENT_TYPE, content_type);
    }
    match code {
        ProblemCode::Unavailable => {
            parts.headers.insert(header::RETRY_AFTER, HeaderValue::from_static("2"));
        }
        ProblemCode::Unauthorized => {
            parts.headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        _ => {}
    }
    parts.status = StatusCode::from_u16(code.status()).unwrap_or(status);
    Response::from_parts(parts, body.into_body())
}

/// Refusals of the router and its layers.
fn by_status(status: StatusCode) -> (ProblemCode, String) {
    match status {
        StatusCode::NOT_FOUND => {
            (ProblemCode::NotFound, "there is nothing at this address; GET /api/v1/openapi.json lists what is".into())
        }
        StatusCode::METHOD_NOT_ALLOWED => {
            (ProblemCode::MethodNotAllowed, "the header Allow names the methods this address takes".into())
        }
        StatusCode::PAYLOAD_TOO_LARGE => (ProblemCode::TooLarge, "the body is larger than this address takes".into()),
        StatusCode::REQUEST_TIMEOUT => (ProblemCode::Unavailable, "the request took too long; try again".into()),
        status if status.is_server_error() => (ProblemCode::Internal, "the server's log tells more under this request id".into()),
        status => (ProblemCode::Malformed, format!("the request cannot be read ({status})")),
    }
}
