//! A folder of models: is each file what its manifest says?

use std::fs;
use std::path::{Path, PathBuf};

use benchrack_protocol::ids::ArtifactId;
use benchrack_protocol::model::Manifest;

use crate::build::ZooError;
use crate::inspect::{InspectError, read_model, summary};

/// A manifest and whether its file keeps what it says.
#[derive(Debug)]
pub struct Verified {
    /// The manifest's path.
    pub path: PathBuf,
    /// What is wrong, or the manifest.
    pub outcome: Result<Manifest, Mismatch>,
}

/// A model file that is not what its manifest says.
#[derive(Debug, thiserror::Error)]
pub enum Mismatch {
    /// The JSON is no manifest.
    #[error("it is not a manifest; build the model again or remove the file")]
    Manifest(#[source] serde_json::Error),
    /// A file cannot be read.
    #[error("{} cannot be read; build the model again", .path.display())]
    Unreadable {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// Other bytes.
    #[error("the model file has digest {found}, the manifest says {expected}; build the model again")]
    Digest {
        /// Of the file.
        found: ArtifactId,
        /// Of the manifest.
        expected: ArtifactId,
    },
    /// The right bytes, but no ONNX.
    #[error("the model file cannot be read as ONNX")]
    Inspect(#[from] InspectError),
    /// The manifest tells something else than the file.
    #[error("the manifest gives other {what} than the model file; build the model again")]
    Differs {
        /// `inputs`, `operators`, …
        what: &'static str,
    },
}

/// Checks every manifest (`*.json`) of a folder against the model beside it: digest, size, inputs, outputs, operators.
///
/// # Errors
/// The folder cannot be listed. What is wrong with single models is in the answer.
pub fn verify(folder: &Path) -> Result<Vec<Verified>, ZooError> {
    let failed = |source| ZooError::Io { action: "list", path: folder.into(), source };
    let mut paths = Vec::new();
    for entry in fs::read_dir(folder).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        if path.extension().is_some_and(|ending| ending == "json") {
            paths.push(path);
        }
    }
    paths.sort();
    Ok(paths.into_iter().map(|path| Verified { outcome: check(&path), path }).collect())
}

fn check(path: &Path) -> Result<Manifest, Mismatch> {
    let read = |path: &Path| fs::read(path).map_err(|source| Mismatch::Unreadable { path: path.into(), source });
    let manifest: Manifest = serde_json::from_slice(&read(path)?).map_err(Mismatch::Manifest)?;
    let file = path.with_extension("onnx");
    let bytes = read(&file)?;
    let found = ArtifactId::of(&bytes);
    if found != manifest.artifact {
        return Err(Mismatch::Digest { found, expected: manifest.artifact });
    }
    let model = read_model(&file, bytes.into())?;
    let shapes: Vec<_> = manifest.inputs.iter().map(|input| (input.name.clone(), input.shape.clone())).collect();
    let seen = summary(&model, &shapes)?;
    let checks = [
        ("inputs", seen.inputs == manifest.inputs),
        ("outputs", seen.outputs == manifest.outputs),
        ("operators", seen.operators == manifest.operators),
        ("operator set", seen.opset == manifest.opset),
    ];
    match checks.into_iter().find(|(_, equal)| !equal) {
        Some((what, _)) => Err(Mismatch::Differs { what }),
        None => Ok(manifest),
    }
}
