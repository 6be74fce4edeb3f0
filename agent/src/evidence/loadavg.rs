//! `/proc/loadavg` (proc_loadavg(5)): `0.20 0.18 0.12 1/80 11206`.

use benchrack_protocol::reading::Reading;

use crate::sysfs::{self, SysFs};

const PATH: &str = "proc/loadavg";

/// Load of the last minute.
pub fn one_minute(fs: &dyn SysFs) -> Reading<f64> {
    sysfs::parsed(fs, PATH, |text| text.split_whitespace().next()?.parse().ok())
}

/// Tasks that run or could run at this moment, the reader among them.
pub fn running(fs: &dyn SysFs) -> Reading<u32> {
    sysfs::parsed(fs, PATH, |text| text.split_whitespace().nth(3)?.split_once('/')?.0.parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sysfs::Captured;

    #[test]
    fn load_and_running_tasks_are_read() {
        let device = Captured::default();
        assert!(running(&device).value().is_none());
        device.set(PATH, "0.20 0.18 0.12 3/80 11206\n");
        assert_eq!(one_minute(&device).value(), Some(&0.2));
        assert_eq!(running(&device).value(), Some(&3));
    }
}
