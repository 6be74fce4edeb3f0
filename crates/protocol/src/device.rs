//! What an agent knows of the device it runs on.

use serde::{Deserialize, Serialize};

use crate::access::Access;
use crate::cpuset::CpuSet;
use crate::gauge::Gauge;
use crate::reading::Reading;
use crate::units::{Bytes, Kilohertz, Microamps, Microvolts, Millicelsius};

/// Everything the probes found. Printed by `benchrack-agent probe --json` and sent when the agent registers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct DeviceReport {
    /// Operating system and hardware names.
    pub identity: Identity,
    /// All CPU numbers the kernel may ever bring online.
    pub cpus_possible: Reading<CpuSet>,
    /// CPUs online when probed.
    pub cpus_online: Reading<CpuSet>,
    /// Cores of one kind, slowest first.
    pub clusters: Vec<Cluster>,
    /// What could not be told, with the reason: never a guess.
    pub unknown: Vec<Unknown>,
    /// One line of DVFS control for each cpufreq policy.
    pub policies: Vec<CpufreqPolicy>,
    /// Thermal zones by type.
    pub thermal_zones: Vec<ThermalZone>,
    /// Cooling devices, the kernel's means of throttling.
    pub cooling_devices: Vec<CoolingDevice>,
    /// Batteries and chargers.
    pub power_supplies: Vec<PowerSupply>,
    /// Main memory.
    pub memory: Memory,
    /// Whether figures from here are real.
    pub reality: Reality,
    /// The battery, from all sources that name it; none where nothing does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub battery: Option<Battery>,
    /// Temperatures by sensor, of the kernel's zones and of Android's thermal service.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub temperatures: Vec<Temperature>,
    /// Who the agent is on this device, and what that lets it read and prove.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub access: Option<Access>,
    /// CPUs that are online and that the scheduler gives no tasks: parked by core_ctl on phones, isolated by the boot line on
    /// hosts; left out where there are none, or the kernel does not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cpus_isolated: Option<CpuSet>,
}

impl DeviceReport {
    /// The power supply that is the battery; none where only a service tells of one.
    pub fn battery_supply(&self) -> Option<&PowerSupply> {
        let battery = self.battery.as_ref()?;
        self.power_supplies.iter().find(|supply| supply.name == battery.supply)
    }
}

/// Where figures come from; carried by every device, session and run, end to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Reality {
    /// Hardware.
    Real,
    /// Real code under an emulated CPU: outputs count, times do not.
    Emulated,
    /// A twin: nothing was executed.
    Simulated,
}

/// Names of the device and its system.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Identity {
    /// Stable over reboots and updates: the digest of a serial number or machine id, never the number itself.
    pub key: String,
    /// For people: `Google Pixel 8`, `Debian GNU/Linux 12 on AMD EPYC`.
    pub title: String,
    /// `ro.product.manufacturer` or DMI vendor.
    pub manufacturer: Reading<String>,
    /// `ro.product.model`, DMI product or device-tree model.
    pub model: Reading<String>,
    /// The chip: `ro.soc.model`, else what the maker or the kernel calls it, or the CPU's name.
    pub soc: Reading<String>,
    /// `ro.build.fingerprint`, or on Linux distribution and kernel release: a new one starts a new series.
    pub os_fingerprint: String,
    /// `android` or `linux`.
    pub os: String,
    /// Release of the system: Android version or distribution version.
    pub os_release: Reading<String>,
    /// `uname -r`.
    pub kernel: Reading<String>,
    /// Machine architecture as the kernel names it: `aarch64`.
    pub architecture: String,
}

/// Cores of one kind.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Cluster {
    /// `little`, `mid`, `big`, `prime`, or `all` where there is one kind.
    pub name: String,
    /// Its CPUs.
    pub cpus: CpuSet,
    /// `Cortex-A53`, from MIDR_EL1 or /proc/cpuinfo.
    pub core: Reading<String>,
    /// Lowest hardware frequency.
    pub min_freq: Reading<Kilohertz>,
    /// Highest hardware frequency.
    pub max_freq: Reading<Kilohertz>,
    /// The kernel's relative capacity, 0 to 1024.
    pub capacity: Reading<u32>,
    /// The files that the grouping rests on.
    pub source: String,
}

/// A question that the device's files do not answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Unknown {
    /// What was asked.
    pub what: String,
    /// Why it cannot be told.
    pub why: String,
}

/// One cpufreq policy (Documentation/admin-guide/pm/cpufreq.rst).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct CpufreqPolicy {
    /// Folder below /sys/devices/system/cpu, `cpufreq/policy0` or `cpu0/cpufreq`.
    pub path: String,
    /// CPUs that share the clock.
    pub cpus: CpuSet,
    /// Governor in force.
    pub governor: Reading<String>,
    /// Governors on offer.
    pub governors: Reading<Vec<String>>,
    /// Operating points, ascending.
    pub frequencies: Reading<Vec<Kilohertz>>,
    /// Hardware bounds.
    pub hardware_min: Reading<Kilohertz>,
    /// Hardware bounds.
    pub hardware_max: Reading<Kilohertz>,
    /// Bounds in force.
    pub scaling_min: Reading<Kilohertz>,
    /// Bounds in force; lower than the hardware's when something caps the clock.
    pub scaling_max: Reading<Kilohertz>,
    /// Frequency the driver last asked for.
    pub current: Reading<Kilohertz>,
    /// Whether this user can change the bounds.
    pub writable: bool,
}

/// One thermal zone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ThermalZone {
    /// Folder name, `thermal_zone0`; changes between boots, so for display only.
    pub zone: String,
    /// The sensor's name.
    pub kind: Reading<String>,
    /// Temperature, the file's unit inferred.
    pub temperature: Reading<Millicelsius>,
}

/// One cooling device.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct CoolingDevice {
    /// Folder name.
    pub device: String,
    /// Type.
    pub kind: Reading<String>,
    /// State in force; 0 is no throttling.
    pub state: Reading<u64>,
    /// Highest state.
    pub max_state: Reading<u64>,
}

/// One power supply (Documentation/ABI/testing/sysfs-class-power).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PowerSupply {
    /// Folder name.
    pub name: String,
    /// `Battery`, `USB`, `Mains`, …
    pub kind: Reading<String>,
    /// `Charging`, `Discharging`, `Full`, …
    pub status: Reading<String>,
    /// Charge left, per cent.
    pub capacity_percent: Reading<u32>,
    /// Current into the battery; missing with a reason until unit and sign are proved on this device.
    pub current: Reading<Microamps>,
    /// Voltage.
    pub voltage: Reading<Microvolts>,
    /// Temperature.
    pub temperature: Reading<Millicelsius>,
    /// Whether this supply feeds the device.
    pub online: Reading<bool>,
}

/// The battery as a whole: one answer from the power supply class, `dumpsys battery` and, in captures, logs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Battery {
    /// Its folder below /sys/class/power_supply, or `battery` where only other sources name it.
    pub supply: String,
    /// Where the figures of [`Battery::now`] come from, best source first.
    pub sources: Vec<String>,
    /// What it is doing; in a capture of several moments the one that stands for it.
    pub now: BatteryMoment,
    /// Unit, sign and rhythm of its current, or why they are not proved.
    pub gauge: Reading<Gauge>,
    /// All moments of a capture that holds several; empty on a live device.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub moments: Vec<BatteryMoment>,
}

/// A battery at one moment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct BatteryMoment {
    /// Of which moment: `now`, or as the capture names it.
    pub name: String,
    /// What the device states: `Charging`, `Discharging`, `Not charging`, `Full`; the current can contradict it.
    pub status: Reading<String>,
    /// Charge left, per cent.
    pub level_percent: Reading<u32>,
    /// Current into the battery; missing with a reason where unit or sign is not proved.
    pub current: Reading<Microamps>,
    /// Voltage.
    pub voltage: Reading<Microvolts>,
    /// Temperature.
    pub temperature: Reading<Millicelsius>,
}

/// One temperature and where it was read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Temperature {
    /// The sensor's name; never the number of a zone.
    pub kind: String,
    /// What it measures, as the thermal HAL classifies it; absent for a kernel zone, which has only a name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<Place>,
    /// Its temperature, or why it has none.
    pub temperature: Reading<Millicelsius>,
    /// `thermal_zone7` or `thermalservice`.
    pub source: String,
}

/// What a sensor of Android's thermal HAL measures (android.hardware.thermal, TemperatureType, version 3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the HAL's names say it")]
pub enum Place {
    Cpu,
    Gpu,
    Battery,
    Skin,
    UsbPort,
    PowerAmplifier,
    Npu,
    Tpu,
    Display,
    Modem,
    Soc,
    Wifi,
    Camera,
    Flashlight,
    Speaker,
    Ambient,
    Pogo,
}

/// /proc/meminfo.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Memory {
    /// MemTotal.
    pub total: Reading<Bytes>,
    /// MemAvailable.
    pub available: Reading<Bytes>,
    /// Page size.
    pub page_size: Reading<Bytes>,
}
