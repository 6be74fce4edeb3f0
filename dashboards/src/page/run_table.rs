//! Runs as rows of a CSV file, the same columns wherever runs are listed.

use benchrack_protocol::api::{Estimate, Metric, Run};

use crate::part::{metric_of, reasons};
use crate::table::Table;
use crate::text::texts;
use crate::{Language, RenderError};

/// Names of the columns of [`cells`], with units.
pub(super) fn heading() -> Vec<String> {
    let plain = [
        "run",
        "session",
        "device",
        "label",
        "model",
        "precision",
        "threads",
        "engine",
        "cores",
        "frequency",
        "measured_at",
        "reality",
        "validity",
        "tier",
        "reasons",
    ];
    let figures = Metric::ALL.into_iter().flat_map(|metric| {
        let (name, unit) = (metric.name(), metric.unit());
        let ends = ["", "_low", "_high"].map(|end| format!("{name}{end}_{unit}"));
        // How sure the interval is, where that is less than 95 %.
        ends.into_iter().chain([format!("{name}_level")])
    });
    plain.map(str::to_owned).into_iter().chain(figures).collect()
}

/// A run with all its metrics.
pub(super) fn cells(run: &Run) -> Vec<String> {
    let doubts = run.validity.as_ref().map(|validity| reasons(validity, texts(Language::English))).unwrap_or_default();
    let failure = run.failure.as_ref().map(|failure| failure.detail.as_str()).unwrap_or_default();
    let plain = [
        run.id.to_string(),
        run.session.to_string(),
        Table::text(&run.device_name),
        Table::text(&run.label),
        Table::text(&run.model),
        run.precision.to_string(),
        run.threads.to_string(),
        Table::text(&run.engine),
        run.operating_point.cores.to_string(),
        run.operating_point.frequency.to_string(),
        Table::time(run.measured_at),
        Table::word(&run.reality),
        run.validity.as_ref().map_or("failed", |validity| validity.word()).into(),
        Table::maybe(run.tier),
        Table::text(if doubts.is_empty() { failure } else { &doubts }),
    ];
    let figures = Metric::ALL.into_iter().flat_map(|metric| {
        let figure = metric_of(run, metric);
        let level = figure.value().and_then(|estimate| estimate.level);
        three(figure.value()).into_iter().chain([Table::maybe(level)])
    });
    plain.into_iter().chain(figures).collect()
}

/// Value and ends of the interval; empty where there is no figure.
pub(super) fn three(estimate: Option<&Estimate>) -> [String; 3] {
    let end = |of: fn(&Estimate) -> f64| Table::maybe(estimate.map(of));
    [end(|estimate| estimate.value), end(|estimate| estimate.low), end(|estimate| estimate.high)]
}

/// A file of runs.
pub(super) fn runs_csv<'a>(runs: impl IntoIterator<Item = &'a Run>) -> Result<String, RenderError> {
    let heading = heading();
    let mut table = Table::new(&heading.iter().map(String::as_str).collect::<Vec<_>>());
    for run in runs {
        table.row(cells(run))?;
    }
    table.finish()
}
