//! The order of subjects in the rounds, so that drift of the device hits all alike.

use benchrack_protocol::session::BlockOrder;
use benchrack_protocol::tensor::unit;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

/// Subjects of each round in the order of their blocks.
pub fn rounds(order: &BlockOrder, subjects: usize, blocks: u32) -> impl Iterator<Item = Vec<usize>> + use<> {
    let mut rng = match order {
        BlockOrder::Alternating => None,
        BlockOrder::Shuffled { seed } => Some(ChaCha8Rng::seed_from_u64(*seed)),
    };
    (0..blocks).map(move |round| match &mut rng {
        Some(rng) => shuffled((0..subjects).collect(), rng),
        None if round % 2 == 0 => (0..subjects).collect(),
        None => (0..subjects).rev().collect(),
    })
}

/// Fisher and Yates.
fn shuffled(mut subjects: Vec<usize>, rng: &mut ChaCha8Rng) -> Vec<usize> {
    for last in (1..subjects.len()).rev() {
        // Subjects are few, so the bias of 24 bits is far below anything that could be seen.
        let chosen = (f64::from(unit(rng)) * (last + 1) as f64) as usize;
        subjects.swap(last, chosen.min(last));
    }
    subjects
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn alternating_rounds_run_forwards_and_backwards() {
        let rounds: Vec<_> = rounds(&BlockOrder::Alternating, 3, 3).collect();
        assert_eq!(rounds, [[0, 1, 2], [2, 1, 0], [0, 1, 2]]);
    }

    #[test]
    fn every_order_of_two_comes_up_in_shuffled_rounds() {
        let seen: BTreeSet<_> = rounds(&BlockOrder::Shuffled { seed: 1 }, 2, 40).collect();
        assert_eq!(seen.len(), 2);
    }

    proptest! {
        #[test]
        fn each_round_holds_each_subject_once(seed: u64, subjects in 0usize..6, blocks in 0u32..6) {
            let order = BlockOrder::Shuffled { seed };
            let rounds: Vec<_> = rounds(&order, subjects, blocks).collect();
            prop_assert_eq!(rounds.len() as u32, blocks);
            for round in rounds {
                let mut sorted = round;
                sorted.sort_unstable();
                prop_assert_eq!(sorted, (0..subjects).collect::<Vec<_>>());
            }
        }
    }
}
