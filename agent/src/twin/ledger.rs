//! What truly happened: energies, clocks and temperatures of the past, for judging what the agent makes of them.

use std::collections::VecDeque;

/// Energies since the twin was switched on, joules.
#[derive(Debug, Clone, PartialEq)]
pub struct Joules {
    /// All that the phone consumed; what flows out of an unplugged battery's terminals.
    pub total: f64,
    /// Of it, what the runners' threads added over idle cores, leakage left out.
    pub runners: f64,
    /// Of it, leakage of the powered cores, which grows with their temperature.
    pub leakage: f64,
    /// Of the leakage, what there is because runners have warmed the die since the twin was switched on.
    pub warmth: f64,
    /// Of it, everything but the cores.
    pub base: f64,
    /// Of it, each cluster with its leakage, in the order of the file.
    pub clusters: Vec<f64>,
}

impl Joules {
    pub(super) fn none(clusters: usize) -> Self {
        Self { total: 0.0, runners: 0.0, leakage: 0.0, warmth: 0.0, base: 0.0, clusters: vec![0.0; clusters] }
    }

    /// Between an earlier state and this one.
    fn since(&self, earlier: &Self) -> Self {
        let clusters = self.clusters.iter().zip(&earlier.clusters).map(|(now, then)| now - then).collect();
        Self {
            total: self.total - earlier.total,
            runners: self.runners - earlier.runners,
            leakage: self.leakage - earlier.leakage,
            warmth: self.warmth - earlier.warmth,
            base: self.base - earlier.base,
            clusters,
        }
    }

    fn towards(&self, later: &Self, share: f64) -> Self {
        let mix = |now: f64, then: f64| now + (then - now) * share;
        Self {
            total: mix(self.total, later.total),
            runners: mix(self.runners, later.runners),
            leakage: mix(self.leakage, later.leakage),
            warmth: mix(self.warmth, later.warmth),
            base: mix(self.base, later.base),
            clusters: self.clusters.iter().zip(&later.clusters).map(|(now, then)| mix(*now, *then)).collect(),
        }
    }
}

/// The state at the end of a step.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    pub(super) at: u64,
    pub(super) joules: Joules,
    /// Clock of each policy in the next step, kHz.
    pub(super) khz: Vec<u64>,
    pub(super) die: f64,
    pub(super) body: f64,
    /// Into the battery, A.
    pub(super) current: Option<f64>,
}

/// About an hour and a half under load; older entries go.
const MOST: usize = 500_000;

/// Past states by time.
#[derive(Debug, Default)]
pub(super) struct Ledger(VecDeque<Entry>);

impl Ledger {
    pub(super) fn push(&mut self, entry: Entry) {
        if self.0.len() >= MOST {
            self.0.pop_front();
        }
        self.0.push_back(entry);
    }

    /// The last state at or before this time.
    pub(super) fn before(&self, at: u64) -> Option<&Entry> {
        self.0.get(self.0.partition_point(|entry| entry.at <= at).checked_sub(1)?)
    }

    /// States that began after one moment and before another.
    pub(super) fn within(&self, from: u64, to: u64) -> impl Iterator<Item = &Entry> {
        let first = self.0.partition_point(|entry| entry.at <= from);
        self.0.range(first..).take_while(move |entry| entry.at < to)
    }

    /// Energies at this time; exact, because powers are constant between two entries.
    fn joules_at(&self, at: u64) -> Option<Joules> {
        let after = self.0.partition_point(|entry| entry.at <= at);
        let before = self.0.get(after.checked_sub(1)?)?;
        match self.0.get(after) {
            Some(later) => Some(before.joules.towards(&later.joules, (at - before.at) as f64 / (later.at - before.at) as f64)),
            None if before.at == at => Some(before.joules.clone()),
            None => None,
        }
    }

    pub(super) fn between(&self, from: u64, to: u64) -> Option<Joules> {
        Some(self.joules_at(to)?.since(&self.joules_at(from)?))
    }
}
