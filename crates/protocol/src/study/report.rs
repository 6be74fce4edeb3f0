//! What the API says of a study that was measured.

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use super::Study;
use crate::api::{Estimate, Submission};
use crate::device::Reality;
use crate::ids::{DeviceId, SessionId, StudyId};

/// `POST /studies`: measure a study. Scope submit.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct NewStudy {
    /// The study.
    pub study: Study,
    /// Device selector as in [`crate::api::NewSubmission`].
    #[serde(default)]
    pub devices: String,
}

/// A study in the list.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct StudyListed {
    /// Id.
    pub id: StudyId,
    /// Its name.
    pub name: String,
    /// The question.
    pub title: String,
    /// When it came.
    #[serde(with = "time::serde::rfc3339")]
    pub submitted_at: OffsetDateTime,
    /// Its jobs.
    pub jobs: u32,
    /// Jobs that are over, however they ended.
    pub over: u32,
}

/// A study and what can be said of its claims so far. Computed from the stored runs each time it is asked for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct StudyReport {
    /// Id.
    pub id: StudyId,
    /// The study as it was sent.
    pub study: Study,
    /// What measures it, and how far it is.
    pub submission: Submission,
    /// Engines of the suite that the farm had no build of, and which were therefore not measured.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub engines_left_out: Vec<String>,
    /// By device, by name.
    pub devices: Vec<StudyDevice>,
}

/// What one device says of the claims.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct StudyDevice {
    /// Device.
    pub device: DeviceId,
    /// Its name.
    pub name: String,
    /// Maker and model, or system and CPU.
    pub title: String,
    /// Whether its figures are real.
    pub reality: Reality,
    /// One for each claim, in the study's order.
    pub claims: Vec<ClaimResult>,
}

/// The answer to a claim or a check.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum StudyVerdict {
    /// The whole interval is within the bounds.
    Holds,
    /// No part of the interval is within the bounds.
    DoesNotHold,
    /// Neither, or there is nothing to judge.
    CannotTell,
}

impl StudyVerdict {
    /// Of a claim from its checks: one that does not hold refutes it, and only all together prove it.
    pub fn of_all(checks: impl IntoIterator<Item = Self>) -> Self {
        let (mut verdict, mut any) = (Self::Holds, false);
        for check in checks {
            any = true;
            verdict = match (verdict, check) {
                (Self::DoesNotHold, _) | (_, Self::DoesNotHold) => Self::DoesNotHold,
                (Self::CannotTell, _) | (_, Self::CannotTell) => Self::CannotTell,
                (Self::Holds, Self::Holds) => Self::Holds,
            };
        }
        if any { verdict } else { Self::CannotTell }
    }
}

impl std::fmt::Display for StudyVerdict {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Holds => "holds",
            Self::DoesNotHold => "does not hold",
            Self::CannotTell => "cannot tell here",
        })
    }
}

/// A claim on one device.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ClaimResult {
    /// The answer.
    pub verdict: StudyVerdict,
    /// One for each check, in the claim's order.
    pub checks: Vec<CheckResult>,
}

/// A check on one device.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct CheckResult {
    /// The answer.
    pub verdict: StudyVerdict,
    /// The ratio of the two sides, or the one side's figure in its unit, with the interval at the study's level.
    pub measured: Option<Estimate>,
    /// What the interval rests on.
    pub basis: Option<Basis>,
    /// Why there is no answer, or what is to be known about it; may be empty.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub detail: String,
    /// What would be needed for an answer, where there is none.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub needed: String,
    /// The sessions that the figures are from.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sessions: Vec<SessionId>,
}

/// What an interval rests on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Basis {
    /// Figures without noise.
    Exact,
    /// Both sides in one session, block by block.
    PairedBlocks {
        /// Pairs of blocks.
        pairs: u32,
    },
    /// Both sides in the same sessions, one pair each.
    PairedSessions {
        /// Sessions.
        pairs: u32,
    },
    /// Each side by itself; the widest ratio that both intervals allow.
    SeparateIntervals,
    /// One side alone.
    OneSide,
}
