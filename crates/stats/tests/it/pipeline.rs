//! Suspicion and confirming session together, as the server has them: only what a session says is an alert.

use benchrack_stats::gate::Decision;
use benchrack_stats::suspicion::{Suspicion, Watch, Watcher};

use crate::noise::Noise;
use crate::series::{SeriesNoise, Source};
use crate::simulated_gate;
use crate::watched::STEP;

/// Revisions before anything is counted.
const HISTORY: usize = 200;

/// False suspicions a revision that the server asks for.
pub(crate) const RATE: f64 = 0.14;

/// Pairs of blocks that a confirming session has at most.
pub(crate) const BUDGET: usize = 300;

/// Points that the old build lies before the place where the change seems to be, because the place is uncertain.
pub(crate) const MARGIN: usize = 2;

/// What became of many series.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    pub(crate) unchanged: usize,
    pub(crate) sessions: usize,
    pub(crate) false_alerts: usize,
    pub(crate) steps: usize,
    pub(crate) found_within_three: usize,
}

/// What the device that confirms does, when its series looks like this.
fn device(noise: SeriesNoise) -> Noise {
    match noise {
        SeriesNoise::LogNormal => Noise::LogNormal,
        SeriesNoise::Memory(_) => Noise::Autoregressive,
        SeriesNoise::Spikes => Noise::Spikes,
        SeriesNoise::Throttle => Noise::Throttle,
        _ => Noise::Normal,
    }
}

/// Follows one series: `quiet` revisions that change nothing, then one that costs 5 % and two more.
pub(crate) fn follow(noise: SeriesNoise, rate: f64, seed: u64, quiet: usize, counts: &mut Counts) {
    let mut source = Source::new(noise, seed);
    let mut watcher = Watcher::new(Watch::new(STEP, rate).unwrap());
    for _ in 0..HISTORY {
        watcher.push(source.next()).unwrap();
    }
    for nth in 0..quiet {
        counts.unchanged += 1;
        if matches!(watcher.push(source.next()).unwrap(), Suspicion::Suspicious { .. }) {
            counts.sessions += 1;
            let session = seed.wrapping_mul(1_000_003).wrapping_add(nth as u64);
            if simulated_gate::gate(device(noise), 0.0, session, BUDGET).0 == Decision::Slower {
                counts.false_alerts += 1;
                watcher.moved();
            }
        }
    }
    counts.steps += 1;
    for since_step in 0..3usize {
        if let Suspicion::Suspicious { since } = watcher.push(source.next() * (1.0 + STEP)).unwrap() {
            // The old build is one from after the step when the suspicion begins too late.
            let effect = if since + 1 + MARGIN > since_step { STEP } else { 0.0 };
            let session = seed.wrapping_mul(7_919).wrapping_add(since_step as u64);
            if simulated_gate::gate(device(noise), effect, session, BUDGET).0 == Decision::Slower {
                counts.found_within_three += 1;
                return;
            }
        }
    }
}
