//! The work loop against a server that queues, forgets, goes away and comes back.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use benchrack_agent::config::Config;
use benchrack_agent::device::Device;
use benchrack_agent::twin::Deed;
use benchrack_agent::work::{Farm, WorkError, Worker};
use benchrack_client::ClientError;
use benchrack_protocol::api::{self, Claim, Heartbeat, Lease, Registration, Release, Reported};
use benchrack_protocol::device::Reality;
use benchrack_protocol::energy::EnergyPlan;
use benchrack_protocol::engine::EngineRef;
use benchrack_protocol::ids::{ArtifactId, DeviceId, JobId, LeaseId, ReportId, RunId, SessionId};
use benchrack_protocol::problem::{Problem, ProblemCode};
use benchrack_protocol::report::{RunReport, SessionReport};
use benchrack_protocol::runner::FailureReason;
use benchrack_protocol::session::{Frequency, SessionSpec};
use benchrack_protocol::signature::SecretKey;
use benchrack_protocol::units::{Bytes, Nanos};
use tokio::sync::Notify;

use crate::models;
use crate::runner::agent;
use crate::session::spec;

/// A server in memory with the rules of the real one: a lease for one job, reports known again by their identity.
#[derive(Default)]
pub struct Server {
    away: AtomicBool,
    rejects_token: AtomicBool,
    ends_leases: AtomicBool,
    loses_answers: AtomicBool,
    asked: AtomicU32,
    registered: AtomicU32,
    /// A key under which another agent works.
    taken: Mutex<Option<String>>,
    keys: Mutex<Vec<String>>,
    changed: Notify,
    pub state: Mutex<State>,
}

#[derive(Default)]
pub struct State {
    known: bool,
    pub jobs: Vec<SessionSpec>,
    leases: BTreeMap<LeaseId, bool>,
    pub models: BTreeMap<ArtifactId, Vec<u8>>,
    pub stored: BTreeMap<ReportId, SessionReport>,
    fetched: u32,
    deliveries: u32,
    releases: Vec<Release>,
    pub beats: Vec<Heartbeat>,
}

fn refuse(code: ProblemCode) -> ClientError {
    ClientError::Refused(Box::new(Problem::new(code, "in the test")))
}

impl Server {
    /// Waits until this holds of the state; every change of it is announced.
    pub async fn until(&self, wanted: impl Fn(&State) -> bool) {
        loop {
            let changed = self.changed.notified();
            if wanted(&self.state.lock().unwrap()) {
                return;
            }
            changed.await;
        }
    }

    fn answer<T>(&self, act: impl FnOnce(&mut State) -> Result<T, ClientError>) -> Result<T, ClientError> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        self.changed.notify_waiters();
        if self.away.load(Ordering::SeqCst) {
            return Err(refuse(ProblemCode::Unavailable));
        }
        if self.rejects_token.load(Ordering::SeqCst) {
            return Err(refuse(ProblemCode::Unauthorized));
        }
        let answer = act(&mut self.state.lock().unwrap());
        self.changed.notify_waiters();
        answer
    }
}

fn held(state: &State, lease: LeaseId, secret: &str) -> Result<(), ClientError> {
    if state.leases.get(&lease) == Some(&true) && secret == format!("secret-{lease}") {
        return Ok(());
    }
    Err(refuse(ProblemCode::LeaseLost))
}

/// The server as an agent has it.
pub struct Remote(pub Arc<Server>);

impl Farm for Remote {
    async fn register(&self, key: &str, registration: &Registration) -> Result<api::Device, ClientError> {
        self.0.registered.fetch_add(1, Ordering::SeqCst);
        self.0.keys.lock().unwrap().push(key.into());
        self.0.answer(|state| {
            if self.0.taken.lock().unwrap().as_deref() == Some(key) {
                return Err(refuse(ProblemCode::IdentityInUse));
            }
            state.known = true;
            Ok(api::Device {
                id: DeviceId(1),
                key: key.into(),
                name: registration.name.clone(),
                title: String::new(),
                state: "idle".into(),
                reason: None,
                reality: Reality::Real,
                last_seen_at: time::OffsetDateTime::UNIX_EPOCH,
                report: registration.report.clone(),
                public_key: registration.public_key,
                labels: registration.labels.clone(),
                detached_until: None,
            })
        })
    }

    async fn claim(&self, _: &Claim) -> Result<Option<Lease>, ClientError> {
        let lease = self.0.answer(|state| {
            if !state.known {
                return Err(refuse(ProblemCode::NotFound));
            }
            let Some(session) = (!state.jobs.is_empty()).then(|| state.jobs.remove(0)) else { return Ok(None) };
            let id = LeaseId(state.leases.len() as i64 + 1);
            state.leases.insert(id, true);
            let lives_for = Nanos::from(Duration::from_secs(600));
            Ok(Some(Lease { id, secret: format!("secret-{id}"), job: JobId(id.0), session, lives_for }))
        });
        if matches!(lease, Ok(None)) {
            // The long poll: here until there is something.
            self.0.until(|state| !state.jobs.is_empty() || !state.known).await;
        }
        lease
    }

    async fn heartbeat(&self, lease: LeaseId, secret: &str, beat: &Heartbeat) -> Result<(), ClientError> {
        self.0.answer(|state| {
            if self.0.ends_leases.load(Ordering::SeqCst) {
                state.leases.insert(lease, false);
            }
            state.beats.push(beat.clone());
            held(state, lease, secret)
        })
    }

    async fn report(&self, lease: LeaseId, secret: &str, report: &SessionReport, _: &SecretKey) -> Result<Reported, ClientError> {
        let answer = self.0.answer(|state| {
            state.deliveries += 1;
            let duplicate = state.stored.contains_key(&report.id);
            if !duplicate {
                held(state, lease, secret)?;
                state.leases.insert(lease, false);
                state.stored.insert(report.id, report.clone());
            }
            Ok(Reported { session: SessionId(1), runs: vec![RunId(1)], duplicate })
        });
        if answer.is_ok() && self.0.loses_answers.swap(false, Ordering::SeqCst) {
            return Err(refuse(ProblemCode::Unavailable));
        }
        answer
    }

    async fn release(&self, lease: LeaseId, secret: &str, release: &Release) -> Result<(), ClientError> {
        self.0.answer(|state| {
            held(state, lease, secret)?;
            state.leases.insert(lease, false);
            state.releases.push(release.clone());
            Ok(())
        })
    }

    async fn download_artifact(&self, id: ArtifactId, to: &Path) -> Result<(), ClientError> {
        self.0.answer(|state| match state.models.get(&id) {
            Some(bytes) => {
                std::fs::write(to, bytes).unwrap();
                state.fetched += 1;
                Ok(())
            }
            None => Err(refuse(ProblemCode::NotFound)),
        })
    }
}

/// A server with one session of the small model queued.
fn server(blocks: u32) -> Arc<Server> {
    let folder = tempfile::tempdir().unwrap();
    let (_, manifest) = models::save_dense(folder.path());
    let server = Server::default();
    {
        let mut state = server.state.lock().unwrap();
        state.models.insert(manifest.artifact, models::dense());
        state.jobs.push(spec(&[&manifest], blocks));
    }
    Arc::new(server)
}

fn config() -> Config {
    Config { first_retry_ms: 1, longest_retry_s: 1, heartbeat_s: 1, name: "test".into(), ..Config::default() }
}

/// Runs an agent on this folder until `until` is done.
async fn work(server: &Arc<Server>, folder: &Path, until: impl Future<Output = ()>) -> Result<(), WorkError> {
    work_as(server, &config(), folder, until).await
}

async fn work_as(server: &Arc<Server>, config: &Config, folder: &Path, until: impl Future<Output = ()>) -> Result<(), WorkError> {
    let (device, program) = (Device::live(), agent());
    let mut worker = Worker::new(Remote(Arc::clone(server)), config, &device, &program, folder.into())?;
    worker.run(until).await
}

fn waiting(folder: &Path, name: &str) -> usize {
    std::fs::read_dir(folder.join(name)).unwrap().count()
}

#[tokio::test]
async fn a_session_is_measured_and_its_report_stored_once() {
    let (server, folder) = (server(2), tempfile::tempdir().unwrap());
    work(&server, folder.path(), server.until(|state| !state.stored.is_empty())).await.unwrap();
    let state = server.state.lock().unwrap();
    assert_eq!((state.stored.len(), state.deliveries), (1, 1));
    let report = state.stored.values().next().unwrap();
    assert!(matches!(&report.runs[0], RunReport::Measured(run) if run.blocks.len() == 2), "{:?}", report.runs);
    assert_eq!(waiting(folder.path(), "models"), 1);
}

#[tokio::test]
async fn a_report_outlives_a_server_that_is_away_and_the_agent_itself() {
    let (server, folder) = (server(2), tempfile::tempdir().unwrap());
    let leased = async {
        server.until(|state| state.fetched > 0).await;
        server.away.store(true, Ordering::SeqCst);
    };
    let away = async {
        leased.await;
        while !folder.path().join("spool").is_dir() || waiting(folder.path(), "spool") == 0 {
            server.changed.notified().await;
        }
    };
    work(&server, folder.path(), away).await.unwrap();
    assert!(server.state.lock().unwrap().stored.is_empty());
    let entry = std::fs::read_dir(folder.path().join("spool")).unwrap().next().unwrap().unwrap();
    let mode = std::os::unix::fs::PermissionsExt::mode(&entry.metadata().unwrap().permissions());
    assert_eq!(mode & 0o077, 0, "it holds a secret");

    server.away.store(false, Ordering::SeqCst);
    // Its answer gets lost, so the same report goes out again, and is known.
    server.loses_answers.store(true, Ordering::SeqCst);
    work(&server, folder.path(), server.until(|state| state.deliveries >= 2)).await.unwrap();
    assert_eq!(server.state.lock().unwrap().stored.len(), 1);
    work(&server, folder.path(), std::future::ready(())).await.unwrap();
    assert_eq!(waiting(folder.path(), "spool"), 0);
    assert_eq!(server.state.lock().unwrap().deliveries, 2);
}

#[tokio::test]
async fn a_report_under_a_lost_lease_is_put_aside() {
    let (server, folder) = (server(2), tempfile::tempdir().unwrap());
    let forgotten = async {
        server.until(|state| state.fetched > 0).await;
        server.away.store(true, Ordering::SeqCst);
        while !folder.path().join("spool").is_dir() || waiting(folder.path(), "spool") == 0 {
            server.changed.notified().await;
        }
        server.state.lock().unwrap().leases.insert(LeaseId(1), false);
        server.away.store(false, Ordering::SeqCst);
        server.until(|state| state.deliveries > 0).await;
        while waiting(folder.path(), "rejected") == 0 {
            tokio::task::yield_now().await;
        }
    };
    work(&server, folder.path(), forgotten).await.unwrap();
    assert_eq!(waiting(folder.path(), "spool"), 0);
    assert!(server.state.lock().unwrap().stored.is_empty());
}

#[tokio::test]
async fn a_lost_lease_stops_the_session_and_nothing_is_reported() {
    let (server, folder) = (server(10_000_000), tempfile::tempdir().unwrap());
    server.ends_leases.store(true, Ordering::SeqCst);
    let next = {
        let folder = tempfile::tempdir().unwrap();
        let (_, manifest) = models::save_dense(folder.path());
        spec(&[&manifest], 2)
    };
    let lost = async {
        server.until(|state| !state.beats.is_empty()).await;
        server.ends_leases.store(false, Ordering::SeqCst);
        server.state.lock().unwrap().jobs.push(next);
        server.changed.notify_waiters();
        server.until(|state| !state.stored.is_empty()).await;
    };
    work(&server, folder.path(), lost).await.unwrap();
    let state = server.state.lock().unwrap();
    assert_eq!(state.stored.len(), 1, "only the second session, which could end, was reported");
    assert!(matches!(&state.stored.values().next().unwrap().runs[0], RunReport::Measured(run) if run.blocks.len() == 2));
    assert!(state.releases.is_empty(), "a lost lease cannot be given back");
}

#[tokio::test]
async fn an_agent_that_is_stopped_gives_its_lease_back() {
    let (server, folder) = (server(10_000_000), tempfile::tempdir().unwrap());
    let measuring = server.until(|state| state.beats.iter().any(|beat| beat.phase.starts_with("measuring")));
    work(&server, folder.path(), measuring).await.unwrap();
    let state = server.state.lock().unwrap();
    assert_eq!(state.releases.len(), 1);
    assert_eq!(state.releases[0].failure.reason, FailureReason::Stopped);
    assert!(state.stored.is_empty());
    let beat = state.beats.last().unwrap();
    assert_eq!((beat.phase.as_str(), beat.total), ("measuring dense fp32", 10_000_000));
}

#[tokio::test]
async fn an_agent_that_is_drained_finishes_and_delivers_its_session_and_takes_no_other() {
    let (server, folder) = (server(2), tempfile::tempdir().unwrap());
    {
        let mut state = server.state.lock().unwrap();
        let same = state.jobs[0].clone();
        state.jobs.push(same);
    }
    let config = Config { name: "test".into(), ..Config::default() };
    let (device, program) = (Device::live(), agent());
    let mut worker = Worker::new(Remote(Arc::clone(&server)), &config, &device, &program, folder.path().into()).unwrap();
    let begun = server.until(|state| !state.leases.is_empty());
    worker.run_or_drain(std::future::pending(), begun).await.unwrap();
    let state = server.state.lock().unwrap();
    assert_eq!((state.stored.len(), state.jobs.len()), (1, 1), "one session is measured and delivered, the other waits");
    assert_eq!(waiting(folder.path(), "spool"), 0);
}

#[tokio::test]
async fn a_model_that_the_server_lacks_fails_its_subject_only() {
    let (server, folder) = (server(2), tempfile::tempdir().unwrap());
    let (_, absent) = models::save(folder.path(), "absent", &models::heavy());
    {
        let mut state = server.state.lock().unwrap();
        let subject = crate::session::subject(&absent);
        state.jobs[0].subjects.insert(0, subject);
    }
    work(&server, folder.path(), server.until(|state| !state.stored.is_empty())).await.unwrap();
    let state = server.state.lock().unwrap();
    let runs = &state.stored.values().next().unwrap().runs;
    assert!(matches!(&runs[0], RunReport::Failed(failure) if failure.reason == FailureReason::ArtifactUnavailable), "{runs:?}");
    assert!(matches!(&runs[1], RunReport::Measured(_)));
}

#[tokio::test]
async fn an_agent_whose_identity_another_one_has_takes_its_own_and_keeps_it() {
    let (server, folder) = (server(1), tempfile::tempdir().unwrap());
    std::fs::write(folder.path().join("device-key"), "own-1").unwrap();
    let shared = benchrack_agent::probe::probe(&Device::live(), Some("own-1")).identity.key;
    if shared == "own-1" {
        eprintln!("SKIPPED: this machine has no machine id that another one could have as well");
        return;
    }
    *server.taken.lock().unwrap() = Some(shared.clone());
    let keys = || server.keys.lock().unwrap().clone();
    let registered = async |times: usize| {
        while keys().len() < times {
            server.changed.notified().await;
        }
    };
    // As long as the other one may just have been stopped, this one only asks again.
    work(&server, folder.path(), registered(3)).await.unwrap();
    assert!(keys().iter().all(|key| *key == shared), "{:?}", keys());
    let hasty = Config { identity_wait_s: 0, ..config() };
    work_as(&server, &hasty, folder.path(), server.until(|state| !state.stored.is_empty())).await.unwrap();
    assert_eq!(keys().last().map(String::as_str), Some("own-1"));
    // A later life is the same device, also when the other one is gone.
    *server.taken.lock().unwrap() = None;
    let lives = keys().len();
    work(&server, folder.path(), registered(lives + 1)).await.unwrap();
    assert_eq!(keys().last().map(String::as_str), Some("own-1"));
}

#[tokio::test]
async fn an_agent_registers_again_with_a_server_that_forgot_it() {
    let (server, folder) = (server(2), tempfile::tempdir().unwrap());
    let forgets = async {
        server.until(|state| !state.stored.is_empty()).await;
        server.state.lock().unwrap().known = false;
        server.changed.notify_waiters();
        server.until(|state| state.known).await;
    };
    work(&server, folder.path(), forgets).await.unwrap();
    assert_eq!(server.registered.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn a_token_that_is_not_taken_ends_the_agent_with_advice() {
    let (server, folder) = (server(2), tempfile::tempdir().unwrap());
    server.rejects_token.store(true, Ordering::SeqCst);
    let error = work(&server, folder.path(), std::future::pending()).await.unwrap_err();
    assert!(matches!(error, WorkError::Refused { .. }));
    assert!(error.to_string().contains("token"), "{error}");
}

#[tokio::test]
async fn a_server_that_is_away_is_asked_again_ever_more_rarely() {
    let (server, folder) = (server(2), tempfile::tempdir().unwrap());
    server.away.store(true, Ordering::SeqCst);
    let config = Config { first_retry_ms: 500, longest_retry_s: 60, ..Config::default() };
    let (device, program) = (Device::live(), agent());
    let mut worker = Worker::new(Remote(Arc::clone(&server)), &config, &device, &program, folder.path().into()).unwrap();
    tokio::time::pause();
    worker.run(tokio::time::sleep(Duration::from_secs(3600))).await.unwrap();
    let asked = server.asked.load(Ordering::SeqCst);
    // Seven doublings to a minute, then 30 to 60 s each.
    assert!((60..=130).contains(&asked), "{asked} requests in an hour");
}

#[tokio::test]
async fn two_agents_cannot_share_a_folder_and_a_folder_must_be_writable() {
    let (server, folder) = (server(2), tempfile::tempdir().unwrap());
    let config = Config::default();
    let (device, program) = (Device::live(), agent());
    let new = |path: &Path| Worker::new(Remote(Arc::clone(&server)), &config, &device, &program, path.into());
    let first = new(folder.path()).unwrap();
    assert!(matches!(new(folder.path()).err().unwrap(), WorkError::InUse { .. }));
    drop(first);
    new(folder.path()).unwrap();
    let file = folder.path().join("a-file");
    std::fs::write(&file, b"").unwrap();
    let error = new(&file.join("below")).err().unwrap();
    assert!(matches!(&error, WorkError::Folder { .. }) && error.to_string().contains("--data-dir"), "{error}");
}

#[tokio::test]
async fn models_used_longest_ago_make_room_for_new_ones() {
    let (server, folder) = (server(1), tempfile::tempdir().unwrap());
    let cache = benchrack_agent::work::artifacts::Cache::in_folder(folder.path(), 1000).unwrap();
    let mut ids = Vec::new();
    for (place, size) in [400usize, 500, 300, 2000].into_iter().enumerate() {
        let bytes = vec![place as u8; size];
        let (_, manifest) = models::save(folder.path(), "m", &bytes);
        server.state.lock().unwrap().models.insert(manifest.artifact, bytes);
        ids.push(manifest);
    }
    let fetch = async |manifest| {
        cache.fetch(&Remote(Arc::clone(&server)), &spec(&[manifest], 1)).await.unwrap().into_values().next().unwrap()
    };
    let (first, second) = (fetch(&ids[0]).await.unwrap(), fetch(&ids[1]).await.unwrap());
    // The clock of the file system may be coarse; order the two by hand.
    let old = std::fs::File::open(&second).unwrap();
    old.set_modified(std::time::UNIX_EPOCH).unwrap();
    let third = fetch(&ids[2]).await.unwrap();
    assert!(first.exists() && !second.exists() && third.exists());
    let asked = server.asked.load(Ordering::SeqCst);
    fetch(&ids[0]).await.unwrap();
    assert_eq!(server.asked.load(Ordering::SeqCst), asked, "it is here");
    std::fs::write(&first, b"damaged").unwrap();
    assert!(fetch(&ids[0]).await.is_ok(), "a file of another size is fetched anew");
    assert_eq!(std::fs::metadata(&first).unwrap().len(), 400);
    assert!(fetch(&ids[3]).await.unwrap().exists(), "a model larger than the cache is measured all the same");
}

#[tokio::test]
async fn builds_of_engines_are_fetched_once_and_archives_unpacked() {
    let folder = tempfile::tempdir().unwrap();
    let (_, dense) = models::save_dense(folder.path());
    let program = b"#!/bin/sh\nexit 0\n".to_vec();
    let mut archive = tar::Builder::new(Vec::new());
    let mut header = tar::Header::new_gnu();
    header.set_size(7);
    header.set_mode(0o644);
    archive.append_data(&mut header, "lib/libengine.so", b"library".as_slice()).unwrap();
    let archive = archive.into_inner().unwrap();
    let (program_id, archive_id) = (ArtifactId::of(&program), ArtifactId::of(&archive));
    let server = Arc::new(Server::default());
    server.state.lock().unwrap().models.extend([(program_id, program), (archive_id, archive)]);
    let mut session = spec(&[&dense, &dense], 1);
    let engine = |name: &str, build| EngineRef { build: Some(build), ..EngineRef::named(name) };
    session.subjects[0].engine = engine("program", program_id);
    session.subjects[1].engine = EngineRef { entry: Some("lib/libengine.so".into()), ..engine("library", archive_id) };

    let engines = benchrack_agent::work::engines::Engines::in_folder(folder.path(), 1 << 20).unwrap();
    let fetch = async |session: &SessionSpec| {
        let mut artifacts = benchrack_agent::session::Artifacts::new();
        engines.fetch(&Remote(Arc::clone(&server)), session, &mut artifacts).await.unwrap();
        artifacts
    };
    let artifacts = fetch(&session).await;
    let file = artifacts[&program_id].as_ref().unwrap();
    let mode = std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(file).unwrap().permissions());
    assert_eq!(mode & 0o111, 0o111, "a program has its run bit");
    let unpacked = artifacts[&archive_id].as_ref().unwrap();
    assert_eq!(std::fs::read(unpacked.join("lib/libengine.so")).unwrap(), b"library");
    let asked = server.asked.load(Ordering::SeqCst);
    assert_eq!(fetch(&session).await, artifacts);
    assert_eq!(server.asked.load(Ordering::SeqCst), asked, "they are here");

    session.subjects.truncate(1);
    session.subjects[0].engine = EngineRef { entry: Some("x".into()), ..engine("no-archive", program_id) };
    let why = fetch(&session).await[&program_id].clone().unwrap_err();
    assert!(why.contains("no-archive") && why.contains("archive"), "{why}");
    assert!(!folder.path().join(format!("engines/{program_id}.folder")).exists());
}

#[tokio::test]
async fn an_engine_of_a_server_that_is_away_lets_the_session_wait() {
    let folder = tempfile::tempdir().unwrap();
    let (_, dense) = models::save_dense(folder.path());
    let server = Arc::new(Server::default());
    server.away.store(true, Ordering::SeqCst);
    let mut session = spec(&[&dense], 1);
    session.subjects[0].engine = EngineRef { build: Some(ArtifactId::of(b"x")), ..EngineRef::named("onnxruntime") };
    let engines = benchrack_agent::work::engines::Engines::in_folder(folder.path(), 1 << 20).unwrap();
    let mut artifacts = benchrack_agent::session::Artifacts::new();
    let failure = engines.fetch(&Remote(server), &session, &mut artifacts).await.unwrap_err();
    assert_eq!(failure.reason, FailureReason::ArtifactUnavailable);
    assert!(failure.detail.contains("onnxruntime"), "{}", failure.detail);
}

#[tokio::test(start_paused = true)]
async fn a_silence_that_was_announced_loses_no_lease_and_its_report_comes_after_it() {
    let (twin, folder, _) = crate::twin_energy::plugged("sony-xperia-xz-premium").await;
    let mut spec = crate::twins::spec("big", Frequency::Unpinned);
    // The file is none that could be measured: a twin goes by what its manifest says of it.
    spec.subjects[0].manifest.size = Bytes(b"model".len() as u64);
    spec.plan.energy = Some(EnergyPlan { max_time: Nanos::from(Duration::from_secs(600)), ..EnergyPlan::default() });
    let server = Arc::new(Server::default());
    {
        let mut state = server.state.lock().unwrap();
        state.models.insert(spec.subjects[0].manifest.artifact, b"model".to_vec());
        state.jobs.push(spec);
    }
    let config = Config { detached_s: 900, ..config() };
    let (device, program) = (twin.device(), agent());
    let mut worker = Worker::new(Remote(Arc::clone(&server)), &config, &device, &program, folder.path().into()).unwrap();
    let silence = async {
        let asked = |state: &State| state.beats.last().is_some_and(|beat| beat.detached_for_s.is_some());
        server.until(|state| asked(state) || !state.stored.is_empty()).await;
        assert!(server.state.lock().unwrap().stored.is_empty(), "it never asked");
        let beat = server.state.lock().unwrap().beats.last().unwrap().clone();
        assert!(beat.phase.contains("with the cable's power cut, for up to 720 s"), "{beat:?}");
        // Without its cable it reaches no server, for longer than the lease would live.
        twin.happen(Deed::Unplug);
        server.away.store(true, Ordering::SeqCst);
        tokio::time::sleep(Duration::from_secs(beat.detached_for_s.unwrap().into())).await;
        twin.happen(Deed::Plug);
        tokio::time::sleep(Duration::from_secs(60)).await;
        assert!(server.state.lock().unwrap().stored.is_empty());
        server.away.store(false, Ordering::SeqCst);
        server.until(|state| !state.stored.is_empty()).await;
    };
    worker.run(silence).await.unwrap();
    let state = server.state.lock().unwrap();
    let RunReport::Measured(run) = &state.stored.values().next().unwrap().runs[0] else { panic!("not measured") };
    assert!(run.energy.as_ref().unwrap().value().is_some(), "{:?}", run.energy);
    assert!(state.releases.is_empty());
}
