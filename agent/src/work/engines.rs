//! Builds of engines on disk, by digest: a library or a program as it came, or the folder that an archive of several files
//! was unpacked into. Fetched once, kept while there is room, the ones used longest ago go first.

use std::collections::BTreeSet;
use std::fs::{self, File, Permissions};
use std::io::{self, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::path::{Component, Path, PathBuf};
use std::time::SystemTime;

use benchrack_protocol::causes::chain;
use benchrack_protocol::engine::EngineRef;
use benchrack_protocol::ids::ArtifactId;
use benchrack_protocol::report::Failure;
use benchrack_protocol::runner::FailureReason;
use benchrack_protocol::session::SessionSpec;
use tar::{Archive, EntryType};

use super::Farm;
use super::artifacts::mark_as_used;
use crate::session::Artifacts;

/// No build of an engine has more files.
const MOST_FILES: usize = 10_000;
/// No build of an engine is larger when unpacked.
const MOST_BYTES: u64 = 4 << 30;

/// An archive is not unpacked.
#[derive(Debug, thiserror::Error)]
pub enum UnpackError {
    /// It cannot be read, or its files cannot be written.
    #[error("cannot unpack the engine's archive")]
    Io(#[source] io::Error),
    /// It holds something that a build of an engine does not need.
    #[error("the engine's archive is refused: {0}")]
    Refused(String),
}

/// The folder of engines.
#[derive(Debug)]
pub struct Engines {
    folder: PathBuf,
    most: u64,
}

impl Engines {
    /// The engines of an agent, at most so many bytes beside those of the session at hand.
    ///
    /// # Errors
    /// When the folder cannot be made.
    pub fn in_folder(folder: &Path, most: u64) -> io::Result<Self> {
        let folder = folder.join("engines");
        fs::create_dir_all(&folder)?;
        Ok(Self { folder, most })
    }

    fn place(&self, id: ArtifactId, engine: &EngineRef) -> PathBuf {
        let kind = if engine.entry.is_some() { "folder" } else { "file" };
        self.folder.join(format!("{id}.{kind}"))
    }

    /// Every build that a session names, added to `artifacts`. One that can never be had is its subjects' failure.
    ///
    /// # Errors
    /// When the server is away: the session should run later.
    pub async fn fetch(&self, farm: &impl Farm, session: &SessionSpec, artifacts: &mut Artifacts) -> Result<(), Failure> {
        let engines = || session.subjects.iter().map(|subject| &subject.engine);
        let wanted: BTreeSet<PathBuf> = engines().filter_map(|engine| Some(self.place(engine.build?, engine))).collect();
        for engine in engines() {
            let Some(id) = engine.build else { continue };
            if artifacts.contains_key(&id) {
                continue;
            }
            let place = self.place(id, engine);
            let here = if place.exists() { Ok(()) } else { self.download(farm, id, engine, &place).await? };
            if here.is_ok() {
                mark_as_used(&place);
            }
            artifacts.insert(id, here.map(|()| place));
        }
        if let Err(error) = self.make_room(&wanted) {
            tracing::warn!(%error, "old engines cannot be removed");
        }
        Ok(())
    }

    async fn download(
        &self,
        farm: &impl Farm,
        id: ArtifactId,
        engine: &EngineRef,
        place: &Path,
    ) -> Result<Result<(), String>, Failure> {
        tracing::info!(artifact = %id, engine = engine.name, "fetching an engine");
        let file = self.folder.join(format!("{id}.file"));
        match farm.download_artifact(id, &file).await {
            Ok(()) => {}
            Err(error) if error.is_transient() => {
                let detail = format!("engine {} ({id}) could not be fetched: {}", engine.name, chain(&error));
                return Err(Failure { reason: FailureReason::ArtifactUnavailable, detail });
            }
            Err(error) => return Ok(Err(format!("engine {} ({id}) cannot be fetched: {}", engine.name, chain(&error)))),
        }
        if engine.entry.is_none() {
            // It may be a program. Its digest was checked when it came.
            return Ok(fs::set_permissions(&file, Permissions::from_mode(0o755)).map_err(|error| error.to_string()));
        }
        let (archive, to) = (file.clone(), place.to_owned());
        let unpacked = tokio::task::spawn_blocking(move || unpack(&archive, &to)).await;
        if let Err(error) = fs::remove_file(&file) {
            tracing::debug!(path = %file.display(), %error, "an unpacked archive cannot be removed");
        }
        match unpacked {
            Ok(Ok(())) => Ok(Ok(())),
            Ok(Err(error)) => Ok(Err(format!("engine {} ({id}): {}", engine.name, chain(&error)))),
            Err(error) => Ok(Err(format!("engine {} ({id}) cannot be unpacked: {error}", engine.name))),
        }
    }

    /// Removes what was used longest ago until the rest fits; never what the session needs.
    fn make_room(&self, wanted: &BTreeSet<PathBuf>) -> io::Result<()> {
        let mut builds: Vec<(SystemTime, u64, PathBuf)> = Vec::new();
        for entry in fs::read_dir(&self.folder)? {
            let entry = entry?;
            builds.push((entry.metadata()?.modified()?, size(&entry.path())?, entry.path()));
        }
        builds.sort();
        let mut total: u64 = builds.iter().map(|(_, size, _)| size).sum();
        for (_, size, path) in builds {
            if total <= self.most {
                break;
            }
            if !wanted.contains(&path) {
                if path.is_dir() {
                    fs::remove_dir_all(&path)?;
                } else {
                    fs::remove_file(&path)?;
                }
                total -= size;
            }
        }
        Ok(())
    }
}

fn size(path: &Path) -> io::Result<u64> {
    let metadata = fs::symlink_metadata(path)?;
    if !metadata.is_dir() {
        return Ok(metadata.len());
    }
    fs::read_dir(path)?.map(|entry| size(&entry?.path())).sum()
}

/// Unpacks a tar archive into a folder that is there whole or not at all.
///
/// # Errors
/// When it cannot be read or written, or holds a path or a link that leads out of the folder, or anything but files,
/// folders and links.
pub fn unpack(archive: &Path, to: &Path) -> Result<(), UnpackError> {
    let partial = to.with_extension("partial");
    if partial.exists() {
        // Left by an agent that was killed.
        fs::remove_dir_all(&partial).map_err(UnpackError::Io)?;
    }
    fs::create_dir_all(&partial).map_err(UnpackError::Io)?;
    let unpacked = unpack_into(archive, &partial).and_then(|()| fs::rename(&partial, to).map_err(UnpackError::Io));
    if unpacked.is_err()
        && let Err(error) = fs::remove_dir_all(&partial)
    {
        tracing::warn!(path = %partial.display(), %error, "a half-unpacked engine cannot be removed");
    }
    unpacked
}

fn unpack_into(archive: &Path, to: &Path) -> Result<(), UnpackError> {
    let refused = |why: String| Err(UnpackError::Refused(why));
    let mut archive = Archive::new(BufReader::new(File::open(archive).map_err(UnpackError::Io)?));
    let (mut files, mut bytes) = (0usize, 0u64);
    for entry in archive.entries().map_err(UnpackError::Io)? {
        let mut entry = entry.map_err(UnpackError::Io)?;
        let path = entry.path().map_err(UnpackError::Io)?.into_owned();
        if !stays_inside(&path) {
            return refused(format!("the path {} leads out of it", path.display()));
        }
        files += 1;
        bytes = bytes.saturating_add(entry.size());
        if files > MOST_FILES || bytes > MOST_BYTES {
            return refused(format!("more than {MOST_FILES} files or {MOST_BYTES} bytes"));
        }
        match entry.header().entry_type() {
            EntryType::Regular | EntryType::Continuous | EntryType::Directory => {}
            EntryType::Symlink => {
                // Names of library versions point to their neighbours.
                let target = entry.link_name().map_err(UnpackError::Io)?.unwrap_or_default().into_owned();
                if target.components().count() != 1 || !stays_inside(&target) {
                    return refused(format!("the link {} to {} is not to its neighbour", path.display(), target.display()));
                }
            }
            other => return refused(format!("{} is of kind {other:?}", path.display())),
        }
        if !entry.unpack_in(to).map_err(UnpackError::Io)? {
            return refused(format!("the path {} leads out of it", path.display()));
        }
    }
    if files == 0 { refused("it is empty".into()) } else { Ok(()) }
}

fn stays_inside(path: &Path) -> bool {
    path.components().all(|part| matches!(part, Component::Normal(_) | Component::CurDir))
}

#[cfg(test)]
mod tests {
    use tar::{Builder, Header};

    use super::*;

    fn archive(folder: &Path, entries: &[(&str, EntryType, &str)]) -> PathBuf {
        let path = folder.join("x.tar");
        let mut builder = Builder::new(File::create(&path).unwrap());
        for (name, kind, content) in entries {
            let mut header = Header::new_gnu();
            header.set_entry_type(*kind);
            header.set_mode(0o755);
            // Written as bytes, because the library's own setter refuses what an attacker would write.
            header.as_old_mut().name[..name.len()].copy_from_slice(name.as_bytes());
            if *kind == EntryType::Symlink {
                header.as_old_mut().linkname[..content.len()].copy_from_slice(content.as_bytes());
                header.set_size(0);
                header.set_cksum();
                builder.append(&header, io::empty()).unwrap();
            } else {
                header.set_size(content.len() as u64);
                header.set_cksum();
                builder.append(&header, content.as_bytes()).unwrap();
            }
        }
        builder.finish().unwrap();
        path
    }

    #[test]
    fn an_archive_is_unpacked_whole_with_its_links() {
        let folder = tempfile::tempdir().unwrap();
        let entries = [("lib/libe.so.1", EntryType::Regular, "library"), ("lib/libe.so", EntryType::Symlink, "libe.so.1")];
        let to = folder.path().join("build.folder");
        unpack(&archive(folder.path(), &entries), &to).unwrap();
        assert_eq!(fs::read(to.join("lib/libe.so")).unwrap(), b"library");
        assert!(!to.with_extension("partial").exists());
    }

    #[test]
    fn an_archive_that_leads_out_of_its_folder_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let bad: [&[(&str, EntryType, &str)]; 6] = [
            &[("good", EntryType::Regular, "x"), ("../evil", EntryType::Regular, "x")],
            &[("/tmp/benchrack-evil", EntryType::Regular, "x")],
            &[("link", EntryType::Symlink, "/etc/passwd")],
            &[("link", EntryType::Symlink, "..")],
            &[("pipe", EntryType::Fifo, "")],
            &[],
        ];
        for entries in bad {
            let to = folder.path().join("build.folder");
            let error = unpack(&archive(folder.path(), entries), &to).unwrap_err();
            assert!(matches!(error, UnpackError::Refused(_)), "{entries:?}: {error:?}");
            assert!(!to.exists() && !to.with_extension("partial").exists(), "{entries:?}");
        }
        assert!(!folder.path().join("evil").exists() && !Path::new("/tmp/benchrack-evil").exists());
        let broken = folder.path().join("broken.tar");
        fs::write(&broken, [7; 700]).unwrap();
        assert!(matches!(unpack(&broken, &folder.path().join("b.folder")), Err(UnpackError::Io(_))));
    }
}
