use benchrack_protocol::reading::{Missing, Reading};
use proptest::prelude::*;

use super::ranks::UNRANKED;
use super::*;

fn set(text: &str) -> CpuSet {
    text.parse().unwrap()
}

/// CPUs of one clock: range in MHz, MIDR.
fn add(facts: &mut Facts, cpus: &str, range: Option<(u64, u64)>, midr: Option<u32>) {
    for cpu in set(cpus).iter() {
        let known = CpuFacts {
            online: Some(true),
            midr,
            range: range.map(|(low, high)| (Kilohertz(low * 1000), Kilohertz(high * 1000))),
            clock: range.map(|_| set(cpus)),
            own_list: range.is_some(),
            ..CpuFacts::default()
        };
        facts.cpus.insert(cpu, known);
    }
}

fn shown(facts: &Facts) -> (Vec<String>, Vec<String>) {
    let (clusters, unknown) = clusters(facts);
    let clusters = clusters.iter().map(|cluster| format!("{} {}", cluster.name, cluster.cpus)).collect();
    (clusters, unknown.into_iter().map(|unknown| unknown.what).collect())
}

const A53: Option<u32> = Some(0x410f_d034);
const A73: Option<u32> = Some(0x410f_d092);

#[test]
fn clocks_make_clusters_and_designs_order_them() {
    let mut facts = Facts { cpufreq: true, ..Facts::default() };
    // Both kinds reach the same frequency: only the designs tell which is big.
    add(&mut facts, "0-3", Some((800, 2000)), A73);
    add(&mut facts, "4-7", Some((800, 2000)), A53);
    assert_eq!(shown(&facts), (vec!["little 4-7".into(), "big 0-3".into()], vec![]));
}

#[test]
fn two_equal_clusters_are_two_and_have_no_rank() {
    let mut facts = Facts { cpufreq: true, ..Facts::default() };
    add(&mut facts, "0-3", Some((400, 1500)), A53);
    add(&mut facts, "4-7", Some((400, 1500)), A53);
    assert_eq!(shown(&facts), (vec!["unranked 0-3".into(), "unranked 4-7".into()], vec!["order of the clusters".into()]));
}

#[test]
fn cores_with_clocks_of_their_own_are_one_cluster_when_equal() {
    let mut facts = Facts { cpufreq: true, ..Facts::default() };
    for cpu in ["0", "1", "2", "3"] {
        add(&mut facts, cpu, Some((300, 1900)), None);
    }
    assert_eq!(shown(&facts), (vec!["all 0-3".into()], vec![]));
}

#[test]
fn a_core_that_is_off_is_unknown_unless_another_names_it() {
    let mut facts = Facts { cpufreq: true, ..Facts::default() };
    add(&mut facts, "0", Some((300, 1900)), None);
    add(&mut facts, "1", None, None);
    assert_eq!(shown(&facts), (vec!["unranked 0".into()], vec!["cluster of CPUs 1".into()]));
}

#[test]
fn the_only_core_that_every_clock_leaves_out_is_its_own_cluster() {
    let mut facts = Facts { cpufreq: true, ..Facts::default() };
    add(&mut facts, "0-3", Some((600, 1500)), A53);
    add(&mut facts, "4", None, None);
    let (clusters, _) = shown(&facts);
    assert_eq!(clusters, ["unranked 0-3", "unranked 4"]);
}

/// CPUs of which cpufreq says nothing.
fn add_hidden(facts: &mut Facts, cpus: &str, midr: Option<u32>, capacity: Option<u32>) {
    for cpu in set(cpus).iter() {
        facts.cpus.insert(cpu, CpuFacts { midr, capacity, ..CpuFacts::default() });
    }
}

#[test]
fn a_design_that_never_shares_a_chip_tells_the_kind_of_cores_that_are_off() {
    const KRAIT: Option<u32> = Some(0x510f_06f2);
    let mut facts = Facts { cpufreq: true, ..Facts::default() };
    for cpu in ["0", "1"] {
        add(&mut facts, cpu, Some((384, 1512)), KRAIT);
    }
    add_hidden(&mut facts, "2-3", None, None);
    assert_eq!(shown(&facts), (vec!["all 0-3".into()], vec![]));
    // Nor where only the CPU that was asked named itself.
    facts.cpus.values_mut().for_each(|cpu| cpu.midr = None);
    facts.midr_once = Some(0x414f_c091);
    assert_eq!(shown(&facts).0, ["all 0-3"]);
    // A Cortex-A7 may be the small one of two kinds, and more than four cores are more than one cluster.
    facts.midr_once = Some(0x410f_c073);
    assert_eq!(shown(&facts).1, ["cluster of CPUs 2-3"]);
    facts.midr_once = Some(0x414f_c091);
    add_hidden(&mut facts, "4", None, None);
    assert_eq!(shown(&facts).1, ["cluster of CPUs 2-4"]);
}

#[test]
fn identities_alone_make_clusters_where_a_design_comes_in_one_only() {
    let mut facts = Facts { cpufreq: true, ..Facts::default() };
    add_hidden(&mut facts, "0-3", A53, None);
    add_hidden(&mut facts, "4-7", A73, None);
    assert_eq!(shown(&facts).0, ["little 0-3", "big 4-7"]);
    // Eight small cores that are alike may be two clusters, with or without cpufreq.
    for cpufreq in [true, false] {
        let mut facts = Facts { cpufreq, ..Facts::default() };
        add_hidden(&mut facts, "0-7", A53, Some(1024));
        assert_eq!(shown(&facts), (vec![], vec!["cluster of CPUs 0-7".into()]));
    }
}

#[test]
fn three_clusters_with_two_policies_are_told_apart_by_capacity_or_not_at_all() {
    const A77: Option<u32> = Some(0x410f_d0d0);
    let chip = |capacities: bool| {
        let mut facts = Facts { cpufreq: true, ..Facts::default() };
        add(&mut facts, "0-3", Some((300, 1800)), Some(0x411f_d050));
        add_hidden(&mut facts, "4-6", A77, capacities.then_some(870));
        add_hidden(&mut facts, "7", A77, capacities.then_some(1024));
        facts
    };
    assert_eq!(shown(&chip(true)).0, ["unranked 0-3", "unranked 4-6", "unranked 7"]);
    let (clusters, unknown) = shown(&chip(false));
    assert_eq!((clusters, unknown), (vec!["unranked 0-3".to_owned()], vec!["cluster of CPUs 4-7".to_owned()]));
}

#[test]
fn a_list_of_cpus_that_are_online_proves_no_clock_of_its_own() {
    let mut facts = Facts { cpufreq: true, ..Facts::default() };
    for cpu in ["0", "4"] {
        add(&mut facts, cpu, Some((400, 1500)), A53);
    }
    add_hidden(&mut facts, "1-3,5-7", None, None);
    for cpu in facts.cpus.values_mut() {
        cpu.online = Some(cpu.clock.is_some());
        cpu.clock_of_online = cpu.clock.is_some();
    }
    assert_eq!(shown(&facts).0, Vec::<String>::new(), "they may be of two clusters");
}

#[test]
fn sibling_lists_that_contradict_identities_are_not_believed() {
    let mut facts = Facts { cpufreq: true, ..Facts::default() };
    add(&mut facts, "0-1", Some((300, 1800)), A53);
    add(&mut facts, "2-3", Some((300, 2400)), A73);
    for cpu in facts.cpus.values_mut() {
        cpu.siblings = vec![set("1-2")];
    }
    assert_eq!(shown(&facts).0, ["little 0-1", "big 2-3"]);
}

#[test]
fn an_identity_printed_once_names_no_core_of_several_kinds() {
    let mut facts = Facts { cpufreq: true, midr_once: A53, ..Facts::default() };
    add(&mut facts, "0-3", Some((400, 1400)), None);
    assert_eq!(clusters(&facts).0[0].core.value().map(String::as_str), Some("Cortex-A53"));
    add(&mut facts, "4-5", Some((400, 1800)), None);
    assert!(clusters(&facts).0.iter().all(|cluster| cluster.core.value().is_none()));
}

#[test]
fn x86_cores_are_one_kind_unless_the_kernel_lists_two() {
    let mut facts = Facts { x86: true, model_name: Some("EPYC".into()), ..Facts::default() };
    add(&mut facts, "0", Some((400, 1500)), None);
    add(&mut facts, "1", Some((400, 1600)), None);
    assert_eq!(shown(&facts).0, ["all 0-1"]);
    facts.hybrid = vec![set("1"), set("0")];
    assert_eq!(shown(&facts).0, ["little 0", "big 1"]);
}

fn add_siblings(facts: &mut Facts, lists: &[&str]) {
    for list in lists.iter().map(|list| set(list)) {
        for cpu in list.iter() {
            facts.cpus.get_mut(&cpu).unwrap().siblings = vec![list.clone()];
        }
    }
}

#[test]
fn two_clusters_that_share_a_clock_are_told_apart_by_sibling_lists_or_not_at_all() {
    let of = |midr, lists: &[&str]| {
        let mut facts = Facts { cpufreq: true, ..Facts::default() };
        add(&mut facts, "0-7", Some((600, 2000)), midr);
        add_siblings(&mut facts, lists);
        shown(&facts)
    };
    assert_eq!(of(A53, &["0-3", "4-7"]).0, ["unranked 0-3", "unranked 4-7"]);
    assert_eq!(of(A53, &["0-3"]).0, ["unranked 0-3", "unranked 4-7"], "a full cluster leaves another one");
    for lists in [&[][..], &["0-2"], &["0-2", "4-7"], &["0-7"]] {
        assert_eq!(of(A53, lists), (vec![], vec!["cluster of CPUs 0-7".into()]), "{lists:?}");
    }
    // Later generations have clusters of eight, whose pairs may share a cache.
    assert_eq!(of(Some(0x411f_d050), &[]).0, ["all 0-7"]);
    assert_eq!(of(Some(0x411f_d461), &["0-1", "2-3", "4-5", "6-7"]).0, ["all 0-7"]);
    assert_eq!(of(None, &["0-3", "4-7"]).1, ["cluster of CPUs 0-7"], "of an unknown generation");
}

#[test]
fn six_small_cores_that_are_listed_as_one_cluster_are_one() {
    let mut facts = Facts { cpufreq: true, ..Facts::default() };
    add(&mut facts, "0-5", Some((400, 1600)), A53);
    add(&mut facts, "6-7", Some((900, 2200)), A73);
    add_siblings(&mut facts, &["0-5", "6-7"]);
    assert_eq!(shown(&facts).0, ["little 0-5", "big 6-7"]);
}

#[test]
fn a_sibling_list_of_all_cpus_is_a_cluster_on_32_bit_chips_only() {
    for (midr, expected) in [(Some(0x410f_c073), vec!["all 0-1"]), (A53, vec!["unranked 0"]), (None, vec!["unranked 0"])] {
        let mut facts = Facts { cpufreq: true, midr_once: midr, ..Facts::default() };
        add(&mut facts, "0", Some((300, 1200)), None);
        add_hidden(&mut facts, "1", None, None);
        facts.cpus.get_mut(&0).unwrap().siblings = vec![set("0-1")];
        assert_eq!(shown(&facts).0, expected, "{midr:?}");
    }
}

#[test]
fn a_core_with_a_clock_of_its_own_is_not_joined_to_those_that_share_one() {
    const GOLD: Option<u32> = Some(0x51df_804e);
    let mut facts = Facts { cpufreq: true, ..Facts::default() };
    add(&mut facts, "0-3", Some((300, 1800)), Some(0x51df_805e));
    add(&mut facts, "4-6", Some((700, 2400)), GOLD);
    add(&mut facts, "7", Some((800, 2800)), GOLD);
    // Its limits do not answer.
    facts.cpus.get_mut(&7).unwrap().range = None;
    for cpu in 4..=7 {
        facts.cpus.get_mut(&cpu).unwrap().siblings = vec![set("4-7")];
    }
    assert_eq!(shown(&facts).0, ["unranked 0-3", "unranked 4-6", "unranked 7"]);
}

#[test]
fn a_cluster_of_which_only_operating_points_are_known_is_ranked_where_they_are_above_all_others() {
    for (top, expected) in [(2522, "big 8-9"), (1900, "unranked 8-9")] {
        let mut facts = Facts { cpufreq: true, ..Facts::default() };
        add(&mut facts, "0-3", Some((200, 1500)), A53);
        add(&mut facts, "4-7", Some((300, 2000)), A53);
        add(&mut facts, "8-9", Some((0, 0)), None);
        for cpu in [8, 9] {
            let cpu = facts.cpus.get_mut(&cpu).unwrap();
            (cpu.range, cpu.top) = (None, Some(Kilohertz(top * 1000)));
        }
        let (found, unknown) = clusters(&facts);
        assert_eq!(format!("{} {}", found[2].name, found[2].cpus), expected, "{unknown:?}");
        assert!(found[2].max_freq.value().is_none(), "it may be higher");
    }
}

#[test]
fn a_switcher_between_two_kinds_leaves_the_core_without_a_name() {
    let mut facts = Facts { cpufreq: true, switcher: true, ..Facts::default() };
    add(&mut facts, "0-3", Some((250, 1600)), Some(0x412f_c0f3));
    let core = &clusters(&facts).0[0].core;
    assert!(matches!(core, Reading::Missing { missing: Missing::Invalid, .. }), "{core:?}");
}

#[test]
fn atoms_with_a_clock_for_each_cluster_are_clusters() {
    let mut facts = Facts { x86: true, cpufreq: true, model_name: Some("Atom".into()), ..Facts::default() };
    add(&mut facts, "0-3", Some((500, 1300)), None);
    add(&mut facts, "4-7", Some((500, 1800)), None);
    assert_eq!(shown(&facts).0, ["little 0-3", "big 4-7"]);
    add(&mut facts, "0-3", Some((500, 1800)), None);
    assert_eq!(shown(&facts).0, ["all 0-7"], "nothing tells two kinds");
}

fn arbitrary_facts() -> impl Strategy<Value = Facts> {
    let cpus = proptest::collection::btree_set(0u32..6, 0..6).prop_map(|cpus| cpus.into_iter().collect::<CpuSet>());
    let cpu = (
        proptest::option::of(any::<bool>()),
        proptest::option::of(0u32..3),
        proptest::option::of(0u32..3),
        proptest::option::of((0u64..3, 0u64..3)),
        proptest::option::of(cpus.clone()),
        proptest::collection::vec(cpus, 0..2),
    );
    let cpu = cpu.prop_map(|(online, midr, capacity, range, clock, siblings)| CpuFacts {
        online,
        midr,
        capacity,
        range: range.map(|(low, high)| (Kilohertz(low), Kilohertz(high))),
        clock,
        clock_elsewhere: false,
        clock_of_online: false,
        own_list: true,
        siblings,
        top: None,
    });
    (proptest::collection::btree_map(0u32..6, cpu, 0..6), any::<bool>(), any::<bool>(), proptest::option::of(any::<u32>()))
        .prop_map(|(cpus, x86, cpufreq, midr_once)| Facts { cpus, x86, cpufreq, midr_once, ..Facts::default() })
}

proptest! {
    #[test]
    fn every_cpu_is_in_one_cluster_or_said_to_be_unknown(facts in arbitrary_facts()) {
        let (clusters, unknown) = clusters(&facts);
        let mut seen = BTreeSet::new();
        for cluster in &clusters {
            prop_assert!(!cluster.cpus.is_empty());
            for cpu in cluster.cpus.iter() {
                prop_assert!(facts.cpus.contains_key(&cpu), "CPU {cpu} does not exist");
                prop_assert!(seen.insert(cpu), "CPU {cpu} is in two clusters");
            }
        }
        prop_assert!(seen.len() == facts.cpus.len() || !unknown.is_empty());
        let names: BTreeSet<_> = clusters.iter().map(|cluster| &cluster.name).filter(|name| *name != UNRANKED).collect();
        let ranked = clusters.iter().filter(|cluster| cluster.name != UNRANKED).count();
        prop_assert_eq!(names.len(), ranked);
    }
}
