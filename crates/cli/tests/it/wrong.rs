//! What a person or a script gets wrong, and what they are told.

use crate::farm::{self, Server};

fn fails(arguments: &[&str], code: i32, says: &[&str]) {
    let (actual, stdout, stderr) = farm::run(farm::benchrack().args(arguments));
    assert_eq!(actual, code, "{arguments:?}: {stdout}{stderr}");
    for text in says {
        assert!(stderr.contains(text), "{arguments:?} says {text:?}: {stderr}");
    }
    assert!(!stderr.contains("panicked"), "{stderr}");
}

#[test]
fn usage_errors_end_with_2_and_say_what_is_wrong() {
    let _cores = farm::CORES.blocking_read();
    let folder = farm::folder();
    let file = |name: &str, content: &[u8]| {
        let path = folder.path().join(name);
        std::fs::write(&path, content).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let empty = file("empty.onnx", b"");
    let text = file("text.onnx", b"this is no model at all, only text");
    let model = farm::models().join("mobilenet-v1-0.5-160.fp32.onnx");
    let whole = std::fs::read(&model).unwrap();
    let truncated = file("truncated.onnx", &whole[..whole.len() / 2]);
    let suite = file("suite.toml", b"name = \"x\"\nmodels = [\"*\"]\nthread = [1]\n");
    let model = model.to_str().unwrap();
    for wrong in [&empty, &text, &truncated] {
        fails(&["gate", "--local", "--baseline", wrong, "--candidate", model], 2, &["cannot be used"]);
    }
    fails(&["gate", "--baseline", "/nonexistent.onnx", "--candidate", model], 2, &["/nonexistent.onnx"]);
    fails(&["gate", "--baseline", model, "--candidate", model, "--tolerance", "lots"], 2, &["is no share such as 2%"]);
    fails(&["submit", &suite], 2, &["thread"]);
    fails(&["nonsense"], 2, &["unrecognized subcommand"]);
    fails(&["zoo", "build", folder.path().to_str().unwrap(), "no-such-net"], 2, &["no-such-net"]);
    fails(&["--server", "x", "devices"], 2, &[]);
    fails(&["devices", "--server", "not a url"], 2, &["cannot use the server address"]);
}

#[test]
fn a_server_that_is_away_ends_with_4_and_says_how_to_start_one() {
    let _cores = farm::CORES.blocking_read();
    fails(&["devices", "--server", "http://127.0.0.1:9"], 4, &["benchrack serve"]);
}

#[test]
fn a_port_that_is_taken_and_a_folder_that_cannot_be_written_are_named() {
    let _cores = farm::CORES.blocking_read();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let folder = farm::folder();
    let data = folder.path().join("data");
    fails(&["serve", "--listen", &address, "--data-dir", data.to_str().unwrap()], 4, &[&address]);
    fails(&["serve", "--listen", "127.0.0.1:0", "--data-dir", "/proc/no"], 4, &["/proc/no"]);
}

#[test]
fn a_database_that_refuses_is_named_without_its_password() {
    let _cores = farm::CORES.blocking_read();
    let mut command = farm::benchrack();
    command.args(["serve", "--listen", "127.0.0.1:0"]).env("DATABASE_URL", "postgres://me:s3cret@127.0.0.1:9/farm");
    let (code, _, stderr) = farm::run(&mut command);
    assert_eq!(code, 4, "{stderr}");
    assert!(stderr.contains("127.0.0.1") && !stderr.contains("s3cret"), "{stderr}");
}

#[tokio::test]
async fn a_model_that_no_engine_can_run_fails_its_run_with_the_reason_and_the_agent_goes_on() {
    let _cores = farm::CORES.read().await;
    let folder = farm::folder();
    let server = Server::start(&folder.path().join("server"), 60);
    let _agent = farm::agent(&server.url(), &folder.path().join("agent"));
    farm::registered(&server.client()).await;
    let unknown = folder.path().join("unknown.onnx");
    std::fs::write(&unknown, crate::foreign::unknown_operator()).unwrap();
    let (code, _, stderr) = farm::run(server.command().args(["models", "add", "--name", "unknown"]).arg(&unknown));
    assert_eq!(code, 0, "{stderr}");
    let done = farm::finished(&server.client(), server.submit().id).await;
    assert!(done.jobs.iter().all(|job| job.state == "done"), "a failed run is a result: {done:#?}");
    let runs = server.client().runs(&benchrack_client::RunQuery::default()).await.unwrap();
    let failure = runs[0].failure.as_ref().unwrap_or_else(|| panic!("{runs:#?}"));
    assert_eq!(failure.reason, benchrack_protocol::runner::FailureReason::UnsupportedOperator, "{failure:?}");
    assert!(failure.detail.contains("Frobnicate"), "{failure:?}");
    server.add_models();
    let done = farm::finished(&server.client(), server.submit().id).await;
    assert!(done.jobs.iter().all(|job| job.state == "done"), "{done:#?}");
}
