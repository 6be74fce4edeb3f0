//! A verdict for people, for a pull request, for a build server.

use benchrack_protocol::api::{GateComparison, GateOutcome, Metric, Verdict};
use benchrack_protocol::report::{Block, RunReport, SessionReport};
use benchrack_protocol::round::{Round, undisturbed};
use benchrack_protocol::units::Nanos;
use benchrack_server::judge::round_pair;
use benchrack_stats::paired::Pair;
use clap::ValueEnum;
use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestSuite};

use crate::exit::{Blame, Failure, Outcome};
use crate::output;

/// How a verdict is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// A table for a terminal.
    Text,
    /// A comment on a pull request.
    Markdown,
    /// All of it, for programs.
    Json,
    /// JUnit XML: a test case for each device and metric.
    Junit,
    /// GitHub Actions' annotations.
    Github,
}

/// Prints a verdict.
pub fn outcome(outcome: &GateOutcome, format: Format) -> Outcome {
    match format {
        Format::Text => text(outcome),
        Format::Markdown => output::line(markdown(outcome).trim_end()),
        Format::Json => output::json(outcome),
        Format::Junit => output::line(junit(outcome)?.trim_end()),
        Format::Github => output::line(github(outcome).trim_end()),
    }
}

/// A device and one of its comparisons; a device without any has its own verdict.
fn rows(outcome: &GateOutcome) -> Vec<(String, GateComparison)> {
    let mut rows = Vec::new();
    for device in &outcome.devices {
        let wrong = device.verdict == Verdict::WrongOutputs;
        if device.comparisons.is_empty() || wrong {
            rows.push((
                device.device.clone(),
                GateComparison {
                    metric: if wrong { "outputs" } else { "–" }.into(),
                    verdict: device.verdict,
                    change: None,
                    baseline: None,
                    candidate: None,
                    limit: 0.0,
                    budget: false,
                    detail: device.detail.clone(),
                },
            ));
        }
        rows.extend(device.comparisons.iter().map(|one| (device.device.clone(), one.clone())));
    }
    rows
}

/// Change, interval, baseline (or limit) and candidate as text.
fn cells(one: &GateComparison) -> [String; 4] {
    let none = || "–".to_owned();
    let change = one.change.as_ref();
    let exact = change.is_some_and(|change| change.low == change.high);
    [
        change.map_or_else(none, |change| signed(change.value)),
        match change {
            Some(_) if exact => "exact".to_owned(),
            Some(change) => format!("{} … {}", signed(change.low), signed(change.high)),
            None => none(),
        },
        match (one.budget, one.baseline) {
            (true, _) => format!("limit {}", figure(&one.metric, one.limit)),
            (false, Some(baseline)) => figure(&one.metric, baseline),
            (false, None) => none(),
        },
        one.candidate.as_ref().map_or_else(none, |candidate| figure(&one.metric, candidate.value)),
    ]
}

fn signed(share: f64) -> String {
    format!("{:+.1} %", share * 100.0)
}

fn figure(metric: &str, value: f64) -> String {
    Metric::named(metric).map_or_else(|| value.to_string(), |metric| metric.show(value))
}

fn text(outcome: &GateOutcome) -> Outcome {
    let numbers = ["change", "baseline", "candidate"];
    let mut table =
        output::table(["device", "metric", "verdict", "change", "interval", "baseline", "candidate", "remark"], &numbers);
    for (device, one) in rows(outcome) {
        let [change, interval, baseline, candidate] = cells(&one);
        table.add_row([device, one.metric, one.verdict.to_string(), change, interval, baseline, candidate, one.detail]);
    }
    output::line(table)?;
    let time: u64 = outcome.devices.iter().filter_map(|device| device.device_time).map(|time| time.0).sum();
    let pairs: Vec<String> = outcome.devices.iter().map(|device| device.pairs.to_string()).collect();
    output::line(format!("{} pairs, {} of device time", pairs.join(" + "), Nanos(time)))?;
    // The verdict's own word first, so that a line of a log says it without the table.
    let said = outcome.verdict.to_string();
    let summary =
        if outcome.summary.starts_with(&said) { outcome.summary.clone() } else { format!("{said}: {}", outcome.summary) };
    output::line(summary)
}

fn mark(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::NotSlower => "✅",
        Verdict::Inconclusive => "❔",
        Verdict::Slower | Verdict::WrongOutputs | Verdict::OverBudget => "❌",
    }
}

/// Text inside a Markdown table: nothing of it may end a cell or begin a tag.
fn cell(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('|', "\\|").replace(['\n', '\r'], " ")
}

fn markdown(outcome: &GateOutcome) -> String {
    let mut text = format!("### {} benchrack gate: {}\n\n{}\n\n", mark(outcome.verdict), outcome.verdict, cell(&outcome.summary));
    text.push_str("| device | metric | verdict | change | interval | baseline | candidate | remark |\n");
    text.push_str("|---|---|---|--:|---|--:|--:|---|\n");
    for (device, one) in rows(outcome) {
        let [change, interval, baseline, candidate] = cells(&one).map(|text| cell(&text));
        let (device, metric, detail) = (cell(&device), cell(&one.metric), cell(&one.detail));
        let verdict = format!("{} {}", mark(one.verdict), one.verdict);
        let row = [device, metric, verdict, change, interval, baseline, candidate, detail].join(" | ");
        text.push_str(&format!("| {row} |\n"));
    }
    text
}

/// Annotations as the workflow commands of GitHub Actions write them.
fn github(outcome: &GateOutcome) -> String {
    let message = |text: &str| text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A");
    let property = |text: &str| message(text).replace(':', "%3A").replace(',', "%2C");
    let level = |verdict: Verdict| match verdict {
        Verdict::NotSlower => "notice",
        Verdict::Inconclusive => "warning",
        Verdict::Slower | Verdict::WrongOutputs | Verdict::OverBudget => "error",
    };
    let mut text = String::new();
    let title = property(&format!("benchrack gate: {}", outcome.verdict));
    text.push_str(&format!("::{} title={title}::{}\n", level(outcome.verdict), message(&outcome.summary)));
    for (device, one) in rows(outcome).iter().filter(|(_, one)| one.verdict != Verdict::NotSlower) {
        let title = property(&format!("{} on {device}: {}", one.metric, one.verdict));
        text.push_str(&format!("::{} title={title}::{}\n", level(one.verdict), message(&one.detail)));
    }
    text
}

/// One test case for each device and metric: rejected is a failure, in doubt an error.
fn junit(outcome: &GateOutcome) -> Result<String, Failure> {
    let mut suite = TestSuite::new("benchrack gate");
    for (device, one) in rows(outcome) {
        let kind = match one.verdict {
            Verdict::NotSlower => None,
            Verdict::Inconclusive => Some(NonSuccessKind::Error),
            Verdict::Slower | Verdict::WrongOutputs | Verdict::OverBudget => Some(NonSuccessKind::Failure),
        };
        let mut status = kind.map_or_else(TestCaseStatus::success, TestCaseStatus::non_success);
        if kind.is_some() {
            status.set_message(one.detail.clone()).set_type(one.verdict.to_string());
        }
        let name = if one.budget { format!("{} budget", one.metric) } else { one.metric.clone() };
        let mut case = TestCase::new(name, status);
        let [change, interval, baseline, candidate] = cells(&one);
        case.set_classname(format!("benchrack.{device}"));
        case.set_system_out(format!("change {change} ({interval}), baseline {baseline}, candidate {candidate}"));
        suite.add_test_case(case);
    }
    suite.set_system_out(outcome.summary.clone());
    let mut report = Report::new("benchrack");
    report.add_test_suite(suite);
    report.to_string().infrastructure("cannot write JUnit XML")
}

/// Shows every round, beside any format but text where it disturbs no program.
pub fn explain(reports: &[(String, SessionReport)], format: Format) -> Outcome {
    let rounds = rounds(reports);
    if format == Format::Text { output::line(rounds) } else { output::note(rounds) }
}

/// Every round of every device: who came first, both latencies where the change is in the middle, and what counts.
fn rounds(reports: &[(String, SessionReport)]) -> String {
    let numbers = ["round", "baseline", "candidate", "change"];
    let mut text = String::new();
    for (device, report) in reports {
        let [Some(RunReport::Measured(baseline)), Some(RunReport::Measured(candidate))] =
            [report.runs.first(), report.runs.get(1)]
        else {
            text.push_str(&format!("{device}: a side has no measurement\n"));
            continue;
        };
        let mut table = output::table(["round", "first", "baseline", "candidate", "change", "counts"], &numbers);
        for block in &baseline.blocks {
            let Some(other) = candidate.blocks.iter().find(|other| other.round == block.round) else { continue };
            let quiet = undisturbed(block, other);
            let counts = match &quiet {
                Some([kept, _]) if kept.turns.len() < block.turns.len() => {
                    format!("{} of {} turns", kept.turns.len(), block.turns.len())
                }
                Some(_) => "yes".into(),
                None => format!("no: others took {} and {} of the time", waiting(block), waiting(other)),
            };
            let [ours, theirs] = quiet.as_ref().map_or([block, other], |[ours, theirs]| [ours, theirs]);
            let pair = round_pair(Metric::Latency, [ours, theirs].map(|block| Round { block, runner: None }));
            let [baseline, candidate, change] = match pair {
                Some(Pair { baseline, candidate }) => {
                    [Nanos(baseline as u64).to_string(), Nanos(candidate as u64).to_string(), signed(candidate / baseline - 1.0)]
                }
                None => ["–".into(), "–".into(), "–".into()],
            };
            let first = if block.place == 0 { "baseline" } else { "candidate" };
            table.add_row([block.round.to_string(), first.into(), baseline, candidate, change, counts]);
        }
        text.push_str(&format!("{device}, every round:\n{table}\n"));
    }
    text
}

/// How long a runner waited in a block, for people.
fn waiting(block: &Block) -> String {
    block.waiting_share.value().map_or_else(|| "an unknown share".into(), |share| format!("{:.0} %", share * 100.0))
}

#[cfg(test)]
mod tests {
    use benchrack_protocol::api::{Estimate, GateDevice};

    use super::*;

    fn rejected() -> GateOutcome {
        let comparison = |metric: &str, verdict, budget: bool| GateComparison {
            metric: metric.into(),
            verdict,
            change: (!budget).then(|| Estimate::within(0.1, 0.05, 0.2)),
            baseline: (!budget).then_some(10e6),
            candidate: Some(Estimate::exact(11e6)),
            limit: 10e6,
            budget,
            detail: "100 % <b>|\nslow".into(),
        };
        let device = GateDevice {
            device: "pixel, 8".into(),
            session: None,
            verdict: Verdict::Slower,
            detail: String::new(),
            effect: None,
            pairs: 12,
            medians: None,
            comparisons: vec![
                comparison("latency", Verdict::Slower, false),
                comparison("load", Verdict::NotSlower, false),
                comparison("latency_p90", Verdict::OverBudget, true),
            ],
            device_time: Some(Nanos(9_000_000_000)),
            more_time: None,
        };
        let silent = GateDevice {
            device: "moto".into(),
            verdict: Verdict::Inconclusive,
            detail: "no report".into(),
            comparisons: Vec::new(),
            session: None,
            effect: None,
            pairs: 0,
            medians: None,
            device_time: None,
            more_time: None,
        };
        GateOutcome { verdict: Verdict::Slower, summary: "slower: +10 %".into(), devices: vec![device, silent], more_time: None }
    }

    #[test]
    fn a_comment_cannot_be_broken_by_what_a_device_or_a_remark_is_called() {
        let text = markdown(&rejected());
        assert!(text.starts_with("### ❌ benchrack gate: slower\n"), "{text}");
        assert!(text.contains("&lt;b&gt;\\| slow") && !text.contains("<b>"), "{text}");
        let rows = text.lines().filter(|line| line.starts_with('|')).count();
        assert_eq!(rows, 2 + 3 + 1, "{text}");
        assert!(text.contains("| +10.0 % | +5.0 % … +20.0 % | 10.0 ms | 11.0 ms |"), "{text}");
        assert!(text.contains("| limit 10.0 ms |"), "{text}");
    }

    #[test]
    fn annotations_escape_what_github_would_read_as_its_own() {
        let text = github(&rejected());
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[0], "::error title=benchrack gate%3A slower::slower: +10 %25");
        assert_eq!(lines[1], "::error title=latency on pixel%2C 8%3A slower::100 %25 <b>|%0Aslow");
        assert_eq!(lines[3], "::warning title=– on moto%3A inconclusive::no report");
        assert_eq!(lines.len(), 4, "what passed is not annotated: {text}");
    }

    #[test]
    fn junit_tells_failures_from_errors() {
        let text = junit(&rejected()).unwrap();
        assert!(text.contains("tests=\"4\"") && text.contains("failures=\"2\"") && text.contains("errors=\"1\""), "{text}");
        assert!(text.contains("classname=\"benchrack.pixel, 8\"") && text.contains("&lt;b&gt;"), "{text}");
    }
}
