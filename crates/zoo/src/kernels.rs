//! Arithmetic of the reference executor: convolutions and pools on slices.
//!
//! Every sum runs in one fixed order with a separate multiplication and addition (Rust never fuses them by itself), so the
//! bits are the same on every instruction set, with any number of threads and any vector width.
//!
//! Integer convolutions run on the same code: products of uint8 differences and int8 weights are below 2^15, so 512 of them
//! add up exactly in an f32 (24 bits of mantissa); these exact parts are then added as i32.

use std::borrow::Cow;

use rayon::prelude::*;

use crate::graph::{Shape, volume};
use crate::window::Window;

/// Rows and columns of the output that one pass of the inner loop keeps in registers.
const ROWS: usize = 4;
const COLUMNS: usize = 8;
/// Elements of unrolled input that one task works on, so that they stay in the second-level cache.
const BLOCK: usize = 1 << 16;

/// What a sum of products is kept in.
pub(crate) trait Sum: Copy + Default + Send + Sync {
    /// Products that an f32 takes up before it is handed over.
    const RUN: usize;
    /// The sum with a further part.
    fn plus(self, part: f32) -> Self;
}

impl Sum for f32 {
    const RUN: usize = usize::MAX / 64;
    fn plus(self, part: f32) -> Self {
        self + part
    }
}

impl Sum for i32 {
    const RUN: usize = 512;
    fn plus(self, part: f32) -> Self {
        self + part as i32
    }
}

/// Convolution without bias. `weights`: output, input of the group, row, column.
pub(crate) fn convolve<S: Sum>(
    input: &[f32],
    shape: Shape,
    window: &Window,
    groups: usize,
    weights: &[f32],
    output: Shape,
) -> Vec<S> {
    let (padded, padded_shape) = pad(input, shape, window.pad);
    let (inputs, outputs) = (shape[0] / groups, output[0] / groups);
    let plane = output[1] * output[2];
    let mut result = vec![S::default(); volume(output)];
    if inputs == 1 && outputs == 1 && groups > 1 {
        let source = padded_shape[1] * padded_shape[2];
        result.par_chunks_mut(plane).enumerate().for_each(|(channel, result)| {
            let weights = &weights[channel * window.area()..][..window.area()];
            depthwise(&padded[channel * source..][..source], padded_shape[2], window, weights, output[2], result);
        });
        return result;
    }
    let unrolled = Unrolled::new(padded_shape, window, inputs, output);
    let depth = unrolled.taps.len();
    let source = inputs * padded_shape[1] * padded_shape[2];
    result.par_chunks_mut(outputs * plane).enumerate().for_each(|(group, result)| {
        let weights = &weights[group * outputs * depth..][..outputs * depth];
        unrolled.multiply(&padded[group * source..][..source], weights, result);
    });
    result
}

/// The picture with zeros around it.
fn pad(input: &[f32], shape: Shape, [top, left, bottom, right]: [usize; 4]) -> (Cow<'_, [f32]>, Shape) {
    if top + left + bottom + right == 0 {
        return (Cow::Borrowed(input), shape);
    }
    let [channels, height, width] = shape;
    let padded = [channels, height + top + bottom, width + left + right];
    let mut values = vec![0.0; volume(padded)];
    for (index, row) in input.chunks_exact(width).enumerate() {
        let (channel, y) = (index / height, index % height);
        values[(channel * padded[1] + y + top) * padded[2] + left..][..width].copy_from_slice(row);
    }
    (Cow::Owned(values), padded)
}

/// One channel with its own kernel; taps are added in the order of rows, then columns.
fn depthwise<S: Sum>(input: &[f32], width: usize, window: &Window, weights: &[f32], output_width: usize, result: &mut [S]) {
    let mut sums = vec![0.0f32; output_width];
    for (y, result) in result.chunks_exact_mut(output_width).enumerate() {
        sums.fill(0.0);
        for (tap, &weight) in weights.iter().enumerate() {
            let (row, column) = (tap / window.kernel[1] * window.dilation[0], tap % window.kernel[1] * window.dilation[1]);
            let line = &input[(y * window.stride[0] + row) * width + column..];
            if window.stride[1] == 1 {
                sums.iter_mut().zip(line).for_each(|(sum, value)| *sum += weight * value);
            } else {
                sums.iter_mut().zip(line.iter().step_by(window.stride[1])).for_each(|(sum, value)| *sum += weight * value);
            }
        }
        result.iter_mut().zip(&sums).for_each(|(result, &sum)| *result = S::default().plus(sum));
    }
}

/// A convolution as a matrix product: for each output position where its window starts, for each tap how far from there.
struct Unrolled {
    starts: Vec<usize>,
    taps: Vec<usize>,
}

impl Unrolled {
    fn new(padded: Shape, window: &Window, inputs: usize, output: Shape) -> Self {
        let starts = (0..output[1] * output[2]).map(|position| {
            let (y, x) = (position / output[2], position % output[2]);
            y * window.stride[0] * padded[2] + x * window.stride[1]
        });
        let taps = (0..inputs * window.area()).map(|tap| {
            let (channel, tap) = (tap / window.area(), tap % window.area());
            let (row, column) = (tap / window.kernel[1] * window.dilation[0], tap % window.kernel[1] * window.dilation[1]);
            (channel * padded[1] + row) * padded[2] + column
        });
        Self { starts: starts.collect(), taps: taps.collect() }
    }

    /// All outputs of one group.
    fn multiply<S: Sum>(&self, input: &[f32], weights: &[f32], result: &mut [S]) {
        let (depth, plane) = (self.taps.len(), self.starts.len());
        let rows = weights.len() / depth;
        let packed = pack_rows(weights, depth);
        let width = (BLOCK / depth / COLUMNS * COLUMNS).clamp(2 * COLUMNS, 32 * COLUMNS);
        let tiles: Vec<Vec<S>> = self
            .starts
            .par_chunks(width)
            .map(|starts| {
                let panels = self.pack_columns(input, starts);
                let mut tile = vec![S::default(); rows * starts.len()];
                tile.par_chunks_mut(ROWS * starts.len()).zip(packed.par_chunks(ROWS * depth)).for_each(|(tile, weights)| {
                    for (panel, columns) in panels.chunks_exact(COLUMNS * depth).enumerate() {
                        let sums = product::<S>(weights, columns);
                        for (row, sums) in tile.chunks_exact_mut(starts.len()).zip(&sums) {
                            row[panel * COLUMNS..].iter_mut().zip(sums).for_each(|(result, &sum)| *result = sum);
                        }
                    }
                });
                tile
            })
            .collect();
        result.par_chunks_mut(plane).enumerate().for_each(|(row, result)| {
            for (part, tile) in result.chunks_mut(width).zip(&tiles) {
                part.copy_from_slice(&tile[row * part.len()..][..part.len()]);
            }
        });
    }

    /// Values under the windows that start at `starts`: panel of 8 positions, tap, position.
    fn pack_columns(&self, input: &[f32], starts: &[usize]) -> Vec<f32> {
        let mut panels = vec![0.0; starts.len().div_ceil(COLUMNS) * COLUMNS * self.taps.len()];
        for (panel, starts) in panels.chunks_exact_mut(COLUMNS * self.taps.len()).zip(starts.chunks(COLUMNS)) {
            let consecutive = starts.len() == COLUMNS && starts[COLUMNS - 1] - starts[0] == COLUMNS - 1;
            for (line, &tap) in panel.chunks_exact_mut(COLUMNS).zip(&self.taps) {
                if consecutive {
                    line.copy_from_slice(&input[starts[0] + tap..][..COLUMNS]);
                } else {
                    line.iter_mut().zip(starts).for_each(|(value, &start)| *value = input[start + tap]);
                }
            }
        }
        panels
    }
}

/// Weights as block of 4 rows, tap, row.
fn pack_rows(weights: &[f32], depth: usize) -> Vec<f32> {
    let rows = weights.len() / depth;
    let mut packed = vec![0.0; rows.div_ceil(ROWS) * ROWS * depth];
    let blocks = packed.par_chunks_exact_mut(ROWS * depth).zip(weights.par_chunks(ROWS * depth));
    blocks.for_each(|(packed, weights)| {
        for (row, weights) in weights.chunks_exact(depth).enumerate() {
            packed[row..].iter_mut().step_by(ROWS).zip(weights).for_each(|(packed, &weight)| *packed = weight);
        }
    });
    packed
}

/// Four rows of weights times eight columns of input, each sum in the order of the taps.
fn product<S: Sum>(rows: &[f32], columns: &[f32]) -> [[S; COLUMNS]; ROWS] {
    let mut sums = [[S::default(); COLUMNS]; ROWS];
    for (rows, columns) in rows.chunks(ROWS * S::RUN).zip(columns.chunks(COLUMNS * S::RUN)) {
        let mut parts = [[0.0f32; COLUMNS]; ROWS];
        for (rows, columns) in rows.as_chunks::<ROWS>().0.iter().zip(columns.as_chunks::<COLUMNS>().0) {
            for (part, &weight) in parts.iter_mut().zip(rows) {
                for (part, &value) in part.iter_mut().zip(columns) {
                    *part += weight * value;
                }
            }
        }
        for (sums, parts) in sums.iter_mut().zip(&parts) {
            sums.iter_mut().zip(parts).for_each(|(sum, &part)| *sum = sum.plus(part));
        }
    }
    sums
}

/// Transposed convolution without bias. `weights`: input, output, row, column. Each input value scatters its kernel; taps run
/// from last to first, so that what meets in one output comes from the positions of the input in their order.
pub(crate) fn convolve_back(input: &[f32], shape: Shape, window: &Window, weights: &[f32], output: Shape) -> Vec<f32> {
    let [channels, height, width] = shape;
    let [outputs, rows, columns] = output;
    let mut result = vec![0.0f32; volume(output)];
    result.par_chunks_mut(rows * columns).enumerate().for_each(|(channel, result)| {
        for from in 0..channels {
            let source = &input[from * height * width..][..height * width];
            let kernel = &weights[(from * outputs + channel) * window.area()..][..window.area()];
            for (tap, weight) in kernel.iter().enumerate().rev() {
                let (down, right) = (tap / window.kernel[1], tap % window.kernel[1]);
                let first = window.pad[1].saturating_sub(right).div_ceil(window.stride[1]);
                let start = first * window.stride[1] + right - window.pad[1];
                for (y, line) in source.chunks_exact(width).enumerate() {
                    let row = (y * window.stride[0] + down).checked_sub(window.pad[0]).filter(|&row| row < rows);
                    let Some(row) = row.filter(|_| start < columns && first < width) else { continue };
                    let sums = result[row * columns + start..(row + 1) * columns].iter_mut().step_by(window.stride[1]);
                    sums.zip(&line[first..]).for_each(|(sum, value)| *sum += value * weight);
                }
            }
        }
    });
    result
}

/// Product of a matrix (output-major) and a vector: eight interleaved sums, then those from first to last.
pub(crate) fn matrix_vector(weights: &[f32], input: &[f32]) -> Vec<f32> {
    let row = |weights: &[f32]| {
        let mut lanes = [0.0f32; COLUMNS];
        for (weights, values) in weights.chunks(COLUMNS).zip(input.chunks(COLUMNS)) {
            for (lane, (weight, value)) in lanes.iter_mut().zip(weights.iter().zip(values)) {
                *lane += weight * value;
            }
        }
        lanes.iter().sum()
    };
    weights.par_chunks_exact(input.len()).map(row).collect()
}

/// Visits for each output position of each channel the input positions (within the channel) under its window.
fn windows<T: Send>(
    shape: Shape,
    window: &Window,
    output: Shape,
    fold: impl Fn(usize, &mut dyn Iterator<Item = usize>) -> T + Sync,
) -> Vec<T> {
    let [_, height, width] = shape;
    let per_channel = output[1] * output[2];
    (0..volume(output))
        .into_par_iter()
        .with_min_len(256)
        .map(|index| {
            let (channel, position) = (index / per_channel, index % per_channel);
            let (y, x) = (position / output[2] * window.stride[0], position % output[2] * window.stride[1]);
            let mut taps = (0..window.area()).filter_map(|tap| {
                let row = y + tap / window.kernel[1] * window.dilation[0];
                let column = x + tap % window.kernel[1] * window.dilation[1];
                let row = row.checked_sub(window.pad[0]).filter(|&row| row < height)?;
                let column = column.checked_sub(window.pad[1]).filter(|&column| column < width)?;
                Some(row * width + column)
            });
            fold(channel * height * width, &mut taps)
        })
        .collect()
}

/// Positions of the largest values under each window, over the whole tensor; the first of equals, as ONNX's indices.
pub(crate) fn argmax_pool<T: PartialOrd + Copy + Sync>(input: &[T], shape: Shape, window: &Window, output: Shape) -> Vec<usize> {
    windows(shape, window, output, |base, taps| {
        let mut best = base + taps.next().unwrap_or(0);
        for tap in taps {
            if input[base + tap] > input[best] {
                best = base + tap;
            }
        }
        best
    })
}

/// Mean under each window.
pub(crate) fn average_pool(input: &[f32], shape: Shape, window: &Window, count_padding: bool, output: Shape) -> Vec<f32> {
    windows(shape, window, output, |base, taps| {
        let (mut sum, mut count) = (0.0f32, 0usize);
        for tap in taps {
            sum += input[base + tap];
            count += 1;
        }
        sum / if count_padding { window.area() } else { count.max(1) } as f32
    })
}

/// Mean of each channel.
pub(crate) fn channel_means(input: &[f32], shape: Shape) -> Vec<f32> {
    let plane = shape[1] * shape[2];
    input.chunks_exact(plane).map(|channel| channel.iter().sum::<f32>() / plane as f32).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn transposed_convolution_is_the_adjoint_of_convolution() {
        // For all x and y: conv(x) . y = x . transposed(y). Small integers make both sides exact.
        let (window, picture, features) = (Window { stride: [2, 2], pad: [1; 4], ..Window::square(3) }, [2, 5, 6], [3, 3, 3]);
        let numbers = |count: usize, step: usize| (0..count).map(|at| ((at * step) % 11) as f32 - 5.0).collect::<Vec<f32>>();
        let (x, y, weights) = (numbers(60, 7), numbers(27, 5), numbers(54, 3));
        let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f32>();
        let forward: Vec<f32> = convolve(&x, picture, &window, 1, &weights, features);
        let back = convolve_back(&y, features, &window, &weights, picture);
        assert_eq!(dot(&forward, &y), dot(&x, &back));
        assert!(dot(&forward, &y).abs() > 100.0, "the test would say nothing of zeros");
    }
}
