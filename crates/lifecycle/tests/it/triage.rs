//! Alerts and suspicions: the cases that a reader looks for, and what no history can break.

use benchrack_lifecycle::alert::{self, AlertEvent, AlertState};
use benchrack_lifecycle::suspicion::{self, ATTEMPTS, SuspicionEvent, SuspicionState};
use benchrack_protocol::api::Verdict;
use benchrack_protocol::ids::GateId;
use proptest::prelude::*;
use time::macros::datetime;
use time::{Duration, OffsetDateTime};

const NOW: OffsetDateTime = datetime!(2026-11-25 12:00 UTC);
const FIRST: GateId = GateId(1);
const SECOND: GateId = GateId(2);

fn answered(gate: GateId, verdict: Verdict, suspects: usize) -> SuspicionEvent {
    SuspicionEvent::Answered { gate, verdict, suspects }
}

#[test]
fn only_a_gate_that_says_slower_confirms() {
    let confirming = suspicion::apply(&SuspicionState::Raised { attempts: 0 }, &SuspicionEvent::Opened { gate: FIRST }).unwrap();
    let after = |verdict| suspicion::apply(&confirming, &answered(FIRST, verdict, 1)).unwrap();
    assert_eq!(after(Verdict::Slower), SuspicionState::Confirmed { by: FIRST });
    assert_eq!(after(Verdict::NotSlower), SuspicionState::Cleared { by: FIRST });
    assert_eq!(after(Verdict::Inconclusive), SuspicionState::Raised { attempts: 1 }, "it is asked again");
    let last = SuspicionState::Confirming { gate: FIRST, attempts: ATTEMPTS - 1 };
    let reason = "3 gates are inconclusive, the last is 1".to_owned();
    let open = suspicion::apply(&last, &answered(FIRST, Verdict::Inconclusive, 1)).unwrap();
    assert_eq!(open, SuspicionState::Undecided { reason });
    assert!(suspicion::apply(&confirming, &answered(SECOND, Verdict::Slower, 1)).is_err(), "another gate's verdict");
}

#[test]
fn a_search_ends_confirmed_whatever_its_gates_say() {
    let confirming = SuspicionState::Confirming { gate: FIRST, attempts: 0 };
    let searching = suspicion::apply(&confirming, &answered(FIRST, Verdict::Slower, 4)).unwrap();
    assert_eq!(searching, SuspicionState::Searching { confirmed_by: FIRST, gate: None });
    let asked = suspicion::apply(&searching, &SuspicionEvent::Opened { gate: SECOND }).unwrap();
    assert!(suspicion::apply(&asked, &SuspicionEvent::Opened { gate: GateId(3) }).is_err(), "one gate at a time");
    assert_eq!(suspicion::apply(&asked, &answered(SECOND, Verdict::Inconclusive, 4)).unwrap(), searching);
    for event in
        [answered(SECOND, Verdict::NotSlower, 1), SuspicionEvent::Ended, SuspicionEvent::Failed { reason: "gone".into() }]
    {
        assert_eq!(suspicion::apply(&asked, &event).unwrap(), SuspicionState::Confirmed { by: FIRST }, "{event}");
    }
}

#[test]
fn what_is_ignored_until_a_day_is_new_on_that_day() {
    let until = NOW + Duration::days(7);
    let ignored = AlertState::Ignored { owner: None, reason: "noisy bench".into(), until: Some(until) };
    let set = alert::apply(&AlertState::New, &AlertEvent::Triage(ignored.clone()), NOW).unwrap();
    assert_eq!(alert::apply(&set, &AlertEvent::Tick, until - Duration::seconds(1)).unwrap(), ignored);
    assert_eq!(alert::apply(&set, &AlertEvent::Tick, until).unwrap(), AlertState::New);
    let past = AlertState::Ignored { owner: None, reason: "late".into(), until: Some(NOW) };
    let refused = alert::apply(&AlertState::New, &AlertEvent::Triage(past), NOW).unwrap_err();
    assert_eq!(refused.to_string(), "setting it to ignored is not possible: the alert is new");
}

#[test]
fn what_was_fixed_comes_back_and_what_is_expected_does_not() {
    let fixed = AlertState::Fixed { owner: Some("ada".into()) };
    assert_eq!(alert::apply(&fixed, &AlertEvent::FoundAgain, NOW).unwrap(), AlertState::New);
    let expected = AlertState::Expected { owner: None, reason: "larger input".into() };
    assert_eq!(alert::apply(&expected, &AlertEvent::FoundAgain, NOW).unwrap(), expected);
    assert!(alert::apply(&fixed, &AlertEvent::Triage(fixed.clone()), NOW).is_err(), "nothing would change");
}

fn events() -> impl Strategy<Value = SuspicionEvent> {
    let verdict = prop_oneof![Just(Verdict::Slower), Just(Verdict::NotSlower), Just(Verdict::Inconclusive)];
    prop_oneof![
        (1i64..4).prop_map(|gate| SuspicionEvent::Opened { gate: GateId(gate) }),
        (1i64..4, verdict, 1usize..4).prop_map(|(gate, verdict, suspects)| answered(GateId(gate), verdict, suspects)),
        Just(SuspicionEvent::Ended),
        Just(SuspicionEvent::Failed { reason: "gone".into() }),
    ]
}

proptest! {
    #[test]
    fn no_history_confirms_without_a_gate_that_said_slower(events in prop::collection::vec(events(), 0..30)) {
        let mut state = SuspicionState::Raised { attempts: 0 };
        let mut slower = false;
        for event in &events {
            let Ok(next) = suspicion::apply(&state, event) else { continue };
            prop_assert!(!state.is_final(), "{state} changed by {event}");
            if matches!((&state, event), (SuspicionState::Confirming { .. }, SuspicionEvent::Answered { verdict: Verdict::Slower, .. })) {
                slower = true;
            }
            state = next;
            let needs_a_gate = matches!(state, SuspicionState::Confirmed { .. } | SuspicionState::Searching { .. });
            prop_assert!(slower || !needs_a_gate);
        }
    }
}
