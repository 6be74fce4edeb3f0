//! An alert's triage: new, confirmed, expected, fixed or ignored.

use std::fmt;

use benchrack_protocol::alert::TriageState;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use crate::Refusal;

/// State of an alert.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum AlertState {
    /// Nobody has looked at it.
    New,
    /// Somebody sees to it.
    Confirmed {
        /// Who.
        owner: String,
        /// By when.
        due_at: Option<OffsetDateTime>,
    },
    /// It is meant to be so.
    Expected {
        /// Who says so.
        owner: Option<String>,
        /// Why.
        reason: String,
    },
    /// It is no more.
    Fixed {
        /// Who says so.
        owner: Option<String>,
    },
    /// Nobody cares.
    Ignored {
        /// Who says so.
        owner: Option<String>,
        /// Why.
        reason: String,
        /// Until this moment; none for ever.
        until: Option<OffsetDateTime>,
    },
}

/// What happens to an alert.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AlertEvent {
    /// A person decides.
    Triage(AlertState),
    /// The same revision was confirmed to be slower again, after this state or on another device.
    FoundAgain,
    /// The server looks whether a time is over.
    Tick,
}

impl AlertState {
    /// The word for people and for the database.
    pub fn word(&self) -> TriageState {
        match self {
            Self::New => TriageState::New,
            Self::Confirmed { .. } => TriageState::Confirmed,
            Self::Expected { .. } => TriageState::Expected,
            Self::Fixed { .. } => TriageState::Fixed,
            Self::Ignored { .. } => TriageState::Ignored,
        }
    }

    /// Whether somebody still has to do something.
    pub fn is_open(&self) -> bool {
        matches!(self, Self::New | Self::Confirmed { .. })
    }
}

impl fmt::Display for AlertState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the alert is {}", self.word().name())
    }
}

impl fmt::Display for AlertEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Triage(to) => write!(f, "setting it to {}", to.word().name()),
            Self::FoundAgain => f.write_str("another finding"),
            Self::Tick => f.write_str("a regular look"),
        }
    }
}

/// The alert after the event.
///
/// # Errors
/// [`Refusal::NotNow`] when a person sets it to what it is already, or to a time that is over.
pub fn apply(state: &AlertState, event: &AlertEvent, now: OffsetDateTime) -> Result<AlertState, Refusal> {
    match (state, event) {
        (_, AlertEvent::Triage(to)) => {
            let over = match to {
                AlertState::Confirmed { due_at, .. } => due_at.is_some_and(|due| due <= now),
                AlertState::Ignored { until, .. } => until.is_some_and(|until| until <= now),
                _ => false,
            };
            if over || state == to { Err(Refusal::not_now(state, event)) } else { Ok(to.clone()) }
        }
        // What was fixed is back. What is expected or ignored stays so: that was decided of the revision.
        (AlertState::Fixed { .. }, AlertEvent::FoundAgain) => Ok(AlertState::New),
        (AlertState::Ignored { until: Some(until), .. }, AlertEvent::Tick) if now >= *until => Ok(AlertState::New),
        (state, AlertEvent::FoundAgain | AlertEvent::Tick) => Ok(state.clone()),
    }
}
