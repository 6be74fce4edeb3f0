//! Averages of all pairs, without making all pairs.
//!
//! The signed-rank test, its estimate and its interval all are order statistics and counts of the n(n+1)/2 averages
//! (x_i + x_j)/2, i <= j (Walsh, "Some significance tests for the median which are valid under very general
//! conditions", Annals of Mathematical Statistics 20 (1949)). Over sorted values a count takes one pass, and the k-th
//! average is found by halving the range of floating-point numbers, so memory stays linear in n.

/// Sorted finite values whose pairwise averages are asked about.
pub(crate) struct Walsh {
    sorted: Vec<f64>,
}

impl Walsh {
    /// `values` must be finite and not empty.
    pub(crate) fn new(mut values: Vec<f64>) -> Self {
        values.sort_unstable_by(f64::total_cmp);
        Self { sorted: values }
    }

    /// How many values.
    pub(crate) fn values(&self) -> usize {
        self.sorted.len()
    }

    /// How many averages.
    pub(crate) fn count(&self) -> usize {
        let values = self.sorted.len();
        values * (values + 1) / 2
    }

    /// How many averages are at most `limit`.
    fn at_most(&self, limit: f64) -> usize {
        let mut partners = self.sorted.len();
        let mut count = 0;
        for (first, value) in self.sorted.iter().enumerate() {
            // The larger the first of a pair, the fewer partners fit.
            while partners > first && value / 2.0 + self.sorted[partners - 1] / 2.0 > limit {
                partners -= 1;
            }
            if partners <= first {
                break;
            }
            count += partners - first;
        }
        count
    }

    /// The average of this rank, from 1 to [`Walsh::count`].
    pub(crate) fn ranked(&self, rank: usize) -> f64 {
        // Floating-point numbers in ascending order map to ascending integers, so halving ends at the very average.
        let (mut low, mut high) = (ordered(self.sorted[0]), ordered(self.sorted[self.sorted.len() - 1]));
        while low < high {
            let middle = low + (high - low) / 2;
            if self.at_most(unordered(middle)) >= rank { high = middle } else { low = middle + 1 }
        }
        // Adding zero turns a negative zero into the usual one.
        unordered(high) + 0.0
    }

    /// The median of all averages: the estimate of Hodges and Lehmann, "Estimates of location based on rank tests",
    /// Annals of Mathematical Statistics 34 (1963).
    pub(crate) fn median(&self) -> f64 {
        let count = self.count();
        let upper = self.ranked(count / 2 + 1);
        if count % 2 == 1 { upper } else { self.ranked(count / 2) / 2.0 + upper / 2.0 }
    }
}

/// An integer that is larger for larger numbers.
fn ordered(value: f64) -> u64 {
    let bits = value.to_bits();
    if bits >> 63 == 1 { !bits } else { bits | 1 << 63 }
}

/// The number that [`ordered`] made this of.
fn unordered(integer: u64) -> f64 {
    f64::from_bits(if integer >> 63 == 1 { integer & !(1 << 63) } else { !integer })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn all_averages(values: &[f64]) -> Vec<f64> {
        let mut averages = Vec::new();
        for (index, a) in values.iter().enumerate() {
            averages.extend(values[index..].iter().map(|b| a / 2.0 + b / 2.0));
        }
        averages.sort_unstable_by(f64::total_cmp);
        averages
    }

    proptest! {
        #[test]
        fn counts_and_ranks_are_those_of_all_pairs(
            values in prop::collection::vec(prop_oneof![-1.0..1.0f64, (-3i8..3).prop_map(f64::from)], 1..25),
            limit in prop_oneof![-1.0..1.0f64, (-6i8..6).prop_map(|half| f64::from(half) / 2.0)],
        ) {
            let walsh = Walsh::new(values);
            let averages = all_averages(&walsh.sorted);
            prop_assert_eq!(walsh.count(), averages.len());
            prop_assert_eq!(walsh.at_most(limit), averages.iter().filter(|&&average| average <= limit).count());
            for (index, &average) in averages.iter().enumerate() {
                prop_assert_eq!(walsh.ranked(index + 1), average);
            }
        }
    }
}
