//! What tract will execute, read from the graph after optimisation: the evidence that int8 ran as integers.

use std::collections::BTreeMap;

use benchrack_protocol::engine::IntegerKernels;
use benchrack_protocol::model::Precision;
use tract_linalg::isa::{self, Isa};
use tract_onnx::prelude::{DatumType, TypedModel};
use tract_onnx::tract_core::ops::cnn::Conv;
use tract_onnx::tract_core::ops::matmul::optimized::OptMatMul;

/// Operators with their number, the commonest first; matrix products with the type they add up in.
pub fn histogram(model: &TypedModel) -> Vec<(String, u32)> {
    let mut counts: BTreeMap<String, u32> = BTreeMap::new();
    for node in &model.nodes {
        let name = match accumulator(node) {
            Some(kind) => format!("{} {kind:?}", node.op().name()),
            None => node.op().name().into_owned(),
        };
        *counts.entry(name).or_default() += 1;
    }
    let mut counts: Vec<_> = counts.into_iter().collect();
    counts.sort_by(|one, other| other.1.cmp(&one.1).then_with(|| one.0.cmp(&other.0)));
    counts
}

/// How much runs in integer kernels. Depthwise convolutions have kernels of their own in tract, all in floating point;
/// a dense product in floating point beside integer ones counts with them.
pub fn integer_kernels(model: &TypedModel) -> IntegerKernels {
    let (mut integer, mut float) = (0, 0);
    for node in &model.nodes {
        match accumulator(node) {
            Some(DatumType::I32) => integer += 1,
            Some(_) => float += 1,
            None if is_convolution(&node.op().name()) => float += 1,
            None => {}
        }
    }
    match (integer, float) {
        (0, _) => IntegerKernels::None,
        (_, 0) => IntegerKernels::All,
        _ => IntegerKernels::DenseOnly,
    }
}

/// Convolutions and matrix products by the arithmetic of their kernels, with their number.
pub fn executed(model: &TypedModel) -> Vec<(Precision, u32)> {
    let mut counts: BTreeMap<Precision, u32> = BTreeMap::new();
    for node in &model.nodes {
        let kind = match accumulator(node) {
            Some(kind) => Some(kind),
            None if is_convolution(&node.op().name()) => node.outputs.first().map(|output| output.fact.datum_type),
            None => None,
        };
        let precision = match kind {
            Some(DatumType::I32) => Precision::Int8,
            Some(DatumType::F16) => Precision::Fp16,
            Some(_) => Precision::Fp32,
            None => continue,
        };
        *counts.entry(precision).or_default() += 1;
    }
    counts.into_iter().collect()
}

fn is_convolution(operator: &str) -> bool {
    ["DepthWiseConv", "DirectSpatialConv", "BlockedConv", "Conv", "Deconv"].iter().any(|known| operator.contains(known))
        && !operator.contains("Im2col")
}

type Node = tract_onnx::prelude::TypedNode;

/// The type in which a matrix product or a convolution that was not lowered adds up.
fn accumulator(node: &Node) -> Option<DatumType> {
    if let Some(product) = node.op_as::<OptMatMul>() {
        return product.mmm.first().map(|kernel| kernel.internal_type());
    }
    if let Some(convolution) = node.op_as::<Conv>() {
        return Some(if convolution.q_params.is_some() { DatumType::I32 } else { DatumType::F32 });
    }
    None
}

/// The family of kernels that this CPU gets: the features of the highest step that it has.
pub fn kernel_family() -> String {
    let set = isa::native();
    let top: Vec<&str> =
        set.iter().filter(|isa| !Isa::is_arch(isa) && isa.level() == set.level()).map(|isa| isa.name()).collect();
    if top.is_empty() { set.nickname().into() } else { top.join("+") }
}
