//! The state of a twin and its passing: one place where power, heat, clocks, battery and processes meet.
//!
//! Time is advanced when somebody looks, in steps of at most [`STEP`] under load, that end at everything that happens at
//! a known time. Within a step all powers are constant, so that energies are exact for the model.

use std::collections::BTreeMap;

use benchrack_protocol::cpuset::CpuSet;

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

use super::android::Android;
use super::battery::{Battery, Charger, normal};
use super::file::{ClusterSpec, CpufreqFolders, Spec};
use super::files::Index;
use super::heat::Heat;
use super::layers::{self, Active, Bound, Layer};
use super::ledger::{Entry, Joules, Ledger};
use super::policy::Policy;
use super::process::{FIRST_PID, Process};
use super::script::{self, Script};

/// Nanoseconds of a second.
pub(super) const SECOND: u64 = 1_000_000_000;
/// Longest step while a CPU is busy: a governor's and a scheduler's tick.
pub(super) const STEP: u64 = SECOND / 100;
/// Longest step of an idle phone.
const IDLE_STEP: u64 = SECOND / 10;

/// A CPU at one moment.
#[derive(Debug, Clone)]
pub(super) struct Cpu {
    pub(super) policy: usize,
    pub(super) online: bool,
    /// Share that others take.
    pub(super) load: f64,
    /// When a runner last ran here, or it was plugged in.
    pub(super) busy_at: u64,
    /// Time with something to do and without, ns; an unplugged CPU counts neither.
    pub(super) busy: f64,
    pub(super) idle: f64,
}

/// A twin at one moment.
#[derive(Debug)]
pub(super) struct World {
    pub(super) spec: Spec,
    /// Time since it was switched on, ns.
    pub(super) at: u64,
    pub(super) policies: Vec<Policy>,
    pub(super) cpus: BTreeMap<u32, Cpu>,
    pub(super) runners: BTreeMap<u32, Process>,
    pub(super) heat: Heat,
    /// The same phone if no runner had ever worked on it.
    at_rest: Heat,
    /// What others draw beside the base at present, W, and until when.
    others: (f64, u64),
    rng: ChaCha8Rng,
    pub(super) battery: Option<Battery>,
    pub(super) charger: Option<Charger>,
    pub(super) layers: Vec<Active>,
    pub(super) script: Script,
    pub(super) android: Android,
    /// Writes of others to files that the physics does not drive; the next look carries them out.
    pub(super) captured_writes: Vec<(String, String)>,
    /// What vendors' files say, in the order of the twin's file.
    pub(super) vendor_files: Vec<String>,
    /// Where each runner's threads have been.
    pub(super) placements: BTreeMap<u32, CpuSet>,
    pub(super) joules: Joules,
    pub(super) ledger: Ledger,
    /// What the metered rails last latched, and when.
    pub(super) rails: (u64, Joules),
    /// Starts of the phone.
    pub(super) boot: u64,
    pub(super) next_pid: u32,
    next_tick: u64,
    index: Option<Index>,
}

impl World {
    pub(super) fn of(spec: Spec) -> Self {
        let (policies, cpus) = clocks(&spec, 0);
        let mut world = Self {
            at: 0,
            policies,
            cpus,
            runners: BTreeMap::new(),
            heat: Heat::of(spec.heat),
            at_rest: Heat::of(spec.heat),
            others: (0.0, 0),
            rng: ChaCha8Rng::seed_from_u64(spec.seed ^ 0x6f74_6865_7273),
            battery: spec.battery.clone().map(|battery| Battery::of(battery, spec.seed)),
            charger: spec.charger.clone().map(Charger::of),
            layers: spec.layers.iter().map(|layer| Active::of(layer.clone(), 0)).collect(),
            script: Script::of(&spec.script),
            android: Android::of(&spec.android),
            captured_writes: Vec::new(),
            vendor_files: spec.files.iter().map(|file| file.says.clone()).collect(),
            placements: BTreeMap::new(),
            joules: Joules::none(spec.clusters.len()),
            ledger: Ledger::default(),
            rails: (0, Joules::none(spec.clusters.len())),
            boot: 1,
            next_pid: FIRST_PID,
            next_tick: 0,
            index: None,
            spec,
        };
        script::act(&mut world);
        world.record();
        // A gauge that has just woken shows what the phone draws, not nothing.
        world.step(1);
        world
    }

    /// Lets time pass until this moment.
    pub(super) fn advance(&mut self, to: u64) {
        while self.at < to {
            let longest = self.longest_step(None);
            let edges = self.runners.values().flat_map(|process| [process.from, process.until]).filter(|&edge| edge > self.at);
            let end = edges.chain([to, self.at + longest, self.script.next().max(self.at + 1), self.next_update()]).min();
            self.step(end.unwrap_or(to));
            script::act(self);
            layers::act(self);
        }
    }

    /// A governor's tick while any clock is about to move, else so long as temperatures can wait; with this process at work,
    /// beside those that are.
    pub(super) fn longest_step(&self, working: Option<u32>) -> u64 {
        let mut works: Vec<bool> = self.policies.iter().map(|_| false).collect();
        let at_work = self.runners.iter().filter(|(pid, process)| Some(**pid) == working || process.works_at(self.at));
        let threads = at_work.flat_map(|(_, process)| process.busy_threads()).map(|thread| thread.cpu);
        let cpus = threads.chain(self.cpus.iter().filter(|(_, cpu)| cpu.load > 0.3).map(|(cpu, _)| *cpu));
        for cpu in cpus {
            if let Some(busy) = self.cpus.get(&cpu).and_then(|cpu| works.get_mut(cpu.policy)) {
                *busy = true;
            }
        }
        let still = self.policies.iter().zip(works).all(|(policy, busy)| policy.rests(busy));
        if still { IDLE_STEP } else { STEP }
    }

    /// When the gauge or the rails latch next.
    fn next_update(&self) -> u64 {
        let next = |period_ms: u64| (self.at / (period_ms * 1_000_000) + 1) * period_ms * 1_000_000;
        let gauge = self.spec.battery.as_ref().map_or(u64::MAX, |battery| battery.gauge.next_update(self.at));
        gauge.min(self.spec.rails.as_ref().map_or(u64::MAX, |rails| next(rails.period_ms)))
    }

    /// One step in which nothing changes.
    fn step(&mut self, end: u64) {
        let passed = (end - self.at) as f64;
        let seconds = passed / SECOND as f64;
        let runners = self.run(passed);
        let (leakage, leakage_at_rest) = (self.heat.leakage(), self.at_rest.leakage());
        let mut leakage_at_rest_w = 0.0;
        let (mut loads, mut chip, mut runner_w, mut leakage_w) = (0.0, 0.0, 0.0, 0.0);
        for (number, cpu) in &mut self.cpus {
            if !cpu.online {
                continue;
            }
            let policy = &self.policies[cpu.policy];
            let work = runners.get(number).copied().unwrap_or(0.0);
            let busy = (work + cpu.load).min(1.0);
            let active = policy.present().mw / 1000.0;
            let leaks = self.spec.clusters[policy.cluster].leakage_mw / 1000.0 * leakage;
            runner_w += work * active;
            loads += (busy - work).max(0.0) * active;
            leakage_w += leaks;
            leakage_at_rest_w += self.spec.clusters[policy.cluster].leakage_mw / 1000.0 * leakage_at_rest;
            chip += busy * active + leaks;
            self.joules.clusters[policy.cluster] += (busy * active + leaks) * seconds;
            cpu.busy += busy * passed;
            cpu.idle += (1.0 - busy) * passed;
            if work > 0.0 {
                cpu.busy_at = end;
            }
        }
        let base = self.base();
        self.joules.total += (chip + base) * seconds;
        self.joules.runners += runner_w * seconds;
        self.joules.leakage += leakage_w * seconds;
        self.joules.warmth += (leakage_w - leakage_at_rest_w) * seconds;
        self.joules.base += base * seconds;
        let mut warmth = base;
        if let Some(battery) = &mut self.battery {
            let full = battery.level() >= 100.0;
            let drawn = self.charger.as_ref().map_or(chip + base, |charger| charger.drawn_for(chip + base, full));
            warmth += battery.draw(seconds, drawn);
        }
        self.heat.flow(seconds, chip, warmth);
        self.at_rest.flow(seconds, loads + leakage_at_rest_w, base);
        for policy in &mut self.policies {
            policy.times[policy.index] += end - self.at;
        }
        self.at = end;
        self.tick(&runners);
        self.record();
    }

    /// What the rest of the phone draws in the step that begins now, W.
    fn base(&mut self) -> f64 {
        let base = self.spec.base_mw / 1000.0;
        if self.spec.base_noise > 0.0 && self.at >= self.others.1 {
            let others = base * self.spec.base_noise * normal(&mut self.rng);
            self.others = (others.max(-base), (self.at / SECOND + 1) * SECOND);
        }
        base + self.others.0
    }

    fn record(&mut self) {
        self.ledger.push(Entry {
            at: self.at,
            joules: self.joules.clone(),
            khz: self.policies.iter().map(|policy| policy.present().khz).collect(),
            die: self.heat.die,
            body: self.heat.body,
            current: self.battery.as_ref().map(|battery| battery.current),
        });
    }

    /// What follows from a step: governors, settling writes, gauges, chargers.
    fn tick(&mut self, runners: &BTreeMap<u32, f64>) {
        let due = self.at >= self.next_tick;
        if due {
            self.next_tick = self.at + STEP;
        }
        for policy in &mut self.policies {
            policy.settle(self.at);
            let busy =
                policy.cpus.iter().any(|cpu| runners.contains_key(&cpu) || self.cpus.get(&cpu).is_some_and(|cpu| cpu.load > 0.3));
            if due {
                policy.govern(busy);
            }
        }
        if let Some(charger) = &mut self.charger {
            charger.undo(self.at);
        }
        if let Some(battery) = &mut self.battery {
            battery.update(self.at);
        }
        if let Some(rails) = &self.spec.rails
            && self.at / (rails.period_ms * 1_000_000) > self.rails.0 / (rails.period_ms * 1_000_000)
        {
            self.rails = (self.at, self.joules.clone());
        }
    }

    /// CPUs that are online.
    pub(super) fn online(&self) -> CpuSet {
        self.cpus.iter().filter(|(_, cpu)| cpu.online).map(|(number, _)| *number).collect()
    }

    /// Plugs a CPU in or out; the last one stays.
    pub(super) fn plug(&mut self, number: u32, online: bool) {
        let others = self.cpus.iter().any(|(other, cpu)| *other != number && cpu.online);
        let now = self.at;
        if let Some(cpu) = self.cpus.get_mut(&number).filter(|_| online || others) {
            cpu.online = online;
            cpu.busy_at = now;
        }
        let pids: Vec<u32> = self.runners.keys().copied().collect();
        pids.into_iter().for_each(|pid| self.place(pid));
        self.changed();
    }

    /// Plugs the charger in or pulls it.
    pub(super) fn set_plugged(&mut self, plugged: bool) {
        if let Some(charger) = &mut self.charger {
            charger.plugged = plugged;
        }
    }

    /// Starts the phone anew.
    pub(super) fn reboot(&mut self) {
        self.boot += 1;
        (self.policies, self.cpus) = clocks(&self.spec, self.at);
        self.runners.clear();
        let plugged = self.charger.as_ref().is_some_and(|charger| charger.plugged);
        self.charger = self.spec.charger.clone().map(Charger::of);
        self.set_plugged(plugged);
        self.layers = self.spec.layers.iter().map(|layer| Active::of(layer.clone(), self.at)).collect();
        self.android.reboot();
        self.vendor_files = self.spec.files.iter().map(|file| file.says.clone()).collect();
        self.changed();
    }

    /// A write to a limit of a policy.
    pub(super) fn limit(&mut self, policy: usize, bound: Bound, khz: u64) -> bool {
        if self.layers.iter().any(|active| matches!(active.layer, Layer::Ppm)) {
            return true;
        }
        let after = self.layers.iter().find_map(|active| match active.layer {
            Layer::Settle { after_ms } => Some(after_ms * 1_000_000),
            _ => None,
        });
        let (due, working) = (after.map(|after| self.at + after), self.threads_running() > 0);
        let Some(policy) = self.policies.get_mut(policy) else { return false };
        match due {
            Some(due) => policy.pending.push((due, bound, khz.clamp(policy.lowest(), policy.highest()))),
            None if !policy.set(bound, khz) => return false,
            None => policy.govern(working),
        }
        true
    }

    /// Files came or went.
    pub(super) fn changed(&mut self) {
        self.index = None;
    }

    /// The files that the physics answers.
    pub(super) fn index(&mut self) -> &Index {
        let index = self.index.take().unwrap_or_else(|| Index::of(self));
        self.index.insert(index)
    }

    /// Whether a policy's folder hangs on its CPUs, as on older kernels.
    pub(super) fn folders_go(&self) -> bool {
        self.spec.cpufreq == CpufreqFolders::Cpus
    }
}

fn clocks(spec: &Spec, now: u64) -> (Vec<Policy>, BTreeMap<u32, Cpu>) {
    let (mut policies, mut cpus) = (Vec::new(), BTreeMap::new());
    for (number, cluster) in spec.clusters.iter().enumerate() {
        for shared in shared_clocks(cluster) {
            for cpu in shared.iter() {
                let policy = policies.len();
                cpus.insert(cpu, Cpu { policy, online: true, load: 0.0, busy_at: now, busy: 0.0, idle: now as f64 });
            }
            policies.push(Policy::of(number, cluster, shared));
        }
    }
    (policies, cpus)
}

fn shared_clocks(cluster: &ClusterSpec) -> Vec<CpuSet> {
    if cluster.own_clocks {
        cluster.cpus.iter().map(|cpu| CpuSet::from_iter([cpu])).collect()
    } else {
        vec![cluster.cpus.clone()]
    }
}
