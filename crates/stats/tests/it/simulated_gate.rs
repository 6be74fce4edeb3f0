//! A gate on a simulated phone that stops after any pair.

use benchrack_stats::gate::{Decision, Rules};
use benchrack_stats::paired::Pair;
use benchrack_stats::samples::Samples;
use benchrack_stats::sequential::{Comparison, judge};

use crate::noise::{Device, Noise, Random};

pub(crate) const ALPHA: f64 = 0.01;
pub(crate) const TOLERANCE: f64 = 0.02;
const SAMPLES: usize = 7;

/// A session whose order within each round is drawn at random.
pub(crate) struct Session {
    device: Device,
    coin: Random,
    effect: f64,
}

impl Session {
    pub(crate) fn new(noise: Noise, effect: f64, seed: u64) -> Self {
        Self { device: Device::new(noise, seed), coin: Random::new(!seed), effect }
    }

    pub(crate) fn pair(&mut self) -> Pair {
        let candidate_first = self.coin.chance(0.5);
        let mut block = |is_candidate: bool| {
            let latency = if is_candidate { 20.0 * (1.0 + self.effect) } else { 20.0 };
            Samples::new(self.device.block(latency, SAMPLES)).unwrap().median()
        };
        let (first, second) = (block(candidate_first), block(!candidate_first));
        let (candidate, baseline) = if candidate_first { (first, second) } else { (second, first) };
        Pair { baseline, candidate }
    }
}

pub(crate) fn rules() -> Rules {
    Rules::new(TOLERANCE, ALPHA, 1).unwrap()
}

/// The answer and the pairs it took, looking after every pair.
pub(crate) fn gate(noise: Noise, effect: f64, seed: u64, budget: usize) -> (Decision, usize) {
    let mut session = Session::new(noise, effect, seed);
    let mut one = Comparison::new(&rules());
    loop {
        one.push(session.pair()).unwrap();
        let decision = judge(std::slice::from_ref(&one), &rules());
        if !matches!(decision, Decision::Inconclusive(_)) || one.pairs() == budget {
            return (decision, one.pairs());
        }
    }
}
