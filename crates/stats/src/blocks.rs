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
    let value = all.quantile(share);
    let range = Interval { value, low: all.minimum(), high: all.maximum(), confidence: 0.0 };
    if blocks.len() < 2 {
        return range;
    }
    let total = all.count() as f64;
    let below = |samples: &Samples| samples.sorted().partition_point(|&sample| sample <= value) as f64;
    let share_below = below(all) / total;
    let count = blocks.len() as f64;
    let spread = |block: &Samples| ((below(block) - share_below * block.count() as f64) / total).powi(2);
    let variance = count / (count - 1.0) * blocks.iter().map(spread).sum::<f64>();
    let tail = confidence.tail();
    let few_blocks = (normal_quantile_above(tail) / student_quantile_above(tail, blocks.len() - 1)).powi(2);
    let independent = if variance > 0.0 { (share * (1.0 - share) / variance).min(total) } else { total };
    let effective = (independent * few_blocks).floor() as usize;
    if effective == 0 {
        return range;
    }
    let ranks = Ranks::of(effective, share, confidence);
    let rank = |rank: usize| (rank as f64 / effective as f64 * total).clamp(1.0, total);
    let low = all.sorted()[rank(ranks.low).floor() as usize - 1].min(value);
    let high = all.sorted()[rank(ranks.high).ceil() as usize - 1].max(value);
    Interval { value, low, high, confidence: ranks.confidence }
}
