//! `/sys/class/power_supply` (Documentation/ABI/testing/sysfs-class-power): batteries and chargers, by type.
//!
//! The class defines microvolts, microamperes and tenths of a degree; phones deviate. A voltage or temperature is
//! taken in the unit that makes it possible. A current stays missing until the device's [`Gauge`] is calibrated: milli
//! and micro, and both signs, look alike.

use benchrack_protocol::device::PowerSupply;
use benchrack_protocol::gauge::Gauge;
use benchrack_protocol::reading::{Missing, Reading};
use benchrack_protocol::units::{Microamps, Microvolts, Millicelsius, Nanos};

use crate::gauge::{Moment, Status};
use crate::sysfs::{self, SysErrorKind, SysFs};

/// Folder of the class.
pub const CLASS: &str = "sys/class/power_supply";

/// All supplies by name.
pub fn supplies(fs: &dyn SysFs) -> Vec<PowerSupply> {
    let names = fs.list(CLASS).unwrap_or_default();
    names.into_iter().map(|name| supply(fs, name)).collect()
}

/// One supply now.
pub fn supply(fs: &dyn SysFs, name: String) -> PowerSupply {
    let uevent = uevent(fs, &name);
    let property = |file: &str| property(fs, &name, &uevent, file);
    PowerSupply {
        kind: property("type"),
        status: property("status"),
        capacity_percent: property("capacity").and_then(|text| match text.parse() {
            Ok(percent @ 0..=100) => Reading::of(percent),
            _ => invalid(&name, "capacity", &text, "is no share of 100"),
        }),
        current: property("current_now").and_then(|text| count(&name, &text)).and_then(|raw| {
            invalid(&name, "current_now", &raw.to_string(), "is not used: its unit and sign are not proved on this device")
        }),
        // Old MediaTek kernels have only their own names.
        voltage: or(property("voltage_now"), || property("batt_vol")).and_then(|text| {
            let volts = text.parse().ok().and_then(battery_volts);
            volts.map_or_else(
                || invalid(&name, "voltage_now", &text, "is no battery's voltage in microvolts or millivolts"),
                Reading::of,
            )
        }),
        temperature: or(property("temp"), || property("batt_temp")).and_then(|text| {
            let degrees = text.parse().ok().and_then(battery_degrees);
            degrees.map_or_else(|| invalid(&name, "temp", &text, "is no battery's temperature in one unit only"), Reading::of)
        }),
        online: property("online").and_then(|text| match text.as_str() {
            "0" => Reading::of(false),
            "1" | "2" => Reading::of(true),
            _ => invalid(&name, "online", &text, "is neither 0 nor 1"),
        }),
        name,
    }
}

/// The supply that is the battery: by type and properties, never by name.
///
/// A supply whose type cannot be read counts by having a charge level. Where several are batteries, the one that
/// answers most comes first; `bms`, a gauge beside the battery on Qualcomm's phones, has a type of its own.
pub fn battery<'a>(fs: &dyn SysFs, supplies: &'a [PowerSupply]) -> Option<&'a PowerSupply> {
    let has_level = |supply: &PowerSupply| !is_absent(&supply.capacity_percent);
    let present = |supply: &PowerSupply| {
        property(fs, &supply.name, &uevent(fs, &supply.name), "present").value().is_none_or(|present| present != "0")
    };
    let is_battery = |supply: &&PowerSupply| match supply.kind.value().map(String::as_str) {
        Some("Battery") => true,
        Some("BMS") | None => has_level(supply),
        Some(_) => false,
    };
    let rank = |supply: &&PowerSupply| {
        (
            supply.kind.value().is_some_and(|kind| kind == "Battery"),
            supply.capacity_percent.value().is_some(),
            supply.status.value().is_some(),
            supply.voltage.value().is_some(),
            // Of equals the first by name.
            std::cmp::Reverse(supply.name.clone()),
        )
    };
    supplies.iter().filter(is_battery).filter(|supply| present(supply)).max_by_key(rank)
}

fn is_absent<T>(reading: &Reading<T>) -> bool {
    matches!(reading, Reading::Missing { missing: Missing::Absent, .. })
}

/// The battery at this moment, from one read of `uevent` where it holds the current: its values then belong together.
pub fn look(fs: &dyn SysFs, name: &str, at: Option<Nanos>) -> Moment {
    let uevent = uevent(fs, name);
    let whole = listed(&uevent, "current_now").is_some();
    let value = |file: &str| {
        let at_once = if whole { listed(&uevent, file).map(Reading::of) } else { None };
        at_once.unwrap_or_else(|| property(fs, name, &uevent, file)).value().cloned()
    };
    let number = |file: &str| value(file)?.parse::<i64>().ok();
    Moment {
        at,
        raw: value("current_now").and_then(|text| count(name, &text).value().copied()),
        voltage: number("voltage_now").or_else(|| number("batt_vol")).and_then(battery_volts),
        status: value("status").as_deref().and_then(Status::of),
        charger: feeding(fs, name).map(|feeding| !feeding.is_empty()),
        level: number("capacity").and_then(|level| u32::try_from(level).ok()).filter(|&level| level <= 100),
        charge: number("charge_counter").or_else(|| number("charge_now")).filter(|&charge| charge != 0),
    }
}

/// Microamperes for each count of `current_now`, where a maker's second file names its unit: Samsung's drivers have the same
/// current in `batt_current_ua_now`.
pub fn named_unit(fs: &dyn SysFs, name: &str) -> Option<i64> {
    let number = |file: &str| answer(fs, name, file).value()?.parse::<f64>().ok().filter(|count| *count != 0.0);
    // Two reads, some milliseconds apart.
    let ratio = number("batt_current_ua_now")? / number("current_now")?;
    [1, 1000].into_iter().find(|&unit| (0.7..=1.4).contains(&(ratio / unit as f64)))
}

/// The supplies but the battery that say that they feed the device; none where no supply says anything.
///
/// A battery's own `online` is no answer: some kernels put a code of the cable there. A gauge beside the battery (`BMS`)
/// and what has no type feed nothing; a supply whose type is refused may.
pub(crate) fn feeding(fs: &dyn SysFs, battery: &str) -> Option<Vec<String>> {
    let others = fs.list(CLASS).ok()?.into_iter().filter(|name| name != battery);
    let said = others.filter_map(|name| {
        let kind = answer(fs, &name, "type");
        if matches!(kind.value().map(String::as_str), Some("Battery" | "BMS" | "Unknown")) {
            return None;
        }
        let online: i64 = answer(fs, &name, "online").value()?.parse().ok()?;
        Some((name, online != 0))
    });
    let said: Vec<(String, bool)> = said.collect();
    (!said.is_empty()).then(|| said.into_iter().filter(|(_, online)| *online).map(|(name, _)| name).collect())
}

/// The current into the battery, by the device's calibration.
pub fn current(fs: &dyn SysFs, gauge: &Gauge) -> Reading<Microamps> {
    let name = &gauge.supply;
    answer(fs, name, "current_now").and_then(|text| count(name, &text)).and_then(|raw| match gauge.current(raw) {
        Some(current) => Reading::of(current),
        None => invalid(name, "current_now", &raw.to_string(), "is no current"),
    })
}

/// All properties in one text. A last line that does not end was cut off, and its number is another number.
fn uevent(fs: &dyn SysFs, supply: &str) -> Reading<String> {
    let path = format!("{CLASS}/{supply}/uevent");
    match fs.read(&path) {
        Ok(text) => Reading::of(text.rfind(['\n', '\r']).and_then(|end| text.get(..end)).unwrap_or_default().to_owned()),
        Err(error) => error.into_reading(),
    }
}

/// A property from its own file, else from `uevent`, which holds the same and is readable on more phones; `uevent` is
/// read only then.
pub(crate) fn answer(fs: &dyn SysFs, supply: &str, file: &str) -> Reading<String> {
    let own = own(fs, supply, file);
    if own.value().is_some() { own } else { else_listed(own, supply, &uevent(fs, supply), file) }
}

/// The same of several properties, for which `uevent` was read once.
fn property(fs: &dyn SysFs, supply: &str, uevent: &Reading<String>, file: &str) -> Reading<String> {
    let own = own(fs, supply, file);
    if own.value().is_some() { own } else { else_listed(own, supply, uevent, file) }
}

fn own(fs: &dyn SysFs, supply: &str, file: &str) -> Reading<String> {
    let path = format!("{CLASS}/{supply}/{file}");
    sysfs::text(fs, &path).and_then(|text| match text.is_empty() {
        true => Reading::missing(Missing::Invalid, format!("{path}: empty")),
        false => Reading::of(text),
    })
}

fn else_listed(own: Reading<String>, supply: &str, uevent: &Reading<String>, file: &str) -> Reading<String> {
    match listed(uevent, file) {
        Some(value) => Reading::of(value),
        // A refused uevent may hold what has no file of its own.
        None if is_absent(&own) && matches!(uevent, Reading::Missing { missing: Missing::Denied, .. }) => {
            sysfs::SysError::new(SysErrorKind::Denied, &format!("{CLASS}/{supply}/uevent"), "refused").into_reading()
        }
        None => own,
    }
}

/// A property from `uevent`.
fn listed(uevent: &Reading<String>, file: &str) -> Option<String> {
    let key = format!("POWER_SUPPLY_{}=", file.to_uppercase());
    let lines = uevent.value()?.split(['\n', '\r']);
    lines
        .filter_map(|line| line.trim().strip_prefix(key.as_str()))
        .map(|value| value.trim().to_owned())
        .find(|value| !value.is_empty())
}

fn or(first: Reading<String>, second: impl FnOnce() -> Reading<String>) -> Reading<String> {
    if first.value().is_some() {
        return first;
    }
    let second = second();
    if second.value().is_some() { second } else { first }
}

fn invalid<T>(supply: &str, file: &str, text: &str, why: &str) -> Reading<T> {
    Reading::missing(Missing::Invalid, format!("{CLASS}/{supply}/{file}: '{}' {why}", sysfs::excerpt(text)))
}

/// Counts of `current_now`; Android's Integer.MIN_VALUE says that there is no such figure.
fn count(supply: &str, text: &str) -> Reading<i64> {
    match text.parse::<i64>() {
        Ok(raw) if raw <= i64::from(i32::MIN) => invalid(supply, "current_now", text, "means that there is no such figure"),
        Ok(raw) => Reading::of(raw),
        Err(_) => invalid(supply, "current_now", text, "is no number"),
    }
}

/// Packs of one to five lithium cells, 2.5 to 22 V, from microvolts or millivolts.
pub fn battery_volts(raw: i64) -> Option<Microvolts> {
    match raw {
        2_500_000..=22_000_000 => Some(Microvolts(raw)),
        2_500..=22_000 => Some(Microvolts(raw * 1000)),
        _ => None,
    }
}

/// Tenths of a degree as the class defines, from -20 to 80 °C; thousandths where only they are possible. None for 0,
/// which a gauge reads that is not filled in, and for what could be whole degrees as well.
pub fn battery_degrees(raw: i64) -> Option<Millicelsius> {
    match raw {
        -20..=80 => None,
        -200..=800 => Some(Millicelsius(raw * 100)),
        10_000..=80_000 => Some(Millicelsius(raw)),
        _ => None,
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
    fn a_temperature_that_two_units_allow_is_refused() {
        for raw in ["29", "-10", "80"] {
            assert!(with(&[("temp", raw)]).temperature.value().is_none(), "{raw}");
        }
        assert_eq!(with(&[("temp", "-55")]).temperature.value(), Some(&Millicelsius(-5_500)));
    }

    #[test]
    fn the_battery_is_told_by_type_and_level_and_not_by_name() {
        let device = Captured::default();
        let set = |path: &str, text: &str| device.set(&format!("sys/class/power_supply/{path}"), text);
        set("battery/type", "USB\n");
        set("max1/type", "Battery\n");
        set("max1/capacity", "50\n");
        set("old/type", "Battery\n");
        set("old/capacity", "60\n");
        set("old/status", "Full\n");
        set("old/present", "0\n");
        let known = supplies(&device);
        assert_eq!(battery(&device, &known).unwrap().name, "max1");
    }

    #[test]
    fn a_second_file_that_names_its_unit_tells_that_of_the_first() {
        for (now, named, unit) in
            [("-191", "-191000", Some(1000)), ("-190000", "-191000", Some(1)), ("7", "0", None), ("5", "900", None)]
        {
            let device = Captured::default();
            device.set("sys/class/power_supply/battery/current_now", now);
            device.set("sys/class/power_supply/battery/batt_current_ua_now", named);
            assert_eq!(named_unit(&device, "battery"), unit, "{now} {named}");
        }
    }

    #[test]
    fn only_an_outside_supply_is_a_charger() {
        let device = Captured::default();
        let set = |path: &str, text: &str| device.set(&format!("sys/class/power_supply/{path}"), text);
        set("battery/online", "1\n");
        assert_eq!(look(&device, "battery", None).charger, None);
        set("usb/type", "USB\n");
        set("usb/online", "0\n");
        assert_eq!(look(&device, "battery", None).charger, Some(false));
        set("ac/type", "Mains\n");
        set("ac/online", "1\n");
        assert_eq!(look(&device, "battery", None).charger, Some(true));
    }

    #[test]
    fn uevent_answers_where_files_do_not() {
        let supply = with(&[(
            "uevent",
            "POWER_SUPPLY_STATUS=Charging\nPOWER_SUPPLY_CAPACITY=50\nPOWER_SUPPLY_TEMP=290\nPOWER_SUPPLY_VOLTAGE_NOW=3888",
        )]);
        assert_eq!(supply.status.value().map(String::as_str), Some("Charging"));
        assert_eq!(supply.capacity_percent.value(), Some(&50));
        assert_eq!(supply.temperature.value(), Some(&Millicelsius(29_000)));
        assert!(supply.kind.value().is_none());
    }
}
