//! Batteries and temperatures of captured phones, where they are at hand: right or unknown, never wrong.

use std::collections::BTreeMap;

use benchrack_agent::device::Device;
use benchrack_agent::probe::probe;
use benchrack_protocol::device::DeviceReport;

use super::phones::{folder, table};

/// How many of the answers were right, unknown and wrong.
#[derive(Default)]
struct Score {
    right: usize,
    unknown: Vec<String>,
    wrong: Vec<String>,
}

impl Score {
    /// `-` in the index is a figure of which nobody knows anything: an answer to it is not judged.
    fn judge(&mut self, device: &str, expected: &str, found: Option<i64>) {
        match (expected.parse::<i64>(), found) {
            (Ok(expected), Some(found)) if expected == found => self.right += 1,
            (Ok(_), None) => self.unknown.push(device.into()),
            (Err(_), None) if expected != "-" => self.right += 1,
            (Err(_), _) if expected == "-" => {}
            _ => self.wrong.push(format!("{device}: expected {expected}, found {found:?}")),
        }
    }
}

fn battery_temperature(report: &DeviceReport) -> Option<i64> {
    let battery = report.battery.as_ref().and_then(|battery| battery.now.temperature.value());
    let zone =
        || report.temperatures.iter().find(|sensor| sensor.kind == "battery").and_then(|sensor| sensor.temperature.value());
    battery.or_else(zone).map(|temperature| temperature.0)
}

#[test]
fn batteries_are_read_as_a_careful_reader_does_or_not_at_all() {
    let Some(folder) = folder("phones-power") else { return };
    let mut scores: BTreeMap<&str, Score> = BTreeMap::new();
    for row in table(&folder.join("INDEX.tsv")) {
        let name = &row["name"];
        let report = probe(&Device::captured(&folder.join(name)).unwrap(), None);
        let now = report.battery.as_ref().map(|battery| &battery.now);
        let mut judge = |what, expected: &str, found| scores.entry(what).or_default().judge(name, expected, found);
        let current = now.and_then(|now| now.current.value()).map(|current| current.0);
        // A current whose direction nobody can tell must not be given, nor one that the index leaves open.
        let open = row["current_uA_into_battery"] == "-";
        judge("current", if open { "none" } else { &row["current_uA_into_battery"] }, current);
        judge("voltage", &row["voltage_uV"], now.and_then(|now| now.voltage.value()).map(|voltage| voltage.0));
        judge("temperature", &row["battery_temp_mC"], battery_temperature(&report));
        judge("level", &row["level"], now.and_then(|now| now.level_percent.value()).map(|&level| i64::from(level)));
        let states = ["charging", "discharging", "not-charging", "full"];
        if let Some(expected) = states.iter().position(|state| *state == row["state"]) {
            let stated = now.and_then(|now| now.status.value()).map(|status| status.to_lowercase().replace(' ', "-"));
            let found = stated.and_then(|stated| states.iter().position(|state| *state == stated));
            let number = |at: usize| i64::try_from(at).unwrap();
            judge("state", &number(expected).to_string(), found.map(number));
        }
    }
    for (what, score) in &scores {
        println!("{what}: right {}, unknown {:?}", score.right, score.unknown);
        assert!(score.wrong.is_empty(), "{what}: {:#?}", score.wrong);
    }
    // One moment under one load says neither unit nor sign.
    assert_eq!(scores["current"].unknown, ["xiaomi-mi-8", "samsung-msm-sysprobe"]);
    // Its owner tells the state, and no file.
    assert_eq!(scores["state"].unknown, ["leeco-le-pro3-zl1"]);
    for what in ["voltage", "temperature", "level"] {
        assert_eq!(scores[what].unknown, Vec::<String>::new(), "{what}");
    }
}

#[test]
fn three_units_side_by_side_on_one_phone_are_told_apart() {
    let Some(folder) = folder("phones-power") else { return };
    let report = probe(&Device::captured(&folder.join("leeco-le-pro3-zl1")).unwrap(), None);
    let hottest =
        report.temperatures.iter().filter_map(|sensor| Some((sensor.temperature.value()?.0, sensor.kind.as_str()))).max();
    assert_eq!(hottest, Some((58_000, "tsens_tz_sensor8")));
}

#[test]
fn old_and_foreign_values_of_the_thermal_service_are_no_temperatures() {
    let Some(folder) = folder("phones-power") else { return };
    let report = probe(&Device::captured(&folder.join("google-pixel-6-family")).unwrap(), None);
    let degrees: Vec<i64> =
        report.temperatures.iter().filter_map(|sensor| sensor.temperature.value()).map(|value| value.0).collect();
    assert!(degrees.len() >= 8, "{degrees:?}");
    assert!(degrees.iter().all(|degrees| (22_000..=27_100).contains(degrees)), "{degrees:?}");
}
