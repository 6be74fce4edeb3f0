//! The port through which every kernel file is read and written, on paths relative to a root (`sys/class/thermal`).
//!
//! On phones a refused, absent or momentarily silent file is an ordinary answer, so errors are data: callers turn them
//! into a [`Reading`] and go on. Reading is here, parsing is in the probes; that is why every probe can be tested on a
//! captured device.

mod captured;
mod commands;
mod folder;
mod live;
mod recording;
mod scrub;
pub mod table;

use benchrack_protocol::reading::{Missing, Reading};

pub use captured::{CAPTURE_HEADER, Captured, InvalidCapture};
pub use commands::{CommandFolder, Commands, LiveCommands};
pub use folder::CapturedFolder;
pub use live::LiveSysFs;
pub use recording::Recording;
pub use scrub::scrub;

/// Access to kernel files below a root.
pub trait SysFs: Send + Sync {
    /// The whole content of a file.
    ///
    /// # Errors
    /// [`SysError`] says whether it is absent, refused or silent.
    fn read(&self, path: &str) -> Result<String, SysError>;

    /// Names in a folder, sorted.
    ///
    /// # Errors
    /// As [`SysFs::read`].
    fn list(&self, path: &str) -> Result<Vec<String>, SysError>;

    /// Writes a value in one call; the file must exist. That it was accepted does not mean that it holds.
    ///
    /// # Errors
    /// As [`SysFs::read`].
    fn write(&self, path: &str, value: &str) -> Result<(), SysError>;

    /// Whether this user may write the file, without writing.
    fn writable(&self, path: &str) -> bool;
}

/// Why a kernel file gave nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{path}: {detail}")]
pub struct SysError {
    /// For rules.
    pub kind: SysErrorKind,
    /// Relative path.
    pub path: String,
    /// What the system said.
    pub detail: String,
}

/// Kinds of refusal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SysErrorKind {
    /// There is no such file.
    NotFound,
    /// This user may not.
    Denied,
    /// It does not answer now, or not with this value (EAGAIN, EINVAL, ENODEV, EBUSY).
    Unavailable,
    /// Something else went wrong.
    Io,
}

impl SysError {
    /// An error of this kind.
    pub fn new(kind: SysErrorKind, path: &str, detail: impl Into<String>) -> Self {
        Self { kind, path: path.into(), detail: detail.into() }
    }

    /// The same as a missing reading.
    pub fn into_reading<T>(self) -> Reading<T> {
        let missing = match self.kind {
            SysErrorKind::NotFound => Missing::Absent,
            SysErrorKind::Denied => Missing::Denied,
            SysErrorKind::Unavailable | SysErrorKind::Io => Missing::Unavailable,
        };
        Reading::missing(missing, self.to_string())
    }
}

/// The file's text without white space, NUL and byte order mark at its ends.
pub fn text(fs: &dyn SysFs, path: &str) -> Reading<String> {
    let around = |letter: char| letter.is_whitespace() || matches!(letter, '\0' | '\u{feff}');
    match fs.read(path) {
        Ok(text) => Reading::of(text.trim_matches(around).to_owned()),
        Err(error) => error.into_reading(),
    }
}

/// The file's text turned by a parser; what cannot be turned is [`Missing::Invalid`] and quoted.
pub fn parsed<T>(fs: &dyn SysFs, path: &str, parse: impl FnOnce(&str) -> Option<T>) -> Reading<T> {
    text(fs, path).and_then(|text| match parse(&text) {
        Some(value) => Reading::of(value),
        None => Reading::missing(Missing::Invalid, format!("{path}: '{}'", excerpt(&text))),
    })
}

/// What Android's services print, with success, to a user that may not ask them.
pub const DENIAL: &str = "Permission Denial";

/// The beginning of a text in one line, for messages.
pub fn excerpt(text: &str) -> String {
    text.chars().take(60).map(|letter| if letter.is_control() { ' ' } else { letter }).collect()
}
