//! Looking things up.

use benchrack_protocol::api::{ArtifactStored, Device, Model, Run, Submission};
use benchrack_protocol::ids::{ArtifactId, RunId, SessionId, SubmissionId};
use benchrack_protocol::problem::ProblemCode;
use benchrack_protocol::report::{Measurement, SessionReport};
use benchrack_protocol::units::Bytes;
use futures::Stream;

use super::App;
use crate::artifacts::StoreError;
use crate::db;
use crate::db::runs::RunFilter;
use crate::refusal::Refusal;

impl App {
    /// Stores a file under its digest.
    ///
    /// # Errors
    /// Wrong digest, too large, broken off; nothing is stored then.
    pub async fn store_artifact<E: std::fmt::Display>(
        &self,
        id: ArtifactId,
        chunks: impl Stream<Item = Result<bytes::Bytes, E>> + Send,
    ) -> Result<ArtifactStored, Refusal> {
        let size = self.store().put(id, self.limits().artifact_bytes, chunks).await?;
        let stored = i64::try_from(size).map_err(Refusal::internal)?;
        let new = db::artifacts::insert(self.db(), id, stored, self.now()).await?;
        Ok(ArtifactStored { id, size: Bytes(size), known: !new })
    }

    /// Size of a stored file.
    ///
    /// # Errors
    /// Not stored.
    pub async fn artifact_size(&self, id: ArtifactId) -> Result<Bytes, Refusal> {
        db::artifacts::size(self.db(), id).await?.ok_or_else(|| StoreError::Missing(id).into())
    }

    /// All devices, by name.
    ///
    /// # Errors
    /// Only when the database does not do as asked.
    pub async fn devices(&self) -> Result<Vec<Device>, Refusal> {
        Ok(db::devices::list(self.db()).await?)
    }

    /// All model revisions, newest first.
    ///
    /// # Errors
    /// Only when the database does not do as asked.
    pub async fn models(&self) -> Result<Vec<Model>, Refusal> {
        Ok(db::models::list(self.db()).await?)
    }

    /// Submissions below an id, newest first.
    ///
    /// # Errors
    /// Only when the database does not do as asked.
    pub async fn submissions(&self, before: Option<SubmissionId>, limit: i64) -> Result<Vec<Submission>, Refusal> {
        Ok(db::submissions::list(self.db(), before, limit).await?)
    }

    /// Runs, newest first.
    ///
    /// # Errors
    /// Only when the database does not do as asked.
    pub async fn runs(&self, filter: &RunFilter) -> Result<Vec<Run>, Refusal> {
        Ok(db::runs::list(self.db(), filter).await?)
    }

    /// One run.
    ///
    /// # Errors
    /// Unknown run.
    pub async fn run(&self, id: RunId) -> Result<Run, Refusal> {
        db::runs::get(self.db(), id).await?.ok_or_else(|| Refusal::not_found("run", id))
    }

    /// Everything measured of a run.
    ///
    /// # Errors
    /// Unknown run; a conflict when it failed, because then nothing was measured.
    pub async fn measurement(&self, id: RunId) -> Result<Measurement, Refusal> {
        let found = db::runs::measurement(self.db(), id).await?.ok_or_else(|| Refusal::not_found("run", id))?;
        found.ok_or_else(|| {
            Refusal::new(ProblemCode::Conflict, format!("run {id} failed, so that nothing was measured; GET /runs/{id} says why"))
        })
    }

    /// The report of a session as it was delivered.
    ///
    /// # Errors
    /// Unknown session.
    pub async fn session_report(&self, id: SessionId) -> Result<SessionReport, Refusal> {
        db::runs::report(self.db(), id).await?.ok_or_else(|| Refusal::not_found("session", id))
    }
}
