//! Running sums, from which the fit of a level, a line or a ramp over any stretch costs a few multiplications.

/// Sums over the first n points of the values, of their squares and of their products with the place.
#[derive(Debug, Clone)]
pub(super) struct Sums {
    origin: f64,
    value: Vec<f64>,
    square: Vec<f64>,
    moment: Vec<f64>,
}

impl Sums {
    pub(super) fn of(values: &[f64]) -> Self {
        // Differences from a typical value keep digits when all values are large and close to each other.
        let origin = values[values.len() / 2];
        let zeros = || {
            let mut sums = Vec::with_capacity(values.len() + 1);
            sums.push(0.0);
            sums
        };
        let mut sums = Self { origin, value: zeros(), square: zeros(), moment: zeros() };
        values.iter().for_each(|&value| sums.push(value));
        sums
    }

    pub(super) fn push(&mut self, value: f64) {
        let at = self.len();
        let value = value - self.origin;
        self.value.push(self.value[at] + value);
        self.square.push(self.square[at] + value * value);
        self.moment.push(self.moment[at] + value * at as f64);
    }

    /// Forgets all but the first `count` points.
    pub(super) fn truncate(&mut self, count: usize) {
        for sums in [&mut self.value, &mut self.square, &mut self.moment] {
            sums.truncate(count + 1);
        }
    }

    pub(super) fn len(&self) -> usize {
        self.value.len() - 1
    }

    /// Running sums of the values, one more than there are points.
    pub(super) fn values(&self) -> &[f64] {
        &self.value
    }

    pub(super) fn mean(&self, start: usize, end: usize) -> f64 {
        (self.value[end] - self.value[start]) / (end - start) as f64
    }

    /// Squares left over by a level.
    pub(super) fn around_level(&self, start: usize, end: usize) -> f64 {
        let total = self.value[end] - self.value[start];
        (self.square[end] - self.square[start] - total * total / (end - start) as f64).max(0.0)
    }

    /// Squares left over by a straight line.
    pub(super) fn around_line(&self, start: usize, end: usize) -> f64 {
        (self.around_level(start, end) - self.line_gain(start, end)).max(0.0)
    }

    fn line_gain(&self, start: usize, end: usize) -> f64 {
        let slope = self.slope(start, end);
        slope * slope * spread_of_places(end - start)
    }

    /// Slope of the straight line, per point.
    pub(super) fn slope(&self, start: usize, end: usize) -> f64 {
        let spread = spread_of_places(end - start);
        if spread == 0.0 {
            return 0.0;
        }
        let total = self.value[end] - self.value[start];
        let middle = (start + end - 1) as f64 / 2.0;
        (self.moment[end] - self.moment[start] - total * middle) / spread
    }

    /// The straight line at its first and last point.
    pub(super) fn line(&self, start: usize, end: usize) -> (f64, f64) {
        let rise = self.slope(start, end) * (end - start - 1) as f64;
        let middle = self.origin + self.mean(start, end);
        (middle - rise / 2.0, middle + rise / 2.0)
    }

    /// What a ramp explains more than one level does: 0 before `ramp`, rising evenly within it, 1 from its end on. The
    /// ramp may begin before the stretch and end after it, as a straight line does.
    pub(super) fn ramp_gain(&self, start: usize, end: usize, ramp: (f64, f64)) -> f64 {
        let (foot, top) = ramp;
        let low = foot.clamp(start as f64, end as f64) as usize;
        let high = (top.clamp(start as f64, end as f64) as usize).max(low);
        let rise = 1.0 / (top - foot + 1.0);
        let offset = (1.0 - foot) * rise;
        let inside = (high - low) as f64;
        let above = (end - high) as f64;
        let places = inside * ((low + high) as f64 - 1.0) / 2.0;
        let squares = squares_below(high as f64) - squares_below(low as f64);
        let total = rise * places + offset * inside + above;
        let squared = rise * rise * squares + 2.0 * rise * offset * places + offset * offset * inside + above;
        let product = rise * (self.moment[high] - self.moment[low])
            + offset * (self.value[high] - self.value[low])
            + (self.value[end] - self.value[high])
            - total * self.mean(start, end);
        let spread = squared - total * total / (end - start) as f64;
        if spread > 1e-9 { product * product / spread } else { 0.0 }
    }
}

/// Sum of the squared distances of consecutive places from their middle.
fn spread_of_places(count: usize) -> f64 {
    let count = count as f64;
    count * (count * count - 1.0) / 12.0
}

/// 0² + 1² + … + (n - 1)².
fn squares_below(n: f64) -> f64 {
    (n - 1.0) * n * (2.0 * n - 1.0) / 6.0
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The same by definition: residuals of the least-squares fit on one basis function.
    fn gain_by_hand(values: &[f64], basis: &[f64]) -> f64 {
        let mean = |of: &[f64]| of.iter().sum::<f64>() / of.len() as f64;
        let (value, base) = (mean(values), mean(basis));
        let product: f64 = values.iter().zip(basis).map(|(v, b)| (v - value) * (b - base)).sum();
        product * product / basis.iter().map(|b| (b - base) * (b - base)).sum::<f64>()
    }

    #[test]
    fn lines_and_ramps_from_sums_are_those_of_least_squares() {
        let values: Vec<f64> = (0..40).map(|i| f64::from((i * i * 7) % 23) + 0.3 * f64::from(i)).collect();
        let sums = Sums::of(&values);
        let (start, end) = (5, 33);
        let line: Vec<f64> = (start..end).map(|at| at as f64).collect();
        let line = gain_by_hand(&values[start..end], &line);
        assert!((sums.around_level(start, end) - sums.around_line(start, end) - line).abs() < 1e-6);
        for (foot, top) in [(10.0f64, 20.0f64), (2.0, 30.0), (12.0, 44.0)] {
            let basis = |at: usize| ((at as f64 + 1.0 - foot) / (top - foot + 1.0)).clamp(0.0, 1.0);
            let basis: Vec<f64> = (start..end).map(|at| if (at as f64) < top { basis(at) } else { 1.0 }).collect();
            let by_hand = gain_by_hand(&values[start..end], &basis);
            let gain = sums.ramp_gain(start, end, (foot, top));
            assert!((gain - by_hand).abs() < 1e-6, "{foot} {top}: {gain} {by_hand}");
        }
    }
}
