//! The analysis of series against its promises, and against people.

use std::io::Write;
use std::path::Path;

use benchrack_stats::changepoint::{Detector, LEVEL, Pushed, analyse};

use crate::noise::upper_bound;
use crate::scoring::{Marked, cover, f1, marked_series};
use crate::series::{ALL, FIVE, SeriesNoise, Source};

fn found(values: &[f64]) -> Vec<usize> {
    analyse(values).unwrap().changes.iter().map(|change| change.index).collect()
}

#[test]
fn series_without_a_change_have_one_less_often_than_stated_whatever_the_noise() {
    for (points, series) in [(50, 1_500), (100, 1_500), (300, 1_000)] {
        for noise in ALL {
            let alarms = (0..series).filter(|&seed| {
                let analysis = analyse(&Source::new(noise, seed).take(points)).unwrap();
                !(analysis.changes.is_empty() && analysis.drifts.is_empty())
            });
            let alarms = alarms.count();
            // Within what a chance of the stated level gives once in a hundred.
            let most = 3 * (series as f64 * LEVEL) as usize / 2 + 4;
            assert!(alarms <= most, "{noise:?}, {points} points: {alarms} of {series}");
        }
    }
}

#[test]
fn all_noises_together_stay_below_the_level_with_certainty() {
    let series = 400;
    let alarms: usize = ALL
        .iter()
        .map(|&noise| (0..series).filter(|&seed| !found(&Source::new(noise, 7_000 + seed).take(200)).is_empty()).count())
        .sum();
    let bound = upper_bound(alarms, ALL.len() * series as usize);
    assert!(bound <= LEVEL, "{alarms} alarms, at most {bound:.4} with 99 % confidence");
}

#[test]
fn a_step_of_five_per_cent_is_found_in_every_noise() {
    for noise in FIVE {
        let found = (0..100).filter(|&seed| {
            let mut values = Source::new(noise, seed).take(200);
            values[120..].iter_mut().for_each(|value| *value *= 1.05);
            let changes = found(&values);
            changes.len() == 1 && changes[0].abs_diff(120) <= 20
        });
        let found = found.count();
        // Neighbours that resemble each other count for less: at 0.6 four are worth one.
        let least = match noise {
            SeriesNoise::Memory(_) => 30,
            SeriesNoise::Throttle => 80,
            _ => 95,
        };
        assert!(found >= least, "{noise:?}: {found} of 100");
    }
}

#[test]
fn a_growing_series_alarms_as_rarely_as_stated_and_finds_steps_soon() {
    for noise in FIVE {
        let mut alarms = 0;
        let mut late = Vec::new();
        for seed in 0..60 {
            let mut source = Source::new(noise, seed);
            let mut detector = Detector::new();
            let mut pushed = |value: f64| matches!(detector.push(value).unwrap(), Pushed::Changed(_));
            alarms += (0..500).filter(|_| pushed(source.next())).count();
            late.push((0..200).take_while(|_| !pushed(source.next() * 1.15)).count());
        }
        late.sort_unstable();
        assert!(alarms <= 3, "{noise:?}: {alarms} alarms in 60 series");
        assert!(late[30] <= 10, "{noise:?}: median delay of +15 % {}", late[30]);
    }
}

/// The labelled series lie outside of the repository, so a checkout without them says so.
#[test]
fn people_agree_more_than_with_any_published_default() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/changepoints");
    let Some(series) = marked_series(&folder) else {
        // Not by eprintln!, which the test runner keeps to itself when a test passes.
        std::io::stderr().write_all(format!("SKIPPED: no labelled series at {}\n", folder.display()).as_bytes()).unwrap();
        return;
    };
    let mean = |of: &dyn Fn(&Marked) -> f64, synthetic: bool| {
        let scores: Vec<f64> = series.iter().filter(|one| one.name.starts_with("quality_control") == synthetic).map(of).collect();
        scores.iter().sum::<f64>() / scores.len() as f64
    };
    let f1 = |one: &Marked| f1(one, &found(&one.values));
    let cover = |one: &Marked| cover(one, &found(&one.values));
    let real = (mean(&f1, false), mean(&cover, false));
    let synthetic = mean(&f1, true);
    assert!(real.0 > 0.734 && real.1 > 0.676, "{real:?}");
    assert!(synthetic >= 0.975, "{synthetic}");
}

/// Worked out by hand: two annotators of ten points, one found place near the mark of one of them.
#[test]
fn scores_are_those_worked_out_by_hand() {
    let annotations = [("a".to_owned(), vec![8]), ("b".to_owned(), vec![])].into();
    let marked = Marked { name: "ten".into(), values: vec![0.0; 20], annotations };
    // Precision 2/2; recall (2/2 + 1/1) / 2. Cover: a: 8 of 10, then 10 of 12 for the rest; b: the longer half of 20.
    assert_eq!(f1(&marked, &[10]), 1.0);
    let a = (8.0 * 0.8 + 12.0 * (10.0 / 12.0)) / 20.0;
    assert!((cover(&marked, &[10]) - (a + 0.5) / 2.0).abs() < 1e-12);
    // Nothing found: precision 1, recall (1/2 + 1) / 2.
    assert!((f1(&marked, &[]) - 2.0 * 0.75 / 1.75).abs() < 1e-12);
}
