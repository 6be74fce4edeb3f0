//! How often one mode is taken for several.

use benchrack_stats::modality::Modality;
use benchrack_stats::{Confidence, Samples};

use crate::noise::Random;

const SETS: usize = 1_000;

/// How many of [`SETS`] sets are said to have several modes.
fn flagged(count: usize, mut sample: impl FnMut(&mut Random) -> f64) -> usize {
    let mut random = Random::new(5);
    let mut has_several = || {
        let samples = Samples::new((0..count).map(|_| sample(&mut random)).collect()).unwrap();
        matches!(samples.summary(Confidence::P95).modes, Modality::Several { .. })
    };
    (0..SETS).filter(|_| has_several()).count()
}

#[test]
fn independent_samples_with_one_mode_are_flagged_at_most_once_in_a_hundred() {
    for count in [20, 60, 300] {
        // The uniform distribution is the worst one: ten expected, three standard deviations are nine.
        let uniform = flagged(count, |random| 100.0 + 20.0 * random.uniform());
        assert!(uniform <= 19, "{count}: {uniform}");
        let normal = flagged(count, |random| 100.0 + 5.0 * random.normal());
        let skewed = flagged(count, |random| 100.0 * (0.2 * random.normal()).exp());
        let one_sided = flagged(count, |random| 100.0 - 20.0 * random.uniform().ln());
        assert!(normal.max(skewed).max(one_sided) <= 4, "{count}: {normal} {skewed} {one_sided}");
    }
}

#[test]
fn neighbours_that_resemble_each_other_are_no_modes() {
    for (count, memory) in [(20, 0.6f64), (60, 0.6), (300, 0.6), (300, 0.9)] {
        let mut state = 0.0;
        let flagged = flagged(count, |random| {
            state = memory * state + (1.0 - memory * memory).sqrt() * random.normal();
            100.0 + 5.0 * state
        });
        assert!(flagged <= 10, "{count} {memory}: {flagged}");
    }
}

#[test]
fn two_clusters_thirty_per_cent_apart_are_found_in_two_hundred_samples() {
    for count in [200, 600] {
        let found = flagged(count, |random| {
            let level = if random.chance(0.3) { 130.0 } else { 100.0 };
            level * (1.0 + 0.03 * random.normal())
        });
        assert!(found as f64 >= 0.99 * SETS as f64, "{count}: {found}");
    }
}
