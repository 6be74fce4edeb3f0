//! The analysis for series that grow: one point at a time, without looking at all of history again.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use super::intervals::{SIDE as STEP_SIDE, bound};
use super::noise::{self, Noise, SIDE, mean_variances};
use super::sums::Sums;
use super::{Change, ChangeKind, analyse_noisy, exact};
use crate::samples::SampleError;

/// Points since the last change that are kept: what a new point is compared with.
const KEPT: usize = 512;

/// Points after which spread and memory are measured again; before [`SHORT`] points at each.
const EVERY: usize = 64;

/// A segment so short is measured at each point.
const SHORT: usize = 64;

/// What passed the bound is analysed within at least twice so many of the newest points.
const CONTEXT: usize = 64;

/// The bound is that of at least so many points: a series that grows is judged at every length.
const HORIZON: usize = 10_000;

/// What a point did.
#[derive(Debug, Clone, PartialEq)]
pub enum Pushed {
    /// Nothing changed.
    Quiet,
    /// A change was found, usually a few points back.
    Changed(Change),
    /// The change that the point before was reported as, provisionally, was a spike: the level is the old one.
    Withdrawn,
}

/// Finds the changes of a growing series.
///
/// Each [`Detector::push`] compares the newest points with the up to 512 kept since the last change, in windows
/// that end at the newest point and whose lengths grow by √2: its cost does not grow with the series. Only when one of
/// them passes the bound are the newest points analysed by [`super::analyse`], and the change is reported when that analysis finds one.
///
/// So a reported change is always one that [`super::analyse`] finds in the newest points since the change before. The converse holds
/// with a delay: the bound is that of a series of at least 10,000 points, a change slower than 512 points is not seen,
/// and a place found with few points after it is not moved by later ones.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Detector {
    /// Points of the present segment, the oldest dropped first.
    kept: VecDeque<f64>,
    /// All points so far.
    seen: usize,
    /// Index of the first kept point.
    first: usize,
    /// Middles of the kept points' surroundings; the last [`SIDE`] are redone as their surroundings fill.
    #[serde(skip)]
    middles: Vec<f64>,
    /// Kept points with spikes pulled back.
    #[serde(skip)]
    calm: Option<Calm>,
    /// The last point was reported as a provisional change.
    provisional: bool,
}

/// Spread and memory of the kept points, and their running sums.
#[derive(Debug, Clone)]
struct Calm {
    ruler: f64,
    variance: f64,
    mean_variances: Vec<f64>,
    sums: Sums,
    /// Points at which it was measured.
    measured_at: usize,
}

impl Default for Detector {
    fn default() -> Self {
        Self::new()
    }
}

impl Detector {
    /// A detector that has seen nothing.
    pub fn new() -> Self {
        Self {
            kept: VecDeque::with_capacity(KEPT + EVERY),
            seen: 0,
            first: 0,
            middles: Vec::new(),
            calm: None,
            provisional: false,
        }
    }

    /// How many points it has seen.
    pub fn seen(&self) -> usize {
        self.seen
    }

    /// Takes the next point.
    ///
    /// # Errors
    /// When the value is not finite; the detector is as it was.
    pub fn push(&mut self, value: f64) -> Result<Pushed, SampleError> {
        if !value.is_finite() {
            return Err(SampleError::NotFinite { index: self.seen, value });
        }
        self.kept.push_back(value);
        self.seen += 1;
        if self.kept.len() >= KEPT + EVERY {
            self.forget(EVERY);
        }
        let provisional = std::mem::take(&mut self.provisional);
        let window = match self.passing_window() {
            None if provisional => self.kept.len(),
            None => return Ok(Pushed::Quiet),
            Some(window) => window,
        };
        Ok(match self.confirm(window) {
            Pushed::Quiet if provisional => Pushed::Withdrawn,
            other => other,
        })
    }

    /// Length of the shortest window that ends at the newest point and passes the bound.
    fn passing_window(&mut self) -> Option<usize> {
        let points = self.kept.make_contiguous();
        let known = self.middles.len().saturating_sub(SIDE);
        self.middles.truncate(known);
        self.middles.extend((known..points.len()).map(|at| noise::middle(points, at)));
        if points.len() < 2 * STEP_SIDE {
            return None;
        }
        if points.len() > exact::RUN && repeats_with_a_difference(points) {
            // Without noise whatever differs is worth the exact look, however much it makes the spread seem.
            return Some(points.len());
        }
        let due = |calm: &Calm| points.len() >= calm.measured_at + if points.len() < SHORT { 1 } else { EVERY };
        if self.calm.as_ref().is_none_or(due) {
            self.calm = Some(Calm::of(points, &self.middles));
        }
        let calm = self.calm.as_mut()?;
        calm.extend(points, &self.middles);
        if calm.variance <= 0.0 {
            return None;
        }
        calm.passes(bound(self.seen.max(HORIZON)))
    }

    /// Analyses the newest points, two windows of them: what [`super::analyse`] does, with middles that are known already.
    fn confirm(&mut self, window: usize) -> Pushed {
        let points = self.kept.make_contiguous();
        let recent = points.len().saturating_sub(2 * window.max(CONTEXT));
        let points = &points[recent..];
        let middles = &self.middles;
        let middle = |at: usize| match middles.get(recent + at) {
            Some(middle) if at >= SIDE => *middle,
            // The first ones have less around them than in the whole series.
            _ => noise::middle(points, at),
        };
        let noisy = || analyse_noisy(points, &Noise::around(points, &(0..points.len()).map(middle).collect::<Vec<_>>()));
        let analysis = exact::analyse(points).unwrap_or_else(noisy);
        let Some(change) = analysis.changes.last().copied() else { return Pushed::Quiet };
        let index = self.first + recent + change.index;
        let change = Change { index, ..change };
        if change.kind == ChangeKind::Provisional {
            // It stays a part of the old segment until the next point tells.
            self.provisional = true;
            return Pushed::Changed(change);
        }
        self.forget(index - self.first);
        Pushed::Changed(change)
    }

    /// Drops the oldest points.
    fn forget(&mut self, count: usize) {
        self.kept.drain(..count);
        self.first += count;
        self.calm = None;
        self.middles.drain(..count.min(self.middles.len()));
        // The first ones have lost a part of their surroundings.
        let points = self.kept.make_contiguous();
        for (at, middle) in self.middles.iter_mut().enumerate().take(SIDE) {
            *middle = noise::middle(points, at);
        }
    }
}

/// Whether the newest points are of two values only, as at a change of a figure that repeats exactly.
fn repeats_with_a_difference(points: &[f64]) -> bool {
    let newest = &points[points.len().saturating_sub(2 * exact::RUN)..];
    let Some((first, rest)) = newest.split_first() else { return false };
    let other = rest.iter().find(|value| *value != first);
    other.is_some_and(|other| rest.iter().all(|value| value == first || value == other))
}

impl Calm {
    fn of(points: &[f64], middles: &[f64]) -> Self {
        let measured = Noise::around(points, middles);
        Self {
            ruler: measured.ruler,
            variance: measured.variance,
            mean_variances: mean_variances(measured.persistence, points.len() + EVERY),
            sums: Sums::of(&measured.calm),
            measured_at: points.len(),
        }
    }

    /// Takes points that are new, and redoes those whose surroundings they are.
    fn extend(&mut self, points: &[f64], middles: &[f64]) {
        if self.sums.len() == points.len() {
            return;
        }
        let steady = self.sums.len().saturating_sub(SIDE);
        self.sums.truncate(steady);
        for (value, middle) in points.iter().zip(middles).skip(steady) {
            self.sums.push(noise::held(*value, *middle, self.ruler));
        }
    }

    fn passes(&self, bound: f64) -> Option<usize> {
        let values = self.sums.values();
        let count = self.sums.len();
        let needed = bound * self.variance;
        let mut length = 2.0 * STEP_SIDE as f64;
        loop {
            let long = (length as usize).min(count);
            let (first, last) = (values[count - long], values[count]);
            let passes = |right: usize| {
                let left = long - right;
                let middle = values[count - right];
                // Both sides times the product of the lengths: a multiplication costs less than a division.
                let (before, after) = (left as f64, right as f64);
                let difference = (last - middle) * before - (middle - first) * after;
                let variance = self.mean_variances[left] + self.mean_variances[right];
                difference * difference > needed * variance * (before * after).powi(2)
            };
            // Only new levels shorter than the old one: the others were the business of an earlier point.
            if (STEP_SIDE..=long / 2).any(passes) {
                return Some(long);
            }
            if long == count {
                return None;
            }
            length *= std::f64::consts::SQRT_2;
        }
    }
}
