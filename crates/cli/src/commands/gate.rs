//! `benchrack gate`: is this model slower than that one, on these devices?

use std::path::{Path, PathBuf};
use std::time::Duration;

use benchrack_client::Client;
use benchrack_protocol::api::{Estimate, Gate as Answer, GateOutcome, GateRules, GateSubject, Heartbeat, NewGate, Verdict};
use benchrack_protocol::engine::{BUILT_IN_ENGINE, EngineRef};
use benchrack_protocol::ids::ArtifactId;
use benchrack_protocol::session::{BlockOrder, Cores, Frequency, MeasurePlan, OperatingPoint, SessionSpec, Subject};
use benchrack_protocol::units::Nanos;
use clap::Args;

use super::serve::stopped;
use crate::context::Context;
use crate::exit::{Blame, Exit, Failure, Outcome, infrastructure, usage};
use crate::local;
use crate::model_file::{self, InputShape};
use crate::output::{self, Progress};

const POLL: Duration = Duration::from_millis(300);

/// Compare a candidate with a baseline in interleaved sessions and end with a verdict.
#[derive(Debug, Args)]
#[command(
    after_help = "Exit codes:\n  0  not slower\n  1  slower\n  2  the request makes no sense (a file that is no model, a wrong flag)\n  3  inconclusive\n  4  no server, no device, or a failed measurement\n\nExamples:\n  benchrack gate --baseline main.onnx --candidate pr.onnx --devices 'os=android' --tolerance 2%\n  benchrack gate --baseline main.onnx --candidate pr.onnx --local --threads 2 --json\n  benchrack gate --baseline app.onnx --candidate app.onnx --baseline-engine onnxruntime@1.31.1 --candidate-engine onnxruntime@1.32.0"
)]
pub struct Gate {
    /// The model that is good enough.
    #[arg(long, value_name = "FILE.onnx")]
    baseline: PathBuf,
    /// The model that is judged.
    #[arg(long, value_name = "FILE.onnx")]
    candidate: PathBuf,
    /// Measure on this machine without a server.
    #[arg(long, conflicts_with_all = ["devices", "at_least"])]
    local: bool,
    /// Which devices of the farm: `key=value` terms joined by commas (name, soc, os, model); all when left out.
    #[arg(long, default_value = "", value_name = "SELECTOR")]
    devices: String,
    /// Fewest devices that must have a verdict.
    #[arg(long, default_value_t = 1)]
    at_least: u32,
    /// Slow-down that is accepted: `2%` or `0.02`.
    #[arg(long, default_value = "2%", value_parser = share)]
    tolerance: f64,
    /// Chance of a wrong `slower` over all devices of this gate.
    #[arg(long, default_value = "1%", value_parser = share)]
    alpha: f64,
    /// Engine of both: a name, or name@version for one build of it.
    #[arg(long, default_value = BUILT_IN_ENGINE, value_name = "NAME[@VERSION]")]
    engine: String,
    /// Engine of the baseline, where the two differ; then both files may be the same model.
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
    /// Rounds of blocks; each gives one pair.
    #[arg(long, default_value_t = 40)]
    rounds: u32,
    /// Seed of the order in which the two are measured.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Milliseconds that a block lasts.
    #[arg(long, default_value_t = 60)]
    block_ms: u64,
    /// Shape of an input whose dimensions a file leaves open; may be given several times.
    #[arg(long, value_name = "NAME=1x3x224x224")]
    input_shape: Vec<InputShape>,
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
fn share(text: &str) -> Result<f64, String> {
    let (number, scale) = text.strip_suffix('%').map_or((text, 1.0), |number| (number, 100.0));
    let share = number.trim().parse::<f64>().map_err(|_| format!("'{text}' is no share such as 2% or 0.02"))? / scale;
    if share > 0.0 && share < 1.0 { Ok(share) } else { Err(format!("'{text}' is not between 0 and 100 %")) }
}

impl Gate {
    pub async fn run(self, context: &Context) -> Outcome {
        let request = NewGate {
            baseline: self.subject(&self.baseline, &self.baseline_side())?,
            candidate: self.subject(&self.candidate, &self.candidate_side())?,
            devices: self.devices.clone(),
            operating_point: OperatingPoint { cores: self.cores.clone(), frequency: self.freq },
            plan: MeasurePlan {
                blocks: self.rounds,
                block_time: Nanos(self.block_ms.saturating_mul(1_000_000)),
                max_settle_time: Nanos(10_000_000_000),
                // A fixed order lets noise with a memory favour one side; a random one keeps both errors at their level.
                order: BlockOrder::Shuffled { seed: self.seed },
                ..MeasurePlan::default()
            },
            rules: GateRules { tolerance: self.tolerance, alpha: self.alpha, at_least: self.at_least },
        };
        let outcome = if self.local {
            self.measure_here(&request, context.quiet).await?
        } else {
            self.measure_on_farm(&context.client()?, &request, context.quiet).await?
        };
        if context.json {
            output::json(&outcome)?;
        } else {
            print(&outcome, self.tolerance)?;
        }
        Ok(match outcome.verdict {
            Verdict::NotSlower => Exit::Pass,
            Verdict::Slower => Exit::Slower,
            Verdict::Inconclusive => Exit::Inconclusive,
        })
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

    fn subject(&self, file: &Path, side: &Side<'_>) -> Result<GateSubject, Failure> {
        let manifest = model_file::manifest_of(file, &self.input_shape)?;
        let engine = if self.local { side.here()? } else { EngineRef::named(side.engine) };
        Ok(GateSubject { manifest, engine, threads: self.threads })
    }

    async fn measure_on_farm(&self, client: &Client, request: &NewGate, quiet: bool) -> Result<GateOutcome, Failure> {
        client.upload_artifact(&self.baseline).await?;
        client.upload_artifact(&self.candidate).await?;
        let Answer { id, .. } = client.open_gate(request).await?;
        let progress = Progress::new(0, &format!("gate {id}"), quiet);
        loop {
            let gate = client.gate(id).await?;
            let total = gate.jobs.len() as u64;
            let done = gate.jobs.iter().filter(|job| !matches!(job.state.as_str(), "queued" | "leased")).count() as u64;
            match gate.outcome {
                Some(outcome) => {
                    progress.finish();
                    return Ok(outcome);
                }
                None => progress.at(done, total, "measuring"),
            }
            tokio::time::sleep(POLL).await;
        }
    }

    async fn measure_here(&self, request: &NewGate, quiet: bool) -> Result<GateOutcome, Failure> {
        let subject = |label: &str, side: &GateSubject| Subject {
            label: label.into(),
            manifest: side.manifest.clone(),
            engine: side.engine.clone(),
            threads: side.threads,
        };
        let spec = SessionSpec {
            subjects: vec![subject("baseline", &request.baseline), subject("candidate", &request.candidate)],
            operating_point: request.operating_point.clone(),
            plan: request.plan.clone(),
        };
        let mut files = vec![
            (request.baseline.manifest.artifact, self.baseline.clone()),
            (request.candidate.manifest.artifact, self.candidate.clone()),
        ];
        for (subject, side) in [(&request.baseline, self.baseline_side()), (&request.candidate, self.candidate_side())] {
            files.extend(subject.engine.build.zip(side.library.map(Path::to_owned)));
        }
        let progress = Progress::new(u64::from(request.plan.blocks) * 2, "this machine", quiet);
        let observer = |at: Heartbeat| progress.at(u64::from(at.done), u64::from(at.total), &at.phase);
        let report = tokio::select! {
            report = local::session(spec, files, &observer) => report?,
            stopped = stopped() => {
                stopped?;
                return Err(infrastructure("stopped; clocks are as they were"));
            }
        };
        progress.finish();
        Ok(benchrack_server::judge::judge_gate(&[("this machine".to_owned(), None, &report)], &request.rules))
    }
}

fn print(outcome: &GateOutcome, tolerance: f64) -> Outcome {
    let mut table = output::table(
        ["device", "verdict", "change", "interval", "baseline", "candidate", "pairs", "remark"],
        &["change", "pairs"],
    );
    let percent = |share: f64| format!("{:+.1} %", share * 100.0);
    for device in &outcome.devices {
        let effect = |show: fn(&Estimate) -> String| device.effect.as_ref().map_or_else(|| "–".into(), show);
        let (baseline, candidate) =
            device.medians.map_or_else(|| ("–".into(), "–".into()), |(b, c)| (b.to_string(), c.to_string()));
        table.add_row([
            device.device.clone(),
            device.verdict.to_string(),
            device.effect.as_ref().map_or_else(|| "–".into(), |effect| percent(effect.value)),
            effect(|effect| format!("{:+.1} … {:+.1} %", effect.low * 100.0, effect.high * 100.0)),
            baseline,
            candidate,
            device.pairs.to_string(),
            device.detail.clone(),
        ]);
    }
    output::line(table)?;
    output::line(format!("{} (tolerance {})", outcome.summary, percent(tolerance)))
}

#[cfg(test)]
mod tests {
    use super::share;

    #[test]
    fn shares_are_read_with_and_without_a_percent_sign() {
        assert_eq!(share("2%"), Ok(0.02));
        assert_eq!(share("0.05"), Ok(0.05));
        for wrong in ["", "two", "0%", "-1%", "150%", "nan"] {
            assert!(share(wrong).is_err(), "{wrong}");
        }
    }
}
