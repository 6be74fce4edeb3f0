//! The table that people read first: models by precision, engine and threads, with intervals, memory and validity.

use benchrack_protocol::api::{Estimate, Metric, Model, Run};
use benchrack_protocol::units::{Bytes, Nanos};
use comfy_table::Table;

use crate::exit::{Exit, Outcome};
use crate::output;

/// One line for each run: model, precision, threads, latency with its interval, memory, sizes, validity.
pub fn table(runs: &[Run], models: &[Model]) -> Table {
    let mut table = output::table(
        [
            "run",
            "device",
            "model",
            "precision",
            "engine",
            "threads",
            "latency",
            "95 % interval",
            "p90",
            "first",
            "load",
            "peak memory",
            "file",
            "MACs",
            "validity",
        ],
        &["run", "threads", "latency", "95 % interval", "p90", "first", "load", "peak memory", "file", "MACs"],
    );
    for run in runs {
        let model = models.iter().find(|model| model.manifest.artifact == run.artifact);
        let time = |metric| estimate(run, metric).map_or_else(absent, |figure| nanos(figure.value));
        let size = |metric| estimate(run, metric).map_or_else(absent, |figure| Bytes(figure.value as u64).to_string());
        let macs = model.and_then(|model| model.manifest.macs).map_or_else(absent, |macs| format!("{:.0} M", macs as f64 / 1e6));
        table.add_row([
            run.id.to_string(),
            run.device_name.clone(),
            run.model.clone(),
            run.precision.to_string(),
            run.engine.clone(),
            run.threads.to_string(),
            latency(run),
            estimate(run, Metric::Latency).map_or_else(absent, |figure| interval(&figure)),
            time(Metric::LatencyP90),
            time(Metric::FirstInference),
            time(Metric::Load),
            size(Metric::PeakRss),
            size(Metric::ModelSize),
            macs,
            validity(run),
        ]);
    }
    table
}

/// Prints why runs failed or are in doubt, a line for each reason.
pub fn print_remarks(runs: &[Run]) -> Outcome {
    for run in runs {
        let failure = run.failure.iter().map(|failure| format!("failed: {}", failure.detail));
        let doubts = run.validity.iter().flat_map(|validity| {
            validity.reasons().iter().map(|doubt| format!("{}: {} ({})", validity.word(), doubt.reason, doubt.detail))
        });
        for why in failure.chain(doubts) {
            output::line(format!("run {}: {why}", run.id))?;
        }
    }
    Ok(Exit::Pass)
}

/// Whether it counts, and how strong the proof is.
pub fn validity(run: &Run) -> String {
    match (&run.validity, run.tier) {
        (Some(validity), Some(tier)) => format!("{}, {tier}", validity.word()),
        (Some(validity), None) => validity.word().into(),
        (None, _) => "failed".into(),
    }
}

/// This figure of the run, if it was measured.
pub fn estimate(run: &Run, metric: Metric) -> Option<Estimate> {
    run.metrics.iter().find(|(name, _)| *name == metric).map(|(_, figure)| *figure)
}

/// The median latency, or the mean that an engine's own program printed, which is said.
fn latency(run: &Run) -> String {
    let own = || estimate(run, Metric::LatencyMean).map(|mean| format!("{} (mean by the program)", nanos(mean.value)));
    estimate(run, Metric::Latency).map(|figure| nanos(figure.value)).or_else(own).unwrap_or_else(absent)
}

fn interval(figure: &Estimate) -> String {
    let level = figure.level.map(|level| format!(" ({:.0} %)", (level * 100.0).floor())).unwrap_or_default();
    format!("{:.2} … {:.2} ms{level}", figure.low / 1e6, figure.high / 1e6)
}

fn nanos(value: f64) -> String {
    Nanos(value.round() as u64).to_string()
}

fn absent() -> String {
    "–".into()
}
