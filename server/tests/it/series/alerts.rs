//! Triage: what people may decide, and what follows from it.

use axum::http::Method;
use benchrack_protocol::alert::{Alert, NewTriage, TriageState};
use benchrack_protocol::api::Scope;
use benchrack_protocol::problem::ProblemCode;
use time::Duration;

use super::phone::Phone;
use crate::farm::{Farm, with_farm};

/// A phone with one alert.
async fn alerted(farm: &Farm) -> (Phone<'_>, Alert) {
    let mut phone = Phone::new(farm).await;
    for nth in 0..9 {
        phone.revision(&format!("r{nth}"), 10.0).await;
    }
    phone.revision("slow", 14.0).await;
    let alert = phone.alerts().await.remove(0);
    (phone, alert)
}

fn triage(state: TriageState) -> NewTriage {
    NewTriage { state, owner: None, reason: None, due_at: None }
}

#[tokio::test]
async fn a_decision_needs_what_its_state_needs_and_is_shown() {
    with_farm(async |farm| {
        let (_, alert) = alerted(farm).await;
        let path = format!("/api/v1/alerts/{}/triage", alert.id);
        let ask = |new: &NewTriage| farm.ask(Scope::Submit, Method::POST, &path).json(new);
        ask(&triage(TriageState::Confirmed)).send().await.refused(ProblemCode::Invalid, "owner");
        ask(&triage(TriageState::Expected)).send().await.refused(ProblemCode::Invalid, "reason");
        let late = NewTriage { owner: Some("ada".into()), due_at: Some(farm.now()), ..triage(TriageState::Confirmed) };
        ask(&late).send().await.refused(ProblemCode::Conflict, "confirmed");
        ask(&triage(TriageState::New)).send().await.refused(ProblemCode::Conflict, "new");
        let reader = farm.ask(Scope::Read, Method::POST, &path).json(&triage(TriageState::Fixed)).send().await;
        reader.refused(ProblemCode::Forbidden, "submit");
        let due_at = Some(farm.now() + Duration::days(14));
        let good = NewTriage { owner: Some("ada".into()), due_at, ..triage(TriageState::Confirmed) };
        let confirmed: Alert = ask(&good).send().await.ok();
        assert_eq!(
            (confirmed.state, confirmed.owner.as_deref(), confirmed.due_at),
            (TriageState::Confirmed, Some("ada"), due_at)
        );
        let listed: Vec<Alert> = farm.get("/api/v1/alerts?state=confirmed").await;
        assert_eq!(listed, [confirmed]);
        assert_eq!(farm.get::<Vec<Alert>>("/api/v1/alerts?state=new").await, []);
        // The form is shown to whom it serves.
        for path in ["/alerts", &format!("/alerts/{}", alert.id)] {
            for scope in [Scope::Read, Scope::Submit] {
                let page = farm.ask(scope, Method::GET, path).header("accept", "text/html").send().await.text();
                let offered = page.contains("action=\"/alerts/triage\"") && page.contains("name=\"alert\"");
                assert_eq!(offered, scope == Scope::Submit, "{path}");
                assert_eq!(page.contains("a token of the scope submit"), scope == Scope::Read, "{path}");
            }
        }
        farm.pass(Duration::days(15));
        for path in ["/alerts", "/alerts?state=confirmed", &format!("/alerts/{}", alert.id)] {
            let page = farm.ask(Scope::Read, Method::GET, path).header("accept", "text/html").send().await.text();
            assert!(page.contains("enet fp32 slow") && page.contains("ada") && page.contains("overdue"), "{path}: {page}");
        }
        let csv = farm.ask(Scope::Read, Method::GET, &format!("/alerts/{}/table.csv", alert.id)).send().await.text();
        assert!(csv.lines().nth(1).unwrap().contains("phone-one,latency,"), "{csv}");
        let series = format!("/series/{}", alert.findings[0].series);
        let page = farm.ask(Scope::Read, Method::GET, &series).header("accept", "text/html").send().await.text();
        assert!(page.contains("measured again: slower") && page.contains("Baseline"), "{page}");
    })
    .await;
}

#[tokio::test]
async fn what_is_expected_moves_the_baseline_and_what_is_ignored_comes_back() {
    with_farm(async |farm| {
        let (mut phone, alert) = alerted(farm).await;
        let path = format!("/api/v1/alerts/{}/triage", alert.id);
        let baseline =
            "select max(baseline_run_id) from series_watches w join series s on s.id = w.series_id where s.metric = 'latency'";
        let before = farm.scalar(baseline).await;
        let until = farm.now() + Duration::days(7);
        let ignored = NewTriage { reason: Some("noisy bench".into()), due_at: Some(until), ..triage(TriageState::Ignored) };
        farm.post::<Alert>(Scope::Submit, &path, &ignored).await;
        farm.set_time(until - Duration::seconds(1));
        farm.app.tick(farm.now()).await.unwrap();
        assert_eq!(phone.alerts().await[0].state, TriageState::Ignored);
        farm.set_time(until);
        farm.app.tick(farm.now()).await.unwrap();
        assert_eq!(phone.alerts().await[0].state, TriageState::New);
        let expected = NewTriage { reason: Some("larger input".into()), ..triage(TriageState::Expected) };
        farm.post::<Alert>(Scope::Submit, &path, &expected).await;
        let slow = alert.findings[0].bad.run.unwrap();
        assert!(before < slow.0 && farm.scalar(baseline).await == slow.0);
        for nth in 0..12 {
            phone.revision(&format!("s{nth}"), 14.0).await;
        }
        let alerts = phone.alerts().await;
        assert_eq!((alerts.len(), alerts[0].state), (1, TriageState::Expected));
    })
    .await;
}
