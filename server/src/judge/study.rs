//! A study: each claim on one device, from the sessions that measured it. Pure, so that a verdict can be computed again.
//!
//! Each check gives a ratio of two figures, or one figure, with an interval. It holds when the whole interval is within its
//! bounds, does not hold when no part of it is, and cannot be told otherwise. What the interval rests on, best first:
//!
//! 1. figures without noise (a manifest's): no interval is needed;
//! 2. latencies of two subjects of one session: pairs of blocks ([`benchrack_stats::paired`]);
//! 3. both figures in each of several sessions: one pair for each session, the same statistic;
//! 4. otherwise the interval of each side by itself, each with half of the error: the widest ratio that both intervals
//!    allow then has at most the whole error, however the two depend on each other (Bonferroni's inequality; Dunn,
//!    "Multiple comparisons among means", JASA 56 (1961)). What changed on the device between two sessions is in neither
//!    interval, which is why suites of studies measure together what they compare.
//!
//! All checks of a study together have an error of at most [`ALPHA`] on a device: see [`Study::share_of`].

mod ratio;
mod subject;

use std::collections::HashMap;

use benchrack_protocol::api::Estimate;
use benchrack_protocol::ids::{ArtifactId, SessionId};
use benchrack_protocol::report::SessionReport;
use benchrack_protocol::study::{Basis, Check, CheckResult, ClaimResult, Study, StudyVerdict};
use benchrack_protocol::units::Bytes;
use benchrack_stats::paired::pairs_needed;

/// Chance that any check of a study has a wrong verdict on a device.
pub const ALPHA: f64 = 0.05;

/// What one device gave for a study.
#[derive(Debug, Default)]
pub struct StudyEvidence<'a> {
    /// Its sessions, oldest first.
    pub sessions: Vec<(SessionId, &'a SessionReport)>,
    /// Jobs without a session: their title, and why.
    pub unmeasured: Vec<(String, String)>,
    /// Engines of the suite that the farm has no build of.
    pub engines_left_out: &'a [String],
    /// Bytes that an app ships for each build of an engine.
    pub engine_sizes: HashMap<ArtifactId, Bytes>,
}

/// A study that no measurement could answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("suite.plan.blocks is {blocks}: with {checks} checks that rest on samples nothing can be told from fewer than {needed}")]
pub struct TooFewBlocks {
    blocks: u32,
    checks: usize,
    needed: usize,
}

/// Whether the suite measures as many blocks as the number of checks demands.
///
/// # Errors
/// When not, with the number that is needed.
pub fn enough_blocks(study: &Study) -> Result<(), TooFewBlocks> {
    let checks = study.checks().filter(|(_, check)| !check.is_exact()).count();
    let needed = needed(study);
    let blocks = study.suite.plan.blocks;
    if checks == 0 || usize::try_from(blocks).unwrap_or(usize::MAX) >= needed {
        return Ok(());
    }
    Err(TooFewBlocks { blocks, checks, needed })
}

/// Pairs without which a check of this study has no interval.
fn needed(study: &Study) -> usize {
    pairs_needed(study.share_of(ALPHA) / 2.0)
}

/// The answer to each claim, in the study's order.
pub fn judge_study(study: &Study, evidence: &StudyEvidence<'_>) -> Vec<ClaimResult> {
    let results =
        |checks: &[Check]| -> Vec<CheckResult> { checks.iter().map(|check| judge_check(study, check, evidence)).collect() };
    study
        .claims
        .iter()
        .map(|claim| {
            let checks = results(&claim.checks);
            ClaimResult { verdict: StudyVerdict::of_all(checks.iter().map(|check| check.verdict)), checks }
        })
        .collect()
}

/// What a check's interval says.
#[derive(Debug, Clone, PartialEq)]
struct Measured {
    estimate: Estimate,
    basis: Basis,
    sessions: Vec<SessionId>,
    /// What is to be known about it; may be empty.
    detail: String,
}

/// Why there is no interval, and what would give one.
#[derive(Debug, Clone, PartialEq)]
struct Unknown {
    detail: String,
    needed: String,
}

impl Unknown {
    fn new(detail: impl Into<String>, needed: impl Into<String>) -> Self {
        Self { detail: detail.into(), needed: needed.into() }
    }
}

fn judge_check(study: &Study, check: &Check, evidence: &StudyEvidence<'_>) -> CheckResult {
    match ratio::measure(study, check, evidence) {
        Err(Unknown { detail, needed }) => {
            CheckResult { verdict: StudyVerdict::CannotTell, measured: None, basis: None, detail, needed, sessions: Vec::new() }
        }
        Ok(Measured { estimate, basis, sessions, detail }) => {
            let verdict = verdict(check, &estimate);
            let needed = if verdict == StudyVerdict::CannotTell { more(check, &estimate, basis) } else { String::new() };
            CheckResult { verdict, measured: Some(estimate), basis: Some(basis), detail, needed, sessions }
        }
    }
}

fn verdict(check: &Check, estimate: &Estimate) -> StudyVerdict {
    let above = check.at_most.is_some_and(|bound| estimate.low > bound);
    let below = check.at_least.is_some_and(|bound| estimate.high < bound);
    if check.allows(estimate.low) && check.allows(estimate.high) {
        StudyVerdict::Holds
    } else if above || below {
        StudyVerdict::DoesNotHold
    } else {
        StudyVerdict::CannotTell
    }
}

/// How much more would bring the interval's end to the bound that it straddles: its arm shrinks with the square root of
/// what it rests on.
fn more(check: &Check, estimate: &Estimate, basis: Basis) -> String {
    /// Beyond this nobody measures, and the projection means nothing.
    const MOST: f64 = 100.0;
    let straddled = check.at_least.iter().chain(&check.at_most).filter(|bound| (estimate.low..=estimate.high).contains(*bound));
    let factor = straddled.map(|&bound| {
        let arm = if bound < estimate.value {
            estimate.value.ln() - estimate.low.ln()
        } else {
            estimate.high.ln() - estimate.value.ln()
        };
        (arm / (estimate.value.ln() - bound.ln())).powi(2)
    });
    let factor = factor.fold(0.0, f64::max);
    let what = match basis {
        Basis::PairedBlocks { .. } => "blocks (suite.plan.blocks)",
        Basis::PairedSessions { .. } => "sessions",
        Basis::SeparateIntervals | Basis::OneSide | Basis::Exact => "samples, better in one session",
    };
    if factor.is_finite() && factor <= MOST {
        format!("about {} times as many {what}", factor.ceil().max(2.0))
    } else {
        "another bound: the value lies too near to this one to be told from it".into()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(at_least: Option<f64>, at_most: Option<f64>) -> Check {
        let side = benchrack_protocol::study::Side {
            model: "a".into(),
            precision: benchrack_protocol::model::Precision::Fp32,
            engine: None,
            threads: None,
            figure: None,
        };
        Check { says: "it".into(), figure: Default::default(), of: side, to: None, at_most, at_least }
    }

    proptest! {
        #[test]
        fn a_verdict_says_where_the_interval_lies(
            low in 0.1..2.0f64, arms in (1.0..2.0f64, 1.0..2.0f64), bound in 0.1..6.0f64, band in 1.0..3.0f64,
        ) {
            let estimate = subject::estimate(low * arms.0, low, low * arms.0 * arms.1);
            let points: Vec<f64> = (0..=50).map(|n| low + (estimate.high - low) * f64::from(n) / 50.0).collect();
            for check in [check(Some(bound), None), check(None, Some(bound)), check(Some(bound), Some(bound * band))] {
                let inside = points.iter().filter(|&&point| check.allows(point)).count();
                match verdict(&check, &estimate) {
                    StudyVerdict::Holds => prop_assert_eq!(inside, points.len()),
                    StudyVerdict::DoesNotHold => prop_assert_eq!(inside, 0),
                    // The band may lie between two of the points.
                    StudyVerdict::CannotTell => prop_assert!(inside < points.len()),
                }
            }
        }

        #[test]
        fn more_of_it_is_asked_for_the_nearer_the_bound(value in 1.01..1.5f64, arm in 1.6..3.0f64) {
            let estimate = subject::estimate(value, value / arm, value * arm);
            let words = more(&check(None, Some(1.0)), &estimate, Basis::PairedBlocks { pairs: 10 });
            let wanted = (arm.ln() / value.ln()).powi(2);
            if wanted <= 100.0 {
                let times: f64 = words.split_whitespace().nth(1).unwrap().parse().unwrap();
                prop_assert!(times >= wanted && times < wanted.max(1.0) + 1.0, "{words} {wanted}");
            } else {
                prop_assert!(words.starts_with("another bound"), "{words}");
            }
        }
    }

    #[test]
    fn exact_figures_at_the_bound_hold() {
        assert_eq!(verdict(&check(Some(1.0), Some(1.0)), &subject::estimate(1.0, 1.0, 1.0)), StudyVerdict::Holds);
    }
}
