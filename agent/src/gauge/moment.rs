//! A battery as it was seen at one moment, and moments that belong together.

use benchrack_protocol::units::{Microvolts, Nanos};

/// What a device says its battery does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// Being charged; the current may flow out all the same, when the device draws more than the charger gives.
    Charging,
    /// Feeding the device.
    Discharging,
    /// On a charger that does not charge it.
    NotCharging,
    /// Full.
    Full,
}

impl Status {
    /// The words of /sys/class/power_supply (Documentation/ABI/testing/sysfs-class-power).
    pub fn of(text: &str) -> Option<Self> {
        match text.trim().to_ascii_lowercase().as_str() {
            "charging" => Some(Self::Charging),
            "discharging" => Some(Self::Discharging),
            "not charging" => Some(Self::NotCharging),
            "full" => Some(Self::Full),
            _ => None,
        }
    }

    /// Android's numbers (BatteryManager.BATTERY_STATUS_*), which `dumpsys battery` and healthd print.
    pub fn of_number(text: &str) -> Option<Self> {
        match text.trim() {
            "2" => Some(Self::Charging),
            "3" => Some(Self::Discharging),
            "4" => Some(Self::NotCharging),
            "5" => Some(Self::Full),
            _ => None,
        }
    }

    /// As the power supply class writes it.
    pub fn text(self) -> &'static str {
        match self {
            Self::Charging => "Charging",
            Self::Discharging => "Discharging",
            Self::NotCharging => "Not charging",
            Self::Full => "Full",
        }
    }
}

/// One look at a battery. What was not seen is none.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Moment {
    /// Time on the series' own clock.
    pub at: Option<Nanos>,
    /// Counts of the current.
    pub raw: Option<i64>,
    /// Voltage at the same moment.
    pub voltage: Option<Microvolts>,
    /// What the device says it does.
    pub status: Option<Status>,
    /// Whether a charger gives current: known from a supply that is online, or from an experiment's own notes.
    pub charger: Option<bool>,
    /// Charge left, per cent.
    pub level: Option<u32>,
    /// Counts of the charge counter.
    pub charge: Option<i64>,
}

/// Moments with one clock, of one battery, whose current comes from one file or message.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Series {
    /// In the order of time.
    pub moments: Vec<Moment>,
    /// Microamperes for each count where the source itself names the unit (`Inow(704mA)`).
    pub named_unit: Option<i64>,
    /// Counts that are lost by rounding: 1000 in healthd's log, which divides, else 1.
    pub resolution: i64,
}

impl Series {
    /// Moments whose counts are as the kernel gives them.
    pub fn of(moments: Vec<Moment>) -> Self {
        Self { moments, named_unit: None, resolution: 1 }
    }
}
