//! `benchrack gate`: a verdict and an exit code that a CI job can trust.

use benchrack_protocol::api::{GateOutcome, Verdict};

use crate::farm::{self, Server};

fn model(name: &str) -> std::path::PathBuf {
    farm::models().join(name)
}

/// Asks until the evidence allows a verdict: somebody else may be at work on this machine, and a gate must not decide then.
fn verdict(mut ask: impl FnMut() -> (i32, String, String)) -> (i32, GateOutcome) {
    const ATTEMPTS: usize = 5;
    let mut last = None;
    for _ in 0..ATTEMPTS {
        let (code, stdout, stderr) = ask();
        let outcome: GateOutcome = serde_json::from_str(&stdout).unwrap_or_else(|error| panic!("{error}: {stdout}{stderr}"));
        if outcome.verdict != Verdict::Inconclusive {
            return (code, outcome);
        }
        assert_eq!(code, 3, "{outcome:#?}");
        last = Some(outcome);
    }
    panic!("no verdict in {ATTEMPTS} attempts, the last one: {last:#?}");
}

#[tokio::test]
async fn a_larger_model_is_rejected_on_the_farm() {
    let _cores = farm::CORES.write().await;
    let folder = farm::folder();
    let server = Server::start(&folder.path().join("server"), 60);
    let _agent = farm::agent(&server.url(), &folder.path().join("agent"));
    farm::registered(&server.client()).await;
    let bigger = farm::folder();
    let (code, _, stderr) =
        farm::run(farm::benchrack().args(["zoo", "build", "--quiet"]).arg(bigger.path()).arg("mobilenet-v1-1.0-224"));
    assert_eq!(code, 0, "{stderr}");
    let mut command = server.command();
    command.args(["gate", "--json", "--quiet", "--block-ms", "20", "--baseline"]);
    command
        .arg(model("mobilenet-v1-0.5-160.fp32.onnx"))
        .arg("--candidate")
        .arg(bigger.path().join("mobilenet-v1-1.0-224.fp32.onnx"));
    let (code, outcome) = verdict(|| farm::run(&mut command));
    assert_eq!((code, outcome.verdict), (1, Verdict::Slower), "{outcome:#?}");
    assert!(outcome.devices[0].effect.unwrap().low > 1.0, "more than twice as slow: {outcome:#?}");
}

#[test]
fn a_model_passes_against_itself() {
    let _cores = farm::CORES.blocking_write();
    let itself = model("mobilenet-v1-0.5-160.fp32.onnx");
    let mut command = farm::benchrack();
    // A wide tolerance: how narrow an interval this machine allows is not what is tested.
    command.args(["gate", "--local", "--json", "--quiet", "--block-ms", "20", "--tolerance", "50%"]);
    command.arg("--baseline").arg(&itself).arg("--candidate").arg(&itself);
    let (code, outcome) = verdict(|| farm::run(&mut command));
    assert_eq!((code, outcome.verdict), (0, Verdict::NotSlower), "{outcome:#?}");
}

#[test]
fn too_few_rounds_are_inconclusive_not_a_pass_and_the_receipt_says_the_same() {
    let _cores = farm::CORES.blocking_write();
    let folder = farm::folder();
    let receipt = folder.path().join("gate.receipt");
    let itself = model("mobilenet-v1-0.5-160.fp32.onnx");
    let mut command = farm::benchrack();
    command
        .args(["gate", "--local", "--quiet", "--rounds", "2", "--block-ms", "1", "--explain", "--receipt"])
        .arg(&receipt)
        .arg("--baseline")
        .arg(&itself)
        .arg("--candidate")
        .arg(&itself);
    let (code, stdout, stderr) = farm::run(&mut command);
    assert_eq!(code, 3, "{stdout}{stderr}");
    assert!(stdout.contains("inconclusive") && stdout.contains("this machine, every round:"), "{stdout}");
    let (code, again, stderr) = farm::run(farm::benchrack().arg("verify").arg(&receipt));
    assert_eq!(code, 0, "{again}{stderr}");
    assert_eq!(again.lines().find(|line| line.starts_with("inconclusive")), stdout.lines().last(), "{again}");
    assert!(again.ends_with("genuine: the verdict computed again is the one in the file\n"), "{again}");
}

#[test]
fn what_cannot_be_asked_is_refused_before_anything_is_measured() {
    let itself = model("mobilenet-v1-0.5-160.fp32.onnx");
    let budgets = farm::folder();
    let file = budgets.path().join("budgets.toml");
    std::fs::write(&file, "[[budget]]\nmetric = \"latency\"\nlimit = \"3 MB\"\nreason = \"x\"\nowner = \"y\"\n").unwrap();
    let refused = |arguments: &[&str], said: &str| {
        let mut command = farm::benchrack();
        command.args(["gate", "--local", "--candidate"]).arg(&itself).args(arguments);
        let (code, stdout, stderr) = farm::run(&mut command);
        assert_eq!(code, 2, "{arguments:?}: {stdout}{stderr}");
        assert!(stderr.contains(said), "{arguments:?}: {stderr}");
    };
    let path = itself.to_str().unwrap();
    refused(&[], "name a --baseline");
    refused(&["--baseline", "app@v1"], "models by name are those of a server");
    refused(&["--baseline", path, "--metrics", "frame_rate"], "cannot decide a gate");
    refused(&["--baseline", path, "--budget", file.to_str().unwrap()], "budget 1: limit is 3 MB");
    refused(&["--baseline", path, "--budget-time", "soon"], "soon");
}
