//! An architecture layer by layer, with the share of each layer in parameters and multiply-adds.

use crate::architectures::Architecture;
use crate::graph::{Activation, GraphError, Op, Shape};

/// One layer of a description.
#[derive(Debug, Clone, PartialEq)]
pub struct Layer {
    /// Name within the architecture.
    pub name: String,
    /// What it does: `conv 3x3 /2`.
    pub operation: String,
    /// Channels, height, width of its output.
    pub shape: Shape,
    /// Learnt numbers.
    pub parameters: u64,
    /// Multiply-adds.
    pub macs: u64,
    /// Its part of all multiply-adds, 0 to 1.
    pub share: f64,
    /// Its part of all learnt numbers, 0 to 1.
    pub parameter_share: f64,
}

/// An architecture as a table.
#[derive(Debug, Clone, PartialEq)]
pub struct Description {
    /// Layers in the order of computation.
    pub layers: Vec<Layer>,
    /// Learnt numbers in all.
    pub parameters: u64,
    /// Multiply-adds in all.
    pub macs: u64,
}

/// The table of an architecture.
///
/// # Errors
/// Its layers do not fit each other.
pub fn describe(architecture: &Architecture) -> Result<Description, GraphError> {
    let graph = (architecture.graph)()?;
    let (parameters, macs) = (graph.parameters(), graph.macs());
    let layers = graph.nodes().iter().map(|node| {
        let (own, learnt) = (graph.macs_of(node), graph.parameters_of(node));
        Layer {
            name: node.name.clone(),
            operation: operation(&node.op),
            shape: node.shape,
            parameters: learnt,
            macs: own,
            share: own as f64 / macs.max(1) as f64,
            parameter_share: learnt as f64 / parameters.max(1) as f64,
        }
    });
    Ok(Description { layers: layers.collect(), parameters, macs })
}

fn operation(op: &Op) -> String {
    let size = |window: &crate::window::Window| {
        let mut text = format!("{}x{}", window.kernel[0], window.kernel[1]);
        if window.stride != [1, 1] {
            text += &format!(" /{}", window.stride[0]);
        }
        if window.dilation != [1, 1] {
            text += &format!(" dilated {}", window.dilation[0]);
        }
        text
    };
    match op {
        Op::Input => "input".into(),
        Op::Conv { window, groups: 1, .. } => format!("conv {}", size(window)),
        Op::Conv { window, groups, .. } => format!("conv {} in {groups} groups", size(window)),
        Op::TransposedConv { window, .. } => format!("transposed conv {}", size(window)),
        Op::BatchNorm => "batch norm".into(),
        Op::Activation(Activation::Relu) => "relu".into(),
        Op::Activation(Activation::Relu6) => "relu6".into(),
        Op::Activation(Activation::PRelu) => "prelu".into(),
        Op::Activation(Activation::HardSwish) => "hard swish".into(),
        Op::Activation(Activation::HardSigmoid) => "hard sigmoid".into(),
        Op::MaxPool(window) => format!("max pool {}", size(window)),
        Op::AveragePool { window, .. } => format!("average pool {}", size(window)),
        Op::GlobalAveragePool => "global average pool".into(),
        Op::Unpool { .. } => "unpool".into(),
        Op::Add => "add".into(),
        Op::Scale => "scale channels".into(),
        Op::Concat => "concat".into(),
        Op::Shuffle { groups } => format!("shuffle {groups} groups"),
        Op::Slice { from, to } => format!("channels {from}..{to}"),
        Op::Shift { by } => format!("shift by {by}"),
        Op::Crop { by } => format!("crop by {by}"),
        Op::PadChannels => "zero channels".into(),
        Op::Linear { .. } => "fully connected".into(),
    }
}
