//! `/proc/stat` (proc_stat(5)): where CPU time went, in ticks of 10 ms (USER_HZ).

use benchrack_protocol::cpuset::CpuSet;
use benchrack_protocol::reading::{Missing, Reading};
use benchrack_protocol::units::Nanos;

use crate::sysfs::{self, SysFs};

/// One tick.
pub const TICK: Nanos = Nanos(10_000_000);

/// Ticks stolen by a hypervisor since boot, over all CPUs.
pub fn steal(fs: &dyn SysFs) -> Reading<u64> {
    sysfs::parsed(fs, "proc/stat", |text| field(text, "cpu", 7))
}

/// Ticks that these CPUs had nothing to do since boot (`idle` and `iowait`).
pub fn idle(fs: &dyn SysFs, cpus: &CpuSet) -> Reading<u64> {
    sysfs::parsed(fs, "proc/stat", |text| {
        let of = |cpu: u32| Some(field(text, &format!("cpu{cpu}"), 3)? + field(text, &format!("cpu{cpu}"), 4)?);
        cpus.iter().map(of).sum()
    })
}

fn field(text: &str, name: &str, number: usize) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '))?;
    line.split_whitespace().nth(number)?.parse().ok()
}

/// Time stolen between two moments as a share of one CPU.
pub fn steal_share(before: &Reading<u64>, after: &Reading<u64>, time: Nanos) -> Reading<f64> {
    match (before, after) {
        (Reading::Value { value: before }, Reading::Value { value: after }) if time.0 > 0 => {
            Reading::of(after.saturating_sub(*before) as f64 * TICK.0 as f64 / time.0 as f64)
        }
        (Reading::Missing { missing, detail }, _) | (_, Reading::Missing { missing, detail }) => {
            Reading::missing(*missing, detail.clone())
        }
        _ => Reading::missing(Missing::NotAsked, "no block was measured"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sysfs::Captured;

    #[test]
    fn steal_is_a_share_of_one_cpu_and_idle_that_of_the_cpus_asked_for() {
        let device = Captured::default();
        device
            .set("proc/stat", "cpu  1 2 3 4 5 6 7 100 0 0\ncpu0 1 1 1 30 1 1 1 1 0 0\ncpu1 0 0 0 40 2 0 0 0\ncpu10 0 0 0 50 0\n");
        let before = steal(&device);
        assert_eq!(before, Reading::of(100));
        assert_eq!(steal_share(&before, &Reading::of(110), Nanos(1_000_000_000)), Reading::of(0.1));
        assert!(steal_share(&before, &before, Nanos(0)).value().is_none());
        assert_eq!(idle(&device, &"0-1".parse().unwrap()), Reading::of(73));
        assert!(idle(&device, &"0,7".parse().unwrap()).value().is_none());
    }
}
