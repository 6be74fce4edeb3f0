//! `benchrack demo`: the whole farm on this machine: database, zoo, server, agent, starter suite, table, dashboard.

use std::path::PathBuf;

use benchrack_client::Client;
use benchrack_protocol::api::{NewSubmission, Submission};
use benchrack_protocol::suite::Suite;
use benchrack_zoo::Built;
use clap::Args;
use tokio::task::JoinHandle;

use super::serve::stopped;
use super::{submit, zoo};
use crate::context::Context;
use crate::exit::{Blame, Exit, Failure, Outcome, infrastructure};
use crate::local_farm::{self, LocalFarm, Looked, is_onnxruntime, unless_interrupted};
use crate::model_file;
use crate::onnxruntime::{self, Library};
use crate::output;

/// The suite that the demo measures; compiled in, so that the binary alone is enough.
const STARTER: &str = include_str!("../../../../config/suites/starter.toml");

/// Run the whole farm on this machine and measure the starter suite, on ONNX Runtime too where its library is found.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  benchrack demo                 # measure, print the table, keep the dashboard up until Ctrl-C\n  benchrack demo --exit          # leave after the table\n  benchrack demo --exit --json   # the runs as JSON"
)]
pub struct Demo {
    /// Leave after the table instead of keeping the dashboard up.
    #[arg(long)]
    exit: bool,
    /// Another suite than the starter one.
    #[arg(long, value_name = "FILE")]
    suite: Option<PathBuf>,
    /// Folder for database, models and logs; history is kept in it.
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
    /// Port of the dashboard; a free one when this is taken.
    #[arg(long, default_value_t = local_farm::PORT)]
    port: u16,
}

impl Demo {
    pub async fn run(self, context: &Context) -> Outcome {
        let suite = match &self.suite {
            Some(file) => submit::read_suite(file)?,
            None => toml::from_str(STARTER).infrastructure("the compiled-in suite cannot be read")?,
        };
        let config = local_farm::settings(self.port, self.data_dir)?;
        let building = tokio::task::spawn_blocking({
            let (models, folder, quiet) = (suite.models.clone(), local_farm::data_dir(&config).join("zoo"), context.quiet);
            move || zoo::build(&models, &folder, zoo::SEED, quiet)
        });
        let finding = local_farm::look_for_onnxruntime(&config, &suite.engines);
        let mut farm = LocalFarm::start(config, context).await?;
        let done = measure(&mut farm, Prepared { building, finding, suite }, context.quiet).await;
        let result = match done {
            Ok(submission) => {
                let runs = submit::results(&farm.client, &submission).await?;
                if context.json {
                    output::json(&runs)?;
                } else {
                    submit::print(&farm.client, &submission, &runs).await?;
                }
                if !self.exit {
                    eprintln!("compare the models at {}/compare; Ctrl-C ends the demo", farm.address);
                    stopped().await?;
                }
                if submission.jobs.iter().all(|job| job.state == "done") {
                    Ok(Exit::Pass)
                } else {
                    Err(infrastructure("some sessions failed; their reasons are above"))
                }
            }
            Err(failure) => Err(failure),
        };
        farm.stop().await;
        result
    }
}

/// What is being prepared while the server starts.
struct Prepared {
    building: JoinHandle<Result<Vec<Built>, Failure>>,
    finding: JoinHandle<Looked>,
    suite: Suite,
}

async fn measure(farm: &mut LocalFarm, prepared: Prepared, quiet: bool) -> Result<Submission, Failure> {
    let Prepared { building, finding, mut suite } = prepared;
    if let Some(found) = finding.await.infrastructure("looking for ONNX Runtime was interrupted")?? {
        add_onnxruntime(&farm.client, found, &mut suite).await?;
    }
    let built = building.await.infrastructure("building the zoo was interrupted")??;
    model_file::add_built(&farm.client, built).await?;
    let device = farm.device().await?;
    let client = farm.client.clone();
    let measured = farm.while_measuring(async move {
        let submission = client.submit(&NewSubmission { suite, devices: format!("key={}", device.key) }).await?;
        submit::watch(&client, submission, quiet).await
    });
    unless_interrupted(measured, "sessions that were not measured run on the next start").await
}

/// Adds ONNX Runtime where it was found. Where it was not, the suite goes without it, and a person hears why.
async fn add_onnxruntime(client: &Client, found: Result<Library, String>, suite: &mut Suite) -> Result<(), Failure> {
    match found {
        Ok(library) => local_farm::add_onnxruntime(client, &library).await?,
        Err(why) => eprintln!("{}", go_without(suite, &why)?),
    }
    Ok(())
}

/// Takes ONNX Runtime out of the suite; what a person is told.
fn go_without(suite: &mut Suite, why: &str) -> Result<String, Failure> {
    suite.engines.retain(|engine| !is_onnxruntime(engine));
    if suite.engines.is_empty() {
        return Err(infrastructure(format!("the suite asks for ONNX Runtime alone, and it is not here: {why}")));
    }
    let variable = onnxruntime::VARIABLE;
    Ok(format!(
        "ONNX Runtime is not measured: {why}. To measure it, install the Python package onnxruntime, or name a library with {variable}"
    ))
}

#[cfg(test)]
mod tests {
    use benchrack_protocol::engine::BUILT_IN_ENGINE;

    use super::*;

    #[test]
    fn without_onnxruntime_the_starter_suite_measures_the_engine_inside_and_says_why() {
        let mut suite: Suite = toml::from_str(STARTER).unwrap();
        assert!(suite.engines.iter().any(|engine| is_onnxruntime(engine)), "the starter suite asks for both");
        let said = go_without(&mut suite, "pip3 is not installed").unwrap();
        assert_eq!(suite.engines, [BUILT_IN_ENGINE]);
        assert!(said.contains("pip3 is not installed") && said.contains(onnxruntime::VARIABLE), "{said}");
        suite.engines = vec!["onnxruntime@1.32.0".into()];
        assert!(go_without(&mut suite, "why").is_err(), "nothing would be left to measure");
    }
}
