//! `benchrack models`: the models that a server knows, and your own.

use std::path::PathBuf;

use benchrack_protocol::api::Model;
use benchrack_protocol::model::Precision;
use clap::{Args, Subcommand};

use crate::context::Context;
use crate::exit::{Exit, Outcome, usage};
use crate::model_file::{self, InputShape};
use crate::output::{self, Progress};

/// List the server's models, or add ONNX files of your own.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  benchrack models list\n  benchrack models add app.onnx --name app --revision v1.4 --accuracy 0.713\n  benchrack models add dynamic.onnx --input-shape data=1x3x256x256"
)]
pub struct Models {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// List all model revisions, newest first.
    List,
    /// Add ONNX files. The manifest is the JSON file beside each, or made by looking into the file.
    Add {
        /// ONNX files.
        #[arg(required = true)]
        files: Vec<PathBuf>,
        /// Name on the server, the same for all revisions of one model; the file's name when left out.
        #[arg(long)]
        name: Option<String>,
        /// Precision label, when looking into the file guesses wrong.
        #[arg(long)]
        precision: Option<Precision>,
        /// Commit, version or build that made the file; shown on series.
        #[arg(long, default_value = "")]
        revision: String,
        /// Accuracy that you claim for it, 0 to 1; shown as claimed.
        #[arg(long)]
        accuracy: Option<f64>,
        /// Shape of an input whose dimensions the file leaves open; may be given several times.
        #[arg(long, value_name = "NAME=1x3x224x224")]
        input_shape: Vec<InputShape>,
    },
}

impl Models {
    pub async fn run(self, context: &Context) -> Outcome {
        let client = context.client()?;
        let models = match self.command {
            Command::List => client.models().await?,
            Command::Add { files, name, precision, revision, accuracy, input_shape } => {
                if files.len() > 1 && name.is_some() {
                    return Err(usage("one name cannot be given to several files; add them one by one"));
                }
                if accuracy.is_some_and(|share| !(0.0..=1.0).contains(&share)) {
                    return Err(usage("--accuracy is a share between 0 and 1"));
                }
                let progress = Progress::new(files.len() as u64, "adding", context.quiet);
                let mut added = Vec::new();
                for file in &files {
                    progress.at(added.len() as u64, files.len() as u64, &file.display().to_string());
                    let mut manifest = model_file::manifest_of(file, &input_shape)?;
                    manifest.name = name.clone().unwrap_or(manifest.name);
                    manifest.precision = precision.unwrap_or(manifest.precision);
                    manifest.claimed_accuracy = accuracy.or(manifest.claimed_accuracy);
                    added.push(model_file::add(&client, file, manifest, &revision).await?);
                }
                progress.finish();
                added
            }
        };
        if context.json { output::json(&models) } else { list(&models) }
    }
}

fn list(models: &[Model]) -> Outcome {
    if models.is_empty() {
        return output::line(
            "the server has no models yet; add yours with `benchrack models add FILE.onnx`, or the zoo's with `benchrack zoo build DIR` and `benchrack models add DIR/*.onnx`",
        );
    }
    let numbers = ["id", "file", "parameters", "MACs", "SQNR"];
    let mut table =
        output::table(["id", "model", "precision", "revision", "file", "parameters", "MACs", "SQNR", "digest"], &numbers);
    for model in models {
        let manifest = &model.manifest;
        let count = |count: Option<u64>| count.map_or_else(|| "–".into(), |count| format!("{:.2} M", count as f64 / 1e6));
        table.add_row([
            model.id.to_string(),
            manifest.name.clone(),
            manifest.precision.to_string(),
            model.revision.clone(),
            manifest.size.to_string(),
            count(manifest.parameters),
            count(manifest.macs),
            manifest.fidelity.as_ref().map_or_else(|| "–".into(), |fidelity| format!("{:.1} dB", fidelity.sqnr_db)),
            manifest.artifact.short(),
        ]);
    }
    output::line(table)?;
    Ok(Exit::Pass)
}
