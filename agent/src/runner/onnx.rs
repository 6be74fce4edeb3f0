//! The ONNX file before the engine sees it: whether it is one, and which operators the engine lacks.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use benchrack_protocol::runner::FailureReason;
use tract_onnx::Onnx;
use tract_onnx::pb::{GraphProto, ModelProto};
use tract_onnx::prelude::Framework;

use super::Refusal;
use super::engine::Source;

/// Reads and decodes the model.
///
/// # Errors
/// [`FailureReason::ArtifactUnavailable`] when it cannot be read, [`FailureReason::NotAModel`] when it is no whole model.
pub fn decode(engine: &Onnx, source: &Source<'_>) -> Result<ModelProto, Refusal> {
    let not_a_model = |why: String| {
        let name = match source {
            Source::File(path) => path.display().to_string(),
            Source::Bytes(_) => "the unpacked model".into(),
        };
        Refusal::new(FailureReason::NotAModel, format!("{name}: {why}"))
    };
    let size = size(source)?;
    if size == 0 {
        return Err(not_a_model("the file is empty".into()));
    }
    let model = match source {
        Source::File(path) => engine.proto_model_for_path(path),
        Source::Bytes(bytes) => engine.proto_model_for_read(&mut bytes.as_slice()),
    };
    let model = model
        .map_err(|error| not_a_model(format!("not an ONNX file, or a truncated one ({}, {size} bytes)", root_cause(&error))))?;
    let Some(graph) = &model.graph else {
        return Err(not_a_model("not an ONNX file: it holds no graph".into()));
    };
    if graph.output.is_empty() {
        return Err(not_a_model("its graph has no output".into()));
    }
    if model.opset_import.is_empty() {
        return Err(not_a_model("it names no operator set, so it is truncated or damaged".into()));
    }
    Ok(model)
}

/// Bytes of a model.
///
/// # Errors
/// [`FailureReason::ArtifactUnavailable`] when the file cannot be read.
pub fn size(source: &Source<'_>) -> Result<u64, Refusal> {
    let path = match source {
        Source::File(path) => path,
        Source::Bytes(bytes) => return Ok(bytes.len() as u64),
    };
    let unreadable = |error| Refusal::new(FailureReason::ArtifactUnavailable, format!("cannot read {}: {error}", path.display()));
    std::fs::metadata(path).map(|metadata| metadata.len()).map_err(unreadable)
}

/// # Errors
/// [`FailureReason::UnsupportedOperator`] naming every operator that the engine lacks.
pub fn refuse_unknown_operators(engine: &Onnx, model: &ModelProto) -> Result<(), Refusal> {
    let mut lacking = BTreeSet::new();
    visit(model.graph.as_ref(), &mut |domain, operator| {
        if !engine.op_register.0.contains_key(operator) {
            lacking.insert(if domain.is_empty() { operator.to_owned() } else { format!("{domain}.{operator}") });
        }
    });
    if lacking.is_empty() {
        return Ok(());
    }
    let names = lacking.into_iter().collect::<Vec<_>>().join(", ");
    Err(Refusal::new(FailureReason::UnsupportedOperator, format!("the engine has no operator {names}")))
}

/// Every node of a graph and of the graphs within its nodes.
fn visit(graph: Option<&GraphProto>, seen: &mut dyn FnMut(&str, &str)) {
    for node in graph.iter().flat_map(|graph| &graph.node) {
        seen(&node.domain, &node.op_type);
        for attribute in &node.attribute {
            visit(attribute.g.as_ref(), seen);
            attribute.graphs.iter().for_each(|graph| visit(Some(graph), seen));
        }
    }
}

/// What a file says of itself without being loaded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Peek {
    /// Operator-set version of the default domain.
    pub opset: u32,
    /// Operators with their number.
    pub operators: Vec<(String, u32)>,
    /// Names of the inputs, without those that are weights.
    pub inputs: Vec<String>,
    /// Names of the outputs.
    pub outputs: Vec<String>,
}

/// Looks into a file.
///
/// # Errors
/// As [`Model::load`](super::Model::load) for a file that is no model.
pub fn peek(path: &Path) -> Result<Peek, Refusal> {
    let model = decode(&tract_onnx::onnx(), &Source::File(path))?;
    let mut operators: BTreeMap<String, u32> = BTreeMap::new();
    visit(model.graph.as_ref(), &mut |_, operator| *operators.entry(operator.into()).or_default() += 1);
    let default = model.opset_import.iter().find(|set| set.domain.is_empty() || set.domain == "ai.onnx");
    let opset = default.and_then(|set| u32::try_from(set.version).ok()).unwrap_or(0);
    let graph = model.graph.unwrap_or_default();
    let weights: BTreeSet<&str> = graph.initializer.iter().map(|weight| weight.name.as_str()).collect();
    let inputs = graph.input.iter().map(|input| input.name.clone()).filter(|name| !weights.contains(name.as_str())).collect();
    let outputs = graph.output.iter().map(|output| output.name.clone()).collect();
    Ok(Peek { opset, operators: operators.into_iter().collect(), inputs, outputs })
}

/// The innermost message of a chain: the engine wraps each in a dump of the node.
pub fn root_cause(error: &tract_onnx::prelude::TractError) -> String {
    error.root_cause().to_string().chars().take(300).collect()
}
