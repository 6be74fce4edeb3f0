//! Colours and language, kept in the reader's cookies, without script.

use axum::http::{HeaderValue, header};
use axum::response::Response;
use benchrack_dashboards::{Preferences, local_path};
use serde::Deserialize;

use super::answer::see_other;
use crate::http::extract::Query;

#[derive(Debug, Deserialize)]
pub(super) struct Wish {
    theme: Option<String>,
    lang: Option<String>,
    #[serde(default)]
    back: String,
}

pub(super) async fn set(Query(Wish { theme, lang, back }): Query<Wish>) -> Response {
    let mut response = see_other(local_path(&back));
    for cookie in Preferences::cookies(theme.as_deref(), lang.as_deref()) {
        if let Ok(cookie) = HeaderValue::try_from(cookie) {
            response.headers_mut().append(header::SET_COOKIE, cookie);
        }
    }
    response
}
