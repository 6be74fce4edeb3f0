//! From entries of the registry to steps on one device.

use std::collections::BTreeMap;

use benchrack_protocol::cpuset::CpuSet;
use benchrack_protocol::device::CpufreqPolicy;
use benchrack_protocol::evidence::ClockTarget;

use super::ports::Ports;
use super::{Knob, Place, Value};
use crate::probe::cpufreq::CPU;

/// What a session wants, on a device as it is now.
pub struct Scene<'a> {
    /// The device.
    pub ports: &'a Ports<'a>,
    /// CPUs of the session.
    pub cpus: &'a CpuSet,
    /// CPUs that are online.
    pub online: &'a CpuSet,
    /// All policies, in the order of their first CPU.
    pub policies: &'a [CpufreqPolicy],
    /// Policies that are pinned, and where.
    pub targets: &'a [ClockTarget],
    /// System properties, for the deny lists.
    pub properties: &'a BTreeMap<String, String>,
}

/// One write to one place.
#[derive(Debug, Clone)]
pub struct Step {
    /// The entry.
    pub knob: &'static Knob,
    /// Where.
    pub spot: Spot,
    /// What is written.
    pub asked: String,
    /// How that reads back, in the form's one spelling; none where it cannot be told.
    pub expected: Option<String>,
    /// Frequencies of a cluster by index, for forms that read back as an index.
    pub table: Vec<u64>,
    /// The policy that this pins, if it pins one.
    pub policy: Option<String>,
}

/// Where a step is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Spot {
    /// A file.
    File(String),
    /// A service of init by its name.
    Service(String),
    /// A setting by namespace and key.
    Setting(String, String),
    /// A program and its first arguments.
    Program(Vec<String>),
}

impl Spot {
    /// For evidence and logs.
    pub fn name(&self) -> String {
        match self {
            Self::File(path) => path.clone(),
            Self::Service(name) => format!("service {name}"),
            Self::Setting(namespace, key) => format!("setting {namespace} {key}"),
            Self::Program(command) => command.join(" "),
        }
    }
}

/// Why an entry is not turned on this device although it is there.
pub fn denied(knob: &Knob, properties: &BTreeMap<String, String>) -> Option<&'static str> {
    let here =
        |denied: &&super::Denied| properties.get(denied.property).is_some_and(|value| denied.values.contains(&value.trim()));
    knob.denied.iter().find(here).map(|denied| denied.why)
}

/// The steps of an entry, in order. Places that do not exist give none; what exists and cannot be read gives a step that
/// will say so. `given` is the configuration's value.
pub fn steps(knob: &'static Knob, scene: &Scene<'_>, given: Option<&str>) -> Vec<Step> {
    let step = |spot: Spot, asked: String| {
        let expected = knob.form.expected(&asked, &[]);
        Step { knob, spot, asked, expected, table: Vec::new(), policy: None }
    };
    match knob.place {
        Place::Files(patterns) => {
            let paths: Vec<String> = patterns.iter().flat_map(|pattern| matching(scene.ports, pattern)).collect();
            paths.into_iter().flat_map(|path| at_file(knob, scene, path, given)).collect()
        }
        Place::Policy(file) => scene
            .policies
            .iter()
            .filter(|policy| policy.cpus.iter().any(|cpu| scene.cpus.contains(cpu)))
            .filter_map(|policy| {
                let asked = match knob.value {
                    Value::Target => scene.targets.iter().find(|target| target.policy == policy.path)?.target.0.to_string(),
                    Value::Fixed(value) | Value::Default(value) => given.unwrap_or(value).to_owned(),
                    _ => return None,
                };
                let spot = Spot::File(format!("{CPU}/{}/{file}", policy.path));
                Some(Step { policy: Some(policy.path.clone()), ..step(spot, asked) })
            })
            .collect(),
        Place::Cpu(file) => scene
            .cpus
            .iter()
            .flat_map(|cpu| matching(scene.ports, &format!("{CPU}/cpu{cpu}/{file}")))
            // The first idle state is the shallowest: a CPU without it would spin or never rest.
            .filter(|path| !path.contains("/cpuidle/state0/"))
            .flat_map(|path| at_file(knob, scene, path, given))
            .collect(),
        Place::FirstCpu(file) => scene
            .policies
            .iter()
            .filter(|policy| policy.cpus.iter().any(|cpu| scene.cpus.contains(cpu)))
            .filter_map(|policy| {
                let path = format!("{CPU}/cpu{}/{file}", policy.cpus.iter().next()?);
                let asked = match knob.value {
                    Value::ClusterSize => policy.cpus.len().to_string(),
                    Value::Fixed(value) => value.to_owned(),
                    _ => return None,
                };
                exists(scene.ports, &path).then(|| step(Spot::File(path), asked))
            })
            .collect(),
        Place::Setting(namespace, key) => match knob.value {
            Value::Fixed(value) | Value::Default(value) => {
                vec![step(Spot::Setting(namespace.into(), key.into()), given.unwrap_or(value).into())]
            }
            _ => Vec::new(),
        },
        Place::Service(names) => {
            let known = |name: &&&str| scene.properties.contains_key(&format!("init.svc.{name}"));
            let Value::Fixed(state) = knob.value else { return Vec::new() };
            names.iter().filter(known).map(|name| step(Spot::Service((*name).into()), state.into())).collect()
        }
        Place::Program { command, .. } => match knob.value {
            Value::Fixed(value) => {
                vec![step(Spot::Program(command.iter().map(|&word| word.to_owned()).collect()), value.into())]
            }
            _ => Vec::new(),
        },
    }
}

/// The steps at one file.
fn at_file(knob: &'static Knob, scene: &Scene<'_>, path: String, given: Option<&str>) -> Vec<Step> {
    let step = |asked: String| {
        let expected = knob.form.expected(&asked, &[]);
        Step { knob, spot: Spot::File(path.clone()), asked, expected, table: Vec::new(), policy: None }
    };
    match knob.value {
        Value::Fixed(value) => vec![step(value.into())],
        Value::Default(value) => vec![step(given.unwrap_or(value).into())],
        Value::Online => vec![step(scene.online.to_string())],
        Value::Pairs => {
            let of = |target: &ClockTarget| {
                target.cpus.iter().map(|cpu| format!("{cpu}:{}", target.target.0)).collect::<Vec<_>>().join(" ")
            };
            let pairs: Vec<String> = scene.targets.iter().map(of).collect();
            if pairs.is_empty() { Vec::new() } else { vec![step(pairs.join(" "))] }
        }
        Value::ClusterTarget => {
            let numbered = scene.policies.iter().enumerate();
            let pinned = numbered
                .filter_map(|(nth, policy)| Some((nth, scene.targets.iter().find(|target| target.policy == policy.path)?)));
            pinned
                .map(|(nth, target)| {
                    let table = ppm_table(scene.ports, nth);
                    let asked = format!("{nth} {}", target.target.0);
                    let expected = knob.form.expected(&asked, &table);
                    Step { expected, table, policy: Some(target.policy.clone()), ..step(asked) }
                })
                .collect()
        }
        Value::Highest(table) => highest(scene.ports, &path, table).map(|khz| step(khz.to_string())).into_iter().collect(),
        Value::Target | Value::ClusterSize => Vec::new(),
    }
}

/// The frequencies of a PPM cluster by index, highest first as the driver prints them.
fn ppm_table(ports: &Ports<'_>, cluster: usize) -> Vec<u64> {
    let text = ports.read(&format!("proc/ppm/dump_cluster_{cluster}_dvfs_table")).unwrap_or_default();
    text.split_whitespace().filter_map(|word| word.parse().ok()).collect()
}

/// The highest frequency of the table beside a file or one folder up, else the ceiling beside it.
fn highest(ports: &Ports<'_>, path: &str, table: &str) -> Option<u64> {
    let folder = path.rsplit_once('/')?.0;
    let above = folder.rsplit_once('/')?.0;
    let most = |file: String| {
        let text = ports.read(&file).ok()?;
        text.split_whitespace().filter_map(|word| word.parse::<u64>().ok()).max()
    };
    most(format!("{folder}/{table}")).or_else(|| most(format!("{above}/{table}"))).or_else(|| most(format!("{folder}/max_freq")))
}

/// Whether a file is there, readable or not.
fn exists(ports: &Ports<'_>, path: &str) -> bool {
    let Some((folder, name)) = path.rsplit_once('/') else { return false };
    ports.list(folder).is_ok_and(|names| names.iter().any(|known| known == name))
}

/// Existing paths of a pattern, sorted.
pub fn matching(ports: &Ports<'_>, pattern: &str) -> Vec<String> {
    let mut paths = vec![String::new()];
    for part in pattern.split('/') {
        let mut next = Vec::new();
        for folder in paths {
            let joined = |name: &str| if folder.is_empty() { name.to_owned() } else { format!("{folder}/{name}") };
            if part.contains('*') {
                let names = ports.list(&folder).unwrap_or_default();
                next.extend(names.iter().filter(|name| fits(part, name)).map(|name| joined(name)));
            } else {
                next.push(joined(part));
            }
        }
        paths = next;
    }
    paths.retain(|path| exists(ports, path));
    paths
}

/// Whether a name fits a pattern of literal parts with `*` between them.
fn fits(pattern: &str, name: &str) -> bool {
    let Some((first, rest)) = pattern.split_once('*') else { return pattern == name };
    let Some(mut left) = name.strip_prefix(first) else { return false };
    let mut parts: Vec<&str> = rest.split('*').collect();
    let last = parts.pop().unwrap_or_default();
    for part in parts {
        match left.split_once(part) {
            Some((_, after)) => left = after,
            None => return false,
        }
    }
    left.ends_with(last)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::device::Device;
    use crate::sysfs::Captured;

    #[test]
    fn patterns_find_what_exists_and_nothing_else() {
        for (pattern, name, expected) in [
            ("*bw*", "soc:qcom,cpubw", true),
            ("*bw*", "soc:qcom,l3-cpu0", false),
            ("state*", "state12", true),
            ("a*b*c", "axxbyyc", true),
            ("a*b*c", "axxcyyb", false),
            ("*", "x", true),
        ] {
            assert_eq!(fits(pattern, name), expected, "{pattern} {name}");
        }
        let files = Captured::default();
        files.set("sys/class/devfreq/soc:qcom,cpubw/min_freq", "1\n");
        files.set("sys/class/devfreq/soc:qcom,gpubw/max_freq", "1\n");
        let device = Device::of(Arc::new(files));
        let found = matching(&Ports::of(&device), "sys/class/devfreq/*bw*/min_freq");
        assert_eq!(found, ["sys/class/devfreq/soc:qcom,cpubw/min_freq"]);
    }
}
