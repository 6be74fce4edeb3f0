//! The judgement that a person without a server gets as well.

use benchrack_protocol::api::{GateRules, Metric, Verdict};
use benchrack_protocol::evidence::Hindrance;
use benchrack_protocol::model::Precision;
use benchrack_protocol::reading::Reading;
use benchrack_protocol::report::{Measurement, OutputCheck, RunReport, SessionReport};
use benchrack_protocol::session::{MeasurePlan, OperatingPoint, SessionSpec, Subject};
use benchrack_protocol::tensor::Comparison;
use benchrack_protocol::units::{Bytes, Nanos};
use benchrack_server::judge::{judge_gate, metrics};

use crate::sample::{gate_subject, measurement, report};

const MS: u64 = 1_000_000;

fn session(latencies: [Option<u64>; 2]) -> SessionReport {
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

fn change(report: &mut SessionReport, place: usize, change: impl Fn(&mut Measurement)) {
    match &mut report.runs[place] {
        RunReport::Measured(measurement) => change(measurement),
        RunReport::Failed(_) => panic!("measured"),
    }
}

fn judged(reports: &[SessionReport], rules: &GateRules) -> benchrack_protocol::api::GateOutcome {
    let devices: Vec<_> = reports.iter().enumerate().map(|(nth, report)| (format!("phone-{nth}"), None, report)).collect();
    judge_gate(&devices, rules)
}

#[test]
fn one_slower_device_rejects_and_the_worst_is_named() {
    let reports = [session([Some(10 * MS), Some(10 * MS)]), session([Some(10 * MS), Some(13 * MS)])];
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
    assert_eq!(outcome.verdict, Verdict::Inconclusive);
    assert!(outcome.summary.contains("outputs differ, output probabilities"), "{}", outcome.summary);
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
    let mut noisy = session([Some(10 * MS), Some(10 * MS)]);
    for place in [0, 1] {
        change(&mut noisy, place, |run| run.blocks.iter_mut().for_each(|block| block.waiting_share = Reading::of(0.0)));
    }
    let evidence = noisy.evidence.as_mut().unwrap();
    (evidence.settle.timed_out, evidence.settle.hindrance) = (true, Some(Hindrance::Competition));
    disturb(&mut noisy, 1, 0..2);
    disturb(&mut noisy, 0, 1..3);
    let device = judged(&[noisy.clone()], &GateRules::default()).devices.remove(0);
    assert_eq!((device.verdict, device.pairs), (Verdict::NotSlower, 7), "{device:?}");
    assert!(device.detail.ends_with("3 of 10 rounds were disturbed by others and left out"), "{}", device.detail);

    // Heat is a doubt that no block answers.
    noisy.evidence.as_mut().unwrap().settle.hindrance = Some(Hindrance::Heat);
    let device = judged(&[noisy.clone()], &GateRules::default()).devices.remove(0);
    assert!(device.verdict == Verdict::Inconclusive && device.detail.contains("not settled"), "{device:?}");

    disturb(&mut noisy, 0, 0..10);
    let device = judged(&[noisy], &GateRules::default()).devices.remove(0);
    assert!(device.detail.contains("in all of its 10 rounds"), "{device:?}");
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
    let outcome = judged(&[broken, session([Some(10 * MS), Some(13 * MS)])], &GateRules::default());
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
