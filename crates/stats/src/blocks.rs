//! What is in a run: estimates from blocks, with intervals that are honest about neighbours in time.
//!
//! Inferences one right after the other share a clock frequency, a temperature and a cache, so a thousand samples of one
//! run say far less than a thousand independent ones, and an interval that counts samples is far too narrow. Blocks of
//! one subject are apart in time, because those of others lie between them, so here the interval comes from how much
//! **blocks** differ from each other; samples within a block may depend on each other in any way.
//!
//! What it cannot see is a change that outlasts the whole session, such as a warm afternoon: such an interval is about
//! this session. Comparing sessions is for series, comparing subjects within one is for [`crate::paired`].

use crate::distributions::{normal_quantile_above, student_quantile_above};
use crate::interval::{self, Confidence, Interval, Ranks};
use crate::samples::{SampleError, Samples};

/// A run in a few figures, in the samples' unit.
#[derive(Debug, Clone, PartialEq)]
pub struct BlockSummary {
    /// The headline: the median of the block medians, so that each block counts the same however many samples it has.
    pub median: Interval,
    /// 90th percentile over all samples.
    pub p90: Interval,
    /// 99th percentile over all samples.
    pub p99: Interval,
    /// Median of each block, in the order given.
    pub block_medians: Vec<f64>,
    /// All samples together, for what needs no interval.
    pub samples: Samples,
}

/// These blocks cannot be judged.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum BlockError {
    /// No blocks.
    #[error("no blocks: nothing was measured")]
    NoBlocks,
    /// A block without usable samples.
    #[error("block {index} cannot be used")]
    Block {
        /// Place among the blocks given, from 0.
        index: usize,
        /// Why.
        source: SampleError,
    },
}

/// The figures of a run from its blocks.
///
/// ```
/// use benchrack_stats::{Confidence, blocks};
///
/// let run: Vec<Vec<f64>> = (0..10).map(|block| (0..30).map(|n| 20.0 + 0.1 * f64::from(block) + 0.01 * f64::from(n)).collect()).collect();
/// let summary = blocks::summary(&run, Confidence::P95)?;
/// assert!(summary.median.reaches(Confidence::P95));
/// assert!(summary.median.high - summary.median.low > 0.5, "blocks differ by more than their samples");
/// # Ok::<(), benchrack_stats::blocks::BlockError>(())
/// ```
///
/// # Errors
/// When there are no blocks, or one has no samples or one that is not finite.
pub fn summary(blocks: &[Vec<f64>], confidence: Confidence) -> Result<BlockSummary, BlockError> {
    let check =
        |(index, block): (usize, &Vec<f64>)| Samples::new(block.clone()).map_err(|source| BlockError::Block { index, source });
    let blocks: Vec<Samples> = blocks.iter().enumerate().map(check).collect::<Result<_, _>>()?;
    if blocks.is_empty() {
        return Err(BlockError::NoBlocks);
    }
    let block_medians: Vec<f64> = blocks.iter().map(Samples::median).collect();
    let samples = Samples::of_finite(blocks.iter().flat_map(|block| block.sorted()).copied().collect());
    Ok(BlockSummary {
        median: interval::of_quantile(&Samples::of_finite(block_medians.clone()), 0.5, confidence),
        p90: quantile(&blocks, &samples, 0.9, confidence),
        p99: quantile(&blocks, &samples, 0.99, confidence),
        block_medians,
        samples,
    })
}

/// The interval of a quantile of all samples by how much its share of samples differs between blocks.
///
/// The samples count as only so many independent ones as would make the share below the quantile vary as it does
/// between blocks (Kish's effective sample size, with the correction of Korn and Graubard, "Confidence intervals for
/// proportions with small expected number of positive counts estimated from survey data", Survey Methodology 24 (1998),
/// for few blocks); the ranks for that many are turned back into quantiles (Woodruff, "Confidence intervals for medians
/// and other position measures", JASA 47 (1952)).
fn quantile(blocks: &[Samples], all: &Samples, share: f64, confidence: Confidence) -> Interval {
    /// Beyond this share a few blocks hold all samples above the quantile, and how much blocks differ cannot be seen
    /// there any more; what is seen here holds as well.
    const FARTHEST: f64 = 0.9;
    let value = all.quantile(share);
    let independent = independent_samples(blocks, all, share).min(independent_samples(blocks, all, share.min(FARTHEST)));
    let few_blocks = match blocks.len() {
        1 => 0.0,
        count => normal_quantile_above(confidence.tail()) / student_quantile_above(confidence.tail(), count - 1),
    };
    let effective = (independent * few_blocks.powi(2)).floor() as usize;
    if effective == 0 {
        return Interval { value, low: all.minimum(), high: all.maximum(), confidence: 0.0 };
    }
    let ranks = Ranks::of(effective, share, confidence);
    let total = all.count() as f64;
    let rank = |rank: usize| (rank as f64 / effective as f64 * total).clamp(1.0, total);
    let low = all.sorted()[rank(ranks.low).floor() as usize - 1].min(value);
    let high = all.sorted()[rank(ranks.high).ceil() as usize - 1].max(value);
    Interval { value, low, high, confidence: ranks.confidence }
}

/// How many independent samples would give the share below the quantile the variance that it has between blocks, at
/// most all: p(1-p) over that variance, which is the one of a ratio of totals over blocks.
fn independent_samples(blocks: &[Samples], all: &Samples, share: f64) -> f64 {
    let value = all.quantile(share);
    let total = all.count() as f64;
    let below = |samples: &Samples| samples.sorted().partition_point(|&sample| sample <= value) as f64;
    let share_below = below(all) / total;
    let excess = |block: &Samples| ((below(block) - share_below * block.count() as f64) / total).powi(2);
    let count = blocks.len() as f64;
    let variance = count / (count - 1.0).max(1.0) * blocks.iter().map(excess).sum::<f64>();
    if variance > 0.0 { (share * (1.0 - share) / variance).min(total) } else { total }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_headline_counts_blocks_not_samples() {
        let long = vec![30.0; 1000];
        let run = vec![vec![10.0], vec![11.0], long];
        assert_eq!(summary(&run, Confidence::P95).unwrap().median.value, 11.0);
    }

    #[test]
    fn one_block_gives_no_interval_for_its_quantiles_and_says_so() {
        let run = vec![(0..100).map(f64::from).collect()];
        let summary = summary(&run, Confidence::P95).unwrap();
        assert_eq!(summary.median.confidence, 0.0);
        assert_eq!((summary.p90.low, summary.p90.high, summary.p90.confidence), (0.0, 99.0, 0.0));
        assert!(!summary.p90.reaches(Confidence::P95));
    }

    #[test]
    fn blocks_that_cannot_be_judged_are_named() {
        assert_eq!(summary(&[], Confidence::P95), Err(BlockError::NoBlocks));
        let error = summary(&[vec![1.0], vec![]], Confidence::P95).unwrap_err();
        assert_eq!(error, BlockError::Block { index: 1, source: SampleError::Empty });
    }

    #[test]
    fn blocks_that_differ_make_quantiles_less_certain_than_the_same_samples_mixed() {
        let sample = |n: u32| f64::from(n % 10) + if n < 500 { 0.0 } else { 5.0 };
        let apart: Vec<Vec<f64>> = (0..10).map(|block| (block * 100..block * 100 + 100).map(sample).collect()).collect();
        let mixed: Vec<Vec<f64>> = (0..10).map(|block| (0..100).map(|n| sample(n * 10 + (n + block) % 10)).collect()).collect();
        let width = |blocks: &[Vec<f64>]| {
            let p90 = summary(blocks, Confidence::P95).unwrap().p90;
            p90.high - p90.low
        };
        assert!(width(&apart) > width(&mixed), "{} {}", width(&apart), width(&mixed));
    }
}
