//! Reading and turning knobs with all the rights there are: as this user, and where that is denied through `su` in one of
//! its two forms. The same code runs as root, with `su`, and as the shell; what is denied in the end is recorded so.
//!
//! Only knobs go through `su`. It starts processes, so nothing that is read while blocks run may use it.

use std::fmt;
use std::sync::OnceLock;

use crate::device::Device;
use crate::sysfs::{SysError, SysErrorKind};

/// How root is had here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Root {
    /// The agent runs as root: `adb root`, or a shell made by `su`.
    Own,
    /// `su -c 'command'`, as Magisk and most others have it.
    SuC,
    /// `su 0 command`, as AOSP's debug builds have it.
    Su0,
    /// Not at all.
    None,
}

impl fmt::Display for Root {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Own => "the agent is root",
            Self::SuC => "root through su -c",
            Self::Su0 => "root through su 0",
            Self::None => "no root",
        })
    }
}

/// A device's knobs.
pub struct Ports<'a> {
    device: &'a Device,
    root: OnceLock<Root>,
}

impl<'a> Ports<'a> {
    /// Of this device. Nothing is asked yet.
    pub fn of(device: &'a Device) -> Self {
        Self { device, root: OnceLock::new() }
    }

    /// The device.
    pub fn device(&self) -> &'a Device {
        self.device
    }

    /// How root is had. `su` is only tried on Android: elsewhere it asks for a password.
    pub fn root(&self) -> Root {
        *self.root.get_or_init(|| {
            let says_root = |program: &str, arguments: &[&str]| {
                self.device.commands.run(program, arguments).is_ok_and(|answer| answer.trim() == "0")
            };
            if says_root("id", &["-u"]) {
                Root::Own
            } else if self.device.commands.run("getprop", &[]).is_err() {
                Root::None
            } else if says_root("su", &["-c", "id -u"]) {
                Root::SuC
            } else if says_root("su", &["0", "id", "-u"]) {
                Root::Su0
            } else {
                Root::None
            }
        })
    }

    /// A knob's text, through `su` where this user may not.
    ///
    /// # Errors
    /// As [`SysFs::read`].
    pub fn read(&self, path: &str) -> Result<String, SysError> {
        self.with_su(path, self.device.sysfs.read(path), || is_plain_path(path).then(|| format!("cat /{path}")))
    }

    /// Names in a folder, through `su` where this user may not look.
    ///
    /// # Errors
    /// As [`SysFs::list`].
    pub fn list(&self, path: &str) -> Result<Vec<String>, SysError> {
        match self.device.sysfs.list(path) {
            Err(error) if error.kind == SysErrorKind::Denied => {
                let command = || is_plain_path(path).then(|| format!("ls -1 /{path}"));
                self.with_su(path, Err(error), command).map(|names| names.lines().map(str::to_owned).collect())
            }
            answer => answer,
        }
    }

    /// Writes a knob's file, through `su` where this user may not.
    ///
    /// # Errors
    /// As [`SysFs::write`].
    pub fn write(&self, path: &str, value: &str) -> Result<(), SysError> {
        let done = self.device.sysfs.write(path, value).map(|()| String::new());
        let command = || (is_plain_path(path) && is_plain(value)).then(|| format!("echo '{value}' > /{path}"));
        self.with_su(path, done, command).map(drop)
    }

    /// Runs a program that turns or asks a knob; as root where `root` says that it must be and the agent is not.
    ///
    /// # Errors
    /// As [`Commands::run`].
    pub fn run(&self, command: &[String], root: bool) -> Result<String, SysError> {
        let line = command.join(" ");
        if root {
            match self.root() {
                Root::Own => {}
                Root::None => return Err(SysError::new(SysErrorKind::Denied, &line, "it needs root")),
                form => {
                    if !command.iter().all(|word| is_plain(word)) {
                        return Err(SysError::new(SysErrorKind::Denied, &line, "it cannot be passed to su"));
                    }
                    return self.as_root(form, &line);
                }
            }
        }
        let Some((program, arguments)) = command.split_first() else {
            return Err(SysError::new(SysErrorKind::NotFound, &line, "there is no program to run"));
        };
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        self.device.commands.run(program, &arguments)
    }

    fn with_su(
        &self,
        path: &str,
        answer: Result<String, SysError>,
        command: impl FnOnce() -> Option<String>,
    ) -> Result<String, SysError> {
        match answer {
            Err(error) if error.kind == SysErrorKind::Denied => match (self.root(), command()) {
                (Root::Own | Root::None, _) => Err(error),
                (_, None) => Err(SysError::new(SysErrorKind::Denied, path, "it cannot be passed to su")),
                (form, Some(command)) => self.as_root(form, &command),
            },
            answer => answer,
        }
    }

    fn as_root(&self, form: Root, line: &str) -> Result<String, SysError> {
        match form {
            Root::Su0 => self.device.commands.run("su", &["0", "sh", "-c", line]),
            _ => self.device.commands.run("su", &["-c", line]),
        }
    }
}

/// Whether a text passes a shell's quotes unchanged. The kernel's values are made of nothing else.
pub fn is_plain(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|letter| letter.is_ascii_alphanumeric() || " .:,_+-%/".contains(letter))
}

fn is_plain_path(path: &str) -> bool {
    is_plain(path) && !path.contains(' ')
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;
    use crate::sysfs::{Captured, Commands, SysFs};

    /// A phone on which this user may do nothing and `su` everything.
    struct Su {
        files: Arc<Captured>,
        form: &'static [&'static str],
        ran: Mutex<Vec<String>>,
    }

    impl Commands for Su {
        fn run(&self, program: &str, arguments: &[&str]) -> Result<String, SysError> {
            let line = format!("{program} {}", arguments.join(" "));
            let absent = || SysError::new(SysErrorKind::NotFound, &line, "no such program");
            match (program, arguments) {
                ("getprop", []) => return Ok("[ro.build.type]: [user]\n".into()),
                ("id", _) => return Ok("2000\n".into()),
                ("su", ["-c", "id -u"]) if self.form == ["-c"] => return Ok("0\n".into()),
                ("su", ["0", "id", "-u"]) if self.form == ["0", "sh", "-c"] => return Ok("0\n".into()),
                _ => {}
            }
            let shell = arguments.strip_prefix(self.form).filter(|_| program == "su").and_then(|rest| rest.first());
            let shell = shell.ok_or_else(absent)?;
            self.ran.lock().unwrap().push((*shell).to_owned());
            match shell.strip_prefix("cat /") {
                Some(path) => self.files.read(path),
                None => {
                    let (value, path) = shell.strip_prefix("echo '").unwrap().split_once("' > /").unwrap();
                    self.files.write(path, value).map(|()| String::new())
                }
            }
        }
    }

    #[test]
    fn both_forms_of_su_read_and_write_what_this_user_may_not() {
        for (form, root) in [(&["-c"][..], Root::SuC), (&["0", "sh", "-c"][..], Root::Su0)] {
            let files = Arc::new(Captured::default());
            files.set("sys/power/knob", "1\n");
            let denied = Arc::new(Captured::default());
            denied.fail("sys/power/knob", SysErrorKind::Denied);
            let su = Arc::new(Su { files: Arc::clone(&files), form, ran: Mutex::default() });
            let device = Device { commands: su.clone(), ..Device::of(denied) };
            let ports = Ports::of(&device);
            assert_eq!(ports.root(), root);
            assert_eq!(ports.read("sys/power/knob").unwrap(), "1\n");
            ports.write("sys/power/knob", "4:1200000 5:1200000").unwrap();
            assert_eq!(files.read("sys/power/knob").unwrap(), "4:1200000 5:1200000\n");
            let before = su.ran.lock().unwrap().len();
            let hostile = ports.write("sys/power/knob", "1'; reboot; '").unwrap_err();
            assert_eq!(hostile.kind, SysErrorKind::Denied);
            assert_eq!(su.ran.lock().unwrap().len(), before, "nothing hostile reaches a shell");
        }
    }

    #[test]
    fn without_root_what_is_denied_stays_denied_and_absent_stays_absent() {
        let files =
            Captured::parse("# benchrack device capture 1\ncommand id -u\n| 2000\ncommand getprop\n| [a]: [b]\n").unwrap();
        files.fail("sys/power/knob", SysErrorKind::Denied);
        let device = Device::of(Arc::new(files));
        let ports = Ports::of(&device);
        assert_eq!(ports.root(), Root::None);
        assert_eq!(ports.write("sys/power/knob", "1").unwrap_err().kind, SysErrorKind::Denied);
        assert_eq!(ports.write("sys/power/none", "1").unwrap_err().kind, SysErrorKind::NotFound);
        assert_eq!(ports.run(&["setprop".into(), "a".into()], true).unwrap_err().kind, SysErrorKind::Denied);
    }
}
