//! Messages of battery drivers in the kernel's log, as far as they name their units.
//!
//! `1.93 sec_bat_get_battery_info:Vnow(3864mV),Inow(-482mA),…`, followed within a tenth of a second by the same work's
//! `Status(Discharging)`. A number without a unit is not used, nor are limits and settings (`Imax`, `Ichg`).

use std::sync::LazyLock;

use benchrack_protocol::units::{Microvolts, Nanos};
use regex_lite::Regex;

use crate::gauge::{Moment, Series, Status};

/// A status that is printed later than this after a reading belongs to another moment.
const SAME_WORK: u64 = 100_000_000;

// The patterns are constants; a test compiles them.
#[expect(clippy::unwrap_used, reason = "constant patterns, compiled by every test of this module")]
static CURRENT: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"(?i)\b(?:inow|i_now|ibat|current_now)[(=: ]+(-?\d{1,9}) ?(mA|uA)\b").unwrap());
#[expect(clippy::unwrap_used, reason = "as above")]
static VOLTAGE: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"(?i)\b(?:vnow|v_now|vbat|voltage_now)[(=: ]+(\d{1,9}) ?(mV|uV)\b").unwrap());
#[expect(clippy::unwrap_used, reason = "as above")]
static STATUS: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"\bStatus\((Charging|Discharging|Not charging|Full)\)").unwrap());

/// Readings of current, with the voltage of the same message.
pub fn parse(text: &str) -> Series {
    let mut series = Series::of(Vec::new());
    for line in text.trim_start_matches('\u{feff}').split(['\n', '\r']) {
        let at = seconds(line);
        let captured = |pattern: &Regex| {
            let found = pattern.captures(line)?;
            Some((found.get(1)?.as_str().parse::<i64>().ok()?, found.get(2)?.as_str().to_ascii_lowercase()))
        };
        if let Some((raw, unit)) = captured(&CURRENT) {
            let named = if unit == "ma" { 1000 } else { 1 };
            if *series.named_unit.get_or_insert(named) == named {
                let voltage =
                    captured(&VOLTAGE).map(|(voltage, unit)| Microvolts(if unit == "mv" { voltage * 1000 } else { voltage }));
                series.moments.push(Moment { at, raw: Some(raw), voltage, ..Moment::default() });
            }
        } else if let Some(status) = STATUS.captures(line).and_then(|found| Status::of(found.get(1)?.as_str()))
            && let Some(last) = series.moments.last_mut()
            && at.zip(last.at).is_some_and(|(now, then)| now.0.saturating_sub(then.0) <= SAME_WORK)
        {
            last.status = Some(status);
        }
    }
    series
}

/// Seconds since the start at the line's beginning: `1.93 …` or `<6>[    1.93] …`.
fn seconds(line: &str) -> Option<Nanos> {
    let word = line.split(|letter: char| !(letter.is_ascii_digit() || letter == '.')).find(|word| word.contains('.'))?;
    word.parse::<f64>().ok().filter(|seconds| (0.0..1e9).contains(seconds)).map(|seconds| Nanos((seconds * 1e9) as u64))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_named_units_and_a_status_of_the_same_work_are_taken() {
        let series = parse(
            "2.20 sec_bat:Vnow(3910mV),Inow(-50mA),Imax(950mA),SOC(58%)\n2.26 sec_bat:Vnow(3980mV),Inow(-51mA)\n\
             2.2624 work: Status(Discharging), Mode(None)\n3.3 sec_bat:Vnow(3972mV),Inow(269mA),Imax(950mA)\n\
             4.0 sm5705: v=3472, i=-995\n9.0 work: Status(Charging)\n",
        );
        assert_eq!(series.named_unit, Some(1000));
        let seen: Vec<_> = series.moments.iter().map(|moment| (moment.raw, moment.status)).collect();
        assert_eq!(seen, [(Some(-50), None), (Some(-51), Some(Status::Discharging)), (Some(269), None)]);
        assert_eq!(series.moments[2].voltage, Some(Microvolts(3_972_000)));
        assert!(parse("\u{feff}AvgI=(435,0) I:80000\n").moments.is_empty());
    }
}
