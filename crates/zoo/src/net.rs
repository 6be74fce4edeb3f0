//! Builds a [`Graph`] layer by layer and infers every shape.
//!
//! [`Net`] remembers the first mistake instead of returning it at each layer, so that an architecture reads like the table in its
//! paper.

use crate::graph::{Activation, Graph, GraphError, Node, NodeId, Op, Shape, volume};
use crate::window::Window;

/// A convolution as a row of a paper's table: `Conv::new(64, 3).stride(2).pad(1)`.
#[derive(Debug, Clone, Copy)]
pub struct Conv {
    outputs: usize,
    window: Window,
    groups: usize,
    bias: bool,
}

impl Conv {
    /// `outputs` channels by a square kernel, stride 1, no padding, with bias.
    pub fn new(outputs: usize, kernel: usize) -> Self {
        Self { outputs, window: Window::square(kernel), groups: 1, bias: true }
    }

    /// As [`Conv::new`], padded so that stride 1 keeps the size, without bias: what comes before a normalisation.
    pub fn same(outputs: usize, kernel: usize) -> Self {
        Self::new(outputs, kernel).pad(kernel / 2).no_bias()
    }

    /// A kernel of `height` x `width`, padded so that stride 1 keeps the size, without bias.
    pub fn asymmetric(outputs: usize, height: usize, width: usize) -> Self {
        let mut conv = Self::new(outputs, 1).no_bias();
        conv.window.kernel = [height, width];
        conv.window.pad = [height / 2, width / 2, height / 2, width / 2];
        conv
    }

    /// Step between outputs.
    pub fn stride(mut self, stride: usize) -> Self {
        self.window.stride = [stride; 2];
        self
    }

    /// Zeros on every side.
    pub fn pad(mut self, pad: usize) -> Self {
        self.window.pad = [pad; 4];
        self
    }

    /// Zeros at top, left, bottom, right.
    pub fn pad_sides(mut self, sides: [usize; 4]) -> Self {
        self.window.pad = sides;
        self
    }

    /// Dilation, with the padding of a 3x3 kernel that keeps the size.
    pub fn dilate(mut self, dilation: usize) -> Self {
        self.window.dilation = [dilation; 2];
        self.window.pad = [dilation; 4];
        self
    }

    /// Independent groups of channels.
    pub fn groups(mut self, groups: usize) -> Self {
        self.groups = groups;
        self
    }

    /// No learnt bias.
    pub fn no_bias(mut self) -> Self {
        self.bias = false;
        self
    }

    /// With a learnt bias.
    pub fn with_bias(mut self) -> Self {
        self.bias = true;
        self
    }
}

/// Builds a [`Graph`] layer by layer.
#[derive(Debug)]
pub struct Net {
    nodes: Vec<Node>,
    error: Option<GraphError>,
}

impl Net {
    /// A net over pictures of this shape, and its input.
    pub fn new(input: Shape) -> (Self, NodeId) {
        let node = Node { name: "input".into(), op: Op::Input, inputs: Vec::new(), shape: input };
        (Self { nodes: vec![node], error: None }, NodeId(0))
    }

    /// Shape of a layer's output.
    pub fn shape(&self, id: NodeId) -> Shape {
        self.nodes[id.0].shape
    }

    /// Channels of a layer's output.
    pub fn channels(&self, id: NodeId) -> usize {
        self.shape(id)[0]
    }

    fn layer(&mut self, name: impl Into<String>, op: Op, inputs: &[NodeId], shape: Result<Shape, String>) -> NodeId {
        let name = name.into();
        let shape = if self.nodes.iter().any(|node| node.name == name) {
            Err("the name is taken by an earlier layer".into())
        } else {
            shape.and_then(
                |shape| if volume(shape) > 0 { Ok(shape) } else { Err(format!("its output would be empty: {shape:?}")) },
            )
        };
        let shape = shape.unwrap_or_else(|problem| {
            self.error.get_or_insert(GraphError { layer: name.clone(), problem });
            [1; 3]
        });
        self.nodes.push(Node { name, op, inputs: inputs.to_vec(), shape });
        NodeId(self.nodes.len() - 1)
    }

    /// Convolution.
    pub fn conv(&mut self, name: impl Into<String>, from: NodeId, conv: Conv) -> NodeId {
        let input = self.shape(from);
        let Conv { outputs, window, groups, bias } = conv;
        let shape = if groups == 0 || !input[0].is_multiple_of(groups) || !outputs.is_multiple_of(groups) {
            Err(format!("{} inputs and {outputs} outputs cannot be split into {groups} groups", input[0]))
        } else {
            slid(window.slide(input), outputs, input, window)
        };
        self.layer(name, Op::Conv { window, groups, bias }, &[from], shape)
    }

    /// Depthwise convolution without bias, padded so that stride 1 keeps the size.
    pub fn depthwise(&mut self, name: impl Into<String>, from: NodeId, kernel: usize, stride: usize) -> NodeId {
        let channels = self.channels(from);
        self.conv(name, from, Conv::same(channels, kernel).stride(stride).groups(channels))
    }

    /// Transposed convolution without dilation and groups; `extra` rows and columns are added to its output.
    pub fn transposed_conv(&mut self, name: impl Into<String>, from: NodeId, conv: Conv, extra: usize) -> NodeId {
        let input = self.shape(from);
        let Conv { outputs, window, bias, .. } = conv;
        let extra = [extra; 2];
        let shape = slid(window.slide_back(input, extra), outputs, input, window);
        self.layer(name, Op::TransposedConv { window, extra, bias }, &[from], shape)
    }

    /// Batch normalisation.
    pub fn batch_norm(&mut self, name: impl Into<String>, from: NodeId) -> NodeId {
        let shape = self.shape(from);
        self.layer(name, Op::BatchNorm, &[from], Ok(shape))
    }

    /// Element-wise non-linearity.
    pub fn activation(&mut self, name: impl Into<String>, from: NodeId, activation: Activation) -> NodeId {
        let shape = self.shape(from);
        self.layer(name, Op::Activation(activation), &[from], Ok(shape))
    }

    /// max(x, 0).
    pub fn relu(&mut self, name: impl Into<String>, from: NodeId) -> NodeId {
        self.activation(name, from, Activation::Relu)
    }

    /// Convolution and batch normalisation.
    pub fn conv_bn(&mut self, name: &str, from: NodeId, conv: Conv) -> NodeId {
        let conv = self.conv(format!("{name}/conv"), from, conv);
        self.batch_norm(format!("{name}/bn"), conv)
    }

    /// Convolution, batch normalisation and a non-linearity.
    pub fn conv_bn_act(&mut self, name: &str, from: NodeId, conv: Conv, activation: Activation) -> NodeId {
        let normal = self.conv_bn(name, from, conv);
        self.activation(format!("{name}/act"), normal, activation)
    }

    /// Max pool with zero or more rows of padding on each side.
    pub fn max_pool(&mut self, name: impl Into<String>, from: NodeId, kernel: usize, stride: usize, pad: usize) -> NodeId {
        let window = Window { stride: [stride; 2], pad: [pad; 4], ..Window::square(kernel) };
        self.pool(name, from, window, Op::MaxPool)
    }

    /// Max pool whose last window may hang over the edge (Caffe's rounding up); the overhang is written as padding at
    /// bottom and right, which no maximum ever picks.
    pub fn max_pool_ceil(&mut self, name: impl Into<String>, from: NodeId, kernel: usize, stride: usize) -> NodeId {
        let shape = self.shape(from);
        let overhang = |size: usize| match size.saturating_sub(kernel) % stride.max(1) {
            0 => 0,
            rest => stride - rest,
        };
        let pad = [0, 0, overhang(shape[1]), overhang(shape[2])];
        self.pool(name, from, Window { stride: [stride; 2], pad, ..Window::square(kernel) }, Op::MaxPool)
    }

    /// Max pool with a window of its own.
    pub fn max_pool_window(&mut self, name: impl Into<String>, from: NodeId, window: Window) -> NodeId {
        self.pool(name, from, window, Op::MaxPool)
    }

    /// Average pool.
    pub fn average_pool(&mut self, name: impl Into<String>, from: NodeId, window: Window, count_padding: bool) -> NodeId {
        self.pool(name, from, window, |window| Op::AveragePool { window, count_padding })
    }

    fn pool(&mut self, name: impl Into<String>, from: NodeId, window: Window, op: impl Fn(Window) -> Op) -> NodeId {
        let input = self.shape(from);
        let shape = slid(window.slide(input), input[0], input, window);
        self.layer(name, op(window), &[from], shape)
    }

    /// Mean of each channel: C x 1 x 1.
    pub fn global_average_pool(&mut self, name: impl Into<String>, from: NodeId) -> NodeId {
        let channels = self.channels(from);
        self.layer(name, Op::GlobalAveragePool, &[from], Ok([channels, 1, 1]))
    }

    /// Undoes the max pool `pool`.
    pub fn unpool(&mut self, name: impl Into<String>, from: NodeId, pool: NodeId) -> NodeId {
        let (input, pooled) = (self.shape(from), self.shape(pool));
        let shape = match (&self.nodes[pool.0].op, self.nodes[pool.0].inputs.first()) {
            (Op::MaxPool(_), Some(&source)) if input == pooled => Ok(self.shape(source)),
            (op, _) => Err(format!("{input:?} cannot be put back through {op:?}, which gives {pooled:?}")),
        };
        self.layer(name, Op::Unpool { pool }, &[from, pool], shape)
    }

    /// Sum of two tensors of one shape.
    pub fn add(&mut self, name: impl Into<String>, left: NodeId, right: NodeId) -> NodeId {
        let (a, b) = (self.shape(left), self.shape(right));
        let shape = if a == b { Ok(a) } else { Err(format!("{a:?} and {b:?} cannot be added")) };
        self.layer(name, Op::Add, &[left, right], shape)
    }

    /// Each channel of `values` times the one value that `factors` has for it.
    pub fn scale(&mut self, name: impl Into<String>, values: NodeId, factors: NodeId) -> NodeId {
        let (a, b) = (self.shape(values), self.shape(factors));
        let shape = if b == [a[0], 1, 1] { Ok(a) } else { Err(format!("{a:?} cannot be scaled by {b:?}")) };
        self.layer(name, Op::Scale, &[values, factors], shape)
    }

    /// Channels of all, one after the other.
    pub fn concat(&mut self, name: impl Into<String>, parts: &[NodeId]) -> NodeId {
        let shapes: Vec<Shape> = parts.iter().map(|&part| self.shape(part)).collect();
        let shape = match shapes.first() {
            Some(first) if shapes.iter().all(|shape| shape[1..] == first[1..]) => {
                Ok([shapes.iter().map(|shape| shape[0]).sum(), first[1], first[2]])
            }
            _ => Err(format!("pictures of different sizes cannot be joined: {shapes:?}")),
        };
        self.layer(name, Op::Concat, parts, shape)
    }

    /// Channel shuffle.
    pub fn shuffle(&mut self, name: impl Into<String>, from: NodeId, groups: usize) -> NodeId {
        let shape = self.shape(from);
        let fits = groups > 0 && shape[0].is_multiple_of(groups);
        let shape = if fits { Ok(shape) } else { Err(format!("{} channels cannot be dealt to {groups} groups", shape[0])) };
        self.layer(name, Op::Shuffle { groups }, &[from], shape)
    }

    /// Channels `from..to`.
    pub fn slice(&mut self, name: impl Into<String>, of: NodeId, from: usize, to: usize) -> NodeId {
        let shape = self.shape(of);
        let fits = from < to && to <= shape[0];
        let shape =
            if fits { Ok([to - from, shape[1], shape[2]]) } else { Err(format!("no channels {from}..{to} in {}", shape[0])) };
        self.layer(name, Op::Slice { from, to }, &[of], shape)
    }

    /// Drops `by` rows and columns at top and left and adds as many zeros at bottom and right (NASNet's shifted path).
    pub fn shift(&mut self, name: impl Into<String>, from: NodeId, by: usize) -> NodeId {
        let shape = self.shape(from);
        let fits = by < shape[1] && by < shape[2];
        let shape = if fits { Ok(shape) } else { Err(format!("{shape:?} cannot be shifted by {by}")) };
        self.layer(name, Op::Shift { by }, &[from], shape)
    }

    /// Takes `by` rows and columns away at top and left.
    pub fn crop(&mut self, name: impl Into<String>, from: NodeId, by: usize) -> NodeId {
        let [channels, height, width] = self.shape(from);
        let fits = by < height && by < width;
        let shape = if fits { Ok([channels, height - by, width - by]) } else { Err(format!("{by} rows are all of {height}")) };
        self.layer(name, Op::Crop { by }, &[from], shape)
    }

    /// Adds channels of zeros until there are `channels`.
    pub fn pad_channels(&mut self, name: impl Into<String>, from: NodeId, channels: usize) -> NodeId {
        let shape = self.shape(from);
        let fits = channels > shape[0];
        let shape =
            if fits { Ok([channels, shape[1], shape[2]]) } else { Err(format!("{} are no fewer than {channels}", shape[0])) };
        self.layer(name, Op::PadChannels, &[from], shape)
    }

    /// Fully-connected layer over all that comes in, with bias.
    pub fn linear(&mut self, name: impl Into<String>, from: NodeId, outputs: usize) -> NodeId {
        self.layer(name, Op::Linear { bias: true }, &[from], Ok([outputs, 1, 1]))
    }

    /// The finished graph.
    ///
    /// # Errors
    /// The first layer that could not be built.
    pub fn finish(self, output: NodeId) -> Result<Graph, GraphError> {
        match self.error {
            Some(error) => Err(error),
            None => Ok(Graph { nodes: self.nodes, output, pruned: 0 }),
        }
    }
}

fn slid(size: Option<[usize; 2]>, channels: usize, input: Shape, window: Window) -> Result<Shape, String> {
    match size {
        Some([height, width]) => Ok([channels, height, width]),
        None => Err(format!(
            "kernel {:?} with stride {:?} and padding {:?} does not fit {input:?}",
            window.kernel, window.stride, window.pad
        )),
    }
}
