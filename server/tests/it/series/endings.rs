//! However a suspicion ends, what was measured meanwhile is looked at then.

use axum::http::Method;
use benchrack_protocol::alert::Finding;
use benchrack_protocol::api::{Lease, Release, Scope};
use benchrack_protocol::report::Failure;
use benchrack_protocol::runner::FailureReason;

use super::phone::{MODEL, Phone};
use crate::farm::{Farm, with_farm};

const OPEN: &str = "select count(*) from suspicions where closed_at is null";

/// Eight revisions of which the last one looks worse by noise alone, and a really slower one that is measured before anybody
/// has looked at that.
async fn noise_before_a_slower_build(farm: &Farm) -> Phone<'_> {
    let mut phone = Phone::new(farm).await;
    for nth in 0..7 {
        phone.revision(&format!("r{nth}"), 10.0).await;
    }
    for (revision, ms, noise) in [("noisy", 10.0, 1.15), ("slow", 14.0, 1.0)] {
        phone.add(MODEL, revision, ms).await;
        phone.report_next(noise).await;
    }
    farm.app.tick(farm.now()).await.unwrap();
    phone
}

/// The one alert, which names the slower build.
async fn one_alert_of_the_slower_build(phone: &Phone<'_>) {
    let alerts = phone.alerts().await;
    assert_eq!(alerts.len(), 1, "{alerts:?}");
    assert_eq!((alerts[0].findings.len(), alerts[0].findings[0].bad.revision.as_str()), (1, "slow"), "{alerts:?}");
    assert_eq!(phone.farm.scalar(OPEN).await, 0);
}

async fn refuse(farm: &Farm, lease: &Lease) {
    let failure = Failure { reason: FailureReason::OperatingPointImpossible, detail: "no such cores".into() };
    farm.leased(lease, "release").json(&Release { failure }).send().await.empty();
}

#[tokio::test]
async fn a_slower_build_that_came_during_a_suspicion_is_found_when_that_is_cleared() {
    with_farm(async |farm| {
        let phone = noise_before_a_slower_build(farm).await;
        assert_eq!((phone.marks("suspected").await, farm.scalar(OPEN).await), (1, 1));
        phone.work_off().await;
        phone.work_off().await;
        assert_eq!((phone.marks("cleared").await, phone.marks("confirmed").await), (1, 1));
        one_alert_of_the_slower_build(&phone).await;
    })
    .await;
}

#[tokio::test]
async fn a_slower_build_that_is_reported_while_the_gate_is_open_is_found_as_well() {
    with_farm(async |farm| {
        let mut phone = Phone::new(farm).await;
        for nth in 0..7 {
            phone.revision(&format!("r{nth}"), 10.0).await;
        }
        phone.add(MODEL, "noisy", 10.0).await;
        phone.report_next(1.15).await;
        phone.add(MODEL, "slow", 14.0).await;
        // The device has begun with the slower build when the suspicion comes up.
        let begun = phone.claim_next().await;
        farm.app.tick(farm.now()).await.unwrap();
        assert_eq!(phone.marks("suspected").await, 1);
        phone.answer(&begun, 1.0).await;
        phone.work_off().await;
        phone.work_off().await;
        one_alert_of_the_slower_build(&phone).await;
    })
    .await;
}

#[tokio::test]
async fn a_slower_build_that_came_during_a_suspicion_is_found_when_that_stays_undecided() {
    with_farm(async |farm| {
        let phone = noise_before_a_slower_build(farm).await;
        for _ in 0..3 {
            let gate = farm.claim(phone.device.id).await.unwrap();
            refuse(farm, &gate).await;
            farm.app.tick(farm.now()).await.unwrap();
            farm.app.tick(farm.now()).await.unwrap();
        }
        phone.work_off().await;
        phone.work_off().await;
        assert_eq!((phone.marks("undecided").await, phone.marks("confirmed").await), (1, 1));
        one_alert_of_the_slower_build(&phone).await;
    })
    .await;
}

#[tokio::test]
async fn a_second_slow_down_right_behind_the_first_is_an_alert_of_its_own() {
    with_farm(async |farm| {
        let mut phone = Phone::new(farm).await;
        for nth in 0..9 {
            phone.revision(&format!("r{nth}"), 10.0).await;
        }
        for (revision, ms) in [("slow", 14.0), ("slower", 20.0), ("as-slow", 20.0)] {
            phone.add(MODEL, revision, ms).await;
            phone.report_next(1.0).await;
        }
        for _ in 0..4 {
            phone.work_off().await;
        }
        let alerts = phone.alerts().await;
        let found = |finding: &Finding| (finding.good.revision.clone(), finding.bad.revision.clone());
        let mut steps: Vec<_> = alerts.iter().flat_map(|alert| &alert.findings).map(found).collect();
        steps.sort_unstable();
        let expected = [("r8", "slow"), ("slow", "slower")].map(|(good, bad)| (good.to_owned(), bad.to_owned()));
        assert_eq!((steps, alerts.len()), (expected.to_vec(), 2), "{alerts:?}");
        assert_eq!(farm.scalar(OPEN).await, 0);
    })
    .await;
}

#[tokio::test]
async fn a_series_is_watched_while_revisions_are_searched_for_an_answer() {
    with_farm(async |farm| {
        let mut phone = Phone::new(farm).await;
        for nth in 0..9 {
            phone.revision(&format!("r{nth}"), 10.0).await;
        }
        for revision in ["s0", "s1", "s2", "s3"] {
            phone.add(MODEL, revision, 14.0).await;
        }
        phone.report_next(1.0).await;
        farm.app.tick(farm.now()).await.unwrap();
        let gate = farm.claim(phone.device.id).await.unwrap();
        phone.answer(&gate, 1.0).await;
        farm.app.tick(farm.now()).await.unwrap();
        assert_eq!(farm.scalar("select count(*) from suspicions where state = 'searching'").await, 1);
        // What people ask for goes before the search, and is looked at.
        let newest = "select max(last_run_id) - (select max(id) from runs where submission_id is not null) from series_watches";
        for revision in ["t0", "t1", "t2"] {
            phone.add(MODEL, revision, 20.0).await;
            phone.report_next(1.0).await;
            farm.app.tick(farm.now()).await.unwrap();
            if phone.marks("suspected").await == 2 {
                break;
            }
        }
        assert!(phone.marks("suspected").await == 2 && farm.scalar(OPEN).await == 2);
        for _ in 0..4 {
            phone.work_off().await;
        }
        assert_eq!((farm.scalar(newest).await, farm.scalar(OPEN).await), (0, 0));
        let alerts = phone.alerts().await;
        let mut culprits: Vec<&str> = alerts.iter().map(|alert| alert.findings[0].bad.revision.as_str()).collect();
        culprits.sort_unstable();
        assert_eq!(culprits, ["s0", "t0"], "{alerts:?}");
    })
    .await;
}

#[tokio::test]
async fn a_suspicion_on_a_device_that_is_retired_ends() {
    with_farm(async |farm| {
        let phone = noise_before_a_slower_build(farm).await;
        let path = format!("/api/v1/devices/{}/retire", phone.device.id);
        let retire = farm.ask(Scope::Admin, Method::POST, &path).json(&serde_json::json!({ "reason": "broken" }));
        retire.send().await.ok::<serde_json::Value>();
        for _ in 0..3 {
            farm.app.tick(farm.now()).await.unwrap();
        }
        assert_eq!((phone.marks("undecided").await, farm.scalar(OPEN).await), (2, 0), "both, as nobody can measure again");
        let told = "select count(*) from series_marks where kind = 'undecided' and detail like '%phone-one is retired'";
        assert_eq!(farm.scalar(told).await, 2);
        assert!(phone.alerts().await.is_empty());
    })
    .await;
}
