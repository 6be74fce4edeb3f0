//! From candidates to the segments of a series.

use super::Drift;
use super::intervals::{Candidate, Search};

/// A line may bend only where two lines explain so many bounds more than one does: a curve is not a row of kinks.
const KINK: f64 = 4.0;

/// Most rounds of moving and dropping cuts; each round that changes anything drops one or moves some.
const ROUNDS: usize = 100;

/// Where a series is cut.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Cut {
    pub(super) index: usize,
    /// The step it was found as; none for a change of slope.
    pub(super) step: Option<Candidate>,
    /// Evidence over the bound.
    pub(super) strength: f64,
}

/// The cuts of a series in order.
///
/// The strongest step splits a stretch, then both parts are searched. A stretch whose strongest step is gradual is a
/// drift: it is split at a kink when there is one, and else only by steps that are abrupt within shorter intervals. At
/// the end each step moves to the best place around it, and steps that no longer hold are dropped.
pub(super) fn cuts(search: &Search<'_>) -> Vec<Cut> {
    let mut candidates = search.candidates();
    candidates.sort_by(|a, b| b.evidence.total_cmp(&a.evidence));
    // Ramps are tried only for candidates that come up, and once for each.
    let mut gradual: Vec<Option<bool>> = vec![None; candidates.len()];
    let mut cuts = Vec::new();
    let mut stretches = vec![(0, search.sums.len())];
    while let Some((start, end)) = stretches.pop() {
        let whole = search.best_step(start, end).filter(|step| step.evidence > search.bound);
        let drifts = whole.is_some_and(|step| search.is_gradual(&step));
        let kink = if drifts { search.best_kink(start, end) } else { None };
        let kink = kink.filter(|(_, evidence)| *evidence > KINK * search.bound);
        let at = if let Some((at, evidence)) = kink {
            cuts.push(Cut { index: at, step: None, strength: evidence / search.bound });
            at
        } else {
            let within = strongest_within(search, &candidates, &mut gradual, start, end);
            let whole = whole.filter(|_| !drifts);
            let stronger = |a: Candidate, b: Candidate| if b.evidence > a.evidence { b } else { a };
            let Some(step) = (match (within, whole) {
                (Some(a), Some(b)) => Some(stronger(a, b)),
                (a, b) => a.or(b),
            }) else {
                continue;
            };
            cuts.push(Cut { index: step.at, step: Some(step), strength: step.evidence / search.bound });
            step.at
        };
        stretches.extend([(start, at), (at, end)]);
    }
    cuts.sort_by_key(|cut| cut.index);
    settle(search, cuts)
}

fn strongest_within(
    search: &Search<'_>,
    candidates: &[Candidate],
    gradual: &mut [Option<bool>],
    start: usize,
    end: usize,
) -> Option<Candidate> {
    let inside = |step: &Candidate| start <= step.start && step.end <= end;
    let abrupt = |(step, gradual): &mut (&Candidate, &mut Option<bool>)| {
        inside(step) && !*gradual.get_or_insert_with(|| search.is_gradual(step))
    };
    candidates.iter().zip(gradual).find_map(|mut pair| abrupt(&mut pair).then_some(*pair.0))
}

fn settle(search: &Search<'_>, mut cuts: Vec<Cut>) -> Vec<Cut> {
    for _ in 0..ROUNDS {
        let mut moved = false;
        let mut unheld: Option<usize> = None;
        for nth in 0..cuts.len() {
            let Cut { index: here, step: Some(found), .. } = cuts[nth] else { continue };
            let start = if nth == 0 { 0 } else { cuts[nth - 1].index };
            let end = cuts.get(nth + 1).map_or(search.sums.len(), |next| next.index);
            // Beyond the middle to its neighbours lie other changes, seen or not.
            let around = search.best_step_at(start, end, start.midpoint(here)..here.midpoint(end));
            let around = around.filter(|step| step.evidence > search.bound);
            // A step that only shows in a shorter interval holds as long as no other cut lies within that.
            let held = around.or_else(|| (start <= found.start && found.end <= end).then_some(found));
            let (at, evidence) = held.map_or((here, 0.0), |step| (step.at, step.evidence));
            moved |= at != here;
            cuts[nth] = Cut { index: at, step: Some(found), strength: evidence / search.bound };
            if held.is_none() && unheld.is_none() {
                unheld = Some(nth);
            }
        }
        match unheld {
            Some(nth) => drop(cuts.remove(nth)),
            None if !moved => break,
            None => {}
        }
    }
    cuts
}

/// The drift of a segment, if it is no level.
pub(super) fn drift(search: &Search<'_>, start: usize, end: usize) -> Option<Drift> {
    let step = search.best_step(start, end).filter(|step| step.evidence > search.bound)?;
    let (from, to) = search.sums.line(start, end);
    search.is_gradual(&step).then_some(Drift { start, end, from, to })
}
