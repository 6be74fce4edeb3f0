//! The knobs of a device that the agent may turn: a registry that is data, and the code that turns any entry of it into
//! steps on one device.
//!
//! An entry says where the knob is, what is written, how it reads back (which is often not what was written), when it is
//! turned, and where the knowledge comes from. There is no list of phones: a knob is there when its file is. One file a
//! family; [`all`] is the registry.
//!
//! Sources are public: "kernel" is the documentation of Linux, "Jetpack" the clock-locking script of Android's Jetpack
//! benchmarks, "devlib" and "WA" those of Arm, "freqbench", "ACC" and "MAIB" the tools of these names, "Skia" and "catapult"
//! the farms of Chromium, "PPM", "msm_performance" and "cpufreq_limit" the drivers in vendors' published kernels.

mod boost;
pub mod charge;
mod cpufreq;
mod cpuidle;
mod cpuset;
mod devfreq;
mod form;
mod gpu;
mod hotplug;
pub mod look;
mod mediatek;
mod msm;
pub mod plan;
pub mod ports;
mod power_mode;
mod prepare;
mod samsung;
mod screen;
mod services;
#[cfg(test)]
pub(crate) mod simulated;
pub mod table;
mod uclamp;

use std::str::FromStr;
use std::time::Duration;

pub use form::Form;

/// One entry of the registry.
#[derive(Debug, Clone, Copy)]
pub struct Knob {
    /// Its name here, `family` or `family.part`.
    pub name: &'static str,
    /// What turning it does, for people.
    pub effect: &'static str,
    /// Where it is.
    pub place: Place,
    /// What is written.
    pub value: Value,
    /// How that reads back.
    pub form: Form,
    /// When it is turned.
    pub when: When,
    /// Who may turn it on most devices; what this device allows is found by trying.
    pub access: Access,
    /// Stages are carried out one after another, and undone in the reverse order.
    pub stage: Stage,
    /// How long it may take until it reads back as written.
    pub settle: Duration,
    /// Whether its value outlives a reboot, so that the journal must outlive it as well.
    pub survives_reboot: bool,
    /// Devices on which it must not be turned.
    pub denied: &'static [Denied],
    /// Where the knowledge comes from.
    pub source: &'static str,
}

/// Limits may read back wrong for about a second on phones (freqbench); nothing that was seen takes longer.
const SETTLE: Duration = Duration::from_secs(1);

/// What most entries have in common.
const USUAL: Knob = Knob {
    name: "",
    effect: "",
    place: Place::Files(&[]),
    value: Value::Fixed("0"),
    form: Form::Number,
    when: When::Pinned,
    access: Access::Root,
    stage: Stage::Vendor,
    settle: SETTLE,
    survives_reboot: false,
    denied: &[],
    source: "",
};

/// Where a knob is. Paths are relative to the root; `*` stands for any part of one name.
#[derive(Debug, Clone, Copy)]
pub enum Place {
    /// Each of these files that exists.
    Files(&'static [&'static str]),
    /// A file in the folder of each cpufreq policy of the session's CPUs.
    Policy(&'static str),
    /// A file in the folder of each CPU of the session.
    Cpu(&'static str),
    /// A file in the folder of the first CPU of each policy of the session's CPUs.
    FirstCpu(&'static str),
    /// One of Android's settings: namespace and key.
    Setting(&'static str, &'static str),
    /// A service of Android's init, by each of its names.
    Service(&'static [&'static str]),
    /// A program whose last argument is the value; there is no way to ask what is set.
    Program {
        /// The program and its first arguments.
        command: &'static [&'static str],
        /// The value that undoes it.
        undo: &'static str,
    },
}

/// What is written.
#[derive(Debug, Clone, Copy)]
pub enum Value {
    /// Always this.
    Fixed(&'static str),
    /// This, or what the configuration gives instead.
    Default(&'static str),
    /// The pinned policy's operating point, kHz.
    Target,
    /// `cpu:kHz` of each pinned CPU.
    Pairs,
    /// `cluster kHz`, one write for each pinned policy.
    ClusterTarget,
    /// The number of CPUs of the policy.
    ClusterSize,
    /// All CPUs that are online, as a list.
    Online,
    /// The highest frequency that a table beside it, or else one folder up, offers.
    Highest(&'static str),
}

/// When a knob is turned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum When {
    /// Whenever a session's CPU is offline.
    Offline,
    /// Whenever a clock is pinned; the pin rests on it.
    Pins,
    /// Whenever a clock is pinned; it takes away what could disturb.
    Pinned,
    /// By the frequency plan `fixed-performance`.
    FixedPerformance,
    /// When the configuration asks for it by name.
    Asked,
    /// When the configuration asks for it by name, and the agent's own cut-off has a sensor to go by.
    AskedWithCutOff,
    /// When energy is measured while the device hangs on a cable; what it does is found by measuring.
    Charging,
}

/// Who may turn a knob on most devices.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// root, in any of its forms.
    Root,
    /// The user of `adb shell`.
    Shell,
}

/// In which order knobs are turned: what could undo or hide a later one comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stage {
    /// Daemons that would fight.
    Services,
    /// CPUs and who parks them.
    Hotplug,
    /// Governors; changing one may replace limits and tunables.
    Governor,
    /// Vendors' own limits and boosts.
    Vendor,
    /// Limits of cpufreq.
    Limits,
    /// Clocks beside those of the CPUs.
    Buses,
    /// Scheduler and idle states.
    Scheduler,
    /// Modes of the whole device, screen, charge.
    Device,
}

impl Stage {
    /// In order.
    pub const ALL: [Self; 8] =
        [Self::Services, Self::Hotplug, Self::Governor, Self::Vendor, Self::Limits, Self::Buses, Self::Scheduler, Self::Device];
}

/// Devices that a knob harms.
#[derive(Debug, Clone, Copy)]
pub struct Denied {
    /// The system property that tells them.
    pub property: &'static str,
    /// Its values there.
    pub values: &'static [&'static str],
    /// What happens there.
    pub why: &'static str,
}

/// The registry, family by family.
pub fn all() -> impl Iterator<Item = &'static Knob> {
    [
        services::KNOBS,
        hotplug::KNOBS,
        cpufreq::KNOBS,
        msm::KNOBS,
        mediatek::KNOBS,
        samsung::KNOBS,
        boost::KNOBS,
        devfreq::KNOBS,
        gpu::KNOBS,
        uclamp::KNOBS,
        cpuset::KNOBS,
        cpuidle::KNOBS,
        power_mode::KNOBS,
        screen::KNOBS,
        prepare::KNOBS,
        charge::KNOBS,
    ]
    .into_iter()
    .flatten()
}

/// A knob that the configuration asks for. Text form: a name of the registry or of a family, `cpuidle`, with a value where
/// it takes one, `governor=performance`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    name: String,
    value: Option<String>,
}

impl Asked {
    /// Whether this asks for that knob.
    pub fn means(&self, knob: &Knob) -> bool {
        matches!(knob.when, When::Asked | When::AskedWithCutOff) && is_named(knob, &self.name)
    }

    /// The value for it, if one is given.
    pub fn value(&self) -> Option<&str> {
        self.value.as_deref()
    }
}

impl std::fmt::Display for Asked {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.value {
            Some(value) => write!(f, "{}={value}", self.name),
            None => f.write_str(&self.name),
        }
    }
}

/// What is asked for in words, each once, so that the order in a configuration makes no difference.
pub fn in_order(asked: &[Asked]) -> Vec<String> {
    let words: std::collections::BTreeSet<String> = asked.iter().map(ToString::to_string).collect();
    words.into_iter().collect()
}

/// Whether a name is a knob's own or its family's.
fn is_named(knob: &Knob, name: &str) -> bool {
    knob.name == name || knob.name.split('.').next() == Some(name)
}

impl FromStr for Asked {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (name, value) = match text.split_once('=') {
            Some((name, value)) => (name.trim(), Some(value.trim().to_owned())),
            None => (text.trim(), None),
        };
        let asked = Self { name: name.into(), value };
        let mut meant = all().filter(|knob| asked.means(knob)).peekable();
        if meant.peek().is_none() {
            let mut names: Vec<&str> = all()
                .filter(|knob| matches!(knob.when, When::Asked | When::AskedWithCutOff))
                .filter_map(|knob| knob.name.split('.').next())
                .collect();
            names.dedup();
            return Err(format!("'{name}' is no knob that can be asked for: {}", names.join(", ")));
        }
        if asked.value.is_some() && !meant.all(|knob| matches!(knob.value, Value::Default(_))) {
            return Err(format!("{name} takes no value"));
        }
        if asked.value.as_ref().is_some_and(|value| !ports::is_plain(value)) {
            return Err(format!("'{text}' has a value with other than letters, digits and .:,_+- in it"));
        }
        Ok(asked)
    }
}

impl<'de> serde::Deserialize<'de> for Asked {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        <String as serde::Deserialize>::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests;
