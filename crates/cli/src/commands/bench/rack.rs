//! `benchrack bench rack`: how soon a rack of simulated phones measures, and what that takes of this machine.

mod processes;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use benchrack_client::Client;
use benchrack_protocol::api::NewSubmission;
use benchrack_protocol::ids::{DeviceId, SubmissionId};
use benchrack_protocol::suite::Suite;
use benchrack_protocol::validity::Validity;
use clap::Args;
use serde::Serialize;

use self::processes::{Program, Usage};
use crate::commands::{submit, zoo};
use crate::context::Context;
use crate::exit::{Blame, Exit, Failure, Outcome, infrastructure, usage};
use crate::local_farm::unless_interrupted;
use crate::{model_file, output};

/// How often the server is asked how far it is.
const LOOKS: Duration = Duration::from_secs(1);
/// Waiting ends after this.
const LONGEST: Duration = Duration::from_secs(1_800);

/// Start a server and a rack of simulated phones here, and time both until every phone has measured.
///
/// The time begins with the rack's start. When all phones have registered, a suite of one model is submitted for all of them; the
/// time ends when the server has taken a run of each. The command starts its own server and database in a new folder, which it
/// leaves behind with all logs.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  benchrack bench rack --phones 60\n  benchrack bench rack --phones 60 --within 2m   # exit 1 when it takes longer"
)]
pub struct Rack {
    /// Simulated phones.
    #[arg(long, default_value_t = 60, value_parser = clap::value_parser!(u16).range(1..=1_000))]
    phones: u16,
    /// Simulated seconds in a real one.
    #[arg(long, default_value_t = 60, value_parser = clap::value_parser!(u16).range(1..=10_000))]
    speed: u16,
    /// Model of the zoo that each phone measures, in fp32 and int8.
    #[arg(long, default_value = "mobilenet-v1-0.5-160")]
    model: String,
    /// Folder for the server, the phones and their logs; it must be new or empty.
    #[arg(long, default_value = "bench-rack", value_name = "DIR")]
    data_dir: PathBuf,
    /// Exit 1 when not every phone has measured within this.
    #[arg(long, value_parser = humantime::parse_duration)]
    within: Option<Duration>,
}

/// What was measured. Times are since the rack's start.
#[derive(Debug, Serialize)]
struct Measured {
    phones: u16,
    speed: u16,
    registered_s: f64,
    measured_s: f64,
    /// Runs that the server took until then.
    runs: usize,
    /// Those of them whose evidence leaves no doubt.
    valid: usize,
    /// The rack's host and its phones, when all had measured.
    rack: Usage,
    /// The server and its database, then.
    server: Usage,
}

impl Rack {
    pub async fn run(self, context: &Context) -> Outcome {
        let folder = empty(&self.data_dir)?;
        let built = zoo::build(std::slice::from_ref(&self.model), &folder.join("zoo"), zoo::SEED, context.quiet)?;
        let server_folder = folder.join("server");
        let arguments = ["--listen".as_ref(), "127.0.0.1:0".as_ref(), "--data-dir".as_ref(), server_folder.as_os_str()];
        let mut server = Program::start("serve", &arguments, &folder)?;
        let work = async {
            let address = server.address().await?;
            let client = Client::new(&address, None)?;
            model_file::add_built(&client, built).await?;
            let began = Instant::now();
            let (phones, speed, phones_folder) = (self.phones.to_string(), self.speed.to_string(), folder.join("phones"));
            let flags = ["--simulate", &phones, "--speed", &speed, "--host-name", "bench", "--server", &address, "--data-dir"];
            let arguments: Vec<_> = flags.iter().map(std::ffi::OsStr::new).chain([phones_folder.as_os_str()]).collect();
            let mut rack = Program::start("rack", &arguments, &folder)?;
            let ids = [rack.id()?, server.id()?];
            let measured = tokio::select! {
                measured = self.measure(&client, began, ids, context.quiet) => measured,
                ended = rack.ended() => Err(ended),
            };
            rack.end().await;
            measured
        };
        let measured = unless_interrupted(work, "the folder keeps what was done").await;
        server.end().await;
        let measured = measured?;
        if context.json {
            output::json(&measured)?;
        } else {
            output::line(measured.table())?;
        }
        let late = self.within.is_some_and(|within| measured.measured_s > within.as_secs_f64());
        Ok(if late { Exit::Rejected } else { Exit::Pass })
    }

    async fn measure(&self, client: &Client, began: Instant, [rack, server]: [i32; 2], quiet: bool) -> Result<Measured, Failure> {
        let all = usize::from(self.phones);
        let progress = output::Progress::new(2 * all as u64, "phones", quiet);
        let mut looks = tokio::time::interval(LOOKS);
        looks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut submitted: Option<(f64, SubmissionId)> = None;
        while began.elapsed() < LONGEST {
            looks.tick().await;
            let Some((registered_s, submission)) = submitted else {
                let there = client.devices().await?.len();
                let at = began.elapsed().as_secs_f64();
                progress.at(there as u64, 2 * all as u64, "registering");
                if there >= all {
                    let suite = self.suite()?;
                    let submission = client.submit(&NewSubmission { suite, devices: String::new() }).await?;
                    submitted = Some((at, submission.id));
                }
                continue;
            };
            let jobs = client.submission(submission).await?.jobs;
            let measured_s = began.elapsed().as_secs_f64();
            if let Some(job) = jobs.iter().find(|job| matches!(job.state.as_str(), "failed" | "cancelled")) {
                let why = job.failure.as_deref().unwrap_or("no reason was given");
                return Err(infrastructure(format!("job {} ({}) is {}: {why}", job.id, job.title, job.state)));
            }
            let done: BTreeSet<DeviceId> = jobs.iter().filter(|job| job.state == "done").map(|job| job.device).collect();
            progress.at((all + done.len()) as u64, 2 * all as u64, "measuring");
            if done.len() < all {
                continue;
            }
            progress.finish();
            // At once, while both are as they were when the last phone had measured.
            let (rack, server) = (Usage::of_tree(rack)?, Usage::of_tree(server)?);
            let runs = submit::all_runs(client, submission).await?;
            let good = |wanted: &dyn Fn(&Validity) -> bool| {
                runs.iter().filter(|run| run.failure.is_none() && run.validity.as_ref().is_some_and(wanted)).count()
            };
            let (measured, valid) = (good(&|_| true), good(&|validity| *validity == Validity::Valid));
            let (phones, speed) = (self.phones, self.speed);
            return Ok(Measured { phones, speed, registered_s, measured_s, runs: measured, valid, rack, server });
        }
        let minutes = LONGEST.as_secs() / 60;
        Err(infrastructure(format!("not every phone has measured within {minutes} minutes; the logs in the folder may say why")))
    }

    fn suite(&self) -> Result<Suite, Failure> {
        let text = format!("name = \"bench-rack\"\nmodels = [{}]\n", toml::Value::from(self.model.as_str()));
        toml::from_str(&text).infrastructure("the suite for the phones cannot be made")
    }
}

impl Measured {
    fn table(&self) -> String {
        let mut table =
            output::table(["", "time s", "", "CPU s", "memory MB", "processes"], &["time s", "CPU s", "memory MB", "processes"]);
        for (mark, seconds, who, usage) in [
            ("all have registered", self.registered_s, "rack and phones", &self.rack),
            ("all have measured", self.measured_s, "server and database", &self.server),
        ] {
            table.add_row([
                mark.to_owned(),
                format!("{seconds:.0}"),
                who.to_owned(),
                format!("{:.1}", usage.cpu_s),
                usage.memory_mb.map_or_else(|| "–".into(), |memory| format!("{memory:.0}")),
                usage.processes.to_string(),
            ]);
        }
        let head = format!(
            "{} simulated phones at {} times their speed; {} runs, {} valid",
            self.phones, self.speed, self.runs, self.valid
        );
        format!("{head}\n{table}")
    }
}

/// The folder, made where it is missing; phones that registered before would be found registered.
fn empty(folder: &Path) -> Result<PathBuf, Failure> {
    let what = || format!("cannot use the folder {}", folder.display());
    std::fs::create_dir_all(folder).usage(what())?;
    if std::fs::read_dir(folder).usage(what())?.next().is_some() {
        return Err(usage(format!("{} is not empty; remove it, or name another folder with --data-dir", folder.display())));
    }
    folder.canonicalize().usage(what())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_tells_times_and_what_they_took() {
        let usage = |cpu_s, processes| Usage { cpu_s, memory_mb: Some(512.4), processes };
        let (rack, server) = (usage(81.25, 61), usage(7.0, 9));
        let measured =
            Measured { phones: 60, speed: 60, registered_s: 21.6, measured_s: 88.4, runs: 120, valid: 118, rack, server };
        let text = measured.table();
        assert!(text.starts_with("60 simulated phones at 60 times their speed; 120 runs, 118 valid\n"), "{text}");
        let rows: Vec<Vec<&str>> = text.lines().map(|line| line.split_whitespace().collect()).collect();
        assert!(rows.contains(&"all have registered 22 rack and phones 81.2 512 61".split(' ').collect()), "{text}");
        assert!(rows.contains(&"all have measured 88 server and database 7.0 512 9".split(' ').collect()), "{text}");
    }

    #[test]
    fn a_folder_that_holds_something_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        assert!(empty(&folder.path().join("new")).is_ok());
        let failure = empty(folder.path()).unwrap_err();
        assert!(failure.error.to_string().contains("is not empty"), "{:?}", failure.error);
    }
}
