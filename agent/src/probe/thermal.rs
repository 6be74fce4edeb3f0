//! `/sys/class/thermal` (Documentation/ABI/testing/sysfs-class-thermal): zones and cooling devices.
//!
//! Zone numbers move between kernels, so a sensor is its type. The nominal unit is the millidegree; some phones give
//! tenths or whole degrees, several units side by side, and some zones are no temperatures at all (battery charge,
//! current, voltage). Sensors whose types differ only in numbers are of one driver and so of one unit: a value that is
//! possible by itself and of another unit than its neighbours' is refused.

use std::collections::BTreeMap;

use benchrack_protocol::device::{CoolingDevice, Temperature, ThermalZone};
use benchrack_protocol::reading::{Missing, Reading};
use benchrack_protocol::units::Millicelsius;

use crate::sysfs::{self, SysFs, excerpt};

/// Folder of the class.
pub const CLASS: &str = "sys/class/thermal";

/// All zones, in the order of their numbers.
pub fn zones(fs: &dyn SysFs) -> Vec<ThermalZone> {
    let mut zones: Vec<ThermalZone> = numbered(fs, "thermal_zone")
        .into_iter()
        .map(|zone| {
            let kind = sysfs::text(fs, &format!("{CLASS}/{zone}/type"));
            let temperature = temperature(fs, &zone, kind.value().map(String::as_str));
            ThermalZone { zone, kind, temperature }
        })
        .collect();
    refuse_strangers(fs, &mut zones);
    zones
}

/// The zones that answer, by type.
pub fn temperatures(zones: &[ThermalZone]) -> Vec<Temperature> {
    let named = |zone: &ThermalZone| {
        let kind = zone.kind.value()?.clone();
        Some(Temperature { kind, place: None, temperature: zone.temperature.clone(), source: zone.zone.clone() })
    };
    zones.iter().filter_map(named).collect()
}

/// Refuses values of another unit than most of their driver's.
fn refuse_strangers(fs: &dyn SysFs, zones: &mut [ThermalZone]) {
    let unit = |zone: &ThermalZone| {
        zone.temperature.value()?;
        in_unit(sysfs::text(fs, &format!("{CLASS}/{}/temp", zone.zone)).value()?.parse().ok()?).ok().map(|(unit, _)| unit)
    };
    let mut families: BTreeMap<String, BTreeMap<i64, usize>> = BTreeMap::new();
    for zone in zones.iter() {
        if let (Some(kind), Some(unit)) = (zone.kind.value(), unit(zone)) {
            *families.entry(family(kind)).or_default().entry(unit).or_default() += 1;
        }
    }
    for zone in zones.iter_mut() {
        let Some(unit) = unit(zone) else { continue };
        let Some(counts) = zone.kind.value().and_then(|kind| families.get(&family(kind))) else { continue };
        let own = counts.get(&unit).copied().unwrap_or_default();
        if counts.iter().any(|(other, count)| *other != unit && *count >= own) {
            let why = format!("{CLASS}/{}/temp: in another unit than its neighbours", zone.zone);
            zone.temperature = Reading::missing(Missing::Invalid, why);
        }
    }
}

/// A type without its numbers: `cpu-1-2-usr` and `cpu-0-0-usr` are of one driver.
fn family(kind: &str) -> String {
    kind.chars().filter(|letter| !letter.is_ascii_digit()).collect()
}

/// One zone's temperature now.
pub fn temperature(fs: &dyn SysFs, zone: &str, kind: Option<&str>) -> Reading<Millicelsius> {
    let path = format!("{CLASS}/{zone}/temp");
    if let Some(kind) = kind.filter(|kind| is_no_temperature(kind)) {
        return Reading::missing(Missing::Invalid, format!("{path}: {kind} is a state of the battery, not a temperature"));
    }
    sysfs::text(fs, &path).and_then(|text| match text.parse::<i64>() {
        Ok(raw) => in_degrees(raw, &path),
        Err(_) => Reading::missing(Missing::Invalid, format!("{path}: '{}'", excerpt(&text))),
    })
}

/// All cooling devices.
pub fn cooling_devices(fs: &dyn SysFs) -> Vec<CoolingDevice> {
    numbered(fs, "cooling_device")
        .into_iter()
        .map(|device| {
            let file = |name: &str| format!("{CLASS}/{device}/{name}");
            CoolingDevice {
                kind: sysfs::text(fs, &file("type")),
                state: sysfs::parsed(fs, &file("cur_state"), |text| text.parse().ok()),
                max_state: sysfs::parsed(fs, &file("max_state"), |text| text.parse().ok()),
                device,
            }
        })
        .collect()
}

/// Folders `<prefix><number>` by number.
fn numbered(fs: &dyn SysFs, prefix: &str) -> Vec<String> {
    let names = fs.list(CLASS).unwrap_or_default();
    let mut found: Vec<(u32, String)> =
        names.into_iter().filter_map(|name| Some((name.strip_prefix(prefix)?.parse().ok()?, name))).collect();
    found.sort_unstable();
    found.into_iter().map(|(_, name)| name).collect()
}

/// Zones for charge, current and voltage: Qualcomm's battery current limiter with its trip levels, Tensor's limits of
/// current and voltage (`ocp_gpu` 11900 mA, `smpl_gm` 1300 mV) and counters, and gauges.
fn is_no_temperature(kind: &str) -> bool {
    const PARTS: [&str; 13] =
        ["ibat", "vbat", "bcl", "socd", "vph", "lvl", "ocp", "smpl", "vdroop", "batoilo", "uvlo", "cycle", "reduce"];
    let kind = kind.to_ascii_lowercase();
    kind == "soc" || PARTS.iter().any(|word| kind.split(['-', '_']).any(|part| part.starts_with(word)))
}

/// The raw value in the only unit in which it is a possible temperature of a device that is switched on (-30 to 130 °C
/// in thousandths, else 15 to 110 °C in tenths, else 5 to 110 in degrees): thousandths for each count, and the value.
fn in_unit(raw: i64) -> Result<(i64, Millicelsius), &'static str> {
    let unit = match raw {
        5_000..=130_000 | -30_000..=-1_000 => 1,
        150..=1_100 => 100,
        5..=110 => 1_000,
        0 => return Err("is what a sensor reads that is off"),
        _ => return Err("is no possible temperature in thousandths, tenths or whole degrees"),
    };
    Ok((unit, Millicelsius(raw * unit)))
}

fn in_degrees(raw: i64, path: &str) -> Reading<Millicelsius> {
    match in_unit(raw) {
        Ok((_, temperature)) => Reading::of(temperature),
        Err(why) => Reading::missing(Missing::Invalid, format!("{path}: {raw} {why}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sysfs::Captured;

    fn read(kind: &str, raw: &str) -> Reading<Millicelsius> {
        let device = Captured::default();
        device.set("sys/class/thermal/thermal_zone3/type", &format!("{kind}\n"));
        device.set("sys/class/thermal/thermal_zone3/temp", &format!("{raw}\n"));
        zones(&device).remove(0).temperature
    }

    #[test]
    fn the_unit_is_the_one_that_makes_a_possible_temperature() {
        for (raw, expected) in [("42500", 42_500), ("425", 42_500), ("42", 42_000), ("-5000", -5_000), ("110000", 110_000)] {
            assert_eq!(read("tsens_tz_sensor1", raw).value(), Some(&Millicelsius(expected)), "{raw}");
        }
    }

    #[test]
    fn impossible_values_are_refused_with_the_value() {
        for raw in ["0", "-1", "-40000", "-273000", "130", "1250", "2147483647", "cold", ""] {
            let Reading::Missing { missing, detail } = read("tsens_tz_sensor1", raw) else { panic!("{raw} was taken") };
            assert_eq!(missing, Missing::Invalid);
            assert!(detail.contains(raw), "{detail}");
        }
    }

    #[test]
    fn zones_of_the_battery_gauge_are_no_temperatures() {
        for kind in ["soc", "ibat-high", "vbat", "pm8998_bcl", "vbat_low", "soft_ocp_gpu", "smpl_gm", "battery_cycle"] {
            assert!(read(kind, "40").value().is_none(), "{kind}");
        }
        for kind in ["soc-thermal", "battery", "cpu-0-0-usr", "BIG", "usb_pwr_therm"] {
            assert!(read(kind, "40000").value().is_some(), "{kind}");
        }
    }

    #[test]
    fn drivers_may_differ_in_their_unit_and_a_stranger_within_one_is_refused() {
        let device = Captured::default();
        let raw = [("tsens_tz_sensor1", "558"), ("tsens_tz_sensor8", "580"), ("tsens_tz_sensor9", "49"), ("pm8994_tz", "49125")];
        for (number, (kind, raw)) in raw.into_iter().enumerate() {
            device.set(&format!("sys/class/thermal/thermal_zone{number}/type"), kind);
            device.set(&format!("sys/class/thermal/thermal_zone{number}/temp"), raw);
        }
        let read: Vec<_> = zones(&device).into_iter().map(|zone| zone.temperature.value().map(|value| value.0)).collect();
        assert_eq!(read, [Some(55_800), Some(58_000), None, Some(49_125)]);
    }

    #[test]
    fn zones_come_in_numeric_order() {
        let device = Captured::default();
        for zone in [10, 2, 1] {
            device.set(&format!("sys/class/thermal/thermal_zone{zone}/temp"), "30000\n");
        }
        let names: Vec<_> = zones(&device).into_iter().map(|zone| zone.zone).collect();
        assert_eq!(names, ["thermal_zone1", "thermal_zone2", "thermal_zone10"]);
    }
}
