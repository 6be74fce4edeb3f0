//! Inputs made from a seed, bit for bit the same on every machine, and the comparison of outputs.
//!
//! Only additions and multiplications of f32 and integer steps are used: both are exact in IEEE 754 on every target,
//! so that no reference input has to be shipped.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use serde::{Deserialize, Serialize};

/// How an input tensor is made.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum InputGenerator {
    /// Smooth random pictures with grain, for N x C x H x W; values lie within about -2 to 2, like normalised photographs.
    Image {
        /// Seed.
        seed: u64,
    },
    /// Independent values, evenly spread over `low..high`; integer tensors get them truncated.
    Uniform {
        /// Seed.
        seed: u64,
        /// Lowest value.
        low: f32,
        /// Bound above.
        high: f32,
    },
}

impl InputGenerator {
    /// The tensor's values in row-major order. An image needs at least two dimensions; fewer count as one row.
    pub fn generate(&self, shape: &[usize]) -> Vec<f32> {
        match *self {
            Self::Image { seed } => image(seed, shape),
            Self::Uniform { seed, low, high } => {
                let mut rng = ChaCha8Rng::seed_from_u64(seed);
                let count = shape.iter().product();
                std::iter::repeat_with(|| low + (high - low) * unit(&mut rng)).take(count).collect()
            }
        }
    }
}

/// Evenly spread over 0..1 with 24 bits, so that every value is an exact f32.
pub fn unit(rng: &mut ChaCha8Rng) -> f32 {
    (rng.next_u32() >> 8) as f32 / 16_777_216.0
}

/// Cells of the coarse grid along each side of a picture.
const GRID: usize = 8;

fn image(seed: u64, shape: &[usize]) -> Vec<f32> {
    let (height, width) = match shape {
        [.., height, width] => (*height, *width),
        [width] => (1, *width),
        [] => (1, 1),
    };
    let planes: usize = shape.iter().rev().skip(2).product();
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut values = Vec::with_capacity(planes * height * width);
    for _ in 0..planes {
        let grid: Vec<f32> = std::iter::repeat_with(|| unit(&mut rng) * 3.0 - 1.5).take((GRID + 1) * (GRID + 1)).collect();
        let at = |row: usize, column: usize| grid[row * (GRID + 1) + column];
        for y in 0..height {
            let (top, down) = cell(y, height);
            for x in 0..width {
                let (left, right) = cell(x, width);
                let above = at(top, left) + (at(top, left + 1) - at(top, left)) * right;
                let below = at(top + 1, left) + (at(top + 1, left + 1) - at(top + 1, left)) * right;
                let grain = unit(&mut rng) - 0.5;
                values.push(above + (below - above) * down + grain);
            }
        }
    }
    values
}

/// The coarse cell in which a pixel lies, and how far into it, 0 to 1.
fn cell(position: usize, length: usize) -> (usize, f32) {
    let scaled = position * GRID;
    ((scaled / length).min(GRID - 1), (scaled % length) as f32 / length as f32)
}

/// How far outputs may be from the reference.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Tolerance {
    /// Largest allowed |a - r| over the largest |r|.
    pub max_relative_error: f32,
    /// Lowest allowed cosine between outputs and reference.
    pub min_cosine: f32,
}

impl Tolerance {
    /// fp32 models: engines sum in other orders, so bits differ, digits do not.
    pub const FP32: Self = Self { max_relative_error: 1e-3, min_cosine: 0.9999 };
}

/// Outputs against the reference.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Comparison {
    /// Largest |a - r| over the largest |r|; infinite JSON-null when anything is not finite or lengths differ.
    pub max_relative_error: f32,
    /// Cosine of the angle between them.
    pub cosine: f32,
    /// Whether both bounds are kept.
    pub within: bool,
}

/// Compares outputs with the reference. Lengths that differ, or values that are not finite, are never within.
pub fn compare(actual: &[f32], reference: &[f32], tolerance: Tolerance) -> Comparison {
    let finite = actual.iter().chain(reference).all(|value| value.is_finite());
    if actual.len() != reference.len() || reference.is_empty() || !finite {
        return Comparison { max_relative_error: f32::MAX, cosine: 0.0, within: false };
    }
    let (mut largest, mut error) = (0.0f64, 0.0f64);
    let (mut dot, mut norm_actual, mut norm_reference) = (0.0f64, 0.0f64, 0.0f64);
    for (&a, &r) in actual.iter().zip(reference) {
        let (a, r) = (f64::from(a), f64::from(r));
        largest = largest.max(r.abs());
        error = error.max((a - r).abs());
        dot += a * r;
        norm_actual += a * a;
        norm_reference += r * r;
    }
    let relative = if error == 0.0 { 0.0 } else { error / largest.max(f64::MIN_POSITIVE) };
    let norms = (norm_actual * norm_reference).sqrt();
    let cosine = if norms > 0.0 {
        dot / norms
    } else if norm_actual == norm_reference {
        1.0
    } else {
        0.0
    };
    let (max_relative_error, cosine) = (relative.min(f64::from(f32::MAX)) as f32, cosine as f32);
    let within = max_relative_error <= tolerance.max_relative_error && cosine >= tolerance.min_cosine;
    Comparison { max_relative_error, cosine, within }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::ArtifactId;

    fn digest(values: &[f32]) -> String {
        let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        ArtifactId::of(&bytes).short()
    }

    #[test]
    fn generated_inputs_never_change() {
        let image = InputGenerator::Image { seed: 7 }.generate(&[1, 3, 20, 30]);
        assert_eq!(image.len(), 1800);
        assert!(image.iter().all(|value| value.abs() <= 2.0));
        let uniform = InputGenerator::Uniform { seed: 7, low: -1.0, high: 1.0 }.generate(&[10]);
        insta::assert_snapshot!(format!("{} {}", digest(&image), digest(&uniform)), @"2221ac34bc2a b473dca6cfb9");
    }

    #[test]
    fn outputs_that_are_not_finite_or_of_another_length_never_match() {
        let reference = [1.0, 2.0];
        assert!(compare(&[1.0, 2.0], &reference, Tolerance::FP32).within);
        assert!(!compare(&[1.0, f32::NAN], &reference, Tolerance::FP32).within);
        assert!(!compare(&[1.0], &reference, Tolerance::FP32).within);
        assert!(!compare(&[], &[], Tolerance::FP32).within);
        assert!(!compare(&[1.0, 2.1], &reference, Tolerance::FP32).within);
        assert!(!compare(&[0.0, 0.0], &reference, Tolerance::FP32).within);
    }
}
