//! From slower builds that are really measured to one alert, over the programs that people run.

use std::time::{Duration, Instant};

use benchrack_client::AlertQuery;
use benchrack_protocol::alert::{Alert, TriageState};
use benchrack_protocol::api::Metric;

use crate::farm::{self, SUITE, Server};

/// The same model in a file of its own: ONNX takes the last description that stands in it (field 6, a text).
fn with_description(model: &[u8], text: &str) -> Vec<u8> {
    let mut file = model.to_vec();
    file.extend([6 << 3 | 2, u8::try_from(text.len()).unwrap()]);
    file.extend(text.as_bytes());
    file
}

fn add(server: &Server, model: &[u8], revision: &str) {
    let folder = farm::folder();
    let path = folder.path().join("app.onnx");
    std::fs::write(&path, with_description(model, revision)).unwrap();
    let mut command = server.command();
    command.args(["models", "add", "--quiet", "--name", "app", "--precision", "fp32", "--revision", revision]).arg(&path);
    let (code, _, stderr) = farm::run(&mut command);
    assert_eq!(code, 0, "{stderr}");
}

#[tokio::test]
#[ignore = "minutes of real measurements, which wait for a calm machine; cargo test --workspace --test it -- --ignored alert"]
async fn a_slower_build_among_real_measurements_becomes_one_alert() {
    /// Others may be at work here, and what they disturb does not count.
    const MOST_SESSIONS: usize = 40;
    /// Comparisons that others disturbed stay without an answer; the next point of the slower build asks again.
    const MOST_QUESTIONS: usize = 4;
    const ANSWERED_WITHIN: Duration = Duration::from_secs(180);
    let _cores = farm::CORES.write().await;
    let quick = std::fs::read(farm::models().join("mobilenet-v1-0.5-160.fp32.onnx")).unwrap();
    let bigger = farm::folder();
    let build = ["zoo", "build", "--quiet"];
    let (code, _, stderr) = farm::run(farm::benchrack().args(build).arg(bigger.path()).arg("mobilenet-v1-1.0-224"));
    assert_eq!(code, 0, "{stderr}");
    let slow = std::fs::read(bigger.path().join("mobilenet-v1-1.0-224.fp32.onnx")).unwrap();

    let folder = farm::folder();
    let server = Server::start(&folder.path().join("server"), 60);
    let _agent = farm::agent(&server.url(), &folder.path().join("agent"));
    let client = server.client();
    farm::registered(&client).await;
    let suite = folder.path().join("suite.toml");
    // Only what has settled and is warm counts.
    let patient = [
        ("\"*\"", "\"app\""),
        ("blocks = 4", "blocks = 10"),
        ("max_settle_time = 1_000_000", "max_settle_time = 5_000_000_000"),
        ("= 300_000_000", "= 3_000_000_000"),
    ];
    std::fs::write(&suite, patient.iter().fold(SUITE.to_owned(), |suite, (old, new)| suite.replace(old, new))).unwrap();
    let counting = async || {
        let runs = client.runs(&Default::default()).await.unwrap();
        let valid = |run: &&benchrack_protocol::api::Run| run.validity == Some(benchrack_protocol::validity::Validity::Valid);
        runs.iter().filter(valid).filter(|run| run.label.starts_with("app")).count()
    };
    let measure = async || {
        let (code, stdout, stderr) = farm::run(server.command().args(["submit", "--json"]).arg(&suite));
        assert_eq!(code, 0, "{stderr}");
        let submission: benchrack_protocol::api::Submission = serde_json::from_str(&stdout).unwrap();
        farm::finished(&client, submission.id).await;
    };
    let mut revision = 0;
    while counting().await < 8 {
        let runs = client.runs(&Default::default()).await.unwrap();
        assert!(revision < MOST_SESSIONS, "of {revision} sessions only {} count: {:?}", counting().await, runs.first());
        add(&server, &quick, &format!("r{revision}"));
        measure().await;
        revision += 1;
    }
    assert_eq!(client.alerts(&AlertQuery::default()).await.unwrap(), []);

    add(&server, &slow, "slow");
    let counted = counting().await;
    for sessions in 0.. {
        assert!(sessions < MOST_SESSIONS, "no session of the slower build counts");
        measure().await;
        if counting().await > counted {
            break;
        }
    }
    // Its file is larger as well, which needs no session and is the same alert.
    let latency = |alert: &Alert| alert.findings.iter().find(|finding| finding.metric == Metric::Latency).cloned();
    let confirmed = async || {
        let alerts = client.alerts(&AlertQuery::default()).await.unwrap();
        alerts.into_iter().find_map(|alert| latency(&alert).map(|finding| (alert, finding)))
    };
    let mut found = None;
    for _ in 0..MOST_QUESTIONS {
        let asked = Instant::now();
        let mut every = tokio::time::interval(Duration::from_millis(200));
        while found.is_none() && asked.elapsed() < ANSWERED_WITHIN {
            every.tick().await;
            found = confirmed().await;
        }
        if found.is_some() {
            break;
        }
        measure().await;
    }
    let (alert, finding) = found.expect("the slower build is alerted");
    // It may also load slower and fill more memory, which are findings of the same alert.
    assert!(finding.bad.revision == "slow" && alert.findings.len() >= 2, "{alert:#?}");
    // The old build is taken from before the place where it seems to have changed; a busy machine may not tell those apart.
    assert!((1..=3).contains(&finding.suspects), "{alert:#?}");
    assert_eq!(client.alerts(&AlertQuery::default()).await.unwrap().len(), 1);
    assert!(finding.effect.unwrap().low > 1.0, "more than twice as slow: {alert:#?}");

    // Anybody can compute its proof again, without the server.
    let gate = finding.gate.unwrap();
    let receipt = folder.path().join("gate.receipt");
    std::fs::write(&receipt, client.gate_receipt(gate).await.unwrap()).unwrap();
    let (code, verified, stderr) = farm::run(farm::benchrack().arg("verify").arg(&receipt));
    let says_slower = verified.lines().any(|line| line.starts_with("slower"));
    assert!(code == 0 && says_slower && verified.contains("genuine: "), "{code} {verified} {stderr}");

    let (code, listed, _) = farm::run(server.command().args(["alerts", "list"]));
    assert!(code == 0 && listed.contains("app fp32 slow: latency +"), "{listed}");
    let id = alert.id.to_string();
    let (code, shown, _) = farm::run(server.command().args(["alerts", "show", &id]));
    assert!(code == 0 && shown.contains(&format!("gate {gate}")), "{shown}");
    let triage = ["alerts", "triage", &id, "confirmed", "--owner", "ada", "--due", "14d"];
    let (code, said, stderr) = farm::run(server.command().args(triage));
    assert_eq!((code, said.trim()), (0, format!("alert {id} is confirmed").as_str()), "{stderr}");
    assert_eq!(client.alert(alert.id).await.unwrap().state, TriageState::Confirmed);
    let (code, _, stderr) = farm::run(server.command().args(["alerts", "triage", &id, "expected"]));
    assert!(code == 2 && stderr.contains("reason"), "{stderr}");
    let (code, report, _) = farm::run(server.command().args(["aa", "report"]));
    assert!(code == 0 && report.contains("[series.self_test]"), "{report}");
}
