//! Static post-training quantisation after Jacob et al., arXiv:1712.05877, in the one form that is integer on every engine
//! that has integer kernels.
//!
//! - Activations are uint8 with a scale and zero point for each tensor, from the lowest and highest value over the calibration
//!   pictures; weights are int8 in -127..=127 without zero point; bias is int32.
//! - Dense convolutions and classifiers (as a convolution over the whole picture) are `QLinearConv` with one weight scale.
//! - Grouped and depthwise convolutions are `DequantizeLinear`, `Conv`, `QuantizeLinear` with a scale for each channel: engines
//!   without an integer depthwise kernel stay fast, the others fuse the three.
//! - A Relu is the lower end of the range of the layer before it. Max pool, concatenation, shuffle and slices work on codes, so
//!   all their inputs share one code. Sums, averages and the rest are dequantised, computed and quantised again.

use crate::program::{Affine, Filter, Operator, Program, QuantisedFilter};

/// The int8 program of an fp32 program; `ranges` as [`settle`](crate::settle::settle) gives them.
pub fn quantise(program: &Program, ranges: &[[f32; 2]]) -> Program {
    let codes = shared_codes(program, ranges);
    let count = program.nodes.len();
    let mut pass = Pass { source: program, codes, target: Program::default(), real: vec![None; count], coded: vec![None; count] };
    for index in 0..count {
        pass.node(index);
    }
    let last = count - 1;
    let real = pass.real(last);
    let shape = program.nodes[last].shape;
    let ends_flat = matches!(pass.source.nodes[last].operator, Operator::Gemm { .. } | Operator::Flatten);
    let is_flat = matches!(pass.target.nodes[real].operator, Operator::Flatten);
    if ends_flat && !is_flat {
        pass.target.push("output", Operator::Flatten, vec![real], shape);
    }
    pass.target
}

/// The code of each tensor: those that only move values between them share one that covers them all.
fn shared_codes(program: &Program, ranges: &[[f32; 2]]) -> Vec<Affine> {
    let mut leader: Vec<usize> = (0..program.nodes.len()).collect();
    for (index, node) in program.nodes.iter().enumerate().filter(|(_, node)| moves_codes(&node.operator)) {
        for &input in &node.inputs {
            let (from, to) = (leader[index], leader[input]);
            leader.iter_mut().filter(|leader| **leader == from).for_each(|leader| *leader = to);
        }
    }
    let mut joint = vec![[0.0f32; 2]; program.nodes.len()];
    for (&leader, range) in leader.iter().zip(ranges) {
        joint[leader] = [joint[leader][0].min(range[0]), joint[leader][1].max(range[1])];
    }
    leader.iter().map(|&leader| code_of(joint[leader])).collect()
}

fn moves_codes(operator: &Operator) -> bool {
    matches!(
        operator,
        Operator::MaxPool(_)
            | Operator::Concat
            | Operator::Shuffle(_)
            | Operator::Slice(..)
            | Operator::Crop(_)
            | Operator::Flatten
    )
}

/// Scale and zero point that cover the range; zero has a code of its own (arXiv:1712.05877 section 2.1).
fn code_of([low, high]: [f32; 2]) -> Affine {
    let scale = (high - low) / 255.0;
    if scale < f32::MIN_POSITIVE {
        return Affine { scale: 1.0, zero_point: 0 };
    }
    Affine { scale, zero_point: (-low / scale + 0.5).clamp(0.0, 255.0) as u8 }
}

struct Pass<'a> {
    source: &'a Program,
    codes: Vec<Affine>,
    target: Program,
    /// Target node with the real values of a source node.
    real: Vec<Option<usize>>,
    /// Target node with its codes.
    coded: Vec<Option<usize>>,
}

impl Pass<'_> {
    fn node(&mut self, index: usize) {
        let node = &self.source.nodes[index];
        let input = node.inputs.first().copied().unwrap_or(0);
        match &node.operator {
            Operator::Conv { window, groups: 1, filter: Filter::Float { weights, bias } } => {
                self.integer_convolution(index, input, *window, weights, bias);
            }
            Operator::Gemm { weights, bias } => {
                let picture = self.before_flatten(input);
                let shape = self.source.nodes[picture].shape;
                let window = crate::window::Window { kernel: [shape[1], shape[2]], ..crate::window::Window::square(1) };
                self.integer_convolution(index, picture, window, weights, bias);
            }
            Operator::Conv { window, groups, filter: Filter::Float { weights, bias } } => {
                let from = self.real(input);
                let input_scale = self.codes[input].scale;
                let filter = Filter::Dequantised { filter: quantise_filter(weights, bias, input_scale, true), input_scale };
                self.compute(index, Operator::Conv { window: *window, groups: *groups, filter }, vec![from]);
            }
            Operator::ConvTranspose { window, extra, filter: Filter::Float { weights, bias } } => {
                // ONNX has no integer form of it, so weights are int8 in the file and an engine may fuse them.
                let from = self.real(input);
                let input_scale = self.codes[input].scale;
                let filter = Filter::Dequantised { filter: quantise_filter(weights, bias, input_scale, false), input_scale };
                self.compute(index, Operator::ConvTranspose { window: *window, extra: *extra, filter }, vec![from]);
            }
            Operator::HardSigmoid if self.readers(index).all(|reader| self.source.nodes[reader].operator == Operator::Mul) => {
                // A gate is multiplied where it is: its codes would only add noise and two operators.
                let from = self.real(input);
                self.real[index] = Some(self.target.push(&node.name, Operator::HardSigmoid, vec![from], node.shape));
            }
            Operator::Relu | Operator::Clip6 if self.carrier(index).is_some() => {
                // The layer before has already written this one's codes.
                (self.real[index], self.coded[index]) = (self.real[input], self.coded[input]);
            }
            Operator::Flatten if self.leads_to_classifier(index) => {}
            operator if moves_codes(operator) && !self.is_terminal(input) => {
                let inputs = node.inputs.iter().map(|&input| self.coded(input)).collect();
                self.coded[index] = Some(self.target.push(&node.name, operator.clone(), inputs, node.shape));
            }
            operator => {
                let inputs = node.inputs.iter().map(|&input| self.real(input)).collect();
                self.compute(index, operator.clone(), inputs);
            }
        }
    }

    /// The tensor whose code a layer writes: its activation's where that is the only reader and the code starts at zero.
    fn written(&self, index: usize) -> usize {
        let readers: Vec<usize> = self.readers(index).collect();
        match readers[..] {
            [reader] if self.carrier(reader) == Some(index) => reader,
            _ => index,
        }
    }

    /// The layer into whose range an activation is folded, if it can be.
    fn carrier(&self, activation: usize) -> Option<usize> {
        let node = &self.source.nodes[activation];
        let input = *node.inputs.first()?;
        let code = self.codes[activation];
        let top = f32::from(255 - code.zero_point) * code.scale;
        let range_clips = match node.operator {
            Operator::Relu => code.zero_point == 0,
            Operator::Clip6 => code.zero_point == 0 && top <= 6.001,
            _ => false,
        };
        let writes = !moves_codes(&self.source.nodes[input].operator) && self.source.nodes[input].operator != Operator::Input;
        (range_clips && writes && self.readers(input).count() == 1 && !self.is_terminal(activation)).then_some(input)
    }

    fn readers(&self, index: usize) -> impl Iterator<Item = usize> + '_ {
        self.source.nodes.iter().enumerate().filter(move |(_, node)| node.inputs.contains(&index)).map(|(reader, _)| reader)
    }

    /// Whether nothing but flattening lies between a tensor and the output, so that its reals are the answer.
    fn is_terminal(&self, index: usize) -> bool {
        self.readers(index).all(|reader| self.source.nodes[reader].operator == Operator::Flatten && self.is_terminal(reader))
    }

    fn leads_to_classifier(&self, flatten: usize) -> bool {
        self.readers(flatten).any(|reader| matches!(self.source.nodes[reader].operator, Operator::Gemm { .. }))
    }

    fn before_flatten(&self, index: usize) -> usize {
        let node = &self.source.nodes[index];
        if node.operator == Operator::Flatten { node.inputs[0] } else { index }
    }

    fn integer_convolution(&mut self, index: usize, input: usize, window: crate::window::Window, weights: &[f32], bias: &[f32]) {
        let from = self.coded(input);
        let written = self.written(index);
        let (input, output) = (self.codes[input], self.codes[written]);
        let filter = quantise_filter(weights, bias, input.scale, false);
        let node = &self.source.nodes[index];
        let operator = Operator::QLinearConv { window, groups: 1, filter, input, output };
        self.coded[index] = Some(self.target.push(&node.name, operator, vec![from], node.shape));
    }

    /// A node on reals; its codes are written after it unless its reals are the answer.
    fn compute(&mut self, index: usize, operator: Operator, inputs: Vec<usize>) {
        let node = &self.source.nodes[index];
        let result = self.target.push(&node.name, operator, inputs, node.shape);
        if self.is_terminal(index) {
            self.real[index] = Some(result);
            return;
        }
        let code = self.codes[self.written(index)];
        let name = format!("{}/quantised", node.name);
        self.coded[index] = Some(self.target.push(name, Operator::QuantizeLinear(code), vec![result], node.shape));
    }

    fn coded(&mut self, index: usize) -> usize {
        // Every node but a terminal one has its codes; the codes of a terminal one are asked by nobody.
        self.coded[index].or(self.real[index]).unwrap_or(0)
    }

    fn real(&mut self, index: usize) -> usize {
        if let Some(real) = self.real[index] {
            return real;
        }
        let coded = self.coded(index);
        let node = &self.source.nodes[index];
        let real = self.target.push(
            format!("{}/real", node.name),
            Operator::DequantizeLinear(self.codes[index]),
            vec![coded],
            node.shape,
        );
        self.real[index] = Some(real);
        real
    }
}

/// Weights to -127..=127 without zero point, one scale or one for each output; bias in units of both scales.
fn quantise_filter(weights: &[f32], bias: &[f32], input_scale: f32, per_channel: bool) -> QuantisedFilter {
    let part = if per_channel { weights.len() / bias.len() } else { weights.len() };
    let scale = |weights: &[f32]| {
        let largest = weights.iter().fold(0.0f32, |largest, weight| largest.max(weight.abs()));
        if largest > 0.0 { largest / 127.0 } else { 1.0 }
    };
    let scales: Vec<f32> = weights.chunks_exact(part).map(scale).collect();
    let code = |(at, weight): (usize, &f32)| (weight / scales[at / part]).round_ties_even().clamp(-127.0, 127.0) as i8;
    let integers = weights.iter().enumerate().map(code).collect();
    let mut filter = QuantisedFilter { weights: integers, scales, bias: Vec::new() };
    // Half the range is left to the sums, so that no engine overflows.
    const LIMIT: f64 = 1_073_741_824.0;
    let unit = |channel: usize| f64::from(input_scale * filter.scale(channel));
    filter.bias = bias
        .iter()
        .enumerate()
        .map(|(at, &bias)| (f64::from(bias) / unit(at)).round_ties_even().clamp(-LIMIT, LIMIT) as i32)
        .collect();
    filter
}
