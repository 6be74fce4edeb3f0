//! `/proc/<pid>/task/<tid>/schedstat` (Documentation/scheduler/sched-stats.rst): time on a CPU, time ready and waiting
//! for one, both in nanoseconds, and time slices.

use std::collections::BTreeMap;

use benchrack_protocol::reading::{Missing, Reading};

use crate::sysfs::{self, SysFs};

/// Times of one thread since it began, nanoseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Times {
    /// On a CPU.
    pub ran: u64,
    /// Ready, and waiting for a CPU.
    pub waited: u64,
}

/// Of all threads of a process now, by thread id.
pub fn threads(fs: &dyn SysFs, pid: u32) -> Reading<BTreeMap<u32, Times>> {
    let folder = format!("proc/{pid}/task");
    let threads = match fs.list(&folder) {
        Ok(names) => names,
        Err(error) => return error.into_reading(),
    };
    let mut times = BTreeMap::new();
    for thread in threads.iter().filter_map(|name| name.parse::<u32>().ok()) {
        match sysfs::parsed(fs, &format!("{folder}/{thread}/schedstat"), parse) {
            Reading::Value { value } => drop(times.insert(thread, value)),
            // A thread may end between the list and the read.
            Reading::Missing { missing: Missing::Absent, .. } if !times.is_empty() => {}
            Reading::Missing { missing, detail } => return Reading::missing(missing, detail),
        }
    }
    Reading::of(times)
}

fn parse(text: &str) -> Option<Times> {
    let mut words = text.split_whitespace();
    Some(Times { ran: words.next()?.parse().ok()?, waited: words.next()?.parse().ok()? })
}
