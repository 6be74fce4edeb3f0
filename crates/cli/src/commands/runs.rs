//! `benchrack runs`: results, newest first.

use benchrack_client::RunQuery;
use benchrack_protocol::ids::{RunId, SubmissionId};
use clap::Args;

use crate::comparison;
use crate::context::Context;
use crate::exit::{Exit, Outcome};
use crate::output;

/// List runs, newest first, or show one.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  benchrack runs --model squeezenet-1.1 --limit 5\n  benchrack runs --submission 3 --json\n  benchrack runs 17 --samples --json"
)]
pub struct Runs {
    /// Show this run only.
    run: Option<RunId>,
    /// With every sample of the run, as JSON.
    #[arg(long, requires = "run")]
    samples: bool,
    /// Of this device.
    #[arg(long)]
    device: Option<String>,
    /// Of this model.
    #[arg(long)]
    model: Option<String>,
    /// Of this submission.
    #[arg(long)]
    submission: Option<SubmissionId>,
    /// At most so many.
    #[arg(long, default_value_t = 50)]
    limit: u32,
}

impl Runs {
    pub async fn run(self, context: &Context) -> Outcome {
        let client = context.client()?;
        if let (Some(run), true) = (self.run, self.samples) {
            return output::json(&client.measurement(run).await?);
        }
        let runs = match self.run {
            Some(run) => vec![client.run(run).await?],
            None => {
                let (device, model, submission) = (self.device, self.model, self.submission);
                client.runs(&RunQuery { device, model, submission, limit: Some(self.limit), ..RunQuery::default() }).await?
            }
        };
        if context.json {
            return output::json(&runs);
        }
        if runs.is_empty() {
            return output::line("no runs match; measure something with `benchrack submit config/suites/starter.toml --watch`");
        }
        output::line(comparison::table(&runs, &client.models().await?))?;
        comparison::print_remarks(&runs)?;
        Ok(Exit::Pass)
    }
}
