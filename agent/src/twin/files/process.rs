//! `/proc`: the runners' threads, where CPU time went, load and pressure.

use std::fmt::Write as _;

use crate::sysfs::SysErrorKind;
use crate::twin::world::World;

/// A file of `/proc`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(in crate::twin) enum File {
    Loadavg,
    Stat,
    PressureCpu,
    Uptime,
    BootId,
    Schedstat(u32, usize),
    Status(u32, usize),
    ThreadStat(u32, usize),
}

pub(super) fn list(world: &World, add: &mut impl FnMut(String, File)) {
    for (path, file) in [
        ("proc/loadavg", File::Loadavg),
        ("proc/stat", File::Stat),
        ("proc/pressure/cpu", File::PressureCpu),
        ("proc/uptime", File::Uptime),
        ("proc/sys/kernel/random/boot_id", File::BootId),
    ] {
        add(path.into(), file);
    }
    for (pid, process) in &world.runners {
        add(format!("proc/{pid}/status"), File::Status(*pid, 0));
        for (place, tid) in (0..process.threads.len()).zip(*pid..) {
            let folder = format!("proc/{pid}/task/{tid}");
            add(format!("{folder}/schedstat"), File::Schedstat(*pid, place));
            add(format!("{folder}/status"), File::Status(*pid, place));
            add(format!("{folder}/stat"), File::ThreadStat(*pid, place));
        }
    }
}

/// A tick of `/proc/stat`, ns.
const TICK: f64 = 1e7;

impl File {
    pub(super) fn read(self, world: &World) -> Result<String, SysErrorKind> {
        let process = |pid: u32| world.runners.get(&pid).ok_or(SysErrorKind::NotFound);
        let thread = |pid: u32, place: usize| process(pid)?.threads.get(place).ok_or(SysErrorKind::NotFound);
        let others = world.cpus.values().filter(|cpu| cpu.load > 0.3).count();
        Ok(match self {
            // The agent, which reads this, runs as well.
            Self::Loadavg => {
                let running = 1 + world.threads_running() + others;
                let load = (running - 1) as f64;
                format!("{load:.2} {load:.2} {load:.2} {running}/900 9999\n")
            }
            Self::Stat => stat(world),
            Self::PressureCpu => {
                let on = |cpu: u32| world.cpus.get(&cpu).map_or(0.0, |cpu| cpu.load);
                let threads = world.runners.values().flat_map(|process| &process.threads);
                let waiting =
                    if world.threads_running() == 0 { 0.0 } else { threads.map(|thread| on(thread.cpu)).fold(0.0, f64::max) };
                let share = waiting * 100.0;
                format!("some avg10={share:.2} avg60={share:.2} avg300=0.00 total=0\n")
            }
            Self::Uptime => format!("{:.2} 0.00\n", world.at as f64 / 1e9),
            Self::BootId => format!("{:08x}-0000-4000-8000-000000000000\n", world.boot),
            Self::Schedstat(pid, place) => {
                let thread = thread(pid, place)?;
                format!("{} {} 1\n", thread.ran as u64, thread.waited as u64)
            }
            Self::Status(pid, place) => {
                thread(pid, place)?;
                format!("Name:\tbenchrack-agent\nCpus_allowed_list:\t{}\n", process(pid)?.allowed)
            }
            Self::ThreadStat(pid, place) => {
                let cpu = thread(pid, place)?.cpu;
                // Field 39 is the CPU; those before are of no interest here.
                let fields = ["0"; 35].join(" ");
                format!("{} (benchrack-agent) R {fields} {cpu} 0 0\n", pid as usize + place)
            }
        })
    }
}

fn stat(world: &World) -> String {
    let mut lines = String::new();
    let mut line = |name: &str, busy: f64, idle: f64| {
        // Writing into a String cannot fail.
        let _ = writeln!(lines, "{name} {} 0 0 {} 0 0 0 0 0 0", (busy / TICK) as u64, (idle / TICK) as u64);
    };
    let sum = |part: fn(&crate::twin::world::Cpu) -> f64| world.cpus.values().map(part).sum::<f64>();
    line("cpu ", sum(|cpu| cpu.busy), sum(|cpu| cpu.idle));
    for (number, cpu) in world.cpus.iter().filter(|(_, cpu)| cpu.online) {
        line(&format!("cpu{number}"), cpu.busy, cpu.idle);
    }
    lines
}
