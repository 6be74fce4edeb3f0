//! Figures that pages show and no verdict rests on: how samples lie, and how two runs stand to each other.

use std::collections::HashSet;

use benchrack_dashboards::view::{BudgetLine, Figure, OperatingRow, Pair, Spread, Steadiness};
use benchrack_protocol::api::{Estimate, Metric};
use benchrack_protocol::ids::RunId;
use benchrack_protocol::reading::{Missing, Reading};
use benchrack_protocol::report::Block;
use benchrack_protocol::validity::Validity;
use benchrack_stats::modality::Modality;
use benchrack_stats::paired::{PairedEffect, pairs_needed};
use benchrack_stats::{Confidence, Samples};

use super::rounds::latency_pairs;
use super::run::nanoseconds;

/// How the samples of the blocks lie; none without samples.
pub fn spread(blocks: &[Block]) -> Option<Spread> {
    let all = blocks.iter().flat_map(|block| nanoseconds(&block.samples)).collect();
    let summary = Samples::new(all).ok()?.summary(Confidence::P95);
    Some(Spread {
        samples: u32::try_from(summary.count).unwrap_or(u32::MAX),
        mean_ns: summary.mean,
        mad_ns: summary.mad,
        min_ns: summary.minimum,
        max_ns: summary.maximum,
        multimodal: matches!(summary.modes, Modality::Several { .. }),
    })
}

/// For each choice of cores the run with the least energy per inference among those that count and keep every budget,
/// cheapest first. A run without a figure of energy is nobody's answer.
pub fn cheapest(points: &[OperatingRow], budgets: &[BudgetLine]) -> Vec<RunId> {
    let energy = |point: &OperatingRow| {
        let run = &point.row.run;
        let figure = run.metrics.iter().find(|(metric, _)| *metric == Metric::Energy).map(|(_, energy)| energy.value);
        figure.filter(|_| run.validity == Some(Validity::Valid) && budgets.iter().all(|budget| budget.keeps(&point.row)))
    };
    let mut by_energy: Vec<(f64, &OperatingRow)> = points.iter().filter_map(|point| Some((energy(point)?, point))).collect();
    by_energy.sort_by(|(a, _), (b, _)| a.total_cmp(b));
    let mut taken = HashSet::new();
    by_energy.retain(|(_, point)| taken.insert(&point.row.run.operating_point.cores));
    by_energy.into_iter().map(|(_, point)| point.row.run.id).collect()
}

/// Fewest steps between neighbouring runs from which a device's noise is told.
const MIN_STEPS: usize = 8;

/// How much runs of a device differ while nothing changes, from valid values of some of its series in the order measured;
/// none from too few.
///
/// The noise is that of neighbours: the median absolute step of the logarithm over 0.6745·√2, which for normal noise is its
/// standard deviation. Levels that move once or drift hardly touch it (after von Neumann and others, "The mean square
/// successive difference", Annals of Mathematical Statistics 12 (1941), with a median in place of the mean). What two runs
/// of the same differ by at most, 95 times of 100, is 2.8 times that: the repeatability limit of ISO 5725-6.
pub fn steadiness(series: &[Vec<f64>]) -> Option<Steadiness> {
    let step = |pair: &[f64]| match pair {
        [before, after] if *before > 0.0 && *after > 0.0 => Some((after / before).ln().abs()),
        _ => None,
    };
    let steps: Vec<f64> = series.iter().flat_map(|values| values.windows(2).filter_map(step)).collect();
    if steps.len() < MIN_STEPS {
        return None;
    }
    let runs = u32::try_from(series.iter().map(Vec::len).sum::<usize>()).unwrap_or(u32::MAX);
    let noise = Samples::new(steps).ok()?.median() / (0.674_5 * std::f64::consts::SQRT_2);
    Some(Steadiness { noise, smallest: 2.8 * noise, runs })
}

/// Median of figures; none without any.
pub fn middle(figures: impl Iterator<Item = f64>) -> Option<f64> {
    Samples::new(figures.collect()).ok().map(|samples| samples.median())
}

/// One figure over another of another run, with the interval that follows from theirs; none unless all are above zero.
///
/// The distance of the ratio's lower end is the root of the squared distances of the numerator's lower and the
/// denominator's upper end, in log space, and the same the other way round: the method of variance estimates recovery
/// (Zou and Donner, "Construction of confidence limits about effect measures: a general approach", Statistics in
/// Medicine 27 (2008)). It keeps the level of intervals of figures that err independently, skewed ones too. Runs of one session err alike, so that for them it is wider than it need be; what
/// must be sharp is judged by pairs of blocks.
pub fn ratio(of: &Estimate, to: &Estimate) -> Option<Estimate> {
    let logs = |estimate: &Estimate| {
        let usable = estimate.low > 0.0 && estimate.high.is_finite();
        usable.then(|| [estimate.low, estimate.value, estimate.high].map(f64::ln))
    };
    let ([of_low, of_value, of_high], [to_low, to_value, to_high]) = (logs(of)?, logs(to)?);
    let ratio = of_value - to_value;
    let below = (of_value - of_low).hypot(to_high - to_value);
    let above = (of_high - of_value).hypot(to_value - to_low);
    let interval = Estimate::within(ratio.exp(), (ratio - below).exp(), (ratio + above).exp());
    // No surer than the less sure of the two.
    let level = of.level.into_iter().chain(to.level).min_by(f64::total_cmp);
    Some(Estimate { level, ..interval })
}

/// One subject of a session against another, round by round. `counts` is why the ratio must not be given although it
/// could be computed: one of the runs is not valid.
pub fn pair(base: (&str, &[Block]), candidate: (&str, &[Block]), counts: Result<(), String>) -> Pair {
    let (rounds, ratio) = match compare([base, candidate]) {
        Ok((rounds, ratio)) => (rounds, ratio),
        Err(why) => (Vec::new(), Reading::missing(Missing::Invalid, why)),
    };
    let ratio = match counts {
        Ok(()) => ratio,
        Err(why) => Reading::missing(Missing::Unavailable, why),
    };
    Pair { base: base.0.to_owned(), candidate: candidate.0.to_owned(), ratio, rounds }
}

fn compare(sides: [(&str, &[Block]); 2]) -> Result<(Vec<(u32, f64)>, Figure), String> {
    let (numbers, pairs): (Vec<u32>, Vec<_>) = latency_pairs(sides)?.into_iter().unzip();
    let rounds = numbers.into_iter().zip(&pairs).map(|(round, pair)| (round, pair.candidate / pair.baseline)).collect();
    let effect = PairedEffect::new(&pairs, Confidence::P95).map_err(|error| error.to_string())?;
    let figure = match effect.and_then(|effect| Some((effect.change, effect.interval?))) {
        Some((change, interval)) => Reading::of(Estimate::within(1.0 + change, 1.0 + interval.low, 1.0 + interval.high)),
        None => {
            let needed = pairs_needed(Confidence::P95.tail());
            let detail = format!("{} rounds that both were measured in, {needed} are needed for an interval", pairs.len());
            Reading::missing(Missing::Unavailable, detail)
        }
    };
    Ok((rounds, figure))
}

#[cfg(test)]
mod tests {
    use benchrack_protocol::units::Nanos;
    use proptest::prelude::*;

    use super::*;

    fn estimate(low: f64, value: f64, high: f64) -> Estimate {
        Estimate::within(value, low, high)
    }

    fn block(round: u32, samples: &[u64]) -> Block {
        Block {
            round,
            place: 0,
            started: Nanos(0),
            samples: samples.iter().copied().map(Nanos).collect(),
            suspended: Nanos(0),
            waiting_share: Reading::of(0.0),
            turns: Vec::new(),
        }
    }

    #[test]
    fn a_ratio_to_an_exact_figure_has_the_interval_of_the_other() {
        let found = ratio(&estimate(8.0, 10.0, 15.0), &estimate(2.0, 2.0, 2.0)).unwrap();
        for (found, expected) in [(found.low, 4.0), (found.value, 5.0), (found.high, 7.5)] {
            assert!((found - expected).abs() < 1e-9, "{found}");
        }
        assert_eq!(ratio(&estimate(0.0, 1.0, 2.0), &estimate(1.0, 1.0, 1.0)), None);
    }

    proptest! {
        #[test]
        fn a_ratio_turned_round_is_its_reciprocal_and_both_ends_change_places(
            a in (0.5..1.0f64, 1.0..2.0f64), b in (0.5..1.0f64, 1.0..2.0f64), scale in 1.0..1e9f64,
        ) {
            let (a, b) = (estimate(a.0 * scale, scale, a.1 * scale), estimate(b.0, 1.0, b.1));
            let (there, back) = (ratio(&a, &b).unwrap(), ratio(&b, &a).unwrap());
            prop_assert!((there.value * back.value - 1.0).abs() < 1e-9);
            prop_assert!((there.low * back.high - 1.0).abs() < 1e-9 && (there.high * back.low - 1.0).abs() < 1e-9);
            // Wider than the wider one, narrower than the worst case of both.
            prop_assert!(there.low >= a.low / b.high * (1.0 - 1e-12) && there.high <= a.high / b.low * (1.0 + 1e-12));
            prop_assert!(there.low <= a.low / b.value * (1.0 + 1e-12) && there.high >= a.high / b.value * (1.0 - 1e-12));
        }
    }

    #[test]
    fn pairs_are_named_by_their_round_and_need_enough_of_them() {
        let base: Vec<Block> = [3, 0, 1].map(|round| block(round, &[100, 100])).into();
        let candidate: Vec<Block> = [1, 3, 9].map(|round| block(round, &[150 + u64::from(round)])).into();
        let pair = pair(("a", &base), ("b", &candidate), Ok(()));
        assert_eq!(pair.rounds, [(1, 1.51), (3, 1.53)]);
        assert!(matches!(&pair.ratio, Reading::Missing { detail, .. } if detail.starts_with("2 rounds")), "{:?}", pair.ratio);
    }

    #[test]
    fn a_run_that_does_not_count_gives_rounds_but_no_ratio() {
        let blocks: Vec<Block> = (0..8).map(|round| block(round, &[100])).collect();
        let sure = pair(("a", &blocks), ("b", &blocks), Ok(()));
        assert_eq!(sure.ratio, Reading::of(estimate(1.0, 1.0, 1.0)));
        let doubtful = pair(("a", &blocks), ("b", &blocks), Err("a is degraded".into()));
        assert_eq!((doubtful.rounds.len(), doubtful.ratio.value()), (8, None));
    }

    #[test]
    fn noise_is_that_of_neighbours_whatever_steps_lie_between_them() {
        // Normal noise of 1 %, by its quantiles in a fixed disorder, with one step of 30 % half-way.
        let normal = |nth: usize| {
            let share = (nth * 37 % 101) as f64 / 101.0 + 0.5 / 101.0;
            // Logistic with the same interquartile range as the standard normal.
            0.674_5 / 3.0_f64.ln() * (share / (1.0 - share)).ln()
        };
        let level = |nth: usize| if nth < 50 { 1e7 } else { 1.3e7 };
        let values: Vec<f64> = (0..101).map(|nth| level(nth) * (0.01 * normal(nth)).exp()).collect();
        let found = steadiness(std::slice::from_ref(&values)).unwrap();
        assert!((0.005..0.02).contains(&found.noise), "{found:?}");
        assert_eq!((found.runs, found.smallest), (101, 2.8 * found.noise));
        // As seen in any unit; a device that never differs has none; three runs say nothing.
        let scaled: Vec<f64> = values.iter().map(|value| value / 1e3).collect();
        assert!((steadiness(&[scaled]).unwrap().noise - found.noise).abs() < 1e-12);
        assert_eq!(steadiness(&[vec![5.0; 20]]).unwrap().noise, 0.0);
        assert_eq!(steadiness(&[vec![1.0, 2.0, 3.0]]), None);
    }

    #[test]
    fn samples_are_described_together_and_nothing_is_not_described() {
        assert_eq!(spread(&[]), None);
        let spread = spread(&[block(0, &[1, 2]), block(1, &[9])]).unwrap();
        assert_eq!((spread.samples, spread.mean_ns, spread.mad_ns, spread.min_ns, spread.max_ns), (3, 4.0, 1.0, 1.0, 9.0));
    }
}
