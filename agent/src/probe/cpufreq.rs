//! cpufreq (Documentation/admin-guide/pm/cpufreq.rst): `/sys/devices/system/cpu/cpufreq/policyN`, and on older kernels
//! `/sys/devices/system/cpu/cpuN/cpufreq`.

use std::collections::BTreeSet;

use benchrack_protocol::cpuset::CpuSet;
use benchrack_protocol::device::CpufreqPolicy;
use benchrack_protocol::evidence::StateTime;
use benchrack_protocol::reading::{Missing, Reading};
use benchrack_protocol::units::Kilohertz;

use crate::sysfs::{self, SysFs};

/// Folder of the CPUs; a policy's path is below it.
pub const CPU: &str = "sys/devices/system/cpu";

/// All policies by path. A policy whose CPUs cannot be told is left out: nobody could say what it clocks.
pub fn policies(fs: &dyn SysFs) -> Vec<CpufreqPolicy> {
    let mut covered = CpuSet::default();
    let mut found = Vec::new();
    for path in folders(fs) {
        let Some(cpus) = shared_clock(fs, &path) else { continue };
        // cpuN/cpufreq is mostly a link to the policy of its cluster, so the first one stands for all.
        if !cpus.is_subset(&covered) {
            for cpu in cpus.iter() {
                covered.insert(cpu);
            }
            found.push(policy(fs, path, cpus));
        }
    }
    found
}

/// Folders of policies, the modern ones first; below [`CPU`].
fn folders(fs: &dyn SysFs) -> Vec<String> {
    let numbers = |folder: &str, prefix: &str| -> BTreeSet<u32> {
        let names = fs.list(folder).unwrap_or_default();
        names.iter().filter_map(|name| name.strip_prefix(prefix)?.parse().ok()).collect()
    };
    let modern = numbers(&format!("{CPU}/cpufreq"), "policy").into_iter().map(|number| format!("cpufreq/policy{number}"));
    let older = numbers(CPU, "cpu").into_iter().map(|number| format!("cpu{number}/cpufreq"));
    modern.chain(older).filter(|folder| fs.list(&format!("{CPU}/{folder}")).is_ok_and(|files| !files.is_empty())).collect()
}

/// CPUs of a policy: those that are offline among them where the kernel says, else those online.
pub fn shared_clock(fs: &dyn SysFs, policy: &str) -> Option<CpuSet> {
    let list = |file: &str| {
        let reading = sysfs::parsed(fs, &format!("{CPU}/{policy}/{file}"), |text| text.parse::<CpuSet>().ok());
        reading.value().filter(|cpus| !cpus.is_empty()).cloned()
    };
    list("related_cpus").or_else(|| list("affected_cpus"))
}

fn policy(fs: &dyn SysFs, path: String, cpus: CpuSet) -> CpufreqPolicy {
    let file = |name: &str| format!("{CPU}/{path}/{name}");
    let frequency = |name: &str| frequency(fs, &file(name));
    CpufreqPolicy {
        governor: sysfs::text(fs, &file("scaling_governor")),
        governors: sysfs::text(fs, &file("scaling_available_governors"))
            .map(|text| text.split_whitespace().map(str::to_owned).collect()),
        frequencies: operating_points(fs, &path),
        hardware_min: frequency("cpuinfo_min_freq"),
        hardware_max: frequency("cpuinfo_max_freq"),
        scaling_min: frequency("scaling_min_freq"),
        scaling_max: frequency("scaling_max_freq"),
        current: frequency("scaling_cur_freq"),
        writable: fs.writable(&file("scaling_min_freq")) && fs.writable(&file("scaling_max_freq")),
        cpus,
        path,
    }
}

/// One frequency file; kHz. Zero and `<unsupported>` are no frequencies.
pub fn frequency(fs: &dyn SysFs, path: &str) -> Reading<Kilohertz> {
    sysfs::parsed(fs, path, |text| text.parse().ok().filter(|&khz: &u64| khz > 0).map(Kilohertz))
}

/// The operating points, ascending: the list of the driver with its boost list, else the states the statistics count.
fn operating_points(fs: &dyn SysFs, policy: &str) -> Reading<Vec<Kilohertz>> {
    let file = |name: &str| format!("{CPU}/{policy}/{name}");
    let listed = sysfs::parsed(fs, &file("scaling_available_frequencies"), frequencies);
    match listed {
        Reading::Value { mut value } => {
            if let Reading::Value { value: boost } = sysfs::parsed(fs, &file("scaling_boost_frequencies"), frequencies) {
                value.extend(boost);
            }
            Reading::of(ascending(value))
        }
        missing => match time_in_state(fs, policy) {
            Reading::Value { value } if !value.is_empty() => {
                Reading::of(ascending(value.into_iter().map(|state| state.frequency).collect()))
            }
            _ => missing,
        },
    }
}

fn ascending(mut frequencies: Vec<Kilohertz>) -> Vec<Kilohertz> {
    frequencies.sort_unstable();
    frequencies.dedup();
    frequencies
}

fn frequencies(text: &str) -> Option<Vec<Kilohertz>> {
    let numbers: Option<Vec<_>> = text.split_whitespace().map(|word| word.parse().ok().map(Kilohertz)).collect();
    numbers.filter(|numbers| !numbers.is_empty())
}

/// A file of the statistics: in the policy's folder, or where the oldest kernels have it, in `cpufreq/stats/cpuN`.
fn statistics(fs: &dyn SysFs, policy: &str, name: &str) -> (String, Reading<String>) {
    let path = format!("{CPU}/{policy}/stats/{name}");
    let text = sysfs::text(fs, &path);
    if let (Reading::Missing { missing: Missing::Absent, .. }, Some(cpu)) = (&text, policy.strip_suffix("/cpufreq")) {
        let older = format!("{CPU}/cpufreq/stats/{cpu}/{name}");
        let found = sysfs::text(fs, &older);
        if !matches!(found, Reading::Missing { missing: Missing::Absent, .. }) {
            return (older, found);
        }
    }
    (path, text)
}

/// `stats/time_in_state`: time in each operating point since boot.
pub fn time_in_state(fs: &dyn SysFs, policy: &str) -> Reading<Vec<StateTime>> {
    let (path, text) = statistics(fs, policy, "time_in_state");
    match text.map(|text| states(&text)) {
        Reading::Value { value: Some(states) } => Reading::of(states),
        Reading::Value { value: None } => Reading::missing(Missing::Invalid, format!("{path}: not lines of two numbers")),
        Reading::Missing { missing, detail } => Reading::missing(missing, detail),
    }
}

/// `stats/total_trans`: changes of frequency since boot.
pub fn transitions(fs: &dyn SysFs, policy: &str) -> Reading<u64> {
    let (path, text) = statistics(fs, policy, "total_trans");
    text.and_then(|text| match text.parse() {
        Ok(count) => Reading::of(count),
        Err(_) => Reading::missing(Missing::Invalid, format!("{path}: '{}'", sysfs::excerpt(&text))),
    })
}

/// Lines `frequency ticks`.
fn states(text: &str) -> Option<Vec<StateTime>> {
    let state = |line: &str| {
        let mut words = line.split_whitespace();
        let (frequency, ticks) = (words.next()?.parse().ok()?, words.next()?.parse().ok()?);
        Some(StateTime { frequency: Kilohertz(frequency), ticks })
    };
    text.lines().map(state).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sysfs::Captured;

    fn device(files: &[(&str, &str)]) -> Captured {
        let device = Captured::default();
        for (file, text) in files {
            device.set(&format!("{CPU}/{file}"), text);
        }
        device
    }

    #[test]
    fn folders_of_cpus_that_share_a_policy_are_one_policy() {
        let device = device(&[
            ("cpu0/cpufreq/related_cpus", "0 1\n"),
            ("cpu1/cpufreq/related_cpus", "0 1\n"),
            ("cpu2/cpufreq/related_cpus", "2\n"),
            ("cpu3/cpufreq/scaling_governor", "x\n"),
        ]);
        let paths: Vec<_> = policies(&device).into_iter().map(|policy| policy.path).collect();
        assert_eq!(paths, ["cpu0/cpufreq", "cpu2/cpufreq"]);
    }

    #[test]
    fn operating_points_ascend_and_include_boost_ones() {
        let device = device(&[
            ("cpufreq/policy0/related_cpus", "0-3\n"),
            ("cpufreq/policy0/scaling_available_frequencies", "1300000 299000 600000 \n"),
            ("cpufreq/policy0/scaling_boost_frequencies", "1500000\n"),
        ]);
        let points = policies(&device).remove(0).frequencies;
        assert_eq!(points, Reading::of([299_000, 600_000, 1_300_000, 1_500_000].map(Kilohertz).to_vec()));
    }

    #[test]
    fn operating_points_come_from_the_statistics_where_there_is_no_list() {
        let device = device(&[
            ("cpufreq/policy0/related_cpus", "0-3\n"),
            ("cpufreq/policy0/stats/time_in_state", "600000 12\n300000 0\n"),
        ]);
        let points = policies(&device).remove(0).frequencies;
        assert_eq!(points, Reading::of([300_000, 600_000].map(Kilohertz).to_vec()));
    }

    #[test]
    fn statistics_are_found_where_the_oldest_kernels_have_them() {
        let device = device(&[
            ("cpu0/cpufreq/affected_cpus", "0\n"),
            ("cpufreq/stats/cpu0/time_in_state", "600000 12\n300000 4\n"),
            ("cpufreq/stats/cpu0/total_trans", "7\n"),
            ("cpu1/cpufreq/affected_cpus", "1\n"),
        ]);
        let points = policies(&device).remove(0).frequencies;
        assert_eq!(points, Reading::of([300_000, 600_000].map(Kilohertz).to_vec()));
        assert_eq!(transitions(&device, "cpu0/cpufreq"), Reading::of(7));
        let Reading::Missing { missing: Missing::Absent, detail } = transitions(&device, "cpu1/cpufreq") else { panic!() };
        assert!(detail.contains("cpu1/cpufreq/stats/total_trans"), "{detail}");
    }

    #[test]
    fn an_unsupported_frequency_is_invalid() {
        let device = device(&[("cpufreq/policy0/related_cpus", "0\n"), ("cpufreq/policy0/scaling_cur_freq", "<unsupported>\n")]);
        let current = policies(&device).remove(0).current;
        assert!(matches!(current, Reading::Missing { missing: Missing::Invalid, .. }));
    }
}
