//! Seeded schedules of faults over a rack with real parts that is measuring: in the end every phone is at work and as it was,
//! and every session is stored once. `BENCHRACK_TEST_SEEDS=0-99` runs a hundred schedules in place of one.

use std::process::{Command, Stdio};

use benchrack_client::{Client, RunQuery};
use benchrack_protocol::api::Submission;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

use super::phones::{Phones, in_namespaces};
use super::{agents, devices};
use crate::farm::{self, Process, Server, run, until};

const PHONES: usize = 2;
/// First and last seed of every run of the tests.
const SEEDS: &str = "0-0";
/// Faults of one schedule; fewer when everything is measured before.
const FAULTS: usize = 3;

#[derive(Debug, Clone, Copy)]
enum Fault {
    /// adb's server is killed; the next one finds the same phones.
    AdbKilled,
    /// A phone is switched off and on.
    PhoneOff(usize),
    /// A phone's network goes down and comes back; nothing on the phone ends.
    NetworkDown(usize),
    /// A phone's agent is killed.
    AgentKilled(usize),
    /// The rack's host is killed and started again.
    HostKilled,
}

/// When a fault comes.
#[derive(Debug, Clone, Copy)]
enum When {
    AtOnce,
    /// A phone has been prepared for a session.
    InSession(usize),
    /// So many more sessions are over.
    After(usize),
}

fn below(rng: &mut ChaCha8Rng, end: usize) -> usize {
    (rng.next_u64() % end as u64) as usize
}

fn fault(rng: &mut ChaCha8Rng) -> (When, Fault) {
    let phone = below(rng, PHONES);
    let when = [When::AtOnce, When::InSession(phone), When::InSession(phone), When::After(1)][below(rng, 4)];
    let phone = if below(rng, 4) == 0 { (phone + 1) % PHONES } else { phone };
    let faults =
        [Fault::AdbKilled, Fault::PhoneOff(phone), Fault::NetworkDown(phone), Fault::AgentKilled(phone), Fault::HostKilled];
    (when, faults[below(rng, faults.len())])
}

/// Jobs of a submission that are over.
async fn over(client: &Client, submission: &Submission) -> usize {
    let jobs = client.submission(submission.id).await.unwrap().jobs;
    jobs.iter().filter(|job| !matches!(job.state.as_str(), "queued" | "leased")).count()
}

/// Returns what happened when.
async fn schedule(seed: u64) -> Vec<(When, Fault)> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let folder = farm::folder();
    let mut phones = Phones::start(folder.path(), PHONES);
    // Faults are many, and none of them is a job's or a device's.
    let server = Server::with(&folder.path().join("server"), 5, "max_attempts = 100\nquarantine_after = 100\n");
    server.add_models();
    let client = server.client();
    let start = |phones: &Phones| Process::start(phones.rack(&server).stdout(Stdio::null()).stderr(Stdio::null()));
    let mut host = start(&phones);
    devices(&server, PHONES, &["idle"]).await;
    let suite = folder.path().join("suite.toml");
    let text = farm::SUITE.replacen("models = [\"*\"]\n", "models = [\"*\"]\nthreads = [1, 2, 3]\n", 1);
    std::fs::write(&suite, text.replacen("block_time = 20_000_000", "block_time = 100_000_000", 1)).unwrap();
    let (code, stdout, stderr) = run(server.command().args(["submit", "--json"]).arg(&suite));
    assert_eq!(code, 0, "{stderr}");
    let submission: Submission = serde_json::from_str(&stdout).unwrap();
    let jobs = submission.jobs.len();
    assert_eq!(jobs, PHONES * 3);
    let mut story = Vec::new();
    for _ in 0..FAULTS {
        let (when, fault) = fault(&mut rng);
        let before = over(&client, &submission).await;
        until(&format!("seed {seed}: it is time for {fault:?} ({when:?}) after {story:?}"), || async {
            let over = over(&client, &submission).await;
            let due = match when {
                When::AtOnce => true,
                When::InSession(phone) => !phones.is_untouched(phone),
                When::After(more) => over >= before + more,
            };
            (due || over == jobs).then_some(())
        })
        .await;
        story.push((when, fault));
        match fault {
            Fault::AdbKilled => {
                phones.kill_adb();
                phones.restore_adb();
            }
            Fault::PhoneOff(phone) => {
                phones.power_off(phone);
                phones.power_on(phone);
            }
            Fault::NetworkDown(phone) => {
                phones.network(phone, false);
                // Until somebody has missed it: its lease is over, or it had none.
                until("nobody waits for the phone", || async {
                    let devices = client.devices().await.ok()?;
                    let label = format!("serial={}", phones.serial(phone).replace(':', "-"));
                    let device = devices.into_iter().find(|device| device.labels.contains(&label))?;
                    (device.state != "leased").then_some(())
                })
                .await;
                phones.network(phone, true);
            }
            Fault::AgentKilled(phone) => {
                // The one of this phone, by the root of its files; it may just have been none.
                let root = phones.path(phone, "");
                for pid in pids_below(&root) {
                    let killed = Command::new("kill").args(["-9", &pid]).status();
                    assert!(killed.is_ok(), "{killed:?}");
                }
            }
            Fault::HostKilled => {
                host.kill_9();
                host = start(&phones);
            }
        }
    }
    let done = farm::finished(&client, submission.id).await;
    assert!(done.jobs.iter().all(|job| job.state == "done"), "seed {seed}, {story:?}: {done:#?}");
    let query = RunQuery { submission: Some(submission.id), ..RunQuery::default() };
    let runs = client.runs(&query).await.unwrap();
    assert_eq!(runs.len(), 2 * jobs, "seed {seed}, {story:?}: fp32 and int8 of each job, once");
    devices(&server, PHONES, &["idle"]).await;
    until(&format!("seed {seed}, {story:?}: every phone is as it was"), || async {
        (0..PHONES).all(|phone| phones.is_untouched(phone)).then_some(())
    })
    .await;
    assert!(agents(&server, &phones).iter().all(|(_, pid)| pid.is_some()), "seed {seed}, {story:?}");
    drop(host);
    story
}

/// Agents whose root is this folder.
fn pids_below(root: &std::path::Path) -> Vec<String> {
    let (_, found, _) = run(Command::new("pgrep").args(["-f", "^/data/local/tmp/benchrack/benchrack-agent run --config"]));
    let root = root.canonicalize().unwrap();
    // One that ended meanwhile has no root any more.
    found
        .split_whitespace()
        .filter(|pid| std::fs::read_link(format!("/proc/{pid}/root")).is_ok_and(|of| of == root))
        .map(str::to_owned)
        .collect()
}

#[test]
fn seeded_faults_with_real_parts_lose_no_session_double_none_and_leave_no_phone_changed() {
    in_namespaces("rack::soak::seeded_faults_with_real_parts_lose_no_session_double_none_and_leave_no_phone_changed", || async {
        let seeds = std::env::var("BENCHRACK_TEST_SEEDS").unwrap_or_else(|_| SEEDS.into());
        let (first, last) = seeds.split_once('-').unwrap();
        for seed in first.parse().unwrap()..=last.parse().unwrap() {
            let began = std::time::Instant::now();
            let story = schedule(seed).await;
            eprintln!("seed {seed}: {} faults in {} s: {story:?}", story.len(), began.elapsed().as_secs());
        }
    });
}
