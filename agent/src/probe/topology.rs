//! Which CPUs are cores of one kind, slowest kind first.
//!
//! No single file is right on all phones: `related_cpus` is best and missing for cores that are off;
//! `core_siblings_list` names clusters on older chips and everything or nothing on newer ones; MIDR tells kinds apart
//! but not two clusters of one kind; MediaTek's `cputopo` knows cores that are off. So all are combined, what
//! contradicts itself is dropped, and what they do not tell is left unknown.

mod facts;
mod ranks;

use std::collections::{BTreeMap, BTreeSet};

use benchrack_protocol::cpuset::CpuSet;
use benchrack_protocol::device::{Cluster, Unknown};
use benchrack_protocol::units::Kilohertz;

use super::core_names;
use super::cpufreq::CPU;
pub use facts::{CpuFacts, Facts, cpu_list, read};
use ranks::named;

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
        let share = |cpu: &CpuFacts| cpu.clock.as_ref().is_some_and(|clock| clock.len() > core_names::MOST_IN_A_CLUSTER);
        let why = if offline {
            "offline when probed, and no file of another CPU names them"
        } else if rest.len() > core_names::MOST_IN_A_CLUSTER && rest.iter().all(|cpu| facts.cpus.get(&cpu).is_some_and(share)) {
            "they share a clock and are more than a cluster of their generation has, and no list tells their clusters"
        } else {
            "no file says which CPUs share their kind"
        };
        unknown.push(Unknown { what: format!("cluster of CPUs {rest}"), why: why.into() });
    }
    let complete = rest.is_empty() && !facts.unlisted && !facts.contradiction;
    (named(facts, groups, complete, &mut unknown), unknown)
}

/// x86 has a clock for each core and reports packages, so neither file groups; hybrids say their kinds elsewhere. Phones
/// with clusters of Atoms have a clock for each cluster instead.
fn x86_groups(facts: &Facts) -> Vec<Group> {
    let all: BTreeSet<u32> = facts.cpus.keys().copied().collect();
    let clocks = united(facts, facts.cpus.values().filter_map(|cpu| cpu.clock.as_ref()), "related_cpus");
    let ranges: BTreeSet<_> = facts.cpus.values().map(|cpu| cpu.range).collect();
    let named: usize = clocks.iter().map(|group| group.cpus.len()).sum();
    if named == all.len() && clocks.len() > 1 && clocks.len() == ranges.len() && clocks.iter().all(|group| group.cpus.len() > 1) {
        return clocks;
    }
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
    // Newer chips list all CPUs as one package.
    let most = if of_armv7(facts) { core_names::MOST_IN_A_CLUSTER } else { all.saturating_sub(1) };
    let of_some = |siblings: &&CpuSet| (2..=most).contains(&siblings.len());
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
    if !(of_dynamiq(facts) || identities(facts).next().is_none()) {
        groups = groups.into_iter().flat_map(|group| split_by_siblings(group, &siblings)).collect();
    }
    let shared: BTreeSet<u32> = groups.iter().flat_map(|group| group.cpus.iter().copied()).collect();

    // Cores with a clock of their own are of one kind when everything that is known of them is equal; one of which less
    // is known than of the others cannot be compared.
    let off = facts.cpus.values().any(|cpu| cpu.online != Some(true));
    // A list of the CPUs that are online does not tell whether one that is off shares the clock.
    let alone = |(cpu, known): &(&u32, &CpuFacts)| {
        !shared.contains(cpu) && known.clock.as_ref().is_some_and(|clock| clock.len() == 1) && !(off && known.clock_of_online)
    };
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
    // Two clusters that are alike in everything may share a clock.
    let listed = |group: &Group| siblings.iter().any(|list| group.cpus.iter().all(|&cpu| list.contains(cpu)));
    groups.retain(|group| group.cpus.len() <= core_names::MOST_IN_A_CLUSTER || of_dynamiq(facts) || listed(group));
    if let ([only], false) = (groups.as_mut_slice(), unseen.is_empty())
        && of_one_cluster_only(facts)
    {
        only.cpus.extend(&unseen);
        only.source = "no chip has this core in two clusters or beside others";
        return groups;
    }
    groups.extend(unseen_groups(facts, &groups, &unseen, lone_clocks, unknown));
    groups
}

/// All that is known of who the cores are.
fn identities(facts: &Facts) -> impl Iterator<Item = u32> {
    facts.cpus.values().filter_map(|cpu| cpu.midr).chain(facts.midr_once)
}

/// Whether every core that names itself is of 32 bits, and one does.
fn of_armv7(facts: &Facts) -> bool {
    identities(facts).next().is_some() && identities(facts).all(core_names::is_armv7)
}

/// Whether a core names itself whose generation has clusters of more than four.
fn of_dynamiq(facts: &Facts) -> bool {
    identities(facts).any(core_names::may_exceed_four)
}

/// Whether every core that names itself is of one design that never was in a chip of several clusters.
fn of_one_cluster_only(facts: &Facts) -> bool {
    let mut named = identities(facts).peekable();
    facts.cpus.len() <= core_names::MOST_IN_A_CLUSTER
        && !(facts.contradiction || facts.unlisted)
        && named.peek().is_some()
        && named.all(|midr| core_names::clusters(midr) == Some(core_names::Clusters::Only))
}

/// Groups among CPUs that no clock or sibling list names.
fn unseen_groups(facts: &Facts, groups: &[Group], unseen: &[u32], lone_clocks: bool, unknown: &mut Vec<Unknown>) -> Vec<Group> {
    let get = |cpu: &u32| facts.cpus.get(cpu);
    // One damaged list could leave a CPU out; two that say the same do not, and the CPU has no list that says otherwise.
    let copies = |group: &Group| {
        facts
            .cpus
            .values()
            .filter(|cpu| cpu.own_list)
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
    let taken: BTreeSet<(u32, u32)> = groups.iter().flat_map(|group| &group.cpus).filter_map(|cpu| design(get(cpu)?)).collect();
    let mut kinds: BTreeMap<(Option<u32>, Option<u32>), BTreeSet<u32>> = BTreeMap::new();
    for &cpu in unseen {
        let Some(known) = get(&cpu) else { continue };
        // An unknown revision of a known design is the same design.
        let midr = known.midr.map(|midr| midr & core_names::DESIGN);
        if design(known).is_none_or(|design| !taken.contains(&design)) {
            kinds.entry((midr, known.capacity)).or_default().insert(cpu);
        }
    }
    // A capacity that only some cores of a design have compares nothing.
    let comparable = |midr: Option<u32>| {
        let mut told = kinds.keys().filter(|(other, _)| *other == midr).map(|(_, capacity)| capacity.is_some());
        told.next().is_some_and(|first| told.all(|other| other == first))
    };
    // Cores of which nothing is known may be of the same design as those that name themselves.
    let all_told = facts.cpus.values().all(|cpu| cpu.midr.is_some() || cpu.capacity.is_some());
    let source = if facts.cpufreq { "MIDR" } else { "no cpufreq; equal MIDR and cpu_capacity" };
    let one = |(midr, capacity): (Option<u32>, Option<u32>), count: usize| match midr {
        Some(midr) => of_one_cluster(midr, capacity, count, all_told),
        None => facts.cpus.len() == 1 || (all_told && capacity.is_some() && count <= core_names::MOST_IN_A_CLUSTER),
    };
    let found: Vec<Group> = kinds
        .iter()
        .filter(|(kind, cpus)| comparable(kind.0) && one(**kind, cpus.len()))
        .map(|(_, cpus)| Group { cpus: cpus.clone(), source })
        .collect();
    for group in found.iter().filter(|_| facts.cpufreq) {
        let cpus: CpuSet = group.cpus.iter().copied().collect();
        unknown.push(Unknown {
            what: format!("clock of CPUs {cpus}"),
            why: "their cpufreq files do not answer; they are offline or hidden".into(),
        });
    }
    found
}

/// Whether so many cores of one design, and of one capacity where that is known, can only be one cluster.
fn of_one_cluster(midr: u32, capacity: Option<u32>, count: usize, all_told: bool) -> bool {
    let Some(strength) = core_names::strength(midr) else { return false };
    match core_names::clusters(midr) {
        Some(core_names::Clusters::Only | core_names::Clusters::One) => true,
        // Two clusters of one large design differ in their clocks, and so in their capacity.
        _ if strength > core_names::Strength::Little => count == 1 || capacity.is_some(),
        // Small cores come in two clusters of four that are alike in everything.
        _ => count == 1 || (all_told && count <= core_names::MOST_IN_A_CLUSTER),
    }
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
    // A CPU that is known to have a clock of its own is none of those that share one.
    let of = |known: &CpuFacts| known.clock.clone().filter(|clock| clock.len() > 1 || (known.own_list && !known.clock_of_online));
    let clocks: BTreeSet<CpuSet> = cpus().filter_map(of).collect();
    let disjoint = clocks
        .iter()
        .filter(|one| one.len() > 1)
        .any(|one| clocks.iter().any(|other| !one.iter().any(|cpu| other.contains(cpu))));
    equal(cpus().map(design)) && equal(cpus().map(|cpu| cpu.capacity)) && equal(cpus().map(|cpu| cpu.range)) && !disjoint
}

/// Cores that share a clock and are more than one cluster has, by the lists of their clusters: what a full one leaves is
/// another one.
fn split_by_siblings(group: Group, siblings: &[CpuSet]) -> Vec<Group> {
    const MOST: usize = core_names::MOST_IN_A_CLUSTER;
    if group.cpus.len() <= MOST {
        return vec![group];
    }
    let within = |list: &&CpuSet| list.iter().all(|cpu| group.cpus.contains(&cpu)) && list.len() < group.cpus.len();
    let mut parts: Vec<BTreeSet<u32>> = siblings.iter().filter(within).map(|list| list.iter().collect()).collect();
    let listed: BTreeSet<u32> = parts.iter().flatten().copied().collect();
    let rest: BTreeSet<u32> = group.cpus.difference(&listed).copied().collect();
    if !rest.is_empty() && rest.len() <= MOST && !parts.is_empty() && parts.iter().all(|part| part.len() == MOST) {
        parts.push(rest);
    }
    if parts.iter().map(BTreeSet::len).sum::<usize>() != group.cpus.len() {
        return vec![group];
    }
    parts.into_iter().map(|cpus| Group { cpus, source: "related_cpus, split by core_siblings_list" }).collect()
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

#[cfg(test)]
mod tests;
