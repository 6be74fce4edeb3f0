//! Signs of life of a session, and its announced silences.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use benchrack_protocol::api::{Heartbeat, Lease};
use benchrack_protocol::causes::chain;
use benchrack_protocol::units::Nanos;
use tokio::time::sleep;

use super::Farm;
use crate::clock::Clock;
use crate::session::detached::Cable;

/// What a session under a lease tells its server.
pub(super) struct Signs<'a, F> {
    pub(super) farm: &'a F,
    pub(super) lease: &'a Lease,
    /// At least so often; a lease of the server is renewed three times as often as it would end.
    pub(super) every: Duration,
    pub(super) progress: &'a Mutex<Heartbeat>,
    pub(super) cable: Option<&'a Cable>,
    pub(super) clock: &'a dyn Clock,
}

impl<F: Farm> Signs<'_, F> {
    /// Beats until the lease is lost: refused by the server, or without an answer for as long as it lives.
    pub(super) async fn give_until_lost(&self) {
        let lives_for = self.lease.lives_for.0;
        let every = (Duration::from(self.lease.lives_for) / 3).min(self.every).max(Duration::from_millis(100));
        let mut lives_until = self.clock.now().0.saturating_add(lives_for);
        let mut changes = self.cable.map(Cable::changes);
        loop {
            tokio::select! {
                () = sleep(every) => {}
                // A session that wants to be silent, or no longer does, is not kept waiting.
                () = async { match &mut changes { Some(changes) => changes.next().await, None => std::future::pending().await } } => {}
            }
            let asked = self.clock.now();
            let silent_until = self.cable.and_then(Cable::wished_until).filter(|until| *until > asked);
            let heartbeat = self.heartbeat(asked, silent_until);
            match self.farm.heartbeat(self.lease.id, &self.lease.secret, &heartbeat).await {
                Ok(()) => {
                    lives_until = match silent_until {
                        Some(until) => until.0.saturating_add(Nanos::from(Heartbeat::RETURNS_WITHIN).0),
                        None => asked.0,
                    };
                    lives_until = lives_until.saturating_add(lives_for);
                    self.answer(silent_until, Ok(()));
                }
                Err(error) if error.is_lease_lost() => return,
                Err(error) => {
                    tracing::warn!(error = chain(&error), announced = silent_until.is_some(), "no sign of life got through");
                    if !error.is_transient() {
                        self.answer(silent_until, Err(chain(&error)));
                    }
                    if self.clock.now().0 >= lives_until {
                        return;
                    }
                }
            }
        }
    }

    fn heartbeat(&self, now: Nanos, silent_until: Option<Nanos>) -> Heartbeat {
        let heartbeat = self.progress.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let seconds = |until: Nanos| u32::try_from(until.0.saturating_sub(now.0).div_ceil(1_000_000_000)).unwrap_or(u32::MAX);
        Heartbeat { detached_for_s: silent_until.map(seconds), ..heartbeat }
    }

    fn answer(&self, silent_until: Option<Nanos>, answer: Result<(), String>) {
        if let (Some(cable), Some(until)) = (self.cable, silent_until) {
            cable.answered(until, answer);
        }
    }
}
