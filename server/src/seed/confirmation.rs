//! The gate that confirmed a planted slow-down: the revision before against the slower one, on the device that shows it.

use benchrack_protocol::api::{Estimate, GateComparison, GateDevice, GateOutcome, GateSubject, Metric, NewGate, Verdict};
use benchrack_protocol::session::MeasurePlan;
use benchrack_protocol::units::Nanos;

use super::rack::{Place, Rack, Revision, Variant};
use crate::config::SeriesConfig;

/// Pairs that a confirmation ends after, and how long it takes.
const PAIRS: u32 = 24;
const TAKES: Nanos = Nanos(90_000_000_000);

/// A confirmed slow-down.
pub(super) struct Confirmation<'a> {
    pub(super) rack: &'a Rack<'a>,
    pub(super) place: Place,
    pub(super) variant: Variant,
    /// Before, and slower.
    pub(super) sides: [&'a Revision; 2],
    /// By which share.
    pub(super) effect: Estimate,
}

impl Confirmation<'_> {
    /// What was asked.
    pub(super) fn request(&self) -> NewGate {
        let side = |revision: &Revision| GateSubject {
            manifest: revision.file(self.variant.precision).1.clone(),
            engine: self.rack.engine_ref(self.variant, self.place.round),
            threads: 1,
        };
        let [baseline, candidate] = self.sides.map(side);
        NewGate {
            baseline,
            candidate,
            devices: format!("name={}", self.device()),
            operating_point: self.rack.point(self.place.sweep),
            plan: MeasurePlan::default(),
            rules: SeriesConfig::default().gate_rules(),
            metrics: Vec::new(),
            max_time: None,
            budgets: Vec::new(),
        }
    }

    /// What came out.
    pub(super) fn outcome(&self) -> GateOutcome {
        let limit = SeriesConfig::default().tolerance;
        let [baseline, candidate] = self.sides.map(|revision| self.rack.level(self.place, self.variant, revision));
        let detail = format!("simulated: slower by more than the {} % that are accepted", limit * 100.0);
        let comparison = GateComparison {
            metric: Metric::Latency.name().into(),
            verdict: Verdict::Slower,
            change: Some(self.effect),
            baseline: Some(baseline),
            candidate: Some(Estimate::exact(candidate)),
            limit,
            budget: false,
            detail: detail.clone(),
        };
        let device = GateDevice {
            device: self.device().into(),
            session: None,
            verdict: Verdict::Slower,
            detail: detail.clone(),
            effect: Some(self.effect),
            pairs: PAIRS,
            medians: Some((Nanos(baseline as u64), Nanos(candidate as u64))),
            comparisons: vec![comparison],
            device_time: Some(TAKES),
            more_time: None,
        };
        let summary = format!("{detail}: {:+.1} %", self.effect.value * 100.0);
        GateOutcome { verdict: Verdict::Slower, summary, devices: vec![device], more_time: None }
    }

    fn device(&self) -> &str {
        self.rack.plan.devices.get(self.place.device).map(|device| device.name.as_str()).unwrap_or_default()
    }
}
