//! Calibrating a live device: idle, load, idle again; and a charger that comes or goes, where that was not enough.

use std::time::Duration;

use benchrack_protocol::gauge::Gauge;
use benchrack_protocol::reading::Reading;
use benchrack_protocol::units::Nanos;
use tokio::time::sleep;

use super::{Moment, Series, gauge};
use crate::device::Device;
use crate::probe::power_supply;

/// How long each part takes.
#[derive(Debug, Clone, Copy)]
pub struct Plan {
    /// Fast reading at the beginning, which shows the update period.
    pub burst: Duration,
    /// Between two looks of it.
    pub burst_every: Duration,
    /// Idle, load, idle, and after a charger came or went: each.
    pub phase: Duration,
    /// The beginning of a phase that is left out, because gauges lag.
    pub settle: Duration,
    /// Between two looks of a phase. Reading costs power itself.
    pub every: Duration,
    /// How long a person has for the charger; none: nobody is asked.
    pub patience: Option<Duration>,
}

impl Default for Plan {
    /// Two minutes: the slowest gauge known has a new value every ten seconds, and settles within that.
    fn default() -> Self {
        Self {
            burst: Duration::from_secs(15),
            burst_every: Duration::from_millis(20),
            phase: Duration::from_secs(35),
            settle: Duration::from_secs(12),
            every: Duration::from_millis(250),
            patience: None,
        }
    }
}

/// What goes on, for the person who waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// The device is left alone and read fast.
    Burst,
    /// The device is left alone.
    Idle,
    /// All cores compute.
    Load,
    /// The charger is to be plugged in or out now.
    Plug,
}

/// Calibrates the gauge of this supply. `announce` hears each step before it begins and makes or ends the load.
pub async fn calibrate(device: &Device, supply: &str, plan: Plan, mut announce: impl FnMut(Step)) -> Reading<Gauge> {
    let look = || power_supply::look(device.sysfs.as_ref(), supply, Some(device.clock.now()));
    let watch = async |length: Duration, every: Duration, skip: Duration| {
        let begin = device.clock.now();
        let mut moments = Vec::new();
        loop {
            let passed = Duration::from(Nanos(device.clock.now().0.saturating_sub(begin.0)));
            if passed >= length {
                return moments;
            }
            let moment = look();
            if passed >= skip {
                moments.push(moment);
            }
            sleep(every).await;
        }
    };
    announce(Step::Burst);
    let burst = Series::of(watch(plan.burst, plan.burst_every, Duration::ZERO).await);
    if burst.moments.iter().all(|moment| moment.raw.is_none()) {
        // Nothing can be proved of a current that is not there: the reasons say so.
        return gauge(supply, &[burst]);
    }
    let mut seen: Vec<Moment> = Vec::new();
    for step in [Step::Idle, Step::Load, Step::Idle] {
        announce(step);
        seen.extend(watch(plan.phase, plan.every, plan.settle).await);
    }
    let told = gauge(supply, &[burst.clone(), Series::of(seen.clone())]);
    let Some(patience) = plan.patience.filter(|_| told.value().is_none()) else { return told };
    let before = look();
    announce(Step::Plug);
    let begin = device.clock.now();
    while same_feed(&before, &look()) {
        if Duration::from(Nanos(device.clock.now().0.saturating_sub(begin.0))) >= patience {
            return told;
        }
        sleep(plan.every).await;
    }
    seen.extend(watch(plan.phase, plan.every, plan.settle).await);
    gauge(supply, &[burst, Series::of(seen)])
}

/// Whether the charger is as it was, by its own supply or by what the battery states.
fn same_feed(before: &Moment, now: &Moment) -> bool {
    before.charger == now.charger && before.status == now.status
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering};

    use benchrack_protocol::reading::Missing;

    use super::*;
    use crate::clock::Clock;
    use crate::session::simulated::SimulatedClock;
    use crate::sysfs::{Captured, SysError, SysFs};

    /// A battery with 110 mΩ whose gauge has a unit, a sign, a period and, for charging, a plug.
    struct Physics {
        clock: Arc<dyn Clock>,
        per_count: i64,
        period: u64,
        load: AtomicBool,
        plugged: AtomicBool,
        /// A charger that carries any load: the battery sees none of it.
        bypass: bool,
    }

    impl Physics {
        /// µA into the battery at this moment; the load ripples a little, as loads do.
        fn current(&self, at: u64) -> i64 {
            let ripple = i64::try_from(at / 7_000_000 % 13).unwrap() * 1_500;
            let drawn = if self.load.load(Ordering::Relaxed) { 1_400_000 } else { 180_000 } + ripple;
            match (self.plugged.load(Ordering::Relaxed), self.bypass) {
                (true, true) => 900_000 + ripple,
                (true, false) => 1_800_000 - drawn,
                (false, _) => -drawn,
            }
        }
    }

    impl SysFs for Physics {
        fn read(&self, path: &str) -> Result<String, SysError> {
            let now = self.clock.now().0;
            let plugged = self.plugged.load(Ordering::Relaxed);
            Ok(match path.strip_prefix("sys/class/power_supply/").unwrap_or_default() {
                "bms/type" => "Battery".into(),
                "bms/capacity" => "60".into(),
                "bms/status" => if plugged { "Charging" } else { "Discharging" }.into(),
                "bms/current_now" => (self.current(now / self.period * self.period) / self.per_count).to_string(),
                "bms/voltage_now" => (3_850_000 + self.current(now) * 11 / 100).to_string(),
                "usb/type" => "USB".into(),
                "usb/online" => u8::from(plugged).to_string(),
                _ => return Captured::default().read(path),
            })
        }

        fn list(&self, _: &str) -> Result<Vec<String>, SysError> {
            Ok(vec!["bms".into(), "usb".into()])
        }

        fn write(&self, path: &str, value: &str) -> Result<(), SysError> {
            Captured::default().write(path, value)
        }

        fn writable(&self, _: &str) -> bool {
            false
        }
    }

    async fn run(per_count: i64, period_ms: u64, plugged: bool, bypass: bool, plan: Plan) -> (Reading<Gauge>, Vec<Step>) {
        let clock: Arc<dyn Clock> = Arc::new(SimulatedClock::start());
        let physics = Arc::new(Physics {
            clock: Arc::clone(&clock),
            per_count,
            period: period_ms * 1_000_000,
            load: AtomicBool::new(false),
            plugged: AtomicBool::new(plugged),
            bypass,
        });
        let device = Device { sysfs: Arc::clone(&physics) as Arc<dyn SysFs>, clock, ..Device::of(Arc::default()) };
        let mut steps = Vec::new();
        let told = calibrate(&device, "bms", plan, |step| {
            physics.load.store(step == Step::Load, Ordering::Relaxed);
            if step == Step::Plug {
                physics.plugged.fetch_xor(true, Ordering::Relaxed);
            }
            steps.push(step);
        })
        .await;
        (told, steps)
    }

    #[tokio::test(start_paused = true)]
    async fn every_unit_sign_and_period_is_found_by_a_load_step() {
        let mut periods = 0;
        for per_count in [1, -1, 1000, -1000] {
            for period in [100, 163, 1000, 10_000] {
                for plugged in [false, true] {
                    let (told, steps) = run(per_count, period, plugged, false, Plan::default()).await;
                    let gauge = told.value().unwrap_or_else(|| panic!("{per_count} {period} {plugged}: {told:?}"));
                    assert_eq!(gauge.per_count, per_count, "{gauge:?}");
                    assert_eq!(steps, [Step::Burst, Step::Idle, Step::Load, Step::Idle]);
                    if let Some(found) = gauge.period.value() {
                        let off = found.0 as f64 / (period as f64 * 1e6);
                        assert!((0.8..=1.25).contains(&off), "{period} ms, found {found}");
                    }
                    periods += usize::from(gauge.period.value().is_some());
                    if gauge.step.value().is_some() {
                        assert_eq!(gauge.step.value().map(|step| step.0 % per_count.abs()), Some(0));
                    }
                }
            }
        }
        // Whole milliamperes hide most changes, and ten seconds allow few.
        assert!(periods >= 8, "a rhythm in {periods} of 32");
    }

    #[tokio::test(start_paused = true)]
    async fn a_charger_that_carries_the_load_is_unplugged_for_the_proof() {
        let (told, _) = run(-1, 1000, true, true, Plan::default()).await;
        assert!(
            matches!(told, Reading::Missing { missing: Missing::Invalid, .. }),
            "the load never reached the battery: {told:?}"
        );
        let plan = Plan { patience: Some(Duration::from_secs(60)), ..Plan::default() };
        let (told, steps) = run(-1, 1000, true, true, plan).await;
        assert_eq!(told.value().map(|gauge| gauge.per_count), Some(-1));
        assert_eq!(steps.last(), Some(&Step::Plug));
    }

    #[tokio::test(start_paused = true)]
    async fn a_battery_without_a_current_is_said_to_have_none() {
        let (told, steps) = {
            let device = Device { clock: Arc::new(SimulatedClock::start()), ..Device::of(Arc::default()) };
            let mut steps = Vec::new();
            (calibrate(&device, "bms", Plan::default(), |step| steps.push(step)).await, steps)
        };
        assert!(matches!(told, Reading::Missing { .. }));
        assert_eq!(steps, [Step::Burst]);
    }
}
