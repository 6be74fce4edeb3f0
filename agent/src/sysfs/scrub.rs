//! Takes what identifies a device or its owner out of a capture's text.

use std::sync::LazyLock;

use regex_lite::Regex;

/// Parts of names whose values identify: of properties, files and fields of /proc/cpuinfo. Android builds its older host
/// names from the Android id, and people name their phones after themselves.
const IDENTIFYING: [&str; 22] = [
    "serial",
    "imei",
    "imsi",
    "iccid",
    "meid",
    "machine-id",
    "uuid",
    "mac_addr",
    "macaddr",
    "wlan.driver.mac",
    "bt.address",
    "boot_id",
    "bdaddr",
    "android_id",
    "hostname",
    "device_name",
    "ssid",
    "ipaddress",
    "gateway",
    "dhcp.",
    "net.dns",
    "gsm.",
];

/// A hardware address, wherever it stands.
#[expect(clippy::expect_used, reason = "the pattern is constant, and a test compiles it")]
static HARDWARE_ADDRESS: LazyLock<Regex> =
    LazyLock::new(|| Regex::new("(?i)\\b[0-9a-f]{2}(:[0-9a-f]{2}){5}\\b").expect("a valid pattern"));

/// The text with such values replaced by `REDACTED`.
pub fn scrub(capture: &str) -> String {
    let mut identifying = false;
    let mut scrubbed = String::with_capacity(capture.len());
    for line in capture.lines() {
        let line = match line.strip_prefix("| ") {
            None => {
                // A heading: `file path`, whose whole content may identify.
                let lower = line.to_ascii_lowercase();
                identifying = lower.starts_with("file ") && IDENTIFYING.iter().any(|name| lower.contains(name));
                line.to_owned()
            }
            Some(_) if identifying => "| REDACTED".into(),
            Some(content) => format!("| {}", HARDWARE_ADDRESS.replace_all(&field(content), "REDACTED")),
        };
        scrubbed.push_str(&line);
        scrubbed.push('\n');
    }
    scrubbed
}

/// One line `name: value`, `[name]: [value]` or `NAME=value`.
fn field(line: &str) -> String {
    let Some(at) = line.find([':', '=']) else { return line.into() };
    let (name, value) = line.split_at(at + 1);
    let lower = name.to_ascii_lowercase();
    if value.trim().is_empty() || !IDENTIFYING.iter().any(|part| lower.contains(part)) {
        return line.into();
    }
    if value.trim_start().starts_with('[') { format!("{name} [REDACTED]") } else { format!("{name} REDACTED") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn serial_numbers_are_taken_out_and_the_rest_stays() {
        let capture = "file etc/machine-id\n| 3d1219\ncommand getprop\n| [ro.serialno]: [R58M]\n| [ro.product.model]: [Pixel]\n\
                       file proc/cpuinfo\n| Serial\t\t: 00ff\n| Hardware\t: x\nfile sys/class/power_supply/bms/uevent\n\
                       | POWER_SUPPLY_SERIAL_NUMBER=77\n| POWER_SUPPLY_STATUS=Full\n";
        let capture = format!(
            "{capture}command getprop\n| [net.hostname]: [android-0123456789abcdef]\n| [persist.sys.device_name]: [Ada's phone]\n\
             | [dhcp.wlan0.result]: [192.168.7.5]\n| [vendor.wifi]: [up 02:1A:2b:3c:4d:5e now]\n| [ro.build.version.release]: [14]\n"
        );
        let scrubbed = scrub(&capture);
        assert!(scrubbed.contains("[ro.build.version.release]: [14]") && scrubbed.contains("[up REDACTED now]"), "{scrubbed}");
        for secret in ["3d1219", "R58M", "00ff", "77", "0123456789abcdef", "Ada", "192.168", "1A:2b"] {
            assert!(!scrubbed.contains(secret), "{scrubbed}");
        }
        for kept in ["[ro.product.model]: [Pixel]", "Hardware\t: x", "POWER_SUPPLY_STATUS=Full", "[ro.serialno]: [REDACTED]"] {
            assert!(scrubbed.contains(kept), "{scrubbed}");
        }
    }
}
