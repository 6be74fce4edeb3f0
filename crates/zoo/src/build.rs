//! Files on disk: built in parallel, kept when they are up to date, never half written.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use rayon::prelude::*;

use benchrack_protocol::ids::ArtifactId;
use benchrack_protocol::model::{Manifest, Precision};

use crate::architectures::{Architecture, CATALOGUE, find};
use crate::generate::{GenerateError, Generated, generate, origin};

/// A model on disk.
#[derive(Debug, Clone)]
pub struct Built {
    /// Description; also in the JSON beside the file.
    pub manifest: Manifest,
    /// The ONNX file.
    pub path: PathBuf,
    /// Whether the file was already there and up to date.
    pub cached: bool,
}

/// How far a build is; sent when a file is done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Progress {
    /// Files that are done.
    pub done: usize,
    /// Files in all.
    pub total: usize,
    /// What has just been done: `resnet-18 int8`.
    pub what: String,
}

/// A zoo that could not be built or read.
#[derive(Debug, thiserror::Error)]
pub enum ZooError {
    /// No such architecture.
    #[error("there is no architecture '{name}' in the zoo; there are: {}", .known.join(", "))]
    Unknown {
        /// As asked.
        name: String,
        /// Those there are.
        known: Vec<&'static str>,
    },
    /// A model could not be made.
    #[error("model '{name}' cannot be generated")]
    Generate {
        /// Which.
        name: String,
        /// Why.
        source: GenerateError,
    },
    /// A manifest could not be written as JSON.
    #[error("the manifest of '{name}' cannot be written as JSON")]
    Manifest {
        /// Which.
        name: String,
        /// Why.
        source: serde_json::Error,
    },
    /// The folder or a file in it could not be used.
    #[error("cannot {action} {}; check that the folder can be written and has room", .path.display())]
    Io {
        /// `write`, `read`, …
        action: &'static str,
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

/// Builds the named architectures, each in fp32 and int8, into `out` as `<name>.<precision>.onnx` with a JSON manifest beside it.
///
/// A file that this generator made of this seed and architecture, and whose digest is still right, is left as it is. The answer
/// has the order of `names`, fp32 before int8. Files already built stay when a later one fails.
///
/// # Errors
/// An unknown name, a degenerate net, a folder that cannot be written.
pub fn build(names: &[String], out: &Path, seed: u64, progress: &(dyn Fn(Progress) + Sync)) -> Result<Vec<Built>, ZooError> {
    let selection: Vec<&Architecture> = names.iter().map(|name| named(name)).collect::<Result<_, _>>()?;
    fs::create_dir_all(out).map_err(|source| ZooError::Io { action: "create", path: out.into(), source })?;
    let done = AtomicUsize::new(0);
    let tell = |built: &Built| {
        let done = done.fetch_add(1, Ordering::Relaxed) + 1;
        progress(Progress {
            done,
            total: 2 * names.len(),
            what: format!("{} {}", built.manifest.name, built.manifest.precision),
        });
    };
    let pairs: Vec<[Built; 2]> =
        selection.par_iter().with_max_len(1).map(|architecture| one(architecture, out, seed, &tell)).collect::<Result<_, _>>()?;
    Ok(pairs.into_iter().flatten().collect())
}

/// The architecture of this name, or an error that lists those there are.
///
/// # Errors
/// No such architecture.
pub fn named(name: &str) -> Result<&'static Architecture, ZooError> {
    let known = || CATALOGUE.iter().map(|architecture| architecture.name).collect();
    find(name).ok_or_else(|| ZooError::Unknown { name: name.into(), known: known() })
}

fn one(architecture: &Architecture, out: &Path, seed: u64, tell: &dyn Fn(&Built)) -> Result<[Built; 2], ZooError> {
    let failed = |source| ZooError::Generate { name: architecture.name.into(), source };
    let graph = (architecture.graph)().map_err(|error| failed(error.into()))?;
    let origin = origin(&graph, seed);
    let [real, integer] = [Precision::Fp32, Precision::Int8].map(|precision| cached(architecture, precision, out, &origin));
    let pair = match (real, integer) {
        (Some(real), Some(integer)) => [real, integer],
        _ => {
            let [real, integer] = generate(architecture, seed).map_err(failed)?;
            [write(out, real)?, write(out, integer)?]
        }
    };
    pair.iter().for_each(tell);
    Ok(pair)
}

fn paths(name: &str, precision: Precision, out: &Path) -> [PathBuf; 2] {
    ["onnx", "json"].map(|ending| out.join(format!("{name}.{precision}.{ending}")))
}

/// The model as it lies there, if it is of this origin and whole. Anything else counts as not there and is made again.
fn cached(architecture: &Architecture, precision: Precision, out: &Path, origin: &str) -> Option<Built> {
    let [path, beside] = paths(architecture.name, precision, out);
    let manifest: Manifest = serde_json::from_slice(&fs::read(beside).ok()?).ok()?;
    let published = manifest.origin == origin && manifest.precision == precision;
    let whole = published && ArtifactId::of(&fs::read(&path).ok()?) == manifest.artifact;
    whole.then_some(Built { manifest, path, cached: true })
}

/// The old manifest goes first and the new one comes last, so that a manifest never stands beside another file's bytes.
fn write(out: &Path, Generated { manifest, bytes }: Generated) -> Result<Built, ZooError> {
    let [path, beside] = paths(&manifest.name, manifest.precision, out);
    match fs::remove_file(&beside) {
        Err(source) if source.kind() != io::ErrorKind::NotFound => {
            return Err(ZooError::Io { action: "replace", path: beside, source });
        }
        _ => {}
    }
    replace(&path, &bytes)?;
    let json =
        serde_json::to_string_pretty(&manifest).map_err(|source| ZooError::Manifest { name: manifest.name.clone(), source })?;
    replace(&beside, format!("{json}\n").as_bytes())?;
    Ok(Built { manifest, path, cached: false })
}

/// Writes a file beside and renames it, so that a killed build leaves the old file or the new one.
fn replace(path: &Path, bytes: &[u8]) -> Result<(), ZooError> {
    let failed = |source| ZooError::Io { action: "write", path: path.into(), source };
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let partial = path.with_file_name(format!(".{name}.{}.partial", std::process::id()));
    let written = fs::File::create(&partial).and_then(|mut file| {
        file.write_all(bytes)?;
        file.sync_all()
    });
    let renamed = written.and_then(|()| fs::rename(&partial, path));
    if renamed.is_err() {
        // The write has failed already; what is left of it is only in the way.
        let _ = fs::remove_file(&partial);
    }
    renamed.map_err(failed)
}
