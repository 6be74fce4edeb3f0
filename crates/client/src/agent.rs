//! What an agent asks: register, claim, heartbeat, report, release.

use std::time::Duration;

use benchrack_protocol::api::{Claim, Device, Heartbeat, LEASE_HEADER, Lease, Registration, Release, Reported, SIGNATURE_HEADER};
use benchrack_protocol::ids::LeaseId;
use benchrack_protocol::report::SessionReport;
use benchrack_protocol::signature::SecretKey;
use reqwest::header::CONTENT_TYPE;
use reqwest::{Method, RequestBuilder, StatusCode};

use crate::{ANSWER_TIMEOUT, Client, ClientError, checked, decoded};

impl Client {
    /// Says what this device is; makes it known on the first time.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn register(&self, key: &str, registration: &Registration) -> Result<Device, ClientError> {
        self.send(Method::PUT, &format!("devices/{}", path_segment(key)), registration).await
    }

    /// Asks for work; the server holds the request open for up to `claim.wait`. `None` when there is none.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn claim(&self, claim: &Claim) -> Result<Option<Lease>, ClientError> {
        let patience = ANSWER_TIMEOUT.saturating_add(Duration::from(claim.wait));
        let response = checked(self.request(Method::POST, "leases")?.timeout(patience).json(claim)).await?;
        if response.status() == StatusCode::NO_CONTENT { Ok(None) } else { decoded(response).await.map(Some) }
    }

    /// Keeps the lease alive and says how far the session is.
    ///
    /// # Errors
    /// [`ClientError::is_lease_lost`] when it has ended; see [`ClientError`] for the others.
    pub async fn heartbeat(&self, lease: LeaseId, secret: &str, heartbeat: &Heartbeat) -> Result<(), ClientError> {
        checked(self.leased(lease, secret, "heartbeat")?.json(heartbeat)).await.map(drop)
    }

    /// Delivers a session's result, signed with the agent's key where it has one; a second delivery of the same report
    /// changes nothing and says so.
    ///
    /// # Errors
    /// [`ClientError::is_lease_lost`] when the lease ended before; see [`ClientError`] for the others.
    pub async fn report(
        &self,
        lease: LeaseId,
        secret: &str,
        report: &SessionReport,
        key: Option<&SecretKey>,
    ) -> Result<Reported, ClientError> {
        // These very bytes are signed and sent.
        let body = serde_json::to_vec(report).map_err(|source| ClientError::Answer { path: "report".into(), source })?;
        let mut request = self.leased(lease, secret, "report")?.header(CONTENT_TYPE, "application/json");
        if let Some(key) = key {
            request = request.header(SIGNATURE_HEADER, key.sign_report(&body).to_string());
        }
        decoded(checked(request.body(body)).await?).await
    }

    /// Gives the lease back: the session could not be done.
    ///
    /// # Errors
    /// [`ClientError::is_lease_lost`] when it had ended before; see [`ClientError`] for the others.
    pub async fn release(&self, lease: LeaseId, secret: &str, release: &Release) -> Result<(), ClientError> {
        checked(self.leased(lease, secret, "release")?.json(release)).await.map(drop)
    }

    fn leased(&self, lease: LeaseId, secret: &str, what: &str) -> Result<RequestBuilder, ClientError> {
        Ok(self.request(Method::POST, &format!("leases/{lease}/{what}"))?.header(LEASE_HEADER, secret))
    }
}

/// Escapes what would end a path segment; device keys are chosen by agents.
pub(crate) fn path_segment(text: &str) -> String {
    text.bytes()
        .map(|byte| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' => char::from(byte).to_string(),
            other => format!("%{other:02X}"),
        })
        .collect()
}
