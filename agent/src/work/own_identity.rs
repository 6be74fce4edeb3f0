//! An identity of the agent's own, for a device whose serial number or machine id is also another one's.

use std::path::{Path, PathBuf};
use std::time::Duration;

use benchrack_protocol::units::Nanos;

use crate::files::write_safely;

/// There once the own key is what the device goes by: across restarts it must stay one device.
const MARK: &str = "own-identity";

/// The key and whether it is in use.
pub(super) struct OwnIdentity {
    key: String,
    mark: PathBuf,
    /// Since when the server says that another agent works as this device.
    refused_since: Option<Nanos>,
}

impl OwnIdentity {
    pub(super) fn in_folder(folder: &Path, key: String) -> Self {
        Self { key, mark: folder.join(MARK), refused_since: None }
    }

    pub(super) fn key(&self) -> &str {
        &self.key
    }

    pub(super) fn is_taken(&self) -> bool {
        self.mark.exists()
    }

    /// Notes that another agent works as this device; whether it has done so for long enough to be another device.
    pub(super) fn is_due(&mut self, now: Nanos, after: Duration) -> bool {
        let since = *self.refused_since.get_or_insert(now);
        Duration::from_nanos(now.0.saturating_sub(since.0)) >= after
    }

    /// Whether another agent works as this device, and this one waits for its end.
    pub(super) fn is_awaited(&self) -> bool {
        self.refused_since.is_some()
    }

    /// The server has taken this agent.
    pub(super) fn settle(&mut self) {
        self.refused_since = None;
    }

    /// From now on the device goes by the key.
    ///
    /// # Errors
    /// When that cannot be written down.
    pub(super) fn take(&self) -> std::io::Result<()> {
        write_safely(&self.mark, self.key.as_bytes())
    }
}
