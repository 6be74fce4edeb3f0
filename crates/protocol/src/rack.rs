//! What the host of a rack tells the server of its phones: what the server cannot see, because the phone says nothing.

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

/// File of an agent's folder in which its rack says why it does not cut the power of its port, which the agent asked for.
pub const POWER_KEPT: &str = "power-kept";

/// How a phone of a rack is doing, as its host's watch sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum RackPhase {
    /// Seen, and being brought up.
    Starting,
    /// The server hears of it.
    Working,
    /// It finished because it was told to.
    Drained,
    /// A person has to do something at the phone.
    NeedsPerson,
    /// Something is wrong and the ladder is being climbed.
    Recovering,
    /// Put aside with a reason.
    Quarantined,
}

impl RackPhase {
    /// All of them.
    pub const ALL: [Self; 6] =
        [Self::Starting, Self::Working, Self::Drained, Self::NeedsPerson, Self::Recovering, Self::Quarantined];

    /// One word, as on the wire.
    pub fn word(self) -> &'static str {
        match self {
            Self::Starting => "starting",
            Self::Working => "working",
            Self::Drained => "drained",
            Self::NeedsPerson => "needs_person",
            Self::Recovering => "recovering",
            Self::Quarantined => "quarantined",
        }
    }
}

/// One phone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct RackPhone {
    /// What tells it apart on this rack: its serial number, with its port or adb server where two have one number.
    pub phone: String,
    /// Its model, where adb says it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// Name of its device, once it has registered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device: Option<String>,
    /// How it is doing.
    pub phase: RackPhase,
    /// Why, in words; none where all is well.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// What is being done with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub doing: Option<String>,
}

impl RackPhone {
    /// The longest `phone`, `model`, `device` and `doing`, characters.
    pub const LONGEST_NAME: usize = 200;
    /// The longest `reason`, characters.
    pub const LONGEST_REASON: usize = 2_000;
}

/// `PUT /racks/{host}`: all phones of one host. Scope admin, which a host has to make tokens.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct RackReport {
    /// In any order, each once.
    pub phones: Vec<RackPhone>,
}

/// A phone as the server remembers it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RackPhoneStatus {
    /// As its host told it last.
    pub told: RackPhone,
    /// Since when it is in this phase.
    #[serde(with = "time::serde::rfc3339")]
    pub since: OffsetDateTime,
}

/// One quarantine of a phone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RackQuarantine {
    /// Which phone.
    pub phone: String,
    /// What was wrong and what had been tried.
    pub reason: String,
    /// When it was put aside.
    #[serde(with = "time::serde::rfc3339")]
    pub began_at: OffsetDateTime,
    /// When it was let in again, or no longer seen; none while it is aside.
    #[serde(default, with = "time::serde::rfc3339::option", skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<OffsetDateTime>,
}

/// `GET /racks`: a host, its phones by name, and their quarantines, the newest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Rack {
    /// Name of the host, as in the label `rack=HOST`.
    pub host: String,
    /// When it last reported. A host that is at work does so twice a minute.
    #[serde(with = "time::serde::rfc3339")]
    pub reported_at: OffsetDateTime,
    /// Its phones.
    pub phones: Vec<RackPhoneStatus>,
    /// The newest fifty.
    pub quarantines: Vec<RackQuarantine>,
}
