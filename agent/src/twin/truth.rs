//! The truth of a twin, for judging the agent's figures.

use std::collections::BTreeMap;

use benchrack_protocol::cpuset::CpuSet;
use benchrack_protocol::units::{Kilohertz, Microamps, Microvolts, Nanos};

use super::Twin;
use super::ledger::Joules;

/// What truly happened on a twin. Times are those of its clock; what is older than the ledger is none.
pub struct Truth {
    twin: Twin,
}

impl Truth {
    pub(super) fn of(twin: Twin) -> Self {
        Self { twin }
    }

    /// Energies between two moments of the past.
    pub fn joules(&self, from: Nanos, to: Nanos) -> Option<Joules> {
        self.twin.world().ledger.between(from.0, to.0)
    }

    /// What inferences cost between two moments of the past above a phone that never ran any, joules: their work, and the
    /// leakage of what it warmed.
    pub fn above_rest(&self, from: Nanos, to: Nanos) -> Option<f64> {
        self.joules(from, to).map(|joules| joules.runners + joules.warmth)
    }

    /// Whether the clock of a CPU was another one at any time between two moments of the past.
    pub fn moved(&self, cpu: u32, from: Nanos, to: Nanos) -> Option<bool> {
        let world = self.twin.world();
        let policy = world.cpus.get(&cpu)?.policy;
        let clock = |khz: &[u64]| khz.get(policy).copied();
        let first = clock(&world.ledger.before(from.0)?.khz)?;
        Some(world.ledger.within(from.0, to.0).any(|entry| clock(&entry.khz) != Some(first)))
    }

    /// The time that the clock of a CPU spent at each frequency between two moments of the past.
    pub fn residency(&self, cpu: u32, from: Nanos, to: Nanos) -> Option<BTreeMap<Kilohertz, Nanos>> {
        let world = self.twin.world();
        let policy = world.cpus.get(&cpu)?.policy;
        let mut times: BTreeMap<Kilohertz, Nanos> = BTreeMap::new();
        let (mut since, mut khz) = (from.0, *world.ledger.before(from.0)?.khz.get(policy)?);
        let ends = world.ledger.within(from.0, to.0).map(|entry| (entry.at, entry.khz.get(policy).copied()));
        for (at, next) in ends.chain([(to.0, Some(khz))]) {
            times.entry(Kilohertz(khz)).or_default().0 += at - since;
            (since, khz) = (at, next?);
        }
        Some(times)
    }

    /// All CPUs on which a runner's threads ever were, also of one that is gone.
    pub fn ran_on(&self, pid: u32) -> Option<CpuSet> {
        self.twin.world().placements.get(&pid).cloned()
    }

    /// The clock of a CPU at a moment.
    pub fn frequency(&self, cpu: u32, at: Nanos) -> Option<Kilohertz> {
        let world = self.twin.world();
        let policy = world.cpus.get(&cpu)?.policy;
        world.ledger.before(at.0)?.khz.get(policy).copied().map(Kilohertz)
    }

    /// Temperatures of die and body at a moment, °C.
    pub fn temperatures(&self, at: Nanos) -> Option<(f64, f64)> {
        self.twin.world().ledger.before(at.0).map(|entry| (entry.die, entry.body))
    }

    /// Current into the battery at a moment, without gauge.
    pub fn current(&self, at: Nanos) -> Option<Microamps> {
        let amperes = self.twin.world().ledger.before(at.0)?.current?;
        Some(Microamps((amperes * 1e6) as i64))
    }

    /// Voltage at the battery's terminals now.
    pub fn voltage(&self) -> Option<Microvolts> {
        self.twin.world().battery.as_ref().map(|battery| Microvolts((battery.voltage * 1e6) as i64))
    }

    /// CPUs on which a runner's threads are now; none when it is gone.
    pub fn placement(&self, pid: u32) -> Option<CpuSet> {
        let world = self.twin.world();
        Some(world.runners.get(&pid)?.threads.iter().map(|thread| thread.cpu).collect())
    }
}
