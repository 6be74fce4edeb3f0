//! A study: claims as an experiment that anyone can run again.
//!
//! A study names a suite that measures and, for each claim, checks that say what must be seen for the claim to hold. The
//! answer is given for each device: holds, does not hold, or cannot be told here. TOML for people, JSON on the wire.

mod figure;
mod report;
mod rules;

use serde::{Deserialize, Serialize};

pub use figure::Figure;
pub use report::{Basis, CheckResult, ClaimResult, NewStudy, StudyDevice, StudyListed, StudyReport, StudyVerdict};
pub use rules::StudyError;

use crate::engine::BUILT_IN_ENGINE;
use crate::model::Precision;
use crate::suite::Suite;

/// A study file of `config/studies`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Study {
    /// Name, as it is asked for: `int8-against-fp32`.
    pub name: String,
    /// The question in one line.
    pub title: String,
    /// What is to be known to read the answer.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub description: String,
    /// How often the suite is measured, each time in sessions of their own. Figures that a session gives once (first
    /// inference, load, memory) have an interval only over several sessions.
    #[serde(default = "one", skip_serializing_if = "is_one")]
    pub sessions: u32,
    /// Whether the report also lists every subject with all that was measured of it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub table: bool,
    /// What is claimed.
    pub claims: Vec<Claim>,
    /// What measures it. Subjects that are compared are best measured in one session: see [`Suite::together`].
    pub suite: Suite,
}

/// One sentence that can be true or false on a device.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Claim {
    /// The sentence.
    pub claim: String,
    /// Who claims it: paper, table, talk.
    pub source: String,
    /// What must be seen: the claim holds when all of them hold, and does not when one of them does not.
    pub checks: Vec<Check>,
}

/// A figure of one subject over a figure of another, or alone, within bounds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Check {
    /// What it says, in a few words.
    pub says: String,
    /// The figure compared; a side may name another one for itself.
    #[serde(default)]
    pub figure: Figure,
    /// The subject judged.
    pub of: Side,
    /// What its figure is divided by; without it the bounds are in the figure's own unit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<Side>,
    /// The ratio, or the figure, is at most this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at_most: Option<f64>,
    /// The ratio, or the figure, is at least this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at_least: Option<f64>,
}

/// One subject of the suite.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Side {
    /// Model's name.
    pub model: String,
    /// Precision of the file.
    #[serde(default = "fp32", skip_serializing_if = "is_fp32")]
    pub precision: Precision,
    /// Engine as the suite names it; the suite's first when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub engine: Option<String>,
    /// Threads as the suite gives them, 0 for as many as cores; the suite's first when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub threads: Option<u16>,
    /// The figure of this side, where it is another than the check's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub figure: Option<Figure>,
}

impl Check {
    /// The figure of a side.
    pub fn figure_of(&self, side: &Side) -> Figure {
        side.figure.unwrap_or(self.figure)
    }

    /// Both sides, where there are two.
    pub fn sides(&self) -> impl Iterator<Item = &Side> {
        std::iter::once(&self.of).chain(&self.to)
    }

    /// Whether all of its figures are known without measuring.
    pub fn is_exact(&self) -> bool {
        self.sides().all(|side| self.figure_of(side).is_exact())
    }

    /// Whether a value is within the bounds.
    pub fn allows(&self, value: f64) -> bool {
        self.at_least.is_none_or(|bound| value >= bound) && self.at_most.is_none_or(|bound| value <= bound)
    }
}

impl Study {
    /// The engine that a side means.
    pub fn engine_of<'a>(&'a self, side: &'a Side) -> &'a str {
        let first = || self.suite.engines.first().map(String::as_str).filter(|engine| *engine != EVERY);
        side.engine.as_deref().or_else(first).unwrap_or(BUILT_IN_ENGINE)
    }

    /// The number of threads that a side means; 0 for as many as cores.
    pub fn threads_of(&self, side: &Side) -> u16 {
        side.threads.or_else(|| self.suite.threads.first().copied()).unwrap_or(1)
    }

    /// All checks, with the place of their claim.
    pub fn checks(&self) -> impl Iterator<Item = (usize, &Check)> {
        self.claims.iter().enumerate().flat_map(|(nth, claim)| claim.checks.iter().map(move |check| (nth, check)))
    }

    /// The chance of a wrong verdict that each check may have, so that all checks of the study together have at most
    /// `alpha` on one device: an equal share for each check that rests on samples (Bonferroni's inequality; Dunn,
    /// "Multiple comparisons among means", JASA 56 (1961)). Exact checks cannot err and take no share.
    pub fn share_of(&self, alpha: f64) -> f64 {
        alpha / self.checks().filter(|(_, check)| !check.is_exact()).count().max(1) as f64
    }
}

/// All models or engines that there are.
pub const EVERY: &str = "*";

fn one() -> u32 {
    1
}

fn is_one(number: &u32) -> bool {
    *number == 1
}

fn fp32() -> Precision {
    Precision::Fp32
}

fn is_fp32(precision: &Precision) -> bool {
    *precision == Precision::Fp32
}
