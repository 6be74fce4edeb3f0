//! Energy, memory of the model and minutes of load, from report to page.

use benchrack_protocol::api::{Estimate, Metric, Scope};
use benchrack_protocol::energy::{Batch, EnergyMeter, EnergyPhase, EnergyRun, EnergySource, MeterReading, Slice, SustainedRun};
use benchrack_protocol::reading::{Missing, Reading};
use benchrack_protocol::report::Measurement;
use benchrack_protocol::runner::MemoryFigures;
use benchrack_protocol::units::{Bytes, Kilohertz, Microvolts, Millicelsius, Nanos};
use benchrack_server::judge::metrics;

use crate::farm::with_farm;
use crate::figures::{all_refused, deliver};
use crate::sample::{figure, measurement};

const MS: u64 = 1_000_000;
const S: u64 = 1_000 * MS;

/// Thirty seconds from `start` at this current out of a battery of 4 V, with some noise, and a hundred inferences a second.
fn phase(start: u64, milliamperes: i64, inferences: u32) -> EnergyPhase {
    let noise = |second: u64| [3, -2, 0, 4, -5][second as usize % 5];
    let reading = |second: u64| MeterReading {
        at: Nanos((start + second) * S),
        value: -(milliamperes + noise(second)) * 1_000,
        voltage: Some(Microvolts(4_000_000)),
    };
    let batch = |second: u64| Batch { ended: Nanos((start + second) * S), inferences };
    EnergyPhase {
        started: Nanos(start * S),
        ended: Nanos((start + 30) * S),
        batches: if inferences > 0 { (1..=30).map(batch).collect() } else { Vec::new() },
        readings: (0..=30).map(reading).collect(),
    }
}

/// A run whose loop draws this much, and the device at rest 250 mA.
pub fn energy(milliamperes: i64) -> EnergyRun {
    EnergyRun {
        meter: EnergyMeter {
            source: EnergySource::FuelGauge,
            what: "battery/current_now × battery/voltage_now".into(),
            period: Nanos(S),
            step: 1_000,
            timing: Nanos(S),
            response: Nanos(2 * S),
        },
        rests: vec![phase(0, 250, 0), phase(60, 250, 0)],
        loops: vec![phase(30, milliamperes, 100)],
    }
}

fn slice(at: u64, latency_ms: u64) -> Slice {
    Slice {
        at: Nanos(at * S),
        took: Nanos(2 * S),
        inferences: 100,
        latency: Nanos(latency_ms * MS),
        frequency: Reading::of(Kilohertz(2_000_000)),
        temperature: Reading::of(Millicelsius(40_000)),
    }
}

/// Quick for 100 s, then slower by half; quick again 20 s after the end.
fn throttled() -> SustainedRun {
    let load = (0..150).map(|nth| slice(nth * 2, if nth < 50 { 20 } else { 30 })).collect();
    SustainedRun { load, recovery: vec![slice(310, 29), slice(320, 20)] }
}

fn with_energy(energy: EnergyRun) -> Measurement {
    Measurement { energy: Some(Reading::of(energy)), ..measurement(10 * MS, 0) }
}

#[test]
fn energy_is_what_inferences_add_to_the_device_at_rest() {
    let figures = metrics(&with_energy(energy(750)), Bytes(1)).unwrap();
    let of = |wanted| figures.iter().find(|(metric, _)| *metric == wanted).unwrap().1;
    let Estimate { value, low, high, .. } = of(Metric::Energy);
    // Half an ampere at 4 V, a hundredth of a second each.
    assert!((value - 0.02).abs() < 2e-4 && low < 0.02 && 0.02 < high && high - low < 2e-3, "{value} {low} {high}");
    assert!((of(Metric::Power).value - 3.0).abs() < 0.02, "{:?}", of(Metric::Power));
}

#[test]
fn a_load_that_rest_hides_has_no_energy() {
    let figures = metrics(&with_energy(energy(250)), Bytes(1)).unwrap();
    assert_eq!((figure(&figures, Metric::Energy), figure(&figures, Metric::Power)), (None, None));
}

#[test]
fn the_models_memory_is_what_it_adds_to_its_runner() {
    let memory = |peak: u64, anonymous: u64, file: u64| MemoryFigures {
        peak_rss: Some(Bytes(peak)),
        pss_anonymous: Some(Bytes(anonymous)),
        pss_file: Some(Bytes(file)),
        ..MemoryFigures::default()
    };
    let measured = Measurement { memory_before: memory(10, 4, 5), memory: memory(50, 34, 3), ..measurement(10 * MS, 0) };
    let figures = metrics(&measured, Bytes(1)).unwrap();
    assert_eq!(figure(&figures, Metric::ModelPeakRss), Some(40.0));
    assert_eq!(figure(&figures, Metric::ModelPssAnonymous), Some(30.0));
    assert_eq!(figure(&figures, Metric::ModelPssFile), None, "nothing was added");
}

#[tokio::test]
async fn energy_and_minutes_of_load_are_stored_and_shown() {
    with_farm(async |farm| {
        let measured = Measurement { sustained: Some(throttled()), ..with_energy(energy(750)) };
        let run = deliver(farm, measured.clone()).await;
        let stored: Measurement = farm.get(&format!("/api/v1/runs/{}/measurement", run.id)).await;
        assert_eq!(stored, measured);
        assert!(figure(&run.metrics, Metric::Energy).is_some_and(|joules| (joules - 0.02).abs() < 2e-4));
        let path = format!("/runs/{}", run.id);
        let page = farm.ask(Scope::Read, axum::http::Method::GET, &path).send().await.text();
        for words in ["Energy per inference", "mJ", "battery/current_now", "Minutes of load", "sustained-latency.svg"] {
            assert!(page.contains(words), "{words} is not in {page}");
        }
        let view: serde_json::Value = farm.get(&format!("{path}/view.json")).await;
        let sustained = &view["sustained"];
        assert_eq!((sustained["throttled_after_ns"].as_f64(), sustained["plateau_ns"].as_f64()), (Some(100e9), Some(30e6)));
        assert_eq!(sustained["recovered_after_ns"].as_f64(), Some(20e9));
        let svg = farm.ask(Scope::Read, axum::http::Method::GET, &format!("{path}/sustained-latency.svg")).send().await;
        assert_eq!(svg.status, 200);
        let compare = farm.ask(Scope::Read, axum::http::Method::GET, "/compare").send().await.text();
        assert!(compare.contains("Energy per inference"));
    })
    .await;
}

#[tokio::test]
async fn a_device_without_a_meter_shows_why() {
    with_farm(async |farm| {
        let why = "fuel gauge: battery/status is Charging";
        let measured = Measurement { energy: Some(Reading::missing(Missing::Unavailable, why)), ..measurement(10 * MS, 0) };
        let run = deliver(farm, measured).await;
        assert_eq!(figure(&run.metrics, Metric::Energy), None);
        let page = farm.ask(Scope::Read, axum::http::Method::GET, &format!("/runs/{}", run.id)).send().await.text();
        assert!(page.contains(why), "{page}");
    })
    .await;
}

#[tokio::test]
async fn readings_that_cannot_be_are_refused_with_the_field() {
    let mut backwards = energy(750);
    backwards.loops[0].ended = Nanos(0);
    let mut endless = energy(750);
    endless.rests[1].readings[3].at = Nanos(u64::MAX);
    let mut idle = throttled();
    idle.recovery[1].latency = Nanos(0);
    let cases = [
        (with_energy(backwards), "runs[0].energy.loops[0].ended lies before started"),
        (with_energy(endless), "runs[0].energy.rests[1]"),
        (Measurement { sustained: Some(idle), ..measurement(10 * MS, 0) }, "runs[0].sustained.recovery[1].latency is 0"),
    ];
    all_refused(cases).await;
}
