//! Where each thread of a runner may run and last ran: `/proc/<pid>/task/<tid>/status` and field 39 of `…/stat`
//! (proc_pid_stat(5)).

use benchrack_protocol::evidence::ThreadPlacement;
use benchrack_protocol::reading::Reading;

use crate::sysfs::{self, SysFs};

/// Every thread by id; none when the process has gone.
pub fn placements(fs: &dyn SysFs, pid: u32) -> Vec<ThreadPlacement> {
    let folder = format!("proc/{pid}/task");
    let mut threads: Vec<u32> = fs.list(&folder).unwrap_or_default().iter().filter_map(|name| name.parse().ok()).collect();
    threads.sort_unstable();
    let place = |tid: u32| {
        let status = format!("{folder}/{tid}/status");
        ThreadPlacement {
            tid,
            name: sysfs::parsed(fs, &status, |text| Some(field(text, "Name:")?.to_owned())).value().cloned().unwrap_or_default(),
            allowed: sysfs::parsed(fs, &status, |text| field(text, "Cpus_allowed_list:")?.parse().ok()),
            last_cpu: last_cpu(fs, &format!("{folder}/{tid}/stat")),
        }
    };
    threads.into_iter().map(place).collect()
}

fn field<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    text.lines().find_map(|line| line.strip_prefix(name)).map(str::trim)
}

fn last_cpu(fs: &dyn SysFs, path: &str) -> Reading<u32> {
    // The name of a thread, in parentheses, may hold spaces and parentheses; field 3 comes after the last one.
    sysfs::parsed(fs, path, |text| text.rsplit_once(')')?.1.split_whitespace().nth(36)?.parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sysfs::Captured;

    #[test]
    fn placement_is_read_past_a_hostile_thread_name() {
        let device = Captured::default();
        device.set("proc/9/task/9/status", "Name:\tru) n\nCpus_allowed_list:\t0-1,4\n");
        let fields = (4..=52).map(|number| number.to_string()).collect::<Vec<_>>().join(" ");
        device.set("proc/9/task/9/stat", &format!("9 (ru) n) S {fields}\n"));
        let threads = placements(&device, 9);
        assert_eq!(threads.len(), 1);
        assert_eq!(threads[0].allowed.value().unwrap().to_string(), "0-1,4");
        assert_eq!(threads[0].last_cpu, Reading::of(39));
        assert!(placements(&device, 10).is_empty());
    }
}
