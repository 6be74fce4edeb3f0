//! The cases that a reader looks for.

use benchrack_lifecycle::Refusal;
use benchrack_lifecycle::device::{self, Device, DeviceEvent, DevicePolicy, DeviceState, SessionEnd};
use benchrack_lifecycle::job::{self, JobEvent, JobPolicy, JobState, JobStep};
use benchrack_protocol::ids::{DeviceId, LeaseId};
use benchrack_protocol::report::Failure;
use benchrack_protocol::runner::FailureReason;
use time::macros::datetime;
use time::{Duration, OffsetDateTime};

const NOW: OffsetDateTime = datetime!(2026-11-23 12:00 UTC);
const FIRST: LeaseId = LeaseId(1);
const SECOND: LeaseId = LeaseId(2);

fn to(state: &JobState, event: JobEvent, now: OffsetDateTime) -> JobState {
    match job::apply(state, &event, now, &JobPolicy::default()).unwrap() {
        JobStep::To(state) => state,
        JobStep::Duplicate => panic!("{event:?} is a duplicate"),
    }
}

fn claimed(lease: LeaseId) -> JobState {
    to(&JobState::queued(NOW), JobEvent::Claim { lease, device: DeviceId(1) }, NOW)
}

fn refused(state: &JobState, event: JobEvent, now: OffsetDateTime) -> Refusal {
    job::apply(state, &event, now, &JobPolicy::default()).unwrap_err()
}

#[test]
fn expired_lease_cannot_report_even_before_the_sweep() {
    let after = NOW + JobPolicy::default().lease_time;
    assert!(matches!(refused(&claimed(FIRST), JobEvent::Report { lease: FIRST }, after), Refusal::LeaseLost { .. }));
    assert!(matches!(refused(&claimed(FIRST), JobEvent::Heartbeat { lease: FIRST }, after), Refusal::LeaseLost { .. }));
}

#[test]
fn a_heartbeat_prolongs_the_lease_and_never_shortens_it() {
    let late = NOW + Duration::seconds(59);
    let state = to(&claimed(FIRST), JobEvent::Heartbeat { lease: FIRST }, late);
    assert!(matches!(to(&state, JobEvent::Report { lease: FIRST }, late + Duration::seconds(59)), JobState::Done { .. }));
    let JobState::Leased { hold: before, .. } = claimed(FIRST) else { panic!() };
    let clock_set_back = NOW - Duration::hours(1);
    let JobState::Leased { hold, .. } = to(&claimed(FIRST), JobEvent::Heartbeat { lease: FIRST }, clock_set_back) else {
        panic!()
    };
    assert_eq!(hold.expires_at, before.expires_at);
}

#[test]
fn an_announced_silence_keeps_the_lease_until_its_end_and_some_time_to_come_back() {
    let time = Duration::minutes(10);
    let state = to(&claimed(FIRST), JobEvent::Detach { lease: FIRST, time }, NOW);
    let back = NOW + time + Duration::minutes(2);
    refused(&state, JobEvent::Expire, back);
    assert!(matches!(to(&state, JobEvent::Report { lease: FIRST }, back), JobState::Done { .. }));
    assert_eq!(to(&state, JobEvent::Heartbeat { lease: FIRST }, NOW), state, "a heartbeat never shortens it");
    let over = back + JobPolicy::default().lease_time;
    assert!(matches!(to(&state, JobEvent::Expire, over), JobState::Queued { .. }));
}

#[test]
fn a_silence_longer_than_the_policy_allows_is_refused_and_the_lease_stays_as_it_was() {
    let time = JobPolicy::default().longest_detached + Duration::SECOND;
    let refusal = refused(&claimed(FIRST), JobEvent::Detach { lease: FIRST, time }, NOW);
    assert!(matches!(&refusal, Refusal::NotNow { .. }), "{refusal}");
    assert!(refusal.to_string().contains("announcing 3601 s of silence"), "{refusal}");
    assert!(matches!(refused(&claimed(SECOND), JobEvent::Detach { lease: FIRST, time }, NOW), Refusal::LeaseLost { .. }));
}

#[test]
fn a_stale_holder_is_refused_and_the_refusal_names_state_and_event() {
    let refusal = refused(&claimed(SECOND), JobEvent::Report { lease: FIRST }, NOW);
    let text = refusal.to_string();
    let expected = "a report under lease 1 is too late, the lease is not held: \
                    the job is leased under lease 2 to device 1 until 2026-11-23 12:01:00.0 +00:00:00";
    assert_eq!(text, expected);
}

#[test]
fn a_report_sent_twice_is_a_duplicate_not_an_error() {
    let done = to(&claimed(FIRST), JobEvent::Report { lease: FIRST }, NOW);
    let much_later = NOW + Duration::days(3);
    let again = job::apply(&done, &JobEvent::Report { lease: FIRST }, much_later, &JobPolicy::default());
    assert_eq!(again, Ok(JobStep::Duplicate));
    assert!(matches!(refused(&done, JobEvent::Report { lease: SECOND }, NOW), Refusal::LeaseLost { .. }));
}

#[test]
fn a_job_that_came_back_waits_and_fails_after_the_last_attempt() {
    let policy = JobPolicy::default();
    let mut state = JobState::queued(NOW);
    let mut now = NOW;
    for attempt in 1..=policy.max_attempts {
        let lease = LeaseId(i64::from(attempt));
        state = to(&state, JobEvent::Claim { lease, device: DeviceId(1) }, now);
        assert!(matches!(refused(&state, JobEvent::Expire, now), Refusal::NotNow { .. }), "the lease is not over yet");
        now += policy.lease_time;
        state = to(&state, JobEvent::Expire, now);
        if attempt < policy.max_attempts {
            let claim = JobEvent::Claim { lease: LeaseId(99), device: DeviceId(1) };
            assert!(matches!(refused(&state, claim, now), Refusal::NotNow { .. }), "it waits");
            now += policy.retry_delay;
        }
    }
    assert!(matches!(state, JobState::Failed { attempts: 3, .. }), "{state:?}");
}

fn failure(reason: FailureReason) -> Failure {
    Failure { reason, detail: format!("{reason:?}") }
}

#[test]
fn what_can_never_succeed_is_not_tried_again_and_blames_no_device() {
    let impossible = failure(FailureReason::OperatingPointImpossible);
    assert_eq!(SessionEnd::given_back(&impossible), SessionEnd::Cancelled);
    let state = to(&claimed(FIRST), JobEvent::Release { lease: FIRST, failure: impossible }, NOW);
    assert_eq!(state, JobState::Failed { attempts: 1, reason: "OperatingPointImpossible".into() });
}

#[test]
fn a_stopped_agent_gives_the_job_back_without_blame_and_a_dead_runner_with() {
    for (reason, end) in [
        (FailureReason::Stopped, SessionEnd::Cancelled),
        (FailureReason::RunnerDied, SessionEnd::Failed { reason: "RunnerDied".into() }),
    ] {
        let failure = failure(reason);
        assert_eq!(SessionEnd::given_back(&failure), end);
        let state = to(&claimed(FIRST), JobEvent::Release { lease: FIRST, failure }, NOW);
        assert_eq!(state, JobState::Queued { attempts: 1, not_before: NOW + JobPolicy::default().retry_delay });
    }
}

#[test]
fn the_end_of_time_does_not_panic() {
    let end = time::PrimitiveDateTime::MAX.assume_utc();
    let state = JobState::queued(NOW);
    let state = to(&state, JobEvent::Claim { lease: FIRST, device: DeviceId(1) }, end);
    assert!(job::apply(&state, &JobEvent::Expire, end, &JobPolicy::default()).is_ok());
}

#[test]
fn repeated_failures_quarantine_and_one_success_forgives() {
    let policy = DevicePolicy { quarantine_after: 2, ..DevicePolicy::default() };
    let session = |device: &Device, end: SessionEnd| {
        let leased = device::apply(device, &DeviceEvent::Claim { lease: FIRST }, NOW, &policy).unwrap();
        device::apply(&leased, &DeviceEvent::Finish { lease: FIRST, end }, NOW, &policy).unwrap()
    };
    let failed = || SessionEnd::Failed { reason: "runner died".into() };
    let device = session(&session(&session(&Device::new(NOW), failed()), SessionEnd::Reported), failed());
    assert_eq!((device.state.clone(), device.failures), (DeviceState::Idle, 1));
    let device = session(&device, failed());
    let DeviceState::Quarantined { reason, .. } = &device.state else { panic!("{device:?}") };
    assert!(reason.contains("runner died"), "{reason}");
    let readmitted = device::apply(&device, &DeviceEvent::Readmit, NOW, &policy).unwrap();
    assert_eq!((readmitted.state, readmitted.failures), (DeviceState::Idle, 0));
}

#[test]
fn a_silent_device_is_offline_and_comes_back_by_a_sign_of_life() {
    let policy = DevicePolicy::default();
    let later = NOW + policy.offline_after;
    let offline = device::apply(&Device::new(NOW), &DeviceEvent::Tick, later, &policy).unwrap();
    assert_eq!(offline.state, DeviceState::Offline { since: later });
    let back = device::apply(&offline, &DeviceEvent::Seen, later, &policy).unwrap();
    assert_eq!(back.state, DeviceState::Idle);
}

#[test]
fn a_retired_device_takes_nothing_but_ticks() {
    let policy = DevicePolicy::default();
    let retired =
        device::apply(&Device::new(NOW), &DeviceEvent::Retire { reason: "screen broken".into() }, NOW, &policy).unwrap();
    for event in [DeviceEvent::Seen, DeviceEvent::Claim { lease: FIRST }, DeviceEvent::Readmit] {
        assert!(device::apply(&retired, &event, NOW, &policy).is_err(), "{event:?}");
    }
    assert_eq!(device::apply(&retired, &DeviceEvent::Tick, NOW + Duration::days(9), &policy).unwrap(), retired);
}
