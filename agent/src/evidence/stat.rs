//! `/proc/stat` (proc_stat(5)): time that a hypervisor took, in ticks of 10 ms (USER_HZ).

use benchrack_protocol::reading::{Missing, Reading};
use benchrack_protocol::units::Nanos;

use crate::sysfs::{self, SysFs};

const TICK_NANOS: f64 = 10_000_000.0;

/// Ticks stolen since boot, over all CPUs.
pub fn steal(fs: &dyn SysFs) -> Reading<u64> {
    sysfs::parsed(fs, "proc/stat", |text| {
        let line = text.lines().find_map(|line| line.strip_prefix("cpu "))?;
        line.split_whitespace().nth(7)?.parse().ok()
    })
}

/// Time stolen between two moments as a share of one CPU.
pub fn steal_share(before: &Reading<u64>, after: &Reading<u64>, time: Nanos) -> Reading<f64> {
    match (before, after) {
        (Reading::Value { value: before }, Reading::Value { value: after }) if time.0 > 0 => {
            Reading::of(after.saturating_sub(*before) as f64 * TICK_NANOS / time.0 as f64)
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
    fn steal_is_a_share_of_one_cpu() {
        let device = Captured::default();
        device.set("proc/stat", "cpu  1 2 3 4 5 6 7 100 0 0\ncpu0 1 1 1 1 1 1 1 1 0 0\n");
        let before = steal(&device);
        assert_eq!(before, Reading::of(100));
        assert_eq!(steal_share(&before, &Reading::of(110), Nanos(1_000_000_000)), Reading::of(0.1));
        assert!(steal_share(&before, &before, Nanos(0)).value().is_none());
    }
}
