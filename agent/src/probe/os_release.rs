//! os-release(5): name and version of a Linux distribution.

use std::collections::BTreeMap;

use benchrack_protocol::reading::{Missing, Reading};

use crate::sysfs::{self, SysFs};

/// Keys and values of the file.
pub fn read(fs: &dyn SysFs) -> Reading<BTreeMap<String, String>> {
    match sysfs::text(fs, "etc/os-release") {
        Reading::Value { value } => Reading::of(parse(&value)),
        Reading::Missing { missing: Missing::Absent, .. } => sysfs::text(fs, "usr/lib/os-release").map(|text| parse(&text)),
        Reading::Missing { missing, detail } => Reading::missing(missing, detail),
    }
}

/// Parses `KEY=value` and `KEY="value"`.
pub fn parse(text: &str) -> BTreeMap<String, String> {
    let pair = |line: &str| {
        let (key, value) = line.trim().split_once('=')?;
        Some((key.to_owned(), value.trim_matches(['"', '\'']).to_owned()))
    };
    text.lines().filter(|line| !line.starts_with('#')).filter_map(pair).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_are_taken_off() {
        let release = parse("# x\nID=debian\nPRETTY_NAME=\"Debian GNU/Linux 12 (bookworm)\"\nBROKEN\n");
        assert_eq!(release["ID"], "debian");
        assert_eq!(release["PRETTY_NAME"], "Debian GNU/Linux 12 (bookworm)");
        assert_eq!(release.len(), 2);
    }
}
