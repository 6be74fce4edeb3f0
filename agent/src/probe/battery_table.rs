//! Tables of a battery over time that stand beside a capture: one row a moment, columns named after kernel files.
//!
//! A column may end in its unit (`current_avg_mA`). `doing` is what the experimenter wrote down: on a charger, charging
//! switched off, unplugged.

use benchrack_protocol::units::{Millicelsius, Nanos};

use super::dumpsys_battery::time_of_day;
use super::power_supply::{battery_degrees, battery_volts};
use crate::gauge::{Moment, Series, Status};
use crate::sysfs::table::Table;

/// A table of a battery.
#[derive(Debug, Clone, PartialEq)]
pub struct BatteryTable {
    /// The current's counts and what was seen beside them.
    pub series: Series,
    /// Temperatures, row by row.
    pub temperatures: Vec<Option<Millicelsius>>,
    /// Whether the current is the kernel's `current_now`, not an average of some service.
    pub kernels: bool,
}

/// Reads a table; none where it has neither current nor voltage of a battery.
pub fn parse(text: &str) -> Option<BatteryTable> {
    let table = Table::parse(text);
    let column = |names: &[&str]| table.column(names);
    let milli = column(&["current_now_ma", "current_avg_ma", "current_ma"]);
    let micro = column(&["current_now_ua", "current_avg_ua", "current_ua"]);
    let raw = column(&["current_now", "current_avg", "current"]);
    let voltage = column(&["voltage_now", "voltage_mv", "voltage_uv", "voltage", "batt_vol"]);
    let current = milli.or(micro).or(raw);
    if current.is_none() && voltage.is_none() {
        return None;
    }
    let (level, status) = (column(&["level", "capacity"]), column(&["status"]));
    let (charge, doing) = (column(&["charge_counter", "charge_counter_uah"]), column(&["doing"]));
    let temperature = column(&["temp", "temperature", "temperature_dc", "batt_temp"]);
    let (seconds, clock) = (column(&["second", "seconds", "t", "time", "at"]), column(&["clock"]));
    let mut noted = Noted::default();
    let mut moments = Vec::new();
    let mut temperatures = Vec::new();
    for row in &table.rows {
        let text = |column| table.cell(row, column);
        let number = |column| text(column)?.parse::<i64>().ok();
        noted = text(doing).map_or_else(Noted::default, |doing| noted.then(doing));
        let at = text(seconds).and_then(|text| text.parse::<f64>().ok()).filter(|at| (0.0..1e9).contains(at));
        let at = at.map(|at| Nanos((at * 1e9) as u64)).or_else(|| text(clock).and_then(time_of_day));
        moments.push(Moment {
            at,
            raw: number(current).filter(|&raw| raw > i64::from(i32::MIN)),
            voltage: number(voltage).and_then(battery_volts),
            status: text(status).and_then(Status::of).or(noted.status),
            charger: noted.charger,
            level: number(level).and_then(|level| u32::try_from(level).ok()).filter(|&level| level <= 100),
            charge: number(charge),
        });
        temperatures.push(number(temperature).and_then(battery_degrees));
    }
    let named_unit = milli.map(|_| 1000).or(micro.map(|_| 1));
    let kernels = current.and_then(|at| table.columns.get(at)).is_some_and(|name| name.starts_with("current_now"));
    (!moments.is_empty()).then_some(BatteryTable { series: Series { moments, named_unit, resolution: 1 }, temperatures, kernels })
}

/// What an experimenter's note says.
#[derive(Debug, Clone, Copy, Default)]
struct Noted {
    status: Option<Status>,
    charger: Option<bool>,
}

impl Noted {
    /// By the words that leave no doubt; `same` goes on, and any other note says nothing.
    fn then(self, note: &str) -> Self {
        let note = note.to_lowercase();
        let says = |words: &[&str]| words.iter().any(|word| note.contains(word));
        if note == "same" {
            self
        } else if says(&["switched off", "not charging", "charging disabled", "charging off", "input suspend"]) {
            let charger = says(&["plugged"]) && !says(&["unplugged", "not plugged"]);
            Self { status: charger.then_some(Status::NotCharging), charger: charger.then_some(true) }
        } else if says(&["unplugged", "discharging"]) {
            Self { status: Some(Status::Discharging), charger: Some(false) }
        } else if note.starts_with("charging") {
            Self { status: Some(Status::Charging), charger: Some(true) }
        } else {
            Self::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn notes_tell_what_the_charger_did() {
        let table = parse(
            "second\tcurrent_now\tdoing\r\n0\t-2632811\tcharging, screen off\r\n1\t-12207\tcharging switched off by x, still plugged\r\n\
             2\t-37109\tsame\r\n3\t9\tsomething\r\n4\tx\tunplugged\r\n",
        )
        .unwrap();
        let seen: Vec<_> = table.series.moments.iter().map(|moment| (moment.status, moment.charger)).collect();
        let held = (Some(Status::NotCharging), Some(true));
        assert_eq!(
            seen,
            [(Some(Status::Charging), Some(true)), held, held, (None, None), (Some(Status::Discharging), Some(false))]
        );
        assert!(table.kernels);
        assert_eq!(table.series.moments[4].raw, None);
    }

    #[test]
    fn units_in_column_names_are_believed_and_other_tables_are_left_alone() {
        let table = parse("clock\tvoltage_mV\tcurrent_avg_mA\n02:12:30\t3740\t-1503\n").unwrap();
        assert_eq!(table.series.named_unit, Some(1000));
        assert_eq!(table.series.moments[0].at, Some(Nanos(7_950_000_000_000)));
        assert!(!table.kernels);
        assert!(parse("zone\ttype\n0\tbattery\n").is_none());
        assert!(parse("").is_none());
    }
}
