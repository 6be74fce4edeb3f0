//! Models on disk, by digest: fetched once, kept while there is room, the ones used longest ago go first.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use benchrack_protocol::causes::chain;
use benchrack_protocol::ids::ArtifactId;
use benchrack_protocol::report::Failure;
use benchrack_protocol::runner::FailureReason;
use benchrack_protocol::session::SessionSpec;
use benchrack_protocol::units::Bytes;
use rustix::fs::{AtFlags, CWD, Timespec, Timestamps, UTIME_NOW};

use super::Farm;
use crate::session::Artifacts;

/// The folder of models.
#[derive(Debug)]
pub struct Cache {
    folder: PathBuf,
    most: u64,
}

impl Cache {
    /// The models of an agent, at most so many bytes.
    ///
    /// # Errors
    /// When the folder cannot be made.
    pub fn in_folder(folder: &Path, most: u64) -> io::Result<Self> {
        let folder = folder.join("models");
        fs::create_dir_all(&folder)?;
        Ok(Self { folder, most })
    }

    fn file(&self, id: ArtifactId) -> PathBuf {
        self.folder.join(format!("{id}.onnx"))
    }

    /// Every model of a session. One that can never be had is its subject's failure.
    ///
    /// # Errors
    /// When the server is away: the session should run later.
    pub async fn fetch(&self, farm: &impl Farm, session: &SessionSpec) -> Result<Artifacts, Failure> {
        let mut artifacts = Artifacts::new();
        for subject in &session.subjects {
            let (id, size) = (subject.manifest.artifact, subject.manifest.size);
            if artifacts.contains_key(&id) {
                continue;
            }
            let file = self.file(id);
            let here = if self.has(&file, size) { Ok(()) } else { self.download(farm, id, size, &file, session).await? };
            artifacts.insert(id, here.map(|()| file));
        }
        Ok(artifacts)
    }

    /// Whether the file is there and whole; marks it as used now. Its digest was checked when it came.
    fn has(&self, file: &Path, size: Bytes) -> bool {
        let whole = fs::metadata(file).is_ok_and(|metadata| metadata.len() == size.0);
        if whole {
            mark_as_used(file);
        }
        whole
    }

    async fn download(
        &self,
        farm: &impl Farm,
        id: ArtifactId,
        size: Bytes,
        file: &Path,
        session: &SessionSpec,
    ) -> Result<Result<(), String>, Failure> {
        let wanted: BTreeSet<PathBuf> = session.subjects.iter().map(|subject| self.file(subject.manifest.artifact)).collect();
        if let Err(error) = self.make_room(size.0, &wanted) {
            tracing::warn!(%error, "old models cannot be removed");
        }
        tracing::info!(artifact = %id, size = %size, "fetching a model");
        match farm.download_artifact(id, file).await {
            Ok(()) if self.has(file, size) => Ok(Ok(())),
            Ok(()) => Ok(Err(format!("{id} is not of the {} bytes that its manifest says", size.0))),
            Err(error) if error.is_transient() => Err(Failure {
                reason: FailureReason::ArtifactUnavailable,
                detail: format!("model {id} could not be fetched: {}", chain(&error)),
            }),
            Err(error) => Ok(Err(format!("model {id} cannot be fetched: {}", chain(&error)))),
        }
    }

    /// Removes what was used longest ago until `room` more bytes fit.
    fn make_room(&self, room: u64, wanted: &BTreeSet<PathBuf>) -> io::Result<()> {
        let mut models: Vec<(SystemTime, u64, PathBuf)> = Vec::new();
        for entry in fs::read_dir(&self.folder)? {
            let entry = entry?;
            let metadata = entry.metadata()?;
            models.push((metadata.modified()?, metadata.len(), entry.path()));
        }
        models.sort();
        let mut total: u64 = models.iter().map(|(_, size, _)| size).sum();
        for (_, size, path) in models {
            if total.saturating_add(room) <= self.most {
                break;
            }
            if !wanted.contains(&path) {
                fs::remove_file(&path)?;
                total -= size;
            }
        }
        Ok(())
    }
}

/// Gives a file or folder the time of now, so that it is not among those used longest ago.
pub(super) fn mark_as_used(path: &Path) {
    let now = Timespec { tv_sec: 0, tv_nsec: UTIME_NOW };
    let times = Timestamps { last_access: now, last_modification: now };
    if let Err(error) = rustix::fs::utimensat(CWD, path, &times, AtFlags::empty()) {
        tracing::debug!(path = %path.display(), %error, "cannot mark an artifact as used");
    }
}
