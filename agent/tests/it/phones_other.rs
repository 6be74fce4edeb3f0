//! Kinds of phones of which no capture is at hand, as files by hand: what is told of them is right, or said to be unknown.

use std::fmt::Write as _;
use std::sync::Arc;

use benchrack_agent::device::Device;
use benchrack_agent::probe::probe;
use benchrack_agent::sysfs::{Captured, SysErrorKind, SysFs};
use benchrack_protocol::access::Question;
use benchrack_protocol::cpuset::CpuSet;
use benchrack_protocol::device::DeviceReport;
use benchrack_protocol::reading::{Missing, Reading};

const CPU: &str = "sys/devices/system/cpu";

const A7: u32 = 0x410f_c073;
const A15: u32 = 0x412f_c0f3;
const A53: u32 = 0x410f_d034;
const A55: u32 = 0x411f_d050;
const A57: u32 = 0x411f_d070;
const A72: u32 = 0x410f_d081;
const A76: u32 = 0x481f_d400;
const GOLD: u32 = 0x51df_804e;
const SILVER: u32 = 0x51df_805e;
const KRAIT: u32 = 0x510f_06f2;

/// A phone that is being put together.
struct Phone {
    files: Captured,
    online: CpuSet,
    cpuinfo: String,
}

fn set(cpus: &str) -> CpuSet {
    cpus.parse().unwrap()
}

impl Phone {
    /// On Android, for this instruction set.
    fn of(abi: &str, present: &str, online: &str) -> Self {
        let files = Captured::parse(&format!(
            "# benchrack device capture 1\ncommand getprop\n| [ro.product.cpu.abi]: [{abi}]\n| [ro.product.model]: [X]\n"
        ))
        .unwrap();
        for (name, text) in [("possible", present), ("present", present), ("online", online)] {
            files.set(&format!("{CPU}/{name}"), &format!("{text}\n"));
        }
        for cpu in set(present).iter() {
            files.set(&format!("{CPU}/cpu{cpu}/uevent"), "");
        }
        Self { files, online: set(online), cpuinfo: String::new() }
    }

    fn file(&self, cpu: u32, name: &str, text: &str) {
        self.files.set(&format!("{CPU}/cpu{cpu}/{name}"), &format!("{text}\n"));
    }

    fn listed(&self, cpus: &str) -> Vec<u32> {
        set(cpus).iter().filter(|&cpu| self.online.contains(cpu)).collect()
    }

    /// CPUs of one clock, kHz, with folders of CPUs as kernels before 4.3 have them: only of those that are online.
    fn clock(self, cpus: &str, low: u64, high: u64) -> Self {
        for cpu in self.listed(cpus) {
            self.file(cpu, "cpufreq/related_cpus", &spaced(cpus));
            self.file(cpu, "cpufreq/cpuinfo_min_freq", &low.to_string());
            self.file(cpu, "cpufreq/cpuinfo_max_freq", &high.to_string());
        }
        self
    }

    /// The same with folders of policies and nothing below the CPUs: none where all of its CPUs are off.
    fn policy(self, cpus: &str, low: u64, high: u64) -> Self {
        if !self.listed(cpus).is_empty() {
            let folder = format!("{CPU}/cpufreq/policy{}", set(cpus).iter().next().unwrap());
            for (name, text) in
                [("related_cpus", spaced(cpus)), ("cpuinfo_min_freq", low.to_string()), ("cpuinfo_max_freq", high.to_string())]
            {
                self.files.set(&format!("{folder}/{name}"), &format!("{text}\n"));
            }
        }
        self
    }

    /// `core_siblings_list` of those that are online.
    fn siblings(self, lists: &[&str]) -> Self {
        for list in lists {
            self.listed(list).into_iter().for_each(|cpu| self.file(cpu, "topology/core_siblings_list", list));
        }
        self
    }

    /// `cpu_capacity`, which stays while a CPU is off.
    fn capacity(self, cpus: &str, capacity: u32) -> Self {
        set(cpus).iter().for_each(|cpu| self.file(cpu, "cpu_capacity", &capacity.to_string()));
        self
    }

    /// Cores in /proc/cpuinfo, those that are online.
    fn cores(mut self, cpus: &str, midr: u32) -> Self {
        for cpu in self.listed(cpus) {
            let _ = write!(self.cpuinfo, "processor\t: {cpu}\n{}\n", identity(midr));
        }
        self
    }

    /// One identity for all, as old kernels print it.
    fn cores_once(mut self, midr: u32) -> Self {
        for cpu in self.online.iter() {
            let _ = writeln!(self.cpuinfo, "processor\t: {cpu}");
        }
        self.cpuinfo.push_str(&identity(midr));
        self
    }

    fn report(self) -> DeviceReport {
        self.files.set("proc/cpuinfo", &self.cpuinfo);
        probe(&Device::of(Arc::new(self.files)), None)
    }

    /// Clusters as `name CPUs`, and of what is unknown that which concerns clusters.
    fn clusters(self) -> (Vec<String>, Vec<String>) {
        let report = self.report();
        let unknown = report.unknown.iter().map(|unknown| unknown.what.clone()).filter(|what| what.contains("cluster"));
        (report.clusters.iter().map(|cluster| format!("{} {}", cluster.name, cluster.cpus)).collect(), unknown.collect())
    }
}

fn spaced(cpus: &str) -> String {
    set(cpus).iter().map(|cpu| cpu.to_string()).collect::<Vec<_>>().join(" ")
}

fn identity(midr: u32) -> String {
    format!(
        "CPU implementer\t: {:#04x}\nCPU variant\t: {:#x}\nCPU part\t: {:#05x}\nCPU revision\t: {}\n",
        midr >> 24,
        midr >> 20 & 0xf,
        midr >> 4 & 0xfff,
        midr & 0xf
    )
}

fn told(clusters: &[&str]) -> (Vec<String>, Vec<String>) {
    (clusters.iter().map(|cluster| (*cluster).to_owned()).collect(), Vec::new())
}

fn unknown(clusters: &[&str], what: &[&str]) -> (Vec<String>, Vec<String>) {
    (told(clusters).0, told(what).0)
}

const ORDER: &str = "order of the clusters";

#[test]
fn eight_small_cores_on_one_clock_are_two_clusters_where_a_list_says_so() {
    let phone = |online: &str| Phone::of("arm64-v8a", "0-7", online).clock("0-7", 652_800, 2_016_000);
    let both = &["0-3", "4-7"];
    for phone in [phone("0-7").cores("0-7", A53), phone("0-7").cores_once(A53)] {
        assert_eq!(phone.siblings(both).clusters(), unknown(&["unranked 0-3", "unranked 4-7"], &[ORDER]));
    }
    // With the second cluster off; with one of the first off as well; and without lists.
    let off = phone("0-3").cores("0-3", A53).siblings(both).clusters();
    assert_eq!(off, unknown(&["unranked 0-3", "unranked 4-7"], &[ORDER]));
    let less = phone("0-2").cores("0-2", A53).siblings(&["0-2"]).clusters();
    assert_eq!(less, unknown(&[], &["cluster of CPUs 0-7"]));
    assert_eq!(phone("0-7").cores("0-7", A53).clusters(), unknown(&[], &["cluster of CPUs 0-7"]));
    // 32 bits alike.
    let old = Phone::of("armeabi-v7a", "0-7", "0-7").clock("0-7", 221_000, 1_700_000).cores("0-7", A7);
    assert_eq!(old.siblings(both).clusters().0, ["unranked 0-3", "unranked 4-7"]);
}

#[test]
fn two_and_two_and_four_cores_with_three_policies_are_three_clusters() {
    let phone = Phone::of("arm64-v8a", "0-7", "0-7")
        .policy("0-3", 830_000, 1_800_000)
        .policy("4-5", 826_000, 1_920_000)
        .policy("6-7", 1_460_000, 2_600_000)
        .cores("0-3", A55)
        .cores("4-7", A76)
        .siblings(&["0-3", "4-7"]);
    assert_eq!(phone.clusters(), told(&["little 0-3", "mid 4-5", "big 6-7"]));
}

#[test]
fn a_prime_core_that_is_off_is_a_cluster_by_its_capacity_and_unknown_without() {
    let phone = || {
        Phone::of("arm64-v8a", "0-7", "0-6")
            .policy("0-3", 300_000, 1_785_600)
            .policy("4-6", 710_400, 2_419_200)
            .policy("7", 825_600, 2_956_800)
            .cores("0-3", SILVER)
            .cores("4-6", GOLD)
            .siblings(&["0-7"])
    };
    let named = phone().capacity("0-3", 261).capacity("4-6", 861).capacity("7", 1024).clusters();
    assert_eq!(named, told(&["little 0-3", "mid 4-6", "big 7"]));
    // Two files of each of the others leave it out.
    let (clusters, unknown) = phone().clusters();
    assert!(clusters == ["little 0-3", "mid 4-6"] || !unknown.is_empty(), "{clusters:?} {unknown:?}");
    assert!(!clusters.iter().any(|cluster| cluster.contains("4-7")), "{clusters:?}");
}

#[test]
fn a_whole_cluster_that_is_off_is_known_by_capacity_or_by_mediateks_masks_or_not_at_all() {
    let phone = || Phone::of("arm64-v8a", "0-7", "0-3").policy("0-3", 500_000, 2_000_000).cores("0-3", A55);
    assert_eq!(phone().clusters(), unknown(&["unranked 0-3"], &["cluster of CPUs 4-7"]));
    let by_capacity = phone().capacity("0-3", 430).capacity("4-7", 1024).clusters();
    assert_eq!(by_capacity, told(&["little 0-3", "big 4-7"]));
    let masks = phone();
    for (name, text) in [("nr_clusters", "2\n"), ("little_cpumask", "0f\n"), ("big_cpumask", "f0\n")] {
        masks.files.set(&format!("{CPU}/cputopo/{name}"), text);
    }
    assert_eq!(masks.clusters(), told(&["little 0-3", "big 4-7"]));
}

#[test]
fn a_clock_for_each_core_and_cores_that_are_off() {
    let krait = ["0", "1", "2", "3"]
        .into_iter()
        .fold(Phone::of("armeabi-v7a", "0-3", "0"), |phone, cpu| phone.clock(cpu, 384_000, 1_512_000))
        .cores_once(KRAIT)
        .clusters();
    assert_eq!(krait, told(&["all 0-3"]));
    let pair = Phone::of("armeabi-v7a", "0-1", "0").clock("0", 300_000, 1_190_400).cores_once(A7);
    assert_eq!(pair.siblings(&["0-1"]).clusters(), told(&["all 0-1"]));
}

#[test]
fn big_cores_may_have_the_low_numbers() {
    let phone = Phone::of("arm64-v8a", "0-7", "0-7")
        .clock("0-3", 700_000, 1_900_000)
        .clock("4-7", 400_000, 1_900_000)
        .cores("0-3", A57)
        .cores("4-7", A53)
        .siblings(&["0-3", "4-7"]);
    assert_eq!(phone.clusters(), told(&["little 4-7", "big 0-3"]));
    // Without identities the same highest clock tells no order.
    let phone = Phone::of("arm64-v8a", "0-7", "0-7")
        .clock("0-3", 700_000, 1_900_000)
        .clock("4-7", 400_000, 1_900_000)
        .siblings(&["0-3", "4-7"]);
    assert_eq!(phone.clusters(), unknown(&["unranked 0-3", "unranked 4-7"], &[ORDER]));
}

#[test]
fn ten_cores_in_three_clusters() {
    let phone = Phone::of("arm64-v8a", "0-9", "0-9")
        .clock("0-3", 221_000, 1_547_000)
        .clock("4-7", 325_000, 2_002_000)
        .clock("8-9", 338_000, 2_522_000)
        .cores("0-7", A53)
        .cores("8-9", A72)
        .siblings(&["0-3", "4-7", "8-9"]);
    assert_eq!(phone.clusters(), told(&["little 0-3", "mid 4-7", "big 8-9"]));
    // Ten of which one clock is all that is known may be anything.
    let phone = Phone::of("arm64-v8a", "0-9", "0-9").clock("0-9", 221_000, 1_547_000);
    assert_eq!(phone.clusters(), unknown(&[], &["cluster of CPUs 0-9"]));
}

#[test]
fn atoms_are_one_kind_whatever_their_clocks_and_packages() {
    let report = |files: Phone| {
        let Phone { files, online, .. } = files;
        let block =
            |cpu: u32| format!("processor\t: {cpu}\nvendor_id\t: GenuineIntel\nmodel name\t: Intel(R) Atom(TM) CPU Z3580\n\n");
        let cpuinfo: String = online.iter().map(block).collect();
        Phone { files, online, cpuinfo }.report()
    };
    let phone = Phone::of("x86", "0-3", "0-1").clock("0", 500_000, 2_333_000).clock("1", 500_000, 2_333_000).siblings(&["0-3"]);
    let report = report(phone);
    assert_eq!(report.identity.architecture, "i686");
    let [only] = report.clusters.as_slice() else { panic!("{:?}", report.clusters) };
    assert_eq!((only.name.as_str(), only.cpus.to_string().as_str()), ("all", "0-3"));
    assert_eq!(only.core.value().map(String::as_str), Some("Intel(R) Atom(TM) CPU Z3580"));
    assert_eq!(only.max_freq.value().map(|khz| khz.0), Some(2_333_000));
}

#[test]
fn behind_a_switcher_of_two_kinds_no_core_has_a_name() {
    let phone = Phone::of("armeabi-v7a", "0-3", "0-3").clock("0-3", 250_000, 1_600_000).cores_once(A15).siblings(&["0-3"]);
    phone.files.set("sys/kernel/bL_switcher/active", "1\n");
    let report = phone.report();
    assert_eq!(report.clusters.len(), 1);
    let Reading::Missing { missing: Missing::Invalid, detail } = &report.clusters[0].core else { panic!("{report:?}") };
    assert!(detail.contains("switcher"), "{detail}");
}

#[test]
fn cpu_numbers_may_have_gaps() {
    let phone = Phone::of("arm64-v8a", "0-2,4,6-7", "0-2,4,6-7")
        .policy("0-2,4", 300_000, 1_800_000)
        .policy("6-7", 300_000, 2_200_000)
        .cores("0-2,4", SILVER)
        .cores("6-7", GOLD);
    assert_eq!(phone.clusters(), told(&["little 0-2,4", "big 6-7"]));
}

#[test]
fn cores_that_are_parked_are_online_and_named() {
    let phone = Phone::of("arm64-v8a", "0-7", "0-7").policy("0-3", 300_000, 1_800_000).policy("4-7", 300_000, 2_800_000);
    phone.files.set(&format!("{CPU}/isolated"), "6-7\n");
    let report = phone.report();
    assert_eq!(report.cpus_isolated, Some(set("6-7")));
    assert_eq!(report.clusters.len(), 2);
    let none = Phone::of("arm64-v8a", "0-3", "0-3").policy("0-3", 300_000, 1_800_000);
    none.files.set(&format!("{CPU}/isolated"), "\n");
    assert_eq!(none.report().cpus_isolated, None);
}

#[test]
fn statistics_may_be_all_that_tells_operating_points() {
    let phone = Phone::of("armeabi-v7a", "0", "0").cores("0", A7);
    phone.file(0, "cpufreq/affected_cpus", "0");
    phone.files.set(&format!("{CPU}/cpufreq/stats/cpu0/time_in_state"), "1000000 7\n300000 10\n");
    let report = phone.report();
    let points = report.policies[0].frequencies.value().unwrap();
    assert_eq!(points.iter().map(|khz| khz.0).collect::<Vec<_>>(), [300_000, 1_000_000]);
}

fn question<'a>(report: &'a DeviceReport, what: &str) -> &'a Question {
    report.access.as_ref().unwrap().questions.iter().find(|question| question.what == what).unwrap()
}

#[test]
fn what_is_refused_as_a_whole_is_denied_and_what_is_not_there_is_absent() {
    let phone = || Phone::of("arm64-v8a", "0-3", "0-3").policy("0-3", 300_000, 1_800_000).cores("0-3", A53);
    let without = phone().report();
    let of = |report: &DeviceReport| report.unknown.iter().map(|unknown| unknown.what.clone()).collect::<Vec<_>>();
    assert_eq!(of(&without), ["battery"]);
    assert!(matches!(question(&without, "temperature of a zone").refusal, Reading::Missing { missing: Missing::Absent, .. }));
    let refusing = phone();
    for folder in ["sys/class/thermal", "sys/class/power_supply"] {
        refusing.files.fail(folder, SysErrorKind::Denied);
        assert_eq!(refusing.files.list(folder).unwrap_err().kind, SysErrorKind::Denied);
    }
    let refused = refusing.report();
    for what in ["temperature of a zone", "state of a cooling device", "battery voltage"] {
        assert!(matches!(question(&refused, what).refusal, Reading::Missing { missing: Missing::Denied, .. }), "{what}");
    }
    assert_eq!(of(&refused), ["battery", "thermal zones and cooling devices", "power supplies"]);
    let denied = refused.unknown.iter().skip(1).all(|unknown| unknown.why.starts_with("denied: sys/class/"));
    assert!(denied, "{:?}", refused.unknown);
}
