//! Each reason for doubt, provoked alone on evidence that is otherwise clean.

use benchrack_protocol::evidence::{KnobOutcome, StateTime};
use benchrack_protocol::reading::Reading;
use benchrack_protocol::report::{Measurement, OutputCheck};
use benchrack_protocol::session::{Cores, Frequency, OperatingPoint};
use benchrack_protocol::tensor::{Tolerance, compare};
use benchrack_protocol::units::{Kilohertz, Nanos};
use benchrack_protocol::validity::{EvidenceTier, Reason, Validity, assess, tier};

use crate::samples;

const PINNED: OperatingPoint = OperatingPoint { cores: Cores::All, frequency: Frequency::Max };

type Spoil = fn(&mut benchrack_protocol::evidence::SessionEvidence, &mut Measurement);

fn reasons(spoil: Spoil) -> (&'static str, Vec<Reason>) {
    let (mut session, mut run) = (samples::evidence(), samples::measurement());
    spoil(&mut session, &mut run);
    let validity = assess(&PINNED, &session, &run);
    (validity.word(), validity.reasons().iter().map(|doubt| doubt.reason).collect())
}

#[test]
fn clean_evidence_is_valid_and_gold() {
    assert_eq!(assess(&PINNED, &samples::evidence(), &samples::measurement()), Validity::Valid);
    assert_eq!(tier(&PINNED, &samples::evidence()), EvidenceTier::Gold);
    assert_eq!(tier(&OperatingPoint::default(), &samples::evidence()), EvidenceTier::Silver);
}

#[test]
fn each_spoilt_piece_of_evidence_is_named() {
    let cases: [(Reason, &str, Spoil); 12] = [
        (Reason::PinRefused, "invalid", |session, _| session.knobs[0].outcome = KnobOutcome::Overridden),
        (Reason::PinRefused, "invalid", |session, _| session.knobs.clear()),
        (Reason::FrequencyMoved, "invalid", |session, _| session.residency[0].transitions = Reading::of(3)),
        (Reason::FrequencyMoved, "invalid", |session, _| {
            let half = |frequency| StateTime { frequency: Kilohertz(frequency), ticks: 10 };
            session.residency[0].time_in_state = Reading::of(vec![half(1), half(2)]);
        }),
        (Reason::Throttled, "invalid", |session, _| session.watch[1] = samples::watch(1_800_000)),
        (Reason::Misplaced, "invalid", |_, run| run.threads[0].last_cpu = Reading::of(0)),
        (Reason::Misplaced, "invalid", |_, run| run.threads[0].allowed = Reading::of("0-7".parse().unwrap())),
        (Reason::Suspended, "invalid", |_, run| run.blocks[0].suspended = Nanos(1)),
        (Reason::OutputsDiffer, "invalid", |_, run| {
            let wrong = compare(&[1.0, 2.0], &[0.5, -0.25], Tolerance::FP32);
            run.outputs = OutputCheck::Compared { outputs: vec![("logits".into(), wrong)] };
        }),
        (Reason::Interference, "degraded", |_, run| run.blocks[0].waiting_share = Reading::of(0.3)),
        (Reason::Unsteady, "degraded", |_, run| run.warmup.steady = false),
        (Reason::NotSettled, "degraded", |session, _| session.settle.timed_out = true),
    ];
    for (reason, word, spoil) in cases {
        assert_eq!(reasons(spoil), (word, vec![reason]));
    }
    assert_eq!(reasons(|_, run| run.blocks.truncate(1)), ("degraded", vec![Reason::TooFewSamples]));
    assert_eq!(reasons(|session, _| session.steal_share = Reading::of(0.2)), ("degraded", vec![Reason::Interference]));
    assert_eq!(
        reasons(|_, run| run.outputs = OutputCheck::Failed { detail: "gone".into() }),
        ("invalid", vec![Reason::OutputsUnread])
    );
}

#[test]
fn a_device_without_residency_is_bronze_and_never_gold() {
    let mut session = samples::evidence();
    session.residency.clear();
    assert_eq!(tier(&PINNED, &session), EvidenceTier::Bronze);
    let mut session = samples::evidence();
    session.cpus.insert(0);
    assert_eq!(tier(&PINNED, &session), EvidenceTier::Bronze, "a CPU whose clock nobody watched");
}

#[test]
fn an_invalid_run_keeps_its_lesser_doubts() {
    let (word, reasons) = reasons(|_, run| {
        run.blocks[0].suspended = Nanos(1);
        run.warmup.steady = false;
    });
    assert_eq!((word, reasons), ("invalid", vec![Reason::Suspended, Reason::Unsteady]));
}

/// The reasons of a plan's run after this was done to its evidence.
fn of_plan(plan: &str, spoil: Spoil) -> (&'static str, Vec<Reason>) {
    let point = OperatingPoint { cores: Cores::All, frequency: plan.parse().unwrap() };
    let (mut session, mut run) = (samples::evidence(), samples::measurement());
    spoil(&mut session, &mut run);
    let validity = assess(&point, &session, &run);
    (validity.word(), validity.reasons().iter().map(|doubt| doubt.reason).collect())
}

#[test]
fn a_clock_that_stands_still_elsewhere_is_not_the_one_that_was_asked_for() {
    let moved = ("invalid", vec![Reason::FrequencyMoved]);
    assert_eq!(reasons(|session, _| session.targets[0].target = Kilohertz(1_300_000)).1[0], Reason::FrequencyMoved);
    let unseen: Spoil = |session, _| {
        session.residency.clear();
        session.watch[1].clocks[0].frequency = Reading::of(Kilohertz(1_100_000));
    };
    assert_eq!(reasons(unseen), moved, "where nothing counts, a look is the proof");
    let rounded: Spoil = |session, _| {
        session.residency.clear();
        session.watch[1].clocks[0].frequency = Reading::of(Kilohertz(1_199_000));
    };
    assert_eq!(reasons(rounded), ("valid", vec![]));
    let mut session = samples::evidence();
    session.targets[0].target = Kilohertz(1_300_000);
    assert_eq!(tier(&PINNED, &session), EvidenceTier::Bronze);
}

#[test]
fn a_cpu_that_is_slower_than_its_clock_taken_away_or_cooled_is_seen() {
    let slow: Spoil = |session, _| {
        let measured = &mut session.true_frequencies[0];
        (measured.frequency, measured.counted) = (Reading::of(Kilohertz(1_000_000)), Some(Reading::of(Kilohertz(1_001_000))));
    };
    assert_eq!(reasons(slow), ("degraded", vec![Reason::ClockDiffers]));
    let once: Spoil = |session, _| {
        let mut interrupted = session.true_frequencies[0].clone();
        interrupted.frequency = Reading::of(Kilohertz(700_000));
        session.true_frequencies.push(interrupted);
    };
    assert_eq!(reasons(once), ("valid", vec![]), "the best measurement counts");
    assert_eq!(
        reasons(|session, _| session.watch[1].online = Some("0-6".parse().unwrap())),
        ("invalid", vec![Reason::Unplugged])
    );
    assert_eq!(reasons(|session, _| session.watch[1].cooling[0].1 = 2), ("invalid", vec![Reason::Throttled]));
    let other: Spoil = |session, _| session.watch[1].cooling = vec![("modem".into(), 3)];
    assert_eq!(reasons(other), ("valid", vec![]));
}

#[test]
fn helpful_knobs_decide_nothing_and_cannot_stand_for_the_clock() {
    assert_eq!(reasons(|session, _| session.knobs[1].outcome = KnobOutcome::Overridden), ("valid", vec![]));
    assert_eq!(reasons(|session, _| session.knobs.truncate(0)), ("invalid", vec![Reason::PinRefused]));
    assert_eq!(reasons(|session, _| drop(session.knobs.remove(0))), ("invalid", vec![Reason::PinRefused]));
    let mut session = samples::evidence();
    session.knobs.remove(0);
    assert_eq!(tier(&PINNED, &session), EvidenceTier::Silver);
}

#[test]
fn a_plan_for_one_cluster_asks_nothing_of_the_others() {
    let little_moves: Spoil = |session, _| {
        let mut little = session.residency[0].clone();
        little.policy = "cpufreq/policy0".into();
        little.transitions = Reading::of(9);
        session.residency.push(little);
    };
    assert_eq!(of_plan("big=60%", little_moves), ("valid", vec![]));
    let big_moves: Spoil = |session, _| session.residency[0].transitions = Reading::of(9);
    assert_eq!(of_plan("big=60%", big_moves), ("invalid", vec![Reason::FrequencyMoved]));
}

#[test]
fn fixed_performance_mode_needs_no_read_back_but_a_still_clock() {
    let accepted: Spoil = |session, _| {
        session.targets.clear();
        session.knobs[0].outcome = KnobOutcome::Unverified;
        session.watch = vec![samples::watch(2_400_000)];
    };
    assert_eq!(of_plan("fixed-performance", accepted), ("valid", vec![]));
    assert_eq!(of_plan("max", accepted), ("invalid", vec![Reason::PinRefused]));
    let moves: Spoil = |session, _| {
        session.targets.clear();
        session.knobs[0].outcome = KnobOutcome::Unverified;
        session.residency[0].transitions = Reading::of(1);
    };
    assert_eq!(of_plan("fixed-performance", moves), ("invalid", vec![Reason::FrequencyMoved]));
    let mut session = samples::evidence();
    session.knobs[0].outcome = KnobOutcome::Unverified;
    let point = OperatingPoint { cores: Cores::All, frequency: Frequency::FixedPerformance };
    assert_eq!(tier(&point, &session), EvidenceTier::Silver);
}

#[test]
fn an_unpinned_clock_that_is_capped_from_the_start_is_degraded() {
    let capped: Spoil = |session, _| session.watch = vec![samples::watch(1_363_200)];
    assert_eq!(of_plan("unpinned", capped), ("degraded", vec![Reason::Capped]));
    assert_eq!(of_plan("unpinned", |_, _| {}), ("valid", vec![]));
}
