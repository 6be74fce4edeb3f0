//! The rack and one device of it.

use benchrack_protocol::api::{Device, Heartbeat, Run};
use benchrack_protocol::device::Reality;
use benchrack_protocol::ids::{DeviceId, JobId};
use benchrack_protocol::rack::Rack;
use benchrack_protocol::report::AgentBuild;
use serde::Serialize;
use time::OffsetDateTime;

use super::{Queue, RunList};

/// Every device of the farm.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RackView {
    /// In the order of their names, retired ones last.
    pub devices: Vec<DeviceCard>,
    /// Sessions waiting and being measured.
    pub queue: Queue,
    /// Hosts of racks, each with its phones as it sees them.
    pub hosts: Vec<Rack>,
}

/// A device at a glance.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct DeviceCard {
    /// Id.
    pub id: DeviceId,
    /// Unique name.
    pub name: String,
    /// Maker and model, or system and CPU.
    pub title: String,
    /// `idle`, `leased`, `cooling`, `quarantined`, `offline`, `retired`.
    pub state: String,
    /// Why, for quarantined, retired and cooling.
    pub reason: Option<String>,
    /// Whether its figures are real.
    pub reality: Reality,
    /// Last sign of life.
    #[serde(with = "time::serde::rfc3339")]
    pub last_seen_at: OffsetDateTime,
    /// What it does right now.
    pub current: Option<CurrentSession>,
    /// Its newest runs, at most four.
    pub newest: Vec<Run>,
    /// Jobs that wait for it.
    pub queued: u32,
}

/// A session that is being measured.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CurrentSession {
    /// Its job.
    pub job: JobId,
    /// For people: its subjects.
    pub title: String,
    /// When the lease was given.
    #[serde(with = "time::serde::rfc3339")]
    pub since: OffsetDateTime,
    /// The agent's last heartbeat; none before the first.
    pub progress: Option<Heartbeat>,
}

/// One device.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct DeviceView {
    /// What the server knows, with the latest report.
    pub device: Device,
    /// The agent's build.
    pub agent: AgentBuild,
    /// What it does right now.
    pub current: Option<CurrentSession>,
    /// Jobs that wait for it.
    pub queued: u32,
    /// Its runs.
    pub runs: RunList,
}
