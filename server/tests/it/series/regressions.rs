//! From a slower revision to an alert that names it, and from everything else to none.

use benchrack_protocol::alert::{AlertKind, TriageState};
use benchrack_protocol::api::{Gate, Metric, Release, Verdict};
use benchrack_protocol::report::Failure;
use benchrack_protocol::runner::FailureReason;

use super::phone::Phone;
use crate::farm::with_farm;

#[tokio::test]
async fn a_planted_regression_ends_as_one_alert_that_names_its_revision() {
    with_farm(async |farm| {
        let mut phone = Phone::new(farm).await;
        for nth in 0..10 {
            phone.revision(&format!("r{nth}"), 10.0).await;
        }
        // Not every revision is measured: the fourth from here is the first slower one, and the sixth is seen.
        for (revision, ms) in [("r10", 10.0), ("r11", 10.0), ("r12", 10.0), ("r13", 13.0), ("r14", 13.0), ("r15", 13.0)] {
            phone.add("enet", revision, ms).await;
        }
        phone.measure().await;
        let alerts = phone.alerts().await;
        assert_eq!(alerts.len(), 1, "{alerts:?}");
        let alert = &alerts[0];
        assert_eq!((alert.kind, alert.state, alert.findings.len()), (AlertKind::Regression, TriageState::New, 1));
        let finding = &alert.findings[0];
        assert_eq!((finding.good.revision.as_str(), finding.bad.revision.as_str(), finding.suspects), ("r12", "r13", 1));
        assert_eq!((finding.metric, finding.device), (Metric::Latency, phone.device.id));
        let effect = finding.effect.unwrap();
        assert!(effect.low > 0.2 && (effect.value - 0.3).abs() < 0.02, "{effect:?}");
        assert!(alert.title.contains("enet fp32 r13: latency +") && alert.title.ends_with("on phone-one"), "{}", alert.title);
        // The gate that confirmed it compared the measured builds, and can be looked at.
        let gate: Gate = farm.get(&format!("/api/v1/gates/{}", finding.gate.unwrap())).await;
        assert_eq!(gate.outcome.unwrap().verdict, Verdict::Slower);
        // A confirming gate, then three comparisons among six revisions at most.
        let gates = farm.scalar("select count(*) from gates").await;
        assert!((2..=4).contains(&gates), "{gates}");
        assert_eq!(phone.marks("confirmed").await, 1);
        // The new level is known now: further revisions of it alert nobody.
        for nth in 16..28 {
            phone.revision(&format!("r{nth}"), 13.0).await;
        }
        assert_eq!(phone.alerts().await, alerts);
    })
    .await;
}

#[tokio::test]
async fn a_revision_that_takes_more_memory_and_no_more_time_is_an_alert_too() {
    with_farm(async |farm| {
        let mut phone = Phone::new(farm).await;
        for nth in 0..10 {
            phone.revision(&format!("r{nth}"), 10.0).await;
        }
        for nth in 0..12 {
            let model = phone.add("enet", &format!("s{nth}"), 10.0).await;
            phone.fills(&model, 75);
            phone.measure().await;
        }
        let alerts = phone.alerts().await;
        assert_eq!((alerts.len(), alerts[0].findings.len()), (1, 1), "{alerts:?}");
        let finding = &alerts[0].findings[0];
        assert_eq!((finding.metric, finding.bad.revision.as_str(), finding.suspects), (Metric::PeakRss, "s0", 1), "{alerts:?}");
        assert!((finding.effect.unwrap().value - 0.25).abs() < 1e-9, "{alerts:?}");
        assert_eq!(alerts[0].title, "enet fp32 s0: peak memory +25.0 % on phone-one");
        let gate: Gate = farm.get(&format!("/api/v1/gates/{}", finding.gate.unwrap())).await;
        let outcome = gate.outcome.unwrap();
        let decided: Vec<_> = outcome.devices[0].comparisons.iter().map(|one| one.metric.as_str()).collect();
        assert_eq!((outcome.verdict, decided), (Verdict::Slower, vec!["peak_rss"]));
        let told = "select count(*) from series_marks where kind = 'confirmed' and detail like '%larger in memory%'";
        assert_eq!(farm.scalar(told).await, 1);
    })
    .await;
}

#[tokio::test]
async fn a_revision_that_is_slower_on_two_devices_is_one_alert() {
    with_farm(async |farm| {
        let (mut first, mut second) = (Phone::new(farm).await, Phone::named(farm, "two").await);
        for nth in 0..10 {
            let (revision, ms) = if nth < 9 { (format!("r{nth}"), 10.0) } else { ("slow".into(), 14.0) };
            let model = first.add("enet", &revision, ms).await;
            second.takes(&model, 2.0 * ms);
            first.submit().await;
            first.work_off().await;
            second.work_off().await;
        }
        let alerts = first.alerts().await;
        assert_eq!(alerts.len(), 1, "{alerts:?}");
        let devices: Vec<_> = alerts[0].findings.iter().map(|finding| finding.device).collect();
        assert_eq!(devices, [first.device.id, second.device.id]);
        assert!(alerts[0].title.ends_with("on 2 devices"), "{}", alerts[0].title);
    })
    .await;
}

#[tokio::test]
async fn a_slow_phone_with_a_new_agent_is_blamed_on_no_revision() {
    with_farm(async |farm| {
        let mut phone = Phone::new(farm).await;
        for nth in 0..12 {
            phone.revision(&format!("r{nth}"), 10.0).await;
        }
        (phone.slowness, phone.agent) = (1.3, "0.2.0");
        for nth in 12..20 {
            phone.revision(&format!("r{nth}"), 10.0).await;
        }
        assert!(phone.alerts().await.is_empty());
        assert!(phone.marks("suspected").await >= 1 && phone.marks("cleared").await >= 1);
        assert!(phone.marks("infrastructure").await >= 1);
        let told = "select count(*) from series_marks m join series s on s.id = m.series_id where m.kind = 'infrastructure'
            and m.detail like 'agent 0.1.0%0.2.0%' and s.metric = ";
        for metric in ["latency", "peak_rss", "load"] {
            assert_eq!(farm.scalar(&format!("{told} '{metric}'")).await, 1, "once on each series that is watched");
        }
        let with_it = "select count(*) from series_marks where kind = 'suspected' and detail like '%agent 0.1.0%'";
        assert!(farm.scalar(with_it).await >= 1, "a suspicion says what else changed");
    })
    .await;
}

#[tokio::test]
async fn a_spike_costs_one_session_and_alerts_nobody() {
    with_farm(async |farm| {
        let mut phone = Phone::new(farm).await;
        for nth in 0..12 {
            phone.revision(&format!("r{nth}"), 10.0).await;
        }
        phone.slowness = 3.0;
        phone.add("enet", "r12", 10.0).await;
        farm.submit(crate::sample::suite(&["enet"])).await;
        let lease = farm.claim(phone.device.id).await.unwrap();
        phone.answer(&lease, 1.0).await;
        phone.slowness = 1.0;
        phone.work_off().await;
        for nth in 13..24 {
            phone.revision(&format!("r{nth}"), 10.0).await;
        }
        assert!(phone.alerts().await.is_empty());
        assert_eq!(phone.marks("change").await, 0, "a spike is no step");
        assert_eq!((phone.marks("suspected").await, phone.marks("cleared").await), (1, 1));
    })
    .await;
}

#[tokio::test]
async fn a_larger_file_needs_no_session() {
    with_farm(async |farm| {
        let mut phone = Phone::new(farm).await;
        for nth in 0..3 {
            phone.revision(&format!("r{nth}"), 10.0).await;
        }
        phone.add_file("enet", "fat", &[7; 400], 10.0).await;
        phone.measure().await;
        let alerts = phone.alerts().await;
        assert_eq!(alerts.len(), 1, "{alerts:?}");
        let finding = &alerts[0].findings[0];
        assert_eq!((finding.metric, finding.gate, finding.bad.revision.as_str()), (Metric::ModelSize, None, "fat"));
        assert_eq!(farm.scalar("select count(*) from gates").await, 0);
    })
    .await;
}

#[tokio::test]
async fn what_cannot_be_measured_leaves_the_question_open() {
    with_farm(async |farm| {
        let mut phone = Phone::new(farm).await;
        for nth in 0..10 {
            phone.revision(&format!("r{nth}"), 10.0).await;
        }
        phone.add("enet", "slow", 14.0).await;
        farm.submit(crate::sample::suite(&["enet"])).await;
        let lease = farm.claim(phone.device.id).await.unwrap();
        phone.answer(&lease, 1.0).await;
        farm.app.tick(farm.now()).await.unwrap();
        // The device refuses the confirming session for good, and is asked three times.
        for _ in 0..3 {
            let gate = farm.claim(phone.device.id).await.unwrap();
            let failure = Failure { reason: FailureReason::OperatingPointImpossible, detail: "no such cores".into() };
            farm.leased(&gate, "release").json(&Release { failure }).send().await.empty();
            // The first look takes the verdict, the second asks again.
            farm.app.tick(farm.now()).await.unwrap();
            farm.app.tick(farm.now()).await.unwrap();
        }
        assert!(farm.claim(phone.device.id).await.is_none());
        assert!(phone.alerts().await.is_empty());
        assert_eq!(phone.marks("undecided").await, 1);
    })
    .await;
}

#[tokio::test]
async fn every_point_is_looked_at_once_however_often_the_house_is_kept() {
    with_farm(async |farm| {
        let mut phone = Phone::new(farm).await;
        for nth in 0..4 {
            phone.revision(&format!("r{nth}"), 10.0).await;
        }
        let states = "select sum(hashtext(state::text)) from series_watches";
        let before = farm.scalar(states).await;
        let (first, second) = tokio::join!(farm.app.tick(farm.now()), farm.app.tick(farm.now()));
        assert_eq!((first.unwrap().series, second.unwrap().series), (0, 0));
        assert_eq!(farm.scalar(states).await, before);
        assert_eq!(farm.scalar("select count(*) from series_watches where baseline_run_id is null").await, 0);
    })
    .await;
}
