//! Loading from packages: what the form in which an app ships its model costs at every start.
//!
//! The model is packed here, with a key that lives for this pass only, into files of the agent's folder; each load gets a
//! fresh runner. Nothing drops the page cache before a load, so the time to read is that of a file read before, as for
//! plain loads.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use benchrack_protocol::causes::chain;
use benchrack_protocol::packaging::{LoadTime, PackageKey, PackagedLoad, pack};
use benchrack_protocol::report::Failure;
use benchrack_protocol::runner::{FailureReason, LoadRequest, PackedModel, Reply, Request};
use benchrack_protocol::session::{MeasurePlan, Subject};
use benchrack_protocol::units::Bytes;

use crate::files::write_safely;
use crate::runner_process::{Birth, Launcher, Runner, unexpected};
use crate::session::subject::{Files, load_request};

/// Loads a subject's model from every packaging of the plan.
///
/// # Errors
/// The reason of the first load that failed.
pub async fn measure<L: Launcher, E: Future<Output = ()> + Send>(
    launcher: &L,
    birth: &Birth,
    subject: &Subject,
    plan: &MeasurePlan,
    (files, state_folder): (&Files<'_>, &Path),
    end: &(impl Fn(L::Runner) -> E + Send),
) -> Result<Vec<PackagedLoad>, Failure> {
    let bytes = fs::read(files.model).map_err(|error| broken(&format!("read {}", files.model.display()), &error))?;
    let folder = Folder::make(state_folder).map_err(|error| broken("make a folder for packages", &error))?;
    let mut measured = Vec::new();
    for &packaging in &plan.packagings {
        let secret = if packaging.is_encrypted() { Some(secret()?) } else { None };
        let (key, nonce) = secret.map_or((None, [0; NONCE]), |(key, nonce)| (Some(key), nonce));
        let package = pack(packaging, &bytes, key.as_ref(), nonce).map_err(|error| broken("pack the model", &error))?;
        let file = folder.0.join(packaging.name());
        write_safely(&file, &package).map_err(|error| broken("write a package", &error))?;
        let size = Bytes(package.len() as u64);
        drop(package);
        let package = Some(PackedModel { packaging, key });
        let request = Request::Load(LoadRequest {
            package,
            pipeline: None,
            ..load_request(subject, &Files { model: &file, ..files.clone() })
        });
        let mut loads = Vec::new();
        for _ in 0..plan.loads {
            let mut runner = launcher.launch(birth).await?;
            match runner.ask(&request, Duration::from(plan.runner_timeout)).await? {
                Reply::Loaded { load, unpack: Some(unpack), .. } => loads.push(LoadTime { unpack, load }),
                other => return Err(unexpected("loaded, with the time of unpacking", &other)),
            }
            end(runner).await;
        }
        fs::remove_file(&file).map_err(|error| broken("remove a package", &error))?;
        measured.push(PackagedLoad { packaging, size, loads });
    }
    Ok(measured)
}

const NONCE: usize = 12;

/// A key and a nonce that nobody has used and nobody will.
#[expect(clippy::disallowed_methods, reason = "a key that could be made again from a seed would protect nothing")]
fn secret() -> Result<(PackageKey, [u8; NONCE]), Failure> {
    let (mut key, mut nonce) = ([0; 32], [0; NONCE]);
    getrandom::fill(&mut key)
        .and_then(|()| getrandom::fill(&mut nonce))
        .map_err(|error| broken("get a key from the system", &io::Error::from(error)))?;
    Ok((PackageKey(key), nonce))
}

fn broken(what: &str, error: &dyn std::error::Error) -> Failure {
    Failure { reason: FailureReason::ArtifactUnavailable, detail: format!("cannot {what}: {}", chain(error)) }
}

/// A folder of packages that goes with all its files, however the pass ends.
struct Folder(PathBuf);

impl Folder {
    /// Named after this process, so that what a killed one left is known to be nobody's.
    fn make(state_folder: &Path) -> io::Result<Self> {
        let packages = state_folder.join("packages");
        fs::create_dir_all(&packages)?;
        for entry in fs::read_dir(&packages)? {
            let entry = entry?;
            let owner = entry.file_name().to_string_lossy().split('-').next().map(|pid| Path::new("/proc").join(pid));
            if owner.is_none_or(|owner| !owner.exists()) {
                fs::remove_dir_all(entry.path())?;
            }
        }
        // Two sessions of one process have folders of their own.
        let own = (0u32..).map(|number| packages.join(format!("{}-{number}", std::process::id())));
        for folder in own {
            match fs::create_dir(&folder) {
                Ok(()) => return Ok(Self(folder)),
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error),
            }
        }
        Err(io::ErrorKind::AlreadyExists.into())
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_dir_all(&self.0) {
            tracing::warn!(path = %self.0.display(), %error, "cannot remove the packages of a session");
        }
    }
}

#[cfg(test)]
mod tests {
    use benchrack_protocol::packaging::Packaging;

    use super::*;

    #[test]
    fn packages_of_a_killed_process_go_and_those_of_a_living_one_stay() {
        let state = tempfile::tempdir().unwrap();
        let packages = state.path().join("packages");
        // No process has this number: it is beyond the kernel's limit of 2^22.
        for folder in ["99999999-0", "1-0"] {
            fs::create_dir_all(packages.join(folder)).unwrap();
        }
        let (first, second) = (Folder::make(state.path()).unwrap(), Folder::make(state.path()).unwrap());
        assert_ne!(first.0, second.0);
        fs::write(first.0.join("zstd"), b"package").unwrap();
        drop((first, second));
        let left: Vec<_> = fs::read_dir(&packages).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(left, ["1-0"]);
    }

    #[test]
    fn no_two_secrets_are_alike_and_none_is_printed() {
        let (one, other) = (secret().unwrap(), secret().unwrap());
        assert!(one.0 != other.0 && one.1 != other.1);
        let request = LoadRequest {
            package: Some(PackedModel { packaging: Packaging::ZstdThenEncrypted, key: Some(one.0.clone()) }),
            ..LoadRequest::new("m", "tract", 1)
        };
        let shown = format!("{request:?}");
        assert!(shown.contains("redacted") && !shown.contains(&format!("{:?}", one.0.0)), "{shown}");
    }
}
