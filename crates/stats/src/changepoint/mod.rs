//! Where did a series change, and by how much?
//!
//! One default for every series, without a setting to tune. It is a binary segmentation over seeded intervals (Kovács,
//! Li, Bühlmann and Munk, "Seeded binary segmentation", Biometrika 110 (2023), arXiv:2002.06633) with these answers to
//! what real series do:
//!
//! - **Spikes** are pulled back to three standard deviations around a running median before anything is summed, so that
//!   one wild point of any height weighs as much as a slightly unusual one. They are reported as [`Analysis::outliers`].
//! - **Memory**: neighbours that resemble each other make sums wander. Their resemblance is measured from differences,
//!   which steps hardly touch, and the variance of a mean of l points is that of an AR(1) process (Priestley, "Spectral
//!   analysis and time series", 1981, §5.3), not 1/l. Above a cap, persistence is a moving level and no noise.
//! - **Drift**: a step that a ramp explains better is no step. A slow leak is reported as a [`Drift`], and changes its
//!   direction only at a kink, where two lines are far better than one.
//! - **No noise at all**: figures that repeat exactly (sizes, counts) are compared exactly, see [`exact`].
//!
//! **The stated level**: a series without any change is given one with a chance of at most [`LEVEL`], whatever its length
//! from 50 points on. The search over places and lengths is part of that chance, and so are skewed and heavy-tailed noise,
//! AR(1) up to 0.6, spikes, and modes that come and go from point to point; `cargo test -p benchrack-stats` measures a
//! part and `cargo run --release -p benchrack-stats --example series_tables -- level` all of it. Modes that stay for several
//! points are steps, because nothing in the series tells them apart.
//!
//! The analysis is deterministic: it draws no random numbers, so the same values give the same answer.

mod detector;
mod exact;
mod intervals;
mod noise;
mod segments;
mod sums;

pub use detector::{Detector, Pushed};

use crate::samples::SampleError;
use noise::Noise;
use sums::Sums;

/// The chance of any reported change in a series that has none, from [`SHORTEST_LEVEL`] points on.
pub const LEVEL: f64 = 0.01;

/// The shortest series for which the level was measured; shorter ones are held to the bound of this length.
pub const SHORTEST_LEVEL: usize = 50;

/// A place where the series changes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Change {
    /// The first point of the new level, from 0.
    pub index: usize,
    /// What kind of change.
    pub kind: ChangeKind,
    /// Median of the points since the change before.
    pub before: f64,
    /// Median of the points up to the next change.
    pub after: f64,
    /// Difference of the levels with an approximate 95 % interval for a place known beforehand, in the series' unit.
    pub difference: Difference,
    /// Evidence over the bound it had to pass: 1 is just enough. Infinite where nothing ever varied.
    pub strength: f64,
}

/// What happens at a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChangeKind {
    /// One level ends and another begins.
    Step,
    /// A drift begins, ends, or changes its slope.
    Kink,
    /// The last point of a series that never varied differs: the next point will tell a step from a spike.
    Provisional,
}

/// A difference and its interval.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Difference {
    /// The estimate.
    pub value: f64,
    /// Lower end.
    pub low: f64,
    /// Upper end.
    pub high: f64,
}

impl Change {
    /// The change as a share of the level before: 0.05 is five per cent more, -1 a drop to zero. None from a level of
    /// zero, where no share exists.
    pub fn relative(&self) -> Option<f64> {
        self.of_before(self.after - self.before)
    }

    /// The interval of [`Change::difference`] as shares of the level before.
    pub fn relative_interval(&self) -> Option<(f64, f64)> {
        let (low, high) = (self.of_before(self.difference.low)?, self.of_before(self.difference.high)?);
        Some((low.min(high), low.max(high)))
    }

    fn of_before(&self, difference: f64) -> Option<f64> {
        (self.before != 0.0).then(|| difference / self.before.abs())
    }
}

/// A stretch over which the level moves gradually.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Drift {
    /// First point, from 0.
    pub start: usize,
    /// One past the last point.
    pub end: usize,
    /// The fitted line at the first point.
    pub from: f64,
    /// The fitted line at the last point.
    pub to: f64,
}

/// What is known of a series.
#[derive(Debug, Clone, PartialEq)]
pub struct Analysis {
    /// Changes in the order of the series.
    pub changes: Vec<Change>,
    /// Stretches between changes that are no level but a gradual move.
    pub drifts: Vec<Drift>,
    /// Points that are far from all their neighbours and moved nothing.
    pub outliers: Vec<usize>,
    /// Standard deviation of a point around its level, spikes held back.
    pub deviation: f64,
    /// How much a point resembles the one before, as it was allowed for: from 0 to 0.7.
    pub persistence: f64,
}

/// Analyses a series in its order; values of any sign and unit.
///
/// ```
/// use benchrack_stats::changepoint::analyse;
///
/// // A phone's latency in ms: noise of a few tenths, one spike, and a step of 8 % at point 60.
/// let mut state = 7u32;
/// let mut noise = || {
///     state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
///     f64::from(state >> 8) / f64::from(1 << 24) - 0.5
/// };
/// let mut latency: Vec<f64> = (0..100).map(|i| if i < 60 { 20.0 } else { 21.6 } + noise()).collect();
/// latency[30] = 95.0;
/// let analysis = analyse(&latency)?;
/// assert_eq!(analysis.changes.len(), 1);
/// assert_eq!(analysis.changes[0].index, 60);
/// assert_eq!(analysis.outliers, [30]);
/// # Ok::<(), benchrack_stats::SampleError>(())
/// ```
///
/// # Errors
/// When there are no values or one is not finite.
pub fn analyse(values: &[f64]) -> Result<Analysis, SampleError> {
    if values.is_empty() {
        return Err(SampleError::Empty);
    }
    if let Some(index) = values.iter().position(|value| !value.is_finite()) {
        return Err(SampleError::NotFinite { index, value: values[index] });
    }
    Ok(exact::analyse(values).unwrap_or_else(|| analyse_noisy(values, &Noise::of(values))))
}

fn analyse_noisy(values: &[f64], noise: &Noise) -> Analysis {
    let sums = Sums::of(&noise.calm);
    let search = intervals::Search::new(&sums, noise);
    let cuts = segments::cuts(&search);
    let level = |start: usize, end: usize| median(&values[start..end]);
    let mut changes = Vec::with_capacity(cuts.len());
    let mut bounds: Vec<usize> = cuts.iter().map(|cut| cut.index).collect();
    bounds.insert(0, 0);
    bounds.push(values.len());
    for (cut, around) in cuts.iter().zip(bounds.windows(3)) {
        let (start, at, end) = (around[0], around[1], around[2]);
        changes.push(Change {
            index: at,
            kind: if cut.step.is_some() { ChangeKind::Step } else { ChangeKind::Kink },
            before: level(start, at),
            after: level(at, end),
            difference: search.difference(start, at, end),
            strength: cut.strength,
        });
    }
    let drifts = bounds.windows(2).filter_map(|around| segments::drift(&search, around[0], around[1])).collect();
    Analysis {
        changes,
        drifts,
        outliers: noise.outliers(values),
        deviation: noise.variance.sqrt(),
        persistence: noise.persistence,
    }
}

/// The median as [`crate::Samples::median`] has it, without ordering all values; of at least one.
fn median(values: &[f64]) -> f64 {
    let mut values = values.to_vec();
    let rank = values.len() / 2;
    let is_odd = values.len() % 2 == 1;
    let (below, &mut high, _) = values.select_nth_unstable_by(rank, f64::total_cmp);
    let low = if is_odd { high } else { below.iter().copied().fold(f64::NEG_INFINITY, f64::max) };
    // Equal neighbours must give exactly themselves, and a midpoint must not overflow.
    if low == high { low } else { low + (high - low) * 0.5 }
}

#[cfg(test)]
mod tests;
