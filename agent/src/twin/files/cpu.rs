//! `/sys/devices/system/cpu`: which CPUs there are, what they are, and their clocks.

use std::fmt::Write as _;

use benchrack_protocol::cpuset::CpuSet;

use crate::probe::cpufreq::CPU;
use crate::sysfs::SysErrorKind;
use crate::twin::layers::Bound;
use crate::twin::policy::Policy;
use crate::twin::world::World;

/// A file of the CPUs.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::twin) enum File {
    Present,
    Online,
    Offline,
    KernelMax,
    CpuOnline(u32),
    Capacity(u32),
    Midr(u32),
    Policy(usize, Clock),
}

/// A file of a policy.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(in crate::twin) enum Clock {
    Affected,
    Related,
    HardwareMin,
    HardwareMax,
    Available,
    Governors,
    Governor,
    Current,
    Limit(Bound),
    TimeInState,
    Transitions,
}

const CLOCKS: [(&str, Clock); 12] = [
    ("affected_cpus", Clock::Affected),
    ("related_cpus", Clock::Related),
    ("cpuinfo_min_freq", Clock::HardwareMin),
    ("cpuinfo_max_freq", Clock::HardwareMax),
    ("scaling_available_frequencies", Clock::Available),
    ("scaling_available_governors", Clock::Governors),
    ("scaling_governor", Clock::Governor),
    ("scaling_cur_freq", Clock::Current),
    ("scaling_min_freq", Clock::Limit(Bound::Min)),
    ("scaling_max_freq", Clock::Limit(Bound::Max)),
    ("stats/time_in_state", Clock::TimeInState),
    ("stats/total_trans", Clock::Transitions),
];

pub(super) fn list(world: &World, add: &mut impl FnMut(String, File)) {
    for (name, file) in [
        ("possible", File::Present),
        ("present", File::Present),
        ("online", File::Online),
        ("offline", File::Offline),
        ("kernel_max", File::KernelMax),
    ] {
        add(format!("{CPU}/{name}"), file);
    }
    for (&number, cpu) in &world.cpus {
        let folder = format!("{CPU}/cpu{number}");
        // The first CPU can mostly not be unplugged.
        if number > 0 {
            add(format!("{folder}/online"), File::CpuOnline(number));
        }
        if !world.folders_go() {
            add(format!("{folder}/regs/identification/midr_el1"), File::Midr(number));
        }
        if world.policies.get(cpu.policy).and_then(|policy| world.spec.clusters.get(policy.cluster)?.capacity).is_some() {
            add(format!("{folder}/cpu_capacity"), File::Capacity(number));
        }
        if cpu.online {
            clocks(world, &format!("{folder}/cpufreq"), cpu.policy, add);
        }
    }
    if !world.folders_go() {
        for (number, policy) in world.policies.iter().enumerate() {
            let first = policy.cpus.iter().next().unwrap_or(0);
            clocks(world, &format!("{CPU}/cpufreq/policy{first}"), number, add);
        }
    }
}

fn clocks(world: &World, folder: &str, policy: usize, add: &mut impl FnMut(String, File)) {
    let listed = world
        .policies
        .get(policy)
        .and_then(|policy| world.spec.clusters.get(policy.cluster))
        .is_some_and(|cluster| cluster.listed);
    for (name, clock) in CLOCKS {
        if listed || clock != Clock::Available {
            add(format!("{folder}/{name}"), File::Policy(policy, clock));
        }
    }
}

impl File {
    pub(super) fn read(&self, world: &World) -> Result<String, SysErrorKind> {
        let cluster = |cpu: &u32| {
            let policy = world.policies.get(world.cpus.get(cpu)?.policy)?;
            world.spec.clusters.get(policy.cluster)
        };
        let text = match self {
            Self::Present => world.cpus.keys().copied().collect::<CpuSet>().to_string(),
            Self::Online => world.online().to_string(),
            Self::Offline => {
                world.cpus.iter().filter(|(_, cpu)| !cpu.online).map(|(cpu, _)| *cpu).collect::<CpuSet>().to_string()
            }
            Self::KernelMax => world.cpus.keys().max().copied().unwrap_or(0).to_string(),
            Self::CpuOnline(number) => u8::from(world.cpus.get(number).is_some_and(|cpu| cpu.online)).to_string(),
            Self::Capacity(number) => cluster(number).and_then(|cluster| cluster.capacity).unwrap_or(0).to_string(),
            Self::Midr(number) => format!("0x{:016x}", cluster(number).map_or(0, |cluster| cluster.midr)),
            Self::Policy(number, clock) => match world.policies.get(*number) {
                Some(policy) => return clock.read(world, policy),
                None => return Err(SysErrorKind::NotFound),
            },
        };
        Ok(text + "\n")
    }

    pub(super) fn is_writable(&self) -> bool {
        matches!(self, Self::CpuOnline(_) | Self::Policy(_, Clock::Limit(_) | Clock::Governor))
    }

    pub(super) fn write(&self, world: &mut World, value: &str) -> bool {
        match self {
            Self::CpuOnline(number) => match value {
                "0" | "1" => {
                    world.plug(*number, value == "1");
                    true
                }
                _ => false,
            },
            Self::Policy(number, Clock::Limit(bound)) => value.parse().is_ok_and(|khz| world.limit(*number, *bound, khz)),
            Self::Policy(number, Clock::Governor) => {
                let Some(policy) = world.policies.get_mut(*number) else { return false };
                let known = world.spec.clusters.get(policy.cluster).is_some_and(|cluster| {
                    cluster.governor == value || cluster.governors.iter().any(|governor| governor == value)
                });
                if known {
                    policy.governor = value.into();
                }
                known
            }
            _ => false,
        }
    }
}

impl Clock {
    fn read(self, world: &World, policy: &Policy) -> Result<String, SysErrorKind> {
        let spaced = |cpus: &mut dyn Iterator<Item = u32>| cpus.map(|cpu| cpu.to_string()).collect::<Vec<_>>().join(" ");
        let online = |cpu: &u32| world.cpus.get(cpu).is_some_and(|cpu| cpu.online);
        let text = match self {
            Self::Affected => spaced(&mut policy.cpus.iter().filter(online)),
            Self::Related => spaced(&mut policy.cpus.iter()),
            Self::HardwareMin => policy.lowest().to_string(),
            Self::HardwareMax => policy.highest().to_string(),
            Self::Available => policy.points.iter().map(|point| point.khz.to_string()).collect::<Vec<_>>().join(" ") + " ",
            Self::Governors => match world.spec.clusters.get(policy.cluster) {
                Some(cluster) if !cluster.governors.is_empty() => cluster.governors.join(" "),
                _ => policy.governor.clone(),
            },
            Self::Governor => policy.governor.clone(),
            // A policy without an online CPU is inactive, and answers EBUSY.
            Self::Current if !policy.cpus.iter().any(|cpu| online(&cpu)) => return Err(SysErrorKind::Unavailable),
            Self::Current => policy.present().khz.to_string(),
            Self::Limit(Bound::Min) => policy.limits().0.to_string(),
            Self::Limit(Bound::Max) => policy.limits().1.to_string(),
            Self::TimeInState => {
                let mut lines = String::new();
                for (point, time) in policy.points.iter().zip(&policy.times) {
                    // Writing into a String cannot fail. A tick is 10 ms.
                    let _ = writeln!(lines, "{} {}", point.khz, time / 10_000_000);
                }
                return Ok(lines);
            }
            Self::Transitions => policy.transitions.to_string(),
        };
        Ok(text + "\n")
    }
}
