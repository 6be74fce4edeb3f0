//! Whatever happens in whatever order, the promises hold.

use benchrack_lifecycle::Refusal;
use benchrack_lifecycle::device::{self, Device, DeviceEvent, DevicePolicy, DeviceState, SessionEnd};
use benchrack_lifecycle::job::{self, Hold, JobEvent, JobPolicy, JobState, JobStep};
use benchrack_lifecycle::testing::{Answer, Ask, World, history};
use benchrack_protocol::ids::{DeviceId, LeaseId};
use benchrack_protocol::report::Failure;
use benchrack_protocol::runner::FailureReason;
use proptest::prelude::*;
use time::macros::datetime;
use time::{Duration, OffsetDateTime};

const START: OffsetDateTime = datetime!(2026-11-23 00:00 UTC);

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn promises_hold_after_every_step(seed: u64) {
        let mut world = World::new(START);
        for step in history(seed, 120, START) {
            let before = world.clone();
            let answer = world.step(&step);
            if let Err(broken) = world.check() {
                prop_assert!(false, "{broken} after {step:?}");
            }
            for (old, new) in before.jobs.iter().zip(&world.jobs) {
                prop_assert!(!old.is_final() || old == new, "{old:?} became {new:?} by {step:?}");
            }
            if matches!(answer, Answer::LeaseLost | Answer::Refused | Answer::Duplicate) {
                prop_assert_eq!(&before.jobs, &world.jobs, "refused, and yet a job changed: {:?}", step);
                prop_assert_eq!(&before.devices, &world.devices, "refused, and yet a device changed: {:?}", step);
            }
        }
    }

    #[test]
    fn a_job_is_done_by_at_most_one_lease(seed: u64) {
        let mut world = World::new(START);
        let mut stored = Vec::new();
        for step in history(seed, 200, START) {
            let answer = world.step(&step);
            if let (Ask::Report { lease }, Answer::Accepted) = (step.ask, answer) {
                stored.push(world.lease(lease).unwrap().0);
            }
        }
        let done = world.jobs.iter().filter(|job| matches!(job, JobState::Done { .. })).count();
        let stored_once = stored.len();
        stored.sort_unstable();
        stored.dedup();
        prop_assert_eq!((stored.len(), stored_once), (done, done));
    }
}

/// Any moment that can be written down, so that clocks jump by centuries.
fn moment() -> impl Strategy<Value = OffsetDateTime> {
    let range =
        time::PrimitiveDateTime::MIN.assume_utc().unix_timestamp()..=time::PrimitiveDateTime::MAX.assume_utc().unix_timestamp();
    range.prop_map(|seconds| OffsetDateTime::from_unix_timestamp(seconds).unwrap())
}

fn lease() -> impl Strategy<Value = LeaseId> {
    (1..4i64).prop_map(LeaseId)
}

fn job_state() -> impl Strategy<Value = JobState> {
    prop_oneof![
        (0..4u32, moment()).prop_map(|(attempts, not_before)| JobState::Queued { attempts, not_before }),
        (1..4u32, lease(), moment()).prop_map(|(attempts, lease, expires_at)| JobState::Leased {
            attempts,
            hold: Hold { lease, device: DeviceId(1), expires_at },
        }),
        lease().prop_map(|lease| JobState::Done { lease }),
        Just(JobState::Failed { attempts: 3, reason: "died".into() }),
        Just(JobState::Cancelled),
    ]
}

fn job_event() -> impl Strategy<Value = JobEvent> {
    let failure = |reason| Failure { reason, detail: "given back".into() };
    prop_oneof![
        lease().prop_map(|lease| JobEvent::Claim { lease, device: DeviceId(1) }),
        lease().prop_map(|lease| JobEvent::Heartbeat { lease }),
        (lease(), 0..3_600i64).prop_map(|(lease, time)| JobEvent::Detach { lease, time: Duration::seconds(time) }),
        lease().prop_map(|lease| JobEvent::Report { lease }),
        lease().prop_map(move |lease| JobEvent::Release { lease, failure: failure(FailureReason::Stopped) }),
        Just(JobEvent::Expire),
        Just(JobEvent::Cancel),
    ]
}

fn device_state() -> impl Strategy<Value = DeviceState> {
    let reason = || "by hand".to_owned();
    prop_oneof![
        Just(DeviceState::Idle),
        lease().prop_map(|lease| DeviceState::Leased { lease }),
        moment().prop_map(|until| DeviceState::Cooling { until }),
        (moment(), proptest::option::of(lease())).prop_map(move |(since, lease)| DeviceState::Quarantined {
            reason: reason(),
            since,
            lease
        }),
        moment().prop_map(|since| DeviceState::Offline { since }),
        Just(DeviceState::Retired { reason: reason() }),
    ]
}

fn device_event() -> impl Strategy<Value = DeviceEvent> {
    let reason = || "by hand".to_owned();
    let end = prop_oneof![Just(SessionEnd::Reported), Just(SessionEnd::Cancelled), Just(SessionEnd::Failed { reason: reason() })];
    prop_oneof![
        Just(DeviceEvent::Seen),
        lease().prop_map(|lease| DeviceEvent::Claim { lease }),
        (lease(), end).prop_map(|(lease, end)| DeviceEvent::Finish { lease, end }),
        Just(DeviceEvent::Tick),
        Just(DeviceEvent::Quarantine { reason: reason() }),
        Just(DeviceEvent::Readmit),
        Just(DeviceEvent::Retire { reason: reason() }),
    ]
}

/// The lease that a job is held under at this moment.
fn holder(state: &JobState, now: OffsetDateTime) -> Option<LeaseId> {
    match state {
        JobState::Leased { hold, .. } if now < hold.expires_at => Some(hold.lease),
        _ => None,
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn only_the_holder_moves_a_leased_job_before_its_lease_is_over(state in job_state(), event in job_event(), now in moment()) {
        let step = job::apply(&state, &event, now, &JobPolicy::default());
        let speaker = match &event {
            JobEvent::Heartbeat { lease }
            | JobEvent::Detach { lease, .. }
            | JobEvent::Report { lease }
            | JobEvent::Release { lease, .. } => Some(*lease),
            JobEvent::Claim { .. } | JobEvent::Expire | JobEvent::Cancel => None,
        };
        if let (Some(speaker), Ok(JobStep::To(_))) = (speaker, &step) {
            prop_assert_eq!(holder(&state, now), Some(speaker));
        }
        if let (Some(speaker), Err(refusal)) = (speaker, &step) {
            prop_assert_ne!(holder(&state, now), Some(speaker));
            prop_assert!(matches!(refusal, Refusal::LeaseLost { .. }), "{}", refusal);
        }
        prop_assert!(!state.is_final() || !matches!(step, Ok(JobStep::To(_))));
    }

    #[test]
    fn a_device_works_only_after_a_claim_when_idle_and_until_its_own_lease_ends(
        state in device_state(), failures in 0..6u32, seen in moment(), event in device_event(), now in moment(),
    ) {
        let device = Device { state, failures, last_seen_at: seen };
        let working = |device: &Device| match &device.state {
            DeviceState::Leased { lease } => Some(*lease),
            DeviceState::Quarantined { lease, .. } => *lease,
            _ => None,
        };
        let Ok(after) = device::apply(&device, &event, now, &DevicePolicy::default()) else { return Ok(()) };
        match &event {
            DeviceEvent::Claim { lease } => {
                prop_assert_eq!(&device.state, &DeviceState::Idle);
                prop_assert_eq!(working(&after), Some(*lease));
            }
            DeviceEvent::Finish { lease, .. } => prop_assert_eq!((working(&device), working(&after)), (Some(*lease), None)),
            _ => prop_assert_eq!(working(&device), working(&after)),
        }
        prop_assert!(after.last_seen_at >= device.last_seen_at);
    }
}

#[test]
fn random_histories_reach_every_state() {
    let mut seen = std::collections::BTreeSet::new();
    for seed in 0..60 {
        let mut world = World::new(START);
        for step in history(seed, 150, START) {
            world.step(&step);
            seen.extend(world.jobs.iter().map(|job| job.word()));
            seen.extend(world.devices.iter().map(|device| device.state.word()));
        }
    }
    let words = ["cancelled", "cooling", "done", "failed", "idle", "leased", "offline", "quarantined", "queued"];
    assert_eq!(seen.into_iter().collect::<Vec<_>>(), words);
}
