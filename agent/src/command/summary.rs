//! A local session for people. Judging for the record is the server's; this shows the same figures by the same code.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use benchrack_protocol::adapter::Summary;
use benchrack_protocol::device::DeviceReport;
use benchrack_protocol::engine::{EngineEvidence, IntegerKernels};
use benchrack_protocol::evidence::SessionEvidence;
use benchrack_protocol::packaging::PackagedLoad;
use benchrack_protocol::pipeline::{FrameTime, Frames};
use benchrack_protocol::reading::Reading;
use benchrack_protocol::report::{FailedPass, Measurement, OutputCheck, Pass, RunReport, SessionReport};
use benchrack_protocol::runner::MemoryFigures;
use benchrack_protocol::units::{Bytes, Kilohertz, Nanos};
use benchrack_protocol::validity::{Validity, assess, tier};
use benchrack_stats::energy::EnergyEstimate;
use benchrack_stats::{Confidence, Samples, blocks};

use crate::session;

/// Whether every subject was measured and no run is invalid.
pub fn good(report: &SessionReport) -> bool {
    let valid = |run: &RunReport| match (run, &report.evidence) {
        (RunReport::Measured(run), Some(evidence)) => {
            !matches!(assess(&report.spec.operating_point, evidence, run), Validity::Invalid { .. })
        }
        _ => false,
    };
    report.runs.iter().all(valid)
}

/// Text of several lines.
pub fn describe(report: &SessionReport, known: &DeviceReport) -> String {
    let mut text = String::new();
    let point = &report.spec.operating_point;
    line(&mut text, &known.identity.title);
    if let Some(evidence) = &report.evidence {
        let settled = if evidence.settle.timed_out { "not settled" } else { "settled" };
        line(
            &mut text,
            &format!(
                "CPUs {} ({}), clock {}, {settled} after {}, {} in all",
                evidence.cpus, point.cores, point.frequency, evidence.settle.waited, report.duration
            ),
        );
        clocks(&mut text, evidence);
    }
    for (subject, run) in report.spec.subjects.iter().zip(&report.runs) {
        let threads = if subject.threads == 1 { "1 thread".into() } else { format!("{} threads", subject.threads) };
        line(&mut text, &format!("\n{}  {}, {threads}", subject.label, subject.manifest.precision));
        match (run, &report.evidence) {
            (RunReport::Measured(run), Some(evidence)) => measured(&mut text, report, evidence, run),
            (RunReport::Failed(failure), _) => {
                let reason = serde_json::to_value(failure.reason).ok();
                let reason = reason.as_ref().and_then(|reason| reason.as_str()).unwrap_or("failed").replace('_', " ");
                field(&mut text, "failed", &format!("{reason}: {}", failure.detail));
            }
            (RunReport::Measured(_), None) => field(&mut text, "failed", "the session has no evidence"),
        }
    }
    text
}

/// Where clocks were to stand, and what CPUs executed at.
fn clocks(text: &mut String, evidence: &SessionEvidence) {
    for target in &evidence.targets {
        line(text, &format!("CPUs {}: {} is {}", target.cpus, target.asked, target.target));
    }
    let mut best: BTreeMap<u32, Kilohertz> = BTreeMap::new();
    for measured in &evidence.true_frequencies {
        let counted = measured.counted.as_ref().and_then(Reading::value);
        for &value in measured.frequency.value().into_iter().chain(counted) {
            let known = best.entry(measured.cpu).or_default();
            *known = value.max(*known);
        }
    }
    for (cpu, frequency) in best {
        line(text, &format!("CPU {cpu} executes as at {:.0} MHz", frequency.0 as f64 / 1e3));
    }
}

fn measured(text: &mut String, report: &SessionReport, evidence: &SessionEvidence, run: &Measurement) {
    match &run.summary {
        Some(summary) => field(text, "printed", &printed(summary)),
        None => latencies(text, run),
    }
    let steady = if run.warmup.steady { "steady" } else { "not steady" };
    let start = match &run.summary {
        Some(_) => format!("load {}, first inference {}", told(run.load), told(run.first_inference)),
        None => {
            format!(
                "load {}, first inference {}, {steady} after {} more",
                run.load,
                run.first_inference,
                run.warmup.samples.len()
            )
        }
    };
    field(text, "start", &start);
    field(text, "memory", &memory(run.memory_before, run.memory));
    field(text, "engine", &engine(&run.engine));
    field(text, "outputs", &outputs(&run.outputs));
    let point = &report.spec.operating_point;
    field(text, "evidence", &tier(point, evidence).to_string());
    let validity = assess(point, evidence, run);
    field(text, "validity", validity.word());
    for doubt in validity.reasons() {
        field(text, "", &format!("{}: {}", doubt.reason, doubt.detail));
    }
    frames(text, run);
    packages(text, run);
    energy(text, run);
    sustained(text, run);
    for FailedPass { pass, failure } in &run.failed_passes {
        let pass = match pass {
            Pass::Frames => "frames",
            Pass::PackagedLoads => "packages",
            Pass::Energy => "energy",
            Pass::Sustained => "sustained",
        };
        field(text, pass, &format!("not measured: {}", failure.detail));
    }
    profile(text, run);
}

/// Of our own samples.
fn latencies(text: &mut String, run: &Measurement) {
    let samples: Vec<Vec<f64>> =
        run.blocks.iter().map(|block| block.samples.iter().map(|sample| sample.as_ms()).collect()).collect();
    match blocks::summary(&samples, Confidence::P95) {
        Ok(summary) => {
            let interval = if summary.median.reaches(Confidence::P95) {
                format!("{:.3} to {:.3} ms with 95 % confidence", summary.median.low, summary.median.high)
            } else {
                "too few blocks for an interval".into()
            };
            field(text, "median", &format!("{:.3} ms  ({interval})", summary.median.value));
            field(
                text,
                "p90",
                &format!("{:.3} ms over {} samples in {} blocks", summary.p90.value, summary.samples.count(), samples.len()),
            );
        }
        Err(error) => field(text, "median", &error.to_string()),
    }
}

/// What a program printed of its inferences.
fn printed(summary: &Summary) -> String {
    let times = [
        ("median", summary.median),
        ("mean", summary.mean),
        ("minimum", summary.minimum),
        ("maximum", summary.maximum),
        ("p90", summary.p90),
        ("p99", summary.p99),
    ];
    let mut shown: Vec<String> = times.iter().filter_map(|(name, time)| Some(format!("{name} {}", (*time)?))).collect();
    if let Some(count) = summary.count {
        shown.push(format!("{count} inferences"));
    }
    shown.join(", ")
}

/// A time that a program may not have printed.
fn told(time: Nanos) -> String {
    if time == Nanos(0) { "not told".into() } else { time.to_string() }
}

fn engine(evidence: &EngineEvidence) -> String {
    let EngineEvidence { engine, version, kernels, executed, integer_kernels, operators, .. } = evidence;
    if operators.is_empty() {
        return format!("{engine} {version}, which kernels ran is not told");
    }
    let executed: Vec<String> = executed.iter().map(|(precision, count)| format!("{count} in {precision}")).collect();
    let integers = match integer_kernels {
        IntegerKernels::All => "all products as integers",
        IntegerKernels::DenseOnly => "dense products as integers, others in floating point",
        IntegerKernels::None => "no integer kernels",
    };
    format!("{engine} {version}, {kernels} kernels, {integers} ({})", executed.join(", "))
}

/// Medians of a frame's parts, the rate at the median, and how much neighbouring frames differ.
fn frames(text: &mut String, run: &Measurement) {
    let Some(Frames { pipeline, times }) = &run.frames else { return };
    let part = |of: fn(&FrameTime) -> Nanos| median(times.iter().map(of));
    let total = part(|time| time.total);
    let source = &pipeline.source;
    let format = format!("{:?}", source.format).to_lowercase();
    field(
        text,
        "frame",
        &format!(
            "{total}: conversion {}, inference {}, post-processing {}",
            part(|time| time.conversion),
            part(|time| time.inference),
            part(|time| time.post)
        ),
    );
    let jitter = median(times.windows(2).map(|pair| Nanos(pair[0].total.0.abs_diff(pair[1].total.0))));
    field(
        text,
        "",
        &format!(
            "{:.1} frames a second, jitter {jitter}; medians of {} frames of {} x {} {format}",
            1e9 / total.0.max(1) as f64,
            times.len(),
            source.width,
            source.height
        ),
    );
}

fn packages(text: &mut String, run: &Measurement) {
    for (place, PackagedLoad { packaging, size, loads }) in run.packaged_loads.iter().enumerate() {
        let (unpack, load) = (median(loads.iter().map(|time| time.unpack)), median(loads.iter().map(|time| time.load)));
        let title = if place == 0 { "packages" } else { "" };
        let name = packaging.name().replace('_', " ");
        let whole = Nanos(unpack.0 + load.0);
        field(text, title, &format!("{name:<19} {size:>10}, ready after {whole}: unpack {unpack}, load {load}"));
    }
}

/// Joules of an inference, or why there are none.
fn energy(text: &mut String, run: &Measurement) {
    let energy = match &run.energy {
        None => return,
        Some(Reading::Missing { missing, detail }) => return field(text, "energy", &format!("{missing}: {detail}")),
        Some(Reading::Value { value }) => value,
    };
    match session::energy::estimate(energy) {
        Ok(EnergyEstimate { per_inference, power, rest, .. }) => {
            let (each, low, high) = (per_inference.value * 1e3, per_inference.low * 1e3, per_inference.high * 1e3);
            field(
                text,
                "energy",
                &format!("{each:.3} mJ an inference above rest  ({low:.3} to {high:.3} mJ with 95 % confidence)"),
            );
            field(text, "", &format!("{:.3} W in the loop, {rest:.3} W at rest; {}", power.value, energy.meter.source.name()));
        }
        Err(error) => field(text, "energy", &format!("cannot be told: {error}")),
    }
}

/// What minutes of load did.
fn sustained(text: &mut String, run: &Measurement) {
    let Some(curve) = &run.sustained else { return };
    let Some(figures) = session::sustained::figures(curve) else { return };
    let (first, seconds) = (Nanos(figures.first_minute.round() as u64), session::sustained::ended(curve));
    let throttled = figures.throttled_after.map_or("never slower".into(), |after| format!("slower after {after:.0} s"));
    let plateau = figures.plateau.map(|plateau| format!(", plateau {}", Nanos(plateau.round() as u64))).unwrap_or_default();
    let recovered = match (figures.throttled_after, figures.recovered_after) {
        (None, _) => String::new(),
        (Some(_), Some(after)) => format!(", recovered {after:.0} s after the load"),
        (Some(_), None) => ", not recovered while it was watched".into(),
    };
    field(text, "sustained", &format!("first minute {first}, {throttled}{plateau}{recovered}; {seconds:.0} s of load"));
}

fn median(times: impl Iterator<Item = Nanos>) -> Nanos {
    Samples::new(times.map(|time| time.0 as f64).collect()).map_or(Nanos(0), |samples| Nanos(samples.median().round() as u64))
}

fn memory(before: MemoryFigures, after: MemoryFigures) -> String {
    let figure = |bytes: Option<Bytes>| bytes.map_or("unknown".into(), |bytes| bytes.to_string());
    format!("peak {} ({} of it before the model), PSS {}", figure(after.peak_rss), figure(before.peak_rss), figure(after.pss))
}

fn outputs(check: &OutputCheck) -> String {
    match check {
        OutputCheck::NoReference => "no reference to check against".into(),
        OutputCheck::Failed { detail } => format!("could not be checked: {detail}"),
        OutputCheck::Compared { outputs } => {
            let shown = outputs.iter().map(|(name, comparison)| {
                let word = if comparison.within { "as the reference" } else { "NOT as the reference" };
                format!("{name} {word} (relative error {:.1e}, cosine {:.5})", comparison.max_relative_error, comparison.cosine)
            });
            shown.collect::<Vec<_>>().join("; ")
        }
    }
}

/// Operators by the time they take in all, the longest first.
fn profile(text: &mut String, run: &Measurement) {
    const SHOWN: usize = 12;
    let total: u64 = run.profile.iter().map(|operator| operator.time.0).sum();
    if total == 0 {
        return;
    }
    let mut operators: Vec<_> = run.profile.iter().collect();
    operators.sort_by_key(|operator| std::cmp::Reverse(operator.time));
    for (place, operator) in operators.iter().take(SHOWN).enumerate() {
        let share = operator.time.0 as f64 / total as f64 * 100.0;
        let title = if place == 0 { "profile" } else { "" };
        field(text, title, &format!("{share:5.1} %  {:>9}  {} {}", operator.time.to_string(), operator.operator, operator.name));
    }
    if operators.len() > SHOWN {
        let rest: u64 = operators.iter().skip(SHOWN).map(|operator| operator.time.0).sum();
        field(
            text,
            "",
            &format!(
                "{:5.1} %  {:>9}  {} others",
                rest as f64 / total as f64 * 100.0,
                Nanos(rest).to_string(),
                operators.len() - SHOWN
            ),
        );
    }
}

fn line(text: &mut String, content: &str) {
    // Writing into a String cannot fail.
    let _ = writeln!(text, "{content}");
}

fn field(text: &mut String, name: &str, value: &str) {
    line(text, &format!("  {name:<10}{value}"));
}
