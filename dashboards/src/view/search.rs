//! What fits some words.

use serde::Serialize;

/// The hits of a search.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SearchView {
    /// What was asked, without blanks around it; empty asks nothing.
    pub query: String,
    /// The query string that leads to this view, without `?`.
    pub address: String,
    /// Numbers first, then saved views, devices, models and engines by name.
    pub hits: Vec<Hit>,
    /// Whether there are more than these.
    pub more: bool,
}

/// Something that fits.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Hit {
    /// What it is.
    pub kind: HitKind,
    /// Its name, or its number.
    pub name: String,
    /// What tells it apart from others of that name; may be empty.
    pub detail: String,
    /// Where it is.
    pub href: String,
}

/// What a hit is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum HitKind {
    /// A view that somebody keeps under a name.
    SavedView,
    /// A device.
    Device,
    /// A model.
    Model,
    /// A build of an engine.
    Engine,
    /// A series.
    Series,
    /// A run.
    Run,
    /// A session.
    Session,
    /// A gate.
    Gate,
    /// An alert.
    Alert,
}
