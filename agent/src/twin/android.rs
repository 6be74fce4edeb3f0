//! Android beside the kernel: services of init, settings, power modes, as programs ask and turn them.

use std::collections::BTreeMap;

use super::file::AndroidSpec;
use super::layers::Layer;
use super::script::Forced;
use super::world::World;
use crate::sysfs::SysErrorKind;

/// The state of Android at one moment.
#[derive(Debug, Clone)]
pub(super) struct Android {
    /// Whether each service runs; those of layers are theirs.
    services: BTreeMap<String, bool>,
    settings: BTreeMap<(String, String), String>,
    fixed_performance: bool,
}

/// Share of its highest clock at which each policy stands in fixed-performance mode, in hundredths.
const SUSTAINABLE: u64 = 60;

impl Android {
    pub(super) fn of(spec: &AndroidSpec) -> Self {
        let settings = spec.settings.iter().map(|(name, value)| {
            let (namespace, key) = name.split_once(' ').unwrap_or(("global", name));
            ((namespace.to_owned(), key.to_owned()), value.clone())
        });
        Self {
            services: spec.services.iter().map(|name| (name.clone(), true)).collect(),
            settings: settings.collect(),
            fixed_performance: false,
        }
    }

    /// A reboot starts all services and ends modes; settings stay.
    pub(super) fn reboot(&mut self) {
        self.services.values_mut().for_each(|runs| *runs = true);
        self.fixed_performance = false;
    }
}

/// Answers a program that the twin knows.
pub(super) fn run(world: &mut World, program: &str, arguments: &[&str]) -> Option<Result<String, SysErrorKind>> {
    // A device without settings has no program for them.
    if program == "settings" && world.spec.android.settings.is_empty() {
        return None;
    }
    let done = |taken: Result<(), SysErrorKind>| Some(taken.map(|()| String::new()));
    match (program, arguments) {
        ("stop" | "start", [service]) => done(serve(world, service, program == "start")),
        ("setprop", [action @ ("ctl.stop" | "ctl.start"), service]) => done(serve(world, service, *action == "ctl.start")),
        ("settings", ["get", namespace, key]) => {
            let known = world.android.settings.get(&((*namespace).to_owned(), (*key).to_owned())).cloned();
            Some(Ok(known.unwrap_or_else(|| "null".into()) + "\n"))
        }
        ("settings", ["put", namespace, key, value]) => {
            if !ignores(world, &format!("setting {namespace} {key}")) {
                set(world, namespace, key, Some(value));
            }
            done(Ok(()))
        }
        ("settings", ["delete", namespace, key]) => {
            set(world, namespace, key, None);
            done(Ok(()))
        }
        ("cmd", ["power", "set-fixed-performance-mode-enabled", wanted @ ("true" | "false")])
            if world.spec.android.fixed_performance =>
        {
            fix_performance(world, *wanted == "true");
            done(Ok(()))
        }
        // Asked for its help, a program that is there answers.
        ("cmd", ["-l"]) if world.spec.android.fixed_performance => Some(Ok("power\n".into())),
        _ => None,
    }
}

/// Somebody else turns a service (`service NAME`) or a setting (`setting NAMESPACE KEY`); false for anything else.
pub(super) fn turn(world: &mut World, place: &str, value: &str) -> bool {
    if let Some(name) = place.strip_prefix("service ") {
        set_service(world, name, value == "running");
    } else if let Some((namespace, key)) = place.strip_prefix("setting ").and_then(|name| name.split_once(' ')) {
        let (namespace, key) = (namespace.to_owned(), key.to_owned());
        set(world, &namespace, &key, Some(value));
    } else {
        return false;
    }
    true
}

fn ignores(world: &World, place: &str) -> bool {
    matches!(world.script.forced(place), Some(Forced::WritesIgnored))
}

fn set(world: &mut World, namespace: &str, key: &str, value: Option<&str>) {
    let name = (namespace.to_owned(), key.to_owned());
    match value {
        Some(value) => drop(world.android.settings.insert(name, value.to_owned())),
        None => drop(world.android.settings.remove(&name)),
    }
}

fn serve(world: &mut World, name: &str, runs: bool) -> Result<(), SysErrorKind> {
    if !world.spec.root {
        return Err(SysErrorKind::Denied);
    }
    if !ignores(world, &format!("service {name}")) {
        set_service(world, name, runs);
    }
    Ok(())
}

fn set_service(world: &mut World, name: &str, runs: bool) {
    for active in &mut world.layers {
        if matches!(&active.layer, Layer::Hotplug { service, .. } if service == name) {
            active.running = runs;
        }
    }
    if let Some(known) = world.android.services.get_mut(name) {
        *known = runs;
    }
}

/// Each service and whether it runs.
fn services(world: &World) -> impl Iterator<Item = (&str, bool)> {
    let of_layers = world.layers.iter().filter_map(|active| match &active.layer {
        Layer::Hotplug { service, .. } => Some((service.as_str(), active.running)),
        _ => None,
    });
    of_layers.chain(world.android.services.iter().map(|(name, runs)| (name.as_str(), *runs)))
}

fn word(runs: bool) -> &'static str {
    if runs { "running" } else { "stopped" }
}

/// `init.svc.NAME` of a service that the twin has.
pub(super) fn service_property(world: &World, key: &str) -> Option<&'static str> {
    let name = key.strip_prefix("init.svc.")?;
    services(world).find(|(known, _)| *known == name).map(|(_, runs)| word(runs))
}

/// All properties, with the services as they are.
pub(super) fn with_services(properties: String, world: &World) -> String {
    let mut lines: Vec<String> = properties.lines().filter(|line| !line.starts_with("[init.svc.")).map(str::to_owned).collect();
    lines.extend(services(world).map(|(name, runs)| format!("[init.svc.{name}]: [{}]", word(runs))));
    lines.join("\n") + "\n"
}

fn fix_performance(world: &mut World, on: bool) {
    world.android.fixed_performance = on;
    for policy in &mut world.policies {
        let wanted = policy.highest() * SUSTAINABLE / 100;
        let point = policy.points.iter().rev().find(|point| point.khz <= wanted).map(|point| point.khz);
        policy.mode = on.then(|| point.unwrap_or_else(|| policy.lowest()));
        policy.govern(false);
    }
}
