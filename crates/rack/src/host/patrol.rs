//! The loop that keeps a host's phones at work: sees, asks each phone's watch, does what it says.

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, Instant};

use benchrack_protocol::api::Device;
use benchrack_protocol::causes::chain;
use benchrack_protocol::rack::RackReport;
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;

use super::detach::Keeper;
use super::line::cut;
use super::tell::{Order, Word, tell};
use super::{Host, Line, Unit};
use crate::settings::Settings;
use crate::watch::{Action, Heard, Outcome, Phase, Policy, PortPower, ServerLock, Sight, Watch};

/// How often adb's lists are read.
const LOOKS: Duration = Duration::from_secs(2);
/// How often the server is asked whom it heard of.
const ASKS: Duration = Duration::from_secs(10);
/// Phones are shown so often even when nothing changed.
const SHOWS: Duration = Duration::from_secs(30);
/// A shorter stretch without power is not worth its switching: nothing could be measured in it, and the command that switches
/// the port off might still run at its end.
const SHORTEST_OFF: Duration = Duration::from_secs(90);
/// Phones that are served at a time: more would only share the hubs' bandwidth and this host's cores.
const AT_A_TIME: usize = 6;

struct Tracked {
    unit: Unit,
    seen: bool,
    adb_answers: bool,
    watch: Watch,
    device: Option<Device>,
    /// When its last sign of life at the server was seen to change, on our clock.
    heard: Option<Duration>,
    port: PortPower,
}

/// Keeps the host's phones at work until `stop` is done. `show` gets all phones whenever something changed, and
/// twice a minute.
pub async fn patrol(host: Arc<Host>, policy: Policy, stop: impl Future<Output = ()>, mut show: impl FnMut(&[Line])) {
    tokio::pin!(stop);
    let began = Instant::now();
    let mut phones: BTreeMap<String, Tracked> = BTreeMap::new();
    // By adb server; boards share one that nothing takes.
    let mut locks: BTreeMap<Option<usize>, ServerLock> = BTreeMap::new();
    let mut tasks: JoinSet<(String, Action, Outcome)> = JoinSet::new();
    let at_a_time = Arc::new(Semaphore::new(AT_A_TIME));
    let mut looks = tokio::time::interval(LOOKS);
    looks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let (mut asked, mut server_answers) = (None::<Duration>, false);
    let (mut shown, mut shown_at) = (Vec::new(), None);
    let (report, told) = watch::channel(None);
    // Beside the patrol: a server that hangs keeps no phone waiting.
    let name = Settings::host_label(&host.name);
    let reporter = tokio::spawn(tell(host.client.clone(), name.clone(), told));
    let keeper = Keeper::start(&host);
    let mut off = BTreeSet::new();
    loop {
        tokio::select! {
            biased;
            () = &mut stop => break,
            Some(ended) = tasks.join_next() => {
                let now = began.elapsed();
                match ended {
                    Ok((id, action, outcome)) => {
                        if let Some(phone) = phones.get_mut(&id) {
                            let lock = locks.entry(phone.unit.server).or_default();
                            if action != Action::RestartServer {
                                lock.end();
                            }
                            let sight = phone.sight(server_answers);
                            phone.watch.done(outcome, &sight, lock, now);
                        }
                    }
                    Err(error) => tracing::error!(%error, "an action ended without an outcome"),
                }
            }
            _ = looks.tick() => {
                see(&host, policy, &mut phones, began.elapsed()).await;
                let now = began.elapsed();
                if asked.is_none_or(|asked| now.saturating_sub(asked) >= ASKS) {
                    asked = Some(now);
                    server_answers = hear(&host, &mut phones, now).await;
                }
                look_at_ports(&host, &mut phones, &keeper, server_answers, &mut off);
            }
        }
        let now = began.elapsed();
        for (id, phone) in &mut phones {
            let sight = Sight { wants_off: phone.wants_off(&host, now), ..phone.sight(server_answers) };
            let lock = locks.entry(phone.unit.server).or_default();
            let Some(action) = phone.watch.look(&sight, lock, now) else { continue };
            if action != Action::RestartServer {
                lock.begin();
            }
            let (host, unit, id, turns) = (Arc::clone(&host), phone.unit.clone(), id.clone(), Arc::clone(&at_a_time));
            tasks.spawn(async move {
                // The semaphore is never closed; if it were, going ahead would be right.
                let _turn = turns.acquire_owned().await.ok();
                let outcome = host.act(&unit, action).await;
                (id, action, outcome)
            });
        }
        let away = off.iter().filter(|id| !phones.contains_key(*id)).map(|id| Line::without_power(id));
        let lines: Vec<Line> = phones.iter().map(|(id, phone)| phone.line(id, now)).chain(away).collect();
        let due = shown_at.is_none_or(|at: Duration| now.saturating_sub(at) >= SHOWS);
        if due || changed(&shown, &lines) {
            show(&lines);
            shown_at = Some(now);
            let orders = phones.values().filter_map(|phone| phone.order(&name)).collect();
            report.send_replace(Some(Word { report: RackReport { phones: lines.iter().map(Line::told).collect() }, orders }));
        }
        shown = lines;
    }
    // What is under way is dropped with its adb calls; every step can be done again.
    tasks.shutdown().await;
    drop((report, keeper));
    for error in host.power_all_back().await {
        tracing::error!(error = chain(&error), "a phone is left without power; the next start tries again");
    }
    if let Err(error) = reporter.await {
        tracing::error!(%error, "the server is not told of this rack any more");
    }
}

/// Reads adb's lists. A server that does not answer takes its phones' state with it.
async fn see(host: &Host, policy: Policy, phones: &mut BTreeMap<String, Tracked>, now: Duration) {
    let (units, errors) = host.units().await;
    for (server, error) in &errors {
        tracing::warn!(server, error = chain(error), "an adb server's phones cannot be listed");
    }
    for phone in phones.values_mut() {
        phone.seen = false;
        phone.adb_answers = !errors.iter().any(|(server, _)| phone.unit.server == Some(*server));
    }
    for mut unit in units {
        let same = |known: &&Tracked| known.unit.server == unit.server && known.unit.phone.is_at_the_place_of(&unit.phone);
        if let Some(known) = phones.values().find(same) {
            unit.phone.keep_name_of(&known.unit.phone);
        }
        let id = unit.phone.id();
        match phones.get_mut(&id) {
            Some(phone) => {
                // A phone that is away for a moment keeps what only a ready one tells.
                let (model, port) = (phone.unit.phone.model.take(), phone.unit.phone.port.take());
                phone.unit = unit;
                phone.unit.phone.model = phone.unit.phone.model.take().or(model);
                phone.unit.phone.port = phone.unit.phone.port.take().or(port);
                phone.seen = true;
            }
            None => {
                let watch = Watch::new(policy, now);
                phones.insert(
                    id,
                    Tracked { unit, seen: true, adb_answers: true, watch, device: None, heard: None, port: PortPower::On },
                );
            }
        }
    }
}

/// Asks the server whom it heard of; whether it answered.
async fn hear(host: &Host, phones: &mut BTreeMap<String, Tracked>, now: Duration) -> bool {
    let devices = match host.client.devices().await {
        Ok(devices) => devices,
        Err(error) => {
            tracing::warn!(error = chain(&error), "the server does not answer");
            return false;
        }
    };
    for phone in phones.values_mut() {
        let label = Settings::label_of(&phone.unit.phone);
        let Some(device) = devices.iter().find(|device| device.labels.contains(&label)) else { continue };
        let before = phone.device.replace(device.clone());
        if before.is_none_or(|before| before.last_seen_at != device.last_seen_at) && device.state != "offline" {
            phone.heard = Some(now);
        }
    }
    true
}

/// Which ports are off, and which of their phones no longer want that: the server heard them, or their session is over.
fn look_at_ports(
    host: &Host,
    phones: &mut BTreeMap<String, Tracked>,
    keeper: &Keeper,
    server_answers: bool,
    off: &mut BTreeSet<String>,
) {
    match host.ports.off() {
        Ok(ports) => *off = ports.into_iter().map(|port| port.phone).collect(),
        Err(error) => {
            tracing::error!(error = chain(&error), "which ports are off cannot be read");
            return;
        }
    }
    let mut early = BTreeSet::new();
    for (id, phone) in phones {
        phone.port = match off.contains(id) {
            false => PortPower::On,
            true if host.detach.is_none() || keeper.fails(id) => PortPower::StaysOff,
            true => PortPower::Off,
        };
        let wants = phone.device.as_ref().is_none_or(|device| device.detached_until.is_some());
        let being_cut = matches!(phone.watch.busy(), Some(Action::CutPower(_)));
        if phone.port != PortPower::On && server_answers && !wants && !being_cut {
            early.insert(id.clone());
        }
    }
    keeper.end_early(early);
}

/// Whether there is something new to show.
fn changed(before: &[Line], now: &[Line]) -> bool {
    before.len() != now.len() || before.iter().zip(now).any(|(before, now)| !before.says_the_same_as(now))
}

impl Tracked {
    /// For so long its session wants to be without power, from now on: it said so when it was last heard of, which the server
    /// told at most so long ago as it is asked. Both times are of the server's clock.
    fn wants_off(&self, host: &Host, now: Duration) -> Option<Duration> {
        host.detachable(&self.unit)?;
        let device = self.device.as_ref()?;
        let wanted = Duration::try_from(device.detached_until? - device.last_seen_at).ok()?;
        let ago = now.checked_sub(self.heard?)?.saturating_add(ASKS);
        wanted.checked_sub(ago).filter(|time| *time >= SHORTEST_OFF)
    }

    fn sight(&self, server_answers: bool) -> Sight {
        let heard = match self.heard {
            _ if !server_answers => Heard::Unknown,
            Some(at) => Heard::At(at),
            None => Heard::Never,
        };
        let phone = &self.unit.phone;
        let adb = self.seen.then(|| phone.state.clone());
        let rests = self.device.as_ref().is_some_and(|device| matches!(device.state.as_str(), "idle" | "cooling"));
        let transport = if adb.is_some() { phone.transport } else { None };
        Sight { rests, transport, adb, adb_answers: self.adb_answers, heard, port: self.port, wants_off: None }
    }

    /// What the server has to be asked for: no work for a phone that was put aside, and work again for one that was.
    fn order(&self, rack: &str) -> Option<Order> {
        let device = self.device.as_ref()?;
        let ours = format!("rack {rack}: ");
        match (self.watch.phase(), device.state.as_str()) {
            (Phase::Quarantined { reason }, "idle" | "leased" | "cooling") if self.watch.is_put_aside() => {
                Some(Order::Quarantine(device.id, cut(&format!("{ours}{reason}"), Device::LONGEST_REASON)))
            }
            (Phase::Working, "quarantined") if device.reason.as_ref().is_some_and(|reason| reason.starts_with(&ours)) => {
                Some(Order::Readmit(device.id))
            }
            _ => None,
        }
    }

    fn line(&self, id: &str, now: Duration) -> Line {
        let phone = &self.unit.phone;
        Line {
            id: id.into(),
            model: phone.model.clone(),
            adb: self.seen.then(|| phone.state.clone()),
            phase: self.watch.phase().clone(),
            doing: self.watch.busy(),
            last: self.watch.history().next_back().map(|entry| entry.what.clone()),
            device: self.device.as_ref().map(|device| device.name.clone()),
            device_state: self.device.as_ref().map(|device| device.state.clone()),
            silent_s: self.heard.map(|heard| now.saturating_sub(heard).as_secs()),
        }
    }
}
