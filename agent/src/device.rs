//! The device as the agent reaches it: its ports in one value, so that a twin or a captured folder takes its place.

use std::path::Path;
use std::sync::Arc;

use crate::clock::{Clock, LiveClock};
use crate::placement::{LivePlacement, Placement};
use crate::sysfs::{Captured, CapturedFolder, Commands, InvalidCapture, LiveCommands, LiveSysFs, SysFs};
#[cfg(any(test, feature = "twins"))]
use crate::twin::{self, Twin, TwinError};

/// Ports of one device. Cheap to clone.
#[derive(Clone)]
pub struct Device {
    /// Kernel files.
    pub sysfs: Arc<dyn SysFs>,
    /// System programs.
    pub commands: Arc<dyn Commands>,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// CPUs of the agent's own threads.
    pub placement: Arc<dyn Placement>,
    /// The CPU architecture that our own code was compiled for, where it runs on the device; none for a captured one.
    pub compiled_for: Option<&'static str>,
    /// The twin whose ports these are: what is measured on it is simulated.
    #[cfg(any(test, feature = "twins"))]
    pub twin: Option<Twin>,
}

/// A folder or file does not describe a device.
#[derive(Debug, thiserror::Error)]
pub enum DeviceError {
    /// It cannot be read.
    #[error("cannot read the captured device {path}")]
    Read {
        /// Folder or file.
        path: String,
        /// Why not.
        #[source]
        source: std::io::Error,
    },
    /// It is not in the format.
    #[error("{path} is not a captured device")]
    Capture {
        /// File.
        path: String,
        /// Which line.
        #[source]
        source: InvalidCapture,
    },
    /// It begins as a twin and is none.
    #[cfg(any(test, feature = "twins"))]
    #[error("{path} is not a twin")]
    Twin {
        /// File.
        path: String,
        /// Why not.
        #[source]
        source: TwinError,
    },
}

impl Device {
    /// The machine we run on.
    pub fn live() -> Self {
        Self {
            sysfs: Arc::new(LiveSysFs::at("/")),
            commands: Arc::new(LiveCommands),
            clock: Arc::new(LiveClock),
            placement: Arc::new(LivePlacement),
            compiled_for: Some(std::env::consts::ARCH),
            #[cfg(any(test, feature = "twins"))]
            twin: None,
        }
    }

    /// A captured device: a folder laid out like a device's root with the answers of programs as `getprop.txt`, or a
    /// file that `benchrack-agent capture` wrote, or a twin's file.
    ///
    /// # Errors
    /// When there is no such folder or file, or the file is neither a capture nor a twin.
    pub fn captured(path: &Path) -> Result<Self, DeviceError> {
        let shown = path.display().to_string();
        let metadata = std::fs::metadata(path).map_err(|source| DeviceError::Read { path: shown.clone(), source })?;
        if metadata.is_dir() {
            let folder = Arc::new(CapturedFolder::at(path));
            return Ok(Self {
                sysfs: Arc::clone(&folder) as Arc<dyn SysFs>,
                commands: folder,
                clock: Arc::new(LiveClock),
                placement: Arc::new(LivePlacement),
                compiled_for: None,
                #[cfg(any(test, feature = "twins"))]
                twin: None,
            });
        }
        let text = std::fs::read_to_string(path).map_err(|source| DeviceError::Read { path: shown.clone(), source })?;
        #[cfg(any(test, feature = "twins"))]
        if text.starts_with(twin::HEADER) {
            let twin = Twin::parse(&text).map_err(|source| DeviceError::Twin { path: shown, source })?;
            return Ok(twin.device());
        }
        let captured = Captured::parse(&text).map_err(|source| DeviceError::Capture { path: shown, source })?;
        Ok(Self::of(Arc::new(captured)))
    }

    /// Whether what is measured here is simulated.
    pub fn is_simulated(&self) -> bool {
        #[cfg(any(test, feature = "twins"))]
        return self.twin.is_some();
        #[cfg(not(any(test, feature = "twins")))]
        return false;
    }

    /// A device of which everything is captured in memory.
    pub fn of(captured: Arc<Captured>) -> Self {
        Self {
            sysfs: Arc::clone(&captured) as Arc<dyn SysFs>,
            commands: captured,
            clock: Arc::new(LiveClock),
            placement: Arc::new(LivePlacement),
            compiled_for: None,
            #[cfg(any(test, feature = "twins"))]
            twin: None,
        }
    }
}
