//! `benchrack engines`: builds of inference engines that the farm sends to devices.

use std::path::{Path, PathBuf};

use benchrack_protocol::adapter::Adapter;
use benchrack_protocol::api::Engine;
use benchrack_server::default_cache_dir;
use clap::{Args, Subcommand};

use super::serve::environment;
use crate::context::Context;
use crate::engine_file::{self, Description};
use crate::exit::{Blame, Exit, Failure, Outcome, usage};
use crate::{onnxruntime, output};

/// List the engine builds that the server has, or add some.
#[derive(Debug, Args)]
#[command(
    after_help = "The engine `tract` is inside every agent and needs no build.\n\nExamples:\n  benchrack engines list\n  benchrack engines fetch onnxruntime\n  benchrack engines add libonnxruntime.so.1.32.0 --name onnxruntime --licence MIT\n  benchrack engines add openvino.tar --entry lib/libopenvino_c.so --name openvino --version 2026.4.1 --licence Apache-2.0\n  benchrack engines add benchmark_model --name litert --version 2.3.0 --licence Apache-2.0 --adapter config/adapters/litert.toml"
)]
pub struct Engines {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// List all builds, by engine, newest first.
    List,
    /// Add a library, a benchmark program, or a tar archive that holds one.
    #[command(disable_version_flag = true)]
    Add(Add),
    /// Fetch a pinned, checksummed build with the pip client and add it.
    Fetch {
        /// The engine; onnxruntime is known.
        #[arg(value_parser = [onnxruntime::NAME])]
        engine: String,
        /// What it shall run on; this machine's target when left out.
        #[arg(long, value_name = "aarch64-linux-gnu")]
        target: Option<String>,
    },
}

#[derive(Debug, Args)]
struct Add {
    /// The file.
    file: PathBuf,
    /// Name in suites and results, the same for all builds of one engine.
    #[arg(long)]
    name: String,
    /// Version, as its makers number it; read from the file where it tells.
    #[arg(long)]
    version: Option<String>,
    /// What it runs on, such as aarch64-linux-gnu; read from the file where it tells.
    #[arg(long)]
    target: Option<String>,
    /// Licence, an SPDX expression.
    #[arg(long)]
    licence: String,
    /// Where it came from: a package, a commit.
    #[arg(long, default_value = "added by hand")]
    origin: String,
    /// Path of the library or program inside a tar archive.
    #[arg(long, value_name = "PATH")]
    entry: Option<String>,
    /// How the program is called and read: a TOML file as those in config/adapters.
    #[arg(long, value_name = "FILE")]
    adapter: Option<PathBuf>,
}

impl Engines {
    pub async fn run(self, context: &Context) -> Outcome {
        let client = context.client()?;
        let engines = match self.command {
            Command::List => client.engines().await?,
            Command::Add(Add { file, name, version, target, licence, origin, entry, adapter }) => {
                let adapter = adapter.as_deref().map(read_adapter).transpose()?;
                let described = Description { name, version, target, licence, origin, entry, adapter };
                vec![engine_file::add(&client, &file, described).await?]
            }
            Command::Fetch { engine: _, target } => {
                let target = target.unwrap_or_else(|| benchrack_agent::session::build().target);
                let fetching = tokio::task::spawn_blocking(move || onnxruntime::fetch(&target, &default_cache_dir(environment)));
                let library = match fetching.await.infrastructure("fetching was interrupted")? {
                    Ok(library) => library,
                    Err(error @ onnxruntime::FetchError::Target { .. }) => return Err(usage(error)),
                    Err(error) => return Err(error).infrastructure("ONNX Runtime could not be fetched"),
                };
                vec![engine_file::add(&client, &library.path, library.describe()).await?]
            }
        };
        if context.json { output::json(&engines) } else { list(&engines) }
    }
}

fn read_adapter(file: &Path) -> Result<Adapter, Failure> {
    let text = std::fs::read_to_string(file).usage(format!("cannot read the adapter {}", file.display()))?;
    toml::from_str(&text).usage(format!("{} is not an adapter", file.display()))
}

fn list(engines: &[Engine]) -> Outcome {
    if engines.is_empty() {
        return output::line(
            "the server has no builds of engines yet; `tract` is inside every agent. Add ONNX Runtime with `benchrack engines fetch onnxruntime`, or a library of your own with `benchrack engines add`",
        );
    }
    let mut table = output::table(
        ["id", "engine", "version", "target", "in an app", "file", "licence", "kind", "origin", "digest"],
        &["id", "in an app", "file"],
    );
    for Engine { id, build, .. } in engines {
        let kind = if build.engine.adapter.is_some() { "program" } else { "library" };
        table.add_row([
            id.to_string(),
            build.engine.name.clone(),
            build.version.clone(),
            build.target.clone(),
            build.installed_size.to_string(),
            build.size.to_string(),
            build.licence.clone(),
            kind.into(),
            build.origin.clone(),
            build.engine.build.map(|build| build.short()).unwrap_or_default(),
        ]);
    }
    output::line(table)?;
    Ok(Exit::Pass)
}
