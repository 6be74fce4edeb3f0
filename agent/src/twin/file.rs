//! The text form of a twin: a line that names the form, the physics and the script as TOML, then a capture.
//!
//! ```text
//! # benchrack twin 1
//! base_mw = 600
//! …
//! # benchrack device capture 1
//! command getprop
//! | [ro.product.model]: [Pixel 6]
//! ```
//!
//! What the physics drives (clocks, temperatures, the battery, processes) answers as the physics says; a refusal in the
//! capture holds all the same, and everything else answers as captured.

pub(super) mod power;
mod system;

use benchrack_protocol::cpuset::CpuSet;
use serde::Deserialize;

use super::TwinError;
use super::layers::Layer;
use super::script::Scripted;
use crate::sysfs::{CAPTURE_HEADER, Captured};
pub use power::{BatterySpec, ChargeUnit, ChargerSpec, CurrentUnit, Flow, RailsSpec, RaplSpec, Stop, SwitchSpec};
#[cfg(test)]
pub use system::FileForm;
pub use system::{AndroidSpec, FileSpec};

/// First line of the form.
pub const HEADER: &str = "# benchrack twin 1";

/// Physics and script of a twin. Powers are milliwatts, frequencies kilohertz, temperatures degrees Celsius, times as
/// their names say.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Spec {
    /// Seed of all noise.
    #[serde(default)]
    pub seed: u64,
    /// Whether the agent may write kernel files, as root can.
    #[serde(default = "yes")]
    pub root: bool,
    /// What the phone draws with idle cores at 25 °C, its leakage left out.
    pub base_mw: f64,
    /// How much of that comes and goes from second to second, because others work: relative standard deviation.
    #[serde(default)]
    pub base_noise: f64,
    /// Folders of cpufreq.
    #[serde(default)]
    pub cpufreq: CpufreqFolders,
    /// Bytes that memory gives in a second, in thousands of millions.
    #[serde(default = "memory_speed")]
    pub memory_gb_s: f64,
    /// Cores of one kind, lowest CPU first.
    #[serde(rename = "cluster")]
    pub clusters: Vec<ClusterSpec>,
    /// How heat flows.
    pub heat: HeatSpec,
    /// Thermal zones.
    #[serde(default, rename = "sensor")]
    pub sensors: Vec<SensorSpec>,
    /// The battery and its gauge; none for a board.
    #[serde(default)]
    pub battery: Option<BatterySpec>,
    /// The charger.
    #[serde(default)]
    pub charger: Option<ChargerSpec>,
    /// Power rails that the chip meters.
    #[serde(default)]
    pub rails: Option<RailsSpec>,
    /// The energy counter of a Linux host's processor.
    #[serde(default)]
    pub rapl: Option<RaplSpec>,
    /// Android's services, settings and modes.
    #[serde(default)]
    pub android: AndroidSpec,
    /// Vendors' files that do not read back as they are written.
    #[serde(default, rename = "file")]
    pub files: Vec<FileSpec>,
    /// What works against the agent.
    #[serde(default, rename = "layer")]
    pub layers: Vec<Layer>,
    /// What happens when.
    #[serde(default)]
    pub script: Vec<Scripted>,
}

fn yes() -> bool {
    true
}

fn memory_speed() -> f64 {
    8.0
}

/// Where the kernel shows cpufreq.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CpufreqFolders {
    /// `cpufreq/policyN`, and `cpuN/cpufreq` as its links.
    #[default]
    Policies,
    /// Only `cpuN/cpufreq`, which goes when its CPU is unplugged: kernels before 4.3.
    Cpus,
}

/// Cores of one kind.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClusterSpec {
    /// Its CPUs.
    pub cpus: CpuSet,
    /// MIDR_EL1 of each.
    pub midr: u32,
    /// `cpu_capacity`; none on kernels without it.
    #[serde(default)]
    pub capacity: Option<u32>,
    /// Whether each CPU has a clock of its own.
    #[serde(default)]
    pub own_clocks: bool,
    /// Operating points: kHz and the mW of one busy core above an idle one at 25 °C. Ascending.
    pub opp: Vec<(u64, f64)>,
    /// Leakage of one powered core at 25 °C, mW.
    pub leakage_mw: f64,
    /// fp32 multiply-adds of one core in a cycle, as an engine reaches them.
    pub macs_per_cycle: f64,
    /// The same for int8.
    pub int8_macs_per_cycle: f64,
    /// `scaling_governor`.
    pub governor: String,
    /// `scaling_available_governors`; the present one alone without it.
    #[serde(default)]
    pub governors: Vec<String>,
    /// Whether the operating points are listed, in `scaling_available_frequencies`.
    #[serde(default = "yes")]
    pub listed: bool,
}

/// A chip on a body in the air: two thermal masses, two resistances.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HeatSpec {
    /// The air.
    pub ambient_c: f64,
    /// Heat that warms the die by one kelvin.
    pub die_j_per_k: f64,
    /// Die to body.
    pub die_k_per_w: f64,
    /// Heat that warms the body by one kelvin.
    pub body_j_per_k: f64,
    /// Body to air.
    pub body_k_per_w: f64,
    /// Growth of leakage with temperature: it grows by this share with each kelvin.
    #[serde(default = "leakage_growth")]
    pub leakage_per_k: f64,
}

fn leakage_growth() -> f64 {
    0.02
}

/// Where a sensor sits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Place {
    /// On the chip.
    Die,
    /// On the board or the case; the battery is as warm.
    Body,
}

/// A thermal zone.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SensorSpec {
    /// Its number.
    pub zone: u32,
    /// Its number after a reboot; the same without it.
    #[serde(default)]
    pub zone_after_reboot: Option<u32>,
    /// Its type.
    #[serde(rename = "type")]
    pub kind: String,
    /// What it senses.
    pub at: Place,
    /// In which unit it prints.
    #[serde(default)]
    pub unit: DegreeUnit,
    /// How far it is off.
    #[serde(default)]
    pub offset_c: f64,
}

/// Unit of a thermal zone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DegreeUnit {
    /// Thousandths, as the kernel defines.
    #[default]
    Milli,
    /// Tenths.
    Deci,
    /// Degrees.
    Whole,
}

/// Splits and reads a twin's text.
pub fn parse(text: &str) -> Result<(Spec, Captured), TwinError> {
    if text.lines().next().map(str::trim_end) != Some(HEADER) {
        return Err(TwinError::NoTwin);
    }
    let start = match text.find(&format!("\n{CAPTURE_HEADER}")) {
        Some(before) => before + 1,
        None => return Err(TwinError::NoCapture),
    };
    let (physics, capture) = text.split_at(start);
    let spec: Spec = toml::from_str(physics).map_err(|source| TwinError::Physics { source: Box::new(source) })?;
    let lines = physics.lines().count();
    let capture = Captured::parse(capture).map_err(|source| TwinError::Capture { source: source.after(lines) })?;
    spec.check()?;
    Ok((spec, capture))
}

impl Spec {
    /// What TOML's types do not say.
    fn check(&self) -> Result<(), TwinError> {
        let positive = |field: &str, value: f64| match value > 0.0 && value.is_finite() {
            true => Ok(()),
            false => Err(wrong(field, format!("{value} is not above zero"))),
        };
        if !(0.0..1.0).contains(&self.base_noise) {
            return Err(wrong("base_noise", format!("{} is not from 0 to below 1", self.base_noise)));
        }
        if self.rapl.as_ref().is_some_and(|rapl| rapl.step_uj == 0 || rapl.range_uj <= rapl.step_uj) {
            return Err(wrong("rapl", "step_uj must be above zero and below range_uj".into()));
        }
        let heat = &self.heat;
        for (field, value) in [
            ("memory_gb_s", self.memory_gb_s),
            ("heat.die_j_per_k", heat.die_j_per_k),
            ("heat.die_k_per_w", heat.die_k_per_w),
            ("heat.body_j_per_k", heat.body_j_per_k),
            ("heat.body_k_per_w", heat.body_k_per_w),
        ] {
            positive(field, value)?;
        }
        if self.clusters.is_empty() {
            return Err(wrong("cluster", "there is none".into()));
        }
        let mut seen = CpuSet::default();
        for (number, cluster) in self.clusters.iter().enumerate() {
            let field = |name: &str| format!("cluster {number}: {name}");
            if cluster.cpus.is_empty() || cluster.cpus.iter().any(|cpu| seen.contains(cpu)) {
                return Err(wrong(&field("cpus"), format!("'{}' is empty or names a CPU of another cluster", cluster.cpus)));
            }
            cluster.cpus.iter().for_each(|cpu| seen.insert(cpu));
            if cluster.opp.is_empty() || !cluster.opp.is_sorted_by(|one, next| one.0 < next.0) {
                return Err(wrong(&field("opp"), "operating points must ascend, and there must be one".into()));
            }
            positive(&field("macs_per_cycle"), cluster.macs_per_cycle)?;
            positive(&field("int8_macs_per_cycle"), cluster.int8_macs_per_cycle)?;
        }
        if let Some(battery) = &self.battery {
            positive("battery.capacity_mah", battery.capacity_mah)?;
            positive("battery.resistance_mohm", battery.resistance_mohm)?;
            if battery.ocv.len() < 2 || !battery.ocv.is_sorted_by(|one, next| one.0 < next.0 && one.1 <= next.1) {
                return Err(wrong("battery.ocv", "two or more points with ascending level and voltage are needed".into()));
            }
            let gauge = &battery.gauge;
            if gauge.period_ms == 0 || gauge.step_ua == 0 || gauge.charge_step_uah == 0 {
                return Err(wrong("battery.gauge", "period_ms, step_ua and charge_step_uah must be above zero".into()));
            }
        }
        if let Some(rails) = &self.rails {
            if rails.period_ms == 0 {
                return Err(wrong("rails.period_ms", "it must be above zero".into()));
            }
            for cluster in rails.rails.iter().filter_map(|rail| rail.cluster) {
                self.has("rails.rail", cluster)?;
            }
        }
        self.layers.iter().filter_map(Layer::cluster).try_for_each(|cluster| self.has("layer", cluster))?;
        self.script.iter().filter_map(Scripted::cluster).try_for_each(|cluster| self.has("script", cluster))
    }

    fn has(&self, field: &str, cluster: usize) -> Result<(), TwinError> {
        match self.clusters.get(cluster) {
            Some(_) => Ok(()),
            None => Err(wrong(field, format!("there is no cluster {cluster}; the first is 0"))),
        }
    }
}

fn wrong(field: &str, why: String) -> TwinError {
    TwinError::Wrong { field: field.into(), why }
}
