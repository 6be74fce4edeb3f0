//! The tables of docs/comparison.md: what the detectors and the sequential gate do in simulated noise, how they agree with
//! people, and how fast they are.
//!
//! ```sh
//! cargo run --release -p benchrack-stats --example series_tables -- level [NOISE]
//! cargo run --release -p benchrack-stats --example series_tables -- box
//! cargo run --release -p benchrack-stats --example series_tables -- suspicion
//! cargo run --release -p benchrack-stats --example series_tables -- pipeline [NOISE]
//! cargo run --release -p benchrack-stats --example series_tables -- gate
//! cargo run --release -p benchrack-stats --example series_tables -- labelled FOLDER
//! cargo run --release -p benchrack-stats --example series_tables -- speed [PYTHON]
//! ```
//!
//! `FOLDER` holds series marked by people as JSON; `PYTHON` is an interpreter with apache-otava, timed on the same points.
//! Every seed is fixed. `BENCHRACK_SERIES` multiplies the number of simulated series (default 1), and `BENCHRACK_SEED`
//! moves all seeds of `level`, `suspicion` and `pipeline` on (default 0), so that a bound can be tried on series that
//! nobody has looked at.

#![expect(clippy::unwrap_used, reason = "a table that cannot be made must not be printed")]

use std::io::Write as _;
use std::time::Instant;

use benchrack_stats::changepoint::{Detector, LEVEL, Pushed, analyse};
use benchrack_stats::gate::Decision;
use benchrack_stats::suspicion::{Watch, Watcher};

#[path = "../tests/it/noise.rs"]
mod noise;
#[path = "../tests/it/optimal.rs"]
mod optimal;
#[path = "../tests/it/pipeline.rs"]
mod pipeline;
#[path = "../tests/it/scoring.rs"]
mod scoring;
#[path = "../tests/it/series.rs"]
mod series;
#[path = "../tests/it/simulated_gate.rs"]
mod simulated_gate;
#[path = "../tests/it/watched.rs"]
mod watched;

use series::{ALL, FIVE, SeriesNoise, Source};

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments[..] {
        ["level"] => level(&ALL),
        ["level", name] => level(&named(&ALL, name)),
        ["box"] => operating_box(),
        ["suspicion"] => suspicions(&FIVE),
        ["suspicion", name] => suspicions(&named(&FIVE, name)),
        ["pipeline"] => pipelines(&FIVE),
        ["pipeline", name] => pipelines(&named(&FIVE, name)),
        ["gate"] => gates(),
        ["labelled", folder] => labelled(folder),
        ["speed"] => speed(None),
        ["speed", python] => speed(Some(python)),
        _ => {
            eprintln!("one of: level [NOISE], box, suspicion [NOISE], pipeline [NOISE], gate, labelled FOLDER, speed [PYTHON]");
            std::process::exit(2);
        }
    }
}

/// How many series, as asked for.
fn times(series: u64) -> u64 {
    let factor: f64 = std::env::var("BENCHRACK_SERIES").map_or(1.0, |factor| factor.parse().unwrap());
    (series as f64 * factor) as u64
}

/// How far all seeds are moved on.
fn first_seed() -> u64 {
    std::env::var("BENCHRACK_SEED").map_or(0, |seed| seed.parse().unwrap())
}

/// The noises of this name.
fn named(noises: &[SeriesNoise], name: &str) -> Vec<SeriesNoise> {
    noises.iter().copied().filter(|noise| format!("{noise:?}") == name).collect()
}

/// Shares of series without a change in which anything was found, with the upper end of a 99 % interval.
fn level(noises: &[SeriesNoise]) {
    println!("stated: {} %\n", LEVEL * 100.0);
    println!("| noise | n=50 | n=100 | n=300 | n=1000 | n=3000 | n=10000 |\n|---|---|---|---|---|---|---|");
    for &noise in noises {
        print!("| {noise:?} |");
        for (points, series) in [(50, 4000), (100, 4000), (300, 2000), (1000, 1500), (3000, 1000), (10_000, 600)] {
            let found = |seed: &u64| {
                let analysis = analyse(&Source::new(noise, first_seed() + *seed).take(points)).unwrap();
                !(analysis.changes.is_empty() && analysis.drifts.is_empty())
            };
            let series = times(series);
            let alarms = (0..series).filter(found).count();
            let bound = noise::upper_bound(alarms, series as usize);
            print!(" {:.2} % (≤ {:.2} %) |", 100.0 * alarms as f64 / series as f64, 100.0 * bound);
            std::io::stdout().flush().unwrap();
        }
        println!();
    }
}

/// The columns of the operating box: one value a commit.
const BOX: [(&str, SeriesNoise, f64); 5] = [
    ("sd 1 %", SeriesNoise::Normal, 0.01),
    ("sd 3 %", SeriesNoise::Normal, 0.03),
    ("log-normal 5 %", SeriesNoise::LogNormal, 0.05),
    ("10 % throttled", SeriesNoise::Throttle, 0.03),
    ("AR 0.6, sd 2 %", SeriesNoise::Memory(0.6), 0.02),
];

/// False changes per 1,000 commits, then the share of steps found within 20 commits and the median delay of those.
fn operating_box() {
    println!("| noise | false per 1,000 | +5 % within 20, median delay | +10 % within 20, median delay |\n|---|---|---|---|");
    for (name, noise, spread) in BOX {
        let (series, points) = (times(60), 1_000);
        let is_change = |pushed: Pushed| matches!(pushed, Pushed::Changed(_));
        let alarms: usize = (0..series)
            .map(|seed| {
                let (mut source, mut detector) = (Source::with_spread(noise, spread, seed), Detector::new());
                (0..points).filter(|_| is_change(detector.push(source.next()).unwrap())).count()
            })
            .sum();
        print!("| {name} | {:.2} |", alarms as f64 * 1_000.0 / (series as f64 * f64::from(points)));
        for step in [1.05, 1.10] {
            let delay = |seed: u64| {
                let (mut source, mut detector) = (Source::with_spread(noise, spread, 50_000 + seed), Detector::new());
                (0..200).for_each(|_| {
                    detector.push(source.next()).unwrap();
                });
                (0..20).find(|_| is_change(detector.push(source.next() * step).unwrap()))
            };
            let trials = times(300);
            let mut delays: Vec<usize> = (0..trials).filter_map(delay).collect();
            delays.sort_unstable();
            let median = delays.get(delays.len() / 2).map_or("–".to_owned(), usize::to_string);
            print!(" {:.2}, {median} |", delays.len() as f64 / trials as f64);
        }
        println!();
    }
}

/// Delay of a step of 5 % at sd 3 % against the detector that knows the noise, at the same false alarms.
fn suspicions(noises: &[SeriesNoise]) {
    println!("| noise | asked | false a revision | mean delay | best | ratio | within 3 |\n|---|---|---|---|---|---|---|");
    for &noise in noises {
        for rate in [0.14, 0.1, 0.03, 0.01] {
            let learnt = watched::learnt(noise, rate, first_seed()..first_seed() + times(600), 200);
            let best = optimal::Optimal::new(noise, watched::STEP).at_rate(learnt.false_rate, times(600));
            let ratio = learnt.delay / best.delay;
            println!(
                "| {noise:?} | {rate} | {:.3} | {:.2} | {:.2} | {ratio:.2} | {:.3} |",
                learnt.false_rate, learnt.delay, best.delay, learnt.within_three
            );
        }
    }
}

/// Suspicion and confirming session together.
fn pipelines(noises: &[SeriesNoise]) {
    println!(
        "| noise | unchanged revisions | with a session | false alerts | a thousand (≤) | steps | found within 3 |\n\
         |---|---|---|---|---|---|---|"
    );
    for &noise in noises {
        let mut counts = pipeline::Counts::default();
        for seed in 0..times(1_000) {
            pipeline::follow(noise, pipeline::RATE, first_seed() + seed, 100, &mut counts);
        }
        let share = |part: usize, of: usize| 100.0 * part as f64 / of as f64;
        println!(
            "| {noise:?} | {} | {:.1} % | {} | {:.3} | {} | {:.1} % |",
            counts.unchanged,
            share(counts.sessions, counts.unchanged),
            counts.false_alerts,
            1_000.0 * noise::upper_bound(counts.false_alerts, counts.unchanged),
            counts.steps,
            share(counts.found_within_three, counts.steps)
        );
    }
}

/// Answers of the sequential gate, looked at after every pair.
fn gates() {
    println!(
        "tolerance {} %, alpha 1 %; fewest pairs {}\n",
        100.0 * simulated_gate::TOLERANCE,
        benchrack_stats::sequential::pairs_needed(simulated_gate::ALPHA)
    );
    println!("| noise | effect | budget | slower | not slower | median pairs of the decided |\n|---|---|---|---|---|---|");
    for noise in noise::ALL {
        for (effect, budget, gates) in [(0.0, 150, 2000), (0.02, 150, 2000), (0.04, 600, 300), (0.05, 300, 500), (0.06, 150, 500)]
        {
            let gates = times(gates);
            let answers: Vec<_> = (0..gates).map(|seed| simulated_gate::gate(noise, effect, seed, budget)).collect();
            let share =
                |wanted: Decision| answers.iter().filter(|(answer, _)| *answer == wanted).count() as f64 * 100.0 / gates as f64;
            let mut pairs: Vec<usize> = answers.iter().filter(|answer| answer.1 < budget).map(|answer| answer.1).collect();
            pairs.sort_unstable();
            let median = pairs.get(pairs.len() / 2).map_or("–".to_owned(), usize::to_string);
            let (slower, not_slower) = (share(Decision::Slower), share(Decision::NotSlower));
            println!("| {noise:?} | {:+.0} % | {budget} | {slower:.2} % | {not_slower:.2} % | {median} |", effect * 100.0);
        }
    }
    power();
    processes();
}

/// Share of changes of twice the tolerance that a session finds which goes on until it is sure, and how many pairs that takes.
fn power() {
    const BUDGET: usize = 3_000;
    let effect = 2.0 * simulated_gate::TOLERANCE;
    println!("\n| +{:.0} % in noise | found (≥, 99 %) | pairs: median | 95 % | most |\n|---|---|---|---|---|", effect * 100.0);
    for noise in noise::ALL {
        let gates = times(1_000);
        let answers: Vec<_> = (0..gates).map(|seed| simulated_gate::gate(noise, effect, 10_000 + seed, BUDGET)).collect();
        let found: Vec<usize> =
            answers.iter().filter(|(answer, _)| *answer == Decision::Slower).map(|(_, pairs)| *pairs).collect();
        let missed = answers.len() - found.len();
        let least = 100.0 * (1.0 - noise::upper_bound(missed, answers.len()));
        let mut pairs = found.clone();
        pairs.sort_unstable();
        let at = |share: f64| pairs.get((pairs.len().saturating_sub(1) as f64 * share) as usize).copied().unwrap_or(0);
        let (found, all) = (found.len(), answers.len());
        println!("| {noise:?} | {found} of {all} (≥ {least:.1} %) | {} | {} | {} |", at(0.5), at(0.95), at(1.0));
    }
}

/// Gates of a model against itself when two processes of it differ as long as they live.
fn processes() {
    use simulated_gate::{Processes, Session, decide};
    println!("\n| processes differ by (sd) | kept throughout: slower | fresh in each round: slower |\n|---|---|---|");
    for spread in [0.01, 0.02] {
        let gates = times(2000);
        let slower = |processes: Processes| {
            let gate = |seed| decide(Session::with_processes(noise::Noise::Spikes, 0.0, seed, processes), 150).0;
            (0..gates).filter(|&seed| gate(seed) == Decision::Slower).count() as f64 * 100.0 / gates as f64
        };
        let (kept, fresh) = (slower(Processes::Kept(spread)), slower(Processes::Fresh(spread)));
        println!("| {:.1} % | {kept:.2} % | {fresh:.2} % |", spread * 100.0);
    }
}

/// Agreement with people.
fn labelled(folder: &str) {
    let series = scoring::marked_series(folder.as_ref()).unwrap();
    println!("| series | points | F1 | cover | found |\n|---|---|---|---|---|");
    let (mut real, mut synthetic) = (Vec::new(), Vec::new());
    for one in &series {
        let found: Vec<usize> = analyse(&one.values).unwrap().changes.iter().map(|change| change.index).collect();
        let scores = (scoring::f1(one, &found), scoring::cover(one, &found));
        println!("| {} | {} | {:.3} | {:.3} | {found:?} |", one.name, one.values.len(), scores.0, scores.1);
        if one.name.starts_with("quality_control") { &mut synthetic } else { &mut real }.push(scores);
    }
    for (name, scores) in [("real", real), ("quality control", synthetic)] {
        let count = scores.len() as f64;
        let (f1, cover) = scores.iter().fold((0.0, 0.0), |sum, score| (sum.0 + score.0, sum.1 + score.1));
        println!("\n{count} {name}: F1 {:.3}, cover {:.3}", f1 / count, cover / count);
    }
}

/// Three steps of 5 % in noise of 1 %.
fn with_steps(points: usize) -> Vec<f64> {
    let mut source = Source::with_spread(SeriesNoise::Normal, 0.01, 1);
    (0..points).map(|at| source.next() * [1.0, 1.05, 1.1025, 1.1576][at * 4 / points]).collect()
}

const PASSES: usize = 15;

fn seconds<T>(work: impl FnOnce() -> T) -> f64 {
    let start = Instant::now();
    std::hint::black_box(work());
    start.elapsed().as_secs_f64()
}

fn speed(python: Option<&str>) {
    println!(
        "| points | analyse | a push: median | 99.9 % | worst | found | Otava in the same run | ratio |\n|---|---|---|---|---|---|---|---|"
    );
    for points in [100, 1_000, 10_000] {
        let values = with_steps(points);
        // The least of many passes is what the work takes; the rest is what the machine did besides.
        let analysis = (0..PASSES).map(|_| seconds(|| analyse(&values).unwrap()));
        let analysis = analysis.fold(f64::INFINITY, f64::min);
        let pushes = push_times(&values, Detector::new, |detector, value| {
            std::hint::black_box(detector.push(value).unwrap());
        });
        let found = analyse(&values).unwrap().changes.len();
        let otava = python.map(|python| otava(python, &values));
        let (other, ratio) = match otava {
            Some((seconds, found)) => (format!("{:.1} ms, {found} found", seconds * 1e3), format!("{:.0}", seconds / analysis)),
            None => ("–".to_owned(), "–".to_owned()),
        };
        println!("| {points} | {:.3} ms | {pushes} | {found} | {other} | {ratio} |", analysis * 1e3);
    }
    println!("\n| 2,000 points | push of | median | 99.9 % | worst |\n|---|---|---|---|---|");
    let watch = Watch::new(watched::STEP, pipeline::RATE).unwrap();
    for (name, values) in hard() {
        let detector = push_times(&values, Detector::new, |detector, value| {
            std::hint::black_box(detector.push(value).unwrap());
        });
        let watcher = push_times(
            &values,
            || Watcher::new(watch),
            |watcher, value| {
                std::hint::black_box(watcher.push(value).unwrap());
            },
        );
        println!("| {name} | detector | {detector} |\n| | watcher | {watcher} |");
    }
}

/// Series that cost a detector the most: those that keep it in doubt.
fn hard() -> Vec<(String, Vec<f64>)> {
    let level = |at: usize, noise: SeriesNoise| match noise {
        // A step of one standard deviation shows only over some dozens of points, one of two thirds over hundreds.
        SeriesNoise::Normal if at >= 1_500 => 1.05,
        SeriesNoise::Normal if at >= 1_000 => 1.02,
        _ => 1.0,
    };
    let drift = |at: usize| 1.0 + 0.1 * ((at.max(700) - 700) as f64 / 600.0).min(1.0);
    let all = FIVE.iter().map(|&noise| {
        let mut source = Source::new(noise, 3);
        let name = if noise == SeriesNoise::Normal { "Normal, steps of 2 and 3 %".into() } else { format!("{noise:?}") };
        (name, (0..2_000).map(|at| source.next() * level(at, noise)).collect())
    });
    let mut source = Source::new(SeriesNoise::Normal, 4);
    let drifting = (0..2_000).map(|at| source.next() * drift(at)).collect();
    all.chain([("Normal, 10 % more over 600 points".to_owned(), drifting)]).collect()
}

/// Times of pushing each of these values in turn: the least of some passes is what each takes.
fn push_times<D>(values: &[f64], new: impl Fn() -> D, push: impl Fn(&mut D, f64)) -> String {
    let mut pushes = vec![f64::INFINITY; values.len()];
    for _ in 0..PASSES {
        let mut detector = new();
        for (least, &value) in pushes.iter_mut().zip(values) {
            *least = least.min(seconds(|| push(&mut detector, value)));
        }
    }
    pushes.sort_by(f64::total_cmp);
    let quantile = |share: f64| 1e6 * pushes[((pushes.len() - 1) as f64 * share) as usize];
    format!("{:.1} µs | {:.1} µs | {:.1} µs", quantile(0.5), quantile(0.999), quantile(1.0))
}

/// Seconds of Otava's library call on the same values, the import left out, and how many changes it found.
fn otava(python: &str, values: &[f64]) -> (f64, usize) {
    const SCRIPT: &str = "
import json, sys, time
from otava.analysis import compute_change_points
values = json.load(sys.stdin)
best = None
for _ in range(3):
    start = time.perf_counter()
    found, _weak = compute_change_points(values, window_len=50, max_pvalue=0.001, min_magnitude=0.0)
    took = time.perf_counter() - start
    best = took if best is None else min(best, took)
print(json.dumps([best, len(found)]))
";
    let mut child = std::process::Command::new(python)
        .args(["-c", SCRIPT])
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(serde_json::to_string(values).unwrap().as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    serde_json::from_slice(&output.stdout).unwrap()
}
