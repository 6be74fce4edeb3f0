//! Style sheet, script and icon, kept by browsers for ever: a new one has a new address.

use axum::http::{Uri, header};
use axum::response::{IntoResponse, Response};
use benchrack_dashboards::asset;
use benchrack_protocol::problem::ProblemCode;

use crate::refusal::Refusal;

pub(super) async fn asset(uri: Uri) -> Result<Response, Refusal> {
    let asset = asset::all().iter().find(|asset| asset.url == uri.path());
    let asset =
        asset.ok_or_else(|| Refusal::new(ProblemCode::NotFound, "no such file; load the page again for its present address"))?;
    let headers = [
        (header::CONTENT_TYPE, asset.content_type.to_owned()),
        (header::CACHE_CONTROL, "public, max-age=31536000, immutable".to_owned()),
        (header::ETAG, format!("W/\"{}\"", asset.hash)),
    ];
    Ok((headers, asset.bytes.as_slice()).into_response())
}
