//! Pages and charts as a reader gets them.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a helper of a test fails by panicking")]

mod files;
mod golden;
mod pictures;
mod read_back;
mod sample;
mod structure;

use benchrack_dashboards::asset;

/// The text without what changes with every edit of the style sheet: digests in addresses, and a chart's own style.
fn settled(text: &str) -> String {
    let named =
        asset::all().iter().fold(text.to_owned(), |text, asset| text.replace(&asset.url, &format!("/assets/{}", asset.name)));
    match (named.find("<style>"), named.find("</style>")) {
        (Some(from), Some(to)) => format!("{}<style>{}", &named[..from], &named[to..]),
        _ => named,
    }
}
