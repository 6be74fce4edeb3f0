//! What people ask about studies.

use benchrack_protocol::api::Submission;
use benchrack_protocol::ids::{StudyId, SubmissionId};
use benchrack_protocol::study::{NewStudy, StudyListed, StudyReport};
use reqwest::Method;

use crate::{Client, ClientError, checked, decoded};

impl Client {
    /// Measures a study.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn open_study(&self, study: &NewStudy) -> Result<StudyReport, ClientError> {
        self.send(Method::POST, "studies", study).await
    }

    /// A study and what can be said of its claims so far.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn study(&self, id: StudyId) -> Result<StudyReport, ClientError> {
        self.get(&format!("studies/{id}")).await
    }

    /// The newest study of this name; none when there is none.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn newest_study(&self, name: &str) -> Result<Option<StudyListed>, ClientError> {
        let request = self.request(Method::GET, "studies")?.query(&[("name", name), ("limit", "1")]);
        Ok(decoded::<Vec<StudyListed>>(checked(request).await?).await?.pop())
    }

    /// Cancels all jobs of a submission, those under way too: their agents stop and restore what they set.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn stop_submission(&self, id: SubmissionId) -> Result<Submission, ClientError> {
        let request = self.request(Method::POST, &format!("submissions/{id}/cancel"))?.query(&[("running", "true")]);
        decoded(checked(request).await?).await
    }
}
