//! The truth of a twin, for judging the agent's figures.

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
