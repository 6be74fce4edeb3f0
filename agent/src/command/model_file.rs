//! A model file with the manifest beside it, or with what the file says of itself.

use std::path::{Path, PathBuf};
use std::str::FromStr;

use anyhow::{Context, bail};
use benchrack_protocol::ids::ArtifactId;
use benchrack_protocol::model::{ElementType, Manifest, ModelFormat, Precision, ReferenceOutput, TensorSpec};
use benchrack_protocol::runner::InputFile;
use benchrack_protocol::tensor::{InputGenerator, Tolerance};
use benchrack_protocol::units::Bytes;

use crate::{npy, runner};

/// An input on the command line: its shape, or a file of its values.
#[derive(Debug, Clone)]
pub enum InputArgument {
    /// `NAME=1x3x224x224`.
    Shape(TensorSpec),
    /// `NAME=X.npy`, or `X.npy` for the first input.
    File(InputFile),
}

impl FromStr for InputArgument {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = || format!("'{text}' is no input such as data=1x3x224x224, data=x.npy or x.npy");
        let (name, value) = text.split_once('=').unwrap_or(("", text));
        let name = name.trim();
        if Path::new(value).extension().is_some_and(|extension| extension == "npy") {
            return Ok(Self::File(InputFile { name: name.into(), path: value.into() }));
        }
        let shape: Option<Vec<usize>> = value.split('x').map(|size| size.trim().parse().ok().filter(|&size| size > 0)).collect();
        let shape = shape.filter(|_| !name.is_empty()).ok_or_else(wrong)?;
        Ok(Self::Shape(TensorSpec { name: name.into(), element: ElementType::F32, shape }))
    }
}

/// An output on the command line with the file of the values that it must have.
#[derive(Debug, Clone)]
pub struct ReferenceArgument {
    name: String,
    path: PathBuf,
}

impl FromStr for ReferenceArgument {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (name, path) = text.split_once('=').unwrap_or(("", text));
        if path.is_empty() {
            return Err(format!("'{text}' is no reference such as probabilities=y.npy or y.npy"));
        }
        Ok(Self { name: name.trim().into(), path: path.into() })
    }
}

/// Puts references from files in the place of the manifest's.
///
/// # Errors
/// When a file cannot be read, or the model has no such output.
pub fn refer(
    manifest: &mut Manifest,
    model: &Path,
    references: &[ReferenceArgument],
    tolerance: Tolerance,
) -> anyhow::Result<()> {
    if references.is_empty() {
        return Ok(());
    }
    let outputs = peek(model)?.outputs;
    manifest.references.clear();
    for reference in references {
        let name = if reference.name.is_empty() { outputs.first() } else { outputs.iter().find(|name| **name == reference.name) };
        let name =
            name.with_context(|| format!("the model has no output '{}'; it has {}", reference.name, outputs.join(", ")))?;
        manifest.references.push(ReferenceOutput {
            output: name.clone(),
            positions: Vec::new(),
            values: npy::read(&reference.path)?.values,
            tolerance,
            computed_by: reference.path.display().to_string(),
        });
    }
    Ok(())
}

/// The files among the inputs, each with the name of its input; the manifest gets their shapes, and loses references that
/// were computed from other values.
///
/// # Errors
/// When a file cannot be read, or the model has no such input.
pub fn feed(manifest: &mut Manifest, model: &Path, inputs: &[InputArgument]) -> anyhow::Result<Vec<InputFile>> {
    let mut files = Vec::new();
    for input in inputs {
        let InputArgument::File(file) = input else { continue };
        let name = match file.name.as_str() {
            "" => match manifest.inputs.first() {
                Some(first) => first.name.clone(),
                None => peek(model)?.inputs.first().context("the model has no input")?.clone(),
            },
            name => name.to_owned(),
        };
        let shape = npy::read(&file.path)?.shape;
        match manifest.inputs.iter().find(|spec| spec.name == name) {
            Some(spec) if spec.shape != shape => {
                bail!("input '{name}' is of shape {:?}, {} of {shape:?}", spec.shape, file.path.display())
            }
            Some(_) => {}
            None => {
                manifest.inputs.push(TensorSpec { name: name.clone(), element: ElementType::F32, shape });
                manifest.generators.push(InputGenerator::Uniform { seed: 1, low: -1.0, high: 1.0 });
            }
        }
        files.push(InputFile { name, path: file.path.clone() });
    }
    if !files.is_empty() {
        manifest.references.clear();
    }
    Ok(files)
}

fn peek(model: &Path) -> anyhow::Result<runner::Peek> {
    runner::peek(model).with_context(|| format!("cannot look into {}", model.display()))
}

/// The manifest: of the file named, else of the JSON beside the model where there is one, else made from the model.
///
/// # Errors
/// When a file cannot be read, or a manifest is of other bytes: its references would be wrong.
pub fn manifest(model: &Path, named: Option<&Path>, inputs: &[InputArgument]) -> anyhow::Result<Manifest> {
    let bytes = std::fs::read(model).with_context(|| format!("cannot read the model {}", model.display()))?;
    let artifact = ArtifactId::of(&bytes);
    let beside = model.with_extension("json");
    let file: Option<PathBuf> = named.map(Path::to_owned).or_else(|| beside.is_file().then_some(beside));
    let Some(file) = file else { return of_file(model, artifact, Bytes(bytes.len() as u64), inputs) };
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
fn of_file(model: &Path, artifact: ArtifactId, size: Bytes, inputs: &[InputArgument]) -> anyhow::Result<Manifest> {
    let name = model.file_stem().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let peek = runner::peek(model);
    let (opset, operators) = peek.map_or((0, Vec::new()), |peek| (peek.opset, peek.operators));
    let integer = |(operator, _): &(String, u32)| {
        operator.starts_with("QLinear") || operator.ends_with("Integer") || operator == "QuantizeLinear"
    };
    let precision = if operators.iter().any(integer) { Precision::Int8 } else { Precision::Fp32 };
    let shape = |input: &InputArgument| match input {
        InputArgument::Shape(spec) => Some(spec.clone()),
        InputArgument::File(_) => None,
    };
    let inputs: Vec<TensorSpec> = inputs.iter().filter_map(shape).collect();
    Ok(Manifest {
        family: name.clone(),
        format: format(model),
        generators: inputs.iter().map(|_| InputGenerator::Uniform { seed: 1, low: -1.0, high: 1.0 }).collect(),
        inputs,
        opset,
        operators,
        origin: "local file".into(),
        ..Manifest::of_unknown(name, precision, artifact, size)
    })
}

/// By the file's name, as the engines' own tools tell them apart.
fn format(model: &Path) -> ModelFormat {
    match model.extension().and_then(|extension| extension.to_str()) {
        Some("tflite") => ModelFormat::Tflite,
        Some("param") => ModelFormat::Ncnn,
        Some("mnn") => ModelFormat::Mnn,
        _ => ModelFormat::Onnx,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn input_shapes_are_read_and_nonsense_is_refused() {
        assert!(matches!("x=1x3x8".parse(), Ok(InputArgument::Shape(spec)) if spec.shape == [1, 3, 8]));
        assert!(matches!("x=a.npy".parse(), Ok(InputArgument::File(file)) if file.name == "x"));
        assert!(matches!("a.npy".parse(), Ok(InputArgument::File(file)) if file.name.is_empty()));
        for wrong in ["", "x", "x=", "=1x2", "x=1x0", "x=1xa"] {
            assert!(wrong.parse::<InputArgument>().is_err(), "{wrong}");
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
