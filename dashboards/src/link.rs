//! Addresses of pages, in one place; the server's routes are these.
//!
//! Every page has companions below its own address: `view.json` (the view), `table.csv` (its main table, where it has
//! one), and `<chart>.svg`, `<chart>.png` and `<chart>.dark.png` for each of [`crate::Page::charts`]. They take the page's
//! query.

use benchrack_protocol::ids::{AlertId, DeviceId, GateId, ModelId, RunId, SeriesId, SessionId, StudyId};

/// The first page; its companions are `/view.json` and so on.
pub const HOME: &str = "/";
/// All devices.
pub const RACK: &str = "/rack";
/// Architectures against each other.
pub const COMPARE: &str = "/compare";
/// All series.
pub const SERIES: &str = "/series";
/// All models.
pub const MODELS: &str = "/models";
/// All builds of engines.
pub const ENGINES: &str = "/engines";
/// All gates.
pub const GATES: &str = "/gates";
/// All alerts.
pub const ALERTS: &str = "/alerts";
/// Decides about alerts (POST `alert`, `state`, `owner`, `reason`, `days`, `back`).
pub const TRIAGE: &str = "/alerts/triage";
/// Keeps the address of a page under a name (POST `name`, `path`).
pub const SAVE_VIEW: &str = "/views";
/// Forgets one of those (POST `view`).
pub const REMOVE_VIEW: &str = "/views/remove";
/// What the farm measured of itself.
pub const SELF_TEST: &str = "/self-test";
/// All studies.
pub const STUDIES: &str = "/studies";
/// What fits some words: query `q`.
pub const SEARCH: &str = "/search";
/// Login form (GET) and login (POST `token`, `next`).
pub const LOGIN: &str = "/login";
/// Ends the browser's session (POST).
pub const LOGOUT: &str = "/logout";
/// Sets colours and language (GET `theme`, `lang`, `back`).
pub const PREFERENCES: &str = "/preferences";

/// Architectures on one device.
pub fn compare_on(id: DeviceId) -> String {
    format!("{COMPARE}?device={id}")
}

/// The newest revisions of a model of this name.
pub fn compare_revisions(model: &str) -> String {
    let mut query = form_urlencoded::Serializer::new(String::new());
    format!("{COMPARE}?{}", query.append_pair("model", model).finish())
}

/// One device.
pub fn device(id: DeviceId) -> String {
    format!("/devices/{id}")
}

/// One run.
pub fn run(id: RunId) -> String {
    format!("/runs/{id}")
}

/// One session.
pub fn session(id: SessionId) -> String {
    format!("/sessions/{id}")
}

/// One series.
pub fn series(id: SeriesId) -> String {
    format!("/series/{id}")
}

/// The receipt of a gate, a file.
pub fn gate_receipt(id: GateId) -> String {
    format!("/api/v1/gates/{id}/receipt")
}

/// One gate.
pub fn gate(id: GateId) -> String {
    format!("/gates/{id}")
}

/// One alert.
pub fn alert(id: AlertId) -> String {
    format!("/alerts/{id}")
}

/// One study.
pub fn study(id: StudyId) -> String {
    format!("/studies/{id}")
}

/// One model revision, at the head of the earlier ones.
pub fn model(id: ModelId) -> String {
    format!("{}#model-{id}", revisions(id))
}

/// A model revision and the earlier ones.
pub fn revisions(id: ModelId) -> String {
    format!("{MODELS}?of={id}")
}
