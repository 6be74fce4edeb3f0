//! The state machines of jobs, leases, devices, suspicions and alerts: what may happen when, and to whom.
//!
//! States are enums whose variants carry their data, so that half a state cannot be written down. `apply` is pure and
//! total: it reads no clock, does no I/O, never panics, and a refusal names both the state and the event. The server
//! locks a row, calls `apply`, and writes what it says; [`testing`] replays random histories on both sides.

#![warn(missing_docs)]

pub mod alert;
pub mod device;
pub mod fault;
pub mod job;
pub mod suspicion;
#[doc(hidden)]
pub mod testing;

use std::fmt::Display;

/// An event that the present state does not allow; nothing changes.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The event needs a lease that is held, and this one is not: it expired, was given back, or never was.
    #[error("{event} is too late, the lease is not held: {state}")]
    LeaseLost {
        /// The state found, for people.
        state: String,
        /// The event refused, for people.
        event: String,
    },
    /// The event makes no sense in this state.
    #[error("{event} is not possible: {state}")]
    NotNow {
        /// The state found, for people.
        state: String,
        /// The event refused, for people.
        event: String,
    },
}

impl Refusal {
    fn lease_lost(state: &impl Display, event: &impl Display) -> Self {
        Self::LeaseLost { state: state.to_string(), event: event.to_string() }
    }

    fn not_now(state: &impl Display, event: &impl Display) -> Self {
        Self::NotNow { state: state.to_string(), event: event.to_string() }
    }
}

/// `now + span`, held at the end of time instead of overflowing.
fn later(now: time::OffsetDateTime, span: time::Duration) -> time::OffsetDateTime {
    now.saturating_add(span)
}
