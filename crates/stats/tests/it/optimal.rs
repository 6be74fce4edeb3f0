//! The CUSUM that knows the noise: its density, its memory, its spread.

use crate::series::{SeriesNoise, Source};
use crate::watched::{Operation, summary};

/// Exact log likelihood ratios of a step.
pub(crate) struct Optimal {
    noise: SeriesNoise,
    step: f64,
}

fn normal(at: f64, middle: f64, deviation: f64) -> f64 {
    (-0.5 * ((at - middle) / deviation).powi(2)).exp() / deviation
}

impl Optimal {
    pub(crate) fn new(noise: SeriesNoise, step: f64) -> Self {
        Self { noise, step }
    }

    /// Density of a value around 100 with a spread of 3, up to a constant.
    fn density(&self, value: f64) -> f64 {
        match self.noise {
            SeriesNoise::LogNormal => normal((value / 100.0).ln(), 0.0, 0.03) / value,
            SeriesNoise::Spikes => 0.98 * normal(value, 100.0, 3.0) + 0.02 * normal(value, 130.0, 3.0),
            SeriesNoise::Throttle => 0.9 * normal(value, 100.0, 3.0) + 0.1 * normal(value, 115.0, 3.45),
            _ => normal(value, 100.0, 3.0),
        }
    }

    /// Evidence for a step at this value and for one before it.
    fn evidence(&self, previous: f64, value: f64) -> (f64, f64) {
        if let SeriesNoise::Memory(memory) = self.noise {
            let deviation = 3.0 * (1.0 - memory * memory).sqrt();
            let ratio = |before: f64| {
                // The step moves this value by 5 %, and the one before as well when it came earlier.
                let foretold = |scale: f64, before: f64| (100.0 + memory * (before - 100.0)) * scale;
                let usual = normal(value, foretold(1.0, previous), deviation);
                let stepped = normal(value, foretold(1.0 + self.step, before), deviation * (1.0 + self.step));
                (stepped / usual).ln()
            };
            return (ratio(previous), ratio(previous / (1.0 + self.step)));
        }
        let ratio = (self.density(value / (1.0 + self.step)) / (1.0 + self.step) / self.density(value)).ln();
        (ratio, ratio)
    }

    fn run(&self, bound: f64, values: impl Iterator<Item = f64>, previous: &mut f64, sum: &mut Option<f64>) -> Option<usize> {
        for (nth, value) in values.enumerate() {
            let (here, before) = self.evidence(*previous, value);
            *previous = value;
            let now = sum.map_or(here, |sum| here.max(sum + before));
            *sum = Some(now);
            if now >= bound {
                *sum = None;
                return Some(nth + 1);
            }
        }
        None
    }

    /// False alarms and delay at a bound.
    fn at_bound(&self, bound: f64, series: u64) -> Operation {
        const QUIET: usize = 200;
        let (mut alarms, mut delays) = (0, Vec::new());
        for seed in 0..series {
            let mut source = Source::new(self.noise, 90_000 + seed);
            let (mut previous, mut sum) = (source.next(), None);
            let mut left = QUIET;
            while let Some(took) = self.run(bound, (0..left).map(|_| source.next()), &mut previous, &mut sum) {
                alarms += 1;
                left -= took;
            }
            let stepped = (0..1_000).map(|_| source.next() * (1.0 + self.step));
            delays.push(self.run(bound, stepped, &mut previous, &mut sum).unwrap_or(1_000));
        }
        summary(alarms, series as usize * QUIET, &delays)
    }

    /// The box at the bound whose rate of false alarms is this one.
    pub(crate) fn at_rate(&self, rate: f64, series: u64) -> Operation {
        let (mut low, mut high) = (-5.0f64, 15.0f64);
        for _ in 0..12 {
            let middle = low.midpoint(high);
            if self.at_bound(middle, series).false_rate > rate { low = middle } else { high = middle }
        }
        self.at_bound(high, series)
    }
}
