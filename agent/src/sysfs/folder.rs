//! A captured device as a folder: files at their paths, answers of programs as `getprop.txt`, and what captures hold
//! beside them.
//!
//! - Tables (`*.tsv`): refused files (`path`, error), CPU files (`cpu`, names of cpufreq files), thermal zones (`type`,
//!   raw value).
//! - Moments: folders such as `a/` and `b/` that each hold a tree; the first one answers where the main tree does not.
//! - A class that was captured at the place its links lead to (`sys/devices/…/power_supply/battery`).

use std::collections::BTreeMap;
use std::path::Path;

use super::table::Table;
use super::{Captured, CommandFolder, Commands, LiveSysFs, SysError, SysErrorKind, SysFs};

/// Folders that are looked through for a class; a capture has few.
const MOST_FOLDERS: usize = 4096;

/// Files and answers of a captured folder.
#[derive(Debug)]
pub struct CapturedFolder {
    base: LiveSysFs,
    commands: Vec<CommandFolder>,
    /// What tables say, as files.
    added: Captured,
    /// Trees of moments, the first one first.
    moments: Vec<String>,
    /// Folders of a class, and where they are.
    linked: BTreeMap<String, String>,
}

impl CapturedFolder {
    /// What this folder holds.
    pub fn at(folder: &Path) -> Self {
        let base = LiveSysFs::at(folder);
        let names = base.list("").unwrap_or_default();
        let moments: Vec<String> = names.iter().filter(|name| is_moment(&base, name)).cloned().collect();
        let commands = std::iter::once(folder.to_owned()).chain(moments.iter().map(|name| folder.join(name)));
        let commands = commands.map(CommandFolder::at).collect();
        let trees = std::iter::once(String::new()).chain(moments.iter().map(|name| format!("{name}/")));
        let linked = trees.flat_map(|tree| linked_supplies(&base, &tree)).collect();
        let added = Captured::default();
        for name in names.iter().filter(|name| name.ends_with(".tsv")) {
            if let Ok(text) = base.read(name) {
                add_table(&added, &Table::parse(&text));
            }
        }
        Self { base, commands, added, moments, linked }
    }

    /// Places where a path may be answered, best first.
    fn places(&self, path: &str) -> Vec<String> {
        let mut places = vec![path.to_owned()];
        // Only trees have moments; a table or a moment itself is asked for by its own path.
        if path.starts_with("sys") || path.starts_with("proc") {
            places.extend(self.moments.first().map(|moment| format!("{moment}/{path}")));
        }
        let real = |place: &String| {
            let linked = self.linked.iter().find_map(|(class, real)| Some((real, place.strip_prefix(class.as_str())?)));
            linked.filter(|(_, rest)| rest.is_empty() || rest.starts_with('/')).map(|(real, rest)| format!("{real}{rest}"))
        };
        let linked: Vec<String> = places.iter().filter_map(real).collect();
        places.extend(linked);
        places
    }
}

/// A folder of a moment holds a tree or an answer of its own.
fn is_moment(base: &LiveSysFs, name: &str) -> bool {
    !matches!(name, "sys" | "proc" | "dev" | "data" | "vendor" | "system" | "etc")
        && base.list(name).is_ok_and(|inner| inner.iter().any(|inner| inner == "sys" || inner.starts_with("dumpsys-")))
}

/// Supplies that are not below the class's own folder.
fn linked_supplies(base: &LiveSysFs, tree: &str) -> Vec<(String, String)> {
    let class = format!("{tree}sys/class/power_supply");
    if base.list(&class).is_ok() {
        return Vec::new();
    }
    let mut found = Vec::new();
    let mut open = vec![format!("{tree}sys/devices")];
    let mut seen = 0;
    while let Some(folder) = open.pop() {
        seen += 1;
        if seen > MOST_FOLDERS {
            break;
        }
        for name in base.list(&folder).unwrap_or_default() {
            let inner = format!("{folder}/{name}");
            if folder.ends_with("/power_supply") {
                found.push((format!("{class}/{name}"), inner));
            } else if base.list(&inner).is_ok() {
                open.push(inner);
            }
        }
    }
    found
}

/// Turns a table into the files it tells of; a table of another kind adds nothing.
fn add_table(added: &Captured, table: &Table) {
    if let Some(path) = table.column(&["path"]) {
        for row in &table.rows {
            let why = row.iter().enumerate().filter(|(at, _)| *at != path).map(|(_, cell)| cell.as_str()).collect::<String>();
            if let Some(path) = table.cell(row, Some(path)) {
                added.fail(path.trim_start_matches('/'), refusal(&why));
            }
        }
    } else if let Some(cpu) = table.column(&["cpu"]) {
        let files =
            table.columns.iter().enumerate().filter(|(_, name)| name.starts_with("cpuinfo_") || name.starts_with("scaling_"));
        for (at, file) in files {
            for row in &table.rows {
                if let (Some(cpu), Some(value)) =
                    (table.cell(row, Some(cpu)).and_then(|cpu| cpu.parse::<u32>().ok()), table.cell(row, Some(at)))
                {
                    added.set(&format!("sys/devices/system/cpu/cpu{cpu}/cpufreq/{file}"), &format!("{value}\n"));
                }
            }
        }
    } else if let Some(kind) = table.column(&["type"]) {
        let raw = table.columns.iter().position(|name| name.starts_with("raw") || name == "temp");
        for row in &table.rows {
            // A row for several sensors is of none of them.
            if let Some(kind) = table.cell(row, Some(kind)).filter(|kind| !kind.contains("..")) {
                add_zone(added, kind, table.cell(row, raw));
            }
        }
    }
}

/// Adds a zone unless one of this type is there: tables of one device can list it twice.
fn add_zone(added: &Captured, kind: &str, raw: Option<&str>) {
    const CLASS: &str = "sys/class/thermal";
    let zones = added.list(CLASS).unwrap_or_default();
    let known = |zone: &String| added.read(&format!("{CLASS}/{zone}/type")).is_ok_and(|text| text.trim() == kind);
    if zones.iter().any(known) {
        return;
    }
    let zone = format!("{CLASS}/thermal_zone{}", zones.len());
    added.set(&format!("{zone}/type"), &format!("{kind}\n"));
    if let Some(raw) = raw {
        added.set(&format!("{zone}/temp"), &format!("{raw}\n"));
    }
}

/// What a shell's message means.
fn refusal(message: &str) -> SysErrorKind {
    let message = message.to_lowercase();
    let says = |words: &[&str]| words.iter().any(|word| message.contains(word));
    if says(&["no such file", "not found", "absent", "enoent"]) {
        SysErrorKind::NotFound
    } else if says(&["invalid", "resource", "busy", "try again", "no data", "no such device", "timed out", "unavailable"]) {
        SysErrorKind::Unavailable
    } else if says(&["i/o", "io error"]) {
        SysErrorKind::Io
    } else {
        // A table of refused files says so by being there.
        SysErrorKind::Denied
    }
}

impl SysFs for CapturedFolder {
    fn read(&self, path: &str) -> Result<String, SysError> {
        match self.added.read(path) {
            Err(error) if matches!(error.kind, SysErrorKind::NotFound) && !self.added.fails(path) => {}
            answer => return answer,
        }
        let mut first = None;
        for place in self.places(path) {
            match self.base.read(&place) {
                Err(error) if error.kind == SysErrorKind::NotFound => first = first.or(Some(error)),
                answer => return answer,
            }
        }
        Err(first.unwrap_or_else(|| SysError::new(SysErrorKind::NotFound, path, "not captured")))
    }

    fn list(&self, path: &str) -> Result<Vec<String>, SysError> {
        if self.added.fails(path) {
            return self.added.list(path);
        }
        let mut names = self.added.list(path).unwrap_or_default();
        let mut refused = None;
        for place in self.places(path) {
            match self.base.list(&place) {
                Ok(found) => names.extend(found),
                Err(error) => refused = refused.or(Some(error)),
            }
        }
        for place in self.places(path) {
            let folder = format!("{place}/");
            let below =
                |class: &String| class.strip_prefix(folder.as_str()).filter(|rest| !rest.contains('/')).map(str::to_owned);
            names.extend(self.linked.keys().filter_map(below));
        }
        names.sort_unstable();
        names.dedup();
        match refused {
            Some(error) if names.is_empty() => Err(error),
            _ => Ok(names),
        }
    }

    fn write(&self, path: &str, value: &str) -> Result<(), SysError> {
        self.base.write(path, value)
    }

    /// Never: what the device's own user might write is not in the folder, and what ours may is no answer.
    fn writable(&self, _path: &str) -> bool {
        false
    }
}

impl Commands for CapturedFolder {
    fn run(&self, program: &str, arguments: &[&str]) -> Result<String, SysError> {
        let mut first = None;
        for folder in &self.commands {
            match folder.run(program, arguments) {
                Err(error) if error.kind == SysErrorKind::NotFound => first = first.or(Some(error)),
                answer => return answer,
            }
        }
        Err(first.unwrap_or_else(|| SysError::new(SysErrorKind::NotFound, program, "not captured")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(files: &[(&str, &str)]) -> (tempfile::TempDir, CapturedFolder) {
        let folder = tempfile::tempdir().unwrap();
        for (path, text) in files {
            let file = folder.path().join(path);
            std::fs::create_dir_all(file.parent().unwrap()).unwrap();
            std::fs::write(file, text).unwrap();
        }
        let captured = CapturedFolder::at(folder.path());
        (folder, captured)
    }

    #[test]
    fn refused_files_refuse_in_their_own_way() {
        let (_kept, device) = folder(&[
            (
                "denied.tsv",
                "path\tshell_error\n/sys/a/x\tPermission denied\n/sys/a/y\tNo such file or directory\n/sys/a/z\tInvalid argument\n",
            ),
            ("sys/a/x", "1"),
        ]);
        let kind = |path: &str| device.read(path).unwrap_err().kind;
        assert_eq!(kind("sys/a/x"), SysErrorKind::Denied);
        assert_eq!(kind("sys/a/y"), SysErrorKind::NotFound);
        assert_eq!(kind("sys/a/z"), SysErrorKind::Unavailable);
        assert_eq!(device.list("sys/a").unwrap(), ["x", "z"]);
    }

    #[test]
    fn a_supply_is_found_where_its_link_leads() {
        let (_kept, device) = folder(&[("sys/devices/platform/x/power_supply/batt/uevent", "A=1")]);
        assert_eq!(device.list("sys/class/power_supply").unwrap(), ["batt"]);
        assert_eq!(device.read("sys/class/power_supply/batt/uevent").unwrap(), "A=1");
    }

    #[test]
    fn the_first_moment_answers_where_there_is_no_main_tree() {
        let (_kept, device) = folder(&[("a/sys/x", "1"), ("b/sys/x", "2"), ("a/dumpsys-battery.txt", "level: 5")]);
        assert_eq!(device.read("sys/x").unwrap(), "1");
        assert_eq!(device.read("b/sys/x").unwrap(), "2");
        assert_eq!(device.run("dumpsys", &["battery"]).unwrap(), "level: 5");
    }

    #[test]
    fn tables_of_zones_and_cpus_become_files() {
        let (_kept, device) = folder(&[
            ("zones.tsv", "type\traw_t0\traw_later\ntsens_tz_sensor1\t558\t503\ntsens..3\t1 2\n"),
            ("zones-2.tsv", "zone\ttype\n0\ttsens_tz_sensor1\n1\tbattery\n"),
            ("cpus.tsv", "cpu\tcpuinfo_max_freq\n0\t2016000\n"),
        ]);
        let zones = device.list("sys/class/thermal").unwrap();
        let kinds: Vec<_> = zones.iter().map(|zone| device.read(&format!("sys/class/thermal/{zone}/type")).unwrap()).collect();
        assert_eq!(kinds, ["tsens_tz_sensor1\n", "battery\n"]);
        assert_eq!(device.read("sys/devices/system/cpu/cpu0/cpufreq/cpuinfo_max_freq").unwrap(), "2016000\n");
    }
}
