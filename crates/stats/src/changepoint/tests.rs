//! What must hold for series of every kind.

use proptest::prelude::*;

use super::*;

/// Wobble that repeats only after a prime number of points; between -1 and 1.
fn wobble(at: usize) -> f64 {
    ((at * 7919 + at * at * 31) % 101) as f64 / 50.0 - 1.0
}

fn series(count: usize, level: impl Fn(usize) -> f64) -> Vec<f64> {
    (0..count).map(|at| level(at) + wobble(at)).collect()
}

fn indices(values: &[f64]) -> Vec<usize> {
    analyse(values).unwrap().changes.iter().map(|change| change.index).collect()
}

#[test]
fn nothing_and_not_a_number_are_refused() {
    assert_eq!(analyse(&[]), Err(SampleError::Empty));
    assert!(matches!(analyse(&[1.0, f64::NAN]), Err(SampleError::NotFinite { index: 1, .. })));
    assert!(Detector::new().push(f64::INFINITY).is_err());
}

#[test]
fn two_steps_are_found_where_they_are_with_their_size() {
    let values = series(300, |at| {
        if at < 100 {
            50.0
        } else if at < 220 {
            55.0
        } else {
            45.0
        }
    });
    let analysis = analyse(&values).unwrap();
    let [up, down] = analysis.changes[..] else { panic!("{analysis:?}") };
    assert!(up.index.abs_diff(100) <= 1 && down.index.abs_diff(220) <= 1, "{analysis:?}");
    assert!((up.relative().unwrap() - 0.1).abs() < 0.02 && (down.relative().unwrap() + 10.0 / 55.0).abs() < 0.02);
    assert!(up.difference.low <= 5.0 && 5.0 <= up.difference.high && up.strength > 1.0, "{up:?}");
    assert_eq!((up.kind, analysis.drifts.len()), (ChangeKind::Step, 0));
}

#[test]
fn a_slow_leak_is_a_drift_and_not_a_staircase() {
    let values = series(400, |at| 100.0 + 0.05 * at as f64);
    let analysis = analyse(&values).unwrap();
    assert_eq!(analysis.changes, []);
    let [drift] = analysis.drifts[..] else { panic!("{analysis:?}") };
    assert_eq!((drift.start, drift.end), (0, 400));
    assert!((drift.from - 100.0).abs() < 1.0 && (drift.to - 119.95).abs() < 1.0, "{drift:?}");
}

#[test]
fn figures_that_never_vary_change_at_the_first_difference() {
    let size = |after: usize| [vec![4096.0; 20], vec![4097.0; after]].concat();
    assert_eq!(analyse(&size(0)).unwrap().changes, []);
    let first = analyse(&size(1)).unwrap();
    assert_eq!((first.changes[0].index, first.changes[0].kind), (20, ChangeKind::Provisional));
    let second = analyse(&size(2)).unwrap();
    assert_eq!((second.changes[0].index, second.changes[0].kind), (20, ChangeKind::Step));
    let back = [size(1), vec![4096.0]].concat();
    let back = analyse(&back).unwrap();
    assert_eq!((back.changes, back.outliers), (vec![], vec![20]));
}

#[test]
fn drops_to_zero_and_rises_from_it_have_a_share_where_there_is_one() {
    let exact = [vec![7.0; 10], vec![0.0; 10], vec![7.0; 10]].concat();
    let changes = analyse(&exact).unwrap().changes;
    assert_eq!(changes.iter().map(Change::relative).collect::<Vec<_>>(), [Some(-1.0), None]);
    let noisy: Vec<f64> = series(80, |_| 40.0).into_iter().enumerate().map(|(at, v)| if at < 60 { v } else { 0.0 }).collect();
    let changes = analyse(&noisy).unwrap().changes;
    assert_eq!((changes[0].index, changes[0].relative()), (60, Some(-1.0)));
}

#[test]
fn short_series_are_no_trouble() {
    for count in 1..12 {
        assert_eq!(indices(&vec![3.0; count]), [], "{count}");
        assert_eq!(analyse(&series(count, |_| 10.0)).unwrap().drifts, [], "{count}");
    }
}

#[test]
fn a_growing_series_finds_what_the_whole_one_shows() {
    let values = series(3000, |at| {
        if at < 700 {
            50.0
        } else if at < 1900 {
            54.0
        } else {
            47.0
        }
    });
    let mut detector = Detector::new();
    let mut found = Vec::new();
    for &value in &values {
        if let Pushed::Changed(change) = detector.push(value).unwrap() {
            found.push((change.index, detector.seen()));
        }
    }
    let whole = indices(&values);
    assert_eq!(found.len(), whole.len(), "{found:?} {whole:?}");
    for ((index, seen), place) in found.iter().zip(whole) {
        assert!(index.abs_diff(place) <= 2 && seen - place <= 12, "{index} at {seen}, {place}");
    }
}

#[test]
fn a_growing_exact_series_alerts_at_once_and_names_the_place() {
    let mut detector = Detector::new();
    for _ in 0..2000 {
        assert_eq!(detector.push(512.0), Ok(Pushed::Quiet));
    }
    let Ok(Pushed::Changed(change)) = detector.push(513.0) else { panic!("no change") };
    assert_eq!((change.index, change.kind), (2000, ChangeKind::Provisional));
    let mut spiked = detector.clone();
    assert_eq!(spiked.push(512.0), Ok(Pushed::Withdrawn));
    let Ok(Pushed::Changed(change)) = detector.push(513.0) else { panic!("no change") };
    assert_eq!((change.index, change.kind), (2000, ChangeKind::Step));
    assert_eq!(detector.push(513.0), Ok(Pushed::Quiet));
}

proptest! {
    #[test]
    fn one_spike_of_any_height_at_any_place_changes_nothing(
        place in 0usize..120, height in prop::sample::select(vec![-1e12, -100.0, -8.0, 5.0, 8.0, 30.0, 1e3, 1e12]),
    ) {
        let mut values = series(120, |_| 100.0);
        values[place] += height;
        let analysis = analyse(&values).unwrap();
        prop_assert_eq!(analysis.changes, vec![]);
        prop_assert_eq!(analysis.drifts, vec![]);
    }

    #[test]
    fn units_and_sign_do_not_matter(scale in prop::sample::select(vec![-1.0, 1e-9, 0.37, 1e9]), shift in -100.0..100.0f64) {
        let values = series(200, |at| if at < 120 { 50.0 } else { 54.0 });
        let other: Vec<f64> = values.iter().map(|value| (value + shift) * scale).collect();
        prop_assert_eq!(indices(&values), indices(&other));
    }

    #[test]
    fn any_finite_series_is_analysed(values in prop::collection::vec(prop_oneof![
        -1e9..1e9f64, Just(0.0), Just(1.0), Just(1e15), -1e-9..1e-9f64,
    ], 1..80)) {
        let analysis = analyse(&values).unwrap();
        prop_assert!(analysis.changes.is_sorted_by_key(|change| change.index));
        prop_assert!(analysis.changes.iter().all(|change| 0 < change.index && change.index < values.len()));
    }
}

#[test]
fn the_median_without_an_order_is_that_of_ordered_samples() {
    for count in [1, 2, 3, 10, 11] {
        let values = series(count, |at| f64::from(u32::try_from(at % 4).unwrap()));
        assert_eq!(median(&values), crate::Samples::of_finite(values.clone()).median(), "{count}");
    }
    assert_eq!(median(&[f64::MAX, f64::MAX]), f64::MAX);
}
