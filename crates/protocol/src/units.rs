//! Numbers that carry their unit in the type. A figure that a device does not give is a
//! [`Reading::Missing`](crate::reading::Reading), never a zero of one of these.

use std::fmt;

use serde::{Deserialize, Serialize};

macro_rules! units {
    ($($(#[$doc:meta])* $name:ident($inner:ty);)*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
        #[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
        #[serde(transparent)]
        pub struct $name(pub $inner);
    )*};
}

units! {
    /// A duration or an instant of CLOCK_MONOTONIC_RAW, in nanoseconds.
    Nanos(u64);
    /// A clock frequency in kilohertz, the kernel's cpufreq unit.
    Kilohertz(u64);
    /// A temperature in thousandths of a degree Celsius, the kernel's thermal unit.
    Millicelsius(i64);
    /// A size in bytes.
    Bytes(u64);
    /// A current in microamperes; positive flows into the battery.
    Microamps(i64);
    /// A voltage in microvolts.
    Microvolts(i64);
}

impl Nanos {
    /// As floating-point milliseconds.
    pub fn as_ms(self) -> f64 {
        self.0 as f64 / 1e6
    }
}

impl From<std::time::Duration> for Nanos {
    /// Saturates after 584 years.
    fn from(duration: std::time::Duration) -> Self {
        Self(u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX))
    }
}

impl From<Nanos> for std::time::Duration {
    fn from(nanos: Nanos) -> Self {
        Self::from_nanos(nanos.0)
    }
}

impl fmt::Display for Nanos {
    /// Three significant digits with the fitting prefix: `12.3 ms`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (value, unit) = match self.0 {
            n if n < 1_000 => return write!(f, "{n} ns"),
            n if n < 1_000_000 => (n as f64 / 1e3, "µs"),
            n if n < 1_000_000_000 => (n as f64 / 1e6, "ms"),
            n => (n as f64 / 1e9, "s"),
        };
        write!(f, "{} {unit}", three_digits(value))
    }
}

impl fmt::Display for Bytes {
    /// Decimal prefixes, as download sizes are quoted: `4.98 MB`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (value, unit) = match self.0 {
            n if n < 1_000 => return write!(f, "{n} B"),
            n if n < 1_000_000 => (n as f64 / 1e3, "kB"),
            n if n < 1_000_000_000 => (n as f64 / 1e6, "MB"),
            n => (n as f64 / 1e9, "GB"),
        };
        write!(f, "{} {unit}", three_digits(value))
    }
}

impl fmt::Display for Kilohertz {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} MHz", self.0 as f64 / 1e3)
    }
}

impl fmt::Display for Millicelsius {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.1} °C", self.0 as f64 / 1e3)
    }
}

fn three_digits(value: f64) -> String {
    let decimals = if value < 9.995 {
        2
    } else if value < 99.95 {
        1
    } else {
        0
    };
    format!("{value:.decimals$}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_and_sizes_show_three_digits_and_the_fitting_prefix() {
        assert_eq!(Nanos(999).to_string(), "999 ns");
        assert_eq!(Nanos(12_345_678).to_string(), "12.3 ms");
        assert_eq!(Nanos(1_234_000_000).to_string(), "1.23 s");
        assert_eq!(Bytes(4_975_000).to_string(), "4.97 MB");
        assert_eq!(Bytes(0).to_string(), "0 B");
        assert_eq!(Millicelsius(-1500).to_string(), "-1.5 °C");
    }
}
