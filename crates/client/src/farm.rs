//! What people and CI ask: models, submissions, gates, devices, runs, tokens.

use std::collections::BTreeMap;

use benchrack_protocol::api::{
    CreatedToken, Device, Engine, Gate, Model, NewGate, NewModel, NewSubmission, NewToken, Run, Submission, Token,
};
use benchrack_protocol::engine::EngineBuild;
use benchrack_protocol::ids::{DeviceId, GateId, RunId, SubmissionId, TokenId};
use benchrack_protocol::report::Measurement;
use reqwest::Method;
use serde::Serialize;

use crate::{Client, ClientError, checked, decoded};

/// Which runs to list, newest first.
#[derive(Debug, Clone, Default, Serialize)]
pub struct RunQuery {
    /// Of this device name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub device: Option<String>,
    /// Of this model name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// Of this submission.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub submission: Option<SubmissionId>,
    /// Only ids below this.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub before: Option<RunId>,
    /// At most so many.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
}

impl Client {
    /// Gives a stored artifact its manifest.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn add_model(&self, model: &NewModel) -> Result<Model, ClientError> {
        self.send(Method::POST, "models", model).await
    }

    /// All model revisions, newest first.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn models(&self) -> Result<Vec<Model>, ClientError> {
        self.get("models").await
    }

    /// Gives a stored library or program of an engine its name, version and target.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn add_engine(&self, build: &EngineBuild) -> Result<Engine, ClientError> {
        self.send(Method::POST, "engines", build).await
    }

    /// All builds of engines, by name, newest first.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn engines(&self) -> Result<Vec<Engine>, ClientError> {
        self.get("engines").await
    }

    /// All devices.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn devices(&self) -> Result<Vec<Device>, ClientError> {
        self.get("devices").await
    }

    /// Gives a device no more work until it is readmitted; its session under way goes on.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn quarantine(&self, id: DeviceId, reason: &str) -> Result<Device, ClientError> {
        let body = BTreeMap::from([("reason", reason)]);
        self.send(Method::POST, &format!("devices/{id}/quarantine"), &body).await
    }

    /// Lets a quarantined device in again.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn readmit(&self, id: DeviceId) -> Result<Device, ClientError> {
        decoded(checked(self.request(Method::POST, &format!("devices/{id}/readmit"))?).await?).await
    }

    /// Queues a suite.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn submit(&self, submission: &NewSubmission) -> Result<Submission, ClientError> {
        self.send(Method::POST, "submissions", submission).await
    }

    /// How far a submission is.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn submission(&self, id: SubmissionId) -> Result<Submission, ClientError> {
        self.get(&format!("submissions/{id}")).await
    }

    /// Cancels the jobs of a submission that no device has begun.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn cancel_submission(&self, id: SubmissionId) -> Result<Submission, ClientError> {
        decoded(checked(self.request(Method::POST, &format!("submissions/{id}/cancel"))?).await?).await
    }

    /// Runs, newest first.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn runs(&self, query: &RunQuery) -> Result<Vec<Run>, ClientError> {
        decoded(checked(self.request(Method::GET, "runs")?.query(query)).await?).await
    }

    /// One run.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn run(&self, id: RunId) -> Result<Run, ClientError> {
        self.get(&format!("runs/{id}")).await
    }

    /// Every sample of one run.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn measurement(&self, id: RunId) -> Result<Measurement, ClientError> {
        self.get(&format!("runs/{id}/measurement")).await
    }

    /// Asks whether a candidate is slower than a baseline.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn open_gate(&self, gate: &NewGate) -> Result<Gate, ClientError> {
        self.send(Method::POST, "gates", gate).await
    }

    /// A gate and its verdict so far.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn gate(&self, id: GateId) -> Result<Gate, ClientError> {
        self.get(&format!("gates/{id}")).await
    }

    /// The receipt of a gate that has its verdict: a file that [`benchrack_protocol::receipt`] describes.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn gate_receipt(&self, id: GateId) -> Result<String, ClientError> {
        let response = checked(self.request(Method::GET, &format!("gates/{id}/receipt"))?).await?;
        response.text().await.map_err(ClientError::transport)
    }

    /// Makes a token; its secret is in the answer and nowhere else.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn create_token(&self, token: &NewToken) -> Result<CreatedToken, ClientError> {
        self.send(Method::POST, "tokens", token).await
    }

    /// All tokens, without their secrets.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn tokens(&self) -> Result<Vec<Token>, ClientError> {
        self.get("tokens").await
    }

    /// Ends a token's life.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn revoke_token(&self, id: TokenId) -> Result<(), ClientError> {
        checked(self.request(Method::DELETE, &format!("tokens/{id}"))?).await.map(drop)
    }
}
