//! What a series does when nothing changes: spread, memory, spikes.

/// Points on each side whose median is the middle of a point's surroundings. Modes that take every tenth point fill more
/// than half of twenty-one once in three hundred thousand points.
pub(super) const SIDE: usize = 10;

/// How far from the middle of its surroundings a point may count, in standard deviations.
const REACH: f64 = 3.0;

/// Points farther off than this are reported as outliers.
const FAR: f64 = 6.0;

/// Resemblance of neighbours beyond which a series is not taken for noise: such a level moves.
const PERSISTENCE_CAP: f64 = 0.7;

/// The estimate of the persistence is raised by so many of its standard errors 1/√n, because too small a value costs the
/// level and too large a one only power.
const PERSISTENCE_MARGIN: f64 = 2.0;

/// Noise of a series.
#[derive(Debug, Clone)]
pub(super) struct Noise {
    /// The series with its spikes pulled back.
    pub(super) calm: Vec<f64>,
    /// Standard deviation as differences of neighbours show it, the ruler for spikes; in the series' unit.
    pub(super) ruler: f64,
    /// Variance of a calm point around its level.
    pub(super) variance: f64,
    /// AR(1) coefficient, from 0 to [`PERSISTENCE_CAP`].
    pub(super) persistence: f64,
}

impl Noise {
    pub(super) fn of(values: &[f64]) -> Self {
        Self::around(values, &middles(values))
    }

    /// The same where the middles of all points' surroundings are known.
    pub(super) fn around(values: &[f64], middles: &[f64]) -> Self {
        let mut steps: Vec<f64> = values.windows(2).map(|pair| (pair[1] - pair[0]).abs()).collect();
        let ruler = ruler(&mut steps);
        let held = |(value, middle): (&f64, f64)| held(*value, middle, ruler);
        let calm: Vec<f64> = values.iter().zip(middles.iter().copied()).map(held).collect();
        let moments = [1, 2, 3].map(|lag| mean_square_difference(&calm, lag));
        let (variance, persistence) = variance_and_persistence(moments, values.len());
        Self { calm, ruler, variance, persistence }
    }

    /// Points that lie far from the middle of their surroundings.
    pub(super) fn outliers(&self, values: &[f64]) -> Vec<usize> {
        let far = |&at: &usize| values[at] != self.calm[at] && (values[at] - middle(values, at)).abs() > FAR * self.ruler;
        (0..values.len()).filter(far).collect()
    }

    /// Variance of the difference of neighbouring points, halved: what is new in a point.
    pub(super) fn innovation(&self) -> f64 {
        self.variance * (1.0 - self.persistence)
    }
}

/// The standard deviation that differences of neighbours show, from their third quartile: spikes and modes may touch an
/// eighth of all points before it grows with their height, and a step touches one difference. Where three quarters of all
/// differences are zero the mean takes its place.
pub(super) fn ruler(steps: &mut [f64]) -> f64 {
    /// Third quartile of the absolute value of a standard normal variable.
    const QUARTILE: f64 = 1.150_35;
    if steps.is_empty() {
        return 0.0;
    }
    let rank = (steps.len() * 3 / 4).min(steps.len() - 1);
    let (_, &mut quartile, _) = steps.select_nth_unstable_by(rank, f64::total_cmp);
    // A mean absolute difference of normal variables is 2/√π deviations.
    if quartile > 0.0 {
        quartile / QUARTILE / std::f64::consts::SQRT_2
    } else {
        steps.iter().sum::<f64>() / steps.len() as f64 / std::f64::consts::FRAC_2_SQRT_PI
    }
}

/// The median of a point and its surroundings, which end where the series ends.
pub(super) fn middle(values: &[f64], at: usize) -> f64 {
    let (start, end) = (at.saturating_sub(SIDE), (at + SIDE + 1).min(values.len()));
    let mut around = [0.0; 2 * SIDE + 1];
    let around = &mut around[..end - start];
    around.copy_from_slice(&values[start..end]);
    let rank = around.len() / 2;
    *around.select_nth_unstable_by(rank, f64::total_cmp).1
}

/// The medians of all points' surroundings, as [`middle`] gives them: a sorted window slides along.
fn middles(values: &[f64]) -> Vec<f64> {
    let whole = 2 * SIDE + 1;
    if values.len() <= whole {
        return (0..values.len()).map(|at| middle(values, at)).collect();
    }
    let mut sorted: Vec<f64> = values[..whole].to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    let mut middles = Vec::with_capacity(values.len());
    middles.extend((0..SIDE).map(|at| middle(values, at)));
    middles.push(sorted[SIDE]);
    for (&old, &new) in values.iter().zip(&values[whole..]) {
        replace(&mut sorted, old, new);
        middles.push(sorted[SIDE]);
    }
    middles.extend((values.len() - SIDE..values.len()).map(|at| middle(values, at)));
    middles
}

/// Puts a value in the place of another one, in order.
fn replace(sorted: &mut [f64], old: f64, new: f64) {
    // Counting needs no guess of where it ends, unlike a search.
    let below = |value: f64| sorted.iter().map(|other| usize::from(*other < value)).sum::<usize>();
    let (from, to) = (below(old), below(new));
    if to > from {
        sorted.copy_within(from + 1..to, from);
        sorted[to - 1] = new;
    } else {
        sorted.copy_within(to..from, to + 1);
        sorted[to] = new;
    }
}

/// A value held within reach of the middle of its surroundings.
pub(super) fn held(value: f64, middle: f64, ruler: f64) -> f64 {
    middle + (value - middle).clamp(-REACH * ruler, REACH * ruler)
}

fn mean_square_difference(calm: &[f64], lag: usize) -> f64 {
    if calm.len() <= lag {
        return 0.0;
    }
    let sum: f64 = calm.iter().zip(&calm[lag..]).map(|(a, b)| (b - a) * (b - a)).sum();
    sum / (calm.len() - lag) as f64
}

/// Variance and persistence of an AR(1) process from mean squared differences at lags 1, 2 and 3, which are
/// 2 σ² (1 - φ^lag): the second over the first is 1 + φ, the third over the first 1 + φ + φ². Both answers are averaged.
pub(super) fn variance_and_persistence([first, second, third]: [f64; 3], count: usize) -> (f64, f64) {
    if first <= 0.0 {
        return (0.0, 0.0);
    }
    let by_second = second / first - 1.0;
    let discriminant = 4.0 * third / first - 3.0;
    let by_third = if discriminant > 0.0 { (discriminant.sqrt() - 1.0) / 2.0 } else { -0.5 };
    let margin = PERSISTENCE_MARGIN / (count as f64).sqrt();
    let persistence = ((by_second + by_third) / 2.0 + margin).clamp(0.0, PERSISTENCE_CAP);
    (first / 2.0 / (1.0 - persistence), persistence)
}

/// Variance of the mean of l points of an AR(1) process of variance one, for l from 0 to `count`; the first is unused.
pub(super) fn mean_variances(persistence: f64, count: usize) -> Vec<f64> {
    let inflation = (1.0 + persistence) / (1.0 - persistence);
    let correction = 2.0 * persistence / ((1.0 - persistence) * (1.0 - persistence));
    let mut power = 1.0;
    let mut variances = Vec::with_capacity(count + 1);
    variances.push(f64::INFINITY);
    for length in 1..=count {
        power *= persistence;
        let length = length as f64;
        variances.push((inflation - correction * (1.0 - power) / length) / length);
    }
    variances
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sliding_medians_are_those_of_each_place_alone() {
        let values: Vec<f64> = (0..70).map(|at: i32| f64::from((at * 37) % 11) - 5.0).collect();
        for count in [1, 5, 20, 21, 22, 23, 70] {
            let alone: Vec<f64> = (0..count).map(|at| middle(&values[..count], at)).collect();
            assert_eq!(middles(&values[..count]), alone, "{count}");
        }
    }

    #[test]
    fn an_autoregressive_series_shows_its_persistence_and_variance() {
        // Mean squared differences of a process with φ = 0.5 and variance 4, exactly; the margin of a long series is small.
        let moments = [1, 2, 3].map(|lag| 2.0 * 4.0 * (1.0 - 0.5f64.powi(lag)));
        let (variance, persistence) = variance_and_persistence(moments, 1_000_000);
        assert!((persistence - 0.5).abs() < 0.01 && (variance - 4.0).abs() < 0.1, "{variance} {persistence}");
        // The variance of a mean of two: (1 + φ)/2 of one point's.
        assert!((mean_variances(0.5, 2)[2] - 0.75).abs() < 1e-12);
    }
}
