//! Does warm-up end, and not too early?

use benchrack_stats::steady::{Steadiness, steadiness};

use crate::noise::Random;

const SERIES: usize = 1_000;

/// Share of series of `count` latencies in which a trend is seen. They scatter by `scatter`, each resembles the one
/// before by `memory`, and become quicker by `change` over the series.
fn trends(count: u32, scatter: f64, memory: f64, change: f64) -> f64 {
    let mut random = Random::new(9);
    let mut has_trend = || {
        let mut state = random.normal();
        let mut latency = |place: u32| {
            state = memory * state + (1.0 - memory * memory).sqrt() * random.normal();
            let change = change * f64::from(place) / f64::from(count);
            (1e7 * (1.0 + scatter * state - change)) as u64
        };
        let latencies: Vec<u64> = (0..count).map(&mut latency).collect();
        matches!(steadiness(&latencies), Steadiness::Trend { .. })
    };
    (0..SERIES).filter(|_| has_trend()).count() as f64 / SERIES as f64
}

#[test]
fn a_steady_phone_is_called_steady_at_least_nine_times_in_ten() {
    for (count, scatter) in [(8, 0.05), (20, 0.05), (50, 0.05), (200, 0.05), (2_000, 0.05), (200, 0.01)] {
        let wrong = trends(count, scatter, 0.0, 0.0);
        // Three standard deviations above the level of the test.
        assert!(wrong < 0.13, "{count} {scatter}: {wrong}");
    }
}

/// A phone whose latencies follow each other is asked for another chunk now and then; it is not kept warming up forever.
#[test]
fn latencies_that_follow_each_other_are_called_steady_more_often_than_not() {
    for (count, scatter) in [(20, 0.05), (50, 0.05), (200, 0.05), (2_000, 0.05), (50, 0.01)] {
        let wrong = trends(count, scatter, 0.6, 0.0);
        assert!(wrong < 0.42, "{count} {scatter}: {wrong}");
    }
}

#[test]
fn warming_up_by_a_tenth_is_seen_in_a_quiet_series_of_twenty_and_in_a_noisy_one_of_two_hundred() {
    assert!(trends(20, 0.01, 0.0, 0.1) > 0.95);
    assert!(trends(200, 0.05, 0.0, 0.1) > 0.8);
    assert!(trends(2_000, 0.05, 0.6, 0.1) > 0.95);
}
