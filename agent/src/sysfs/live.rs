//! Kernel files of the machine we run on, or of a folder laid out like one.

use std::fs;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use rustix::io::Errno;

use super::{SysError, SysErrorKind, SysFs};

/// No kernel file that we read is longer; `/proc/cpuinfo` of a large server is the longest.
const MAX_FILE: u64 = 4 << 20;

/// Files below a folder, `/` on a device.
#[derive(Debug)]
pub struct LiveSysFs {
    root: PathBuf,
}

impl LiveSysFs {
    /// Files below this folder.
    pub fn at(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    fn path(&self, path: &str) -> PathBuf {
        self.root.join(path.trim_start_matches('/'))
    }
}

impl SysFs for LiveSysFs {
    fn read(&self, path: &str) -> Result<String, SysError> {
        let mut content = Vec::new();
        fs::File::open(self.path(path))
            .and_then(|file| file.take(MAX_FILE).read_to_end(&mut content))
            .map_err(|error| told(path, &error))?;
        Ok(String::from_utf8_lossy(&content).into_owned())
    }

    fn list(&self, path: &str) -> Result<Vec<String>, SysError> {
        let entries = fs::read_dir(self.path(path)).map_err(|error| told(path, &error))?;
        let mut names = Vec::new();
        for entry in entries {
            let entry = entry.map_err(|error| told(path, &error))?;
            names.push(entry.file_name().to_string_lossy().into_owned());
        }
        names.sort_unstable();
        Ok(names)
    }

    fn write(&self, path: &str, value: &str) -> Result<(), SysError> {
        fs::OpenOptions::new()
            .write(true)
            .open(self.path(path))
            .and_then(|mut file| file.write_all(value.as_bytes()))
            .map_err(|error| told(path, &error))
    }

    fn writable(&self, path: &str) -> bool {
        may_write(&self.path(path))
    }
}

/// access(2) asks the security module as well, so that SELinux's refusals are seen.
fn may_write(path: &Path) -> bool {
    rustix::fs::access(path, rustix::fs::Access::WRITE_OK).is_ok()
}

fn told(path: &str, error: &std::io::Error) -> SysError {
    let kind = match error.raw_os_error().map(Errno::from_raw_os_error) {
        Some(Errno::NOENT | Errno::NOTDIR) => SysErrorKind::NotFound,
        Some(Errno::ACCESS | Errno::PERM | Errno::ROFS) => SysErrorKind::Denied,
        Some(
            Errno::AGAIN
            | Errno::INVAL
            | Errno::NODEV
            | Errno::NXIO
            | Errno::BUSY
            | Errno::NODATA
            | Errno::TIMEDOUT
            | Errno::OPNOTSUPP
            | Errno::RANGE,
        ) => SysErrorKind::Unavailable,
        _ => SysErrorKind::Io,
    };
    SysError::new(kind, path, error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_below_the_root_are_read_and_written_and_never_made() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir_all(folder.path().join("sys/a")).unwrap();
        fs::write(folder.path().join("sys/a/value"), b"12\n\xff").unwrap();
        let files = LiveSysFs::at(folder.path());
        assert_eq!(files.read("sys/a/value").unwrap(), "12\n\u{fffd}");
        assert_eq!(files.list("sys").unwrap(), ["a"]);
        files.write("sys/a/value", "13").unwrap();
        assert!(files.writable("sys/a/value"));
        assert_eq!(files.write("sys/a/new", "1").unwrap_err().kind, SysErrorKind::NotFound);
        assert_eq!(files.read("sys/a/value/below").unwrap_err().kind, SysErrorKind::NotFound);
        assert!(!files.writable("sys/a/new"));
    }

    #[test]
    fn answers_of_the_kernel_are_kinds_of_refusal() {
        for (errno, kind) in [
            (Errno::NOENT, SysErrorKind::NotFound),
            (Errno::ACCESS, SysErrorKind::Denied),
            (Errno::PERM, SysErrorKind::Denied),
            (Errno::INVAL, SysErrorKind::Unavailable),
            (Errno::AGAIN, SysErrorKind::Unavailable),
            (Errno::NODEV, SysErrorKind::Unavailable),
            (Errno::IO, SysErrorKind::Io),
        ] {
            assert_eq!(told("x", &std::io::Error::from(errno)).kind, kind);
        }
    }
}
