use benchrack_dashboards::view::*;
use benchrack_protocol::api::{Estimate, Metric};
use benchrack_protocol::engine::IntegerKernels;
use benchrack_protocol::ids::{RunId, SeriesId};
use benchrack_protocol::model::{Fidelity, Precision};
use benchrack_protocol::reading::{Missing, Reading};
use benchrack_protocol::units::Bytes;

use super::*;

/// Name, family, fp32 ms with one thread, speed-up by int8, parameters, MACs.
const MODELS: [(&str, &str, f64, f64, u64, u64); 8] = [
    ("squeezenet-1.1", "squeezenet", 14.9, 1.61, 1_235_496, 349_151_936),
    ("squeezenet-1.0", "squeezenet", 34.2, 1.58, 1_248_424, 818_924_576),
    ("mobilenet-v1-1.0-224", "mobilenet-v1", 25.1, 0.93, 4_231_976, 568_740_352),
    ("mobilenet-v1-0.5-160", "mobilenet-v1", 4.62, 0.88, 1_331_592, 76_237_824),
    ("mobilenet-v2-1.0-224", "mobilenet-v2", 19.4, 0.97, 3_504_872, 300_774_272),
    ("shufflenet-v2-1.0", "shufflenet-v2", 9.61, 0.82, 2_278_604, 144_907_448),
    ("resnet-18", "resnet", 71.8, 1.94, 11_689_512, 1_814_073_344),
    ("nasnet-a-mobile", "nasnet", 47.3, 1.02, 5_289_978, 563_866_056),
];

fn row(id: i64, device: &DeviceRef, nth: usize, precision: Precision, threads: u16, speed: f64) -> CompareRow {
    let (model, family, ms, gain, parameters, macs) = MODELS[nth];
    let gain = gain * (1.0 + 0.05 * (speed - 1.0));
    let faster = if threads == 1 { 1.0 } else { 1.72 - 0.04 * nth as f64 };
    let int8 = precision == Precision::Int8;
    let ms = ms / speed / faster / if int8 { gain } else { 1.0 };
    let size = parameters * if int8 { 1 } else { 4 } + 18_000;
    let mut run = run(id, device, model, precision, threads, ms);
    run.metrics.retain(|(metric, _)| *metric != Metric::ModelSize);
    run.metrics.push((Metric::ModelSize, exact(size as f64)));
    CompareRow {
        run,
        revision: None,
        family: family.into(),
        series: Some(SeriesId(id)),
        size: Bytes(size),
        parameters: Some(parameters),
        macs: Some(macs),
        fidelity: int8.then_some(Fidelity {
            sqnr_db: 31.4 - nth as f64 * 1.7,
            top1_agreement: 0.985 - 0.011 * nth as f64,
            images: 256,
        }),
        claimed_accuracy: None,
        integer_kernels: Some(match (int8, family) {
            (false, _) => IntegerKernels::None,
            (true, "squeezenet" | "resnet") => IntegerKernels::All,
            (true, _) => IntegerKernels::DenseOnly,
        }),
        kernels: "avx512_vnni".into(),
        executed: match (int8, family) {
            (false, _) => vec![(Precision::Fp32, 26)],
            (true, "squeezenet" | "resnet") => vec![(Precision::Int8, 26)],
            // An engine that does not tell.
            (true, "nasnet") => Vec::new(),
            (true, _) => vec![(Precision::Int8, 14), (Precision::Fp32, 13)],
        },
        engine: "tract".into(),
        knobs: String::new(),
        library: None,
        speedup: if int8 {
            Reading::of(about(gain, 0.014))
        } else {
            Reading::missing(Missing::NotAsked, "fp32 is what int8 is compared with")
        },
        relative: Reading::of(about(ms / (25.1 / speed / faster), 0.015)),
    }
}

fn device_rows(device: &DeviceRef, first: i64, speed: f64) -> Vec<CompareRow> {
    let mut rows = Vec::new();
    for nth in 0..MODELS.len() {
        for (place, precision) in [Precision::Fp32, Precision::Int8].into_iter().enumerate() {
            rows.push(row(first + (nth * 2 + place) as i64, device, nth, precision, 1, speed));
        }
    }
    rows
}

fn sorted(mut rows: Vec<CompareRow>) -> Vec<CompareRow> {
    let latency = |row: &CompareRow| {
        let found = row.run.metrics.iter().find(|(metric, _)| *metric == Metric::Latency);
        found.map_or(f64::INFINITY, |(_, estimate)| estimate.value)
    };
    rows.sort_by(|a, b| latency(a).total_cmp(&latency(b)));
    rows
}

pub(super) fn facet(name: &str, options: &[(&str, &str)], chosen: usize) -> Facet {
    let option = |(nth, (value, label)): (usize, &(&str, &str))| FacetOption {
        value: (*value).into(),
        label: (*label).into(),
        chosen: nth == chosen,
    };
    Facet { name: name.into(), options: options.iter().enumerate().map(option).collect() }
}

fn facets() -> Vec<Facet> {
    vec![
        facet("device", &[("", ""), ("1", "workbench"), ("2", "pixel-8"), ("3", "twin-sm8550")], 1),
        facet("precision", &[("", ""), ("fp32", "fp32"), ("int8", "int8")], 0),
        facet("threads", &[("", ""), ("1", "1"), ("2", "2")], 1),
        facet("engine", &[("tract", "tract")], 0),
        facet("base", &[("", ""), ("mobilenet-v1-1.0-224 fp32", "mobilenet-v1-1.0-224 fp32"), (HOSTILE, HOSTILE)], 1),
    ]
}

/// One device, one thread, with a base and rows that do not count.
pub fn compare() -> CompareView {
    let mut rows = device_rows(&workbench(), 100, 1.0);
    rows[12].run = throttled(rows[12].run.clone());
    rows[13].speedup = Reading::missing(Missing::Invalid, "the fp32 run does not count: throttled");
    rows[15].run = failed(rows[15].run.clone());
    rows[15].integer_kernels = None;
    rows[15].kernels = String::new();
    rows[15].executed = Vec::new();
    rows[15].speedup = Reading::missing(Missing::Unavailable, "the run failed");
    rows[15].relative = Reading::missing(Missing::Unavailable, "the run failed");
    CompareView {
        base: Some("mobilenet-v1-1.0-224 fp32".into()),
        devices: vec![CompareDevice { device: workbench(), rows: sorted(rows) }],
        query: "device=1&threads=1&base=mobilenet-v1-1.0-224+fp32".into(),
        ..compare_empty()
    }
}

/// The same, p90 against size under two budgets, with accuracies.
pub fn compare_budgets() -> CompareView {
    let mut view = compare();
    let [p90, size, memory, energy] = BudgetLine::NONE;
    view.budgets = vec![BudgetLine { limit: Some(20.0), ..p90 }, BudgetLine { limit: Some(10.0), ..size }, memory, energy];
    view.axes = Some(Axes { y: Dimension::Accuracy, x: Dimension::Measured(Metric::LatencyP90) });
    view.query = "y=accuracy&x=latency_p90&p90_ms=20&size_mb=10".into();
    for (nth, row) in view.devices.iter_mut().flat_map(|device| &mut device.rows).enumerate() {
        row.claimed_accuracy = (nth % 5 != 4).then_some(0.56 + 0.011 * nth as f64);
    }
    view
}

/// Three devices, one a twin, with hostile names and a model that one device lacks.
pub fn compare_devices() -> CompareView {
    let mut odd = device_rows(&twin(), 300, 2.1);
    odd.truncate(10);
    odd[0].run.model = HOSTILE.into();
    odd[0].family = HOSTILE.into();
    odd[1].run.model = RIGHT_TO_LEFT.into();
    odd[2].run.model = LONG.into();
    odd[2].run.threads = 4;
    odd[2].macs = None;
    odd[2].parameters = None;
    odd[3].claimed_accuracy = Some(0.709);
    odd[4].run.engine = "onnxruntime 1.27.0".into();
    odd[4].engine = "onnxruntime".into();
    odd[4].library = Some(Bytes(22_016_408));
    odd[5].run.operating_point = pinned();
    odd[6].run = disturbed(odd[6].run.clone());
    let without_base = |rows: Vec<CompareRow>| {
        let rows = rows.into_iter().map(|row| CompareRow { relative: Reading::missing(Missing::NotAsked, ""), ..row });
        sorted(rows.collect())
    };
    CompareView {
        devices: vec![
            CompareDevice { device: workbench(), rows: without_base(device_rows(&workbench(), 100, 1.0)) },
            CompareDevice { device: pixel(), rows: without_base(device_rows(&pixel(), 200, 1.55)) },
            CompareDevice { device: twin(), rows: without_base(odd) },
        ],
        query: "threads=1".into(),
        ..compare_empty()
    }
}

/// One device with two engines, and a program whose mean is all there is.
pub fn compare_engines() -> CompareView {
    let mut rows = device_rows(&workbench(), 100, 1.0);
    rows.truncate(8);
    let mut other: Vec<CompareRow> = rows.clone();
    for (nth, row) in other.iter_mut().enumerate() {
        let faster = if row.run.precision == Precision::Int8 { 3.6 } else { 2.1 };
        row.run.id = RunId(row.run.id.0 + 500);
        row.run.engine = "onnxruntime 1.32.0".into();
        row.engine = "onnxruntime".into();
        row.library = Some(Bytes(34_800_000));
        for (metric, estimate) in &mut row.run.metrics {
            if matches!(metric, Metric::Latency | Metric::LatencyP90 | Metric::LatencyP99) {
                let level = (nth == 0).then_some(0.875);
                let [value, low, high] = [estimate.value, estimate.low, estimate.high].map(|end| end / faster);
                *estimate = Estimate { level, ..Estimate::within(value, low, high) };
            }
        }
    }
    other[6].run = throttled(other[6].run.clone());
    let mut program = rows[0].clone();
    program.run = summarised(program.run);
    program.engine = "benchmark_model".into();
    program.library = Some(Bytes(7_900_000));
    program.executed = Vec::new();
    program.integer_kernels = None;
    rows.extend(other);
    rows.push(program);
    let rows = rows.into_iter().map(|row| CompareRow { relative: Reading::missing(Missing::NotAsked, ""), ..row });
    let engines = facet(
        "engine",
        &[("", ""), ("tract", "tract"), ("onnxruntime", "onnxruntime"), ("benchmark_model", "benchmark_model")],
        0,
    );
    CompareView {
        facets: vec![engines],
        devices: vec![CompareDevice { device: workbench(), rows: sorted(rows.collect()) }],
        query: String::new(),
        ..compare_empty()
    }
}

/// Three revisions of one model, the newest without a word of its own.
pub fn compare_revisions() -> CompareView {
    let revision = |nth: usize, word: &str| {
        let mut rows = vec![row(700 + 2 * nth as i64, &workbench(), 2, Precision::Fp32, 1, 1.0 + 0.04 * nth as f64)];
        rows.push(row(701 + 2 * nth as i64, &workbench(), 2, Precision::Int8, 1, 1.0 + 0.06 * nth as f64));
        rows.into_iter().map(|row| CompareRow { revision: Some(word.into()), ..row }).collect::<Vec<_>>()
    };
    let rows = [revision(0, "2.3.0"), revision(1, HOSTILE), revision(2, "5d3c0a91b7ee")].concat();
    CompareView {
        model: Some("mobilenet-v1-1.0-224".into()),
        base: Some("mobilenet-v1-1.0-224 fp32 2.3.0".into()),
        devices: vec![CompareDevice { device: workbench(), rows: sorted(rows) }],
        query: "device=1&model=mobilenet-v1-1.0-224&base=mobilenet-v1-1.0-224+fp32+2.3.0".into(),
        ..compare_empty()
    }
}

pub fn compare_empty() -> CompareView {
    CompareView {
        left_out: 0,
        model: None,
        facets: facets(),
        base: None,
        axes: None,
        budgets: BudgetLine::NONE.into(),
        devices: Vec::new(),
        query: "device=9".into(),
    }
}

/// A device on which nothing counts.
pub fn compare_invalid() -> CompareView {
    let mut rows = device_rows(&pixel(), 400, 1.0);
    rows.truncate(2);
    let rows = rows.into_iter().map(|row| CompareRow { run: failed(row.run), ..row }).collect();
    CompareView { devices: vec![CompareDevice { device: pixel(), rows }], query: String::new(), ..compare_empty() }
}
