//! Minutes of load: slices of inferences without a pause, then short looks while the device rests.

use std::time::Duration;

use benchrack_protocol::cpuset::CpuSet;
use benchrack_protocol::device::DeviceReport;
use benchrack_protocol::energy::{Slice, SustainedRun};
use benchrack_protocol::evidence::WatchSample;
use benchrack_protocol::reading::{Missing, Reading};
use benchrack_protocol::report::Failure;
use benchrack_protocol::units::{Kilohertz, Millicelsius, Nanos};
use benchrack_stats::sustained as stats;

use super::looping::Looping;
use crate::clock::Clock;
use crate::device::Device;
use crate::evidence::watch::{Sensor, Watch};
use crate::runner_process::Runner;

/// Shortest slice.
const SLICE: Nanos = Nanos(1_000_000_000);
/// Most slices of a load: longer loads have longer slices.
const MOST_SLICES: u64 = 300;
/// Between two looks at a device that recovers, and how many there are at most.
const RECOVERY_PAUSE: Duration = Duration::from_secs(10);
const MOST_RECOVERY_LOOKS: u32 = 18;
/// Length of such a look: too short to warm the device again.
const RECOVERY_LOOK: Nanos = Nanos(100_000_000);

/// Loads a subject for this long and watches it recover where it became slower.
///
/// # Errors
/// The runner's failure.
pub async fn measure<R: Runner>(
    device: &Device,
    known: &DeviceReport,
    cpus: &CpuSet,
    subject: &mut Looping<'_, R>,
    time: Nanos,
) -> Result<SustainedRun, Failure> {
    let clock = device.clock.as_ref();
    let watch = Watch::of(device, known, &known.policies);
    let begun = clock.now();
    let curve = Curve { clock, watch: &watch, known, cpus, begun };
    let length = Nanos(time.0 / MOST_SLICES).max(SLICE);
    let mut run = SustainedRun { load: Vec::new(), recovery: Vec::new() };
    while clock.now().0.saturating_sub(begun.0) < time.0 {
        run.load.push(curve.slice(subject, length).await?);
    }
    for _ in 0..MOST_RECOVERY_LOOKS {
        if figures(&run).is_none_or(|figures| figures.throttled_after.is_none() || figures.recovered_after.is_some()) {
            break;
        }
        tokio::time::sleep(RECOVERY_PAUSE).await;
        run.recovery.push(curve.slice(subject, RECOVERY_LOOK).await?);
    }
    Ok(run)
}

/// When a load ended, in seconds since its start.
pub fn ended(run: &SustainedRun) -> f64 {
    run.load.last().map_or(0.0, |slice| (slice.at.0 + slice.took.0) as f64 / 1e9)
}

/// The figures of a curve by the same code as the server's, in nanoseconds and seconds; none for an empty one.
pub fn figures(run: &SustainedRun) -> Option<stats::Sustained> {
    let point = |slice: &Slice| stats::Slice { at: slice.at.0 as f64 / 1e9, latency: slice.latency.0 as f64 };
    let points = |slices: &[Slice]| slices.iter().map(point).collect::<Vec<_>>();
    stats::sustained(&points(&run.load), ended(run), &points(&run.recovery))
}

struct Curve<'a> {
    clock: &'a dyn Clock,
    watch: &'a Watch<'a>,
    known: &'a DeviceReport,
    cpus: &'a CpuSet,
    begun: Nanos,
}

impl Curve<'_> {
    async fn slice<R: Runner>(&self, subject: &mut Looping<'_, R>, length: Nanos) -> Result<Slice, Failure> {
        let at = Nanos(self.clock.now().0.saturating_sub(self.begun.0));
        let mut samples = subject.run(length).await?;
        let took = Nanos(self.clock.now().0.saturating_sub(self.begun.0 + at.0));
        samples.sort_unstable();
        let seen = self.watch.look(self.begun);
        Ok(Slice {
            at,
            took,
            inferences: u32::try_from(samples.len()).unwrap_or(u32::MAX),
            latency: samples.get(samples.len() / 2).copied().unwrap_or_default(),
            frequency: self.frequency(&seen),
            temperature: temperature(&seen),
        })
    }

    fn frequency(&self, seen: &WatchSample) -> Reading<Kilohertz> {
        let ours = |path: &str| {
            let policy = self.known.policies.iter().find(|policy| policy.path == path);
            policy.is_some_and(|policy| policy.cpus.iter().any(|cpu| self.cpus.contains(cpu)))
        };
        let clocks = || seen.clocks.iter().filter(|clock| ours(&clock.policy)).map(|clock| &clock.frequency);
        let lowest = clocks().filter_map(Reading::value).min().copied();
        lowest
            .map(Reading::of)
            .or_else(|| clocks().next().cloned())
            .unwrap_or_else(|| Reading::missing(Missing::Absent, "no cpufreq"))
    }
}

/// The hottest sensor on the chip, else the hottest of any kind.
fn temperature(seen: &WatchSample) -> Reading<Millicelsius> {
    let hottest = |near: bool| {
        let chosen = seen.temperatures.iter().filter(|(kind, _)| !near || Sensor::of(kind) == Sensor::Die);
        chosen.filter_map(|(_, reading)| reading.value()).max().copied()
    };
    match hottest(true).or_else(|| hottest(false)) {
        Some(hottest) => Reading::of(hottest),
        None => Reading::missing(Missing::Absent, "no sensor answers"),
    }
}
