//! A device in one reviewable text file: what its kernel files and commands answered, errors included.
//!
//! ```text
//! # benchrack device capture 1
//! file sys/devices/system/cpu/possible
//! | 0-7
//! dir sys/class/thermal
//! | thermal_zone0
//! denied sys/class/thermal/thermal_zone0/temp
//! unavailable sys/devices/system/cpu/cpu7/cpufreq/scaling_cur_freq
//! command getprop
//! | [ro.product.model]: [Pixel 8]
//! ```
//!
//! A folder lists what its `dir` entry names and every path below it that the file holds. In memory the tree can be
//! written, so that tuning and restoring run on it as on a device.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::{Commands, SysError, SysErrorKind, SysFs};

/// First line of the form.
pub const CAPTURE_HEADER: &str = "# benchrack device capture 1";

#[derive(Debug, Clone, PartialEq, Eq)]
enum Entry {
    File(String),
    Folder(BTreeSet<String>),
    Fails(SysErrorKind),
}

/// A captured device.
#[derive(Debug, Default)]
pub struct Captured {
    files: Mutex<BTreeMap<String, Entry>>,
    commands: Mutex<BTreeMap<String, Result<String, SysErrorKind>>>,
}

/// A line of a capture cannot be read.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("line {line} of the capture: {why}")]
pub struct InvalidCapture {
    line: usize,
    why: String,
}

impl InvalidCapture {
    /// The same where the capture follows this many lines of its file.
    #[cfg(any(test, feature = "twins"))]
    pub(crate) fn after(self, lines: usize) -> Self {
        Self { line: self.line + lines, ..self }
    }
}

impl Captured {
    /// Reads the text form.
    ///
    /// # Errors
    /// The first line that is not in the format.
    pub fn parse(text: &str) -> Result<Self, InvalidCapture> {
        let device = Self::default();
        let mut lines = text.lines().enumerate().peekable();
        match lines.next() {
            Some((_, CAPTURE_HEADER)) => {}
            _ => return Err(InvalidCapture { line: 1, why: format!("it must begin with '{CAPTURE_HEADER}'") }),
        }
        while let Some((number, line)) = lines.next() {
            if line.trim().is_empty() || line.starts_with('#') {
                continue;
            }
            let wrong = |why: &str| InvalidCapture { line: number + 1, why: why.into() };
            let (word, path) = line.split_once(' ').ok_or_else(|| wrong("a word and a path are expected"))?;
            let path = path.trim();
            let mut body = String::new();
            while let Some((_, content)) = lines.next_if(|(_, line)| line.starts_with('|')) {
                let content = &content[1..];
                body.push_str(content.strip_prefix(' ').unwrap_or(content));
                body.push('\n');
            }
            match word {
                "file" => device.set(path, &body),
                "dir" => {
                    device.tree().insert(path.into(), Entry::Folder(body.lines().map(str::to_owned).collect()));
                }
                "command" => device.set_command(path, Ok(body)),
                other => {
                    let (kind, command) = match other.strip_prefix("command-") {
                        Some(kind) => (kind, true),
                        None => (other, false),
                    };
                    let kind = match kind {
                        "denied" => SysErrorKind::Denied,
                        "unavailable" => SysErrorKind::Unavailable,
                        "absent" => SysErrorKind::NotFound,
                        "io" => SysErrorKind::Io,
                        _ => return Err(wrong("it begins with none of file, dir, command, denied, unavailable, absent, io")),
                    };
                    if command { device.set_command(path, Err(kind)) } else { device.fail(path, kind) }
                }
            }
        }
        Ok(device)
    }

    /// The text form; [`Captured::parse`] reads it.
    pub fn to_text(&self) -> String {
        let mut text = format!("{CAPTURE_HEADER}\n");
        let mut entry = |word: &str, path: &str, body: &str| {
            // Writing into a String cannot fail.
            let _ = writeln!(text, "{word} {path}");
            for line in body.lines() {
                let _ = writeln!(text, "| {line}");
            }
        };
        for (path, content) in self.tree().iter() {
            match content {
                Entry::File(body) => entry("file", path, body),
                Entry::Folder(names) => entry("dir", path, &names.iter().map(|name| format!("{name}\n")).collect::<String>()),
                Entry::Fails(kind) => entry(word(*kind), path, ""),
            }
        }
        for (line, answer) in self.commands().iter() {
            match answer {
                Ok(body) => entry("command", line, body),
                Err(kind) => entry(&format!("command-{}", word(*kind)), line, ""),
            }
        }
        text
    }

    /// Sets a file's content.
    pub fn set(&self, path: &str, content: &str) {
        self.tree().insert(path.into(), Entry::File(content.into()));
    }

    /// Makes a path refuse.
    pub fn fail(&self, path: &str, kind: SysErrorKind) {
        self.tree().insert(path.into(), Entry::Fails(kind));
    }

    /// Removes a path and everything below it.
    pub fn remove(&self, path: &str) {
        let below = format!("{path}/");
        self.tree().retain(|candidate, _| candidate != path && !candidate.starts_with(&below));
    }

    /// Whether a path is there and refuses.
    pub fn fails(&self, path: &str) -> bool {
        matches!(self.tree().get(path), Some(Entry::Fails(_)))
    }

    /// All files with their content, for comparison.
    pub fn files(&self) -> BTreeMap<String, String> {
        let content = |(path, entry): (&String, &Entry)| match entry {
            Entry::File(text) => Some((path.clone(), text.clone())),
            Entry::Folder(_) | Entry::Fails(_) => None,
        };
        self.tree().iter().filter_map(content).collect()
    }

    /// How a path refuses, if it does.
    #[cfg(any(test, feature = "twins"))]
    pub(crate) fn refusal(&self, path: &str) -> Option<SysErrorKind> {
        match self.tree().get(path) {
            Some(Entry::Fails(kind)) => Some(*kind),
            _ => None,
        }
    }

    pub(super) fn set_folder(&self, path: &str, names: &[String]) {
        self.tree().insert(path.into(), Entry::Folder(names.iter().cloned().collect()));
    }

    /// Sets what a program answers, by its command line.
    pub(crate) fn set_command(&self, line: &str, answer: Result<String, SysErrorKind>) {
        self.commands().insert(line.into(), answer);
    }

    /// A panic of another holder leaves the map whole: every change is one insertion.
    fn tree(&self) -> MutexGuard<'_, BTreeMap<String, Entry>> {
        self.files.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn commands(&self) -> MutexGuard<'_, BTreeMap<String, Result<String, SysErrorKind>>> {
        self.commands.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn word(kind: SysErrorKind) -> &'static str {
    match kind {
        SysErrorKind::NotFound => "absent",
        SysErrorKind::Denied => "denied",
        SysErrorKind::Unavailable => "unavailable",
        SysErrorKind::Io => "io",
    }
}

fn refused(kind: SysErrorKind, path: &str) -> SysError {
    SysError::new(kind, path, format!("{} in the capture", word(kind)))
}

impl SysFs for Captured {
    fn read(&self, path: &str) -> Result<String, SysError> {
        match self.tree().get(path) {
            Some(Entry::File(text)) => Ok(text.clone()),
            Some(Entry::Fails(kind)) => Err(refused(*kind, path)),
            Some(Entry::Folder(_)) => Err(refused(SysErrorKind::Io, path)),
            None => Err(refused(SysErrorKind::NotFound, path)),
        }
    }

    fn list(&self, path: &str) -> Result<Vec<String>, SysError> {
        let tree = self.tree();
        let mut names = match tree.get(path) {
            Some(Entry::Fails(kind)) => return Err(refused(*kind, path)),
            Some(Entry::Folder(names)) => names.clone(),
            Some(Entry::File(_)) | None => BTreeSet::new(),
        };
        // The root of the tree has no name.
        let below = if path.is_empty() { String::new() } else { format!("{path}/") };
        for (candidate, entry) in tree.range(below.clone()..) {
            let Some(rest) = candidate.strip_prefix(&below) else { break };
            // That something is absent was an answer, and puts it in no folder.
            if matches!(entry, Entry::Fails(SysErrorKind::NotFound)) {
                continue;
            }
            names.insert(rest.split('/').next().unwrap_or(rest).to_owned());
        }
        if names.is_empty() && !matches!(tree.get(path), Some(Entry::Folder(_))) {
            return Err(refused(SysErrorKind::NotFound, path));
        }
        Ok(names.into_iter().collect())
    }

    fn write(&self, path: &str, value: &str) -> Result<(), SysError> {
        match self.tree().get_mut(path) {
            Some(Entry::File(text)) => {
                *text = format!("{}\n", value.trim_end());
                Ok(())
            }
            Some(Entry::Fails(kind)) => Err(refused(*kind, path)),
            Some(Entry::Folder(_)) => Err(refused(SysErrorKind::Io, path)),
            None => Err(refused(SysErrorKind::NotFound, path)),
        }
    }

    fn writable(&self, path: &str) -> bool {
        matches!(self.tree().get(path), Some(Entry::File(_)))
    }
}

impl Commands for Captured {
    fn run(&self, program: &str, arguments: &[&str]) -> Result<String, SysError> {
        let line = std::iter::once(program).chain(arguments.iter().copied()).collect::<Vec<_>>().join(" ");
        match self.commands().get(&line) {
            Some(Ok(output)) => Ok(output.clone()),
            Some(Err(kind)) => Err(refused(*kind, &line)),
            None => Err(refused(SysErrorKind::NotFound, &line)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SAMPLE: &str = "# benchrack device capture 1
file sys/a/value
| 12
| \n\
denied sys/a/secret
dir sys/b
| one
command getprop
| [a]: [b]
command-absent dumpsys battery
";

    #[test]
    fn a_capture_answers_and_refuses_as_its_text_says() {
        let device = Captured::parse(SAMPLE).unwrap();
        assert_eq!(device.read("sys/a/value").unwrap(), "12\n\n");
        assert_eq!(device.read("sys/a/secret").unwrap_err().kind, SysErrorKind::Denied);
        assert_eq!(device.read("sys/a/none").unwrap_err().kind, SysErrorKind::NotFound);
        assert_eq!(device.list("sys/a").unwrap(), ["secret", "value"]);
        assert_eq!(device.list("sys/b").unwrap(), ["one"]);
        assert_eq!(device.list("sys/c").unwrap_err().kind, SysErrorKind::NotFound);
        assert_eq!(device.run("getprop", &[]).unwrap(), "[a]: [b]\n");
        assert_eq!(device.run("dumpsys", &["battery"]).unwrap_err().kind, SysErrorKind::NotFound);
    }

    #[test]
    fn what_was_asked_for_in_vain_is_in_no_folder() {
        let device = Captured::parse("# benchrack device capture 1\nabsent sys/class/power_supply/battery/store_mode\n").unwrap();
        assert_eq!(device.list("sys/class/power_supply").unwrap_err().kind, SysErrorKind::NotFound);
        assert_eq!(device.read("sys/class/power_supply/battery/store_mode").unwrap_err().kind, SysErrorKind::NotFound);
    }

    #[test]
    fn a_capture_survives_being_written_and_read() {
        let device = Captured::parse(SAMPLE).unwrap();
        let again = Captured::parse(&device.to_text()).unwrap();
        assert_eq!(again.to_text(), device.to_text());
    }

    #[test]
    fn a_wrong_line_is_named() {
        assert_eq!(Captured::parse("x").unwrap_err().line, 1);
        let error = Captured::parse("# benchrack device capture 1\nfile sys/a\n| 1\nfiel sys/b\n").unwrap_err();
        assert_eq!(error.line, 4);
    }

    #[test]
    fn writes_replace_the_text_of_existing_files_only() {
        let device = Captured::parse(SAMPLE).unwrap();
        device.write("sys/a/value", "13").unwrap();
        assert_eq!(device.read("sys/a/value").unwrap(), "13\n");
        assert_eq!(device.write("sys/a/new", "1").unwrap_err().kind, SysErrorKind::NotFound);
    }
}
