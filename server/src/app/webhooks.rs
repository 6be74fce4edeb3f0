//! The outbox is emptied: each message until it is taken, with growing pauses.

use benchrack_protocol::causes::chain;
use time::{Duration, OffsetDateTime};

use super::App;
use crate::db;
use crate::refusal::Refusal;

/// Longer than a delivery may take: so long nobody else tries the same message.
const HELD: Duration = Duration::minutes(1);
/// After so many attempts, some two days, a message is given up.
const MOST_ATTEMPTS: u32 = 30;
/// The longest pause between two attempts.
const LONGEST_PAUSE: Duration = Duration::hours(2);

impl App {
    /// Delivers what is due; says how many messages were taken.
    ///
    /// # Errors
    /// Only when the database does not do as asked.
    pub async fn deliver(&self) -> Result<usize, Refusal> {
        let mut taken = 0;
        while let Some(message) = db::outbox::take(self.db(), self.now(), HELD).await? {
            match self.webhooks().send(&message).await {
                Ok(()) => {
                    db::outbox::delivered(self.db(), message.id, self.now()).await?;
                    taken += 1;
                }
                Err(error) => {
                    let failure = chain(&error);
                    let next_at = again_at(message.attempts, self.now());
                    db::outbox::failed(self.db(), message.id, &failure, next_at).await?;
                    let (webhook, attempts) = (message.webhook, message.attempts);
                    tracing::warn!(
                        message.id,
                        webhook,
                        attempts,
                        failure,
                        given_up = next_at.is_none(),
                        "a message did not arrive"
                    );
                }
            }
        }
        Ok(taken)
    }
}

/// When to try again after so many attempts: 10 s, 20 s, 40 s, … up to two hours.
fn again_at(attempts: u32, now: OffsetDateTime) -> Option<OffsetDateTime> {
    let pause = Duration::seconds(10i64.saturating_mul(1 << attempts.saturating_sub(1).min(20)));
    (attempts < MOST_ATTEMPTS).then(|| now.saturating_add(pause.min(LONGEST_PAUSE)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_and_end() {
        let now = OffsetDateTime::UNIX_EPOCH;
        let pause = |attempts| again_at(attempts, now).map(|at| (at - now).whole_seconds());
        assert_eq!([1, 2, 3, 11, 29].map(pause), [Some(10), Some(20), Some(40), Some(7200), Some(7200)]);
        assert_eq!(pause(30), None);
    }
}
