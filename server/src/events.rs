//! What happens on the farm, told to every server on the same database and to every browser that listens.
//!
//! An event is a Postgres notification, so that it comes with the commit of what it tells and reaches all replicas. It
//! is a hint: who hears it reads the state again, and a lost one costs a delay, never a job.

use benchrack_protocol::ids::{AlertId, DeviceId, GateId, JobId, RunId, SessionId};
use serde::{Deserialize, Serialize};
use tokio::sync::broadcast;

/// Channel of all notifications.
pub const CHANNEL: &str = "benchrack";
/// Events that a slow listener may lag behind before it loses some.
const BACKLOG: usize = 1024;
/// Postgres takes 8000 bytes; a phase is for people and stays readable below this.
pub const LONGEST_PHASE: usize = 200;

/// Something that happened. JSON on the wire, `{"event": "progress", …}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum FarmEvent {
    /// There may be work for this device.
    Work {
        /// The device.
        device: DeviceId,
    },
    /// A device changed its state.
    Device {
        /// The device.
        device: DeviceId,
        /// `idle`, `leased`, …
        state: String,
    },
    /// A job changed its state.
    Job {
        /// The job.
        job: JobId,
        /// `queued`, `leased`, `done`, …
        state: String,
    },
    /// An agent said how far it is.
    Progress {
        /// The job.
        job: JobId,
        /// The device.
        device: DeviceId,
        /// For people.
        phase: String,
        /// Blocks done.
        done: u32,
        /// Blocks in all.
        total: u32,
    },
    /// A session's report was stored.
    Stored {
        /// The session.
        session: SessionId,
        /// The device.
        device: DeviceId,
        /// Its runs.
        runs: Vec<RunId>,
    },
    /// A gate got its verdict.
    Decided {
        /// The gate.
        gate: GateId,
    },
    /// An alert was raised or changed.
    Alert {
        /// The alert.
        alert: AlertId,
    },
    /// A host of a rack told of its phones.
    Rack {
        /// The host.
        host: String,
    },
    /// Some events may have been lost: read everything again.
    Lost,
}

impl FarmEvent {
    /// Name of the event, as in its JSON.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Work { .. } => "work",
            Self::Device { .. } => "device",
            Self::Job { .. } => "job",
            Self::Progress { .. } => "progress",
            Self::Stored { .. } => "stored",
            Self::Decided { .. } => "decided",
            Self::Alert { .. } => "alert",
            Self::Rack { .. } => "rack",
            Self::Lost => "lost",
        }
    }
}

/// Hands events on within this process. Cheap to clone.
#[derive(Debug, Clone)]
pub struct EventBus(broadcast::Sender<FarmEvent>);

impl Default for EventBus {
    fn default() -> Self {
        Self(broadcast::Sender::new(BACKLOG))
    }
}

impl EventBus {
    /// Hears everything from now on.
    pub fn subscribe(&self) -> broadcast::Receiver<FarmEvent> {
        self.0.subscribe()
    }

    /// Passes on what the database notified.
    pub fn publish(&self, event: FarmEvent) {
        // Nobody listening is no error.
        let _ = self.0.send(event);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_event_fits_into_a_notification() {
        let longest = FarmEvent::Progress {
            job: JobId(i64::MAX),
            device: DeviceId(i64::MAX),
            // Six bytes for each character is the most that JSON makes of one.
            phase: "\u{1}".repeat(LONGEST_PHASE),
            done: u32::MAX,
            total: u32::MAX,
        };
        assert!(serde_json::to_string(&longest).unwrap().len() < 8000);
    }

    #[test]
    fn names_are_those_of_the_json() {
        for event in [
            FarmEvent::Work { device: DeviceId(1) },
            FarmEvent::Decided { gate: GateId(1) },
            FarmEvent::Job { job: JobId(1), state: "done".into() },
            FarmEvent::Rack { host: "lab-4".into() },
            FarmEvent::Lost,
        ] {
            assert_eq!(serde_json::to_value(&event).unwrap()["event"], event.name());
        }
    }
}
