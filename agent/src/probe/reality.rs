//! Whether code runs on hardware: times under an emulated CPU say nothing of a phone.
//!
//! A virtual machine on a real CPU is real: it executes the instructions itself; what its host takes away shows as
//! steal. Told apart are emulators of the CPU: Android's goldfish and ranchu boards, QEMU's own CPU models, and
//! user-mode emulation, under which the machine's files are those of a host of another architecture.

use benchrack_protocol::device::Reality;

use super::cpuinfo::CpuInfo;
use super::getprop::{Properties, property};
use crate::sysfs::{self, SysFs};

/// Tells by the device's own files.
pub fn tell(fs: &dyn SysFs, properties: &Properties, cpuinfo: &CpuInfo) -> Reality {
    let is = |key: &str, values: &[&str]| property(properties, key).value().is_some_and(|value| values.contains(&value.as_str()));
    let android = is("ro.kernel.qemu", &["1"]) || is("ro.boot.qemu", &["1"]) || is("ro.hardware", &["goldfish", "ranchu"]);
    let model = cpuinfo.model_name.as_deref().unwrap_or_default();
    let emulated_x86 = ["QEMU Virtual CPU", "QEMU TCG"].iter().any(|name| model.starts_with(name));
    // QEMU's `virt` board for ARM: with KVM it would be real, but nothing in the guest says so.
    let virt = sysfs::text(fs, "proc/device-tree/compatible").value().is_some_and(|text| text.starts_with("linux,dummy-virt"));
    if android || emulated_x86 || virt { Reality::Emulated } else { Reality::Real }
}

/// Whether this build runs under user-mode emulation: it was compiled for another CPU than the one that the kernel
/// describes. Only meaningful on the machine we run on.
pub fn emulated_user_mode(cpuinfo_text: &str) -> bool {
    let describes_x86 = cpuinfo_text.lines().any(|line| line.starts_with("vendor_id"));
    let describes_arm = cpuinfo_text.lines().any(|line| line.starts_with("CPU implementer"));
    match std::env::consts::ARCH {
        "aarch64" | "arm" => describes_x86,
        "x86_64" | "x86" => describes_arm,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use benchrack_protocol::reading::Reading;

    use super::*;
    use crate::probe::getprop;
    use crate::sysfs::Captured;

    #[test]
    fn emulators_are_told_and_virtual_machines_on_real_cpus_are_real() {
        let none = Reading::missing(benchrack_protocol::reading::Missing::Absent, "");
        let device = Captured::default();
        let cpu = |name: &str| CpuInfo { model_name: Some(name.into()), hypervisor: true, ..CpuInfo::default() };
        assert_eq!(tell(&device, &none, &cpu("AMD EPYC")), Reality::Real);
        assert_eq!(tell(&device, &none, &cpu("QEMU TCG CPU version 2.5+")), Reality::Emulated);
        let emulator = Reading::of(getprop::parse("[ro.hardware]: [ranchu]"));
        assert_eq!(tell(&device, &emulator, &CpuInfo::default()), Reality::Emulated);
        device.set("proc/device-tree/compatible", "linux,dummy-virt\0");
        assert_eq!(tell(&device, &none, &CpuInfo::default()), Reality::Emulated);
    }
}
