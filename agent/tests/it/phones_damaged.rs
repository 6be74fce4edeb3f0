//! Captured phones of which files are cut, emptied, overwritten or refused: a report comes all the same, and what it
//! claims stays true.

use std::collections::BTreeSet;
use std::sync::{Arc, LazyLock};

use benchrack_agent::device::Device;
use benchrack_agent::probe::probe;
use benchrack_agent::sysfs::{Captured, Recording, SysErrorKind};
use benchrack_protocol::cpuset::CpuSet;
use benchrack_protocol::device::DeviceReport;
use proptest::prelude::*;

use super::phones::{expected, folder, table};

/// A phone as one text, with what is true of it.
pub struct Phone {
    name: String,
    pub text: String,
    /// Paths of all its files.
    files: Vec<String>,
    /// What its undamaged files tell.
    whole: DeviceReport,
    /// Its clusters, where they are known.
    pub clusters: Option<BTreeSet<CpuSet>>,
    /// Whether its current is given undamaged; none may appear by damage.
    current: Option<i64>,
}

pub static PHONES: LazyLock<Vec<Phone>> = LazyLock::new(|| {
    let mut phones = Vec::new();
    for (collection, index) in [("phones", "expected.tsv"), ("phones-power", "INDEX.tsv")] {
        let Some(folder) = folder(collection) else { continue };
        for row in table(&folder.join(index)) {
            let name = row.get("phone").unwrap_or_else(|| &row["name"]).clone();
            let device = Device::captured(&folder.join(&name)).unwrap();
            let recording = Arc::new(Recording::of(device.sysfs.clone(), device.commands.clone()));
            let whole = probe(&Device { sysfs: recording.clone(), commands: recording.clone(), ..device }, None);
            let kept = recording.kept();
            let clusters = row.contains_key("cpus_per_cluster").then(|| expected(&row));
            let current = current(&whole);
            phones.push(Phone {
                name,
                text: kept.to_text(),
                files: kept.files().into_keys().collect(),
                whole,
                clusters,
                current,
            });
        }
    }
    phones
});

fn current(report: &DeviceReport) -> Option<i64> {
    report.battery.as_ref()?.now.current.value().map(|current| current.0)
}

/// What happens to a file.
#[derive(Debug, Clone)]
enum Damage {
    /// Only its beginning is left: hundredths.
    Cut(usize),
    /// It is there and empty.
    Emptied,
    /// Something else stands there.
    Overwritten(String),
    /// It refuses.
    Refused(SysErrorKind),
    /// It is not there.
    Gone,
}

impl Damage {
    fn apply(&self, device: &Captured, path: &str) {
        match self {
            Self::Cut(hundredths) => {
                let content = device.files().remove(path).unwrap_or_default();
                device.set(path, &content[..content.floor_char_boundary(content.len() * hundredths / 100)]);
            }
            Self::Emptied => device.set(path, ""),
            Self::Overwritten(text) => device.set(path, text),
            Self::Refused(kind) => device.fail(path, *kind),
            Self::Gone => device.remove(path),
        }
    }
}

fn damage() -> impl Strategy<Value = Damage> {
    prop_oneof![
        (0usize..100).prop_map(Damage::Cut),
        Just(Damage::Emptied),
        "\\PC{0,40}\n?".prop_map(Damage::Overwritten),
        Just(Damage::Overwritten("\u{0}-1 4294967296 ☃ 99999999999999999999\n".into())),
        prop_oneof![Just(SysErrorKind::Denied), Just(SysErrorKind::Unavailable), Just(SysErrorKind::Io)]
            .prop_map(Damage::Refused),
        Just(Damage::Gone),
    ]
}

/// The report of the damaged phone, after checking that it claims nothing false.
pub fn check(phone: &Phone, device: Captured, how: &str) -> DeviceReport {
    let report = probe(&Device::of(Arc::new(device)), None);
    serde_json::to_string(&report).unwrap();
    let name = &phone.name;
    if let Some(real) = &phone.clusters {
        let found: BTreeSet<CpuSet> = report.clusters.iter().map(|cluster| cluster.cpus.clone()).collect();
        let told = report.unknown.iter().any(|unknown| unknown.what.starts_with("cluster"));
        assert!(found == *real || told, "{name}, {how}: claims {found:?} to be all");
        for claim in &found {
            assert!(real.iter().any(|real| claim.is_subset(real)), "{name}, {how}: {claim} is no cluster of {real:?}");
        }
        for cluster in &report.clusters {
            let Some(before) = phone.whole.clusters.iter().find(|before| cluster.cpus.is_subset(&before.cpus)) else { continue };
            for (now, before) in [(&cluster.min_freq, &before.min_freq), (&cluster.max_freq, &before.max_freq)] {
                assert!(now.value().is_none() || now == before, "{name}, {how}: {now:?} in place of {before:?}");
            }
        }
    }
    // A log that is cut off ends with another moment.
    let cut_log = how.contains(".txt Cut") || how.contains(".tsv Cut");
    if let (Some(found), Some(before), false) = (current(&report), phone.current, cut_log) {
        assert!(found.signum() == before.signum() || found == 0, "{name}, {how}: current {found} in place of {before}");
    }
    report
}

/// Paths of CPU clocks that hold another number than the phone's by chance, and look whole.
fn looks_like_a_clock(text: &str) -> bool {
    text.trim().parse::<u64>().is_ok_and(|khz| khz >= 10_000)
}

fn all_damaged(phone: &Phone, damage: &Damage) -> Captured {
    let device = Captured::parse(&phone.text).unwrap();
    for path in &phone.files {
        damage.apply(&device, path);
    }
    device
}

#[test]
fn a_phone_all_of_whose_files_are_empty_or_refused_claims_nothing_false() {
    for phone in PHONES.iter() {
        for damage in [Damage::Emptied, Damage::Refused(SysErrorKind::Denied), Damage::Refused(SysErrorKind::Io)] {
            check(phone, all_damaged(phone, &damage), &format!("all {damage:?}"));
        }
    }
}

/// All files cut alike can be another phone's, whole: what is told then cannot be held to anything.
#[test]
fn a_phone_all_of_whose_files_are_cut_is_still_reported() {
    for phone in PHONES.iter() {
        for hundredths in [5, 25, 50, 75, 90, 99] {
            let report = probe(&Device::of(Arc::new(all_damaged(phone, &Damage::Cut(hundredths)))), None);
            serde_json::to_string(&report).unwrap();
        }
    }
}

/// As many as PROPTEST_CASES says, before a release; 400 else.
fn cases() -> ProptestConfig {
    match std::env::var_os("PROPTEST_CASES") {
        Some(_) => ProptestConfig::default(),
        None => ProptestConfig::with_cases(400),
    }
}

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn a_phone_of_which_some_files_are_damaged_claims_nothing_false(
        phone in any::<prop::sample::Index>(),
        hits in proptest::collection::vec((any::<prop::sample::Index>(), damage()), 1..6),
    ) {
        if PHONES.is_empty() {
            return Ok(());
        }
        let phone = phone.get(&PHONES);
        let device = Captured::parse(&phone.text).unwrap();
        let mut how = String::new();
        for (file, damage) in &hits {
            if phone.files.is_empty() || matches!(damage, Damage::Overwritten(text) if looks_like_a_clock(text)) {
                continue;
            }
            let path = file.get(&phone.files);
            damage.apply(&device, path);
            how.push_str(&format!("{path} {damage:?}, "));
        }
        check(phone, device, &how);
    }
}
