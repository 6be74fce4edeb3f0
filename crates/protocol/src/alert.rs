//! Alerts: what got slower, since which revision, by how much, and what people decided about it.

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use crate::api::{Estimate, Metric};
use crate::ids::{AlertId, ArtifactId, DeviceId, GateId, ModelId, RunId, SeriesId};
use crate::model::Precision;

/// What is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum AlertKind {
    /// A revision of a model or of an engine is slower than the one before.
    Regression,
    /// A device changed although what it measures did not.
    DeviceDrift,
}

/// How far people are with an alert, in one word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum TriageState {
    /// Nobody has looked at it.
    New,
    /// Somebody will see to it.
    Confirmed,
    /// It is meant to be so: the new level is the baseline from now on.
    Expected,
    /// It is no more.
    Fixed,
    /// Nobody cares, for ever or until a day.
    Ignored,
}

impl TriageState {
    /// Every state.
    pub const ALL: [Self; 5] = [Self::New, Self::Confirmed, Self::Expected, Self::Fixed, Self::Ignored];

    /// As on the wire.
    pub fn name(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::Confirmed => "confirmed",
            Self::Expected => "expected",
            Self::Fixed => "fixed",
            Self::Ignored => "ignored",
        }
    }
}

/// `POST /alerts/{id}/triage`: what a person decides. Scope submit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct NewTriage {
    /// The state from now on.
    pub state: TriageState,
    /// Who sees to it; needed for `confirmed`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    /// Why; needed for `expected` and `ignored`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// `confirmed`: when it should be fixed. `ignored`: when it is new again.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "time::serde::rfc3339::option")]
    pub due_at: Option<OffsetDateTime>,
}

/// An alert: everything that was confirmed of one revision, or of one device.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Alert {
    /// Id.
    pub id: AlertId,
    /// What is wrong.
    pub kind: AlertKind,
    /// In one line: what slowed down, where, by how much.
    pub title: String,
    /// State of triage.
    pub state: TriageState,
    /// Who sees to it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    /// Why it is expected or ignored.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// When it should be fixed, or is new again.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "time::serde::rfc3339::option")]
    pub due_at: Option<OffsetDateTime>,
    /// When the first finding was confirmed.
    #[serde(with = "time::serde::rfc3339")]
    pub raised_at: OffsetDateTime,
    /// When its state or findings last changed.
    #[serde(with = "time::serde::rfc3339")]
    pub changed_at: OffsetDateTime,
    /// What was found, oldest first.
    pub findings: Vec<Finding>,
}

/// One confirmed change of one series.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Finding {
    /// The series that it showed in.
    pub series: SeriesId,
    /// Device.
    pub device: DeviceId,
    /// Its name.
    pub device_name: String,
    /// Metric.
    pub metric: Metric,
    /// The last revision that was good.
    pub good: RevisionRef,
    /// The first revision that is slower.
    pub bad: RevisionRef,
    /// Revisions after `good` that may be the culprit: 1 when the search ended with one.
    pub suspects: u32,
    /// The change as a share, 0.05 is 5 % more, with the interval of the confirming gate; of a drift the series' own.
    pub effect: Option<Estimate>,
    /// The gate that confirmed it; none for figures without noise and for drifts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gate: Option<GateId>,
    /// When it was confirmed.
    #[serde(with = "time::serde::rfc3339")]
    pub found_at: OffsetDateTime,
}

/// A revision as it was measured.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RevisionRef {
    /// The model's revision.
    pub model: ModelId,
    /// Its name.
    pub name: String,
    /// Precision of the file.
    pub precision: Precision,
    /// Commit, version or build as its owner says; empty where nothing was said.
    pub revision: String,
    /// The file.
    pub artifact: ArtifactId,
    /// Build of the engine; none for the one inside the agent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub engine: Option<ArtifactId>,
    /// A run of it in the series.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<RunId>,
}

impl RevisionRef {
    /// Its revision, or the file's short digest where none was said.
    pub fn word(&self) -> String {
        if self.revision.is_empty() { self.artifact.short() } else { self.revision.clone() }
    }
}

/// What the farm measured of itself: unchanged subjects against themselves, and planted slow-downs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SelfTest {
    /// A subject against itself: each `slower` is a false alarm.
    pub unchanged: SelfTestCount,
    /// Upper end of the exact 95 % interval of the share of false alarms; none before the first gate.
    pub false_alarms_at_most: Option<f64>,
    /// The same by device and model.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unchanged_by_device: Vec<Unchanged>,
    /// Planted slow-downs by device and pair of models, by growing size.
    pub planted: Vec<Planted>,
    /// What each device would catch, by the planted slow-downs of a model.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub catches: Vec<Catches>,
}

/// A model measured against itself on one device.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Unchanged {
    /// Device.
    pub device: DeviceId,
    /// Its name.
    pub device_name: String,
    /// The model.
    pub model: String,
    /// Verdicts.
    pub count: SelfTestCount,
    /// Upper end of the exact 95 % interval of the share of false alarms.
    pub false_alarms_at_most: Option<f64>,
}

/// The smallest change that gates catch on a device.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Catches {
    /// Device.
    pub device: DeviceId,
    /// Its name.
    pub device_name: String,
    /// The model with less work.
    pub baseline: String,
    /// The smallest planted slow-down that was found slower in at least 95 % of its gates, as was every greater one; as a
    /// share of multiplications. None when not even the greatest was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub more_macs: Option<f64>,
    /// Lower end of the exact 95 % interval of the share of its gates that find it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at_least: Option<f64>,
}

/// Gates of the self-test and their verdicts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SelfTestCount {
    /// Decided gates.
    pub gates: u32,
    /// `slower`.
    pub slower: u32,
    /// `not_slower`.
    pub not_slower: u32,
    /// `inconclusive`.
    pub inconclusive: u32,
}

/// A planted slow-down: a real model with more work against the one with less.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Planted {
    /// Device.
    pub device: DeviceId,
    /// Its name.
    pub device_name: String,
    /// The model with less work.
    pub baseline: String,
    /// The model with more.
    pub candidate: String,
    /// Multiplications that it has more, as a share: 0.05 is 5 %.
    pub more_macs: f64,
    /// Verdicts.
    pub count: SelfTestCount,
}
