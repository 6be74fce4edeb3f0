//! How much a runner waited for a CPU that somebody else had.
//!
//! The kernel counts how long a thread was ready and did not run. For a runner with one thread that is the answer. The
//! threads of a pool also wait for each other, when the scheduler wakes two on one CPU while another CPU idles; that is
//! how the engine runs on this system, and no disturbance. So their waiting counts only as far as others demonstrably
//! had the CPUs: time that the CPUs neither idled nor ran the runner.

use std::collections::BTreeMap;

use benchrack_protocol::cpuset::CpuSet;
use benchrack_protocol::reading::Reading;
use benchrack_protocol::units::Nanos;

use super::schedstat::{self, Times};
use super::stat;
use crate::sysfs::SysFs;

/// Counters at one moment.
pub struct Counters<'a> {
    cpus: &'a CpuSet,
    threads: Reading<BTreeMap<u32, Times>>,
    idle: Reading<u64>,
    at: Nanos,
}

/// Reads the counters; `at` is now.
pub fn counters<'a>(fs: &dyn SysFs, pid: u32, cpus: &'a CpuSet, at: Nanos) -> Counters<'a> {
    Counters { cpus, threads: schedstat::threads(fs, pid), idle: stat::idle(fs, cpus), at }
}

impl Counters<'_> {
    /// The longest wait of a thread until a later moment as a share of the time between: an inference is as late as its
    /// latest thread.
    pub fn waiting_share(&self, later: &Self) -> Reading<f64> {
        let (before, after) = match (&self.threads, &later.threads) {
            (Reading::Value { value: before }, Reading::Value { value: after }) => (before, after),
            (Reading::Missing { missing, detail }, _) | (_, Reading::Missing { missing, detail }) => {
                return Reading::missing(*missing, detail.clone());
            }
        };
        let passed = later.at.0.saturating_sub(self.at.0).max(1);
        let (mut longest, mut ran) = (0, 0);
        for (thread, times) in after {
            let earlier = before.get(thread).copied().unwrap_or_default();
            longest = longest.max(times.waited.saturating_sub(earlier.waited));
            ran += times.ran.saturating_sub(earlier.ran);
        }
        // A wait is counted when it ends, so one that began before the first moment can be longer than the time between.
        let longest = longest.min(passed);
        if after.len() == 1 {
            return Reading::of(longest as f64 / passed as f64);
        }
        match (&self.idle, &later.idle) {
            (Reading::Value { value: before }, Reading::Value { value: after }) => {
                let idle = after.saturating_sub(*before).saturating_mul(stat::TICK.0);
                let lines = self.cpus.len() as u64;
                // Each line is cut to whole ticks, so each may hide one.
                let explained = idle.saturating_add(ran).saturating_add(lines.saturating_mul(stat::TICK.0));
                let others = passed.saturating_mul(lines).saturating_sub(explained);
                Reading::of(longest.min(others) as f64 / passed as f64)
            }
            (Reading::Missing { missing, detail }, _) | (_, Reading::Missing { missing, detail }) => {
                Reading::missing(*missing, format!("threads of a pool wait for each other, and {detail}"))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use benchrack_protocol::reading::Missing;

    use super::*;
    use crate::sysfs::Captured;

    const SECOND: u64 = 1_000_000_000;

    /// Waiting within a second on CPUs 0 and 1, with this many idle ticks over both.
    fn share(threads: &[(u32, u64, u64)], idle: Option<u64>) -> Reading<f64> {
        let (device, cpus) = (Captured::default(), "0-1".parse().unwrap());
        let write = |scale: u64| {
            for (thread, ran, waited) in threads {
                device.set(&format!("proc/7/task/{thread}/schedstat"), &format!("{} {} 1\n", ran * scale, waited * scale));
            }
            if let Some(idle) = idle {
                device.set("proc/stat", &format!("cpu0 0 0 0 {} 0 0\ncpu1 0 0 0 0 0 0\n", idle * scale));
            }
        };
        write(0);
        let before = counters(&device, 7, &cpus, Nanos(0));
        write(1);
        before.waiting_share(&counters(&device, 7, &cpus, Nanos(SECOND)))
    }

    #[test]
    fn a_single_thread_waits_for_others_only() {
        assert_eq!(share(&[(7, SECOND / 2, SECOND / 4)], None), Reading::of(0.25));
    }

    #[test]
    fn threads_that_wait_for_each_other_while_a_cpu_idles_are_not_disturbed() {
        let stacked = [(7, 0, 0), (8, SECOND / 2, SECOND / 2), (9, SECOND / 2, SECOND / 2)];
        assert_eq!(share(&stacked, Some(98)), Reading::of(0.0));
    }

    #[test]
    fn threads_of_a_pool_that_others_displace_are_disturbed() {
        let displaced = [(8, SECOND / 2, SECOND / 2), (9, SECOND / 2, SECOND / 2)];
        let share = share(&displaced, Some(0));
        assert_eq!(share, Reading::of(0.5));
    }

    #[test]
    fn what_the_kernel_does_not_count_is_missing() {
        assert!(matches!(share(&[], None), Reading::Missing { missing: Missing::Absent, .. }));
        assert!(share(&[(7, 1, 1), (8, 1, 1)], None).value().is_none());
    }
}
