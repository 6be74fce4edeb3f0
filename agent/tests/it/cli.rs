//! The program itself.

use std::path::Path;
use std::process::{Command, Output};

use benchrack_protocol::device::DeviceReport;
use benchrack_protocol::pipeline::{Layout, Pipeline};
use benchrack_protocol::report::{RunReport, SessionReport};

use crate::models;

fn agent(arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_benchrack-agent"));
    command.args(arguments).env("XDG_STATE_HOME", std::env::temp_dir()).env_remove("RUST_BACKTRACE").output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

fn path(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// Blocks as short and as few as they can be, without waiting for a quiet machine.
const QUICK: [&str; 6] = ["--blocks", "2", "--block-time", "1", "--settle", "0"];

#[test]
fn every_command_explains_itself_with_an_example() {
    for command in ["run", "probe", "knobs", "bench", "capture", "overhead", "frame-bench"] {
        let help = text(&agent(&[command, "--help"]).stdout);
        assert!(help.contains("Example") && help.contains("benchrack-agent"), "{command}: {help}");
    }
    assert!(text(&agent(&["--help"]).stdout).contains("Examples:"));
}

#[test]
fn a_probe_is_read_by_people_and_by_programs() {
    let shown = text(&agent(&["probe"]).stdout);
    assert!(shown.contains("Clusters, slowest first"), "{shown}");
    let report: DeviceReport = serde_json::from_slice(&agent(&["probe", "--json"]).stdout).unwrap();
    assert!(!report.cpus_online.value().unwrap().is_empty());
}

/// The shape that docs/devices.md promises, on a folder laid out like a device's root.
#[test]
fn the_report_of_a_folder_has_the_documented_shape() {
    let folder = tempfile::tempdir().unwrap();
    let cpu = "sys/devices/system/cpu";
    for (file, text) in [
        (format!("{cpu}/possible"), "0-5\n"),
        (format!("{cpu}/present"), "0-5\n"),
        (format!("{cpu}/online"), "0-3\n"),
        (format!("{cpu}/cpufreq/policy0/related_cpus"), "0 1 2 3\n"),
        (format!("{cpu}/cpufreq/policy0/cpuinfo_min_freq"), "300000\n"),
        (format!("{cpu}/cpufreq/policy0/cpuinfo_max_freq"), "1800000\n"),
        (format!("{cpu}/cpufreq/policy0/scaling_available_frequencies"), "1800000 300000\n"),
        ("proc/cpuinfo".into(), "processor : 0\nCPU implementer : 0x41\nCPU variant : 0x0\nCPU part : 0xd05\nCPU revision : 0\n"),
        ("getprop.txt".into(), "[ro.product.cpu.abi]: [arm64-v8a]\n"),
        ("zones.tsv".into(), "type\traw\nskin\t31500\nibat\t-351\n"),
        ("denied.tsv".into(), "path\terror\n/sys/class/power_supply/battery/voltage_now\tPermission denied\n"),
        ("sys/class/power_supply/battery/type".into(), "Battery\n"),
        ("sys/class/power_supply/battery/status".into(), "Charging\n"),
        ("sys/class/power_supply/battery/current_now".into(), "-326171\n"),
    ] {
        let file = folder.path().join(file);
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(file, text).unwrap();
    }
    let report: serde_json::Value =
        serde_json::from_slice(&agent(&["probe", "--root", path(folder.path()), "--json"]).stdout).unwrap();
    let cluster = &report["clusters"][0];
    assert_eq!((cluster["cpus"].as_str(), cluster["core"]["value"].as_str()), (Some("0-3"), Some("Cortex-A55")));
    assert_eq!((cluster["min_freq"]["value"].as_i64(), cluster["max_freq"]["value"].as_i64()), (Some(300_000), Some(1_800_000)));
    assert_eq!((cluster["source"].as_str(), cluster["capacity"]["missing"].as_str()), (Some("related_cpus"), Some("absent")));
    assert_eq!(report["unknown"][0]["what"], "cluster of CPUs 4-5");
    assert!(report["unknown"][0]["why"].as_str().unwrap().contains("offline"));
    assert_eq!(report["policies"][0]["frequencies"]["value"], serde_json::json!([300_000, 1_800_000]));
    let now = &report["battery"]["now"];
    assert_eq!((now["status"]["value"].as_str(), now["voltage"]["missing"].as_str()), (Some("Charging"), Some("denied")));
    assert_eq!(now["current"]["missing"], "invalid");
    assert!(now["current"]["detail"].as_str().unwrap().contains("326.171 mA either way"), "{now}");
    let [skin, ibat] = report["temperatures"].as_array().unwrap().as_slice() else { panic!("{}", report["temperatures"]) };
    assert_eq!((skin["kind"].as_str(), skin["temperature"]["value"].as_i64()), (Some("skin"), Some(31_500)));
    assert_eq!((ibat["kind"].as_str(), ibat["temperature"]["missing"].as_str()), (Some("ibat"), Some("invalid")));
    assert_eq!(report["access"]["tier"], "bronze");
    assert_eq!(report["reality"], "real");
}

#[test]
fn a_captured_device_answers_like_the_live_one() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("here.capture");
    assert!(agent(&["capture", path(&file)]).status.success());
    let live: DeviceReport = serde_json::from_slice(&agent(&["probe", "--json"]).stdout).unwrap();
    let captured: DeviceReport = serde_json::from_slice(&agent(&["probe", "--json", "--root", path(&file)]).stdout).unwrap();
    assert_eq!(captured.clusters, live.clusters);
    assert_eq!(captured.identity.os_fingerprint, live.identity.os_fingerprint);
    assert_eq!(captured.memory.total, live.memory.total);
    let names = |report: &DeviceReport| report.power_supplies.iter().map(|supply| supply.name.clone()).collect::<Vec<_>>();
    assert_eq!((names(&captured), &captured.unknown), (names(&live), &live.unknown));
    let kinds = |report: &DeviceReport| report.thermal_zones.iter().map(|zone| zone.kind.clone()).collect::<Vec<_>>();
    assert_eq!((kinds(&captured), captured.cooling_devices.len()), (kinds(&live), live.cooling_devices.len()));
    let paths = |report: &DeviceReport| report.policies.iter().map(|policy| policy.path.clone()).collect::<Vec<_>>();
    assert_eq!((paths(&captured), captured.battery.is_some()), (paths(&live), live.battery.is_some()));
    let machine_id = std::fs::read_to_string("/etc/machine-id").unwrap_or_default();
    if machine_id.trim().len() == 32 {
        assert_ne!(captured.identity.key, live.identity.key, "the machine id is taken out");
        assert!(!std::fs::read_to_string(&file).unwrap().contains(machine_id.trim()));
    }
    let text = std::fs::read_to_string(&file).unwrap();
    benchrack_agent::sysfs::Captured::parse(&text).unwrap();
    for secret in ["/proc/sys/kernel/random/boot_id", "/sys/class/dmi/id/product_uuid", "/sys/class/dmi/id/product_serial"] {
        let secret = std::fs::read_to_string(secret).unwrap_or_default();
        assert!(secret.trim().len() < 8 || !text.contains(secret.trim()), "{secret} is taken out");
    }
}

#[test]
fn a_bench_shows_figures_and_prints_every_sample_as_json() {
    let folder = tempfile::tempdir().unwrap();
    let (file, manifest) = models::save_dense(folder.path());
    std::fs::write(file.with_extension("json"), serde_json::to_vec(&manifest).unwrap()).unwrap();
    let shown = agent(&[["bench", path(&file)].as_slice(), &QUICK].concat());
    let summary = text(&shown.stdout);
    assert!(shown.status.success(), "{summary} {}", text(&shown.stderr));
    for word in ["median", "p90", "first inference", "memory", "y as the reference", "evidence", "validity"] {
        assert!(summary.contains(word), "{word}: {summary}");
    }
    let json = agent(&[["bench", path(&file), path(&file), "--json"].as_slice(), &QUICK].concat());
    let report: SessionReport = serde_json::from_slice(&json.stdout).unwrap();
    assert!(report.runs.iter().all(|run| matches!(run, RunReport::Measured(run) if run.blocks.len() == 2)));
}

#[test]
fn a_bench_shows_frames_and_packages_when_asked() {
    let folder = tempfile::tempdir().unwrap();
    let (file, mut manifest) = models::save(folder.path(), "colours", &models::colours());
    manifest.pipeline = Some(models::colours_pipeline());
    std::fs::write(file.with_extension("json"), serde_json::to_vec(&manifest).unwrap()).unwrap();
    let data = folder.path().join("data");
    let asked = ["--frames", "4", "--packaging", "zstd,zstd_then_encrypted", "--loads", "1", "--data-dir", path(&data)];
    let shown = agent(&[["bench", path(&file)].as_slice(), &asked, &QUICK].concat());
    let summary = text(&shown.stdout);
    assert!(shown.status.success(), "{summary} {}", text(&shown.stderr));
    for words in ["conversion", "post-processing", "frames a second, jitter", "4 frames of 14 x 10 nv21", "zstd then encrypted"] {
        assert!(summary.contains(words), "{words}: {summary}");
    }
    manifest.pipeline = Some(Pipeline { layout: Layout::Nhwc, ..models::colours_pipeline() });
    std::fs::write(file.with_extension("json"), serde_json::to_vec(&manifest).unwrap()).unwrap();
    let misfit = agent(&[["bench", path(&file), "--frames", "4"].as_slice(), &QUICK].concat());
    assert!(text(&misfit.stdout).contains("not measured: the manifest's pipeline cannot be run"), "{}", text(&misfit.stdout));
    assert_eq!(agent(&["bench", path(&file), "--packaging", "zip"]).status.code(), Some(2));
}

#[test]
fn a_bench_of_something_else_fails_and_says_why() {
    let folder = tempfile::tempdir().unwrap();
    let save = |name: &str, bytes: &[u8]| models::save(folder.path(), name, bytes).0;
    let (wrong, open) = (save("wrong", b"no model"), save("open", &models::open_dimension()));
    let bench = |arguments: &[&str]| agent(&[["bench"].as_slice(), arguments, &QUICK].concat());
    for (file, word) in [(&wrong, "not a model"), (&open, "leaves dimensions open")] {
        let output = bench(&[path(file)]);
        assert_eq!(output.status.code(), Some(1));
        assert!(text(&output.stdout).contains(word), "{}", text(&output.stdout));
    }
    assert!(bench(&[path(&open), "--input", "x=1x8"]).status.success());
    let absent = bench(&["/nowhere/m.onnx"]);
    assert_eq!(absent.status.code(), Some(1));
    assert!(text(&absent.stderr).contains("cannot read the model /nowhere/m.onnx"), "{}", text(&absent.stderr));
    for arguments in [
        ["x.onnx", "--threads", "0"],
        ["x.onnx", "--cores", "huge"],
        ["x.onnx", "--freq", "fast"],
        ["x.onnx", "--knob", "overclock"],
    ] {
        assert_eq!(bench(&arguments).status.code(), Some(2), "{arguments:?}");
    }
}

#[test]
fn knobs_are_listed_for_people_and_programs_here_and_on_a_captured_device() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("phone.capture");
    let capture =
        "# benchrack device capture 1\nfile sys/power/cpufreq_max_limit\n| 2314000\ndenied sys/power/cpufreq_min_limit\n";
    std::fs::write(&file, capture).unwrap();
    let shown = text(&agent(&["knobs", "--root", path(&file)]).stdout);
    assert!(shown.contains("cpufreq_limit.max") && shown.contains("2314000"), "{shown}");
    let listed: serde_json::Value = serde_json::from_slice(&agent(&["knobs", "--root", path(&file), "--json"]).stdout).unwrap();
    let row = |name: &str| listed["knobs"].as_array().unwrap().iter().find(|row| row["name"] == name).unwrap().clone();
    assert_eq!(row("cpufreq_limit.min")["places"][0]["now"]["missing"], "denied");
    assert_eq!(row("cpufreq_limit.min")["places"][0]["writable"], false);
    assert_eq!(row("ppm.max")["places"].as_array().unwrap().len(), 0);
    assert!(agent(&["knobs"]).status.success());
    let charging = agent(&["knobs", "--try-charging", "--data-dir", path(folder.path())]);
    if !charging.status.success() {
        assert!(text(&charging.stderr).contains("what cuts charge cannot be found out now"), "{}", text(&charging.stderr));
    }
}

#[test]
fn only_a_session_that_turns_no_knob_runs_beside_an_agent_with_the_same_folder() {
    let folder = tempfile::tempdir().unwrap();
    let (file, _) = models::save_dense(folder.path());
    let agents = std::fs::File::create(folder.path().join("lock")).unwrap();
    agents.try_lock().unwrap();
    let bench = |more: &[&str]| {
        let arguments = [&["bench", path(&file), "--data-dir", path(folder.path())], &QUICK[..], more].concat();
        agent(&arguments)
    };
    assert!(bench(&[]).status.success());
    let pinned = bench(&["--freq", "max"]);
    assert_eq!(pinned.status.code(), Some(1));
    assert!(text(&pinned.stderr).contains("another agent works with the data folder"), "{}", text(&pinned.stderr));
}

#[test]
fn a_wrong_configuration_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("agent.toml");
    std::fs::write(&file, "heartbeat_s = 0\n").unwrap();
    let output = agent(&["run", "--config", path(&file)]);
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("heartbeat_s"), "{}", text(&output.stderr));
    let output = agent(&["run", "--server", "ftp://x", "--data-dir", path(folder.path())]);
    assert!(text(&output.stderr).contains("'ftp' is not http"), "{}", text(&output.stderr));
}

#[test]
fn a_runner_dies_with_an_agent_that_is_killed() {
    let folder = tempfile::tempdir().unwrap();
    let (file, _) = models::save(folder.path(), "heavy", &models::heavy());
    let mut agent = Command::new(env!("CARGO_BIN_EXE_benchrack-agent"))
        .args(["bench", path(&file), "--blocks", "10000", "--block-time", "600000", "--settle", "0"])
        .spawn()
        .unwrap();
    let children = format!("/proc/{0}/task/{0}/children", agent.id());
    let runner = loop {
        let listed = std::fs::read_to_string(&children).unwrap();
        if let Some(runner) = listed.split_whitespace().next() {
            // Once the model has made it grow, it has long tied its life to the agent's.
            let state = std::fs::read_to_string(format!("/proc/{runner}/statm")).unwrap_or_default();
            if state.split_whitespace().nth(1).and_then(|pages| pages.parse().ok()).is_some_and(|pages: u64| pages > 6000) {
                break runner.to_owned();
            }
        }
        std::thread::yield_now();
    };
    agent.kill().unwrap();
    agent.wait().unwrap();
    let runs = || {
        let stat = std::fs::read_to_string(format!("/proc/{runner}/stat")).unwrap_or_default();
        !(stat.is_empty() || stat.contains(") Z ") || stat.contains(") X "))
    };
    while runs() {
        std::thread::yield_now();
    }
}

/// A tensor of f32 as numpy saves it.
fn save_npy(file: &Path, shape: &str, values: &[f32]) {
    let header = format!("{{'descr': '<f4', 'fortran_order': False, 'shape': ({shape}), }}\n");
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend(u16::try_from(header.len()).unwrap().to_le_bytes());
    bytes.extend(header.as_bytes());
    bytes.extend(values.iter().flat_map(|value| value.to_le_bytes()));
    std::fs::write(file, bytes).unwrap();
}

#[test]
fn a_bench_feeds_and_checks_any_file_on_any_engine() {
    let folder = tempfile::tempdir().unwrap();
    let (file, _) = models::save(folder.path(), "dense", &models::dense());
    let input = [1.0, 2.0, 3.0, 4.0, -1.0, 0.5, 0.0, 2.5];
    let (x, y, wrong) = (folder.path().join("x.npy"), folder.path().join("y.npy"), folder.path().join("wrong.npy"));
    save_npy(&x, "1, 8", &input);
    save_npy(&y, "1, 4", &models::dense_output(&input));
    save_npy(&wrong, "1, 4", &[100.0; 4]);
    let mut engines = vec![vec![]];
    engines.extend(
        crate::engines::onnxruntime()
            .map(|library| ["--engine", "onnxruntime", "--library", path(&library)].map(str::to_owned).to_vec()),
    );
    for engine in engines {
        let engine: Vec<&str> = engine.iter().map(String::as_str).collect();
        let bench = |rest: &[&str]| agent(&[["bench", path(&file)].as_slice(), &engine, rest, &QUICK].concat());
        let good = bench(&["--input", path(&x), "--reference", path(&y)]);
        assert!(good.status.success(), "{} {}", text(&good.stdout), text(&good.stderr));
        assert!(text(&good.stdout).contains("y as the reference"), "{}", text(&good.stdout));
        let bad = bench(&["--input", &format!("x={}", path(&x)), "--reference", &format!("y={}", path(&wrong))]);
        assert_eq!(bad.status.code(), Some(1));
        assert!(text(&bad.stdout).contains("y NOT as the reference"), "{}", text(&bad.stdout));
        let loose = ["--max-relative-error", "2", "--min-cosine", "0.5"];
        let borne = bench(&[["--input", path(&x), "--reference", path(&wrong)].as_slice(), &loose].concat());
        assert!(borne.status.success(), "{}", text(&borne.stdout));
    }
    let absent = agent(&[["bench", path(&file), "--input", "/nowhere/x.npy"].as_slice(), &QUICK].concat());
    assert!(text(&absent.stderr).contains("/nowhere/x.npy"), "{}", text(&absent.stderr));
    let shape = agent(&[["bench", path(&file), "--input", path(&y)].as_slice(), &QUICK].concat());
    assert_eq!(shape.status.code(), Some(1), "four values where eight are wanted: {}", text(&shape.stdout));
    let stranger = agent(&[["bench", path(&file), "--reference", &format!("z={}", path(&y))].as_slice(), &QUICK].concat());
    assert!(text(&stranger.stderr).contains("no output 'z'; it has y"), "{}", text(&stranger.stderr));
}

#[test]
fn the_cost_of_measuring_is_told_for_every_engine_and_against_python() {
    let folder = tempfile::tempdir().unwrap();
    let (file, manifest) = models::save_dense(folder.path());
    std::fs::write(file.with_extension("json"), serde_json::to_vec(&manifest).unwrap()).unwrap();
    let overhead = |rest: &[&str]| {
        let few = ["--runners", "6", "--rounds", "1", "--block-time", "1", "--sessions", "1"];
        let output = agent(&[["overhead", path(&file)].as_slice(), &few, rest].concat());
        assert!(output.status.success(), "{} {}", text(&output.stdout), text(&output.stderr));
        let shown = text(&output.stdout);
        assert!(shown.contains(" to ") && !shown.contains("too few") && shown.contains("first sample"), "{shown}");
        shown
    };
    assert!(overhead(&[]).contains("bare loop"));
    let Some(library) = crate::engines::onnxruntime() else { return };
    assert!(overhead(&["--engine", "onnxruntime", "--library", path(&library)]).contains("bare loop"));
    let Some(python) = crate::engines::python() else { return };
    let against = overhead(&["--engine", "onnxruntime", "--library", path(&library), "--python", path(&python)]);
    assert!(against.contains("Python"), "{against}");
}
