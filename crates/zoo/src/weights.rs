//! What is done to a layer's random weights: pruning, and classes for the classifier.

/// Sets the smallest `percent` hundredths of the weights to zero.
pub(crate) fn prune(weights: &mut [f32], percent: usize) {
    let count = weights.len() * percent / 100;
    if count == 0 {
        return;
    }
    let mut sizes: Vec<f32> = weights.iter().map(|weight| weight.abs()).collect();
    let (_, largest, _) = sizes.select_nth_unstable_by(count - 1, f32::total_cmp);
    let largest = *largest;
    weights.iter_mut().filter(|weight| weight.abs() <= largest).for_each(|weight| *weight = 0.0);
}

/// Turns the first rows of a classifier into classes, one for each picture: a row points from the mean of all features to that
/// picture's own, and is as long as the random rows.
///
/// All rows of a random classifier answer alike to a picture, so that its first class is decided by rounding; a trained one has
/// been made to tell its classes apart. `features` has for each picture `channels` planes.
pub(crate) fn set_classes(weights: &mut [f32], features: &[&[f32]], channels: usize) {
    let means: Vec<Vec<f64>> = features.iter().map(|values| plane_means(values, channels)).collect();
    let count = features.len().max(1) as f64;
    let centre: Vec<f64> = (0..channels).map(|at| means.iter().map(|mean| mean[at]).sum::<f64>() / count).collect();
    for (row, mean) in weights.chunks_exact_mut(channels).zip(&means) {
        let length = |squares: f64| squares.sqrt();
        let drawn = length(row.iter().map(|&weight| f64::from(weight) * f64::from(weight)).sum());
        let own: Vec<f64> = mean.iter().zip(&centre).map(|(mean, centre)| mean - centre).collect();
        let factor = drawn / length(own.iter().map(|value| value * value).sum());
        if factor.is_finite() {
            row.iter_mut().zip(&own).for_each(|(weight, own)| *weight = (own * factor) as f32);
        }
    }
}

fn plane_means(values: &[f32], channels: usize) -> Vec<f64> {
    let plane = (values.len() / channels.max(1)).max(1);
    let mean = |plane: &[f32]| plane.iter().map(|&value| f64::from(value)).sum::<f64>() / plane.len() as f64;
    values.chunks_exact(plane).map(mean).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pruning_takes_the_smallest_and_leaves_the_rest() {
        let mut weights = [0.5, -0.1, 0.3, -0.7, 0.2, 0.9, -0.4, 0.6, 0.8, 0.05];
        prune(&mut weights, 80);
        assert_eq!(weights, [0.0, 0.0, 0.0, 0.0, 0.0, 0.9, 0.0, 0.0, 0.8, 0.0]);
        prune(&mut weights, 0);
        assert_eq!(weights[5], 0.9);
    }

    #[test]
    fn a_picture_scores_highest_in_its_own_class() {
        let features = [[1.0f32, 5.0, 2.0], [4.0, 5.5, 1.0], [1.0, 4.0, 6.0]];
        let mut weights = [0.3f32; 12];
        set_classes(&mut weights, &features.each_ref().map(|row| row.as_slice()), 3);
        for (picture, values) in features.iter().enumerate() {
            let centre = [2.0, 4.833, 3.0];
            let score = |row: &[f32]| row.iter().zip(values.iter().zip(centre)).map(|(w, (x, c))| w * (x - c)).sum::<f32>();
            let scores: Vec<f32> = weights.chunks_exact(3).take(3).map(score).collect();
            assert!((0..3).all(|class| class == picture || scores[class] < scores[picture]), "{scores:?}");
            let length: f32 = weights[picture * 3..][..3].iter().map(|weight| weight * weight).sum();
            assert!((length - 0.27).abs() < 1e-5, "{length}");
        }
        assert_eq!(weights[9..], [0.3; 3], "rows without a picture stay as drawn");
    }
}
