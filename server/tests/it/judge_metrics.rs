//! Metrics and limits of a gate that have rules of their own: energy, fidelity, limits of what fresh runners do, and how
//! alpha is shared.

use benchrack_protocol::api::{GateDevice, GateRules, Metric, MetricRule, NewGate, Verdict};
use benchrack_protocol::model::Fidelity;
use benchrack_protocol::reading::{Missing, Reading};
use benchrack_protocol::report::{FreshRunner, SessionReport};
use benchrack_protocol::units::Nanos;
use benchrack_server::judge::{check_metrics, judge_gate};

use crate::energy::energy;
use crate::judge::{budget, change, device, longer, request, session};

const MS: u64 = 1_000_000;
const ENERGY: (Metric, Option<f64>) = (Metric::Energy, Some(0.1));

/// A session whose loops draw so much beside a device that draws 250 mA at rest.
fn with_energy(milliamperes: [i64; 2]) -> SessionReport {
    let mut report = longer(session([Some(10 * MS), Some(10 * MS)]), 14);
    for (place, milliamperes) in milliamperes.into_iter().enumerate() {
        change(&mut report, place, |run| run.energy = Some(Reading::of(energy(milliamperes))));
    }
    report
}

/// The part of the metric in a device's verdict.
fn part(device: &GateDevice, metric: Metric) -> &benchrack_protocol::api::GateComparison {
    device.comparisons.iter().find(|one| one.metric == metric.name()).unwrap()
}

#[test]
fn energy_is_judged_by_the_intervals_of_both_sides() {
    let same = device(&with_energy([750, 750]), &[ENERGY], Vec::new());
    assert_eq!(same.verdict, Verdict::NotSlower, "{same:#?}");
    let energy = part(&same, Metric::Energy).change.unwrap();
    assert!(energy.low < 0.0 && 0.0 < energy.high && energy.high < 0.1, "{energy:?}");
    let hungry = device(&with_energy([750, 950]), &[ENERGY], Vec::new());
    assert_eq!(hungry.verdict, Verdict::Slower);
    assert_eq!(part(&hungry, Metric::Energy).detail, "larger by more than the 10 % that are accepted");
    // A little more than 10 % above the 500 mA above rest.
    let open = device(&with_energy([750, 802]), &[ENERGY], Vec::new());
    assert_eq!(open.verdict, Verdict::Inconclusive, "{open:#?}");
    assert!(part(&open, Metric::Energy).detail.contains("its interval holds the tolerance"), "{open:#?}");
    assert!(open.more_time.is_some(), "{open:#?}");
}

#[test]
fn energy_that_no_meter_told_is_in_doubt_and_says_why() {
    let mut report = with_energy([750, 750]);
    change(&mut report, 1, |run| run.energy = Some(Reading::missing(Missing::Unavailable, "the gauge gave no current")));
    let silent = device(&report, &[ENERGY], Vec::new());
    assert_eq!((silent.verdict, silent.more_time), (Verdict::Inconclusive, None));
    assert!(
        silent.detail.contains("energy has no figure in these runs") && silent.detail.contains("gave no current"),
        "{silent:?}"
    );
}

#[test]
fn energy_has_budgets_in_its_own_unit() {
    let report = with_energy([750, 750]);
    let verdict = |limit: &str| device(&report, &[], vec![budget("energy", limit)]);
    assert_eq!(verdict("25 mJ").verdict, Verdict::NotSlower);
    let over = verdict("15 mJ");
    assert_eq!(over.verdict, Verdict::OverBudget);
    assert!(over.detail.starts_with("energy is 2") || over.detail.starts_with("energy is 1"), "{}", over.detail);
    assert!(over.detail.contains(" mJ, over the budget of 15 mJ (the preview; camera)"), "{}", over.detail);
    assert_eq!(verdict("20 mJ").verdict, Verdict::Inconclusive, "too close to tell");
}

#[test]
fn fidelity_is_judged_exactly_by_how_much_larger_the_error_of_quantisation_became() {
    let judged = |decibels: [Option<f64>; 2], tolerance: f64| {
        let mut report = longer(session([Some(10 * MS), Some(10 * MS)]), 14);
        for (subject, sqnr_db) in report.spec.subjects.iter_mut().zip(decibels) {
            subject.manifest.fidelity = sqnr_db.map(|sqnr_db| Fidelity { sqnr_db, top1_agreement: 0.99, images: 100 });
        }
        device(&report, &[(Metric::Fidelity, Some(tolerance))], Vec::new())
    };
    assert_eq!(judged([Some(30.0), Some(30.0)], 0.01).verdict, Verdict::NotSlower);
    assert_eq!(judged([Some(30.0), Some(33.0)], 0.01).verdict, Verdict::NotSlower);
    // A decibel is 12.2 % of the error's size.
    assert_eq!(judged([Some(30.0), Some(29.0)], 0.13).verdict, Verdict::NotSlower);
    let worse = judged([Some(30.0), Some(29.0)], 0.12);
    assert_eq!(worse.verdict, Verdict::Slower);
    let one = part(&worse, Metric::Fidelity);
    assert!((one.change.unwrap().value - 0.122).abs() < 1e-3 && one.baseline == Some(30.0), "{one:?}");
    assert!(one.detail.starts_with("noise of quantisation larger"), "{}", one.detail);
    assert_eq!(judged([None, Some(29.0)], 0.5).verdict, Verdict::Inconclusive, "an fp32 model has none");
}

#[test]
fn limits_of_loading_hold_for_the_fresh_runners_and_not_for_a_single_start() {
    let mut report = longer(session([Some(10 * MS), Some(10 * MS)]), 14);
    for place in 0..2 {
        change(&mut report, place, |run| {
            run.load = Nanos(900 * MS);
            let runner = |round: u32| FreshRunner {
                round,
                load: Nanos((40 + u64::from(round % 3)) * MS),
                first_inference: Nanos(20 * MS),
                frames: Vec::new(),
                memory: Some(run.memory),
            };
            run.fresh_runners = (0..14).map(runner).collect();
        });
    }
    let verdict = |limit: &str| device(&report, &[], vec![budget("load", limit)]).verdict;
    assert_eq!(verdict("50 ms"), Verdict::NotSlower, "one slow start is no median");
    assert_eq!(verdict("39 ms"), Verdict::OverBudget);
    assert_eq!(verdict("41 ms"), Verdict::Inconclusive);
}

#[test]
fn limits_need_as_many_rounds_as_make_their_intervals_sure() {
    let limits = |count: usize| NewGate {
        budgets: vec![budget("latency", "1 ms"); count],
        max_time: Some(Nanos(1)),
        ..request(GateRules::default())
    };
    // 2^-7 is the first power below 1 %, 2^-10 below a tenth of it.
    assert_eq!([0, 1, 10].map(|count| limits(count).rounds_of_limits(1)), [0, 7, 10]);
    assert_eq!(limits(5).rounds_of_limits(2), 10);
    let few = longer(session([Some(10 * MS), Some(10 * MS)]), 9);
    let verdict = |report: &SessionReport| judge_gate(&[("phone".to_owned(), None, report)], &limits(10)).devices.remove(0);
    let device = verdict(&few);
    assert!(device.verdict == Verdict::Inconclusive && device.detail.contains("so few rounds"), "{}", device.detail);
    assert_eq!(verdict(&longer(few, 10)).verdict, Verdict::OverBudget);
}

#[test]
fn the_summary_names_the_tolerance_of_the_metric_whose_change_it_tells() {
    let report = longer(session([Some(100 * MS), Some(107 * MS)]), 14);
    let metrics = vec![MetricRule { metric: Metric::Latency, tolerance: Some(0.1) }];
    let gate = NewGate { metrics, ..request(GateRules::default()) };
    let outcome = judge_gate(&[("phone".to_owned(), None, &report)], &gate);
    assert_eq!(outcome.summary, "within the 10 % that are accepted: +7.0 %");
}

#[test]
fn models_of_one_change_share_alpha_as_devices_and_metrics_do() {
    let report = longer(session([Some(10 * MS), Some(13 * MS)]), 9);
    let verdict = |models: u32| {
        let gate = request(GateRules { models, ..GateRules::default() });
        judge_gate(&[("phone".to_owned(), None, &report)], &gate).verdict
    };
    assert_eq!(verdict(1), Verdict::Slower, "nine pairs are enough for alpha");
    assert_eq!(verdict(20), Verdict::Inconclusive, "and not for a twentieth of it");
    let metrics = [Metric::Latency, Metric::Load, Metric::Energy, Metric::ModelSize, Metric::Fidelity];
    let metrics = metrics.map(|metric| MetricRule { metric, tolerance: None }).to_vec();
    let gate = NewGate { metrics, ..request(GateRules { models: 4, ..GateRules::default() }) };
    assert_eq!(gate.comparisons(3), 3 * 3 * 4, "exact metrics take no share");
    let nobody = NewGate { rules: GateRules { models: 0, ..gate.rules }, ..gate };
    assert!(check_metrics(&nobody).unwrap_err().contains("rules.models is 0"));
}
