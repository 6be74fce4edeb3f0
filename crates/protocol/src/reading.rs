//! The answer of a device to one question: a value, or why there is none.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Why a device gave no value. On phones these are ordinary answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Missing {
    /// No such file, property or counter on this device.
    Absent,
    /// It is there, and this user may not read it.
    Denied,
    /// It is there and does not answer now (EAGAIN, EINVAL, ENODEV, a core that is offline).
    Unavailable,
    /// It answered something that cannot be true; the detail holds what.
    Invalid,
    /// This build or platform of the agent does not ask.
    NotAsked,
}

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Absent => "absent",
            Self::Denied => "denied",
            Self::Unavailable => "unavailable",
            Self::Invalid => "invalid",
            Self::NotAsked => "not asked",
        })
    }
}

/// A value or why it is missing. JSON: `{"value": 42}` or `{"missing": "denied", "detail": "…"}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(untagged, deny_unknown_fields)]
pub enum Reading<T> {
    /// The device answered.
    Value {
        /// What it answered.
        value: T,
    },
    /// The device did not answer.
    Missing {
        /// Why not.
        missing: Missing,
        /// What was tried and what came back, for people.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        detail: String,
    },
}

impl<T> Reading<T> {
    /// A value.
    pub fn of(value: T) -> Self {
        Self::Value { value }
    }

    /// No value, with the reason and what was tried.
    pub fn missing(missing: Missing, detail: impl Into<String>) -> Self {
        Self::Missing { missing, detail: detail.into() }
    }

    /// The value, if there is one.
    pub fn value(&self) -> Option<&T> {
        match self {
            Self::Value { value } => Some(value),
            Self::Missing { .. } => None,
        }
    }

    /// Turns the value, keeping the reason of a missing one.
    pub fn map<U>(self, turn: impl FnOnce(T) -> U) -> Reading<U> {
        match self {
            Self::Value { value } => Reading::of(turn(value)),
            Self::Missing { missing, detail } => Reading::Missing { missing, detail },
        }
    }

    /// Turns the value into another reading, keeping the reason of a missing one.
    pub fn and_then<U>(self, turn: impl FnOnce(T) -> Reading<U>) -> Reading<U> {
        match self {
            Self::Value { value } => turn(value),
            Self::Missing { missing, detail } => Reading::Missing { missing, detail },
        }
    }
}

impl<T: fmt::Display> fmt::Display for Reading<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Value { value } => value.fmt(f),
            Self::Missing { missing, .. } => missing.fmt(f),
        }
    }
}
