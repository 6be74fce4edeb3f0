//! A plain Linux board by ssh: this machine, through a stand-in for ssh that runs the command here. Everything behind it is
//! real: the scripts, the agent detached, its token, the server.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::farm::{self, Server, run, until};

/// The destination is dropped, and the command runs in a shell of its own, as sshd would have it.
const SSH: &str = r#"#!/bin/sh
while :; do case $1 in -o) shift 2 ;; -*) shift ;; *) break ;; esac; done
[ "$1" = me@board ] || { echo "no such host: $1" >&2; exit 255; }
exec sh -c "$2"
"#;
const ADB: &str = "#!/bin/sh\necho 'List of devices attached'\n";

struct Board {
    folder: tempfile::TempDir,
}

impl Board {
    fn new() -> Self {
        let folder = farm::folder();
        for (name, script) in [("ssh", SSH), ("adb", ADB)] {
            let program = folder.path().join(name);
            std::fs::write(&program, script).unwrap();
            std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
        }
        let target = folder.path().join("agents").join(format!("{}-unknown-linux-musl", std::env::consts::ARCH));
        std::fs::create_dir_all(&target).unwrap();
        let agent = Path::new(env!("CARGO_BIN_EXE_benchrack")).with_file_name("benchrack-agent");
        std::os::unix::fs::symlink(agent, target.join("benchrack-agent")).unwrap();
        Self { folder }
    }

    fn place(&self) -> PathBuf {
        self.folder.path().join("board")
    }

    fn order(&self, server: &Server, arguments: &[&str]) -> (i32, String, String) {
        let path = format!("{}:{}", self.folder.path().display(), std::env::var("PATH").unwrap());
        let mut command = server.command();
        command.env("PATH", path).env("BENCHRACK_AGENTS", self.folder.path().join("agents")).arg("rack").args(arguments);
        command.args(["--ssh", "me@board", "--host-name", "test-rack", "--phone-server", &server.url(), "--board-dir"]);
        run(command.arg(self.place()))
    }
}

impl Drop for Board {
    fn drop(&mut self) {
        // A test that failed leaves no agent behind.
        if let Ok(pid) = std::fs::read_to_string(self.place().join("agent.pid")) {
            let killed = Command::new("kill").arg("-9").arg(pid.trim()).status();
            assert!(killed.is_ok(), "{killed:?}");
        }
    }
}

#[tokio::test]
async fn a_board_is_deployed_measures_is_drained_and_left_as_it_was() {
    if !Path::new(env!("CARGO_BIN_EXE_benchrack")).with_file_name("benchrack-agent").is_file() {
        eprintln!("SKIPPED: no benchrack-agent beside benchrack; build the whole workspace");
        return;
    }
    let _cores = farm::CORES.read().await;
    let board = Board::new();
    let server = Server::start(&board.folder.path().join("server"), 60);
    let client = server.client();
    let (code, stdout, stderr) = board.order(&server, &["deploy", "me@board"]);
    assert_eq!(code, 0, "{stderr}");
    for done in ["agent pushed", "configured", "enrolled", "started"] {
        assert!(stdout.contains(done), "{stdout}");
    }
    let label = "serial=me-board".to_owned();
    until("the board has registered", || async {
        client.devices().await.ok()?.into_iter().find(|device| device.labels.contains(&label))
    })
    .await;

    // What is there stays, and what is secret is its user's alone.
    let (_, stdout, _) = board.order(&server, &["deploy"]);
    assert_eq!(stdout, "me@board: is as it shall be\n");
    for (name, mode) in [("", 0o700), ("token", 0o600), ("agent.toml", 0o600)] {
        let file = board.place().join(name);
        assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, mode, "{}", file.display());
    }
    let settings = std::fs::read_to_string(board.place().join("agent.toml")).unwrap();
    assert!(!settings.contains("knobs"), "a board's own settings are left alone: {settings}");
    benchrack_agent::config::Config::load(&board.place().join("agent.toml")).unwrap();

    server.add_models();
    let submission = server.submit();
    until("the board has work", || async {
        let jobs = client.submission(submission.id).await.ok()?.jobs;
        jobs.iter().any(|job| job.state != "queued").then_some(())
    })
    .await;
    // Drained in the middle of its work, or just after it: the session is measured and delivered.
    let (code, _, stderr) = board.order(&server, &["drain", "me@board"]);
    assert_eq!(code, 0, "{stderr}");
    let done = client.submission(submission.id).await.unwrap();
    assert!(done.jobs.iter().any(|job| job.state == "done"), "{done:#?}");
    let (_, stdout, _) = board.order(&server, &["status"]);
    assert!(stdout.contains("drained"), "{stdout}");

    let (code, _, stderr) = board.order(&server, &["undeploy", "me@board"]);
    assert_eq!(code, 0, "{stderr}");
    assert!(!board.place().exists());
    let tokens = client.tokens().await.unwrap();
    assert!(tokens.iter().any(|token| token.name == "phone me@board on rack test-rack"), "{tokens:?}");
    assert!(tokens.iter().filter(|token| token.name.contains("me@board")).all(|token| token.revoked_at.is_some()));
}

#[tokio::test]
async fn a_board_that_ssh_does_not_reach_is_an_error_with_its_words() {
    let board = Board::new();
    let path = format!("{}:{}", board.folder.path().display(), std::env::var("PATH").unwrap());
    let mut command = farm::benchrack();
    command.env("PATH", path).args(["rack", "deploy", "--ssh", "me@elsewhere", "--phone-server", "http://127.0.0.1:9"]);
    let (code, stdout, stderr) = run(&mut command);
    assert_eq!(code, 4, "{stderr}");
    assert!(stdout.contains("no such host: me@elsewhere"), "{stdout} {stderr}");
}
