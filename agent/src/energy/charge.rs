//! `charge_counter` (or `charge_now`) of the battery times `voltage_now`, for gauges without a usable current.
//!
//! The kernel defines microampere-hours; milli and nano are found. The unit follows from the device itself: a battery
//! that is this full holds between 1 and 20 ampere-hours when it is full, and that fits one unit only.

use std::time::Duration;

use benchrack_protocol::energy::{EnergySource, MeterReading};
use benchrack_protocol::reading::{Missing, Reading};
use benchrack_protocol::units::Nanos;

use super::battery::{Battery, Cut, charging};
use super::{Look, Nature, Refusal, Source, refusal};
use crate::device::Device;

const FILES: [&str; 2] = ["charge_counter", "charge_now"];
/// A battery emptier than this says too little of its size.
const LEAST_LEVEL: i64 = 10;

/// Microcoulombs of one count of a counter that reads this at this level in per cent: of a milliampere-hour, a
/// microampere-hour, or a thousandth of that.
fn unit(raw: i64, level: i64) -> Option<f64> {
    if raw <= 0 || !(LEAST_LEVEL..=100).contains(&level) {
        return None;
    }
    let full = raw as f64 * 100.0 / level as f64;
    let units = [(1e3, 3_600_000.0), (1e6, 3_600.0), (1e9, 3.6)];
    units.into_iter().find(|(least, _)| (*least..=*least * 20.0).contains(&full)).map(|(_, unit)| unit)
}

/// The counter of a battery.
pub(super) struct ChargeCounter<'a> {
    battery: Battery<'a>,
    file: &'static str,
    unit: f64,
    nature: Nature,
    last: Option<i64>,
}

/// The counter of a device that no cable feeds.
pub(super) fn open<'a>(device: &'a Device, cut: Option<Cut<'a>>) -> Result<ChargeCounter<'a>, Refusal> {
    let battery = Battery::find(device, None, cut)?;
    let counters = FILES.map(|file| (file, battery.number(file)));
    let found = counters.iter().find_map(|(file, reading)| Some((*file, *reading.value()?)));
    let Some((file, raw)) = found else {
        let [(_, first), _] = counters;
        return Err(refusal(first).err().unwrap_or((Missing::Absent, "no charge counter".into())));
    };
    refusal(battery.voltage())?;
    let level = refusal(battery.number("capacity"))?;
    let unit = unit(raw, level).ok_or_else(|| {
        (Missing::Invalid, format!("{} of {raw} at {level} % is no battery's charge in any unit", battery.path(file)))
    })?;
    if let Some(why) = battery.fed() {
        return Err((Missing::Unavailable, charging(&why)));
    }
    let nature = Nature {
        source: EnergySource::ChargeCounter,
        what: format!("{} × {}", battery.path(file), battery.path("voltage_now")),
        period: None,
        step: None,
        shortest_look: Duration::from_millis(250),
        timing: None,
    };
    Ok(ChargeCounter { battery, file, unit, nature, last: None })
}

impl Source for ChargeCounter<'_> {
    fn nature(&self) -> &Nature {
        &self.nature
    }

    fn look(&mut self, at: Nanos) -> Look {
        if let Some(fed) = self.battery.if_fed() {
            return fed;
        }
        let (Reading::Value { value: raw }, Reading::Value { value: voltage }) =
            (self.battery.number(self.file), self.battery.voltage())
        else {
            return Look::Silent;
        };
        if self.last.is_some_and(|last| raw > last) {
            let path = self.battery.path(self.file);
            return Look::Unusable(Missing::Unavailable, charging(&format!("{path} rose to {raw}")));
        }
        self.last = Some(raw);
        Look::Reading(MeterReading { at, value: (raw as f64 * self.unit).round() as i64, voltage: Some(voltage) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_unit_follows_from_the_size_that_a_battery_can_have() {
        assert_eq!(unit(6978, 100), Some(3_600_000.0), "milliampere-hours");
        assert_eq!(unit(3_912_500, 80), Some(3_600.0), "microampere-hours");
        assert_eq!(unit(1_500_000_000, 50), Some(3.6), "a thousandth of that");
        for (raw, level) in [(0, 50), (-5, 50), (3_912_500, 2), (100_000, 50), (i64::MAX, 50)] {
            assert_eq!(unit(raw, level), None, "{raw} at {level} %");
        }
    }
}
