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
        let page = farm.ask(Scope::Read, Method::GET, "/self-test").header("accept", "text/html").send().await.text();
        assert!(page.contains("0 of 3 gates said slower") && page.contains("large"), "{page}");
        let csv = farm.ask(Scope::Read, Method::GET, "/self-test/table.csv").send().await.text();
        assert!(csv.contains("phone-one,small,large,0,3,3,0,0"), "{csv}");
        assert_eq!(farm.scalar("select count(*) from series").await, 0, "a test of the farm is no revision");
    })
    .await;
}
