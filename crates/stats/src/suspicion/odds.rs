//! Odds of a change against none, over the points at which it may have begun.

use serde::{Deserialize, Serialize};

/// Points of which each start is kept apart: what is suspected later than this is not in time.
const KEPT: usize = 3;

/// By how much more pressing a start is with each point that it went unnoticed.
pub(super) const URGENCY: f64 = 3.0;

/// No ratio grows beyond this: it is certain, and must stay a number.
const CERTAIN: f64 = 1e100;

/// Likelihood ratios of what a point is, for a change at it and for one before it, against none.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ratios {
    pub(super) here: f64,
    pub(super) before: f64,
}

/// Likelihood ratios of a change at each of the points so far; zero before the first.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Odds {
    /// At the newest point, the one before, and so on.
    recent: [f64; KEPT],
    /// At all earlier ones together.
    earlier: f64,
    /// At the likeliest of the earlier ones, and how many points back that is.
    likeliest: (f64, usize),
}

impl Odds {
    /// Takes a point.
    pub(super) fn add(&mut self, of: Ratios) {
        let [newest, last, third] = self.recent;
        let (most, since) = self.likeliest;
        let (most, since) = if third >= most { (third, KEPT) } else { (most, since + 1) };
        let then = |ratio: f64| (ratio * of.before).min(CERTAIN);
        *self = Self {
            recent: [of.here, then(newest), then(last)],
            earlier: then(self.earlier + third),
            likeliest: (then(most), since),
        };
    }

    /// All of them together, each weighted by its urgency.
    pub(super) fn urgent(&self) -> f64 {
        let [newest, last, third] = self.recent;
        newest + URGENCY * (last + URGENCY * (third + self.earlier))
    }

    /// The likeliest start in points back, and its ratio.
    pub(super) fn likeliest(&self) -> (usize, f64) {
        let recent = self.recent.iter().copied().enumerate();
        let (most, since) = self.likeliest;
        recent.fold((since, most), |best, (since, ratio)| if ratio >= best.1 { (since, ratio) } else { best })
    }
}

/// The bound that points drawn from these pass at this rate, each pass a new beginning.
///
/// Eight bounds are followed through the same points at a time, so that a few walks find it.
pub(super) fn bound(points: &[Ratios], rate: f64, draws: impl Iterator<Item = usize>) -> f64 {
    const LANES: usize = 8;
    const WALKS: usize = 3;
    let drawn: Vec<Ratios> = draws.map(|at| points[at]).collect();
    let allowed = (drawn.len() as f64 * rate) as u32;
    // Logarithms: below the lower end nearly all points pass, above the upper one none.
    let (mut low, mut high) = (-6.0f64, 14.0f64);
    for _ in 0..WALKS {
        let part = (high - low) / (LANES + 1) as f64;
        let tried: [f64; LANES] = std::array::from_fn(|lane| low + part * (lane + 1) as f64);
        let passes = passes(&drawn, tried.map(f64::exp));
        let above = (0..LANES).find(|lane| passes[*lane] <= allowed);
        (low, high) = match above {
            Some(lane) => (tried[lane] - part, tried[lane]),
            None => (high - part, high),
        };
    }
    high.exp()
}

/// How often points that come one after the other pass each of these bounds. The same as [`Odds`], for many bounds at once.
fn passes<const LANES: usize>(points: &[Ratios], bounds: [f64; LANES]) -> [u32; LANES] {
    let (mut newest, mut last, mut older) = ([0.0f64; LANES], [0.0f64; LANES], [0.0f64; LANES]);
    let mut passes = [0u32; LANES];
    for of in points {
        for lane in 0..LANES {
            let old = (last[lane] + older[lane]) * of.before;
            let middle = newest[lane] * of.before;
            let urgent = of.here + URGENCY * (middle + URGENCY * old);
            let passed = urgent >= bounds[lane];
            passes[lane] += u32::from(passed);
            let kept = if passed { 0.0 } else { 1.0 };
            newest[lane] = of.here * kept;
            last[lane] = middle * kept;
            older[lane] = (old * kept).min(CERTAIN);
        }
    }
    passes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ratios(nth: usize) -> Ratios {
        let wobble = ((nth * 7919) % 101) as f64 / 50.0 - 1.0;
        Ratios { here: (2.0 * wobble - 1.0).exp(), before: (wobble - 0.3).exp() }
    }

    #[test]
    fn many_bounds_at_once_pass_as_often_as_each_alone() {
        let points: Vec<Ratios> = (0..500).map(ratios).collect();
        let bounds = [0.5, 3.0, 20.0];
        let alone = bounds.map(|bound| {
            let (mut odds, mut passes) = (Odds::default(), 0);
            for of in &points {
                odds.add(*of);
                if odds.urgent() >= bound {
                    (odds, passes) = (Odds::default(), passes + 1);
                }
            }
            passes
        });
        assert_eq!(passes(&points, bounds), alone);
        assert!(alone[0] > alone[1] && alone[1] > alone[2] && alone[2] > 0, "{alone:?}");
    }

    #[test]
    fn the_bound_is_passed_at_the_rate_asked_for() {
        let points: Vec<Ratios> = (0..101).map(ratios).collect();
        let draws = || (0..4_000).map(|nth: usize| nth * 31 % 101);
        for rate in [0.3, 0.1, 0.01] {
            let bound = bound(&points, rate, draws());
            let drawn: Vec<Ratios> = draws().map(|at| points[at]).collect();
            let [passed, below] = passes(&drawn, [bound, bound * 0.9]);
            let allowed = (4_000.0 * rate) as u32;
            assert!(passed <= allowed && below >= passed && f64::from(passed) > 2_000.0 * rate, "{rate}: {passed} {below}");
        }
    }

    #[test]
    fn the_likeliest_start_is_named_however_old_it_is() {
        let mut odds = Odds::default();
        odds.add(Ratios { here: 8.0, before: 1.0 });
        for back in 1..10 {
            odds.add(Ratios { here: 0.5, before: 1.1 });
            assert_eq!(odds.likeliest().0, back);
        }
        // As many points as there may be leave a number.
        (0..100_000).for_each(|_| odds.add(Ratios { here: 1e6, before: 1e6 }));
        assert!(odds.urgent().is_finite() && odds.likeliest().1.is_finite());
    }
}
