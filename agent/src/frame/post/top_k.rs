//! The classes with the highest scores, and how probable they are.

use crate::frame::FrameError;

/// A class and its probability.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Class {
    /// Its place in the output.
    pub class: usize,
    /// Softmax of its score, 0 to 1.
    pub probability: f32,
}

/// Softmax and top-k over a fixed number of classes.
pub struct TopK {
    classes: usize,
    best: Vec<Class>,
}

impl TopK {
    /// The `k` best of an output; none when its shape is no list of at least `k` scores for one picture.
    pub fn new(k: u32, shape: &[usize]) -> Option<Self> {
        let k = usize::try_from(k).ok().filter(|&k| k > 0)?;
        // A classifier by global pooling gives 1 x classes x 1 x 1.
        let classes = shape.iter().product();
        let longest = shape.iter().copied().max()?;
        (classes == longest && classes >= k).then(|| Self { classes, best: vec![Class { class: 0, probability: 0.0 }; k] })
    }

    /// The best classes of an output, of equal ones the first.
    ///
    /// Softmax with the highest score taken off each (Goodfellow, Bengio, Courville: Deep Learning, section 4.1), so that no
    /// exponential is too large for f32.
    pub fn classes(&mut self, scores: &[f32]) -> Result<&[Class], FrameError> {
        assert_eq!(scores.len(), self.classes, "scores of the output");
        // Insertion keeps the k best in order; hardly any score gets past the first comparison.
        let mut found = 0;
        for (class, &score) in scores.iter().enumerate() {
            if !score.is_finite() {
                return Err(FrameError::NotFinite { value: score });
            }
            if found == self.best.len() && score <= self.best[found - 1].probability {
                continue;
            }
            let place = self.best[..found].partition_point(|known| known.probability >= score);
            found = (found + 1).min(self.best.len());
            self.best[place..found].rotate_right(1);
            self.best[place] = Class { class, probability: score };
        }
        let highest = self.best[0].probability;
        let sum: f32 = scores.iter().map(|score| (score - highest).exp()).sum();
        for known in &mut self.best {
            known.probability = (known.probability - highest).exp() / sum;
        }
        Ok(&self.best)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn probabilities_are_those_known_by_hand() {
        let mut top = TopK::new(2, &[1, 3]).unwrap();
        // exp of 0, ln 2 and ln 5: shares of 1, 2 and 5 eighths.
        let best = top.classes(&[2f32.ln() + 90.0, 5f32.ln() + 90.0, 90.0]).unwrap();
        assert_eq!((best[0].class, best[1].class), (1, 0));
        assert!((best[0].probability - 0.625).abs() < 1e-5 && (best[1].probability - 0.25).abs() < 1e-5, "{best:?}");
        assert!(matches!(top.classes(&[0.0, f32::NAN, 1.0]), Err(FrameError::NotFinite { .. })));
    }

    #[test]
    fn only_a_list_of_enough_scores_is_taken() {
        assert!(TopK::new(5, &[1, 5, 1, 1]).is_some() && TopK::new(5, &[5]).is_some());
        for (k, shape) in [(0, [1, 5].as_slice()), (6, &[1, 5]), (1, &[2, 5]), (1, &[1, 3, 4, 4]), (1, &[]), (1, &[1, 0])] {
            assert!(TopK::new(k, shape).is_none(), "{k} {shape:?}");
        }
    }

    proptest! {
        #[test]
        fn the_best_are_those_of_a_stable_sort(scores in prop::collection::vec(-9i8..9, 1..60), k in 1usize..60) {
            let scores: Vec<f32> = scores.into_iter().map(f32::from).collect();
            let k = k.min(scores.len());
            let mut top = TopK::new(u32::try_from(k).unwrap(), &[1, scores.len()]).unwrap();
            let got: Vec<usize> = top.classes(&scores).unwrap().iter().map(|class| class.class).collect();
            let mut sorted: Vec<usize> = (0..scores.len()).collect();
            sorted.sort_by(|&one, &other| scores[other].total_cmp(&scores[one]));
            prop_assert_eq!(got, &sorted[..k]);
        }
    }
}
