//! The battery behind a gauge: its values, and whether a cable feeds the device.

use benchrack_protocol::reading::{Missing, Reading};
use benchrack_protocol::units::Microvolts;

use super::{Look, Refusal};
use crate::device::Device;
use crate::probe::power_supply::{answer, battery, battery_volts, feeding, supplies};
use crate::sysfs;

/// Whether charge is still cut, of which a measurement has shown that the battery feeds the device then.
pub type Cut<'a> = &'a (dyn Fn() -> bool + Sync);

/// A battery.
pub(super) struct Battery<'a> {
    device: &'a Device,
    name: String,
    cut: Option<Cut<'a>>,
}

impl<'a> Battery<'a> {
    /// The battery of this folder name, or the device's; charge may be cut although a cable is in it.
    pub(super) fn find(device: &'a Device, named: Option<&str>, cut: Option<Cut<'a>>) -> Result<Self, Refusal> {
        let (fs, all) = (device.sysfs.as_ref(), supplies(device.sysfs.as_ref()));
        let found = match named {
            Some(name) => all.iter().find(|supply| supply.name == name),
            None => battery(fs, &all),
        };
        let name = found.map(|supply| supply.name.clone()).ok_or_else(|| {
            (Missing::Absent, named.map_or("no power supply is a battery".into(), |name| format!("no power supply {name}")))
        })?;
        Ok(Self { device, name, cut })
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

    /// Why the battery does not feed the device alone, if something says so: its status, or a supply that is online. Where
    /// charge was cut, both go on as before on many phones, and what was measured counts for as long as it is cut.
    pub(super) fn fed(&self) -> Option<String> {
        if let Some(cut) = self.cut {
            return (!cut()).then(|| "charge was cut, and something has undone it".into());
        }
        if let Some(status) = self.text("status").value().filter(|status| !matches!(status.as_str(), "Discharging" | "Unknown")) {
            return Some(format!("{} is {status}", self.path("status")));
        }
        let feeding = feeding(self.device.sysfs.as_ref(), &self.name).unwrap_or_default();
        (!feeding.is_empty()).then(|| format!("the supply {} is online", feeding.join(", ")))
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
