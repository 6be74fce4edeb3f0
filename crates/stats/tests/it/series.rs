//! Series that nothing happens to, in the noise of every kind that the level is stated for.

use crate::noise::Random;

/// Noise of a series with one point a revision.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum SeriesNoise {
    /// Independent, normal.
    Normal,
    /// Independent, log-normal.
    LogNormal,
    /// Student's t with three degrees of freedom.
    HeavyTails,
    /// AR(1) with this coefficient.
    Memory(f64),
    /// Two points in a hundred are ten standard deviations high.
    Spikes,
    /// One run in ten is throttled by 15 %.
    Throttle,
    /// Three in ten lie in another mode, ten of its standard deviations off.
    Modes,
}

pub(crate) const ALL: [SeriesNoise; 8] = [
    SeriesNoise::Normal,
    SeriesNoise::LogNormal,
    SeriesNoise::HeavyTails,
    SeriesNoise::Memory(0.3),
    SeriesNoise::Memory(0.6),
    SeriesNoise::Spikes,
    SeriesNoise::Throttle,
    SeriesNoise::Modes,
];

/// The five of the benchmark tables.
pub(crate) const FIVE: [SeriesNoise; 5] =
    [SeriesNoise::Normal, SeriesNoise::LogNormal, SeriesNoise::Memory(0.6), SeriesNoise::Spikes, SeriesNoise::Throttle];

/// A source of points around 100.
pub(crate) struct Source {
    noise: SeriesNoise,
    /// Standard deviation of the usual points over 100; modes have their own.
    spread: f64,
    random: Random,
    state: f64,
}

impl Source {
    /// Points with a spread of 3 %.
    pub(crate) fn new(noise: SeriesNoise, seed: u64) -> Self {
        Self::with_spread(noise, 0.03, seed)
    }

    /// Points with this spread.
    pub(crate) fn with_spread(noise: SeriesNoise, spread: f64, seed: u64) -> Self {
        let mut random = Random::new(seed);
        let state = random.normal();
        Self { noise, spread, random, state }
    }

    pub(crate) fn next(&mut self) -> f64 {
        let random = &mut self.random;
        let normal = random.normal();
        let usual = 100.0 * (1.0 + self.spread * normal);
        match self.noise {
            SeriesNoise::Normal => usual,
            SeriesNoise::LogNormal => 100.0 * (self.spread * normal).exp(),
            SeriesNoise::HeavyTails => {
                let squares: f64 = (0..3).map(|_| random.normal().powi(2)).sum();
                100.0 * (1.0 + self.spread * normal / (squares / 3.0).sqrt())
            }
            SeriesNoise::Memory(memory) => {
                self.state = memory * self.state + (1.0 - memory * memory).sqrt() * normal;
                100.0 * (1.0 + self.spread * self.state)
            }
            SeriesNoise::Spikes => usual + if random.chance(0.02) { 1000.0 * self.spread } else { 0.0 },
            SeriesNoise::Throttle => usual * if random.chance(0.1) { 1.15 } else { 1.0 },
            SeriesNoise::Modes => 100.0 + normal + if random.chance(0.3) { 10.0 } else { 0.0 },
        }
    }

    pub(crate) fn take(&mut self, count: usize) -> Vec<f64> {
        (0..count).map(|_| self.next()).collect()
    }
}
