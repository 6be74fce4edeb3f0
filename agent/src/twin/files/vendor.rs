//! Files of vendors' own: limits beside cpufreq, MediaTek's PPM, and the power rails of Pixel phones.

use std::fmt::Write as _;

use crate::twin::file::RaplSpec;
use crate::twin::layers::{Bound, Layer};
use crate::twin::world::World;

/// Such a file.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(in crate::twin) enum File {
    /// By place of its layer.
    Limit(usize),
    PpmLimit(Bound),
    /// The operating points of a cluster, by place in the twin's file.
    PpmTable(usize),
    RailsName,
    RailsEnergy,
    RailsRate,
    RaplName,
    RaplRange,
    RaplEnergy,
    /// By place in the twin's file.
    Own(usize),
}

pub(super) fn list(world: &World, add: &mut impl FnMut(String, File)) {
    for (place, active) in world.layers.iter().enumerate() {
        match &active.layer {
            Layer::Limit { path, .. } => add(path.clone(), File::Limit(place)),
            Layer::Ppm => {
                add("proc/ppm/policy/hard_userlimit_min_cpu_freq".into(), File::PpmLimit(Bound::Min));
                add("proc/ppm/policy/hard_userlimit_max_cpu_freq".into(), File::PpmLimit(Bound::Max));
                for policy in &world.policies {
                    let cluster = policy.cluster;
                    add(format!("proc/ppm/dump_cluster_{cluster}_dvfs_table"), File::PpmTable(cluster));
                }
            }
            _ => {}
        }
    }
    for (place, file) in world.spec.files.iter().enumerate() {
        add(file.path.clone(), File::Own(place));
    }
    if world.spec.rapl.is_some() {
        let folder = "sys/class/powercap/intel-rapl:0";
        add(format!("{folder}/name"), File::RaplName);
        add(format!("{folder}/max_energy_range_uj"), File::RaplRange);
        add(format!("{folder}/energy_uj"), File::RaplEnergy);
    }
    if let Some(rails) = &world.spec.rails {
        let folder = format!("sys/bus/iio/devices/{}", rails.device);
        add(format!("{folder}/name"), File::RailsName);
        add(format!("{folder}/energy_value"), File::RailsEnergy);
        add(format!("{folder}/sampling_rate"), File::RailsRate);
    }
}

impl File {
    pub(super) fn read(self, world: &World) -> String {
        match self {
            Self::Limit(place) => world.layers.get(place).map_or("", |active| active.text.as_str()).to_owned() + "\n",
            // Both limits are printed in both files, as places in the table, which begins with the highest.
            Self::PpmLimit(_) => {
                let mut lines = String::new();
                for policy in &world.policies {
                    let place = |khz: u64| policy.points.iter().rev().position(|point| point.khz == khz);
                    let shown = |khz: u64| place(khz).map_or("-1".to_owned(), |place| place.to_string());
                    let (min, max) = (shown(policy.vendor_min), shown(policy.vendor_max));
                    // Writing into a String cannot fail.
                    let _ = writeln!(lines, "cluster {}: min_freq_idx = {min}, max_freq_idx = {max}", policy.cluster);
                }
                lines
            }
            Self::PpmTable(cluster) => {
                let points = world
                    .policies
                    .iter()
                    .filter(|policy| policy.cluster == cluster)
                    .flat_map(|policy| policy.points.iter().rev());
                points.map(|point| format!("{} ", point.khz)).collect::<String>() + "\n"
            }
            Self::RailsName => "odpm\n".into(),
            Self::RailsRate => match &world.spec.rails {
                Some(rails) => format!("{:.6}\n", 1000.0 / rails.period_ms as f64),
                None => String::new(),
            },
            Self::RailsEnergy => energies(world),
            Self::RaplName => "package-0\n".into(),
            Self::RaplRange => world.spec.rapl.as_ref().map(|rapl| format!("{}\n", rapl.range_uj)).unwrap_or_default(),
            Self::RaplEnergy => world.spec.rapl.as_ref().map(|rapl| counted(world, rapl)).unwrap_or_default(),
            Self::Own(place) => world.vendor_files.get(place).map_or("", String::as_str).to_owned() + "\n",
        }
    }

    pub(super) fn is_writable(self) -> bool {
        matches!(self, Self::Limit(_) | Self::PpmLimit(_) | Self::Own(_))
    }

    pub(super) fn write(self, world: &mut World, value: &str) -> bool {
        let (cluster, bound, limit) = match self {
            Self::Limit(place) => {
                let Some(active) = world.layers.get_mut(place) else { return false };
                let Layer::Limit { cluster, bound, none, .. } = &active.layer else { return false };
                let limit = if value == none { None } else { Some(value) };
                if limit.is_some_and(|limit| limit.parse::<u64>().is_err()) {
                    return false;
                }
                active.text = value.into();
                (*cluster, *bound, limit)
            }
            Self::PpmLimit(bound) => {
                let Some((cluster, limit)) = value.split_once(' ') else { return false };
                let Ok(cluster) = cluster.parse() else { return false };
                (cluster, bound, Some(limit).filter(|limit| *limit != "-1"))
            }
            Self::Own(place) => {
                let (Some(now), Some(spec)) = (world.vendor_files.get_mut(place), world.spec.files.get(place)) else {
                    return false;
                };
                let said = spec.form.written(now, value);
                return said.map(|said| *now = said).is_some();
            }
            Self::PpmTable(_)
            | Self::RailsName
            | Self::RailsEnergy
            | Self::RailsRate
            | Self::RaplName
            | Self::RaplRange
            | Self::RaplEnergy => {
                return false;
            }
        };
        let Ok(khz) = limit.map(str::parse::<u64>).transpose() else { return false };
        let known = |khz: u64| {
            let mut policies = world.policies.iter().filter(|policy| policy.cluster == cluster);
            policies.any(|policy| policy.points.iter().any(|point| point.khz == khz))
        };
        if matches!(self, Self::PpmLimit(_)) && khz.is_some_and(|khz| !known(khz)) {
            return false;
        }
        let busy = world.threads_running() > 0;
        for policy in world.policies.iter_mut().filter(|policy| policy.cluster == cluster) {
            match bound {
                Bound::Min => policy.vendor_min = khz.unwrap_or(0),
                Bound::Max => policy.vendor_max = khz.unwrap_or(u64::MAX),
            }
            policy.govern(busy);
        }
        true
    }
}

/// What the cores used since the start, in the counter's steps, begun again after its range.
fn counted(world: &World, rapl: &RaplSpec) -> String {
    let used = world.joules.clusters.iter().sum::<f64>() * 1e6;
    format!("{}\n", used as u64 / rapl.step_uj * rapl.step_uj % rapl.range_uj)
}

/// `t=<ms>`, then a line of each channel: `CH0(T=<ms>)[NAME], <µW s>`.
fn energies(world: &World) -> String {
    let Some(rails) = &world.spec.rails else { return String::new() };
    let (at, joules) = (world.rails.0 / 1_000_000, &world.rails.1);
    let mut lines = format!("t={at}\n");
    for (channel, rail) in rails.rails.iter().enumerate() {
        let used = match rail.cluster {
            Some(cluster) => joules.clusters.get(cluster).copied().unwrap_or(0.0),
            None => joules.base,
        };
        // Writing into a String cannot fail.
        let _ = writeln!(lines, "CH{channel}(T={at})[{}], {}", rail.name, (used * 1e6) as u64);
    }
    lines
}
