//! The rack's host dies, at any point: phones are whole, restore themselves, and lose no session.

use std::process::{Command, Stdio};

use super::phones::{Phones, in_namespaces};
use super::{agents, devices, order};
use crate::farm::{self, Process, Server, run, until};

/// Files of a phone in the order in which deploying makes them.
const STAGES: [&str; 6] = ["", "benchrack-agent.new", "benchrack-agent", "agent.toml", "token", "agent.pid"];

#[test]
fn a_host_killed_at_any_stage_of_deploying_leaves_a_phone_that_the_next_one_completes() {
    in_namespaces(
        "rack::host_killed::a_host_killed_at_any_stage_of_deploying_leaves_a_phone_that_the_next_one_completes",
        || async {
            let folder = farm::folder();
            let phones = Phones::start(folder.path(), 1);
            let server = Server::start(&folder.path().join("server"), 60);
            let place = phones.path(0, "data/local/tmp/benchrack");
            for stage in STAGES {
                let mut host = Process::start(phones.rack(&server).arg("deploy").stdout(Stdio::null()).stderr(Stdio::null()));
                until(&format!("'{stage}' is there"), || async { place.join(stage).exists().then_some(()) }).await;
                host.kill_9();
                // Calls that were under way go with their host, as they do when it loses power.
                phones.kill_adb();
                phones.restore_adb();
            }
            let (code, stdout, stderr) = order(&server, &phones, &["deploy"]);
            assert_eq!(code, 0, "{stdout} {stderr}");
            devices(&server, 1, &["idle"]).await;
            let (_, running, _) =
                run(Command::new("pgrep").args(["-c", "-f", "^/data/local/tmp/benchrack/benchrack-agent run --config"]));
            assert_eq!(running.trim(), "1", "one agent");
            let left: Vec<String> =
                std::fs::read_dir(&place).unwrap().map(|file| file.unwrap().file_name().to_string_lossy().into_owned()).collect();
            assert!(!left.iter().any(|name| name.ends_with(".new") || name.ends_with(".partial")), "{left:?}");
            let tokens = server.client().tokens().await.unwrap();
            let good = tokens.iter().filter(|token| token.name.contains("on rack test-rack") && token.revoked_at.is_none());
            assert_eq!(good.count(), 1, "{tokens:?}");
        },
    );
}

/// Blocks that last long enough for a host to die in the middle of them.
const LONG: &str = "name = \"long\"\nmodels = [\"*\"]\n[plan]\nblocks = 10\nblock_time = 500_000_000\nmin_warmup_samples = 3\n\
    max_warmup_time = 300_000_000\nmax_settle_time = 1_000_000\n";

#[test]
fn a_phone_whose_host_dies_in_a_session_restores_itself_and_the_session_is_stored_once() {
    in_namespaces(
        "rack::host_killed::a_phone_whose_host_dies_in_a_session_restores_itself_and_the_session_is_stored_once",
        || async {
            let folder = farm::folder();
            let phones = Phones::start(folder.path(), 1);
            // The lease ends soon, so that a phone which nobody hears is given up while this test waits.
            let server = Server::with(&folder.path().join("server"), 5, "max_attempts = 20\nquarantine_after = 20\n");
            server.add_models();
            let client = server.client();
            let mut host = Process::start(phones.rack(&server).stdout(Stdio::null()));
            devices(&server, 1, &["idle"]).await;
            let suite = folder.path().join("long.toml");
            std::fs::write(&suite, LONG).unwrap();
            let (code, stdout, stderr) = run(server.command().args(["submit", "--json"]).arg(&suite));
            assert_eq!(code, 0, "{stderr}");
            let submission: benchrack_protocol::api::Submission = serde_json::from_str(&stdout).unwrap();
            let prepared = || async { (!phones.is_untouched(0)).then_some(()) };
            let restored = || async { phones.is_untouched(0).then_some(()) };
            until("the phone is prepared for its session", prepared).await;
            // Host and adb's server, and with it the phone's way to the server.
            host.kill_9();
            phones.kill_adb();
            until("the phone has restored itself without its host", restored).await;

            phones.restore_adb();
            let mut host = Process::start(phones.rack(&server).stdout(Stdio::null()));
            until("the session runs again", prepared).await;
            // This time the agent dies as well: its guardian restores.
            host.kill_9();
            phones.kill_adb();
            let (code, _, _) =
                run(Command::new("pkill").args(["-9", "-f", "^/data/local/tmp/benchrack/benchrack-agent run --config"]));
            assert_eq!(code, 0, "there was an agent to kill");
            until("the guardian has restored the phone", restored).await;

            phones.restore_adb();
            let _host = Process::start(phones.rack(&server).stdout(Stdio::null()));
            let done = farm::finished(&client, submission.id).await;
            assert!(done.jobs.iter().all(|job| job.state == "done"), "{done:#?}");
            let query = benchrack_client::RunQuery { submission: Some(submission.id), ..Default::default() };
            let runs = client.runs(&query).await.unwrap();
            assert_eq!(runs.len(), 2, "fp32 and int8, once: {runs:#?}");
            until("the phone is as it was", restored).await;
            assert!(agents(&server, &phones)[0].1.is_some());
        },
    );
}
