//! Models that come packed: read, decrypted and decompressed in memory, so that the plain model is never in a file.

use benchrack_protocol::causes::chain;
use benchrack_protocol::packaging::unpack;
use benchrack_protocol::runner::{FailureReason, LoadRequest, PackedModel};
use benchrack_protocol::units::Nanos;

use super::Refusal;
use super::engine::Source;
use super::model::elapsed;
use crate::clock::raw;

/// Where the request's model is, and how long unpacking took, where it is packed.
///
/// # Errors
/// [`FailureReason::ArtifactUnavailable`] when the package cannot be read or opened.
pub fn source(request: &LoadRequest) -> Result<(Source<'_>, Option<Nanos>), Refusal> {
    let Some(PackedModel { packaging, key }) = &request.package else {
        return Ok((Source::File(&request.model), None));
    };
    let unavailable = |why: &dyn std::error::Error| {
        let detail = format!("the {} package {} cannot be opened: {}", packaging.name(), request.model.display(), chain(why));
        Refusal::new(FailureReason::ArtifactUnavailable, detail)
    };
    let begun = raw();
    let package = std::fs::read(&request.model).map_err(|error| unavailable(&error))?;
    let model = unpack(*packaging, package, key.as_ref()).map_err(|error| unavailable(&error))?;
    Ok((Source::Bytes(model), Some(elapsed(begun))))
}
