//! From an architecture to an fp32 program: seeded weights, statistics from seeded pictures, normalisation folded in.
//!
//! Random weights alone give degenerate nets: activations die out (subnormals, which are slow) or the answer is one constant,
//! and then an output check passes whatever an engine does. So the net is walked layer by layer over a few pictures, and
//! each layer gets the statistics that training would give its batch normalisation: mean and variance of what really
//! arrives. Layers without one get the same treatment in their weights and bias (data-dependent initialisation,
//! arXiv:1511.06422). The same walk sees every activation, so it also gives the ranges for quantisation.

use rayon::prelude::*;

use crate::execute::{ExecuteError, Tensor, compute};
use crate::graph::{Activation, Graph, Node, NodeId, Op, Shape, volume};
use crate::program::{self, Filter, Operator, Program};
use crate::seeded::Draws;
use crate::weights;

/// An fp32 program with what its activations look like.
#[derive(Debug, Clone)]
pub struct Settled {
    /// The network.
    pub program: Program,
    /// Lowest and highest value of each node over the pictures.
    pub ranges: Vec<[f32; 2]>,
}

/// Gives the architecture its weights.
///
/// # Errors
/// Only when an operator of this crate is wired to a tensor that it cannot take.
pub fn settle(graph: &Graph, draws: &Draws, pictures: &[Vec<f32>]) -> Result<Settled, ExecuteError> {
    let mut walk = Walk {
        graph,
        draws,
        program: Program::default(),
        ranges: Vec::new(),
        values: Vec::new(),
        places: Vec::new(),
        pictures: pictures.iter().map(|picture| Tensor::F32(picture.clone())).collect(),
    };
    for index in 0..graph.nodes().len() {
        let place = walk.layer(NodeId(index))?;
        walk.places.push(place);
        walk.forget(index);
    }
    let output = walk.places[graph.output().0];
    let shape = walk.program.nodes[output].shape;
    let flat = [volume(shape), 1, 1];
    if shape[1] * shape[2] == 1 && !matches!(walk.program.nodes[output].operator, Operator::Gemm { .. }) {
        walk.emit("output", Operator::Flatten, vec![output], flat)?;
    }
    Ok(Settled { program: walk.program, ranges: walk.ranges })
}

struct Walk<'a> {
    graph: &'a Graph,
    draws: &'a Draws,
    program: Program,
    ranges: Vec<[f32; 2]>,
    /// Results of program nodes for each picture, while they are still needed.
    values: Vec<Vec<Tensor>>,
    /// Program node of each layer so far.
    places: Vec<usize>,
    pictures: Vec<Tensor>,
}

impl Walk<'_> {
    /// Writes one layer and gives the program node that holds its result.
    fn layer(&mut self, id: NodeId) -> Result<usize, ExecuteError> {
        let node = self.graph.node(id);
        let inputs: Vec<usize> = node.inputs.iter().map(|input| self.places[input.0]).collect();
        let operator = match &node.op {
            Op::Input => Operator::Input,
            Op::Conv { .. } | Op::TransposedConv { .. } => return self.convolution(id, node, inputs),
            Op::BatchNorm if self.is_folded(node.inputs[0]) => return Ok(inputs[0]),
            Op::BatchNorm => {
                let (scale, shift) = self.level(id, node, &self.values[inputs[0]], node.shape, true);
                Operator::BatchNormalization { scale, shift }
            }
            Op::Activation(Activation::Relu) => Operator::Relu,
            Op::Activation(Activation::Relu6) => Operator::Clip6,
            Op::Activation(Activation::PRelu) => {
                let slope = self.draws.uniform(&node.name, "slope", 1, 0.1, 0.4).first().copied().unwrap_or(0.25);
                Operator::PRelu { slope }
            }
            Op::Activation(Activation::HardSigmoid) => Operator::HardSigmoid,
            Op::Activation(Activation::HardSwish) => {
                let gate = self.emit(&format!("{}/gate", node.name), Operator::HardSigmoid, inputs.clone(), node.shape)?;
                return self.emit(&node.name, Operator::Mul, vec![inputs[0], gate], node.shape);
            }
            Op::MaxPool(window) => Operator::MaxPool(*window),
            Op::AveragePool { window, count_padding } => Operator::AveragePool { window: *window, count_padding: *count_padding },
            Op::GlobalAveragePool => Operator::GlobalAveragePool,
            Op::Unpool { pool } => return self.unpool(node, *pool),
            Op::Add => Operator::Add,
            Op::Scale => Operator::Mul,
            Op::Concat => Operator::Concat,
            Op::Shuffle { groups } => Operator::Shuffle(*groups),
            Op::Slice { from, to } => Operator::Slice(*from, *to),
            Op::Crop { by } => Operator::Crop(*by),
            Op::Shift { by } => Operator::Shift(*by),
            Op::PadChannels => Operator::PadChannels,
            Op::Linear { bias } => return self.linear(id, node, inputs[0], *bias),
        };
        self.emit(&node.name, operator, inputs, node.shape)
    }

    /// Whether the layer is a convolution whose only reader is a batch normalisation.
    fn is_folded(&self, id: NodeId) -> bool {
        let readers: Vec<NodeId> = self.graph.consumers(id).collect();
        let convolution = matches!(self.graph.node(id).op, Op::Conv { .. } | Op::TransposedConv { .. });
        convolution && matches!(readers[..], [reader] if self.graph.node(reader).op == Op::BatchNorm)
    }

    /// Whether a non-linearity reads the layer, or the normalisation that is folded into it.
    fn is_activated(&self, id: NodeId) -> bool {
        self.graph.consumers(id).any(|reader| match self.graph.node(reader).op {
            Op::Activation(_) => true,
            Op::BatchNorm => self.is_activated(reader),
            _ => false,
        })
    }

    fn convolution(&mut self, id: NodeId, node: &Node, inputs: Vec<usize>) -> Result<usize, ExecuteError> {
        let source = self.program.nodes[inputs[0]].shape;
        let outputs = node.shape[0];
        let (window, groups, bias, back) = match &node.op {
            Op::TransposedConv { window, extra, bias } => (*window, 1, *bias, Some(*extra)),
            Op::Conv { window, groups, bias } => (*window, *groups, *bias, None),
            _ => return Ok(inputs[0]),
        };
        let fan_in = source[0] / groups * window.area();
        let weights = self.weights(id, node, inputs[0], outputs, fan_in);
        let operator = |weights, bias| {
            let filter = Filter::Float { weights, bias };
            match back {
                Some(extra) => Operator::ConvTranspose { window, extra, filter },
                None => Operator::Conv { window, groups, filter },
            }
        };
        let (raw, _) = self.run(&node.name, operator(weights.clone(), vec![0.0; outputs]), &inputs, node.shape)?;
        let shifted = bias || self.is_folded(id);
        // On one value for each picture, as in squeeze and excitation, `level` would blow up what hardly differs between pictures.
        let is_vector = node.shape[1..] == [1, 1];
        let (scale, shift) = if bias && (is_vector || self.is_head(id)) {
            self.spread(id, node, &raw)
        } else {
            self.level(id, node, &raw, node.shape, shifted)
        };
        let values = raw.iter().map(|value| affine(value, node.shape, &scale, &shift)).collect();
        // Kernels of one output lie together, but in a transposed convolution they repeat for every input.
        let channel = |at: usize| if back.is_some() { at / window.area() % outputs } else { at / fan_in };
        let weights = weights.iter().enumerate().map(|(at, weight)| weight * scale[channel(at)]).collect();
        Ok(self.push(&node.name, operator(weights, shift), inputs, node.shape, values))
    }

    /// A fully-connected layer: one scale for all its outputs, so that they differ as their weights say.
    fn linear(&mut self, id: NodeId, node: &Node, input: usize, bias: bool) -> Result<usize, ExecuteError> {
        let source = &self.program.nodes[input];
        let (inputs, outputs) = (volume(source.shape), node.shape[0]);
        let is_flat = matches!(source.operator, Operator::Gemm { .. } | Operator::Flatten);
        let flat = match is_flat {
            true => input,
            false => self.emit(&format!("{}/flatten", node.name), Operator::Flatten, vec![input], [inputs, 1, 1])?,
        };
        let weights = self.weights(id, node, flat, outputs, inputs);
        let operator = Operator::Gemm { weights: weights.clone(), bias: vec![0.0; outputs] };
        let (raw, _) = self.run(&node.name, operator, &[flat], node.shape)?;
        let (scale, mut shift) = self.spread(id, node, &raw);
        if !bias {
            shift = vec![0.0; outputs];
        }
        let weights = weights.iter().map(|weight| weight * scale[0]).collect();
        let values = raw.iter().map(|value| affine(value, node.shape, &scale, &shift)).collect();
        Ok(self.push(&node.name, Operator::Gemm { weights, bias: shift }, vec![flat], node.shape, values))
    }

    /// Seeded weights of a layer: pruned where the graph says so, with classes where it is the classifier.
    fn weights(&self, id: NodeId, node: &Node, input: usize, outputs: usize, fan_in: usize) -> Vec<f32> {
        let mut weights = self.draws.he(&node.name, outputs * fan_in, fan_in);
        let channels = self.program.nodes[input].shape[0];
        if self.is_head(id) && fan_in == channels {
            let features: Vec<&[f32]> = self.values[input].iter().map(|value| reals(value).as_slice()).collect();
            weights::set_classes(&mut weights, &features, channels);
        }
        if self.graph.is_pruned(node) {
            weights::prune(&mut weights, self.graph.pruned);
        }
        weights
    }

    /// Whether a layer makes the answer: nothing but non-linearities and means lie after it.
    fn is_head(&self, id: NodeId) -> bool {
        let mut readers = self.graph.consumers(id).peekable();
        match readers.peek() {
            None => id == self.graph.output() && self.graph.node(id).shape[1..] == [1, 1],
            Some(_) => readers.all(|reader| {
                matches!(self.graph.node(reader).op, Op::Activation(_) | Op::GlobalAveragePool) && self.is_head(reader)
            }),
        }
    }

    /// One factor for all outputs of a layer, which gives them together variance 1, and seeded addends; the outputs that are
    /// classes get mean 0 over the pictures, so that none of them wins by itself.
    fn spread(&self, id: NodeId, node: &Node, raw: &[Tensor]) -> (Vec<f32>, Vec<f32>) {
        let outputs = node.shape[0];
        let moments: Vec<(f64, f64)> = (0..outputs).into_par_iter().map(|channel| moments_of(raw, channel, node.shape)).collect();
        let middle = moments.iter().map(|(mean, _)| mean).sum::<f64>() / outputs as f64;
        let spread = |(mean, variance): &(f64, f64)| variance + (mean - middle) * (mean - middle);
        let variance = moments.iter().map(spread).sum::<f64>() / outputs as f64;
        let scale = if variance > 0.0 { (1.0 / variance.sqrt()) as f32 } else { 1.0 };
        let classes = if self.is_head(id) { self.pictures.len() } else { 0 };
        let mut shift = self.draws.uniform(&node.name, "bias", outputs, -0.3, 0.3);
        shift.iter_mut().zip(&moments).take(classes).for_each(|(shift, (mean, _))| *shift -= *mean as f32 * scale);
        (vec![scale; outputs], shift)
    }

    fn unpool(&mut self, node: &Node, pool: NodeId) -> Result<usize, ExecuteError> {
        let pooled = &self.program.nodes[self.places[pool.0]];
        let (Operator::MaxPool(window), source) = (&pooled.operator, pooled.inputs[0]) else {
            return Ok(self.places[node.inputs[0].0]);
        };
        let operator = Operator::Unpool(*window);
        self.emit(&node.name, operator, vec![self.places[node.inputs[0].0], source], node.shape)
    }

    /// Factor and addend of each channel that give what arrives variance about 1 and mean about 0: a batch normalisation with
    /// seeded gamma and beta. Without `shifted` only the factor. A channel that hardly varies is held to a quarter of the
    /// layer's deviation, so that a dead one is not blown up.
    ///
    /// Before a non-linearity beta is about 1. With beta 0 a random normalised net is chaotic: half of each layer's variance goes
    /// into the mean that the next one takes away, so every rounding grows by E[relu'^2] / Var[relu], 1.7 dB, in each layer
    /// (arXiv:1902.08129), and int8 or another order of sums would change the answer beyond what trained nets show. With
    /// beta 1 it is 0.5 dB.
    fn level(&self, id: NodeId, node: &Node, raw: &[Tensor], shape: Shape, shifted: bool) -> (Vec<f32>, Vec<f32>) {
        let moments: Vec<(f64, f64)> = (0..shape[0]).into_par_iter().map(|channel| moments_of(raw, channel, shape)).collect();
        let floor = 0.06 * moments.iter().map(|(_, variance)| variance).sum::<f64>() / shape[0] as f64 + 1e-12;
        let gamma = self.draws.uniform(&node.name, "gamma", shape[0], 0.8, 1.2);
        let centre = if self.is_activated(id) { 1.0 } else { 0.0 };
        let beta = self.draws.uniform(&node.name, "beta", shape[0], centre - 0.4, centre + 0.4);
        let factors = moments.iter().zip(&gamma).map(|((_, variance), gamma)| gamma / variance.max(floor).sqrt() as f32);
        let factors: Vec<f32> = factors.collect();
        let addends = moments.iter().zip(&factors).zip(&beta);
        let addends =
            addends.map(|(((mean, _), factor), beta)| if shifted { beta - *mean as f32 * factor } else { 0.0 }).collect();
        (factors, addends)
    }

    fn run(
        &self,
        name: &str,
        operator: Operator,
        inputs: &[usize],
        shape: Shape,
    ) -> Result<(Vec<Tensor>, Operator), ExecuteError> {
        let shapes: Vec<Shape> = inputs.iter().map(|&input| self.program.nodes[input].shape).collect();
        let node = program::Node { name: name.into(), operator, inputs: inputs.to_vec(), shape };
        let picture = |index: usize| {
            let tensors: Vec<&Tensor> = match node.operator {
                Operator::Input => vec![&self.pictures[index]],
                _ => inputs.iter().map(|&input| &self.values[input][index]).collect(),
            };
            compute(&node, &tensors, &shapes)
        };
        let values = (0..self.pictures.len()).into_par_iter().map(picture).collect::<Result<_, _>>()?;
        Ok((values, node.operator))
    }

    /// Runs a node on all pictures and adds it to the program.
    fn emit(&mut self, name: &str, operator: Operator, inputs: Vec<usize>, shape: Shape) -> Result<usize, ExecuteError> {
        let (values, operator) = self.run(name, operator, &inputs, shape)?;
        Ok(self.push(name, operator, inputs, shape, values))
    }

    /// Adds a node whose results are known.
    fn push(&mut self, name: &str, operator: Operator, inputs: Vec<usize>, shape: Shape, values: Vec<Tensor>) -> usize {
        let widen = |[low, high]: [f32; 2], &value: &f32| [low.min(value), high.max(value)];
        self.ranges.push(values.iter().flat_map(reals).fold([f32::INFINITY, f32::NEG_INFINITY], widen));
        self.values.push(values);
        self.program.push(name, operator, inputs, shape)
    }

    /// Drops results that no later layer reads.
    fn forget(&mut self, done: usize) {
        let needed = |id: usize| {
            let folded_later = self.graph.consumers(NodeId(id)).any(|reader| reader.0 > done);
            folded_later || id == self.graph.output().0
        };
        let mut keep = vec![false; self.values.len()];
        for (id, &place) in self.places.iter().enumerate() {
            keep[place] |= needed(id);
            // An unpooling layer reads what its pool read.
            if matches!(self.graph.node(NodeId(id)).op, Op::MaxPool(_)) && needed(id) {
                keep[self.program.nodes[place].inputs[0]] = true;
            }
        }
        for (values, _) in self.values.iter_mut().zip(keep).filter(|(_, keep)| !keep) {
            *values = Vec::new();
        }
    }
}

/// What a layer gives after factor and addend of each channel went into its weights and bias; to the last bits, which ranges
/// and statistics do not depend on.
fn affine(raw: &Tensor, shape: Shape, scale: &[f32], shift: &[f32]) -> Tensor {
    let plane = shape[1] * shape[2];
    let channels = reals(raw).chunks_exact(plane).zip(scale.iter().zip(shift));
    Tensor::F32(channels.flat_map(|(part, (scale, shift))| part.iter().map(move |value| value * scale + shift)).collect())
}

fn reals(value: &Tensor) -> &Vec<f32> {
    static NONE: Vec<f32> = Vec::new();
    match value {
        Tensor::F32(values) => values,
        Tensor::U8(_) => &NONE,
    }
}

/// Mean and variance of one channel over all pictures.
fn moments_of(raw: &[Tensor], channel: usize, shape: Shape) -> (f64, f64) {
    let plane = shape[1] * shape[2];
    let all = raw.iter().flat_map(|value| &reals(value)[channel * plane..][..plane]);
    moments(&all.map(|&value| f64::from(value)).collect::<Vec<f64>>())
}

/// Mean and variance, in the order of the values.
fn moments(values: &[f64]) -> (f64, f64) {
    let count = values.len().max(1) as f64;
    let mean = values.iter().sum::<f64>() / count;
    (mean, values.iter().map(|value| (value - mean) * (value - mean)).sum::<f64>() / count)
}
