//! Takes what identifies a device or its owner out of a capture's text.

/// Parts of names whose values identify: of properties, files and fields of /proc/cpuinfo.
const IDENTIFYING: [&str; 12] = [
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
];

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
            Some(content) => format!("| {}", field(content)),
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
        let scrubbed = scrub(capture);
        for secret in ["3d1219", "R58M", "00ff", "77"] {
            assert!(!scrubbed.contains(secret), "{scrubbed}");
        }
        for kept in ["[ro.product.model]: [Pixel]", "Hardware\t: x", "POWER_SUPPLY_STATUS=Full", "[ro.serialno]: [REDACTED]"] {
            assert!(scrubbed.contains(kept), "{scrubbed}");
        }
    }
}
