//! The judgement that a person without a server gets as well.

use benchrack_protocol::api::{GateDevice, GateRules, Metric, MetricRule, NewGate, Verdict};
use benchrack_protocol::budget::Budget;
use benchrack_protocol::device::Reality;
use benchrack_protocol::evidence::Hindrance;
use benchrack_protocol::model::Precision;
use benchrack_protocol::reading::Reading;
use benchrack_protocol::report::{Block, FreshRunner, Measurement, OutputCheck, RunReport, SessionReport, Turn};
use benchrack_protocol::runner::MemoryFigures;
use benchrack_protocol::session::{BlockOrder, MeasurePlan, OperatingPoint, SessionSpec, Subject};
use benchrack_protocol::tensor::Comparison;
use benchrack_protocol::units::{Bytes, Nanos};
use benchrack_server::judge::{check_metrics, judge_gate, metrics};

use crate::sample::{gate_subject, measurement, new_gate, report};

const MS: u64 = 1_000_000;

pub fn session(latencies: [Option<u64>; 2]) -> SessionReport {
    let subject = |label: &str| {
        let side = gate_subject("net", Precision::Fp32);
        Subject { label: label.into(), manifest: side.manifest, engine: side.engine, threads: side.threads }
    };
    let spec = SessionSpec {
        subjects: vec![subject("baseline"), subject("candidate")],
        operating_point: OperatingPoint::default(),
        plan: MeasurePlan::default(),
    };
    report(1, "one", &spec, |place| latencies[place])
}

/// The same session with so many rounds: those of the sample again and again.
pub fn longer(mut report: SessionReport, rounds: u32) -> SessionReport {
    for place in 0..report.runs.len() {
        change(&mut report, place, |run| {
            let again = run.blocks.clone();
            let renumbered = (0..rounds).zip(again.iter().cycle()).map(|(round, block)| Block {
                round,
                started: Nanos(u64::from(round) * 1_000_000_000),
                ..block.clone()
            });
            run.blocks = renumbered.collect();
        });
    }
    report
}

pub fn request(rules: GateRules) -> NewGate {
    NewGate { rules, ..new_gate(gate_subject("net", Precision::Fp32), gate_subject("net", Precision::Fp32)) }
}

pub fn change(report: &mut SessionReport, place: usize, change: impl Fn(&mut Measurement)) {
    match &mut report.runs[place] {
        RunReport::Measured(measurement) => change(measurement),
        RunReport::Failed(_) => panic!("measured"),
    }
}

fn judged(reports: &[SessionReport], rules: &GateRules) -> benchrack_protocol::api::GateOutcome {
    let devices: Vec<_> = reports.iter().enumerate().map(|(nth, report)| (format!("phone-{nth}"), None, report)).collect();
    judge_gate(&devices, &request(*rules))
}

/// One device's part, judged by these metrics and budgets.
pub fn device(report: &SessionReport, metrics: &[(Metric, Option<f64>)], budgets: Vec<Budget>) -> GateDevice {
    let metrics = metrics.iter().map(|&(metric, tolerance)| MetricRule { metric, tolerance }).collect();
    let request = NewGate { metrics, budgets, ..request(GateRules::default()) };
    judge_gate(&[("phone".to_owned(), None, report)], &request).devices.remove(0)
}

pub fn budget(metric: &str, limit: &str) -> Budget {
    Budget {
        metric: metric.into(),
        limit: limit.parse().unwrap(),
        devices: String::new(),
        model: "*".into(),
        reason: "the preview".into(),
        owner: "camera".into(),
    }
}

#[test]
fn an_emulated_device_decides_no_gate_however_steady_it_is() {
    for latencies in [[Some(10 * MS), Some(10 * MS)], [Some(10 * MS), Some(13 * MS)]] {
        let mut report = longer(session(latencies), 14);
        report.reality = Reality::Emulated;
        let part = device(&report, &[(Metric::Latency, None)], Vec::new());
        assert_eq!(part.verdict, Verdict::Inconclusive);
        assert!(part.detail.contains("emulated"), "{}", part.detail);
    }
}

#[test]
fn one_slower_device_rejects_and_the_worst_is_named() {
    let reports =
        [session([Some(10 * MS), Some(10 * MS)]), session([Some(10 * MS), Some(13 * MS)])].map(|report| longer(report, 14));
    let outcome = judged(&reports, &GateRules::default());
    assert_eq!(outcome.verdict, Verdict::Slower);
    let verdicts: Vec<Verdict> = outcome.devices.iter().map(|device| device.verdict).collect();
    assert_eq!(verdicts, [Verdict::NotSlower, Verdict::Slower]);
    assert_eq!(outcome.summary, "slower than the 2 % that are accepted on 1 of 2 devices, most on phone-1: +30.0 %");
    let (baseline, candidate) = outcome.devices[1].medians.unwrap();
    assert!((candidate.as_ms() / baseline.as_ms() - 1.3).abs() < 0.01);
}

#[test]
fn a_faster_candidate_passes() {
    let outcome = judged(&[session([Some(10 * MS), Some(8 * MS)])], &GateRules::default());
    assert_eq!(outcome.summary, "within the 2 % that are accepted: -20.0 %");
}

#[test]
fn fast_and_wrong_is_said_before_any_other_doubt() {
    let mut report = session([Some(10 * MS), Some(5 * MS)]);
    change(&mut report, 1, |candidate| {
        candidate.warmup.steady = false;
        let comparison = Comparison { max_relative_error: 0.5, cosine: 0.7, within: false };
        candidate.outputs = OutputCheck::Compared { outputs: vec![("probabilities".into(), comparison)] };
    });
    let outcome = judged(&[report], &GateRules::default());
    assert_eq!((outcome.verdict, outcome.devices[0].verdict), (Verdict::WrongOutputs, Verdict::WrongOutputs));
    assert!(outcome.summary.contains("outputs differ from its reference: output probabilities"), "{}", outcome.summary);
}

#[test]
fn turns_that_were_disturbed_are_left_out_and_the_rest_of_the_round_counts() {
    let mut noisy = longer(session([Some(10 * MS), Some(10 * MS)]), 14);
    for place in [0, 1] {
        change(&mut noisy, place, |run| {
            for block in &mut run.blocks {
                block.samples.truncate(7);
                block.turns = vec![Turn { samples: 1, waiting_share: Reading::of(0.0) }; 7];
                block.waiting_share = Reading::of(0.0);
            }
            // Three of seven in the first round; four in the second, which leaves too few.
            for (round, turns) in [(0, 0..3), (1, 0..4)] {
                for turn in turns {
                    run.blocks[round].turns[turn].waiting_share = Reading::of(0.9);
                    run.blocks[round].samples[turn].0 *= if place == 0 { 1 } else { 9 };
                }
                run.blocks[round].waiting_share = Reading::of(0.5);
            }
        });
    }
    let device = judged(&[noisy], &GateRules::default()).devices.remove(0);
    assert_eq!((device.verdict, device.pairs), (Verdict::NotSlower, 13), "{device:?}");
    assert!(device.detail.ends_with("1 of 14 rounds were disturbed by others and left out"), "{}", device.detail);
}

#[test]
fn disturbed_rounds_are_left_out_as_pairs_and_the_rest_decides() {
    let disturb = |report: &mut SessionReport, place: usize, rounds: std::ops::Range<usize>| {
        change(report, place, |run| {
            for block in &mut run.blocks[rounds.clone()] {
                block.waiting_share = Reading::of(0.4);
                block.samples.iter_mut().for_each(|sample| sample.0 *= 3);
            }
        });
    };
    let mut noisy = longer(session([Some(10 * MS), Some(10 * MS)]), 14);
    for place in [0, 1] {
        change(&mut noisy, place, |run| run.blocks.iter_mut().for_each(|block| block.waiting_share = Reading::of(0.0)));
    }
    let evidence = noisy.evidence.as_mut().unwrap();
    (evidence.settle.timed_out, evidence.settle.hindrance) = (true, Some(Hindrance::Competition));
    disturb(&mut noisy, 1, 0..2);
    disturb(&mut noisy, 0, 1..3);
    let device = judged(&[noisy.clone()], &GateRules::default()).devices.remove(0);
    assert_eq!((device.verdict, device.pairs), (Verdict::NotSlower, 11), "{device:?}");
    assert!(device.detail.ends_with("3 of 14 rounds were disturbed by others and left out"), "{}", device.detail);

    // Heat is a doubt that no block answers.
    noisy.evidence.as_mut().unwrap().settle.hindrance = Some(Hindrance::Heat);
    let device = judged(&[noisy.clone()], &GateRules::default()).devices.remove(0);
    assert!(device.verdict == Verdict::Inconclusive && device.detail.contains("not settled"), "{device:?}");

    disturb(&mut noisy, 0, 0..14);
    let device = judged(&[noisy], &GateRules::default()).devices.remove(0);
    assert!(device.detail.contains("in all of its 14 rounds"), "{device:?}");
}

#[test]
fn a_candidate_that_fails_is_inconclusive_with_the_reason() {
    let outcome = judged(&[session([Some(10 * MS), None])], &GateRules::default());
    assert_eq!(outcome.summary, "inconclusive: the candidate could not be measured: signal 11");
}

#[test]
fn values_that_have_no_ratio_take_no_other_devices_verdict() {
    let mut broken = session([Some(10 * MS), Some(10 * MS)]);
    change(&mut broken, 1, |candidate| candidate.blocks[0].samples = vec![Nanos(0); 8]);
    let outcome = judged(&[broken, longer(session([Some(10 * MS), Some(13 * MS)]), 14)], &GateRules::default());
    assert_eq!(outcome.verdict, Verdict::Slower);
    assert_eq!(outcome.devices[0].verdict, Verdict::Inconclusive);
    assert!(outcome.devices[0].detail.contains("above zero"), "{}", outcome.devices[0].detail);
}

#[test]
fn a_side_with_two_blocks_in_one_round_is_in_doubt() {
    let mut report = session([Some(10 * MS), Some(10 * MS)]);
    change(&mut report, 0, |baseline| baseline.blocks[1].round = 0);
    let outcome = judged(&[report], &GateRules::default());
    assert!(outcome.summary.contains("two blocks in round 0"), "{}", outcome.summary);
}

#[test]
fn rules_out_of_range_judge_nothing() {
    let rules = GateRules { alpha: 0.9, ..GateRules::default() };
    let outcome = judged(&[session([Some(10 * MS), Some(13 * MS)])], &rules);
    assert_eq!(outcome.verdict, Verdict::Inconclusive);
    assert!(outcome.summary.contains("alpha 0.9"), "{}", outcome.summary);
}

#[test]
fn few_pairs_say_how_long_a_session_would_have_to_be() {
    let outcome = judged(&[longer(session([Some(10 * MS), Some(10 * MS)]), 4)], &GateRules::default());
    assert_eq!(outcome.verdict, Verdict::Inconclusive);
    // Five more pairs, a second each.
    assert_eq!(outcome.more_time, Some(Nanos(5_000_000_000)), "{outcome:?}");
    assert!(outcome.summary.ends_with("about 0.1 device-minutes more would probably tell"), "{}", outcome.summary);
}

#[test]
fn a_trend_before_the_first_round_is_no_doubt_where_each_round_has_fresh_runners_in_random_order() {
    let mut report = longer(session([Some(10 * MS), Some(10 * MS)]), 14);
    change(&mut report, 0, |run| run.warmup.steady = false);
    assert_eq!(judged(&[report.clone()], &GateRules::default()).verdict, Verdict::Inconclusive);
    report.spec.plan.fresh_runners = true;
    assert_eq!(judged(&[report.clone()], &GateRules::default()).verdict, Verdict::Inconclusive, "the order is not random");
    report.spec.plan.order = BlockOrder::Shuffled { seed: 1 };
    assert_eq!(judged(&[report], &GateRules::default()).verdict, Verdict::NotSlower);
}

#[test]
fn metrics_are_judged_by_their_own_rounds_and_exact_ones_at_once() {
    let mut report = longer(session([Some(10 * MS), Some(10 * MS)]), 14);
    for (place, load) in [(0, 40 * MS), (1, 60 * MS)] {
        change(&mut report, place, |run| {
            run.fresh_runners = (0..14).map(|round| FreshRunner { load: Nanos(load), ..fresh_runner(round) }).collect();
        });
    }
    let latency = (Metric::Latency, None);
    let verdict = |metrics: &[(Metric, Option<f64>)]| device(&report, metrics, Vec::new()).verdict;
    assert_eq!(verdict(&[latency, (Metric::LatencyP90, None), (Metric::FirstInference, None)]), Verdict::NotSlower);
    assert_eq!(verdict(&[latency, (Metric::Load, None)]), Verdict::Slower);
    assert_eq!(verdict(&[latency, (Metric::Load, Some(0.6))]), Verdict::NotSlower);
    let part = device(&report, &[latency, (Metric::Load, None)], Vec::new());
    assert_eq!(part.detail, "load: slower by more than the 2 % that are accepted");
    let load = &part.comparisons[1];
    assert!((load.change.unwrap().value - 0.5).abs() < 1e-6 && load.baseline == Some(40e6), "{load:?}");

    assert_eq!(verdict(&[latency, (Metric::Frame, None)]), Verdict::Inconclusive, "no frames were measured");
    assert_eq!(verdict(&[latency, (Metric::ModelSize, None)]), Verdict::NotSlower);
}

/// Two processes of one model differ by some per cent in what they hold at most, so that one figure of each side says nothing.
#[test]
fn memory_is_judged_by_all_runners_of_a_gate() {
    let judged = |size: fn(u32) -> u64| {
        let mut report = longer(session([Some(10 * MS), Some(10 * MS)]), 14);
        for place in 0..2 {
            change(&mut report, place, |run| {
                let held = |round: u32| {
                    let bytes = if place == 0 { 60_000_000 } else { size(round) };
                    MemoryFigures { peak_rss: Some(Bytes(bytes)), pss: None, ..run.memory }
                };
                run.fresh_runners =
                    (0..14).map(|round| FreshRunner { memory: Some(held(round)), ..fresh_runner(round) }).collect();
            });
        }
        device(&report, &[(Metric::Latency, None), (Metric::PeakRss, Some(0.03)), (Metric::ModelSize, None)], Vec::new())
    };
    let scattered = judged(|round| [56_000_000, 63_000_000, 60_100_000, 59_900_000][round as usize % 4]);
    assert!(scattered.verdict != Verdict::Slower, "the last of them held 5 % more: {}", scattered.detail);
    let larger = judged(|round| 66_000_000 + 100_000 * u64::from(round % 3));
    assert_eq!(larger.verdict, Verdict::Slower);
    assert!(larger.detail.contains("peak_rss: larger by more than the 3 %"), "{}", larger.detail);
    assert_eq!(judged(|round| 60_500_000 + 100_000 * u64::from(round % 3)).verdict, Verdict::NotSlower);
    let report = longer(session([Some(10 * MS), Some(10 * MS)]), 14);
    let unknown = device(&report, &[(Metric::Pss, None)], Vec::new());
    assert!(unknown.detail.contains("pss has no figure"), "{}", unknown.detail);
}

fn fresh_runner(round: u32) -> FreshRunner {
    FreshRunner { round, load: Nanos(40 * MS), first_inference: Nanos(20 * MS), frames: Vec::new(), memory: None }
}

#[test]
fn a_candidate_over_budget_is_rejected_although_it_is_no_slower() {
    let report = longer(session([Some(10 * MS), Some(10 * MS)]), 30);
    let with =
        |budgets: &[(&str, &str)]| device(&report, &[], budgets.iter().map(|(metric, limit)| budget(metric, limit)).collect());
    assert_eq!(with(&[("latency", "11 ms"), ("latency_p90", "12 ms"), ("peak_rss", "70 MB")]).verdict, Verdict::NotSlower);
    let over = with(&[("latency", "9 ms"), ("peak_rss", "70 MB")]);
    assert_eq!(over.verdict, Verdict::OverBudget);
    assert!(over.detail.contains("over the budget of 9 ms (the preview; camera)"), "{}", over.detail);
    assert_eq!(with(&[("peak_rss", "50 MB")]).verdict, Verdict::OverBudget);
    assert_eq!(with(&[("fidelity", "20 dB")]).verdict, Verdict::Inconclusive, "the manifest has none");
    assert_eq!(with(&[("latency", "10.0235 ms")]).verdict, Verdict::Inconclusive, "too close to tell");
    let other_model = Budget { model: "camera-*".into(), ..budget("latency", "1 ms") };
    assert_eq!(device(&report, &[], vec![other_model]).verdict, Verdict::NotSlower);
    let other_class = Budget { devices: "soc=other".into(), ..budget("latency", "1 ms") };
    assert_eq!(device(&report, &[], vec![other_class]).verdict, Verdict::NotSlower, "nobody found it to be about this device");
}

#[test]
fn metrics_that_cannot_decide_are_refused_by_name() {
    let asked = |metrics: &[(Metric, Option<f64>)]| {
        let metrics = metrics.iter().map(|&(metric, tolerance)| MetricRule { metric, tolerance }).collect();
        check_metrics(&NewGate { metrics, ..request(GateRules::default()) })
    };
    assert_eq!(asked(&[(Metric::Latency, None), (Metric::Load, Some(0.1))]), Ok(()));
    assert!(asked(&[(Metric::FrameRate, None)]).unwrap_err().contains("frame_rate cannot decide a gate, these can: latency"));
    assert!(asked(&[(Metric::Load, None), (Metric::Load, None)]).unwrap_err().contains("load is there twice"));
    assert!(asked(&[(Metric::Load, Some(-1.0))]).unwrap_err().contains("load: tolerance -1"));
}

#[test]
fn figures_of_a_run_are_its_samples_and_nothing_made_up() {
    let measured = measurement(10 * MS, 0);
    let figures = metrics(&measured, Bytes(5_000_000)).unwrap();
    let names: Vec<Metric> = figures.iter().map(|(metric, _)| *metric).collect();
    let measured_ones = [
        Metric::Latency,
        Metric::LatencyP90,
        Metric::LatencyP99,
        Metric::FirstInference,
        Metric::Load,
        Metric::PeakRss,
        Metric::ModelSize,
    ];
    assert_eq!(names, measured_ones);
    for (metric, estimate) in &figures {
        assert!(estimate.low <= estimate.value && estimate.value <= estimate.high, "{metric:?} {estimate:?}");
    }
    let mut samples: Vec<u64> = measured.blocks.iter().flat_map(|block| &block.samples).map(|sample| sample.0).collect();
    samples.sort_unstable();
    let p99 = figures.iter().find(|(metric, _)| *metric == Metric::LatencyP99).unwrap().1;
    assert!(p99.value <= samples[samples.len() - 1] as f64 && p99.value >= samples[samples.len() / 2] as f64);
    let mut empty = measured;
    empty.blocks.clear();
    assert!(metrics(&empty, Bytes(1)).is_err());
}
