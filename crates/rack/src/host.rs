//! This host: its adb servers, its boards, and how a phone of it is brought up.

use std::path::Path;
use std::time::Duration;

use benchrack_client::{Client, ClientError};
use benchrack_protocol::causes::chain;

use crate::abi::{AgentFileError, Agents};
use crate::adb::{Adb, AdbError};
use crate::battery;
use crate::deploy::{self, DeployError, Wanted};
use crate::enrol::Enrolment;
use crate::phones::{self, Phone, PhoneState};
use crate::place::Place;
use crate::ports::Journal;
use crate::reach::{AdbPhone, Answer, Reach, SshHost};
use crate::settings::Settings;
use crate::survey::{Survey, survey};
use crate::watch::{Action, Outcome};

mod detach;
mod line;
mod patrol;
mod power;
mod tell;
pub use detach::{Commands, Detaching, PowerBackError};
pub use line::Line;
pub use patrol::patrol;
pub use power::PowerCommand;

/// How phones reach the server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WayBack {
    /// Through adb: this port of the phone's own loopback leads to that port of the host with the adb server.
    Reverse {
        /// On the phone.
        phone_port: u16,
        /// On the host.
        host_port: u16,
    },
    /// By an address that phones can reach themselves.
    Address(String),
}

impl WayBack {
    /// The server's address as a phone knows it: a number, because a static agent looks no names up on Android.
    pub fn address(&self) -> String {
        match self {
            Self::Reverse { phone_port, .. } => format!("http://127.0.0.1:{phone_port}"),
            Self::Address(address) => address.clone(),
        }
    }
}

/// A host of a rack.
#[derive(Debug, Clone)]
pub struct Host {
    /// As people call it.
    pub name: String,
    /// Its adb servers.
    pub adbs: Vec<Adb>,
    /// Boards that it reaches by ssh, with the folder for the agent on each.
    pub boards: Vec<(SshHost, Place)>,
    /// The server, with the right to make tokens.
    pub client: Client,
    /// The agents for phones.
    pub agents: Agents,
    /// How phones reach the server.
    pub way_back: WayBack,
    /// Whether the agents prepare their phones in each session: awake, dim, without animations. Boards are left as they are.
    pub prepares: bool,
    /// The command that cycles a port's power, if there is one.
    pub power: Option<PowerCommand>,
    /// How phones are measured without their cables, if their ports can be switched off and on.
    pub detach: Option<Detaching>,
    /// Which ports are off for that.
    pub ports: Journal,
}

/// A phone of this host, or a board.
#[derive(Debug, Clone)]
pub struct Unit {
    /// As adb lists it; a board is always ready.
    pub phone: Phone,
    /// Which of the host's adb servers; boards have none.
    pub server: Option<usize>,
    /// The way to it.
    pub way: Way,
    /// Where things are on it.
    pub place: Place,
}

/// The way to a phone or board.
#[derive(Debug, Clone)]
pub enum Way {
    /// By adb.
    Adb(AdbPhone),
    /// By ssh.
    Ssh(SshHost),
}

impl Reach for Way {
    async fn shell(&self, script: &str, limit: Duration) -> Result<Answer, AdbError> {
        match self {
            Self::Adb(phone) => phone.shell(script, limit).await,
            Self::Ssh(board) => board.shell(script, limit).await,
        }
    }

    async fn push(&self, file: &Path, to: &str, limit: Duration) -> Result<(), AdbError> {
        match self {
            Self::Adb(phone) => phone.push(file, to, limit).await,
            Self::Ssh(board) => board.push(file, to, limit).await,
        }
    }

    async fn lead_back(&self, phone_port: u16, host_port: u16) -> Result<(), AdbError> {
        match self {
            Self::Adb(phone) => phone.lead_back(phone_port, host_port).await,
            Self::Ssh(board) => board.lead_back(phone_port, host_port).await,
        }
    }
}

/// A phone could not be brought up.
#[derive(Debug, thiserror::Error)]
pub enum BringUpError {
    /// No answer from the phone.
    #[error("the phone does not answer")]
    Reach(#[from] AdbError),
    /// Its system is not up yet.
    #[error("the phone is still starting")]
    Booting,
    /// No agent is built for such a phone.
    #[error("no agent is built for a phone whose ABI is '{property}' on a '{machine}'")]
    UnknownAbi {
        /// `ro.product.cpu.abi`.
        property: String,
        /// `uname -m`.
        machine: String,
    },
    /// The agent's file.
    #[error(transparent)]
    AgentFile(#[from] AgentFileError),
    /// The server does not enrol it.
    #[error("the server does not enrol the phone; making its token takes a token with the scope admin")]
    Enrol(#[from] ClientError),
    /// The configuration cannot be written.
    #[error("the agent's configuration cannot be written")]
    Settings(#[from] toml::ser::Error),
    /// A step failed.
    #[error(transparent)]
    Deploy(#[from] DeployError),
}

impl BringUpError {
    /// What the watch makes of it.
    pub fn outcome(&self) -> Outcome {
        let why = chain(self);
        match self {
            Self::Reach(AdbError::NoWayBack { .. }) | Self::UnknownAbi { .. } => Outcome::Refused(why),
            Self::Reach(error) | Self::Deploy(DeployError::Reach(error)) if error.is_transient() => Outcome::Unreachable(why),
            Self::Deploy(DeployError::Damaged { .. } | DeployError::Failed { .. }) => Outcome::Unreachable(why),
            // The one before it is at work, and the next look leaves it at that.
            Self::Deploy(DeployError::Died { rolled_back: true, .. } | DeployError::Here(_)) => Outcome::Later(why),
            Self::Deploy(DeployError::Reach(_)) | Self::Reach(_) => Outcome::Later(why),
            Self::Deploy(_) => Outcome::Refused(why),
            Self::Booting | Self::AgentFile(_) | Self::Enrol(_) | Self::Settings(_) => Outcome::Later(why),
        }
    }
}

impl Host {
    /// Everything that this host sees, whatever its state, and which adb servers do not answer: that hides their phones only.
    pub async fn units(&self) -> (Vec<Unit>, Vec<(usize, AdbError)>) {
        let (mut units, mut errors) = (Vec::new(), Vec::new());
        for (server, adb) in self.adbs.iter().enumerate() {
            match phones::attached(adb).await {
                Ok(phones) => units.extend(phones.into_iter().map(|phone| {
                    let way = Way::Adb(AdbPhone::of(adb, &phone));
                    Unit { phone, server: Some(server), way, place: Place::on_android() }
                })),
                Err(error) => errors.push((server, error)),
            }
        }
        let name = |server: Option<usize>| self.adbs.get(server?)?.server.as_ref().map(ToString::to_string);
        let mut listed: Vec<_> = units.iter_mut().map(|unit| (&mut unit.phone, name(unit.server))).collect();
        phones::tell_apart(&mut listed);
        units.extend(self.boards.iter().map(|(board, place)| {
            let phone = Phone::new(board.destination().into(), PhoneState::Device);
            Unit { phone, server: None, way: Way::Ssh(board.clone()), place: place.clone() }
        }));
        (units, errors)
    }

    /// Brings a phone to what it shall be: looks at it, enrols it, deploys what is missing, leads it back to the server.
    /// Returns how it was found and what was done.
    ///
    /// # Errors
    /// See [`BringUpError`].
    pub async fn bring_up(&self, unit: &Unit) -> Result<(Survey, Vec<deploy::Step>), BringUpError> {
        let found = survey(&unit.way, &unit.place).await?;
        if !found.booted {
            return Err(BringUpError::Booting);
        }
        let Some(abi) = found.abi() else {
            return Err(BringUpError::UnknownAbi { property: found.abi_property, machine: found.machine });
        };
        let agents = self.agents.clone();
        let hashed = tokio::task::spawn_blocking(move || agents.of(abi)).await;
        // It only fails when the runtime ends.
        let agent = hashed.map_err(|error| DeployError::Here(std::io::Error::other(error)))??;
        let mut settings = Settings::of(&unit.phone, &found, &unit.place, &self.way_back.address(), &self.name);
        if self.prepares && unit.server.is_some() {
            settings = settings.prepared();
        }
        if let Some(longest) = self.detachable(unit) {
            settings = settings.detachable(longest);
        }
        let settings = settings.text()?;
        let enrolment = Enrolment::of(&unit.phone.id(), &self.name);
        let token = enrolment.token(&self.client, found.token).await?;
        if let WayBack::Reverse { phone_port, host_port } = self.way_back {
            unit.way.lead_back(phone_port, host_port).await?;
        }
        let keep = token.as_ref().map(|token| token.id).or(found.token);
        let wanted = Wanted { agent, settings, token };
        let steps = deploy::plan(&found, &wanted)?;
        deploy::carry_out(&unit.way, &unit.place, &wanted, &steps).await?;
        // Also where this one is not new: a host that was killed has left tokens that never came to a phone.
        enrolment.revoke_others(&self.client, keep).await?;
        Ok((found, steps))
    }

    /// Takes the agent off a phone and revokes its tokens.
    ///
    /// # Errors
    /// See [`BringUpError`].
    pub async fn undeploy(&self, unit: &Unit) -> Result<(), BringUpError> {
        deploy::undeploy(&unit.way, &unit.place).await?;
        Enrolment::of(&unit.phone.id(), &self.name).revoke_others(&self.client, None).await?;
        Ok(())
    }

    /// Does what the watch wants.
    pub async fn act(&self, unit: &Unit, action: Action) -> Outcome {
        const LIMIT: Duration = Duration::from_secs(30);
        let done = match (action, &unit.way) {
            (Action::CutPower(time), _) => return self.cut_power(unit, time).await,
            (Action::BringUp, _) => {
                return match self.bring_up(unit).await {
                    Ok((found, steps)) => {
                        tracing::info!(phone = unit.phone.id(), ?steps, "brought up");
                        match found.drained {
                            true => Outcome::Drained,
                            false => Outcome::Done { boot: Some(found.boot_id).filter(|boot| !boot.is_empty()) },
                        }
                    }
                    Err(error) => error.outcome(),
                };
            }
            (Action::LookAtBattery, way) => {
                return match battery::look(way, &unit.place).await {
                    Ok(battery) => Outcome::Battery(battery),
                    Err(error) => Outcome::Unreachable(chain(&error)),
                };
            }
            (Action::RestartAgent, _) => match deploy::stop(&unit.way, &unit.place).await {
                Ok(()) => Ok(()),
                Err(error) => return Outcome::Unreachable(chain(&error)),
            },
            (Action::PowerCycle, _) => match &self.power {
                Some(power) => power.run(&unit.phone).await,
                None => return Outcome::Refused("there is no command that switches the port".into()),
            },
            (Action::Reconnect, Way::Adb(phone)) => phone.call(&["reconnect"], LIMIT).await.map(drop),
            (Action::Reboot, Way::Adb(phone)) => phone.call(&["reboot"], LIMIT).await.map(drop),
            (Action::RestartServer, Way::Adb(_)) => match unit.server.and_then(|server| self.adbs.get(server)) {
                Some(adb) => restart_server(adb).await,
                None => return Outcome::Refused("its adb server is not known".into()),
            },
            (Action::Reconnect | Action::RestartServer | Action::Reboot, Way::Ssh(_)) => {
                return Outcome::Refused("a board by ssh has no adb".into());
            }
        };
        match done {
            Ok(()) => Outcome::Done { boot: None },
            Err(error) => Outcome::Unreachable(chain(&error)),
        }
    }
}

/// Ends adb's server and starts it again; a server that hangs does not end by asking, and the start says so.
async fn restart_server(adb: &Adb) -> Result<(), AdbError> {
    if let Err(error) = adb.call(&["kill-server"]).await {
        tracing::warn!(error = chain(&error), "adb's server does not end by asking");
    }
    adb.call(&["start-server"]).await.map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_phone_cannot_help_is_tried_later_and_what_it_cannot_do_is_refused() {
        let lost = || AdbError::CutOff { call: "x".into() };
        assert!(matches!(BringUpError::Reach(lost()).outcome(), Outcome::Unreachable(_)));
        assert!(matches!(BringUpError::Deploy(lost().into()).outcome(), Outcome::Unreachable(_)));
        assert!(matches!(BringUpError::Booting.outcome(), Outcome::Later(_)));
        let no_room = DeployError::NoSpace { free: 1, needed: 2 };
        assert!(matches!(BringUpError::Deploy(no_room).outcome(), Outcome::Refused(_)));
        let back = DeployError::Died { rolled_back: true, log: String::new() };
        assert!(matches!(BringUpError::Deploy(back).outcome(), Outcome::Later(_)));
    }
}
