//! Looks into ONNX files made by others and writes the manifest that can be known without running them.

mod shapes;

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::{Path, PathBuf};

use prost::Message;
use prost::bytes::Bytes;

use benchrack_protocol::ids::ArtifactId;
use benchrack_protocol::model::{ElementType, Manifest, Precision, TensorSpec};
use benchrack_protocol::tensor::InputGenerator;

use crate::onnx::{Dimension, GraphProto, ModelProto, TensorProto, ValueInfoProto, data_type};

/// A file that cannot be measured as it is.
#[derive(Debug, thiserror::Error)]
pub enum InspectError {
    /// The file cannot be read.
    #[error("cannot read {}", .path.display())]
    Read {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// No protocol buffer of the ONNX kind.
    #[error("{} is not an ONNX file, or it is cut short; compare its size with where it came from", .path.display())]
    NotOnnx {
        /// Which.
        path: PathBuf,
        /// Where decoding stopped.
        source: prost::DecodeError,
    },
    /// The bytes decode, but there is no model in them.
    #[error("{} is not an ONNX model: {problem}", .path.display())]
    NoModel {
        /// Which.
        path: PathBuf,
        /// What is missing.
        problem: &'static str,
    },
    /// Weights lie in another file.
    #[error(
        "the weights of '{tensor}' lie in another file ('{location}'); save the model as one file, for instance with \
         onnx.save(onnx.load(\"model.onnx\"), \"single.onnx\")"
    )]
    ExternalData {
        /// A tensor of which this is so.
        tensor: String,
        /// The other file.
        location: String,
    },
    /// Dimensions that the file leaves open.
    #[error("input '{input}' has dimensions that the file leaves open ({shape}); give them, for instance {input}={example}")]
    OpenDimensions {
        /// Which input.
        input: String,
        /// Its shape with names or `?`.
        shape: String,
        /// How a full shape looks.
        example: String,
    },
    /// A given shape contradicts the file.
    #[error("the shape {given} given for input '{input}' does not fit the file's {shape}")]
    WrongShape {
        /// Which input.
        input: String,
        /// As given.
        given: String,
        /// As in the file.
        shape: String,
    },
    /// A shape was given for an input that is not there.
    #[error("the model has no input '{name}'; its inputs are: {}", .inputs.join(", "))]
    UnknownInput {
        /// As given.
        name: String,
        /// Those there are.
        inputs: Vec<String>,
    },
    /// An input that no generator can make.
    #[error("input '{input}' has {element}, which cannot be generated; floats, uint8, int8, int32 and int64 can")]
    Element {
        /// Which input.
        input: String,
        /// ONNX's number for its element type, or `no tensor type`.
        element: String,
    },
}

/// What a file says of itself.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Summary {
    pub(crate) inputs: Vec<TensorSpec>,
    pub(crate) outputs: Vec<TensorSpec>,
    pub(crate) operators: Vec<(String, u32)>,
    pub(crate) opset: u32,
    pub(crate) parameters: u64,
    pub(crate) macs: Option<u64>,
    pub(crate) precision: Precision,
    pub(crate) notes: Vec<String>,
}

/// The manifest of an ONNX file: everything that can be known without running it.
///
/// An open first dimension counts as 1 (the batch). Other open dimensions must be given in `shapes`: input name and whole shape.
/// There are no reference outputs in it, and operators are not judged: that is for the engine that loads the file.
///
/// # Errors
/// Unreadable, cut short, not ONNX, weights in another file, or open dimensions that were not given.
pub fn inspect(path: &Path, shapes: &[(String, Vec<usize>)]) -> Result<Manifest, InspectError> {
    let bytes = std::fs::read(path).map_err(|source| InspectError::Read { path: path.into(), source })?;
    let (artifact, size) = (ArtifactId::of(&bytes), benchrack_protocol::units::Bytes(bytes.len() as u64));
    let model = read_model(path, bytes.into())?;
    let summary = summary(&model, shapes)?;
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    let name = stem.strip_suffix(&format!(".{}", summary.precision)).unwrap_or(&stem).to_owned();
    let producer = if model.producer_name.is_empty() { "an unnamed producer" } else { &model.producer_name };
    Ok(Manifest {
        family: name.clone(),
        generators: summary.inputs.iter().map(generator).collect(),
        inputs: summary.inputs,
        outputs: summary.outputs,
        parameters: Some(summary.parameters),
        macs: summary.macs,
        opset: summary.opset,
        operators: summary.operators,
        origin: format!("added by hand; written by {}", format!("{producer} {}", model.producer_version).trim_end()),
        notes: summary.notes,
        ..Manifest::of_unknown(name, summary.precision, artifact, size)
    })
}

/// Pictures for what looks like a picture, noise for the rest; integers stay small, because they are often indices.
fn generator(input: &TensorSpec) -> InputGenerator {
    match input.element {
        ElementType::F32 | ElementType::F16 if input.shape.len() == 4 => InputGenerator::Image { seed: 1 },
        ElementType::F32 | ElementType::F16 => InputGenerator::Uniform { seed: 1, low: -1.0, high: 1.0 },
        ElementType::U8 => InputGenerator::Uniform { seed: 1, low: 0.0, high: 256.0 },
        ElementType::I8 => InputGenerator::Uniform { seed: 1, low: -128.0, high: 128.0 },
        ElementType::I32 | ElementType::I64 => InputGenerator::Uniform { seed: 1, low: 0.0, high: 2.0 },
    }
}

/// Decodes a file and makes sure that there is a whole model in it.
pub(crate) fn read_model(path: &Path, bytes: Bytes) -> Result<ModelProto, InspectError> {
    let missing = |problem| InspectError::NoModel { path: path.into(), problem };
    if bytes.is_empty() {
        return Err(missing("it is empty"));
    }
    if bytes.starts_with(b"version https://git-lfs") {
        return Err(missing("it is a Git LFS pointer; fetch the real file with 'git lfs pull'"));
    }
    let model = ModelProto::decode(bytes).map_err(|source| InspectError::NotOnnx { path: path.into(), source })?;
    let Some(graph) = &model.graph else { return Err(missing("it has no graph")) };
    if model.ir_version <= 0 || model.opset_import.is_empty() {
        return Err(missing("it names no format version or no operator set"));
    }
    if graph.node.is_empty() || graph.output.is_empty() {
        return Err(missing("its graph has no operators or no outputs"));
    }
    let constants = graph.node.iter().flat_map(|node| &node.attribute).filter_map(|attribute| attribute.t.as_ref());
    let external = |tensor: &&TensorProto| tensor.data_location == 1 || !tensor.external_data.is_empty();
    if let Some(tensor) = graph.initializer.iter().chain(constants).find(external) {
        let location = tensor.external_data.iter().find(|entry| entry.key == "location").map(|entry| entry.value.clone());
        return Err(InspectError::ExternalData {
            tensor: tensor.name.clone(),
            location: location.unwrap_or_else(|| "unnamed".into()),
        });
    }
    Ok(model)
}

/// What can be told of a decoded model.
pub(crate) fn summary(model: &ModelProto, given: &[(String, Vec<usize>)]) -> Result<Summary, InspectError> {
    let empty = GraphProto::default();
    let graph = model.graph.as_ref().unwrap_or(&empty);
    let constants: HashSet<&str> = graph.initializer.iter().map(|tensor| tensor.name.as_str()).collect();
    let real: Vec<&ValueInfoProto> = graph.input.iter().filter(|input| !constants.contains(input.name.as_str())).collect();
    if let Some((name, _)) = given.iter().find(|(name, _)| !real.iter().any(|input| input.name == *name)) {
        return Err(InspectError::UnknownInput {
            name: name.clone(),
            inputs: real.iter().map(|input| input.name.clone()).collect(),
        });
    }
    let inputs: Vec<TensorSpec> = real.iter().map(|input| input_spec(input, given)).collect::<Result<_, _>>()?;
    let inferred = shapes::infer(graph, &inputs);
    let mut notes = Vec::new();
    let mut outputs = Vec::new();
    for output in &graph.output {
        let declared = dimensions(output).and_then(|shape| shape.into_iter().collect::<Option<Vec<usize>>>());
        match (element(output), declared.or_else(|| inferred.shapes.get(output.name.as_str()).cloned())) {
            (Some(element), Some(shape)) => outputs.push(TensorSpec { name: output.name.clone(), element, shape }),
            _ => notes.push(format!("the type or shape of output '{}' is known only after running", output.name)),
        }
    }
    if inferred.macs.is_none() {
        notes.push("multiply-adds are not given: the shapes of some layers are known only after running".into());
    }
    let operators = histogram(model);
    let default_domain = model.opset_import.iter().find(|import| import.domain.is_empty() || import.domain == "ai.onnx");
    let opset = default_domain.and_then(|import| u32::try_from(import.version).ok()).unwrap_or(0);
    let (precision, macs) = (precision(graph, &operators), inferred.macs);
    Ok(Summary { inputs, outputs, opset, parameters: parameters(graph), macs, precision, operators, notes })
}

/// Operators with their number, by name; those of another domain carry it: `com.microsoft.QLinearAdd`.
pub(crate) fn histogram(model: &ModelProto) -> Vec<(String, u32)> {
    let mut counts: BTreeMap<String, u32> = BTreeMap::new();
    for node in model.graph.iter().flat_map(|graph| &graph.node) {
        let name = match node.domain.as_str() {
            "" | "ai.onnx" => node.op_type.clone(),
            domain => format!("{domain}.{}", node.op_type),
        };
        *counts.entry(name).or_default() += 1;
    }
    counts.into_iter().collect()
}

fn input_spec(input: &ValueInfoProto, given: &[(String, Vec<usize>)]) -> Result<TensorSpec, InspectError> {
    let name = input.name.clone();
    let tensor = input.r#type.as_ref().and_then(|kind| kind.tensor_type.as_ref());
    let Some(element) = element(input) else {
        let element = tensor.map_or("no tensor type".into(), |tensor| format!("ONNX element type {}", tensor.elem_type));
        return Err(InspectError::Element { input: name, element });
    };
    let declared = dimensions(input);
    let given = given.iter().find(|(name, _)| *name == input.name).map(|(_, shape)| shape.clone());
    let shape = match (given, declared) {
        (Some(given), Some(declared)) => {
            let fits = given.len() == declared.len()
                && given.iter().zip(&declared).all(|(given, declared)| declared.is_none_or(|size| size == *given));
            if !fits || given.contains(&0) {
                return Err(InspectError::WrongShape { input: name, given: text(&given), shape: declared_text(input) });
            }
            given
        }
        (Some(given), None) => given,
        (None, Some(mut declared)) => {
            if let Some(batch @ None) = declared.first_mut() {
                *batch = Some(1);
            }
            match declared.iter().copied().collect::<Option<Vec<usize>>>() {
                Some(shape) => shape,
                None => {
                    let example = declared.iter().map(|size| size.unwrap_or(224)).collect::<Vec<usize>>();
                    return Err(InspectError::OpenDimensions {
                        input: name,
                        shape: declared_text(input),
                        example: text(&example),
                    });
                }
            }
        }
        (None, None) => {
            return Err(InspectError::OpenDimensions {
                input: name,
                shape: "no shape at all".into(),
                example: "1x3x224x224".into(),
            });
        }
    };
    Ok(TensorSpec { name, element, shape })
}

fn text(shape: &[usize]) -> String {
    shape.iter().map(usize::to_string).collect::<Vec<String>>().join("x")
}

fn declared_text(value: &ValueInfoProto) -> String {
    let shape = value.r#type.as_ref().and_then(|kind| kind.tensor_type.as_ref()).and_then(|tensor| tensor.shape.as_ref());
    let dimension = |dimension: &crate::onnx::DimensionProto| match &dimension.value {
        Some(Dimension::Value(size)) if *size > 0 => size.to_string(),
        Some(Dimension::Parameter(name)) if !name.is_empty() => name.clone(),
        _ => "?".into(),
    };
    shape.map_or("no shape".into(), |shape| shape.dim.iter().map(dimension).collect::<Vec<String>>().join("x"))
}

/// Dimensions, none for those that are open; none at all when the file gives no shape.
fn dimensions(value: &ValueInfoProto) -> Option<Vec<Option<usize>>> {
    let shape = value.r#type.as_ref()?.tensor_type.as_ref()?.shape.as_ref()?;
    let size = |dimension: &crate::onnx::DimensionProto| match &dimension.value {
        Some(Dimension::Value(size)) => usize::try_from(*size).ok().filter(|&size| size > 0),
        _ => None,
    };
    Some(shape.dim.iter().map(size).collect())
}

fn element(value: &ValueInfoProto) -> Option<ElementType> {
    match value.r#type.as_ref()?.tensor_type.as_ref()?.elem_type {
        data_type::FLOAT => Some(ElementType::F32),
        data_type::FLOAT16 => Some(ElementType::F16),
        data_type::UINT8 => Some(ElementType::U8),
        data_type::INT8 => Some(ElementType::I8),
        data_type::INT32 => Some(ElementType::I32),
        data_type::INT64 => Some(ElementType::I64),
        _ => None,
    }
}

/// int8 when any operator works on codes, fp16 when most weights are.
fn precision(graph: &GraphProto, operators: &[(String, u32)]) -> Precision {
    let integer = |name: &str| {
        name.contains("QLinear") || name.contains("Integer") || name.contains("QuantizeLinear") || name.ends_with("QGemm")
    };
    if operators.iter().any(|(name, _)| integer(name) || name == "DequantizeLinear") {
        return Precision::Int8;
    }
    let elements =
        |kind: i32| graph.initializer.iter().filter(|tensor| tensor.data_type == kind).map(count).fold(0u64, u64::saturating_add);
    if elements(data_type::FLOAT16) > elements(data_type::FLOAT) { Precision::Fp16 } else { Precision::Fp32 }
}

fn count(tensor: &TensorProto) -> u64 {
    tensor.dims.iter().fold(1u64, |product, &size| product.saturating_mul(u64::try_from(size).unwrap_or(0)))
}

/// Elements of the constants that layers use as weights, also through `DequantizeLinear`, `Transpose` and their like. Scales,
/// zero points, shapes and the statistics of a batch normalisation are not learnt weights.
fn parameters(graph: &GraphProto) -> u64 {
    let stored: HashMap<&str, u64> = graph.initializer.iter().map(|tensor| (tensor.name.as_str(), count(tensor))).collect();
    let passes =
        ["DequantizeLinear", "QuantizeLinear", "Transpose", "Identity", "Cast", "Reshape", "Unsqueeze", "Squeeze", "Flatten"];
    let mut through: HashMap<&str, &str> = HashMap::new();
    for node in graph.node.iter().filter(|node| passes.contains(&node.op_type.as_str())) {
        if let (Some(from), Some(to)) = (node.input.first(), node.output.first()) {
            through.insert(to, from);
        }
    }
    let origin = |name: &'_ str| {
        let mut name: &str = name;
        // Bounded, because a damaged file may have a circle.
        for _ in 0..8 {
            match stored.get_key_value(name) {
                Some((&key, _)) => return Some(key),
                None => name = through.get(name)?,
            }
        }
        None
    };
    let mut used: HashSet<&str> = HashSet::new();
    for node in &graph.node {
        let places: &[usize] = match node.op_type.as_str() {
            "Conv"
            | "ConvTranspose"
            | "ConvInteger"
            | "Gemm"
            | "BatchNormalization"
            | "InstanceNormalization"
            | "LayerNormalization" => &[1, 2],
            "MatMul" | "MatMulInteger" | "Add" | "Mul" => &[0, 1],
            "PRelu" => &[1],
            "QLinearConv" => &[3, 8],
            "QLinearMatMul" => &[3],
            "QGemm" => &[3, 6],
            "Gather" => &[0],
            _ => &[],
        };
        used.extend(places.iter().filter_map(|&place| node.input.get(place)).filter_map(|name| origin(name)));
    }
    used.iter().filter_map(|name| stored.get(name)).fold(0, |sum, &count| sum.saturating_add(count))
}
