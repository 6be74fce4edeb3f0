//! Pages and charts of benchrack: view structs to HTML, SVG and PNG.
//!
//! `view` says what a page shows, [`Page`] turns it into HTML, stand-alone charts and CSV. No database, no clock, no
//! arithmetic beyond scaling: what is drawn is what was given.

#![warn(missing_docs)]

pub mod asset;
mod chart;
mod chrome;
mod format;
pub mod link;
mod page;
mod palette;
mod part;
pub mod picture;
mod table;
mod text;
pub mod view;

pub use chrome::{Account, Chrome, Language, Preferences, Theme, local_path};
use serde::Serialize;

/// A page could not be made.
#[derive(Debug, thiserror::Error)]
pub enum RenderError {
    /// The template failed; with checked templates and memory at hand that does not happen.
    #[error("cannot fill the page's template")]
    Template(#[source] askama::Error),
    /// A chart could not be drawn.
    #[error("cannot draw the chart '{chart}'")]
    Chart {
        /// Its name.
        chart: &'static str,
        /// What plotters said.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A chart's SVG could not be drawn as PNG.
    #[error("cannot draw the picture")]
    Picture(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// A table could not be written as CSV.
    #[error("cannot write the table as CSV")]
    Csv(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// A view that is a page. Its JSON form is the view itself, by serde.
pub trait Page: Serialize {
    /// Names of its charts, each to be had alone as `<page's path>/<name>.svg`, and as
    /// `<name>.png` and `<name>.dark.png` drawn from it by [`picture::png`].
    fn charts(&self) -> Vec<String> {
        Vec::new()
    }

    /// The whole document, `text/html; charset=utf-8`.
    fn html(&self, chrome: &Chrome) -> Result<String, RenderError>;

    /// The chart of this name as a document of its own, `image/svg+xml`; none when the page has no such chart.
    fn chart_svg(&self, name: &str, language: Language) -> Result<Option<String>, RenderError> {
        let _ = (name, language);
        Ok(None)
    }

    /// The page's answer in a word or a figure, to be embedded elsewhere, `image/svg+xml`; none when it has none.
    fn badge_svg(&self, language: Language) -> Option<String> {
        let _ = language;
        None
    }

    /// The page's main table, `text/csv; charset=utf-8; header=present` (RFC 4180); none when it has none.
    fn csv(&self) -> Result<Option<String>, RenderError> {
        Ok(None)
    }
}
