//! What was seen around a measurement: the proof that settings held, or that they did not.

use serde::{Deserialize, Serialize};

use crate::cpuset::CpuSet;
use crate::reading::Reading;
use crate::units::{Kilohertz, Microamps, Microvolts, Millicelsius, Nanos};

/// Evidence of a whole session.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SessionEvidence {
    /// Waiting for a cool and idle device.
    pub settle: SettleEvidence,
    /// Each knob that was to be set; empty when the operating point asks for none.
    pub knobs: Vec<KnobEvidence>,
    /// Knobs that the agent's configuration asks for by name, whatever the operating point: `cpuidle`, `governor=performance`.
    /// In alphabetical order; figures with others do not compare.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub asked_knobs: Vec<String>,
    /// The operating point that each pinned clock was to stand at.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub targets: Vec<ClockTarget>,
    /// CPUs that the operating point's cores meant on this device.
    pub cpus: CpuSet,
    /// Looks at the device at a low rate, during the blocks.
    pub watch: Vec<WatchSample>,
    /// Where each clock spent its time over the blocks.
    pub residency: Vec<ResidencyEvidence>,
    /// What CPUs really did in a second, before and after the blocks.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub true_frequencies: Vec<TrueFrequency>,
    /// CPU time taken by a hypervisor over the blocks, as a share of one CPU (/proc/stat `steal`).
    pub steal_share: Reading<f64>,
}

/// The wait before a session.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SettleEvidence {
    /// How long it took.
    pub waited: Nanos,
    /// Whether the time ran out first.
    pub timed_out: bool,
    /// What was waited for when the time ran out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hindrance: Option<Hindrance>,
    /// What was waited for last, for people.
    pub detail: String,
    /// /proc/loadavg, one minute.
    pub load_1min: Reading<f64>,
    /// /proc/pressure/cpu `some avg10`, per cent.
    pub cpu_pressure: Reading<f64>,
}

/// What keeps a device from being settled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Hindrance {
    /// A sensor is too warm, or a cooling device slows the CPUs.
    Heat,
    /// Others want the CPUs.
    Competition,
    /// Tasks wait for memory or for storage.
    Pressure,
    /// The battery holds too little.
    Battery,
}

/// One knob of the device.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct KnobEvidence {
    /// Path or name.
    pub knob: String,
    /// What it said before.
    pub before: Reading<String>,
    /// What was asked.
    pub asked: String,
    /// What it said after the write settled.
    pub read_back: Reading<String>,
    /// What became of it.
    pub outcome: KnobOutcome,
    /// Whether the value from before was back at the end.
    pub restored: bool,
    /// Whether the operating point can hold without it: it only takes away what could disturb.
    #[serde(default, skip_serializing_if = "is_false")]
    pub helpful: bool,
}

fn is_false(flag: &bool) -> bool {
    !flag
}

/// The operating point that a plan means on this device.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ClockTarget {
    /// The policy's path.
    pub policy: String,
    /// Its CPUs.
    pub cpus: CpuSet,
    /// What the plan asks of it: `60%`.
    pub asked: String,
    /// The nearest operating point that it has.
    pub target: Kilohertz,
}

/// How quickly a CPU executed a chain of additions that wait for each other, of which one takes a known number of cycles.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct TrueFrequency {
    /// Which CPU.
    pub cpu: u32,
    /// Since the session's start.
    pub at: Nanos,
    /// Cycles in a second, or why it is not known. Somebody else on the CPU, and nothing else, makes it lower than it is.
    pub frequency: Reading<Kilohertz>,
    /// The same by the processor's own cycle counter over the same instructions, where the agent asked for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub counted: Option<Reading<Kilohertz>>,
}

/// What became of a knob.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum KnobOutcome {
    /// Read back as asked.
    Held,
    /// The write was refused.
    Refused,
    /// No such knob.
    Absent,
    /// Accepted, and something else changed it.
    Overridden,
    /// Accepted; the device gives no way to read it back.
    Unverified,
}

/// One look at the device while blocks run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct WatchSample {
    /// Since the session's start.
    pub at: Nanos,
    /// CPUs online.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub online: Option<CpuSet>,
    /// By cpufreq policy: frequency in force and cap.
    pub clocks: Vec<ClockSample>,
    /// By sensor type.
    pub temperatures: Vec<(String, Reading<Millicelsius>)>,
    /// Cooling devices that are active: type and state.
    pub cooling: Vec<(String, u64)>,
    /// /proc/pressure/cpu `some avg10`, per cent.
    pub cpu_pressure: Reading<f64>,
    /// Battery current, into the battery.
    pub current: Reading<Microamps>,
    /// Battery voltage.
    pub voltage: Reading<Microvolts>,
}

/// One clock at one moment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ClockSample {
    /// The policy's path.
    pub policy: String,
    /// scaling_cur_freq.
    pub frequency: Reading<Kilohertz>,
    /// scaling_max_freq.
    pub cap: Reading<Kilohertz>,
}

/// Difference of a policy's statistics over the blocks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ResidencyEvidence {
    /// The policy's path.
    pub policy: String,
    /// Its CPUs.
    pub cpus: CpuSet,
    /// stats/time_in_state, zero ones left out.
    pub time_in_state: Reading<Vec<StateTime>>,
    /// stats/total_trans.
    pub transitions: Reading<u64>,
    /// Hardware maximum, to tell a cap.
    pub hardware_max: Reading<Kilohertz>,
}

/// Time spent in one operating point.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct StateTime {
    /// Operating point.
    pub frequency: Kilohertz,
    /// Time there in ticks of 10 ms (USER_HZ).
    pub ticks: u64,
}

/// Where a thread of a runner was allowed and where it last ran.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ThreadPlacement {
    /// Thread id.
    pub tid: u32,
    /// Its name.
    pub name: String,
    /// /proc/<pid>/task/<tid>/status Cpus_allowed_list.
    pub allowed: Reading<CpuSet>,
    /// /proc/<pid>/task/<tid>/stat field 39.
    pub last_cpu: Reading<u32>,
}
