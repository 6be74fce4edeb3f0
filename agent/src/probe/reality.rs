//! Whether code runs on hardware: times under an emulated CPU say nothing of a phone.
//!
//! A virtual machine on a real CPU is real: it executes the instructions itself; what its host takes away shows as
//! steal. Told apart are emulators of the CPU: Android's goldfish and ranchu boards, QEMU's own CPU models, and
//! user-mode emulation, under which the machine's files are those of a host of another architecture. QEMU makes up
//! `uname` and, since 8.1, `/proc/cpuinfo`; it passes on the kernel's `sys/kernel/arch` (Linux 6.1) and the CPUs' `modalias`.

use benchrack_protocol::device::Reality;

use super::cpuinfo::CpuInfo;
use super::getprop::{Properties, property};
use crate::sysfs::{self, SysFs};

/// Tells by the device's own files, and by what our own code was compiled for where it runs there.
pub fn tell(fs: &dyn SysFs, properties: &Properties, cpuinfo: &CpuInfo, compiled_for: Option<&str>) -> Reality {
    let is = |key: &str, values: &[&str]| property(properties, key).value().is_some_and(|value| values.contains(&value.as_str()));
    let android = is("ro.kernel.qemu", &["1"]) || is("ro.boot.qemu", &["1"]) || is("ro.hardware", &["goldfish", "ranchu"]);
    let model = cpuinfo.model_name.as_deref().unwrap_or_default();
    let emulated_x86 = ["QEMU Virtual CPU", "QEMU TCG"].iter().any(|name| model.starts_with(name));
    // QEMU's `virt` board for ARM: with KVM it would be real, but nothing in the guest says so.
    let virt = sysfs::text(fs, "proc/device-tree/compatible").value().is_some_and(|text| text.starts_with("linux,dummy-virt"));
    let user_mode = match compiled_for {
        Some("aarch64" | "arm") => cpuinfo.describes_x86,
        Some("x86_64" | "x86") => cpuinfo.describes_arm,
        _ => false,
    } || compiled_for.is_some_and(|ours| foreign_kernel(fs, ours));
    if android || emulated_x86 || virt || user_mode { Reality::Emulated } else { Reality::Real }
}

/// Whether the kernel is one of another architecture than our own code's: user-mode emulation, as the kernel's files show it.
pub fn foreign_kernel(fs: &dyn SysFs, compiled_for: &str) -> bool {
    let says = |path: &str, word: &str| sysfs::text(fs, path).value().is_some_and(|text| text.contains(word));
    let kernel_is = |machine: &str, family: &str| {
        says("proc/sys/kernel/arch", machine) || says("sys/devices/system/cpu/modalias", &format!("cpu:type:{family},"))
    };
    match compiled_for {
        "aarch64" | "arm" => kernel_is("x86_64", "x86"),
        "x86_64" | "x86" => kernel_is("aarch64", "aarch64"),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use benchrack_protocol::reading::Reading;

    use super::*;
    use crate::probe::{cpuinfo, getprop};
    use crate::sysfs::Captured;

    #[test]
    fn emulators_are_told_and_virtual_machines_on_real_cpus_are_real() {
        let none = Reading::missing(benchrack_protocol::reading::Missing::Absent, "");
        let device = Captured::default();
        let cpu = |name: &str| CpuInfo { model_name: Some(name.into()), ..CpuInfo::default() };
        assert_eq!(tell(&device, &none, &cpu("AMD EPYC"), Some("x86_64")), Reality::Real);
        assert_eq!(tell(&device, &none, &cpu("QEMU TCG CPU version 2.5+"), None), Reality::Emulated);
        let emulator = Reading::of(getprop::parse("[ro.hardware]: [ranchu]"));
        assert_eq!(tell(&device, &emulator, &CpuInfo::default(), None), Reality::Emulated);
        let host = cpuinfo::parse("vendor_id : AuthenticAMD\nmodel name : AMD EPYC\n");
        assert_eq!(tell(&device, &none, &host, Some("aarch64")), Reality::Emulated, "the files are the host's");
        assert_eq!(tell(&device, &none, &host, Some("x86_64")), Reality::Real);
        let made_up = CpuInfo { describes_arm: true, ..CpuInfo::default() };
        assert_eq!(tell(&device, &none, &made_up, Some("aarch64")), Reality::Real);
        device.set("proc/sys/kernel/arch", "x86_64\n");
        assert_eq!(tell(&device, &none, &made_up, Some("aarch64")), Reality::Emulated, "the kernel is the host's");
        let device = Captured::default();
        device.set("sys/devices/system/cpu/modalias", "cpu:type:x86,ven0002fam0019mod0011:feature:,0000\n");
        assert_eq!(tell(&device, &none, &made_up, Some("aarch64")), Reality::Emulated, "the CPUs are the host's");
        assert_eq!(tell(&device, &none, &host, Some("x86_64")), Reality::Real);
        let device = Captured::default();
        device.set("proc/device-tree/compatible", "linux,dummy-virt\0");
        assert_eq!(tell(&device, &none, &CpuInfo::default(), None), Reality::Emulated);
    }
}
