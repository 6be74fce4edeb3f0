//! What a series does when nothing changes: spread, memory, spikes.

/// Points on each side whose median is the middle of a point's surroundings. Modes that take every tenth point fill more
/// than half of seventeen once in forty thousand points.
pub(super) const SIDE: usize = 8;

/// How far from the middle of its surroundings a point may count, in standard deviations.
const REACH: f64 = 3.0;

/// Points farther off than this are reported as outliers.
const FAR: f64 = 6.0;

/// Resemblance of neighbours beyond which a series is not taken for noise: such a level moves.
const PERSISTENCE_CAP: f64 = 0.7;

/// The estimate of the persistence is raised by so many of its standard errors 1/√n, because too small a value costs the
/// level and too large a one only power.
const PERSISTENCE_MARGIN: f64 = 1.5;

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
        let mut steps: Vec<f64> = values.windows(2).map(|pair| (pair[1] - pair[0]).abs()).collect();
        let ruler = ruler(&mut steps);
        let calm: Vec<f64> = (0..values.len()).map(|at| calmed(values, at, ruler)).collect();
        let moments = [1, 2, 3].map(|lag| mean_square_difference(&calm, lag));
        let (variance, persistence) = variance_and_persistence(moments, values.len());
        Self { calm, ruler, variance, persistence }
    }

    /// Points that lie far from the middle of their surroundings.
    pub(super) fn outliers(&self, values: &[f64]) -> Vec<usize> {
        let far = |&at: &usize| (values[at] - middle(values, at)).abs() > FAR * self.ruler;
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
fn middle(values: &[f64], at: usize) -> f64 {
    let (start, end) = (at.saturating_sub(SIDE), (at + SIDE + 1).min(values.len()));
    let mut around = [0.0; 2 * SIDE + 1];
    let around = &mut around[..end - start];
    around.copy_from_slice(&values[start..end]);
    let rank = around.len() / 2;
    *around.select_nth_unstable_by(rank, f64::total_cmp).1
}

/// A point held within reach of the middle of its surroundings.
pub(super) fn calmed(values: &[f64], at: usize, ruler: f64) -> f64 {
    let middle = middle(values, at);
    middle + (values[at] - middle).clamp(-REACH * ruler, REACH * ruler)
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
