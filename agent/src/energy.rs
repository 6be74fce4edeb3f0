//! What of a device can tell energy: power rails, processor counters, the battery's gauge; the best that answers.
//!
//! A battery's gauge tells nothing of a device that a cable feeds, so those sources look at the battery's status, the
//! supplies and the sign of the current each time, and say so instead of giving a number.

mod battery;
mod charge;
mod gauge;
mod rails;
mod rapl;
mod service;

use std::time::Duration;

use benchrack_protocol::energy::{EnergySource, MeterReading};
use benchrack_protocol::gauge::Gauge;
use benchrack_protocol::reading::{Missing, Reading};
use benchrack_protocol::units::Nanos;

pub use battery::Cut;

use crate::device::Device;

/// What is known of a source before it is measured.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Nature {
    /// Which kind.
    pub source: EnergySource,
    /// Rails or files, for people.
    pub what: String,
    /// How often it has a new value, where that is known.
    pub period: Option<Nanos>,
    /// Least step in the unit of the readings, where that is known.
    pub step: Option<u64>,
    /// Looking more often than this costs more than it tells.
    pub shortest_look: Duration,
    /// By how much a counter's update may be older than the look that shows it; none: a whole time between two looks.
    pub timing: Option<Nanos>,
}

/// What one look gives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Look {
    /// A value.
    Reading(MeterReading),
    /// Nothing now; the next look may give something.
    Silent,
    /// No figure of this source can be trusted: the device is fed by a cable, or the value is impossible.
    Unusable(Missing, String),
}

/// One source of one device.
pub trait Source: Send {
    /// What it is.
    fn nature(&self) -> &Nature;

    /// Looks; `at` is the time of the look since the session's start.
    fn look(&mut self, at: Nanos) -> Look;
}

/// Why a source is not there.
type Refusal = (Missing, String);

/// Whether nothing but the charger stands between the device and its energy: no source answers, and the calibrated gauge
/// would if the battery fed the device.
pub fn waits_for_charge(device: &Device, gauge: Option<&Gauge>) -> bool {
    let discharging: Cut<'_> = &|| true;
    gauge.is_some() && open(device, gauge, None).value().is_none() && gauge::open(device, gauge, Some(discharging)).is_ok()
}

/// The best source that answers, or why none does, one reason for each. Batteries tell nothing of a device that is charged,
/// unless charge is `cut`.
pub fn open<'a>(device: &'a Device, gauge: Option<&'a Gauge>, cut: Option<Cut<'a>>) -> Reading<Box<dyn Source + 'a>> {
    let mut refusals: Vec<Refusal> = Vec::new();
    for source in EnergySource::ALL {
        let opened: Result<Box<dyn Source + 'a>, Refusal> = match source {
            EnergySource::Rails => rails::open(device).map(boxed),
            EnergySource::RailsByService => service::open(device).map(boxed),
            EnergySource::Rapl => rapl::open(device).map(boxed),
            EnergySource::FuelGauge => gauge::open(device, gauge, cut).map(boxed),
            EnergySource::ChargeCounter => charge::open(device, cut).map(boxed),
        };
        match opened {
            Ok(source) => return Reading::of(source),
            Err((missing, why)) => refusals.push((missing, format!("{}: {why}", source.name()))),
        }
    }
    // The most that somebody can do about it: take the cable off, then get the right to read.
    let weight = |missing: &Missing| match missing {
        Missing::Unavailable => 4,
        Missing::Denied => 3,
        Missing::Invalid => 2,
        Missing::NotAsked => 1,
        Missing::Absent => 0,
    };
    let missing = refusals.iter().map(|(missing, _)| *missing).max_by_key(weight).unwrap_or(Missing::Absent);
    Reading::missing(missing, refusals.into_iter().map(|(_, why)| why).collect::<Vec<_>>().join("; "))
}

fn boxed<'a>(source: impl Source + 'a) -> Box<dyn Source + 'a> {
    Box::new(source)
}

/// A reading's reason as a refusal; an answered one has none.
fn refusal<T>(reading: Reading<T>) -> Result<T, Refusal> {
    match reading {
        Reading::Value { value } => Ok(value),
        Reading::Missing { missing, detail } => Err((missing, detail)),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::sysfs::{Captured, SysErrorKind};

    #[test]
    fn a_device_without_a_meter_says_why_for_each_source() {
        let files = Captured::default();
        files.set("sys/class/powercap/intel-rapl:0/name", "package-0\n");
        files.fail("sys/class/powercap/intel-rapl:0/energy_uj", SysErrorKind::Denied);
        let device = Device::of(Arc::new(files));
        let Reading::Missing { missing, detail } = open(&device, None, None).map(|_| ()) else { panic!("a source was found") };
        assert_eq!(missing, Missing::Denied);
        for source in EnergySource::ALL {
            assert!(detail.contains(source.name()), "{detail}");
        }
    }
}
