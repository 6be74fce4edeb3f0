//! What is tried on the virtual phone. The agent is driven by its public commands only.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use serde_json::Value;

use super::Pages;
use super::checks::{holds, json, marked, pinned};
use super::guest::{Guest, SERVER};
use crate::idle::{self, Memory, Server};
use crate::run;

/// The agent in the guest.
const AGENT: &str = "/data/local/tmp/benchrack-agent";
/// The zoo's model that is measured: small, because every instruction is emulated.
const MODEL: &str = "mobilenet-v1-0.5-160";
/// The clusters by the agent's words: policy, CPUs, operating points in kHz.
const CLUSTERS: [(&str, &str, &str, &[u64]); 2] = [
    ("little", "policy0", "0-1", &[300_000, 600_000, 1_000_000]),
    ("big", "policy2", "2-3", &[600_000, 1_000_000, 1_800_000, 2_400_000]),
];
const CPU: &str = "/sys/devices/system/cpu";
const SENSOR: &str = "/sys/module/phonesim/parameters/millidegrees";
/// What the agent's log says when a session has settled, set its clocks, loaded and warmed up.
const IN_THE_BLOCKS: &str = "the first block begins";
/// How long something may take to show.
const PATIENCE: Duration = Duration::from_secs(600);

/// Tries everything, saying what holds.
///
/// # Errors
/// The first thing that does not hold.
pub fn run(guest: &Guest, agent: &Path, benchrack: Option<PathBuf>, pages: Pages) -> anyhow::Result<()> {
    let folder = tempfile::tempdir().context("cannot make a folder")?;
    let server = Server::start(benchrack, &folder.path().join("server"))?;
    let models = models(&server, folder.path())?;
    let trial = Trial { guest, server: &server, models };
    trial.deploy(agent, pages)?;
    trial.probes_the_phone()?;
    trial.pins_every_operating_point()?;
    trial.sees_a_lowered_limit()?;
    trial.sees_heat()?;
    trial.sees_an_unplugged_cpu()?;
    trial.ends_a_session_that_is_too_hot()?;
    trial.restores_after_kill_9()?;
    trial.works_for_a_server(folder.path())
}

/// Both precisions, made by this project's zoo.
fn models(server: &Server, folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let folder = folder.join("models");
    run::output(server.command().args(["zoo", "build", "--quiet"]).arg(&folder).arg(MODEL))?;
    Ok(["fp32", "int8"].map(|precision| folder.join(format!("{MODEL}.{precision}.onnx"))).to_vec())
}

struct Trial<'a> {
    guest: &'a Guest,
    server: &'a Server,
    models: Vec<PathBuf>,
}

impl Trial<'_> {
    fn deploy(&self, agent: &Path, pages: Pages) -> anyhow::Result<()> {
        self.guest.push(agent, AGENT)?;
        let model = self.models.first().context("no model")?;
        self.guest.push(model, "/data/local/tmp/model.onnx")?;
        self.guest.push(&model.with_extension("json"), "/data/local/tmp/model.json")?;
        let said = self.guest.ok("grep -m 1 KernelPageSize /proc/self/smaps")?;
        let kib = format!("{} kB", pages.bytes() >> 10);
        ensure!(said.ends_with(&kib), "the kernel says {said}, not {kib}");
        let version = self.guest.ok(&format!("{AGENT} --version"))?;
        holds(&format!("{version} runs on Linux {} with pages of {kib}", self.guest.ok("uname -r")?));
        Ok(())
    }

    fn probes_the_phone(&self) -> anyhow::Result<()> {
        let report = json(&self.guest.ok(&format!("{AGENT} probe --json"))?)?;
        ensure!(report["reality"] == "emulated", "its reality is {}", report["reality"]);
        for (name, policy, cpus, points) in CLUSTERS {
            let clusters = report["clusters"].as_array().context("no clusters")?;
            let cluster =
                clusters.iter().find(|cluster| cluster["name"] == name).with_context(|| format!("no {name} cluster"))?;
            ensure!(cluster["cpus"] == cpus, "the CPUs of {name} are {}", cluster["cpus"]);
            let policies = report["policies"].as_array().context("no policies")?;
            let found = policies.iter().find(|found| found["path"].as_str().is_some_and(|path| path.ends_with(policy)));
            let found = &found.with_context(|| format!("no {policy}"))?["frequencies"]["value"];
            ensure!(*found == Value::from(points), "the operating points of {policy} are {found}");
        }
        let text = report.to_string();
        for part in ["cpu-thermal", "35000", "battery"] {
            ensure!(text.contains(part), "the report has no {part}: {text}");
        }
        holds(
            "probe: clusters little 0-1 and big 2-3, their operating points, the thermal zone and the battery; reality emulated",
        );
        Ok(())
    }

    fn pins_every_operating_point(&self) -> anyhow::Result<()> {
        for (name, policy, _, points) in CLUSTERS {
            let before = self.limits(policy)?;
            for &khz in points {
                let what = format!("{name} at {} MHz", khz / 1000);
                let point = format!("--cores {name} --freq '{} MHz'", khz / 1000);
                let (code, output) =
                    self.guest.sh(&bench(&format!("{point} --blocks 3 --block-time 300 --json"), "2>/dev/null"))?;
                let report = json(&output).with_context(|| format!("{what}: the bench ended with {code}"))?;
                pinned(&report["evidence"], policy, khz).with_context(|| what.clone())?;
                let after = self.limits(policy)?;
                ensure!(after == before, "{what}: the limits were {before}, and are {after} afterwards");
                holds(&format!("{what}: held, resident there alone, restored to {before} kHz"));
            }
        }
        Ok(())
    }

    fn sees_a_lowered_limit(&self) -> anyhow::Result<()> {
        let text = self.disturbed("max lowered", &format!("echo 600000 >{CPU}/cpufreq/policy2/scaling_max_freq"))?;
        marked("its maximum lowered under it", &text, &["frequency moved", "throttled"])?;
        self.free("policy2")
    }

    fn sees_heat(&self) -> anyhow::Result<()> {
        let text = self.disturbed("heated", &format!("echo 90000 >{SENSOR}"))?;
        marked("its zone heated to 90 degrees, and the kernel slowing it", &text, &["throttled", "frequency moved"])?;
        self.guest.ok(&format!("echo 35000 >{SENSOR}"))?;
        self.until("the kernel lets the clock go when it is cool", || self.free("policy2"))
    }

    fn sees_an_unplugged_cpu(&self) -> anyhow::Result<()> {
        let text = self.disturbed("unplugged", &format!("echo 0 >{CPU}/cpu2/online; echo 0 >{CPU}/cpu3/online"))?;
        self.guest.ok(&format!("echo 1 >{CPU}/cpu2/online && echo 1 >{CPU}/cpu3/online"))?;
        marked("its cluster unplugged", &text, &["CPU unplugged"])?;
        // The policy was gone when the bench restored it, and came back as it was left.
        self.guest.sh(&bench("--blocks 1 --block-time 1", ">/dev/null 2>&1"))?;
        self.free("policy2")
    }

    fn ends_a_session_that_is_too_hot(&self) -> anyhow::Result<()> {
        let text = self.disturbed("overheated", &format!("echo 108000 >{SENSOR}"))?;
        ensure!(text.contains("the agent ends sessions at 105"), "the agent did not end the session: {text}");
        self.guest.ok(&format!("echo 35000 >{SENSOR}"))?;
        self.until("the kernel lets the clock go when it is cool", || self.free("policy2"))?;
        holds("its zone heated to 108 degrees: the agent ends the session, says why, and restores");
        Ok(())
    }

    fn restores_after_kill_9(&self) -> anyhow::Result<()> {
        self.pinned_session()?;
        self.kill_9("benchrack-agent bench")?;
        self.until("the guardian has restored the clock", || self.free("policy2"))?;
        holds("kill -9 of the agent while pinned: its guardian restores 600000-2400000");

        self.pinned_session()?;
        self.kill_9("benchrack-agent guardian")?;
        self.kill_9("benchrack-agent bench")?;
        self.until("the agent is gone", || {
            let left = self.guest.ok(&processes("benchrack-agent"))?;
            ensure!(left.is_empty(), "still there: {left}");
            Ok(())
        })?;
        self.limits_are("policy2", "600000-600000").context("nobody is left who could have restored anything")?;
        self.guest.sh(&bench("--blocks 1 --block-time 1", ">/dev/null 2>&1"))?;
        self.free("policy2").context("after the next start")?;
        holds("kill -9 of agent and guardian: the limits stay at 600000-600000, and the next start restores 600000-2400000");
        Ok(())
    }

    /// Starts a session that pins big to its lowest operating point, and waits until it is pinned.
    fn pinned_session(&self) -> anyhow::Result<()> {
        self.start(&bench("--cores big --freq min --blocks 200 --block-time 500", ">out.txt 2>&1"))?;
        self.until("the clock is pinned", || self.limits_are("policy2", "600000-600000"))
    }

    fn kill_9(&self, words: &str) -> anyhow::Result<()> {
        let killed = self.guest.ok(&format!("for p in $({}); do kill -9 $p && echo $p; done", processes(words)))?;
        ensure!(!killed.trim().is_empty(), "no process of '{words}'");
        Ok(())
    }

    fn works_for_a_server(&self, folder: &Path) -> anyhow::Result<()> {
        let port = self.server.url.rsplit(':').next().context("a server without a port")?;
        self.guest.reverse(port)?;
        self.start(&format!("{AGENT} run --server {SERVER} --name phone --data-dir farm >farm.log 2>&1"))?;
        self.server.wait_for_a_device()?;
        std::thread::sleep(Duration::from_secs(10));
        let idle = self.idle()?;
        run::output(self.server.command().args(["models", "add", "--quiet"]).args(&self.models))?;
        let suite = folder.join("suite.toml");
        run::write(&suite, SUITE)?;
        run::output(self.server.command().args(["submit", "--watch", "--quiet"]).arg(&suite))?;
        let runs = json(&run::output(self.server.command().args(["runs", "--json"]))?)?;
        let runs = runs.as_array().context("no runs")?;
        ensure!(runs.len() == 2, "{} runs were stored, not 2", runs.len());
        for run in runs {
            ensure!(run["reality"] == "emulated" && run.get("failure").is_none_or(Value::is_null), "{run}");
            let reasons = run["validity"].to_string();
            ensure!(!reasons.contains("outputs"), "{reasons}");
        }
        self.free("policy2")?;
        holds("a session of fp32 and int8, pinned to big at max, for a server: stored, outputs right, marked emulated");
        // Last, because it is the shipped agent that must keep to it, and `--agent` may name another.
        ensure!(
            idle.resident <= idle::MEMORY_BUDGET,
            "{:.1} MB resident when idle, {:.1} MB of them its own: more than {} MB",
            idle.resident,
            idle.own,
            idle::MEMORY_BUDGET
        );
        Ok(())
    }

    /// Memory of the agent that waits for work. Its CPU time is told, not judged: each instruction costs many here.
    fn idle(&self) -> anyhow::Result<Memory> {
        let pid = self.guest.ok(&processes("benchrack-agent run"))?;
        let cpu = || idle::cpu_time_of(&self.guest.ok(&format!("cat /proc/{pid}/stat"))?, 100);
        let before = cpu()?;
        std::thread::sleep(Duration::from_secs(60));
        let used = cpu()?.saturating_sub(before);
        let memory = Memory::parse(&self.guest.ok(&format!("cat /proc/{pid}/smaps_rollup"))?)?;
        println!(
            "idle: {:.1} MB resident, {:.1} MB of them its own; {} ms of (emulated) CPU time in 60 s",
            memory.resident,
            memory.own,
            used.as_millis()
        );
        Ok(memory)
    }

    /// A session pinned to the highest point of big, disturbed in the midst of its blocks; the text that it prints.
    fn disturbed(&self, name: &str, disturbance: &str) -> anyhow::Result<String> {
        self.start(&bench("--cores big --freq max --blocks 20 --block-time 500", ">out.txt 2>&1; echo $? >code.txt"))?;
        self.until("the runner is in its blocks", || {
            let said = self.guest.ok("cat out.txt")?;
            ensure!(said.contains(IN_THE_BLOCKS), "it says '{said}'");
            Ok(())
        })
        .with_context(|| name.to_owned())?;
        self.guest.ok(disturbance).with_context(|| name.to_owned())?;
        self.until("the bench has ended", || self.guest.ok("cat code.txt").map(drop))?;
        self.guest.ok("cat out.txt")
    }

    /// Starts it in the guest, without waiting.
    fn start(&self, script: &str) -> anyhow::Result<()> {
        self.guest
            .ok(&format!("rm -f code.txt out.txt; setsid sh -c '{}' </dev/null >/dev/null 2>&1 &", script.replace('\'', r"'\''")))
            .map(drop)
    }

    /// Looks again and again.
    fn until(&self, what: &str, look: impl Fn() -> anyhow::Result<()>) -> anyhow::Result<()> {
        let begun = Instant::now();
        while let Err(error) = look() {
            if begun.elapsed() > PATIENCE {
                let (_, out) = self.guest.sh("tail -n 20 out.txt")?;
                return Err(error.context(format!("waited in vain until {what}; {out}")));
            }
            std::thread::sleep(Duration::from_millis(500));
        }
        Ok(())
    }

    fn limits(&self, policy: &str) -> anyhow::Result<String> {
        self.guest.ok(&format!("cd {CPU}/cpufreq/{policy} && echo $(cat scaling_min_freq)-$(cat scaling_max_freq)"))
    }

    fn limits_are(&self, policy: &str, expected: &str) -> anyhow::Result<()> {
        let limits = self.limits(policy)?;
        ensure!(limits == expected, "the limits of {policy} are {limits}, not {expected}");
        Ok(())
    }

    /// Whether nothing limits the clock of big.
    fn free(&self, policy: &str) -> anyhow::Result<()> {
        self.limits_are(policy, "600000-2400000")
    }
}

/// The suite for the server: one session, pinned.
const SUITE: &str = r#"
name = "virtual phone"
models = ["*"]
cores = ["big"]
frequencies = ["max"]
[plan]
blocks = 4
block_time = 200_000_000
min_warmup_samples = 3
max_warmup_time = 1_000_000_000
max_settle_time = 1_000_000_000
"#;

/// A bench of the model with these arguments.
fn bench(arguments: &str, rest: &str) -> String {
    format!("BENCHRACK_LOG=benchrack_agent=debug {AGENT} bench model.onnx --data-dir state --settle 1 {arguments} {rest}")
}

/// A script that prints the ids of processes whose command line has this in it, itself excepted.
fn processes(words: &str) -> String {
    format!(
        r"for d in /proc/[0-9]*; do tr '\0' ' ' <$d/cmdline 2>/dev/null | grep -q '^[^ ]*{words}' && echo ${{d#/proc/}}; done; true"
    )
}
