//! `benchrack study`: claims as experiments, from the file to the verdicts.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use benchrack_protocol::study::{Basis, StudyReport, StudyVerdict};
use serde_json::Value;

use crate::farm::{self, PATIENCE, Server};

/// A study of one small model: what its manifests say is certain, what is measured depends on who else is at work here.
pub fn study_file(folder: &Path, blocks: u32, settle_ns: u64) -> PathBuf {
    let text = format!(
        r#"
name = "tiny"
title = "Is int8 smaller, and is it faster?"

[[claims]]
claim = "An int8 file is less than a third of its fp32 file."
source = "arXiv:1712.05877"
checks = [
    {{ says = "file", figure = "model_size", of = {{ model = "mobilenet-v1-0.5-160", precision = "int8" }}, to = {{ model = "mobilenet-v1-0.5-160" }}, at_most = 0.333 }},
]

[[claims]]
claim = "int8 takes less than a thousandth of fp32's time."
source = "nobody"
checks = [
    {{ says = "latency", of = {{ model = "mobilenet-v1-0.5-160", precision = "int8" }}, to = {{ model = "mobilenet-v1-0.5-160" }}, at_most = 0.001 }},
]

[suite]
name = "tiny"
models = ["mobilenet-v1-0.5-160"]

[suite.plan]
blocks = {blocks}
block_time = 20_000_000
min_warmup_samples = 3
max_warmup_time = 300_000_000
max_settle_time = {settle_ns}
"#
    );
    let file = folder.join("tiny.toml");
    std::fs::write(&file, text).unwrap();
    file
}

fn report_of(stdout: &str) -> StudyReport {
    let value: Value = serde_json::from_str(stdout).unwrap_or_else(|error| panic!("{error}: {stdout}"));
    serde_json::from_value(value["report"].clone()).unwrap()
}

#[test]
fn a_study_runs_without_a_server_and_is_reported_again_from_what_was_stored() {
    let folder = farm::folder();
    let file = study_file(folder.path(), 10, 1_000_000);
    let data = folder.path().join("data");
    let local = |arguments: &[&str]| {
        let mut command = farm::benchrack();
        command.arg("study").args(arguments).args(["--local", "--data-dir"]).arg(&data);
        let (code, stdout, stderr) = farm::run(&mut command);
        assert_eq!(code, 0, "whatever the verdicts are: {stdout}{stderr}");
        stdout
    };
    let first = report_of(&local(&["run", "--json", "--quiet", file.to_str().unwrap()]));
    assert_eq!(first.devices.len(), 1);
    let claims = &first.devices[0].claims;
    assert_eq!((claims[0].verdict, claims[0].checks[0].basis), (StudyVerdict::Holds, Some(Basis::Exact)), "{claims:#?}");
    // Nothing is a thousand times as fast; where others disturb the measurement nothing is said.
    let faster = &claims[1].checks[0];
    match faster.verdict {
        StudyVerdict::DoesNotHold => assert!(faster.measured.unwrap().low > 0.001, "{faster:?}"),
        StudyVerdict::CannotTell => assert!(!faster.needed.is_empty(), "{faster:?}"),
        StudyVerdict::Holds => panic!("{faster:?}"),
    }
    assert_eq!(report_of(&local(&["report", "--json", "tiny"])), first, "the same samples give the same answer");
    let text = local(&["report", "tiny"]);
    for words in ["-> holds", "manifests", "An int8 file is less than a third", "[nobody]"] {
        assert!(text.contains(words), "{words} is not in: {text}");
    }
}

#[tokio::test]
async fn an_interrupted_study_leaves_nothing_queued() {
    let folder = farm::folder();
    let server = Server::start(&folder.path().join("server"), 60);
    let _agent = farm::agent(&server.url(), &folder.path().join("agent"));
    let client = server.client();
    farm::registered(&client).await;
    let file = study_file(folder.path(), 100_000, 1_000_000);
    let mut command = server.command();
    command.args(["study", "run", "--quiet"]).arg(&file).arg("--data-dir").arg(folder.path().join("data"));
    let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
    let study = farm::until("the study is queued", || async { client.newest_study("tiny").await.ok().flatten() }).await;
    let submission = client.study(study.id).await.unwrap().submission.id;
    farm::begun(&client, submission).await;
    let pid = rustix::process::Pid::from_raw(i32::try_from(child.id()).unwrap()).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::INT).unwrap();
    let started = std::time::Instant::now();
    let code = farm::until("the program has ended", || {
        let ended = child.try_wait().unwrap();
        async move { ended }
    })
    .await
    .code();
    assert!(started.elapsed() < PATIENCE);
    let mut stderr = String::new();
    child.stderr.take().unwrap().read_to_string(&mut stderr).unwrap();
    assert_eq!(code, Some(4), "{stderr}");
    assert!(stderr.contains("interrupted; what was queued is cancelled"), "{stderr}");
    let states: Vec<String> = client.submission(submission).await.unwrap().jobs.into_iter().map(|job| job.state).collect();
    assert_eq!(states, ["cancelled"]);
}

#[test]
fn what_makes_no_sense_ends_with_2_and_names_it() {
    let folder = farm::folder();
    let file = study_file(folder.path(), 10, 1_000_000);
    let good = std::fs::read_to_string(&file).unwrap();
    let wrong = |name: &str, from: &str, to: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, good.replacen(from, to, 1)).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let unknown_key = wrong("key.toml", "at_most = 0.333", "atmost = 0.333");
    let unknown_model = wrong("model.toml", "models = [\"mobilenet-v1-0.5-160\"]", "models = [\"resnet-18\"]");
    for (name, words) in [
        ("no-such-study", "int8-against-fp32"),
        ("/nonexistent.toml", "/nonexistent.toml"),
        (unknown_key.as_str(), "atmost"),
        (unknown_model.as_str(), "claims[0].checks[0].of.model"),
    ] {
        let (code, stdout, stderr) = farm::run(farm::benchrack().args(["study", "run", name]));
        assert_eq!(code, 2, "{name}: {stdout}{stderr}");
        assert!(stderr.contains(words) && !stderr.contains("panicked"), "{name}: {stderr}");
    }
    let (code, stdout, _) = farm::run(farm::benchrack().args(["study", "list"]));
    assert!(code == 0 && stdout.contains("architectures") && stdout.contains("3x3-against-1x3-3x1"), "{stdout}");
}
