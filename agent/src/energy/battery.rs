//! The battery behind a gauge: its values, and whether a cable feeds the device.

use benchrack_protocol::reading::{Missing, Reading};
use benchrack_protocol::units::Microvolts;

use super::{Look, Refusal};
use crate::device::Device;
use crate::probe::power_supply::{answer, battery_volts, supplies};
use crate::sysfs;

const CLASS: &str = "sys/class/power_supply";

/// A battery and the supplies beside it.
pub(super) struct Battery<'a> {
    device: &'a Device,
    name: String,
    others: Vec<String>,
}

impl<'a> Battery<'a> {
    /// The battery of this folder name, or the first of type Battery.
    pub(super) fn find(device: &'a Device, named: Option<&str>) -> Result<Self, Refusal> {
        let all = supplies(device.sysfs.as_ref());
        let kind = |name: &str| all.iter().find(|supply| supply.name == name).and_then(|supply| supply.kind.value());
        let found = match named {
            Some(name) => all.iter().find(|supply| supply.name == name),
            None => all.iter().find(|supply| supply.kind.value().is_some_and(|kind| kind == "Battery")),
        };
        let name = found.map(|supply| supply.name.clone()).ok_or_else(|| {
            (Missing::Absent, named.map_or("no power supply of type Battery".into(), |name| format!("no power supply {name}")))
        })?;
        // A gauge chip can be a supply of its own beside the battery that it measures; neither feeds the device.
        let others = all
            .iter()
            .map(|supply| supply.name.clone())
            .filter(|other| *other != name && kind(other).is_none_or(|kind| kind != "Battery" && kind != "BMS"))
            .collect();
        Ok(Self { device, name, others })
    }

    /// For people: `battery/current_now`.
    pub(super) fn path(&self, file: &str) -> String {
        format!("{}/{file}", self.name)
    }

    /// A property as text.
    pub(super) fn text(&self, file: &str) -> Reading<String> {
        answer(self.device.sysfs.as_ref(), &self.name, file)
    }

    /// A property as a whole number.
    pub(super) fn number(&self, file: &str) -> Reading<i64> {
        self.text(file).and_then(|text| match text.parse::<i64>() {
            // Drivers that lack a figure print the smallest number of 32 bits.
            Ok(raw) if raw <= i64::from(i32::MIN) => {
                Reading::missing(Missing::Invalid, format!("{}: {raw} means that there is no such figure", self.path(file)))
            }
            Ok(raw) => Reading::of(raw),
            Err(_) => {
                Reading::missing(Missing::Invalid, format!("{}: '{}' is no number", self.path(file), sysfs::excerpt(&text)))
            }
        })
    }

    /// Voltage now.
    pub(super) fn voltage(&self) -> Reading<Microvolts> {
        self.number("voltage_now").and_then(|raw| match battery_volts(raw) {
            Some(voltage) => Reading::of(voltage),
            None => {
                let path = self.path("voltage_now");
                Reading::missing(Missing::Invalid, format!("{path}: {raw} is no battery's voltage in microvolts or millivolts"))
            }
        })
    }

    /// Why the battery does not feed the device alone, if something says so: its status, or a supply that is online.
    pub(super) fn fed(&self) -> Option<String> {
        if let Some(status) = self.text("status").value().filter(|status| !matches!(status.as_str(), "Discharging" | "Unknown")) {
            return Some(format!("{} is {status}", self.path("status")));
        }
        let fs = self.device.sysfs.as_ref();
        let online = |other: &&String| {
            let path = format!("{CLASS}/{other}/online");
            sysfs::text(fs, &path).value().is_some_and(|text| text != "0")
        };
        self.others.iter().find(online).map(|other| format!("the supply {other} is online"))
    }

    /// The same as a look that gives no figure.
    pub(super) fn if_fed(&self) -> Option<Look> {
        self.fed().map(|why| Look::Unusable(Missing::Unavailable, charging(&why)))
    }
}

/// For people: why there is no number.
pub(super) fn charging(why: &str) -> String {
    format!("{why}: the battery tells nothing of a device that is charged")
}
