//! `benchrack study`: claims as experiments.

use std::path::PathBuf;

use benchrack_client::Client;
use benchrack_protocol::ids::{StudyId, SubmissionId};
use benchrack_protocol::study::{NewStudy, Study, StudyReport};
use benchrack_server::ServerConfig;
use clap::{Args, Subcommand};
use serde_json::json;

use super::{submit, zoo};
use crate::context::Context;
use crate::exit::{Blame, Exit, Failure, Outcome, infrastructure, usage};
use crate::local_farm::{self, LocalFarm, unless_interrupted};
use crate::onnxruntime::Library;
use crate::{comparison, model_file, output, studies, study_text};

/// Run a study: claims as an experiment, answered for each device.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  benchrack study list\n  benchrack study run int8-against-fp32 --local\n  benchrack study run mine.toml --devices 'soc=sm8550' --json\n  benchrack study report int8-against-fp32\n\nExit codes: 0 measured and reported, whatever the verdicts; 2 the request makes no sense; 4 infrastructure failed or interrupted."
)]
pub struct StudyCommand {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// List the studies that come with the program.
    List,
    /// Build the models that the study needs, measure it, and print the report. Ctrl-C cancels what was queued.
    Run {
        /// A name of the list, or a TOML file; config/studies explains each key.
        name: String,
        /// Which devices: `key=value` terms joined by commas (name, soc, os, model); all when left out.
        #[arg(long, default_value = "", value_name = "SELECTOR", conflicts_with = "local")]
        devices: String,
        #[command(flatten)]
        here: Here,
    },
    /// Print the report again, from the stored samples.
    Report {
        /// Name of the study, for its newest run on the server, or the run's number.
        name: String,
        #[command(flatten)]
        here: Here,
    },
}

/// On this machine instead of a server that runs.
#[derive(Debug, Args)]
struct Here {
    /// Start a farm on this machine for it, as the demo does.
    #[arg(long)]
    local: bool,
    /// Folder of the local farm for database, models and logs; history is kept in it. Built models are in it too.
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
}

impl StudyCommand {
    pub async fn run(self, context: &Context) -> Outcome {
        match self.command {
            Command::List => list(context.json),
            Command::Run { name, devices, here } => {
                let study = studies::named(&name)?;
                let config = local_farm::settings(here.port(), here.data_dir.clone())?;
                // Before any handler of signals is set: Ctrl-C ends the building at once.
                let names = studies::zoo_models(&study);
                let built = build(&names, &config, context).await?;
                if here.local {
                    let found = local_farm::look_for_onnxruntime(&config, &study.suite.engines).await;
                    let found = found.infrastructure("looking for ONNX Runtime was interrupted")??;
                    let mut farm = LocalFarm::start(config, context).await?;
                    let done = locally(&mut farm, study, (built, found), context).await;
                    let told = finished(&farm.client, done, context).await;
                    farm.stop().await;
                    return told;
                }
                let client = context.client()?;
                let done = measure(&client, None, NewStudy { study, devices }, built, context).await;
                finished(&client, done, context).await
            }
            Command::Report { name, here } => {
                if !here.local {
                    return report(&context.client()?, &name, context).await;
                }
                let farm = LocalFarm::without_agent(local_farm::settings(here.port(), here.data_dir)?, context).await?;
                let told = report(&farm.client, &name, context).await;
                farm.stop().await;
                told
            }
        }
    }
}

const NOTHING_QUEUED: &str = "nothing was queued yet";
const CANCELLED: &str = "what was queued is cancelled";

impl Here {
    /// A farm for others to look at has the usual port; without one no port is asked for.
    fn port(&self) -> u16 {
        if self.local { local_farm::PORT } else { 0 }
    }
}

fn list(as_json: bool) -> Outcome {
    let studies = studies::all()?;
    if as_json {
        return output::json(&studies);
    }
    let mut table = output::table(["study", "claims", "models", "engines", "question"], &["claims", "models"]);
    for study in &studies {
        let models = studies::zoo_models(study).len();
        let engines = study.suite.engines.join(", ").replace('*', "all");
        let claims = study.claims.len().to_string();
        table.add_row([study.name.clone(), claims, models.to_string(), engines, study.title.clone()]);
    }
    output::line(table)
}

/// Builds models of the zoo in the folder of this machine's farm.
async fn build(names: &[String], config: &ServerConfig, context: &Context) -> Result<Vec<benchrack_zoo::Built>, Failure> {
    if names.is_empty() {
        return Ok(Vec::new());
    }
    let (names, folder, quiet) = (names.to_vec(), local_farm::data_dir(config).join("zoo"), context.quiet);
    let building = tokio::task::spawn_blocking(move || zoo::build(&names, &folder, zoo::SEED, quiet));
    building.await.infrastructure("building the zoo was interrupted")?
}

async fn locally(
    farm: &mut LocalFarm,
    study: Study,
    (built, found): (Vec<benchrack_zoo::Built>, Option<Result<Library, String>>),
    context: &Context,
) -> Result<StudyReport, Failure> {
    match found {
        Some(Ok(library)) => local_farm::add_onnxruntime(&farm.client, &library).await?,
        Some(Err(why)) => eprintln!("ONNX Runtime is not measured: {why}"),
        None => {}
    }
    let device = unless_interrupted(farm.device(), NOTHING_QUEUED).await?;
    let client = farm.client.clone();
    let new = NewStudy { study, devices: format!("key={}", device.key) };
    measure(&client, Some(farm), new, built, context).await
}

/// Adds the models, measures, and returns the report. Interrupted or failed, it cancels what it had queued.
async fn measure(
    client: &Client,
    farm: Option<&mut LocalFarm>,
    new: NewStudy,
    mut built: Vec<benchrack_zoo::Built>,
    context: &Context,
) -> Result<StudyReport, Failure> {
    built.retain(|model| new.study.suite.precisions.contains(&model.manifest.precision));
    unless_interrupted(model_file::add_built(client, built), NOTHING_QUEUED).await?;
    let opened = client.open_study(&new).await?;
    if !opened.engines_left_out.is_empty() && !context.quiet {
        let left_out = opened.engines_left_out.join(", ");
        eprintln!("the farm has no build of {left_out}: claims about it cannot be told (`benchrack engines add`)");
    }
    let submission = opened.submission.id;
    let watched = unless_interrupted(submit::watch(client, opened.submission, context.quiet), CANCELLED);
    let done = match farm {
        Some(farm) => farm.while_measuring(watched).await,
        None => watched.await,
    };
    if let Err(failure) = done {
        cancel(client, submission).await;
        return Err(failure);
    }
    Ok(client.study(opened.id).await?)
}

/// What cannot be cancelled is told, because it goes on without us.
async fn cancel(client: &Client, submission: SubmissionId) {
    if let Err(error) = client.stop_submission(submission).await {
        eprintln!("submission {submission} could not be cancelled: {error}");
    }
}

async fn finished(client: &Client, done: Result<StudyReport, Failure>, context: &Context) -> Outcome {
    let report = done?;
    print(client, &report, context).await?;
    let nothing = report.submission.jobs.iter().all(|job| job.state != "done");
    if nothing { Err(infrastructure("no session succeeded; the reasons are above")) } else { Ok(Exit::Pass) }
}

async fn report(client: &Client, name: &str, context: &Context) -> Outcome {
    let id = match name.parse::<StudyId>() {
        Ok(id) => id,
        Err(_) => {
            let newest = client.newest_study(name).await?;
            newest.ok_or_else(|| usage(format!("'{name}' was never measured there; `benchrack study run {name}` does")))?.id
        }
    };
    print(client, &client.study(id).await?, context).await
}

async fn print(client: &Client, report: &StudyReport, context: &Context) -> Outcome {
    let runs = if report.study.table { submit::all_runs(client, report.submission.id).await? } else { Vec::new() };
    if context.json {
        return output::json(&json!({ "report": report, "runs": runs }));
    }
    output::line(study_text::claims(report))?;
    if report.study.table {
        output::line(study_text::table(&runs, &client.models().await?))?;
        comparison::print_remarks(&runs)?;
    }
    Ok(Exit::Pass)
}
