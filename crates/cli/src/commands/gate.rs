//! `benchrack gate`: may this model take that one's place, on these devices?

use std::path::{Path, PathBuf};
use std::time::Duration;

use benchrack_client::Client;
use benchrack_protocol::api::{Gate as Opened, GateRules, GateSubject, Heartbeat, Judged, Metric, MetricRule, NewGate, Verdict};
use benchrack_protocol::budget::{Budget, Budgets};
use benchrack_protocol::engine::{BUILT_IN_ENGINE, EngineRef};
use benchrack_protocol::ids::ArtifactId;
use benchrack_protocol::session::{BlockOrder, Cores, Frequency, GATE_TURNS, MeasurePlan, OperatingPoint};
use benchrack_protocol::units::Nanos;
use clap::Args;

use super::serve::stopped;
use crate::context::Context;
use crate::exit::{Blame, Exit, Failure, Outcome, infrastructure, usage};
use crate::gate::print::{self, Format};
use crate::gate::subject::{self, Chosen};
use crate::gate::{Answer, local};
use crate::model_file::InputShape;
use crate::output::Progress;

const POLL: Duration = Duration::from_millis(300);
/// Rounds that no time budget should reach; each is stored.
const MOST_ROUNDS: u32 = 5_000;

/// Compare a candidate with a baseline in interleaved sessions and end with a verdict.
#[derive(Debug, Args)]
#[command(
    after_help = "Exit codes (stable):\n  0  passes: not slower, within budget, right outputs\n  1  rejected: slower, over budget, or wrong outputs\n  2  the request makes no sense (a file that is no model, a wrong flag)\n  3  inconclusive; the answer says how much more device time would probably tell\n  4  no server, no device, or a failed measurement\n\nExamples:\n  benchrack gate --baseline main.onnx --candidate pr.onnx --devices 'os=android,android>=12' --at-least 3\n  benchrack gate --candidate pr.onnx --budget config/budgets.toml --format github\n  benchrack gate --baseline app:int8@v1.4 --candidate app:int8@v1.5 --metrics latency,latency_p90=5%,load=10%,peak_rss=5%\n  benchrack gate --candidate app.onnx --baseline-engine onnxruntime@1.31.1 --candidate-engine onnxruntime@1.32.0\n  benchrack gate --baseline main.onnx --candidate pr.onnx --local --receipt gate.receipt && benchrack verify gate.receipt"
)]
pub struct Gate {
    /// The model that is good enough: a file, or NAME[:PRECISION][@REVISION] of a model that the farm has. Left out: the
    /// candidate itself when the two engines differ, else the newest other revision of the candidate's model on the farm,
    /// which is measured again.
    #[arg(long, value_name = "MODEL")]
    baseline: Option<String>,
    /// The model that is judged: a file, or NAME[:PRECISION][@REVISION].
    #[arg(long, value_name = "MODEL")]
    candidate: String,
    /// Measure on this machine without a server.
    #[arg(long, conflicts_with_all = ["devices", "at_least"])]
    local: bool,
    /// Which devices of the farm, all when left out: terms joined by commas. name, soc, os, model, label, key with = or !=;
    /// android, cores, memory_gb also with <, <=, >, >=.
    #[arg(long, default_value = "", value_name = "SELECTOR")]
    devices: String,
    /// Fewest devices that must have a verdict.
    #[arg(long, default_value_t = 1)]
    at_least: u32,
    /// Change that is accepted: `2%` or `0.02`.
    #[arg(long, default_value = "2%", value_parser = share)]
    tolerance: f64,
    /// Chance of a wrong `slower` over all devices and metrics of this gate, and over all gates of --models.
    #[arg(long, default_value = "1%", value_parser = share)]
    alpha: f64,
    /// Metrics that decide, each with its own tolerance if it has one: latency, latency_p90=5%, first_inference, load, frame,
    /// peak_rss, pss, model_size, fidelity, energy. Energy takes up to five minutes a side, beside --budget-time.
    #[arg(long, default_value = "latency", value_delimiter = ',', value_parser = metric, value_name = "METRIC[=TOLERANCE]")]
    metrics: Vec<MetricRule>,
    /// Models of one change, each with a gate of its own: they share alpha.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
    models: u32,
    /// File of absolute limits, as config/budgets.toml.
    #[arg(long, value_name = "FILE.toml")]
    budget: Option<PathBuf>,
    /// Device time after which no round begins on a device; it stops earlier when it is sure.
    #[arg(long, default_value = "60s", value_parser = humantime::parse_duration, value_name = "DURATION")]
    budget_time: Duration,
    /// Engine of both: a name, or name@version for one build of it.
    #[arg(long, default_value = BUILT_IN_ENGINE, value_name = "NAME[@VERSION]")]
    engine: String,
    /// Engine of the baseline, where the two differ; then both may be the same model.
    #[arg(long, value_name = "NAME[@VERSION]")]
    baseline_engine: Option<String>,
    /// Engine of the candidate, where the two differ.
    #[arg(long, value_name = "NAME[@VERSION]")]
    candidate_engine: Option<String>,
    /// Library of the engine; with --local, as a server sends its own.
    #[arg(long, value_name = "FILE", requires = "local")]
    library: Option<PathBuf>,
    /// Library of the baseline's engine, where the two differ.
    #[arg(long, value_name = "FILE", requires = "local")]
    baseline_library: Option<PathBuf>,
    /// Library of the candidate's engine, where the two differ.
    #[arg(long, value_name = "FILE", requires = "local")]
    candidate_library: Option<PathBuf>,
    /// Threads.
    #[arg(long, default_value_t = 1)]
    threads: u16,
    /// Cores: all, little, mid, big, prime, or a CPU list.
    #[arg(long, default_value = "all")]
    cores: Cores,
    /// Clock: unpinned, min, max, 60% or 1200MHz.
    #[arg(long, default_value = "unpinned")]
    freq: Frequency,
    /// Most rounds; each gives one pair.
    #[arg(long, default_value_t = MOST_ROUNDS)]
    rounds: u32,
    /// Seed of the order in which the two are measured.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Milliseconds that a block lasts.
    #[arg(long, default_value_t = BLOCK_MS)]
    block_ms: u64,
    /// Shape of an input whose dimensions a file leaves open; may be given several times.
    #[arg(long, value_name = "NAME=1x3x224x224")]
    input_shape: Vec<InputShape>,
    /// How the verdict is printed; --json is short for json.
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
    /// Also show every round: who came first, both latencies, and whether it counts. Beside any format but text it goes to
    /// standard error.
    #[arg(long)]
    explain: bool,
    /// Write the receipt here: `benchrack verify` computes the verdict from it again.
    #[arg(long, value_name = "FILE")]
    receipt: Option<PathBuf>,
}

/// Long enough that a fresh runner's start costs not much more, short enough for the pairs to be many.
pub const BLOCK_MS: u64 = 90;

/// How a gate measures: each round in fresh runners, in an order that chance draws; and what its metrics and budgets need
/// beside.
pub fn plan(rounds: u32, seed: u64, block: Nanos, metrics: &[MetricRule], budgets: &[Budget]) -> MeasurePlan {
    let limited = budgets.iter().filter_map(|budget| Metric::named(&budget.metric));
    let asked: Vec<Metric> = metrics.iter().map(|rule| rule.metric).chain(limited).collect();
    let tolerance = metrics.iter().find(|rule| rule.metric == Metric::Energy).and_then(|rule| rule.tolerance);
    let plan = MeasurePlan {
        blocks: rounds,
        block_time: block,
        max_warmup_time: Nanos(1_000_000_000),
        // Each block tells whether others disturbed it, so that waiting for them to be done gains little.
        max_settle_time: Nanos(1_000_000_000),
        // A fixed order lets noise with a memory favour one side; a random one keeps both errors at their level.
        order: BlockOrder::Shuffled { seed },
        fresh_runners: true,
        turns: GATE_TURNS,
        ..MeasurePlan::default()
    };
    plan.with_what_they_need(&asked, tolerance)
}

/// Engine and library of one side.
struct Side<'a> {
    engine: &'a str,
    library: Option<&'a Path>,
}

impl Side<'_> {
    /// The engine as a session on this machine asks for it: its library is a file here.
    fn here(&self) -> Result<EngineRef, Failure> {
        let name = self.engine.split_once('@').map_or(self.engine, |(name, _)| name);
        match self.library {
            _ if name == BUILT_IN_ENGINE => Ok(EngineRef::built_in()),
            None => Err(usage(format!("the engine {name} is not in this program: name its library with --library"))),
            Some(library) => {
                let content = std::fs::read(library).usage(format!("cannot read the library {}", library.display()))?;
                Ok(EngineRef { build: Some(ArtifactId::of(&content)), ..EngineRef::named(name) })
            }
        }
    }
}

/// A share from `2%` or `0.02`, above 0 and below 1.
pub fn share(text: &str) -> Result<f64, String> {
    let (number, scale) = text.strip_suffix('%').map_or((text, 1.0), |number| (number, 100.0));
    let share = number.trim().parse::<f64>().map_err(|_| format!("'{text}' is no share such as 2% or 0.02"))? / scale;
    if share > 0.0 && share < 1.0 { Ok(share) } else { Err(format!("'{text}' is not between 0 and 100 %")) }
}

/// A metric that decides: `load` or `load=10%`.
fn metric(text: &str) -> Result<MetricRule, String> {
    let (name, tolerance) = text.split_once('=').map_or((text, None), |(name, tolerance)| (name, Some(tolerance)));
    let metric = Metric::named(name.trim()).filter(|metric| Judged::of(*metric).is_some()).ok_or_else(|| {
        let known: Vec<&str> = Judged::METRICS.iter().map(|metric| metric.name()).collect();
        format!("'{name}' cannot decide a gate, these can: {}", known.join(", "))
    })?;
    Ok(MetricRule { metric, tolerance: tolerance.map(share).transpose()? })
}

/// The budgets of a file.
pub fn budgets(file: &Path) -> Result<Vec<Budget>, Failure> {
    let text = std::fs::read_to_string(file).usage(format!("cannot read the budgets {}", file.display()))?;
    let budgets: Budgets = toml::from_str(&text).usage(format!("{} is no file of budgets", file.display()))?;
    budgets.check().map_err(|why| usage(format!("{}: {why}", file.display())))?;
    Ok(budgets.budget)
}

impl Gate {
    pub async fn run(self, context: &Context) -> Outcome {
        let farm = if self.local { None } else { Some(context.client()?) };
        let candidate = subject::choose(&self.candidate, &self.input_shape, farm.as_ref()).await?;
        let two_engines = self.baseline_engine.is_some() || self.candidate_engine.is_some();
        let baseline = match (&self.baseline, &farm) {
            (Some(text), _) => subject::choose(text, &self.input_shape, farm.as_ref()).await?,
            (None, _) if two_engines => candidate.clone(),
            (None, Some(farm)) => subject::stored_baseline(&candidate, farm).await?,
            (None, None) => return Err(usage("name a --baseline: --local has no farm whose models it could be")),
        };
        let budgets = self.budget.as_deref().map(budgets).transpose()?.unwrap_or_default();
        let request = NewGate {
            baseline: self.subject(&baseline, &self.baseline_side())?,
            candidate: self.subject(&candidate, &self.candidate_side())?,
            devices: self.devices.clone(),
            operating_point: OperatingPoint { cores: self.cores.clone(), frequency: self.freq },
            plan: plan(self.rounds, self.seed, Nanos(self.block_ms.saturating_mul(1_000_000)), &self.metrics, &budgets),
            rules: GateRules { tolerance: self.tolerance, alpha: self.alpha, at_least: self.at_least, models: self.models },
            metrics: self.metrics.clone(),
            max_time: Some(Nanos::from(self.budget_time)),
            budgets,
        };
        let answer = match &farm {
            None => self.measure_here(&request, [&baseline, &candidate], context.quiet).await?,
            Some(farm) => self.measure_on_farm(farm, &request, [&baseline, &candidate], context.quiet).await?,
        };
        let format = if context.json { Format::Json } else { self.format };
        self.keep_and_explain(&answer, format)?;
        print::outcome(&answer.outcome, format)?;
        Ok(match answer.outcome.verdict {
            Verdict::NotSlower => Exit::Pass,
            Verdict::Inconclusive => Exit::Inconclusive,
            Verdict::Slower | Verdict::WrongOutputs | Verdict::OverBudget => Exit::Rejected,
        })
    }

    /// Writes the receipt and shows the rounds, as asked; both only of a receipt that verifies.
    fn keep_and_explain(&self, answer: &Answer, format: Format) -> Result<(), Failure> {
        let Some(receipt) = answer.receipt.as_deref().filter(|_| self.explain || self.receipt.is_some()) else { return Ok(()) };
        if let Some(file) = &self.receipt {
            std::fs::write(file, receipt).usage(format!("cannot write the receipt {}", file.display()))?;
        }
        let verified = benchrack_server::judge::verify(receipt, &[]).infrastructure("the receipt does not verify")?;
        if self.explain {
            print::explain(&verified.reports, format)?;
        }
        Ok(())
    }

    fn baseline_side(&self) -> Side<'_> {
        Side {
            engine: self.baseline_engine.as_deref().unwrap_or(&self.engine),
            library: self.baseline_library.as_deref().or(self.library.as_deref()),
        }
    }

    fn candidate_side(&self) -> Side<'_> {
        Side {
            engine: self.candidate_engine.as_deref().unwrap_or(&self.engine),
            library: self.candidate_library.as_deref().or(self.library.as_deref()),
        }
    }

    fn subject(&self, chosen: &Chosen, side: &Side<'_>) -> Result<GateSubject, Failure> {
        let engine = if self.local { side.here()? } else { EngineRef::named(side.engine) };
        Ok(GateSubject { manifest: chosen.manifest.clone(), engine, threads: self.threads })
    }

    async fn measure_on_farm(
        &self,
        client: &Client,
        request: &NewGate,
        sides: [&Chosen; 2],
        quiet: bool,
    ) -> Result<Answer, Failure> {
        for file in sides.into_iter().filter_map(|side| side.file.as_deref()) {
            client.upload_artifact(file).await?;
        }
        let Opened { id, .. } = client.open_gate(request).await?;
        let progress = Progress::new(0, &format!("gate {id}"), quiet);
        loop {
            let gate = client.gate(id).await?;
            let total = gate.jobs.len() as u64;
            let done = gate.jobs.iter().filter(|job| !matches!(job.state.as_str(), "queued" | "leased")).count() as u64;
            match gate.outcome {
                Some(outcome) => {
                    progress.finish();
                    let wanted = self.explain || self.receipt.is_some();
                    let receipt = if wanted { Some(client.gate_receipt(id).await?) } else { None };
                    return Ok(Answer { outcome, receipt });
                }
                None => progress.at(done, total, "measuring"),
            }
            tokio::time::sleep(POLL).await;
        }
    }

    async fn measure_here(&self, request: &NewGate, sides: [&Chosen; 2], quiet: bool) -> Result<Answer, Failure> {
        let mut files: Vec<(ArtifactId, PathBuf)> =
            sides.into_iter().filter_map(|side| Some((side.manifest.artifact, side.file.clone()?))).collect();
        for (subject, side) in [(&request.baseline, self.baseline_side()), (&request.candidate, self.candidate_side())] {
            files.extend(subject.engine.build.zip(side.library.map(Path::to_owned)));
        }
        let progress = Progress::new(u64::from(request.plan.blocks) * 2, "this machine", quiet);
        let observer = |at: Heartbeat| progress.at(u64::from(at.done), u64::from(at.total), &at.phase);
        let answer = tokio::select! {
            measured = local::measure(request, files, &observer) => measured?.0,
            stopped = stopped() => {
                stopped?;
                return Err(infrastructure("stopped; clocks are as they were"));
            }
        };
        progress.finish();
        Ok(answer)
    }
}

#[cfg(test)]
mod tests {
    use benchrack_protocol::energy::EnergyPlan;

    use super::*;

    #[test]
    fn shares_are_read_with_and_without_a_percent_sign() {
        assert_eq!(share("2%"), Ok(0.02));
        assert_eq!(share("0.05"), Ok(0.05));
        for wrong in ["", "two", "0%", "-1%", "150%", "nan"] {
            assert!(share(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn metrics_are_read_with_their_tolerances() {
        assert_eq!(metric("load=10%"), Ok(MetricRule { metric: Metric::Load, tolerance: Some(0.1) }));
        assert_eq!(metric("latency"), Ok(MetricRule { metric: Metric::Latency, tolerance: None }));
        assert!(metric("frame_rate").unwrap_err().contains("latency_p90"));
        assert!(metric("load=x").is_err());
    }

    #[test]
    fn what_metrics_and_budgets_need_is_measured_and_no_more() {
        let rule = |text: &str| metric(text).unwrap();
        let budget = |metric: &str, limit: &str| Budget {
            metric: metric.into(),
            limit: limit.parse().unwrap(),
            devices: String::new(),
            model: "*".into(),
            reason: "test".into(),
            owner: "test".into(),
        };
        let usual = plan(10, 1, Nanos(1), &[rule("latency")], &[budget("latency_p90", "1 ms")]);
        assert_eq!((usual.round_frames, usual.frames, usual.energy, usual.packagings.len()), (0, 0, None, 0));
        let energy = plan(10, 1, Nanos(1), &[rule("energy=9%"), rule("frame")], &[]);
        assert!(energy.round_frames > 0 && (energy.energy.unwrap().width - 0.03).abs() < 1e-12, "{energy:?}");
        let limits =
            [budget("energy", "2 mJ"), budget("frame_p90", "33 ms"), budget("load_zstd", "1 s"), budget("frame", "33 ms")];
        let limited = plan(10, 1, Nanos(1), &[], &limits);
        assert!(limited.frames > 0 && limited.round_frames > 0 && !limited.packagings.is_empty(), "{limited:?}");
        assert_eq!(limited.energy, Some(EnergyPlan::default()));
    }

    #[test]
    fn the_commented_budgets_are_budgets() {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../config/budgets.toml");
        let budgets = budgets(&file).unwrap();
        assert!(budgets.iter().any(|budget| budget.metric == "latency_p90"), "{budgets:?}");
        assert!(budgets.iter().any(|budget| budget.metric == "fidelity"), "{budgets:?}");
        for budget in &budgets {
            benchrack_server::app::Selector::parse(&budget.devices).unwrap();
        }
    }
}
