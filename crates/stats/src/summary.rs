//! What is in a set of samples.

use crate::interval::{self, Confidence, Interval};
use crate::modality::{self, Modality};
use crate::samples::Samples;

/// A set of samples in a few figures, in the samples' unit.
#[derive(Debug, Clone, PartialEq)]
pub struct Summary {
    /// How many samples.
    pub count: usize,
    /// The smallest.
    pub minimum: f64,
    /// The largest.
    pub maximum: f64,
    /// Arithmetic mean: shown, never judged.
    pub mean: f64,
    /// Middle value.
    pub median: Interval,
    /// 90th percentile.
    pub p90: Interval,
    /// 99th percentile.
    pub p99: Interval,
    /// Median absolute deviation from the median, not scaled.
    pub mad: f64,
    /// Whether one median describes the samples.
    pub modes: Modality,
}

impl Samples {
    /// The figures of these samples, with intervals that hold with `confidence` **when the samples are independent of
    /// each other**. Inferences one right after the other are not: use [`crate::blocks::summary`] for a run.
    ///
    /// ```
    /// use benchrack_stats::{Confidence, Samples};
    ///
    /// let loads_ms = Samples::new(vec![41.0, 40.2, 43.9, 40.7, 44.1, 40.3, 41.8, 40.9, 95.0, 41.1])?;
    /// let summary = loads_ms.summary(Confidence::P95);
    /// assert_eq!(summary.median.value, 41.05);
    /// assert_eq!((summary.median.low, summary.median.high), (40.3, 44.1));
    /// assert!(!summary.p99.reaches(Confidence::P95), "ten samples say little about the 99th percentile");
    /// # Ok::<(), benchrack_stats::SampleError>(())
    /// ```
    pub fn summary(&self, confidence: Confidence) -> Summary {
        let quantile = |share| interval::of_quantile(self, share, confidence);
        Summary {
            count: self.count(),
            minimum: self.minimum(),
            maximum: self.maximum(),
            mean: self.mean(),
            median: quantile(0.5),
            p90: quantile(0.9),
            p99: quantile(0.99),
            mad: self.mad(),
            modes: modality::of(self),
        }
    }
}
