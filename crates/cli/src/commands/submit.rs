//! `benchrack submit`: measure a suite on the farm.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use benchrack_client::{Client, RunQuery};
use benchrack_protocol::api::{NewSubmission, Run, Submission};
use benchrack_protocol::ids::SubmissionId;
use benchrack_protocol::suite::Suite;
use clap::Args;

use crate::comparison;
use crate::context::Context;
use crate::exit::{Blame, Exit, Failure, Outcome, infrastructure};
use crate::output::{self, Progress};

/// How often a waiting command asks the server; an answer is a few hundred bytes.
const POLL: Duration = Duration::from_millis(300);
/// A phone that was just plugged in has registered within this.
const FIRST_DEVICE: Duration = Duration::from_secs(300);

/// Measure a suite of models on the devices of the farm.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  benchrack submit config/suites/starter.toml --watch\n  benchrack submit mine.toml --devices 'soc=sm8550,os=android' --json\n  benchrack submit config/suites/starter.toml --engine tract --watch"
)]
pub struct Submit {
    /// The suite, a TOML file; config/suites/starter.toml explains each key.
    suite: PathBuf,
    /// Which devices: `key=value` terms joined by commas (name, soc, os, model); all when left out.
    #[arg(long, default_value = "", value_name = "SELECTOR")]
    devices: String,
    /// An engine in place of the suite's; may be given several times.
    #[arg(long, value_name = "ENGINE")]
    engine: Vec<String>,
    /// Wait until all is measured, then print the table. Ctrl-C stops waiting, not measuring. Where no device has registered yet,
    /// the first one is waited for.
    #[arg(long, short)]
    watch: bool,
}

impl Submit {
    pub async fn run(self, context: &Context) -> Outcome {
        let mut suite = read_suite(&self.suite)?;
        if !self.engine.is_empty() {
            suite.engines = self.engine;
        }
        let client = context.client()?;
        if self.watch {
            wait_for_a_device(&client, context.quiet).await?;
        }
        let submission = client.submit(&NewSubmission { suite, devices: self.devices }).await?;
        if !self.watch {
            if context.json {
                return output::json(&submission);
            }
            return output::line(format!(
                "submission {}: {} sessions queued; see them with `benchrack runs --submission {}`",
                submission.id,
                submission.jobs.len(),
                submission.id
            ));
        }
        let done = watch(&client, submission, context.quiet).await?;
        let runs = results(&client, &done).await?;
        if context.json {
            output::json(&runs)?;
        } else {
            print(&client, &done, &runs).await?;
        }
        if done.jobs.iter().all(|job| job.state == "done") {
            return Ok(Exit::Pass);
        }
        Err(infrastructure("some sessions failed; their reasons are above and on the rack page"))
    }
}

/// Gives the first device of a new farm time to register. After that the server itself says that there is none.
async fn wait_for_a_device(client: &Client, quiet: bool) -> Result<(), Failure> {
    let (began, mut said) = (Instant::now(), false);
    while client.devices().await?.is_empty() && began.elapsed() < FIRST_DEVICE {
        if !quiet && !said {
            eprintln!("no device has registered yet; waiting for one, {} s at most", FIRST_DEVICE.as_secs());
            said = true;
        }
        tokio::time::sleep(POLL).await;
    }
    Ok(())
}

/// Waits until no job of the submission is open.
pub async fn watch(client: &Client, mut submission: Submission, quiet: bool) -> Result<Submission, Failure> {
    let progress = Progress::new(submission.jobs.len() as u64, "measuring", quiet);
    loop {
        let open = submission.jobs.iter().filter(|job| matches!(job.state.as_str(), "queued" | "leased")).count();
        let total = submission.jobs.len() as u64;
        let running = submission.jobs.iter().find(|job| job.state == "leased");
        let message = running.map_or_else(|| "waiting for a device".into(), |job| job.title.clone());
        progress.at(total - open as u64, total, if open == 0 { "" } else { &message });
        if open == 0 {
            progress.finish();
            return Ok(submission);
        }
        tokio::time::sleep(POLL).await;
        submission = client.submission(submission.id).await?;
    }
}

/// All runs of a submission, by device, threads and model, fp32 before int8, engine by engine.
pub async fn results(client: &Client, submission: &Submission) -> Result<Vec<Run>, Failure> {
    let mut runs = all_runs(client, submission.id).await?;
    let models = client.models().await?;
    let macs = |run: &Run| models.iter().find(|m| m.manifest.artifact == run.artifact).and_then(|m| m.manifest.macs);
    runs.sort_by_key(|run| {
        (run.device_name.clone(), run.threads, macs(run), run.model.clone(), run.precision, run.engine.clone())
    });
    Ok(runs)
}

/// All runs of a submission, however many.
pub async fn all_runs(client: &Client, submission: SubmissionId) -> Result<Vec<Run>, Failure> {
    let mut runs: Vec<Run> = Vec::new();
    loop {
        let before = runs.last().map(|run| run.id);
        let query = RunQuery { submission: Some(submission), before, limit: Some(500), ..RunQuery::default() };
        let part = client.runs(&query).await?;
        if part.is_empty() {
            return Ok(runs);
        }
        runs.extend(part);
    }
}

/// Prints the comparison table, reasons for doubt, and jobs that failed.
pub async fn print(client: &Client, submission: &Submission, runs: &[Run]) -> Outcome {
    output::line(comparison::table(runs, &client.models().await?))?;
    comparison::print_remarks(runs)?;
    for job in submission.jobs.iter().filter(|job| job.state != "done") {
        let why = job.failure.as_deref().unwrap_or("no reason was given");
        output::line(format!("job {} ({}) is {}: {why}", job.id, job.title, job.state))?;
    }
    Ok(Exit::Pass)
}

/// Reads and checks a suite file.
pub fn read_suite(file: &Path) -> Result<Suite, Failure> {
    let text = std::fs::read_to_string(file).usage(format!("cannot read the suite {}", file.display()))?;
    toml::from_str(&text).usage(format!("{} is not a suite", file.display()))
}
