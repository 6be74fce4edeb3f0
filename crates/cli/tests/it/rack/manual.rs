//! The manual, word by word: what docs/operations.md has a person type makes a phone join the farm and measure.

use std::path::Path;
use std::process::{Command, Stdio};

use super::phones::{Phones, in_namespaces};
use crate::farm::{self, Process, Server, run, until};

const MANUAL: &str = include_str!("../../../../../docs/operations.md");

/// Lines of the manual's first block of commands, without their comments.
fn commands() -> Vec<String> {
    let block = MANUAL.split("```sh\n").nth(1).and_then(|rest| rest.split("```").next()).unwrap();
    let lines = block.lines().map(|line| line.split(" #").next().unwrap_or_default().trim().to_owned());
    lines.filter(|line| !line.is_empty()).collect()
}

#[test]
fn a_phone_joins_the_farm_and_measures_the_starter_suite_as_the_manual_says() {
    in_namespaces("rack::manual::a_phone_joins_the_farm_and_measures_the_starter_suite_as_the_manual_says", || async {
        let folder = farm::folder();
        let phones = Phones::start(folder.path(), 1);
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap();
        std::os::unix::fs::symlink(root.join("config"), folder.path().join("config")).unwrap();
        let programs = Path::new(env!("CARGO_BIN_EXE_benchrack")).parent().unwrap();
        let path = format!("{}:{}", programs.display(), std::env::var("PATH").unwrap());
        let shell = |line: &str| {
            let mut command = Command::new("bash");
            command.args(["-c", line]).current_dir(folder.path()).env("PATH", &path).env("HOME", folder.path());
            for name in ["BENCHRACK_SERVER", "BENCHRACK_TOKEN", "BENCHRACK_TOKEN_FILE", "DATABASE_URL", "XDG_DATA_HOME"] {
                command.env_remove(name);
            }
            command.env("BENCHRACK_AGENTS", phones.agents()).stdin(Stdio::null());
            command
        };
        let (mut farm, mut host, mut table) = (None, None, String::new());
        for line in commands() {
            match line.strip_suffix(" &") {
                // The agents of these tests stand in for what it builds: it is tried where the arm64 agent is emulated.
                None if line == "cargo xtask agent-build" => {}
                None => {
                    let (code, stdout, stderr) = run(&mut shell(&line));
                    assert_eq!(code, 0, "{line}: {stdout} {stderr}");
                    table = stdout;
                }
                Some(line) => {
                    let process = Process::start(shell(&format!("exec {line}")).stdout(Stdio::null()));
                    if line == "benchrack serve" {
                        let server = Server { process, address: "127.0.0.1:7070".parse().unwrap() };
                        until("the server is ready", || async { server.client().ready().await.ok() }).await;
                        farm = Some(server);
                    } else {
                        assert_eq!(line, "benchrack rack");
                        host = Some(process);
                        let server = farm.as_ref().unwrap();
                        until("the phone has joined", || async {
                            (server.client().devices().await.ok()?.len() == 1).then_some(())
                        })
                        .await;
                    }
                }
            }
        }
        let server = farm.unwrap();
        let page = server.page("/rack");
        assert!(page.contains("test-phone-sn1"), "{page}");
        for model in ["squeezenet-1.1", "mobilenet-v1-0.5-160", "mobilenet-v1-1.0-224", "resnet-18"] {
            assert!(table.contains(model), "{table}");
        }
        let runs = server.client().runs(&benchrack_client::RunQuery { limit: Some(500), ..Default::default() }).await.unwrap();
        assert!(runs.len() == 16 && runs.iter().all(|run| run.failure.is_none()), "{runs:#?}");
        drop(host);
        assert!(phones.is_untouched(0));
    });
}
