//! Has a series perhaps just got worse? A sensitive detector whose alarms are questions.
//!
//! A suspicion costs a confirming session on the device and alerts nobody, so it may be wrong often and must be early.
//! This is Page's CUSUM ("Continuous inspection schemes", Biometrika 41 (1954)), which has the least delay at its rate
//! of false alarms when both densities are known (Moustakides, "Optimal stopping times for detecting changes in
//! distributions", Annals of Statistics 14 (1986)). They are not known here, so they are learnt from the series itself:
//!
//! - The density of a point is a kernel estimate over the last points (Silverman, "Density estimation for statistics and
//!   data analysis", 1986, §3.4), so that a throttled run or a spike that has been seen before is no news.
//! - Neighbours that resemble each other are made independent first: what counts is a point beyond what the one before
//!   foretold. A step shows in full at its first such difference and by 1 - φ in the following ones, and the sum allows
//!   for that.
//! - The bound is the one that the series' own differences, drawn again and again in a seeded order, pass at the rate of
//!   false alarms asked for.

use std::collections::VecDeque;

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use serde::{Deserialize, Serialize};

use crate::samples::Samples;

/// Points that the density is learnt from.
const MEMORY: usize = 256;

/// Fewest points that a density is learnt from; before that a point is only told from the greatest one, see [`Watcher`].
const LEAST: usize = 30;

/// Points after which the density is learnt again, at most; while there are few points, sooner.
const EVERY: usize = 32;

/// Places at which the density is kept.
const GRID: usize = 192;

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
    learnt: Option<Learnt>,
    /// Points since the density was learnt.
    age: usize,
    sum: Sum,
}

/// The CUSUM: evidence for the likeliest moment of a change so far, and how many points ago that was.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
struct Sum {
    evidence: f64,
    since: usize,
    running: bool,
}

impl Sum {
    /// Takes a point with its evidence for a change here and for one before.
    fn add(&mut self, here: f64, before: f64) {
        let goes_on = self.evidence + before;
        if self.running && goes_on >= here {
            *self = Self { evidence: goes_on, since: self.since + 1, running: true };
        } else {
            *self = Self { evidence: here, since: 0, running: true };
        }
    }
}

/// What is usual.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Learnt {
    persistence: f64,
    middle: f64,
    /// Farther than this from the middle a point foretells nothing about the next.
    reach: f64,
    density: Density,
    /// Evidence that counts as a suspicion.
    bound: f64,
}

impl Watcher {
    /// A watcher that has seen nothing.
    pub fn new(watch: Watch) -> Self {
        Self { watch, seen: 0, usual: VecDeque::with_capacity(MEMORY + 1), learnt: None, age: 0, sum: Sum::default() }
    }

    /// Takes the next point. After a suspicion the sum begins again, as it must when the session finds nothing; when it
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
        if self.learnt.is_none() || (stale && self.sum.evidence <= 0.0) {
            self.learnt = Some(Learnt::of(self.usual.make_contiguous(), self.watch));
            self.age = 0;
        }
        self.age += 1;
        let (Some(learnt), Some(&previous)) = (&self.learnt, self.usual.back()) else { return Suspicion::Learning };
        let (here, before) = learnt.evidence(learnt.beyond(previous, point), self.watch.step);
        self.sum.add(here, before);
        if self.sum.evidence < learnt.bound {
            return Suspicion::Quiet;
        }
        let since = self.sum.since;
        self.sum = Sum::default();
        Suspicion::Suspicious { since }
    }
}

impl Learnt {
    fn of(points: &[f64], watch: Watch) -> Self {
        let samples = Samples::of_finite(points.to_vec());
        let middle = samples.median();
        let quartiles = samples.quantile(0.75) - samples.quantile(0.25);
        // Points that never vary have a yardstick nevertheless: a hundredth of the step.
        let reach = (3.0 * quartiles / 1.349).max(watch.step / 100.0);
        let mut learnt = Self { persistence: 0.0, middle, reach, density: Density::of(&[0.0], watch.step), bound: f64::INFINITY };
        learnt.persistence = learnt.persistence(points);
        let beyond: Vec<f64> = points.windows(2).map(|pair| learnt.beyond(pair[0], pair[1])).collect();
        learnt.density = Density::of(&beyond, watch.step);
        learnt.bound = learnt.bound(&beyond, watch);
        learnt
    }

    fn held(&self, point: f64) -> f64 {
        (point - self.middle).clamp(-self.reach, self.reach)
    }

    /// Correlation of neighbours, spikes held back; none below what 256 independent points show by chance.
    fn persistence(&self, points: &[f64]) -> f64 {
        const CHANCE: f64 = 0.15;
        let squares: f64 = points.iter().map(|&point| self.held(point).powi(2)).sum();
        let products: f64 = points.windows(2).map(|pair| self.held(pair[0]) * self.held(pair[1])).sum();
        let correlation = if squares > 0.0 { products / squares } else { 0.0 };
        if correlation < CHANCE { 0.0 } else { correlation.min(0.9) }
    }

    /// A point beyond what the one before foretold.
    fn beyond(&self, previous: f64, point: f64) -> f64 {
        point - self.middle - self.persistence * self.held(previous)
    }

    /// Log likelihood ratios of a step at this point and of one before it.
    fn evidence(&self, beyond: f64, step: f64) -> (f64, f64) {
        let usual = self.density.log(beyond);
        let later = step * (1.0 - self.persistence);
        (self.density.log(beyond - step) - usual, self.density.log(beyond - later) - usual)
    }

    /// The bound that points drawn from these pass at the rate asked for.
    fn bound(&self, beyond: &[f64], watch: Watch) -> f64 {
        const HALVINGS: usize = 14;
        let steps = ((60.0 / watch.rate) as usize).clamp(2_000, 20_000);
        let evidence: Vec<_> = beyond.iter().map(|&beyond| self.evidence(beyond, watch.step)).collect();
        let mut random = ChaCha8Rng::seed_from_u64(1);
        let drawn: Vec<(f64, f64)> = (0..steps).map(|_| evidence[(random.next_u64() % evidence.len() as u64) as usize]).collect();
        let alarms = |bound: f64| {
            let mut sum = Sum::default();
            let mut alarms = 0;
            for &(here, before) in &drawn {
                sum.add(here, before);
                if sum.evidence >= bound {
                    alarms += 1;
                    sum = Sum::default();
                }
            }
            alarms
        };
        let allowed = (steps as f64 * watch.rate) as usize;
        // Below the lower end nearly all points alarm, above the upper one none.
        let (mut low, mut high) = (-10.0f64, 50.0f64);
        for _ in 0..HALVINGS {
            let middle = low.midpoint(high);
            if alarms(middle) > allowed { low = middle } else { high = middle }
        }
        high
    }
}

/// A density on a grid, as logarithms.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Density {
    start: f64,
    width: f64,
    logs: Vec<f64>,
}

impl Density {
    /// Normal kernels over the points, and a little of a broad normal density, so that what was never seen is unlikely and
    /// not impossible.
    fn of(points: &[f64], step: f64) -> Self {
        const BROAD: f64 = 0.05;
        let samples = Samples::of_finite(points.to_vec());
        let quartiles = (samples.quantile(0.75) - samples.quantile(0.25)) / 1.349;
        let mean = samples.mean();
        let deviation = (points.iter().map(|point| (point - mean).powi(2)).sum::<f64>() / points.len() as f64).sqrt();
        let spread = if quartiles > 0.0 { quartiles.min(deviation) } else { deviation }.max(step / 100.0);
        let kernel = 0.9 * spread * (points.len() as f64).powf(-0.2);
        // Kernels widen what they smooth; the points are drawn together by as much (Jones, "On correcting for variance
        // inflation in kernel density estimation", Computational Statistics & Data Analysis 11 (1991)).
        let narrower = 1.0 / (1.0 + (kernel / spread).powi(2)).sqrt();
        let (middle, broad) = (samples.median(), 2.0 * spread);
        // One wild point must not stretch the grid.
        let reach = 8.0 * spread + step;
        let start = samples.minimum().max(middle - reach) - step - 4.0 * kernel;
        let end = samples.maximum().min(middle + reach) + step + 4.0 * kernel;
        let width = (end - start) / (GRID - 1) as f64;
        let normal = |distance: f64, deviation: f64| (-0.5 * (distance / deviation).powi(2)).exp() / deviation;
        let log = |nth: usize| {
            let at = start + width * nth as f64;
            let drawn = |point: &f64| middle + (point - middle) * narrower;
            let kernels = points.iter().map(|point| normal(at - drawn(point), kernel)).sum::<f64>() / points.len() as f64;
            // A floor, because the logarithm of zero would be certainty.
            ((1.0 - BROAD) * kernels + BROAD * normal(at - middle, broad) + 1e-6 / spread).ln()
        };
        Self { start, width, logs: (0..GRID).map(log).collect() }
    }

    /// The logarithm of the density, up to a constant; at the ends it goes on as it is.
    fn log(&self, at: f64) -> f64 {
        let place = ((at - self.start) / self.width).clamp(0.0, (GRID - 1) as f64);
        let left = (place as usize).min(GRID - 2);
        let share = place - left as f64;
        self.logs[left] + (self.logs[left + 1] - self.logs[left]) * share
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
