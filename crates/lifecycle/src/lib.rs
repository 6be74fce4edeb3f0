//! The state machines of jobs, leases and devices: what may happen when, and to whom.
//!
//! States are enums whose variants carry their data, so that half a state cannot be written down. `apply` is pure and
//! total: it reads no clock, does no I/O, never panics, and a refusal names both the state and the event. The server
//! locks a row, calls `apply`, and writes what it says; [`testing`] replays random histories on both sides.

#![warn(missing_docs)]

pub mod device;
pub mod job;
#[doc(hidden)]
pub mod testing;

use std::fmt::Debug;

/// An event that the present state does not allow.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The event needs a lease that is held, and this one is not: it expired, was given back, or never was.
    #[error("the lease is no longer held: {event} in state {state}")]
    LeaseLost {
        /// The state found.
        state: String,
        /// The event refused.
        event: String,
    },
    /// The event makes no sense in this state.
    #[error("{event} is not possible in state {state}")]
    NotNow {
        /// The state found.
        state: String,
        /// The event refused.
        event: String,
    },
}

impl Refusal {
    fn lease_lost(state: &impl Debug, event: &impl Debug) -> Self {
        Self::LeaseLost { state: format!("{state:?}"), event: format!("{event:?}") }
    }

    fn not_now(state: &impl Debug, event: &impl Debug) -> Self {
        Self::NotNow { state: format!("{state:?}"), event: format!("{event:?}") }
    }
}

/// `now + span`, held at the end of time instead of overflowing.
fn later(now: time::OffsetDateTime, span: time::Duration) -> time::OffsetDateTime {
    now.saturating_add(span)
}
