//! Names and order of the clusters that were found, slowest first, and what is known of each.

use std::collections::{BTreeMap, BTreeSet};

use benchrack_protocol::device::{Cluster, Unknown};
use benchrack_protocol::reading::{Missing, Reading};
use benchrack_protocol::session::CLUSTER_NAMES;
use benchrack_protocol::units::Kilohertz;

use super::{Facts, Group};
use crate::probe::core_names;

/// Name of a cluster whose rank cannot be told; nobody can ask for it by name.
pub(super) const UNRANKED: &str = "unranked";

/// Orders the groups and gives them names, where the order can be told.
pub(super) fn named(facts: &Facts, groups: Vec<Group>, complete: bool, unknown: &mut Vec<Unknown>) -> Vec<Cluster> {
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
    let frequencies = highest(clusters, facts);
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
            sort(clusters, keys);
            Ok(())
        }
        (None, Some(frequencies)) if distinct(&frequencies) => {
            sort(clusters, frequencies);
            Ok(())
        }
        (None, _) if masks_order(clusters, facts) => Ok(()),
        (None, Some(_)) => Err("clusters have the same highest frequency, and their cores cannot be told apart".into()),
        (_, None) => Err("the highest frequency of a cluster is not known".into()),
    }
}

/// The highest frequency of each cluster. One of which only operating points are known may be faster than those, so they
/// count where they are above all others anyway.
fn highest(clusters: &[(Option<u32>, Cluster)], facts: &Facts) -> Option<Vec<Kilohertz>> {
    let known = || clusters.iter().filter_map(|(_, cluster)| cluster.max_freq.value().copied());
    let above = known().max().unwrap_or(Kilohertz(u64::MAX));
    let hidden = clusters.len() - known().count();
    let at_least = |cluster: &Cluster| {
        let tops = cluster.cpus.iter().filter_map(|cpu| facts.cpus.get(&cpu)?.top);
        most(tops).flatten().filter(|top| hidden == 1 && *top > above)
    };
    clusters.iter().map(|(_, cluster)| cluster.max_freq.value().copied().or_else(|| at_least(cluster))).collect()
}

/// Sorts by keys of the same places.
fn sort<K: Ord>(clusters: &mut [(Option<u32>, Cluster)], keys: Vec<K>) {
    let by_cpus: BTreeMap<Option<u32>, K> = clusters.iter().map(|(_, cluster)| cluster.cpus.iter().next()).zip(keys).collect();
    clusters.sort_by(|(_, one), (_, other)| by_cpus.get(&one.cpus.iter().next()).cmp(&by_cpus.get(&other.cpus.iter().next())));
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
        (Some(_), _) if facts.switcher => {
            Reading::missing(Missing::Invalid, "the kernel's big.LITTLE switcher puts either of two cores behind each CPU")
        }
        (Some(midr), _) => Reading::of(core_names::name(midr)),
        (None, Some(name)) => Reading::of(name.clone()),
        (None, None) if facts.midr_once.is_some() => {
            Reading::missing(Missing::Invalid, "/proc/cpuinfo names one core, which need not be that of every cluster")
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
