//! Scores of a detector against series that people marked, after van den Burg and Williams, "An Evaluation of Change
//! Point Detection Algorithms" (arXiv:2003.06222, §3.2): F1 with a margin, and the covering metric.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde::Deserialize;

/// A found place is right when it is at most so many points from a marked one.
const MARGIN: usize = 5;

/// A series with the marks of each annotator.
#[derive(Debug, Deserialize)]
pub(crate) struct Marked {
    pub(crate) name: String,
    pub(crate) values: Vec<f64>,
    pub(crate) annotations: BTreeMap<String, Vec<usize>>,
}

/// All series of a folder, by name; none when there is no such folder.
pub(crate) fn marked_series(folder: &Path) -> Option<Vec<Marked>> {
    let mut series: Vec<Marked> = std::fs::read_dir(folder)
        .ok()?
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "json"))
        .map(|path| serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap())
        .collect();
    series.sort_by(|a, b| a.name.cmp(&b.name));
    Some(series)
}

/// Harmonic mean of precision, against the marks of all, and of recall, averaged over annotators; the beginning of the
/// series counts as marked and as found.
pub(crate) fn f1(marked: &Marked, found: &[usize]) -> f64 {
    let with_start = |places: &[usize]| -> BTreeSet<usize> { places.iter().copied().chain([0]).collect() };
    let found = with_start(found);
    let sets: Vec<_> = marked.annotations.values().map(|places| with_start(places)).collect();
    let all: BTreeSet<usize> = sets.iter().flatten().copied().collect();
    let precision = hits(&all, &found) / found.len() as f64;
    let recall = sets.iter().map(|set| hits(set, &found) / set.len() as f64).sum::<f64>() / sets.len() as f64;
    2.0 * precision * recall / (precision + recall)
}

/// Marks that a found place of their own lies near.
fn hits(marks: &BTreeSet<usize>, found: &BTreeSet<usize>) -> f64 {
    let mut left = found.clone();
    let mut hits = 0;
    for mark in marks {
        let near = left.iter().copied().filter(|place| place.abs_diff(*mark) <= MARGIN).min_by_key(|place| place.abs_diff(*mark));
        if let Some(place) = near {
            left.remove(&place);
            hits += 1;
        }
    }
    f64::from(hits)
}

/// How well the found segments cover the marked ones, averaged over annotators.
pub(crate) fn cover(marked: &Marked, found: &[usize]) -> f64 {
    let points = marked.values.len();
    let found = segments(found, points);
    let of_one = |marks: &Vec<usize>| -> f64 {
        let weighed = segments(marks, points).into_iter().map(|(start, end)| {
            let overlap = |&(from, to): &(usize, usize)| {
                let shared = end.min(to).saturating_sub(start.max(from));
                if shared == 0 { 0.0 } else { shared as f64 / (end.max(to) - start.min(from)) as f64 }
            };
            (end - start) as f64 * found.iter().map(overlap).fold(0.0, f64::max)
        });
        weighed.sum::<f64>() / points as f64
    };
    marked.annotations.values().map(of_one).sum::<f64>() / marked.annotations.len() as f64
}

fn segments(places: &[usize], points: usize) -> Vec<(usize, usize)> {
    let mut bounds: BTreeSet<usize> = places.iter().copied().filter(|place| *place < points).collect();
    bounds.extend([0, points]);
    let bounds: Vec<usize> = bounds.into_iter().collect();
    bounds.windows(2).map(|pair| (pair[0], pair[1])).collect()
}
