//! Reading and turning knobs with all the rights there are: as this user, and where that is denied through `su` in one of
//! its two forms. The same code runs as root, with `su`, and as the shell; what is denied in the end is recorded so.
//!
//! Only knobs go through `su`. It starts processes, so nothing that is read while blocks run may use it.

use std::sync::OnceLock;

use benchrack_protocol::access::RootForm;

use crate::device::Device;
use crate::probe::root;
use crate::sysfs::{SysError, SysErrorKind};

/// For people: how root is had.
pub fn described(root: Option<RootForm>) -> &'static str {
    match root {
        Some(RootForm::Own) => "the agent is root",
        Some(RootForm::SuUid) => "root through su 0",
        Some(RootForm::SuCommand) => "root through su -c",
        None => "no root",
    }
}

/// A device's knobs.
pub struct Ports<'a> {
    device: &'a Device,
    root: OnceLock<Option<RootForm>>,
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

    /// How root is had, if it is.
    pub fn root(&self) -> Option<RootForm> {
        *self.root.get_or_init(|| {
            let commands = self.device.commands.as_ref();
            let uid = root::uid(commands);
            // Root needs no su, so that nothing else need be asked.
            let android = uid.value() != Some(&0) && commands.run("getprop", &[]).is_ok();
            root::find(commands, android, &uid).value().copied()
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
                Some(RootForm::Own) => {}
                None => return Err(SysError::new(SysErrorKind::Denied, &line, "it needs root")),
                Some(form) => {
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
                (Some(RootForm::Own) | None, _) => Err(error),
                (_, None) => Err(SysError::new(SysErrorKind::Denied, path, "it cannot be passed to su")),
                (Some(form), Some(command)) => self.as_root(form, &command),
            },
            answer => answer,
        }
    }

    fn as_root(&self, form: RootForm, line: &str) -> Result<String, SysError> {
        match form {
            RootForm::SuUid => self.device.commands.run("su", &["0", "sh", "-c", line]),
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
        for (form, root) in [(&["-c"][..], RootForm::SuCommand), (&["0", "sh", "-c"][..], RootForm::SuUid)] {
            let files = Arc::new(Captured::default());
            files.set("sys/power/knob", "1\n");
            let denied = Arc::new(Captured::default());
            denied.fail("sys/power/knob", SysErrorKind::Denied);
            let su = Arc::new(Su { files: Arc::clone(&files), form, ran: Mutex::default() });
            let device = Device { commands: su.clone(), ..Device::of(denied) };
            let ports = Ports::of(&device);
            assert_eq!(ports.root(), Some(root));
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
    fn an_agent_that_is_root_starts_no_program_to_find_out() {
        struct Root;
        impl Commands for Root {
            fn run(&self, program: &str, arguments: &[&str]) -> Result<String, SysError> {
                assert_eq!((program, arguments), ("id", &["-u"][..]));
                Ok("0\n".into())
            }
        }
        let device = Device { commands: Arc::new(Root), ..Device::of(Arc::new(Captured::default())) };
        assert_eq!(Ports::of(&device).root(), Some(RootForm::Own));
    }

    #[test]
    fn without_root_what_is_denied_stays_denied_and_absent_stays_absent() {
        let files =
            Captured::parse("# benchrack device capture 1\ncommand id -u\n| 2000\ncommand getprop\n| [a]: [b]\n").unwrap();
        files.fail("sys/power/knob", SysErrorKind::Denied);
        let device = Device::of(Arc::new(files));
        let ports = Ports::of(&device);
        assert_eq!(ports.root(), None);
        assert_eq!(ports.write("sys/power/knob", "1").unwrap_err().kind, SysErrorKind::Denied);
        assert_eq!(ports.write("sys/power/none", "1").unwrap_err().kind, SysErrorKind::NotFound);
        assert_eq!(ports.run(&["setprop".into(), "a".into()], true).unwrap_err().kind, SysErrorKind::Denied);
    }
}
