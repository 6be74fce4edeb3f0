//! Which CPUs are cores of one kind, slowest kind first.
//!
//! No single file is right on all phones: `related_cpus` is best and missing for cores that are off;
//! `core_siblings_list` names clusters on older chips and everything or nothing on newer ones; MIDR tells kinds apart
//! but not two clusters of one kind. So all are combined, and what they do not tell is left unknown.

use std::collections::{BTreeMap, BTreeSet};

use benchrack_protocol::cpuset::CpuSet;
use benchrack_protocol::device::{Cluster, Unknown};
use benchrack_protocol::reading::{Missing, Reading};
use benchrack_protocol::session::CLUSTER_NAMES;
use benchrack_protocol::units::Kilohertz;

use super::cpufreq::{self, CPU};
use super::cpuinfo::CpuInfo;
use super::{core_names, cpufreq::frequency};
use crate::sysfs::{self, SysFs};

/// Name of a cluster whose rank cannot be told; nobody can ask for it by name.
const UNRANKED: &str = "unranked";

/// What the files say of each CPU.
#[derive(Debug, Clone, Default)]
pub struct Facts {
    /// CPUs that are present, by number.
    pub cpus: BTreeMap<u32, CpuFacts>,
    /// The identity that an old kernel prints once.
    pub midr_once: Option<u32>,
    /// x86: the name of all cores.
    pub model_name: Option<String>,
    /// Whether cores are x86: they have one kind here, with a clock for each core.
    pub x86: bool,
    /// Whether the kernel has cpufreq at all.
    pub cpufreq: bool,
    /// x86 hybrids: CPUs by kind, from `/sys/devices/cpu_atom` and `cpu_core`.
    pub hybrid: Vec<CpuSet>,
}

/// What the files say of one CPU.
#[derive(Debug, Clone, Default)]
pub struct CpuFacts {
    /// Whether it is online; none where nobody says.
    pub online: Option<bool>,
    /// MIDR_EL1.
    pub midr: Option<u32>,
    /// cpu_capacity.
    pub capacity: Option<u32>,
    /// cpuinfo_min_freq and cpuinfo_max_freq.
    pub range: Option<(Kilohertz, Kilohertz)>,
    /// CPUs that share its clock, itself among them.
    pub clock: Option<CpuSet>,
    /// CPUs of its package or cluster, itself among them.
    pub siblings: Vec<CpuSet>,
}

/// A file with a CPU list below the CPU folder.
pub fn cpu_list(fs: &dyn SysFs, file: &str) -> Reading<CpuSet> {
    sysfs::parsed(fs, &format!("{CPU}/{file}"), |text| text.parse().ok())
}

/// Reads all sources.
pub fn read(fs: &dyn SysFs, cpuinfo: &CpuInfo, architecture: &str) -> Facts {
    let listed = || {
        let names = fs.list(CPU).unwrap_or_default();
        names.iter().filter_map(|name| name.strip_prefix("cpu")?.parse().ok()).collect::<CpuSet>()
    };
    let known = |reading: Reading<CpuSet>| reading.value().filter(|cpus| !cpus.is_empty()).cloned();
    let present = known(cpu_list(fs, "present")).or_else(|| known(cpu_list(fs, "possible"))).unwrap_or_else(listed);
    let online = cpu_list(fs, "online");
    let cpus = present.iter().map(|cpu| (cpu, facts_of(fs, cpu, cpuinfo, &online))).collect();
    let kind = |folder: &str| sysfs::parsed(fs, &format!("sys/devices/{folder}/cpus"), |text| text.parse().ok());
    Facts {
        cpus,
        midr_once: cpuinfo.midr_once,
        model_name: cpuinfo.model_name.clone(),
        x86: matches!(architecture, "x86_64" | "i686" | "i586" | "x86"),
        cpufreq: fs.list(&format!("{CPU}/cpufreq")).is_ok_and(|names| !names.is_empty())
            || present.iter().any(|cpu| fs.list(&format!("{CPU}/cpu{cpu}/cpufreq")).is_ok()),
        hybrid: ["cpu_atom", "cpu_core"].into_iter().filter_map(|folder| known(kind(folder))).collect(),
    }
}

fn facts_of(fs: &dyn SysFs, cpu: u32, cpuinfo: &CpuInfo, online: &Reading<CpuSet>) -> CpuFacts {
    let folder = format!("{CPU}/cpu{cpu}");
    // A list without the CPU itself is of another moment or another CPU.
    let list = |file: &str| {
        let reading = sysfs::parsed(fs, &format!("{folder}/{file}"), |text| text.parse::<CpuSet>().ok());
        reading.value().filter(|cpus| cpus.contains(cpu)).cloned()
    };
    let policy = format!("cpu{cpu}/cpufreq");
    let limit = |file: &str| frequency(fs, &format!("{CPU}/{policy}/{file}")).value().copied();
    let midr_file = sysfs::parsed(fs, &format!("{folder}/regs/identification/midr_el1"), |text| {
        u64::from_str_radix(text.strip_prefix("0x")?, 16).ok().and_then(|midr| u32::try_from(midr).ok()).filter(|&midr| midr != 0)
    });
    CpuFacts {
        online: online.value().map(|online| online.contains(cpu)),
        midr: midr_file.value().copied().or_else(|| cpuinfo.midr.get(&cpu).copied()),
        capacity: sysfs::parsed(fs, &format!("{folder}/cpu_capacity"), |text| text.parse().ok()).value().copied(),
        range: limit("cpuinfo_min_freq").zip(limit("cpuinfo_max_freq")),
        clock: cpufreq::shared_clock(fs, &policy).filter(|cpus| cpus.contains(cpu)),
        siblings: ["topology/cluster_cpus_list", "topology/core_siblings_list"].into_iter().filter_map(list).collect(),
    }
}

/// A group and the files that make it one.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Group {
    cpus: BTreeSet<u32>,
    source: &'static str,
}

/// Groups the CPUs, names the groups, and says what remains unknown.
pub fn clusters(facts: &Facts) -> (Vec<Cluster>, Vec<Unknown>) {
    let mut unknown = Vec::new();
    if facts.cpus.is_empty() {
        unknown.push(Unknown { what: "clusters".into(), why: format!("{CPU} lists no CPU") });
        return (Vec::new(), unknown);
    }
    let groups = if facts.x86 { x86_groups(facts) } else { arm_groups(facts, &mut unknown) };
    let grouped: BTreeSet<u32> = groups.iter().flat_map(|group| group.cpus.iter().copied()).collect();
    let rest: CpuSet = facts.cpus.keys().copied().filter(|cpu| !grouped.contains(cpu)).collect();
    if !rest.is_empty() {
        let offline = rest.iter().all(|cpu| facts.cpus.get(&cpu).is_some_and(|cpu| cpu.online == Some(false)));
        let why = if offline {
            "offline when probed, and no file of another CPU names them"
        } else {
            "no file says which CPUs share their kind"
        };
        unknown.push(Unknown { what: format!("cluster of CPUs {rest}"), why: why.into() });
    }
    let complete = rest.is_empty();
    (named(facts, groups, complete, &mut unknown), unknown)
}

/// x86 has a clock for each core and reports packages, so neither file groups; hybrids say their kinds elsewhere.
fn x86_groups(facts: &Facts) -> Vec<Group> {
    let all: BTreeSet<u32> = facts.cpus.keys().copied().collect();
    let kinds: Vec<Group> = facts
        .hybrid
        .iter()
        .map(|kind| Group {
            cpus: kind.iter().filter(|cpu| all.contains(cpu)).collect(),
            source: "/sys/devices/cpu_core, cpu_atom",
        })
        .collect();
    let covered: BTreeSet<u32> = kinds.iter().flat_map(|group| group.cpus.iter().copied()).collect();
    if kinds.len() > 1 && covered == all {
        kinds
    } else {
        vec![Group { cpus: all, source: "/proc/cpuinfo: one kind of x86 core" }]
    }
}

fn arm_groups(facts: &Facts, unknown: &mut Vec<Unknown>) -> Vec<Group> {
    let clocks = facts.cpus.values().filter_map(|cpu| cpu.clock.as_ref()).filter(|clock| clock.len() > 1);
    let all = facts.cpus.len();
    let siblings = || facts.cpus.values().flat_map(|cpu| &cpu.siblings).filter(|siblings| (2..all).contains(&siblings.len()));
    let mut groups = united(facts, clocks.clone(), "related_cpus");
    let with_siblings = united(facts, clocks.chain(siblings()), "related_cpus, core_siblings_list");
    // Sibling lists that join what clocks or identities tell apart are of a chip that reports something else there.
    if with_siblings.iter().all(|group| of_one_kind(facts, group)) {
        groups = with_siblings.into_iter().map(|group| prefer(&groups, group)).collect();
    }
    let mut groups: Vec<Group> = groups.into_iter().flat_map(|group| split_by_kind(facts, group)).collect();
    let shared: BTreeSet<u32> = groups.iter().flat_map(|group| group.cpus.iter().copied()).collect();

    // Cores with a clock of their own are of one kind when everything that is known of them is equal.
    let mut own: BTreeMap<Kind, BTreeSet<u32>> = BTreeMap::new();
    for (&cpu, known) in facts.cpus.iter().filter(|(cpu, known)| !shared.contains(cpu) && known.clock.is_some()) {
        own.entry(kind(known)).or_default().insert(cpu);
    }
    let lone_clocks = !own.is_empty();
    groups.extend(own.into_values().map(|cpus| Group { cpus, source: "equal clock range and MIDR" }));

    let seen: BTreeSet<u32> = groups.iter().flat_map(|group| group.cpus.iter().copied()).collect();
    let unseen: Vec<u32> = facts.cpus.keys().copied().filter(|cpu| !seen.contains(cpu)).collect();
    groups.extend(unseen_groups(facts, &groups, &unseen, lone_clocks, unknown));
    groups
}

/// Groups among CPUs that no clock or sibling list names.
fn unseen_groups(facts: &Facts, groups: &[Group], unseen: &[u32], lone_clocks: bool, unknown: &mut Vec<Unknown>) -> Vec<Group> {
    let get = |cpu: &u32| facts.cpus.get(cpu);
    if let ([only], false, false) = (unseen, groups.is_empty(), lone_clocks) {
        return vec![Group { cpus: BTreeSet::from([*only]), source: "every other CPU's related_cpus leaves it out" }];
    }
    if groups.is_empty() && !facts.cpufreq {
        let kinds: BTreeSet<Kind> = unseen.iter().filter_map(get).map(kind).collect();
        let told = |cpu: &CpuFacts| cpu.midr.is_some() || cpu.capacity.is_some();
        if unseen.len() == 1 || unseen.iter().filter_map(get).all(told) {
            return kinds
                .into_iter()
                .map(|wanted| Group {
                    cpus: unseen.iter().copied().filter(|cpu| get(cpu).map(kind) == Some(wanted)).collect(),
                    source: "no cpufreq; equal MIDR and cpu_capacity",
                })
                .collect();
        }
        return Vec::new();
    }
    let taken: BTreeSet<u32> = groups.iter().flat_map(|group| &group.cpus).filter_map(|cpu| get(cpu)?.midr).collect();
    let mut by_midr: BTreeMap<u32, BTreeSet<u32>> = BTreeMap::new();
    for &cpu in unseen {
        if let Some(midr) = get(&cpu).and_then(|cpu| cpu.midr).filter(|midr| !taken.contains(midr)) {
            by_midr.entry(midr).or_default().insert(cpu);
        }
    }
    let found: Vec<Group> = by_midr.into_values().map(|cpus| Group { cpus, source: "MIDR" }).collect();
    for group in &found {
        let cpus: CpuSet = group.cpus.iter().copied().collect();
        unknown.push(Unknown {
            what: format!("clock of CPUs {cpus}"),
            why: "their cpufreq files do not answer; they are offline or hidden".into(),
        });
    }
    found
}

/// Everything by which cores of one kind are equal.
type Kind = (Option<u32>, Option<u32>, Option<(Kilohertz, Kilohertz)>);

fn kind(cpu: &CpuFacts) -> Kind {
    (cpu.midr, cpu.capacity, cpu.range)
}

/// The finest partition in which every listed set lies within one group; CPUs in no set are left out.
fn united<'a>(facts: &Facts, sets: impl Iterator<Item = &'a CpuSet>, source: &'static str) -> Vec<Group> {
    let mut groups: Vec<BTreeSet<u32>> = Vec::new();
    for set in sets {
        let mut joined: BTreeSet<u32> = set.iter().filter(|cpu| facts.cpus.contains_key(cpu)).collect();
        groups.retain(|group| {
            let overlaps = !group.is_disjoint(&joined);
            if overlaps {
                joined.extend(group);
            }
            !overlaps
        });
        if !joined.is_empty() {
            groups.push(joined);
        }
    }
    groups.into_iter().map(|cpus| Group { cpus, source }).collect()
}

/// The same group as found from clocks alone, where there is one: a smaller claim rests on fewer files.
fn prefer(simple: &[Group], group: Group) -> Group {
    simple.iter().find(|candidate| candidate.cpus == group.cpus).cloned().unwrap_or(group)
}

fn of_one_kind(facts: &Facts, group: &Group) -> bool {
    fn equal<T: PartialEq>(values: impl Iterator<Item = Option<T>>) -> bool {
        let mut known = values.flatten();
        known.next().is_none_or(|first| known.all(|other| other == first))
    }
    let cpus = || group.cpus.iter().filter_map(|cpu| facts.cpus.get(cpu));
    let clocks: BTreeSet<&CpuSet> = cpus().filter_map(|cpu| cpu.clock.as_ref()).filter(|clock| clock.len() > 1).collect();
    let disjoint = clocks.iter().any(|one| clocks.iter().any(|other| !one.iter().any(|cpu| other.contains(cpu))));
    equal(cpus().map(|cpu| cpu.midr)) && equal(cpus().map(|cpu| cpu.capacity)) && equal(cpus().map(|cpu| cpu.range)) && !disjoint
}

/// Cores of two kinds that share a clock are two groups.
fn split_by_kind(facts: &Facts, group: Group) -> Vec<Group> {
    let identity = |cpu: &u32| facts.cpus.get(cpu).map(|cpu| (cpu.midr, cpu.capacity));
    let known: BTreeSet<_> = group.cpus.iter().filter_map(identity).filter(|(midr, _)| midr.is_some()).collect();
    let all_known = group.cpus.iter().all(|cpu| identity(cpu).is_some_and(|(midr, _)| midr.is_some()));
    if known.len() < 2 || !all_known {
        return vec![group];
    }
    known
        .into_iter()
        .map(|wanted| Group {
            cpus: group.cpus.iter().copied().filter(|cpu| identity(cpu) == Some(wanted)).collect(),
            source: "related_cpus, split by MIDR",
        })
        .collect()
}

/// Orders the groups and gives them names, where the order can be told.
fn named(facts: &Facts, groups: Vec<Group>, complete: bool, unknown: &mut Vec<Unknown>) -> Vec<Cluster> {
    let single = groups.len() == 1 && complete;
    let mut clusters: Vec<(Option<u32>, Cluster)> = groups.into_iter().map(|group| cluster(facts, &group, single)).collect();
    clusters.sort_by_key(|(_, cluster)| cluster.cpus.iter().next());
    if single {
        return clusters.into_iter().map(|(_, cluster)| Cluster { name: "all".into(), ..cluster }).collect();
    }
    let names: &[&str] = match clusters.len() {
        2 => &["little", "big"],
        3 => &["little", "mid", "big"],
        4 => &CLUSTER_NAMES,
        _ => &[],
    };
    match order(&mut clusters) {
        Ok(()) if complete && !names.is_empty() => {
            let named = clusters.into_iter().zip(names);
            return named.map(|((_, cluster), name)| Cluster { name: (*name).into(), ..cluster }).collect();
        }
        Ok(()) if complete => {
            unknown.push(Unknown {
                what: "names of the clusters".into(),
                why: format!("{} clusters, names for four", clusters.len()),
            });
        }
        Ok(()) => {}
        Err(why) => unknown.push(Unknown { what: "order of the clusters".into(), why }),
    }
    clusters.into_iter().map(|(_, cluster)| cluster).collect()
}

/// Slowest first: by cpu_capacity where all have one; else by the cores' designs and their highest frequency.
fn order(clusters: &mut [(Option<u32>, Cluster)]) -> Result<(), String> {
    let capacities: Option<Vec<u32>> = clusters.iter().map(|(_, cluster)| cluster.capacity.value().copied()).collect();
    if let Some(capacities) = capacities
        && distinct(&capacities)
    {
        clusters.sort_by_key(|(_, cluster)| cluster.capacity.value().copied());
        return Ok(());
    }
    let frequencies: Option<Vec<Kilohertz>> = clusters.iter().map(|(_, cluster)| cluster.max_freq.value().copied()).collect();
    let designs: Option<Vec<_>> = clusters.iter().map(|(midr, _)| midr.and_then(core_names::strength)).collect();
    match (designs, frequencies) {
        (Some(designs), _) if distinct(&designs) => {
            clusters.sort_by_key(|(midr, _)| midr.and_then(core_names::strength));
            Ok(())
        }
        (Some(designs), Some(frequencies)) => {
            let keys: Vec<_> = designs.into_iter().zip(frequencies).collect();
            if !distinct(&keys) {
                return Err("clusters of one design have the same highest frequency".into());
            }
            clusters.sort_by_key(|(midr, cluster)| (midr.and_then(core_names::strength), cluster.max_freq.value().copied()));
            Ok(())
        }
        (None, Some(frequencies)) if distinct(&frequencies) => {
            clusters.sort_by_key(|(_, cluster)| cluster.max_freq.value().copied());
            Ok(())
        }
        (None, Some(_)) => Err("clusters have the same highest frequency, and their cores cannot be told apart".into()),
        (_, None) => Err("the highest frequency of a cluster is not known".into()),
    }
}

fn distinct<T: Ord>(values: &[T]) -> bool {
    values.iter().collect::<BTreeSet<_>>().len() == values.len()
}

fn cluster(facts: &Facts, group: &Group, single: bool) -> (Option<u32>, Cluster) {
    let known = || group.cpus.iter().filter_map(|cpu| facts.cpus.get(cpu));
    // An identity printed once is of the CPU that was asked: it says something only where all are of one kind.
    let midr = known().find_map(|cpu| cpu.midr).or(facts.midr_once.filter(|_| single));
    let core = match (midr, &facts.model_name) {
        (Some(midr), _) => Reading::of(core_names::name(midr)),
        (None, Some(name)) => Reading::of(name.clone()),
        (None, None) if facts.midr_once.is_some() => {
            Reading::missing(Missing::Invalid, "/proc/cpuinfo: one identity for clusters of several kinds")
        }
        (None, None) => Reading::missing(Missing::Absent, "neither midr_el1 nor /proc/cpuinfo names the core"),
    };
    let range = known().find_map(|cpu| cpu.range);
    let frequency = |value: Option<Kilohertz>| match value {
        Some(value) => Reading::of(value),
        None => Reading::missing(Missing::Absent, "none of its CPUs has cpufreq limits"),
    };
    let capacity = match known().find_map(|cpu| cpu.capacity) {
        Some(capacity) => Reading::of(capacity),
        None => Reading::missing(Missing::Absent, "no cpu_capacity"),
    };
    let cluster = Cluster {
        name: UNRANKED.into(),
        cpus: group.cpus.iter().copied().collect(),
        core,
        min_freq: frequency(range.map(|range| range.0)),
        max_freq: frequency(range.map(|range| range.1)),
        capacity,
        source: group.source.into(),
    };
    (midr, cluster)
}

#[cfg(test)]
mod tests;
