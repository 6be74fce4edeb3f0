//! `/sys/class/powercap/intel-rapl:*`: energy counters of Intel's and AMD's processors (Documentation/power/powercap),
//! for Linux hosts. `energy_uj` counts microjoules and begins again at 0 after `max_energy_range_uj`; since Linux 5.10 only
//! root reads it. The processor updates it about every millisecond (Intel SDM volume 3, "RAPL interfaces").
//!
//! Packages are counted, and memory where it is a domain of its own beside its package. Cores and uncore are parts of a
//! package and would count twice.

use std::time::Duration;

use benchrack_protocol::energy::{EnergySource, MeterReading};
use benchrack_protocol::reading::Missing;
use benchrack_protocol::units::Nanos;

use super::{Look, Nature, Refusal, Source, refusal};
use crate::device::Device;
use crate::sysfs::{self, SysFs};

const FOLDER: &str = "sys/class/powercap";
/// Between two looks; the counter itself is a hundred times as fast.
const LOOK: Duration = Duration::from_millis(100);
/// The counter's least unit on common processors, 2^-14 J, rounded up to whole microjoules.
const STEP: u64 = 62;

/// One counter that may have begun again.
struct Zone {
    folder: String,
    last: u64,
    range: u64,
    /// Microjoules since the start.
    used: u64,
}

impl Zone {
    fn raw(fs: &dyn SysFs, folder: &str) -> Result<u64, Refusal> {
        refusal(sysfs::parsed(fs, &format!("{folder}/energy_uj"), |text| text.parse().ok()))
    }

    /// Counts on; none where the counter does not answer.
    fn count(&mut self, fs: &dyn SysFs) -> Option<u64> {
        let now = Self::raw(fs, &self.folder).ok()?;
        let step = if now >= self.last { now - self.last } else { self.range.saturating_sub(self.last) + now };
        self.last = now;
        self.used = self.used.saturating_add(step);
        Some(self.used)
    }
}

/// The processors of a host.
pub(super) struct Rapl<'a> {
    device: &'a Device,
    nature: Nature,
    zones: Vec<Zone>,
}

/// The counters of a host.
pub(super) fn open(device: &Device) -> Result<Rapl<'_>, Refusal> {
    let fs = device.sysfs.as_ref();
    let listed = fs.list(FOLDER).map_err(|error| (Missing::Absent, error.to_string()))?;
    let (mut zones, mut names) = (Vec::new(), Vec::new());
    for folder in listed.iter().filter(|name| name.starts_with("intel-rapl:")).map(|name| format!("{FOLDER}/{name}")) {
        let Some(name) = sysfs::text(fs, &format!("{folder}/name")).value().cloned() else { continue };
        if !name.starts_with("package-") && name != "dram" {
            continue;
        }
        let last = Zone::raw(fs, &folder)?;
        let range = refusal(sysfs::parsed(fs, &format!("{folder}/max_energy_range_uj"), |text| text.parse().ok()))?;
        zones.push(Zone { folder, last, range, used: 0 });
        names.push(name);
    }
    if zones.is_empty() {
        return Err((Missing::Absent, format!("no processor counter in {FOLDER}")));
    }
    let nature = Nature {
        source: EnergySource::Rapl,
        what: names.join(" + "),
        period: Some(Nanos::from(LOOK)),
        step: Some(STEP * zones.len() as u64),
        shortest_look: LOOK,
        timing: Some(Nanos(1_000_000)),
    };
    Ok(Rapl { device, nature, zones })
}

impl Source for Rapl<'_> {
    fn nature(&self) -> &Nature {
        &self.nature
    }

    fn look(&mut self, at: Nanos) -> Look {
        let mut all = 0u64;
        for zone in &mut self.zones {
            match zone.count(self.device.sysfs.as_ref()) {
                Some(used) => all = all.saturating_add(used),
                None => return Look::Silent,
            }
        }
        Look::Reading(MeterReading { at, value: i64::try_from(all).unwrap_or(i64::MAX), voltage: None })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::sysfs::Captured;

    #[test]
    fn a_counter_that_begins_again_counts_on_and_parts_do_not_count_twice() {
        let files = Arc::new(Captured::default());
        for (zone, name, value) in [("0", "package-0", "900"), ("0:0", "core", "5"), ("0:1", "dram", "10")] {
            files.set(&format!("sys/class/powercap/intel-rapl:{zone}/name"), &format!("{name}\n"));
            files.set(&format!("sys/class/powercap/intel-rapl:{zone}/energy_uj"), &format!("{value}\n"));
            files.set(&format!("sys/class/powercap/intel-rapl:{zone}/max_energy_range_uj"), "1000\n");
        }
        let device = Device::of(Arc::clone(&files));
        let mut rapl = open(&device).unwrap();
        assert_eq!(rapl.nature().what, "package-0 + dram");
        files.set("sys/class/powercap/intel-rapl:0/energy_uj", "50\n");
        files.set("sys/class/powercap/intel-rapl:0:1/energy_uj", "12\n");
        assert_eq!(rapl.look(Nanos(3)), Look::Reading(MeterReading { at: Nanos(3), value: 152, voltage: None }));
    }
}
