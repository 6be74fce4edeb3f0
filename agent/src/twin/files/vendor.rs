//! Files of vendors' own: limits beside cpufreq, MediaTek's PPM, and the power rails of Pixel phones.

use std::fmt::Write as _;

use crate::twin::layers::{Bound, Layer};
use crate::twin::world::World;

/// Such a file.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(in crate::twin) enum File {
    /// By place of its layer.
    Limit(usize),
    PpmLimit(Bound),
    RailsName,
    RailsEnergy,
    RailsRate,
}

pub(super) fn list(world: &World, add: &mut impl FnMut(String, File)) {
    for (place, active) in world.layers.iter().enumerate() {
        match &active.layer {
            Layer::Limit { path, .. } => add(path.clone(), File::Limit(place)),
            Layer::Ppm => {
                add("proc/ppm/policy/hard_userlimit_min_cpu_freq".into(), File::PpmLimit(Bound::Min));
                add("proc/ppm/policy/hard_userlimit_max_cpu_freq".into(), File::PpmLimit(Bound::Max));
            }
            _ => {}
        }
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
            Self::PpmLimit(bound) => {
                let mut lines = String::new();
                for policy in &world.policies {
                    let limit = match bound {
                        Bound::Min if policy.vendor_min == 0 => "-1".into(),
                        Bound::Max if policy.vendor_max == u64::MAX => "-1".into(),
                        Bound::Min => policy.vendor_min.to_string(),
                        Bound::Max => policy.vendor_max.to_string(),
                    };
                    // Writing into a String cannot fail.
                    let _ = writeln!(lines, "cluster {}: {limit}", policy.cluster);
                }
                lines
            }
            Self::RailsName => "odpm\n".into(),
            Self::RailsRate => match &world.spec.rails {
                Some(rails) => format!("{:.6}\n", 1000.0 / rails.period_ms as f64),
                None => String::new(),
            },
            Self::RailsEnergy => energies(world),
        }
    }

    pub(super) fn is_writable(self) -> bool {
        matches!(self, Self::Limit(_) | Self::PpmLimit(_))
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
            Self::RailsName | Self::RailsEnergy | Self::RailsRate => return false,
        };
        let Ok(khz) = limit.map(str::parse::<u64>).transpose() else { return false };
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
