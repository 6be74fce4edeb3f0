//! `benchrack changepoints`: where did anybody's series change?

use std::io::Read as _;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use benchrack_stats::changepoint::{self, Analysis, Change, ChangeKind, Drift};
use clap::Args;
use serde::Serialize;

use crate::context::Context;
use crate::exit::{Blame, Exit, Failure, Outcome};
use crate::output;
use crate::series_file::{self, SeriesFile};

/// Find the steps and drifts of series in files, with the default that the farm uses for its own.
#[derive(Debug, Args)]
#[command(
    after_help = "Formats, told apart by content:\n  JSON   [20.1, 20.3, …] or {\"name\": \"latency\", \"values\": [20.1, …]}\n  CSV    separated by commas, semicolons or tabs, with or without a head\n  text   one number a line; lines with # are comments\n\nOf a series without a change at most one in a hundred is given one, whatever its length and noise.\n\nExit codes:\n  0  done, with or without changes\n  1  a change was found and --fail-on-change was given\n  2  a file cannot be read or is no series; the message names file, line and column\n\nExamples:\n  benchrack changepoints history.json\n  benchrack changepoints --column p90_ms runs.csv\n  git log --format=%H | xargs -n1 ./bench | benchrack changepoints --json -\n  benchrack changepoints --fail-on-change size.txt"
)]
pub struct Changepoints {
    /// Files with one series each; `-` is standard input.
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Column of a table, by name or number from 1; needed when several hold numbers.
    #[arg(long, value_name = "NAME|NUMBER")]
    column: Option<String>,
    /// End with 1 when any series changed.
    #[arg(long)]
    fail_on_change: bool,
}

/// What is known of one file, as JSON.
#[derive(Debug, Serialize)]
struct Answer {
    file: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    points: usize,
    /// Chance of any change in a series that has none.
    level: f64,
    /// The places alone: first points of new levels, from 0.
    changepoints: Vec<usize>,
    changes: Vec<AnswerChange>,
    drifts: Vec<AnswerDrift>,
    outliers: Vec<usize>,
    /// Standard deviation around the level, spikes held back.
    deviation: f64,
    /// Resemblance of neighbours that was allowed for.
    persistence: f64,
}

#[derive(Debug, Serialize)]
struct AnswerChange {
    index: usize,
    kind: &'static str,
    before: f64,
    after: f64,
    /// Difference of the levels, with its 95 % interval.
    difference: f64,
    low: f64,
    high: f64,
    /// As a share of the level before; null from zero.
    relative: Option<f64>,
    relative_low: Option<f64>,
    relative_high: Option<f64>,
    /// Evidence over the bound; null where nothing varied before.
    strength: Option<f64>,
}

#[derive(Debug, Serialize)]
struct AnswerDrift {
    start: usize,
    /// One past the last point.
    end: usize,
    from: f64,
    to: f64,
}

impl Changepoints {
    pub fn run(self, context: &Context) -> Outcome {
        let answers = self.files.iter().map(|file| self.answer(file)).collect::<Result<Vec<_>, Failure>>()?;
        if context.json {
            output::json(&answers)?;
        } else {
            for answer in &answers {
                print(answer)?;
            }
        }
        let changed = answers.iter().any(|answer| !answer.changes.is_empty());
        Ok(if self.fail_on_change && changed { Exit::Rejected } else { Exit::Pass })
    }

    fn answer(&self, file: &Path) -> Result<Answer, Failure> {
        let text = read(file).with_context(|| format!("cannot read {}", file.display())).usage("no series")?;
        let SeriesFile { name, values } = series_file::parse(&text, self.column.as_deref()).usage(file.display())?;
        let analysis = changepoint::analyse(&values).usage(file.display())?;
        Ok(Answer::new(file.display().to_string(), name, values.len(), analysis))
    }
}

fn read(file: &Path) -> std::io::Result<String> {
    if file == Path::new("-") {
        let mut text = String::new();
        std::io::stdin().lock().read_to_string(&mut text)?;
        return Ok(text);
    }
    std::fs::read_to_string(file)
}

impl Answer {
    fn new(file: String, name: Option<String>, points: usize, analysis: Analysis) -> Self {
        let Analysis { changes, drifts, outliers, deviation, persistence } = analysis;
        Self {
            file,
            name,
            points,
            level: changepoint::LEVEL,
            changepoints: changes.iter().map(|change| change.index).collect(),
            changes: changes.iter().map(AnswerChange::from).collect(),
            drifts: drifts.into_iter().map(|Drift { start, end, from, to }| AnswerDrift { start, end, from, to }).collect(),
            outliers,
            deviation,
            persistence,
        }
    }
}

impl From<&Change> for AnswerChange {
    fn from(change: &Change) -> Self {
        let interval = change.relative_interval();
        Self {
            index: change.index,
            kind: match change.kind {
                ChangeKind::Step => "step",
                ChangeKind::Kink => "kink",
                ChangeKind::Provisional => "provisional",
            },
            before: change.before,
            after: change.after,
            difference: change.difference.value,
            low: change.difference.low,
            high: change.difference.high,
            relative: change.relative(),
            relative_low: interval.map(|(low, _)| low),
            relative_high: interval.map(|(_, high)| high),
            strength: change.strength.is_finite().then_some(change.strength),
        }
    }
}

fn print(answer: &Answer) -> Outcome {
    let name = answer.name.as_ref().map(|name| format!(" ({name})")).unwrap_or_default();
    let s = if answer.changes.len() == 1 { "" } else { "s" };
    output::line(format!(
        "{}{name}: {} points, {} change{s}; chance of any in a series without: at most {} %",
        answer.file,
        answer.points,
        answer.changes.len(),
        answer.level * 100.0,
    ))?;
    if !answer.changes.is_empty() {
        output::line(table(&answer.changes))?;
    }
    for drift in &answer.drifts {
        let AnswerDrift { start, end, from, to } = drift;
        output::line(format!("points {start} to {} drift from {} to {}", end - 1, number(*from), number(*to)))?;
    }
    if !answer.outliers.is_empty() {
        let places: Vec<String> = answer.outliers.iter().map(usize::to_string).collect();
        output::line(format!("spikes, which moved nothing, at {}", places.join(", ")))?;
    }
    Ok(Exit::Pass)
}

fn table(changes: &[AnswerChange]) -> comfy_table::Table {
    let head = ["point", "kind", "before", "after", "change", "interval", "strength"];
    let mut table = output::table(head, &["point", "before", "after", "change", "strength"]);
    let percent = |share: f64| format!("{:+.1} %", share * 100.0);
    for change in changes {
        let interval = match (change.relative_low, change.relative_high) {
            (Some(low), Some(high)) => format!("{:+.1} … {:+.1} %", low * 100.0, high * 100.0),
            _ => format!("{} … {}", number(change.low), number(change.high)),
        };
        table.add_row([
            change.index.to_string(),
            change.kind.to_owned(),
            number(change.before),
            number(change.after),
            change.relative.map_or_else(|| "from zero".into(), percent),
            interval,
            change.strength.map_or_else(|| "exact".into(), |strength| format!("{strength:.1}")),
        ]);
    }
    table
}

/// Five digits, as many as a person compares.
fn number(value: f64) -> String {
    let digits = if value == 0.0 { 0 } else { (4.0 - value.abs().log10().floor()).clamp(0.0, 12.0) as usize };
    format!("{value:.digits$}")
}
