//! How quickly a CPU really executes: a chain of additions and exclusive ors, each of which needs the result of the one
//! before, so that no CPU can do two of them in one cycle, and all of today's do one. Cycles over time is the clock, whatever
//! the files say; the processor's own counter, where it may be read, tells the same. Arm's and Intel's optimisation guides give one cycle of latency for both operations from Cortex-A53 and
//! Core on.

use std::hint::black_box;

use benchrack_protocol::cpuset::CpuSet;
use benchrack_protocol::device::CpufreqPolicy;
use benchrack_protocol::evidence::TrueFrequency;
use benchrack_protocol::reading::{Missing, Reading};
use benchrack_protocol::units::{Kilohertz, Nanos};

use super::pmu;
use crate::clock::raw;
use crate::device::Device;

/// Cycles of one turn of the loop: 128 additions and 128 exclusive ors. The loop's own two instructions run beside them.
const CYCLES_PER_TURN: u64 = 256;
/// Turns of one burst: about 2 ms at 1 GHz, long against reading a clock, short against a scheduler's time slice.
const TURNS: u64 = 8_000;
/// The quickest of these counts: interruptions can only make a burst longer.
const BURSTS: u32 = 5;

/// What one CPU of each clock of the session really does; `since` is the session's start.
pub fn true_frequencies(device: &Device, policies: &[CpufreqPolicy], cpus: &CpuSet, since: Nanos) -> Vec<TrueFrequency> {
    let of_policy = |policy: &CpufreqPolicy| cpus.iter().find(|&cpu| policy.cpus.contains(cpu));
    let mut chosen: Vec<u32> = policies.iter().filter_map(of_policy).collect();
    if chosen.is_empty() {
        chosen.extend(cpus.iter().next());
    }
    let measure = |cpu: u32| {
        let Executed { frequency, counted } = device.placement.true_frequency(cpu);
        TrueFrequency { cpu, at: Nanos(device.clock.now().0.saturating_sub(since.0)), frequency, counted: Some(counted) }
    };
    chosen.into_iter().map(measure).collect()
}

/// The clock of one CPU, told in two ways.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Executed {
    /// By a chain of instructions of which the cycles are known.
    pub frequency: Reading<Kilohertz>,
    /// By the processor's cycle counter, over the same instructions.
    pub counted: Reading<Kilohertz>,
}

impl Executed {
    /// Neither, for one reason.
    pub fn missing(missing: Missing, why: impl Into<String>) -> Self {
        let frequency = Reading::missing(missing, why);
        Self { counted: frequency.clone(), frequency }
    }
}

/// The clock of the CPU that this thread runs on; the caller keeps it there.
pub fn frequency() -> Executed {
    let mut counter = pmu::Cycles::open();
    // The first burst lifts the governor's clock and warms the caches.
    let (mut best, mut counted) = (u64::MAX, None);
    for _ in 0..=BURSTS {
        let burst = || {
            let begun = raw();
            black_box(chain(black_box(1), black_box(0x9e37_79b9_7f4a_7c15), black_box(0x5851_f42d_4c95_7f2d), TURNS));
            raw().0.saturating_sub(begun.0)
        };
        let (time, cycles) = match &mut counter {
            Reading::Value { value } => value.around(burst),
            Reading::Missing { .. } => (burst(), None),
        };
        if time < best {
            (best, counted) = (time, cycles);
        }
    }
    let frequency = if cfg!(debug_assertions) {
        Reading::missing(Missing::NotAsked, "a build without optimisation takes other instructions")
    } else {
        in_kilohertz(CYCLES_PER_TURN * TURNS, best)
    };
    let counted = counter.and_then(|_| match counted {
        Some(cycles) => in_kilohertz(cycles, best),
        None => Reading::missing(Missing::Unavailable, "others use the cycle counter"),
    });
    Executed { frequency, counted }
}

/// Cycles in so many nanoseconds as a frequency.
fn in_kilohertz(cycles: u64, nanoseconds: u64) -> Reading<Kilohertz> {
    let khz = cycles.saturating_mul(1_000_000).checked_div(nanoseconds);
    match khz {
        // From the slowest clock of a phone in deep sleep to what no silicon reaches.
        Some(khz @ 10_000..=10_000_000) => Reading::of(Kilohertz(khz)),
        _ => Reading::missing(Missing::Invalid, format!("{cycles} cycles in {nanoseconds} ns are no clock")),
    }
}

/// Both operands are unknown to the compiler, and sums and exclusive ors do not combine, so that nothing can be folded.
#[inline(never)]
fn chain(mut x: u64, a: u64, b: u64, turns: u64) -> u64 {
    macro_rules! eight {
        ($($step:tt)*) => {{ $($step)* $($step)* $($step)* $($step)* $($step)* $($step)* $($step)* $($step)* }};
    }
    for _ in 0..turns {
        eight!(eight! { x = x.wrapping_add(a); x ^= b; x = x.wrapping_add(a); x ^= b; });
    }
    x
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cycles_over_time_are_a_frequency_and_nonsense_is_none() {
        assert_eq!(in_kilohertz(2_000_000, 1_000_000), Reading::of(Kilohertz(2_000_000)));
        assert!(in_kilohertz(2_000_000, 0).value().is_none());
        assert!(in_kilohertz(2_000_000, 1).value().is_none());
    }

    #[test]
    fn the_chain_takes_each_of_its_steps() {
        let step = |x: u64| x.wrapping_add(5) ^ 3;
        assert_eq!(chain(1, 5, 3, 2), (0..256).fold(1, |x, _| step(x)));
    }
}
