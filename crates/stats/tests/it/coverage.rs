//! Do intervals hold what they say?

use benchrack_stats::{Confidence, Samples, blocks};

use crate::noise::Random;

/// Blocks whose samples follow each other (0.6) and whose level differs by `between`; samples scatter by 1.
fn run(random: &mut Random, blocks: usize, samples: usize, between: f64) -> Vec<Vec<f64>> {
    let mut block = || {
        let level = 100.0 + between * random.normal();
        let mut state = random.normal();
        let mut sample = || {
            state = 0.6 * state + 0.8 * random.normal();
            level + state
        };
        (0..samples).map(|_| sample()).collect()
    };
    (0..blocks).map(|_| block()).collect()
}

/// Shares of runs whose interval held the truth, and the confidence stated (at most the one asked for), on average.
#[derive(Debug, Default, Clone, Copy)]
struct Coverage {
    held: f64,
    stated: f64,
}

const RUNS: usize = 2_000;

/// Median, 90th and 99th percentile by blocks, and the median as if samples were independent.
fn coverage(blocks: usize, samples: usize, between: f64) -> [Coverage; 4] {
    let mut random = Random::new(1);
    let spread = (1.0 + between * between).sqrt();
    let mut coverage = [Coverage::default(); 4];
    for _ in 0..RUNS {
        let run = run(&mut random, blocks, samples, between);
        let by_blocks = blocks::summary(&run, Confidence::P95).unwrap();
        let as_if_independent = Samples::new(run.concat()).unwrap().summary(Confidence::P95);
        let intervals =
            [(by_blocks.median, 0.0), (by_blocks.p90, 1.281_552), (by_blocks.p99, 2.326_348), (as_if_independent.median, 0.0)];
        for (coverage, (interval, deviate)) in coverage.iter_mut().zip(intervals) {
            let truth = 100.0 + deviate * spread;
            coverage.held += f64::from(interval.low <= truth && truth <= interval.high) / RUNS as f64;
            coverage.stated += interval.confidence.min(0.95) / RUNS as f64;
        }
    }
    coverage
}

/// Three standard deviations of a share of [`RUNS`] near 0.95.
const BY_CHANCE: f64 = 0.015;

#[test]
fn intervals_by_blocks_hold_at_least_as_often_as_they_say() {
    for between in [0.0, 0.5, 2.0] {
        for (blocks, samples) in [(6, 30), (10, 5), (10, 30), (30, 30)] {
            let [median, p90, p99, _] = coverage(blocks, samples, between);
            let at = format!("{blocks} blocks of {samples}, levels {between}: {median:?} {p90:?} {p99:?}");
            assert!(median.held >= 0.95 - BY_CHANCE && median.stated >= 0.95 - 1e-9, "{at}");
            assert!(p90.held >= p90.stated - BY_CHANCE && p99.held >= p99.stated - BY_CHANCE, "{at}");
        }
    }
}

#[test]
fn thirty_blocks_are_enough_for_a_p90_whose_interval_is_asked_for() {
    for between in [0.0, 0.5] {
        let [_, p90, ..] = coverage(30, 30, between);
        assert!(p90.held >= 0.95 - BY_CHANCE && p90.stated >= 0.95 - 1e-9, "{between}: {p90:?}");
    }
}

/// Why there is [`blocks`] at all: neighbours in time are taken for independent at a price.
#[test]
fn counting_neighbours_in_time_as_independent_misses_the_median_far_too_often() {
    let [.., mild] = coverage(10, 30, 0.0);
    assert!(mild.held < 0.85, "{mild:?}");
    let [.., drifting] = coverage(10, 30, 0.5);
    assert!(drifting.held < 0.7, "{drifting:?}");
}
