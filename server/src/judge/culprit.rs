//! The revisions between a good and a slower one, and which of them is to blame.

use benchrack_protocol::ids::ModelId;
use benchrack_stats::bisect::{Search, SearchError};
use serde::{Deserialize, Serialize};

/// Chance with which the revision must be known before the search ends.
const SURE: f64 = 0.95;

/// Revisions in their order and what is known of them. The last one is the slower one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Culprits {
    revisions: Vec<ModelId>,
    search: Search,
    /// Place of the one that is being compared.
    asked: Option<usize>,
}

impl Culprits {
    /// Revisions after the good one up to the slower one, each compared in about so many minutes of the device, by a gate
    /// whose verdict is wrong with this chance.
    ///
    /// # Errors
    /// When there are none, or the figures are out of range.
    pub fn new(revisions: Vec<ModelId>, minutes: f64, wrong: f64) -> Result<Self, SearchError> {
        let search = Search::new(&vec![Some(minutes); revisions.len()], wrong)?;
        Ok(Self { revisions, search, asked: None })
    }

    /// The revision whose comparison with the good one says most.
    pub fn ask(&mut self) -> Option<ModelId> {
        self.asked = if self.suspects() > 1 { self.search.next() } else { None };
        self.asked.and_then(|place| self.revisions.get(place)).copied()
    }

    /// Takes the answer for the revision that was asked about; none when there is no answer.
    pub fn tell(&mut self, slower: Option<bool>) {
        match (self.asked.take(), slower) {
            (Some(place), Some(slower)) => self.search.tell(place, slower),
            (Some(place), None) => self.search.give_up(place),
            (None, _) => {}
        }
    }

    /// Revisions that may be to blame.
    pub fn suspects(&self) -> usize {
        let (first, last) = self.search.culprits(SURE);
        last - first + 1
    }

    /// The last revision before all suspects, none when that is the good one; and the last suspect, which is slower.
    pub fn found(&self) -> (Option<ModelId>, Option<ModelId>) {
        let (first, last) = self.search.culprits(SURE);
        (first.checked_sub(1).and_then(|before| self.revisions.get(before)).copied(), self.revisions.get(last).copied())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_search_ends_with_the_revision_that_is_slower_first() {
        let revisions: Vec<ModelId> = (10..18).map(ModelId).collect();
        for culprit in 10..18 {
            let mut culprits = Culprits::new(revisions.clone(), 1.0, 0.001).unwrap();
            let mut asked = 0;
            while let Some(ModelId(revision)) = culprits.ask() {
                let stored = serde_json::to_string(&culprits).unwrap();
                culprits = serde_json::from_str(&stored).unwrap();
                culprits.tell(Some(revision >= culprit));
                asked += 1;
            }
            let before = (culprit > 10).then_some(ModelId(culprit - 1));
            assert_eq!((culprits.suspects(), culprits.found()), (1, (before, Some(ModelId(culprit)))));
            assert!(asked <= 3, "{asked}");
        }
    }

    #[test]
    fn revisions_without_an_answer_stay_under_suspicion() {
        let mut culprits = Culprits::new((1..=3).map(ModelId).collect(), 1.0, 0.001).unwrap();
        while culprits.ask().is_some() {
            culprits.tell(None);
        }
        assert_eq!((culprits.suspects(), culprits.found()), (3, (None, Some(ModelId(3)))));
    }
}
