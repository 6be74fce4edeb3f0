//! Printing: aligned tables for people, JSON for programs, progress only on a terminal.

use std::io::{IsTerminal, Write};
use std::time::Duration;

use anyhow::Context;
use comfy_table::{CellAlignment, ContentArrangement, Table};
use comfy_table::{LineStyle, TableStyle};
use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;

use crate::exit::{Blame, Exit, Outcome};

/// One line under the head, none between rows: a table of fifty runs fits a screen.
const STYLE: TableStyle = TableStyle::new().header_separator(LineStyle::none().fill('─').junction('─'));

/// A table with a ruled head; columns named here are aligned to the right, as numbers are.
pub fn table<const N: usize>(head: [&str; N], numbers: &[&str]) -> Table {
    let mut table = Table::new();
    table.load_style(STYLE).set_content_arrangement(ContentArrangement::Disabled).set_header(head);
    for (nth, name) in head.iter().enumerate() {
        if numbers.contains(name)
            && let Some(column) = table.column_mut(nth)
        {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table
}

/// Writes a line to standard output; a reader that has gone away (`| head`) is no error.
pub fn line(text: impl std::fmt::Display) -> Outcome {
    match writeln!(std::io::stdout().lock(), "{text}") {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
            Err(error).context("cannot write to standard output").infrastructure("printing failed")
        }
        _ => Ok(Exit::Pass),
    }
}

/// Writes a line to standard error, for people beside what a program reads.
pub fn note(text: impl std::fmt::Display) -> Outcome {
    writeln!(std::io::stderr().lock(), "{text}").context("cannot write to standard error").infrastructure("printing failed")?;
    Ok(Exit::Pass)
}

/// Writes a value as JSON to standard output.
pub fn json(value: &impl Serialize) -> Outcome {
    line(serde_json::to_string_pretty(value).infrastructure("cannot write the answer as JSON")?)
}

/// A bar on standard error that is drawn only on a terminal; elsewhere each message is a line.
pub struct Progress {
    bar: ProgressBar,
    lines: bool,
}

impl Progress {
    /// A bar for this many steps; `quiet` shows nothing.
    pub fn new(steps: u64, what: &str, quiet: bool) -> Self {
        let terminal = std::io::stderr().is_terminal();
        let bar = if terminal && !quiet { ProgressBar::new(steps) } else { ProgressBar::hidden() };
        if let Ok(style) = ProgressStyle::with_template("{prefix:12} [{bar:30}] {pos}/{len} {elapsed:>4} {wide_msg}") {
            bar.set_style(style.progress_chars("━╸ "));
        }
        bar.set_length(steps);
        bar.set_prefix(what.to_owned());
        bar.enable_steady_tick(Duration::from_millis(200));
        Self { bar, lines: !terminal && !quiet }
    }

    /// Sets how many steps are done, and what is going on.
    pub fn at(&self, done: u64, total: u64, message: &str) {
        self.bar.set_length(total);
        self.bar.set_position(done);
        if self.bar.message() != message {
            if self.lines && !message.is_empty() {
                eprintln!("{}: {message} ({done}/{total})", self.bar.prefix());
            }
            self.bar.set_message(message.to_owned());
        }
    }

    /// Takes the bar away.
    pub fn finish(self) {
        self.bar.finish_and_clear();
    }
}
