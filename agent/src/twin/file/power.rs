//! What a twin's file says of its battery, charger and rails.

use serde::Deserialize;

/// A battery: open-circuit voltage behind a resistance, seen through a gauge.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BatterySpec {
    /// Name of its power supply.
    pub supply: String,
    /// Full charge.
    pub capacity_mah: f64,
    /// Charge at the start, per cent.
    pub level: f64,
    /// Open-circuit voltage over level: per cent and volts, ascending.
    pub ocv: Vec<(f64, f64)>,
    /// Inner resistance.
    pub resistance_mohm: f64,
    /// How current and voltage are told.
    pub gauge: GaugeSpec,
}

/// What a fuel gauge makes of the battery's state.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GaugeSpec {
    /// Unit of `current_now`.
    pub current: CurrentUnit,
    /// What a positive current means.
    pub positive: Flow,
    /// Between two updates.
    pub period_ms: u64,
    /// Least step of the current, microamperes.
    pub step_ua: u64,
    /// Time constant of its low-pass.
    #[serde(default)]
    pub lag_ms: u64,
    /// Standard deviation of its noise, microamperes.
    #[serde(default)]
    pub noise_ua: f64,
    /// Whether it shows the mean since the last update, in place of the present value.
    #[serde(default)]
    pub averages: bool,
    /// Whether voltages are millivolts, in place of microvolts.
    #[serde(default)]
    pub millivolts: bool,
    /// When in each period it updates.
    #[serde(default)]
    pub phase_ms: u64,
    /// Unit of `charge_counter`.
    #[serde(default)]
    pub charge: ChargeUnit,
    /// Least step of the charge counter, microampere-hours.
    #[serde(default = "one")]
    pub charge_step_uah: u64,
}

fn one() -> u64 {
    1
}

impl GaugeSpec {
    /// When it updates next, ns.
    pub(in crate::twin) fn next_update(&self, now: u64) -> u64 {
        let (period, phase) = (self.period_ms * 1_000_000, self.phase_ms * 1_000_000);
        (now.saturating_sub(phase) / period + u64::from(now >= phase)) * period + phase
    }
}

/// Unit of a charge.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
pub enum ChargeUnit {
    /// As the kernel defines.
    #[default]
    #[serde(rename = "uAh")]
    MicroampereHour,
    /// Thousands of it.
    #[serde(rename = "mAh")]
    MilliampereHour,
    /// Thousandths of it.
    #[serde(rename = "nAh")]
    NanoampereHour,
    /// There is no such file.
    #[serde(rename = "absent")]
    Absent,
}

/// Unit of a current.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub enum CurrentUnit {
    /// As the kernel defines.
    #[serde(rename = "uA")]
    Microampere,
    /// Thousands of it.
    #[serde(rename = "mA")]
    Milliampere,
    /// The file says −2147483648, which means that there is no such figure.
    #[serde(rename = "unsupported")]
    Unsupported,
}

/// Direction of a current.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Flow {
    /// Into the battery.
    Charging,
    /// Out of it.
    Discharging,
}

/// A charger and what can cut it off.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChargerSpec {
    /// Name of its power supply.
    pub supply: String,
    /// Type of its power supply.
    #[serde(rename = "type")]
    pub kind: String,
    /// Whether it is plugged in at the start.
    #[serde(default)]
    pub plugged: bool,
    /// What it gives at most.
    pub input_mw: f64,
    /// Files that stop charging.
    #[serde(default, rename = "switch")]
    pub switches: Vec<SwitchSpec>,
}

/// A file that stops charging.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SwitchSpec {
    /// Path.
    pub path: String,
    /// What it says while charging is allowed.
    pub charging: String,
    /// What it says while charging is stopped.
    pub stopped: String,
    /// What stopping does.
    pub does: Stop,
    /// After this time the phone charges again by itself.
    #[serde(default)]
    pub undone_after_s: Option<f64>,
    /// Whether charging is stopped when the twin is switched on.
    #[serde(default)]
    pub engaged: bool,
}

/// What becomes of the charger's power.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stop {
    /// The input is cut: the phone discharges.
    Suspend,
    /// The phone runs on the charger, the battery rests.
    Bypass,
    /// Nothing: the file only looks like a switch.
    Nothing,
}

/// Energy counter of a processor, as Linux hosts show it below `/sys/class/powercap`: all cores and their leakage.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RaplSpec {
    /// The counter begins again after this.
    pub range_uj: u64,
    /// Its least step.
    pub step_uj: u64,
}

/// Metered rails, as Pixel phones show them below `/sys/bus/iio/devices`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RailsSpec {
    /// Folder of the meter: `iio:device0`.
    pub device: String,
    /// Between two updates.
    pub period_ms: u64,
    /// Rails, in the order of their channels.
    #[serde(rename = "rail")]
    pub rails: Vec<RailSpec>,
}

/// A rail.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RailSpec {
    /// Its name.
    pub name: String,
    /// The cluster it feeds, by place in the file; none for all the rest of the phone.
    #[serde(default)]
    pub cluster: Option<usize>,
}
