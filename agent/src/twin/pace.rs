//! A twin in real time or faster, at work for a server that is not simulated.
//!
//! The runtime's clock is paused and moves to the next timer whenever nothing else is to do. This module holds it back:
//! it never runs ahead of the real time by more than the asked speed, and while a request to the server is under way it
//! runs exactly with the real time, so that the client's time-outs and waits are real ones.

use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use benchrack_client::ClientError;
use benchrack_protocol::api::{Claim, Device, Heartbeat, Lease, Registration, Release, Reported};
use benchrack_protocol::ids::{ArtifactId, LeaseId};
use benchrack_protocol::report::SessionReport;
use benchrack_protocol::signature::SecretKey;

use crate::work::Farm;

/// How many simulated seconds pass in a real one, while no request is under way.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Speed(f64);

impl std::str::FromStr for Speed {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.parse() {
            Ok(speed) if (0.01..=100_000.0).contains(&speed) => Ok(Self(speed)),
            _ => Err(format!("'{text}' is no speed: 1 is real time, 60 a minute in each second; from 0.01 to 100000")),
        }
    }
}

impl std::fmt::Display for Speed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

/// The simulated time runs so far without a look at the real one.
const GRANULE: Duration = Duration::from_millis(20);
/// Longest real sleep: a request must not wait long for its time to pass.
const NAP: Duration = Duration::from_millis(5);

/// A farm that counts the requests under way.
pub struct Paced<F> {
    farm: F,
    under_way: AtomicUsize,
}

impl<F: Farm> Paced<F> {
    /// Around a real farm.
    pub fn new(farm: F) -> Self {
        Self { farm, under_way: AtomicUsize::new(0) }
    }

    async fn counted<T>(&self, request: impl Future<Output = T>) -> T {
        let _under_way = UnderWay::begin(&self.under_way);
        request.await
    }
}

struct UnderWay<'a>(&'a AtomicUsize);

impl<'a> UnderWay<'a> {
    fn begin(count: &'a AtomicUsize) -> Self {
        count.fetch_add(1, Ordering::SeqCst);
        Self(count)
    }
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

/// Pauses the runtime's clock and lets it run at this speed, for ever. It must be polled beside the work, in a runtime of
/// one thread.
pub async fn keep_pace<F>(speed: Speed, farm: &Paced<F>) {
    tokio::time::pause();
    let mut simulated = tokio::time::Instant::now();
    let mut real = std::time::Instant::now();
    loop {
        let busy = farm.under_way.load(Ordering::SeqCst) > 0;
        let allowed = real.elapsed().mul_f64(speed.0);
        let ahead = simulated.elapsed().saturating_sub(allowed);
        if busy {
            let before = std::time::Instant::now();
            nap(NAP).await;
            tokio::time::advance(before.elapsed()).await;
            (simulated, real) = (tokio::time::Instant::now(), std::time::Instant::now());
        } else if ahead > Duration::ZERO {
            nap(ahead.div_f64(speed.0).min(NAP)).await;
        } else {
            tokio::time::sleep(GRANULE).await;
        }
    }
}

/// Really sleeps: the clock of a paused runtime does not move by itself while a blocking task runs.
async fn nap(time: Duration) {
    // It fails only when the runtime ends, and then nobody waits.
    let _ = tokio::task::spawn_blocking(move || std::thread::sleep(time)).await;
}

impl<F: Farm> Farm for &Paced<F> {
    async fn register(&self, key: &str, registration: &Registration) -> Result<Device, ClientError> {
        self.counted(self.farm.register(key, registration)).await
    }

    async fn claim(&self, claim: &Claim) -> Result<Option<Lease>, ClientError> {
        self.counted(self.farm.claim(claim)).await
    }

    async fn heartbeat(&self, lease: LeaseId, secret: &str, beat: &Heartbeat) -> Result<(), ClientError> {
        self.counted(self.farm.heartbeat(lease, secret, beat)).await
    }

    async fn report(
        &self,
        lease: LeaseId,
        secret: &str,
        report: &SessionReport,
        key: &SecretKey,
    ) -> Result<Reported, ClientError> {
        self.counted(self.farm.report(lease, secret, report, key)).await
    }

    async fn release(&self, lease: LeaseId, secret: &str, release: &Release) -> Result<(), ClientError> {
        self.counted(self.farm.release(lease, secret, release)).await
    }

    async fn download_artifact(&self, id: ArtifactId, to: &Path) -> Result<(), ClientError> {
        self.counted(self.farm.download_artifact(id, to)).await
    }
}
