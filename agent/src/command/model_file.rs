//! A model file with the manifest beside it, or with what the file says of itself.

use std::path::{Path, PathBuf};
use std::str::FromStr;

use anyhow::{Context, bail};
use benchrack_protocol::ids::ArtifactId;
use benchrack_protocol::model::{ElementType, Manifest, Precision, TensorSpec};
use benchrack_protocol::tensor::InputGenerator;
use benchrack_protocol::units::Bytes;

use crate::runner;

/// A shape given for an input whose file leaves dimensions open: `input=1x3x224x224`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InputShape(TensorSpec);

impl FromStr for InputShape {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = || format!("'{text}' is no input shape such as input=1x3x224x224");
        let (name, shape) = text.split_once('=').ok_or_else(wrong)?;
        let shape: Option<Vec<usize>> = shape.split('x').map(|size| size.trim().parse().ok().filter(|&size| size > 0)).collect();
        let shape = shape.filter(|_| !name.trim().is_empty()).ok_or_else(wrong)?;
        Ok(Self(TensorSpec { name: name.trim().into(), element: ElementType::F32, shape }))
    }
}

/// The manifest: of the file named, else of the JSON beside the model where there is one, else made from the model.
///
/// # Errors
/// When a file cannot be read, or a manifest is of other bytes: its references would be wrong.
pub fn manifest(model: &Path, named: Option<&Path>, shapes: &[InputShape]) -> anyhow::Result<Manifest> {
    let bytes = std::fs::read(model).with_context(|| format!("cannot read the model {}", model.display()))?;
    let artifact = ArtifactId::of(&bytes);
    let beside = model.with_extension("json");
    let file: Option<PathBuf> = named.map(Path::to_owned).or_else(|| beside.is_file().then_some(beside));
    let Some(file) = file else { return of_file(model, artifact, Bytes(bytes.len() as u64), shapes) };
    let text = std::fs::read(&file).with_context(|| format!("cannot read the manifest {}", file.display()))?;
    let manifest: Manifest =
        serde_json::from_slice(&text).with_context(|| format!("{} is not a manifest of a model", file.display()))?;
    if manifest.artifact != artifact {
        bail!(
            "{} is the manifest of other bytes (digest {}, {} has {}); make it anew or name another with --manifest",
            file.display(),
            manifest.artifact.short(),
            model.display(),
            artifact.short()
        );
    }
    Ok(manifest)
}

/// Only what the file itself says; a file that is no model is measured all the same, so that its runner says why.
fn of_file(model: &Path, artifact: ArtifactId, size: Bytes, shapes: &[InputShape]) -> anyhow::Result<Manifest> {
    let name = model.file_stem().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let peek = runner::peek(model);
    let (opset, operators) = peek.map_or((0, Vec::new()), |peek| (peek.opset, peek.operators));
    let integer = |(operator, _): &(String, u32)| {
        operator.starts_with("QLinear") || operator.ends_with("Integer") || operator == "QuantizeLinear"
    };
    let precision = if operators.iter().any(integer) { Precision::Int8 } else { Precision::Fp32 };
    let inputs: Vec<TensorSpec> = shapes.iter().map(|shape| shape.0.clone()).collect();
    Ok(Manifest {
        family: name.clone(),
        generators: inputs.iter().map(|_| InputGenerator::Uniform { seed: 1, low: -1.0, high: 1.0 }).collect(),
        inputs,
        opset,
        operators,
        origin: "local file".into(),
        ..Manifest::of_unknown(name, precision, artifact, size)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn input_shapes_are_read_and_nonsense_is_refused() {
        assert_eq!("x=1x3x8".parse::<InputShape>().unwrap().0.shape, [1, 3, 8]);
        for wrong in ["", "x", "x=", "=1x2", "x=1x0", "x=1xa"] {
            assert!(wrong.parse::<InputShape>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_manifest_of_other_bytes_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let model = folder.path().join("m.onnx");
        std::fs::write(&model, b"one").unwrap();
        let mut own = manifest(&model, None, &[]).unwrap();
        own.artifact = ArtifactId::of(b"two");
        std::fs::write(folder.path().join("m.json"), serde_json::to_vec(&own).unwrap()).unwrap();
        let error = manifest(&model, None, &[]).unwrap_err();
        assert!(error.to_string().contains("manifest of other bytes"), "{error}");
    }
}
