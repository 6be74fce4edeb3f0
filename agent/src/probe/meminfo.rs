//! `/proc/meminfo`.

use benchrack_protocol::device::Memory;
use benchrack_protocol::reading::{Missing, Reading};
use benchrack_protocol::units::Bytes;

use crate::sysfs::{self, Commands, SysFs};

const PATH: &str = "proc/meminfo";

/// Main memory.
pub fn memory(fs: &dyn SysFs, commands: &dyn Commands) -> Memory {
    let field = |name: &'static str| sysfs::parsed(fs, PATH, |text| kilobytes(text, name));
    Memory { total: field("MemTotal"), available: field("MemAvailable"), page_size: page_size(commands) }
}

/// A field of the form `MemTotal:  2012345 kB`; also of `/proc/self/status` and `smaps_rollup`.
pub fn kilobytes(text: &str, name: &str) -> Option<Bytes> {
    let value = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))?;
    let number: u64 = value.trim().strip_suffix("kB")?.trim().parse().ok()?;
    number.checked_mul(1024).map(Bytes)
}

/// Page size of the kernel: 4 KiB, on newer phones also 16 KiB.
fn page_size(commands: &dyn Commands) -> Reading<Bytes> {
    match commands.run("getconf", &["PAGESIZE"]) {
        Ok(text) => match text.trim().parse() {
            Ok(size) => Reading::of(Bytes(size)),
            Err(_) => Reading::missing(Missing::Invalid, format!("getconf PAGESIZE: '{}'", sysfs::excerpt(&text))),
        },
        Err(error) => error.into_reading(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_bytes_and_nonsense_is_nothing() {
        let text = "MemTotal:        4012345 kB\nMemTotalX: 1 kB\nMemAvailable: many kB\n";
        assert_eq!(kilobytes(text, "MemTotal"), Some(Bytes(4_012_345 * 1024)));
        assert_eq!(kilobytes(text, "MemAvailable"), None);
        assert_eq!(kilobytes(text, "MemFree"), None);
        assert_eq!(kilobytes("A: 99999999999999999999 kB", "A"), None);
        assert_eq!(kilobytes("A: 18446744073709551615 kB", "A"), None);
    }
}
