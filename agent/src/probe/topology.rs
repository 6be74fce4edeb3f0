//! Which CPUs are cores of one kind, slowest kind first.
//!
//! No single file is right on all phones: `related_cpus` is best and missing for cores that are off;
//! `core_siblings_list` names clusters on older chips and everything or nothing on newer ones; MIDR tells kinds apart
//! but not two clusters of one kind; MediaTek's `cputopo` knows cores that are off. So all are combined, what
//! contradicts itself is dropped, and what they do not tell is left unknown.

mod facts;

use std::collections::{BTreeMap, BTreeSet};

use benchrack_protocol::cpuset::CpuSet;
use benchrack_protocol::device::{Cluster, Unknown};
use benchrack_protocol::reading::{Missing, Reading};
use benchrack_protocol::session::CLUSTER_NAMES;
use benchrack_protocol::units::Kilohertz;

use super::core_names;
use super::cpufreq::CPU;
pub use facts::{CpuFacts, Facts, cpu_list, read};

/// Name of a cluster whose rank cannot be told; nobody can ask for it by name.
const UNRANKED: &str = "unranked";

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
    if facts.contradiction {
        unknown.push(Unknown { what: "clusters".into(), why: "possible, present and online CPUs exclude each other".into() });
    }
    if facts.unlisted {
        unknown.push(Unknown { what: "clusters".into(), why: "the lists of possible and present CPUs cannot be read".into() });
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
    let complete = rest.is_empty() && !facts.unlisted && !facts.contradiction;
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
    let believed = consistent(facts.cpus.values().filter_map(|cpu| cpu.clock.as_ref()));
    let clocks = || believed.iter().filter(|clock| clock.len() > 1);
    let all = facts.cpus.len();
    let of_some = |siblings: &&CpuSet| (2..all).contains(&siblings.len());
    let siblings = consistent(facts.cpus.values().flat_map(|cpu| &cpu.siblings).filter(of_some));
    let mut groups = united(facts, clocks(), "related_cpus");
    let listed = united(facts, clocks().chain(&facts.cputopo), "related_cpus, cputopo");
    if !facts.cputopo.is_empty() && listed.iter().all(|group| of_one_kind(facts, group)) {
        groups = listed.into_iter().map(|group| prefer(&groups, group)).collect();
    }
    let with_siblings = united(facts, clocks().chain(&siblings).chain(&facts.cputopo), "related_cpus, core_siblings_list");
    // Sibling lists that join what clocks or identities tell apart are of a chip that reports something else there.
    if with_siblings.iter().all(|group| of_one_kind(facts, group)) {
        groups = with_siblings.into_iter().map(|group| prefer(&groups, group)).collect();
    }
    let mut groups: Vec<Group> = groups.into_iter().flat_map(|group| split_by_kind(facts, group)).collect();
    let shared: BTreeSet<u32> = groups.iter().flat_map(|group| group.cpus.iter().copied()).collect();

    // Cores with a clock of their own are of one kind when everything that is known of them is equal; one of which less
    // is known than of the others cannot be compared.
    let alone =
        |(cpu, known): &(&u32, &CpuFacts)| !shared.contains(cpu) && known.clock.as_ref().is_some_and(|clock| clock.len() == 1);
    let lone = || facts.cpus.iter().filter(alone);
    let detail = |known: &CpuFacts| (known.midr.is_some(), known.range.is_some(), known.capacity.is_some());
    let most = lone().map(|(_, known)| detail(known)).max();
    let mut own: BTreeMap<Kind, BTreeSet<u32>> = BTreeMap::new();
    for (&cpu, known) in lone().filter(|(_, known)| Some(detail(known)) == most) {
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
    // One damaged list could leave a CPU out; two that say the same do not, and the CPU has no list that says otherwise.
    let copies = |group: &Group| {
        facts
            .cpus
            .values()
            .filter(|cpu| cpu.clock.as_ref().is_some_and(|clock| clock.iter().eq(group.cpus.iter().copied())))
            .count()
    };
    let confirmed = groups.iter().all(|group| group.cpus.len() == 1 || copies(group) >= 2);
    if let ([only], false, false) = (unseen, groups.is_empty(), lone_clocks)
        && confirmed
        && get(only).is_some_and(|cpu| !cpu.clock_elsewhere && cpu.range.is_none())
    {
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
    let taken: BTreeSet<(u32, u32)> = groups.iter().flat_map(|group| &group.cpus).filter_map(|cpu| design(get(cpu)?)).collect();
    let mut by_midr: BTreeMap<(u32, u32), BTreeSet<u32>> = BTreeMap::new();
    for &cpu in unseen {
        let design = get(&cpu).filter(|cpu| cpu.midr.is_some_and(|midr| core_names::strength(midr).is_some())).and_then(design);
        if let Some(design) = design.filter(|design| !taken.contains(design)) {
            by_midr.entry(design).or_default().insert(cpu);
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
type Kind = (Option<(u32, u32)>, Option<u32>, Option<(Kilohertz, Kilohertz)>);

fn kind(cpu: &CpuFacts) -> Kind {
    (design(cpu), cpu.capacity, cpu.range)
}

/// Implementer and part: cores of one design may differ in their revision.
fn design(cpu: &CpuFacts) -> Option<(u32, u32)> {
    cpu.midr.map(core_names::fields)
}

/// Lists of one partition. Those of one cluster are alike on all its CPUs, up to moments in which a CPU was plugged in
/// or out; of two that overlap and differ, the one that more CPUs give stays, of equals the smaller, and neither where
/// none holds the other.
fn consistent<'a>(lists: impl Iterator<Item = &'a CpuSet>) -> Vec<CpuSet> {
    let mut copies: BTreeMap<&CpuSet, usize> = BTreeMap::new();
    for list in lists {
        *copies.entry(list).or_default() += 1;
    }
    let beaten = |list: &CpuSet, count: usize| {
        copies.iter().any(|(other, &others)| {
            let overlaps = *other != list && other.iter().any(|cpu| list.contains(cpu));
            overlaps && (others > count || (others == count && !list.is_subset(other)))
        })
    };
    copies.iter().filter(|(list, count)| !beaten(list, **count)).map(|(list, _)| (*list).clone()).collect()
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
    equal(cpus().map(design)) && equal(cpus().map(|cpu| cpu.capacity)) && equal(cpus().map(|cpu| cpu.range)) && !disjoint
}

/// Cores of two designs that share a clock are two groups. Only designs that are known are believed.
fn split_by_kind(facts: &Facts, group: Group) -> Vec<Group> {
    let known = |cpu: &u32| {
        let cpu = facts.cpus.get(cpu)?;
        core_names::strength(cpu.midr?)?;
        design(cpu)
    };
    let designs: BTreeSet<_> = group.cpus.iter().filter_map(known).collect();
    if designs.len() < 2 || !group.cpus.iter().all(|cpu| known(cpu).is_some()) {
        return vec![group];
    }
    designs
        .into_iter()
        .map(|wanted| Group {
            cpus: group.cpus.iter().copied().filter(|cpu| known(cpu) == Some(wanted)).collect(),
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
    match order(&mut clusters, facts) {
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

/// Slowest first: by cpu_capacity where all have one; else by the cores' designs and their highest frequency, or by
/// MediaTek's masks of little and big cores.
fn order(clusters: &mut [(Option<u32>, Cluster)], facts: &Facts) -> Result<(), String> {
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
        (None, _) if masks_order(clusters, facts) => Ok(()),
        (None, Some(_)) => Err("clusters have the same highest frequency, and their cores cannot be told apart".into()),
        (_, None) => Err("the highest frequency of a cluster is not known".into()),
    }
}

fn masks_order(clusters: &mut [(Option<u32>, Cluster)], facts: &Facts) -> bool {
    let (Some((little, big)), [(_, first), (_, second)]) = (&facts.little_big, &*clusters) else { return false };
    if first.cpus == *big && second.cpus == *little {
        clusters.swap(0, 1);
        return true;
    }
    first.cpus == *little && second.cpus == *big
}

fn distinct<T: Ord>(values: &[T]) -> bool {
    values.iter().collect::<BTreeSet<_>>().len() == values.len()
}

fn cluster(facts: &Facts, group: &Group, single: bool) -> (Option<u32>, Cluster) {
    let known = || group.cpus.iter().filter_map(|cpu| facts.cpus.get(cpu));
    // An identity printed once is of the CPU that was asked: it says something only where all are of one kind.
    let midrs = known().filter_map(|cpu| cpu.midr);
    let midr = match most(midrs) {
        Some(midr) => midr,
        None => facts.midr_once.filter(|_| single),
    };
    let core = match (midr, &facts.model_name) {
        (Some(midr), _) => Reading::of(core_names::name(midr)),
        (None, Some(name)) => Reading::of(name.clone()),
        (None, None) if facts.midr_once.is_some() => {
            Reading::missing(Missing::Invalid, "/proc/cpuinfo: one identity for clusters of several kinds")
        }
        (None, None) if known().any(|cpu| cpu.midr.is_some()) => {
            Reading::missing(Missing::Invalid, "its CPUs name different cores")
        }
        (None, None) => Reading::missing(Missing::Absent, "neither midr_el1 nor /proc/cpuinfo names the core"),
    };
    let range = most(known().filter_map(|cpu| cpu.range));
    let frequency = |of: fn((Kilohertz, Kilohertz)) -> Kilohertz| match range {
        Some(Some(range)) => Reading::of(of(range)),
        Some(None) => Reading::missing(Missing::Invalid, "its CPUs give different limits"),
        None => Reading::missing(Missing::Absent, "none of its CPUs has cpufreq limits"),
    };
    let capacity = match most(known().filter_map(|cpu| cpu.capacity)) {
        Some(Some(capacity)) => Reading::of(capacity),
        Some(None) => Reading::missing(Missing::Invalid, "its CPUs give different capacities"),
        None => Reading::missing(Missing::Absent, "no cpu_capacity"),
    };
    let cluster = Cluster {
        name: UNRANKED.into(),
        cpus: group.cpus.iter().copied().collect(),
        core,
        min_freq: frequency(|range| range.0),
        max_freq: frequency(|range| range.1),
        capacity,
        source: group.source.into(),
    };
    (midr, cluster)
}

/// The value that most give: none where nobody gives one, nothing inside where several are given equally often.
fn most<T: Ord>(values: impl Iterator<Item = T>) -> Option<Option<T>> {
    let mut counts: BTreeMap<T, usize> = BTreeMap::new();
    for value in values {
        *counts.entry(value).or_default() += 1;
    }
    let highest = counts.values().copied().max()?;
    let mut leaders = counts.into_iter().filter(|(_, count)| *count == highest).map(|(value, _)| value);
    let first = leaders.next();
    Some(if leaders.next().is_none() { first } else { None })
}

#[cfg(test)]
mod tests;
