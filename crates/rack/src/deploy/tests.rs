//! Deploying to a folder of this machine with a real shell: the same scripts as on a phone, and an agent that is one.

use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::*;
use crate::reach::SshHost;
use crate::survey::survey;

/// What goes wrong, at one call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    /// The phone is gone before the call does anything.
    LostBefore,
    /// It is gone after the call has done everything.
    LostAfter,
    /// Half of a file arrives, and the push says so. A shell is as lost before.
    Half,
    /// Half of a file arrives, and the push says that all is well. A shell is as lost after.
    HalfUnseen,
}

/// A phone in a folder. Calls are counted, and one of them has the fault.
struct Folder {
    home: tempfile::TempDir,
    calls: AtomicUsize,
    fault: Option<(usize, Fault)>,
}

impl Folder {
    fn new() -> Self {
        let home = tempfile::tempdir().unwrap();
        // Waiting is real time on a phone; here a second is short.
        let bin = home.path().join("bin");
        std::fs::create_dir(&bin).unwrap();
        std::fs::write(bin.join("sleep"), "#!/bin/sh\nexec /bin/sleep 0.05\n").unwrap();
        std::fs::set_permissions(bin.join("sleep"), std::fs::Permissions::from_mode(0o755)).unwrap();
        Self { home, calls: AtomicUsize::new(0), fault: None }
    }

    fn place(&self) -> Place {
        Place::at(self.home.path().join("b").to_str().unwrap()).unwrap()
    }

    fn path(&self, name: &str) -> PathBuf {
        self.home.path().join("b").join(name)
    }

    fn with(mut self, call: usize, fault: Fault) -> Self {
        (self.fault, self.calls) = (Some((call, fault)), AtomicUsize::new(0));
        self
    }

    fn without_fault(mut self) -> Self {
        self.fault = None;
        self
    }

    fn fault(&self) -> Option<Fault> {
        let call = self.calls.fetch_add(1, Ordering::SeqCst);
        self.fault.filter(|(at, _)| *at == call).map(|(_, fault)| fault)
    }

    fn shell_here(&self) -> SshHost {
        let path = format!("{}:/usr/bin:/bin", self.home.path().join("bin").display());
        let run = format!("export PATH={path}; eval \"$1\"");
        SshHost::new("phone").unwrap().through("sh".into(), vec!["-c".into(), run])
    }

    /// An agent of this version; a broken one ends at once when it shall run.
    fn agent(&self, version: &str, broken: bool) -> Wanted {
        // It waits without a child, which would look like a second agent until it has become another program.
        let runs = if broken { "echo it breaks; exit 1" } else { r#"while :; do read -r _ <>"$0.wait"; done"# };
        let fifo = self.path(&format!("{AGENT}.wait"));
        if !fifo.exists() {
            std::fs::create_dir_all(fifo.parent().unwrap()).unwrap();
            assert!(std::process::Command::new("mkfifo").arg(fifo).status().unwrap().success());
        }
        let text = format!(
            "#!/bin/sh\ntrap 'exit 0' TERM USR1\ncase $1 in --version) echo benchrack-agent {version} ;; run) {runs} ;; esac\n"
        );
        let path = self.home.path().join(format!("agent-{version}"));
        std::fs::write(&path, &text).unwrap();
        let agent = AgentFile { path, sha256: sha256(&text), size: text.len() as u64 };
        let token = NewToken { id: version.len() as i64, secret: format!("secret-{version}") };
        Wanted { agent, settings: format!("name = '{version}'\n"), token: Some(token) }
    }

    /// The agent's processes, by what they were started with.
    fn processes(&self) -> Vec<u32> {
        let agent = self.path(AGENT);
        let mut found = Vec::new();
        for entry in std::fs::read_dir("/proc").unwrap() {
            let Ok(pid) = entry.unwrap().file_name().to_string_lossy().parse::<u32>() else { continue };
            let command = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
            let mut words = command.split(|byte| *byte == 0).map(|word| String::from_utf8_lossy(word).into_owned());
            if words.any(|word| word == agent.to_string_lossy()) && words.next().as_deref() == Some("run") {
                found.push(pid);
            }
        }
        found
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        for pid in self.processes() {
            let killed = std::process::Command::new("kill").args(["-9", &pid.to_string()]).status();
            assert!(killed.is_ok(), "{killed:?}");
        }
    }
}

impl Reach for Folder {
    async fn shell(&self, script: &str, limit: Duration) -> Result<Answer, AdbError> {
        match self.fault() {
            None => self.shell_here().shell(script, limit).await,
            Some(Fault::LostBefore | Fault::Half) => Err(AdbError::CutOff { call: "shell".into() }),
            Some(Fault::LostAfter | Fault::HalfUnseen) => {
                self.shell_here().shell(script, limit).await?;
                Err(AdbError::CutOff { call: "shell".into() })
            }
        }
    }

    async fn push(&self, file: &Path, to: &str, _: Duration) -> Result<(), AdbError> {
        let bytes = std::fs::read(file).unwrap();
        let lost = || Err(AdbError::TimedOut { call: "push".into(), limit: QUICK });
        let half = bytes.get(..bytes.len() / 2).unwrap();
        match self.fault() {
            None => std::fs::write(to, &bytes).unwrap(),
            Some(Fault::LostBefore) => return lost(),
            Some(Fault::LostAfter) => {
                std::fs::write(to, &bytes).unwrap();
                return lost();
            }
            Some(Fault::Half) => {
                std::fs::write(to, half).unwrap();
                return lost();
            }
            Some(Fault::HalfUnseen) => std::fs::write(to, half).unwrap(),
        }
        Ok(())
    }

    async fn lead_back(&self, _: u16, _: u16) -> Result<(), AdbError> {
        Ok(())
    }
}

async fn deploy(phone: &Folder, wanted: &Wanted) -> Result<Vec<Step>, DeployError> {
    let place = phone.place();
    let found = survey(phone, &place).await?;
    // A token that is there stays, as it does when its number is still good at the server.
    let token = wanted.token.clone().filter(|token| found.token != Some(token.id));
    let wanted = Wanted { token, ..wanted.clone() };
    let steps = plan(&found, &wanted)?;
    carry_out(phone, &place, &wanted, &steps).await?;
    Ok(steps)
}

/// Whether the phone is as wanted, with one agent at work and nothing half-done.
async fn is_as_wanted(phone: &Folder, wanted: &Wanted) {
    let found = survey(phone, &phone.place()).await.unwrap();
    assert_eq!(found.agent.as_deref(), Some(wanted.agent.sha256.as_str()));
    assert_eq!(found.settings, Some(sha256(&wanted.settings)));
    let token = wanted.token.as_ref().unwrap();
    assert_eq!(found.token, Some(token.id));
    assert_eq!(std::fs::read_to_string(phone.path(TOKEN)).unwrap(), token.secret, "number and token belong together");
    let mode = std::fs::metadata(phone.path(TOKEN)).unwrap().permissions().mode();
    assert_eq!(mode & 0o077, 0, "the token is its owner's alone");
    assert_eq!(phone.processes(), [found.running.unwrap()], "one agent");
}

#[tokio::test]
async fn a_bare_phone_gets_everything_and_a_second_look_finds_nothing_to_do() {
    let phone = Folder::new();
    let wanted = phone.agent("1.0", false);
    let steps = deploy(&phone, &wanted).await.unwrap();
    use Step::{MakeFolder, PushAgent, PutSettings, PutToken, Start, SwapAgent};
    assert_eq!(steps, [MakeFolder, PushAgent, SwapAgent, PutSettings, PutToken, Start]);
    is_as_wanted(&phone, &wanted).await;
    assert!(deploy(&phone, &wanted).await.unwrap().is_empty());
}

#[tokio::test]
async fn an_agent_that_died_is_started_and_a_stopped_one_is_gone() {
    let phone = Folder::new();
    let wanted = phone.agent("1.0", false);
    deploy(&phone, &wanted).await.unwrap();
    stop(&phone, &phone.place()).await.unwrap();
    assert!(phone.processes().is_empty());
    stop(&phone, &phone.place()).await.unwrap();
    assert_eq!(deploy(&phone, &wanted).await.unwrap(), [Step::Start]);
    is_as_wanted(&phone, &wanted).await;
    undeploy(&phone, &phone.place()).await.unwrap();
    assert!(!phone.path("").exists());
    assert!(phone.processes().is_empty());
}

#[tokio::test]
async fn a_drained_agent_ends_and_stays_away_until_it_is_asked_for() {
    let phone = Folder::new();
    let wanted = phone.agent("1", false);
    deploy(&phone, &wanted).await.unwrap();
    drain(&phone, &phone.place(), || std::future::ready(())).await.unwrap();
    assert!(phone.processes().is_empty());
    let better = phone.agent("2.0", false);
    let steps = deploy(&phone, &better).await.unwrap();
    assert!(!steps.is_empty() && !steps.contains(&Step::Start), "{steps:?}");
    undrain(&phone, &phone.place()).await.unwrap();
    assert_eq!(deploy(&phone, &better).await.unwrap(), [Step::Start]);
    is_as_wanted(&phone, &better).await;
}

#[tokio::test]
async fn a_lost_call_at_any_step_leaves_a_phone_that_the_next_look_brings_to_the_end() {
    let mut schedules = 0;
    for fault in [Fault::LostBefore, Fault::LostAfter, Fault::Half, Fault::HalfUnseen] {
        for call in 0.. {
            let phone = Folder::new();
            deploy(&phone, &phone.agent("1", false)).await.unwrap();
            let report = phone.path("spool/000000000001-report.json");
            std::fs::create_dir_all(report.parent().unwrap()).unwrap();
            std::fs::write(&report, "{}").unwrap();
            let phone = phone.with(call, fault);
            let wanted = phone.agent("2.0", false);
            let broken = deploy(&phone, &wanted).await;
            let reached = phone.calls.load(Ordering::SeqCst) > call;
            let phone = phone.without_fault();
            if reached {
                schedules += 1;
                assert!(broken.is_err(), "call {call} {fault:?}: {broken:?}");
            }
            deploy(&phone, &wanted).await.unwrap_or_else(|error| panic!("call {call} {fault:?}: {error:?}"));
            is_as_wanted(&phone, &wanted).await;
            assert!(report.exists(), "call {call} {fault:?}: an upgrade loses no report");
            if !reached {
                break;
            }
        }
    }
    assert!(schedules >= 40, "{schedules}");
}

#[tokio::test]
async fn an_agent_that_does_not_run_is_taken_back_once_and_not_tried_again() {
    let phone = Folder::new();
    let good = phone.agent("1", false);
    deploy(&phone, &good).await.unwrap();
    let bad = Wanted { settings: good.settings.clone(), token: good.token.clone(), ..phone.agent("2.0", true) };
    match deploy(&phone, &bad).await {
        Err(DeployError::Died { rolled_back: true, log }) => assert!(log.contains("it breaks"), "{log}"),
        other => panic!("{other:?}"),
    }
    is_as_wanted(&phone, &good).await;
    assert!(deploy(&phone, &bad).await.unwrap().is_empty(), "known not to run here");
    let better = Wanted { settings: good.settings.clone(), token: good.token.clone(), ..phone.agent("3.0.0", false) };
    deploy(&phone, &better).await.unwrap();
    is_as_wanted(&phone, &better).await;
}

#[tokio::test]
async fn an_agent_for_another_machine_replaces_nothing() {
    let phone = Folder::new();
    let good = phone.agent("1", false);
    deploy(&phone, &good).await.unwrap();
    let mut wrong = phone.agent("2.0", false);
    let text = "#!/nonexistent/interpreter\n";
    std::fs::write(&wrong.agent.path, text).unwrap();
    (wrong.agent.sha256, wrong.agent.size) = (sha256(text), text.len() as u64);
    assert!(matches!(deploy(&phone, &wrong).await, Err(DeployError::WontRun { .. })));
    is_as_wanted(&phone, &good).await;
}

#[test]
fn a_phone_without_room_is_refused_before_anything_is_sent() {
    let agent = AgentFile { path: "a".into(), sha256: "a".repeat(64), size: 20_000_000 };
    let wanted = Wanted { agent, settings: String::new(), token: None };
    let survey = Survey { free: Some(50_000_000), ..Survey::default() };
    let error = plan(&survey, &wanted).unwrap_err().to_string();
    assert!(error.contains("50 MB free") && error.contains("84 MB"), "{error}");
    let there = Survey { agent: Some(wanted.agent.sha256.clone()), ..survey };
    assert!(plan(&there, &wanted).is_ok(), "what is there needs no room");
}
