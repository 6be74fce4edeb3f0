//! What this device is: every answer a value or the reason why there is none, never a guess.
//!
//! One kernel interface a file; in each, reading goes through the [`SysFs`](crate::sysfs::SysFs) port and parsing is pure.

pub mod core_names;
pub mod cpufreq;
pub mod cpuinfo;
pub mod getprop;
pub mod identity;
pub mod meminfo;
pub mod os_release;
pub mod power_supply;
pub mod reality;
pub mod text;
pub mod thermal;
pub mod topology;

use benchrack_protocol::device::{DeviceReport, Reality};

use crate::device::Device;

/// Asks everything.
///
/// `own_key` is a key kept by the agent, used where the system has nothing stable to make one of (a container without
/// a machine id).
pub fn probe(device: &Device, own_key: Option<&str>) -> DeviceReport {
    let fs = device.sysfs.as_ref();
    let properties = getprop::read(device.commands.as_ref());
    let cpuinfo = cpuinfo::read(fs);
    let architecture = identity::architecture(fs, device.commands.as_ref(), &properties);
    let facts = topology::read(fs, &cpuinfo, &architecture);
    let (clusters, unknown) = topology::clusters(&facts);
    let identity = identity::identify(fs, &properties, &cpuinfo, architecture, own_key);
    DeviceReport {
        reality: match device.twin {
            Some(_) => Reality::Simulated,
            None => reality::tell(fs, &properties, &cpuinfo, device.compiled_for),
        },
        identity,
        cpus_possible: topology::cpu_list(fs, "possible"),
        cpus_online: topology::cpu_list(fs, "online"),
        clusters,
        unknown,
        policies: cpufreq::policies(fs),
        thermal_zones: thermal::zones(fs),
        cooling_devices: thermal::cooling_devices(fs),
        power_supplies: power_supply::supplies(fs),
        memory: meminfo::memory(fs, device.commands.as_ref()),
    }
}
