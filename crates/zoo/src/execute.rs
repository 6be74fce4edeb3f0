//! The reference executor: runs fp32 and int8 programs and gives the outputs that engines are checked against.
//!
//! It is our own because a reference must not depend on an engine that it checks, and must have the same bits on every
//! machine, which no fast engine promises. It follows the ONNX operator texts, not any engine: rounding is half to even,
//! `QLinearConv` sums are exact integers, and the requantisation multiplies by one f32 factor.

use std::borrow::Cow;

use rayon::prelude::*;

use crate::graph::{Shape, volume};
use crate::kernels;
use crate::program::{Affine, Filter, Node, Operator, Program, QuantisedFilter};

/// Slope of the hard sigmoid, a sixth, as the file gives it.
pub(crate) const HARD_SIGMOID_SLOPE: f32 = 1.0 / 6.0;

/// A tensor of one picture.
#[derive(Debug, Clone, PartialEq)]
pub enum Tensor {
    /// Real numbers.
    F32(Vec<f32>),
    /// Codes.
    U8(Vec<u8>),
}

/// A node found a tensor of the other element type: the program was not made by this crate's own passes.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("node '{node}' wants {wanted} but reads the other element type")]
pub struct ExecuteError {
    node: String,
    wanted: &'static str,
}

/// Runs the program on one picture and gives the values of its last node.
///
/// `observe` sees every node's number and result as soon as it is known.
///
/// # Errors
/// A node reads a tensor of an element type that it cannot take.
pub fn run(program: &Program, input: &[f32], observe: &mut dyn FnMut(usize, &Tensor)) -> Result<Tensor, ExecuteError> {
    let last = program.last_uses();
    let mut values: Vec<Option<Tensor>> = vec![None; program.nodes.len()];
    for (index, node) in program.nodes.iter().enumerate() {
        let shapes: Vec<Shape> = node.inputs.iter().map(|&input| program.nodes[input].shape).collect();
        let inputs: Vec<&Tensor> = node.inputs.iter().filter_map(|&input| values[input].as_ref()).collect();
        let value = if node.operator == Operator::Input { Tensor::F32(input.to_vec()) } else { compute(node, &inputs, &shapes)? };
        observe(index, &value);
        values[index] = Some(value);
        for &input in node.inputs.iter().filter(|&&input| last[input] == index) {
            values[input] = None;
        }
    }
    Ok(values.pop().flatten().unwrap_or(Tensor::F32(Vec::new())))
}

/// As [`run`], for programs that end in fp32.
///
/// # Errors
/// As [`run`], and when the last node gives codes.
pub fn outputs(program: &Program, input: &[f32]) -> Result<Vec<f32>, ExecuteError> {
    match run(program, input, &mut |_, _| {})? {
        Tensor::F32(values) => Ok(values),
        Tensor::U8(_) => Err(ExecuteError { node: "output".into(), wanted: "fp32" }),
    }
}

/// One node's result.
pub(crate) fn compute(node: &Node, inputs: &[&Tensor], shapes: &[Shape]) -> Result<Tensor, ExecuteError> {
    let real = |at: usize| match inputs.get(at) {
        Some(Tensor::F32(values)) => Ok(values.as_slice()),
        _ => Err(ExecuteError { node: node.name.clone(), wanted: "fp32" }),
    };
    let codes = |at: usize| match inputs.get(at) {
        Some(Tensor::U8(values)) => Ok(values.as_slice()),
        _ => Err(ExecuteError { node: node.name.clone(), wanted: "uint8" }),
    };
    let per_channel = |values: &[f32], f: &(dyn Fn(usize, f32) -> f32 + Sync)| {
        let plane = node.shape[1] * node.shape[2];
        values
            .chunks_exact(plane)
            .enumerate()
            .flat_map(|(channel, part)| part.iter().map(move |&value| f(channel, value)))
            .collect()
    };
    let map = |values: &[f32], f: fn(f32) -> f32| values.iter().map(|&value| f(value)).collect();
    Ok(Tensor::F32(match &node.operator {
        Operator::Input => real(0)?.to_vec(),
        Operator::Conv { window, groups, filter } => {
            let (weights, bias) = real_filter(filter);
            let sums: Vec<f32> = kernels::convolve(real(0)?, shapes[0], window, *groups, &weights, node.shape);
            add_bias(sums, &bias)
        }
        Operator::ConvTranspose { window, filter, .. } => {
            let (weights, bias) = real_filter(filter);
            add_bias(kernels::convolve_back(real(0)?, shapes[0], window, &weights, node.shape), &bias)
        }
        Operator::Gemm { weights, bias } => add_bias(kernels::matrix_vector(weights, real(0)?), bias),
        Operator::BatchNormalization { scale, shift } => {
            per_channel(real(0)?, &|channel, value| value * scale[channel] + shift[channel])
        }
        Operator::Relu => map(real(0)?, relu),
        Operator::Clip6 => map(real(0)?, |value| relu(value).min(6.0)),
        Operator::PRelu { slope } => {
            let slope = *slope;
            real(0)?.iter().map(|&value| if value < 0.0 { value * slope } else { value }).collect()
        }
        Operator::AveragePool { window, count_padding } => {
            kernels::average_pool(real(0)?, shapes[0], window, *count_padding, node.shape)
        }
        Operator::GlobalAveragePool => kernels::channel_means(real(0)?, shapes[0]),
        Operator::Unpool(window) => {
            let places = kernels::argmax_pool(real(1)?, shapes[1], window, shapes[0]);
            let mut result = vec![0.0; volume(node.shape)];
            places.iter().zip(real(0)?).for_each(|(&place, &value)| result[place] = value);
            result
        }
        Operator::Add => real(0)?.iter().zip(real(1)?).map(|(a, b)| a + b).collect(),
        Operator::HardSigmoid => map(real(0)?, |value| (value * HARD_SIGMOID_SLOPE + 0.5).clamp(0.0, 1.0)),
        Operator::Mul if shapes[1] == shapes[0] => real(0)?.iter().zip(real(1)?).map(|(a, b)| a * b).collect(),
        Operator::Mul => {
            let factors = real(1)?;
            per_channel(real(0)?, &|channel, value| value * factors[channel])
        }
        Operator::Shift(by) => shift(real(0)?, node.shape, *by),
        Operator::PadChannels => {
            let mut result = real(0)?.to_vec();
            result.resize(volume(node.shape), 0.0);
            result
        }
        Operator::DequantizeLinear(affine) => codes(0)?.iter().map(|&code| decode(*affine, code)).collect(),
        Operator::QuantizeLinear(affine) => {
            return Ok(Tensor::U8(real(0)?.par_iter().map(|&value| encode(*affine, value)).collect()));
        }
        Operator::QLinearConv { window, groups, filter, input, output } => {
            let offsets: Vec<f32> = codes(0)?.iter().map(|&code| f32::from(code) - f32::from(input.zero_point)).collect();
            let weights: Vec<f32> = filter.weights.iter().map(|&weight| f32::from(weight)).collect();
            let sums: Vec<i32> = kernels::convolve(&offsets, shapes[0], window, *groups, &weights, node.shape);
            return Ok(Tensor::U8(requantise(&sums, filter, *input, *output)));
        }
        Operator::MaxPool(_)
        | Operator::Concat
        | Operator::Shuffle(_)
        | Operator::Slice(..)
        | Operator::Crop(_)
        | Operator::Flatten => {
            return Ok(match inputs.first() {
                Some(Tensor::F32(_)) => {
                    Tensor::F32(rearrange(node, &(0..inputs.len()).map(real).collect::<Result<Vec<_>, _>>()?, shapes))
                }
                _ => Tensor::U8(rearrange(node, &(0..inputs.len()).map(codes).collect::<Result<Vec<_>, _>>()?, shapes)),
            });
        }
    }))
}

/// Operators that only choose or move values, so they work on reals and codes alike.
fn rearrange<T: PartialOrd + Copy + Sync>(node: &Node, inputs: &[&[T]], shapes: &[Shape]) -> Vec<T> {
    let first = inputs[0];
    let plane = node.shape[1] * node.shape[2];
    match &node.operator {
        Operator::MaxPool(window) => {
            kernels::argmax_pool(first, shapes[0], window, node.shape).into_iter().map(|place| first[place]).collect()
        }
        Operator::Shuffle(groups) => {
            let each = node.shape[0] / groups;
            (0..node.shape[0]).flat_map(|to| &first[(to % groups * each + to / groups) * plane..][..plane]).copied().collect()
        }
        Operator::Crop(by) => {
            let [_, height, width] = shapes[0];
            let rows = first.chunks_exact(width).enumerate().filter(|(row, _)| row % height >= *by);
            rows.flat_map(|(_, row)| &row[*by..]).copied().collect()
        }
        Operator::Slice(from, to) => first[from * plane..to * plane].to_vec(),
        _ => inputs.concat(),
    }
}

fn shift(values: &[f32], [channels, height, width]: Shape, by: usize) -> Vec<f32> {
    let mut result = vec![0.0; channels * height * width];
    for row in (0..channels * height).filter(|row| row % height + by < height) {
        result[row * width..][..width - by].copy_from_slice(&values[(row + by) * width + by..][..width - by]);
    }
    result
}

fn relu(value: f32) -> f32 {
    if value > 0.0 { value } else { 0.0 }
}

fn add_bias(mut sums: Vec<f32>, bias: &[f32]) -> Vec<f32> {
    let plane = sums.len() / bias.len();
    for (channel, bias) in sums.chunks_exact_mut(plane).zip(bias) {
        channel.iter_mut().for_each(|value| *value += bias);
    }
    sums
}

/// Weights and bias as the fp32 convolution sees them.
fn real_filter(filter: &Filter) -> (Cow<'_, [f32]>, Cow<'_, [f32]>) {
    match filter {
        Filter::Float { weights, bias } => (weights.into(), bias.into()),
        Filter::Dequantised { filter, input_scale } => {
            let each = filter.weights.len() / filter.bias.len();
            let channels = filter.weights.chunks_exact(each).enumerate();
            let weights: Vec<f32> = channels
                .flat_map(|(at, weights)| weights.iter().map(move |&weight| f32::from(weight) * filter.scale(at)))
                .collect();
            let bias = filter.bias.iter().enumerate().map(|(at, &bias)| bias as f32 * (input_scale * filter.scale(at)));
            (weights.into(), bias.collect())
        }
    }
}

/// Integer sums to output codes.
fn requantise(sums: &[i32], filter: &QuantisedFilter, input: Affine, output: Affine) -> Vec<u8> {
    let plane = sums.len() / filter.bias.len();
    let channel = |(channel, sums): (usize, &[i32])| {
        let factor = input.scale * filter.scale(channel) / output.scale;
        let code = move |&sum: &i32| round_to_code((sum.wrapping_add(filter.bias[channel])) as f32 * factor, output.zero_point);
        sums.iter().map(code).collect::<Vec<u8>>()
    };
    sums.par_chunks_exact(plane).enumerate().map(channel).flatten_iter().collect()
}

/// The code of a real number.
pub(crate) fn encode(affine: Affine, value: f32) -> u8 {
    round_to_code(value / affine.scale, affine.zero_point)
}

/// The real number of a code.
pub(crate) fn decode(affine: Affine, code: u8) -> f32 {
    (f32::from(code) - f32::from(affine.zero_point)) * affine.scale
}

/// Rounds half to even, adds the zero point, saturates. Adding 1.5 x 2^23 leaves no bits for a fraction, so the addition
/// itself rounds to even; library rounding is a function call on x86-64 without SSE4.1.
fn round_to_code(value: f32, zero_point: u8) -> u8 {
    const ROUND: f32 = 12_582_912.0;
    let rounded = (value.clamp(-1024.0, 1024.0) + ROUND) - ROUND;
    (rounded + f32::from(zero_point)).clamp(0.0, 255.0) as u8
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_round_half_to_even_and_saturate() {
        let code = |value: f32| round_to_code(value, 100);
        let rounded: Vec<u8> = [0.5, 1.5, 2.5, -0.5, -1.5, 0.499_999_97, 154.9, 155.5, 1e9, -100.5, -1e9].map(code).to_vec();
        assert_eq!(rounded, [100, 102, 102, 100, 98, 100, 255, 255, 255, 0, 0]);
    }

    #[test]
    fn integer_sums_are_exact_where_one_f32_would_round() {
        let depth = 5000;
        let input: Vec<f32> = (0..depth).map(|at| if at % 3 == 0 { 255.0 } else { 254.0 }).collect();
        let weights: Vec<f32> = (0..depth).map(|at| if at % 7 == 0 { 126.0 } else { 127.0 }).collect();
        let exact: i64 = input.iter().zip(&weights).map(|(&value, &weight)| value as i64 * weight as i64).sum();
        let window = crate::window::Window::square(1);
        let sums: Vec<i32> = kernels::convolve(&input, [depth, 1, 1], &window, 1, &weights, [1, 1, 1]);
        assert_eq!(i64::from(sums[0]), exact);
    }
}
