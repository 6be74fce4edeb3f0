//! Restarting an adb server hurts every phone on it, so it takes the whole rack's consent.

use std::time::Duration;

/// Least time between two restarts: every phone has to be led back after one.
const REST: Duration = Duration::from_secs(300);

/// Who may restart one adb server: one at a time, rarely, and not while another phone is being served through it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ServerLock {
    taken: bool,
    last: Option<Duration>,
    /// Actions under way on other phones of this server.
    under_way: usize,
}

impl ServerLock {
    /// An action of a phone on this server begins: a restart would break it.
    pub fn begin(&mut self) {
        self.under_way = self.under_way.saturating_add(1);
    }

    /// It is over.
    pub fn end(&mut self) {
        self.under_way = self.under_way.saturating_sub(1);
    }

    /// Whether a restart may begin now; then it has.
    pub fn take(&mut self, now: Duration) -> bool {
        let rested = self.last.is_none_or(|last| now.saturating_sub(last) >= REST);
        let free = !self.taken && self.under_way == 0 && rested;
        self.taken |= free;
        free
    }

    /// The restart is over.
    pub fn release(&mut self, now: Duration) {
        self.taken = false;
        self.last = Some(now);
    }

    /// Whether a restart is under way: nothing else may begin.
    pub fn is_taken(&self) -> bool {
        self.taken
    }

    /// When the server was last restarted, if that was after this moment.
    pub fn restarted_since(&self, moment: Duration) -> Option<Duration> {
        self.last.filter(|last| *last >= moment)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_is_restarted_by_one_phone_rarely_and_never_under_another_ones_hands() {
        let second = Duration::from_secs;
        let mut lock = ServerLock::default();
        lock.begin();
        assert!(!lock.take(second(1)), "another phone is being served");
        lock.end();
        assert!(lock.take(second(2)));
        assert!(lock.is_taken() && !lock.take(second(2)));
        lock.release(second(3));
        assert_eq!((lock.restarted_since(second(2)), lock.restarted_since(second(4))), (Some(second(3)), None));
        assert!(!lock.take(second(302)) && lock.take(second(303)));
    }
}
