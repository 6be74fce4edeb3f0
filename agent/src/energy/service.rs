//! `dumpsys android.hardware.power.stats.IPowerStats/default`: the rails of [`super::rails`] as the power statistics
//! service prints them, which the shell may ask on many builds where the kernel's file is refused:
//!
//! ```text
//! ============= PowerStats HAL 2.0 energy meter ==============
//!                            Channel   Cumulative Energy
//!             [S2M_VDD_CPUCL2]:CPU         30203.50 mWs
//! ```
//!
//! It gives no time, and asking takes tens of milliseconds of CPU time, so it is asked once a second.

use std::time::Duration;

use benchrack_protocol::energy::{EnergySource, MeterReading};
use benchrack_protocol::reading::Missing;
use benchrack_protocol::units::Nanos;

use super::rails::is_compute;
use super::{Look, Nature, Refusal, Source};
use crate::device::Device;

const PROGRAM: &str = "dumpsys";
const SERVICE: &str = "android.hardware.power.stats.IPowerStats/default";
/// A hundredth of a milliwatt-second, in microjoules.
const STEP: u64 = 10;
const LOOK: Duration = Duration::from_secs(1);

/// Name and microjoules of each rail of the energy meter's table.
fn parse(text: &str) -> Vec<(String, i64)> {
    let rail = |line: &str| {
        let (name, used) = line.strip_prefix('[')?.split_once(']')?;
        let number = used.strip_suffix("mWs")?.split_whitespace().last()?;
        let millijoules: f64 = number.parse().ok()?;
        (millijoules.is_finite() && millijoules >= 0.0).then(|| (name.to_owned(), (millijoules * 1000.0).round() as i64))
    };
    let table = text.lines().skip_while(|line| !line.contains("energy meter ==")).skip(1);
    table.take_while(|line| !line.starts_with("==")).filter_map(|line| rail(line.trim())).collect()
}

/// Counted rails.
pub(super) struct Service<'a> {
    device: &'a Device,
    nature: Nature,
    counted: Vec<String>,
}

/// The service of a device.
pub(super) fn open(device: &Device) -> Result<Service<'_>, Refusal> {
    let text = device.commands.run(PROGRAM, &[SERVICE]).map_err(|error| {
        let detail = error.to_string();
        match error.into_reading::<()>() {
            benchrack_protocol::reading::Reading::Missing { missing: Missing::Denied, .. } => (Missing::Denied, detail),
            // A program or a service that is not there ends with a status.
            _ => (Missing::Absent, detail),
        }
    })?;
    let rails = parse(&text);
    if rails.is_empty() {
        return Err((Missing::Absent, format!("{PROGRAM} {SERVICE} prints no energy meter")));
    }
    let names = || rails.iter().map(|(name, _)| name.clone());
    let mut counted: Vec<String> = names().filter(|name| is_compute(name)).collect();
    if counted.is_empty() {
        counted = names().collect();
    }
    let nature = Nature {
        source: EnergySource::RailsByService,
        what: counted.join(" + "),
        period: Some(Nanos::from(LOOK)),
        step: Some(STEP * counted.len() as u64),
        shortest_look: LOOK,
        timing: None,
    };
    Ok(Service { device, nature, counted })
}

impl Source for Service<'_> {
    fn nature(&self) -> &Nature {
        &self.nature
    }

    fn look(&mut self, at: Nanos) -> Look {
        let Ok(text) = self.device.commands.run(PROGRAM, &[SERVICE]) else { return Look::Silent };
        let rails: Vec<i64> =
            parse(&text).into_iter().filter(|(name, _)| self.counted.contains(name)).map(|(_, used)| used).collect();
        if rails.len() != self.counted.len() {
            return Look::Silent;
        }
        Look::Reading(MeterReading { at, value: rails.into_iter().fold(0, i64::saturating_add), voltage: None })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_energy_meters_table_is_read_and_no_other() {
        let text = "============= PowerStats HAL 2.0 energy consumers ==============\n  [TPU]:x   9.00 mWs\n\n\
            ============= PowerStats HAL 2.0 energy meter ==============\n\
                                      Channel    Cumulative Energy\n\
                        [S2M_VDD_CPUCL2]:CPU         30203.50 mWs\n\
                          [VSYS_PWR_MODEM]:Cellular       12.00 mWs\n\
            ========== End of PowerStats HAL 2.0 energy meter ==========\n  [S9M_VDD_TPU_M]:TPU  1.00 mWs\n";
        assert_eq!(parse(text), [("S2M_VDD_CPUCL2".to_owned(), 30_203_500), ("VSYS_PWR_MODEM".to_owned(), 12_000)]);
        assert!(parse("").is_empty());
    }
}
