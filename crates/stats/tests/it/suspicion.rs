//! The sensitive detector against the best there can be: a CUSUM that knows the noise.

use benchrack_stats::suspicion::{Suspicion, Watch, Watcher};

use crate::noise::upper_bound;
use crate::optimal::Optimal;
use crate::pipeline::{self, Counts};
use crate::series::{FIVE, SeriesNoise, Source};
use crate::watched::{STEP, learnt};

#[test]
fn the_delay_is_near_that_of_a_detector_that_knows_the_noise_at_the_same_false_alarms() {
    const RATE: f64 = 0.1;
    for noise in FIVE {
        let learnt = learnt(noise, RATE, 0..250, 120);
        let best = Optimal::new(noise, STEP).at_rate(learnt.false_rate, 200);
        assert!(learnt.delay <= 1.3 * best.delay, "{noise:?}: {learnt:?}, best {best:?}");
        assert!(learnt.false_rate <= 0.15 && learnt.within_three >= 0.85, "{noise:?}: {learnt:?}");
    }
}

#[test]
fn with_a_confirming_session_unchanged_revisions_alert_nobody_and_steps_are_found_soon() {
    let mut all = Counts::default();
    for noise in FIVE {
        let mut counts = Counts::default();
        (0..200).for_each(|seed| pipeline::follow(noise, pipeline::RATE, seed, 40, &mut counts));
        let share = |part: usize, of: usize| part as f64 / of as f64;
        assert!(share(counts.sessions, counts.unchanged) <= 0.16, "{noise:?}: {counts:?}");
        assert!(share(counts.found_within_three, counts.steps) >= 0.92, "{noise:?}: {counts:?}");
        all.unchanged += counts.unchanged;
        all.false_alerts += counts.false_alerts;
    }
    assert!(upper_bound(all.false_alerts, all.unchanged) <= 2e-4, "{all:?}");
}

#[test]
fn a_short_series_suspects_no_more_often_than_asked_for() {
    for noise in FIVE {
        let (mut suspicions, mut points) = (0, 0);
        for seed in 0..400 {
            let mut source = Source::new(noise, seed);
            let mut watcher = Watcher::new(Watch::new(0.01, 0.14).unwrap());
            for _ in 0..30 {
                match watcher.push(source.next()).unwrap() {
                    Suspicion::Learning => continue,
                    Suspicion::Suspicious { .. } => suspicions += 1,
                    Suspicion::Quiet => {}
                }
                points += 1;
            }
        }
        // Neighbours that resemble each other make the newest point the greatest more often than exchangeable ones.
        let most = if matches!(noise, SeriesNoise::Memory(_)) { 0.2 } else { 0.14 };
        let rate = f64::from(suspicions) / f64::from(points);
        assert!(rate <= most, "{noise:?}: {rate}");
    }
}

#[test]
fn a_short_series_suspects_a_great_step_at_its_first_point() {
    let mut source = Source::with_spread(SeriesNoise::Normal, 0.01, 5);
    let mut watcher = Watcher::new(Watch::new(0.05, 0.14).unwrap());
    for nth in 0..9 {
        let said = watcher.push(source.next()).unwrap();
        assert_eq!(said == Suspicion::Learning, nth < 7, "{nth}: {said:?}");
    }
    assert_eq!(watcher.push(source.next() * 1.2), Ok(Suspicion::Suspicious { since: 0 }));
}

#[test]
fn a_watcher_that_was_stored_and_read_back_says_the_same() {
    let mut source = Source::new(SeriesNoise::Throttle, 11);
    let mut kept = Watcher::new(Watch::new(0.05, 0.14).unwrap());
    let mut stored = kept.clone();
    for nth in 0..300 {
        let value = source.next() * if nth < 200 { 1.0 } else { 1.05 };
        let text = serde_json::to_string(&stored).unwrap();
        stored = serde_json::from_str(&text).unwrap();
        assert_eq!(kept.push(value).unwrap(), stored.push(value).unwrap(), "{nth}");
    }
}
