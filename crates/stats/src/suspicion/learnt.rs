//! What is usual for a series.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use serde::{Deserialize, Serialize};

use super::Watch;
use super::density::Density;
use super::odds::{self, Ratios};
use crate::samples::Samples;

/// Noise, memory and the bound that follows from them.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Learnt {
    persistence: f64,
    middle: f64,
    /// Farther than this from the middle a point foretells nothing about the next.
    reach: f64,
    density: Density,
    /// Odds, weighted by urgency, that count as a suspicion.
    pub(super) bound: f64,
}

impl Learnt {
    /// What these points show; `before` is what was learnt of the series earlier, which only shortens the work.
    pub(super) fn of(points: &[f64], watch: Watch, before: Option<&Self>) -> Self {
        let samples = Samples::of_finite(points.to_vec());
        let middle = samples.median();
        let quartiles = samples.quantile(0.75) - samples.quantile(0.25);
        // Points that never vary have a yardstick nevertheless: a hundredth of the step.
        let reach = (3.0 * quartiles / 1.349).max(watch.step / 100.0);
        let held: Vec<f64> = points.iter().map(|point| (point - middle).clamp(-reach, reach)).collect();
        let persistence = persistence(&held);
        let beyond: Vec<f64> = held.iter().zip(&points[1..]).map(|(held, point)| point - middle - persistence * held).collect();
        let density = Density::of(&beyond, watch.step);
        let mut learnt = Self { persistence, middle, reach, density, bound: f64::INFINITY };
        learnt.bound = learnt.bound(&beyond, watch, before.map(|before| before.bound));
        learnt
    }

    /// What this point says after that one.
    pub(super) fn ratios(&self, previous: f64, point: f64, step: f64) -> Ratios {
        let held = (previous - self.middle).clamp(-self.reach, self.reach);
        self.ratios_of(point - self.middle - self.persistence * held, step)
    }

    /// The same of a point that is so far beyond what the one before foretold.
    fn ratios_of(&self, beyond: f64, step: f64) -> Ratios {
        let usual = self.density.log(beyond);
        let later = step * (1.0 - self.persistence);
        Ratios { here: (self.density.log(beyond - step) - usual).exp(), before: (self.density.log(beyond - later) - usual).exp() }
    }

    /// The bound that points drawn from these pass at the rate asked for.
    fn bound(&self, beyond: &[f64], watch: Watch, near: Option<f64>) -> f64 {
        let draws = ((60.0 / watch.rate) as usize).clamp(1_800, 20_000);
        let ratios: Vec<Ratios> = beyond.iter().map(|&beyond| self.ratios_of(beyond, watch.step)).collect();
        // The upper half of a product spreads over the places as evenly as a remainder, and costs no division. There are at most
        // 256 places, so that half a word is enough for one.
        let place = |bits: u32| (bits as usize * ratios.len()) >> 16;
        let mut random = ChaCha8Rng::seed_from_u64(1);
        let drawn = (0..draws.div_ceil(2)).map(|_| random.next_u32()).flat_map(|bits| [place(bits & 0xffff), place(bits >> 16)]);
        odds::bound(&ratios, watch.rate, drawn, near)
    }
}

/// Correlation of neighbours, spikes held back; none below what 256 independent points show by chance.
fn persistence(held: &[f64]) -> f64 {
    const CHANCE: f64 = 0.15;
    let squares: f64 = held.iter().map(|held| held.powi(2)).sum();
    let products: f64 = held.windows(2).map(|pair| pair[0] * pair[1]).sum();
    let correlation = if squares > 0.0 { products / squares } else { 0.0 };
    if correlation < CHANCE { 0.0 } else { correlation.min(0.9) }
}
