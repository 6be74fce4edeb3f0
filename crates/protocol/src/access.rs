//! Who the agent is on a device, and what that allows: the levels of access of docs/devices.md.

use serde::{Deserialize, Serialize};

use crate::reading::Reading;
use crate::validity::EvidenceTier;

/// The agent's rights on one device, as they were tried.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Access {
    /// Which kind of user the agent is.
    pub level: Reading<AccessLevel>,
    /// Effective user id.
    pub uid: Reading<u32>,
    /// SELinux domain, `u:r:shell:s0`.
    pub domain: Reading<String>,
    /// How root can be had, or why it cannot.
    pub root: Reading<RootForm>,
    /// Questions that evidence rests on, and whether this user gets an answer.
    pub questions: Vec<Question>,
    /// The strongest evidence tier that this access can reach, if the device then holds still.
    pub tier: EvidenceTier,
    /// Why not a stronger one; empty at gold.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub tier_limit: String,
}

/// Kinds of users.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum AccessLevel {
    /// User id 0.
    Root,
    /// Android's shell, user id 2000: what `adb shell` is on a stock phone.
    Shell,
    /// An Android app: a user id of 10000 or more within its user.
    App,
    /// Another user of a Linux system.
    User,
}

/// The ways in which a phone gives root.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum RootForm {
    /// The agent is root already: `adb root`, or started by root.
    Own,
    /// `su 0 COMMAND`, as userdebug builds of Android have it.
    SuUid,
    /// `su -c 'COMMAND'`, as Magisk and its like have it.
    SuCommand,
}

/// One question and the answer of the device.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Question {
    /// What is asked: `clock in force`, `battery current`.
    pub what: String,
    /// How many files or services were tried.
    pub tried: u32,
    /// How many of them answered.
    pub answered: u32,
    /// The first refusal: denied, absent, unavailable and invalid are kept apart. A value where nothing refused.
    pub refusal: Reading<String>,
}
