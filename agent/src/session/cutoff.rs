//! The agent's own cut-off: a session ends, with a reason and with everything restored, before the device is harmed. It
//! runs beside every session, also where the device's own protection was not touched.
//!
//! Limits are for harm, not for good figures: throttling begins far below and only marks a run.

use std::time::Duration;

use benchrack_protocol::device::DeviceReport;
use benchrack_protocol::units::Millicelsius;
use tokio::time::sleep;

use crate::device::Device;
use crate::evidence::watch::Sensor;
use crate::probe::{power_supply, thermal};

/// Between two looks.
const PERIOD: Duration = Duration::from_secs(1);
/// Looks in a row that must agree: sensors give a wrong value now and then.
const LOOKS: u32 = 2;
/// Dies are specified to about 105 °C, and the kernel switches phones off near 115 °C.
const MAX_DIE: Millicelsius = Millicelsius(105_000);
/// IEC 62368-1 allows 48 °C for surfaces of metal that are touched for minutes.
const MAX_SKIN: Millicelsius = Millicelsius(48_000);
/// Lithium-ion cells are specified to 60 °C when they discharge and 45 °C when they charge (JEITA); between.
const MAX_BATTERY: Millicelsius = Millicelsius(52_000);
/// A phone that is emptier may switch off in the middle of a restore.
const MIN_LEVEL: u32 = 5;

/// What is watched on one device.
pub struct CutOff<'a> {
    device: &'a Device,
    zones: Vec<(&'a str, &'a str, Millicelsius)>,
    battery: Option<&'a str>,
}

impl<'a> CutOff<'a> {
    /// Chooses by what the probes found.
    pub fn of(device: &'a Device, known: &'a DeviceReport) -> Self {
        let limit = |kind: &str| match Sensor::of(kind) {
            Sensor::Die => Some(MAX_DIE),
            Sensor::Skin => Some(MAX_SKIN),
            Sensor::Battery => Some(MAX_BATTERY),
            Sensor::Other => None,
        };
        let answering = known.thermal_zones.iter().filter(|zone| zone.temperature.value().is_some());
        let zone = |zone: &'a benchrack_protocol::device::ThermalZone| {
            let kind = zone.kind.value()?.as_str();
            Some((zone.zone.as_str(), kind, limit(kind)?))
        };
        Self {
            device,
            zones: answering.filter_map(zone).collect(),
            battery: known.battery_supply().map(|supply| supply.name.as_str()),
        }
    }

    /// Whether there is a sensor of the die: without one the device's own protection must stay.
    pub fn is_armed(&self) -> bool {
        self.zones.iter().any(|(_, kind, _)| Sensor::of(kind) == Sensor::Die)
    }

    /// Returns when the session must end, with the reason; calls `beat` at every look.
    pub async fn exceeded(&self, beat: impl Fn()) -> String {
        let mut seen = 0;
        loop {
            beat();
            match self.look() {
                Some(why) if seen + 1 >= LOOKS => return why,
                Some(_) => seen += 1,
                None => seen = 0,
            }
            sleep(PERIOD).await;
        }
    }

    fn look(&self) -> Option<String> {
        let fs = self.device.sysfs.as_ref();
        let hot = |&(zone, kind, limit): &(&str, &str, Millicelsius)| {
            let now = *thermal::temperature(fs, zone, Some(kind)).value()?;
            (now >= limit).then(|| format!("{kind} is at {now}, the agent ends sessions at {limit}"))
        };
        self.zones.iter().find_map(hot).or_else(|| {
            let supply = power_supply::supply(fs, self.battery?.to_owned());
            if let Some(now) = supply.temperature.value().filter(|now| **now >= MAX_BATTERY) {
                return Some(format!("the battery is at {now}, the agent ends sessions at {MAX_BATTERY}"));
            }
            let level = *supply.capacity_percent.value()?;
            let fed = supply.status.value().is_some_and(|status| status == "Charging" || status == "Full");
            (level < MIN_LEVEL && !fed)
                .then(|| format!("the battery is at {level} %, the agent ends sessions below {MIN_LEVEL} %"))
        })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::probe::probe;
    use crate::session::simulated::simulated;
    use crate::sysfs::Captured;

    fn phone() -> Arc<Captured> {
        let files = Captured::default();
        for (zone, kind, temperature) in [(0, "cpu-0-0-usr", "60000"), (1, "skin-msm-therm", "35000"), (2, "pm8998_tz", "37000")]
        {
            files.set(&format!("sys/class/thermal/thermal_zone{zone}/type"), &format!("{kind}\n"));
            files.set(&format!("sys/class/thermal/thermal_zone{zone}/temp"), &format!("{temperature}\n"));
        }
        for (name, text) in
            [("type", "Battery"), ("status", "Discharging"), ("capacity", "50"), ("temp", "300"), ("present", "1")]
        {
            files.set(&format!("sys/class/power_supply/battery/{name}"), &format!("{text}\n"));
        }
        Arc::new(files)
    }

    #[tokio::test(start_paused = true)]
    async fn each_limit_ends_the_wait_with_its_reason_and_nothing_else_does() {
        for (path, text, why) in [
            ("class/thermal/thermal_zone0/temp", "106000", Some("cpu-0-0-usr is at 106.0 °C")),
            ("class/thermal/thermal_zone1/temp", "48000", Some("skin-msm-therm is at 48.0 °C")),
            ("class/thermal/thermal_zone2/temp", "120000", None),
            ("class/power_supply/battery/temp", "530", Some("the battery is at 53.0 °C")),
            ("class/power_supply/battery/capacity", "4", Some("the battery is at 4 %")),
            ("class/power_supply/battery/capacity", "5", None),
        ] {
            let files = phone();
            let device = simulated(&files);
            let known = probe(&device, None);
            files.set(&format!("sys/{path}"), &format!("{text}\n"));
            let cut_off = CutOff::of(&device, &known);
            let ended = tokio::time::timeout(Duration::from_secs(30), cut_off.exceeded(|| {})).await;
            match why {
                Some(why) => assert!(ended.as_ref().is_ok_and(|ended| ended.contains(why)), "{path} {text}: {ended:?}"),
                None => assert!(ended.is_err(), "{path} {text}: {ended:?}"),
            }
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_single_wrong_reading_ends_nothing() {
        let files = phone();
        let device = simulated(&files);
        let known = probe(&device, None);
        let cut_off = CutOff::of(&device, &known);
        let glitch = async {
            for text in ["125000", "60000", "125000", "60000"] {
                files.set("sys/class/thermal/thermal_zone0/temp", text);
                sleep(PERIOD).await;
            }
        };
        tokio::select! {
            biased;
            () = glitch => {}
            why = cut_off.exceeded(|| {}) => panic!("{why}"),
        }
    }

    #[test]
    fn without_a_sensor_of_the_die_it_is_not_armed() {
        let files = phone();
        let device = Device::of(Arc::clone(&files));
        let known = probe(&device, None);
        assert!(CutOff::of(&device, &known).is_armed());
        files.remove("sys/class/thermal/thermal_zone0");
        let known = probe(&device, None);
        assert!(!CutOff::of(&device, &known).is_armed());
    }
}
