//! Waking up: long polls and live events, over a real socket.

use std::time::Duration;

use benchrack_protocol::api::{Claim, Lease, NewSubmission, Registration};
use benchrack_protocol::ids::DeviceId;
use benchrack_protocol::model::Precision;
use benchrack_protocol::rack::RackReport;
use benchrack_protocol::units::Nanos;
use benchrack_server::app::Caller;
use benchrack_server::{Redacted, Server, ServerConfig};
use time::OffsetDateTime;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

use crate::farm::{drop_database, new_database, url_of};
use crate::sample::{manifest, model_bytes, registration, suite};

/// A server on a database of its own, listening on loopback.
async fn with_server(test: impl AsyncFnOnce(&Server)) {
    let database = new_database().await;
    let folder = tempfile::tempdir().unwrap();
    let mut config = ServerConfig { data_dir: Some(folder.path().into()), ..ServerConfig::default() };
    config.listen.set_port(0);
    config.database.url = Some(Redacted(url_of(&database)));
    let server = Server::start(config).await.unwrap();
    test(&server).await;
    server.stop().await;
    drop_database(&database).await;
}

async fn with_model(server: &Server) -> DeviceId {
    let device = server.app().register("one", &registration("one")).await.unwrap();
    let bytes = model_bytes("enet", Precision::Fp32);
    let chunks = futures::stream::iter([Ok::<_, String>(bytes::Bytes::from(bytes.clone()))]);
    let manifest = manifest("enet", Precision::Fp32, &bytes);
    server.app().store_artifact(manifest.artifact, chunks).await.unwrap();
    server.app().add_model(&benchrack_protocol::api::NewModel { manifest, revision: String::new() }).await.unwrap();
    device.id
}

fn submission() -> NewSubmission {
    NewSubmission { suite: suite(&["enet"]), devices: String::new() }
}

/// Until the agent of a device that was last seen then has asked for work, which is a sign of life.
async fn agent_waits(server: &Server, device: DeviceId, seen: OffsetDateTime) {
    while server.app().device(device).await.unwrap().last_seen_at == seen {}
}

async fn last_seen(server: &Server, device: DeviceId) -> OffsetDateTime {
    server.app().device(device).await.unwrap().last_seen_at
}

#[tokio::test]
async fn a_waiting_agent_is_woken_by_new_work() {
    with_server(async |server| {
        let device = with_model(server).await;
        let minute = Claim { device, wait: Nanos(60_000_000_000) };
        let seen = last_seen(server, device).await;
        let claim = server.app().claim(&minute);
        let submit = async {
            agent_waits(server, device, seen).await;
            server.app().submit(&submission(), &Caller::open()).await.unwrap()
        };
        let (submission, lease) = tokio::time::timeout(Duration::from_secs(30), async { tokio::join!(submit, claim) })
            .await
            .expect("woken long before the minute is over");
        let lease: Lease = lease.unwrap().expect("there is work");
        assert_eq!(lease.job, submission.jobs[0].id);
    })
    .await;
}

#[tokio::test]
async fn stopping_the_server_answers_whoever_waits() {
    let mut waiting = None;
    with_server(async |server| {
        let device = with_model(server).await;
        let body = serde_json::to_vec(&Claim { device, wait: Nanos(60_000_000_000) }).unwrap();
        let seen = last_seen(server, device).await;
        let mut stream = request(server, "POST", "/api/v1/leases", &body).await;
        agent_waits(server, device, seen).await;
        waiting = Some(tokio::spawn(async move {
            let mut answer = String::new();
            stream.read_to_string(&mut answer).await.unwrap();
            answer
        }));
    })
    .await;
    let answer = tokio::time::timeout(Duration::from_secs(30), waiting.unwrap()).await.expect("answered at once").unwrap();
    assert!(answer.starts_with("HTTP/1.1 204"), "{answer}");
}

/// Sends a JSON request over a socket of its own.
async fn request(server: &Server, method: &str, path: &str, body: &[u8]) -> TcpStream {
    let mut stream = TcpStream::connect(server.address()).await.unwrap();
    let (host, length) = (server.address(), body.len());
    let kind = "content-type: application/json\r\nconnection: close";
    let head = format!("{method} {path} HTTP/1.1\r\nhost: {host}\r\n{kind}\r\ncontent-length: {length}\r\n\r\n");
    stream.write_all(head.as_bytes()).await.unwrap();
    stream.write_all(body).await.unwrap();
    stream
}

#[tokio::test]
async fn browsers_hear_what_happens() {
    with_server(async |server| {
        let stream = TcpStream::connect(server.address()).await.unwrap();
        let mut stream = BufReader::new(stream);
        let host = server.address();
        stream.write_all(format!("GET /api/v1/events HTTP/1.1\r\nhost: {host}\r\n\r\n").as_bytes()).await.unwrap();
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            assert!(stream.read_line(&mut head).await.unwrap() > 0, "{head}");
        }
        assert!(head.starts_with("HTTP/1.1 200") && head.contains("text/event-stream"), "{head}");
        let device = with_model(server).await;
        server.app().submit(&submission(), &Caller::open()).await.unwrap();
        server.app().claim(&Claim { device, wait: Nanos(0) }).await.unwrap().unwrap();
        server.app().report_rack("lab-4", &RackReport { phones: Vec::new() }).await.unwrap();
        let heard = async {
            let mut heard = String::new();
            let awaited = ["event: device\n", "event: job\n", r#"{"event":"rack","host":"lab-4"}"#];
            while !awaited.iter().all(|event| heard.contains(event)) {
                assert!(stream.read_line(&mut heard).await.unwrap() > 0, "{heard}");
            }
            heard
        };
        let heard = tokio::time::timeout(Duration::from_secs(30), heard).await.expect("told at once");
        assert!(heard.contains(&format!(r#"{{"event":"device","device":{device},"state":"leased"}}"#)), "{heard}");
        assert!(!heard.contains("event: work"), "that is for agents");
    })
    .await;
}

#[tokio::test]
async fn answers_over_the_socket_carry_their_time_and_id() {
    with_server(async |server| {
        let body = serde_json::to_vec(&Registration { name: "wire".into(), ..registration("wire") }).unwrap();
        let mut stream = request(server, "PUT", "/api/v1/devices/wire", &body).await;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        assert!(answer.starts_with("HTTP/1.1 200") && answer.contains(r#""name":"wire""#), "{answer}");
        assert!(answer.contains("server-timing: app;dur=") && answer.contains("x-request-id: "), "{answer}");
    })
    .await;
}
