//! The search for steps over seeded intervals.

use std::ops::Range;

use super::noise::{Noise, mean_variances};
use super::sums::Sums;
use super::{Difference, SHORTEST_LEVEL};

/// Fewest points on each side of a step.
pub(super) const SIDE: usize = 2;

/// The noise of a stretch is at least this share of its own variance, so that a noisy stretch of a calm series, or a level
/// that wanders, is not judged by the calm.
const OWN_SHARE: f64 = 0.2;

/// A ramp must explain so much more than a step, in bounds of innovations, before the step counts as gradual.
const RAMP_MARGIN: f64 = 0.05;

/// A step over a stretch.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Candidate {
    pub(super) start: usize,
    pub(super) end: usize,
    /// First point of the new level.
    pub(super) at: usize,
    /// Squares that the step explains.
    gain: f64,
    /// Squared difference of the levels in units of its variance.
    pub(super) evidence: f64,
}

/// A series ready to be searched.
pub(super) struct Search<'a> {
    pub(super) sums: &'a Sums,
    pub(super) noise: &'a Noise,
    mean_variances: Vec<f64>,
    inverse: Vec<f64>,
    /// Evidence above it is a change.
    pub(super) bound: f64,
}

/// The bound for a series of so many points.
///
/// The largest of m nearly independent squared deviates grows as 2 ln m (extreme-value theory), and sums of spikes and
/// modes have heavier tails than that. The line covers the largest evidence that one series in a hundred without a
/// change shows under the worst of the noise types named in the module's text, from 50 points to 10,000.
pub(super) fn bound(points: usize) -> f64 {
    6.0 * (points.max(SHORTEST_LEVEL) as f64).ln() - 10.0
}

impl<'a> Search<'a> {
    pub(super) fn new(sums: &'a Sums, noise: &'a Noise) -> Self {
        let count = sums.len();
        let inverse = (0..=count).map(|length| 1.0 / length as f64).collect();
        Self { sums, noise, mean_variances: mean_variances(noise.persistence, count), inverse, bound: bound(count) }
    }

    /// The best step within a stretch; none when it is too short or level.
    pub(super) fn best_step(&self, start: usize, end: usize) -> Option<Candidate> {
        self.best_step_at(start, end, start..end)
    }

    /// The best step within a stretch whose new level begins at one of these places.
    pub(super) fn best_step_at(&self, start: usize, end: usize, places: Range<usize>) -> Option<Candidate> {
        if end - start < 2 * SIDE {
            return None;
        }
        let values = &self.sums.values()[start..=end];
        let count = values.len() - 1;
        let (first, total) = (values[0], values[count] - values[0]);
        let (mut most, mut best) = (0.0, None);
        let (least, largest) = (SIDE.max(places.start - start), (count - SIDE).min(places.end - start));
        for (left, value) in values.iter().enumerate().take(largest + 1).skip(least) {
            let right = count - left;
            let sum = value - first;
            let difference = sum * self.inverse[left] - (total - sum) * self.inverse[right];
            let variance = self.mean_variances[left] + self.mean_variances[right];
            if difference * difference > most * variance {
                most = difference * difference / variance;
                best = Some((left, difference));
            }
        }
        let (left, difference) = best?;
        let right = count - left;
        let own = OWN_SHARE * self.sums.around_level(start, end) / count as f64;
        let gain = difference * difference * left as f64 * right as f64 / count as f64;
        let evidence = most / self.noise.variance.max(own);
        Some(Candidate { start, end, at: start + left, gain, evidence })
    }

    /// Whether a ramp explains the stretch clearly better than the step does: ramps as wide as the stretch, a half, a
    /// quarter and an eighth of it, around the step and beside it.
    pub(super) fn is_gradual(&self, step: &Candidate) -> bool {
        let width = (step.end - step.start) as f64;
        let needed = step.gain + RAMP_MARGIN * self.bound * self.noise.innovation();
        [0.125, 0.25, 0.5, 1.0].into_iter().any(|share| {
            let wide = (width * share).max(2.0).round();
            [-1.0, -0.75, -0.5, -0.25, 0.0].into_iter().any(|shift| {
                let foot = (step.at as f64 + shift * wide).round();
                self.sums.ramp_gain(step.start, step.end, (foot, foot + wide)) >= needed
            })
        })
    }

    /// Steps above the bound in intervals of every length, each overlapping its neighbours by half, lengths growing by √2.
    pub(super) fn candidates(&self) -> Vec<Candidate> {
        let count = self.sums.len();
        let mut candidates = Vec::new();
        let mut look = |start: usize, end: usize| {
            candidates.extend(self.best_step(start, end).filter(|step| step.evidence > self.bound));
        };
        let mut length = 2.0 * SIDE as f64;
        while (length as usize) < count {
            let long = length as usize;
            for start in (0..=count - long).step_by(long / 2) {
                look(start, start + long);
            }
            look(count - long, count);
            length *= std::f64::consts::SQRT_2;
        }
        look(0, count);
        candidates
    }

    /// The kink that two straight lines have in place of one, with its evidence.
    pub(super) fn best_kink(&self, start: usize, end: usize) -> Option<(usize, f64)> {
        /// A line through fewer points follows their noise.
        const LINE: usize = 5;
        /// As [`OWN_SHARE`] for lines.
        const OWN: f64 = 0.5;
        if end - start < 2 * LINE {
            return None;
        }
        let one = self.sums.around_line(start, end);
        let two = |at: usize| self.sums.around_line(start, at) + self.sums.around_line(at, end);
        let (at, left) = (start + LINE..=end - LINE).map(|at| (at, two(at))).min_by(|a, b| a.1.total_cmp(&b.1))?;
        let inflation = (1.0 + self.noise.persistence) / (1.0 - self.noise.persistence);
        let noise = (self.noise.variance * inflation).max(OWN * one / (end - start) as f64);
        (noise > 0.0).then(|| (at, (one - left) / noise))
    }

    /// Difference of the means around a place, with an approximate 95 % interval.
    pub(super) fn difference(&self, start: usize, at: usize, end: usize) -> Difference {
        /// Normal deviate of 2.5 % in each tail.
        const DEVIATE: f64 = 1.959_964;
        let value = self.sums.mean(at, end) - self.sums.mean(start, at);
        let variance = self.mean_variances[at - start] + self.mean_variances[end - at];
        let half = DEVIATE * (variance * self.noise.variance).sqrt();
        Difference { value, low: value - half, high: value + half }
    }
}
