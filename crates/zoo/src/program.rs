//! A network as its file holds it: operators with their numbers, one to one with ONNX operators.
//!
//! [`settle`](crate::settle) makes the fp32 program from a [`Graph`](crate::graph::Graph), with batch normalisation folded into
//! the convolutions; [`quantise`](crate::quantise) makes the int8 program from that; [`execute`](crate::execute) runs either,
//! and [`export`](crate::export) writes either. What was checked is therefore what is shipped.

use crate::graph::Shape;
use crate::window::Window;

/// Affine code of uint8: real = scale x (code - zero point).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Affine {
    /// Real difference of two neighbouring codes.
    pub scale: f32,
    /// The code of zero.
    pub zero_point: u8,
}

/// int8 weights, symmetric in -127..=127, and int32 bias.
#[derive(Debug, Clone, PartialEq)]
pub struct QuantisedFilter {
    /// Output channel, input channel of the group, row, column.
    pub weights: Vec<i8>,
    /// One scale, or one for each output channel.
    pub scales: Vec<f32>,
    /// One for each output channel, in units of input scale x weight scale.
    pub bias: Vec<i32>,
}

impl QuantisedFilter {
    /// Scale of the weights of an output channel.
    pub fn scale(&self, channel: usize) -> f32 {
        self.scales[if self.scales.len() == 1 { 0 } else { channel }]
    }
}

/// Kernels and bias of a convolution.
#[derive(Debug, Clone, PartialEq)]
pub enum Filter {
    /// fp32 in the file.
    Float {
        /// Output channel, input channel of the group, row, column; input before output for transposed convolutions.
        weights: Vec<f32>,
        /// One for each output channel.
        bias: Vec<f32>,
    },
    /// int8 in the file, made fp32 by `DequantizeLinear` before the convolution: an engine may fuse them to integers.
    Dequantised {
        /// The integers.
        filter: QuantisedFilter,
        /// Scale of the layer's input, which the bias scale contains.
        input_scale: f32,
    },
}

/// What a node computes. Names are those of ONNX where there is one.
#[derive(Debug, Clone, PartialEq)]
pub enum Operator {
    /// The picture.
    Input,
    /// Convolution in fp32.
    Conv {
        /// Geometry.
        window: Window,
        /// Groups of channels.
        groups: usize,
        /// Kernels and bias.
        filter: Filter,
    },
    /// Transposed convolution in fp32.
    ConvTranspose {
        /// Geometry.
        window: Window,
        /// Extra rows and columns of the output.
        extra: [usize; 2],
        /// Kernels and bias.
        filter: Filter,
    },
    /// Fully-connected layer on a flat input; weights are output, input.
    Gemm {
        /// Output-major weights.
        weights: Vec<f32>,
        /// One for each output.
        bias: Vec<f32>,
    },
    /// Batch normalisation that no convolution could take in: x times scale plus shift for each channel.
    BatchNormalization {
        /// Factor of each channel.
        scale: Vec<f32>,
        /// Addend of each channel.
        shift: Vec<f32>,
    },
    /// max(x, 0).
    Relu,
    /// Between 0 and 6.
    Clip6,
    /// Leaky, with one slope for all channels.
    PRelu {
        /// Factor of negative values.
        slope: f32,
    },
    /// From 0 at -3 to 1 at 3 in a straight line.
    HardSigmoid,
    /// Largest value under the window.
    MaxPool(Window),
    /// Mean under the window.
    AveragePool {
        /// Geometry.
        window: Window,
        /// Whether padding is part of the mean.
        count_padding: bool,
    },
    /// Mean of each channel.
    GlobalAveragePool,
    /// Inputs: values, the max pool's own input. Puts each value where that pool found its maximum (the first of equals).
    Unpool(Window),
    /// Sum.
    Add,
    /// Product; the second input may have one value for each channel.
    Mul,
    /// Channels of all inputs.
    Concat,
    /// Channels dealt out to groups.
    Shuffle(usize),
    /// Channels from, to.
    Slice(usize, usize),
    /// Rows and columns taken away at top and left.
    Crop(usize),
    /// Picture moved up and left, zeros coming in.
    Shift(usize),
    /// Zero channels added at the end.
    PadChannels,
    /// N x C x H x W to N x CHW.
    Flatten,
    /// fp32 to uint8.
    QuantizeLinear(Affine),
    /// uint8 to fp32.
    DequantizeLinear(Affine),
    /// Convolution on uint8 with int32 sums.
    QLinearConv {
        /// Geometry.
        window: Window,
        /// Groups of channels.
        groups: usize,
        /// Kernels and bias.
        filter: QuantisedFilter,
        /// Code of the input.
        input: Affine,
        /// Code of the output.
        output: Affine,
    },
}

/// One node; its output has the node's number.
#[derive(Debug, Clone, PartialEq)]
pub struct Node {
    /// Name, also of its output in the file.
    pub name: String,
    /// What it computes.
    pub operator: Operator,
    /// Numbers of the nodes it reads.
    pub inputs: Vec<usize>,
    /// Channels, height, width.
    pub shape: Shape,
}

/// A network that can be run and written; the last node is the output, the first the input.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Program {
    /// Nodes in the order of computation.
    pub nodes: Vec<Node>,
}

impl Program {
    /// Adds a node and gives its number.
    pub fn push(&mut self, name: impl Into<String>, operator: Operator, inputs: Vec<usize>, shape: Shape) -> usize {
        self.nodes.push(Node { name: name.into(), operator, inputs, shape });
        self.nodes.len() - 1
    }

    /// Whether a node's output is uint8.
    pub fn is_quantised(&self, node: usize) -> bool {
        match &self.nodes[node].operator {
            Operator::QuantizeLinear(_) | Operator::QLinearConv { .. } => true,
            Operator::MaxPool(_)
            | Operator::Concat
            | Operator::Shuffle(_)
            | Operator::Slice(..)
            | Operator::Crop(_)
            | Operator::Flatten => self.is_quantised(self.nodes[node].inputs[0]),
            _ => false,
        }
    }

    /// For each node the last node that reads it; its own number where none does.
    pub fn last_uses(&self) -> Vec<usize> {
        let mut last: Vec<usize> = (0..self.nodes.len()).collect();
        for (index, node) in self.nodes.iter().enumerate() {
            for &input in &node.inputs {
                last[input] = index;
            }
        }
        last
    }
}
