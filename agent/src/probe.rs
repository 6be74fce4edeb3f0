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

use benchrack_protocol::device::{DeviceReport, Reality, Temperature, Unknown};
use benchrack_protocol::reading::{Missing, Reading};

use crate::device::Device;
use crate::gauge::store;
use crate::sysfs::SysFs;

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
    let (clusters, mut unknown) = topology::clusters(&facts);
    let records = records::read(device);
    // A capture may hold what only Android has without its properties.
    let dumps = || ["battery", "thermalservice"].into_iter().any(|service| device.commands.run("dumpsys", &[service]).is_ok());
    let android = properties.value().is_none() && (!records.healthd.is_empty() || dumps());
    let identity = identity::identify(fs, android, &properties, &cpuinfo, architecture, own_key);
    let stored = folder.map_or(Ok(None), |folder| store::recall(folder, &identity));
    let mut power_supplies = power_supply::supplies(fs);
    let mut battery = battery::battery(device, &power_supplies, &records, stored.as_ref().ok().and_then(Option::as_ref));
    match (&stored, &mut battery) {
        (Ok(Some(gauge)), _) => {
            for supply in power_supplies.iter_mut().filter(|supply| supply.name == gauge.supply) {
                supply.current = power_supply::current(fs, gauge);
            }
        }
        (Err(error), Some(battery)) if battery.gauge.value().is_none() => {
            battery.gauge = Reading::missing(Missing::Invalid, benchrack_protocol::causes::chain(error));
        }
        _ => {}
    }
    if battery.is_none() && properties.value().is_some() {
        unknown.push(Unknown { what: "battery".into(), why: "no power supply and no service tells of one".into() });
    }
    let thermal_zones = thermal::zones(fs);
    let mut temperatures = thermal::temperatures(&thermal_zones);
    let service = thermalservice::temperatures(device.commands.as_ref());
    let policies = cpufreq::policies(fs);
    unknown.extend(refused(fs, &service, policies.is_empty()));
    temperatures.extend(service.value().into_iter().flatten().cloned());
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
        policies,
        thermal_zones,
        cooling_devices: thermal::cooling_devices(fs),
        power_supplies,
        memory: meminfo::memory(fs, device.commands.as_ref()),
        battery,
        temperatures,
        access: None,
        cpus_isolated: topology::cpu_list(fs, "isolated").value().filter(|cpus| !cpus.is_empty()).cloned(),
    };
    report.access = Some(access::access(device, &properties, &report));
    report
}

/// What is unknown where the folder of cpufreq refuses.
pub const CLOCKS: &str = "clocks";

/// Folders and services that do not answer as a whole, so that nothing of what they hold is known: that is not absent.
fn refused(fs: &dyn SysFs, service: &Reading<Vec<Temperature>>, no_clocks: bool) -> Vec<Unknown> {
    let folders = [
        (CLOCKS, format!("{}/cpufreq", cpufreq::CPU)),
        ("thermal zones and cooling devices", thermal::CLASS.to_owned()),
        ("power supplies", power_supply::CLASS.to_owned()),
    ];
    // Clocks may be found below the CPUs all the same.
    let folders = folders.into_iter().skip(usize::from(!no_clocks)).filter_map(|(what, folder)| {
        let why = fs.list(&folder).err().map(|error| error.into_reading::<()>());
        Some((what, why?))
    });
    let service = ("temperatures of Android's thermal service", service.clone().map(drop));
    let unknown = |(what, answer): (&str, Reading<()>)| match answer {
        Reading::Missing { missing: Missing::Absent, .. } | Reading::Value { .. } => None,
        Reading::Missing { missing, detail } => Some(Unknown { what: what.into(), why: format!("{missing}: {detail}") }),
    };
    folders.chain([service]).filter_map(unknown).collect()
}
