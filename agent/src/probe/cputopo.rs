//! MediaTek's `/sys/devices/system/cpu/cputopo`: clusters as hexadecimal masks, cores that are off among them.
//!
//! `cpus_per_cluster` and `glbinfo` have lines `cluster0: f`; kernels of chips with two clusters have `little_cpumask`
//! and `big_cpumask` instead.

use benchrack_protocol::cpuset::CpuSet;

use super::cpufreq::CPU;
use crate::sysfs::SysFs;

/// Clusters by their masks; empty on other kernels, and where the masks overlap.
pub fn clusters(fs: &dyn SysFs) -> Vec<CpuSet> {
    let listed = whole(fs, "cpus_per_cluster").or_else(|| whole(fs, "glbinfo")).map(|text| listed(&text)).unwrap_or_default();
    let clusters = match (listed.is_empty(), little_and_big(fs)) {
        (true, Some((little, big))) => vec![little, big],
        _ => listed,
    };
    let expected = whole(fs, "nr_clusters").and_then(|text| text.trim().parse::<usize>().ok());
    let disjoint =
        clusters.iter().map(CpuSet::len).sum::<usize>() == clusters.iter().flat_map(CpuSet::iter).collect::<CpuSet>().len();
    if disjoint && expected.is_none_or(|expected| expected == clusters.len()) { clusters } else { Vec::new() }
}

/// The little and the big cores, where the kernel names both.
pub fn little_and_big(fs: &dyn SysFs) -> Option<(CpuSet, CpuSet)> {
    let cpus = |file: &str| whole(fs, file).and_then(|text| mask(text.trim()));
    Some((cpus("little_cpumask")?, cpus("big_cpumask")?))
}

/// A file that ends its line: one that does not was cut off, and a mask that is cut off is another mask.
fn whole(fs: &dyn SysFs, file: &str) -> Option<String> {
    fs.read(&format!("{CPU}/cputopo/{file}")).ok().filter(|text| text.ends_with('\n'))
}

fn listed(text: &str) -> Vec<CpuSet> {
    text.lines().filter_map(|line| mask(line.trim().strip_prefix("cluster")?.split_once(':')?.1.trim())).collect()
}

/// `f0`: CPUs 4 to 7.
fn mask(text: &str) -> Option<CpuSet> {
    let bits = u64::from_str_radix(text, 16).ok().filter(|&bits| bits != 0)?;
    Some((0..64).filter(|cpu| bits >> cpu & 1 == 1).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sysfs::Captured;

    fn clusters_of(files: &[(&str, &str)]) -> Vec<String> {
        let device = Captured::default();
        for (file, text) in files {
            device.set(&format!("{CPU}/cputopo/{file}"), text);
        }
        clusters(&device).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn masks_are_clusters() {
        assert_eq!(clusters_of(&[("cpus_per_cluster", "cluster0: f\ncluster1: f0\ncluster2: 300\n")]), ["0-3", "4-7", "8-9"]);
        assert_eq!(clusters_of(&[("little_cpumask", "0f\n"), ("big_cpumask", "f0\n"), ("nr_clusters", "2\n")]), ["0-3", "4-7"]);
    }

    #[test]
    fn masks_that_overlap_miss_one_or_are_cut_off_are_not_believed() {
        assert!(clusters_of(&[("cpus_per_cluster", "cluster0: f\ncluster1: f\n")]).is_empty());
        assert!(clusters_of(&[("cpus_per_cluster", "cluster0: f\n"), ("nr_clusters", "2\n")]).is_empty());
        assert!(clusters_of(&[("cpus_per_cluster", "cluster0: f\ncluster1: f")]).is_empty());
    }
}
