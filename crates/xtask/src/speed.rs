//! `cargo xtask speed`: whether the agent as it is shipped infers as fast as one that was built for speed alone.
//!
//! Two processes of one program differ by some per cent as long as they live. So each round starts both builds anew, the
//! first of one round being the second of the next, and what is judged is the median of the rounds' ratios.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, bail, ensure};
use clap::Args;
use serde_json::Value;

use crate::agent_build::{self, SHIPPED};
use crate::target::Target;
use crate::{idle, run};

/// Latency of what is shipped, as a share of that of the profile `release`.
const BUDGET: f64 = 1.03;

/// Arguments of `speed`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  cargo xtask speed                            static x86-64: profile dist against release, on MobileNet fp32 and int8
  cargo xtask speed --baseline A --candidate B model.onnx

Run it on a machine that does nothing else. The interval is from the lowest to the highest round: it holds the median
ratio with a probability of 1 - 2^(1 - rounds).")]
pub struct Speed {
    /// ONNX files; by default the zoo's MobileNet v1 in fp32 and int8
    #[arg(value_name = "MODEL")]
    models: Vec<PathBuf>,
    /// An agent that runs on this machine; by default the static x86-64 one with the profile release
    #[arg(long, value_name = "FILE")]
    baseline: Option<PathBuf>,
    /// The agent to compare with it; by default the static x86-64 one as it is shipped
    #[arg(long, value_name = "FILE")]
    candidate: Option<PathBuf>,
    /// The program `benchrack` to make the models; by default it is built
    #[arg(long, value_name = "FILE")]
    benchrack: Option<PathBuf>,
    /// Rounds for each model
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u32).range(6..=1000))]
    rounds: u32,
    /// CPU that both use
    #[arg(long, default_value_t = 0)]
    cpu: u32,
}

impl Speed {
    /// Measures, prints, and fails above the budget.
    pub fn run(self) -> anyhow::Result<()> {
        let agent = |named: Option<PathBuf>, profile| match named {
            Some(agent) => Ok(agent),
            None => agent_build::build(Target::X86Static, profile).map(|built| built.stripped),
        };
        let (baseline, candidate) = (agent(self.baseline, "release")?, agent(self.candidate, SHIPPED)?);
        let folder = tempfile::tempdir().context("cannot make a folder")?;
        let models = if self.models.is_empty() { zoo(self.benchrack, folder.path())? } else { self.models };
        let mut slow = Vec::new();
        for model in &models {
            let bench = |agent: &Path| median_latency(agent, model, self.cpu, folder.path());
            let mut rounds = Vec::new();
            for round in 0..self.rounds {
                rounds.push(if round % 2 == 0 {
                    let before = bench(&baseline)?;
                    (before, bench(&candidate)?)
                } else {
                    let after = bench(&candidate)?;
                    (bench(&baseline)?, after)
                });
            }
            let verdict = Ratio::of(&rounds)?;
            let name = model.file_stem().unwrap_or(model.as_os_str()).display().to_string();
            println!("{name}: {verdict}, {} rounds", self.rounds);
            if verdict.median > BUDGET {
                slow.push(name);
            }
        }
        ensure!(slow.is_empty(), "the ratio is above {BUDGET}: {}", slow.join(", "));
        Ok(())
    }
}

/// Makes the models that the budget is about.
fn zoo(benchrack: Option<PathBuf>, folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    const MODEL: &str = "mobilenet-v1-1.0-224";
    let program = match benchrack {
        Some(program) => program,
        None => idle::build()?,
    };
    run::output(Command::new(program).args(["zoo", "build", "--quiet"]).arg(folder).arg(MODEL))?;
    Ok(["fp32", "int8"].map(|precision| folder.join(format!("{MODEL}.{precision}.onnx"))).to_vec())
}

/// One new process of an agent, and the median of its samples in nanoseconds.
fn median_latency(agent: &Path, model: &Path, cpu: u32, folder: &Path) -> anyhow::Result<f64> {
    let mut command = Command::new(agent);
    command.arg("bench").arg(model).args(["--json", "--settle", "0", "--blocks", "6", "--block-time", "200", "--cores"]);
    command.arg(cpu.to_string()).arg("--data-dir").arg(folder.join("state"));
    // Its exit code says whether the figures may be judged as a run of the farm; what is wrong with them stands in the report.
    let output = command.output().with_context(|| format!("cannot start {}", agent.display()))?;
    let report = serde_json::from_slice(&output.stdout)
        .with_context(|| format!("{} printed no report: {}", agent.display(), String::from_utf8_lossy(&output.stderr).trim()))?;
    median(samples(&report)?).with_context(|| format!("{} measured nothing: {report}", agent.display()))
}

/// All samples of a report's only run, nanoseconds.
fn samples(report: &Value) -> anyhow::Result<Vec<f64>> {
    let run = &report["runs"][0];
    if run["outcome"] != "measured" {
        bail!("the run failed: {run}");
    }
    let compared = run["outputs"]["outputs"].as_array().context("the outputs were not compared")?;
    ensure!(compared.iter().all(|output| output[1]["within"] == true), "the outputs are wrong: {}", run["outputs"]);
    let blocks = run["blocks"].as_array().context("a run without blocks")?;
    Ok(blocks.iter().filter_map(|block| block["samples"].as_array()).flatten().filter_map(Value::as_f64).collect())
}

fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    let upper = values.get(values.len() / 2)?;
    let lower = values.get((values.len() - 1) / 2)?;
    Some((lower + upper) / 2.0)
}

/// What rounds say.
#[derive(Debug, PartialEq)]
struct Ratio {
    /// Latencies, milliseconds: medians of all rounds.
    baseline: f64,
    candidate: f64,
    /// Candidate over baseline.
    median: f64,
    lowest: f64,
    highest: f64,
}

impl Ratio {
    /// From the latencies of each round in nanoseconds, baseline first.
    fn of(rounds: &[(f64, f64)]) -> anyhow::Result<Self> {
        let ratios: Vec<f64> = rounds.iter().map(|(baseline, candidate)| candidate / baseline).collect();
        let of = |values: Vec<f64>| median(values).context("no rounds");
        Ok(Self {
            baseline: of(rounds.iter().map(|round| round.0 / 1e6).collect())?,
            candidate: of(rounds.iter().map(|round| round.1 / 1e6).collect())?,
            lowest: ratios.iter().copied().fold(f64::INFINITY, f64::min),
            highest: ratios.iter().copied().fold(0.0, f64::max),
            median: of(ratios)?,
        })
    }
}

impl std::fmt::Display for Ratio {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { baseline, candidate, median, lowest, highest } = self;
        write!(f, "{baseline:.3} ms against {candidate:.3} ms, ratio {median:.3} ({lowest:.3} to {highest:.3})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ratio_is_that_of_the_median_round_whatever_all_rounds_share() {
        let rounds = [(10e6, 10.1e6), (20e6, 20.2e6), (10e6, 13e6)];
        let ratio = Ratio::of(&rounds).unwrap();
        assert!((ratio.median - 1.01).abs() < 1e-9, "{ratio}");
        assert_eq!(ratio.to_string(), "10.000 ms against 13.000 ms, ratio 1.010 (1.010 to 1.300)");
        assert!(Ratio::of(&[]).is_err());
    }

    #[test]
    fn samples_of_a_failed_or_wrong_run_are_no_samples() {
        let right = serde_json::json!({"runs": [{"outcome": "measured", "blocks": [{"samples": [3, 1]}, {"samples": [2]}],
            "outputs": {"check": "compared", "outputs": [["out", {"within": true}]]}}]});
        assert_eq!(median(samples(&right).unwrap()), Some(2.0));
        let mut wrong = right.clone();
        wrong["runs"][0]["outputs"]["outputs"][0][1]["within"] = false.into();
        assert!(samples(&wrong).is_err());
        let mut failed = right;
        failed["runs"][0]["outcome"] = "failed".into();
        assert!(samples(&failed).is_err());
        assert_eq!(median(Vec::new()), None);
    }
}
