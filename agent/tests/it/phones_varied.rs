//! Captured phones as other kernels, moments and users would show them: other folders, other lists, cores that are off, no
//! identities, no clocks. What is told of their topology stays right, or is said to be unknown.

use std::collections::{BTreeMap, BTreeSet};

use benchrack_agent::sysfs::Captured;
use benchrack_protocol::cpuset::CpuSet;

use super::phones_damaged::{PHONES, Phone, check};

const CPU: &str = "sys/devices/system/cpu";

/// Paths and contents.
type Files = BTreeMap<String, String>;

fn files(phone: &Phone) -> Files {
    Captured::parse(&phone.text).unwrap().files()
}

/// The phone with these files, and everything that is no file as it was.
fn with(phone: &Phone, files: Files) -> Captured {
    let device = Captured::parse(&phone.text).unwrap();
    for path in device.files().into_keys() {
        device.remove(&path);
    }
    for (path, text) in files {
        device.set(&path, &text);
    }
    device
}

/// CPU and the rest of the path below its folder.
fn of_cpu(path: &str) -> Option<(u32, &str)> {
    let (number, rest) = path.strip_prefix(CPU)?.strip_prefix("/cpu")?.split_once('/')?;
    Some((number.parse().ok()?, rest))
}

fn list(text: &str) -> Option<CpuSet> {
    text.trim().parse().ok()
}

fn spaced(cpus: &CpuSet) -> String {
    cpus.iter().map(|cpu| cpu.to_string()).collect::<Vec<_>>().join(" ") + "\n"
}

/// One folder for each policy, as kernels since 4.3 have it, and none below the CPUs.
fn as_policies(files: &mut Files) {
    let folders: Files = files.clone();
    files.retain(|path, _| of_cpu(path).is_none_or(|(_, rest)| !rest.starts_with("cpufreq/")));
    for (path, text) in &folders {
        let Some((cpu, rest)) = of_cpu(path) else { continue };
        let Some(rest) = rest.strip_prefix("cpufreq/") else { continue };
        let related = folders.get(&format!("{CPU}/cpu{cpu}/cpufreq/related_cpus")).and_then(|text| list(text));
        let first = related.and_then(|cpus| cpus.iter().next()).unwrap_or(cpu);
        files.insert(format!("{CPU}/cpufreq/policy{first}/{rest}"), text.clone());
    }
}

/// `affected_cpus` in place of `related_cpus`: only CPUs that are online.
fn affected_only(files: &mut Files) {
    let online = files.get(&format!("{CPU}/online")).and_then(|text| list(text));
    let lists: Files = files
        .iter()
        .filter(|(path, _)| path.ends_with("/related_cpus"))
        .map(|(path, text)| (path.clone(), text.clone()))
        .collect();
    for (path, text) in lists {
        files.remove(&path);
        let Some(cpus) = list(&text) else { continue };
        let left: CpuSet = cpus.iter().filter(|&cpu| online.as_ref().is_none_or(|online| online.contains(cpu))).collect();
        files.insert(path.replace("related_cpus", "affected_cpus"), spaced(&left));
    }
}

fn without(files: &mut Files, part: &str) {
    files.retain(|path, _| !path.contains(part));
}

/// A CPU goes: its clock, its lists and its identity with it, and `affected_cpus` of the others without it.
fn unplug(files: &mut Files, gone: u32) {
    files.retain(|path, _| {
        of_cpu(path).is_none_or(|(cpu, rest)| cpu != gone || !(rest.starts_with("cpufreq/") || rest.starts_with("topology/")))
    });
    for (path, text) in files.iter_mut() {
        let shrinks =
            path.ends_with("/affected_cpus") || *path == format!("{CPU}/online") || path.ends_with("/core_siblings_list");
        if shrinks && let Some(cpus) = list(text) {
            let left: CpuSet = cpus.iter().filter(|&cpu| cpu != gone).collect();
            *text = if path.ends_with("_cpus") { spaced(&left) } else { format!("{left}\n") };
        }
    }
    if let Some(cpuinfo) = files.get_mut("proc/cpuinfo") {
        let of_it = |block: &str| {
            let line = block.lines().find(|line| line.starts_with("processor"));
            line.and_then(|line| line.split(':').nth(1)).is_some_and(|number| number.trim() == gone.to_string())
        };
        *cpuinfo = cpuinfo.split("\n\n").filter(|block| !of_it(block)).collect::<Vec<_>>().join("\n\n");
    }
}

#[test]
fn phones_under_other_kernels_and_with_less_to_read_claim_nothing_false() {
    let mut told = 0;
    for phone in PHONES.iter().filter(|phone| phone.clusters.is_some()) {
        for policies in [false, true] {
            for affected in [false, true] {
                for left_out in [
                    &[][..],
                    &["proc/cpuinfo"],
                    &["/topology/"],
                    &["cpu_capacity"],
                    &["/related_cpus", "/affected_cpus"],
                    &["/cpufreq/"],
                    &["/cpufreq/", "/topology/"],
                    &["/cpufreq/", "/topology/", "cpu_capacity"],
                    &["/cputopo"],
                    &["/cpuinfo_max_freq"],
                    &["/related_cpus", "/affected_cpus", "/topology/", "cputopo"],
                ] {
                    let mut files = files(phone);
                    if policies {
                        as_policies(&mut files);
                    }
                    if affected {
                        affected_only(&mut files);
                    }
                    left_out.iter().for_each(|part| without(&mut files, part));
                    let report = check(
                        phone,
                        with(phone, files),
                        &format!("policies {policies}, affected {affected}, without {left_out:?}"),
                    );
                    let found: BTreeSet<CpuSet> = report.clusters.iter().map(|cluster| cluster.cpus.clone()).collect();
                    told += usize::from(Some(&found) == phone.clusters.as_ref());
                }
            }
        }
    }
    // Most of these leave enough to tell all of it: 1056 of 2112 would be half.
    println!("{told} of {} told whole", PHONES.iter().filter(|phone| phone.clusters.is_some()).count() * 44);
}

#[test]
fn phones_of_which_cores_are_off_claim_nothing_false() {
    for phone in PHONES.iter() {
        let Some(clusters) = &phone.clusters else { continue };
        let all: Vec<u32> = clusters.iter().flat_map(|cluster| cluster.iter().collect::<Vec<_>>()).collect();
        let singles = all.iter().map(|&cpu| vec![cpu]);
        let whole = clusters.iter().map(|cluster| cluster.iter().collect::<Vec<_>>());
        let but_one = clusters.iter().map(|cluster| cluster.iter().skip(1).collect::<Vec<_>>());
        let every_other = [all.iter().copied().skip(1).step_by(2).collect::<Vec<_>>()];
        for gone in singles.chain(whole).chain(but_one).chain(every_other).filter(|gone| gone.len() < all.len()) {
            for affected in [false, true] {
                for identities in [true, false] {
                    let mut files = files(phone);
                    gone.iter().for_each(|&cpu| unplug(&mut files, cpu));
                    if affected {
                        affected_only(&mut files);
                    }
                    if !identities {
                        without(&mut files, "proc/cpuinfo");
                    }
                    check(phone, with(phone, files), &format!("CPUs {gone:?} off, affected {affected}, identities {identities}"));
                }
            }
        }
    }
}
