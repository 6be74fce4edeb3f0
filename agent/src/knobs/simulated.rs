//! A simulated kernel with vendors' layers around captured files, for tests: it takes values in the form of each knob and
//! prints them in the other one, refuses what a kernel refuses, can fight back, and can stop the world after a write.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use benchrack_protocol::cpuset::CpuSet;
use tokio::time::Instant;

use crate::device::Device;
use crate::session::simulated::simulated;
use crate::sysfs::{Captured, Commands, SysError, SysErrorKind, SysFs};
use crate::twin::FileForm;

const CPU: &str = "sys/devices/system/cpu";
/// Operating points of the simulated clusters, highest first, as PPM prints them.
pub(crate) const POINTS: [[u64; 4]; 2] = [[1_800_000, 1_200_000, 600_000, 300_000], [2_400_000, 1_500_000, 1_200_000, 800_000]];

/// How a knob fights back.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Fight {
    /// Takes every write and puts the old value back at once.
    Undoes,
    /// Shows a new value only after this time.
    Settles(Duration),
    /// Refuses writes.
    Refuses(SysErrorKind),
    /// Does not answer the first so many reads.
    Silent(usize),
}

#[derive(Default)]
struct State {
    fights: BTreeMap<String, Fight>,
    late: Vec<(Instant, String, String)>,
    writes_left: Option<usize>,
    writes: usize,
    /// Whether a write of this number is refused at random.
    dice: Option<fn(u64) -> bool>,
    seed: u64,
    services: BTreeMap<String, String>,
    settings: BTreeMap<(String, String), String>,
    fixed_performance: bool,
    unplugged: BTreeMap<u32, BTreeMap<String, String>>,
    user: u32,
}

/// The kernel.
pub(crate) struct Kernel {
    pub(crate) files: Arc<Captured>,
    state: Mutex<State>,
}

impl Kernel {
    /// Around these files.
    pub(crate) fn of(files: Captured) -> Arc<Self> {
        Arc::new(Self { files: Arc::new(files), state: Mutex::default() })
    }

    /// A phone of two clusters, CPU 7 offline, without vendors' layers.
    pub(crate) fn phone() -> Arc<Self> {
        let kernel = Self::of(Captured::default());
        let set = |path: &str, text: &str| kernel.files.set(path, text);
        set(&format!("{CPU}/present"), "0-7\n");
        set(&format!("{CPU}/possible"), "0-7\n");
        set(&format!("{CPU}/online"), "0-7\n");
        set("proc/sys/kernel/arch", "aarch64\n");
        set("proc/sys/kernel/random/boot_id", "one\n");
        for (cluster, first) in [(0, 0u32), (1, 4)] {
            let points = POINTS[cluster].map(|point| point.to_string());
            for folder in
                [format!("cpufreq/policy{first}")].into_iter().chain((first..first + 4).map(|cpu| format!("cpu{cpu}/cpufreq")))
            {
                let file = |name: &str, text: &str| set(&format!("{CPU}/{folder}/{name}"), &format!("{text}\n"));
                file("related_cpus", &format!("{first}-{}", first + 3));
                file("scaling_available_frequencies", &points.join(" "));
                file("scaling_governor", "schedutil");
                file("cpuinfo_min_freq", &points[3]);
                file("cpuinfo_max_freq", &points[0]);
                file("scaling_min_freq", &points[3]);
                file("scaling_max_freq", &points[0]);
            }
            for cpu in first..first + 4 {
                set(&format!("{CPU}/cpu{cpu}/online"), "1\n");
                set(&format!("{CPU}/cpu{cpu}/cpu_capacity"), if cluster == 0 { "400\n" } else { "1024\n" });
            }
        }
        kernel
    }

    /// Adds a vendor's layer of each kind, and everything that can be asked for.
    pub(crate) fn with_all_layers(self: Arc<Self>) -> Arc<Self> {
        for knob in super::all() {
            self.add(knob);
        }
        self
    }

    /// The device.
    pub(crate) fn device(self: &Arc<Self>) -> Device {
        Device { sysfs: self.clone(), commands: self.clone(), ..simulated(&self.files) }
    }

    pub(crate) fn fight(&self, place: &str, fight: Fight) {
        self.state.lock().unwrap().fights.insert(place.into(), fight);
    }

    /// Everything after so many writes fails; none lets all pass.
    pub(crate) fn stop_after(&self, writes: Option<usize>) {
        self.state.lock().unwrap().writes_left = writes;
    }

    /// Refuses a third of the writes, chosen by this seed; none refuses nothing.
    pub(crate) fn refuse_at_random(&self, seed: Option<u64>) {
        let mut state = self.state.lock().unwrap();
        state.dice = seed.map(|_| (|roll: u64| roll.is_multiple_of(3)) as fn(u64) -> bool);
        state.seed = seed.unwrap_or_default();
    }

    /// Runs commands as this user from now on.
    pub(crate) fn be_user(&self, user: u32) {
        self.state.lock().unwrap().user = user;
    }

    pub(crate) fn writes(&self) -> usize {
        self.state.lock().unwrap().writes
    }

    pub(crate) fn service(&self, name: &str, state: &str) {
        self.state.lock().unwrap().services.insert(name.into(), state.into());
    }

    pub(crate) fn setting(&self, namespace: &str, key: &str, value: &str) {
        self.state.lock().unwrap().settings.insert((namespace.into(), key.into()), value.into());
    }

    /// Takes a CPU away as a hotplug daemon does: on older kernels its cpufreq folder goes with it.
    pub(crate) fn unplug(&self, cpu: u32) {
        let below = format!("{CPU}/cpu{cpu}/cpufreq");
        let gone = self.files.files().into_iter().filter(|(path, _)| path.starts_with(&below)).collect();
        self.state.lock().unwrap().unplugged.insert(cpu, gone);
        self.files.remove(&below);
        self.files.set(&format!("{CPU}/cpu{cpu}/online"), "0\n");
        self.list_online(cpu, false);
    }

    fn plug(&self, cpu: u32) {
        for (path, text) in self.state.lock().unwrap().unplugged.remove(&cpu).unwrap_or_default() {
            self.files.set(&path, &text);
        }
        self.files.set(&format!("{CPU}/cpu{cpu}/online"), "1\n");
        self.list_online(cpu, true);
    }

    fn list_online(&self, cpu: u32, on: bool) {
        let path = format!("{CPU}/online");
        let Ok(text) = self.files.read(&path) else { return };
        let online: CpuSet = text.trim().parse().unwrap();
        let online: CpuSet = online.iter().filter(|&other| other != cpu).chain(on.then_some(cpu)).collect();
        self.files.set(&path, &format!("{online}\n"));
    }

    /// Everything that can be changed, for comparison.
    pub(crate) fn everything(&self) -> BTreeMap<String, String> {
        self.arrive();
        let state = self.state.lock().unwrap();
        let mut all = self.files.files();
        all.extend(state.services.iter().map(|(name, value)| (format!("service {name}"), value.clone())));
        all.extend(state.settings.iter().map(|((space, key), value)| (format!("setting {space} {key}"), value.clone())));
        all.insert("fixed performance".into(), state.fixed_performance.to_string());
        all
    }

    /// Counts a write; says whether it comes through.
    fn admit(&self, place: &str) -> Result<Option<Fight>, SysError> {
        let mut state = self.state.lock().unwrap();
        if let Some(left) = &mut state.writes_left {
            match left.checked_sub(1) {
                Some(fewer) => *left = fewer,
                None => return Err(SysError::new(SysErrorKind::Io, place, "killed")),
            }
        }
        state.writes += 1;
        state.seed = state.seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        if state.dice.is_some_and(|refuses| refuses(state.seed >> 33)) {
            return Err(SysError::new(SysErrorKind::Unavailable, place, "refused at random"));
        }
        match state.fights.get(place) {
            Some(Fight::Refuses(kind)) => Err(SysError::new(*kind, place, "refused")),
            fight => Ok(fight.copied()),
        }
    }

    /// Lets late values arrive whose time has come.
    fn arrive(&self) {
        let now = Instant::now();
        let mut state = self.state.lock().unwrap();
        let (due, late) = std::mem::take(&mut state.late).into_iter().partition(|(at, ..)| *at <= now);
        state.late = late;
        drop(state);
        for (_, path, text) in due {
            self.files.set(&path, &text);
        }
    }

    /// What a file prints after a write, or why it is refused.
    fn printed(&self, path: &str, value: &str) -> Result<String, SysError> {
        let invalid = || SysError::new(SysErrorKind::Unavailable, path, "EINVAL");
        let now = self.files.read(path)?;
        let name = path.rsplit('/').next().unwrap_or(path);
        match name {
            "scaling_min_freq" | "scaling_max_freq" => {
                let other = path.replace("_min_", "_x_").replace("_max_", "_min_").replace("_x_", "_max_");
                let (mine, other): (u64, u64) =
                    (value.parse().map_err(|_| invalid())?, self.files.read(&other)?.trim().parse().map_err(|_| invalid())?);
                let fits = if name == "scaling_min_freq" { mine <= other } else { mine >= other };
                if fits { Ok(value.into()) } else { Err(invalid()) }
            }
            "cpu_min_freq" | "cpu_max_freq" => FileForm::CpuPairs.written(&now, value).ok_or_else(invalid),
            "hard_userlimit_min_cpu_freq" | "hard_userlimit_max_cpu_freq" => {
                let (cluster, khz) = value.split_once(' ').ok_or_else(invalid)?;
                let cluster: usize = cluster.parse().map_err(|_| invalid())?;
                let index = match khz {
                    "-1" => -1,
                    khz => {
                        let khz: u64 = khz.parse().map_err(|_| invalid())?;
                        let place = POINTS.get(cluster).and_then(|points| points.iter().position(|&point| point == khz));
                        i64::try_from(place.ok_or_else(invalid)?).unwrap()
                    }
                };
                let side = if name.contains("_min_") { "min_freq_idx" } else { "max_freq_idx" };
                let mut lines: Vec<String> = now.lines().map(str::to_owned).collect();
                let line = lines.get_mut(cluster).ok_or_else(invalid)?;
                let (number, fields) = line.split_once(": ").ok_or_else(invalid)?;
                let fields = fields
                    .split(", ")
                    .map(|field| if field.starts_with(side) { format!("{side} = {index}") } else { field.into() });
                *line = format!("{number}: {}", fields.collect::<Vec<_>>().join(", "));
                Ok(lines.join("\n"))
            }
            "force_onoff" => FileForm::Force.written(&now, value).ok_or_else(invalid),
            "cpu.uclamp.min" => FileForm::Percent.written(&now, value).ok_or_else(invalid),
            "sleep_disabled" => FileForm::Letter.written(&now, value).ok_or_else(invalid),
            _ => Ok(value.into()),
        }
    }
}

impl SysFs for Kernel {
    fn read(&self, path: &str) -> Result<String, SysError> {
        self.arrive();
        if let Some(Fight::Silent(left)) = self.state.lock().unwrap().fights.get_mut(path)
            && *left > 0
        {
            *left -= 1;
            return Err(SysError::new(SysErrorKind::Unavailable, path, "EINVAL"));
        }
        self.files.read(path)
    }

    fn list(&self, path: &str) -> Result<Vec<String>, SysError> {
        self.files.list(path)
    }

    fn write(&self, path: &str, value: &str) -> Result<(), SysError> {
        let fight = self.admit(path)?;
        self.arrive();
        if let Some(cpu) = path.strip_suffix("/online").and_then(|folder| folder.strip_prefix(&format!("{CPU}/cpu"))) {
            if fight != Some(Fight::Undoes) {
                let cpu = cpu.parse().unwrap();
                if value == "1" { self.plug(cpu) } else { self.unplug(cpu) }
            }
            return Ok(());
        }
        // Some files end in a space, some in nothing.
        let now = self.files.read(path)?;
        let text = format!("{}{}", self.printed(path, value)?.trim_end(), &now[now.trim_end().len()..]);
        match fight {
            Some(Fight::Undoes) => {}
            Some(Fight::Settles(time)) => {
                self.state.lock().unwrap().late.push((Instant::now() + time, path.into(), text));
            }
            _ => self.files.set(path, &text),
        }
        Ok(())
    }

    fn writable(&self, path: &str) -> bool {
        self.files.writable(path)
    }
}

impl Commands for Kernel {
    fn run(&self, program: &str, arguments: &[&str]) -> Result<String, SysError> {
        let line = format!("{program} {}", arguments.join(" "));
        let absent = || SysError::new(SysErrorKind::NotFound, &line, "no such program");
        match (program, arguments) {
            ("id", ["-u"]) => return Ok(self.state.lock().unwrap().user.to_string()),
            ("getprop", []) => {
                let state = self.state.lock().unwrap();
                let services = state.services.iter().map(|(name, value)| format!("[init.svc.{name}]: [{value}]\n"));
                return Ok(services.collect::<String>() + "[ro.product.device]: [simulated]\n");
            }
            ("getprop", [key]) => {
                let name = key.strip_prefix("init.svc.").ok_or_else(absent)?;
                return Ok(self.state.lock().unwrap().services.get(name).cloned().unwrap_or_default());
            }
            ("settings", ["get", namespace, key]) => {
                let known = self.state.lock().unwrap().settings.get(&((*namespace).into(), (*key).into())).cloned();
                return Ok(known.unwrap_or_else(|| "null".into()));
            }
            _ => {}
        }
        let place = match (program, arguments) {
            ("setprop", [_, name]) => format!("service {name}"),
            ("settings", [_, namespace, key, ..]) => format!("setting {namespace} {key}"),
            ("cmd", ["power", ..]) => "fixed performance".into(),
            _ => return Err(absent()),
        };
        let fight = self.admit(&place)?;
        let mut state = self.state.lock().unwrap();
        match (program, arguments) {
            _ if fight == Some(Fight::Undoes) => {}
            ("setprop", [action, name]) => {
                let value = if *action == "ctl.stop" { "stopped" } else { "running" };
                state.services.insert((*name).into(), value.into());
            }
            ("settings", ["put", namespace, key, value]) => {
                state.settings.insert(((*namespace).into(), (*key).into()), (*value).into());
            }
            ("settings", ["delete", namespace, key]) => drop(state.settings.remove(&((*namespace).into(), (*key).into()))),
            ("cmd", ["power", "set-fixed-performance-mode-enabled", value]) => state.fixed_performance = *value == "true",
            _ => return Err(absent()),
        }
        Ok(String::new())
    }
}

impl Kernel {
    /// Puts a knob of the registry on this phone, with a value that is not the one that will be asked for. Returns its
    /// places, as evidence names them.
    pub(crate) fn add(&self, knob: &super::Knob) -> Vec<String> {
        use super::{Form, Place, Value};
        let before = match knob.form {
            Form::Exact => "before".into(),
            Form::Number => "7".into(),
            Form::Switch => match knob.value {
                Value::Fixed("0") => "1".into(),
                _ => "N".into(),
            },
            Form::Percent => "0.00".into(),
            Form::CpuList => "0-1".into(),
            Form::CpuPairs => (0..8).map(|cpu| format!("{cpu}:4294967295 ")).collect::<String>(),
            Form::PpmLimit(_) => "0: min_freq_idx = -1, max_freq_idx = -1\n1: min_freq_idx = -1, max_freq_idx = 1".into(),
            Form::Force => "free".into(),
        };
        let file = |path: String| {
            self.files.set(&path, &format!("{before}\n"));
            if let Value::Highest(table) = knob.value {
                let folder = path.rsplit_once('/').unwrap().0;
                self.files.set(&format!("{folder}/{table}"), "100 900 500\n");
            }
            path
        };
        match knob.place {
            Place::Files(patterns) => {
                if matches!(knob.form, Form::PpmLimit(_)) {
                    for (cluster, points) in POINTS.iter().enumerate() {
                        let table = points.map(|point| point.to_string()).join(" ");
                        self.files.set(&format!("proc/ppm/dump_cluster_{cluster}_dvfs_table"), &format!("{table} \n"));
                    }
                }
                patterns.iter().map(|pattern| file(pattern.replace('*', "x"))).collect()
            }
            // Part of every phone.
            Place::Policy(name) => vec![format!("{CPU}/cpufreq/policy4/{name}")],
            Place::Cpu("online") => {
                self.unplug(7);
                vec![format!("{CPU}/cpu7/online")]
            }
            Place::Cpu(name) => vec![file(format!("{CPU}/cpu4/{}", name.replace('*', "1")))],
            Place::FirstCpu(name) => vec![file(format!("{CPU}/cpu4/{name}"))],
            Place::Setting(namespace, key) => {
                self.setting(namespace, key, "1");
                vec![format!("setting {namespace} {key}")]
            }
            Place::Service(names) => names
                .iter()
                .map(|name| {
                    self.service(name, "running");
                    format!("service {name}")
                })
                .collect(),
            Place::Program { command, .. } => vec![command.join(" ")],
        }
    }
}
