//! Twins against their own physics: what the files say follows from one state, and the truth adds up.

use std::path::PathBuf;
use std::time::Duration;

use benchrack_protocol::ids::ArtifactId;
use benchrack_protocol::model::{Manifest, Precision};
use benchrack_protocol::report::Failure;
use benchrack_protocol::runner::{FailureReason, LoadRequest, Reply, Request};
use benchrack_protocol::session::{OperatingPoint, Subject};
use benchrack_protocol::units::Bytes;
use tokio::time::sleep;

use super::*;
use crate::evidence::watch::active_cooling;
use crate::probe::probe;
use crate::runner_process::{Birth, Launcher, Runner};
use crate::sysfs::{SysErrorKind, SysFs};

const PHYSICS: &str = r#"# benchrack twin 1
seed = 7
base_mw = 500

[[cluster]]
cpus = "0-3"
midr = 0x410fd034
capacity = 400
opp = [[300000, 30], [600000, 70], [1200000, 200]]
leakage_mw = 5
macs_per_cycle = 2
int8_macs_per_cycle = 4
governor = "schedutil"
governors = ["schedutil", "performance"]

[[cluster]]
cpus = "4-5"
midr = 0x410fd092
capacity = 1024
opp = [[500000, 100], [1000000, 300], [2000000, 1200]]
leakage_mw = 20
macs_per_cycle = 4
int8_macs_per_cycle = 8
governor = "schedutil"

[heat]
ambient_c = 25
die_j_per_k = 3
die_k_per_w = 7
body_j_per_k = 150
body_k_per_w = 5

[[sensor]]
zone = 2
zone_after_reboot = 5
type = "cpu-1-0-usr"
at = "die"

[battery]
supply = "bms"
capacity_mah = 3000
level = 70
ocv = [[0, 3.4], [50, 3.8], [100, 4.35]]
resistance_mohm = 80

[battery.gauge]
current = "uA"
positive = "discharging"
period_ms = 250
step_ua = 1
averages = true

[charger]
supply = "usb"
type = "USB"
input_mw = 5000
"#;

const CAPTURE: &str = "# benchrack device capture 1
denied sys/devices/system/cpu/cpu0/cpufreq/scaling_max_freq
file sys/kernel/vendor
| as captured
command getprop
| [ro.product.cpu.abi]: [arm64-v8a]
";

fn twin(more: &str) -> Twin {
    Twin::parse(&format!("{PHYSICS}{more}\n{CAPTURE}")).unwrap()
}

const CPU: &str = "sys/devices/system/cpu";

fn number(fs: &dyn SysFs, path: &str) -> i64 {
    fs.read(path).unwrap().trim().parse().unwrap()
}

/// A session of one model of a hundred million multiply-adds.
fn model(precision: Precision) -> (SessionSpec, Artifacts) {
    let artifact = ArtifactId::of(b"model");
    let manifest = Manifest { macs: Some(100_000_000), ..Manifest::of_unknown("model", precision, artifact, Bytes(4_000_000)) };
    let subject =
        Subject { label: "model".into(), manifest, engine: benchrack_protocol::engine::EngineRef::built_in(), threads: 1 };
    let plan = benchrack_protocol::session::MeasurePlan::default();
    let spec = SessionSpec { subjects: vec![subject], operating_point: OperatingPoint::default(), plan };
    (spec, [(artifact, Ok(PathBuf::from("model.onnx")))].into())
}

const PATIENCE: Duration = Duration::from_secs(1000);

async fn loaded(twin: &Twin, cpus: &str, precision: Precision, threads: u16) -> TwinRunner {
    let (spec, artifacts) = model(precision);
    let birth = Birth { cpus: cpus.parse().unwrap(), address_space: None, patience: PATIENCE };
    let mut runner = twin.launcher(&spec, &artifacts).launch(&birth).await.unwrap();
    runner.ask(&Request::Load(LoadRequest::new("model.onnx", "tract", threads)), PATIENCE).await.unwrap();
    runner
}

async fn run(runner: &mut TwinRunner, n: u32) -> Vec<u64> {
    match runner.ask(&Request::Run { n }, PATIENCE).await.unwrap() {
        Reply::Ran { samples, .. } => samples.into_iter().map(|sample| sample.0).collect(),
        other => panic!("{other:?}"),
    }
}

fn median(mut samples: Vec<u64>) -> f64 {
    samples.sort_unstable();
    samples[samples.len() / 2] as f64
}

#[test]
fn a_text_that_is_no_twin_is_refused_with_the_place() {
    let error = |text: &str| {
        let error = Twin::parse(text).err().unwrap();
        format!("{error} {}", std::error::Error::source(&error).map(ToString::to_string).unwrap_or_default())
    };
    assert!(error("x").contains("# benchrack twin 1"));
    assert!(error(PHYSICS).contains("# benchrack device capture 1"));
    assert!(error(&format!("{PHYSICS}\nspeed = 3\n{CAPTURE}")).contains("speed"));
    let unsorted = PHYSICS.replace("[300000, 30], [600000, 70]", "[600000, 70], [300000, 30]");
    assert!(error(&format!("{unsorted}{CAPTURE}")).contains("cluster 0: opp"));
    let twice = PHYSICS.replace("\"4-5\"", "\"3-5\"");
    assert!(error(&format!("{twice}{CAPTURE}")).contains("cluster 1: cpus"));
    let lost = "[[layer]]\nkind = \"reassert\"\ncluster = 9\nevery_s = 1\n";
    assert!(error(&format!("{PHYSICS}{lost}{CAPTURE}")).contains("no cluster 9"));
    let broken = format!("{PHYSICS}{CAPTURE}fiel x\n");
    assert!(error(&broken).contains(&format!("line {}", broken.lines().count())));
}

#[tokio::test(start_paused = true)]
async fn a_twin_is_probed_as_a_device_and_marked_simulated() {
    let device = twin("").device();
    let report = probe(&device, None);
    assert_eq!(report.reality, benchrack_protocol::device::Reality::Simulated);
    let clusters: Vec<_> = report.clusters.iter().map(|cluster| (cluster.name.as_str(), cluster.cpus.to_string())).collect();
    assert_eq!(clusters, [("little", "0-3".into()), ("big", "4-5".into())]);
    assert_eq!(report.policies.len(), 2);
    assert_eq!(report.thermal_zones[0].temperature.value().unwrap().0, 25_000);
    assert_eq!(device.sysfs.read("sys/kernel/vendor").unwrap(), "as captured\n");
    let refused = device.sysfs.read(&format!("{CPU}/cpu0/cpufreq/scaling_max_freq")).unwrap_err();
    assert_eq!(refused.kind, SysErrorKind::Denied, "the capture's refusal holds");
}

#[tokio::test(start_paused = true)]
async fn latency_follows_the_clock_the_threads_and_the_arithmetic() {
    let twin = twin("");
    let fs = twin.device().sysfs;
    let pin = |khz: &str| {
        fs.write(&format!("{CPU}/cpufreq/policy4/scaling_max_freq"), khz).unwrap();
    };
    let mut one = loaded(&twin, "4-5", Precision::Fp32, 1).await;
    run(&mut one, 50).await;
    let fast = median(run(&mut one, 50).await);
    // A hundred million at four a cycle of 2 GHz, and 4 MB through memory of 8 GB/s.
    assert!((fast / (12.5e6 + 0.5e6) - 1.0).abs() < 0.02, "{fast}");
    pin("1000000");
    let slow = median(run(&mut one, 50).await);
    assert!((slow / (25e6 + 0.5e6) - 1.0).abs() < 0.02, "{slow}");
    pin("2000000");
    drop(one);
    let mut two = loaded(&twin, "4-5", Precision::Fp32, 2).await;
    run(&mut two, 50).await;
    let parallel = median(run(&mut two, 50).await);
    assert!((1.8..2.0).contains(&(fast / parallel)), "{}", fast / parallel);
    drop(two);
    let mut int8 = loaded(&twin, "4-5", Precision::Int8, 1).await;
    run(&mut int8, 50).await;
    let quick = median(run(&mut int8, 50).await);
    assert!((1.8..2.0).contains(&(fast / quick)), "{}", fast / quick);
}

#[tokio::test(start_paused = true)]
async fn statistics_placement_and_cpu_time_follow_from_the_work() {
    let twin = twin("");
    let fs = twin.device().sysfs;
    let mut runner = loaded(&twin, "4-5", Precision::Fp32, 2).await;
    let pid = runner.pid();
    let ran = |tid: u32| -> u64 {
        let text = fs.read(&format!("proc/{pid}/task/{tid}/schedstat")).unwrap();
        text.split(' ').next().unwrap().parse().unwrap()
    };
    let top = |fs: &dyn SysFs| -> i64 {
        let text = fs.read(&format!("{CPU}/cpufreq/policy4/stats/time_in_state")).unwrap();
        text.lines().find_map(|line| line.strip_prefix("2000000 ")).unwrap().parse().unwrap()
    };
    run(&mut runner, 20).await;
    let (before, at) = ((ran(pid), top(fs.as_ref())), twin.now());
    run(&mut runner, 100).await;
    let passed = twin.now().0 - at.0;
    assert!((ran(pid) - before.0).abs_diff(passed) < 2_000_000, "{} of {passed}", ran(pid) - before.0);
    assert!(((top(fs.as_ref()) - before.1) * 10_000_000).unsigned_abs().abs_diff(passed) < 20_000_000);
    assert_eq!(twin.truth().placement(pid).unwrap().to_string(), "4-5");
    let status = fs.read(&format!("proc/{pid}/task/{}/status", pid + 1)).unwrap();
    assert!(status.contains("Cpus_allowed_list:\t4-5"), "{status}");
    assert_eq!(twin.truth().frequency(4, at).unwrap().0, 2_000_000);
    drop(runner);
    assert!(fs.list(&format!("proc/{pid}/task")).is_err(), "its process is gone");
}

#[tokio::test(start_paused = true)]
async fn the_truth_adds_up_and_the_gauge_tells_it() {
    let twin = twin("");
    let fs = twin.device().sysfs;
    let mut runner = loaded(&twin, "4-5", Precision::Fp32, 1).await;
    run(&mut runner, 100).await;
    let begun = twin.now();
    let (mut told, mut seconds) = (0.0, 0.0);
    for _ in 0..20 {
        run(&mut runner, 20).await;
        let (current, voltage) = (
            number(fs.as_ref(), "sys/class/power_supply/bms/current_now"),
            number(fs.as_ref(), "sys/class/power_supply/bms/voltage_now"),
        );
        told += current as f64 * 1e-6 * voltage as f64 * 1e-6;
        seconds += 1.0;
    }
    let truth = twin.truth().joules(begun, twin.now()).unwrap();
    let passed = (twin.now().0 - begun.0) as f64 / 1e9;
    let parts = truth.base + truth.clusters.iter().sum::<f64>();
    assert!((parts - truth.total).abs() < 1e-6 * truth.total);
    // One core at its top point all the time.
    assert!((truth.runners / (1.2 * passed) - 1.0).abs() < 0.01, "{truth:?} in {passed} s");
    assert!((truth.base / (0.5 * passed) - 1.0).abs() < 1e-6);
    assert!(truth.leakage > 0.06 * passed, "it grows with the die's temperature: {truth:?}");
    assert!(
        (told / seconds / (truth.total / passed) - 1.0).abs() < 0.01,
        "{} W told, {} W true",
        told / seconds,
        truth.total / passed
    );
    assert!(twin.truth().joules(begun, Nanos(u64::MAX)).is_none(), "the future is not known");
}

#[tokio::test(start_paused = true)]
async fn a_long_load_warms_the_die_and_a_thermal_cap_takes_the_clock() {
    let cap = "[[layer]]\nkind = \"thermal_cap\"\ncluster = 1\ncooling = \"thermal-cpufreq-1\"\nat = \"die\"\ntrip_c = 33\n\
               hysteresis_c = 3\nperiod_s = 1\nstates = 2\n";
    let twin = twin(cap);
    let fs = twin.device().sysfs;
    let max = || number(fs.as_ref(), &format!("{CPU}/cpufreq/policy4/scaling_max_freq"));
    assert_eq!(max(), 2_000_000);
    let mut runner = loaded(&twin, "4-5", Precision::Fp32, 2).await;
    let mut seen = Vec::new();
    for _ in 0..400 {
        run(&mut runner, 10).await;
        seen.push((max(), active_cooling(fs.as_ref())));
    }
    assert!(seen.contains(&(1_000_000, vec![("thermal-cpufreq-1".to_owned(), 1)])), "{:?}", seen.last());
    assert!(twin.truth().temperatures(twin.now()).unwrap().0 > 28.0);
    sleep(Duration::from_secs(600)).await;
    assert_eq!((max(), active_cooling(fs.as_ref())), (2_000_000, vec![]), "it cools, and gives the clock back");
}

#[tokio::test(start_paused = true)]
async fn vendor_layers_fight_back() {
    let twin = twin("[[layer]]\nkind = \"settle\"\nafter_ms = 800\n");
    let fs = twin.device().sysfs;
    let max = format!("{CPU}/cpufreq/policy4/scaling_max_freq");
    fs.write(&max, "1000000").unwrap();
    assert_eq!(number(fs.as_ref(), &max), 2_000_000);
    sleep(Duration::from_millis(900)).await;
    assert_eq!(number(fs.as_ref(), &max), 1_000_000);

    let ppm = self::twin("[[layer]]\nkind = \"ppm\"\n");
    let fs = ppm.device().sysfs;
    fs.write(&max, "1000000").unwrap();
    assert_eq!(number(fs.as_ref(), &max), 2_000_000, "taken, and ignored");
    fs.write("proc/ppm/policy/hard_userlimit_max_cpu_freq", "1 1000000").unwrap();
    assert_eq!(number(fs.as_ref(), &max), 1_000_000);
    fs.write("proc/ppm/policy/hard_userlimit_max_cpu_freq", "1 -1").unwrap();
    assert_eq!(number(fs.as_ref(), &max), 2_000_000);
    assert_eq!(fs.write("proc/ppm/policy/hard_userlimit_max_cpu_freq", "fast").unwrap_err().kind, SysErrorKind::Unavailable);

    let hal = self::twin("[[layer]]\nkind = \"reassert\"\ncluster = 1\nevery_s = 2\nmin_khz = 500000\nmax_khz = 2000000\n");
    let fs = hal.device().sysfs;
    fs.write(&max, "1000000").unwrap();
    assert_eq!(number(fs.as_ref(), &max), 1_000_000);
    sleep(Duration::from_secs(3)).await;
    assert_eq!(number(fs.as_ref(), &max), 2_000_000);

    let limit =
        "[[layer]]\nkind = \"limit\"\npath = \"sys/power/cpufreq_max_limit\"\ncluster = 1\nbound = \"max\"\nnone = \"-1\"\n";
    let samsung = self::twin(limit);
    let fs = samsung.device().sysfs;
    fs.write("sys/power/cpufreq_max_limit", "1000000").unwrap();
    assert_eq!(number(fs.as_ref(), &max), 1_000_000);
    assert_eq!(fs.read("sys/power/cpufreq_max_limit").unwrap(), "1000000\n");
    fs.write("sys/power/cpufreq_max_limit", "-1").unwrap();
    assert_eq!(number(fs.as_ref(), &max), 2_000_000);
}

#[tokio::test(start_paused = true)]
async fn a_hotplug_daemon_unplugs_idle_cores_until_it_is_stopped() {
    let twin = twin("[[layer]]\nkind = \"hotplug\"\nservice = \"mpdecision\"\nparks = \"1-3\"\nidle_s = 2\n");
    let device = twin.device();
    let fs = device.sysfs.as_ref();
    let online = || fs.read(&format!("{CPU}/online")).unwrap();
    sleep(Duration::from_secs(3)).await;
    assert_eq!(online(), "0,4-5\n");
    assert!(device.commands.run("getprop", &[]).unwrap().contains("[init.svc.mpdecision]: [running]"));
    assert!(device.placement.confine(&"1-3".parse().unwrap()).is_err(), "none of them is online");
    device.commands.run("stop", &["mpdecision"]).unwrap();
    assert!(device.commands.run("getprop", &[]).unwrap().contains("[init.svc.mpdecision]: [stopped]"));
    fs.write(&format!("{CPU}/cpu2/online"), "1").unwrap();
    sleep(Duration::from_secs(9)).await;
    assert_eq!(online(), "0,2,4-5\n");
    // A runner whose only core goes is moved by the kernel, and may then run everywhere.
    let runner = loaded(&twin, "2", Precision::Fp32, 1).await;
    fs.write(&format!("{CPU}/cpu2/online"), "0").unwrap();
    assert!(!twin.truth().placement(runner.pid()).unwrap().contains(2));
    assert!(fs.read(&format!("proc/{}/status", runner.pid())).unwrap().contains("Cpus_allowed_list:\t0-5"));
}

#[tokio::test(start_paused = true)]
async fn the_script_forces_files_and_reboots_move_zones_and_undo_knobs() {
    let twin = twin(
        "[[script]]\nat_s = 90\nuntil_s = 100\ndo = { read = { file = \"sys/class/thermal/thermal_zone2/temp\", text = \"71000\" } }\n\
         [[script]]\nat_s = 100\nuntil_s = 110\ndo = { refuse = { file = \"sys/class/thermal/thermal_zone2/temp\", error = \"unavailable\" } }\n\
         [[script]]\nat_s = 120\ndo = { ignore = { file = \"sys/devices/system/cpu/cpufreq/policy4/scaling_max_freq\" } }\n\
         [[script]]\nat_s = 200\ndo = \"reboot\"\n",
    );
    let fs = twin.device().sysfs;
    let zone = "sys/class/thermal/thermal_zone2/temp";
    assert!(number(fs.as_ref(), zone) < 30_000);
    sleep(Duration::from_secs(91)).await;
    assert_eq!(number(fs.as_ref(), zone), 71_000);
    sleep(Duration::from_secs(10)).await;
    assert_eq!(fs.read(zone).unwrap_err().kind, SysErrorKind::Unavailable);
    sleep(Duration::from_secs(20)).await;
    assert!(number(fs.as_ref(), zone) < 30_000);
    let max = format!("{CPU}/cpufreq/policy4/scaling_max_freq");
    fs.write(&max, "500000").unwrap();
    assert_eq!(number(fs.as_ref(), &max), 2_000_000, "the write is ignored");
    fs.write(&format!("{CPU}/cpufreq/policy0/scaling_max_freq"), "600000").unwrap();
    let boot = fs.read("proc/sys/kernel/random/boot_id").unwrap();
    let mut runner = loaded(&twin, "4", Precision::Fp32, 1).await;
    sleep(Duration::from_secs(100)).await;
    let ended = runner.ask(&Request::Run { n: 1 }, PATIENCE).await;
    assert!(matches!(ended, Err(Failure { reason: FailureReason::RunnerDied, .. })), "{ended:?}");
    assert_ne!(fs.read("proc/sys/kernel/random/boot_id").unwrap(), boot);
    assert_eq!(number(fs.as_ref(), &format!("{CPU}/cpufreq/policy0/scaling_max_freq")), 1_200_000);
    assert!(fs.read(zone).is_err() && fs.read("sys/class/thermal/thermal_zone5/type").unwrap() == "cpu-1-0-usr\n");
}

#[tokio::test(start_paused = true)]
async fn a_shell_writes_nothing_and_a_floor_above_the_cap_is_refused() {
    let twin = twin("");
    let fs = twin.device().sysfs;
    let policy = |name: &str| format!("{CPU}/cpufreq/policy4/{name}");
    fs.write(&policy("scaling_max_freq"), "1000000").unwrap();
    assert_eq!(fs.write(&policy("scaling_min_freq"), "2000000").unwrap_err().kind, SysErrorKind::Unavailable);
    assert_eq!(fs.write(&policy("related_cpus"), "1").unwrap_err().kind, SysErrorKind::Denied);
    assert_eq!(fs.write(&policy("nothing"), "1").unwrap_err().kind, SysErrorKind::NotFound);
    assert!(fs.writable(&policy("scaling_max_freq")) && !fs.writable(&policy("related_cpus")));
    let shell = Twin::parse(&format!("{}{CAPTURE}", PHYSICS.replace("base_mw = 500", "base_mw = 500\nroot = false"))).unwrap();
    let fs = shell.device().sysfs;
    assert_eq!(fs.write(&policy("scaling_max_freq"), "1000000").unwrap_err().kind, SysErrorKind::Denied);
    assert!(!fs.writable(&policy("scaling_max_freq")));
}

#[tokio::test(start_paused = true)]
async fn a_runner_without_known_costs_or_with_another_program_is_refused_with_the_reason() {
    let twin = twin("");
    let (mut spec, artifacts) = model(Precision::Fp32);
    spec.subjects[0].manifest.macs = None;
    let birth = Birth { cpus: "4-5".parse().unwrap(), address_space: None, patience: PATIENCE };
    let mut runner = twin.launcher(&spec, &artifacts).launch(&birth).await.unwrap();
    runner.ask(&Request::Load(LoadRequest::new("model.onnx", "tract", 1)), PATIENCE).await.unwrap();
    let refused = runner.ask(&Request::Run { n: 1 }, PATIENCE).await.unwrap_err();
    assert!(refused.reason == FailureReason::Unsupported && refused.detail.contains("multiply-adds"), "{refused:?}");
    let hung = loaded(&twin, "0", Precision::Fp32, 1).await.ask(&Request::Run { n: 1000 }, Duration::from_secs(1)).await;
    assert!(matches!(hung, Err(Failure { reason: FailureReason::RunnerHung, .. })), "{hung:?}");
}
