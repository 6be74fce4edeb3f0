//! Waiting for a device that is idle and cool. A wait that runs out marks the result and never hides it.

use std::cell::OnceCell;
use std::time::Duration;

use benchrack_protocol::cpuset::CpuSet;
use benchrack_protocol::device::{DeviceReport, Temperature, ThermalZone};
use benchrack_protocol::evidence::{Hindrance, SettleEvidence};
use benchrack_protocol::reading::Reading;
use benchrack_protocol::units::{Millicelsius, Nanos};
use benchrack_protocol::validity::slows_cpus;
use tokio::time::sleep;

use crate::device::Device;
use crate::evidence::watch::{Sensor, active_cooling};
use crate::evidence::{loadavg, pressure};
use crate::probe::dumpsys_battery::{self, Dump};
use crate::probe::{power_supply, thermal, thermalservice};

/// Looks at the run queue for one judgement: enough to tell a daemon's blip from a build.
const LOOKS: u32 = 5;
/// Between two looks; not a multiple of the 4 or 10 ms of scheduler ticks, so that periodic work is not missed.
const BETWEEN_LOOKS: Duration = Duration::from_millis(3);
/// Between two judgements while waiting.
const PAUSE: Duration = Duration::from_millis(500);
/// Other running tasks, on average over the looks, that may compete for the CPUs of the session.
const MAX_COMPETITORS: f64 = 0.5;
/// Dies throttle near 85 to 95 °C; from here there is room for a session.
const MAX_DIE: Millicelsius = Millicelsius(65_000);
/// Phones throttle by skin near 40 °C.
const MAX_SKIN: Millicelsius = Millicelsius(37_000);
/// Charging and discharging slow down above 45 °C.
const MAX_BATTERY: Millicelsius = Millicelsius(40_000);
/// Phones cap clocks when the battery is near its end: battery saver is offered at 20 %, and the voltage sags below it.
const MIN_LEVEL: u32 = 20;
/// Share of the last ten seconds in which tasks waited for memory or storage, per cent. Waiting for CPUs is told at once by
/// the run queue; these are not in it.
const MAX_PRESSURE: f64 = 10.0;

/// Waits until the device is idle and cool, at most so long.
pub async fn settle(device: &Device, known: &DeviceReport, cpus: &CpuSet, online: &CpuSet, at_most: Nanos) -> SettleEvidence {
    let fs = device.sysfs.as_ref();
    let begun = device.clock.now();
    let waited = || Nanos(device.clock.now().0.saturating_sub(begun.0));
    loop {
        let hindrance = match hindered(device, known) {
            None => busy(device, cpus, online).await.map(|others| (Hindrance::Competition, others)),
            hindrance => hindrance,
        };
        let timed_out = hindrance.is_some() && waited() >= at_most;
        if hindrance.is_none() || timed_out {
            let (hindrance, detail) = hindrance.unzip();
            return SettleEvidence {
                waited: waited(),
                timed_out,
                hindrance,
                detail: detail.unwrap_or_default(),
                load_1min: loadavg::one_minute(fs),
                cpu_pressure: pressure::cpu(fs),
            };
        }
        sleep(PAUSE).await;
    }
}

/// What hinders beside other tasks, if anything does. The battery's service is asked at most once, as all that need it share
/// its answer.
fn hindered(device: &Device, known: &DeviceReport) -> Option<(Hindrance, String)> {
    let service = OnceCell::new();
    let service = || service.get_or_init(|| dumpsys_battery::read(device.commands.as_ref())).value();
    let heat = too_hot(device, known, service).map(|heat| (Hindrance::Heat, heat));
    heat.or_else(|| low_battery(device, known, service).map(|level| (Hindrance::Battery, level)))
        .or_else(|| under_pressure(device).map(|pressure| (Hindrance::Pressure, pressure)))
}

/// What is too hot, if anything is. Sensors that do not answer hinder nothing.
fn too_hot<'a>(device: &Device, known: &DeviceReport, service: impl Fn() -> Option<&'a Dump>) -> Option<String> {
    let fs = device.sysfs.as_ref();
    if let Some((kind, state)) = active_cooling(fs).into_iter().find(|(kind, _)| slows_cpus(kind)) {
        return Some(format!("the device is throttled: {kind} is in state {state}"));
    }
    let hot = |zone: &ThermalZone| {
        let kind = zone.kind.value()?;
        above(kind, Sensor::of(kind), || thermal::temperature(fs, &zone.zone, Some(kind)).value().copied())
    };
    known.thermal_zones.iter().find_map(hot).or_else(|| hot_by_services(device, known, service))
}

/// Why a sensor hinders, if it does.
fn above(kind: &str, sensor: Sensor, now: impl FnOnce() -> Option<Millicelsius>) -> Option<String> {
    let limit = match sensor {
        Sensor::Die => MAX_DIE,
        Sensor::Skin => MAX_SKIN,
        Sensor::Battery => MAX_BATTERY,
        Sensor::Other => return None,
    };
    let now = now()?;
    (now > limit).then(|| format!("{kind} is at {now}, above {limit}"))
}

/// The same by Android's services, for the places of which no zone answers: stock phones refuse their zones to the shell.
/// A program may be started here, before anything is measured.
fn hot_by_services<'a>(device: &Device, known: &DeviceReport, service: impl Fn() -> Option<&'a Dump>) -> Option<String> {
    let commands = device.commands.as_ref();
    let zones = |wanted: Sensor| {
        let answering = known.thermal_zones.iter().filter(|zone| zone.temperature.value().is_some());
        answering.filter_map(|zone| zone.kind.value()).any(|kind| Sensor::of(kind) == wanted)
    };
    let missing = |sensor: &Sensor| !zones(*sensor);
    let told = |temperature: &Temperature| temperature.place.map(Sensor::at).filter(missing);
    let mut by_service = Vec::new();
    if known.temperatures.iter().any(|temperature| told(temperature).is_some_and(|sensor| sensor != Sensor::Other)) {
        by_service = thermalservice::temperatures(commands).value().cloned().unwrap_or_default();
    }
    let hot =
        |temperature: &Temperature| above(&temperature.kind, told(temperature)?, || temperature.temperature.value().copied());
    by_service.iter().find_map(hot).or_else(|| {
        let battery = known.battery.as_ref().filter(|_| missing(&Sensor::Battery))?;
        let own = || power_supply::supply(device.sysfs.as_ref(), battery.supply.clone()).temperature.value().copied();
        above("the battery", Sensor::Battery, || own().or_else(|| service()?.temperature))
    })
}

/// How empty the battery is, if it is.
fn low_battery<'a>(device: &Device, known: &DeviceReport, service: impl Fn() -> Option<&'a Dump>) -> Option<String> {
    let name = known.battery.as_ref()?.supply.clone();
    let own = power_supply::supply(device.sysfs.as_ref(), name).capacity_percent.value().copied();
    let level = own.or_else(|| service()?.now.level)?;
    (level < MIN_LEVEL).then(|| format!("the battery is at {level} %, below {MIN_LEVEL} %"))
}

/// What tasks wait for, if they do. A kernel that does not count hinders nothing.
fn under_pressure(device: &Device) -> Option<String> {
    let fs = device.sysfs.as_ref();
    let above = |(what, share): (&str, Reading<f64>)| {
        let share = share.value().copied().filter(|&share| share > MAX_PRESSURE)?;
        Some(format!("tasks waited for {what} {share:.0} % of the last 10 s, {MAX_PRESSURE:.0} % may be"))
    };
    [("memory", pressure::memory(fs)), ("storage", pressure::io(fs))].into_iter().find_map(above)
}

/// Who competes for the CPUs, if anybody does. Tasks may run beside us on CPUs that the session leaves free.
async fn busy(device: &Device, cpus: &CpuSet, online: &CpuSet) -> Option<String> {
    let free = online.iter().filter(|&cpu| !cpus.contains(cpu)).count();
    let (mut sum, mut counted) = (0.0, 0);
    for look in 0..LOOKS {
        if look > 0 {
            sleep(BETWEEN_LOOKS).await;
        }
        if let Some(&running) = loadavg::running(device.sysfs.as_ref()).value() {
            // One of them is we, who read.
            sum += f64::from(running.saturating_sub(1));
            counted += 1;
        }
    }
    if counted == 0 {
        return None;
    }
    let others = sum / f64::from(counted);
    let allowed = MAX_COMPETITORS + free as f64 / 2.0;
    (others > allowed).then(|| format!("{others:.1} other tasks are running, {allowed:.1} may beside CPUs {cpus}"))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::probe::probe;
    use crate::session::simulated::simulated;
    use crate::sysfs::{Captured, SysErrorKind};

    fn set(text: &str) -> CpuSet {
        text.parse().unwrap()
    }

    #[tokio::test(start_paused = true)]
    async fn an_idle_device_is_settled_at_once_and_a_busy_one_marked_after_the_time() {
        let files = Arc::new(Captured::default());
        files.set("proc/loadavg", "0.0 0.0 0.0 1/90 5\n");
        let device = simulated(&files);
        let known = probe(&device, None);
        let minute = Nanos(60_000_000_000);
        let idle = settle(&device, &known, &set("0-3"), &set("0-3"), minute).await;
        assert!(!idle.timed_out && idle.waited < Nanos(100_000_000), "{idle:?}");
        files.set("proc/loadavg", "9.0 0.0 0.0 4/90 5\n");
        let busy = settle(&device, &known, &set("0-3"), &set("0-3"), minute).await;
        assert!(busy.timed_out && busy.waited >= minute, "{busy:?}");
        assert!(busy.detail.contains("3.0 other tasks"), "{}", busy.detail);
        let beside = settle(&device, &known, &set("0-1"), &set("0-7"), minute).await;
        assert!(!beside.timed_out, "three tasks fit on six free CPUs");
    }

    #[tokio::test(start_paused = true)]
    async fn an_empty_battery_and_waiting_for_memory_are_named_when_the_time_is_over() {
        let minute = Nanos(60_000_000_000);
        for (path, text, hindrance, detail) in [
            ("sys/class/power_supply/bms/capacity", "19\n", Hindrance::Battery, "at 19 %"),
            ("proc/pressure/memory", "some avg10=10.50 avg60=0 avg300=0 total=1\n", Hindrance::Pressure, "waited for memory"),
            ("proc/pressure/io", "some avg10=40.00 avg60=0 avg300=0 total=1\n", Hindrance::Pressure, "waited for storage"),
        ] {
            let files = Arc::new(Captured::default());
            files.set("proc/loadavg", "0.0 0.0 0.0 1/90 5\n");
            for (name, text) in [("type", "Battery\n"), ("capacity", "20\n")] {
                files.set(&format!("sys/class/power_supply/bms/{name}"), text);
            }
            let device = simulated(&files);
            let known = probe(&device, None);
            let cpus = set("0");
            assert!(!settle(&device, &known, &cpus, &cpus, minute).await.timed_out);
            files.set(path, text);
            let settled = settle(&device, &known, &cpus, &cpus, minute).await;
            assert!(settled.timed_out && settled.detail.contains(detail), "{settled:?}");
            assert_eq!(settled.hindrance, Some(hindrance));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_phone_that_refuses_its_files_is_gated_by_what_androids_services_say() {
        let minute = Nanos(60_000_000_000);
        let thermal = |cpu: &str, skin: &str| {
            format!(
                "Current temperatures from HAL:\n\tTemperature{{mValue={cpu}, mType=0, mName=BIG, mStatus=0}}\n\
                 \tTemperature{{mValue={skin}, mType=3, mName=skin, mStatus=0}}\n"
            )
        };
        let battery = |level: &str, tenths: &str| format!("  status: 3\n  level: {level}\n  temperature: {tenths}\n");
        let cool = (thermal("40.0", "30.0"), battery("80", "300"));
        for (services, hindrance, detail) in [
            (cool.clone(), None, ""),
            ((thermal("80.0", "30.0"), cool.1.clone()), Some(Hindrance::Heat), "BIG is at 80.0"),
            ((thermal("40.0", "41.0"), cool.1.clone()), Some(Hindrance::Heat), "skin is at 41.0"),
            ((cool.0.clone(), battery("80", "450")), Some(Hindrance::Heat), "the battery is at 45.0"),
            ((cool.0.clone(), battery("12", "300")), Some(Hindrance::Battery), "the battery is at 12 %"),
        ] {
            let files = Arc::new(Captured::default());
            files.set("proc/loadavg", "0.0 0.0 0.0 1/90 5\n");
            files.fail("sys/class/thermal", SysErrorKind::Denied);
            files.fail("sys/class/power_supply", SysErrorKind::Denied);
            files.set_command("dumpsys thermalservice", Ok(services.0));
            files.set_command("dumpsys battery", Ok(services.1));
            let device = simulated(&files);
            let known = probe(&device, None);
            let settled = settle(&device, &known, &set("0"), &set("0"), minute).await;
            assert_eq!((settled.timed_out, settled.hindrance), (hindrance.is_some(), hindrance), "{settled:?}");
            assert!(settled.detail.contains(detail), "{settled:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_hot_device_is_waited_for_until_it_is_cool() {
        let files = Arc::new(Captured::default());
        files.set("sys/class/thermal/thermal_zone4/type", "cpu-0-0-usr\n");
        files.set("sys/class/thermal/thermal_zone4/temp", "80000\n");
        let device = simulated(&files);
        let known = probe(&device, None);
        let cooling = async {
            sleep(Duration::from_secs(20)).await;
            files.set("sys/class/thermal/thermal_zone4/temp", "50000\n");
        };
        let (online, limit) = (set("0"), Nanos(60_000_000_000));
        let (settled, ()) = tokio::join!(settle(&device, &known, &online, &online, limit), cooling);
        assert!(!settled.timed_out);
        assert!(settled.waited >= Nanos(20_000_000_000), "{:?}", settled.waited);
    }
}
