//! The log of Android's health daemon (system/core/healthd, `BatteryMonitor::update`): one line for each look.
//!
//! `10.417 battery l=14 v=3734 t=25.9 h=2 st=2 c=31 chg=u`: level, millivolts, degrees, status, the raw current divided
//! by thousand, chargers by letter. Where the kernel gives milliamperes, nothing of the current is left.

use benchrack_protocol::units::{Millicelsius, Nanos};

use super::battery::{Figure, Refused};
use super::power_supply::{battery_degrees, battery_volts};
use crate::gauge::{Moment, Series, Status};

/// One line.
#[derive(Debug, Clone, PartialEq)]
pub struct Line {
    /// What it says; `raw` is `c` times thousand.
    pub moment: Moment,
    /// Battery temperature.
    pub temperature: Option<Millicelsius>,
    /// Figures that it has and that are none, with the reason.
    pub refused: Vec<Refused>,
}

/// All lines that describe a battery.
pub fn parse(text: &str) -> Vec<Line> {
    text.trim_start_matches('\u{feff}').split(['\n', '\r']).filter_map(line).collect()
}

/// The lines' currents as one series.
pub fn series(lines: &[Line]) -> Series {
    Series { moments: lines.iter().map(|line| line.moment.clone()).collect(), named_unit: None, resolution: 1000 }
}

fn line(text: &str) -> Option<Line> {
    let (before, fields) = text.split_once("battery ")?;
    let field = |name: &str| fields.split_whitespace().find_map(|field| field.strip_prefix(name)?.strip_prefix('='));
    let number = |name: &str| field(name)?.parse::<i64>().ok();
    let level = number("l").and_then(|level| u32::try_from(level).ok()).filter(|&level| level <= 100);
    // The daemon begins with `l=` and ends with `chg=`; other messages of a battery have neither, a cut line not both.
    field("l").and(field("chg"))?;
    let tenths = |text: &str| {
        text.parse::<f64>().ok().filter(|degrees| degrees.abs() < 1000.0).map(|degrees| (degrees * 10.0).round() as i64)
    };
    // `<6>[   10.41]` begins with the message's level.
    let words = before.split(|letter: char| !(letter.is_ascii_digit() || letter == '.'));
    let seconds = words.filter(|word| word.contains('.')).find_map(|word| word.parse::<f64>().ok());
    let voltage = number("v").and_then(battery_volts);
    let temperature = field("t").and_then(tenths).and_then(battery_degrees);
    let raw = number("c").and_then(|thousands| thousands.checked_mul(1000));
    let mut refused = Vec::new();
    let mut refuse = |figure, name: &str, used: bool, why: &str| {
        if let (Some(text), false) = (field(name), used) {
            refused.push((figure, format!("{name}={text} {why}")));
        }
    };
    refuse(Figure::Voltage, "v", voltage.is_some(), "is no battery's voltage");
    refuse(Figure::Temperature, "t", temperature.is_some(), "is no battery's temperature");
    refuse(Figure::Current, "c", raw.is_some_and(is_current), "is what dividing by thousand has left of a current");
    Some(Line {
        moment: Moment {
            at: seconds.filter(|seconds| (0.0..1e9).contains(seconds)).map(|seconds| Nanos((seconds * 1e9) as u64)),
            raw,
            voltage,
            status: field("st").and_then(Status::of_number),
            charger: field("chg").map(|letters| letters.contains(['a', 'u', 'w'])),
            level,
            charge: None,
        },
        temperature,
        refused,
    })
}

/// Whether a count is more than what rounding leaves of nothing.
pub fn is_current(raw: i64) -> bool {
    raw.unsigned_abs() > 1000
}

#[cfg(test)]
mod tests {
    use benchrack_protocol::units::Microvolts;

    use super::*;

    #[test]
    fn lines_are_moments_and_values_that_are_not_filled_in_are_none() {
        let lines = parse(
            "<6>[   10.417460] healthd: battery l=14 v=3734 t=25.9 h=2 st=2 c=31 fc=2876000 chg=u\r\n\
             10.1 battery l=9 v=0 t=0.0 h=2 st=3 c=0 chg=\nbattery none chg=u\n",
        );
        let [first, second] = lines.as_slice() else { panic!("{lines:?}") };
        assert_eq!((first.moment.raw, first.moment.voltage), (Some(31_000), Some(Microvolts(3_734_000))));
        assert_eq!(first.moment.at, Some(Nanos(10_417_460_000)));
        assert_eq!((first.temperature, first.moment.charger), (Some(Millicelsius(25_900)), Some(true)));
        assert_eq!((second.moment.voltage, second.temperature, second.moment.charger), (None, None, Some(false)));
        assert!(first.refused.is_empty(), "{:?}", first.refused);
        let refused: Vec<_> = second.refused.iter().map(|(figure, _)| *figure).collect();
        assert_eq!(refused, [Figure::Voltage, Figure::Temperature, Figure::Current]);
    }
}
