//! What this device is: every answer a value or the reason why there is none, never a guess.
//!
//! One kernel interface a file; in each, reading goes through the [`SysFs`](crate::sysfs::SysFs) port and parsing is pure.

pub mod access;
pub mod battery;
pub mod battery_table;
pub mod core_names;
pub mod cpufreq;
pub mod cpuinfo;
pub mod cputopo;
pub mod dumpsys_battery;
pub mod getprop;
pub mod healthd;
pub mod identity;
pub mod kernel_battery;
pub mod meminfo;
pub mod os_release;
pub mod power_supply;
pub mod reality;
pub mod records;
pub mod root;
pub mod text;
pub mod thermal;
pub mod thermalservice;
pub mod topology;

use std::path::Path;

use benchrack_protocol::device::{DeviceReport, Reality};
use benchrack_protocol::reading::{Missing, Reading};

use crate::device::Device;
use crate::gauge::store;

/// Asks everything.
///
/// `own_key` is a key kept by the agent, used where the system has nothing stable to make one of (a container without
/// a machine id).
pub fn probe(device: &Device, own_key: Option<&str>) -> DeviceReport {
    probe_in(device, own_key, None)
}

/// Asks everything; `folder` is the agent's data folder, which holds the calibration of the device's gauge.
pub fn probe_in(device: &Device, own_key: Option<&str>, folder: Option<&Path>) -> DeviceReport {
    let fs = device.sysfs.as_ref();
    let properties = getprop::read(device.commands.as_ref());
    let cpuinfo = cpuinfo::read(fs);
    let architecture = identity::architecture(fs, device.commands.as_ref(), &properties);
    let facts = topology::read(fs, &cpuinfo, &architecture);
    let (clusters, unknown) = topology::clusters(&facts);
    let identity = identity::identify(fs, &properties, &cpuinfo, architecture, own_key);
    let stored = folder.map_or(Ok(None), |folder| store::recall(folder, &identity));
    let mut power_supplies = power_supply::supplies(fs);
    let mut battery =
        battery::battery(device, &power_supplies, &records::read(device), stored.as_ref().ok().and_then(Option::as_ref));
    match (&stored, &mut battery) {
        (Ok(Some(gauge)), _) => {
            for supply in power_supplies.iter_mut().filter(|supply| supply.name == gauge.supply) {
                supply.current = power_supply::current(fs, gauge);
            }
        }
        (Err(error), Some(battery)) if battery.gauge.value().is_none() => {
            battery.gauge = Reading::missing(Missing::Invalid, crate::files::chain(error));
        }
        _ => {}
    }
    let thermal_zones = thermal::zones(fs);
    let mut temperatures = thermal::temperatures(&thermal_zones);
    temperatures.extend(thermalservice::temperatures(device.commands.as_ref()));
    let mut report = DeviceReport {
        reality: if device.is_simulated() {
            Reality::Simulated
        } else {
            reality::tell(fs, &properties, &cpuinfo, device.compiled_for)
        },
        identity,
        cpus_possible: topology::cpu_list(fs, "possible"),
        cpus_online: topology::cpu_list(fs, "online"),
        clusters,
        unknown,
        policies: cpufreq::policies(fs),
        thermal_zones,
        cooling_devices: thermal::cooling_devices(fs),
        power_supplies,
        memory: meminfo::memory(fs, device.commands.as_ref()),
        battery,
        temperatures,
        access: None,
    };
    report.access = Some(access::access(device, &properties, &report));
    report
}
