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
    processes: Processes,
    /// Of candidate's over baseline's process, while they live.
    bias: f64,
}

/// Processes of one program and model differ as long as they live, by this much (standard deviation of the ratio's log).
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Processes {
    /// They are all alike.
    Alike,
    /// The same two throughout the session.
    Kept(f64),
    /// Two new ones in each round.
    Fresh(f64),
}

impl Session {
    pub(crate) fn new(noise: Noise, effect: f64, seed: u64) -> Self {
        Self::with_processes(noise, effect, seed, Processes::Alike)
    }

    pub(crate) fn with_processes(noise: Noise, effect: f64, seed: u64, processes: Processes) -> Self {
        let mut coin = Random::new(!seed);
        let bias = match processes {
            Processes::Kept(spread) => spread * coin.normal(),
            Processes::Alike | Processes::Fresh(_) => 0.0,
        };
        Self { device: Device::new(noise, seed), coin, effect, processes, bias }
    }

    pub(crate) fn pair(&mut self) -> Pair {
        let candidate_first = self.coin.chance(0.5);
        if let Processes::Fresh(spread) = self.processes {
            self.bias = spread * self.coin.normal();
        }
        let slowed = 20.0 * (1.0 + self.effect) * self.bias.exp();
        let mut block = |is_candidate: bool| {
            let latency = if is_candidate { slowed } else { 20.0 };
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
    decide(Session::new(noise, effect, seed), budget)
}

/// The same of a session that was made before.
pub(crate) fn decide(mut session: Session, budget: usize) -> (Decision, usize) {
    let mut one = Comparison::new(&rules());
    loop {
        one.push(session.pair()).unwrap();
        let decision = judge(std::slice::from_ref(&one), &rules());
        if !matches!(decision, Decision::Inconclusive(_)) || one.pairs() == budget {
            return (decision, one.pairs());
        }
    }
}
