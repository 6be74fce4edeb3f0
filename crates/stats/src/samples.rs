//! A checked, sorted set of samples.

/// At least one sample, all finite, in ascending order. The unit is the caller's; estimates come out in the same one.
#[derive(Debug, Clone, PartialEq)]
pub struct Samples {
    sorted: Vec<f64>,
}

/// These values cannot be judged.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum SampleError {
    /// Nothing to judge.
    #[error("no samples: nothing was measured")]
    Empty,
    /// A value that no measurement gives.
    #[error("sample {index} is {value}: samples must be finite numbers")]
    NotFinite {
        /// Place in the values given, from 0.
        index: usize,
        /// The value.
        value: f64,
    },
}

impl Samples {
    /// Takes samples in any order.
    ///
    /// # Errors
    /// When there are none, or one is infinite or not a number.
    pub fn new(values: Vec<f64>) -> Result<Self, SampleError> {
        if values.is_empty() {
            return Err(SampleError::Empty);
        }
        if let Some(index) = values.iter().position(|value| !value.is_finite()) {
            return Err(SampleError::NotFinite { index, value: values[index] });
        }
        Ok(Self::of_finite(values))
    }

    /// Takes values that are known to be finite, at least one.
    pub(crate) fn of_finite(mut values: Vec<f64>) -> Self {
        values.sort_unstable_by(f64::total_cmp);
        Self { sorted: values }
    }

    /// How many, at least one.
    pub fn count(&self) -> usize {
        self.sorted.len()
    }

    /// All, ascending.
    pub fn sorted(&self) -> &[f64] {
        &self.sorted
    }

    /// The smallest.
    pub fn minimum(&self) -> f64 {
        self.sorted[0]
    }

    /// The largest.
    pub fn maximum(&self) -> f64 {
        self.sorted[self.sorted.len() - 1]
    }

    /// Arithmetic mean: to be shown, never judged.
    pub fn mean(&self) -> f64 {
        // Differences from the smallest keep digits when all samples are large and close to each other.
        let origin = self.minimum();
        origin + self.sorted.iter().map(|value| value - origin).sum::<f64>() / self.sorted.len() as f64
    }

    /// The quantile at `share` of the distribution that the samples came from; `share` is held within 0 to 1.
    ///
    /// Linear interpolation at position n·p + (p + 1)/3: definition 8 of Hyndman and Fan, "Sample quantiles in
    /// statistical packages", The American Statistician 50 (1996), the one they recommend, because it is nearly
    /// unbiased in the median whatever the distribution. The median is the usual one.
    pub fn quantile(&self, share: f64) -> f64 {
        let count = self.sorted.len();
        let share = share.clamp(0.0, 1.0);
        let position = count as f64 * share + (share + 1.0) / 3.0;
        let below = position.floor();
        let at = |rank: f64| self.sorted[(rank.max(1.0) as usize).min(count) - 1];
        let (low, high) = (at(below), at(below + 1.0));
        // Equal neighbours must give exactly themselves, and a midpoint must not overflow.
        if low == high { low } else { low + (high - low) * (position - below) }
    }

    /// The middle value.
    pub fn median(&self) -> f64 {
        self.quantile(0.5)
    }

    /// Median of the absolute deviations from the median, not scaled to a standard deviation.
    pub fn mad(&self) -> f64 {
        let middle = self.median();
        Self::of_finite(self.sorted.iter().map(|value| (value - middle).abs()).collect()).median()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn samples(values: &[f64]) -> Samples {
        Samples::new(values.to_vec()).unwrap()
    }

    #[test]
    fn nothing_and_not_a_number_are_refused() {
        assert_eq!(Samples::new(vec![]), Err(SampleError::Empty));
        let error = Samples::new(vec![1.0, f64::INFINITY]).unwrap_err();
        assert_eq!(error.to_string(), "sample 1 is inf: samples must be finite numbers");
        assert!(matches!(Samples::new(vec![f64::NAN]), Err(SampleError::NotFinite { index: 0, .. })));
    }

    /// Worked out by hand: the 0.3 quantile of five is at position 1.5 + 1.3/3, that is 15 + 0.9333 * (20 - 15).
    #[test]
    fn quantiles_follow_definition_eight() {
        let ages = samples(&[50.0, 15.0, 40.0, 20.0, 35.0]);
        let expected = [(0.05, 15.0), (0.3, 19.0 + 2.0 / 3.0), (0.4, 27.0), (0.5, 35.0), (0.9, 50.0), (1.0, 50.0)];
        for (share, quantile) in expected {
            assert!((ages.quantile(share) - quantile).abs() < 1e-9, "{share}: {}", ages.quantile(share));
        }
    }

    #[test]
    fn median_and_deviation_ignore_one_wild_sample() {
        let calm = samples(&[10.0, 11.0, 12.0, 13.0, 14.0]);
        let wild = samples(&[10.0, 11.0, 12.0, 13.0, 1e9]);
        assert_eq!((calm.median(), calm.mad()), (12.0, 1.0));
        assert_eq!((wild.median(), wild.mad()), (12.0, 1.0));
        assert_eq!(calm.mean(), 12.0);
    }

    proptest! {
        #[test]
        fn quantiles_rise_with_the_share_and_stay_within_the_range(
            values in prop::collection::vec(-1e9..1e9f64, 1..50), a in 0.0..1.0f64, b in 0.0..1.0f64,
        ) {
            let samples = samples(&values);
            let (low, high) = (samples.quantile(a.min(b)), samples.quantile(a.max(b)));
            prop_assert!(samples.minimum() <= low && low <= high && high <= samples.maximum());
            prop_assert!(samples.minimum() <= samples.mean() && samples.mean() <= samples.maximum() + 1e-3);
        }
    }
}
