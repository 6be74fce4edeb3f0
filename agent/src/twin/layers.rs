//! Vendor layers: what lies between the agent and the hardware on phones, and fights back.

use benchrack_protocol::cpuset::CpuSet;
use serde::Deserialize;

use super::file::Place;
use super::world::{SECOND, World};

/// One layer of a twin's file.
#[derive(Debug, Clone, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Layer {
    /// A thermal governor: each period above the trip point takes one more operating point from the top of a cluster,
    /// each period below it by the hysteresis gives one back. The cap shows in `scaling_max_freq`, the number of taken
    /// points in the cooling device's `cur_state`.
    ThermalCap {
        /// Cluster by place in the file.
        cluster: usize,
        /// Type of the cooling device.
        cooling: String,
        /// What is watched.
        at: Place,
        /// Trip point.
        trip_c: f64,
        /// How far below it must cool.
        hysteresis_c: f64,
        /// Between two decisions.
        period_s: f64,
        /// Most points taken.
        states: usize,
    },
    /// MediaTek's PPM: writes to `scaling_min_freq` and `scaling_max_freq` are taken and ignored; the files below
    /// `/proc/ppm/policy` rule.
    Ppm,
    /// A hotplug daemon as mpdecision: cores that idle are unplugged, and plugged again under load.
    Hotplug {
        /// Its service, as `init.svc.<name>` and `stop <name>` know it.
        service: String,
        /// CPUs that it unplugs.
        parks: CpuSet,
        /// Idle time before it does.
        idle_s: f64,
    },
    /// Limits that take so long to come into force.
    Settle {
        /// Delay of a write.
        after_ms: u64,
    },
    /// A power HAL that sets a cluster's limits again and again.
    Reassert {
        /// Cluster by place in the file.
        cluster: usize,
        /// Between two writes.
        every_s: f64,
        /// Its `scaling_min_freq`; none leaves it.
        #[serde(default)]
        min_khz: Option<u64>,
        /// Its `scaling_max_freq`; none leaves it.
        #[serde(default)]
        max_khz: Option<u64>,
    },
    /// A vendor's own limit in a file of its own, in kHz.
    Limit {
        /// The file.
        path: String,
        /// Cluster by place in the file.
        cluster: usize,
        /// Which limit.
        bound: Bound,
        /// What stands for no limit.
        none: String,
    },
}

/// Which end of the range.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Bound {
    /// The lowest frequency.
    Min,
    /// The highest frequency.
    Max,
}

impl Layer {
    /// The cluster it names.
    pub(super) fn cluster(&self) -> Option<usize> {
        match self {
            Self::ThermalCap { cluster, .. } | Self::Reassert { cluster, .. } | Self::Limit { cluster, .. } => Some(*cluster),
            Self::Ppm | Self::Hotplug { .. } | Self::Settle { .. } => None,
        }
    }
}

/// A layer at work.
#[derive(Debug, Clone)]
pub(super) struct Active {
    pub(super) layer: Layer,
    /// Its cooling device's state.
    pub(super) taken: usize,
    /// When it acts next.
    next: u64,
    /// Whether its service runs.
    pub(super) running: bool,
    /// What its file says.
    pub(super) text: String,
}

impl Active {
    pub(super) fn of(layer: Layer, now: u64) -> Self {
        let text = if let Layer::Limit { none, .. } = &layer { none.clone() } else { String::new() };
        Self { layer, taken: 0, next: now, running: true, text }
    }
}

/// Lets every layer act that is due.
pub(super) fn act(world: &mut World) {
    let mut layers = std::mem::take(&mut world.layers);
    for active in &mut layers {
        if active.next <= world.at {
            one(world, active);
        }
    }
    world.layers = layers;
}

fn one(world: &mut World, active: &mut Active) {
    match &active.layer {
        Layer::ThermalCap { cluster, at, trip_c, hysteresis_c, period_s, states, .. } => {
            active.next = world.at + seconds(*period_s);
            let now = world.heat.at(*at);
            if now >= *trip_c {
                active.taken = (active.taken + 1).min(*states);
            } else if now < trip_c - hysteresis_c {
                active.taken = active.taken.saturating_sub(1);
            }
            for policy in world.policies.iter_mut().filter(|policy| policy.cluster == *cluster) {
                let left = policy.points.len().saturating_sub(active.taken + 1);
                policy.thermal_max = if active.taken == 0 { u64::MAX } else { policy.points[left].khz };
            }
        }
        Layer::Hotplug { parks, idle_s, .. } => {
            active.next = world.at + SECOND / 10;
            if active.running {
                hotplug(world, parks, seconds(*idle_s));
            }
        }
        Layer::Reassert { cluster, every_s, min_khz, max_khz } => {
            active.next = world.at + seconds(*every_s);
            for policy in world.policies.iter_mut().filter(|policy| policy.cluster == *cluster) {
                policy.user_min = min_khz.unwrap_or(policy.user_min);
                policy.user_max = max_khz.unwrap_or(policy.user_max);
            }
        }
        Layer::Ppm | Layer::Settle { .. } | Layer::Limit { .. } => active.next = u64::MAX,
    }
}

/// One core comes for each that is busy beyond what is online idle; cores that have idled long enough go.
fn hotplug(world: &mut World, parks: &CpuSet, idle: u64) {
    let wanted = world.threads_running();
    let online = world.cpus.values().filter(|cpu| cpu.online).count();
    if wanted >= online {
        if let Some(cpu) = parks.iter().find(|cpu| world.cpus.get(cpu).is_some_and(|cpu| !cpu.online)) {
            world.plug(cpu, true);
        }
        return;
    }
    let rested = |cpu: &u32| world.cpus.get(cpu).is_some_and(|cpu| cpu.online && world.at.saturating_sub(cpu.busy_at) >= idle);
    let resting: Vec<u32> = parks.iter().filter(rested).collect();
    for cpu in resting {
        world.plug(cpu, false);
    }
}

pub(super) fn seconds(time: f64) -> u64 {
    (time.max(0.0) * SECOND as f64) as u64
}
