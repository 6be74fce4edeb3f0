//! `current_now` times `voltage_now` of the battery, with the unit and sign that a calibration proved on this device.

use std::time::Duration;

use benchrack_protocol::energy::{EnergySource, MeterReading};
use benchrack_protocol::gauge::Gauge;
use benchrack_protocol::reading::Missing;
use benchrack_protocol::units::Nanos;

use super::battery::{Battery, Cut, charging};
use super::{Look, Nature, Refusal, Source, refusal};
use crate::device::Device;

/// The gauge of a device.
pub(super) struct FuelGauge<'a> {
    battery: Battery<'a>,
    gauge: &'a Gauge,
    nature: Nature,
}

/// The gauge of a device that was calibrated and that no cable feeds.
pub(super) fn open<'a>(device: &'a Device, gauge: Option<&'a Gauge>, cut: Option<Cut<'a>>) -> Result<FuelGauge<'a>, Refusal> {
    let Some(gauge) = gauge else {
        let battery = Battery::find(device, None, None)?;
        refusal(battery.number("current_now"))?;
        let path = battery.path("current_now");
        return Err((Missing::Invalid, format!("unit and sign of {path} are not proved on this device")));
    };
    let battery = Battery::find(device, Some(&gauge.supply), cut)?;
    refusal(battery.number("current_now"))?;
    refusal(battery.voltage())?;
    if let Some(why) = battery.fed() {
        return Err((Missing::Unavailable, charging(&why)));
    }
    let nature = Nature {
        source: EnergySource::FuelGauge,
        what: format!("{} × {}", battery.path("current_now"), battery.path("voltage_now")),
        period: gauge.period.value().copied(),
        step: gauge.step.value().map(|step| step.0.unsigned_abs()),
        shortest_look: Duration::from_millis(50),
        timing: None,
    };
    Ok(FuelGauge { battery, gauge, nature })
}

impl Source for FuelGauge<'_> {
    fn nature(&self) -> &Nature {
        &self.nature
    }

    fn look(&mut self, at: Nanos) -> Look {
        if let Some(fed) = self.battery.if_fed() {
            return fed;
        }
        let (Some(&raw), Some(&voltage)) = (self.battery.number("current_now").value(), self.battery.voltage().value()) else {
            return Look::Silent;
        };
        match self.gauge.current(raw) {
            Some(current) if current.0 > 0 => Look::Unusable(
                Missing::Unavailable,
                charging(&format!("{} of {raw} flows into the battery", self.battery.path("current_now"))),
            ),
            Some(current) => Look::Reading(MeterReading { at, value: current.0, voltage: Some(voltage) }),
            None => Look::Unusable(Missing::Invalid, format!("{} of {raw} is no current", self.battery.path("current_now"))),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use benchrack_protocol::reading::Reading;
    use benchrack_protocol::units::Microvolts;

    use super::*;
    use crate::sysfs::Captured;

    fn phone() -> Arc<Captured> {
        let files = Captured::default();
        for (file, value) in [
            ("battery/type", "Battery"),
            ("battery/status", "Discharging"),
            ("battery/current_now", "450"),
            ("battery/voltage_now", "4000000"),
            ("usb/type", "USB"),
            ("usb/online", "0"),
        ] {
            files.set(&format!("sys/class/power_supply/{file}"), &format!("{value}\n"));
        }
        Arc::new(files)
    }

    fn gauge(per_count: i64) -> Gauge {
        let unknown = || Missing::NotAsked;
        Gauge {
            supply: "battery".into(),
            per_count,
            period: Reading::missing(unknown(), ""),
            step: Reading::missing(unknown(), ""),
            basis: "test".into(),
        }
    }

    #[test]
    fn a_current_becomes_a_reading_by_its_calibration() {
        let device = Device::of(phone());
        let (inverted, plain) = (gauge(-1000), gauge(1000));
        let look = open(&device, Some(&inverted), None).unwrap().look(Nanos(1));
        assert_eq!(look, Look::Reading(MeterReading { at: Nanos(1), value: -450_000, voltage: Some(Microvolts(4_000_000)) }));
        let look = open(&device, Some(&plain), None).unwrap().look(Nanos(1));
        assert!(matches!(look, Look::Unusable(Missing::Unavailable, why) if why.contains("flows into the battery")));
        assert_eq!(open(&device, None, None).err().unwrap().0, Missing::Invalid, "nothing proves unit and sign");
    }

    #[test]
    fn a_cable_that_comes_during_a_loop_ends_the_figures() {
        for (file, value, told) in
            [("battery/status", "Charging", "Charging"), ("usb/online", "1", "usb is online"), ("battery/status", "Full", "Full")]
        {
            let files = phone();
            let device = Device::of(Arc::clone(&files));
            let gauge = gauge(-1000);
            let mut source = open(&device, Some(&gauge), None).unwrap();
            assert!(matches!(source.look(Nanos(1)), Look::Reading(_)));
            files.set(&format!("sys/class/power_supply/{file}"), &format!("{value}\n"));
            assert!(matches!(source.look(Nanos(2)), Look::Unusable(Missing::Unavailable, why) if why.contains(told)), "{file}");
            assert!(open(&device, Some(&gauge), None).is_err());
        }
    }

    #[test]
    fn the_number_that_stands_for_no_figure_is_none() {
        let files = phone();
        files.set("sys/class/power_supply/battery/current_now", "-2147483648\n");
        assert_eq!(open(&Device::of(files), Some(&gauge(1)), None).err().unwrap().0, Missing::Invalid);
    }
}
