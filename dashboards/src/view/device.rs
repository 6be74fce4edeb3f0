//! The rack and one device of it.

use benchrack_protocol::api::{Device, Heartbeat, Run};
use benchrack_protocol::device::Reality;
use benchrack_protocol::ids::{DeviceId, JobId, RunId, SeriesId};
use benchrack_protocol::report::AgentBuild;
use benchrack_protocol::units::Millicelsius;
use serde::Serialize;
use time::OffsetDateTime;

use super::{DeviceSustained, OperatingView, Queue, RunList};

/// Every device of the farm.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RackView {
    /// In the order of their names, retired ones last.
    pub devices: Vec<DeviceCard>,
    /// Sessions waiting and being measured.
    pub queue: Queue,
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
    /// How warm it was and how full its battery.
    pub condition: Condition,
    /// How steady it is; none before it was measured often enough.
    pub steadiness: Option<Steadiness>,
    /// Where its control stands; none where none rides along or no level is accepted yet.
    pub control: Option<ControlLevel>,
}

/// How warm a device was and how full its battery, as far as it says.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct Condition {
    /// Its hottest sensor at the end of its newest session.
    pub heat: Option<Heat>,
    /// Its battery when its agent last started.
    pub battery: Option<BatteryLevel>,
}

/// A temperature: where and when.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Heat {
    /// The sensor's name.
    pub sensor: String,
    /// What it said.
    pub temperature: Millicelsius,
    /// When the session's report came.
    #[serde(with = "time::serde::rfc3339")]
    pub at: OffsetDateTime,
}

/// A battery at a glance.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct BatteryLevel {
    /// Charge left, per cent.
    pub percent: u32,
    /// `Charging`, `Discharging`, `Full`; none where the device does not say.
    pub status: Option<String>,
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
    /// What a subject costs at each of its operating points.
    pub operating: OperatingView,
    /// Its newest minutes of load; none when that was never asked for.
    pub sustained: Option<DeviceSustained>,
    /// When it was kept from work, and why; newest first.
    pub absences: Vec<Absence>,
    /// Its runs.
    pub runs: RunList,
}

/// A time in which a device took no work.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Absence {
    /// `quarantined`, `offline`, `retired`.
    pub state: String,
    /// Why; none for offline.
    pub reason: Option<String>,
    /// Since when.
    #[serde(with = "time::serde::rfc3339")]
    pub since: OffsetDateTime,
    /// Until when; none while it lasts.
    #[serde(with = "time::serde::rfc3339::option")]
    pub until: Option<OffsetDateTime>,
}

/// How steady a device is: what run differs from run by while nothing changed, and how far it is from what it was.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Steadiness {
    /// Run-to-run noise of its median latencies, a standard deviation as a share: 0.01 is 1 %.
    pub noise: f64,
    /// What two runs of the same differ by at most, 95 times of 100: a smaller change shows in more runs, or in a gate.
    pub smallest: f64,
    /// Runs that it was learnt from.
    pub runs: u32,
}

/// Where a device's control stands.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct ControlLevel {
    /// Its newest run that counts.
    pub run: RunId,
    /// Its series.
    pub series: SeriesId,
    /// Change of its median latency against the accepted level, as a share: 0.05 is 5 % slower.
    pub change: f64,
}
