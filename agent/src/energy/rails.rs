//! `/sys/bus/iio/devices/iio:device*/energy_value`: power rails of Google's phones from the Pixel 6 on (ODPM), cumulative
//! microwatt-seconds, each with the time of its own counter in milliseconds since boot:
//!
//! ```text
//! t=349894
//! CH3(T=349894)[S2M_VDD_CPUCL2], 30203502
//! ```
//!
//! Rails lie behind the battery and the charger, so a cable does not change them. Which rails count is decided by name:
//! those of CPUs, memory, their interconnect and cache, and the other compute units; where none has such a name, all.

use std::time::Duration;

use benchrack_protocol::energy::{EnergySource, MeterReading};
use benchrack_protocol::reading::Missing;
use benchrack_protocol::units::Nanos;

use super::{Look, Nature, Refusal, Source, refusal};
use crate::device::Device;
use crate::sysfs;

const FOLDER: &str = "sys/bus/iio/devices";
/// Rails of what inference runs on: the names of Tensor phones.
const COMPUTE: [&str; 10] =
    ["VDD_CPU", "VDD_MIF", "VDD_INT", "VDD_SLC", "VDD_G3D", "VDD_GPU", "VDD_TPU", "VDDQ_MEM", "VDD2H_MEM", "VDD2L"];

/// Whether a rail feeds what inference runs on.
pub(super) fn is_compute(rail: &str) -> bool {
    COMPUTE.iter().any(|part| rail.contains(part))
}

/// One rail's counter.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Rail {
    name: String,
    /// Milliseconds since boot.
    at: u64,
    /// Microjoules.
    used: i64,
}

/// Lines that are no rail are left out.
fn parse(text: &str) -> Vec<Rail> {
    let rail = |line: &str| {
        let (head, used) = line.rsplit_once(',')?;
        let (channel, name) = head.split_once('[')?;
        let at = channel.split_once("(T=")?.1.strip_suffix(')')?;
        Some(Rail { name: name.strip_suffix(']')?.into(), at: at.parse().ok()?, used: used.trim().parse().ok()? })
    };
    text.lines().filter_map(|line| rail(line.trim())).collect()
}

/// Counted rails of all power chips.
pub(super) struct Rails<'a> {
    device: &'a Device,
    nature: Nature,
    files: Vec<String>,
    /// Names of the counted rails; empty for all.
    counted: Vec<String>,
    /// The counters' time at the first look, ms, and the session's time then.
    zero: Option<(u64, Nanos)>,
}

/// The rails of a device.
pub(super) fn open(device: &Device) -> Result<Rails<'_>, Refusal> {
    let fs = device.sysfs.as_ref();
    let listed = fs.list(FOLDER).map_err(|error| (Missing::Absent, error.to_string()))?;
    let (mut files, mut rails, mut refused) = (Vec::new(), Vec::new(), None);
    for name in listed {
        let file = format!("{FOLDER}/{name}/energy_value");
        match refusal(sysfs::text(fs, &file)) {
            Ok(text) => {
                let found = parse(&text);
                if !found.is_empty() {
                    files.push(file);
                    rails.extend(found);
                }
            }
            Err((Missing::Absent, _)) => {}
            Err(other) => refused = Some(other),
        }
    }
    if rails.is_empty() {
        return Err(refused.unwrap_or((Missing::Absent, format!("no {FOLDER}/*/energy_value"))));
    }
    let mut counted: Vec<String> = rails.iter().map(|rail| rail.name.clone()).filter(|name| is_compute(name)).collect();
    if counted.is_empty() {
        counted = rails.iter().map(|rail| rail.name.clone()).collect();
    }
    let chips_apart = rails.iter().map(|rail| rail.at).max().unwrap_or(0) - rails.iter().map(|rail| rail.at).min().unwrap_or(0);
    let nature = Nature {
        source: EnergySource::Rails,
        what: counted.join(" + "),
        period: None,
        step: Some(counted.len() as u64),
        // Software sees a new value every eight samples of the chip, at most one in 16 ms.
        shortest_look: Duration::from_millis(50),
        // The counters tell their own time; several chips do not count at the same moment.
        timing: Some(Nanos((chips_apart + 1) * 1_000_000)),
    };
    Ok(Rails { device, nature, files, counted, zero: None })
}

impl Source for Rails<'_> {
    fn nature(&self) -> &Nature {
        &self.nature
    }

    fn look(&mut self, at: Nanos) -> Look {
        let mut rails = Vec::new();
        for file in &self.files {
            match self.device.sysfs.read(file) {
                Ok(text) => rails.extend(parse(&text)),
                Err(_) => return Look::Silent,
            }
        }
        rails.retain(|rail| self.counted.contains(&rail.name));
        let Some(time) = rails.iter().map(|rail| rail.at).max().filter(|_| rails.len() == self.counted.len()) else {
            return Look::Silent;
        };
        let (zero, begun) = *self.zero.get_or_insert((time, at));
        // The counters' own time says when they were read, however late we look.
        let at = Nanos(begun.0 + time.saturating_sub(zero).saturating_mul(1_000_000));
        let value = rails.iter().map(|rail| rail.used).fold(0i64, i64::saturating_add);
        Look::Reading(MeterReading { at, value, voltage: None })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::sysfs::{Captured, SysErrorKind};

    const FIRST: &str =
        "t=1000\nCH0(T=1000)[S10M_VDD_TPU], 5\nCH1(T=1000)[VSYS_PWR_MODEM], 900\nCH3(T=1000)[S2M_VDD_CPUCL2], 40\n";

    #[test]
    fn rails_of_compute_are_summed_at_the_counters_own_time() {
        let files = Arc::new(Captured::default());
        files.set("sys/bus/iio/devices/iio:device0/energy_value", FIRST);
        files.set("sys/bus/iio/devices/iio:device1/name", "adc\n");
        let device = Device::of(Arc::clone(&files));
        let mut rails = open(&device).unwrap();
        assert_eq!(rails.nature().what, "S10M_VDD_TPU + S2M_VDD_CPUCL2");
        let reading = |value, at| Look::Reading(MeterReading { at: Nanos(at), value, voltage: None });
        assert_eq!(rails.look(Nanos(7_000_000)), reading(45, 7_000_000));
        files.set("sys/bus/iio/devices/iio:device0/energy_value", &FIRST.replace("T=1000", "T=1250").replace(", 40", ", 60"));
        assert_eq!(rails.look(Nanos(999_000_000)), reading(65, 257_000_000));
        files.set("sys/bus/iio/devices/iio:device0/energy_value", "t=1500\n");
        assert_eq!(rails.look(Nanos(999_000_000)), Look::Silent, "half of the rails are no sum");
    }

    #[test]
    fn a_refused_counter_is_told_from_an_absent_one() {
        let files = Captured::default();
        assert_eq!(open(&Device::of(Arc::new(files))).err().unwrap().0, Missing::Absent);
        let files = Captured::default();
        files.fail("sys/bus/iio/devices/iio:device0/energy_value", SysErrorKind::Denied);
        assert_eq!(open(&Device::of(Arc::new(files))).err().unwrap().0, Missing::Denied);
    }
}
