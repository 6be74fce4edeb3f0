//! Phones with one meter each, as twins: every unit, sign, period and step that phones were seen to have.

use std::path::PathBuf;
use std::time::Duration;

use benchrack_protocol::energy::EnergySource;
use benchrack_protocol::engine::EngineRef;
use benchrack_protocol::gauge::Gauge;
use benchrack_protocol::ids::ArtifactId;
use benchrack_protocol::model::{Manifest, Precision};
use benchrack_protocol::reading::Reading;
use benchrack_protocol::runner::{LoadRequest, Request};
use benchrack_protocol::session::{MeasurePlan, OperatingPoint, SessionSpec, Subject};
use benchrack_protocol::units::{Bytes, Microamps, Nanos};

use crate::runner_process::{Birth, Launcher, Runner};
use crate::session::Artifacts;
use crate::twin::{Twin, TwinRunner};

/// What tells its energy.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Meter {
    /// `current_now` in a unit, with a sign.
    Current {
        /// As a twin's file names it.
        unit: &'static str,
        /// Whether positive numbers flow into the battery.
        charging: bool,
    },
    /// No current, and `charge_counter` in a unit and step.
    Charge {
        /// As a twin's file names it.
        unit: &'static str,
        /// Microampere-hours.
        step_uah: u64,
    },
    /// Metered rails.
    Rails,
    /// A processor's counter that begins again.
    Rapl,
}

/// A phone and its meter.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Phone {
    pub(super) meter: Meter,
    /// Name of the battery's power supply.
    pub(super) supply: &'static str,
    pub(super) period_ms: u64,
    pub(super) step_ua: u64,
    pub(super) noise_ua: f64,
    /// Time constant of the gauge's low-pass; 0 for a mean over the period.
    pub(super) lag_ms: u64,
    pub(super) millivolts: bool,
    /// What the phone draws at rest, and the share of it that comes and goes.
    pub(super) rest_mw: f64,
    pub(super) others: f64,
    /// Of each core at 25 °C.
    pub(super) leakage_mw: f64,
    /// When a cable comes, s.
    pub(super) plugged_at: Option<f64>,
    /// Shortest `max_time` of a trial, s.
    pub(super) shortest_s: f64,
}

/// A phone of today with a gauge that averages over a second and prints microamperes.
pub(super) const PLAIN: Phone = Phone {
    meter: Meter::Current { unit: "uA", charging: true },
    supply: "battery",
    period_ms: 1000,
    step_ua: 1000,
    noise_ua: 3000.0,
    lag_ms: 0,
    millivolts: false,
    rest_mw: 900.0,
    others: 0.02,
    leakage_mw: 20.0,
    plugged_at: None,
    shortest_s: 300.0,
};

/// Every kind of unit, sign and period that phones were seen to have, and what physics adds.
pub(super) fn variants() -> Vec<(&'static str, Phone)> {
    let current = |unit, charging| Meter::Current { unit, charging };
    let charge = |unit, step_uah| Meter::Charge { unit, step_uah };
    let (milli, inverted) = (Phone { meter: current("mA", true), ..PLAIN }, Phone { meter: current("uA", false), ..PLAIN });
    vec![
        ("µA, positive while charging, as the kernel defines", PLAIN),
        ("µA, inverted: a Snapdragon with pmic_glink, Retroid Pocket Flip 2", inverted),
        ("mA: Galaxy S21, Galaxy A15, XCover 5, Huawei P Smart 2019", milli),
        ("mA, inverted: OnePlus 7T", Phone { meter: current("mA", false), ..PLAIN }),
        ("mA and mV, a supply of another name: MediaPad 10 FHD", Phone { supply: "MainBattery", millivolts: true, ..milli }),
        ("no current (-2147483648), counter in µAh: Ulefone Armor 27T Pro", Phone { meter: charge("uAh", 100), ..PLAIN }),
        ("no current, counter in mAh: Honor BKQ-N49", Phone { meter: charge("mAh", 1000), shortest_s: 1500.0, ..PLAIN }),
        ("no current, counter in nAh", Phone { meter: charge("nAh", 10), ..PLAIN }),
        ("a value every 100 ms", Phone { period_ms: 100, step_ua: 1, noise_ua: 20_000.0, ..PLAIN }),
        ("a value every 163 ms, steps of 488 µA", Phone { period_ms: 163, step_ua: 488, ..PLAIN }),
        ("a value every 250 ms", Phone { period_ms: 250, noise_ua: 10_000.0, ..PLAIN }),
        ("a value every 5 s", Phone { period_ms: 5000, ..PLAIN }),
        ("a value every 10 s", Phone { period_ms: 10_000, ..PLAIN }),
        ("steps of 10 mA without noise", Phone { step_ua: 10_000, noise_ua: 0.0, others: 0.0, ..PLAIN }),
        ("steps of 30 mA with noise", Phone { step_ua: 30_000, noise_ua: 25_000.0, ..PLAIN }),
        ("a noisy gauge", Phone { noise_ua: 35_000.0, ..PLAIN }),
        ("a gauge with a filter of 4 s", Phone { lag_ms: 4000, ..PLAIN }),
        ("others at work", Phone { others: 0.15, ..PLAIN }),
        ("a chip that leaks when warm", Phone { leakage_mw: 150.0, ..PLAIN }),
        ("rails every 250 ms", Phone { meter: Meter::Rails, period_ms: 250, ..PLAIN }),
        ("rails of a leaking chip", Phone { meter: Meter::Rails, period_ms: 250, leakage_mw: 150.0, ..PLAIN }),
        ("RAPL that wraps", Phone { meter: Meter::Rapl, ..PLAIN }),
        ("little at rest, 0.12 W", Phone { rest_mw: 120.0, ..PLAIN }),
        ("little at rest, 0.3 W", Phone { rest_mw: 300.0, ..PLAIN }),
    ]
}

impl Phone {
    /// The twin, with a core for each of the subjects, which adds so many watts when it works.
    pub(super) fn switch_on(&self, seed: u64, watts: &[f64]) -> Twin {
        use std::fmt::Write as _;
        let mut text = format!("# benchrack twin 1\nseed = {seed}\nbase_mw = {}\nbase_noise = {}\n", self.rest_mw, self.others);
        // Writing into a String cannot fail.
        let mut say = |lines: std::fmt::Arguments<'_>| {
            let _ = text.write_fmt(lines);
        };
        for (cpu, watts) in watts.iter().enumerate() {
            let (low, middle, high) = (watts * 100.0, watts * 400.0, watts * 1000.0);
            say(format_args!(
                "[[cluster]]\ncpus = \"{cpu}\"\nmidr = 0x410fd092\nopp = [[500000, {low}], [1000000, {middle}], [2000000, {high}]]\n\
                 leakage_mw = {}\nmacs_per_cycle = 4\nint8_macs_per_cycle = 8\ngovernor = \"schedutil\"\n",
                self.leakage_mw
            ));
        }
        say(format_args!("[heat]\nambient_c = 25\ndie_j_per_k = 3\ndie_k_per_w = 8\nbody_j_per_k = 150\nbody_k_per_w = 5\n"));
        match self.meter {
            Meter::Rails => {
                say(format_args!("[rails]\ndevice = \"iio:device0\"\nperiod_ms = {}\n", self.period_ms));
                for cpu in 0..watts.len() {
                    say(format_args!("[[rails.rail]]\nname = \"S{cpu}M_VDD_CPUCL{cpu}\"\ncluster = {cpu}\n"));
                }
                say(format_args!("[[rails.rail]]\nname = \"VSYS_PWR_REST\"\n"));
                self.battery(&mut say, "uA", true, ("uAh", 1), seed);
            }
            Meter::Rapl => say(format_args!("[rapl]\nrange_uj = 60000000\nstep_uj = 61\n")),
            Meter::Current { unit, charging } => self.battery(&mut say, unit, charging, ("uAh", 1), seed),
            Meter::Charge { unit, step_uah } => self.battery(&mut say, "unsupported", true, (unit, step_uah), seed),
        }
        text.push_str("# benchrack device capture 1\ncommand getprop\n| [ro.product.cpu.abi]: [arm64-v8a]\n");
        Twin::parse(&text).unwrap_or_else(|error| panic!("{error}: {:?}\n{text}", std::error::Error::source(&error)))
    }

    fn battery(
        &self,
        say: &mut impl FnMut(std::fmt::Arguments<'_>),
        current: &str,
        charging: bool,
        (charge, charge_step): (&str, u64),
        seed: u64,
    ) {
        let positive = if charging { "charging" } else { "discharging" };
        // Trials begin anywhere in the gauge's period.
        let phase = seed * 37 % 100 * self.period_ms / 100;
        say(format_args!(
            "[battery]\nsupply = \"{}\"\ncapacity_mah = 3000\nlevel = 75\nocv = [[0, 3.4], [50, 3.8], [100, 4.35]]\n\
             resistance_mohm = 120\n[battery.gauge]\ncurrent = \"{current}\"\npositive = \"{positive}\"\nperiod_ms = {}\n\
             phase_ms = {phase}\nstep_ua = {}\nlag_ms = {}\nnoise_ua = {}\naverages = {}\nmillivolts = {}\ncharge = \"{charge}\"\n\
             charge_step_uah = {charge_step}\n[charger]\nsupply = \"usb\"\ntype = \"USB\"\ninput_mw = 8000\n",
            self.supply,
            self.period_ms,
            self.step_ua,
            self.lag_ms,
            self.noise_ua,
            self.lag_ms == 0,
            self.millivolts
        ));
        if let Some(at) = self.plugged_at {
            say(format_args!("[[script]]\nat_s = {at}\ndo = \"plug\"\n"));
        }
    }

    /// Its calibration, as it would be measured.
    pub(super) fn gauge(&self) -> Option<Gauge> {
        let Meter::Current { unit, charging } = self.meter else { return None };
        let micro = unit == "uA";
        Some(Gauge {
            supply: self.supply.into(),
            per_count: if micro { 1 } else { 1000 } * if charging { 1 } else { -1 },
            period: Reading::of(Nanos(self.period_ms * 1_000_000)),
            step: Reading::of(Microamps(i64::try_from(self.step_ua).unwrap_or(i64::MAX).max(if micro { 1 } else { 1000 }))),
            basis: "the twin's file".into(),
        })
    }

    /// What must tell its energy.
    pub(super) fn source(&self) -> EnergySource {
        match self.meter {
            Meter::Current { .. } => EnergySource::FuelGauge,
            Meter::Charge { .. } => EnergySource::ChargeCounter,
            Meter::Rails => EnergySource::Rails,
            Meter::Rapl => EnergySource::Rapl,
        }
    }
}

/// A runner on each of the twin's first cores, with a loaded model of 12.5 ms.
pub(super) async fn runners(twin: &Twin, count: usize) -> Vec<TwinRunner> {
    let artifact = ArtifactId::of(b"model");
    let manifest =
        Manifest { macs: Some(100_000_000), ..Manifest::of_unknown("model", Precision::Fp32, artifact, Bytes(4_000_000)) };
    let subject = Subject { label: "model".into(), manifest, engine: EngineRef::built_in(), threads: 1 };
    let spec = SessionSpec { subjects: vec![subject], operating_point: OperatingPoint::default(), plan: MeasurePlan::default() };
    let artifacts: Artifacts = [(artifact, Ok(PathBuf::from("model.onnx")))].into();
    let (launcher, patience) = (twin.launcher(&spec, &artifacts), Duration::from_secs(60));
    let mut runners = Vec::new();
    for cpu in 0..count {
        let birth = Birth { cpus: cpu.to_string().parse().unwrap(), address_space: None, patience };
        let mut runner = launcher.launch(&birth).await.unwrap();
        runner.ask(&Request::Load(LoadRequest::new("model.onnx", "tract", 1)), patience).await.unwrap();
        runners.push(runner);
    }
    runners
}
