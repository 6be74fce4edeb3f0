//! Energy on twins, of which the joules are known: seeded trials, and what is never given as a number.

mod phone;

use benchrack_protocol::energy::EnergySource;
use benchrack_stats::energy::{EnergyError, EnergyEstimate};

use super::*;
use crate::twin::{Twin, TwinRunner};
use phone::{Meter, PLAIN, Phone};

const MS: u64 = 1_000_000;

/// The pass on a twin, for subjects that add so many watts to it.
async fn pass(phone: &Phone, seed: u64, watts: &[f64], plan: &EnergyPlan) -> (Twin, Vec<Outcome>) {
    let twin = phone.switch_on(seed, watts);
    let (device, gauge) = (twin.device(), phone.gauge());
    let mut runners = phone::runners(&twin, watts.len()).await;
    let clock = device.clock.as_ref();
    let mut subjects: Vec<Option<Looping<'_, TwinRunner>>> =
        runners.iter_mut().map(|runner| Some(Looping::new(runner, Nanos(12 * MS), clock, Nanos(60_000 * MS)))).collect();
    let outcomes = measure(&device, (gauge.as_ref(), None), &mut subjects, plan, Nanos(0)).await;
    drop(subjects);
    (twin, outcomes.into_iter().map(|outcome| outcome.expect("each subject can be looped")).collect())
}

fn told(outcome: &Outcome) -> (&EnergyRun, EnergyEstimate) {
    match outcome {
        Ok(Reading::Value { value }) => (value, estimate(value).unwrap_or_else(|error| panic!("{error}"))),
        other => panic!("{other:?}"),
    }
}

/// True joules of an inference in the windows that were compared.
fn truth(twin: &Twin, estimate: &EnergyEstimate) -> f64 {
    let nanos = |seconds: f64| Nanos((seconds * 1e9) as u64);
    let joules = |(from, to): &(f64, f64)| twin.truth().above_rest(nanos(*from), nanos(*to)).expect("it has passed");
    estimate.windows.iter().map(joules).sum::<f64>() / estimate.inferences
}

fn holds(estimate: &EnergyEstimate, truth: f64) -> bool {
    estimate.per_inference.low <= truth && truth <= estimate.per_inference.high
}

fn run<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap().block_on(future)
}

/// Seeded trials of one phone.
const TRIALS: u64 = 20;

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
    for (name, phone) in phone::variants() {
        let (mut kept, mut untold, mut widths, mut ratios) = (0, 0, Vec::new(), Vec::new());
        for seed in 0..TRIALS {
            run(async {
                // A subject of half a watt to more than two.
                let watts = 0.5 + 0.1 * seed as f64;
                let period = phone.period_ms as f64 / 1e3;
                let plan = EnergyPlan { width: 0.05, max_time: Nanos(((900.0 * period).max(phone.shortest_s) * 1e9) as u64) };
                let (twin, outcomes) = pass(&phone, seed, &[watts], &plan).await;
                let Ok(Reading::Value { value: measured }) = &outcomes[0] else { panic!("{name}: {:?}", outcomes[0]) };
                assert_eq!(measured.meter.source, phone.source(), "{name}");
                let estimate = match estimate(measured) {
                    Ok(estimate) => estimate,
                    // Steps of fourteen joules hide half a watt: that is said, and no number given.
                    Err(EnergyError::NotAboveRest { .. }) if name.contains("mAh") => {
                        untold += 1;
                        return;
                    }
                    Err(error) => panic!("{name}: {error}"),
                };
                let truth = truth(&twin, &estimate);
                kept += u64::from(holds(&estimate, truth));
                widths.push(estimate.width());
                ratios.push(estimate.per_inference.value / truth);
            });
        }
        widths.sort_by(f64::total_cmp);
        ratios.sort_by(f64::total_cmp);
        let (width, bias) = (widths[widths.len() / 2] * 100.0, (ratios[ratios.len() / 2] - 1.0) * 100.0);
        let trials = TRIALS - untold;
        println!("| {name} | {kept} of {trials} | ± {width:.1} % | {bias:+.2} % |");
        assert!(untold <= TRIALS / 2, "{name}: {untold} without a number");
        if kept < least_kept(trials) {
            wrong.push(name);
        }
        (kept_of_all, all) = (kept_of_all + kept, all + trials);
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
            let (twin, outcomes) = pass(&PLAIN, seed, &[0.8, 2.0], &EnergyPlan::default()).await;
            for outcome in &outcomes {
                let (run, estimate) = told(outcome);
                assert_eq!((run.loops.len(), run.rests.len()), (2, 2));
                kept += u64::from(holds(&estimate, truth(&twin, &estimate)));
            }
        });
    }
    println!("{kept} of {} kept", 2 * TRIALS);
    assert!(kept >= least_kept(2 * TRIALS), "{kept}");
}

#[test]
fn the_meter_is_read_at_its_own_pace_and_half_as_often_at_rest() {
    run(async {
        let (_, outcomes) = pass(&PLAIN, 1, &[1.5], &EnergyPlan::default()).await;
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
            let phone = Phone { noise_ua: 40_000.0, ..PLAIN };
            let plan = EnergyPlan { width, max_time: Nanos(3_600_000 * MS) };
            let (_, outcomes) = pass(&phone, 5, &[1.0], &plan).await;
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
    for at in [0.0, 45.0] {
        run(async {
            let (_, outcomes) = pass(&Phone { plugged_at: Some(at), ..PLAIN }, 2, &[1.0], &EnergyPlan::default()).await;
            let (kind, why) = missing(&outcomes[0]);
            assert!(kind == Missing::Unavailable && why.contains("charged"), "{why}");
            let rails = Phone { plugged_at: Some(at), meter: Meter::Rails, period_ms: 250, ..PLAIN };
            told(&pass(&rails, 2, &[1.0], &EnergyPlan::default()).await.1[0]);
        });
    }
}

#[test]
fn a_gauge_that_is_too_slow_for_the_plan_says_how_long_it_needs() {
    run(async {
        let (_, outcomes) = pass(&Phone { period_ms: 10_000, ..PLAIN }, 3, &[1.0], &EnergyPlan::default()).await;
        assert!(missing(&outcomes[0]).1.contains("energy.max_time must be about"), "{outcomes:?}");
    });
}

#[test]
fn what_cannot_be_told_from_rest_is_no_number() {
    run(async {
        let (_, outcomes) = pass(&Phone { noise_ua: 30_000.0, ..PLAIN }, 4, &[0.001], &EnergyPlan::default()).await;
        match &outcomes[0] {
            Ok(Reading::Value { value }) => {
                assert!(matches!(estimate(value), Err(EnergyError::NotAboveRest { .. })));
            }
            other => panic!("{other:?}"),
        }
    });
}

#[test]
fn a_current_that_says_it_is_none_and_one_whose_unit_is_not_proved_give_no_number() {
    run(async {
        // What is left is a counter that does not exist.
        let none = Phone { meter: Meter::Charge { unit: "absent", step_uah: 1 }, ..PLAIN };
        let (_, outcomes) = pass(&none, 6, &[1.0], &EnergyPlan::default()).await;
        let (_, why) = missing(&outcomes[0]);
        assert!(why.contains("means that there is no such figure") && why.contains("charge_counter"), "{why}");
    });
}
