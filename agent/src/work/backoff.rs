//! Waiting between tries: twice as long after each failure, up to a bound, less a random part, so that a rack of phones
//! whose server returns does not ask all at once.

use std::time::Duration;

use benchrack_protocol::ids::ArtifactId;
use benchrack_protocol::tensor::unit;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

/// Waits to come.
#[derive(Debug)]
pub struct Backoff {
    first: Duration,
    longest: Duration,
    failures: u32,
    rng: ChaCha8Rng,
}

impl Backoff {
    /// Waits from `first` to `longest`; the seed is any text that differs between agents.
    pub fn new(first: Duration, longest: Duration, seed: &str) -> Self {
        Self { first, longest, failures: 0, rng: ChaCha8Rng::from_seed(ArtifactId::of(seed.as_bytes()).0) }
    }

    /// It worked: the next failure is the first again.
    pub fn reset(&mut self) {
        self.failures = 0;
    }

    /// How long to wait now: between half of the step and the whole.
    #[expect(clippy::should_implement_trait, reason = "waits never end, and an iterator's adapters make no sense")]
    pub fn next(&mut self) -> Duration {
        let step = self.first.saturating_mul(1 << self.failures.min(20)).min(self.longest);
        self.failures = self.failures.saturating_add(1);
        step.mul_f64(0.5 + 0.5 * f64::from(unit(&mut self.rng)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_the_longest_and_agents_differ() {
        let new = |seed: &str| Backoff::new(Duration::from_millis(500), Duration::from_secs(8), seed);
        let (mut one, mut same, mut other) = (new("a"), new("a"), new("b"));
        for step in [500, 1000, 2000, 4000, 8000, 8000, 8000] {
            let wait = one.next();
            assert!(wait <= Duration::from_millis(step) && wait >= Duration::from_millis(step / 2), "{wait:?}");
            assert_eq!(wait, same.next());
            assert_ne!(wait, other.next());
        }
        one.reset();
        assert!(one.next() <= Duration::from_millis(500));
    }
}
