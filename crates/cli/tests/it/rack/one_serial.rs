//! Phones whose maker gave all of them one serial number.

use super::phones::{Phones, in_namespaces};
use super::{agents, devices, order};
use crate::farm::{self, Server};

#[test]
fn two_phones_with_one_serial_number_are_two_devices_and_stay_those() {
    in_namespaces("rack::one_serial::two_phones_with_one_serial_number_are_two_devices_and_stay_those", || async {
        let folder = farm::folder();
        let phones = Phones::start(folder.path(), 2);
        let server = Server::start(&folder.path().join("server"), 60);
        (0..2).for_each(|nth| phones.name(nth, "0123456789ABCDEF"));
        let (code, stdout, stderr) = order(&server, &phones, &["deploy"]);
        assert_eq!(code, 0, "{stdout} {stderr}");
        let keys = |devices: Vec<benchrack_protocol::api::Device>| {
            let mut keys: Vec<String> = devices.into_iter().map(|device| format!("{} {:?}", device.key, device.labels)).collect();
            keys.sort();
            keys
        };
        let first = keys(devices(&server, 2, &["idle"]).await);

        // Restarted, each is the device that it was.
        for ((phone, pid), nth) in agents(&server, &phones).into_iter().zip(0..) {
            assert_eq!(phone, phones.serial(nth));
            let kill = format!("kill -9 {}", pid.unwrap());
            assert_eq!(order(&server, &phones, &["shell", &phone, &kill]).0, 0);
        }
        let (code, stdout, stderr) = order(&server, &phones, &["deploy"]);
        assert!(code == 0 && stdout.matches(": started").count() == 2, "{stdout} {stderr}");
        assert_eq!(keys(devices(&server, 2, &["idle"]).await), first);
        assert_eq!(server.client().devices().await.unwrap().len(), 2);
    });
}
