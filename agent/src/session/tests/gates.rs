//! Sessions of gates: fresh runners in each round, and an end as soon as it is sure.

use benchrack_protocol::api::Metric;
use benchrack_protocol::report::{Block, FreshRunner};
use benchrack_protocol::session::StopRule;

use super::*;

/// Latencies in the order in which runners are started when the order of subjects alternates: both at first, then both in each
/// round.
fn started(rounds: usize, [baseline, candidate]: [Latency; 2]) -> Vec<Latency> {
    let mut latencies = vec![baseline, candidate];
    for round in 0..rounds {
        latencies.extend(if round % 2 == 0 { [baseline, candidate] } else { [candidate, baseline] });
    }
    latencies
}

fn gate(rounds: u32, seconds: u64) -> SessionSpec {
    let mut spec = spec(&["baseline", "candidate"]);
    spec.plan.blocks = rounds;
    spec.plan.fresh_runners = true;
    spec.plan.stop = Some(StopRule {
        metrics: vec![(Metric::Latency, 0.02), (Metric::Load, 0.02)],
        alpha: 0.01,
        comparisons: 2,
        max_time: Nanos(seconds * 1_000 * MS),
        min_rounds: 0,
    });
    spec
}

fn rounds(report: &SessionReport) -> Vec<usize> {
    report.runs.iter().map(|run| measured(run).blocks.len()).collect()
}

#[tokio::test(start_paused = true)]
async fn each_round_has_runners_of_its_own_and_says_how_they_started() {
    let mut spec = gate(4, 60);
    spec.plan.stop = None;
    let latencies = started(4, [|_| Ok(Nanos(10 * MS)), |_| Ok(Nanos(30 * MS))]);
    let (report, _) = run(&phone(), spec, &latencies).await;
    for (run, latency) in report.runs.iter().zip([10 * MS, 30 * MS]) {
        let run = measured(run);
        let seen: Vec<(u32, Nanos, Nanos)> =
            run.fresh_runners.iter().map(|runner| (runner.round, runner.load, runner.first_inference)).collect();
        let expected: Vec<(u32, Nanos, Nanos)> = (0..4).map(|round| (round, Nanos(50 * MS), Nanos(latency))).collect();
        assert_eq!(seen, expected);
        // One inference at first, some to warm up, and those of the block: a byte for each.
        let held = |runner: &FreshRunner| runner.memory.and_then(|memory| memory.peak_rss).map_or(0, |bytes| bytes.0);
        let warm_up = |(runner, block): (&FreshRunner, &Block)| held(runner) - 1 - block.samples.len() as u64;
        let warm_ups: Vec<u64> = run.fresh_runners.iter().zip(&run.blocks).map(warm_up).collect();
        assert!(warm_ups[0] > 0 && warm_ups.iter().all(|&count| count == warm_ups[0]), "{warm_ups:?}");
        assert!(run.blocks.iter().all(|block| block.samples.iter().all(|sample| sample.0 == latency)), "runners were mixed up");
    }
}

#[tokio::test(start_paused = true)]
async fn subjects_take_an_odd_number_of_turns_and_each_goes_first_in_turn() {
    let mut spec = gate(2, 60);
    (spec.plan.stop, spec.plan.turns, spec.plan.block_time) = (None, 7, Nanos(60 * MS));
    // The nanoseconds beyond whole milliseconds tell when an inference began, in milliseconds.
    let latencies = started(2, [|now| Ok(Nanos(2 * MS + now.0 / MS)), |now| Ok(Nanos(15 * MS + now.0 / MS))]);
    let (report, _) = run(&phone(), spec, &latencies).await;
    let [quick, slow] = [measured(&report.runs[0]), measured(&report.runs[1])];
    let turns = |run: &Measurement, round: usize| run.blocks[round].turns.iter().map(|turn| turn.samples).collect::<Vec<_>>();
    // 30 and 4 inferences: with the slow one there are no more than three turns of an odd number.
    assert_eq!((turns(quick, 0), turns(slow, 0)), (vec![10, 10, 10], vec![2, 1, 1]));
    for round in 0..2 {
        let begun = |run: &Measurement| {
            let first = |piece: &&[Nanos]| piece[0].0 % MS;
            run.blocks[round].pieces().iter().map(first).collect::<Vec<u64>>()
        };
        let mut order: Vec<(u64, &str)> = begun(quick).into_iter().map(|at| (at, "quick")).collect();
        order.extend(begun(slow).into_iter().map(|at| (at, "slow")));
        order.sort_unstable();
        let order: Vec<&str> = order.into_iter().map(|(_, who)| who).collect();
        let mut expected = ["quick", "slow", "slow", "quick", "quick", "slow"];
        if round == 1 {
            expected.reverse();
        }
        assert_eq!(order, expected, "round {round}");
    }
}

/// A phone whose runners were last seen on CPU 5, of the big cluster 4-7.
fn on_cpu_five() -> Arc<Captured> {
    let files = phone();
    let fields: Vec<String> = (3..=52).map(|field| if field == 39 { "5".into() } else { field.to_string() }).collect();
    files.set("proc/7/task/7/stat", &format!("7 (runner) {}\n", fields.join(" ")));
    files
}

/// CPUs of the runners of each round, after those that are loaded at first.
async fn births(setup: &Setup, spec: SessionSpec) -> Vec<String> {
    let latencies = started(spec.plan.blocks as usize, [|_| Ok(Nanos(2 * MS)), |_| Ok(Nanos(3 * MS))]);
    setup.run(spec, &latencies, &|_| {}).await;
    setup.births.lock().unwrap().iter().skip(2).map(ToString::to_string).collect()
}

#[tokio::test(start_paused = true)]
async fn both_sides_of_a_gate_share_the_core_on_which_the_system_put_the_first() {
    for (turns, threads, expected) in [(7, 1, "5"), (1, 1, "0-7"), (7, 2, "0-7")] {
        let mut spec = gate(2, 60);
        (spec.plan.stop, spec.plan.turns) = (None, turns);
        spec.subjects.iter_mut().for_each(|subject| subject.threads = threads);
        let setup = Setup::of(&on_cpu_five(), &spec);
        assert_eq!(births(&setup, spec).await, [expected; 4], "{turns} turns, {threads} threads");
    }
}

#[tokio::test(start_paused = true)]
async fn a_core_that_others_use_is_left_for_the_next_of_its_kind() {
    let mut spec = gate(4, 60);
    (spec.plan.stop, spec.plan.turns) = (None, 7);
    let files = on_cpu_five();
    let setup = Setup { crowded: Some(Arc::clone(&files)), ..Setup::of(&files, &spec) };
    assert_eq!(births(&setup, spec).await, ["5", "5", "6", "6", "7", "7", "4", "4"]);
}

#[tokio::test(start_paused = true)]
async fn a_session_ends_when_the_candidate_is_surely_slower() {
    let latencies = started(100, [|_| Ok(Nanos(10 * MS)), |_| Ok(Nanos(12 * MS))]);
    let (report, _) = run(&phone(), gate(100, 60), &latencies).await;
    let rounds = rounds(&report);
    assert!(rounds[0] == rounds[1] && (9..=12).contains(&rounds[0]), "{rounds:?}");
}

#[tokio::test(start_paused = true)]
async fn a_session_ends_when_every_metric_is_surely_within_the_tolerance() {
    let latencies = started(100, [|_| Ok(Nanos(10 * MS)), |_| Ok(Nanos(10 * MS))]);
    let (report, _) = run(&phone(), gate(100, 60), &latencies).await;
    assert_eq!(rounds(&report), [9, 9]);
}

#[tokio::test(start_paused = true)]
async fn time_that_is_over_ends_a_session_but_never_before_its_first_round() {
    // Exactly at the tolerance: no number of rounds would tell.
    let undecided = || started(100, [|_| Ok(Nanos(10 * MS)), |_| Ok(Nanos(10_200_000))]);
    let (report, _) = run(&phone(), gate(100, 0), &undecided()).await;
    assert_eq!(rounds(&report), [1, 1]);
    let (report, _) = run(&phone(), gate(100, 10), &undecided()).await;
    assert!(rounds(&report)[0] > 1 && report.duration < Nanos(11_000 * MS), "{:?} {:?}", rounds(&report), report.duration);
}

#[tokio::test(start_paused = true)]
async fn a_fresh_runner_that_dies_ends_its_subject_with_the_reason() {
    let mut latencies = started(100, [|_| Ok(Nanos(10 * MS)), |_| Ok(Nanos(10 * MS))]);
    // The candidate's in the second round.
    latencies[4] = |_| Err(Failure { reason: FailureReason::RunnerDied, detail: "gone".into() });
    let (report, _) = run(&phone(), gate(100, 60), &latencies).await;
    assert_eq!(measured(&report.runs[0]).blocks.len(), 2, "the round is finished for the other side");
    let RunReport::Failed(failure) = &report.runs[1] else { panic!("{:?}", report.runs[1]) };
    assert_eq!(failure.reason, FailureReason::RunnerDied);
}

#[tokio::test(start_paused = true)]
async fn a_rule_out_of_range_is_refused() {
    let mut spec = gate(4, 60);
    if let Some(stop) = &mut spec.plan.stop {
        stop.alpha = 2.0;
    }
    let (report, _) = run(&phone(), spec, &started(4, [|_| Ok(Nanos(MS)), |_| Ok(Nanos(MS))])).await;
    let RunReport::Failed(failure) = &report.runs[0] else { panic!("{:?}", report.runs[0]) };
    assert!(failure.detail.starts_with("plan.stop: alpha 2"), "{failure:?}");
}
