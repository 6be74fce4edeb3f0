//! Simulated series under watch.

use benchrack_stats::suspicion::{Suspicion, Watch, Watcher};

use crate::series::{SeriesNoise, Source};

pub(crate) const STEP: f64 = 0.05;
const HISTORY: usize = 200;

/// False suspicions a revision, and the mean number of revisions until a step of 5 % is suspected.
#[derive(Debug)]
pub(crate) struct Operation {
    pub(crate) false_rate: f64,
    pub(crate) delay: f64,
    /// Share of steps suspected within three revisions.
    pub(crate) within_three: f64,
}

pub(crate) fn learnt(noise: SeriesNoise, rate: f64, seeds: std::ops::Range<u64>, quiet: usize) -> Operation {
    let (mut alarms, mut delays) = (0, Vec::new());
    let series = seeds.end - seeds.start;
    for seed in seeds {
        let mut source = Source::new(noise, seed);
        let mut watcher = Watcher::new(Watch::new(STEP, rate).unwrap());
        let mut suspicious = |value: f64| matches!(watcher.push(value).unwrap(), Suspicion::Suspicious { .. });
        (0..HISTORY).for_each(|_| {
            suspicious(source.next());
        });
        alarms += (0..quiet).filter(|_| suspicious(source.next())).count();
        delays.push((1..1_000).find(|_| suspicious(source.next() * (1.0 + STEP))).unwrap_or(1_000));
    }
    summary(alarms, series as usize * quiet, &delays)
}

pub(crate) fn summary(alarms: usize, quiet: usize, delays: &[usize]) -> Operation {
    let count = delays.len() as f64;
    Operation {
        false_rate: alarms as f64 / quiet as f64,
        delay: delays.iter().sum::<usize>() as f64 / count,
        within_three: delays.iter().filter(|delay| **delay <= 3).count() as f64 / count,
    }
}
