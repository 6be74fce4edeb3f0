//! A cpufreq policy: operating points, limits of everybody who sets one, a governor, and the kernel's statistics.

use benchrack_protocol::cpuset::CpuSet;

use super::file::ClusterSpec;
use super::layers::Bound;

/// An operating point.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Point {
    pub(super) khz: u64,
    pub(super) mw: f64,
}

/// A policy at one moment.
#[derive(Debug, Clone)]
pub(super) struct Policy {
    /// Place of its cluster in the file.
    pub(super) cluster: usize,
    pub(super) cpus: CpuSet,
    pub(super) points: Vec<Point>,
    /// The present point.
    pub(super) index: usize,
    pub(super) governor: String,
    pub(super) user_min: u64,
    pub(super) user_max: u64,
    pub(super) thermal_max: u64,
    pub(super) scripted_max: u64,
    pub(super) vendor_min: u64,
    pub(super) vendor_max: u64,
    /// Where a mode of the whole phone holds the clock.
    pub(super) mode: Option<u64>,
    /// Writes that are not in force yet: when, which, what.
    pub(super) pending: Vec<(u64, Bound, u64)>,
    /// Time in each point, ns.
    pub(super) times: Vec<u64>,
    pub(super) transitions: u64,
    /// Ticks without load.
    idle_ticks: u32,
}

/// Ticks without load before a clock goes down: governors wait, so that a short pause costs no clock.
const PATIENCE: u32 = 4;

impl Policy {
    pub(super) fn of(cluster: usize, spec: &ClusterSpec, cpus: CpuSet) -> Self {
        let points: Vec<Point> = spec.opp.iter().map(|&(khz, mw)| Point { khz, mw }).collect();
        Self {
            cluster,
            cpus,
            index: 0,
            governor: spec.governor.clone(),
            user_min: points.first().map_or(0, |point| point.khz),
            user_max: points.last().map_or(0, |point| point.khz),
            thermal_max: u64::MAX,
            scripted_max: u64::MAX,
            vendor_min: 0,
            vendor_max: u64::MAX,
            mode: None,
            pending: Vec::new(),
            times: vec![0; points.len()],
            transitions: 0,
            idle_ticks: 0,
            points,
        }
    }

    pub(super) fn lowest(&self) -> u64 {
        self.points.first().map_or(0, |point| point.khz)
    }

    pub(super) fn highest(&self) -> u64 {
        self.points.last().map_or(0, |point| point.khz)
    }

    pub(super) fn present(&self) -> Point {
        self.points[self.index]
    }

    /// The limits in force, as `scaling_min_freq` and `scaling_max_freq` show them: a cap wins over a floor.
    pub(super) fn limits(&self) -> (u64, u64) {
        let max =
            self.user_max.min(self.thermal_max).min(self.scripted_max).min(self.vendor_max).min(self.mode.unwrap_or(u64::MAX));
        let max = max.clamp(self.lowest(), self.highest());
        let min = self.user_min.max(self.vendor_min).max(self.mode.unwrap_or(0)).clamp(self.lowest(), max);
        (min, max)
    }

    /// A write to a limit, refused as older kernels do where the floor would be above the cap.
    pub(super) fn set(&mut self, bound: Bound, khz: u64) -> bool {
        let wanted = khz.clamp(self.lowest(), self.highest());
        match bound {
            Bound::Min if wanted <= self.user_max => self.user_min = wanted,
            Bound::Max if wanted >= self.user_min => self.user_max = wanted,
            Bound::Min | Bound::Max => return false,
        }
        true
    }

    /// Puts writes into force that have waited long enough.
    pub(super) fn settle(&mut self, now: u64) {
        let due: Vec<(u64, Bound, u64)> = self.pending.iter().copied().filter(|(at, ..)| *at <= now).collect();
        self.pending.retain(|(at, ..)| *at > now);
        for (_, bound, khz) in due {
            match bound {
                Bound::Min => self.user_min = khz,
                Bound::Max => self.user_max = khz,
            }
        }
    }

    /// Whether the governor would leave the clock where it is for as long as nothing changes.
    pub(super) fn rests(&self, busy: bool) -> bool {
        self.pending.is_empty() && self.choice(busy, true) == self.index
    }

    /// The governor's choice: two points up in each tick under load, one down once it has idled, always within the limits. The
    /// lowest point that fulfils the floor and the highest within the cap are what cpufreq's tables give.
    pub(super) fn govern(&mut self, busy: bool) {
        self.idle_ticks = if busy { 0 } else { self.idle_ticks.saturating_add(1) };
        let next = self.choice(busy, self.idle_ticks > PATIENCE);
        if next != self.index {
            self.transitions += 1;
            self.index = next;
        }
    }

    fn choice(&self, busy: bool, rested: bool) -> usize {
        let (min, max) = self.limits();
        let top = self.points.iter().rposition(|point| point.khz <= max).unwrap_or(0);
        let bottom = self.points.iter().position(|point| point.khz >= min).unwrap_or(top).min(top);
        let wanted = match (self.governor.as_str(), busy) {
            ("performance", _) => top,
            ("powersave", _) => bottom,
            (_, true) => self.index + 2,
            (_, false) if rested => self.index.saturating_sub(1),
            (_, false) => self.index,
        };
        wanted.clamp(bottom, top)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy() -> Policy {
        let points = [300_000, 600_000, 900_000, 1_200_000].map(|khz| Point { khz, mw: 1.0 });
        Policy {
            cluster: 0,
            cpus: "0-3".parse().unwrap(),
            index: 0,
            governor: "schedutil".into(),
            user_min: 300_000,
            user_max: 1_200_000,
            thermal_max: u64::MAX,
            scripted_max: u64::MAX,
            vendor_min: 0,
            vendor_max: u64::MAX,
            mode: None,
            pending: Vec::new(),
            times: vec![0; 4],
            transitions: 0,
            idle_ticks: 0,
            points: points.to_vec(),
        }
    }

    #[test]
    fn load_raises_the_clock_to_the_cap_and_idleness_lowers_it_to_the_floor() {
        let mut policy = policy();
        for _ in 0..5 {
            policy.govern(true);
        }
        assert_eq!((policy.present().khz, policy.transitions), (1_200_000, 2));
        policy.thermal_max = 700_000;
        policy.govern(true);
        assert_eq!((policy.present().khz, policy.limits()), (600_000, (300_000, 700_000)));
        assert!(policy.set(Bound::Min, 600_000));
        for _ in 0..20 {
            policy.govern(false);
        }
        assert_eq!(policy.present().khz, 600_000);
        assert!(policy.set(Bound::Min, 300_000));
        policy.govern(true);
        for _ in 0..PATIENCE {
            policy.govern(false);
        }
        assert_eq!(policy.present().khz, 600_000, "a short pause costs no clock");
        policy.govern(false);
        assert_eq!(policy.present().khz, 300_000);
    }

    #[test]
    fn a_floor_above_the_cap_is_refused_and_a_settling_write_waits() {
        let mut policy = policy();
        assert!(policy.set(Bound::Max, 600_000) && !policy.set(Bound::Min, 900_000));
        policy.pending.push((10, Bound::Max, 900_000));
        policy.settle(9);
        assert_eq!(policy.limits().1, 600_000);
        policy.settle(10);
        assert_eq!(policy.limits().1, 900_000);
    }
}
