//! `benchrack bench`: how good the farm's own judgement is, how fast its pages and how soon a rack is at work, measured on this
//! machine.

mod pages;
mod rack;
mod seed;

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use benchrack_protocol::api::{GateRules, GateSubject, NewGate, Verdict};
use benchrack_protocol::engine::EngineRef;
use benchrack_protocol::model::Precision;
use benchrack_protocol::report::RunReport;
use benchrack_protocol::session::{Cores, OperatingPoint};
use benchrack_protocol::units::Nanos;
use benchrack_stats::Samples;
use benchrack_stats::interval::chance_at_most;
use benchrack_zoo::Built;
use clap::{Args, Subcommand};
use serde::{Deserialize, Serialize};

use super::gate::{BLOCK_MS, plan, share};
use super::serve::stopped;
use super::zoo;
use crate::context::Context;
use crate::exit::{Blame, Failure, Outcome, infrastructure};
use crate::gate::local;
use crate::output::{self, Progress};

/// Measure the farm itself: how often its judgement is wrong, how fast its pages are, how soon a rack of phones measures.
#[derive(Debug, Args)]
pub struct Bench {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Gate(Gates),
    Seed(seed::Seed),
    Pages(pages::Pages),
    Rack(rack::Rack),
}

/// Gates with a known answer, each with real measurements here: a model against itself, and against one with a block more.
///
/// Both kinds take turns, so that what the machine does besides hits both alike. Every gate is written to the file as it
/// ends; the command goes on where it was stopped, prints the table of all that the file holds then, and with --gates 0
/// nothing but that.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  benchrack bench gate --gates 300 --out gates.jsonl")]
struct Gates {
    /// Gates of each kind that the file is to hold in the end.
    #[arg(long, default_value_t = 300)]
    gates: u64,
    /// Gates against the slower model, where they are to be another number.
    #[arg(long)]
    slower_gates: Option<u64>,
    /// File of finished gates, one JSON record a line; new ones are appended.
    #[arg(long, default_value = "gates.jsonl", value_name = "FILE")]
    out: PathBuf,
    /// Folder for the two models.
    #[arg(long, default_value = "bench-models", value_name = "DIR")]
    models: PathBuf,
    /// Model of the zoo that is compared with itself.
    #[arg(long, default_value = "mobilenet-v1-0.5-160")]
    model: String,
    /// Model of the zoo that is known to be slower.
    #[arg(long, default_value = "mobilenet-v1-0.5-160-plus5")]
    slower: String,
    /// Change that is accepted.
    #[arg(long, default_value = "2%", value_parser = share)]
    tolerance: f64,
    /// Chance of a wrong `slower`.
    #[arg(long, default_value = "1%", value_parser = share)]
    alpha: f64,
    /// Device time of one gate.
    #[arg(long, default_value = "60s", value_parser = humantime::parse_duration)]
    budget_time: Duration,
    /// Threads.
    #[arg(long, default_value_t = 1)]
    threads: u16,
    /// Cores: all, little, mid, big, prime, or a CPU list.
    #[arg(long, default_value = "all")]
    cores: Cores,
    /// Milliseconds that a block lasts.
    #[arg(long, default_value_t = BLOCK_MS)]
    block_ms: u64,
    /// Every round in fresh runners; `false` shows what two processes of one program differ by.
    #[arg(long, default_value_t = true, action = clap::ArgAction::Set)]
    fresh_runners: bool,
}

/// Which answer is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Kind {
    Same,
    Slower,
}

impl Kind {
    const ALL: [Self; 2] = [Self::Same, Self::Slower];
}

/// A gate that was measured.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Record {
    kind: Kind,
    /// Number within its kind, also the seed of its order.
    nth: u64,
    verdict: Verdict,
    summary: String,
    device_time: Nanos,
    /// Rounds measured, and pairs that were left of them when those were taken out that others disturbed.
    rounds: u32,
    pairs: u32,
    /// Candidate's latency over the baseline's, minus one.
    change: Option<f64>,
    /// What it was asked with, so that a file never mixes two questions.
    setup: String,
}

impl Bench {
    pub async fn run(self, context: &Context) -> Outcome {
        match self.command {
            Command::Gate(gates) => gates.run(context).await,
            Command::Seed(seed) => seed.run(context).await,
            Command::Pages(pages) => pages.run(context).await,
            Command::Rack(rack) => rack.run(context).await,
        }
    }
}

impl Gates {
    async fn run(self, context: &Context) -> Outcome {
        let mut records = read(&self.out)?;
        let setup = self.setup();
        if let Some(other) = records.iter().find(|record| record.setup != setup) {
            let what = format!("{} holds gates of another setup ({}), asked is {setup}", self.out.display(), other.setup);
            return Err(crate::exit::usage(what));
        }
        let count = |records: &[Record], kind| records.iter().filter(|record| record.kind == kind).count() as u64;
        let wanted = |kind| if kind == Kind::Slower { self.slower_gates.unwrap_or(self.gates) } else { self.gates };
        let all: u64 = Kind::ALL.map(wanted).iter().sum();
        if Kind::ALL.iter().any(|kind| count(&records, *kind) < wanted(*kind)) {
            let names = [self.model.clone(), self.slower.clone()];
            let built = zoo::build(&names, &self.models, zoo::SEED, context.quiet)?;
            let fp32: Vec<&Built> = built.iter().filter(|model| model.manifest.precision == Precision::Fp32).collect();
            let [model, slower] = fp32[..] else { return Err(infrastructure("the zoo gave no two fp32 models")) };
            let mut file = std::fs::OpenOptions::new()
                .create(true)
                .append(true)
                .open(&self.out)
                .infrastructure(format!("cannot write {}", self.out.display()))?;
            let progress = Progress::new(all, "gates", context.quiet);
            let stop = stopped();
            tokio::pin!(stop);
            'gates: for nth in 0..Kind::ALL.map(wanted).into_iter().max().unwrap_or(0) {
                for kind in Kind::ALL {
                    if count(&records, kind) > nth || nth >= wanted(kind) {
                        continue;
                    }
                    let found = |kind| records.iter().filter(|one| one.kind == kind && one.verdict == Verdict::Slower).count();
                    let so_far =
                        format!("slower: {} of the same model, {} of the slower", found(Kind::Same), found(Kind::Slower));
                    progress.at(records.len() as u64, all, &so_far);
                    let candidate = if kind == Kind::Same { model } else { slower };
                    let record = tokio::select! {
                        record = self.gate(kind, nth, model, candidate) => record?,
                        stopped = &mut stop => {
                            stopped?;
                            eprintln!("stopped; the same command goes on from here");
                            break 'gates;
                        }
                    };
                    let line = serde_json::to_string(&record).infrastructure("cannot write a gate as JSON")?;
                    writeln!(file, "{line}").infrastructure(format!("cannot write {}", self.out.display()))?;
                    records.push(record);
                }
            }
            progress.finish();
        }
        if context.json {
            return output::json(&records);
        }
        output::line(&setup)?;
        output::line("")?;
        output::line(table(&records, self.tolerance))
    }

    /// What makes two gates comparable.
    fn setup(&self) -> String {
        format!(
            "{} against itself and {}, tolerance {} %, alpha {} %, at most {} s, blocks of {} ms, {} thread(s), CPUs {}, {}",
            self.model,
            self.slower,
            self.tolerance * 100.0,
            self.alpha * 100.0,
            self.budget_time.as_secs_f64(),
            self.block_ms,
            self.threads,
            self.cores,
            if self.fresh_runners { "fresh runners in each round" } else { "the same runners throughout" }
        )
    }

    async fn gate(&self, kind: Kind, nth: u64, model: &Built, candidate: &Built) -> Result<Record, Failure> {
        let side = |model: &Built| GateSubject {
            manifest: model.manifest.clone(),
            engine: EngineRef::built_in(),
            threads: self.threads,
        };
        let mut plan = plan(5_000, nth, Nanos(self.block_ms.saturating_mul(1_000_000)), &[], &[]);
        plan.fresh_runners = self.fresh_runners;
        let request = NewGate {
            baseline: side(model),
            candidate: side(candidate),
            devices: String::new(),
            operating_point: OperatingPoint { cores: self.cores.clone(), ..OperatingPoint::default() },
            plan,
            rules: GateRules { tolerance: self.tolerance, alpha: self.alpha, at_least: 1, models: 1 },
            metrics: Vec::new(),
            max_time: Some(Nanos::from(self.budget_time)),
            budgets: Vec::new(),
        };
        let files = [model, candidate].map(|model| (model.manifest.artifact, model.path.clone())).to_vec();
        let (answer, report) = local::measure(&request, files, &|_| {}).await?;
        let device = answer.outcome.devices.first();
        let rounds = match report.runs.first() {
            Some(RunReport::Measured(run)) => u32::try_from(run.blocks.len()).unwrap_or(u32::MAX),
            _ => 0,
        };
        Ok(Record {
            kind,
            nth,
            verdict: answer.outcome.verdict,
            summary: answer.outcome.summary.clone(),
            device_time: report.duration,
            rounds,
            pairs: device.map_or(0, |device| device.pairs),
            change: device.and_then(|device| device.effect).map(|effect| effect.value),
            setup: self.setup(),
        })
    }
}

/// Gates of an earlier call; none without a file. A last line that was cut short by a kill is an error that names it.
fn read(file: &Path) -> Result<Vec<Record>, Failure> {
    let text = match std::fs::read_to_string(file) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error).infrastructure(format!("cannot read {}", file.display())),
    };
    let record = |(line, text): (usize, &str)| {
        serde_json::from_str(text).usage(format!("{}: line {line} is no gate; remove it to go on", file.display()))
    };
    (1..).zip(text.lines()).map(record).collect()
}

/// The rows for docs/comparison.md.
fn table(records: &[Record], tolerance: f64) -> String {
    const SURE: f64 = 0.95;
    let mut text = String::from(
        "| gates | number | slower (at most, 95 %) | not slower | inconclusive | change, median | pairs, median | disturbed rounds | \
         device time: median | 95 % |\n\
         |---|--:|--:|--:|--:|--:|--:|--:|--:|--:|\n",
    );
    for kind in Kind::ALL {
        let of: Vec<&Record> = records.iter().filter(|record| record.kind == kind).collect();
        let number = of.len();
        let count = |wanted: Verdict| of.iter().filter(|record| record.verdict == wanted).count();
        let share = |hits: usize| format!("{:.1} %", 100.0 * hits as f64 / number.max(1) as f64);
        let (slower, passes) = (count(Verdict::Slower), count(Verdict::NotSlower));
        let quantile = |values: Vec<f64>, at: f64| Samples::new(values).map(|samples| samples.quantile(at)).ok();
        let times = || of.iter().map(|record| record.device_time.0 as f64 / 1e9).collect::<Vec<f64>>();
        let seconds = |at: f64| quantile(times(), at).map_or_else(|| "–".into(), |seconds| format!("{seconds:.1} s"));
        let changes: Vec<f64> = of.iter().filter_map(|record| record.change).collect();
        let change = quantile(changes, 0.5).map_or_else(|| "–".into(), |change| format!("{:+.2} %", change * 100.0));
        let pairs = quantile(of.iter().map(|record| f64::from(record.pairs)).collect(), 0.5);
        let pairs = pairs.map_or_else(|| "–".into(), |pairs| format!("{pairs:.0}"));
        let all = |count: fn(&Record) -> u32| of.iter().map(|record| f64::from(count(record))).sum::<f64>();
        let (pairs_left, rounds) = (all(|record| record.pairs), all(|record| record.rounds));
        let disturbed = 100.0 * (rounds - pairs_left) / rounds.max(1.0);
        let name = match kind {
            Kind::Same => "the same model",
            Kind::Slower => "one block more",
        };
        text.push_str(&format!(
            "| {name} | {number} | {slower} = {} (≤ {:.2} %) | {} | {} | {change} | {pairs} | {disturbed:.0} % | {} | {} |\n",
            share(slower),
            100.0 * chance_at_most(slower, number, SURE),
            share(passes),
            share(number - slower - passes),
            seconds(0.5),
            seconds(0.95),
        ));
    }
    text.push_str(&format!("\nTolerance {} %.", tolerance * 100.0));
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(kind: Kind, verdict: Verdict, seconds: u64) -> Record {
        Record {
            kind,
            nth: 0,
            verdict,
            summary: String::new(),
            device_time: Nanos(seconds * 1_000_000_000),
            rounds: 16,
            pairs: 12,
            change: Some(0.01),
            setup: "x".into(),
        }
    }

    #[test]
    fn the_table_counts_and_bounds_what_went_wrong() {
        let mut records = vec![record(Kind::Same, Verdict::NotSlower, 10); 299];
        records.push(record(Kind::Same, Verdict::Slower, 20));
        records.push(record(Kind::Slower, Verdict::Inconclusive, 60));
        let text = table(&records, 0.02);
        assert!(
            text.contains("| the same model | 300 | 1 = 0.3 % (≤ 1.57 %) | 99.7 % | 0.0 % | +1.00 % | 12 | 25 % | 10.0 s |"),
            "{text}"
        );
        assert!(text.contains("| one block more | 1 | 0 = 0.0 % (≤ 95.00 %) | 0.0 % | 100.0 %"), "{text}");
    }

    #[test]
    fn finished_gates_are_read_back_and_a_cut_line_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("gates.jsonl");
        assert!(read(&file).unwrap().is_empty());
        let line = serde_json::to_string(&record(Kind::Slower, Verdict::Slower, 9)).unwrap();
        std::fs::write(&file, format!("{line}\n{line}\n")).unwrap();
        assert_eq!(read(&file).unwrap().len(), 2);
        std::fs::write(&file, format!("{line}\n{}", &line[..20])).unwrap();
        assert!(read(&file).unwrap_err().error.to_string().contains("line 2"), "{:?}", read(&file));
    }
}
