//! Pages: one file each, a view and its template.

mod access;
mod alert;
mod alert_words;
pub(crate) mod compare;
mod compare_matrix;
mod compare_row;
mod device;
mod device_points;
mod engines;
mod facets;
mod gate;
mod home;
mod models;
mod rack;
mod rack_hosts;
mod run;
mod run_frames;
mod run_load;
mod run_table;
mod run_words;
mod search;
mod self_test;
mod series;
mod session;
mod study;

use askama::Template;

use crate::RenderError;

/// Fills a page's template.
pub(crate) fn render(page: &impl Template) -> Result<String, RenderError> {
    page.render().map_err(RenderError::Template)
}
