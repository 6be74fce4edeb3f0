//! Every message has a golden file for each version ever shipped: what was written once is read for ever.
//!
//! A change of the wire format makes a new folder; files of older folders are never touched. To write the files of a new
//! version: `BENCHRACK_WRITE_GOLDEN=1 cargo test -p benchrack-protocol`, then read the difference.

use std::fmt::Debug;
use std::path::PathBuf;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::samples;

fn folder(version: u32) -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden")).join(format!("v{version}"))
}

fn check<T: Serialize + DeserializeOwned + PartialEq + Debug>(name: &str, sample: &T) {
    let file = folder(benchrack_protocol::WIRE_VERSION).join(name).with_extension("json");
    let text = serde_json::to_string_pretty(sample).unwrap() + "\n";
    if std::env::var_os("BENCHRACK_WRITE_GOLDEN").is_some() {
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(&file, &text).unwrap();
    }
    let golden = std::fs::read_to_string(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    assert_eq!(text, golden, "{name} is written as it was");
    assert_eq!(&serde_json::from_str::<T>(&golden).unwrap(), sample, "{name} is read");
    for version in 1..benchrack_protocol::WIRE_VERSION {
        let file = folder(version).join(name).with_extension("json");
        // A message that is younger than this version has no file in its folder.
        let Ok(golden) = std::fs::read_to_string(&file) else { continue };
        let read: T = serde_json::from_str(&golden).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        let again = serde_json::to_string_pretty(&read).unwrap() + "\n";
        assert_eq!(again, golden, "{name} of version {version} lost nothing");
    }
}

#[test]
fn messages_are_written_as_they_were_and_those_of_older_versions_are_read_whole() {
    check("device_report", &samples::device_report());
    check("registration", &samples::registration());
    check("lease", &samples::lease());
    check("heartbeat", &samples::heartbeat());
    check("session_report", &samples::report());
    check("manifest", &samples::manifest());
    check("suite", &samples::suite());
    check("new_gate", &samples::gate());
    check("alert", &samples::alert());
    check("new_triage", &samples::triage());
    check("self_test", &samples::self_test());
    check("problem", &samples::problem());
    check("rack", &samples::rack());
    check("rack_report", &samples::rack_report());
    check("study", &samples::study());
    check("study_device", &samples::study_device());
    check("engine_build", &samples::engine_build());
    check("runner_requests", &samples::requests());
    check("runner_replies", &samples::replies());
}

#[test]
fn a_key_is_not_printed() {
    let debug = format!("{:?}", samples::requests());
    assert!(debug.contains("redacted") && !debug.contains("0707"), "{debug}");
}

#[test]
fn unknown_keys_of_what_people_write_are_refused() {
    let suite = r#"{"name": "a", "models": ["*"], "thread": [1]}"#;
    let error = serde_json::from_str::<benchrack_protocol::suite::Suite>(suite).unwrap_err();
    assert!(error.to_string().contains("unknown field `thread`"), "{error}");
}

#[test]
fn a_problem_code_of_a_newer_server_is_read_as_unknown() {
    let text = r#"{"code":"quota_used_up","type":"urn:x","title":"t","status":429,"detail":"d"}"#;
    let problem: benchrack_protocol::problem::Problem = serde_json::from_str(text).unwrap();
    assert_eq!(problem.code, benchrack_protocol::problem::ProblemCode::Unknown);
    assert_eq!(problem.status, 429);
}
