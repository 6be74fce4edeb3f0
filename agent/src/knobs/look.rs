//! Which knobs of the registry are on a device, what they say, and whether this user may turn them. Reads only.

use std::collections::BTreeMap;

use benchrack_protocol::access::RootForm;
use benchrack_protocol::device::DeviceReport;
use benchrack_protocol::evidence::ClockTarget;
use benchrack_protocol::reading::{Missing, Reading};
use serde::Serialize;

use super::plan::{self, Scene, Spot};
use super::ports::{self, Ports};
use super::{Access, Knob, Place, all};
use crate::device::Device;
use crate::probe::getprop;

/// One knob on one device.
#[derive(Debug, Serialize)]
pub struct Row {
    /// Name in the registry.
    pub name: &'static str,
    /// What turning it does.
    pub effect: &'static str,
    /// Why it is never turned here, if that is so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub denied: Option<&'static str>,
    /// Each place where it is; none where the device does not have it.
    pub places: Vec<PlaceRow>,
}

/// One place.
#[derive(Debug, Serialize)]
pub struct PlaceRow {
    /// Path, service, setting or command.
    pub place: String,
    /// What it says.
    pub now: Reading<String>,
    /// Whether this user may turn it; a vendor's layer may still take it back.
    pub writable: bool,
}

/// All knobs of the registry on this device, and how root is had.
pub fn look(device: &Device, known: &DeviceReport) -> (Option<RootForm>, Vec<Row>) {
    let ports = Ports::of(device);
    let properties = getprop::read(device.commands.as_ref()).value().cloned().unwrap_or_default();
    let cpus = known.cpus_possible.value().cloned().unwrap_or_default();
    let aim = |policy: &benchrack_protocol::device::CpufreqPolicy| {
        let target = policy.hardware_max.value().or(policy.scaling_max.value()).copied().unwrap_or_default();
        ClockTarget { policy: policy.path.clone(), cpus: policy.cpus.clone(), asked: "max".into(), target }
    };
    let targets: Vec<ClockTarget> = known.policies.iter().map(aim).collect();
    let scene = Scene {
        ports: &ports,
        cpus: &cpus,
        online: known.cpus_online.value().unwrap_or(&cpus),
        policies: &known.policies,
        targets: &targets,
        properties: &properties,
    };
    let rows = all().map(|knob| row(knob, &scene, &properties)).collect();
    (ports.root(), rows)
}

fn row(knob: &'static Knob, scene: &Scene<'_>, properties: &BTreeMap<String, String>) -> Row {
    let mut places: Vec<PlaceRow> = Vec::new();
    for step in plan::steps(knob, scene, None) {
        let place = step.spot.name();
        if places.iter().any(|known| known.place == place) {
            continue;
        }
        if let Some(row) = place_row(knob, scene.ports, &step.spot, place) {
            places.push(row);
        }
    }
    Row { name: knob.name, effect: knob.effect, denied: plan::denied(knob, properties), places }
}

/// None where there is nothing.
fn place_row(knob: &Knob, ports: &Ports<'_>, spot: &Spot, place: String) -> Option<PlaceRow> {
    let device = ports.device();
    let may = knob.access == Access::Shell || ports.root().is_some();
    let ask = |command: &[&str]| {
        let command: Vec<String> = command.iter().map(|&word| word.to_owned()).collect();
        match ports.run(&command, false) {
            Ok(text) => Reading::of(text.trim().to_owned()),
            Err(error) => error.into_reading(),
        }
    };
    let (now, writable) = match spot {
        Spot::File(path) => {
            let now = match ports.read(path) {
                Ok(text) => Reading::of(text.trim().to_owned()),
                Err(error) => error.into_reading(),
            };
            let su = matches!(ports.root(), Some(RootForm::SuCommand | RootForm::SuUid));
            (now, device.sysfs.writable(path) || su)
        }
        Spot::Service(name) => (ask(&["getprop", &format!("init.svc.{name}")]), may),
        Spot::Setting(namespace, key) => (ask(&["settings", "get", namespace, key]), may),
        Spot::Program(command) => {
            // Whether it works is only told by using it.
            let there = command.first().is_some_and(|program| {
                let asked = device.commands.run(program, &["-l"]);
                asked.is_ok() || asked.is_err_and(|error| error.kind != crate::sysfs::SysErrorKind::NotFound)
            });
            if !there {
                return None;
            }
            (Reading::missing(Missing::NotAsked, "there is no way to ask what is set"), may)
        }
    };
    let absent = matches!(now, Reading::Missing { missing: Missing::Absent, .. });
    (!absent).then_some(PlaceRow { place, now, writable })
}

/// For people: what is here, grouped by whether it may be turned.
pub fn describe(root: Option<RootForm>, rows: &[Row]) -> String {
    use std::fmt::Write as _;
    let mut text = format!("{}\n", ports::described(root));
    let mut absent = Vec::new();
    for row in rows {
        if row.places.is_empty() {
            absent.push(row.name);
            continue;
        }
        // Writing into a String cannot fail.
        let _ = writeln!(text, "\n{}  {}", row.name, row.effect);
        if let Some(why) = row.denied {
            let _ = writeln!(text, "  never turned here: {why}");
        }
        for place in &row.places {
            let may = if place.writable { "may be turned" } else { "read only for this user" };
            let now = match &place.now {
                Reading::Value { value } => crate::sysfs::excerpt(value),
                Reading::Missing { missing, .. } => missing.to_string(),
            };
            let _ = writeln!(text, "  {}  {now}  ({may})", place.place);
        }
    }
    let _ = writeln!(text, "\nnot on this device: {}", absent.join(", "));
    text
}

/// Where a knob is, for the table.
pub(super) fn places(place: Place) -> Vec<String> {
    match place {
        Place::Files(paths) => paths.iter().map(|path| format!("/{path}")).collect(),
        Place::Policy(file) => vec![format!("policy's {file}")],
        Place::Cpu(file) => vec![format!("/sys/devices/system/cpu/cpuN/{file}")],
        Place::FirstCpu(file) => vec![format!("cluster's first CPU's {file}")],
        Place::Setting(namespace, key) => vec![format!("settings {namespace} {key}")],
        Place::Service(names) => names.iter().map(|name| format!("service {name}")).collect(),
        Place::Program { command, .. } => vec![command.join(" ")],
    }
}
