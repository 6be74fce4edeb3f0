//! Our own extractors, so that every rejection is a problem with a stable code that names the field.

use axum::body::{Body, Bytes};
use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use benchrack_protocol::problem::ProblemCode;
use futures::StreamExt;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::app::App;
use crate::refusal::Refusal;

/// Parsing this much takes longer than an async task should keep its thread.
const PARSE_ASIDE: usize = 256 << 10;

/// A JSON body, as large as `limits.json_bytes`.
#[derive(Debug)]
pub struct Json<T>(pub T);

/// A JSON body, as large as `limits.report_bytes`, read and as it came.
#[derive(Debug)]
pub struct LargeJson<T>(pub T, pub Bytes);

impl<T: DeserializeOwned + Send + 'static> FromRequest<App> for Json<T> {
    type Rejection = Refusal;

    async fn from_request(request: Request, app: &App) -> Result<Self, Refusal> {
        json_body(request, app.limits().json_bytes).await.map(|(value, _)| Self(value))
    }
}

impl<T: DeserializeOwned + Send + 'static> FromRequest<App> for LargeJson<T> {
    type Rejection = Refusal;

    async fn from_request(request: Request, app: &App) -> Result<Self, Refusal> {
        json_body(request, app.limits().report_bytes).await.map(|(value, body)| Self(value, body))
    }
}

impl<T: Serialize> IntoResponse for Json<T> {
    fn into_response(self) -> Response {
        axum::Json(self.0).into_response()
    }
}

async fn json_body<T: DeserializeOwned + Send + 'static>(request: Request, limit: usize) -> Result<(T, Bytes), Refusal> {
    // Forms of other sites cannot send this type, so that it also guards against them.
    if !is_json(request.headers()) {
        return Err(Refusal::new(ProblemCode::Malformed, "the header content-type must be application/json"));
    }
    let body = read_body(request.into_body(), limit).await?;
    if body.len() < PARSE_ASIDE {
        return Ok((parse(&body)?, body));
    }
    let copy = body.clone();
    let value = tokio::task::spawn_blocking(move || parse(&copy)).await.map_err(Refusal::internal)??;
    Ok((value, body))
}

fn is_json(headers: &HeaderMap) -> bool {
    let value = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    value.split(';').next().is_some_and(|kind| kind.trim().eq_ignore_ascii_case("application/json"))
}

/// The whole body, bounded.
pub async fn read_body(body: Body, limit: usize) -> Result<Bytes, Refusal> {
    let too_large =
        || Refusal::new(ProblemCode::TooLarge, format!("the body is larger than the {limit} bytes this address takes"));
    let mut chunks = body.into_data_stream();
    let mut whole = Vec::new();
    while let Some(chunk) = chunks.next().await {
        let chunk = chunk.map_err(|error| Refusal::new(ProblemCode::Malformed, format!("the body broke off: {error}")))?;
        if whole.len() + chunk.len() > limit {
            return Err(too_large());
        }
        whole.extend_from_slice(&chunk);
    }
    Ok(whole.into())
}

fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, Refusal> {
    let mut deserializer = serde_json::Deserializer::from_slice(body);
    let value: T = serde_path_to_error::deserialize(&mut deserializer).map_err(|error| {
        let path = error.path().to_string();
        let error = error.into_inner();
        match error.classify() {
            serde_json::error::Category::Data if path == "." => Refusal::invalid(error.to_string()),
            serde_json::error::Category::Data => Refusal::invalid(format!("{path}: {error}")),
            _ => Refusal::new(ProblemCode::Malformed, format!("the body is not whole JSON: {error}")),
        }
    })?;
    let rest = deserializer.end();
    rest.map_err(|error| Refusal::new(ProblemCode::Malformed, format!("the body is more than one JSON value: {error}")))?;
    Ok(value)
}

/// Parts of the address.
#[derive(Debug)]
pub struct Path<T>(pub T);

impl<T: DeserializeOwned + Send> FromRequestParts<App> for Path<T> {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Refusal> {
        match axum::extract::Path::<T>::from_request_parts(parts, app).await {
            Ok(axum::extract::Path(value)) => Ok(Self(value)),
            Err(PathRejection::FailedToDeserializePathParams(error)) => {
                Err(Refusal::new(ProblemCode::Malformed, format!("the address cannot be read: {}", error.body_text())))
            }
            Err(error) => Err(Refusal::internal(error)),
        }
    }
}

/// The query of the address.
#[derive(Debug)]
pub struct Query<T>(pub T);

impl<T: DeserializeOwned + Send> FromRequestParts<App> for Query<T> {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Refusal> {
        match axum::extract::Query::<T>::from_request_parts(parts, app).await {
            Ok(axum::extract::Query(value)) => Ok(Self(value)),
            Err(error @ QueryRejection::FailedToDeserializeQueryString(_)) => {
                Err(Refusal::new(ProblemCode::Malformed, format!("the query cannot be read: {}", error.body_text())))
            }
            Err(error) => Err(Refusal::internal(error)),
        }
    }
}

#[cfg(test)]
mod tests {
    use benchrack_protocol::api::NewToken;

    use super::*;

    #[test]
    fn each_wrong_body_is_told_apart_and_the_field_is_named() {
        for (body, code, expected) in [
            (r#"{"name": "a", "scope": "rea"}"#, ProblemCode::Invalid, "scope"),
            (r#"{"name": "a"}"#, ProblemCode::Invalid, "scope"),
            (r#"{"name": 1, "scope": "read"}"#, ProblemCode::Invalid, "name"),
            (r#"{"name": "a", "scope": "read", "x": 1}"#, ProblemCode::Invalid, "x"),
            (r#"{"name": "a", "sco"#, ProblemCode::Malformed, "whole JSON"),
            ("", ProblemCode::Malformed, "whole JSON"),
            (r#"{"name": "a", "scope": "read"} {}"#, ProblemCode::Malformed, "more than one"),
        ] {
            let refusal = parse::<NewToken>(body.as_bytes()).unwrap_err();
            assert_eq!(refusal.code, code, "{body}");
            assert!(refusal.detail.contains(expected), "{body}: {}", refusal.detail);
        }
        assert!(parse::<NewToken>(br#"{"name": "a", "scope": "read"}"#).is_ok());
    }
}
