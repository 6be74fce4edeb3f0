//! The calibration of a device's gauge, kept in the agent's data folder.
//!
//! It belongs to one device and one system: a kernel update can change a driver's unit or sign, so a new OS fingerprint
//! asks for a new calibration.

use std::path::{Path, PathBuf};

use benchrack_protocol::device::Identity;
use benchrack_protocol::gauge::Gauge;
use serde::{Deserialize, Serialize};

use crate::files::write_safely;

const FILE: &str = "gauge.json";

/// What is kept.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Kept {
    device: String,
    os_fingerprint: String,
    gauge: Gauge,
}

/// The calibration cannot be kept or read back.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The file cannot be read or written.
    #[error("cannot use the calibration {}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why not.
        #[source]
        source: std::io::Error,
    },
    /// It is not what was written.
    #[error("{} is no calibration; delete it and run 'benchrack-agent calibrate'", path.display())]
    Content {
        /// Which.
        path: PathBuf,
        /// Where.
        #[source]
        source: serde_json::Error,
    },
}

/// Keeps the calibration of this device under this system.
///
/// # Errors
/// When the folder cannot be written.
pub fn keep(folder: &Path, identity: &Identity, gauge: &Gauge) -> Result<(), StoreError> {
    let path = folder.join(FILE);
    let kept = Kept { device: identity.key.clone(), os_fingerprint: identity.os_fingerprint.clone(), gauge: gauge.clone() };
    let text = serde_json::to_vec_pretty(&kept).map_err(|source| StoreError::Content { path: path.clone(), source })?;
    std::fs::create_dir_all(folder).and_then(|()| write_safely(&path, &text)).map_err(|source| StoreError::File { path, source })
}

/// The calibration kept of this device; none where there is none, or one of another device or system.
///
/// # Errors
/// When a file is there that cannot be read.
pub fn recall(folder: &Path, identity: &Identity) -> Result<Option<Gauge>, StoreError> {
    let path = folder.join(FILE);
    let text = match std::fs::read(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(source) => return Err(StoreError::File { path, source }),
    };
    let kept: Kept = serde_json::from_slice(&text).map_err(|source| StoreError::Content { path, source })?;
    let same = kept.device == identity.key && kept.os_fingerprint == identity.os_fingerprint;
    Ok(same.then_some(kept.gauge))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use benchrack_protocol::reading::{Missing, Reading};

    use super::*;
    use crate::device::Device;
    use crate::probe::probe;

    #[test]
    fn a_calibration_is_of_one_device_and_one_system() {
        let folder = tempfile::tempdir().unwrap();
        let identity = probe(&Device::of(Arc::default()), Some("one")).identity;
        let open = || Reading::missing(Missing::Unavailable, "");
        let gauge = Gauge {
            supply: "bms".into(),
            per_count: -1000,
            period: open(),
            step: Reading::missing(Missing::Unavailable, ""),
            basis: "x".into(),
        };
        assert_eq!(recall(folder.path(), &identity).unwrap(), None);
        keep(folder.path(), &identity, &gauge).unwrap();
        assert_eq!(recall(folder.path(), &identity).unwrap(), Some(gauge));
        let updated = Identity { os_fingerprint: "other".into(), ..identity.clone() };
        assert_eq!(recall(folder.path(), &updated).unwrap(), None);
        let other = Identity { key: "other".into(), ..identity.clone() };
        assert_eq!(recall(folder.path(), &other).unwrap(), None);
        std::fs::write(folder.path().join(FILE), "{").unwrap();
        assert!(matches!(recall(folder.path(), &identity), Err(StoreError::Content { .. })));
    }
}
