//! Has a series perhaps just got worse? A sensitive detector whose alarms are questions.
//!
//! A suspicion costs a confirming session on the device and alerts nobody, so it may be wrong often and must be early.
//! This is the procedure of Shiryaev ("On optimum methods in quickest detection problems", Theory of Probability and its
//! Applications 8 (1963)) and Roberts ("A comparison of some control chart procedures", Technometrics 8 (1966)): the
//! likelihood ratios of a change at each of the points so far, added up. At a given rate of false alarms it has the least
//! mean delay in a process that is watched for long (Pollak and Tartakovsky, "Optimality properties of the Shiryaev-Roberts
//! procedure", Statistica Sinica 19 (2009)) when both densities are known. Three things are added:
//!
//! - A start counts three times as much with each point that it went unnoticed, up to the third: a doubtful newest point
//!   can wait for the next one, a doubtful one of two points ago is asked about now or too late. A session answers for all
//!   of them alike.
//! - The density of a point is learnt from the last points of the series itself, so that a throttled run or a spike that
//!   has been seen before is no news.
//! - Neighbours that resemble each other are made independent first: what counts is a point beyond what the one before
//!   foretold. A step shows in full at its first such difference and by 1 - φ in the following ones.
//!
//! The bound is the one that the series' own differences, drawn again and again in a seeded order, pass at the rate of
//! false alarms asked for.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use crate::samples::Samples;

mod density;
mod learnt;
mod odds;

use learnt::Learnt;
use odds::Odds;

/// Points that the density is learnt from.
const MEMORY: usize = 256;

/// Fewest points that a density is learnt from; before that a point is only told from the greatest one, see [`Watcher`].
const LEAST: usize = 30;

/// Points after which the density is learnt again, at most; while there are few points, sooner.
const EVERY: usize = 32;

/// What is asked of the detector.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Watch {
    step: f64,
    rate: f64,
}

/// A watch that cannot be kept.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
pub enum WatchError {
    /// No step to look for.
    #[error("a step of {0} is no share from 0.001 to 10: 0.05 looks for 5 % more")]
    Step(f64),
    /// No rate.
    #[error("{0} false suspicions a revision is not from 0.001 to 0.5: 0.1 is one in ten")]
    Rate(f64),
}

impl Watch {
    /// Looks for values that are greater by the share `step` (0.05 is 5 %), with about `rate` false suspicions for each
    /// revision that changes nothing. Smaller steps are found later, greater ones sooner.
    ///
    /// # Errors
    /// When a figure is out of range.
    pub fn new(step: f64, rate: f64) -> Result<Self, WatchError> {
        if !(0.001..=10.0).contains(&step) {
            return Err(WatchError::Step(step));
        }
        if !(0.001..=0.5).contains(&rate) {
            return Err(WatchError::Rate(rate));
        }
        Ok(Self { step: step.ln_1p(), rate })
    }
}

/// What a point says.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Suspicion {
    /// Too few points to know what is usual.
    Learning,
    /// Nothing out of the ordinary.
    Quiet,
    /// Worth a confirming session.
    Suspicious {
        /// How many points back the change would be: 0 is this one.
        since: usize,
    },
}

/// This value has no ratio to others.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
#[error("point {index} is {value}: a relative step needs finite values above zero")]
pub struct NoRatio {
    /// Place in the series, from 0.
    pub index: usize,
    /// The value.
    pub value: f64,
}

/// Watches one series for an increase.
///
/// While there are fewer than thirty points, nothing is known of the noise but that a point has no reason to be greater than
/// those before it: the chance that the newest of n exchangeable points is among the k greatest is k/n. So a point is
/// suspicious when it is among as many as the rate allows, and by at least the step above the median of the others.
///
/// What a watcher has seen is a value that can be stored (about 10 kB as JSON): the next point needs nothing else.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Watcher {
    watch: Watch,
    seen: usize,
    /// Logarithms of the last points that are taken for usual.
    usual: VecDeque<f64>,
    /// None before there are enough, and in a watcher that was stored with another yardstick.
    #[serde(default)]
    yardstick: Option<Learnt>,
    /// Points since it was learnt.
    age: usize,
    #[serde(default)]
    odds: Odds,
}

impl Watcher {
    /// A watcher that has seen nothing.
    pub fn new(watch: Watch) -> Self {
        Self { watch, seen: 0, usual: VecDeque::with_capacity(MEMORY + 1), yardstick: None, age: 0, odds: Odds::default() }
    }

    /// Takes the next point. After a suspicion the odds begin again, as it must when the session finds nothing; when it
    /// does find a change, call [`Watcher::moved`].
    ///
    /// # Errors
    /// When the value is not a finite number above zero; the watcher is as it was.
    pub fn push(&mut self, value: f64) -> Result<Suspicion, NoRatio> {
        if !(value.is_finite() && value > 0.0) {
            return Err(NoRatio { index: self.seen, value });
        }
        self.seen += 1;
        let point = value.ln();
        let suspicion = self.judge(point);
        self.usual.push_back(point);
        if self.usual.len() > MEMORY {
            self.usual.pop_front();
        }
        Ok(suspicion)
    }

    /// A change was confirmed: what came before is no longer usual, and the new level is learnt from the next points on.
    pub fn moved(&mut self) {
        *self = Self { seen: self.seen, ..Self::new(self.watch) };
    }

    /// A change by this share was confirmed, and the `newest` points show it already: what came before is what was usual,
    /// moved by as much, so that a further change is suspected as soon as this one was.
    pub fn moved_by(&mut self, share: f64, newest: usize) {
        if !(share.is_finite() && share > -1.0) {
            return self.moved();
        }
        let before = self.usual.len().saturating_sub(newest);
        self.usual.iter_mut().take(before).for_each(|usual| *usual += share.ln_1p());
        (self.yardstick, self.age, self.odds) = (None, 0, Odds::default());
    }

    /// The answer of a series whose noise is not known yet.
    fn judge_by_rank(&self, point: f64) -> Suspicion {
        let allowed = ((self.usual.len() + 1) as f64 * self.watch.rate) as usize;
        if allowed == 0 || self.usual.len() < 2 {
            return Suspicion::Learning;
        }
        let above = self.usual.iter().filter(|usual| **usual >= point).count();
        let usual = Samples::of_finite(self.usual.iter().copied().collect());
        let great = above < allowed && point - usual.median() >= self.watch.step;
        if great { Suspicion::Suspicious { since: 0 } } else { Suspicion::Quiet }
    }

    fn judge(&mut self, point: f64) -> Suspicion {
        if self.usual.len() < LEAST {
            return self.judge_by_rank(point);
        }
        let stale = self.age >= EVERY.min(self.usual.len() / 4);
        // While something brews the yardstick stays, so that the brew does not become usual.
        if self.yardstick.is_none() || (stale && self.odds.likeliest().1 <= 1.0) {
            self.yardstick = Some(Learnt::of(self.usual.make_contiguous(), self.watch, self.yardstick.as_ref()));
            self.age = 0;
        }
        self.age += 1;
        let (Some(learnt), Some(&previous)) = (&self.yardstick, self.usual.back()) else { return Suspicion::Learning };
        self.odds.add(learnt.ratios(previous, point, self.watch.step));
        if self.odds.urgent() < learnt.bound {
            return Suspicion::Quiet;
        }
        let (since, _) = self.odds.likeliest();
        self.odds = Odds::default();
        Suspicion::Suspicious { since }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_watch_that_cannot_be_kept_is_refused() {
        assert_eq!(Watch::new(0.0, 0.1), Err(WatchError::Step(0.0)));
        assert_eq!(Watch::new(0.05, 0.9), Err(WatchError::Rate(0.9)));
        let mut watcher = Watcher::new(Watch::new(0.05, 0.1).unwrap());
        assert_eq!(watcher.push(-1.0), Err(NoRatio { index: 0, value: -1.0 }));
    }

    #[test]
    fn a_series_that_never_varies_is_suspected_at_its_first_step_only() {
        let mut watcher = Watcher::new(Watch::new(0.05, 0.01).unwrap());
        let quiet = (0..100).all(|_| !matches!(watcher.push(20.0).unwrap(), Suspicion::Suspicious { .. }));
        assert!(quiet);
        assert_eq!(watcher.push(21.0), Ok(Suspicion::Suspicious { since: 0 }));
        watcher.moved();
        assert_eq!(watcher.push(21.0), Ok(Suspicion::Learning));
    }

    #[test]
    fn a_second_step_is_suspected_at_once_after_the_first_was_confirmed() {
        for points in [9, 60] {
            let mut watcher = Watcher::new(Watch::new(0.05, 0.14).unwrap());
            let wobble = |at: usize| 1.0 + 0.01 * (((at * 37) % 101) as f64 / 50.0 - 1.0);
            for at in 0..points {
                watcher.push(10.0 * wobble(at)).unwrap();
            }
            assert_eq!(watcher.push(14.0), Ok(Suspicion::Suspicious { since: 0 }));
            watcher.moved_by(0.4, 1);
            assert_eq!(watcher.push(14.0 * wobble(0)), Ok(Suspicion::Quiet), "{points}");
            assert_eq!(watcher.push(20.0), Ok(Suspicion::Suspicious { since: 0 }), "{points}");
        }
    }

    #[test]
    fn a_slow_rise_names_the_point_where_it_began() {
        let mut watcher = Watcher::new(Watch::new(0.05, 0.002).unwrap());
        let wobble = |at: usize| 1.0 + 0.03 * (((at * 7919) % 101) as f64 / 50.0 - 1.0);
        let level = |at: usize| if at < 150 { 20.0 } else { 21.2 };
        let found = (0..200).find_map(|at| match watcher.push(level(at) * wobble(at)).unwrap() {
            Suspicion::Suspicious { since } if at >= 150 => Some(at - since),
            _ => None,
        });
        assert!(found.is_some_and(|began| began.abs_diff(150) <= 2), "{found:?}");
    }
}
