//! The server as an agent sees it: a port, so that the work loop can be tested against a server that is away, forgets
//! and refuses.

use std::future::Future;
use std::path::Path;

use benchrack_client::{Client, ClientError};
use benchrack_protocol::api::{Claim, Device, Heartbeat, Lease, Registration, Release, Reported};
use benchrack_protocol::ids::{ArtifactId, LeaseId};
use benchrack_protocol::report::SessionReport;
use benchrack_protocol::signature::SecretKey;

/// What an agent asks of a server; each method as [`Client`]'s of the same name.
#[expect(missing_docs, reason = "they are the client's")]
pub trait Farm: Sync {
    fn register(&self, key: &str, registration: &Registration) -> impl Future<Output = Result<Device, ClientError>> + Send;
    fn claim(&self, claim: &Claim) -> impl Future<Output = Result<Option<Lease>, ClientError>> + Send;
    fn heartbeat(&self, lease: LeaseId, secret: &str, beat: &Heartbeat) -> impl Future<Output = Result<(), ClientError>> + Send;
    fn report(
        &self,
        lease: LeaseId,
        secret: &str,
        report: &SessionReport,
        key: &SecretKey,
    ) -> impl Future<Output = Result<Reported, ClientError>> + Send;
    fn release(&self, lease: LeaseId, secret: &str, release: &Release) -> impl Future<Output = Result<(), ClientError>> + Send;
    fn download_artifact(&self, id: ArtifactId, to: &Path) -> impl Future<Output = Result<(), ClientError>> + Send;
}

impl Farm for Client {
    async fn register(&self, key: &str, registration: &Registration) -> Result<Device, ClientError> {
        self.register(key, registration).await
    }

    async fn claim(&self, claim: &Claim) -> Result<Option<Lease>, ClientError> {
        self.claim(claim).await
    }

    async fn heartbeat(&self, lease: LeaseId, secret: &str, beat: &Heartbeat) -> Result<(), ClientError> {
        self.heartbeat(lease, secret, beat).await
    }

    async fn report(
        &self,
        lease: LeaseId,
        secret: &str,
        report: &SessionReport,
        key: &SecretKey,
    ) -> Result<Reported, ClientError> {
        self.report(lease, secret, report, Some(key)).await
    }

    async fn release(&self, lease: LeaseId, secret: &str, release: &Release) -> Result<(), ClientError> {
        self.release(lease, secret, release).await
    }

    async fn download_artifact(&self, id: ArtifactId, to: &Path) -> Result<(), ClientError> {
        self.download_artifact(id, to).await
    }
}
