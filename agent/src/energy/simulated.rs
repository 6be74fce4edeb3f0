//! A phone of which the energy is known to the last joule: power by what runs, a chip that gets warm and leaks, a battery
//! that sags, and a meter with unit, sign, period, lag, step and noise. Time is tokio's paused time.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use benchrack_protocol::gauge::Gauge;
use benchrack_protocol::reading::Reading;
use benchrack_protocol::report::Failure;
use benchrack_protocol::runner::{MemoryFigures, Reply, Request};
use benchrack_protocol::units::{Microamps, Nanos};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

use crate::device::Device;
use crate::runner_process::Runner;
use crate::session::simulated::simulated;
use crate::sysfs::{Captured, SysError, SysErrorKind, SysFs};

/// Seconds of one step of the physics.
const STEP: f64 = 0.02;

/// How a meter shows itself.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Shown {
    /// `current_now`: microamperes into the battery for each count.
    Current(i64),
    /// `charge_counter` in microampere-hours.
    Charge,
    /// Rails with their own times.
    Rails,
    /// RAPL that begins again after this many microjoules.
    Rapl(u64),
}

/// A phone and its meter.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Physics {
    pub(crate) shown: Shown,
    /// Seconds between two new values.
    pub(crate) period: f64,
    /// Least step: microamperes, microampere-hours, microjoules.
    pub(crate) step: f64,
    /// Standard deviation of one value of the gauge, microamperes.
    pub(crate) noise: f64,
    /// Time constant of the gauge's filter, seconds; 0 for a mean over the period.
    pub(crate) filter: f64,
    /// Power at rest, W.
    pub(crate) rest: f64,
    /// Growth of leakage with the chip's heat above rest, W for each K.
    pub(crate) leakage: f64,
    /// Relative standard deviation of the rest's power from second to second: others at work.
    pub(crate) others: f64,
}

/// Inner resistance of the battery, ohm.
const RESISTANCE: f64 = 0.12;
/// Open-circuit voltage at the start, V, and its fall for each coulomb.
const VOLTAGE: f64 = 4.05;
const SAG: f64 = 4e-5;
/// Heat of the chip: K for each W, and seconds.
const KELVIN_PER_WATT: f64 = 9.0;
const THERMAL_SECONDS: f64 = 25.0;

struct State {
    physics: Physics,
    random: ChaCha8Rng,
    now: f64,
    /// What runs now adds, W.
    added: f64,
    heat: f64,
    others: f64,
    /// Joules used until each step's end; the truth.
    used: Vec<f64>,
    /// Joules that a device at rest would have used until then.
    at_rest: Vec<f64>,
    coulombs: f64,
    /// Of the gauge: when it updates next, coulombs at the last update, filtered current, what it shows.
    next_update: f64,
    coulombs_then: f64,
    filtered: f64,
    current: f64,
    volts: f64,
    charge: f64,
    joules_shown: f64,
    time_shown: f64,
    fed_from: Option<f64>,
}

impl State {
    fn uniform(&mut self) -> f64 {
        ((self.random.next_u64() >> 11) as f64 + 0.5) / (1u64 << 53) as f64
    }

    fn normal(&mut self) -> f64 {
        let radius = (-2.0 * self.uniform().ln()).sqrt();
        radius * (std::f64::consts::TAU * self.uniform()).cos()
    }

    /// Lets time pass up to `now`.
    fn advance(&mut self, now: f64) {
        while self.now + STEP <= now {
            self.step();
        }
    }

    fn step(&mut self) {
        let physics = self.physics;
        if ((self.now / STEP).round() as u64).is_multiple_of((1.0 / STEP) as u64) {
            self.others = physics.rest * physics.others * self.normal();
        }
        let added = self.added;
        let leaked = physics.leakage * self.heat;
        let power = physics.rest + self.others + added + leaked;
        self.heat += STEP / THERMAL_SECONDS * (KELVIN_PER_WATT * added - self.heat);
        let open = VOLTAGE - SAG * self.coulombs;
        // Power = (open - current × resistance) × current.
        let current = (open - (open * open - 4.0 * RESISTANCE * power).sqrt()) / (2.0 * RESISTANCE);
        self.volts = open - current * RESISTANCE;
        self.coulombs += current * STEP;
        self.used.push(self.used.last().copied().unwrap_or(0.0) + power * STEP);
        self.at_rest.push(self.at_rest.last().copied().unwrap_or(0.0) + (physics.rest + self.others) * STEP);
        if physics.filter > 0.0 {
            self.filtered += STEP / physics.filter * (current - self.filtered);
        }
        self.now += STEP;
        if self.now >= self.next_update {
            self.update();
        }
    }

    fn update(&mut self) {
        let physics = self.physics;
        self.next_update += physics.period;
        let mean = (self.coulombs - self.coulombs_then) / (self.now - self.time_shown);
        self.coulombs_then = self.coulombs;
        let noise = physics.noise * self.normal();
        let microamps = if physics.filter > 0.0 { self.filtered } else { mean } * 1e6 + noise;
        self.current = (microamps / physics.step).round() * physics.step;
        self.charge = ((3.0e6 - self.coulombs / 3600.0 * 1e6) / physics.step).floor() * physics.step;
        self.joules_shown = self.used.last().copied().unwrap_or(0.0);
        self.time_shown = self.now;
    }

    fn file(&mut self, path: &str) -> Option<String> {
        let fed = self.fed_from.is_some_and(|from| self.now >= from);
        let physics = self.physics;
        let battery = path.strip_prefix("sys/class/power_supply/battery/");
        let shows = |file: &str| battery == Some(file);
        let text = match (path, physics.shown) {
            ("sys/class/power_supply/usb/online", _) => u8::from(fed).to_string(),
            (_, Shown::Current(per_count)) if shows("current_now") => ((-self.current).round() as i64 / per_count).to_string(),
            (_, Shown::Charge) if shows("charge_counter") => (self.charge as i64).to_string(),
            _ if shows("status") => (if fed { "Charging" } else { "Discharging" }).into(),
            _ if shows("voltage_now") => ((self.volts * 1e3).round() as i64 * 1000).to_string(),
            ("sys/bus/iio/devices/iio:device0/energy_value", Shown::Rails) => {
                let at = (self.time_shown * 1e3) as u64 + 5_000_000;
                format!("t={at}\nCH3(T={at})[S2M_VDD_CPUCL2], {}", (self.joules_shown * 1e6) as u64)
            }
            ("sys/class/powercap/intel-rapl:0/energy_uj", Shown::Rapl(range)) => {
                ((self.used.last().copied().unwrap_or(0.0) * 1e6 / physics.step) as u64 * physics.step as u64 % range).to_string()
            }
            _ => return None,
        };
        Some(text + "\n")
    }
}

/// The device's files: moving ones from the physics, others as set.
pub(crate) struct Phone {
    files: Captured,
    state: Mutex<State>,
    begun: tokio::time::Instant,
}

impl Phone {
    /// A phone in the middle of its gauge's period. Call it within a paused runtime.
    pub(crate) fn new(physics: Physics, seed: u64) -> Arc<Self> {
        let files = Captured::default();
        let mut fixed: Vec<(&str, String)> = match physics.shown {
            Shown::Current(_) => vec![("sys/class/power_supply/battery/current_now", String::new())],
            Shown::Charge => vec![
                ("sys/class/power_supply/battery/charge_counter", String::new()),
                ("sys/class/power_supply/battery/capacity", "75".into()),
            ],
            Shown::Rails => vec![("sys/bus/iio/devices/iio:device0/energy_value", String::new())],
            Shown::Rapl(range) => vec![
                ("sys/class/powercap/intel-rapl:0/name", "package-0".into()),
                ("sys/class/powercap/intel-rapl:0/max_energy_range_uj", range.to_string()),
                ("sys/class/powercap/intel-rapl:0/energy_uj", String::new()),
            ],
        };
        if matches!(physics.shown, Shown::Current(_) | Shown::Charge) {
            for (path, text) in [("battery/type", "Battery"), ("usb/type", "USB")] {
                files.set(&format!("sys/class/power_supply/{path}"), text);
            }
        }
        fixed.drain(..).for_each(|(path, text)| files.set(path, &text));
        let mut state = State {
            physics,
            random: ChaCha8Rng::seed_from_u64(seed),
            now: 0.0,
            added: 0.0,
            heat: 0.0,
            others: 0.0,
            used: vec![0.0],
            at_rest: vec![0.0],
            coulombs: 0.0,
            next_update: 0.0,
            coulombs_then: 0.0,
            filtered: 0.0,
            current: 0.0,
            volts: VOLTAGE,
            charge: 3.0e6,
            joules_shown: 0.0,
            time_shown: 0.0,
            fed_from: None,
        };
        state.next_update = state.uniform() * physics.period;
        Arc::new(Self { files, state: Mutex::new(state), begun: tokio::time::Instant::now() })
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        let mut state = self.state.lock().unwrap();
        state.advance(self.begun.elapsed().as_secs_f64());
        state
    }

    /// A cable comes this many seconds after the start.
    pub(crate) fn feed_from(&self, seconds: f64) {
        self.state().fed_from = Some(seconds);
    }

    /// The device with this phone's files.
    pub(crate) fn device(self: &Arc<Self>) -> Device {
        Device { sysfs: Arc::clone(self) as Arc<dyn SysFs>, ..simulated(&Arc::new(Captured::default())) }
    }

    /// Its calibration, as it would be measured.
    pub(crate) fn gauge(&self) -> Option<Gauge> {
        let physics = self.state().physics;
        let Shown::Current(per_count) = physics.shown else { return None };
        Some(Gauge {
            supply: "battery".into(),
            per_count,
            period: Reading::of(Nanos((physics.period * 1e9) as u64)),
            step: Reading::of(Microamps(physics.step as i64)),
            basis: "simulated".into(),
        })
    }

    /// Joules that the work added to a device at rest in a window of seconds since the start, its heat included.
    pub(crate) fn truth(&self, (from, to): (f64, f64)) -> f64 {
        let state = self.state();
        let at = |time: f64| {
            let place = ((time / STEP).round() as usize).min(state.used.len() - 1);
            state.used[place] - state.at_rest[place]
        };
        at(to) - at(from)
    }
}

impl SysFs for Phone {
    fn read(&self, path: &str) -> Result<String, SysError> {
        match self.state().file(path) {
            Some(text) => Ok(text),
            None => self.files.read(path),
        }
    }

    fn list(&self, path: &str) -> Result<Vec<String>, SysError> {
        self.files.list(path)
    }

    fn write(&self, path: &str, _: &str) -> Result<(), SysError> {
        Err(SysError::new(SysErrorKind::Denied, path, "nothing is written here"))
    }

    fn writable(&self, _: &str) -> bool {
        false
    }
}

/// A runner that makes the phone work.
pub(crate) struct Worker {
    pub(crate) phone: Arc<Phone>,
    pub(crate) latency: Duration,
    /// What it adds in a cool chip, W.
    pub(crate) watts: f64,
}

impl Runner for Worker {
    async fn ask(&mut self, request: &Request, _: Duration) -> Result<Reply, Failure> {
        let Request::Run { n } = request else { return Ok(Reply::Memory(MemoryFigures::default())) };
        self.phone.state().added = self.watts;
        tokio::time::sleep(self.latency * *n).await;
        self.phone.state().added = 0.0;
        let samples = vec![Nanos::from(self.latency); *n as usize];
        Ok(Reply::Ran { samples, started: Nanos(0), suspended: Nanos(0) })
    }

    fn pid(&self) -> u32 {
        7
    }

    fn memory_before(&self) -> MemoryFigures {
        MemoryFigures::default()
    }
}
