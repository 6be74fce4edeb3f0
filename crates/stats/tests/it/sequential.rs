//! The sequential gate on simulated phones, stopped after any pair.

use benchrack_stats::gate::{Decision, Doubt};
use benchrack_stats::sequential::{Comparison, judge};

use crate::noise::{ALL, Noise, upper_bound};
use crate::simulated_gate::{ALPHA, Processes, Session, TOLERANCE, decide, gate, rules};

fn count(noise: Noise, effect: f64, gates: u64, budget: usize, answer: Decision) -> usize {
    (0..gates).filter(|&seed| gate(noise, effect, seed, budget).0 == answer).count()
}

#[test]
fn a_model_against_itself_is_called_slower_less_often_than_alpha_although_one_looks_at_every_pair() {
    const GATES: u64 = 1_000;
    for noise in ALL {
        let slower = count(noise, 0.0, GATES, 100, Decision::Slower);
        let bound = upper_bound(slower, GATES as usize);
        assert!(bound <= ALPHA, "{noise:?}: {slower} slower, at most {bound:.4} with 99 % confidence");
    }
}

/// The worst case there is for both answers: a candidate exactly at the tolerance.
#[test]
fn at_the_tolerance_itself_both_errors_stay_at_alpha() {
    const GATES: u64 = 800;
    for noise in ALL {
        let answers: Vec<_> = (0..GATES).map(|seed| gate(noise, TOLERANCE, seed, 100).0).collect();
        for wrong in [Decision::Slower, Decision::NotSlower] {
            let wrong = answers.iter().filter(|answer| **answer == wrong).count();
            // Eight expected at most; three standard deviations are eight and a half.
            assert!(wrong <= 16, "{noise:?}: {wrong}");
        }
    }
}

#[test]
fn twice_the_tolerance_above_it_is_found_in_every_noise() {
    for noise in ALL {
        let found = count(noise, 3.0 * TOLERANCE, 100, 150, Decision::Slower);
        assert!(found >= 98, "{noise:?}: {found} of 100");
    }
}

#[test]
fn twice_the_tolerance_is_found_in_every_noise_given_time() {
    for noise in ALL {
        let found = count(noise, 2.0 * TOLERANCE, 60, 600, Decision::Slower);
        assert!(found >= 57, "{noise:?}: {found} of 60");
    }
}

#[test]
fn five_devices_at_the_tolerance_share_one_alpha() {
    const GATES: u64 = 300;
    for noise in ALL {
        let slower = (0..GATES).filter(|gate| {
            let mut sessions: Vec<_> = (0..5).map(|device| Session::new(noise, TOLERANCE, 5 * gate + device)).collect();
            let mut devices = vec![Comparison::new(&rules()); 5];
            (0..40).any(|_| {
                for (device, session) in devices.iter_mut().zip(&mut sessions) {
                    device.push(session.pair()).unwrap();
                }
                judge(&devices, &rules()) == Decision::Slower
            })
        });
        // Three expected at most; three standard deviations are five.
        let slower = slower.count();
        assert!(slower <= 8, "{noise:?}: {slower}");
    }
}

#[test]
fn the_confidence_sequence_holds_the_effect_at_all_times_at_once() {
    const SESSIONS: u64 = 150;
    for noise in ALL {
        let missed = (0..SESSIONS).filter(|&seed| {
            let mut session = Session::new(noise, 0.05, seed);
            let mut one = Comparison::new(&rules());
            (1..=60).any(|pairs| {
                one.push(session.pair()).unwrap();
                // An interval takes thousands of bets; every fifth is enough to see a miss that lasts.
                let effect = (pairs % 5 == 0).then(|| one.effect(0.05, 0.05).unwrap().unwrap());
                effect.and_then(|effect| effect.interval).is_some_and(|interval| !(interval.low <= 0.05 && 0.05 <= interval.high))
            })
        });
        let missed = missed.count();
        // Fifteen expected at most; three standard deviations are eleven.
        assert!(missed <= 26, "{noise:?}: {missed}");
    }
}

#[test]
fn the_pairs_that_are_said_to_be_missing_are_about_those_that_it_takes() {
    let mut right = 0;
    let mut asked = 0;
    for seed in 0..200 {
        let (Decision::Inconclusive(Doubt::Unclear { pairs, more: Some(more) }), _) = gate(Noise::Normal, 0.05, seed, 15) else {
            continue;
        };
        asked += 1;
        let (_, took) = gate(Noise::Normal, 0.05, seed, 2_000);
        let ratio = (pairs + more) as f64 / took as f64;
        right += usize::from((1.0 / 3.0..=3.0).contains(&ratio));
    }
    assert!(asked > 50 && right * 10 >= asked * 6, "{right} of {asked}");
}

/// Why a gate starts new processes in each round: with kept ones it finds the difference of two processes, as real as any
/// but not the model's.
#[test]
fn processes_that_differ_are_noise_when_each_round_has_fresh_ones_and_a_false_alarm_when_kept() {
    const GATES: u64 = 600;
    const SPREAD: f64 = 0.02;
    let slower = |processes: Processes| {
        let gate = |seed: u64| decide(Session::with_processes(Noise::Spikes, 0.0, seed, processes), 100).0;
        (0..GATES).filter(|&seed| gate(seed) == Decision::Slower).count()
    };
    let (fresh, kept) = (slower(Processes::Fresh(SPREAD)), slower(Processes::Kept(SPREAD)));
    assert!(upper_bound(fresh, GATES as usize) <= ALPHA, "{fresh} of {GATES}");
    assert!(kept >= 20, "only {kept} of {GATES} with kept processes: is the simulation right?");
}
