//! What happens to a twin at which time: faults, people, weather.

use std::collections::BTreeMap;

use benchrack_protocol::cpuset::CpuSet;
use serde::Deserialize;

use super::android;
use super::layers::seconds;
use super::world::World;
use crate::sysfs::SysErrorKind;

/// One entry of the script.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scripted {
    /// When, in seconds since the twin was switched on.
    pub at_s: f64,
    /// Until when; for ever without it. Reboots and plugs have no end.
    #[serde(default)]
    pub until_s: Option<f64>,
    /// What.
    #[serde(rename = "do")]
    pub deed: Deed,
}

/// What happens.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Deed {
    /// A file says this, whatever the physics says.
    Read {
        /// Path.
        file: String,
        /// Its content.
        text: String,
    },
    /// Somebody else writes a file, or turns a service (`service NAME`) or a setting (`setting NAMESPACE KEY`).
    Write {
        /// Path, service or setting.
        file: String,
        /// What is written; `running` or `stopped` for a service.
        text: String,
    },
    /// A file or command refuses.
    Refuse {
        /// Path, or the command's line.
        file: String,
        /// How.
        error: Refusal,
    },
    /// Writes to a file, a service or a setting are taken and do nothing.
    Ignore {
        /// Path, or as in [`Deed::Write`].
        file: String,
    },
    /// Somebody caps a cluster.
    Cap {
        /// Cluster by place in the file.
        cluster: usize,
        /// Highest frequency.
        khz: u64,
    },
    /// Somebody sets a cluster's limits, as through cpufreq.
    Limits {
        /// Cluster by place in the file.
        cluster: usize,
        /// `scaling_min_freq`.
        min_khz: u64,
        /// `scaling_max_freq`.
        max_khz: u64,
    },
    /// CPUs are unplugged.
    Offline(CpuSet),
    /// The air's temperature, °C.
    Ambient(f64),
    /// The die's temperature jumps to this, °C.
    Die(f64),
    /// Others take this share of each of these CPUs.
    Load {
        /// CPUs.
        cpus: CpuSet,
        /// 0 to 0.95.
        share: f64,
    },
    /// Runners are killed.
    Kill,
    /// The charger is plugged in.
    Plug,
    /// The charger is pulled.
    Unplug,
    /// The phone starts anew: knobs as built, other zone numbers, all processes gone.
    Reboot,
}

/// How a file refuses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Refusal {
    /// EACCES.
    Denied,
    /// ENOENT.
    Absent,
    /// EINVAL, EAGAIN.
    Unavailable,
    /// EIO.
    Io,
}

impl Refusal {
    pub(super) fn kind(self) -> SysErrorKind {
        match self {
            Self::Denied => SysErrorKind::Denied,
            Self::Absent => SysErrorKind::NotFound,
            Self::Unavailable => SysErrorKind::Unavailable,
            Self::Io => SysErrorKind::Io,
        }
    }
}

impl Scripted {
    /// The cluster it names.
    pub(super) fn cluster(&self) -> Option<usize> {
        match self.deed {
            Deed::Cap { cluster, .. } | Deed::Limits { cluster, .. } => Some(cluster),
            _ => None,
        }
    }
}

/// What the script makes of a file at this time.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Forced {
    Text(String),
    Refusal(SysErrorKind),
    WritesIgnored,
}

/// The script at work.
#[derive(Debug, Default)]
pub(super) struct Script {
    /// Time, deed, and whether it begins or ends; the next one last.
    left: Vec<(u64, Deed, bool)>,
    forced: BTreeMap<String, Forced>,
}

impl Script {
    pub(super) fn of(entries: &[Scripted]) -> Self {
        let mut left = Vec::new();
        for entry in entries {
            left.push((seconds(entry.at_s), entry.deed.clone(), true));
            left.extend(entry.until_s.map(|until| (seconds(until), entry.deed.clone(), false)));
        }
        // The order of the file holds among those of one time.
        left.sort_by_key(|(at, ..)| *at);
        left.reverse();
        Self { left, forced: BTreeMap::new() }
    }

    /// Adds an entry to a twin that runs.
    pub(super) fn add(&mut self, now: u64, deed: Deed) {
        self.left.push((now, deed, true));
    }

    /// When something happens next.
    pub(super) fn next(&self) -> u64 {
        self.left.last().map_or(u64::MAX, |(at, ..)| *at)
    }

    pub(super) fn forced(&self, file: &str) -> Option<&Forced> {
        self.forced.get(file)
    }
}

/// Does everything that is due.
pub(super) fn act(world: &mut World) {
    while world.script.next() <= world.at {
        let Some((_, deed, begins)) = world.script.left.pop() else { return };
        tracing::debug!(?deed, begins, at_s = world.at / super::world::SECOND, "the twin's script");
        apply(world, deed, begins);
    }
}

fn apply(world: &mut World, deed: Deed, begins: bool) {
    let force = |world: &mut World, file: String, forced: Forced| {
        let kept = &mut world.script.forced;
        drop(if begins { kept.insert(file, forced) } else { kept.remove(&file) });
    };
    match deed {
        Deed::Read { file, text } => force(world, file, Forced::Text(format!("{text}\n"))),
        Deed::Refuse { file, error } => force(world, file, Forced::Refusal(error.kind())),
        Deed::Write { file, text } if begins && !android::turn(world, &file, &text) => {
            match world.index().get(&file).cloned() {
                // A value that the kernel refuses changes nothing, as for everybody.
                Some(node) => {
                    let _ = node.write(world, &text);
                }
                None => world.captured_writes.push((file, text)),
            }
        }
        Deed::Ignore { file } => force(world, file, Forced::WritesIgnored),
        Deed::Cap { cluster, khz } => {
            for policy in world.policies.iter_mut().filter(|policy| policy.cluster == cluster) {
                policy.scripted_max = if begins { khz } else { u64::MAX };
            }
        }
        Deed::Limits { cluster, min_khz, max_khz } if begins => {
            for policy in world.policies.iter_mut().filter(|policy| policy.cluster == cluster) {
                (policy.user_min, policy.user_max) = (min_khz, max_khz);
            }
        }
        Deed::Offline(cpus) => cpus.iter().for_each(|cpu| world.plug(cpu, !begins)),
        Deed::Ambient(degrees) if begins => world.heat.ambient = degrees,
        Deed::Die(degrees) if begins => world.heat.die = degrees,
        Deed::Load { cpus, share } => {
            for (_, cpu) in world.cpus.iter_mut().filter(|(number, _)| cpus.contains(**number)) {
                cpu.load = if begins { share.clamp(0.0, 0.95) } else { 0.0 };
            }
        }
        Deed::Kill if begins => world.runners.clear(),
        Deed::Plug if begins => world.set_plugged(true),
        Deed::Unplug if begins => world.set_plugged(false),
        Deed::Reboot if begins => world.reboot(),
        Deed::Write { .. }
        | Deed::Limits { .. }
        | Deed::Ambient(_)
        | Deed::Die(_)
        | Deed::Kill
        | Deed::Plug
        | Deed::Unplug
        | Deed::Reboot => {}
    }
    world.changed();
}
