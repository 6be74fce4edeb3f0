//! Alerts and what people decide about them.

use benchrack_protocol::alert::{Alert, NewTriage, SelfTest, TriageState};
use benchrack_protocol::ids::AlertId;
use reqwest::Method;
use serde::Serialize;

use crate::{Client, ClientError, checked, decoded};

/// Which alerts to list, newest first.
#[derive(Debug, Clone, Default, Serialize)]
pub struct AlertQuery {
    /// In this state.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state: Option<TriageState>,
    /// Only ids below this.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub before: Option<AlertId>,
    /// At most so many.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
}

impl Client {
    /// Alerts with their findings, newest first.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn alerts(&self, query: &AlertQuery) -> Result<Vec<Alert>, ClientError> {
        decoded(checked(self.request(Method::GET, "alerts")?.query(query)).await?).await
    }

    /// One alert.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn alert(&self, id: AlertId) -> Result<Alert, ClientError> {
        self.get(&format!("alerts/{id}")).await
    }

    /// Decides about an alert.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn triage(&self, id: AlertId, triage: &NewTriage) -> Result<Alert, ClientError> {
        self.send(Method::POST, &format!("alerts/{id}/triage"), triage).await
    }

    /// What the farm measured of itself.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn self_test(&self) -> Result<SelfTest, ClientError> {
        self.get("self-test").await
    }
}
