//! A study's report as text: for each device claim, measurement and verdict; and the table of everything measured.

use std::fmt::Write as _;

use benchrack_protocol::api::{Estimate, Metric, Model, Run};
use benchrack_protocol::device::Reality;
use benchrack_protocol::packaging::Packaging;
use benchrack_protocol::study::{Basis, Check, CheckResult, StudyReport};
use comfy_table::Table;

use crate::comparison::{self, estimate};
use crate::output;

/// All claims on all devices.
pub fn claims(report: &StudyReport) -> String {
    let mut text = format!("{}\n", report.study.title);
    let mut line = |words: String| {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{words}");
    };
    let over = report.submission.jobs.iter().filter(|job| !matches!(job.state.as_str(), "queued" | "leased")).count();
    line(format!("study {} ({}), {over} of {} sessions are over", report.id, report.study.name, report.submission.jobs.len()));
    if !report.engines_left_out.is_empty() {
        line(format!("not measured, because the farm has no build of it: {}", report.engines_left_out.join(", ")));
    }
    for device in &report.devices {
        let reality = match device.reality {
            Reality::Real => "",
            Reality::Emulated => ", emulated: its times do not count",
            Reality::Simulated => ", simulated",
        };
        line(format!("\n== {} ({}{reality})", device.name, device.title));
        for (nth, (claim, result)) in report.study.claims.iter().zip(&device.claims).enumerate() {
            line(format!("\n{}. {}\n   [{}]", nth + 1, claim.claim, claim.source));
            line(indented(&checks(&claim.checks, &result.checks)));
            line(format!("   -> {}", result.verdict));
            for (check, judged) in claim.checks.iter().zip(&result.checks) {
                if !judged.detail.is_empty() {
                    line(format!("      {}: {}", check.says, judged.detail));
                }
                if !judged.needed.is_empty() {
                    line(format!("      {}: it would need {}", check.says, judged.needed));
                }
            }
        }
    }
    line(format!(
        "\nThe intervals of all checks of a device together err with a chance of at most {}.",
        benchrack_server::judge::ALPHA
    ));
    text.trim_end().to_owned()
}

fn indented(table: &Table) -> String {
    table.to_string().lines().map(|line| format!("   {line}")).collect::<Vec<_>>().join("\n")
}

fn checks(checks: &[Check], results: &[CheckResult]) -> Table {
    let mut table =
        output::table(["check", "measured", "interval", "asked", "from", "verdict"], &["measured", "interval", "asked"]);
    for (check, result) in checks.iter().zip(results) {
        let show = |value: f64| shown(check, value);
        let (measured, interval) = match &result.measured {
            None => ("–".into(), "–".into()),
            Some(Estimate { value, low, high, .. }) if low == high => (show(*value), "exact".into()),
            Some(Estimate { value, low, high, .. }) => (show(*value), format!("{} … {}", show(*low), show(*high))),
        };
        table.add_row([check.says.clone(), measured, interval, asked(check), from(result.basis), result.verdict.to_string()]);
    }
    table
}

/// A ratio, or a figure in its unit.
fn shown(check: &Check, value: f64) -> String {
    if check.to.is_some() { format!("{value:.3}") } else { check.figure_of(&check.of).show(value) }
}

fn asked(check: &Check) -> String {
    // A bound of a ratio is a number that somebody wrote.
    let exactly = |bound: f64| if check.to.is_some() { bound.to_string() } else { shown(check, bound) };
    let bound = |word: &str, bound: Option<f64>| bound.map(|bound| format!("{word} {}", exactly(bound)));
    [bound(">=", check.at_least), bound("<=", check.at_most)].into_iter().flatten().collect::<Vec<_>>().join(", ")
}

fn from(basis: Option<Basis>) -> String {
    match basis {
        None => "–".into(),
        Some(Basis::Exact) => "manifests".into(),
        Some(Basis::PairedBlocks { pairs }) => format!("{pairs} pairs of blocks"),
        Some(Basis::PairedSessions { pairs }) => format!("{pairs} sessions"),
        Some(Basis::SeparateIntervals) => "two intervals".into(),
        Some(Basis::OneSide) => "one interval".into(),
    }
}

/// Every subject with every metric that any of them has: one line each, fastest first on each device.
pub fn table(runs: &[Run], models: &[Model]) -> Table {
    let measured: Vec<Metric> =
        Metric::ALL.into_iter().filter(|&metric| runs.iter().any(|run| estimate(run, metric).is_some())).collect();
    let facts = ["MACs", "parameters", "package zstd", "encrypted, zstd", "zstd, encrypted", "SQNR"];
    let mut head: Vec<String> = ["run", "device", "model", "precision", "engine", "threads"].map(str::to_owned).into();
    let texts = head.len() - 1;
    head.extend(measured.iter().map(|metric| metric.name().replace('_', " ")));
    head.extend(facts.map(str::to_owned));
    let numbers = head.len();
    head.push("validity".into());
    let mut table = output::table::<0>([], &[]);
    table.set_header(head);
    for nth in texts..numbers {
        if let Some(column) = table.column_mut(nth) {
            column.set_cell_alignment(comfy_table::CellAlignment::Right);
        }
    }
    let mut sorted: Vec<&Run> = runs.iter().collect();
    let latency = |run: &Run| estimate(run, Metric::Latency).map_or(f64::INFINITY, |figure| figure.value);
    sorted.sort_by(|a, b| a.device_name.cmp(&b.device_name).then(latency(a).total_cmp(&latency(b))).then(a.id.cmp(&b.id)));
    for run in sorted {
        let manifest = models.iter().find(|model| model.manifest.artifact == run.artifact).map(|model| &model.manifest);
        let millions = |count: Option<u64>| count.map_or_else(absent, |count| format!("{:.2} M", count as f64 / 1e6));
        let package = |packaging| {
            let packed = manifest?.packages.iter().find(|package| package.packaging == packaging);
            packed.map(|package| package.size.to_string())
        };
        let mut row = vec![
            run.id.to_string(),
            run.device_name.clone(),
            run.model.clone(),
            run.precision.to_string(),
            run.engine.clone(),
            run.threads.to_string(),
        ];
        row.extend(measured.iter().map(|&metric| estimate(run, metric).map_or_else(absent, |figure| metric.show(figure.value))));
        row.push(millions(manifest.and_then(|manifest| manifest.macs)));
        row.push(millions(manifest.and_then(|manifest| manifest.parameters)));
        let packages = [Packaging::Zstd, Packaging::EncryptedThenZstd, Packaging::ZstdThenEncrypted];
        row.extend(packages.map(|packaging| package(packaging).unwrap_or_else(absent)));
        let fidelity = manifest.and_then(|manifest| manifest.fidelity.as_ref());
        row.push(fidelity.map_or_else(absent, |fidelity| format!("{:.1} dB", fidelity.sqnr_db)));
        row.push(comparison::validity(run));
        table.add_row(row);
    }
    table
}

fn absent() -> String {
    "–".into()
}
