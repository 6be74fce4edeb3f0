//! The agent's time, so that sessions can run in simulated time: the single place that reads clocks.

use benchrack_protocol::units::Nanos;
use rustix::time::{ClockId, Timespec, clock_gettime};
use time::OffsetDateTime;

/// Reads time. Waiting is done with tokio's timers, which tests pause.
pub trait Clock: Send + Sync {
    /// CLOCK_MONOTONIC_RAW: not slewed by NTP, so that it measures.
    fn now(&self) -> Nanos;

    /// The wall clock; may be wrong, and is only reported.
    fn wall(&self) -> OffsetDateTime;
}

/// The machine's clocks.
#[derive(Debug, Default)]
pub struct LiveClock;

impl Clock for LiveClock {
    fn now(&self) -> Nanos {
        raw()
    }

    #[expect(clippy::disallowed_methods, reason = "the one place of the agent that reads the wall clock")]
    fn wall(&self) -> OffsetDateTime {
        OffsetDateTime::now_utc()
    }
}

/// CLOCK_MONOTONIC_RAW now.
pub fn raw() -> Nanos {
    nanos(clock_gettime(ClockId::MonotonicRaw))
}

/// Bounds of the time spent suspended since boot: CLOCK_BOOTTIME minus CLOCK_MONOTONIC, read one after another.
#[derive(Debug, Clone, Copy)]
pub struct Suspended {
    at_least: u64,
    at_most: u64,
}

impl Suspended {
    /// Now.
    pub fn since_boot() -> Self {
        let before = nanos(clock_gettime(ClockId::Monotonic)).0;
        let boot = nanos(clock_gettime(ClockId::Boottime)).0;
        let after = nanos(clock_gettime(ClockId::Monotonic)).0;
        Self { at_least: boot.saturating_sub(after), at_most: boot.saturating_sub(before) }
    }

    /// The time that was certainly spent suspended between two moments: being preempted between two reads of a clock
    /// never looks like it.
    pub fn between(earlier: Self, later: Self) -> Nanos {
        Nanos(later.at_least.saturating_sub(earlier.at_most))
    }
}

fn nanos(time: Timespec) -> Nanos {
    let seconds = u64::try_from(time.tv_sec).unwrap_or(0);
    let rest = u64::try_from(time.tv_nsec).unwrap_or(0);
    Nanos(seconds.saturating_mul(1_000_000_000).saturating_add(rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn preemption_between_clock_reads_is_no_suspend() {
        let earlier = Suspended { at_least: 100, at_most: 120 };
        let preempted = Suspended { at_least: 40, at_most: 5_000_000 };
        assert_eq!(Suspended::between(earlier, preempted), Nanos(0));
        let suspended = Suspended { at_least: 9_000_000, at_most: 9_000_050 };
        assert_eq!(Suspended::between(earlier, suspended), Nanos(8_999_880));
    }
}
