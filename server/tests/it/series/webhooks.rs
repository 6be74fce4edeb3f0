//! Messages to others' servers, over real HTTP.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use benchrack_protocol::alert::{Alert, NewTriage, TriageState};
use benchrack_protocol::api::Scope;
use benchrack_server::{SIGNATURE, WebhookConfig, WebhookFormat};
use time::Duration;

use super::phone::Phone;
use crate::farm::{Options, with_options};

/// A server of somebody else, which is down for its first answers.
#[derive(Clone, Default)]
struct Receiver {
    taken: Arc<Mutex<Vec<(HeaderMap, String)>>>,
    down_for: Arc<Mutex<u32>>,
}

impl Receiver {
    async fn start(&self) -> SocketAddr {
        let receiver = self.clone();
        let take = move |headers: HeaderMap, body: String| async move {
            let mut down_for = receiver.down_for.lock().unwrap();
            if *down_for > 0 {
                *down_for -= 1;
                return StatusCode::INTERNAL_SERVER_ERROR;
            }
            receiver.taken.lock().unwrap().push((headers, body));
            StatusCode::NO_CONTENT
        };
        let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move { axum::serve(listener, Router::new().route("/hook", post(take))).await.unwrap() });
        address
    }

    fn bodies(&self) -> Vec<serde_json::Value> {
        self.taken.lock().unwrap().iter().map(|(_, body)| serde_json::from_str(body).unwrap()).collect()
    }
}

#[tokio::test]
async fn an_alert_is_told_once_to_each_and_again_until_it_is_taken() {
    let (json, chat) = (Receiver::default(), Receiver::default());
    *chat.down_for.lock().unwrap() = 2;
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    };
    let hook = |name: &str, format| WebhookConfig { name: name.into(), url_file: None, url: None, format, secret_file: None };
    let webhooks = vec![
        WebhookConfig {
            url: Some(format!("http://{}/hook", json.start().await)),
            secret_file: Some(file("secret", "hunter2\n")),
            ..hook("json", WebhookFormat::Json)
        },
        WebhookConfig {
            url_file: Some(file("url", &format!("http://{}/hook\n", chat.start().await))),
            ..hook("chat", WebhookFormat::Slack)
        },
    ];
    let public_url = Some("https://farm.example/".to_owned());
    with_options(Options { webhooks, public_url, ..Options::default() }, async |farm| {
        let mut phone = Phone::new(farm).await;
        for nth in 0..9 {
            phone.revision(&format!("r{nth}"), 10.0).await;
        }
        phone.revision("slow", 14.0).await;
        let alert = phone.alerts().await.remove(0);
        assert_eq!(farm.app.deliver().await.unwrap(), 1, "the chat is down");
        let told = json.bodies();
        assert_eq!(told[0]["event"], "new alert");
        assert_eq!(serde_json::from_value::<Alert>(told[0]["alert"].clone()).unwrap(), alert);
        assert_eq!(told[0]["url"], format!("https://farm.example/alerts/{}", alert.id));
        {
            let taken = json.taken.lock().unwrap();
            let (headers, _) = &taken[0];
            let signature = headers[SIGNATURE].to_str().unwrap();
            assert!(signature.len() == 71 && signature.starts_with("sha256="), "{signature}");
            assert_eq!(
                (headers["x-benchrack-event"].to_str().unwrap(), headers.contains_key("x-benchrack-delivery")),
                ("new alert", true)
            );
        }
        // Ten seconds, then twenty; not sooner.
        for (pause, taken) in [(9, 0), (1, 0), (19, 0), (1, 1), (3600, 0)] {
            farm.pass(Duration::seconds(pause));
            assert_eq!(farm.app.deliver().await.unwrap(), taken, "{pause}");
        }
        let said = chat.bodies();
        assert_eq!(said.len(), 1);
        let text = format!("new alert: {} https://farm.example/alerts/{}", alert.title, alert.id);
        assert_eq!(said[0], serde_json::json!({ "text": text }));
        let fixed = NewTriage { state: TriageState::Fixed, owner: Some("ada".into()), reason: None, due_at: None };
        farm.post::<Alert>(Scope::Submit, &format!("/api/v1/alerts/{}/triage", alert.id), &fixed).await;
        assert_eq!(farm.app.deliver().await.unwrap(), 2);
        assert_eq!(json.bodies()[1]["event"], "fixed alert");
        assert_eq!(farm.scalar("select count(*) from webhook_outbox where delivered_at is null").await, 0);
    })
    .await;
}
