//! A phone's power: its battery, and its port.

use std::time::Duration;

use super::{Action, Phase, PortPower, ServerLock, Sight, Trouble, Watch};
use crate::battery::Battery;

impl Watch {
    /// Of a phone that works, only the battery can be wrong.
    pub(super) fn heard_of(&mut self, sight: &Sight, lock: &mut ServerLock, now: Duration) -> Option<Action> {
        if self.sinks {
            return self.climb(Trouble::Sinking, lock, now);
        }
        if self.phase == (Phase::Recovering { trouble: Trouble::Sinking }) {
            // Whether what was tried helped is told by the next look alone.
            return (now >= self.climb_after).then(|| self.start(Action::LookAtBattery));
        }
        self.well(now);
        self.wish_answered &= sight.wants_off.is_some();
        if let Some(time) = sight.wants_off.filter(|_| !self.wish_answered) {
            self.wish_answered = true;
            return Some(self.start(Action::CutPower(time)));
        }
        (sight.rests && now >= self.battery_due).then(|| self.start(Action::LookAtBattery))
    }

    /// Away because of this rack, which is no trouble unless it cannot be helped.
    pub(super) fn is_without_power(&mut self, port: PortPower, now: Duration) {
        match port {
            // What a person has put aside stays so.
            _ if matches!(self.phase, Phase::Quarantined { .. }) => {}
            PortPower::StaysOff => self.begin(Trouble::Unpowered, now),
            _ => self.phase = Phase::Detached,
        }
    }

    /// Its way back to the server is gone, and it has time to be listed again.
    pub(super) fn has_power_again(&mut self, now: Duration) {
        self.note(now, "its port has power again".into());
        self.phase = Phase::Starting;
        self.brought_up_on = None;
        self.bring_up_after = now;
        self.climb_after = now.saturating_add(Action::PowerCycle.shows_within());
    }

    /// What it said of its battery.
    pub(super) fn battery(&mut self, battery: Battery, now: Duration) {
        self.battery_due = now.saturating_add(self.policy.battery_every);
        if let Some(level) = battery.sinks_below(self.policy.battery_floor) {
            self.note(now, format!("its battery is at {level} % and does not charge"));
            self.begin(Trouble::Sinking, now);
            self.sinks = true;
        } else if self.phase == (Phase::Recovering { trouble: Trouble::Sinking }) {
            self.well(now);
        }
    }
}
