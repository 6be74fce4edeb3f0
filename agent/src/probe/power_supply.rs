//! `/sys/class/power_supply` (Documentation/ABI/testing/sysfs-class-power): batteries and chargers, by type.
//!
//! The class defines microvolts, microamperes and tenths of a degree; phones deviate. A voltage or temperature is
//! taken in the unit that makes it possible. A current stays missing: milli and micro, and both signs, look alike, so
//! nothing but a calibration on the device itself can tell.

use benchrack_protocol::device::PowerSupply;
use benchrack_protocol::reading::{Missing, Reading};
use benchrack_protocol::units::{Microamps, Microvolts, Millicelsius};

use crate::sysfs::{self, SysFs};

const CLASS: &str = "sys/class/power_supply";

/// All supplies by name.
pub fn supplies(fs: &dyn SysFs) -> Vec<PowerSupply> {
    let names = fs.list(CLASS).unwrap_or_default();
    names.into_iter().map(|name| supply(fs, name)).collect()
}

/// One supply now.
pub fn supply(fs: &dyn SysFs, name: String) -> PowerSupply {
    let uevent = sysfs::text(fs, &format!("{CLASS}/{name}/uevent"));
    let property = |file: &str| property(fs, &name, &uevent, file);
    PowerSupply {
        kind: property("type"),
        status: property("status"),
        capacity_percent: property("capacity").and_then(|text| match text.parse() {
            Ok(percent @ 0..=100) => Reading::of(percent),
            _ => invalid(&name, "capacity", &text, "is no share of 100"),
        }),
        current: property("current_now").and_then(|text| unproved_current(&name, &text)),
        voltage: property("voltage_now").and_then(|text| voltage(&name, &text)),
        temperature: property("temp").and_then(|text| temperature(&name, &text)),
        online: property("online").and_then(|text| match text.as_str() {
            "0" => Reading::of(false),
            "1" | "2" => Reading::of(true),
            _ => invalid(&name, "online", &text, "is neither 0 nor 1"),
        }),
        name,
    }
}

/// A property from its own file, else from `uevent`, which holds the same and is readable on more phones.
pub(crate) fn property(fs: &dyn SysFs, supply: &str, uevent: &Reading<String>, file: &str) -> Reading<String> {
    let own = sysfs::text(fs, &format!("{CLASS}/{supply}/{file}"));
    if own.value().is_some() {
        return own;
    }
    let key = format!("POWER_SUPPLY_{}=", file.to_uppercase());
    let listed = uevent.value().and_then(|text| text.lines().find_map(|line| line.strip_prefix(key.as_str())));
    match listed {
        Some(value) => Reading::of(value.trim().to_owned()),
        None => own,
    }
}

fn invalid<T>(supply: &str, file: &str, text: &str, why: &str) -> Reading<T> {
    Reading::missing(Missing::Invalid, format!("{CLASS}/{supply}/{file}: '{}' {why}", sysfs::excerpt(text)))
}

fn unproved_current(supply: &str, text: &str) -> Reading<Microamps> {
    match text.parse::<i64>() {
        Ok(raw) if raw <= i64::from(i32::MIN) => invalid(supply, "current_now", text, "means that there is no such figure"),
        Ok(_) => invalid(supply, "current_now", text, "is not used: its unit and sign are not proved on this device"),
        Err(_) => invalid(supply, "current_now", text, "is no number"),
    }
}

/// Packs of one to five lithium cells: 2.5 to 22 V.
pub(crate) fn voltage(supply: &str, text: &str) -> Reading<Microvolts> {
    match text.parse::<i64>() {
        Ok(raw @ 2_500_000..=22_000_000) => Reading::of(Microvolts(raw)),
        Ok(raw @ 2_500..=22_000) => Reading::of(Microvolts(raw * 1000)),
        _ => invalid(supply, "voltage_now", text, "is no battery's voltage in microvolts or millivolts"),
    }
}

/// Tenths of a degree as the class defines, from -20 to 80 °C; thousandths where only they are possible.
fn temperature(supply: &str, text: &str) -> Reading<Millicelsius> {
    match text.parse::<i64>() {
        Ok(0) => invalid(supply, "temp", text, "is what a gauge reads that is not filled in"),
        Ok(raw @ -200..=800) => Reading::of(Millicelsius(raw * 100)),
        Ok(raw @ 10_000..=80_000) => Reading::of(Millicelsius(raw)),
        _ => invalid(supply, "temp", text, "is no battery's temperature in tenths or thousandths of a degree"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sysfs::Captured;

    fn with(properties: &[(&str, &str)]) -> PowerSupply {
        let device = Captured::default();
        for (file, value) in properties {
            device.set(&format!("sys/class/power_supply/bms/{file}"), &format!("{value}\n"));
        }
        supplies(&device).remove(0)
    }

    #[test]
    fn volts_and_degrees_are_read_in_the_unit_that_is_possible() {
        for raw in ["3888173", "3888"] {
            let read = *with(&[("voltage_now", raw)]).voltage.value().unwrap();
            assert_eq!(read.0 / 1_000_000, 3, "{raw}");
        }
        assert_eq!(with(&[("temp", "290")]).temperature.value(), Some(&Millicelsius(29_000)));
        assert_eq!(with(&[("temp", "29000")]).temperature.value(), Some(&Millicelsius(29_000)));
        for wrong in ["0", "-22", "99999999", "-", "3"] {
            assert!(with(&[("voltage_now", wrong)]).voltage.value().is_none(), "{wrong}");
        }
    }

    #[test]
    fn a_current_is_never_taken_unproved() {
        for raw in ["-326171", "-191", "0", "-2147483648", ""] {
            assert!(with(&[("current_now", raw)]).current.value().is_none(), "{raw}");
        }
    }

    #[test]
    fn uevent_answers_where_files_do_not() {
        let supply = with(&[("uevent", "POWER_SUPPLY_STATUS=Charging\nPOWER_SUPPLY_CAPACITY=50\nPOWER_SUPPLY_TEMP=290")]);
        assert_eq!(supply.status.value().map(String::as_str), Some("Charging"));
        assert_eq!(supply.capacity_percent.value(), Some(&50));
        assert_eq!(supply.temperature.value(), Some(&Millicelsius(29_000)));
        assert!(supply.kind.value().is_none());
    }
}
