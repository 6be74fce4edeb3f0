//! README's "Add a phone", word by word: what it has a person type makes a phone join the farm and measure.

use std::path::Path;
use std::process::{Command, Stdio};

use super::phones::{Phones, in_namespaces};
use crate::farm::{self, Process, Server, run, until};

const README: &str = include_str!("../../../../../README.md");
const OPERATIONS: &str = include_str!("../../../../../docs/operations.md");

/// Lines of the first block of commands below a title, without their comments.
fn commands(text: &str, title: &str) -> Vec<String> {
    let section = text.split(&format!("\n{title}\n")).nth(1).unwrap();
    let block = section.split("```sh\n").nth(1).and_then(|rest| rest.split("```").next()).unwrap();
    let lines = block.lines().map(|line| line.split(" #").next().unwrap_or_default().trim().to_owned());
    lines.filter(|line| !line.is_empty()).collect()
}

#[test]
fn readme_and_manual_name_the_same_commands() {
    let readme = commands(README, "## Add a phone");
    assert!(readme.len() > 3, "{readme:?}");
    assert_eq!(readme, commands(OPERATIONS, "## A phone joins the farm"));
}

#[test]
fn a_phone_joins_the_farm_and_measures_the_starter_suite_as_readme_says() {
    in_namespaces("rack::manual::a_phone_joins_the_farm_and_measures_the_starter_suite_as_readme_says", || async {
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
            // What the commands leave behind goes to the test's folder, and not to this machine's.
            command.env("BENCHRACK_DATA_DIR", folder.path().join("farm"));
            command.env("BENCHRACK_AGENTS", phones.agents()).stdin(Stdio::null());
            command
        };
        let (mut farm, mut host, mut table) = (None, None, String::new());
        for line in commands(README, "## Add a phone") {
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
