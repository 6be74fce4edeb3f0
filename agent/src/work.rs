//! Working for a server: register, claim, measure, report, for ever.
//!
//! Nothing that was measured is lost and nothing is delivered twice: a report goes to disk before it goes out, and the
//! server knows its identity again. A lease that is lost, or a stop that is asked for, drops the session, which restores
//! the device.

pub mod artifacts;
pub mod backoff;
pub mod engines;
mod farm;
mod own_identity;
mod signs;
pub mod spool;

use std::future::Future;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use benchrack_client::ClientError;
use benchrack_protocol::api::{Claim, Heartbeat, Lease, Registration, Release};
use benchrack_protocol::causes::chain;
use benchrack_protocol::device::DeviceReport;
use benchrack_protocol::ids::DeviceId;
use benchrack_protocol::problem::ProblemCode;
use benchrack_protocol::report::{Failure, SessionReport};
use benchrack_protocol::runner::FailureReason;
use benchrack_protocol::signature::SecretKey;
use benchrack_protocol::units::Nanos;
use tokio::time::sleep;

use crate::config::Config;
use crate::device::Device;
use crate::files::write_safely;
use crate::probe::probe_in;
use crate::runner_process::RunnerProgram;
use crate::session::detached::Cable;
use crate::session::journal::{Journal, JournalError};
use crate::session::{self, Context};
use artifacts::Cache;
use backoff::Backoff;
use engines::Engines;
pub use farm::Farm;
use own_identity::OwnIdentity;
use signs::Signs;
use spool::{Delivery, Spool, SpoolError};

/// Why the agent cannot work at all.
#[derive(Debug, thiserror::Error)]
pub enum WorkError {
    /// The data folder cannot be used.
    #[error("cannot use the data folder {}; name one that this user may write with --data-dir", path.display())]
    Folder {
        /// Which.
        path: PathBuf,
        /// Why not.
        #[source]
        source: std::io::Error,
    },
    /// Another agent has it.
    #[error("another agent works with the data folder {}; stop it, or name another folder with --data-dir", path.display())]
    InUse {
        /// Which.
        path: PathBuf,
    },
    /// Knobs of an earlier life could not be put back.
    #[error("the device is still changed from an earlier session")]
    Journal {
        /// What failed.
        #[source]
        source: JournalError,
    },
    /// The spool cannot be read or written.
    #[error("undelivered reports cannot be kept")]
    Spool {
        /// What failed.
        #[source]
        source: SpoolError,
    },
    /// The server refuses this agent.
    #[error("the server does not take this agent; check its address and the token (scope agent)")]
    Refused {
        /// What it said.
        #[source]
        source: ClientError,
    },
}

/// Longest wait between two registrations while another agent works as this device: a rack that does not hear of this one climbs
/// its ladder.
const ASKS_WHO: Duration = Duration::from_secs(10);

/// An agent at work.
pub struct Worker<'a, F> {
    farm: F,
    config: &'a Config,
    device: &'a Device,
    program: &'a RunnerProgram,
    folder: PathBuf,
    spool: Spool,
    cache: Cache,
    engines: Engines,
    known: DeviceReport,
    key: SecretKey,
    own_identity: OwnIdentity,
    id: Option<DeviceId>,
    backoff: Backoff,
    cable: Option<Cable>,
    /// Held as long as the agent lives.
    _lock: std::fs::File,
}

/// What became of a lease.
enum Outcome {
    Measured(Box<SessionReport>),
    LeaseLost,
    Unfetched(Failure),
    Stopped,
}

impl<'a, F: Farm> Worker<'a, F> {
    /// Takes the data folder, restores what an earlier life left changed, and looks at the device.
    ///
    /// # Errors
    /// When the folder cannot be used or the device cannot be restored.
    pub fn new(
        farm: F,
        config: &'a Config,
        device: &'a Device,
        program: &'a RunnerProgram,
        folder: PathBuf,
    ) -> Result<Self, WorkError> {
        let unusable = |source| WorkError::Folder { path: folder.clone(), source };
        let lock = lock(&folder)?;
        let restored = Journal::in_folder(&folder).replay(device).map_err(|source| WorkError::Journal { source })?;
        if restored > 0 {
            tracing::info!(knobs = restored, "restored what an earlier session had changed");
        }
        let own_key = own_key(&folder).map_err(unusable)?;
        let mut known = probe_in(device, Some(&own_key), Some(&folder));
        let own_identity = OwnIdentity::in_folder(&folder, own_key);
        if own_identity.is_taken() {
            known.identity.key = own_identity.key().to_owned();
        }
        let key = signing_key(&folder).map_err(unusable)?;
        let spool = Spool::in_folder(&folder).map_err(|source| WorkError::Spool { source })?;
        let cache = Cache::in_folder(&folder, config.model_cache_mb.saturating_mul(1_000_000)).map_err(unusable)?;
        let engines = Engines::in_folder(&folder, config.engine_cache_mb.saturating_mul(1_000_000)).map_err(unusable)?;
        let seed = format!("{} {}", known.identity.key, device.clock.now().0);
        let backoff = Backoff::new(Duration::from_millis(config.first_retry_ms), config.longest_retry(), &seed);
        Ok(Self {
            farm,
            config,
            device,
            program,
            folder,
            spool,
            cache,
            engines,
            known,
            key,
            own_identity,
            id: None,
            backoff,
            cable: config.longest_detached().map(Cable::new),
            _lock: lock,
        })
    }

    /// Works until `stop` is done, then returns with the device restored and the lease given back.
    ///
    /// # Errors
    /// [`WorkError::Refused`] when trying again would not help.
    pub async fn run(&mut self, stop: impl Future<Output = ()>) -> Result<(), WorkError> {
        self.run_or_drain(stop, std::future::pending()).await
    }

    /// As [`Worker::run`]; once `drain` is done, no other session is begun, and what was measured is delivered before this
    /// returns, where the server takes it.
    ///
    /// # Errors
    /// As [`Worker::run`].
    pub async fn run_or_drain(
        &mut self,
        stop: impl Future<Output = ()>,
        drain: impl Future<Output = ()>,
    ) -> Result<(), WorkError> {
        tokio::pin!(stop, drain);
        loop {
            let lease = tokio::select! {
                biased;
                () = &mut stop => return Ok(()),
                () = &mut drain => {
                    tokio::select! {
                        () = &mut stop => {}
                        delivered = self.deliver() => if let Err(error) = delivered {
                            tracing::warn!(error = chain(&error), "reports wait on disk for the next start");
                        },
                    }
                    return Ok(());
                }
                lease = self.next_lease() => lease?,
            };
            let outcome = tokio::select! {
                biased;
                () = &mut stop => Outcome::Stopped,
                outcome = self.session(&lease) => outcome,
            };
            let (stopped, in_vain) = (matches!(outcome, Outcome::Stopped), matches!(outcome, Outcome::Unfetched(_)));
            self.settle_lease(&lease, outcome).await;
            if stopped {
                return Ok(());
            }
            if in_vain {
                // The same lease may come back at once, and be as hopeless.
                let wait = self.backoff.next();
                tokio::select! {
                    () = &mut stop => return Ok(()),
                    () = sleep(wait) => {}
                }
            } else {
                self.backoff.reset();
            }
        }
    }

    /// Delivers what waits, registers when needed, and waits for work.
    async fn next_lease(&mut self) -> Result<Lease, WorkError> {
        loop {
            let asked = match self.deliver().await {
                Ok(()) => self.ask_for_work().await,
                Err(error) => Err(error),
            };
            match asked {
                Ok(Some(lease)) => return Ok(lease),
                Ok(None) => self.backoff.reset(),
                Err(error) => {
                    let unknown = error
                        .problem()
                        .is_some_and(|problem| matches!(problem.code, ProblemCode::NotFound | ProblemCode::UnknownReference));
                    if unknown {
                        // A server with a new database: it asks who we are.
                        self.id = None;
                    } else if error.problem().is_some_and(|problem| problem.code == ProblemCode::IdentityInUse) {
                        self.refused_as_another(&error)?;
                    } else if !error.is_transient() && self.id.is_none() {
                        return Err(WorkError::Refused { source: error });
                    }
                    let wait = match self.own_identity.is_awaited() {
                        true => self.backoff.next().min(ASKS_WHO),
                        false => self.backoff.next(),
                    };
                    tracing::warn!(error = chain(&error), retry_ms = wait.as_millis(), "the server gives no work");
                    sleep(wait).await;
                }
            }
        }
    }

    async fn ask_for_work(&mut self) -> Result<Option<Lease>, ClientError> {
        let device = match self.id {
            Some(id) => id,
            None => self.register().await?,
        };
        self.farm.claim(&Claim { device, wait: Nanos(self.config.claim_wait_s.saturating_mul(1_000_000_000)) }).await
    }

    async fn register(&mut self) -> Result<DeviceId, ClientError> {
        let name = if self.config.name.is_empty() { host_name() } else { self.config.name.clone() };
        let registration = Registration {
            name,
            report: self.known.clone(),
            agent: session::build(),
            public_key: Some(self.key.public()),
            labels: self.config.labels.clone(),
        };
        let device = self.farm.register(&self.known.identity.key, &registration).await?;
        tracing::info!(device.id = device.id.0, device.name, "registered");
        self.own_identity.settle();
        self.id = Some(device.id);
        Ok(device.id)
    }

    /// Another agent works as this device. One that was just stopped is soon counted as gone; one that is still there is another
    /// device with the same serial number, and this one goes by a key of its own from then on.
    fn refused_as_another(&mut self, error: &ClientError) -> Result<(), WorkError> {
        let now = self.device.clock.now();
        if !self.own_identity.is_due(now, Duration::from_secs(self.config.identity_wait_s)) {
            return Ok(());
        }
        self.own_identity.take().map_err(|source| WorkError::Folder { path: self.folder.clone(), source })?;
        let key = self.own_identity.key();
        tracing::warn!(
            before = self.known.identity.key,
            key,
            error = chain(error),
            "another device has this identity; taking one of its own"
        );
        self.known.identity.key = key.to_owned();
        Ok(())
    }

    /// One lease: models, session, signs of life beside both.
    async fn session(&mut self, lease: &Lease) -> Outcome {
        tracing::info!(lease.id = lease.id.0, job.id = lease.job.0, subjects = lease.session.subjects.len(), "session begins");
        let progress = Mutex::new(Heartbeat::of("fetching models", 0, 0));
        let observer = |heartbeat: Heartbeat| *progress.lock().unwrap_or_else(PoisonError::into_inner) = heartbeat;
        let work = async {
            let mut artifacts = match self.cache.fetch(&self.farm, &lease.session).await {
                Ok(artifacts) => artifacts,
                Err(failure) => return Outcome::Unfetched(failure),
            };
            if let Err(failure) = self.engines.fetch(&self.farm, &lease.session, &mut artifacts).await {
                return Outcome::Unfetched(failure);
            }
            let context = Context {
                device: self.device,
                known: &self.known,
                artifacts: &artifacts,
                inputs: &[],
                asked: &self.config.knobs,
                state_folder: &self.folder,
                address_space: self.config.address_space(),
                cable: self.cable.as_ref(),
                observer: &observer,
            };
            let report = session::run(session::new_report_id(), lease.session.clone(), context, self.program).await;
            Outcome::Measured(Box::new(report))
        };
        let every = Duration::from_secs(self.config.heartbeat_s);
        let signs = Signs {
            farm: &self.farm,
            lease,
            every,
            progress: &progress,
            cable: self.cable.as_ref(),
            clock: self.device.clock.as_ref(),
        };
        tokio::select! {
            biased;
            outcome = work => outcome,
            () = signs.give_until_lost() => Outcome::LeaseLost,
        }
    }

    async fn settle_lease(&mut self, lease: &Lease, outcome: Outcome) {
        let failure = match outcome {
            Outcome::Measured(report) => {
                let seconds = Duration::from(report.duration).as_secs_f64();
                tracing::info!(lease.id = lease.id.0, report.id = %report.id, seconds, "session measured");
                if let Err(error) = self.spool.keep(lease, &report) {
                    tracing::error!(error = chain(&error), "the report cannot be kept on disk; it is sent from memory");
                    if let Err(error) = self.farm.report(lease.id, &lease.secret, &report, &self.key).await {
                        tracing::error!(error = chain(&error), report.id = %report.id, "the report is lost; the session will run again");
                    }
                }
                return;
            }
            Outcome::LeaseLost => {
                tracing::warn!(lease.id = lease.id.0, "the lease is lost: the session was stopped and the device restored");
                return;
            }
            Outcome::Unfetched(failure) => failure,
            Outcome::Stopped => Failure { reason: FailureReason::Stopped, detail: "the agent was stopped".into() },
        };
        tracing::info!(lease.id = lease.id.0, why = failure.detail, "the lease is given back");
        if let Err(error) = self.farm.release(lease.id, &lease.secret, &Release { failure }).await {
            tracing::warn!(error = chain(&error), "the lease could not be given back; it ends by itself");
        }
    }

    /// Sends what waits on disk, oldest first; stops at the first that must wait on.
    async fn deliver(&mut self) -> Result<(), ClientError> {
        let waiting = match self.spool.waiting() {
            Ok(waiting) => waiting,
            Err(error) => {
                tracing::error!(error = chain(&error), "undelivered reports cannot be read");
                return Ok(());
            }
        };
        for entry in waiting {
            match self.spool.deliver(&self.farm, &entry, &self.key).await? {
                Delivery::Stored { duplicate } => tracing::info!(report = entry.name(), duplicate, "report delivered"),
                Delivery::Rejected { why } => {
                    tracing::error!(report = entry.name(), why, "the report was not taken; it is kept in rejected/");
                }
            }
        }
        Ok(())
    }
}

/// Takes a data folder as long as the file lives; makes it where it is missing.
fn lock(folder: &Path) -> Result<std::fs::File, WorkError> {
    let unusable = |source| WorkError::Folder { path: folder.into(), source };
    std::fs::create_dir_all(folder).map_err(unusable)?;
    let lock = std::fs::File::create(folder.join("lock")).map_err(unusable)?;
    match lock.try_lock() {
        Ok(()) => Ok(lock),
        Err(std::fs::TryLockError::WouldBlock) => Err(WorkError::InUse { path: folder.into() }),
        Err(std::fs::TryLockError::Error(source)) => Err(unusable(source)),
    }
}

/// Takes a data folder for one session outside of [`Worker`], and restores what an earlier life left changed. A session that
/// turns no knob may run beside an agent, whose journal is then left alone, and needs no folder.
///
/// # Errors
/// When the folder cannot be used, or the device cannot be restored.
pub fn take_for_one_session(folder: &Path, device: &Device, turns_knobs: bool) -> Result<Option<std::fs::File>, WorkError> {
    if !turns_knobs && !folder.is_dir() {
        return Ok(None);
    }
    let lock = match lock(folder) {
        Err(WorkError::InUse { .. } | WorkError::Folder { .. }) if !turns_knobs => return Ok(None),
        lock => lock?,
    };
    Journal::in_folder(folder).replay(device).map_err(|source| WorkError::Journal { source })?;
    Ok(turns_knobs.then_some(lock))
}

/// File of [`own_key`] in the data folder.
const KEY_FILE: &str = "device-key";

/// A key made once for devices whose system has no identity of its own.
pub(crate) fn own_key(folder: &std::path::Path) -> std::io::Result<String> {
    let file = folder.join(KEY_FILE);
    match std::fs::read_to_string(&file) {
        Ok(key) if !key.trim().is_empty() => Ok(key.trim().to_owned()),
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error),
        _ => {
            let key = format!("own-{}", session::new_report_id());
            write_safely(&file, key.as_bytes())?;
            Ok(key)
        }
    }
}

/// The key that signs this agent's reports, made at its first start and kept in a file of its owner's alone.
///
/// # Errors
/// When the file cannot be read or written, or holds something else.
pub fn signing_key(folder: &std::path::Path) -> std::io::Result<SecretKey> {
    let file = folder.join("signing-key");
    let seed = match std::fs::read(&file) {
        Ok(bytes) => <[u8; 32]>::try_from(bytes.as_slice()).map_err(|_| {
            let why = format!("{} holds no key of 32 bytes; remove it, and the agent makes a new one", file.display());
            std::io::Error::new(std::io::ErrorKind::InvalidData, why)
        })?,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            let mut seed = [0; 32];
            #[expect(clippy::disallowed_methods, reason = "a key must be one that nobody can guess")]
            getrandom::fill(&mut seed).map_err(std::io::Error::other)?;
            write_safely(&file, &seed)?;
            seed
        }
        Err(error) => return Err(error),
    };
    Ok(SecretKey::of_seed(&seed))
}

/// The key that [`own_key`] has kept, without making one.
pub(crate) fn kept_key(folder: &std::path::Path) -> Option<String> {
    let key = std::fs::read_to_string(folder.join(KEY_FILE)).ok()?;
    Some(key.trim().to_owned()).filter(|key| !key.is_empty())
}

fn host_name() -> String {
    let name = rustix::system::uname().nodename().to_string_lossy().into_owned();
    if name.is_empty() || name == "localhost" { "device".into() } else { name }
}
