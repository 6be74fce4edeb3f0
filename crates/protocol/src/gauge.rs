//! How one device's fuel gauge is to be read: its unit, sign and rhythm, proved on that device.
//!
//! The kernel documents `current_now` as microamperes (Documentation/ABI/testing/sysfs-class-power); drivers also
//! print milliamperes, and either sign for a battery that is being charged. Nothing in the files says which, so it is
//! measured once per device and system, never taken from a list of makers.

use serde::{Deserialize, Serialize};

use crate::reading::Reading;
use crate::units::{Microamps, Nanos};

/// The calibration of one battery's current.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Gauge {
    /// Folder name below /sys/class/power_supply.
    pub supply: String,
    /// Microamperes into the battery for each count of `current_now`, signed: ±1 or ±1000.
    pub per_count: i64,
    /// How often the gauge has a new value; reading faster only repeats the last one.
    pub period: Reading<Nanos>,
    /// The least step between two values.
    pub step: Reading<Microamps>,
    /// What proved unit and sign, for people.
    pub basis: String,
}

impl Gauge {
    /// The current into the battery that a count of `current_now` means; none when it is beyond all numbers.
    pub fn current(&self, raw: i64) -> Option<Microamps> {
        raw.checked_mul(self.per_count).map(Microamps)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reading::Missing;

    #[test]
    fn counts_become_microamperes_into_the_battery() {
        let none = || Missing::NotAsked;
        let gauge = Gauge {
            supply: "battery".into(),
            per_count: -1000,
            period: Reading::missing(none(), ""),
            step: Reading::missing(none(), ""),
            basis: String::new(),
        };
        assert_eq!(gauge.current(-300), Some(Microamps(300_000)));
        assert_eq!(gauge.current(i64::MIN), None, "Integer.MIN_VALUE is how Android says 'not supported'");
    }
}
