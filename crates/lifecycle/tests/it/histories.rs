//! Whatever happens in whatever order, the promises hold.

use benchrack_lifecycle::job::JobState;
use benchrack_lifecycle::testing::{Answer, Ask, World, history};
use proptest::prelude::*;
use time::macros::datetime;

const START: time::OffsetDateTime = datetime!(2026-11-23 00:00 UTC);

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
                prop_assert_eq!(before.snapshot(), world.snapshot(), "refused, and yet something changed: {:?}", step);
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
