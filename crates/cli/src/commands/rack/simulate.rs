//! `benchrack rack --simulate N`: a rack of twins on this host. Each is an agent of its own process with the real work loop
//! and the real HTTP API, so what a server bears under it, it bears under as many phones. Everything is marked simulated.

use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use benchrack_agent::config::default_data_dir;
use benchrack_agent::twin::Speed;
use benchrack_client::{Client, ClientError, RunQuery};
use benchrack_protocol::api::Device;
use benchrack_protocol::ids::{DeviceId, RunId};
use benchrack_rack::enrol::Enrolment;
use benchrack_rack::settings::Settings;
use clap::Args;
use tokio::process::{Child, Command};
use tokio::time::MissedTickBehavior;

use crate::child;
use crate::commands::serve::stopped;
use crate::context::Context;
use crate::exit::{Blame, Exit, Failure, Outcome, infrastructure, usage};

/// The twins that come with the program, by the names of their files.
const TWINS: [(&str, &str); 6] = [
    ("google-pixel-6", include_str!("../../../../../config/twins/google-pixel-6.twin")),
    ("samsung-galaxy-s10", include_str!("../../../../../config/twins/samsung-galaxy-s10.twin")),
    ("xiaomi-mi-11", include_str!("../../../../../config/twins/xiaomi-mi-11.twin")),
    ("oneplus-6", include_str!("../../../../../config/twins/oneplus-6.twin")),
    ("motorola-moto-g5-plus", include_str!("../../../../../config/twins/motorola-moto-g5-plus.twin")),
    ("samsung-galaxy-a51", include_str!("../../../../../config/twins/samsung-galaxy-a51.twin")),
];

#[derive(Debug, Args)]
pub(super) struct Simulation {
    /// Simulated seconds in a real one.
    #[arg(long, value_name = "N", default_value = "60", requires = "simulate")]
    speed: Speed,
    /// A twin to take, in turns, in place of those that come with the program; may be given several times.
    #[arg(long, value_name = "FILE", requires = "simulate")]
    twin: Vec<PathBuf>,
    /// Folder of the simulated phones: they keep their names and histories from one time to the next.
    #[arg(long, value_name = "DIR", requires = "simulate")]
    data_dir: Option<PathBuf>,
}

/// A simulated phone.
struct Phone {
    name: String,
    folder: PathBuf,
    twin: PathBuf,
    process: Option<Child>,
    started: Option<Instant>,
}

/// An agent that ends is started again, but not faster than this.
const AGAIN: Duration = Duration::from_secs(5);
/// So many ends are borne, and one a minute besides: a farm that works for days may see some.
const ENDS: u64 = 100;
const LOOKS: Duration = Duration::from_secs(1);
/// An agent restores its twin and gives its lease back within this, else it is killed.
const ENDS_WITHIN: Duration = Duration::from_secs(15);

impl Simulation {
    pub(super) async fn run(self, count: u16, host: &str, context: &Context) -> Outcome {
        let client = context.client()?;
        client.ready().await?;
        let folder = match self.data_dir {
            Some(folder) => folder,
            None => {
                default_data_dir().ok_or_else(|| usage("no folder for the simulated phones: give --data-dir"))?.join("simulated")
            }
        };
        let twins = twins(&folder, &self.twin)?;
        let mut phones = Vec::new();
        for (nth, (model, twin)) in (1..=count).zip(twins.iter().cycle()) {
            let name = format!("simulated-{nth:03}-{model}");
            phones.push(prepare(&client, &folder.join(&name), name, twin, host, &context.server).await?);
        }
        if !context.quiet {
            eprintln!("{count} simulated phones at {}; Ctrl-C ends them", context.server);
        }
        let kept = tokio::select! {
            stopped = stopped() => stopped,
            kept = keep(&mut phones, self.speed, &client, host, context.quiet) => kept,
        };
        for phone in &mut phones {
            if let Some(child) = &phone.process {
                child::ask_to_end(child, "a simulated phone");
            }
        }
        let all_over = async {
            for phone in &mut phones {
                if let Some(child) = &mut phone.process
                    && let Err(error) = child.wait().await
                {
                    tracing::warn!(phone = phone.name, %error, "its end cannot be waited for");
                }
            }
        };
        // Those that do not end are killed when they are dropped.
        if tokio::time::timeout(ENDS_WITHIN, all_over).await.is_err() {
            tracing::warn!("some simulated phones do not end; they are killed");
        }
        kept.map(|()| Exit::Pass)
    }
}

/// The twins' files by model: those given, else those of the program written to the folder.
fn twins(folder: &Path, given: &[PathBuf]) -> Result<Vec<(String, PathBuf)>, Failure> {
    let stem = |file: &Path| file.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
    if !given.is_empty() {
        let there = |file: &PathBuf| {
            let file = file.canonicalize().usage(format!("cannot read the twin {}", file.display()))?;
            Ok((stem(&file), file))
        };
        return given.iter().map(there).collect();
    }
    let own = folder.join("twins");
    std::fs::create_dir_all(&own).infrastructure(format!("cannot make {}", own.display()))?;
    let write = |(name, text): &(&str, &str)| {
        let file = own.join(format!("{name}.twin"));
        std::fs::write(&file, text).infrastructure(format!("cannot write {}", file.display()))?;
        Ok(((*name).to_owned(), file))
    };
    TWINS.iter().map(write).collect()
}

/// Gives a simulated phone what the rack gives a real one: a folder, a configuration, a token of its own.
async fn prepare(client: &Client, folder: &Path, name: String, twin: &Path, host: &str, server: &str) -> Result<Phone, Failure> {
    let unwritable = |what: &str| format!("cannot write {what} of {name} in {}", folder.display());
    std::fs::create_dir_all(folder).infrastructure(unwritable("the folder"))?;
    let absolute = folder.canonicalize().infrastructure(unwritable("the folder"))?;
    let settings = Settings::simulated(&name, &absolute.to_string_lossy(), server, host);
    let text = settings.text().infrastructure("the agent's configuration cannot be written")?;
    std::fs::write(absolute.join("agent.toml"), text).infrastructure(unwritable("the configuration"))?;
    let id_file = absolute.join("token.id");
    let known = std::fs::read_to_string(&id_file).ok().and_then(|id| id.trim().parse().ok());
    let enrolment = Enrolment::of(&name, host);
    if let Some(token) = enrolment.token(client, known).await? {
        let mut open = std::fs::OpenOptions::new();
        let file = open.write(true).create(true).truncate(true).mode(0o600).open(absolute.join("token"));
        let written = file.and_then(|mut file| std::io::Write::write_all(&mut file, token.secret.as_bytes()));
        written.infrastructure(unwritable("the token"))?;
        std::fs::write(&id_file, token.id.to_string()).infrastructure(unwritable("the token's number"))?;
        enrolment.revoke_others(client, Some(token.id)).await?;
    }
    Ok(Phone { name, folder: absolute, twin: twin.to_owned(), process: None, started: None })
}

/// Starts all, and again those that end; says how many are at work.
async fn keep(phones: &mut [Phone], speed: Speed, client: &Client, host: &str, quiet: bool) -> Result<(), Failure> {
    let program = std::env::current_exe().infrastructure("cannot find this program's own file")?;
    let mut looks = tokio::time::interval(LOOKS);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let (began, mut said, mut ended) = (Instant::now(), String::new(), 0_u64);
    let mut marks = Marks::beginning(client).await?;
    loop {
        looks.tick().await;
        for phone in phones.iter_mut() {
            if let Some(child) = &mut phone.process
                && let Some(status) = child.try_wait().infrastructure("cannot look after a simulated phone")?
            {
                ended += 1;
                let log = phone.folder.join("agent.log");
                eprintln!("{} ended ({status}); see {}", phone.name, log.display());
                phone.process = None;
                if ended > ENDS + began.elapsed().as_secs() / 60 {
                    return Err(infrastructure("simulated phones end again and again; their logs say why"));
                }
            }
            if phone.process.is_none() && phone.started.is_none_or(|started| started.elapsed() >= AGAIN) {
                phone.process = Some(start(&program, phone, speed)?);
                phone.started = Some(Instant::now());
            }
        }
        let (now, reached) = match marks.look(client, host, phones.len()).await {
            Ok(seen) => seen,
            Err(error) => (format!("the server does not answer: {error}"), Vec::new()),
        };
        if !quiet && now != said {
            eprintln!("{now}");
            said = now;
        }
        for mark in reached.iter().filter(|_| !quiet) {
            eprintln!("all {} phones {mark}, {:.0} s after their start", phones.len(), began.elapsed().as_secs_f64());
        }
    }
}

fn start(program: &Path, phone: &Phone, speed: Speed) -> Result<Child, Failure> {
    let log = phone.folder.join("agent.log");
    let file = std::fs::OpenOptions::new().create(true).append(true).open(&log);
    let file = file.infrastructure(format!("cannot write {}", log.display()))?;
    Command::new(program)
        .args(["agent", "run", "--while-stdin", "--speed", &speed.to_string(), "--config"])
        .arg(phone.folder.join("agent.toml"))
        .arg("--twin")
        .arg(&phone.twin)
        // Each has a server and a token of its own.
        .env_remove("BENCHRACK_SERVER")
        .env_remove("BENCHRACK_TOKEN")
        .env_remove("BENCHRACK_TOKEN_FILE")
        // It ends when this pipe does: whatever ends the rack, its phones do not stay.
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(file)
        // Ctrl-C is for the rack, which then ends them in order.
        .process_group(0)
        .kill_on_drop(true)
        .spawn()
        .infrastructure(format!("cannot start {}", phone.name))
}

/// What a whole rack has done, told once each.
struct Marks {
    /// The newest run from before.
    before: Option<RunId>,
    registered: bool,
    measured: BTreeSet<DeviceId>,
}

impl Marks {
    async fn beginning(client: &Client) -> Result<Self, ClientError> {
        let newest = client.runs(&RunQuery { limit: Some(1), ..RunQuery::default() }).await?;
        Ok(Self { before: newest.first().map(|run| run.id), registered: false, measured: BTreeSet::new() })
    }

    /// The phones by state, and what was not so at the last look and is now.
    async fn look(&mut self, client: &Client, host: &str, all: usize) -> Result<(String, Vec<&'static str>), ClientError> {
        let devices = of_this_rack(client.devices().await?, host);
        let mut reached = Vec::new();
        if !self.registered && devices.len() >= all {
            self.registered = true;
            reached.push("have registered");
        }
        if self.measured.len() < all {
            let runs = client.runs(&RunQuery { limit: Some(500), ..RunQuery::default() }).await?;
            let new = runs.iter().filter(|run| self.before.is_none_or(|before| run.id > before));
            let measured: BTreeSet<DeviceId> = new.map(|run| run.device).collect();
            self.measured.extend(devices.iter().map(|device| device.id).filter(|id| measured.contains(id)));
            if self.measured.len() >= all {
                reached.push("have measured");
            }
        }
        Ok((count(&devices), reached))
    }
}

fn of_this_rack(devices: Vec<Device>, host: &str) -> Vec<Device> {
    let label = Settings::simulated("", "", "", host).rack_label().to_owned();
    devices.into_iter().filter(|device| device.labels.contains(&label)).collect()
}

/// How many of this rack's phones the server knows, by state.
fn count(devices: &[Device]) -> String {
    let mut states = BTreeMap::<&str, usize>::new();
    for device in devices {
        *states.entry(&device.state).or_default() += 1;
    }
    let words: Vec<String> = states.into_iter().map(|(state, count)| format!("{count} {state}")).collect();
    if words.is_empty() { "none has registered yet".into() } else { words.join(", ") }
}
