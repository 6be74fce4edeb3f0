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
