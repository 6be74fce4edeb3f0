//! `/proc/pressure` (Documentation/accounting/psi.rst), Linux 4.20 and later.

use benchrack_protocol::reading::Reading;

use crate::sysfs::{self, SysFs};

/// Share of the last ten seconds in which some task waited for a CPU, per cent.
pub fn cpu(fs: &dyn SysFs) -> Reading<f64> {
    sysfs::parsed(fs, "proc/pressure/cpu", some_avg10)
}

/// The same for waiting for memory: reclaim, swap, pages that were thrown out.
pub fn memory(fs: &dyn SysFs) -> Reading<f64> {
    sysfs::parsed(fs, "proc/pressure/memory", some_avg10)
}

/// The same for waiting for storage.
pub fn io(fs: &dyn SysFs) -> Reading<f64> {
    sysfs::parsed(fs, "proc/pressure/io", some_avg10)
}

fn some_avg10(text: &str) -> Option<f64> {
    let line = text.lines().find_map(|line| line.strip_prefix("some "))?;
    line.split_whitespace().find_map(|field| field.strip_prefix("avg10="))?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_some_line_counts() {
        assert_eq!(some_avg10("some avg10=1.53 avg60=0.1 avg300=0 total=1\nfull avg10=0.00\n"), Some(1.53));
        assert_eq!(some_avg10("full avg10=0.00\n"), None);
    }
}
