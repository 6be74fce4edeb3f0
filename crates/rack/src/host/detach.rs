//! Cutting the power of a phone's port for an energy session, and giving it back.

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use benchrack_protocol::causes::chain;
use benchrack_protocol::rack::POWER_KEPT;
use time::OffsetDateTime;
use tokio::sync::watch;

use super::{Host, PowerCommand, Unit};
use crate::adb::{AdbError, quoted};
use crate::battery;
use crate::phones::Phone;
use crate::place::Place;
use crate::ports::{Journal, Port, PortsError};
use crate::reach::Reach;
use crate::watch::Outcome;

/// What switches one port.
pub trait Switch: Send + Sync {
    /// Takes its power away.
    fn off(&self, phone: &Phone) -> impl Future<Output = Result<(), AdbError>> + Send;
    /// Gives it back; nothing changes where it is on.
    fn on(&self, phone: &Phone) -> impl Future<Output = Result<(), AdbError>> + Send;
}

/// The operator's two commands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Commands {
    /// Switches a port off.
    pub off: PowerCommand,
    /// Switches it on.
    pub on: PowerCommand,
}

impl Switch for Commands {
    async fn off(&self, phone: &Phone) -> Result<(), AdbError> {
        self.off.run(phone).await
    }

    async fn on(&self, phone: &Phone) -> Result<(), AdbError> {
        self.on.run(phone).await
    }
}

/// How phones of a host are measured without their cables.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Detaching<S = Commands> {
    /// What switches ports.
    pub switch: S,
    /// At most so long at a time.
    pub longest: Duration,
    /// Not below this level of the battery, percent.
    pub least_level: u8,
    /// At least so long from one time of a phone to its next.
    pub rest: Duration,
}

/// Between two looks at the journal.
const LOOKS: Duration = Duration::from_secs(2);
/// A command that fails is tried again after this, longer each time.
const AGAIN: Duration = Duration::from_secs(5);
const LONGEST_WAIT: Duration = Duration::from_secs(120);

/// The wall clock: the end of a stretch outlives this process.
#[expect(clippy::disallowed_methods, reason = "the one place of the rack that reads the wall clock")]
fn wall() -> OffsetDateTime {
    OffsetDateTime::now_utc()
}

impl Host {
    /// For so long this phone's port can be off at a time; none where it cannot be switched.
    pub(super) fn detachable(&self, unit: &Unit) -> Option<Duration> {
        let detach = self.detach.as_ref()?;
        let both = unit.server.is_some() && detach.switch.off.is_for(&unit.phone) && detach.switch.on.is_for(&unit.phone);
        both.then_some(detach.longest)
    }

    /// Cuts the power of a phone's port for so long.
    pub(super) async fn cut_power(&self, unit: &Unit, time: Duration) -> Outcome {
        match &self.detach {
            Some(detach) => detach.cut(&self.ports, &unit.way, &unit.place, &unit.phone, time, wall()).await,
            None => Outcome::Refused("there are no commands that switch the port off and on".into()),
        }
    }

    /// Switches ports on whose time is over: at the start of whatever a host does, before anything else. Returns what is left
    /// off, and why.
    pub async fn power_back(&self) -> Vec<PowerBackError> {
        self.switch_on(self.ports.due(wall())).await
    }

    /// The same for all ports: nobody will be there to see their end.
    pub(super) async fn power_all_back(&self) -> Vec<PowerBackError> {
        self.switch_on(self.ports.off()).await
    }

    async fn switch_on(&self, ports: Result<Vec<Port>, PortsError>) -> Vec<PowerBackError> {
        let ports = match ports {
            Ok(ports) => ports,
            Err(error) => return vec![error.into()],
        };
        let mut left = Vec::new();
        for port in ports {
            let done = match &self.detach {
                Some(detach) => detach.switch_on(&self.ports, &port).await,
                None => Err(PowerBackError::NoCommand { phone: port.phone, port: port.port }),
            };
            left.extend(done.err());
        }
        left
    }
}

/// A port may still be off.
#[derive(Debug, thiserror::Error)]
pub enum PowerBackError {
    /// There is nothing to switch it with.
    #[error(
        "the port of {phone} ({}) was switched off, and no power_on is configured: switch it on and remove the journal, or name \
         the command", port.as_deref().unwrap_or("its name is not known")
    )]
    NoCommand {
        /// Which phone.
        phone: String,
        /// adb's name of the port.
        port: Option<String>,
    },
    /// The command failed.
    #[error("the port of {phone} cannot be switched on again")]
    Command {
        /// Which phone.
        phone: String,
        /// How.
        #[source]
        source: AdbError,
    },
    /// The journal.
    #[error(transparent)]
    Journal(#[from] PortsError),
}

impl<S: Switch> Detaching<S> {
    /// Cuts the power of a phone's port. What is in the journal afterwards is switched on by [`Detaching::keep`], whatever
    /// becomes of this call.
    pub(super) async fn cut(
        &self,
        journal: &Journal,
        reach: &impl Reach,
        place: &Place,
        phone: &Phone,
        time: Duration,
        now: OffsetDateTime,
    ) -> Outcome {
        // The phone waits for its power to go, so that a look at its battery disturbs nothing.
        let battery = match battery::look(reach, place).await {
            Ok(battery) => battery,
            Err(error) => return Outcome::Unreachable(chain(&error)),
        };
        let refused = match battery.level {
            Some(level) if level >= self.least_level => {
                journal.reserve(phone, time.min(self.longest), self.rest, now).map_err(|error| chain(&error)).err()
            }
            Some(level) => Some(format!("its battery is at {level} %, {} % are needed", self.least_level)),
            None => Some("its battery's level is not known".into()),
        };
        if let Some(why) = refused {
            tell_why(reach, place, &why).await;
            return Outcome::Refused(why);
        }
        match self.switch.off(phone).await {
            Ok(()) => Outcome::Done { boot: None },
            Err(error) => {
                // It may be off or not, so it is switched on.
                if let Err(error) = journal.end(&phone.id(), now) {
                    tracing::error!(error = chain(&error), phone = phone.id(), "the port is switched on at its end");
                }
                let why = chain(&error);
                tell_why(reach, place, &format!("the command that cuts it failed: {why}")).await;
                Outcome::Unreachable(why)
            }
        }
    }

    /// Switches a port of the journal on, and notes that it is.
    async fn switch_on(&self, journal: &Journal, port: &Port) -> Result<(), PowerBackError> {
        let done = self.switch.on(&port.phone()).await;
        done.map_err(|source| PowerBackError::Command { phone: port.phone.clone(), source })?;
        journal.is_on(&port.phone)?;
        tracing::info!(phone = port.phone, "the port has its power again");
        Ok(())
    }

    /// Switches ports on when their time is over, and those of `early`, for ever; `failing` says which cannot be.
    pub(super) async fn keep(
        &self,
        journal: &Journal,
        early: watch::Receiver<BTreeSet<String>>,
        failing: &watch::Sender<BTreeSet<String>>,
        mut now: impl FnMut() -> OffsetDateTime,
    ) {
        let mut looks = tokio::time::interval(LOOKS);
        looks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut waits: BTreeMap<String, (tokio::time::Instant, Duration)> = BTreeMap::new();
        loop {
            looks.tick().await;
            let early = early.borrow().clone();
            let due = early.iter().try_for_each(|phone| journal.end(phone, now())).and_then(|()| journal.due(now()));
            let due = match due {
                Ok(due) => due,
                Err(error) => {
                    tracing::error!(error = chain(&error), "which ports have to be switched on cannot be read");
                    continue;
                }
            };
            for port in due {
                let phone = &port.phone;
                if waits.get(phone).is_some_and(|(until, _)| tokio::time::Instant::now() < *until) {
                    continue;
                }
                match self.switch_on(journal, &port).await {
                    Ok(()) => {
                        waits.remove(phone);
                        failing.send_if_modified(|failing| failing.remove(phone));
                    }
                    Err(error) => {
                        tracing::error!(error = chain(&error), phone, "a port has no power");
                        let wait = waits.get(phone).map_or(AGAIN, |(_, wait)| (*wait * 2).min(LONGEST_WAIT));
                        waits.insert(phone.clone(), (tokio::time::Instant::now() + wait, wait));
                        failing.send_if_modified(|failing| failing.insert(phone.clone()));
                    }
                }
            }
        }
    }
}

/// Leaves word on the phone, so that its session need not wait in vain; it finds out otherwise too.
async fn tell_why(reach: &impl Reach, place: &Place, why: &str) {
    let script =
        format!("printf %s {} >\"$B/{POWER_KEPT}.new\" && mv -f \"$B/{POWER_KEPT}.new\" \"$B/{POWER_KEPT}\"", quoted(why));
    if let Err(error) = reach.shell(&place.script(&script), Duration::from_secs(20)).await {
        tracing::debug!(error = chain(&error), "the phone is not told that it keeps its power");
    }
}

/// [`Detaching::keep`] of a host, until this is dropped.
pub(super) struct Keeper {
    early: watch::Sender<BTreeSet<String>>,
    failing: watch::Receiver<BTreeSet<String>>,
    task: tokio::task::JoinHandle<()>,
}

impl Keeper {
    pub(super) fn start(host: &Arc<Host>) -> Self {
        let (early, hears) = watch::channel(BTreeSet::new());
        let (tells, failing) = watch::channel(BTreeSet::new());
        let host = Arc::clone(host);
        let task = tokio::spawn(async move {
            match &host.detach {
                Some(detach) => detach.keep(&host.ports, hears, &tells, wall).await,
                None => std::future::pending().await,
            }
        });
        Self { early, failing, task }
    }

    /// Phones that no longer want to be without power.
    pub(super) fn end_early(&self, phones: BTreeSet<String>) {
        self.early.send_if_modified(|early| {
            let changed = *early != phones;
            *early = phones;
            changed
        });
    }

    /// Whether a phone's port cannot be switched on.
    pub(super) fn fails(&self, phone: &str) -> bool {
        self.failing.borrow().contains(phone)
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        self.task.abort();
    }
}

#[cfg(test)]
mod tests;
