//! Which CPUs an operating point means on this device.

use benchrack_protocol::cpuset::CpuSet;
use benchrack_protocol::device::DeviceReport;
use benchrack_protocol::report::Failure;
use benchrack_protocol::runner::FailureReason;
use benchrack_protocol::session::Cores;

use crate::probe::cpufreq::CPU;
use crate::probe::topology;
use crate::sysfs::SysFs;

/// The CPUs, each online or among those that can be brought online.
///
/// # Errors
/// [`FailureReason::OperatingPointImpossible`], naming what the device has instead.
pub fn choose(cores: &Cores, known: &DeviceReport, online: &CpuSet, pluggable: &CpuSet) -> Result<CpuSet, Failure> {
    let impossible = |detail: String| Failure { reason: FailureReason::OperatingPointImpossible, detail };
    let wanted = match cores {
        Cores::All => online.clone(),
        Cores::List(cpus) => cpus.clone(),
        Cores::Cluster(name) => match known.clusters.iter().find(|cluster| &cluster.name == name) {
            Some(cluster) => cluster.cpus.clone(),
            None => {
                let has: Vec<_> = known.clusters.iter().map(|cluster| format!("{} ({})", cluster.name, cluster.cpus)).collect();
                let has = if has.is_empty() { "no cluster that can be told".into() } else { has.join(", ") };
                return Err(impossible(format!("this device has no cluster '{name}'; it has {has}")));
            }
        },
    };
    if wanted.is_empty() {
        return Err(impossible("no CPU is known to be online".into()));
    }
    let absent: CpuSet = wanted.iter().filter(|&cpu| !online.contains(cpu) && !pluggable.contains(cpu)).collect();
    if !absent.is_empty() {
        return Err(impossible(format!("CPUs {absent} of {cores} are not online; online are {online}")));
    }
    Ok(wanted)
}

/// CPUs that are offline and have a file to bring them online; whether this user may is found by trying.
pub fn pluggable(fs: &dyn SysFs, online: &CpuSet) -> CpuSet {
    let present = topology::cpu_list(fs, "present");
    let offline = present.value().into_iter().flat_map(|cpus| cpus.iter()).filter(|&cpu| !online.contains(cpu));
    offline.filter(|cpu| fs.read(&format!("{CPU}/cpu{cpu}/online")).is_ok_and(|text| text.trim() == "0")).collect()
}

/// The next of these CPUs that is of the same kind as this one, in a circle; the same one where there is no other.
pub fn next_of_kind(cpu: u32, known: &DeviceReport, cpus: &CpuSet) -> u32 {
    let kind = known.clusters.iter().find(|cluster| cluster.cpus.contains(cpu));
    let of_kind: Vec<u32> = kind.iter().flat_map(|kind| kind.cpus.iter()).filter(|&other| cpus.contains(other)).collect();
    of_kind.iter().copied().find(|&other| other > cpu).or(of_kind.first().copied()).unwrap_or(cpu)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::device::Device;
    use crate::probe::probe;
    use crate::sysfs::Captured;

    #[test]
    fn cores_that_do_not_exist_or_are_off_are_refused_with_what_there_is() {
        let files = Captured::default();
        for (range, cpus) in [("800000", 0..4u32), ("2000000", 4..6)] {
            for cpu in cpus.clone() {
                let file =
                    |name: &str, text: String| files.set(&format!("sys/devices/system/cpu/cpu{cpu}/cpufreq/{name}"), &text);
                file("related_cpus", format!("{}-{}\n", cpus.start, cpus.end - 1));
                file("cpuinfo_min_freq", "300000\n".into());
                file("cpuinfo_max_freq", format!("{range}\n"));
            }
        }
        files.set("sys/devices/system/cpu/present", "0-5\n");
        files.set("proc/sys/kernel/arch", "aarch64\n");
        let known = probe(&Device::of(std::sync::Arc::new(files)), None);
        let online: CpuSet = "0-4".parse().unwrap();
        let none = CpuSet::default();
        let choose = |text: &str| super::choose(&text.parse().unwrap(), &known, &online, &none).map(|cpus| cpus.to_string());
        assert_eq!(choose("little").unwrap(), "0-3");
        assert_eq!(choose("all").unwrap(), "0-4");
        assert_eq!(choose("1,4").unwrap(), "1,4");
        let no_prime = choose("prime").unwrap_err();
        assert_eq!(no_prime.reason, FailureReason::OperatingPointImpossible);
        assert!(no_prime.detail.contains("big (4-5)"), "{}", no_prime.detail);
        assert!(choose("big").unwrap_err().detail.contains("CPUs 5 of big are not online"));
        let off: CpuSet = "5".parse().unwrap();
        assert_eq!(super::choose(&"big".parse().unwrap(), &known, &online, &off).unwrap().to_string(), "4-5");
        assert_eq!([0, 3, 4].map(|cpu| next_of_kind(cpu, &known, &online)), [1, 0, 4], "5 is off");
        assert_eq!(next_of_kind(9, &known, &online), 9, "a core of no known kind");
    }
}
