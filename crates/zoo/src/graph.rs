//! Architectures as their papers give them: layers, shapes, counts; no weights yet.
//!
//! A [`Graph`] is what `architectures/` writes, with [`Net`], and what the counts of parameters and multiply-adds come from, so
//! batch normalisation is still a layer of its own here.

pub use crate::net::{Conv, Net};
use crate::window::Window;

/// Channels, height, width; the batch is always 1.
pub type Shape = [usize; 3];

/// A layer's place in its graph; its output is named by it as well.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct NodeId(pub(crate) usize);

/// What a layer does.
#[derive(Debug, Clone, PartialEq)]
pub enum Op {
    /// The picture.
    Input,
    /// Convolution; depthwise where `groups` equals the channels.
    Conv {
        /// Kernel, stride, padding, dilation.
        window: Window,
        /// Independent groups of channels.
        groups: usize,
        /// Whether a bias is learnt.
        bias: bool,
    },
    /// Transposed convolution with learnt kernels.
    TransposedConv {
        /// Kernel, stride, padding.
        window: Window,
        /// Rows and columns added to the output, to pick one of the sizes that the stride leaves open.
        extra: [usize; 2],
        /// Whether a bias is learnt.
        bias: bool,
    },
    /// Batch normalisation with learnt scale and shift (gamma, beta).
    BatchNorm,
    /// Element-wise non-linearity.
    Activation(Activation),
    /// Largest value under the window.
    MaxPool(Window),
    /// Mean under the window; padding counts as zeros where `count_padding`.
    AveragePool {
        /// Window.
        window: Window,
        /// Whether padding is part of the mean.
        count_padding: bool,
    },
    /// Mean of each channel.
    GlobalAveragePool,
    /// Puts values back where the max pool `pool` took them from; zero elsewhere.
    Unpool {
        /// The pool, on a tensor of the shape that comes out here.
        pool: NodeId,
    },
    /// Sum of two tensors.
    Add,
    /// Each channel of the first tensor times the one value of the second for it (squeeze and excitation).
    Scale,
    /// Channels one after the other.
    Concat,
    /// Channels dealt out to groups in turn (ShuffleNet).
    Shuffle {
        /// Number of groups.
        groups: usize,
    },
    /// Part of the channels.
    Slice {
        /// First channel.
        from: usize,
        /// Channel after the last.
        to: usize,
    },
    /// The picture moved up and left; zeros come in at bottom and right.
    Shift {
        /// Rows and columns taken away at top and left and added at bottom and right.
        by: usize,
    },
    /// Rows and columns taken away at top and left.
    Crop {
        /// How many.
        by: usize,
    },
    /// Adds channels of zeros at the end (ENet's shortcut).
    PadChannels,
    /// Fully connected: every output sees every input.
    Linear {
        /// Whether a bias is learnt.
        bias: bool,
    },
}

/// Element-wise non-linearities.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Activation {
    /// max(x, 0).
    Relu,
    /// min(max(x, 0), 6).
    Relu6,
    /// x where positive, else x times one learnt slope for all channels.
    PRelu,
    /// x times a ramp from 0 at -3 to 1 at 3 (arXiv:1905.02244 section 5.2).
    HardSwish,
    /// A ramp from 0 at -3 to 1 at 3.
    HardSigmoid,
}

/// One layer.
#[derive(Debug, Clone, PartialEq)]
pub struct Node {
    /// Name within the architecture, with `/` between parts.
    pub name: String,
    /// What it does.
    pub op: Op,
    /// Layers whose outputs it reads.
    pub inputs: Vec<NodeId>,
    /// Shape of its output.
    pub shape: Shape,
}

/// A complete architecture; inputs of a layer always come before it.
#[derive(Debug, Clone, PartialEq)]
pub struct Graph {
    pub(crate) nodes: Vec<Node>,
    pub(crate) output: NodeId,
    /// Share of the weights of dense layers that are zero, in hundredths.
    pub(crate) pruned: usize,
}

/// A layer that cannot be: its kernel does not fit, shapes disagree, channels do not divide.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("layer '{layer}' cannot be built: {problem}")]
pub struct GraphError {
    /// The layer.
    pub layer: String,
    /// What is wrong, with the figures.
    pub problem: String,
}

impl Graph {
    /// Layers in the order of computation; the first is the input.
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// The layer that gives the answer.
    pub fn output(&self) -> NodeId {
        self.output
    }

    /// The layer of an id of this graph.
    pub fn node(&self, id: NodeId) -> &Node {
        &self.nodes[id.0]
    }

    /// Shape of the picture.
    pub fn input_shape(&self) -> Shape {
        self.nodes[0].shape
    }

    /// The same layers with the smallest weights of each dense layer set to zero, `percent` of them (magnitude pruning,
    /// arXiv:1506.02626). The first layer and depthwise ones are spared, as arXiv:1710.01878 section 4.2 does: they have few.
    pub fn pruned(mut self, percent: usize) -> Self {
        self.pruned = percent.min(99);
        self
    }

    /// Whether pruning reaches a layer.
    pub(crate) fn is_pruned(&self, node: &Node) -> bool {
        let reads_picture = node.inputs.contains(&NodeId(0));
        self.pruned > 0 && !reads_picture && matches!(node.op, Op::Conv { groups: 1, .. } | Op::Linear { .. })
    }

    /// Layers that read the output of `id`.
    pub fn consumers(&self, id: NodeId) -> impl Iterator<Item = NodeId> + '_ {
        self.nodes.iter().enumerate().filter(move |(_, node)| node.inputs.contains(&id)).map(|(index, _)| NodeId(index))
    }

    fn input_of(&self, node: &Node) -> Shape {
        node.inputs.first().map_or(node.shape, |&input| self.node(input).shape)
    }

    /// Learnt numbers of one layer, before batch normalisation is folded: its gamma and beta count, its statistics do not.
    pub fn parameters_of(&self, node: &Node) -> u64 {
        let input = self.input_of(node);
        let count = match &node.op {
            Op::Conv { window, groups, bias } => {
                node.shape[0] * (input[0] / groups) * window.area() + usize::from(*bias) * node.shape[0]
            }
            Op::TransposedConv { window, bias, .. } => {
                node.shape[0] * input[0] * window.area() + usize::from(*bias) * node.shape[0]
            }
            Op::BatchNorm => 2 * node.shape[0],
            Op::Activation(Activation::PRelu) => 1,
            Op::Linear { bias } => node.shape[0] * volume(input) + usize::from(*bias) * node.shape[0],
            _ => 0,
        };
        count as u64
    }

    /// Multiply-adds of one layer for one picture: convolutions, transposed convolutions and fully-connected layers;
    /// bias, normalisation and pools count nothing.
    pub fn macs_of(&self, node: &Node) -> u64 {
        let input = self.input_of(node);
        let count = match &node.op {
            Op::Conv { window, groups, .. } => volume(node.shape) * (input[0] / groups) * window.area(),
            Op::TransposedConv { window, .. } => volume(input) * node.shape[0] * window.area(),
            Op::Linear { .. } => node.shape[0] * volume(input),
            _ => 0,
        };
        count as u64
    }

    /// Learnt numbers of the whole.
    pub fn parameters(&self) -> u64 {
        self.nodes.iter().map(|node| self.parameters_of(node)).sum()
    }

    /// Multiply-adds of the whole for one picture.
    pub fn macs(&self) -> u64 {
        self.nodes.iter().map(|node| self.macs_of(node)).sum()
    }
}

/// Number of elements.
pub fn volume(shape: Shape) -> usize {
    shape.iter().product()
}
