//! Looks at the device while blocks run: clocks, caps, cooling, temperatures, pressure, battery.

use std::time::Duration;

use benchrack_protocol::device::{CpufreqPolicy, DeviceReport, Place};
use benchrack_protocol::evidence::{ClockSample, WatchSample};
use benchrack_protocol::gauge::Gauge;
use benchrack_protocol::reading::{Missing, Reading};
use benchrack_protocol::units::Nanos;

use super::pressure;
use crate::device::Device;
use crate::probe::cpufreq::{CPU, frequency};
use crate::probe::{power_supply, thermal, topology};
use crate::sysfs::SysFs;

/// Between two looks: often enough to see a cap that lasts, rare enough to cost nothing.
pub const PERIOD: Duration = Duration::from_millis(500);

/// A phone may have ninety zones, and each read can wake a sensor.
const MOST_ZONES: usize = 16;

/// What is looked at on one device.
pub struct Watch<'a> {
    device: &'a Device,
    policies: &'a [CpufreqPolicy],
    zones: Vec<(&'a str, &'a str)>,
    cooling: bool,
    battery: Option<&'a str>,
    gauge: Option<&'a Gauge>,
}

impl<'a> Watch<'a> {
    /// Chooses by what the probes found; the policies are those of now.
    pub fn of(device: &'a Device, known: &'a DeviceReport, policies: &'a [CpufreqPolicy]) -> Self {
        let mut zones: Vec<(&str, &str)> = known
            .thermal_zones
            .iter()
            .filter(|zone| zone.temperature.value().is_some())
            .filter_map(|zone| Some((zone.zone.as_str(), zone.kind.value()?.as_str())))
            .collect();
        zones.sort_by_key(|(_, kind)| Sensor::of(kind));
        zones.truncate(MOST_ZONES);
        Self {
            device,
            policies,
            zones,
            cooling: !known.cooling_devices.is_empty(),
            battery: known.battery_supply().map(|supply| supply.name.as_str()),
            gauge: known.battery.as_ref().and_then(|battery| battery.gauge.value()),
        }
    }

    /// One look; `since` is the session's start.
    pub fn look(&self, since: Nanos) -> WatchSample {
        let fs = self.device.sysfs.as_ref();
        let at = Nanos(self.device.clock.now().0.saturating_sub(since.0));
        let clock = |policy: &CpufreqPolicy| ClockSample {
            policy: policy.path.clone(),
            frequency: frequency(fs, &format!("{CPU}/{}/scaling_cur_freq", policy.path)),
            cap: frequency(fs, &format!("{CPU}/{}/scaling_max_freq", policy.path)),
        };
        let (current, voltage) = match self.battery {
            Some(name) => {
                let supply = power_supply::supply(fs, name.into());
                (self.gauge.map_or(supply.current, |gauge| power_supply::current(fs, gauge)), supply.voltage)
            }
            None => (no_battery(), no_battery()),
        };
        WatchSample {
            at,
            online: topology::cpu_list(fs, "online").value().cloned(),
            clocks: self.policies.iter().map(clock).collect(),
            temperatures: self
                .zones
                .iter()
                .map(|(zone, kind)| ((*kind).to_owned(), thermal::temperature(fs, zone, Some(kind))))
                .collect(),
            cooling: if self.cooling { active_cooling(fs) } else { Vec::new() },
            cpu_pressure: pressure::cpu(fs),
            current,
            voltage,
        }
    }
}

fn no_battery<T>() -> Reading<T> {
    Reading::missing(Missing::Absent, "no power supply is the battery")
}

/// Cooling devices above state 0: type and state.
pub fn active_cooling(fs: &dyn SysFs) -> Vec<(String, u64)> {
    let active = |device: benchrack_protocol::device::CoolingDevice| {
        let state = device.state.value().copied().filter(|&state| state > 0)?;
        Some((device.kind.value().cloned().unwrap_or(device.device), state))
    };
    thermal::cooling_devices(fs).into_iter().filter_map(active).collect()
}

/// What a sensor's type says of its place; vendors' names, matched loosely.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Sensor {
    /// On the chip, near the cores.
    Die,
    /// What a hand feels, by which phones throttle.
    Skin,
    /// The battery.
    Battery,
    /// Anything else.
    Other,
}

impl Sensor {
    /// By the zone's type.
    pub fn of(kind: &str) -> Self {
        let kind = kind.to_ascii_lowercase();
        let holds = |words: &[&str]| words.iter().any(|word| kind.contains(word));
        if holds(&["batt"]) {
            Self::Battery
        } else if holds(&["skin", "quiet", "shell", "xo-therm", "xo_therm"]) {
            Self::Skin
        } else if holds(&["cpu", "tsens", "soc", "x86_pkg", "coretemp", "acpitz"])
            || ["big", "mid", "little"].contains(&kind.as_str())
        {
            Self::Die
        } else {
            Self::Other
        }
    }

    /// By what Android's thermal service says that it measures.
    pub fn at(place: Place) -> Self {
        match place {
            Place::Cpu | Place::Soc => Self::Die,
            Place::Skin => Self::Skin,
            Place::Battery => Self::Battery,
            _ => Self::Other,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sensors_are_told_by_their_type() {
        for (kind, sensor) in [
            ("tsens_tz_sensor3", Sensor::Die),
            ("cpu-1-0-usr", Sensor::Die),
            ("mtktscpu", Sensor::Die),
            ("BIG", Sensor::Die),
            ("skin-msm-therm", Sensor::Skin),
            ("quiet-therm-adc", Sensor::Skin),
            ("battery", Sensor::Battery),
            ("mtktsbattery", Sensor::Battery),
            ("pm8998_tz", Sensor::Other),
        ] {
            assert_eq!(Sensor::of(kind), sensor, "{kind}");
        }
    }
}
