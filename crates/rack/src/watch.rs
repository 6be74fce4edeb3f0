//! Keeping one phone at work: what to do about what is seen of it. No I/O and no clock of its own.
//!
//! What is seen is adb's list and when the server last heard of the phone: nothing runs on a phone that may be measuring.
//! Trouble climbs a ladder, one rung after another, each with time to show an effect and more of it at every relapse;
//! what is left then is quarantine, with the reason and with all that was tried. Rungs after FAI-PEP, devil and Skia's
//! task runner: reconnect, restart the agent, restart adb's server, cycle the port's power, reboot.

use std::collections::VecDeque;
use std::time::Duration;

use crate::phones::PhoneState;

mod ladder;
mod lock;
mod power;
mod sight;
pub use ladder::{Action, Trouble};
pub use lock::ServerLock;
pub use sight::{Entry, Heard, Outcome, Phase, Policy, PortPower, Sight};

/// One phone's watch.
#[derive(Debug, Clone)]
pub struct Watch {
    policy: Policy,
    phase: Phase,
    /// The next rung of the ladder.
    rung: usize,
    /// What is being done; only one thing at a time.
    busy: Option<Action>,
    /// It is not brought up before this.
    bring_up_after: Duration,
    /// No further rung is climbed before this.
    climb_after: Duration,
    /// Rungs climbed since it was last well for long.
    climbed: u32,
    /// Whether a quarantine ends when the phone shows itself.
    ends_when_seen: bool,
    /// When the present trouble was first seen.
    since: Duration,
    /// Since when it works.
    well_since: Option<Duration>,
    /// The transport on which it was brought up: its way back to the server ends with it.
    brought_up_on: Option<Option<u64>>,
    /// When bringing it up was last done.
    brought_up_at: Duration,
    /// When it is next asked for its battery's level.
    battery_due: Duration,
    /// Whether it said that it sinks, and nothing was done about that yet.
    sinks: bool,
    /// Whether its present wish to be without power was answered.
    wish_answered: bool,
    retries: u32,
    boot: Option<String>,
    boots: VecDeque<Duration>,
    /// A reboot of ours is no sign of a loop.
    own_boot: bool,
    tried: Vec<&'static str>,
    history: VecDeque<Entry>,
}

/// Entries that are kept of a phone's history.
const HISTORY: usize = 100;
/// Time that a phone has to be heard of after it was brought up: an agent whose server was away asks again after a minute.
const SHOWS: Duration = Duration::from_secs(90);
/// So many answers may be missing before a phone that is listed counts as stuck.
const UNANSWERED: u32 = 2;
/// So many rungs are climbed for one phone without calm between them, however its troubles change.
const MOST_RUNGS: u32 = 12;
/// First wait before something outside of the phone is tried again; doubles.
const AGAIN: Duration = Duration::from_secs(5);

impl Watch {
    /// Of a phone that was just seen for the first time.
    pub fn new(policy: Policy, now: Duration) -> Self {
        Self {
            policy,
            phase: Phase::Starting,
            rung: 0,
            busy: None,
            bring_up_after: now,
            climb_after: now,
            climbed: 0,
            ends_when_seen: false,
            since: now,
            well_since: None,
            brought_up_on: None,
            brought_up_at: now,
            battery_due: now,
            sinks: false,
            wish_answered: false,
            retries: 0,
            boot: None,
            boots: VecDeque::new(),
            own_boot: false,
            tried: Vec::new(),
            history: VecDeque::new(),
        }
    }

    /// How it is doing.
    pub fn phase(&self) -> &Phase {
        &self.phase
    }

    /// Whether it was put aside for good, and not only because it is away.
    pub fn is_put_aside(&self) -> bool {
        matches!(self.phase, Phase::Quarantined { .. }) && !self.ends_when_seen
    }

    /// What is being done with it.
    pub fn busy(&self) -> Option<Action> {
        self.busy
    }

    /// What was seen and done, oldest first.
    pub fn history(&self) -> impl DoubleEndedIterator<Item = &Entry> {
        self.history.iter()
    }

    /// What to do now, if anything. An action that is returned is under way until [`Watch::done`]. `lock` is that of the
    /// phone's adb server.
    pub fn look(&mut self, sight: &Sight, lock: &mut ServerLock, now: Duration) -> Option<Action> {
        if self.busy.is_some() || lock.is_taken() {
            return None;
        }
        if sight.port != PortPower::On {
            self.is_without_power(sight.port, now);
            return None;
        }
        if matches!(self.phase, Phase::Detached | Phase::Recovering { trouble: Trouble::Unpowered }) {
            self.has_power_again(now);
        }
        if let Phase::Quarantined { .. } = self.phase {
            if !self.ends_when_seen || sight.adb != Some(PhoneState::Device) {
                return None;
            }
            // It was gone, and here it is: somebody has looked after it.
            self.readmit(now);
        }
        if sight.adb != Some(PhoneState::Device) {
            // Its way back to the server ends here, also where adb later finds it on the same transport: a phone on the
            // network keeps that, and an adb server that was restarted counts from one again.
            self.brought_up_on = None;
        }
        let trouble = match &sight.adb {
            _ if !sight.adb_answers => Trouble::Unlisted,
            Some(PhoneState::Device) => {
                if self.brought_up_on != Some(sight.transport) {
                    // New here, or attached again: its way back to the server is gone.
                    return (now >= self.bring_up_after).then(|| self.start(Action::BringUp));
                }
                match sight.heard {
                    Heard::Unknown => {
                        // The server's silence is not the phone's, and must not be counted against it later.
                        self.brought_up_at = now;
                        return None;
                    }
                    Heard::At(at) if at >= self.brought_up_at && now.saturating_sub(at) < self.policy.silence => {
                        return self.heard_of(sight, lock, now);
                    }
                    _ if self.phase == Phase::Drained => return None,
                    _ => {
                        let last = match sight.heard {
                            Heard::At(at) if at >= self.brought_up_at => at.saturating_add(self.policy.silence),
                            _ => self.brought_up_at.saturating_add(SHOWS),
                        };
                        if now < last {
                            return None;
                        }
                        Trouble::Silent
                    }
                }
            }
            Some(PhoneState::Offline) => Trouble::Offline,
            Some(PhoneState::Recovery | PhoneState::Sideload) => Trouble::NotAndroid,
            Some(state) => {
                // Nothing here can press a button on a phone.
                if !matches!(&self.phase, Phase::NeedsPerson { state: known } if known == state) {
                    self.note(now, state.advice().unwrap_or_default().into());
                    self.phase = Phase::NeedsPerson { state: state.clone() };
                }
                return None;
            }
            None => Trouble::Gone,
        };
        self.climb(trouble, lock, now)
    }

    /// An action has ended.
    pub fn done(&mut self, outcome: Outcome, sight: &Sight, lock: &mut ServerLock, now: Duration) {
        let Some(action) = self.busy.take() else { return };
        if action == Action::RestartServer {
            lock.release(now);
        }
        match (action, outcome) {
            (Action::BringUp, Outcome::Done { boot }) => {
                self.brought_up_on = Some(sight.transport);
                self.brought_up_at = now;
                self.retries = 0;
                self.note(now, "brought up".into());
                self.booted(boot, now);
            }
            (Action::BringUp, Outcome::Drained) => {
                self.brought_up_on = Some(sight.transport);
                self.brought_up_at = now;
                self.retries = 0;
                self.note(now, "drained".into());
                self.phase = Phase::Drained;
            }
            (Action::BringUp, Outcome::Later(why)) => {
                // Not the phone's fault, so for ever, with longer and longer waits.
                let wait = doubled(AGAIN, self.retries.min(6));
                self.retries = self.retries.saturating_add(1);
                self.bring_up_after = now.saturating_add(wait);
                self.note(now, format!("cannot be brought up yet: {why}"));
            }
            (Action::BringUp, Outcome::Refused(why)) => self.quarantine(why, now),
            (Action::LookAtBattery, Outcome::Battery(battery)) => self.battery(battery, now),
            (Action::LookAtBattery, _) => {
                // Whether it answers is found out by other ways.
                self.battery_due = now.saturating_add(self.policy.battery_every);
                self.climb_after = now.saturating_add(AGAIN);
            }
            (Action::BringUp, Outcome::Unreachable(why)) => {
                self.note(now, format!("did not answer: {why}"));
                self.retries = self.retries.saturating_add(1);
                self.bring_up_after = now.saturating_add(AGAIN);
                if self.retries >= UNANSWERED {
                    // It is listed and does not answer: from now on the ladder decides, unless the server hears of it.
                    self.brought_up_on = Some(sight.transport);
                    self.brought_up_at = Duration::ZERO;
                    self.begin(Trouble::Stuck, now);
                }
            }
            (action, outcome) => {
                let how = match outcome {
                    Outcome::Done { .. } | Outcome::Drained | Outcome::Battery(_) => "done".to_owned(),
                    Outcome::Unreachable(why) | Outcome::Later(why) | Outcome::Refused(why) => format!("failed: {why}"),
                };
                self.note(now, format!("{action}: {how}"));
                self.own_boot |= matches!(action, Action::Reboot | Action::PowerCycle);
                if action.ends_transport() || action == Action::RestartAgent {
                    // Whatever it did, the phone is looked at anew.
                    self.brought_up_on = None;
                }
                self.bring_up_after = now;
                self.climb_after = now.saturating_add(action.shows_within());
            }
        }
    }

    /// A person lets it in again.
    pub fn readmit(&mut self, now: Duration) {
        self.note(now, "readmitted".into());
        let history = std::mem::take(&mut self.history);
        *self = Self { history, ..Self::new(self.policy, now) };
    }

    fn start(&mut self, action: Action) -> Action {
        self.busy = Some(action);
        action
    }

    /// The next rung, when it is time for it.
    fn climb(&mut self, seen: Trouble, lock: &mut ServerLock, now: Duration) -> Option<Action> {
        if now < self.climb_after {
            return None;
        }
        let stuck = self.phase == (Phase::Recovering { trouble: Trouble::Stuck });
        let trouble = if stuck && seen == Trouble::Silent { Trouble::Stuck } else { seen };
        if self.phase != (Phase::Recovering { trouble }) {
            self.begin(trouble, now);
            if matches!(trouble, Trouble::Unlisted | Trouble::Gone | Trouble::Offline) {
                self.climb_after = now.saturating_add(self.policy.grace);
                return None;
            }
        }
        self.sinks = false;
        while let Some(action) = trouble.rungs().get(self.rung).copied().filter(|_| self.climbed < MOST_RUNGS) {
            let skipped = match action {
                Action::PowerCycle => !self.policy.can_cycle_power,
                Action::RestartServer => match lock.restarted_since(self.since) {
                    // For another phone, since this trouble began: if it helps this one, then soon.
                    Some(last) if now < last.saturating_add(action.shows_within()) => return None,
                    Some(_) => true,
                    None if !lock.take(now) => return None,
                    None => false,
                },
                _ => false,
            };
            self.rung += 1;
            if !skipped {
                self.climbed += 1;
                self.tried.push(action.word());
                return Some(self.start(action));
            }
        }
        let tried =
            if self.tried.is_empty() { "nothing could be tried".into() } else { format!("tried {}", self.tried.join(", ")) };
        self.quarantine(format!("{trouble}; {tried}"), now);
        self.ends_when_seen = matches!(trouble, Trouble::Unlisted | Trouble::Gone | Trouble::Offline);
        None
    }

    fn begin(&mut self, trouble: Trouble, now: Duration) {
        if self.phase == (Phase::Recovering { trouble }) {
            return;
        }
        if self.well_since.is_some_and(|since| now.saturating_sub(since) < self.policy.calm) {
            // What was tried last did not last: on from there.
            self.note(now, "a relapse".into());
        } else {
            self.rung = 0;
        }
        self.note(now, trouble.to_string());
        self.well_since = None;
        self.since = now;
        self.phase = Phase::Recovering { trouble };
    }

    fn well(&mut self, now: Duration) {
        if self.phase != Phase::Working {
            self.note(now, "at work".into());
            self.phase = Phase::Working;
        }
        let since = *self.well_since.get_or_insert(now);
        if now.saturating_sub(since) >= self.policy.calm {
            (self.rung, self.climbed) = (0, 0);
            self.tried.clear();
        }
    }

    fn booted(&mut self, boot: Option<String>, now: Duration) {
        let Some(boot) = boot else { return };
        let known = self.boot.replace(boot.clone());
        let ours = std::mem::take(&mut self.own_boot);
        if known.is_some_and(|known| known != boot) && !ours {
            self.boots.push_back(now);
            self.note(now, "it has booted, and not because of this rack".into());
        }
        while self.boots.front().is_some_and(|at| now.saturating_sub(*at) > self.policy.boots_within) {
            self.boots.pop_front();
        }
        if self.boots.len() >= self.policy.boots {
            let (count, minutes) = (self.boots.len(), self.policy.boots_within.as_secs() / 60);
            self.quarantine(format!("a reboot loop: {count} boots within {minutes} minutes"), now);
        }
    }

    fn quarantine(&mut self, reason: String, now: Duration) {
        self.note(now, format!("quarantined: {reason}"));
        self.ends_when_seen = false;
        self.phase = Phase::Quarantined { reason };
    }

    fn note(&mut self, at: Duration, what: String) {
        if self.history.len() == HISTORY {
            self.history.pop_front();
        }
        self.history.push_back(Entry { at, what });
    }
}

fn doubled(first: Duration, times: u32) -> Duration {
    first.saturating_mul(2_u32.saturating_pow(times))
}

#[cfg(test)]
mod tests;
