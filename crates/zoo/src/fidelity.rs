//! The seeded pictures of a model, and how close its int8 net stays to its fp32 net on those that neither was calibrated on.
//!
//! The calibration pictures are the classes of the classifier ([`settle`](crate::settle)), so an unseen picture is one of
//! them mixed with a new one: some plainly of their class, some hardly. The first class then changes where it would in a trained
//! net, on pictures between two classes.

use rayon::prelude::*;

use benchrack_protocol::model::Fidelity;
use benchrack_protocol::tensor::InputGenerator;

use crate::execute::{ExecuteError, outputs};
use crate::program::Program;

/// Pictures that statistics and ranges come from.
const CALIBRATION_PICTURES: u64 = 8;
/// Multiply-adds that the comparison of one model may take in each precision.
const BUDGET: u64 = 8_000_000_000;

/// Pictures for a net of so many multiply-adds: as many as the budget allows, between 8 and 64.
pub(crate) fn pictures(macs: u64) -> u64 {
    (BUDGET / macs.max(1)).clamp(8, 64)
}

/// The pictures that statistics, ranges and classes come from.
pub(crate) fn calibration(shape: &[usize], seed: u64) -> Vec<Vec<f32>> {
    draw(shape, seed, 1, CALIBRATION_PICTURES)
}

/// Pictures that were not calibrated on, each mixed with a class, whose share of the variance goes from a third to all.
pub(crate) fn unseen(classes: &[Vec<f32>], shape: &[usize], seed: u64, count: u64) -> Vec<Vec<f32>> {
    mix(classes, draw(shape, seed, 2, count))
}

/// A multiple of a prime keeps the pictures of the purposes apart for all small seeds.
fn draw(shape: &[usize], seed: u64, purpose: u64, count: u64) -> Vec<Vec<f32>> {
    let first = seed.wrapping_mul(1_000_003).wrapping_add(purpose * 1000);
    let picture = |number| InputGenerator::Image { seed: first.wrapping_add(number) }.generate(shape);
    (0..count).into_par_iter().map(picture).collect()
}

fn mix(classes: &[Vec<f32>], mut new: Vec<Vec<f32>>) -> Vec<Vec<f32>> {
    let count = new.len() as f32;
    for (number, (picture, class)) in new.iter_mut().zip(classes.iter().cycle()).enumerate() {
        let share = (1.0 + 2.0 * number as f32 / count) / 3.0;
        let (of_class, of_picture) = (share.sqrt(), (1.0 - share).sqrt());
        picture.iter_mut().zip(class).for_each(|(value, class)| *value = *value * of_picture + class * of_class);
    }
    new
}

/// Compares two programs of one architecture. For a segmentation net every pixel counts as an answer.
pub(crate) fn measure(real: &Program, integer: &Program, pictures: &[Vec<f32>]) -> Result<Fidelity, ExecuteError> {
    let plane = real.nodes.last().map_or(1, |node| node.shape[1] * node.shape[2]);
    let one = |picture: &Vec<f32>| {
        let (real, integer) = (outputs(real, picture)?, outputs(integer, picture)?);
        let square = |value: f64| value * value;
        let signal: f64 = real.iter().map(|&value| square(f64::from(value))).sum();
        let noise: f64 = real.iter().zip(&integer).map(|(&a, &b)| square(f64::from(a) - f64::from(b))).sum();
        let agreed = (0..plane).filter(|&at| first_class(&real, plane, at) == first_class(&integer, plane, at)).count();
        Ok((signal, noise, agreed))
    };
    let parts: Vec<(f64, f64, usize)> = pictures.par_iter().map(one).collect::<Result<_, ExecuteError>>()?;
    let signal: f64 = parts.iter().map(|part| part.0).sum();
    let noise: f64 = parts.iter().map(|part| part.1).sum();
    let agreed: usize = parts.iter().map(|part| part.2).sum();
    let share = agreed as f64 / (parts.len() * plane).max(1) as f64;
    Ok(Fidelity {
        sqnr_db: decibels(signal / noise.max(signal * 1e-12).max(f64::MIN_POSITIVE)),
        top1_agreement: (share * 10_000.0).round() / 10_000.0,
        images: parts.len() as u32,
    })
}

/// Rounded to a hundredth, because the logarithm is the one function here whose last bits may differ between machines.
fn decibels(ratio: f64) -> f64 {
    (ratio.log10() * 1000.0).round() / 100.0
}

/// The class with the highest score at one place; the first of equals.
fn first_class(outputs: &[f32], plane: usize, at: usize) -> usize {
    let score = |class: usize| outputs[class * plane + at];
    (0..outputs.len() / plane).max_by(|&a, &b| score(a).total_cmp(&score(b)).then(b.cmp(&a))).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_class_is_that_of_the_place() {
        let scores = [0.0, 5.0, 1.0, 3.0, 1.0, 9.0];
        assert_eq!((0..2).map(|at| first_class(&scores, 2, at)).collect::<Vec<_>>(), [1, 2]);
        assert_eq!(first_class(&scores, 1, 0), 5);
    }

    #[test]
    fn the_budget_bounds_the_pictures() {
        assert_eq!([15_470_000_000, 570_000_000, 57_000_000].map(pictures), [8, 14, 64]);
    }

    #[test]
    fn mixing_keeps_the_variance_and_ends_near_the_class() {
        let classes = vec![vec![1.0; 4]];
        let mixed = mix(&classes, vec![vec![0.0; 4]; 10]);
        assert!((mixed[0][0] - (1.0f32 / 3.0).sqrt()).abs() < 1e-6);
        assert!(mixed[9][0] > 0.96);
    }
}
