//! The density of a series' noise, learnt from some of its points.

use serde::{Deserialize, Serialize};

use crate::samples::Samples;

/// Places at which the density is kept.
const GRID: usize = 128;

/// A density on a grid, as logarithms.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Density {
    start: f64,
    width: f64,
    logs: Vec<f64>,
}

impl Density {
    /// Normal kernels over the points (Silverman, "Density estimation for statistics and data analysis", 1986, §3.4), and a
    /// little of a broad normal density, so that what was never seen is unlikely and not impossible.
    ///
    /// The points are first shared out to the places on both sides of each (Wand, "Fast computation of multivariate kernel
    /// estimators", Journal of Computational and Graphical Statistics 3 (1994)), so that the kernel is computed once.
    pub(super) fn of(points: &[f64], step: f64) -> Self {
        const BROAD: f64 = 0.05;
        let samples = Samples::of_finite(points.to_vec());
        let quartiles = (samples.quantile(0.75) - samples.quantile(0.25)) / 1.349;
        let mean = samples.mean();
        let deviation = (points.iter().map(|point| (point - mean).powi(2)).sum::<f64>() / points.len() as f64).sqrt();
        let spread = if quartiles > 0.0 { quartiles.min(deviation) } else { deviation }.max(step / 100.0);
        let kernel = 0.9 * spread * (points.len() as f64).powf(-0.2);
        // Kernels widen what they smooth; the points are drawn together by as much (Jones, "On correcting for variance
        // inflation in kernel density estimation", Computational Statistics & Data Analysis 11 (1991)).
        let narrower = 1.0 / (1.0 + (kernel / spread).powi(2)).sqrt();
        let (middle, broad) = (samples.median(), 2.0 * spread);
        // One wild point must not stretch the grid.
        let reach = 8.0 * spread + step;
        let start = samples.minimum().max(middle - reach) - step - 4.0 * kernel;
        let end = samples.maximum().min(middle + reach) + step + 4.0 * kernel;
        let width = (end - start) / (GRID - 1) as f64;
        let normal = |distance: f64, deviation: f64| (-0.5 * (distance / deviation).powi(2)).exp() / deviation;
        let shares = shares(points.iter().map(|point| (middle + (point - middle) * narrower - start) / width));
        let far = ((4.0 * kernel / width).ceil() as usize).min(GRID - 1);
        let kernels: Vec<f64> = (0..=2 * far).map(|place| normal(width * place.abs_diff(far) as f64, kernel)).collect();
        let log = |nth: usize| {
            let at = start + width * nth as f64;
            let (low, high) = (nth.saturating_sub(far), (nth + far).min(GRID - 1));
            let near = shares[low..=high].iter().zip(&kernels[far + low - nth..]).map(|(share, kernel)| share * kernel);
            let kernels = near.sum::<f64>() / points.len() as f64;
            // A floor, because the logarithm of zero would be certainty.
            ((1.0 - BROAD) * kernels + BROAD * normal(at - middle, broad) + 1e-6 / spread).ln()
        };
        Self { start, width, logs: (0..GRID).map(log).collect() }
    }

    /// The logarithm of the density, up to a constant; at the ends it goes on as it is.
    pub(super) fn log(&self, at: f64) -> f64 {
        // Not [`GRID`]: one that was stored may have had more places.
        let last = self.logs.len().saturating_sub(1);
        let place = ((at - self.start) / self.width).clamp(0.0, last as f64);
        let left = (place as usize).min(last.saturating_sub(1));
        let share = place - left as f64;
        self.logs[left] + (self.logs[left + 1] - self.logs[left]) * share
    }
}

/// Points at these places of the grid, each shared by the two next to it; what lies outside counts for none.
fn shares(places: impl Iterator<Item = f64>) -> Vec<f64> {
    let mut shares = vec![0.0; GRID];
    for place in places.filter(|place| (0.0..=(GRID - 1) as f64).contains(place)) {
        let left = (place as usize).min(GRID - 2);
        let right = place - left as f64;
        shares[left] += 1.0 - right;
        shares[left + 1] += right;
    }
    shares
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_density_of_normal_points_is_nearly_normal() {
        // The normal quantiles of 255 evenly spread shares, by a logistic curve that is within 2 % of them.
        let points: Vec<f64> = (1..256).map(|nth| f64::from(nth) / 256.0).map(|p| 0.03 * (p / (1.0 - p)).ln() / 1.702).collect();
        let density = Density::of(&points, 0.05);
        for deviations in [0.5, 1.0, 1.5, 2.0f64] {
            let falls = density.log(0.0) - density.log(0.03 * deviations);
            assert!((falls - 0.5 * deviations.powi(2)).abs() < 0.15 * deviations, "{deviations}: {falls}");
            assert!((density.log(0.03 * deviations) - density.log(-0.03 * deviations)).abs() < 0.05);
        }
    }

    #[test]
    fn one_wild_point_stretches_nothing_and_is_not_impossible() {
        let mut points: Vec<f64> = (0..200).map(|nth| 0.01 * (f64::from(nth * 37 % 101) / 50.0 - 1.0)).collect();
        let calm = Density::of(&points, 0.05);
        points.push(1e6);
        let wild = Density::of(&points, 0.05);
        assert!((calm.log(0.0) - wild.log(0.0)).abs() < 0.1);
        assert!(wild.log(1e6).is_finite());
    }
}
