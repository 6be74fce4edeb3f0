//! Memory of this process: `/proc/self/status` and, since Linux 4.14, `/proc/self/smaps_rollup`.

use benchrack_protocol::runner::MemoryFigures;

use crate::probe::meminfo::kilobytes;

/// As it stands. Reading the rollup walks the page tables: milliseconds, so never between samples.
pub fn figures() -> MemoryFigures {
    parse(&text("/proc/self/status"), &text("/proc/self/smaps_rollup"))
}

/// An unreadable file says nothing, and so do the figures that would come from it.
fn text(path: &str) -> String {
    std::fs::read_to_string(path).unwrap_or_default()
}

fn parse(status: &str, rollup: &str) -> MemoryFigures {
    MemoryFigures {
        peak_rss: kilobytes(status, "VmHWM"),
        rss: kilobytes(status, "VmRSS"),
        pss: kilobytes(rollup, "Pss"),
        pss_anonymous: kilobytes(rollup, "Pss_Anon"),
        pss_file: kilobytes(rollup, "Pss_File"),
    }
}

#[cfg(test)]
mod tests {
    use benchrack_protocol::units::Bytes;

    use super::*;

    #[test]
    fn what_the_kernel_does_not_say_is_none() {
        let status = "Name:\tx\nVmHWM:\t  2048 kB\nVmRSS:\t  1024 kB\n";
        let figures = parse(status, "00400000-7ff ---p 0 0 [rollup]\nRss:  1024 kB\nPss:  512 kB\n");
        assert_eq!(figures.peak_rss, Some(Bytes(2048 * 1024)));
        assert_eq!(figures.pss, Some(Bytes(512 * 1024)));
        assert_eq!(figures.pss_anonymous, None);
        assert_eq!(parse("", ""), MemoryFigures::default());
    }
}
