//! Style sheet, script and icon. Their addresses carry a digest of their content, so that they may be kept for ever.

use std::sync::LazyLock;

use benchrack_protocol::ids::ArtifactId;

use crate::palette;

/// A file that pages need.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asset {
    /// Plain name: `benchrack.css`.
    pub name: &'static str,
    /// Address to serve it at, `/assets/benchrack.<digest>.css`, with
    /// `Cache-Control: public, max-age=31536000, immutable`.
    pub url: String,
    /// Media type.
    pub content_type: &'static str,
    /// Content.
    pub bytes: Vec<u8>,
    /// Start of the content's SHA-256, hexadecimal; also a good `ETag`.
    pub hash: String,
}

/// `Content-Security-Policy` for pages: only this server's files, no inline script or style, no framing.
pub const PAGE_POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// `Content-Security-Policy` for a chart's own file: its own style and nothing else.
pub const SVG_POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'";

static ASSETS: LazyLock<[Asset; 3]> = LazyLock::new(|| {
    let style = palette::variables() + include_str!("../assets/benchrack.css") + palette::chart_rules();
    [
        asset("benchrack", "css", "benchrack.css", "text/css; charset=utf-8", style.into_bytes()),
        asset(
            "benchrack",
            "js",
            "benchrack.js",
            "text/javascript; charset=utf-8",
            include_bytes!("../assets/benchrack.js").into(),
        ),
        asset("icon", "svg", "icon.svg", "image/svg+xml", include_bytes!("../assets/icon.svg").into()),
    ]
});

fn asset(stem: &str, extension: &str, name: &'static str, content_type: &'static str, bytes: Vec<u8>) -> Asset {
    let hash = ArtifactId::of(&bytes).short();
    Asset { name, url: format!("/assets/{stem}.{hash}.{extension}"), content_type, bytes, hash }
}

/// Every file that pages need.
pub fn all() -> &'static [Asset] {
    ASSETS.as_slice()
}

/// Address of the asset of this name; empty when there is none, which a test rules out.
pub(crate) fn url(name: &str) -> &'static str {
    all().iter().find(|asset| asset.name == name).map_or("", |asset| asset.url.as_str())
}
