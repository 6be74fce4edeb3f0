//! Where ONNX Runtime's library comes from: a file that is named, a Python package that is installed, or a pinned wheel
//! through the pip client.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::Command;

use benchrack_server::packages::{PackageError, WheelPin};

use crate::engine_file::{self, Description};
use crate::exit::{Failure, usage};

/// Name of the engine in suites and results.
pub const NAME: &str = "onnxruntime";
/// Variable that names a library to use.
pub const VARIABLE: &str = "BENCHRACK_ONNXRUNTIME_LIBRARY";
/// Version that is fetched.
const VERSION: &str = "1.32.0";
/// ONNX Runtime's licence, as its wheel and repository state it.
const LICENCE: &str = "MIT";

/// The wheels by target: files for CPython 3.12, of which only the C library is used.
const WHEELS: [(&str, WheelPin); 2] = [
    ("x86_64-linux-gnu", wheel("manylinux_2_28_x86_64", "99e1074c4b2197accd5073052a465361be17b89c093b8ffb6e6bd8f986c52df8")),
    ("aarch64-linux-gnu", wheel("manylinux_2_28_aarch64", "e36c187006e7a7c8b8d6d57f1a209dd63f52430dca6c282b177718ad6b841054")),
];

const fn wheel(platform: &'static str, sha256: &'static str) -> WheelPin {
    WheelPin { project: "onnxruntime", version: VERSION, python: "312", platform, sha256 }
}

/// A library that was found.
#[derive(Debug, Clone)]
pub struct Library {
    /// The file.
    pub path: PathBuf,
    /// Where it came from.
    pub origin: String,
}

impl Library {
    /// What the farm is told of it.
    pub fn describe(&self) -> Description {
        Description { name: NAME.into(), licence: LICENCE.into(), origin: self.origin.clone(), ..Description::default() }
    }
}

/// Why the library could not be fetched.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// No wheel is known for this target.
    #[error("no wheel of ONNX Runtime {VERSION} is known for {target}; known are {}", WHEELS.map(|(target, _)| target).join(", "))]
    Target {
        /// As asked.
        target: String,
    },
    /// The client did not bring it.
    #[error(transparent)]
    Package(#[from] PackageError),
    /// The wheel cannot be read.
    #[error("the wheel {} cannot be read: {source}", .path.display())]
    Wheel {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: zip::result::ZipError,
    },
    /// A file could not be handled.
    #[error("{what} {}: {source}", .path.display())]
    File {
        /// What was tried.
        what: &'static str,
        /// Where.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
}

/// Brings the pinned library for this target into the cache folder, unless it is there.
///
/// # Errors
/// See [`FetchError`].
pub fn fetch(target: &str, cache: &Path) -> Result<Library, FetchError> {
    let pin = WHEELS.iter().find(|(of, _)| *of == target);
    let (_, pin) = pin.ok_or_else(|| FetchError::Target { target: target.into() })?;
    let folder = cache.join(format!("onnxruntime-{VERSION}-{target}"));
    let path = folder.join(format!("libonnxruntime.so.{VERSION}"));
    let library = Library { origin: format!("PyPI {} {VERSION}", pin.project), path };
    if library.path.is_file() {
        return Ok(library);
    }
    let staging = cache.join(format!("onnxruntime-{VERSION}-{target}.new.{}", std::process::id()));
    let brought = pin.download(&staging).map_err(FetchError::from).and_then(|wheel| unpack(&wheel, &folder, &library.path));
    if let Err(error) = std::fs::remove_dir_all(&staging)
        && error.kind() != std::io::ErrorKind::NotFound
    {
        tracing::warn!(%error, folder = %staging.display(), "cannot remove a partial download");
    }
    brought.map(|()| library)
}

/// Takes the library out of the wheel; it appears under its name only when whole.
fn unpack(wheel: &Path, folder: &Path, library: &Path) -> Result<(), FetchError> {
    let file = |what: &'static str, path: &Path| {
        let path = path.to_owned();
        move |source| FetchError::File { what, path, source }
    };
    let damaged = |source| FetchError::Wheel { path: wheel.into(), source };
    let mut archive = zip::ZipArchive::new(std::fs::File::open(wheel).map_err(file("cannot read", wheel))?).map_err(damaged)?;
    let mut content = Vec::new();
    let mut inside = archive.by_name(&format!("onnxruntime/capi/libonnxruntime.so.{VERSION}")).map_err(damaged)?;
    inside.read_to_end(&mut content).map_err(file("cannot unpack", wheel))?;
    std::fs::create_dir_all(folder).map_err(file("cannot make", folder))?;
    let partial = library.with_extension(format!("partial.{}", std::process::id()));
    std::fs::write(&partial, &content).map_err(file("cannot write", &partial))?;
    std::fs::rename(&partial, library).map_err(file("cannot write", library))
}

/// A library for this machine, wherever it comes from, or in one sentence why there is none.
///
/// # Errors
/// The outer one when the library that was named by [`VARIABLE`] cannot be used.
pub fn find(cache: &Path) -> Result<Result<Library, String>, Failure> {
    let target = benchrack_agent::session::build().target;
    if !target.ends_with("-gnu") {
        return Ok(Err(format!("this program is built for {target}, which cannot load a library")));
    }
    if let Some(path) = std::env::var_os(VARIABLE).filter(|path| !path.is_empty()).map(PathBuf::from) {
        let fits = usable(&path, &target).map_err(|why| usage(format!("{VARIABLE} names {}: {why}", path.display())));
        return fits.map(|()| Ok(Library { path, origin: format!("named by {VARIABLE}") }));
    }
    let installed = installed().filter(|library| match usable(&library.path, &target) {
        Ok(()) => true,
        Err(why) => {
            tracing::info!(library = %library.path.display(), why, "an installed ONNX Runtime cannot be used");
            false
        }
    });
    Ok(match installed {
        Some(library) => Ok(library),
        None => fetch(&target, cache).map_err(|error| format!("no Python package of it is installed, and {error}")),
    })
}

fn usable(path: &Path, target: &str) -> Result<(), String> {
    let binary = std::fs::read(path).map_err(|error| format!("it cannot be read ({error})"))?;
    match engine_file::target_of(&binary)? {
        found if found == target => Ok(()),
        other => Err(format!("it is for {other}, this machine needs {target}")),
    }
}

/// The library of the Python package, if one is installed: found without loading it, which takes seconds.
fn installed() -> Option<Library> {
    const PROGRAM: &str =
        "import importlib.util as u; s = u.find_spec('onnxruntime'); print(s.submodule_search_locations[0] if s else '')";
    let answer = Command::new("python3").args(["-c", PROGRAM]).output().ok().filter(|answer| answer.status.success())?;
    let folder = String::from_utf8(answer.stdout).ok()?;
    let folder = Path::new(folder.trim()).join("capi");
    let mut libraries: Vec<PathBuf> = std::fs::read_dir(&folder)
        .ok()?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.file_name().and_then(|name| name.to_str()).is_some_and(|name| name.starts_with("libonnxruntime.so.")))
        .collect();
    libraries.sort();
    Some(Library { path: libraries.pop()?, origin: "installed Python package onnxruntime".into() })
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn only_known_targets_are_fetched() {
        let folder = tempfile::tempdir().unwrap();
        let error = fetch("sparc-linux-gnu", folder.path()).unwrap_err();
        assert!(error.to_string().contains("x86_64-linux-gnu, aarch64-linux-gnu"), "{error}");
    }

    #[test]
    fn what_was_fetched_before_is_used_without_a_client() {
        let folder = tempfile::tempdir().unwrap();
        let kept = folder.path().join(format!("onnxruntime-{VERSION}-x86_64-linux-gnu"));
        std::fs::create_dir(&kept).unwrap();
        std::fs::write(kept.join(format!("libonnxruntime.so.{VERSION}")), b"kept").unwrap();
        let library = fetch("x86_64-linux-gnu", folder.path()).unwrap();
        assert_eq!(std::fs::read(library.path).unwrap(), b"kept");
    }

    #[test]
    fn the_library_is_taken_out_of_a_wheel_whole() {
        let folder = tempfile::tempdir().unwrap();
        let wheel = folder.path().join("a.whl");
        let mut archive = zip::ZipWriter::new(std::fs::File::create(&wheel).unwrap());
        let options = zip::write::SimpleFileOptions::default();
        archive.start_file(format!("onnxruntime/capi/libonnxruntime.so.{VERSION}"), options).unwrap();
        archive.write_all(&[7; 100_000]).unwrap();
        archive.finish().unwrap();
        let (into, library) = (folder.path().join("out"), folder.path().join("out/libonnxruntime.so.1"));
        unpack(&wheel, &into, &library).unwrap();
        assert_eq!(std::fs::read(&library).unwrap(), [7; 100_000]);
        std::fs::write(&wheel, b"no wheel").unwrap();
        assert!(matches!(unpack(&wheel, &into, &library), Err(FetchError::Wheel { .. })));
    }

    #[test]
    #[ignore = "downloads 50 MB from the registry; run with --ignored where the network allows it"]
    fn the_pinned_wheels_hold_libraries_for_their_targets() {
        for (target, _) in WHEELS {
            let folder = tempfile::tempdir().unwrap();
            let library = fetch(target, folder.path()).unwrap();
            let binary = std::fs::read(&library.path).unwrap();
            assert_eq!(engine_file::target_of(&binary).unwrap(), target);
            assert_eq!(engine_file::version_of(Path::new("/bin/sh"), &binary).as_deref(), Some(VERSION));
        }
    }
}
