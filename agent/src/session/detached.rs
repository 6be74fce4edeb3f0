//! A stretch without the cable's power, on a device that cannot stop charging itself and whose rack can switch its port.
//!
//! The session asks for it, whoever works for the server passes that on, and whether the cable is gone is seen on the device
//! alone: without the cable there may be no way to the server. The rack switches the port on again at the end of the stretch,
//! or when the wish is taken back and it hears of that.

use std::path::Path;
use std::time::Duration;

use benchrack_protocol::api::Heartbeat;
use benchrack_protocol::gauge::Gauge;
use benchrack_protocol::rack::POWER_KEPT;
use benchrack_protocol::reading::Reading;
use benchrack_protocol::units::Nanos;
use tokio::sync::watch;
use tokio::time::sleep;

use crate::device::Device;
use crate::energy::{Look, open};
use crate::probe::power_supply::{self, supplies};

/// The server answers a sign of life within seconds; one that is away is asked again meanwhile.
const ANSWERED_WITHIN: Duration = Duration::from_secs(60);
/// A rack asks the server every ten seconds, looks at the battery, and runs its command; the gauge then follows.
const CUT_WITHIN: Duration = Duration::from_secs(90);
/// A gauge that is filtered, or slow, then tells nothing of the charge before any more.
const FOLLOWS: Duration = Duration::from_secs(12);
/// Between two looks.
const LOOKS: Duration = Duration::from_secs(1);
/// What is measured ends so long before the stretch does, so that the cable does not come back into the last loop.
const MARGIN: Duration = Duration::from_secs(30);
/// Nothing is begun below this, percent: the phone is without its cable for minutes.
const BEGINS_AT: u32 = 30;
/// What is measured ends below this, percent.
const ENDS_BELOW: u32 = 20;

/// Where the wish stands.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Wish {
    None,
    /// Asked for, until this time of the device's clock.
    Asked(Nanos),
    /// The server lets the lease live that long.
    Granted(Nanos),
    /// It does not, for this reason.
    Refused(String),
}

/// The cable as a session and the work loop share it.
#[derive(Debug)]
pub struct Cable {
    longest: Duration,
    wish: watch::Sender<Wish>,
}

impl Cable {
    /// One whose power can be cut for so long at a time.
    pub fn new(longest: Duration) -> Self {
        Self { longest, wish: watch::Sender::new(Wish::None) }
    }

    /// For the work loop: until when the session may be silent, if it asks for that.
    pub fn wished_until(&self) -> Option<Nanos> {
        match &*self.wish.borrow() {
            Wish::Asked(until) | Wish::Granted(until) => Some(*until),
            Wish::None | Wish::Refused(_) => None,
        }
    }

    /// For the work loop: the server's answer to the wish until this time.
    pub fn answered(&self, until: Nanos, answer: Result<(), String>) {
        self.wish.send_if_modified(|wish| {
            let asks = *wish == Wish::Asked(until);
            if asks {
                *wish = answer.map_or_else(Wish::Refused, |()| Wish::Granted(until));
            }
            asks
        });
    }

    /// For the work loop: tells of every change of the wish.
    pub fn changes(&self) -> Changes {
        Changes(self.wish.subscribe())
    }

    /// Asks, and waits for the answer.
    async fn ask(&self, until: Nanos) -> Result<Stretch<'_>, String> {
        self.wish.send_replace(Wish::Asked(until));
        let stretch = Stretch { cable: self, until };
        let mut answer = self.wish.subscribe();
        let answered = answer.wait_for(|wish| !matches!(wish, Wish::Asked(_)));
        match tokio::time::timeout(ANSWERED_WITHIN, answered).await.map(|answer| answer.map(|wish| wish.clone())) {
            Ok(Ok(Wish::Granted(_))) => Ok(stretch),
            Ok(Ok(Wish::Refused(why))) => Err(format!("the server does not let the session be silent: {why}")),
            // The sender lives as long as this cable.
            Ok(Ok(Wish::None | Wish::Asked(_)) | Err(_)) | Err(_) => {
                Err(format!("the server did not answer within {} s", ANSWERED_WITHIN.as_secs()))
            }
        }
    }
}

/// Changes of a wish.
#[derive(Debug)]
pub struct Changes(watch::Receiver<Wish>);

impl Changes {
    /// Until there is another one.
    pub async fn next(&mut self) {
        if self.0.changed().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

/// A wish that was granted; taken back when this is dropped.
#[derive(Debug)]
struct Stretch<'a> {
    cable: &'a Cable,
    until: Nanos,
}

impl Drop for Stretch<'_> {
    fn drop(&mut self) {
        self.cable.wish.send_replace(Wish::None);
    }
}

/// A device without its cable.
pub(super) struct Detached<'a> {
    device: &'a Device,
    gauge: Option<&'a Gauge>,
    stretch: Stretch<'a>,
}

/// Whether nothing but its cable stands between the device and its energy: no meter answers, and one would if the battery fed
/// the device.
pub(super) fn would_help(device: &Device, gauge: Option<&Gauge>) -> bool {
    open(device, gauge, None).value().is_none() && open(device, gauge, Some(&|| true)).value().is_some()
}

/// Asks for a stretch that holds so long a measurement and waits until the device is seen without its cable. `tell` hears of
/// it before the cable is gone.
///
/// # Errors
/// Why the power was not cut.
pub(super) async fn detach<'a>(
    device: &'a Device,
    gauge: Option<&'a Gauge>,
    (cable, folder): (&'a Cable, &Path),
    wanted: Duration,
    tell: impl FnOnce(&str),
) -> Result<Detached<'a>, String> {
    let word = folder.join(POWER_KEPT);
    match std::fs::remove_file(&word) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            return Err(format!("cannot remove {}: {error}", word.display()));
        }
        _ => {}
    }
    let level = level(device).ok_or("the battery's level is not known")?;
    if level < BEGINS_AT {
        return Err(format!("the battery is at {level} %, {BEGINS_AT} % are needed"));
    }
    let time = wanted.saturating_add(CUT_WITHIN).saturating_add(MARGIN).min(cable.longest);
    tell(&format!("measuring energy with the cable's power cut, for up to {} s", time.as_secs()));
    let until = Nanos(device.clock.now().0.saturating_add(Nanos::from(time).0));
    let stretch = cable.ask(until).await?;
    let is_gone = async {
        while !is_fed_by_battery(device, gauge) {
            if let Ok(why) = std::fs::read_to_string(&word) {
                return Err(format!("its rack keeps the power of its port: {}", why.trim()));
            }
            sleep(LOOKS).await;
        }
        sleep(FOLLOWS).await;
        Ok(())
    };
    match tokio::time::timeout(CUT_WITHIN, is_gone).await {
        Ok(Ok(())) => Ok(Detached { device, gauge, stretch }),
        Ok(Err(why)) => Err(why),
        Err(_) => Err(format!("the power of its cable was not cut within {} s", CUT_WITHIN.as_secs())),
    }
}

impl Detached<'_> {
    /// How long measuring may take from now on.
    pub(super) fn left(&self) -> Duration {
        let left = self.stretch.until.0.saturating_sub(self.device.clock.now().0);
        Duration::from_nanos(left).saturating_sub(MARGIN)
    }

    /// Returns when the battery is too low to go on, with the reason.
    pub(super) async fn too_low(&self) -> String {
        loop {
            sleep(LOOKS).await;
            if let Some(level) = level(self.device).filter(|level| *level < ENDS_BELOW) {
                return format!("the battery is at {level} % without its cable, the agent ends this below {ENDS_BELOW} %");
            }
        }
    }

    /// Takes the wish back and waits until the cable is there again: what is measured next was to be measured with it. A cable
    /// that does not come back is waited for no longer than its rack needs.
    pub(super) async fn attach(self) {
        let Self { device, gauge, stretch } = self;
        let until = Duration::from_nanos(stretch.until.0.saturating_sub(device.clock.now().0));
        drop(stretch);
        let is_back = async {
            while open(device, gauge, None).value().is_some() {
                sleep(LOOKS).await;
            }
        };
        if tokio::time::timeout(until.saturating_add(Heartbeat::RETURNS_WITHIN), is_back).await.is_err() {
            tracing::warn!("the power of the cable has not come back");
        }
    }
}

/// Whether a meter tells what the device draws: a gauge that is behind still tells a current into the battery.
fn is_fed_by_battery(device: &Device, gauge: Option<&Gauge>) -> bool {
    match open(device, gauge, None) {
        Reading::Value { value: mut source } => matches!(source.look(device.clock.now()), Look::Reading(_)),
        Reading::Missing { .. } => false,
    }
}

/// Of the battery, percent.
fn level(device: &Device) -> Option<u32> {
    let fs = device.sysfs.as_ref();
    let all = supplies(fs);
    let name = power_supply::battery(fs, &all)?.name.clone();
    power_supply::supply(fs, name).capacity_percent.value().copied()
}
