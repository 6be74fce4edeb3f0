//! The guardian as a process: it restores when its pipe ends or stays silent, and does nothing after `done`.

use std::io::Write;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

use benchrack_agent::device::Device;
use benchrack_agent::knobs::Form;
use benchrack_agent::knobs::ports::Ports;
use benchrack_agent::session::journal::{Back, Journal, Saved};
use benchrack_agent::sysfs::LiveSysFs;

const LIMIT: &str = "sys/devices/system/cpu/cpufreq/policy0/scaling_max_freq";

/// A device in a folder whose limit is lowered, with the journal of that.
fn lowered(folder: &Path) {
    let file = folder.join("root").join(LIMIT);
    std::fs::create_dir_all(file.parent().unwrap()).unwrap();
    std::fs::write(&file, "300000\n").unwrap();
    let device = Device { sysfs: Arc::new(LiveSysFs::at(folder.join("root"))), ..Device::live() };
    let saved = Saved {
        name: LIMIT.into(),
        back: Back::File { path: LIMIT.into(), value: "1800000".into() },
        form: Form::Number,
        asked: "300000".into(),
        before: Some("1800000\n".into()),
        gone_while: None,
        survives_reboot: false,
    };
    Journal::in_folder(folder).keep(&Ports::of(&device), "me", &[saved]).unwrap();
}

fn guardian(folder: &Path, owner: &str, deadline_ms: &str) -> Child {
    Command::new(env!("CARGO_BIN_EXE_benchrack-agent"))
        .args(["guardian", "--owner", owner, "--deadline-ms", deadline_ms, "--data-dir"])
        .arg(folder)
        .arg("--root")
        .arg(folder.join("root"))
        .stdin(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

fn limit(folder: &Path) -> String {
    std::fs::read_to_string(folder.join("root").join(LIMIT)).unwrap().trim().to_owned()
}

#[test]
fn an_agent_that_dies_is_restored_for_by_its_guardian() {
    let folder = tempfile::tempdir().unwrap();
    lowered(folder.path());
    let mut child = guardian(folder.path(), "me", "600000");
    // The kernel closes a dead agent's end of the pipe, whatever killed it.
    let mut pipe = child.stdin.take().unwrap();
    pipe.write_all(b"alive\n").unwrap();
    drop(pipe);
    assert!(child.wait().unwrap().success());
    assert_eq!(limit(folder.path()), "1800000");
    assert!(!folder.path().join("knobs.json").exists());
}

#[test]
fn a_guardian_survives_the_kill_of_a_whole_agent() {
    let folder = tempfile::tempdir().unwrap();
    lowered(folder.path());
    // A process that holds the pipe and is killed with -9; the guardian is in no group with it.
    let mut agent = Command::new("sleep").arg("100000").stdout(Stdio::piped()).spawn().unwrap();
    let pipe = agent.stdout.take().unwrap();
    let mut child = Command::new(env!("CARGO_BIN_EXE_benchrack-agent"))
        .args(["guardian", "--owner", "me", "--data-dir"])
        .arg(folder.path())
        .arg("--root")
        .arg(folder.path().join("root"))
        .stdin(Stdio::from(pipe))
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    agent.kill().unwrap();
    agent.wait().unwrap();
    assert!(child.wait().unwrap().success());
    assert_eq!(limit(folder.path()), "1800000");
}

#[test]
fn an_agent_that_hangs_past_the_deadline_is_restored_for() {
    let folder = tempfile::tempdir().unwrap();
    lowered(folder.path());
    let mut child = guardian(folder.path(), "me", "50");
    let pipe = child.stdin.take().unwrap();
    assert!(child.wait().unwrap().success());
    assert_eq!(limit(folder.path()), "1800000");
    drop(pipe);
}

#[test]
fn a_guardian_touches_nothing_after_done_nor_for_another_session() {
    for (owner, word) in [("me", &b"done\n"[..]), ("an earlier one", b"")] {
        let folder = tempfile::tempdir().unwrap();
        lowered(folder.path());
        let mut child = guardian(folder.path(), owner, "600000");
        child.stdin.take().unwrap().write_all(word).unwrap();
        assert!(child.wait().unwrap().success());
        assert_eq!(limit(folder.path()), "300000", "{owner}");
        assert!(folder.path().join("knobs.json").exists());
    }
}
