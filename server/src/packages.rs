//! Pinned packages through the clients of package registries, for what is not installed: nothing is kept that has another
//! digest than the one written in this program. Proxies, mirrors and credentials are the clients' own business.

use std::path::{Path, PathBuf};
use std::process::Command;

/// Why a client brought nothing.
#[derive(Debug, thiserror::Error)]
pub enum PackageError {
    /// There is no such program.
    #[error("{program} is not installed")]
    NoClient {
        /// Its name.
        program: &'static str,
    },
    /// The program could not be started.
    #[error("{program} cannot be run: {source}")]
    Run {
        /// Its name.
        program: &'static str,
        /// Why not.
        source: std::io::Error,
    },
    /// The program failed.
    #[error("{program} failed: {said}")]
    Client {
        /// Its name.
        program: &'static str,
        /// What it wrote.
        said: String,
    },
    /// A file or folder could not be handled.
    #[error("{what} {}: {source}", .path.display())]
    Files {
        /// What was tried.
        what: &'static str,
        /// Where.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// The client was content, and what was wanted is not there.
    #[error("{program} brought no {what}")]
    Empty {
        /// Its name.
        program: &'static str,
        /// What is missing.
        what: &'static str,
    },
}

/// A wheel of PyPI: one file, whatever Python is installed.
#[derive(Debug, Clone, Copy)]
pub struct WheelPin {
    /// Project.
    pub project: &'static str,
    /// Version.
    pub version: &'static str,
    /// Version of CPython that it is built for, `312`; what is taken out of it need not care.
    pub python: &'static str,
    /// Platform tag, `manylinux_2_28_x86_64`.
    pub platform: &'static str,
    /// SHA-256 of the file, 64 hexadecimal digits; pip refuses any other.
    pub sha256: &'static str,
}

impl WheelPin {
    /// Downloads the wheel into this folder, which is made; its path. It is not installed.
    ///
    /// # Errors
    /// When there is no pip, or it cannot reach its registry, or the digest is another one.
    pub fn download(&self, folder: &Path) -> Result<PathBuf, PackageError> {
        std::fs::create_dir_all(folder).map_err(files("cannot make a folder", folder))?;
        let requirements = folder.join("requirements.txt");
        let line = format!("{}=={} --hash=sha256:{}\n", self.project, self.version, self.sha256);
        std::fs::write(&requirements, line).map_err(files("cannot write", &requirements))?;
        let abi = format!("cp{}", self.python);
        let mut pip = Command::new("pip3");
        pip.args(["download", "--quiet", "--no-deps", "--only-binary=:all:", "--require-hashes", "--implementation", "cp"]);
        pip.args(["--disable-pip-version-check", "--python-version", self.python, "--abi", &abi, "--platform", self.platform]);
        run("pip3", pip.arg("--dest").arg(folder).arg("-r").arg(&requirements))?;
        let wheel = entries(folder)?.into_iter().find(|path| path.extension().is_some_and(|extension| extension == "whl"));
        wheel.ok_or(PackageError::Empty { program: "pip3", what: "wheel" })
    }
}

/// Installs what a file of requirements names, with digests, into this folder.
pub(crate) fn pip_install(requirements: &Path, target: &Path) -> Result<(), PackageError> {
    let mut pip = Command::new("pip3");
    pip.args(["install", "--quiet", "--no-deps", "--no-compile", "--only-binary=:all:", "--require-hashes", "--target"]);
    run("pip3", pip.arg(target).arg("-r").arg(requirements))
}

/// Runs a client to its end.
pub(crate) fn run(program: &'static str, command: &mut Command) -> Result<(), PackageError> {
    let output = command.output().map_err(|source| match source.kind() {
        std::io::ErrorKind::NotFound => PackageError::NoClient { program },
        _ => PackageError::Run { program, source },
    })?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&[output.stderr, output.stdout].concat()).trim().to_owned();
    Err(PackageError::Client { program, said: if said.is_empty() { output.status.to_string() } else { said } })
}

/// What a folder holds.
pub(crate) fn entries(folder: &Path) -> Result<Vec<PathBuf>, PackageError> {
    let read = std::fs::read_dir(folder).and_then(|entries| entries.map(|entry| Ok(entry?.path())).collect());
    read.map_err(files("cannot list", folder))
}

/// Names what was tried where.
pub(crate) fn files(what: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> PackageError {
    let path = path.to_owned();
    move |source| PackageError::Files { what, path, source }
}
