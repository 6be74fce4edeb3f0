//! The battery of a phone that rests: whether it is so low that the phone may switch off, and does not charge. A lithium-ion
//! cell that is left empty is lost, so such a phone is never left as it is.

use std::time::Duration;

use crate::adb::AdbError;
use crate::place::Place;
use crate::reach::Reach;

/// What a phone says of its battery.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Battery {
    /// Charge, percent.
    pub level: Option<u8>,
    /// Whether it charges, or is full at the cable.
    pub charges: Option<bool>,
}

impl Battery {
    /// The level of a phone that is below the floor and does not charge. What it does not say is not held against it.
    pub fn sinks_below(self, floor: u8) -> Option<u8> {
        self.level.filter(|level| *level < floor && self.charges == Some(false))
    }
}

/// Android tells every shell; a board has the kernel's files.
const SCRIPT: &str = r#"if command -v dumpsys >/dev/null 2>&1; then dumpsys battery; exit; fi
for b in /sys/class/power_supply/*; do
[ "$(cat "$b/type" 2>/dev/null)" = Battery ] && echo "level: $(cat "$b/capacity" 2>/dev/null)" && echo "status: $(cat "$b/status" 2>/dev/null)"
done
:"#;

const LIMIT: Duration = Duration::from_secs(20);

/// Asks a phone. It takes the phone some milliseconds of work, so phones that measure are not asked.
///
/// # Errors
/// See [`AdbError`].
pub async fn look(reach: &impl Reach, place: &Place) -> Result<Battery, AdbError> {
    Ok(parse(&reach.shell(&place.script(SCRIPT), LIMIT).await?.output))
}

/// The first level and the first status. Numbers of the status are Android's `BatteryManager`: 2 charging, 3 discharging, 4 not
/// charging, 5 full; words are the kernel's (`Documentation/ABI/testing/sysfs-class-power`).
fn parse(text: &str) -> Battery {
    let field = |name: &str| {
        let mut lines = text.lines().filter_map(|line| line.trim().split_once(':'));
        lines.find(|(key, _)| key.trim() == name).map(|(_, value)| value.trim().to_owned())
    };
    let charges = match field("status").unwrap_or_default().as_str() {
        "2" | "5" | "Charging" | "Full" => Some(true),
        "3" | "4" | "Discharging" | "Not charging" => Some(false),
        _ => None,
    };
    Battery { level: field("level").and_then(|level| level.parse().ok()).filter(|level| *level <= 100), charges }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_are_read_and_what_is_not_said_stays_unknown() {
        let dumpsys =
            "Current Battery Service state:\n  AC powered: false\n  USB powered: true\n  status: 3\n  level: 9\n  scale: 100\n";
        assert_eq!(parse(dumpsys), Battery { level: Some(9), charges: Some(false) });
        assert_eq!(parse("level: 84\nstatus: Full\n"), Battery { level: Some(84), charges: Some(true) });
        assert_eq!(parse("level: \nstatus: Unknown\n"), Battery::default());
        assert_eq!(parse("level: 200\n"), Battery::default());
        assert_eq!(parse(""), Battery::default());
    }

    #[test]
    fn only_a_phone_that_says_it_is_low_and_does_not_charge_sinks() {
        let battery = |level, charges| Battery { level, charges };
        assert_eq!(battery(Some(14), Some(false)).sinks_below(15), Some(14));
        for fine in [(Some(15), Some(false)), (Some(3), Some(true)), (Some(3), None), (None, Some(false))] {
            assert_eq!(battery(fine.0, fine.1).sinks_below(15), None, "{fine:?}");
        }
    }
}
