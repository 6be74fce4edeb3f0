//! `benchrack zoo`: architectures as ONNX files, in fp32 and int8.

use std::path::{Path, PathBuf};

use benchrack_protocol::model::{Manifest, Precision};
use benchrack_zoo::onnxruntime::OnnxRuntime;
use benchrack_zoo::{CATALOGUE, ZooError};
use clap::{Args, Subcommand};
use serde_json::json;

use crate::context::Context;
use crate::exit::{Blame, Exit, Failure, Outcome, usage};
use crate::output::{self, Progress};

/// Seed of the zoo's weights: the same files on every machine.
pub const SEED: u64 = 1;

/// Build, list, describe and verify the models of the zoo.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  benchrack zoo list\n  benchrack zoo describe squeezenet-1.1\n  benchrack zoo build models squeezenet-1.1 resnet-18\n  benchrack zoo verify models"
)]
pub struct Zoo {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// List the architectures with parameters and multiply-adds.
    List,
    /// Show an architecture layer by layer.
    Describe {
        /// Its name in the list.
        name: String,
    },
    /// Write ONNX files and manifests, fp32 and int8; files that are up to date are left alone.
    Build {
        /// Folder.
        folder: PathBuf,
        /// Names in the list; all when left out.
        names: Vec<String>,
        /// Seed of the weights: the same seed gives the same bytes on every machine.
        #[arg(long, default_value_t = SEED)]
        seed: u64,
    },
    /// Check every manifest of a folder against the file beside it.
    Verify {
        /// Folder.
        folder: PathBuf,
        /// Also run each model on ONNX Runtime and hold its outputs to the manifest's reference; a Python that has onnxruntime,
        /// onnx and numpy.
        #[arg(long, value_name = "PYTHON")]
        onnxruntime: Option<PathBuf>,
        /// With it, also compare each int8 file with what ONNX Runtime's own static quantiser makes of the fp32 file.
        #[arg(long, requires = "onnxruntime")]
        quantisers: bool,
    },
}

impl Zoo {
    pub fn run(self, context: &Context) -> Outcome {
        match self.command {
            Command::List => list(context.json),
            Command::Describe { name } => describe(&name, context.json),
            Command::Build { folder, names, seed } => {
                let built = build(&names, &folder, seed, context.quiet)?;
                if context.json {
                    return output::json(&built.iter().map(|model| &model.manifest).collect::<Vec<_>>());
                }
                for model in built.iter().filter(|_| !context.quiet) {
                    let state = if model.cached { "up to date" } else { "built" };
                    output::line(format!("{} ({}, {state})", model.path.display(), model.manifest.size))?;
                }
                Ok(Exit::Pass)
            }
            Command::Verify { folder, onnxruntime, quantisers } => {
                verify(&folder, onnxruntime.as_deref(), quantisers, context.json)
            }
        }
    }
}

/// Builds these models, or all of the zoo's, with a progress bar.
pub fn build(names: &[String], folder: &Path, seed: u64, quiet: bool) -> Result<Vec<benchrack_zoo::Built>, Failure> {
    let all: Vec<String> = CATALOGUE.iter().map(|architecture| architecture.name.to_owned()).collect();
    let names = if names.is_empty() || names == ["*"] { &all } else { names };
    let progress = Progress::new(2 * names.len() as u64, "model zoo", quiet);
    let built = benchrack_zoo::build(names, folder, seed, &|step: benchrack_zoo::Progress| {
        progress.at(step.done as u64, step.total as u64, &step.what);
    });
    progress.finish();
    match built {
        Err(error @ ZooError::Unknown { .. }) => Err(error).usage("cannot choose the models"),
        other => other.infrastructure(format!("cannot build the models in {}", folder.display())),
    }
}

fn list(as_json: bool) -> Outcome {
    let mut table = output::table(["name", "family", "variant", "parameters", "MACs"], &["parameters", "MACs"]);
    let mut values = Vec::new();
    for architecture in CATALOGUE {
        let counted = benchrack_zoo::describe(architecture).infrastructure(format!("{} does not add up", architecture.name))?;
        values.push(json!({
            "name": architecture.name,
            "family": architecture.family,
            "variant": architecture.variant,
            "parameters": counted.parameters,
            "macs": counted.macs,
            "notes": architecture.notes,
        }));
        table.add_row([
            architecture.name.to_owned(),
            architecture.family.to_owned(),
            architecture.variant.to_owned(),
            millions(counted.parameters),
            millions(counted.macs),
        ]);
    }
    if as_json { output::json(&values) } else { output::line(table) }
}

fn describe(name: &str, as_json: bool) -> Outcome {
    let architecture = benchrack_zoo::named(name).usage("cannot describe it")?;
    let description = benchrack_zoo::describe(architecture).infrastructure(format!("{name} does not add up"))?;
    let numbers = ["output (C x H x W)", "parameters", "of all parameters", "MACs", "of all MACs"];
    let mut table = output::table(
        ["layer", "operation", "output (C x H x W)", "parameters", "of all parameters", "MACs", "of all MACs"],
        &numbers,
    );
    let mut layers = Vec::new();
    for layer in &description.layers {
        layers.push(json!({
            "name": layer.name,
            "operation": layer.operation,
            "shape": layer.shape,
            "parameters": layer.parameters,
            "macs": layer.macs,
            "parameter_share": layer.parameter_share,
            "share": layer.share,
        }));
        let [channels, height, width] = layer.shape;
        table.add_row([
            layer.name.clone(),
            layer.operation.clone(),
            format!("{channels} x {height} x {width}"),
            layer.parameters.to_string(),
            format!("{:.1} %", layer.parameter_share * 100.0),
            millions(layer.macs),
            format!("{:.1} %", layer.share * 100.0),
        ]);
    }
    if as_json {
        let (parameters, macs) = (description.parameters, description.macs);
        return output::json(&json!({ "name": name, "parameters": parameters, "macs": macs, "layers": layers }));
    }
    output::line(table)?;
    output::line(format!("{} parameters, {} multiply-adds", millions(description.parameters), millions(description.macs)))?;
    for [what, figure, source] in architecture.published {
        output::line(format!("published: {what} {figure} ({source})"))?;
    }
    for note in architecture.notes {
        output::line(format!("note: {note}"))?;
    }
    Ok(Exit::Pass)
}

fn verify(folder: &Path, python: Option<&Path>, quantisers: bool, as_json: bool) -> Outcome {
    let checked = benchrack_zoo::verify(folder).usage("cannot check the folder")?;
    let mut runtime = python.map(OnnxRuntime::start).transpose().usage("cannot run the models")?;
    let mut wrong = 0;
    let mut values = Vec::new();
    for model in &checked {
        let seen = match &model.outcome {
            Err(mismatch) => Err(mismatch.to_string()),
            Ok(manifest) => match &mut runtime {
                Some(runtime) => on_onnx_runtime(runtime, &model.path, manifest, quantisers),
                None => Ok("as its manifest says".into()),
            },
        };
        wrong += usize::from(seen.is_err());
        values.push(json!({ "manifest": model.path, "problem": seen.as_ref().err(), "seen": seen.as_ref().ok() }));
        if !as_json {
            output::line(format!("{}: {}", model.path.display(), seen.unwrap_or_else(|problem| problem)))?;
        }
    }
    if as_json {
        output::json(&values)?;
    }
    match (checked.len(), wrong) {
        (0, _) => Err(usage(format!("there is no manifest in {}", folder.display()))),
        (_, 0) => Ok(Exit::Pass),
        (all, wrong) => Err(usage(format!("{wrong} of {all} models are not what their manifests say"))),
    }
}

/// What ONNX Runtime makes of a model, or what is wrong with it. An int8 model's fp32 file must lie beside it for the quantisers.
fn on_onnx_runtime(runtime: &mut OnnxRuntime, path: &Path, manifest: &Manifest, quantisers: bool) -> Result<String, String> {
    let (found, version) =
        runtime.check(&path.with_extension("onnx"), manifest).map_err(|error| format!("cannot be checked: {error}"))?;
    let figures = format!("error {:.1e}, cosine {:.6} on ONNX Runtime {version}", found.max_relative_error, found.cosine);
    if !found.within {
        return Err(format!("its outputs are not the reference's: {figures}"));
    }
    if !quantisers || manifest.precision != Precision::Int8 {
        return Ok(figures);
    }
    let [real, integer] =
        [Precision::Fp32, Precision::Int8].map(|precision| path.with_file_name(format!("{}.{precision}.onnx", manifest.name)));
    let both = runtime
        .compare_quantisers(&real, &integer, manifest)
        .map_err(|error| format!("cannot be compared with ONNX Runtime's quantiser: {error}"))?;
    let figures = format!("{figures}; SQNR {:.1} dB, by ONNX Runtime's quantiser {:.1} dB", both.ours_db, both.theirs_db);
    if both.ours_db < both.theirs_db - 1.0 { Err(format!("ONNX Runtime's quantiser is better: {figures}")) } else { Ok(figures) }
}

fn millions(count: u64) -> String {
    format!("{:.2} M", count as f64 / 1e6)
}
