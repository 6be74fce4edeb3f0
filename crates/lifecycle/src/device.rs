//! A device: idle, leased, cooling, quarantined, offline or retired.

use std::fmt;

use benchrack_protocol::ids::LeaseId;
use benchrack_protocol::report::Failure;
use serde::{Deserialize, Serialize};
use time::{Duration, OffsetDateTime};

use crate::fault::{self, Fault};
use crate::{Refusal, later};

/// Bounds that an operator sets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct DevicePolicy {
    /// Rest after each session; zero for none.
    pub cool_down: Duration,
    /// A device that gave no sign of life for so long is offline.
    pub offline_after: Duration,
    /// After so many failed sessions in a row a device is quarantined; at least 1.
    pub quarantine_after: u32,
}

impl Default for DevicePolicy {
    /// No rest (the agent settles by temperature); offline after two minutes; quarantined after five failures.
    fn default() -> Self {
        Self { cool_down: Duration::ZERO, offline_after: Duration::minutes(2), quarantine_after: 5 }
    }
}

/// State of a device.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum DeviceState {
    /// May be given work.
    Idle,
    /// At work.
    Leased {
        /// Under this lease.
        lease: LeaseId,
    },
    /// Rests after a session.
    Cooling {
        /// Until this moment.
        until: OffsetDateTime,
    },
    /// Kept out until a person lets it in again.
    Quarantined {
        /// Why.
        reason: String,
        /// Since this moment.
        since: OffsetDateTime,
        /// The session that was under way and may still end well.
        lease: Option<LeaseId>,
    },
    /// Silent.
    Offline {
        /// Since this moment.
        since: OffsetDateTime,
    },
    /// Gone for good.
    Retired {
        /// Why.
        reason: String,
    },
}

/// A device's state with what decides about the next one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Device {
    /// State.
    pub state: DeviceState,
    /// Failed sessions in a row.
    pub failures: u32,
    /// Last sign of life.
    pub last_seen_at: OffsetDateTime,
}

/// How a session ended for its device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SessionEnd {
    /// A report was stored.
    Reported,
    /// The device is to blame: its lease ran out, or it could not do what it can do.
    Failed {
        /// Why.
        reason: String,
    },
    /// Without a result, and the device is not to blame: cancelled by a person, or given back for another's fault.
    Cancelled,
}

impl SessionEnd {
    /// The end of a session that the agent gave back.
    pub fn given_back(failure: &Failure) -> Self {
        match fault::of(failure.reason) {
            Fault::Device => Self::Failed { reason: failure.detail.clone() },
            Fault::Request | Fault::Moment => Self::Cancelled,
        }
    }
}

/// What happens to a device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DeviceEvent {
    /// A sign of life: registration, claim, heartbeat.
    Seen,
    /// It takes a job.
    Claim {
        /// The new lease.
        lease: LeaseId,
    },
    /// Its session is over.
    Finish {
        /// The lease that ends.
        lease: LeaseId,
        /// How.
        end: SessionEnd,
    },
    /// The server looks whether rest is over, or the silence too long.
    Tick,
    /// A person or a rule keeps it out.
    Quarantine {
        /// Why.
        reason: String,
    },
    /// A person lets it in again.
    Readmit,
    /// A person takes it away, between two sessions.
    Retire {
        /// Why.
        reason: String,
    },
}

impl Device {
    /// A device that has just registered.
    pub fn new(now: OffsetDateTime) -> Self {
        Self { state: DeviceState::Idle, failures: 0, last_seen_at: now }
    }
}

impl DeviceState {
    /// The word for people and for the database.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Idle => "idle",
            Self::Leased { .. } => "leased",
            Self::Cooling { .. } => "cooling",
            Self::Quarantined { .. } => "quarantined",
            Self::Offline { .. } => "offline",
            Self::Retired { .. } => "retired",
        }
    }
}

impl fmt::Display for DeviceState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Idle => f.write_str("the device is idle"),
            Self::Leased { lease } => write!(f, "the device works under lease {lease}"),
            Self::Cooling { until } => write!(f, "the device is cooling until {until}"),
            Self::Quarantined { reason, since, .. } => write!(f, "the device is quarantined since {since}: {reason}"),
            Self::Offline { since } => write!(f, "the device is offline since {since}"),
            Self::Retired { reason } => write!(f, "the device is retired: {reason}"),
        }
    }
}

impl fmt::Display for DeviceEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Seen => f.write_str("a sign of life"),
            Self::Claim { lease } => write!(f, "a claim under lease {lease}"),
            Self::Finish { lease, .. } => write!(f, "the end of lease {lease}"),
            Self::Tick => f.write_str("a regular look"),
            Self::Quarantine { .. } => f.write_str("quarantining"),
            Self::Readmit => f.write_str("readmitting"),
            Self::Retire { .. } => f.write_str("retiring"),
        }
    }
}

/// The device after the event.
///
/// # Errors
/// [`Refusal::LeaseLost`] when a session ends that is not this device's; [`Refusal::NotNow`] for everything else that
/// the state does not allow. A [`DeviceEvent::Tick`] is never refused: it changes something or nothing.
pub fn apply(device: &Device, event: &DeviceEvent, now: OffsetDateTime, policy: &DevicePolicy) -> Result<Device, Refusal> {
    let with = |state: DeviceState| Device { state, ..device.clone() };
    match (&device.state, event) {
        (DeviceState::Retired { .. }, event) if *event != DeviceEvent::Tick => Err(Refusal::not_now(&device.state, event)),
        (_, DeviceEvent::Seen) => {
            let state = match &device.state {
                DeviceState::Offline { .. } => DeviceState::Idle,
                other => other.clone(),
            };
            // A clock that was set back must not make the device look silent.
            Ok(Device { state, failures: device.failures, last_seen_at: device.last_seen_at.max(now) })
        }
        (DeviceState::Idle, DeviceEvent::Claim { lease }) => Ok(with(DeviceState::Leased { lease: *lease })),
        (DeviceState::Leased { lease: held }, DeviceEvent::Finish { lease, end }) if held == lease => {
            Ok(finished(device, end, now, policy))
        }
        (DeviceState::Quarantined { reason, since, lease: Some(held) }, DeviceEvent::Finish { lease, .. }) if held == lease => {
            Ok(with(DeviceState::Quarantined { reason: reason.clone(), since: *since, lease: None }))
        }
        (_, DeviceEvent::Finish { .. }) => Err(Refusal::lease_lost(&device.state, event)),
        (state, DeviceEvent::Tick) => Ok(with(ticked(state, device.last_seen_at, now, policy))),
        (DeviceState::Quarantined { .. }, DeviceEvent::Quarantine { .. }) => Err(Refusal::not_now(&device.state, event)),
        (state, DeviceEvent::Quarantine { reason }) => {
            // The session under way goes on; its device must not be given another when it is let in before the end.
            let lease = match state {
                DeviceState::Leased { lease } => Some(*lease),
                _ => None,
            };
            Ok(with(DeviceState::Quarantined { reason: reason.clone(), since: now, lease }))
        }
        (DeviceState::Quarantined { lease, .. }, DeviceEvent::Readmit) => {
            let state = lease.map_or(DeviceState::Idle, |lease| DeviceState::Leased { lease });
            Ok(Device { failures: 0, ..with(state) })
        }
        (DeviceState::Leased { .. } | DeviceState::Quarantined { lease: Some(_), .. }, DeviceEvent::Retire { .. }) => {
            Err(Refusal::not_now(&device.state, event))
        }
        (_, DeviceEvent::Retire { reason }) => Ok(with(DeviceState::Retired { reason: reason.clone() })),
        (_, DeviceEvent::Claim { .. } | DeviceEvent::Readmit) => Err(Refusal::not_now(&device.state, event)),
    }
}

fn finished(device: &Device, end: &SessionEnd, now: OffsetDateTime, policy: &DevicePolicy) -> Device {
    let failures = match end {
        SessionEnd::Reported => 0,
        SessionEnd::Cancelled => device.failures,
        SessionEnd::Failed { .. } => device.failures.saturating_add(1),
    };
    let state = match end {
        SessionEnd::Failed { reason } if failures >= policy.quarantine_after => DeviceState::Quarantined {
            reason: format!("{failures} failed sessions in a row, the last: {reason}"),
            since: now,
            lease: None,
        },
        _ if policy.cool_down > Duration::ZERO => DeviceState::Cooling { until: later(now, policy.cool_down) },
        _ => DeviceState::Idle,
    };
    Device { state, failures, last_seen_at: device.last_seen_at }
}

fn ticked(state: &DeviceState, last_seen_at: OffsetDateTime, now: OffsetDateTime, policy: &DevicePolicy) -> DeviceState {
    let silent = now >= later(last_seen_at, policy.offline_after);
    match state {
        DeviceState::Idle | DeviceState::Cooling { .. } if silent => DeviceState::Offline { since: now },
        DeviceState::Cooling { until } if now >= *until => DeviceState::Idle,
        other => other.clone(),
    }
}
