//! Captures a device by letting the probes run and keeping every answer they got; so a capture holds exactly what a
//! probe asks, and a new probe makes new captures richer by itself.

use std::sync::Arc;

use super::{Captured, Commands, SysError, SysFs};

/// Passes everything on and remembers the answers.
pub struct Recording {
    sysfs: Arc<dyn SysFs>,
    commands: Arc<dyn Commands>,
    kept: Captured,
}

impl Recording {
    /// Records what these ports answer.
    pub fn of(sysfs: Arc<dyn SysFs>, commands: Arc<dyn Commands>) -> Self {
        Self { sysfs, commands, kept: Captured::default() }
    }

    /// What was answered so far.
    pub fn kept(&self) -> &Captured {
        &self.kept
    }

    /// Reads everything below a folder, as deep as `depth`, so that a capture also serves questions of later probes.
    pub fn walk(&self, path: &str, depth: usize) {
        let Ok(names) = self.list(path) else { return };
        for name in names {
            let inner = format!("{path}/{name}");
            // Links back to parents and devices would walk in circles.
            if matches!(name.as_str(), "subsystem" | "device" | "driver" | "power" | "firmware_node") {
                continue;
            }
            let folder = depth > 0 && self.sysfs.list(&inner).is_ok();
            if folder {
                self.walk(&inner, depth - 1);
            } else {
                // The answer, an error included, is what is wanted here: it is kept.
                let _ = self.read(&inner);
            }
        }
    }
}

impl SysFs for Recording {
    fn read(&self, path: &str) -> Result<String, SysError> {
        let answer = self.sysfs.read(path);
        match &answer {
            Ok(text) => self.kept.set(path, text),
            Err(error) => self.kept.fail(path, error.kind),
        }
        answer
    }

    fn list(&self, path: &str) -> Result<Vec<String>, SysError> {
        let answer = self.sysfs.list(path);
        match &answer {
            Ok(names) => self.kept.set_folder(path, names),
            Err(error) => self.kept.fail(path, error.kind),
        }
        answer
    }

    fn write(&self, path: &str, value: &str) -> Result<(), SysError> {
        self.sysfs.write(path, value)
    }

    fn writable(&self, path: &str) -> bool {
        self.sysfs.writable(path)
    }
}

impl Commands for Recording {
    fn run(&self, program: &str, arguments: &[&str]) -> Result<String, SysError> {
        let answer = self.commands.run(program, arguments);
        let line = std::iter::once(program).chain(arguments.iter().copied()).collect::<Vec<_>>().join(" ");
        self.kept.set_command(&line, answer.clone().map_err(|error| error.kind));
        answer
    }
}
