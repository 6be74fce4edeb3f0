//! The runners' processes: where their threads are, what they get of the CPUs, and how fast they are there.

use std::collections::BTreeMap;

use benchrack_protocol::cpuset::CpuSet;

use super::world::{Cpu, World};

/// Process ids begin here.
pub(super) const FIRST_PID: u32 = 4001;
/// Share of an inference that no engine spreads over threads.
const SERIAL: f64 = 0.03;

/// A thread of a runner.
#[derive(Debug, Clone, Default)]
pub(super) struct Thread {
    pub(super) cpu: u32,
    /// On the CPU and waiting for it, ns.
    pub(super) ran: f64,
    pub(super) waited: f64,
}

/// A runner's process.
#[derive(Debug, Clone)]
pub(super) struct Process {
    /// Where it was told to run.
    pub(super) asked: CpuSet,
    /// Where it may: all CPUs once none of the asked ones is online, as the kernel does.
    pub(super) allowed: CpuSet,
    pub(super) threads: Vec<Thread>,
    /// How many of them work, from when and until when.
    pub(super) working: usize,
    pub(super) from: u64,
    pub(super) until: u64,
}

impl Process {
    pub(super) fn works_at(&self, now: u64) -> bool {
        (self.from..self.until).contains(&now)
    }

    /// Threads that work.
    pub(super) fn busy_threads(&self) -> impl Iterator<Item = &Thread> {
        self.threads.iter().take(self.working)
    }

    fn working_threads(&mut self) -> impl Iterator<Item = &mut Thread> {
        self.threads.iter_mut().take(self.working)
    }
}

impl World {
    /// Gives the working threads their CPUs for a time, ns, and returns the share of each CPU that they got.
    pub(super) fn run(&mut self, passed: f64) -> BTreeMap<u32, f64> {
        let now = self.at;
        let mut contenders: BTreeMap<u32, u32> = BTreeMap::new();
        for process in self.runners.values_mut().filter(|process| process.works_at(now)) {
            for thread in process.working_threads() {
                *contenders.entry(thread.cpu).or_default() += 1;
            }
        }
        let free = |cpu: u32| self.cpus.get(&cpu).map_or(1.0, |cpu| 1.0 - cpu.load);
        for process in self.runners.values_mut().filter(|process| process.works_at(now)) {
            for thread in process.working_threads() {
                let share = free(thread.cpu) / f64::from(contenders.get(&thread.cpu).copied().unwrap_or(1));
                thread.ran += share * passed;
                thread.waited += (1.0 - share) * passed;
            }
        }
        contenders.into_keys().map(|cpu| (cpu, free(cpu))).collect()
    }

    /// Threads that work now.
    pub(super) fn threads_running(&self) -> usize {
        self.runners
            .values()
            .filter(|process| process.works_at(self.at))
            .map(|process| process.working.min(process.threads.len()))
            .sum()
    }

    /// A new process on these CPUs; none when none of them is online, as `sched_setaffinity` refuses.
    pub(super) fn spawn(&mut self, cpus: &CpuSet) -> Option<u32> {
        if !cpus.iter().any(|cpu| self.cpus.get(&cpu).is_some_and(|cpu| cpu.online)) {
            return None;
        }
        let pid = self.next_pid;
        self.next_pid += 100;
        let (from, until) = (self.at, self.at);
        let threads = vec![Thread::default()];
        self.runners.insert(pid, Process { asked: cpus.clone(), allowed: cpus.clone(), threads, working: 1, from, until });
        self.place(pid);
        self.changed();
        Some(pid)
    }

    /// Gives a process this many threads.
    pub(super) fn set_threads(&mut self, pid: u32, threads: usize) {
        if let Some(process) = self.runners.get_mut(&pid) {
            process.threads.resize(threads.max(1), Thread::default());
        }
        self.place(pid);
        self.changed();
    }

    /// Lets so many threads of a process work for the time between two moments. What the world has passed already stays
    /// as it was: timers wake up to a millisecond late, so the work is put behind what went before, and none is lost.
    pub(super) fn work(&mut self, pid: u32, threads: usize, from: u64, until: u64) {
        let now = self.at;
        if let Some(process) = self.runners.get_mut(&pid) {
            process.working = threads;
            let begin = from.max(now).max(process.until);
            if begin != process.until {
                process.from = begin;
            }
            process.until = begin + until.saturating_sub(from);
        }
    }

    /// Puts the threads on the fastest CPUs that they may use, one each while there are enough.
    pub(super) fn place(&mut self, pid: u32) {
        let online = self.online();
        let speed = |cpu: &u32| self.cpus.get(cpu).map_or(0, |cpu| (self.full_speed(cpu) / 1e3) as u64);
        let Some(process) = self.runners.get(&pid) else { return };
        let asked: CpuSet = process.asked.iter().filter(|&cpu| online.contains(cpu)).collect();
        let (allowed, usable) =
            if asked.is_empty() { (self.cpus.keys().copied().collect(), online) } else { (process.asked.clone(), asked) };
        let mut usable: Vec<u32> = usable.iter().collect();
        usable.sort_by_key(|cpu| std::cmp::Reverse(speed(cpu)));
        if let Some(process) = self.runners.get_mut(&pid) {
            process.allowed = allowed;
            for (thread, cpu) in process.threads.iter_mut().zip(usable.iter().cycle()) {
                thread.cpu = *cpu;
            }
            let now = process.threads.iter().map(|thread| thread.cpu);
            let ever = self.placements.entry(pid).or_default();
            *ever = ever.iter().chain(now).collect();
        }
    }

    /// fp32 multiply-adds in a second at the highest operating point.
    fn full_speed(&self, cpu: &Cpu) -> f64 {
        let policy = &self.policies[cpu.policy];
        policy.highest() as f64 * 1000.0 * self.spec.clusters[policy.cluster].macs_per_cycle
    }

    /// Cycles that a process' first thread gets in a second now.
    pub(super) fn cycles(&self, pid: u32) -> Option<f64> {
        let thread = self.runners.get(&pid)?.threads.first()?;
        let cpu = self.cpus.get(&thread.cpu)?;
        Some(self.policies[cpu.policy].present().khz as f64 * 1000.0 * (1.0 - cpu.load))
    }

    /// Seconds of one inference at the present clocks, without noise: a serial part on the fastest thread, the rest in
    /// equal parts on all, for which the slowest is waited, and the weights through memory.
    pub(super) fn inference(&self, pid: u32, macs: f64, weights: f64, int8: bool) -> Option<f64> {
        let process = self.runners.get(&pid)?;
        let contenders = |cpu: u32| process.threads.iter().filter(|thread| thread.cpu == cpu).count().max(1) as f64;
        let speeds = process.threads.iter().filter_map(|thread| {
            let cpu = self.cpus.get(&thread.cpu)?;
            let policy = &self.policies[cpu.policy];
            let cluster = &self.spec.clusters[policy.cluster];
            let per_cycle = if int8 { cluster.int8_macs_per_cycle } else { cluster.macs_per_cycle };
            Some(policy.present().khz as f64 * 1000.0 * per_cycle * (1.0 - cpu.load) / contenders(thread.cpu))
        });
        let (mut fastest, mut slowest, mut count) = (0.0f64, f64::MAX, 0.0);
        for speed in speeds {
            (fastest, slowest, count) = (fastest.max(speed), slowest.min(speed), count + 1.0);
        }
        let compute = macs * (SERIAL / fastest + (1.0 - SERIAL) / (count * slowest));
        Some(compute + weights / (self.spec.memory_gb_s * 1e9))
    }
}
