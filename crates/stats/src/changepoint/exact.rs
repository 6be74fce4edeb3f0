//! Figures that repeat exactly: file sizes, counts, peak memory of a deterministic program.
//!
//! Without noise there is no level to keep and nothing to wait for: the first value that differs is a change. A series
//! is exact when it consists of runs of equal values, each at least [`RUN`] long, with at most lone spikes between: one
//! point that differs from two equal neighbours. The last run may be shorter; a single last point is a provisional change
//! as long as its run had no spikes before, because it may be one itself.

use super::{Analysis, Change, ChangeKind, Difference};

/// Shortest run of equal values that counts as exact.
pub(super) const RUN: usize = 5;

/// A run of equal values.
#[derive(Debug, Clone, Copy)]
struct Run {
    start: usize,
    end: usize,
    value: f64,
    spikes: usize,
}

/// The analysis of an exact series; none when it is not exact.
pub(super) fn analyse(values: &[f64]) -> Option<Analysis> {
    let (runs, outliers) = runs(values);
    let (last, before) = runs.split_last()?;
    if before.iter().any(|run| run.end - run.start < RUN) || (before.is_empty() && last.end - last.start < RUN) {
        return None;
    }
    let mut changes = Vec::new();
    for pair in runs.windows(2) {
        let (old, new) = (pair[0], pair[1]);
        let lone = new.end - new.start == 1;
        if lone && old.spikes > 0 {
            continue;
        }
        let value = new.value - old.value;
        changes.push(Change {
            index: new.start,
            kind: if lone { ChangeKind::Provisional } else { ChangeKind::Step },
            before: old.value,
            after: new.value,
            difference: Difference { value, low: value, high: value },
            strength: f64::INFINITY,
        });
    }
    Some(Analysis { changes, drifts: Vec::new(), outliers, deviation: 0.0, persistence: 0.0 })
}

/// Runs of equal values, and the lone spikes inside them.
fn runs(values: &[f64]) -> (Vec<Run>, Vec<usize>) {
    let (mut runs, mut outliers): (Vec<Run>, Vec<usize>) = (Vec::new(), Vec::new());
    let mut at = 0;
    while at < values.len() {
        match runs.last_mut() {
            Some(run) if run.value == values[at] => run.end = at + 1,
            // A spike needs a run before it: the second point of a series is no spike of the first.
            Some(run) if run.end - run.start > 1 && values.get(at + 1) == Some(&run.value) => {
                run.spikes += 1;
                outliers.push(at);
            }
            _ => runs.push(Run { start: at, end: at + 1, value: values[at], spikes: 0 }),
        }
        at += 1;
    }
    (runs, outliers)
}
