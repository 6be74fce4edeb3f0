//! A device report for people.

use std::fmt::{Display, Write as _};

use benchrack_protocol::device::{CpufreqPolicy, DeviceReport};
use benchrack_protocol::reading::Reading;

/// Aligned text of several lines.
pub fn describe(report: &DeviceReport) -> String {
    let mut text = Text::default();
    let identity = &report.identity;
    text.heading(&identity.title);
    text.line("key", &identity.key);
    text.line("system", format!("{} {} ({})", identity.os, identity.os_release, identity.os_fingerprint));
    text.line("kernel", format!("{} {}", identity.kernel, identity.architecture));
    text.line("hardware", format!("{} {}, {}", identity.manufacturer, identity.model, identity.soc));
    text.line("figures are", format!("{:?}", report.reality).to_lowercase());
    text.line(
        "memory",
        format!("{} in all, {} free, pages of {}", report.memory.total, report.memory.available, report.memory.page_size),
    );
    text.line("CPUs", format!("{} possible, {} online", report.cpus_possible, report.cpus_online));

    text.heading("Clusters, slowest first");
    for cluster in &report.clusters {
        let clock = format!("{} to {}", cluster.min_freq, cluster.max_freq);
        text.line(
            &cluster.name,
            format!("CPUs {}  {}  {clock}  capacity {}  [{}]", cluster.cpus, cluster.core, cluster.capacity, cluster.source),
        );
    }
    text.none_if(report.clusters.is_empty(), "none could be told");
    if !report.unknown.is_empty() {
        text.heading("Unknown");
        for unknown in &report.unknown {
            text.line(&unknown.what, &unknown.why);
        }
    }
    text.heading("Clocks");
    for policy in &report.policies {
        text.line(&policy.path, clocks(policy));
    }
    text.none_if(report.policies.is_empty(), "this kernel offers no cpufreq: clocks can be neither pinned nor watched");

    text.heading("Thermal zones");
    for zone in &report.thermal_zones {
        text.line(&zone.kind.to_string(), format!("{}  ({})", with_reason(&zone.temperature), zone.zone));
    }
    text.none_if(report.thermal_zones.is_empty(), "absent");
    text.heading("Cooling devices");
    for device in &report.cooling_devices {
        text.line(&device.kind.to_string(), format!("state {} of {}  ({})", device.state, device.max_state, device.device));
    }
    text.none_if(report.cooling_devices.is_empty(), "absent");
    text.heading("Power supplies");
    for supply in &report.power_supplies {
        text.line(
            &supply.name,
            format!("{}, {}, {} %, online {}", supply.kind, supply.status, supply.capacity_percent, supply.online),
        );
        text.line(
            "",
            format!("voltage {}", with_reason(&supply.voltage.clone().map(|voltage| format!("{:.3} V", voltage.0 as f64 / 1e6)))),
        );
        text.line("", format!("current {}", with_reason(&supply.current.clone().map(|current| format!("{} µA", current.0)))));
        text.line("", format!("temperature {}", with_reason(&supply.temperature)));
    }
    text.none_if(report.power_supplies.is_empty(), "absent");
    text.0
}

fn clocks(policy: &CpufreqPolicy) -> String {
    let points = policy.frequencies.clone().map(|points| points.len());
    let access = if policy.writable { "may be pinned" } else { "may not be pinned by this user" };
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
        let _ = writeln!(self.0, "  {name:<18} {value}");
    }

    fn none_if(&mut self, empty: bool, why: &str) {
        if empty {
            let _ = writeln!(self.0, "  {why}");
        }
    }
}
