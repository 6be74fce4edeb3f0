//! Energy and sustained load: what a meter of the device said while it rested and while subjects ran in a loop, and how
//! latency went over minutes. Readings only; `benchrack-stats` makes figures of them.

use serde::{Deserialize, Serialize};

use crate::reading::Reading;
use crate::units::{Kilohertz, Microvolts, Millicelsius, Nanos};

/// How exactly energy is wanted and how long that may take.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields, default)]
pub struct EnergyPlan {
    /// Half of the 95 % interval as a share of the energy per inference at which measuring stops, above 0 and below 1.
    pub width: f64,
    /// Measuring stops after about this long for each subject, resting included, whatever the interval is then.
    pub max_time: Nanos,
}

impl Default for EnergyPlan {
    fn default() -> Self {
        Self { width: 0.05, max_time: Nanos(300_000_000_000) }
    }
}

/// What tells the energy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum EnergySource {
    /// Rails of the power management chips, by their own counters (ODPM, energy_value).
    Rails,
    /// The same rails as Android's power statistics service prints them, without the counters' own times.
    RailsByService,
    /// Energy counters of an Intel or AMD processor (powercap, intel-rapl).
    Rapl,
    /// Current of the battery's fuel gauge times voltage.
    FuelGauge,
    /// Charge counter of the battery's fuel gauge times voltage.
    ChargeCounter,
}

/// What a reading of a source counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Quantity {
    /// Microjoules used since some start.
    Energy,
    /// Microamperes into the battery.
    Current,
    /// Microcoulombs in the battery.
    Charge,
}

impl EnergySource {
    /// All, the best first.
    pub const ALL: [Self; 5] = [Self::Rails, Self::RailsByService, Self::Rapl, Self::FuelGauge, Self::ChargeCounter];

    /// What its readings count.
    pub fn quantity(self) -> Quantity {
        match self {
            Self::Rails | Self::RailsByService | Self::Rapl => Quantity::Energy,
            Self::FuelGauge => Quantity::Current,
            Self::ChargeCounter => Quantity::Charge,
        }
    }

    /// Whether it tells the same while the device is charged: rails and processors lie behind the battery and the charger.
    pub fn unaffected_by_charging(self) -> bool {
        self.quantity() == Quantity::Energy
    }

    /// For people.
    pub fn name(self) -> &'static str {
        match self {
            Self::Rails => "power rails",
            Self::RailsByService => "power rails, by the system's service",
            Self::Rapl => "processor energy counters (RAPL)",
            Self::FuelGauge => "fuel gauge, current × voltage",
            Self::ChargeCounter => "charge counter × voltage",
        }
    }
}

/// One source on one device.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct EnergyMeter {
    /// Which kind.
    pub source: EnergySource,
    /// What of the device it is: rails or files.
    pub what: String,
    /// How often it has a new value.
    pub period: Nanos,
    /// Least step between two values in the unit of the readings.
    pub step: u64,
    /// How much later than `at` says a change of a counter may have been seen.
    pub timing: Nanos,
    /// How long after a change of power it tells the whole change; at least two periods.
    pub response: Nanos,
}

/// Energy of one subject.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct EnergyRun {
    /// What told it.
    pub meter: EnergyMeter,
    /// The device at rest with all subjects loaded, in order of time; shared by the subjects of a session.
    pub rests: Vec<EnergyPhase>,
    /// The subject in a loop, in order of time.
    pub loops: Vec<EnergyPhase>,
}

/// A run in plain numbers, as `benchrack_stats::energy` takes it: whether the meter counts, its period, step, timing and
/// response (s, and J or W), then each rest and each loop as [`EnergyPhase::numbers`].
pub type RunNumbers = ((bool, [f64; 4]), Vec<PhaseNumbers>, Vec<PhaseNumbers>);

/// Start and end (s), readings (s, and J or W), and the end of each batch (s) with its inferences.
pub type PhaseNumbers = ((f64, f64), Vec<(f64, f64)>, Vec<(f64, u32)>);

impl EnergyRun {
    /// The run in numbers. A step in the readings' unit becomes one of power or energy by the voltage of the first rest.
    pub fn numbers(&self) -> RunNumbers {
        let EnergyMeter { source, period, step, timing, response, .. } = &self.meter;
        let quantity = source.quantity();
        let step = *step as f64 / 1e6 * self.rests.first().map_or(1.0, EnergyPhase::volts);
        let meter = (quantity != Quantity::Current, [seconds(*period), step, seconds(*timing), seconds(*response)]);
        let phases = |phases: &[EnergyPhase]| phases.iter().map(|phase| phase.numbers(quantity)).collect();
        (meter, phases(&self.rests), phases(&self.loops))
    }
}

/// A stretch of rest or of one subject in a loop.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct EnergyPhase {
    /// Since the session's start.
    pub started: Nanos,
    /// Since the session's start.
    pub ended: Nanos,
    /// Inferences of a loop, one batch after another.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub batches: Vec<Batch>,
    /// What the meter said.
    pub readings: Vec<MeterReading>,
}

/// Inferences one right after the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Batch {
    /// Since the session's start.
    pub ended: Nanos,
    /// How many.
    pub inferences: u32,
}

/// One look at a meter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct MeterReading {
    /// Since the session's start.
    pub at: Nanos,
    /// In the unit of the source's [`Quantity`].
    pub value: i64,
    /// Battery voltage at that moment, where the value needs it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub voltage: Option<Microvolts>,
}

impl EnergyPhase {
    /// The readings as seconds since the session's start and watts (fuel gauge) or joules used since the phase's first
    /// reading (counters). Charge becomes energy step by step with the mean voltage of the step. Readings that lack a
    /// voltage they need are left out.
    pub fn points(&self, quantity: Quantity) -> Vec<(f64, f64)> {
        let mut points = Vec::with_capacity(self.readings.len());
        let (mut used, mut last): (f64, Option<(i64, f64)>) = (0.0, None);
        for reading in &self.readings {
            let volts = match (quantity, reading.voltage) {
                (Quantity::Energy, _) => 1.0,
                (_, Some(voltage)) => voltage.0 as f64 / 1e6,
                (_, None) => continue,
            };
            let value = match quantity {
                Quantity::Current => -(reading.value as f64) / 1e6 * volts,
                Quantity::Energy | Quantity::Charge => {
                    let (before, volts_before) = last.unwrap_or((reading.value, volts));
                    let step = reading.value.saturating_sub(before) as f64 / 1e6;
                    used += if quantity == Quantity::Energy { step } else { -step * (volts + volts_before) / 2.0 };
                    last = Some((reading.value, volts));
                    used
                }
            };
            points.push((seconds(reading.at), value));
        }
        points
    }

    /// The phase in numbers.
    pub fn numbers(&self, quantity: Quantity) -> PhaseNumbers {
        (self.span(), self.points(quantity), self.work())
    }

    /// Ends of the batches in seconds since the session's start, and the inferences of each.
    pub fn work(&self) -> Vec<(f64, u32)> {
        self.batches.iter().map(|batch| (seconds(batch.ended), batch.inferences)).collect()
    }

    /// Start and end in seconds since the session's start.
    pub fn span(&self) -> (f64, f64) {
        (seconds(self.started), seconds(self.ended))
    }

    /// Mean battery voltage in volts; 1 where readings need none, so that a step in the readings' unit times this is a
    /// step in watts or joules.
    pub fn volts(&self) -> f64 {
        let known: Vec<f64> = self.readings.iter().filter_map(|reading| Some(reading.voltage?.0 as f64 / 1e6)).collect();
        if known.is_empty() { 1.0 } else { known.iter().sum::<f64>() / known.len() as f64 }
    }
}

fn seconds(time: Nanos) -> f64 {
    time.0 as f64 / 1e9
}

/// A subject under load for minutes, then at rest with short looks at its latency.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SustainedRun {
    /// The load, slice by slice without a pause.
    pub load: Vec<Slice>,
    /// Short looks while the device rests after it.
    pub recovery: Vec<Slice>,
}

/// A short stretch of inferences.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Slice {
    /// Start, since the start of the load.
    pub at: Nanos,
    /// How long it took.
    pub took: Nanos,
    /// Inferences in it.
    pub inferences: u32,
    /// Their median latency.
    pub latency: Nanos,
    /// Clock of the measured cores after it; the lowest of several clusters.
    pub frequency: Reading<Kilohertz>,
    /// Hottest sensor near the cores after it; the hottest of all where none is known to be.
    pub temperature: Reading<Millicelsius>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn phase(readings: &[(u64, i64, Option<i64>)]) -> EnergyPhase {
        let reading = |&(second, value, microvolts): &(u64, i64, Option<i64>)| MeterReading {
            at: Nanos(second * 1_000_000_000),
            value,
            voltage: microvolts.map(Microvolts),
        };
        EnergyPhase {
            started: Nanos(0),
            ended: Nanos(9_000_000_000),
            batches: Vec::new(),
            readings: readings.iter().map(reading).collect(),
        }
    }

    #[test]
    fn current_out_of_the_battery_times_voltage_is_power() {
        let points = phase(&[(1, -500_000, Some(4_000_000)), (2, -1, None)]).points(Quantity::Current);
        assert_eq!(points, [(1.0, 2.0)], "a current without its voltage is no power");
    }

    #[test]
    fn charge_becomes_energy_with_the_voltage_of_each_step() {
        // One coulomb at 4 V on average, then one at 3.5 V.
        let readings = [(1, 9_000_000, Some(4_100_000)), (2, 8_000_000, Some(3_900_000)), (3, 7_000_000, Some(3_100_000))];
        let points = phase(&readings).points(Quantity::Charge);
        assert_eq!(points, [(1.0, 0.0), (2.0, 4.0), (3.0, 7.5)]);
    }

    #[test]
    fn a_run_in_numbers_has_its_steps_in_watts_by_the_voltage_at_rest() {
        let rest = phase(&[(1, -250_000, Some(4_000_000))]);
        let meter = EnergyMeter {
            source: EnergySource::FuelGauge,
            what: "battery".into(),
            period: Nanos(250_000_000),
            step: 2_000,
            timing: Nanos(0),
            response: Nanos(1_500_000_000),
        };
        let ((counts, meter), rests, loops) = EnergyRun { meter, rests: vec![rest], loops: Vec::new() }.numbers();
        assert_eq!((counts, meter), (false, [0.25, 0.008, 0.0, 1.5]));
        assert_eq!((rests, loops.len()), (vec![((0.0, 9.0), vec![(1.0, 1.0)], Vec::new())], 0));
    }

    #[test]
    fn counters_count_from_the_phases_first_reading() {
        let points = phase(&[(1, 5_000_000, None), (2, 7_500_000, None)]).points(Quantity::Energy);
        assert_eq!(points, [(1.0, 0.0), (2.0, 2.5)]);
    }
}
