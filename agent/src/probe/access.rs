//! Who the agent is here and what that lets it read: tried, never concluded from a user id alone.
//!
//! A root shell can be refused by SELinux, and a stock phone's shell may read files that another maker's may not. So
//! each question that evidence rests on is asked, and denied, absent, unavailable and invalid answers are kept apart.

use benchrack_protocol::access::{Access, AccessLevel, Question, RootForm};
use benchrack_protocol::device::DeviceReport;
use benchrack_protocol::reading::{Missing, Reading};
use benchrack_protocol::validity::EvidenceTier;

use super::{cpufreq, getprop::Properties, power_supply, root, thermal};
use crate::device::Device;
use crate::sysfs::{self, SysErrorKind};

/// Android's user ids (system/core/libcutils/include/private/android_filesystem_config.h): those of one user repeat
/// every hundred thousand, and apps begin at ten thousand.
const SHELL: u32 = 2000;
const USERS: u32 = 100_000;
const FIRST_APP: u32 = 10_000;

/// Asks. `report` is what the probes found so far.
pub fn access(device: &Device, properties: &Properties, report: &DeviceReport) -> Access {
    let android = properties.value().is_some();
    let uid = root::uid(device.commands.as_ref());
    let level = uid.clone().map(|uid| level(uid, android));
    let root = root::find(device.commands.as_ref(), android, &uid);
    let questions = questions(device, report);
    let (tier, tier_limit) = tier(report, &root, &questions, uid.value().is_some());
    let domain = match sysfs::text(device.sysfs.as_ref(), "proc/self/attr/current") {
        Reading::Value { value } if value.is_empty() => Reading::missing(Missing::Absent, "no security module tells a domain"),
        domain => domain,
    };
    Access { level, uid, domain, root, questions, tier, tier_limit }
}

fn level(uid: u32, android: bool) -> AccessLevel {
    match uid {
        0 => AccessLevel::Root,
        _ if !android => AccessLevel::User,
        SHELL => AccessLevel::Shell,
        _ if uid % USERS >= FIRST_APP => AccessLevel::App,
        _ => AccessLevel::User,
    }
}

fn questions(device: &Device, report: &DeviceReport) -> Vec<Question> {
    let fs = device.sysfs.as_ref();
    let (policies, zones) = (&report.policies, &report.thermal_zones);
    let residency = policies.iter().map(|policy| cpufreq::time_in_state(fs, &policy.path).map(drop));
    let transitions = policies.iter().map(|policy| cpufreq::transitions(fs, &policy.path).map(drop));
    let battery = report.battery.as_ref();
    let pressure = ["cpu", "memory", "io"].map(|name| sysfs::text(fs, &format!("proc/pressure/{name}")).map(drop));
    let (clocks, heat, supplies) = (format!("{}/cpufreq", cpufreq::CPU), thermal::CLASS, power_supply::CLASS);
    // A folder that refuses to be listed hides what it holds.
    let question = |what, folder: &str, answers: Vec<Reading<()>>| {
        let hidden = match fs.list(folder) {
            Err(error) if answers.is_empty() && error.kind != SysErrorKind::NotFound => vec![error.into_reading()],
            _ => answers,
        };
        question(what, hidden)
    };
    vec![
        question("clock in force", &clocks, policies.iter().map(|policy| policy.current.clone().map(drop)).collect()),
        question("cap of the clock", &clocks, policies.iter().map(|policy| policy.scaling_max.clone().map(drop)).collect()),
        question("residency of the clock", &clocks, residency.collect()),
        question("changes of the clock", &clocks, transitions.collect()),
        question("temperature of a zone", heat, zones.iter().map(|zone| zone.temperature.clone().map(drop)).collect()),
        question(
            "state of a cooling device",
            heat,
            report.cooling_devices.iter().map(|one| one.state.clone().map(drop)).collect(),
        ),
        question("battery voltage", supplies, battery.iter().map(|battery| battery.now.voltage.clone().map(drop)).collect()),
        question("battery current", supplies, battery.iter().map(|battery| battery.now.current.clone().map(drop)).collect()),
        question("waiting for CPUs, memory and I/O", "proc/pressure", pressure.into()),
    ]
}

fn question(what: &str, answers: impl IntoIterator<Item = Reading<()>>) -> Question {
    let answers: Vec<Reading<()>> = answers.into_iter().collect();
    let refusal = answers.iter().find_map(|answer| match answer {
        Reading::Value { .. } => None,
        Reading::Missing { missing, detail } => Some(Reading::missing(*missing, detail.clone())),
    });
    let none =
        if answers.is_empty() { Reading::missing(Missing::Absent, "the device offers none") } else { Reading::of(String::new()) };
    let count = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
    Question {
        what: what.into(),
        tried: count(answers.len()),
        answered: count(answers.iter().filter(|answer| answer.value().is_some()).count()),
        refusal: refusal.unwrap_or(none),
    }
}

/// The strongest tier that can be reached, and what stands against a stronger one.
fn tier(report: &DeviceReport, root: &Reading<RootForm>, questions: &[Question], asked: bool) -> (EvidenceTier, String) {
    let whole = |what: &str| {
        questions.iter().any(|question| question.what == what && question.tried > 0 && question.answered == question.tried)
    };
    if report.policies.is_empty() {
        return (EvidenceTier::Bronze, "the kernel offers no cpufreq: clocks can be neither set nor watched".into());
    }
    if !whole("residency of the clock") {
        return (
            EvidenceTier::Bronze,
            "stats/time_in_state does not answer for every clock: that it was still cannot be shown".into(),
        );
    }
    // Knobs that this user may not turn go through su.
    let by_su = matches!(root.value(), Some(RootForm::SuUid | RootForm::SuCommand));
    if by_su || report.policies.iter().all(|policy| policy.writable) {
        return (EvidenceTier::Gold, String::new());
    }
    let limit = match asked {
        true => "the clock may not be set by this user; only root may set it",
        false => "whether the clock may be set was not captured",
    };
    (EvidenceTier::Silver, limit.into())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::probe::probe;
    use crate::sysfs::Captured;

    const CPUS: &str =
        "file sys/devices/system/cpu/possible\n| 0-3\nfile sys/devices/system/cpu/cpufreq/policy0/related_cpus\n| 0-3\n";
    const ANDROID: &str = "command getprop\n| [ro.product.model]: [X]\n";

    fn of(text: &str) -> Access {
        let captured = Captured::parse(&format!("# benchrack device capture 1\n{text}")).unwrap();
        probe(&Device::of(Arc::new(captured)), None).access.unwrap()
    }

    #[test]
    fn root_is_found_in_each_of_its_forms() {
        let shell = format!("{ANDROID}command id -u\n| 2000\n");
        assert_eq!(of(&format!("{ANDROID}command id -u\n| 0\n")).root, Reading::of(RootForm::Own));
        assert_eq!(of(&format!("{shell}command su 0 id -u\n| 0\n")).root, Reading::of(RootForm::SuUid));
        let magisk = of(&format!("{shell}command-unavailable su 0 id -u\ncommand su -c id -u\n| 0\n"));
        assert_eq!(magisk.root, Reading::of(RootForm::SuCommand));
        assert_eq!(magisk.level, Reading::of(AccessLevel::Shell));
        let none = of(&shell);
        assert!(matches!(none.root, Reading::Missing { missing: Missing::Absent, .. }));
        let refused = of(&format!("{shell}command-unavailable su 0 id -u\ncommand-unavailable su -c id -u\n"));
        assert!(matches!(refused.root, Reading::Missing { missing: Missing::Denied, .. }));
    }

    #[test]
    fn users_are_told_by_their_number() {
        assert_eq!(level(10_123, true), AccessLevel::App);
        assert_eq!(level(1_010_123, true), AccessLevel::App);
        assert_eq!(level(1000, true), AccessLevel::User);
        assert_eq!(level(10_123, false), AccessLevel::User);
    }

    #[test]
    fn the_tier_follows_from_what_answers() {
        assert_eq!(of("").tier, EvidenceTier::Bronze);
        assert_eq!(of(CPUS).tier, EvidenceTier::Bronze);
        let stats = format!("{CPUS}file sys/devices/system/cpu/cpufreq/policy0/stats/time_in_state\n| 300000 5\n");
        assert_eq!(of(&stats).tier, EvidenceTier::Silver);
        let limits = "file sys/devices/system/cpu/cpufreq/policy0/scaling_min_freq\n| 1\nfile sys/devices/system/cpu/cpufreq/policy0/scaling_max_freq\n| 1\n";
        assert_eq!(of(&format!("{stats}{limits}")).tier, EvidenceTier::Gold);
        let su = format!("{stats}{ANDROID}command id -u\n| 2000\ncommand su -c id -u\n| 0\n");
        assert_eq!(of(&su).tier, EvidenceTier::Gold, "knobs go through su");
    }

    #[test]
    fn refusals_are_kept_apart() {
        let denied = of(&format!("{CPUS}denied sys/devices/system/cpu/cpufreq/policy0/scaling_cur_freq\n"));
        let clock = &denied.questions[0];
        assert_eq!((clock.tried, clock.answered), (1, 0));
        assert!(matches!(clock.refusal, Reading::Missing { missing: Missing::Denied, .. }));
        assert!(matches!(denied.questions[1].refusal, Reading::Missing { missing: Missing::Absent, .. }));
        let hidden = of(&format!("{CPUS}denied sys/class/thermal\n"));
        let zones = hidden.questions.iter().find(|question| question.what == "temperature of a zone").unwrap();
        assert_eq!((zones.tried, zones.answered), (1, 0));
        assert!(matches!(zones.refusal, Reading::Missing { missing: Missing::Denied, .. }));
    }
}
