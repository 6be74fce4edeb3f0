//! Builds of engines.

use benchrack_protocol::api::Engine;
use serde::Serialize;
use time::OffsetDateTime;

/// All builds of engines; the one inside every agent is none.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct EnginesView {
    /// By name, newest first.
    pub rows: Vec<EngineRow>,
}

/// One build.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct EngineRow {
    /// The build.
    pub engine: Engine,
    /// Runs that had it.
    pub runs: u64,
    /// Names of the devices that ran it.
    pub devices: Vec<String>,
    /// When the newest of them came.
    #[serde(with = "time::serde::rfc3339::option")]
    pub last_used_at: Option<OffsetDateTime>,
}
