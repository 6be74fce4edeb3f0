//! Figures for people: three significant digits, the fitting prefix, always a unit.

use benchrack_protocol::api::{Estimate, Metric};

/// What a number counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unit {
    /// Nanoseconds.
    Time,
    /// Bytes, with decimal prefixes as download sizes are quoted.
    Size,
    /// Things: multiply-adds, parameters, samples.
    Count,
    /// Times as much.
    Ratio,
    /// A share, shown in per cent; 0.5 is 50 %.
    Share,
    /// Kilohertz.
    Frequency,
    /// Thousandths of a degree Celsius.
    Temperature,
    /// Frames in a second.
    FrameRate,
    /// Joules.
    Energy,
    /// Watts.
    Power,
    /// Decibels.
    Fidelity,
}

/// A prefixed unit: values are divided by `divisor` before they are shown with `symbol`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Scale {
    pub(crate) divisor: f64,
    pub(crate) symbol: &'static str,
}

/// Between a number and its unit.
pub(crate) const NBSP: char = '\u{a0}';

impl Unit {
    /// The unit of a metric's values.
    pub(crate) fn of(metric: Metric) -> Self {
        match metric {
            Metric::PeakRss
            | Metric::Pss
            | Metric::ModelSize
            | Metric::ModelPeakRss
            | Metric::ModelPssAnonymous
            | Metric::ModelPssFile => Self::Size,
            Metric::Energy => Self::Energy,
            Metric::Power => Self::Power,
            Metric::FrameRate => Self::FrameRate,
            Metric::Fidelity => Self::Fidelity,
            _ => Self::Time,
        }
    }

    /// Prefixes, smallest first.
    fn scales(self) -> &'static [Scale] {
        match self {
            Self::Time => const { &[Scale::new(1.0, "ns"), Scale::new(1e3, "µs"), Scale::new(1e6, "ms"), Scale::new(1e9, "s")] },
            Self::Size => const { &[Scale::new(1.0, "B"), Scale::new(1e3, "kB"), Scale::new(1e6, "MB"), Scale::new(1e9, "GB")] },
            Self::Count => const { &[Scale::new(1.0, ""), Scale::new(1e3, "k"), Scale::new(1e6, "M"), Scale::new(1e9, "G")] },
            Self::Ratio => const { &[Scale::new(1.0, "×")] },
            Self::Share => const { &[Scale::new(0.01, "%")] },
            Self::Frequency => const { &[Scale::new(1.0, "kHz"), Scale::new(1e3, "MHz"), Scale::new(1e6, "GHz")] },
            Self::Temperature => const { &[Scale::new(1e3, "°C")] },
            Self::FrameRate => const { &[Scale::new(1.0, "fps")] },
            Self::Fidelity => const { &[Scale::new(1.0, "dB")] },
            Self::Energy => const { &[Scale::new(1e-6, "µJ"), Scale::new(1e-3, "mJ"), Scale::new(1.0, "J")] },
            Self::Power => const { &[Scale::new(1e-3, "mW"), Scale::new(1.0, "W")] },
        }
    }

    /// The largest prefix under which this value is at least 1, with three digits; the smallest for anything less.
    pub(crate) fn scale_for(self, value: f64) -> Scale {
        let scales = self.scales();
        let rounded = three_digits(value).abs();
        scales.iter().rev().find(|scale| rounded >= scale.divisor).or(scales.first()).copied().unwrap_or(Scale::new(1.0, ""))
    }

    /// One prefix for a whole column or axis: the one of the middle value.
    pub(crate) fn scale_for_all(self, values: impl IntoIterator<Item = f64>) -> Scale {
        let mut values: Vec<f64> = values.into_iter().filter(|value| value.is_finite()).map(f64::abs).collect();
        values.sort_by(f64::total_cmp);
        self.scale_for(values.get(values.len() / 2).copied().unwrap_or(0.0))
    }

    /// `12.3 ms`.
    pub(crate) fn show(self, value: f64) -> String {
        let scale = self.scale_for(value);
        if scale.symbol.is_empty() { scale.number(value) } else { format!("{}{NBSP}{}", scale.number(value), scale.symbol) }
    }

    /// `12.3 ms [12.1, 12.6]`; an exact figure has no brackets.
    pub(crate) fn show_interval(self, estimate: &Estimate) -> String {
        let scale = self.scale_for(estimate.value);
        let shown = self.show(estimate.value);
        match scale.interval(estimate) {
            None => shown,
            Some(Interval { value, low, high }) => {
                let gap = if scale.symbol.is_empty() { String::new() } else { format!("{NBSP}{}", scale.symbol) };
                format!("{value}{gap} [{low},{NBSP}{high}]{}", level_words(estimate))
            }
        }
    }
}

/// ` 88 %` behind an interval that is less sure than its place says; nothing behind others.
pub(crate) fn level_words(estimate: &Estimate) -> String {
    estimate.level.map(|level| format!("{NBSP}{:.0}{NBSP}%", (level * 100.0).floor())).unwrap_or_default()
}

/// An interval that is less sure than a coin says nothing, and is not shown.
const LEAST_SHOWN: f64 = 0.5;

/// The texts of a figure and its interval, with as many decimals as the interval needs to be seen.
#[derive(Debug, PartialEq)]
pub(crate) struct Interval {
    pub(crate) value: String,
    pub(crate) low: String,
    pub(crate) high: String,
}

impl Scale {
    const fn new(divisor: f64, symbol: &'static str) -> Self {
        Self { divisor, symbol }
    }

    /// The number alone, with three significant digits.
    pub(crate) fn number(self, value: f64) -> String {
        number(value / self.divisor)
    }

    /// Value and interval alone, in this scale; none for an exact figure, and none where there were too few samples.
    pub(crate) fn interval(self, estimate: &Estimate) -> Option<Interval> {
        if estimate.level.is_some_and(|level| level < LEAST_SHOWN) {
            return None;
        }
        let [value, low, high] = [estimate.value, estimate.low, estimate.high].map(|end| end / self.divisor);
        if !(low < high && low.is_finite() && high.is_finite() && value.is_finite()) {
            return None;
        }
        let decimals = decimals(value);
        let seen = (1..=3).map(|more| decimals + more).find(|&more| (high - low) * 10f64.powi(i32::from(more)) >= 10.0);
        let enough = if (high - low) * 10f64.powi(i32::from(decimals)) >= 2.0 { decimals } else { seen.unwrap_or(decimals + 3) };
        Some(Interval { value: fixed(value, enough), low: fixed(low, enough), high: fixed(high, enough) })
    }
}

/// The value rounded to three significant digits.
fn three_digits(value: f64) -> f64 {
    format!("{value:.2e}").parse().unwrap_or(value)
}

/// Decimals that show three significant digits.
fn decimals(value: f64) -> u8 {
    let rounded = three_digits(value).abs();
    if rounded == 0.0 || !rounded.is_finite() {
        return 0;
    }
    (2 - rounded.log10().floor() as i64).clamp(0, 12) as u8
}

/// Decimals that tell multiples of this step apart: 0.25 needs 2.
pub(crate) fn decimals_of_step(step: f64) -> u8 {
    (0..=9)
        .find(|&decimals| {
            let scaled = step * 10f64.powi(i32::from(decimals));
            scaled >= 0.999 && (scaled - scaled.round()).abs() < 1e-6
        })
        .unwrap_or(9)
}

/// Three significant digits: `1.23`, `12.3`, `123`, `1,230`.
pub(crate) fn number(value: f64) -> String {
    let rounded = three_digits(value);
    fixed(rounded, decimals(rounded))
}

/// That many decimals, thousands set apart.
pub(crate) fn fixed(value: f64, decimals: u8) -> String {
    let plain = format!("{value:.*}", usize::from(decimals));
    let (number, sign) = match plain.strip_prefix('-') {
        Some(number) if number.bytes().any(|digit| (b'1'..=b'9').contains(&digit)) => (number, "−"),
        Some(number) => (number, ""),
        None => (plain.as_str(), ""),
    };
    let (whole, rest) = number.split_at(number.find('.').unwrap_or(number.len()));
    let mut grouped = String::from(sign);
    for (nth, digit) in whole.chars().enumerate() {
        if nth > 0 && (whole.len() - nth).is_multiple_of(3) && whole.bytes().all(|byte| byte.is_ascii_digit()) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped + rest
}

/// A change alone: `+2.1 %`.
pub(crate) fn change(share: f64) -> String {
    let percent = fixed(share * 100.0, 1);
    format!("{}{percent}{NBSP}%", if share > 0.0 { "+" } else { "" })
}

/// A change with its interval: `+2.1 % [+1.8, +2.4]`; an exact one alone.
pub(crate) fn change_interval(share: &Estimate) -> String {
    if share.low == share.high {
        return change(share.value);
    }
    let signed = |value: f64, decimals| format!("{}{}", if value > 0.0 { "+" } else { "" }, fixed(value * 100.0, decimals));
    let width = (share.high - share.low) * 100.0;
    let decimals = if width >= 10.0 {
        0
    } else if width >= 1.0 {
        1
    } else {
        2
    };
    format!("{}{NBSP}% [{},{NBSP}{}]", signed(share.value, decimals), signed(share.low, decimals), signed(share.high, decimals))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_digits_and_the_fitting_prefix() {
        let time = |ns: f64| Unit::Time.show(ns).replace(NBSP, " ");
        assert_eq!(time(999.4), "999 ns");
        assert_eq!(time(999.6), "1.00 µs");
        assert_eq!(time(12_345_678.0), "12.3 ms");
        assert_eq!(time(999_600_000.0), "1.00 s");
        assert_eq!(time(0.0), "0 ns");
        assert_eq!(time(7_200e9), "7,200 s");
        assert_eq!(Unit::Size.show(4_976_000.0).replace(NBSP, " "), "4.98 MB");
        assert_eq!(Unit::Count.show(568_740_352.0).replace(NBSP, " "), "569 M");
        assert_eq!(Unit::Share.show(0.985).replace(NBSP, " "), "98.5 %");
        assert_eq!(Unit::Ratio.show(0.5).replace(NBSP, " "), "0.500 ×");
    }

    #[test]
    fn an_interval_gets_the_decimals_that_show_it_and_an_exact_figure_none() {
        let shown = |value, low, high| Unit::Time.show_interval(&Estimate::within(value, low, high)).replace(NBSP, " ");
        assert_eq!(shown(12_345_678.0, 12_100_000.0, 12_560_000.0), "12.3 ms [12.1, 12.6]");
        assert_eq!(shown(12_345_678.0, 12_338_000.0, 12_351_000.0), "12.346 ms [12.338, 12.351]");
        assert_eq!(shown(12_345_678.0, 12_345_678.0, 12_345_678.0), "12.3 ms");
        assert_eq!(shown(1e6, f64::NEG_INFINITY, f64::INFINITY), "1.00 ms");
    }

    #[test]
    fn an_interval_that_is_less_sure_says_how_sure_it_is_and_a_worthless_one_is_not_shown() {
        let shown = |level| {
            let estimate = Estimate { level, ..Estimate::within(12e6, 11e6, 13e6) };
            Unit::Time.show_interval(&estimate).replace(NBSP, " ")
        };
        assert_eq!(shown(None), "12.0 ms [11.0, 13.0]");
        assert_eq!(shown(Some(0.9375)), "12.0 ms [11.0, 13.0] 93 %");
        assert_eq!(shown(Some(0.2)), "12.0 ms");
    }

    #[test]
    fn a_column_shares_the_prefix_of_its_middle() {
        let scale = Unit::Count.scale_for_all([47e6, 349e6, 1814e6, f64::NAN]);
        assert_eq!(scale.symbol, "M");
        assert_eq!([47e6, 1814e6].map(|macs| scale.number(macs)), ["47.0", "1,810"]);
    }

    #[test]
    fn changes_carry_their_sign_and_no_zero_is_negative() {
        let clean = |text: String| text.replace(NBSP, " ");
        assert_eq!(clean(change_interval(&Estimate::within(0.021, -0.001, 0.043))), "+2.1 % [−0.1, +4.3]");
        assert_eq!(clean(change_interval(&Estimate::exact(0.34))), "+34.0 %");
        assert_eq!(fixed(-0.001, 1), "0.0");
        assert_eq!(fixed(f64::INFINITY, 1), "inf");
    }
}
