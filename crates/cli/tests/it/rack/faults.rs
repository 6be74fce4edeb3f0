//! Phones that get wrong bytes, answer slowly, are listed twice, or do not charge.

use std::process::Stdio;

use benchrack_protocol::rack::RackPhase;

use super::phones::{Phones, in_namespaces, write_program};
use super::{agents, devices, json, order};
use crate::farm::{self, Process, Server, until};

#[test]
fn an_agent_that_arrives_damaged_replaces_nothing_and_is_sent_again() {
    in_namespaces("rack::faults::an_agent_that_arrives_damaged_replaces_nothing_and_is_sent_again", || async {
        let folder = farm::folder();
        let phones = Phones::start(folder.path(), 1);
        let server = Server::start(&folder.path().join("server"), 60);
        // A cable that changes a byte on the way, and says nothing.
        let arrived = phones.path(0, "data/local/tmp/benchrack/benchrack-agent.new");
        let adb = folder.path().join("adb");
        let change = format!("printf X | dd of='{}' bs=1 seek=1000 conv=notrunc 2>/dev/null", arrived.display());
        write_program(
            &adb,
            &format!("#!/bin/sh\nadb \"$@\" || exit\ncase \"$*\" in *push*benchrack-agent.new) {change} ;; esac\n"),
        );
        let (code, stdout, _) = order(&server, &phones, &["deploy", "--adb", &adb.to_string_lossy()]);
        assert!(code == 4 && stdout.contains("arrived damaged: its SHA-256 is "), "{stdout}");
        let there = |name: &str| phones.path(0, "data/local/tmp/benchrack").join(name).exists();
        assert!(!there("benchrack-agent.new") && !there("benchrack-agent") && !there("token"), "nothing half-done is left");
        let (code, stdout, stderr) = order(&server, &phones, &["deploy"]);
        assert_eq!(code, 0, "{stdout} {stderr}");
        devices(&server, 1, &["idle"]).await;
    });
}

#[test]
fn a_slow_phone_is_waited_for_and_one_whose_shell_never_ends_is_not() {
    in_namespaces("rack::faults::a_slow_phone_is_waited_for_and_one_whose_shell_never_ends_is_not", || async {
        let folder = farm::folder();
        let phones = Phones::start(folder.path(), 1);
        let server = Server::start(&folder.path().join("server"), 60);
        let getprop = std::fs::read_to_string(phones.path(0, "system/bin/getprop")).unwrap();
        let begun = |rest: &str| getprop.replacen("#!/bin/sh", &format!("#!/bin/sh\n{rest}"), 1);
        phones.program(0, "getprop", &begun("sleep 2"));
        let (code, stdout, stderr) = order(&server, &phones, &["deploy"]);
        assert_eq!(code, 0, "{stdout} {stderr}");
        devices(&server, 1, &["idle"]).await;

        phones.program(0, "getprop", &begun("sleep 100000"));
        let (_, stdout, stderr) = order(&server, &phones, &["deploy"]);
        assert!(stdout.contains("gave no answer within 60 s"), "{stdout} {stderr}");
        phones.program(0, "getprop", &getprop);
        let (_, stdout, _) = order(&server, &phones, &["deploy"]);
        assert!(stdout.contains("is as it shall be"), "{stdout}");
    });
}

#[test]
fn a_phone_listed_by_two_adb_servers_has_a_name_at_each() {
    in_namespaces("rack::faults::a_phone_listed_by_two_adb_servers_has_a_name_at_each", || async {
        let folder = farm::folder();
        let phones = Phones::start(folder.path(), 1);
        let server = Server::start(&folder.path().join("server"), 60);
        let serial = phones.serial(0);
        phones.adb(&["-P", "5038", "connect", &serial]);
        let both = ["--adb-server", "127.0.0.1:5037", "--adb-server", "127.0.0.1:5038"];
        let (code, table, stderr) = order(&server, &phones, &[&["list"][..], &both].concat());
        assert_eq!(code, 0, "{stderr}");
        for port in ["5037", "5038"] {
            assert!(table.contains(&format!("{serial}@127.0.0.1:{port}")), "{table}");
        }
        let alone = json(&server, &phones, &["list", "--adb-server", "127.0.0.1:5038"]);
        assert_eq!(alone[0]["serial"], serial.as_str());
        assert!(alone[0]["listed_by"].is_null(), "{alone}");
        phones.adb(&["-P", "5038", "kill-server"]);
        assert_eq!(agents(&server, &phones).len(), 1);
    });
}

#[test]
fn a_phone_that_does_not_charge_is_cycled_then_put_aside_and_let_in_again_when_it_does() {
    in_namespaces(
        "rack::faults::a_phone_that_does_not_charge_is_cycled_then_put_aside_and_let_in_again_when_it_does",
        || async {
            let folder = farm::folder();
            let phones = Phones::start(folder.path(), 1);
            let server = Server::start(&folder.path().join("server"), 60);
            let client = server.client();
            phones.program(0, "dumpsys", "#!/bin/sh\n[ \"$1\" = battery ] && cat /etc/battery\n");
            let battery = |status: u8| {
                let text = format!(
                    "Current Battery Service state:\n  USB powered: true\n  status: {status}\n  level: 9\n  scale: 100\n"
                );
                std::fs::write(phones.path(0, "etc/battery"), text).unwrap();
            };
            battery(3);
            let config = folder.path().join("rack.toml");
            std::fs::write(&config, "[watch]\nbattery_s = 10\n").unwrap();
            // A hub's command, and the ports that it was asked to cycle.
            let (cycle, cycled) = (folder.path().join("cycle"), folder.path().join("cycled"));
            write_program(&cycle, &format!("#!/bin/sh\necho \"$1\" >>'{}'\n", cycled.display()));
            let start = || {
                let power = format!("{} {{serial}}", cycle.display());
                let mut command = phones.rack(&server);
                Process::start(command.arg("--config").arg(&config).args(["--power-cycle", &power]).stdout(Stdio::null()))
            };
            let host = start();
            let is = async |state: &str| {
                until(&format!("the device is {state}"), || async {
                    let device = client.devices().await.ok()?.pop()?;
                    (device.state == state).then_some(device)
                })
                .await
            };
            let device = is("quarantined").await;
            let why = "its battery is low and does not charge; tried cycling the port's power";
            assert_eq!(device.reason, Some(format!("rack test-rack: {why}")));
            assert_eq!(std::fs::read_to_string(&cycled).unwrap(), format!("{}\n", phones.serial(0)));
            let racks = client.racks().await.unwrap();
            assert_eq!(racks[0].host, "test-rack");
            let told = &racks[0].phones[0].told;
            assert_eq!((told.phase, told.reason.as_deref()), (RackPhase::Quarantined, Some(why)));
            assert_eq!((racks[0].quarantines.len(), racks[0].quarantines[0].ended_at), (1, None));

            // Somebody has put another cable in, and starts the watch again.
            drop(host);
            battery(2);
            let _host = start();
            is("idle").await;
            until("the quarantine is over", || async {
                let racks = client.racks().await.ok()?;
                (racks[0].quarantines[0].ended_at.is_some() && racks[0].phones[0].told.phase == RackPhase::Working).then_some(())
            })
            .await;
        },
    );
}
