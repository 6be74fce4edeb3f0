//! What phones do to latencies.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

/// Seeded random numbers of a few distributions.
pub(crate) struct Random(ChaCha8Rng);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(ChaCha8Rng::seed_from_u64(seed))
    }

    /// Above 0 and below 1.
    pub(crate) fn uniform(&mut self) -> f64 {
        ((self.0.next_u64() >> 11) as f64 + 0.5) / (1u64 << 53) as f64
    }

    /// Standard normal (Box and Muller 1958).
    pub(crate) fn normal(&mut self) -> f64 {
        let radius = (-2.0 * self.uniform().ln()).sqrt();
        radius * (std::f64::consts::TAU * self.uniform()).cos()
    }

    /// Student's t with three degrees of freedom, scaled to the standard deviation 1.
    pub(crate) fn heavy(&mut self) -> f64 {
        let squares: f64 = (0..3).map(|_| self.normal().powi(2)).sum();
        self.normal() / squares.sqrt()
    }

    pub(crate) fn chance(&mut self, share: f64) -> bool {
        self.uniform() < share
    }
}

/// A device's behaviour from block to block and from sample to sample. All but [`Noise::Throttle`] scatter a block by
/// about 3 %, which is a phone that nobody pinned.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Noise {
    /// Independent blocks and samples.
    Normal,
    /// Skewed: slow blocks and samples lie farther off than quick ones.
    LogNormal,
    /// Each block resembles the one before (0.6).
    Autoregressive,
    /// Three blocks in a hundred take half as long again; five samples in a hundred three times as long.
    Spikes,
    /// Blocks and samples of Student's t with three degrees of freedom: a few lie very far off, on either side.
    HeavyTails,
    /// The clock falls by 15 % now and then and stays low for about four blocks.
    Throttle,
}

pub(crate) const ALL: [Noise; 6] =
    [Noise::Normal, Noise::LogNormal, Noise::Autoregressive, Noise::Spikes, Noise::HeavyTails, Noise::Throttle];

/// A device at work: gives blocks one after the other.
pub(crate) struct Device {
    noise: Noise,
    random: Random,
    /// Of the last block: deviation, or 1 while throttled.
    state: f64,
}

impl Device {
    pub(crate) fn new(noise: Noise, seed: u64) -> Self {
        let mut random = Random::new(seed);
        let state = match noise {
            Noise::Throttle => f64::from(random.chance(0.25)),
            _ => random.normal(),
        };
        Self { noise, random, state }
    }

    /// The next block: `count` latencies around `latency`.
    pub(crate) fn block(&mut self, latency: f64, count: usize) -> Vec<f64> {
        let level = latency * self.level();
        (0..count).map(|_| level * self.sample()).collect()
    }

    fn level(&mut self) -> f64 {
        let random = &mut self.random;
        match self.noise {
            Noise::Normal => (1.0 + 0.03 * random.normal()).max(0.5),
            Noise::LogNormal => (0.03 * random.normal() + 0.03 * -random.uniform().ln()).exp(),
            Noise::Autoregressive => {
                self.state = 0.6 * self.state + 0.8 * random.normal();
                (0.03 * self.state).exp()
            }
            Noise::Spikes => (0.01 * random.normal()).exp() * if random.chance(0.03) { 1.5 } else { 1.0 },
            Noise::HeavyTails => (0.03 * random.heavy()).exp(),
            Noise::Throttle => {
                let changes = if self.state == 1.0 { 0.25 } else { 0.08 };
                if random.chance(changes) {
                    self.state = 1.0 - self.state;
                }
                (0.01 * random.normal()).exp() * (1.0 + 0.15 * self.state)
            }
        }
    }

    fn sample(&mut self) -> f64 {
        let random = &mut self.random;
        match self.noise {
            Noise::LogNormal => (0.1 * random.normal()).exp(),
            Noise::Spikes => (0.02 * random.normal()).exp() * if random.chance(0.05) { 3.0 } else { 1.0 },
            Noise::HeavyTails => (0.02 * random.heavy()).exp(),
            _ => (0.02 * random.normal()).exp(),
        }
    }
}

/// Upper end of the exact 99 % interval of a share (Clopper and Pearson 1934): the share for which `hits` or fewer in
/// `trials` have a chance of 1 in 100.
pub(crate) fn upper_bound(hits: usize, trials: usize) -> f64 {
    let at_most_hits = |share: f64| {
        let mut term = (trials as f64 * (-share).ln_1p()).exp();
        let mut sum = term;
        for successes in 1..=hits {
            term *= (trials - successes + 1) as f64 / successes as f64 * share / (1.0 - share);
            sum += term;
        }
        sum
    };
    let (mut low, mut high) = (hits as f64 / trials as f64, 0.5);
    for _ in 0..60 {
        let middle = (low + high) / 2.0;
        if at_most_hits(middle) > 0.01 { low = middle } else { high = middle }
    }
    high
}

#[test]
fn the_upper_bound_is_the_textbook_one() {
    // The rule of three at 99 %: -ln(0.01)/n.
    assert!((upper_bound(0, 1000) - 0.004_595).abs() < 1e-5);
    assert!((upper_bound(50, 10_000) - 0.006_911).abs() < 1e-4, "{}", upper_bound(50, 10_000));
}
