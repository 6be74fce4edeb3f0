//! Memory of this process: `/proc/self/status`, and its proportional share from `/proc/self/smaps_rollup`, or summed from
//! `/proc/self/smaps` where there is no rollup (before Linux 4.14).

use std::io::ErrorKind;

use benchrack_protocol::runner::MemoryFigures;
use benchrack_protocol::units::Bytes;

use crate::probe::meminfo::kilobytes;

/// As it stands. Reading the share walks the page tables: milliseconds, so never between samples.
pub fn figures() -> MemoryFigures {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let share = match std::fs::read_to_string("/proc/self/smaps_rollup") {
        Ok(rollup) => Share::of_rollup(&rollup),
        Err(error) if error.kind() == ErrorKind::NotFound => {
            std::fs::read_to_string("/proc/self/smaps").map(|maps| Share::of_maps(&maps)).unwrap_or_default()
        }
        // Refused, or silent: then the figures that would come from it are none.
        Err(_) => Share::default(),
    };
    with(&status, share)
}

fn with(status: &str, share: Share) -> MemoryFigures {
    MemoryFigures {
        peak_rss: kilobytes(status, "VmHWM"),
        rss: kilobytes(status, "VmRSS"),
        pss: share.all,
        pss_anonymous: share.anonymous,
        pss_file: share.file,
        rss_anonymous: kilobytes(status, "RssAnon"),
        rss_file: kilobytes(status, "RssFile"),
    }
}

/// Proportional set size: shared pages counted by share.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Share {
    all: Option<Bytes>,
    anonymous: Option<Bytes>,
    file: Option<Bytes>,
}

impl Share {
    /// Pss_Anon and Pss_File are there since Linux 5.4.
    fn of_rollup(rollup: &str) -> Self {
        Self { all: kilobytes(rollup, "Pss"), anonymous: kilobytes(rollup, "Pss_Anon"), file: kilobytes(rollup, "Pss_File") }
    }

    /// Sums over mappings. One without a file behind it (inode 0) is anonymous; pages that a process wrote in a private
    /// mapping of a file are counted as that file's, as nothing tells them apart by share.
    fn of_maps(maps: &str) -> Self {
        let (mut all, mut file, mut of_file, mut seen) = (0u64, 0u64, false, false);
        for line in maps.lines() {
            let mut words = line.split_ascii_whitespace();
            match (words.next(), words.next()) {
                (Some("Pss:"), Some(number)) => {
                    let bytes = number.parse::<u64>().unwrap_or(0).saturating_mul(1024);
                    all += bytes;
                    file += if of_file { bytes } else { 0 };
                    seen = true;
                }
                // Address range, permissions, offset, device, inode, path.
                (Some(range), Some(_)) if range.contains('-') && !range.ends_with(':') => {
                    of_file = words.nth(2).is_some_and(|inode| inode != "0");
                }
                _ => {}
            }
        }
        if !seen {
            return Self::default();
        }
        Self { all: Some(Bytes(all)), anonymous: Some(Bytes(all - file)), file: Some(Bytes(file)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_kernel_does_not_say_is_none() {
        let status = "Name:\tx\nVmHWM:\t  2048 kB\nVmRSS:\t  1024 kB\nRssAnon:\t 900 kB\n";
        let rollup = Share::of_rollup("00400000-7ff ---p 0 0 [rollup]\nRss:  1024 kB\nPss:  512 kB\n");
        let figures = with(status, rollup);
        assert_eq!(figures.peak_rss, Some(Bytes(2048 * 1024)));
        assert_eq!(figures.pss, Some(Bytes(512 * 1024)));
        assert_eq!((figures.pss_anonymous, figures.rss_anonymous), (None, Some(Bytes(900 * 1024))));
        assert_eq!(with("", Share::default()), MemoryFigures::default());
    }

    #[test]
    fn mappings_are_summed_where_there_is_no_rollup() {
        let maps = "00400000-00500000 r-xp 00000000 fd:00 4711 /system/lib64/libonnxruntime.so\n\
            Size:   1024 kB\nPss:     100 kB\nShared_Clean: 5 kB\n\
            7f0000000000-7f0000100000 rw-p 00000000 00:00 0 [anon:scudo:primary]\n\
            Pss:      40 kB\n\
            7f1000000000-7f1000100000 rw-p 00000000 00:00 0\n\
            Pss:       2 kB\nVmFlags: rd wr\n";
        let share = Share::of_maps(maps);
        assert_eq!(share, Share { all: Some(Bytes(142 << 10)), anonymous: Some(Bytes(42 << 10)), file: Some(Bytes(100 << 10)) });
        assert_eq!(Share::of_maps(""), Share::default());
    }

    #[test]
    fn this_process_has_a_share_of_both_kinds() {
        let figures = figures();
        let (Some(all), Some(anonymous)) = (figures.pss, figures.pss_anonymous.or(figures.rss_anonymous)) else {
            eprintln!("SKIPPED: this kernel gives no proportional set size");
            return;
        };
        assert!(all.0 > 0 && anonymous.0 > 0 && figures.peak_rss >= figures.rss, "{figures:?}");
    }
}
