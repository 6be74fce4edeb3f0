//! `benchrack bench seed`: years of a farm that never was, to try its pages on.

use std::path::PathBuf;

use benchrack_agent::probe::probe;
use benchrack_agent::twin::Twin;
use benchrack_server::Offline;
use benchrack_server::seed::{SeedDevice, SeedError, SeedModel, SeedPlan, seed};
use benchrack_zoo::{describe, find};
use clap::Args;

use crate::commands::serve::configuration;
use crate::context::Context;
use crate::exit::{Blame, Failure, Outcome, infrastructure};
use crate::output::{self, Progress};

/// Phones of the made-up rack; compiled in, so that the binary alone is enough.
const TWINS: [(&str, &str); 8] = [
    ("pixel-6", include_str!("../../../../../config/twins/google-pixel-6.twin")),
    ("oneplus-7t", include_str!("../../../../../config/twins/oneplus-7t.twin")),
    ("galaxy-s10", include_str!("../../../../../config/twins/samsung-galaxy-s10.twin")),
    ("galaxy-a51", include_str!("../../../../../config/twins/samsung-galaxy-a51.twin")),
    ("mi-11", include_str!("../../../../../config/twins/xiaomi-mi-11.twin")),
    ("realme-7", include_str!("../../../../../config/twins/realme-7-5g.twin")),
    ("moto-g5-plus", include_str!("../../../../../config/twins/motorola-moto-g5-plus.twin")),
    ("oneplus-6", include_str!("../../../../../config/twins/oneplus-6.twin")),
];
/// Architectures that it measures. The first two are swept over clocks, and the first keeps 30 a second on little cores too.
const MODELS: [&str; 10] = [
    "mobilenet-v1-0.5-160",
    "squeezenet-1.1",
    "mobilenet-v2-1.0-224",
    "squeezenet-1.0",
    "mobilenet-v1-1.0-224",
    "mobilenet-v3-small-1.0",
    "shufflenet-v1-g3",
    "shufflenet-v2-1.0",
    "nasnet-a-mobile",
    "enet-512x512",
];
/// A rack grows with its history: one device for so many runs, within these bounds.
const RUNS_OF_DEVICE: u64 = 40_000;
const FEWEST_DEVICES: u64 = 8;
const MOST_DEVICES: u64 = 48;
/// Of fewer runs than this a full rack would get a few nights only: there are fewer devices and models then, and each series has
/// months, with revisions in them.
const SHORT: u64 = 10_000;
const SHORT_DEVICES: u64 = 4;
const SHORT_ROUNDS: u64 = 60;
const FEWEST_MODELS: usize = 2;
/// Runs of a model on a device in a round: two precisions on two engines.
const SUBJECTS: u64 = 4;

/// Fill an empty database with a made-up history that has the shape of a real one; all of it is marked simulated.
///
/// Devices are twins of phones, models those of the zoo; revisions come and go, some are slower on some devices, runs fail and
/// are disturbed. A history below 10,000 runs has fewer devices and models, so that each still has months. Only the newest runs have their samples. Model files are named and not there: nothing can be measured.
/// A database that holds a farm already is left as it is.
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  benchrack bench seed --runs 1000000 --data-dir seeded\n  benchrack serve --data-dir seeded\n  benchrack bench pages"
)]
pub struct Seed {
    /// Runs, rounded up to whole sessions of four.
    #[arg(long, default_value_t = 10_000)]
    runs: u64,
    /// Newest runs that keep their samples.
    #[arg(long, default_value_t = 10_000, value_name = "RUNS")]
    whole: u64,
    /// The same seed gives the same history.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Configuration of the server whose database is filled.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Folder of its embedded database.
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
}

impl Seed {
    pub async fn run(self, context: &Context) -> Outcome {
        let config = configuration(self.config.clone(), None, self.data_dir.clone())?;
        let (devices, models) = (self.devices()?, self.models()?);
        let farm = Offline::open(&config).await.infrastructure("the database cannot be opened")?;
        let plan = SeedPlan { runs: self.runs, whole: self.whole, seed: self.seed, devices, models, until: farm.app().now() };
        let progress = Progress::new(self.runs.div_ceil(4), "sessions", context.quiet);
        let seeded = seed(farm.app().db(), &plan, &|done, all| progress.at(done, all, "copying")).await;
        progress.finish();
        farm.close().await;
        let seeded = match seeded {
            Err(error @ (SeedError::NotEmpty { .. } | SeedError::Nothing { .. })) => return Err(error).usage("nothing was made"),
            other => other.infrastructure("no history was made")?,
        };
        if context.json {
            return output::json(&seeded);
        }
        output::line(format!(
            "{} devices, {} sessions, {} runs, {} series, {} figures, {} alerts; all simulated",
            seeded.devices, seeded.sessions, seeded.runs, seeded.series, seeded.figures, seeded.alerts
        ))
    }

    /// Twins in turn, each with a number once there are several.
    fn devices(&self) -> Result<Vec<SeedDevice>, Failure> {
        let count = match self.runs {
            ..SHORT => SHORT_DEVICES,
            runs => (runs / RUNS_OF_DEVICE).clamp(FEWEST_DEVICES, MOST_DEVICES),
        };
        let reports = TWINS.map(|(name, text)| {
            let twin = Twin::parse(text).infrastructure(format!("the compiled-in twin {name} cannot be read"))?;
            Ok((name, probe(&twin.device(), Some(name))))
        });
        let reports = reports.into_iter().collect::<Result<Vec<_>, Failure>>()?;
        let named = (0..count).zip(reports.iter().cycle());
        let device = |(nth, (name, report)): (u64, &(&str, _))| SeedDevice {
            name: format!("{name}-{}", nth / TWINS.len() as u64 + 1),
            report: Clone::clone(report),
        };
        Ok(named.map(device).collect())
    }

    fn models(&self) -> Result<Vec<SeedModel>, Failure> {
        let full = self.runs / (SUBJECTS * SHORT_ROUNDS * SHORT_DEVICES);
        let count = match self.runs {
            ..SHORT => usize::try_from(full).unwrap_or(MODELS.len()).clamp(FEWEST_MODELS, MODELS.len()),
            _ => MODELS.len(),
        };
        let model = |name: &str| {
            let architecture = find(name).ok_or_else(|| infrastructure(format!("the zoo has no {name}")))?;
            let described = describe(architecture).infrastructure(format!("{name} cannot be described"))?;
            Ok(SeedModel {
                name: name.into(),
                family: architecture.family.into(),
                parameters: described.parameters,
                macs: described.macs,
            })
        };
        MODELS.into_iter().take(count).map(model).collect()
    }
}
