//! Captured real phones, where they are at hand: the topology found must be right or unknown, never wrong.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::path::{Path, PathBuf};

use benchrack_agent::device::Device;
use benchrack_agent::probe::{core_names, probe, text};
use benchrack_protocol::cpuset::CpuSet;

/// Phones of other people's collections, beside the checkout; none in a plain clone.
pub fn folder(name: &str) -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared").join(name);
    if folder.is_dir() {
        return Some(folder);
    }
    // Not by eprintln!, which the test runner keeps to itself when a test passes.
    std::io::stderr().write_all(format!("SKIPPED: no captured phones at {}\n", folder.display()).as_bytes()).unwrap();
    None
}

pub fn table(file: &Path) -> Vec<BTreeMap<String, String>> {
    let text = std::fs::read_to_string(file).unwrap();
    let mut lines = text.lines();
    let names: Vec<&str> = lines.next().unwrap().split('\t').collect();
    lines.map(|line| names.iter().map(|name| (*name).to_owned()).zip(line.split('\t').map(str::to_owned)).collect()).collect()
}

/// Clusters as the table of what is known says them.
pub fn expected(row: &BTreeMap<String, String>) -> BTreeSet<CpuSet> {
    row["cpus_per_cluster"].split(" + ").map(|cpus| cpus.parse().unwrap()).collect()
}

#[test]
fn topology_of_captured_phones_is_right_or_unknown() {
    let Some(folder) = folder("phones") else { return };
    let (mut right, mut unknown, mut wrong) = (Vec::new(), Vec::new(), Vec::new());
    for row in table(&folder.join("expected.tsv")) {
        let phone = &row["phone"];
        let report = probe(&Device::captured(&folder.join(phone)).unwrap(), None);
        let expected = expected(&row);
        let found: BTreeSet<CpuSet> = report.clusters.iter().map(|cluster| cluster.cpus.clone()).collect();
        let told = report.unknown.iter().any(|unknown| unknown.what.starts_with("cluster"));
        // A cluster that is claimed must exist, whatever else is unknown.
        let claims_hold = found.iter().all(|claim| expected.iter().any(|real| claim.is_subset(real)));
        match (found == expected, told && claims_hold) {
            (true, _) => right.push(phone.clone()),
            (false, true) => unknown.push(phone.clone()),
            (false, false) => wrong.push(format!("{phone}: expected {expected:?}, found {found:?} {:?}", report.unknown)),
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert_eq!(unknown, Vec::<String>::new(), "right {}", right.len());
}

#[test]
fn captured_phones_are_ranked_and_named_as_their_makers_do() {
    let Some(folder) = folder("phones") else { return };
    let mut named = 0;
    for row in table(&folder.join("expected.tsv")) {
        let report = probe(&Device::captured(&folder.join(&row["phone"])).unwrap(), None);
        // The table lists the biggest first; only designs of different strength prove an order.
        let designs: Vec<&str> = row["uarch_per_cluster"].split('+').collect();
        let cpus: Vec<CpuSet> = row["cpus_per_cluster"].rsplit(" + ").map(|cpus| cpus.parse().unwrap()).collect();
        let distinct: BTreeSet<_> = designs.iter().collect();
        let ranked = report.clusters.iter().all(|cluster| cluster.name != "unranked");
        if ranked && distinct.len() == designs.len() {
            let found: Vec<CpuSet> = report.clusters.iter().map(|cluster| cluster.cpus.clone()).collect();
            assert_eq!(found, cpus, "{}", row["phone"]);
        }
        for (cpus, id) in row["cpus_per_cluster"].split(" + ").zip(row["id_per_cluster"].split(" + ")) {
            let cpus: CpuSet = cpus.parse().unwrap();
            let Some(cluster) = report.clusters.iter().find(|cluster| cluster.cpus == cpus) else { continue };
            if let Some(core) = cluster.core.value() {
                let midr = u32::from_str_radix(id.trim_start_matches("0x"), 16).unwrap();
                assert_eq!(core, &core_names::name(midr), "{}", row["phone"]);
                assert!(!core.contains("part"), "{}: {core} has no name", row["phone"]);
                named += 1;
            }
        }
    }
    assert!(named >= 55, "only {named} clusters have the name of their core");
}

#[test]
fn operating_points_and_governors_of_captured_phones_are_those_in_the_index() {
    let Some(folder) = folder("phones") else { return };
    let (mut governors, mut points) = (0, 0);
    for row in table(&folder.join("INDEX.tsv")) {
        let phone = &row["phone"];
        let report = probe(&Device::captured(&folder.join(phone)).unwrap(), None);
        for policy in &report.policies {
            if let Some(found) = policy.governors.value() {
                assert_eq!(found.join(" "), row["governors"], "{phone}");
                governors += 1;
            }
            if let Some(found) = policy.frequencies.value() {
                assert!(found.is_sorted() && !found.is_empty(), "{phone}: {found:?}");
                points += 1;
            }
        }
    }
    println!("{governors} policies with governors, {points} with operating points");
    assert!(governors >= 60 && points >= 60, "{governors} with governors, {points} with operating points");
}

/// One reviewed file for each phone: `INSTA_UPDATE=always` writes it again.
#[test]
fn the_report_of_each_captured_phone_is_the_reviewed_one() {
    for collection in ["phones", "phones-power"] {
        let Some(folder) = folder(collection) else { return };
        let mut phones: Vec<PathBuf> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
        phones.retain(|path| path.is_dir());
        phones.sort();
        assert!(phones.len() >= 40, "{phones:?}");
        let mut settings = insta::Settings::clone_current();
        settings.set_snapshot_path(format!("snapshots/{collection}"));
        settings.set_prepend_module_to_snapshot(false);
        settings.set_omit_expression(true);
        settings.bind(|| {
            for phone in phones {
                let report = probe(&Device::captured(&phone).unwrap(), None);
                insta::assert_snapshot!(phone.file_name().unwrap().to_string_lossy().into_owned(), text::describe(&report));
            }
        });
    }
}
