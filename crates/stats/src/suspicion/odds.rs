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

/// Bounds that are followed through the same points at a time.
const LANES: usize = 8;

/// The bound that points drawn from these pass at this rate, each pass a new beginning. Three walks through the points find it, two
/// when it lies within a factor of three of `near`, the bound that was found before.
pub(super) fn bound(points: &[Ratios], rate: f64, draws: impl Iterator<Item = usize>, near: Option<f64>) -> f64 {
    /// Logarithms: below the lower end nearly all points pass, above the upper one none.
    const ALL: (f64, f64) = (-6.0, 14.0);
    const NEARBY: f64 = 1.2;
    /// How closely the logarithm is found.
    const CLOSE: f64 = 0.03;
    let drawn: Vec<Ratios> = draws.map(|at| points[at]).collect();
    let allowed = (drawn.len() as f64 * rate) as u64;
    let near = near.map(f64::ln).filter(|near| near.is_finite()).map(|near| (near - NEARBY, near + NEARBY));
    let inside = near.and_then(|near| match crossing(&drawn, allowed, near) {
        // It may lie beyond that end.
        0 | LANES => None,
        nth => Some(part(near, nth)),
    });
    let mut range = inside.unwrap_or(ALL);
    while range.1 - range.0 > CLOSE {
        range = part(range, crossing(&drawn, allowed, range));
    }
    range.1.exp()
}

/// The nth of the parts of equal length that [`LANES`] bounds make of a range.
fn part((low, high): (f64, f64), nth: usize) -> (f64, f64) {
    let length = (high - low) / (LANES + 1) as f64;
    (low + length * nth as f64, low + length * (nth + 1) as f64)
}

/// In which part of a range of logarithms the passes come down to what is allowed.
fn crossing(points: &[Ratios], allowed: u64, range: (f64, f64)) -> usize {
    let tried: [f64; LANES] = std::array::from_fn(|lane| part(range, lane).1.exp());
    let passes = passes(points, tried);
    passes.iter().position(|passes| *passes <= allowed).unwrap_or(LANES)
}

/// How often points that come one after the other pass each of these bounds. The same as [`Odds`], for many bounds at once: only
/// what is urgent is asked, so all starts before the newest are one sum, weighted already.
fn passes<const LANES: usize>(points: &[Ratios], bounds: [f64; LANES]) -> [u64; LANES] {
    let (mut newest, mut older) = ([0.0f64; LANES], [0.0f64; LANES]);
    let mut passes = [0u64; LANES];
    for of in points {
        for lane in 0..LANES {
            let last = URGENCY * (newest[lane] * of.before);
            let old = older[lane] * of.before;
            let passed = of.here + last + old >= bounds[lane];
            passes[lane] += u64::from(passed);
            // A branch would be guessed wrong at most passes, and eight lanes at a time have none.
            let kept = u64::from(passed).wrapping_sub(1);
            let keep = |value: f64| f64::from_bits(value.to_bits() & kept);
            newest[lane] = keep(of.here);
            let old = URGENCY * last + old;
            older[lane] = keep(if old < CERTAIN { old } else { CERTAIN });
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
            let found = bound(&points, rate, draws(), None);
            let drawn: Vec<Ratios> = draws().map(|at| points[at]).collect();
            let [passed, below] = passes(&drawn, [found, found * 0.9]);
            let allowed = (4_000.0 * rate) as u64;
            assert!(passed <= allowed && below >= passed && passed as f64 > 2_000.0 * rate, "{rate}: {passed} {below}");
            // A bound found before shortens the way to the same place, near or not.
            for near in [0.5, 1.0, 2.5, 100.0, 0.0].map(|factor| found * factor) {
                let again = bound(&points, rate, draws(), Some(near));
                assert!((again / found).ln().abs() < 0.03, "{rate}: {again} after {near} is not {found}");
            }
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
