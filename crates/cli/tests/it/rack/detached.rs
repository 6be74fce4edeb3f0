//! An energy session of a phone whose rack cuts its port's power, with a host that dies meanwhile.

use std::path::Path;
use std::process::{Command, Stdio};

use benchrack_agent::gauge::store;
use benchrack_client::RunQuery;
use benchrack_protocol::api::Submission;
use benchrack_protocol::energy::EnergySource;
use benchrack_protocol::gauge::Gauge;
use benchrack_protocol::rack::RackPhase;
use benchrack_protocol::reading::Reading;
use benchrack_protocol::units::{Microamps, Nanos};

use super::phones::{Phones, in_namespaces, write_program};
use super::{agents, devices, order};
use crate::farm::{self, Process, Server, benchrack, run, until};

/// One subject, and as little energy as a gauge with a value each second can be read for.
const SUITE: &str = "name = \"energy\"\nmodels = [\"*\"]\nprecisions = [\"fp32\"]\n[plan]\nblocks = 2\nblock_time = 20_000_000\n\
    min_warmup_samples = 3\nmax_warmup_time = 300_000_000\nmax_settle_time = 1_000_000\nenergy = { max_time = 140_000_000_000 }\n";
/// The port is off for less than this.
const LONGEST_S: u64 = 200;

/// A hub: `off` and `on` of the one phone, whose battery's files are in `power`. Without power it is gone from adb's list.
fn hub(path: &Path, power: &Path, log: &Path) {
    let text = format!(
        r#"#!/bin/sh
set -e
says() {{ echo "$2" >'{power}/new'; mv '{power}/new' "{power}/$1"; }}
case $1 in
off) says battery/current_now -450000; says battery/status Discharging; says usb/online 0; adb disconnect "$2"; ip link set vh1 down ;;
on) ip link set vh1 up; says usb/online 1; says battery/status Charging; says battery/current_now 1500000
    until adb connect "$2" | grep -q connected; do :; done ;;
esac
echo "$1 $2" >>'{log}'
"#,
        power = power.display(),
        log = log.display()
    );
    write_program(path, &text);
}

#[test]
fn energy_is_measured_without_the_cable_and_a_new_host_puts_its_power_back() {
    in_namespaces("rack::detached::energy_is_measured_without_the_cable_and_a_new_host_puts_its_power_back", || async {
        let folder = farm::folder();
        let mut phones = Phones::start(folder.path(), 1);
        let power = phones.equip(0);
        let serial = phones.serial(0);
        // A lease that ends soon without its agent's word.
        let server = Server::start(&folder.path().join("server"), 5);
        server.add_models();
        let client = server.client();
        let (program, log, state) = (folder.path().join("hub"), folder.path().join("hub.log"), folder.path().join("state"));
        hub(&program, &power, &log);
        let logged = || std::fs::read_to_string(&log).unwrap_or_default();
        let config = folder.path().join("rack.toml");
        let (switch, state_dir) = (program.display(), state.display());
        std::fs::write(
            &config,
            format!(
                "power_off = '{switch} off {{serial}}'\npower_on = '{switch} on {{serial}}'\nstate_dir = '{state_dir}'\n\
                 [detach]\nlongest_s = {LONGEST_S}\n"
            ),
        )
        .unwrap();
        let config = config.to_string_lossy().into_owned();

        // Its gauge was calibrated once.
        assert_eq!(order(&server, &phones, &["--config", &config, "deploy"]).0, 0);
        let device = devices(&server, 1, &["idle"]).await.remove(0);
        let gauge = Gauge {
            supply: "battery".into(),
            per_count: 1,
            period: Reading::of(Nanos(1_000_000_000)),
            step: Reading::of(Microamps(1_000)),
            basis: "test".into(),
        };
        store::keep(&phones.path(0, "data/local/tmp/benchrack"), &device.report.identity, &gauge).unwrap();
        let pid = agents(&server, &phones)[0].1.unwrap();
        assert_eq!(order(&server, &phones, &["shell", &serial, &format!("kill {pid}")]).0, 0);

        let start = || Process::start(phones.rack(&server).args(["--config", &config]).stdout(Stdio::null()));
        let mut host = start();
        let suite = folder.path().join("energy.toml");
        std::fs::write(&suite, SUITE).unwrap();
        let (code, stdout, stderr) = run(server.command().args(["submit", "--json"]).arg(&suite));
        assert_eq!(code, 0, "{stderr}");
        let submission: Submission = serde_json::from_str(&stdout).unwrap();
        until("the port is off", || async { (logged() == format!("off {serial}\n")).then_some(()) }).await;
        let device = client.devices().await.unwrap().remove(0);
        assert!(device.detached_until.is_some_and(|until| until > device.last_seen_at), "{device:?}");
        let journal = std::fs::read_to_string(state.join("ports.json")).unwrap();
        assert!(journal.contains(&serial) && journal.contains("\"on\": false"), "{journal}");
        // The server is told that this is no trouble.
        let told = async |device: Option<String>| {
            until(&format!("it is told of {device:?}"), || async {
                let told = client.racks().await.ok()?.pop()?.phones.pop()?.told;
                let why = told.reason.is_some_and(|reason| reason.contains("power is off, as its session asked"));
                (told.phase == RackPhase::Working && told.device == device && why).then_some(())
            })
            .await;
        };
        told(Some(device.name)).await;

        // The host dies, and another one, which has never seen the phone, finds the port off and its time not over.
        host.kill_9();
        let _host = start();
        told(None).await;

        let done = farm::finished(&client, submission.id).await;
        assert!(done.jobs.iter().all(|job| job.state == "done"), "{done:#?}");
        assert_eq!(logged(), format!("off {serial}\non {serial}\n"), "once each, and it was the new host");
        let query = RunQuery { submission: Some(submission.id), ..RunQuery::default() };
        let runs = client.runs(&query).await.unwrap();
        assert_eq!(runs.len(), 1, "{runs:#?}");
        let energy = client.measurement(runs[0].id).await.unwrap().energy;
        let Some(Reading::Value { value: energy }) = energy else { panic!("{energy:?}") };
        assert_eq!(energy.meter.source, EnergySource::FuelGauge);
        let readings = energy.rests.iter().chain(&energy.loops).flat_map(|phase| &phase.readings);
        assert!(readings.clone().count() > 30 && readings.clone().all(|reading| reading.value == -450_000));
        assert!(std::fs::read_to_string(state.join("ports.json")).unwrap().contains("\"on\": true"));
        devices(&server, 1, &["idle"]).await;
        assert!(phones.is_untouched(0));
    });
}

/// A journal with one port that is off until then, and a host that knows no phone; its hub and adb log what they are asked.
fn left_off(folder: &Path, until: &str) -> Command {
    let journal = format!(
        r#"[{{"phone": "R58", "serial": "R58", "port": "1-4.2", "off_at": "2026-11-01T12:00:00Z", "until": "{until}", "on": false}}]"#
    );
    std::fs::write(folder.join("ports.json"), journal).unwrap();
    write_program(&folder.join("hub"), &format!("#!/bin/sh\necho \"$*\" >>'{}'\n", folder.join("hub.log").display()));
    let adb = format!("#!/bin/sh\necho \"$*\" >>'{}'\necho 'List of devices attached'\n", folder.join("adb.log").display());
    write_program(&folder.join("adb"), &adb);
    let mut command = benchrack();
    command.arg("rack").arg("--adb").arg(folder.join("adb")).arg("--state-dir").arg(folder);
    // Nobody answers there.
    command.env("BENCHRACK_SERVER", "http://127.0.0.1:1");
    command
}

/// With the commands for its ports.
fn with_hub<'a>(command: &'a mut Command, folder: &Path) -> &'a mut Command {
    let hub = |what: &str| format!("{} {what} {{hub}} {{nth}}", folder.join("hub").display());
    command.args(["--power-off", &hub("off"), "--power-on", &hub("on")])
}

fn log(folder: &Path, name: &str) -> String {
    std::fs::read_to_string(folder.join(name)).unwrap_or_default()
}

#[test]
fn an_order_first_puts_power_back_on_a_port_whose_time_is_over_or_says_that_it_cannot() {
    let folder = farm::folder();
    let mut list = left_off(folder.path(), "2026-11-01T12:10:00Z");
    let (code, _, stderr) = run(list.arg("list"));
    assert_eq!(code, 0, "{stderr}");
    assert!(stderr.contains("the port of R58 (1-4.2) was switched off, and no power_on is configured"), "{stderr}");
    assert!(stderr.contains("R58: its port's power is off, as its session asked, until 2026-11-01"), "{stderr}");
    with_hub(&mut list, folder.path());
    for _ in 0..2 {
        let (code, _, stderr) = run(&mut list);
        assert_eq!((code, log(folder.path(), "hub.log").as_str()), (0, "on 1-4 2\n"), "once: {stderr}");
        assert!(!stderr.contains("R58"), "{stderr}");
    }
    std::fs::write(folder.path().join("ports.json"), "[{}]").unwrap();
    let (code, _, stderr) = run(&mut list);
    assert!(code == 4 && stderr.contains("is no journal of ports; see that every port has power, then remove it"), "{stderr}");
}

#[tokio::test]
async fn a_watch_that_is_ended_in_order_puts_power_back_before_its_time() {
    let folder = farm::folder();
    let mut watch = left_off(folder.path(), "2999-01-01T00:00:00Z");
    let mut watch = with_hub(&mut watch, folder.path()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    // Its second look comes when it listens for the end.
    until("the watch looks for phones", || async { (log(folder.path(), "adb.log").lines().count() > 1).then_some(()) }).await;
    assert_eq!(log(folder.path(), "hub.log"), "", "its time is not over");
    assert_eq!(run(Command::new("kill").args(["-TERM", &watch.id().to_string()])).0, 0);
    assert!(watch.wait().unwrap().success());
    assert_eq!(log(folder.path(), "hub.log"), "on 1-4 2\n");
}
