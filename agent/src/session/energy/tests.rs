//! Energy on phones of which the joules are known: seeded trials, and what is never given as a number.

use std::sync::Arc;

use benchrack_protocol::energy::EnergySource;
use benchrack_stats::energy::EnergyEstimate;

use super::*;
use crate::energy::simulated::{Phone, Physics, Shown, Worker};

const MS: u64 = 1_000_000;

/// A phone of today with a gauge that averages over a second and prints microamperes.
const PLAIN: Physics = Physics {
    shown: Shown::Current(1),
    period: 1.0,
    step: 1_000.0,
    noise: 3_000.0,
    filter: 0.0,
    rest: 0.9,
    leakage: 0.004,
    others: 0.02,
};

/// Runs the pass for subjects that add so many watts.
async fn pass(phone: &Arc<Phone>, watts: &[f64], plan: &EnergyPlan) -> Vec<Outcome> {
    let (device, gauge) = (phone.device(), phone.gauge());
    let latency = Duration::from_millis(12);
    let mut workers: Vec<Worker> = watts.iter().map(|&watts| Worker { phone: Arc::clone(phone), latency, watts }).collect();
    let clock = device.clock.as_ref();
    let mut subjects: Vec<Option<Looping<'_, Worker>>> =
        workers.iter_mut().map(|worker| Some(Looping::new(worker, Nanos::from(latency), clock, Nanos(60_000 * MS)))).collect();
    let outcomes = measure(&device, gauge.as_ref(), &mut subjects, plan, Nanos(0)).await;
    outcomes.into_iter().map(|outcome| outcome.expect("each subject can be looped")).collect()
}

fn told(outcome: &Outcome) -> (&EnergyRun, EnergyEstimate) {
    match outcome {
        Ok(Reading::Value { value }) => (value, estimate(value).unwrap_or_else(|error| panic!("{error}"))),
        other => panic!("{other:?}"),
    }
}

/// True joules of an inference in the windows that were compared.
fn truth(phone: &Phone, estimate: &EnergyEstimate) -> f64 {
    estimate.windows.iter().map(|window| phone.truth(*window)).sum::<f64>() / estimate.inferences
}

fn run<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap().block_on(future)
}

/// Seeded trials of one phone.
const TRIALS: u64 = 40;

/// Every kind of unit, sign and period that phones were seen to have, and what physics adds.
fn variants() -> Vec<(&'static str, Physics)> {
    let mut all = vec![
        ("µA, into the battery positive", PLAIN),
        ("µA, inverted", Physics { shown: Shown::Current(-1), ..PLAIN }),
        ("mA", Physics { shown: Shown::Current(1_000), ..PLAIN }),
        ("mA, inverted", Physics { shown: Shown::Current(-1_000), ..PLAIN }),
        ("a value every 100 ms", Physics { period: 0.1, step: 1.0, noise: 20_000.0, ..PLAIN }),
        ("a value every 163 ms, steps of 488 µA", Physics { period: 0.163, step: 488.0, ..PLAIN }),
        ("a value every 250 ms", Physics { period: 0.25, noise: 10_000.0, ..PLAIN }),
        ("a value every 5 s", Physics { period: 5.0, ..PLAIN }),
        ("a value every 10 s", Physics { period: 10.0, ..PLAIN }),
        ("steps of 10 mA without noise", Physics { step: 10_000.0, noise: 0.0, others: 0.0, ..PLAIN }),
        ("steps of 30 mA with noise", Physics { step: 30_000.0, noise: 25_000.0, ..PLAIN }),
        ("a noisy gauge", Physics { noise: 35_000.0, ..PLAIN }),
        ("a gauge with a filter of 4 s", Physics { filter: 4.0, ..PLAIN }),
        ("others at work", Physics { others: 0.15, ..PLAIN }),
        ("a chip that leaks when warm", Physics { leakage: 0.02, ..PLAIN }),
        ("rails every 250 ms", Physics { shown: Shown::Rails, period: 0.25, step: 1.0, ..PLAIN }),
        ("rails of a leaking chip", Physics { shown: Shown::Rails, period: 0.25, step: 1.0, leakage: 0.02, ..PLAIN }),
        ("RAPL that wraps", Physics { shown: Shown::Rapl(60_000_000), period: 0.001, step: 61.0, ..PLAIN }),
        ("a charge counter with steps of 0.1 mAh", Physics { shown: Shown::Charge, period: 1.0, step: 100.0, ..PLAIN }),
    ];
    all.extend([0.12, 0.3].map(|rest| ("little at rest", Physics { rest, ..PLAIN })));
    all
}

/// The least number of trials of `count` that a method which holds 95 % stays below once in a thousand times.
fn least_kept(count: u64) -> u64 {
    let mut chance = 0.95f64.powi(count as i32);
    let (mut kept, mut at_least) = (count, chance);
    while at_least < 0.999 {
        chance *= kept as f64 / (count - kept + 1) as f64 * 0.05 / 0.95;
        kept -= 1;
        at_least += chance;
    }
    kept
}

#[test]
fn the_true_joules_lie_in_the_stated_interval() {
    let (mut kept_of_all, mut all, mut wrong) = (0, 0, Vec::new());
    for (name, physics) in variants() {
        let (mut kept, mut widths, mut ratios) = (0, Vec::new(), Vec::new());
        for seed in 0..TRIALS {
            run(async {
                let phone = Phone::new(physics, seed);
                // A subject of half a watt to more than two.
                let watts = 0.5 + 0.05 * seed as f64;
                let plan = EnergyPlan { width: 0.05, max_time: Nanos(((900.0 * physics.period).max(300.0) * 1e9) as u64) };
                let outcomes = pass(&phone, &[watts], &plan).await;
                let (_, estimate) = told(&outcomes[0]);
                let truth = truth(&phone, &estimate);
                kept += u64::from(estimate.per_inference.low <= truth && truth <= estimate.per_inference.high);
                widths.push(estimate.width());
                ratios.push(estimate.per_inference.value / truth);
            });
        }
        widths.sort_by(f64::total_cmp);
        ratios.sort_by(f64::total_cmp);
        let (width, bias) = (widths[widths.len() / 2] * 100.0, (ratios[ratios.len() / 2] - 1.0) * 100.0);
        println!("{name}: {kept} of {TRIALS} kept, median interval ± {width:.1} %, median error {bias:+.2} %");
        if kept < least_kept(TRIALS) {
            wrong.push(name);
        }
        (kept_of_all, all) = (kept_of_all + kept, all + TRIALS);
    }
    println!("{kept_of_all} of {all} trials kept ({:.1} %)", kept_of_all as f64 / all as f64 * 100.0);
    assert!(wrong.is_empty(), "{wrong:?}");
    assert!(kept_of_all >= least_kept(all));
}

#[test]
fn subjects_that_take_turns_each_get_their_own_joules() {
    let mut kept = 0;
    for seed in 0..TRIALS {
        run(async {
            let phone = Phone::new(PLAIN, seed);
            let outcomes = pass(&phone, &[0.8, 2.0], &EnergyPlan::default()).await;
            for outcome in &outcomes {
                let (run, estimate) = told(outcome);
                assert_eq!((run.loops.len(), run.rests.len()), (2, 2));
                let truth = truth(&phone, &estimate);
                kept += u64::from(estimate.per_inference.low <= truth && truth <= estimate.per_inference.high);
            }
        });
    }
    println!("{kept} of {} kept", 2 * TRIALS);
    assert!(kept >= least_kept(2 * TRIALS), "{kept}");
}

#[test]
fn the_meter_is_read_at_its_own_pace_and_half_as_often_at_rest() {
    run(async {
        let phone = Phone::new(PLAIN, 1);
        let outcomes = pass(&phone, &[1.5], &EnergyPlan::default()).await;
        let (run, _) = told(&outcomes[0]);
        assert_eq!(run.meter.source, EnergySource::FuelGauge);
        let gaps = |phase: &EnergyPhase| (phase.span().1 - phase.span().0) / phase.readings.len() as f64;
        assert!((gaps(&run.loops[0]) - 1.0).abs() < 0.1, "{}", gaps(&run.loops[0]));
        assert!((gaps(&run.rests[0]) - 2.0).abs() < 0.2, "{}", gaps(&run.rests[0]));
    });
}

#[test]
fn a_narrower_interval_takes_longer_and_is_narrower() {
    let spent = |width: f64| {
        run(async {
            let phone = Phone::new(Physics { noise: 40_000.0, ..PLAIN }, 5);
            let plan = EnergyPlan { width, max_time: Nanos(3_600_000 * MS) };
            let outcomes = pass(&phone, &[1.0], &plan).await;
            let (run, estimate) = told(&outcomes[0]);
            (run.loops[0].span().1 - run.loops[0].span().0, estimate.width())
        })
    };
    let ((short, wide), (long, narrow)) = (spent(0.2), spent(0.02));
    assert!(long > 3.0 * short && narrow < wide, "{short} s ± {wide}, {long} s ± {narrow}");
}

fn missing(outcome: &Outcome) -> (Missing, &str) {
    match outcome {
        Ok(Reading::Missing { missing, detail }) => (*missing, detail),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_battery_that_is_charged_gives_no_number_and_rails_do() {
    for from in [0.0, 45.0] {
        run(async {
            let phone = Phone::new(PLAIN, 2);
            phone.feed_from(from);
            let outcomes = pass(&phone, &[1.0], &EnergyPlan::default()).await;
            let (kind, why) = missing(&outcomes[0]);
            assert!(kind == Missing::Unavailable && why.contains("charged"), "{why}");
            let rails = Phone::new(Physics { shown: Shown::Rails, period: 0.25, ..PLAIN }, 2);
            rails.feed_from(from);
            told(&pass(&rails, &[1.0], &EnergyPlan::default()).await[0]);
        });
    }
}

#[test]
fn a_gauge_that_is_too_slow_for_the_plan_says_how_long_it_needs() {
    run(async {
        let phone = Phone::new(Physics { period: 10.0, ..PLAIN }, 3);
        let outcomes = pass(&phone, &[1.0], &EnergyPlan::default()).await;
        assert!(missing(&outcomes[0]).1.contains("energy.max_time must be about"), "{outcomes:?}");
    });
}

#[test]
fn what_cannot_be_told_from_rest_is_no_number() {
    run(async {
        let phone = Phone::new(Physics { noise: 30_000.0, ..PLAIN }, 4);
        let outcomes = pass(&phone, &[0.0], &EnergyPlan::default()).await;
        match &outcomes[0] {
            Ok(Reading::Value { value }) => {
                assert!(matches!(estimate(value), Err(benchrack_stats::energy::EnergyError::NotAboveRest { .. })));
            }
            other => panic!("{other:?}"),
        }
    });
}
