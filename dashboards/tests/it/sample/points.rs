//! Operating points: little and prime cores over their clocks, with and without energy, and minutes of load.

use benchrack_dashboards::view::{
    Absence, BudgetLine, CompareRow, DeviceSustained, DeviceView, OperatingRow, OperatingView, SustainedFigures,
};
use benchrack_protocol::api::{Metric, Run};
use benchrack_protocol::ids::RunId;
use benchrack_protocol::model::Precision;
use benchrack_protocol::session::{Cores, Frequency, OperatingPoint};
use benchrack_protocol::units::Kilohertz;
use time::Duration;

use super::compare::{compare, facet};
use super::farm::{about, bare_device, device, pixel, run, throttled};
use super::measurement::run_energy;
use super::{HOSTILE, NOW};

/// A run of a cluster at a clock: work of 28 million cycles on little, 9 million on prime.
fn point(id: i64, cores: &str, mhz: u64, millijoules: Option<f64>) -> OperatingRow {
    let cycles = if cores == "little" { 28.0e6 } else { 9.0e6 };
    let at = Kilohertz(mhz * 1000);
    let mut run = Run {
        operating_point: OperatingPoint { cores: Cores::Cluster(cores.into()), frequency: Frequency::At(at) },
        ..run(id, &pixel(), "mobilenet-v1-1.0-224", Precision::Int8, 1, cycles / (mhz as f64 * 1e3))
    };
    run.metrics.extend(millijoules.map(|energy| (Metric::Energy, about(energy / 1e3, 0.04))));
    let row = CompareRow { run, ..compare().devices[0].rows[0].clone() };
    OperatingRow { clock: Some(at), row }
}

/// Little cores keep 33.3 ms at 1197 MHz and above, prime ones everywhere but where it was throttled.
fn operating() -> OperatingView {
    let little = [(324, 3.1), (738, 3.3), (1197, 4.2), (1704, 6.0)];
    let prime = [(500, 7.9), (1164, 9.8), (2048, 16.5), (2914, 31.0)];
    let of = |cores: &'static str, all: [(u64, f64); 4], first: i64| {
        all.into_iter().zip(first..).map(move |((mhz, energy), id)| point(id, cores, mhz, Some(energy)))
    };
    let mut points: Vec<OperatingRow> = of("little", little, 610).chain(of("prime", prime, 620)).collect();
    points[7].row.run = throttled(points[7].row.run.clone());
    let [p90, power] = BudgetLine::OPERATING;
    OperatingView {
        facets: vec![
            facet("model", &[("mobilenet-v1-1.0-224", "mobilenet-v1-1.0-224"), (HOSTILE, HOSTILE)], 0),
            facet("precision", &[("fp32", "fp32"), ("int8", "int8")], 1),
        ],
        budgets: vec![BudgetLine { limit: Some(33.3), ..p90 }, power],
        points,
        cheapest: vec![RunId(612), RunId(620)],
    }
}

/// Which cores at which clock, minutes of load, and times without work.
pub fn device_points() -> DeviceView {
    let load = run_energy();
    let absence = |state: &str, reason: Option<&str>, days: i64, until| Absence {
        state: state.into(),
        reason: reason.map(str::to_owned),
        since: NOW - Duration::days(days),
        until,
    };
    DeviceView {
        operating: operating(),
        sustained: load.measurement.and_then(|measurement| measurement.sustained).map(|curve| DeviceSustained {
            run: load.run,
            figures: Some(SustainedFigures {
                first_minute_ns: 9.1e6,
                throttled_after_ns: Some(140e9),
                plateau_ns: None,
                recovered_after_ns: None,
            }),
            curve,
        }),
        absences: vec![
            absence("offline", None, 3, None),
            absence("quarantined", Some(HOSTILE), 40, Some(NOW - Duration::days(38))),
        ],
        ..device()
    }
}

/// Nothing is fast enough, no energy was measured, and one run does not tell its clock.
pub fn device_slow() -> DeviceView {
    let mut points = vec![point(630, "little", 324, None), point(631, "little", 738, None)];
    points[1].clock = None;
    let [p90, power] = BudgetLine::OPERATING;
    let budgets = vec![BudgetLine { limit: Some(8.3), ..p90 }, power];
    DeviceView { operating: OperatingView { points, budgets, cheapest: Vec::new(), ..operating() }, ..device() }
}

/// Fast enough, with nothing known of energy.
pub fn device_without_energy() -> DeviceView {
    let points = vec![point(640, "prime", 500, None), point(641, "prime", 2048, None)];
    let budgets = BudgetLine::OPERATING.into();
    DeviceView { operating: OperatingView { points, budgets, cheapest: Vec::new(), ..operating() }, ..bare_device() }
}
