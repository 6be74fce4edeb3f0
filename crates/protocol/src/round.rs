//! A round of a session: what of two subjects' blocks may be compared, and piece by piece where they took turns.

use crate::api::Metric;
use crate::reading::Reading;
use crate::report::{Block, FreshRunner, Turn};
use crate::units::{Bytes, Nanos};
use crate::validity::{is_disturbed, takes_too_much};

/// What a round gave of one subject.
#[derive(Debug, Clone, Copy)]
pub struct Round<'a> {
    /// Its block.
    pub block: &'a Block,
    /// Its runner, where each round has one of its own.
    pub runner: Option<&'a FreshRunner>,
}

/// What two subjects of a round are compared by.
#[derive(Debug, Clone, PartialEq)]
pub struct SideBySide {
    /// Values of both in the metric's unit, measured one after the other: one entry, or one for each turn.
    pub pieces: Vec<[Vec<f64>; 2]>,
    /// The quantile of a piece's values that counts.
    pub quantile: f64,
}

const MEDIAN: f64 = 0.5;

impl Metric {
    /// What one round says of a metric, in its unit: values, and the quantile of them that counts. None for a metric that has
    /// no figure in each round, or when it was not measured.
    pub fn of_round(self, Round { block, runner }: Round<'_>) -> Option<(Vec<f64>, f64)> {
        let size = |bytes: Option<Bytes>| bytes.map(|bytes| (vec![bytes.0 as f64], MEDIAN));
        match self {
            Self::Latency => Some((numbers(&block.samples), MEDIAN)),
            Self::LatencyP90 => Some((numbers(&block.samples), 0.9)),
            Self::Load => Some((numbers(&[runner?.load]), MEDIAN)),
            Self::FirstInference => Some((numbers(&[runner?.first_inference]), MEDIAN)),
            Self::Frame => runner.filter(|runner| !runner.frames.is_empty()).map(|runner| (numbers(&runner.frames), MEDIAN)),
            Self::PeakRss => size(runner?.memory?.peak_rss),
            Self::Pss => size(runner?.memory?.pss),
            _ => None,
        }
    }

    /// What a round compares two subjects by. The median latency is compared turn by turn, where both took as many; any
    /// other figure needs all of the round's values.
    pub fn side_by_side(self, sides: [Round<'_>; 2]) -> Option<SideBySide> {
        let [first, second] = sides.map(|side| side.block);
        if self == Self::Latency && !first.turns.is_empty() && first.turns.len() == second.turns.len() {
            let both = first.pieces().into_iter().zip(second.pieces());
            return Some(SideBySide { pieces: both.map(|(a, b)| [numbers(a), numbers(b)]).collect(), quantile: MEDIAN });
        }
        let [(baseline, quantile), (candidate, _)] = [self.of_round(sides[0])?, self.of_round(sides[1])?];
        Some(SideBySide { pieces: vec![[baseline, candidate]], quantile })
    }
}

fn numbers(times: &[Nanos]) -> Vec<f64> {
    times.iter().map(|time| time.0 as f64).collect()
}

impl Block {
    /// The samples of each turn; those of a block without turns are one piece.
    pub fn pieces(&self) -> Vec<&[Nanos]> {
        if self.turns.is_empty() {
            return vec![&self.samples];
        }
        let mut rest = self.samples.as_slice();
        let next = |turn: &Turn| {
            let (piece, others) = rest.split_at(rest.len().min(usize::try_from(turn.samples).unwrap_or(usize::MAX)));
            rest = others;
            piece
        };
        self.turns.iter().map(next).collect()
    }

    /// The block with these of its turns only.
    fn with_turns(&self, kept: &[usize]) -> Self {
        let pieces = self.pieces();
        let turns: Vec<Turn> = kept.iter().filter_map(|&nth| self.turns.get(nth)).cloned().collect();
        let samples = kept.iter().filter_map(|&nth| pieces.get(nth)).flat_map(|piece| piece.iter().copied()).collect();
        let mut kept = Self { samples, turns, ..self.clone() };
        kept.waiting_share = kept.waiting_of_turns();
        kept
    }

    /// The share of the block in which its runner waited, from those of its turns, each for as long as its inferences took:
    /// a wait makes its turn longer. Missing when one is.
    pub fn waiting_of_turns(&self) -> Reading<f64> {
        let (mut waited, mut passed) = (0.0, 0.0);
        for (turn, piece) in self.turns.iter().zip(self.pieces()) {
            let took: f64 = numbers(piece).iter().sum();
            match &turn.waiting_share {
                Reading::Value { value } => waited += value * took,
                missing @ Reading::Missing { .. } => return missing.clone(),
            }
            passed += took;
        }
        Reading::of(if passed > 0.0 { waited / passed } else { 0.0 })
    }
}

/// Two blocks of a round without what others demonstrably disturbed of either; none when too little is left.
///
/// Where the subjects took turns, a turn that was disturbed on one side is left out on both, and more than half must be left; an odd
/// number stays, so that one of them is in the middle. Otherwise both blocks count or none. The choice looks at who had the CPU,
/// never at a latency, and treats both sides alike, so that it favours neither.
pub fn undisturbed(baseline: &Block, candidate: &Block) -> Option<[Block; 2]> {
    let turns = baseline.turns.len();
    if turns == 0 || turns != candidate.turns.len() {
        return (!is_disturbed(baseline) && !is_disturbed(candidate)).then(|| [baseline.clone(), candidate.clone()]);
    }
    let both = baseline.turns.iter().zip(&candidate.turns);
    let quiet = |(a, b): (&Turn, &Turn)| !takes_too_much(&a.waiting_share) && !takes_too_much(&b.waiting_share);
    let mut kept: Vec<usize> = (0..).zip(both).filter(|&(_, pair)| quiet(pair)).map(|(nth, _)| nth).collect();
    if kept.len() * 2 <= turns {
        return None;
    }
    if kept.len().is_multiple_of(2) {
        kept.pop();
    }
    Some([baseline.with_turns(&kept), candidate.with_turns(&kept)])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(turns: &[(&[u64], f64)]) -> Block {
        let samples = turns.iter().flat_map(|(samples, _)| samples.iter().copied().map(Nanos)).collect();
        let turn = |&(samples, waited): &(&[u64], f64)| Turn {
            samples: u32::try_from(samples.len()).unwrap(),
            waiting_share: Reading::of(waited),
        };
        let turns: Vec<Turn> = turns.iter().map(turn).collect();
        let waiting_share = Reading::of(0.0);
        let mut block = Block { round: 0, place: 0, started: Nanos(0), samples, suspended: Nanos(0), waiting_share, turns };
        block.waiting_share = block.waiting_of_turns();
        block
    }

    fn round(block: &Block) -> Round<'_> {
        Round { block, runner: None }
    }

    #[test]
    fn a_turn_that_was_disturbed_on_one_side_is_left_out_on_both() {
        let a = of(&[(&[1], 0.0), (&[2, 3], 0.5), (&[4], 0.0), (&[5], 0.0)]);
        let b = of(&[(&[11], 0.0), (&[12], 0.0), (&[13], 0.0), (&[14, 15], 0.0)]);
        let [a, b] = undisturbed(&a, &b).unwrap();
        assert_eq!(
            (a.samples, b.samples),
            (vec![Nanos(1), Nanos(4), Nanos(5)], vec![Nanos(11), Nanos(13), Nanos(14), Nanos(15)])
        );
        assert_eq!((a.waiting_share, b.turns.len()), (Reading::of(0.0), 3));
    }

    #[test]
    fn a_turn_that_waited_long_weighs_as_long() {
        let block = of(&[(&[5, 5], 0.0), (&[90], 0.9)]);
        assert!(block.waiting_share.value().is_some_and(|share| (share - 0.81).abs() < 1e-9), "{:?}", block.waiting_share);
    }

    #[test]
    fn half_of_the_turns_are_too_few_and_an_even_number_gives_up_its_last() {
        let loud = |n: usize| of(&(0..4).map(|nth| ([7_u64].as_slice(), if nth < n { 0.5 } else { 0.0 })).collect::<Vec<_>>());
        assert!(undisturbed(&loud(2), &loud(0)).is_none());
        let [kept, _] = undisturbed(&loud(0), &loud(0)).unwrap();
        assert_eq!(kept.turns.len(), 3);
    }

    #[test]
    fn medians_are_compared_turn_by_turn_and_all_else_over_the_round() {
        let (a, b) = (of(&[(&[1, 2], 0.0), (&[3], 0.0)]), of(&[(&[4], 0.0), (&[5, 6], 0.0)]));
        let found = |metric: Metric| metric.side_by_side([round(&a), round(&b)]).unwrap().pieces;
        assert_eq!(found(Metric::Latency), [[vec![1.0, 2.0], vec![4.0]], [vec![3.0], vec![5.0, 6.0]]]);
        assert_eq!(found(Metric::LatencyP90), [[vec![1.0, 2.0, 3.0], vec![4.0, 5.0, 6.0]]]);
        let whole = Block { turns: Vec::new(), ..b.clone() };
        assert_eq!(Metric::Latency.side_by_side([round(&a), round(&whole)]).unwrap().pieces.len(), 1);
    }

    #[test]
    fn turns_that_claim_more_samples_than_there_are_take_what_is_left() {
        let block = Block { samples: vec![Nanos(1)], ..of(&[(&[1, 2], 0.0), (&[3], 0.0)]) };
        assert_eq!(block.pieces(), [&[Nanos(1)][..], &[]]);
    }
}
