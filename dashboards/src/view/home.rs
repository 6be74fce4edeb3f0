//! Is anything wrong, and what happened last.

use benchrack_protocol::alert::Alert;
use benchrack_protocol::api::Verdict;
use benchrack_protocol::ids::{GateId, RunId};
use benchrack_protocol::report::Failure;
use benchrack_protocol::validity::Doubt;
use serde::Serialize;
use time::OffsetDateTime;

use super::{DeviceCard, DeviceRef, GateRow, SessionRow};

/// The first page.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct HomeView {
    /// What needs a person, worst first; empty is the good case and is said so.
    pub troubles: Vec<Trouble>,
    /// Every device, as on the rack page.
    pub devices: Vec<DeviceCard>,
    /// Sessions waiting and being measured.
    pub queue: Queue,
    /// The latest sessions, newest first, about ten.
    pub sessions: Vec<SessionRow>,
    /// The latest gates, newest first, about five.
    pub gates: Vec<GateRow>,
    /// Models known to the server; 0 shows how to add some.
    pub models: u32,
    /// Views that are kept under a name, by name.
    pub saved: Vec<SavedView>,
}

/// The address of a page under a name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SavedView {
    /// Id.
    pub id: i64,
    /// Its name, each once.
    pub name: String,
    /// Path and query.
    pub path: String,
    /// When it was saved.
    #[serde(with = "time::serde::rfc3339")]
    pub saved_at: OffsetDateTime,
}

/// Work that is not done yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Default)]
pub struct Queue {
    /// Jobs that wait for their device.
    pub queued: u32,
    /// Jobs being measured now.
    pub leased: u32,
}

/// A device that gives no sign of life.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SilentDevice {
    /// Which.
    pub device: DeviceRef,
    /// Its last sign of life.
    #[serde(with = "time::serde::rfc3339")]
    pub last_seen_at: OffsetDateTime,
}

/// One thing that needs a person.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "trouble", rename_all = "snake_case")]
pub enum Trouble {
    /// A device takes no work until somebody looks at it.
    Quarantined {
        /// Which.
        device: DeviceRef,
        /// Why.
        reason: String,
    },
    /// Devices have gone silent: one trouble, because a hub without power silences all of its phones.
    Offline {
        /// Which, at least one.
        devices: Vec<SilentDevice>,
    },
    /// A confirmed change that nobody has decided about, or that is overdue.
    Alert {
        /// It, with its findings.
        alert: Alert,
    },
    /// A gate found its candidate slower.
    GateSlower {
        /// Which.
        gate: GateId,
        /// Its verdict in one sentence.
        summary: String,
        /// The verdict, `slower`.
        verdict: Verdict,
    },
    /// Subjects that could not be measured lately, grouped by device and reason.
    RunsFailed {
        /// Where.
        device: DeviceRef,
        /// How many.
        count: u32,
        /// Reason they share, and the newest one's detail.
        failure: Failure,
        /// The newest.
        newest: RunId,
    },
    /// Runs of lately that do not count, grouped by device and main reason.
    RunsInvalid {
        /// Where.
        device: DeviceRef,
        /// How many do not count.
        count: u32,
        /// Out of how many.
        of: u32,
        /// The commonest reason with the newest one's figures; none where none was given.
        doubt: Option<Doubt>,
        /// The newest.
        newest: RunId,
    },
    /// Jobs whose device takes none.
    Stuck {
        /// How many wait.
        jobs: u32,
        /// Since when the oldest waits.
        #[serde(with = "time::serde::rfc3339")]
        since: OffsetDateTime,
        /// The device that they wait for.
        device: DeviceRef,
        /// Its state: `offline`.
        state: String,
    },
}
