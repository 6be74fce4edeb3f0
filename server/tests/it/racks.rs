//! What hosts of racks tell of their phones.

use axum::http::Method;
use benchrack_protocol::api::Scope;
use benchrack_protocol::problem::ProblemCode;
use benchrack_protocol::rack::{Rack, RackPhase, RackPhone, RackReport};
use time::Duration;

use crate::farm::{Answer, Farm, START, with_farm};

fn phone(name: &str, phase: RackPhase, reason: Option<&str>) -> RackPhone {
    RackPhone {
        phone: name.into(),
        model: Some("Pixel_8".into()),
        device: None,
        phase,
        reason: reason.map(str::to_owned),
        doing: None,
    }
}

impl Farm {
    async fn tell(&self, host: &str, phones: Vec<RackPhone>) -> Answer {
        let path = format!("/api/v1/racks/{host}");
        self.ask(Scope::Admin, Method::PUT, &path).json(&RackReport { phones }).send().await
    }
}

#[tokio::test]
async fn a_hosts_word_replaces_its_last_one_and_quarantines_are_remembered() {
    use RackPhase::{Quarantined, Recovering, Working};
    with_farm(async |farm| {
        farm.tell("lab-4", vec![phone("A", Working, None), phone("B", Recovering, Some("offline"))]).await.empty();
        farm.tell("lab-5", vec![phone("A", Working, None)]).await.empty();
        farm.pass(Duration::minutes(1));
        farm.tell("lab-4", vec![phone("A", Working, None), phone("B", Quarantined, Some("offline; tried reconnecting"))])
            .await
            .empty();
        farm.pass(Duration::minutes(1));
        // The same word again is the same quarantine.
        farm.tell("lab-4", vec![phone("A", Working, None), phone("B", Quarantined, Some("offline; tried it all"))]).await.empty();
        let racks: Vec<Rack> = farm.get("/api/v1/racks").await;
        let [lab4, lab5] = racks.as_slice() else { panic!("{racks:?}") };
        assert_eq!((lab4.host.as_str(), lab5.host.as_str()), ("lab-4", "lab-5"));
        assert_eq!((lab4.reported_at, lab5.reported_at), (START + Duration::minutes(2), START));
        let since: Vec<_> = lab4.phones.iter().map(|phone| (phone.told.phone.as_str(), phone.since)).collect();
        assert_eq!(since, [("A", START), ("B", START + Duration::minutes(1))]);
        assert_eq!(lab4.phones[1].told.reason.as_deref(), Some("offline; tried it all"));
        let [quarantine] = lab4.quarantines.as_slice() else { panic!("{lab4:?}") };
        assert_eq!((quarantine.reason.as_str(), quarantine.ended_at), ("offline; tried reconnecting", None));
        assert!(lab5.quarantines.is_empty());

        // Let in again, and later gone for good in the middle of another one.
        farm.tell("lab-4", vec![phone("B", Working, None)]).await.empty();
        farm.pass(Duration::minutes(1));
        farm.tell("lab-4", vec![phone("B", Quarantined, Some("a reboot loop"))]).await.empty();
        farm.pass(Duration::minutes(1));
        farm.tell("lab-4", vec![]).await.empty();
        let racks: Vec<Rack> = farm.get("/api/v1/racks").await;
        assert!(racks[0].phones.is_empty());
        let ends: Vec<_> = racks[0].quarantines.iter().map(|one| (one.reason.as_str(), one.ended_at)).collect();
        let minutes = |minutes| Some(START + Duration::minutes(minutes));
        assert_eq!(ends, [("a reboot loop", minutes(4)), ("offline; tried reconnecting", minutes(2))]);
    })
    .await;
}

#[tokio::test]
async fn a_report_that_makes_no_sense_is_refused_with_its_field() {
    with_farm(async |farm| {
        let refused = async |phones: Vec<RackPhone>, words: &str| {
            farm.tell("lab-4", phones).await.refused(ProblemCode::Invalid, words);
        };
        let a = || phone("A", RackPhase::Working, None);
        refused(vec![a(), a()], "phones[1].phone: A is named twice").await;
        refused(vec![phone("B", RackPhase::Quarantined, None)], "phones[0].reason is missing").await;
        refused(vec![phone("C\u{7}", RackPhase::Working, None)], "control character").await;
        refused(vec![RackPhone { doing: Some("x".repeat(201)), ..a() }], "phones[0].doing has 201 characters").await;
        refused((0..1_001).map(|nth| phone(&nth.to_string(), RackPhase::Working, None)).collect(), "1000 are the most").await;
        assert!(farm.get::<Vec<Rack>>("/api/v1/racks").await.is_empty(), "nothing was stored");
    })
    .await;
}

#[tokio::test]
async fn a_hosts_silence_is_a_figure_until_the_host_is_forgotten() {
    with_farm(async |farm| {
        farm.tell("lab-4", vec![phone("A", RackPhase::Quarantined, Some("no room"))]).await.empty();
        farm.pass(Duration::minutes(10));
        let text = farm.ask(Scope::Read, Method::GET, "/metrics").send().await.text();
        for line in [
            r#"benchrack_rack_phones{host="lab-4",phase="quarantined"} 1"#,
            r#"benchrack_rack_silence_seconds{host="lab-4"} 600"#,
        ] {
            assert!(text.contains(line), "{line} is not in\n{text}");
        }
        farm.pass(Duration::days(29));
        farm.app.tick(farm.now()).await.unwrap();
        assert_eq!(farm.get::<Vec<Rack>>("/api/v1/racks").await.len(), 1);
        farm.pass(Duration::days(2));
        farm.app.tick(farm.now()).await.unwrap();
        assert!(farm.get::<Vec<Rack>>("/api/v1/racks").await.is_empty());
        assert_eq!(farm.scalar("select count(*) from rack_quarantines").await, 0);
    })
    .await;
}
