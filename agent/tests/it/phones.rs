//! Captured real phones, where they are at hand: the topology found must be right or unknown, never wrong.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use benchrack_agent::device::Device;
use benchrack_agent::probe::probe;
use benchrack_protocol::cpuset::CpuSet;

/// Phones of other people's collections, beside the checkout; none in a plain clone.
fn folder(name: &str) -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared").join(name);
    if folder.is_dir() {
        return Some(folder);
    }
    eprintln!("SKIPPED: no captured phones at {}", folder.display());
    None
}

fn table(file: &Path) -> Vec<BTreeMap<String, String>> {
    let text = std::fs::read_to_string(file).unwrap();
    let mut lines = text.lines();
    let names: Vec<&str> = lines.next().unwrap().split('\t').collect();
    lines.map(|line| names.iter().map(|name| (*name).to_owned()).zip(line.split('\t').map(str::to_owned)).collect()).collect()
}

#[test]
fn topology_of_captured_phones_is_right_or_unknown() {
    let Some(folder) = folder("phones") else { return };
    let (mut right, mut unknown, mut wrong) = (Vec::new(), Vec::new(), Vec::new());
    for row in table(&folder.join("expected.tsv")) {
        let phone = &row["phone"];
        let report = probe(&Device::captured(&folder.join(phone)).unwrap(), None);
        let expected: BTreeSet<CpuSet> = row["cpus_per_cluster"].split(" + ").map(|cpus| cpus.parse().unwrap()).collect();
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
    println!("right {}, unknown {unknown:?}", right.len());
    assert!(right.len() >= 40, "only {} are told: {right:?}", right.len());
}

#[test]
fn captured_phones_are_ranked_and_named_as_their_makers_do() {
    let Some(folder) = folder("phones") else { return };
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
        let ids: Vec<&str> = row["id_per_cluster"].split(" + ").collect();
        for (cluster, (cpus, id)) in report.clusters.iter().flat_map(|cluster| {
            let real = row["cpus_per_cluster"].split(" + ").map(|cpus| cpus.parse::<CpuSet>().unwrap()).zip(&ids);
            real.map(move |real| (cluster, real)).collect::<Vec<_>>()
        }) {
            if cluster.cpus == cpus
                && let Some(core) = cluster.core.value()
            {
                let midr = u32::from_str_radix(id.trim_start_matches("0x"), 16).unwrap();
                assert_eq!(core, &benchrack_agent::probe::core_names::name(midr), "{}", row["phone"]);
            }
        }
    }
}

#[test]
fn a_device_of_which_any_file_is_cut_or_refused_is_still_reported() {
    let Some(folder) = folder("phones") else { return };
    let phone = Device::captured(&folder.join("meizu-pro-6s")).unwrap();
    let whole = benchrack_agent::sysfs::Recording::of(phone.sysfs, phone.commands);
    let recorded = std::sync::Arc::new(whole);
    let device = Device { sysfs: recorded.clone(), commands: recorded.clone(), ..Device::live() };
    let report = probe(&device, None);
    let text = recorded.kept().to_text();
    for path in recorded.kept().files().keys() {
        for damage in 0..4 {
            let copy = benchrack_agent::sysfs::Captured::parse(&text).unwrap();
            let content = copy.files()[path].clone();
            match damage {
                0 => copy.set(path, &content[..content.floor_char_boundary(content.len() / 2)]),
                1 => copy.set(path, ""),
                2 => copy.set(path, "\u{0}-1 4294967296 ☃ 99999999999999999999\n"),
                _ => copy.fail(path, benchrack_agent::sysfs::SysErrorKind::Denied),
            }
            let damaged = probe(&Device::of(std::sync::Arc::new(copy)), None);
            assert!(damaged.clusters.iter().map(|cluster| cluster.cpus.len()).sum::<usize>() <= 10, "{path}");
            serde_json::to_string(&damaged).unwrap();
        }
    }
    assert_eq!(report.clusters.len(), 3);
}

#[test]
fn captured_batteries_and_sensors_are_read_in_their_units() {
    let Some(folder) = folder("phones-power") else { return };
    for (device, volts, degrees) in [("xiaomi-mi-8", 3_888_173, 29_000), ("samsung-msm-sysprobe", 4_246_000, 31_000)] {
        let report = probe(&Device::captured(&folder.join(device)).unwrap(), None);
        let battery = &report.power_supplies[0];
        assert_eq!(battery.voltage.value().unwrap().0, volts, "{device}");
        assert_eq!(battery.temperature.value().unwrap().0, degrees, "{device}");
        assert!(battery.current.value().is_none(), "{device}: no current without calibration");
    }
}
