//! Axes: which stretch is shown, where the ticks stand, what they say.

use std::ops::Range;

use plotters::coord::ranged1d::{KeyPointHint, NoDefaultFormatting, Ranged, ValueFormatter};
use time::{Date, Month, OffsetDateTime, Time};

use crate::format::{Scale, Unit, decimals_of_step, fixed};

/// One axis: it maps values to the picture and names its ticks.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Axis {
    /// What is shown, with its unit; empty draws none.
    pub(crate) title: String,
    /// Value at the lower end.
    pub(crate) low: f64,
    /// Value at the upper end.
    pub(crate) high: f64,
    /// Value and text of each tick.
    pub(crate) ticks: Vec<(f64, String)>,
    /// Whether equal ratios, not differences, are equally long.
    pub(crate) logarithmic: bool,
}

impl Ranged for Axis {
    type FormatOption = NoDefaultFormatting;
    type ValueType = f64;

    fn map(&self, value: &f64, (from, to): (i32, i32)) -> i32 {
        from + (self.share(*value) * f64::from(to - from)).round() as i32
    }

    fn key_points<Hint: KeyPointHint>(&self, _: Hint) -> Vec<f64> {
        self.ticks.iter().map(|(value, _)| *value).collect()
    }

    fn range(&self) -> Range<f64> {
        self.low..self.high
    }
}

impl ValueFormatter<f64> for Axis {
    fn format_ext(&self, value: &f64) -> String {
        let tick = self.ticks.iter().find(|(known, _)| known == value);
        tick.map(|(_, text)| text.clone()).unwrap_or_default()
    }
}

impl Axis {
    /// A linear axis over these values (empty: 0 to 1) with a little air around them, from zero when asked.
    pub(crate) fn linear(title: &str, unit: Unit, values: impl IntoIterator<Item = f64>, from_zero: bool, wanted: usize) -> Self {
        let (mut low, mut high) = extent(values).unwrap_or((0.0, 1.0));
        if from_zero {
            (low, high) = (low.min(0.0), high.max(0.0));
        }
        if low == high {
            let air = if low == 0.0 { 1.0 } else { low.abs() * 0.05 };
            (low, high) = (if from_zero { low } else { low - air }, high + air);
        } else {
            let air = (high - low) * 0.06;
            (low, high) = (if from_zero && low == 0.0 { low } else { low - air }, high + air);
        }
        Self::between(title, unit, low, high, wanted)
    }

    /// A linear axis from `low` to `high`.
    pub(crate) fn between(title: &str, unit: Unit, low: f64, high: f64, wanted: usize) -> Self {
        let scale = unit.scale_for(low.abs().max(high.abs()));
        let ticks = equal_steps(low, high, scale.divisor, wanted);
        Self { title: titled(title, scale), low, high, ticks, logarithmic: false }
    }

    /// A logarithmic axis over the positive ones of these values, ticks at 1, 2 and 5 of each decade; at equal steps where
    /// fewer than two of those lie between values that are close together.
    pub(crate) fn logarithmic(title: &str, unit: Unit, values: impl IntoIterator<Item = f64>) -> Self {
        let positive = values.into_iter().filter(|&value| value > 0.0);
        let (low, high) = extent(positive).unwrap_or((1.0, 10.0));
        let (low, high) = (low.log10(), high.log10());
        let air = ((high - low) * 0.08).max(0.06);
        let (low, high) = (low - air, high + air);
        let scale = unit.scale_for(10f64.powf((low + high) / 2.0));
        let steps: &[f64] = if high - low > 2.5 { &[1.0] } else { &[1.0, 2.0, 5.0] };
        let mut ticks: Vec<(f64, String)> = (low.floor() as i32..=high.ceil() as i32)
            .flat_map(|decade| steps.iter().map(move |step| step * 10f64.powi(decade)))
            .filter(|value| (low..=high).contains(&value.log10()))
            .map(|value| (value, plain(value / scale.divisor)))
            .collect();
        let (low, high) = (10f64.powf(low), 10f64.powf(high));
        if ticks.len() < 2 {
            ticks = equal_steps(low, high, scale.divisor, 3);
        }
        Self { title: titled(title, scale), low, high, ticks, logarithmic: true }
    }

    /// An axis of instants in seconds since 1970, in UTC.
    pub(crate) fn time(title: &str, values: impl IntoIterator<Item = f64>, wanted: usize) -> Self {
        let (mut low, mut high) = extent(values).unwrap_or((0.0, 86_400.0));
        let air = ((high - low) * 0.03).max(60.0);
        (low, high) = (low - air, high + air);
        Self { title: title.into(), low, high, ticks: instants(low, high, wanted), logarithmic: false }
    }

    /// An axis of places 0, 1, … without unit; `labels` are the texts of some of them.
    pub(crate) fn places(title: &str, count: usize, labels: Vec<(usize, String)>) -> Self {
        let ticks = labels.into_iter().map(|(place, label)| (place as f64, label)).collect();
        Self { title: title.into(), low: -0.5, high: count.max(1) as f64 - 0.5, ticks, logarithmic: false }
    }

    /// How far along the axis a value stands: 0 at the lower end, 1 at the upper.
    pub(crate) fn share(&self, value: f64) -> f64 {
        if self.logarithmic {
            (value / self.low).log10() / (self.high / self.low).log10()
        } else {
            (value - self.low) / (self.high - self.low)
        }
    }

    /// The value that stands so far along the axis.
    pub(crate) fn at_share(&self, share: f64) -> f64 {
        if self.logarithmic { self.low * (self.high / self.low).powf(share) } else { self.low + (self.high - self.low) * share }
    }
}

fn titled(title: &str, scale: Scale) -> String {
    match (title, scale.symbol) {
        ("", _) => String::new(),
        (title, "") => title.into(),
        (title, symbol) => format!("{title}, {symbol}"),
    }
}

/// Smallest and largest finite value.
pub(crate) fn extent(values: impl IntoIterator<Item = f64>) -> Option<(f64, f64)> {
    values.into_iter().filter(|value| value.is_finite()).fold(None, |extent, value| match extent {
        None => Some((value, value)),
        Some((low, high)) => Some((low.min(value), high.max(value))),
    })
}

/// The step of 1, 2 or 5 times a power of ten that gives about this many ticks.
fn nice_step(span: f64, wanted: usize) -> f64 {
    let rough = (span / wanted.max(1) as f64).max(f64::MIN_POSITIVE);
    let power = 10f64.powf(rough.log10().floor());
    let step = [1.0, 2.0, 5.0].into_iter().find(|step| step * power >= rough * 0.75).unwrap_or(10.0);
    step * power
}

/// Ticks at multiples of a round step, about as many as wanted.
fn equal_steps(low: f64, high: f64, divisor: f64, wanted: usize) -> Vec<(f64, String)> {
    let step = nice_step((high - low) / divisor, wanted);
    let decimals = decimals_of_step(step);
    let first = (low / divisor / step).ceil() as i64;
    let last = (high / divisor / step).floor() as i64;
    (first..=last.min(first + 40)).map(|nth| (nth as f64 * step * divisor, fixed(nth as f64 * step, decimals))).collect()
}

/// A tick of a logarithmic axis: 0.05, 2, 500, 2000 without needless zeros.
fn plain(value: f64) -> String {
    let decimals = (-value.log10().floor()).clamp(0.0, 9.0) as u8;
    fixed(value, decimals)
}

const MINUTE: i64 = 60;
const HOUR: i64 = 3_600;
const DAY: i64 = 86_400;

/// Ticks at round instants. Above a month they stand at the first of a month.
fn instants(low: f64, high: f64, wanted: usize) -> Vec<(f64, String)> {
    const STEPS: [i64; 17] = [
        MINUTE,
        2 * MINUTE,
        5 * MINUTE,
        10 * MINUTE,
        15 * MINUTE,
        30 * MINUTE,
        HOUR,
        2 * HOUR,
        3 * HOUR,
        6 * HOUR,
        12 * HOUR,
        DAY,
        2 * DAY,
        4 * DAY,
        7 * DAY,
        14 * DAY,
        28 * DAY,
    ];
    let rough = (high - low) / wanted.max(1) as f64;
    let Some(step) = STEPS.into_iter().find(|&step| step as f64 >= rough) else {
        return months(low, high, (rough / (30.0 * DAY as f64)).ceil() as i32);
    };
    let (first, last) = ((low as i64).div_euclid(step) + 1, (high as i64).div_euclid(step));
    let mut day = None;
    (first..=last)
        .filter_map(|nth| {
            let at = OffsetDateTime::from_unix_timestamp(nth * step).ok()?;
            let new_day = day.replace(at.date()) != Some(at.date());
            let date = format!("{:02}-{:02}", u8::from(at.month()), at.day());
            let text = match (step < DAY, new_day) {
                (false, _) => date,
                (true, true) if at.time() == Time::MIDNIGHT => date,
                (true, true) => format!("{date} {:02}:{:02}", at.hour(), at.minute()),
                (true, false) => format!("{:02}:{:02}", at.hour(), at.minute()),
            };
            Some(((nth * step) as f64, text))
        })
        .collect()
}

fn months(low: f64, high: f64, every: i32) -> Vec<(f64, String)> {
    let every = [1, 2, 3, 6, 12, 24, 60, 120].into_iter().find(|&months| months >= every).unwrap_or(120);
    let month_of = |seconds: f64| {
        let at = OffsetDateTime::from_unix_timestamp(seconds as i64).ok()?;
        Some(at.year() * 12 + i32::from(u8::from(at.month())) - 1)
    };
    let (Some(first), Some(last)) = (month_of(low), month_of(high)) else { return Vec::new() };
    (first + 1..=last)
        .filter(|month| month.rem_euclid(every) == 0)
        .filter_map(|month| {
            let (year, name) = (month.div_euclid(12), Month::try_from(month.rem_euclid(12) as u8 + 1).ok()?);
            let at = Date::from_calendar_date(year, name, 1).ok()?.midnight().assume_utc();
            Some((at.unix_timestamp() as f64, format!("{year}-{:02}", u8::from(name))))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(axis: &Axis) -> Vec<&str> {
        axis.ticks.iter().map(|(_, text)| text.as_str()).collect()
    }

    #[test]
    fn ticks_are_round_numbers_in_the_fitting_prefix() {
        let axis = Axis::linear("Latency", Unit::Time, [12_000_000.0, 13_000_000.0], false, 5);
        assert_eq!(axis.title, "Latency, ms");
        assert_eq!(texts(&axis), ["12.0", "12.2", "12.4", "12.6", "12.8", "13.0"]);
        assert_eq!(texts(&Axis::linear("", Unit::Size, [4.0e6, 46.0e6], true, 5)), ["0", "10", "20", "30", "40"]);
        assert_eq!(texts(&Axis::logarithmic("", Unit::Count, [47e6, 1.8e9])), ["50", "100", "200", "500", "1,000", "2,000"]);
    }

    #[test]
    fn an_axis_without_values_is_still_an_axis() {
        assert!(!Axis::linear("", Unit::Time, [], true, 5).ticks.is_empty());
        assert!(!Axis::logarithmic("", Unit::Time, [0.0, -1.0, f64::NAN]).ticks.is_empty());
        assert!(!Axis::time("", [], 5).ticks.is_empty());
        let one = Axis::linear("", Unit::Time, [5.0e6], false, 5);
        assert!(one.low < 5.0e6 && one.high > 5.0e6);
        // No tick of 1, 2 or 5 is near: without any, the axis' name would stand on its line.
        assert_eq!(texts(&Axis::logarithmic("", Unit::Count, [76.5e6])), ["70", "80"]);
    }

    #[test]
    fn instants_stand_at_round_times_and_name_the_day_once() {
        let start = 1_795_478_400.0; // 2026-11-24T00:00:00Z
        assert_eq!(texts(&Axis::time("", [start + 1000.0, start + 14_000.0], 5)), ["11-24 01:00", "02:00", "03:00"]);
        assert_eq!(texts(&Axis::time("", [start, start + 40.0 * 86_400.0], 5)), ["12-03", "12-17", "12-31"]);
        assert_eq!(
            texts(&Axis::time("", [start, start + 400.0 * 86_400.0], 5)),
            ["2027-01", "2027-04", "2027-07", "2027-10", "2028-01"]
        );
    }
}
