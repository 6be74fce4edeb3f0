//! `benchrack aa`: how often the farm is wrong, and what it would catch.

use benchrack_protocol::alert::SelfTest;
use clap::{Args, Subcommand};

use crate::context::Context;
use crate::exit::{Exit, Outcome};
use crate::output;

/// What the farm measured of itself: unchanged subjects against themselves (A/A), and planted slow-downs.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  benchrack aa report\n  benchrack aa report --json | jq .false_alarms_at_most")]
pub struct Aa {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Print false alarms and what was caught.
    Report,
}

impl Aa {
    pub async fn run(self, context: &Context) -> Outcome {
        let Command::Report = self.command;
        let report = context.client()?.self_test().await?;
        if context.json { output::json(&report) } else { print(&report) }
    }
}

fn print(report: &SelfTest) -> Outcome {
    let unchanged = report.unchanged;
    match report.false_alarms_at_most {
        None => output::line(
            "no subject was measured against itself yet; name pairs in [series.self_test] of the server's configuration",
        )?,
        Some(most) => output::line(format!(
            "unchanged: {} of {} gates said slower, at most {:.2} % with 95 % confidence; {} inconclusive",
            unchanged.slower,
            unchanged.gates,
            most * 100.0,
            unchanged.inconclusive
        ))?,
    };
    for one in &report.catches {
        let (device, model) = (&one.device_name, &one.baseline);
        output::line(match (one.more_macs, one.at_least) {
            (Some(more), Some(least)) => format!(
                "{device}: gates of {model} catch {:+.1} % more work, in at least {:.0} % with 95 % confidence",
                more * 100.0,
                least * 100.0
            ),
            _ => format!("{device}: gates of {model} catch none of the planted slow-downs in 95 %"),
        })?;
    }
    if report.planted.is_empty() {
        return Ok(Exit::Pass);
    }
    let numbers = ["more work", "gates", "caught", "not slower", "inconclusive"];
    let mut table = output::table(
        ["device", "baseline", "candidate", "more work", "gates", "caught", "not slower", "inconclusive"],
        &numbers,
    );
    for pair in &report.planted {
        table.add_row([
            pair.device_name.clone(),
            pair.baseline.clone(),
            pair.candidate.clone(),
            format!("{:+.1} %", pair.more_macs * 100.0),
            pair.count.gates.to_string(),
            pair.count.slower.to_string(),
            pair.count.not_slower.to_string(),
            pair.count.inconclusive.to_string(),
        ]);
    }
    output::line(table)
}
