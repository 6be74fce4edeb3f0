//! Which of several revisions brought the slow-down?
//!
//! A comparison of one of them with the last good one says on which side the culprit lies, and it may be wrong. So the
//! search keeps a chance for each revision and asks next where the answer is worth most for the device's time: the
//! mutual information of answer and culprit (Lindley, "On a measure of the information provided by an experiment",
//! Annals of Mathematical Statistics 27 (1956)) over the minutes that it costs. With equal chances and costs this is
//! halving; with answers that err it is probabilistic bisection (Horstein, "Sequential transmission using noiseless
//! feedback", IEEE Transactions on Information Theory 9 (1963)).

use serde::{Deserialize, Serialize};

/// What is known of the culprit among revisions in their order; the last one is known to be slower than the good one
/// before the first.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Search {
    /// Chance that the revision is the first slow one.
    chances: Vec<f64>,
    /// Minutes that comparing the revision with the good one takes; none when it cannot be compared, or not any more.
    minutes: Vec<Option<f64>>,
    /// Chance that an answer is wrong.
    wrong: f64,
}

/// An answer that is worth less, in nats, is not worth a session: asking the same again after an answer would be.
const LEAST: f64 = 0.05;

/// Nothing can be searched like this.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
pub enum SearchError {
    /// No revisions.
    #[error("there is no revision to search")]
    Empty,
    /// Answers that often wrong say nothing.
    #[error("a chance of {0} for a wrong answer is not from 0 to 0.4")]
    Wrong(f64),
    /// Not a time.
    #[error("revision {index} costs {minutes} minutes: a finite time above zero is needed")]
    Minutes {
        /// Place among the revisions, from 0.
        index: usize,
        /// Its cost.
        minutes: f64,
    },
}

impl Search {
    /// A search among revisions that are equally suspect, with what each comparison costs in minutes of the device.
    ///
    /// # Errors
    /// See [`SearchError`].
    pub fn new(minutes: &[Option<f64>], wrong: f64) -> Result<Self, SearchError> {
        if minutes.is_empty() {
            return Err(SearchError::Empty);
        }
        if !(0.0..=0.4).contains(&wrong) {
            return Err(SearchError::Wrong(wrong));
        }
        for (index, minutes) in minutes.iter().enumerate() {
            if let Some(minutes) = *minutes
                && !(minutes.is_finite() && minutes > 0.0)
            {
                return Err(SearchError::Minutes { index, minutes });
            }
        }
        let mut minutes = minutes.to_vec();
        // The last one's answer is why there is a search.
        if let Some(last) = minutes.last_mut() {
            *last = None;
        }
        Ok(Self { chances: vec![1.0 / minutes.len() as f64; minutes.len()], minutes, wrong })
    }

    /// Chance of each revision to be the first slow one.
    pub fn chances(&self) -> &[f64] {
        &self.chances
    }

    /// The revision whose comparison with the good one is worth most per minute; none when no comparison says anything.
    pub fn next(&self) -> Option<usize> {
        let mut up_to = 0.0;
        let mut best: Option<(usize, f64)> = None;
        for (index, (chance, minutes)) in self.chances.iter().zip(&self.minutes).enumerate() {
            up_to += chance;
            let Some(minutes) = minutes else { continue };
            let slower = up_to * (1.0 - self.wrong) + (1.0 - up_to) * self.wrong;
            let worth = (entropy(slower) - entropy(self.wrong)) / minutes;
            if worth * minutes >= LEAST && best.is_none_or(|(_, most)| worth > most) {
                best = Some((index, worth));
            }
        }
        best.map(|(index, _)| index)
    }

    /// Takes the answer for a revision: whether it is slower than the good one. Unknown places change nothing.
    pub fn tell(&mut self, revision: usize, slower: bool) {
        let likely = |culprit: usize| if (culprit <= revision) == slower { 1.0 - self.wrong } else { self.wrong };
        let weights: Vec<f64> = self.chances.iter().enumerate().map(|(culprit, chance)| chance * likely(culprit)).collect();
        let total: f64 = weights.iter().sum();
        // With answers that are never wrong two can contradict; then the newer one is not believed.
        if total > 0.0 {
            self.chances = weights.into_iter().map(|weight| weight / total).collect();
        }
    }

    /// This revision gave no answer, and will give none.
    pub fn give_up(&mut self, revision: usize) {
        if let Some(minutes) = self.minutes.get_mut(revision) {
            *minutes = None;
        }
    }

    /// The shortest stretch of revisions, first and last, that holds the culprit with at least this chance.
    pub fn culprits(&self, chance: f64) -> (usize, usize) {
        let last = self.chances.len() - 1;
        // Sums of shares miss 1 by some last digits.
        let enough = |first: usize, end: usize| self.chances[first..=end].iter().sum::<f64>() >= chance - 1e-9;
        (0..=last)
            .flat_map(|length| (0..=last - length).map(move |first| (first, first + length)))
            .find(|&(first, end)| enough(first, end))
            .unwrap_or((0, last))
    }
}

/// Entropy of an answer in nats.
fn entropy(chance: f64) -> f64 {
    let part = |chance: f64| if chance > 0.0 { -chance * chance.ln() } else { 0.0 };
    part(chance) + part(1.0 - chance)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_revisions_are_halved() {
        for count in 1..40usize {
            for culprit in 0..count {
                let mut search = Search::new(&vec![Some(1.0); count], 0.001).unwrap();
                let mut asked = 0;
                while search.culprits(0.95).0 != search.culprits(0.95).1 {
                    let revision = search.next().unwrap();
                    search.tell(revision, culprit <= revision);
                    asked += 1;
                }
                assert_eq!(search.culprits(0.95), (culprit, culprit), "{count}");
                let halvings = (count as f64).log2().ceil() as usize;
                assert!(asked <= halvings, "{asked} of {halvings} for {count}");
            }
        }
    }

    #[test]
    fn a_cheap_revision_is_asked_before_a_dear_one() {
        let cheap = Search::new(&[Some(1.0), Some(10.0), Some(1.0), Some(1.0)], 0.01).unwrap();
        assert!(matches!(cheap.next(), Some(0 | 2)), "{:?}", cheap.next());
        let same = Search::new(&[Some(1.0); 4], 0.01).unwrap();
        assert_eq!(same.next(), Some(1));
    }

    #[test]
    fn one_wrong_answer_is_outvoted() {
        let mut search = Search::new(&[Some(1.0); 8], 0.1).unwrap();
        search.tell(3, true);
        search.tell(1, true);
        for _ in 0..3 {
            search.tell(1, false);
        }
        search.tell(2, true);
        search.tell(2, true);
        assert_eq!(search.culprits(0.9), (2, 2), "{:?}", search.chances());
    }

    #[test]
    fn revisions_that_give_no_answer_leave_a_stretch() {
        let mut search = Search::new(&[Some(1.0), Some(1.0), None, Some(1.0)], 0.01).unwrap();
        search.tell(1, false);
        assert_eq!(search.next(), None, "the third cannot be compared, the last is known");
        assert_eq!(search.culprits(0.95), (2, 3));
        search.give_up(0);
        assert_eq!(search.next(), None);
    }

    #[test]
    fn what_cannot_be_searched_is_refused() {
        assert_eq!(Search::new(&[], 0.01), Err(SearchError::Empty));
        assert_eq!(Search::new(&[None], 0.5), Err(SearchError::Wrong(0.5)));
        assert_eq!(Search::new(&[Some(0.0)], 0.1), Err(SearchError::Minutes { index: 0, minutes: 0.0 }));
        assert_eq!(Search::new(&[Some(1.0)], 0.1).unwrap().culprits(0.99), (0, 0));
    }
}
