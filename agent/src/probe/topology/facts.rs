//! What the kernel's files say of each CPU, before anything is concluded.

use std::collections::BTreeMap;

use benchrack_protocol::cpuset::CpuSet;
use benchrack_protocol::reading::Reading;
use benchrack_protocol::units::Kilohertz;

use crate::probe::cpufreq::CPU;
use crate::probe::cpuinfo::CpuInfo;
use crate::probe::cputopo;
use crate::sysfs::{self, SysFs};

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
    /// Whether the kernel's lists of all CPUs exclude each other.
    pub contradiction: bool,
    /// Whether the kernel's own lists of CPUs cannot be read, so that there may be more than those that have a folder.
    pub unlisted: bool,
    /// Clusters as MediaTek's kernel lists them, cores that are off among them.
    pub cputopo: Vec<CpuSet>,
    /// MediaTek's little and big cores.
    pub little_big: Option<(CpuSet, CpuSet)>,
    /// Whether the kernel's big.LITTLE switcher puts either of two cores behind each CPU.
    pub switcher: bool,
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
    /// Whether that list is of the CPUs that were online only, so that others may belong to it.
    pub clock_of_online: bool,
    /// Whether it is a `related_cpus` of its own, and no copy of another CPU's.
    pub own_list: bool,
    /// Whether it has a list of those that does not name itself: of another moment, or damaged.
    pub clock_elsewhere: bool,
    /// CPUs of its package or cluster, itself among them.
    pub siblings: Vec<CpuSet>,
    /// Highest frequency of its operating points: the hardware's highest is no lower.
    pub top: Option<Kilohertz>,
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
    let lists = Lists { fs, whole: ends_its_lines(fs) };
    let online = cpu_list(fs, "online");
    let (present, contradiction) = present(&lists, &online, &listed());
    let unlisted = present.is_none();
    let present = present.unwrap_or_else(listed);
    let cpus = present.iter().map(|cpu| (cpu, facts_of(&lists, cpu, cpuinfo, &online))).collect();
    let kind = |folder: &str| sysfs::parsed(fs, &format!("sys/devices/{folder}/cpus"), |text| text.parse().ok());
    Facts {
        cpus,
        midr_once: cpuinfo.midr_once,
        model_name: cpuinfo.model_name.clone(),
        x86: matches!(architecture, "x86_64" | "i686" | "i586" | "x86")
            || (architecture == "unknown" && cpuinfo.describes_x86 && !cpuinfo.describes_arm),
        cpufreq: fs.list(&format!("{CPU}/cpufreq")).is_ok_and(|names| !names.is_empty())
            || present.iter().any(|cpu| fs.list(&format!("{CPU}/cpu{cpu}/cpufreq")).is_ok()),
        hybrid: ["cpu_atom", "cpu_core"].into_iter().filter_map(|folder| known(kind(folder))).collect(),
        contradiction,
        unlisted,
        cputopo: cputopo::clusters(fs),
        little_big: cputopo::little_and_big(fs),
        switcher: sysfs::text(fs, "sys/kernel/bL_switcher/active").value().is_some_and(|active| active == "1"),
    }
}

/// CPUs that are there, and whether the lists exclude each other: what is online is present, what is present is possible.
/// None where no list can be read.
fn present(lists: &Lists<'_>, online: &Reading<CpuSet>, folders: &CpuSet) -> (Option<CpuSet>, bool) {
    let list = |file: &str| lists.cpus(&format!("{CPU}/{file}"));
    let (possible, present, online) = (list("possible"), list("present"), online.value().cloned());
    let within = |small: &Option<CpuSet>, large: &Option<CpuSet>| match (small, large) {
        (Some(small), Some(large)) => small.is_subset(large),
        _ => true,
    };
    // A CPU with a folder is possible.
    let beyond = possible.as_ref().is_some_and(|possible| !folders.is_subset(possible));
    if beyond || !(within(&present, &possible) && within(&online, &present) && within(&online, &possible)) {
        let all = [possible, present, online].into_iter().flatten().flat_map(|cpus| cpus.iter().collect::<Vec<_>>()).collect();
        return (Some(all), true);
    }
    (present.or(possible), false)
}

/// Whether this tree's files end their lines. The kernel always does in the files of topology and frequency, so one
/// that does not was cut off, and a list or number that is cut off is another list or number. A capture that was
/// stripped of all line ends is whole when its lists of all CPUs are.
fn ends_its_lines(fs: &dyn SysFs) -> bool {
    let lists = ["possible", "present"].map(|file| fs.read(&format!("{CPU}/{file}")).unwrap_or_default());
    let stripped =
        lists.iter().all(|text| !text.ends_with('\n') && text.trim().parse::<CpuSet>().is_ok_and(|cpus| !cpus.is_empty()));
    !stripped
}

/// Reads lists and numbers that must be whole.
struct Lists<'a> {
    fs: &'a dyn SysFs,
    whole: bool,
}

impl Lists<'_> {
    fn text(&self, path: &str) -> Option<String> {
        let text = self.fs.read(path).ok()?;
        (!self.whole || text.ends_with('\n'))
            .then(|| text.trim_matches(|letter: char| letter.is_whitespace() || letter == '\u{feff}').to_owned())
    }

    fn cpus(&self, path: &str) -> Option<CpuSet> {
        self.text(path)?.parse().ok().filter(|cpus: &CpuSet| !cpus.is_empty())
    }

    fn kilohertz(&self, path: &str) -> Option<Kilohertz> {
        self.text(path)?.parse().ok().filter(|khz| CLOCKS.contains(khz)).map(Kilohertz)
    }
}

/// Clocks that a CPU can have, kHz.
const CLOCKS: std::ops::RangeInclusive<u64> = 10_000..=10_000_000;

fn facts_of(lists: &Lists<'_>, cpu: u32, cpuinfo: &CpuInfo, online: &Reading<CpuSet>) -> CpuFacts {
    let folder = format!("{CPU}/cpu{cpu}");
    // A list without the CPU itself is of another moment or another CPU.
    let list = |file: &str| lists.cpus(&format!("{folder}/{file}")).filter(|cpus| cpus.contains(cpu));
    // Modern kernels link cpuN/cpufreq to its policy; a capture may hold one of both only.
    let policy = |file: &str| lists.cpus(&format!("{folder}/cpufreq/{file}"));
    let named = policy_of(lists, cpu);
    let own = policy("related_cpus");
    let own_list = own.is_some();
    let related = own.or_else(|| named.as_ref().and_then(|policy| policy.related.clone()));
    let clock_of_online = related.is_none();
    let clock = related.or_else(|| policy("affected_cpus")).or_else(|| named.as_ref().and_then(|policy| policy.affected.clone()));
    let limits = || [Some(format!("{folder}/cpufreq")), named.as_ref().map(|policy| policy.folder.clone())].into_iter().flatten();
    let limit = |file: &str| limits().find_map(|folder| lists.kilohertz(&format!("{folder}/{file}")));
    let points = |folder: String| lists.text(&format!("{folder}/scaling_available_frequencies"));
    let top = limits().find_map(points).and_then(|text| {
        let points: Option<Vec<u64>> = text.split_whitespace().map(|word| word.parse().ok()).collect();
        points?.into_iter().filter(|khz| CLOCKS.contains(khz)).max().map(Kilohertz)
    });
    let midr_file = sysfs::parsed(lists.fs, &format!("{folder}/regs/identification/midr_el1"), |text| {
        u64::from_str_radix(text.strip_prefix("0x")?, 16).ok().and_then(|midr| u32::try_from(midr).ok()).filter(|&midr| midr != 0)
    });
    let capacity = ["cpu_capacity", "topology/cpu_capacity"]
        .into_iter()
        .find_map(|file| lists.text(&format!("{folder}/{file}"))?.parse().ok());
    CpuFacts {
        online: online.value().map(|online| online.contains(cpu)),
        midr: midr_file.value().copied().or_else(|| cpuinfo.midr.get(&cpu).copied()),
        capacity,
        range: limit("cpuinfo_min_freq").zip(limit("cpuinfo_max_freq")).filter(|(low, high)| low <= high),
        clock_elsewhere: clock.as_ref().is_some_and(|cpus| !cpus.contains(cpu)),
        clock_of_online: clock_of_online && clock.is_some(),
        own_list,
        clock: clock.filter(|cpus| cpus.contains(cpu)),
        siblings: ["topology/cluster_cpus_list", "topology/core_siblings_list"]
            .into_iter()
            .filter_map(list)
            .chain(shared_l2(lists, &folder, cpu))
            .collect(),
        top,
    }
}

/// The policy that names a CPU.
struct Policy {
    folder: String,
    related: Option<CpuSet>,
    /// Without CPUs that are off.
    affected: Option<CpuSet>,
}

fn policy_of(lists: &Lists<'_>, cpu: u32) -> Option<Policy> {
    let names = lists.fs.list(&format!("{CPU}/cpufreq")).ok()?;
    names.into_iter().filter(|name| name.starts_with("policy")).find_map(|name| {
        let folder = format!("{CPU}/cpufreq/{name}");
        let list = |file: &str| lists.cpus(&format!("{folder}/{file}"));
        let (related, affected) = (list("related_cpus"), list("affected_cpus"));
        let names_it = related.as_ref().or(affected.as_ref()).is_some_and(|cpus| cpus.contains(cpu));
        names_it.then_some(Policy { folder, related, affected })
    })
}

/// CPUs that share its second-level cache: a cluster on chips before DynamIQ, the core alone on later ones.
fn shared_l2(lists: &Lists<'_>, folder: &str, cpu: u32) -> Option<CpuSet> {
    let names = lists.fs.list(&format!("{folder}/cache")).ok()?;
    let second = names.into_iter().find(|name| lists.text(&format!("{folder}/cache/{name}/level")).as_deref() == Some("2"))?;
    lists.cpus(&format!("{folder}/cache/{second}/shared_cpu_list")).filter(|cpus| cpus.contains(cpu))
}
