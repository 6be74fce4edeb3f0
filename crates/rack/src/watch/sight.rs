//! What a watch is told, and what it makes of it.

use std::fmt;
use std::time::Duration;

use benchrack_protocol::rack::RackPhase;
use serde::Serialize;

use super::Trouble;
use crate::battery::Battery;
use crate::phones::PhoneState;

/// Bounds of patience, of `config/rack.toml`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Policy {
    /// A phone that the server has not heard of for so long is silent. An idle agent asks for work twice a minute.
    pub silence: Duration,
    /// A phone that is gone from adb's list, or offline there, is left alone for so long: someone may be moving it.
    pub grace: Duration,
    /// After so long without trouble the ladder begins at its foot again.
    pub calm: Duration,
    /// So many boots that nobody asked for within [`Policy::boots_within`] are a reboot loop.
    pub boots: usize,
    /// See [`Policy::boots`].
    pub boots_within: Duration,
    /// A battery below this that does not charge is trouble, percent.
    pub battery_floor: u8,
    /// So often a phone that rests is asked for its battery's level.
    pub battery_every: Duration,
    /// Whether there is a command that cycles a port's power.
    pub can_cycle_power: bool,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            silence: Duration::from_secs(120),
            grace: Duration::from_secs(20),
            calm: Duration::from_secs(600),
            boots: 3,
            boots_within: Duration::from_secs(1_800),
            battery_floor: 15,
            battery_every: Duration::from_secs(600),
            can_cycle_power: false,
        }
    }
}

/// When the server last heard of a phone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Heard {
    /// The server itself does not answer: nothing can be said of the phone.
    Unknown,
    /// Never since this rack began.
    Never,
    /// At this time on this rack's clock.
    At(Duration),
}

/// What is seen of a phone now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sight {
    /// Its state in adb's list; none when it is not there.
    pub adb: Option<PhoneState>,
    /// Whether its adb server answers: when it does not, nothing is known of the phone.
    pub adb_answers: bool,
    /// Its transport: another one each time that it is attached.
    pub transport: Option<u64>,
    /// When the server last heard of it.
    pub heard: Heard,
    /// Whether it is registered and has no session.
    pub rests: bool,
    /// Its port's power, as far as this rack switches it.
    pub port: PortPower,
    /// For so long its session wants to be without power.
    pub wants_off: Option<Duration>,
}

/// The power of a port.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum PortPower {
    /// This rack has not switched it off.
    #[default]
    On,
    /// It has, for a session.
    Off,
    /// It is to be on again, and cannot be switched on.
    StaysOff,
}

/// How an action ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It was done. Bringing a phone up tells the boot it was in.
    Done {
        /// The kernel's random number of the boot.
        boot: Option<String>,
    },
    /// What it said of its battery.
    Battery(Battery),
    /// The phone was told to finish and stay away; it is as it shall be.
    Drained,
    /// The phone did not answer, or the action failed on the way.
    Unreachable(String),
    /// Something outside of the phone is missing: the server, the file of the agent, a phone that is still booting.
    Later(String),
    /// The phone answered, and trying again will not help: no room, a foreign ABI, an agent that does not run.
    Refused(String),
}

/// How a phone is doing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "phase", rename_all = "snake_case")]
pub enum Phase {
    /// Seen, and being brought up.
    Starting,
    /// The server hears of it.
    Working,
    /// Its port's power is off for a session, as it wished; its silence is no trouble.
    Detached,
    /// It finished because it was told to, and waits for `deploy`.
    Drained,
    /// A person has to do something at the phone.
    NeedsPerson {
        /// What adb says.
        state: PhoneState,
    },
    /// Something is wrong and the ladder is being climbed.
    Recovering {
        /// What is wrong.
        trouble: Trouble,
    },
    /// Left alone until a person readmits it, or until it shows itself again where it was gone.
    Quarantined {
        /// Why.
        reason: String,
    },
}

/// An entry of a phone's history.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Entry {
    /// On this rack's clock.
    pub at: Duration,
    /// What was seen or done.
    pub what: String,
}

impl Phase {
    /// Which one, without what it carries.
    pub fn kind(&self) -> RackPhase {
        match self {
            Self::Starting => RackPhase::Starting,
            // It does what it shall.
            Self::Working | Self::Detached => RackPhase::Working,
            Self::Drained => RackPhase::Drained,
            Self::NeedsPerson { .. } => RackPhase::NeedsPerson,
            Self::Recovering { .. } => RackPhase::Recovering,
            Self::Quarantined { .. } => RackPhase::Quarantined,
        }
    }
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Starting => f.write_str("starting"),
            Self::Working => f.write_str("at work"),
            Self::Detached => f.write_str("at work, its port's power is off"),
            Self::Drained => f.write_str("drained"),
            Self::NeedsPerson { state } => write!(f, "needs you: {state}"),
            Self::Recovering { trouble } => write!(f, "recovering: {trouble}"),
            Self::Quarantined { reason } => write!(f, "quarantined: {reason}"),
        }
    }
}
