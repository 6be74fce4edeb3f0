//! Slow phones against slow models, and the farm's tests of itself.

use axum::http::Method;
use benchrack_protocol::alert::{AlertKind, SelfTest};
use benchrack_protocol::api::{Device, Scope};
use benchrack_protocol::model::Precision;
use benchrack_server::{SelfTestConfig, SelfTestPair, SeriesConfig};
use time::Duration;

use super::phone::Phone;
use crate::farm::{Options, with_options};

#[tokio::test]
async fn a_device_whose_control_drifts_is_quarantined_and_no_model_is_blamed() {
    let series = SeriesConfig { control: Some("mini".into()), ..SeriesConfig::default() };
    with_options(Options { series, ..Options::default() }, async |farm| {
        let mut phone = Phone::new(farm).await;
        phone.add("mini", "fixed", 2.0).await;
        for nth in 0..30 {
            phone.revision(&format!("r{nth}"), 10.0).await;
        }
        let controls = farm.scalar("select count(*) from runs where label = 'control'").await;
        assert_eq!(controls, 30, "it rides in every session of a suite");
        assert_eq!(phone.marks("drift").await, 0);
        phone.slowness = 1.2;
        let mut sessions = 0;
        let device = loop {
            let device: Device = farm.get(&format!("/api/v1/devices/{}", phone.device.id)).await;
            if device.state == "quarantined" || sessions == 20 {
                break device;
            }
            phone.revision(&format!("s{sessions}"), 10.0).await;
            sessions += 1;
        };
        assert_eq!(device.state, "quarantined", "after {sessions} sessions");
        let reason = device.reason.unwrap();
        assert!(reason.starts_with("its control drifted by +") && reason.contains("readmit"), "{reason}");
        let alerts = phone.alerts().await;
        assert_eq!(alerts.len(), 1, "{alerts:?}");
        assert_eq!(alerts[0].kind, AlertKind::DeviceDrift);
        assert!(alerts[0].title.starts_with("phone-one drifted: latency of its control +"), "{}", alerts[0].title);
        assert_eq!(phone.marks("confirmed").await, 0);
    })
    .await;
}

#[tokio::test]
async fn with_another_knob_or_system_another_series_begins_and_nothing_is_suspected() {
    with_options(Options::default(), async |farm| {
        let mut phone = Phone::new(farm).await;
        for nth in 0..10 {
            phone.revision(&format!("r{nth}"), 10.0).await;
        }
        (phone.slowness, phone.knobs) = (1.5, vec!["cpuidle".into(), "governor=performance".into()]);
        for nth in 10..13 {
            phone.revision(&format!("r{nth}"), 10.0).await;
        }
        let points = async |knobs: &str| {
            farm.scalar(&format!("select points from series where metric = 'latency' and knobs = '{knobs}'")).await
        };
        assert_eq!((points("").await, points("cpuidle,governor=performance").await), (10, 3));
        assert_eq!((phone.marks("suspected").await, phone.marks("change").await), (0, 0));
        let told = "select count(*) from series_marks m join series s on s.id = m.series_id where m.kind = 'infrastructure'
            and s.metric = 'latency' and m.detail = 'other knobs asked for by name, they were none'";
        assert_eq!(farm.scalar(told).await, 1);
        phone.system = "maker/phone:15/1";
        phone.revision("r13", 10.0).await;
        let told = "select count(*) from series_marks m join series s on s.id = m.series_id where m.kind = 'infrastructure'
            and s.metric = 'latency' and m.detail = 'a new system, it was maker/phone:14/1'";
        assert_eq!((farm.scalar(told).await, phone.marks("suspected").await), (1, 0));
        let series = farm.scalar("select id from series where metric = 'latency' and knobs <> ''").await;
        for page in [format!("/series/{series}"), "/series".into(), "/compare".into()] {
            let text = farm.ask(Scope::Read, Method::GET, &page).header("accept", "text/html").send().await.text();
            assert!(text.contains("with cpuidle,governor=performance"), "{page}: {text}");
        }
        assert_eq!(farm.scalar("select count(*) from latest_runs").await, 2, "figures with and without it stand side by side");
    })
    .await;
}

#[tokio::test]
async fn the_farm_tests_itself_when_nobody_wants_anything_else() {
    let pair =
        |candidate: &str| SelfTestPair { baseline: "small".into(), candidate: candidate.into(), precision: Precision::Fp32 };
    let self_test = SelfTestConfig { every_hours: 24, pairs: vec![pair("small"), pair("large"), pair("absent")] };
    let series = SeriesConfig { self_test, ..SeriesConfig::default() };
    with_options(Options { series, ..Options::default() }, async |farm| {
        let mut phone = Phone::new(farm).await;
        phone.add("small", "1", 10.0).await;
        phone.add("large", "1", 13.0).await;
        for _ in 0..3 {
            phone.work_off().await;
            phone.work_off().await;
            farm.pass(Duration::hours(24));
            // A device that was silent for a day is offline: it says that it is there.
            farm.register("one").await;
        }
        let report: SelfTest = farm.get("/api/v1/self-test").await;
        assert_eq!((report.unchanged.gates, report.unchanged.slower, report.unchanged.not_slower), (3, 0, 3), "{report:?}");
        // 1 - 0.05^(1/3).
        assert!((report.false_alarms_at_most.unwrap() - 0.6316).abs() < 1e-3, "{report:?}");
        assert_eq!(report.planted.len(), 1);
        let planted = &report.planted[0];
        assert_eq!((planted.candidate.as_str(), planted.count.gates, planted.count.slower), ("large", 3, 3));
        let by_device = &report.unchanged_by_device;
        assert_eq!((by_device.len(), by_device[0].model.as_str(), by_device[0].count.gates), (1, "small", 3));
        let catches = &report.catches;
        assert_eq!((catches.len(), catches[0].baseline.as_str(), catches[0].more_macs), (1, "small", Some(0.0)));
        // 0.05^(1/3).
        assert!((catches[0].at_least.unwrap() - 0.3684).abs() < 1e-3, "{report:?}");
        let page = farm.ask(Scope::Read, Method::GET, "/self-test").header("accept", "text/html").send().await.text();
        assert!(page.contains("0 of 3 gates said slower") && page.contains("large"), "{page}");
        let csv = farm.ask(Scope::Read, Method::GET, "/self-test/table.csv").send().await.text();
        assert!(csv.contains("phone-one,small,large,0,3,3,0,0"), "{csv}");
        assert_eq!(farm.scalar("select count(*) from series").await, 0, "a test of the farm is no revision");
    })
    .await;
}
