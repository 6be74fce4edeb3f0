//! `/proc/<pid>/task/<tid>/schedstat` (Documentation/scheduler/sched-stats.rst): time on a CPU, time ready and waiting
//! for one, both in nanoseconds, and time slices.

use std::collections::BTreeMap;

use benchrack_protocol::reading::{Missing, Reading};
use benchrack_protocol::units::Nanos;

use crate::sysfs::{self, SysFs};

/// Waiting time by thread.
pub type Waits = Reading<BTreeMap<u32, u64>>;

/// Of all threads of a process now.
pub fn waits(fs: &dyn SysFs, pid: u32) -> Waits {
    let folder = format!("proc/{pid}/task");
    let threads = match fs.list(&folder) {
        Ok(names) => names,
        Err(error) => return error.into_reading(),
    };
    let mut waits = BTreeMap::new();
    for thread in threads.iter().filter_map(|name| name.parse::<u32>().ok()) {
        match sysfs::parsed(fs, &format!("{folder}/{thread}/schedstat"), waited) {
            Reading::Value { value } => drop(waits.insert(thread, value)),
            // A thread may end between the list and the read.
            Reading::Missing { missing: Missing::Absent, .. } if !waits.is_empty() => {}
            Reading::Missing { missing, detail } => return Reading::missing(missing, detail),
        }
    }
    Reading::of(waits)
}

/// How long the thread that waited most had no CPU between two moments, as a share of the time between them: an
/// inference is as late as its latest thread.
pub fn share(before: &Waits, after: &Waits, time: Nanos) -> Reading<f64> {
    match (before, after) {
        (Reading::Value { value: before }, Reading::Value { value: after }) => {
            let waited = |(thread, after): (&u32, &u64)| after.saturating_sub(before.get(thread).copied().unwrap_or(0));
            let most = after.iter().map(waited).max().unwrap_or(0);
            Reading::of(most as f64 / time.0.max(1) as f64)
        }
        (Reading::Missing { missing, detail }, _) | (_, Reading::Missing { missing, detail }) => {
            Reading::missing(*missing, detail.clone())
        }
    }
}

fn waited(text: &str) -> Option<u64> {
    text.split_whitespace().nth(1)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sysfs::Captured;

    #[test]
    fn the_thread_that_waited_most_counts() {
        let device = Captured::default();
        device.set("proc/7/task/7/schedstat", "100 10 1\n");
        device.set("proc/7/task/8/schedstat", "100 0 1\n");
        let before = waits(&device, 7);
        device.set("proc/7/task/7/schedstat", "200 20 2\n");
        device.set("proc/7/task/8/schedstat", "200 250 2\n");
        let after = waits(&device, 7);
        assert_eq!(share(&before, &after, Nanos(1000)), Reading::of(0.25));
    }

    #[test]
    fn a_kernel_without_the_file_says_nothing() {
        let device = Captured::default();
        device.set("proc/7/task/7/status", "x\n");
        assert!(matches!(waits(&device, 7), Reading::Missing { missing: Missing::Absent, .. }));
    }
}
