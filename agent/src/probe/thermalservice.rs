//! `dumpsys thermalservice`: temperatures of Android's thermal HAL, where the kernel's zones are refused.
//!
//! Lines `Temperature{mValue=41.5, mType=0, mName=BIG, mStatus=0}` below a title; only those below "Current
//! temperatures from HAL" are of now, the cached ones can be hours old. Types 6 to 8 are limits of the battery in
//! millivolts, milliamperes and per cent, and type -1 is one that this Android does not know: none is a temperature.

use benchrack_protocol::device::{Place, Temperature};
use benchrack_protocol::reading::{Missing, Reading};
use benchrack_protocol::units::Millicelsius;

use crate::sysfs::{Commands, DENIAL, excerpt};

const SOURCE: &str = "thermalservice";

/// Temperatures by sensor, or why the service gives none.
pub fn temperatures(commands: &dyn Commands) -> Reading<Vec<Temperature>> {
    let text = match commands.run("dumpsys", &["thermalservice"]) {
        Ok(text) => text,
        Err(error) => return error.into_reading(),
    };
    if text.contains(DENIAL) {
        return Reading::missing(Missing::Denied, format!("{SOURCE}: {}", excerpt(text.trim())));
    }
    let found = parse(&text);
    match found.is_empty() && text.contains("HAL Ready: false") {
        true => Reading::missing(Missing::Unavailable, format!("{SOURCE}: the phone's thermal HAL is not ready")),
        false => Reading::of(found),
    }
}

/// Parses the text. A sensor that only the cached list has is listed without a value.
pub fn parse(text: &str) -> Vec<Temperature> {
    let mut current = false;
    let mut found: Vec<Temperature> = Vec::new();
    let mut cached: Vec<Temperature> = Vec::new();
    for line in text.split(['\n', '\r']).map(str::trim) {
        if let Some(fields) = line.strip_prefix("Temperature{").and_then(|line| line.strip_suffix('}')) {
            let list = if current { &mut found } else { &mut cached };
            if let Some(temperature) = temperature(fields).filter(|new| list.iter().all(|known| known.kind != new.kind)) {
                list.push(temperature);
            }
        } else if line.ends_with(':') {
            current = line.to_ascii_lowercase().starts_with("current temperatures");
        }
    }
    cached.retain(|old| found.iter().all(|new| new.kind != old.kind));
    let stale = |old: Temperature| {
        let why = format!("{SOURCE}: {} only in the cached list", old.kind);
        Temperature { temperature: Reading::missing(Missing::Unavailable, why), ..old }
    };
    found.extend(cached.into_iter().map(stale));
    found
}

/// One sensor; none for what is no temperature.
fn temperature(fields: &str) -> Option<Temperature> {
    let field = |name: &str| fields.split(", ").find_map(|field| field.trim().strip_prefix(name)?.strip_prefix('='));
    let kind = field("mName").filter(|name| !name.is_empty())?;
    let place = place(field("mType")?.parse().ok()?)?;
    let refuse = |why: &str| {
        Reading::missing(Missing::Invalid, format!("{SOURCE}: {kind}: {} {why}", field("mValue").unwrap_or_default()))
    };
    let temperature = match field("mValue").and_then(|value| value.parse::<f64>().ok()) {
        Some(0.0) => refuse("is what a sensor reads that is off"),
        Some(degrees) if (-30.0..=130.0).contains(&degrees) => Reading::of(Millicelsius((degrees * 1000.0).round() as i64)),
        _ => refuse("is no possible temperature"),
    };
    Some(Temperature { kind: kind.into(), place: Some(place), temperature, source: SOURCE.into() })
}

/// Types of android.hardware.thermal, version 3, and Samsung's additions from 50 on.
fn place(number: i32) -> Option<Place> {
    Some(match number {
        0 => Place::Cpu,
        1 => Place::Gpu,
        2 => Place::Battery,
        3 => Place::Skin,
        4 => Place::UsbPort,
        5 => Place::PowerAmplifier,
        9 => Place::Npu,
        10 => Place::Tpu,
        11 => Place::Display,
        12 | 50 => Place::Modem,
        13 => Place::Soc,
        14 | 52 => Place::Wifi,
        15 => Place::Camera,
        16 | 53 => Place::Flashlight,
        17 => Place::Speaker,
        18 | 54 => Place::Ambient,
        19 => Place::Pogo,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const DUMP: &str = "Thermal Status: 0\nCached temperatures:\n\tTemperature{mValue=61.0, mType=0, mName=BIG, mStatus=0}\n\
        \tTemperature{mValue=33.0, mType=3, mName=skin, mStatus=0}\nHAL Ready: true\nHAL connection:\n\tThermalHAL 2.0 connected: yes\r\n\
        Current temperatures from HAL:\r\n\tTemperature{mValue=11900.0, mType=7, mName=ocp_gpu, mStatus=0}\r\n\
        \tTemperature{mValue=26.000002, mType=0, mName=BIG, mStatus=0}\r\n\tTemperature{mValue=-99.9, mType=9, mName=NPU, mStatus=0}\r\n\
        \tTemperature{mValue=0.0, mType=4, mName=usb, mStatus=0}\r\n\tTemperature{mValue=20.6, mType=-1, mName=x, mStatus=0}\r\n\
        Current cooling devices from HAL:\n";

    #[test]
    fn only_present_temperatures_have_values() {
        let found = parse(DUMP);
        let shown: Vec<_> = found.iter().map(|one| (one.kind.as_str(), one.temperature.value().map(|value| value.0))).collect();
        assert_eq!(shown, [("BIG", Some(26_000)), ("NPU", None), ("usb", None), ("skin", None)]);
        assert_eq!(found[0].place, Some(Place::Cpu));
    }

    #[test]
    fn a_service_that_refuses_or_is_not_ready_says_why() {
        let of = |text: &str| {
            let device = crate::sysfs::Captured::default();
            device.set_command("dumpsys thermalservice", Ok(text.into()));
            temperatures(&device)
        };
        let denial = "Permission Denial: can't dump thermalservice from pid 1, uid 10123 due to missing android.permission.DUMP permission";
        assert!(matches!(of(denial), Reading::Missing { missing: Missing::Denied, .. }));
        assert!(matches!(of("Thermal Status: 0\nHAL Ready: false\n"), Reading::Missing { missing: Missing::Unavailable, .. }));
        assert_eq!(of(DUMP).value().map(Vec::len), Some(4));
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "(Temperature\\{|mValue=|mType=|mName=|, |\\}|-?[0-9]{1,12}|\n|:|\\PC){0,60}") {
            parse(&text);
        }
    }
}
