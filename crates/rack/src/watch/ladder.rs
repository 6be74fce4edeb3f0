//! What can be wrong with a phone, and what is tried about it, the mildest first.

use std::fmt;
use std::time::Duration;

use serde::Serialize;

/// What is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Trouble {
    /// Its adb server does not answer.
    Unlisted,
    /// adb does not list it any more.
    Gone,
    /// adb lists it as offline.
    Offline,
    /// It is in Android's recovery system.
    NotAndroid,
    /// adb lists it as ready and its shell does not answer.
    Stuck,
    /// It answers, and the server does not hear of it.
    Silent,
    /// Its battery is below the floor, and it does not charge.
    Sinking,
    /// Its port was switched off for a session, and cannot be switched on.
    Unpowered,
}

/// What is done with a phone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(into = "&'static str")]
pub enum Action {
    /// Look at it, deploy what is missing, lead it back to the server, start the agent where none runs.
    BringUp,
    /// End the agent, by force where it hangs, and start it.
    RestartAgent,
    /// `adb reconnect`: close the transport on this host's side.
    Reconnect,
    /// `adb kill-server` and `start-server`: hurts all phones of the server.
    RestartServer,
    /// Switch the port's power off and on.
    PowerCycle,
    /// `adb reboot`.
    Reboot,
    /// Ask it for its battery's level.
    LookAtBattery,
    /// Switch the port's power off for so long, as its session wishes.
    CutPower(Duration),
}

impl From<Action> for &'static str {
    fn from(action: Action) -> Self {
        match action {
            Action::BringUp => "bring_up",
            Action::RestartAgent => "restart_agent",
            Action::Reconnect => "reconnect",
            Action::RestartServer => "restart_server",
            Action::PowerCycle => "power_cycle",
            Action::Reboot => "reboot",
            Action::LookAtBattery => "look_at_battery",
            Action::CutPower(_) => "cut_power",
        }
    }
}

impl Trouble {
    /// What is tried, in this order.
    pub fn rungs(self) -> &'static [Action] {
        use Action::{BringUp, PowerCycle, Reboot, Reconnect, RestartAgent, RestartServer};
        match self {
            // No phone is cycled for what its server does.
            Self::Unlisted => &[RestartServer],
            Self::Gone => &[PowerCycle, RestartServer],
            Self::Offline => &[Reconnect, PowerCycle, RestartServer],
            Self::NotAndroid => &[Reboot],
            Self::Stuck => &[Reconnect, PowerCycle, RestartServer, Reboot],
            Self::Silent => &[BringUp, RestartAgent, Reconnect, PowerCycle, Reboot],
            // A phone that reboots on an empty battery may not come back.
            Self::Sinking => &[PowerCycle],
            // The keeper of ports goes on trying, and a person is told.
            Self::Unpowered => &[],
        }
    }
}

impl Action {
    /// For histories.
    pub fn word(self) -> &'static str {
        match self {
            Self::BringUp => "deploying",
            Self::RestartAgent => "restarting the agent",
            Self::Reconnect => "reconnecting",
            Self::RestartServer => "restarting adb's server",
            Self::PowerCycle => "cycling the port's power",
            Self::Reboot => "rebooting",
            Self::LookAtBattery => "looking at its battery",
            Self::CutPower(_) => "cutting its port's power",
        }
    }

    /// Time to show an effect.
    pub fn shows_within(self) -> Duration {
        Duration::from_secs(match self {
            Self::BringUp => 45,
            Self::RestartAgent => 10,
            Self::Reconnect => 15,
            Self::RestartServer => 20,
            // Ports come back within seconds, a phone that was flat does not.
            Self::PowerCycle => 45,
            Self::Reboot => 150,
            Self::LookAtBattery | Self::CutPower(_) => 0,
        })
    }

    /// Whether the phone's transport ends with it, and with that its way back to the server.
    pub fn ends_transport(self) -> bool {
        matches!(self, Self::Reconnect | Self::RestartServer | Self::PowerCycle | Self::Reboot)
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Unlisted => "adb's server does not answer",
            Self::Gone => "gone from adb's list",
            Self::Offline => "offline",
            Self::NotAndroid => "in the recovery system",
            Self::Stuck => "its shell does not answer",
            Self::Silent => "the server does not hear of it",
            Self::Sinking => "its battery is low and does not charge",
            Self::Unpowered => "its port was switched off and cannot be switched on",
        })
    }
}
