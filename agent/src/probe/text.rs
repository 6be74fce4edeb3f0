//! A device report for people: what is known, in units; what is refused, and what can be done about it.

use std::collections::BTreeMap;
use std::fmt::{Display, Write as _};

use benchrack_protocol::access::{Access, AccessLevel, Question, RootForm};
use benchrack_protocol::device::{Battery, BatteryMoment, Cluster, CpufreqPolicy, DeviceReport, Temperature};
use benchrack_protocol::reading::{Missing, Reading};
use benchrack_protocol::units::{Microamps, Microvolts};

/// Aligned text of several lines.
pub fn describe(report: &DeviceReport) -> String {
    let mut text = Text::default();
    identity(&mut text, report);
    clusters(&mut text, report);
    text.heading("Clocks");
    let root = report.access.as_ref().and_then(|access| access.root.value().copied());
    let asked = report.access.as_ref().is_some_and(|access| access.uid.value().is_some());
    for policy in &report.policies {
        text.line(&policy.path, clocks(policy, root, asked));
    }
    let refused = report.unknown.iter().any(|unknown| unknown.what == super::CLOCKS);
    let why = match report.clusters.is_empty() && report.cpus_possible.value().is_none() {
        _ if refused => "refused: clocks can be neither pinned nor watched",
        true => "no file of the CPUs answers",
        false => "the kernel shows no cpufreq: clocks can be neither pinned nor watched",
    };
    text.none_if(report.policies.is_empty(), why);
    battery(&mut text, report.battery.as_ref());
    temperatures(&mut text, &report.temperatures);
    text.heading("Cooling devices");
    for device in &report.cooling_devices {
        text.line(&device.kind.to_string(), format!("state {} of {}  ({})", device.state, device.max_state, device.device));
    }
    text.none_if(report.cooling_devices.is_empty(), "absent");
    text.heading("Power supplies");
    for supply in &report.power_supplies {
        text.line(&supply.name, format!("{}, {}, online {}", supply.kind, supply.status, supply.online));
    }
    text.none_if(report.power_supplies.is_empty(), "absent");
    if let Some(found) = &report.access {
        access(&mut text, found);
    }
    text.0
}

fn identity(text: &mut Text, report: &DeviceReport) {
    let identity = &report.identity;
    text.heading(&identity.title);
    text.line("key", &identity.key);
    text.line("system", format!("{} {} ({})", identity.os, identity.os_release, identity.os_fingerprint));
    text.line("kernel", format!("{}, of release {}", identity.architecture, identity.kernel));
    let hardware = [&identity.manufacturer, &identity.model, &identity.soc];
    let known: Vec<&str> = hardware.iter().filter_map(|part| part.value().map(String::as_str)).collect();
    text.line("hardware", if known.is_empty() { with_reason(&identity.model) } else { known.join(", ") });
    text.line("figures are", format!("{:?}", report.reality).to_lowercase());
    let memory = &report.memory;
    text.line(
        "memory",
        match &memory.total {
            Reading::Value { value } => format!("{value} in all, {} free, pages of {}", memory.available, memory.page_size),
            missing => with_reason(missing),
        },
    );
    let isolated = report.cpus_isolated.as_ref().map(|cpus| format!(", {cpus} parked or isolated")).unwrap_or_default();
    text.line("CPUs", format!("{} possible, {} online{isolated}", report.cpus_possible, report.cpus_online));
}

fn clusters(text: &mut Text, report: &DeviceReport) {
    text.heading("Clusters, slowest first");
    for cluster in &report.clusters {
        let mut parts = vec![format!("CPUs {}", cluster.cpus)];
        parts.push(match &cluster.core {
            Reading::Value { value } => value.clone(),
            missing => format!("core {missing}"),
        });
        parts.push(match (&cluster.min_freq, &cluster.max_freq) {
            (Reading::Missing { .. }, missing @ Reading::Missing { .. }) => format!("clock {missing}"),
            (min, max) => format!("{min} to {max}"),
        });
        parts.extend(cluster.capacity.value().map(|capacity| format!("capacity {capacity}")));
        parts.push(format!("[{}]", cluster.source));
        text.line(&cluster.name, parts.join("  "));
    }
    text.none_if(report.clusters.is_empty(), "none could be told");
    let cores: Vec<(String, &str)> = report.clusters.iter().filter_map(unnamed).collect();
    if !(report.unknown.is_empty() && cores.is_empty()) {
        text.heading("Unknown");
        for unknown in &report.unknown {
            text.line(&unknown.what, &unknown.why);
        }
        for (what, why) in cores {
            text.line(&what, why);
        }
    }
}

/// A cluster of which nobody says what cores it is made of, and why.
fn unnamed(cluster: &Cluster) -> Option<(String, &str)> {
    match &cluster.core {
        Reading::Value { .. } => None,
        Reading::Missing { detail, .. } => Some((format!("core of CPUs {}", cluster.cpus), detail)),
    }
}

/// One clock; `asked`: whether it is known who asks.
fn clocks(policy: &CpufreqPolicy, root: Option<RootForm>, asked: bool) -> String {
    let points = policy.frequencies.clone().map(|points| points.len());
    let access = match (policy.writable, root) {
        (true, _) => "may be pinned",
        (false, Some(RootForm::SuUid | RootForm::SuCommand)) => "may be pinned through su",
        (false, _) if !asked => "whether it may be pinned was not captured",
        (false, _) => "may not be pinned by this user",
    };
    format!(
        "CPUs {}  {} to {}  now {} within {} to {}  governor {}  {points} operating points  {access}",
        policy.cpus,
        policy.hardware_min,
        policy.hardware_max,
        policy.current,
        policy.scaling_min,
        policy.scaling_max,
        policy.governor
    )
}

fn battery(text: &mut Text, battery: Option<&Battery>) {
    text.heading("Battery");
    let Some(battery) = battery else {
        text.none_if(true, "no power supply and no service tells of one");
        return;
    };
    text.line("supply", format!("{}  [{}]", battery.supply, battery.sources.join(", ")));
    let now = &battery.now;
    text.line("status", with_reason(&now.status));
    text.line("level", with_reason(&now.level_percent.clone().map(|level| format!("{level} %"))));
    text.line("current", with_reason(&now.current.clone().map(amperes)));
    text.line("voltage", with_reason(&now.voltage.clone().map(volts)));
    text.line("temperature", with_reason(&now.temperature));
    match &battery.gauge {
        Reading::Value { value: gauge } => {
            let sign = if gauge.per_count > 0 { "positive" } else { "negative" };
            let unit = if gauge.per_count.abs() == 1 { "microamperes" } else { "milliamperes" };
            text.line("gauge", format!("{unit}, {sign} while charging ({})", gauge.basis));
            text.line("", format!("time between two values: {}", with_reason(&gauge.period)));
            text.line("", format!("least step: {}", with_reason(&gauge.step.clone().map(amperes))));
        }
        missing => {
            text.line("gauge", with_reason(&missing.clone().map(|_| "")));
            if !matches!(missing, Reading::Missing { missing: Missing::Absent, .. }) {
                text.line("", "'benchrack-agent calibrate' proves it on the device, in two minutes");
            }
        }
    }
    for moment in &battery.moments {
        text.line("", shown_moment(moment));
    }
}

fn shown_moment(moment: &BatteryMoment) -> String {
    let current = moment.current.clone().map(amperes);
    let voltage = moment.voltage.clone().map(volts);
    let level = moment.level_percent.clone().map(|level| format!("{level} %"));
    let figures = [
        shown("status", &moment.status),
        shown("level", &level),
        shown("current", &current),
        shown("voltage", &voltage),
        shown("temperature", &moment.temperature),
    ];
    format!("{}: {}", moment.name, figures.into_iter().flatten().collect::<Vec<_>>().join(", "))
}

/// A figure of a moment; what its source does not have is left out, what cannot be used is named.
fn shown<T: Display>(what: &str, reading: &Reading<T>) -> Option<String> {
    match reading {
        Reading::Value { value } => Some(value.to_string()),
        Reading::Missing { missing: Missing::Absent, .. } => None,
        Reading::Missing { missing, .. } => Some(format!("{what} {missing}")),
    }
}

fn amperes(current: Microamps) -> String {
    format!("{} µA", current.0)
}

fn volts(voltage: Microvolts) -> String {
    format!("{:.3} V", voltage.0 as f64 / 1e6)
}

/// Values sensor by sensor; what has none by its reason, since thirty sensors are mostly refused alike.
fn temperatures(text: &mut Text, temperatures: &[Temperature]) {
    text.heading("Temperatures");
    let mut refused: BTreeMap<Missing, Vec<&str>> = BTreeMap::new();
    for sensor in temperatures {
        let place = sensor.place.map(|place| format!("{place:?}, ").to_lowercase()).unwrap_or_default();
        match &sensor.temperature {
            Reading::Value { value } => text.line(&sensor.kind, format!("{value}  ({place}{})", sensor.source)),
            Reading::Missing { missing, .. } => refused.entry(*missing).or_default().push(&sensor.kind),
        }
    }
    for (missing, sensors) in refused {
        text.line(&missing.to_string(), sensors.join(", "));
    }
    text.none_if(temperatures.is_empty(), "no zone and no service gives one");
}

fn access(text: &mut Text, access: &Access) {
    text.heading("Access");
    text.line("as", format!("{}, user id {}, domain {}", access.level.clone().map(who), access.uid, access.domain));
    text.line("root", with_reason(&access.root.clone().map(how)));
    let limit = if access.tier_limit.is_empty() { String::new() } else { format!(": {}", access.tier_limit) };
    text.line("evidence", format!("up to {}{limit}", access.tier));
    for question in &access.questions {
        text.line(&question.what, answers(question));
    }
    if let Some(advice) = advice(access) {
        text.line("to get more", advice);
    }
}

fn answers(question: &Question) -> String {
    match (&question.refusal, question.answered) {
        (Reading::Value { .. }, all) => format!("answered ({all})"),
        (refusal, 0) => with_reason(refusal),
        (refusal, some) => format!("{some} of {} answered; else {}", question.tried, with_reason(refusal)),
    }
}

fn who(level: AccessLevel) -> &'static str {
    match level {
        AccessLevel::Root => "root",
        AccessLevel::Shell => "adb shell",
        AccessLevel::App => "an app",
        AccessLevel::User => "a user",
    }
}

fn how(form: RootForm) -> &'static str {
    match form {
        RootForm::Own => "the agent has it",
        RootForm::SuUid => "by 'su 0 COMMAND'",
        RootForm::SuCommand => "by 'su -c COMMAND'",
    }
}

/// What a person can do about what was refused.
fn advice(access: &Access) -> Option<&'static str> {
    let denied = |question: &Question| matches!(question.refusal, Reading::Missing { missing: Missing::Denied, .. });
    let refused = access.questions.iter().any(denied);
    match (access.level.value()?, access.root.value()) {
        (AccessLevel::Root, _) => None,
        (_, Some(RootForm::SuUid | RootForm::SuCommand)) if refused => {
            Some("start the agent through su: knobs are turned through it, and nothing else is read through it")
        }
        (_, Some(RootForm::SuUid | RootForm::SuCommand)) => None,
        (AccessLevel::App, _) => Some("run the agent from adb shell: it may read more than an app"),
        (AccessLevel::Shell, _) if refused => {
            Some("'adb root' on a userdebug build, or a rooted phone; a stock phone refuses these to everyone")
        }
        (AccessLevel::User, _) => Some("start the agent as root to pin clocks"),
        (AccessLevel::Shell, _) => None,
    }
}

fn with_reason<T: Display>(reading: &Reading<T>) -> String {
    match reading {
        Reading::Value { value } => value.to_string(),
        Reading::Missing { missing, detail } if detail.is_empty() => missing.to_string(),
        Reading::Missing { missing, detail } => format!("{missing} ({detail})"),
    }
}

#[derive(Default)]
struct Text(String);

impl Text {
    // Writing into a String cannot fail.
    fn heading(&mut self, title: &str) {
        let gap = if self.0.is_empty() { "" } else { "\n" };
        let _ = writeln!(self.0, "{gap}{title}");
    }

    fn line(&mut self, name: &str, value: impl Display) {
        let _ = writeln!(self.0, "  {name:<18}  {value}");
    }

    fn none_if(&mut self, empty: bool, why: &str) {
        if empty {
            let _ = writeln!(self.0, "  {why}");
        }
    }
}
