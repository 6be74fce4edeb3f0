//! A battery, its gauge and its charger.
//!
//! The battery is an open-circuit voltage behind a resistance: a load of power P draws the current I with
//! P = (U₀ − I R) I, so that the voltage sags under load as on a phone. The gauge shows what it last latched, in its own
//! unit, sign and step.

use benchrack_protocol::tensor::unit;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

use super::file::{BatterySpec, ChargeUnit, ChargerSpec, CurrentUnit, Flow, Stop, SwitchSpec};

/// A battery at one moment.
#[derive(Debug)]
pub(super) struct Battery {
    pub(super) spec: BatterySpec,
    /// Charge, mAh.
    pub(super) charge: f64,
    /// Current into it, A.
    pub(super) current: f64,
    /// Voltage at its terminals, V.
    pub(super) voltage: f64,
    gauge: Gauge,
    rng: ChaCha8Rng,
}

/// What the gauge has latched.
#[derive(Debug, Default)]
struct Gauge {
    next: u64,
    filtered: Option<f64>,
    /// Charge that flowed since the last update, A·s, and for how long, s.
    flowed: (f64, f64),
    /// µA into the battery.
    current: i64,
    /// µV.
    voltage: i64,
    /// µAh.
    counter: i64,
    level: u32,
}

impl Battery {
    pub(super) fn of(spec: BatterySpec, seed: u64) -> Self {
        let charge = spec.capacity_mah * (spec.level / 100.0).clamp(0.0, 1.0);
        let mut battery =
            Self { charge, current: 0.0, voltage: 0.0, gauge: Gauge::default(), rng: ChaCha8Rng::seed_from_u64(seed), spec };
        battery.voltage = battery.open_circuit();
        battery
    }

    /// V at this charge, between the points of the curve.
    fn open_circuit(&self) -> f64 {
        let level = self.level();
        let curve = &self.spec.ocv;
        let after = curve.iter().position(|point| point.0 >= level).unwrap_or(curve.len() - 1).max(1);
        let ((x0, y0), (x1, y1)) = (curve[after - 1], curve[after]);
        y0 + (y1 - y0) * ((level - x0) / (x1 - x0)).clamp(0.0, 1.0)
    }

    /// Per cent.
    pub(super) fn level(&self) -> f64 {
        (100.0 * self.charge / self.spec.capacity_mah).clamp(0.0, 100.0)
    }

    fn ohms(&self) -> f64 {
        self.spec.resistance_mohm / 1000.0
    }

    /// Lets power be drawn for a time: positive out of the battery, negative into it. Returns the heat made in its
    /// resistance, W.
    pub(super) fn draw(&mut self, seconds: f64, watts: f64) -> f64 {
        let (open, ohms) = (self.open_circuit(), self.ohms());
        // More than the battery can give is what it can give.
        let root = (open * open - 4.0 * ohms * watts).max(0.0).sqrt();
        let out = (open - root) / (2.0 * ohms);
        self.current = -out;
        self.voltage = open - out * ohms;
        self.charge = (self.charge - out * seconds / 3.6).clamp(0.0, self.spec.capacity_mah);
        let gauge = &mut self.gauge;
        gauge.flowed = (gauge.flowed.0 + self.current * seconds, gauge.flowed.1 + seconds);
        let lag = self.spec.gauge.lag_ms as f64 / 1000.0;
        let before = gauge.filtered.unwrap_or(self.current);
        // Exact for a constant current within the step.
        let share = if lag > 0.0 { 1.0 - (-seconds / lag).exp() } else { 1.0 };
        gauge.filtered = Some(before + (self.current - before) * share);
        out * out * ohms
    }

    /// Latches new values when an update is due; the first one as the twin starts.
    pub(super) fn update(&mut self, now: u64) {
        if now < self.gauge.next {
            return;
        }
        let noise = normal(&mut self.rng) * self.spec.gauge.noise_ua;
        let spec = &self.spec.gauge;
        let mean = if self.gauge.flowed.1 > 0.0 { self.gauge.flowed.0 / self.gauge.flowed.1 } else { self.current };
        let shown = if spec.averages { mean } else { self.gauge.filtered.unwrap_or(self.current) };
        let step = spec.step_ua as f64;
        let charge_step = spec.charge_step_uah as f64;
        self.gauge = Gauge {
            next: spec.next_update(now),
            filtered: self.gauge.filtered,
            flowed: (0.0, 0.0),
            current: (((shown * 1e6 + noise) / step).round() * step) as i64,
            voltage: (self.voltage * 1e6) as i64,
            counter: ((self.charge * 1000.0 / charge_step).floor() * charge_step) as i64,
            level: self.level().round() as u32,
        };
    }

    /// `current_now`.
    pub(super) fn current_now(&self) -> i64 {
        let sign = if self.spec.gauge.positive == Flow::Charging { 1 } else { -1 };
        match self.spec.gauge.current {
            CurrentUnit::Microampere => sign * self.gauge.current,
            CurrentUnit::Milliampere => sign * self.gauge.current / 1000,
            CurrentUnit::Unsupported => i64::from(i32::MIN),
        }
    }

    /// `voltage_now`.
    pub(super) fn voltage_now(&self) -> i64 {
        if self.spec.gauge.millivolts { self.gauge.voltage / 1000 } else { self.gauge.voltage }
    }

    /// `charge_counter`; none where there is no such file.
    pub(super) fn charge_counter(&self) -> Option<i64> {
        match self.spec.gauge.charge {
            ChargeUnit::MicroampereHour => Some(self.gauge.counter),
            ChargeUnit::MilliampereHour => Some(self.gauge.counter / 1000),
            ChargeUnit::NanoampereHour => Some(self.gauge.counter * 1000),
            ChargeUnit::Absent => None,
        }
    }

    /// `capacity`, per cent.
    pub(super) fn shown_level(&self) -> u32 {
        self.gauge.level
    }
}

/// A value of the standard normal distribution, as the sum of twelve even ones (Irwin and Hall).
pub(super) fn normal(rng: &mut ChaCha8Rng) -> f64 {
    (0..12).map(|_| f64::from(unit(rng))).sum::<f64>() - 6.0
}

/// A charger at one moment.
#[derive(Debug)]
pub(super) struct Charger {
    pub(super) spec: ChargerSpec,
    pub(super) plugged: bool,
    /// What each switch says, and since when it stops charging.
    pub(super) switches: Vec<(String, Option<u64>)>,
}

impl Charger {
    pub(super) fn of(spec: ChargerSpec) -> Self {
        let begin = |switch: &SwitchSpec| {
            if switch.engaged { (switch.stopped.clone(), Some(0)) } else { (switch.charging.clone(), None) }
        };
        Self { plugged: spec.plugged, switches: spec.switches.iter().map(begin).collect(), spec }
    }

    /// Charges again where the phone undoes a stop by itself.
    pub(super) fn undo(&mut self, now: u64) {
        for (switch, (text, since)) in self.spec.switches.iter().zip(&mut self.switches) {
            let undone = switch.undone_after_s.map(super::layers::seconds);
            if since.zip(undone).is_some_and(|(since, after)| now.saturating_sub(since) >= after) {
                (*text, *since) = (switch.charging.clone(), None);
            }
        }
    }

    /// A write to a switch; false for a value that it does not know.
    pub(super) fn switch(&mut self, number: usize, value: &str, now: u64) -> bool {
        let (Some(spec), Some(state)) = (self.spec.switches.get(number), self.switches.get_mut(number)) else { return false };
        if value == spec.stopped {
            *state = (value.into(), state.1.or(Some(now)));
        } else if value == spec.charging {
            *state = (value.into(), None);
        } else {
            return false;
        }
        true
    }

    /// What stops charging now, if anything does.
    pub(super) fn stopped(&self) -> Option<Stop> {
        let stops = || self.spec.switches.iter().zip(&self.switches).filter(|(_, (_, since))| since.is_some());
        let does = |wanted: Stop| stops().any(|(switch, _)| switch.does == wanted).then_some(wanted);
        does(Stop::Suspend).or_else(|| does(Stop::Bypass))
    }

    /// Power that the battery gives for a load, W; negative while it is charged. A full battery takes none.
    pub(super) fn drawn_for(&self, load_w: f64, full: bool) -> f64 {
        let input = self.spec.input_mw / 1000.0;
        match (self.plugged, self.stopped()) {
            (false, _) | (true, Some(Stop::Suspend)) => load_w,
            (true, Some(Stop::Bypass)) => (load_w - input).max(0.0),
            (true, _) if full => (load_w - input).max(0.0),
            (true, _) => load_w - input,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::twin::file::power::GaugeSpec;

    fn battery(gauge: GaugeSpec) -> Battery {
        let ocv = vec![(0.0, 3.4), (50.0, 3.8), (100.0, 4.35)];
        let spec =
            BatterySpec { supply: "battery".into(), capacity_mah: 3000.0, level: 75.0, ocv, resistance_mohm: 100.0, gauge };
        Battery::of(spec, 1)
    }

    fn gauge() -> GaugeSpec {
        GaugeSpec {
            current: CurrentUnit::Microampere,
            positive: Flow::Charging,
            period_ms: 1000,
            step_ua: 1000,
            lag_ms: 0,
            noise_ua: 0.0,
            averages: false,
            millivolts: false,
            phase_ms: 0,
            charge: ChargeUnit::MicroampereHour,
            charge_step_uah: 1,
        }
    }

    #[test]
    fn power_current_and_voltage_agree_and_charge_runs_down() {
        let mut battery = battery(gauge());
        let heat = battery.draw(1.0, 4.0);
        assert!((battery.voltage * -battery.current - 4.0).abs() < 1e-9);
        assert!((battery.open_circuit() - battery.voltage + battery.current * 0.1).abs() < 1e-3);
        assert!((heat - battery.current * battery.current * 0.1).abs() < 1e-12);
        let before = battery.charge;
        for _ in 0..3600 {
            battery.draw(1.0, 4.0);
        }
        // About an ampere for an hour.
        assert!((1000.0..1100.0).contains(&(before - battery.charge)), "{}", before - battery.charge);
        battery.draw(1.0, -2.0);
        assert!(battery.current > 0.0 && battery.voltage > battery.open_circuit());
    }

    #[test]
    fn a_gauge_tells_its_own_unit_sign_and_step_at_its_own_pace() {
        let mut raw = battery(gauge());
        raw.draw(1.0, 4.0);
        raw.update(0);
        let shown = raw.current_now();
        assert!(shown < -900_000 && shown % 1000 == 0, "{shown}");
        raw.draw(0.5, 1.0);
        raw.update(500_000_000);
        assert_eq!(raw.current_now(), shown, "not due");
        raw.update(1_000_000_000);
        assert!(raw.current_now() > shown / 2);

        let mut inverted = battery(GaugeSpec { current: CurrentUnit::Milliampere, positive: Flow::Discharging, ..gauge() });
        inverted.draw(1.0, 4.0);
        inverted.update(0);
        assert_eq!(inverted.current_now(), -shown / 1000);
        let mut none = battery(GaugeSpec { current: CurrentUnit::Unsupported, ..gauge() });
        none.update(0);
        assert_eq!(none.current_now(), -2_147_483_648);
    }

    #[test]
    fn a_gauge_that_averages_shows_the_mean_since_its_last_update() {
        let mut battery = battery(GaugeSpec { averages: true, step_ua: 1, ..gauge() });
        battery.update(0);
        battery.draw(0.5, 4.0);
        let first = battery.current;
        battery.draw(0.5, 0.0);
        battery.update(1_000_000_000);
        assert!((battery.current_now() as f64 / 1e6 - first / 2.0).abs() < 1e-5);
    }

    #[test]
    fn suspend_discharges_bypass_rests_and_a_false_switch_does_nothing() {
        let switch = |does, undone_after_s| SwitchSpec {
            path: "x".into(),
            charging: "0".into(),
            stopped: "1".into(),
            does,
            undone_after_s,
            engaged: false,
        };
        let switches = vec![switch(Stop::Suspend, Some(60.0)), switch(Stop::Bypass, None), switch(Stop::Nothing, None)];
        let spec = ChargerSpec { supply: "usb".into(), kind: "USB".into(), plugged: true, input_mw: 5000.0, switches };
        let mut charger = Charger::of(spec);
        assert_eq!(charger.drawn_for(2.0, false), -3.0);
        assert_eq!(charger.drawn_for(2.0, true), 0.0);
        assert!(charger.switch(2, "1", 0) && !charger.switch(2, "2", 0));
        assert_eq!(charger.drawn_for(2.0, false), -3.0);
        charger.switch(1, "1", 0);
        assert_eq!(charger.drawn_for(2.0, false), 0.0);
        charger.switch(0, "1", 0);
        assert_eq!(charger.drawn_for(2.0, false), 2.0);
        charger.undo(60_000_000_000);
        assert_eq!((charger.drawn_for(2.0, false), charger.switches[0].0.as_str()), (0.0, "0"));
    }
}
