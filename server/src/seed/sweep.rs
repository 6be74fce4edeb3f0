//! Sessions at the operating points of each cluster, with energy: what a device's page sets against each other.

use benchrack_protocol::cpuset::CpuSet;
use benchrack_protocol::device::{Cluster, DeviceReport};
use benchrack_protocol::frequency::Frequency;
use benchrack_protocol::session::{CLUSTER_NAMES, Cores, OperatingPoint};
use benchrack_protocol::units::Kilohertz;

/// Models that are measured so, the first ones.
const MODELS: usize = 2;
/// Operating points of a cluster, as shares of its highest.
const SHARES: [u64; 5] = [30, 50, 70, 85, 100];
/// Power of a phone at rest with its screen off, W.
const REST_W: f64 = 0.6;
/// What a core takes whatever its clock while it is awake, W.
const AWAKE_W: f64 = 0.04;
/// Power grows with clock and squared voltage, and voltage with clock: an exponent between 2 and 3.
const EXPONENT: f64 = 2.4;

/// One session of a sweep.
#[derive(Debug)]
pub(super) struct Sweep {
    /// Places of device and model in the plan.
    pub(super) device: usize,
    pub(super) model: usize,
    /// Place among the sessions of its device, and their number.
    pub(super) nth: usize,
    pub(super) of: usize,
    pub(super) policy: String,
    pub(super) cpus: CpuSet,
    cluster: &'static str,
    pub(super) clock: Kilohertz,
    pub(super) top: Kilohertz,
}

impl Sweep {
    /// All sweeps of a rack.
    pub(super) fn all<'a>(devices: impl Iterator<Item = &'a DeviceReport>, models: usize) -> Vec<Self> {
        devices.enumerate().flat_map(|(device, report)| Self::of_device(device, report, models.min(MODELS))).collect()
    }

    fn of_device(device: usize, report: &DeviceReport, models: usize) -> Vec<Self> {
        let mut sweeps = Vec::new();
        for model in 0..models {
            for cluster in &report.clusters {
                let (Some(name), Some(top)) = (named(cluster), cluster.max_freq.value().copied()) else { continue };
                let policy = report.policies.iter().find(|policy| cluster.cpus.is_subset(&policy.cpus));
                let points = policy.and_then(|policy| policy.frequencies.value());
                let mut clocks = SHARES.map(|share| {
                    let wanted = Kilohertz(top.0 * share / 100);
                    let known = points.and_then(|points| points.iter().min_by_key(|point| point.0.abs_diff(wanted.0)));
                    known.copied().unwrap_or(wanted)
                });
                clocks.sort_unstable();
                let mut clocks = clocks.to_vec();
                clocks.dedup();
                let policy = policy.map_or_else(
                    || format!("cpufreq/policy{}", cluster.cpus.iter().next().unwrap_or_default()),
                    |policy| policy.path.clone(),
                );
                sweeps.extend(clocks.into_iter().map(|clock| Self {
                    device,
                    model,
                    nth: 0,
                    of: 0,
                    policy: policy.clone(),
                    cpus: cluster.cpus.clone(),
                    cluster: name,
                    clock,
                    top,
                }));
            }
        }
        let of = sweeps.len();
        for (nth, sweep) in sweeps.iter_mut().enumerate() {
            (sweep.nth, sweep.of) = (nth, of);
        }
        sweeps
    }

    /// What the session is asked for.
    pub(super) fn point(&self) -> OperatingPoint {
        OperatingPoint { cores: Cores::Cluster(self.cluster.into()), frequency: Frequency::At(self.clock) }
    }

    /// Work done in a clock tick against the largest cores, and power at the highest clock, W: rough figures of cores in order
    /// and out of order.
    fn core(&self) -> (f64, f64) {
        match self.cluster {
            "little" => (0.45, 0.35),
            "mid" => (0.85, 1.1),
            "big" => (1.0, 1.9),
            _ => (1.1, 2.6),
        }
    }

    /// Clock that the largest cores would need for the same speed, GHz.
    pub(super) fn gigahertz(&self) -> f64 {
        self.clock.0 as f64 / 1e6 * self.core().0
    }

    /// What inferences add to the device at rest, and what it takes in all, W.
    pub(super) fn watts(&self) -> (f64, f64) {
        let share = self.clock.0 as f64 / self.top.0.max(1) as f64;
        let added = self.core().1 * share.powf(EXPONENT) + AWAKE_W;
        (added, REST_W + added)
    }
}

/// The name of a cluster that an operating point can ask for.
fn named(cluster: &Cluster) -> Option<&'static str> {
    CLUSTER_NAMES.into_iter().find(|name| *name == cluster.name)
}
