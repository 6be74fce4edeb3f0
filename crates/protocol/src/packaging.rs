//! Forms in which an app can ship a model file: as it is, compressed, encrypted, and both in either order.
//!
//! Encrypted bytes do not compress, so the order decides the download's size; every form has its price at loading.

#[cfg(feature = "packaging")]
mod container;

#[cfg(feature = "packaging")]
pub use container::{ENVELOPE, MODEL_LIMIT, PackageError, ZSTD_LEVEL, pack, unpack};

use serde::{Deserialize, Serialize};

use crate::units::{Bytes, Nanos};

/// How a model file is packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Packaging {
    /// As it is.
    Raw,
    /// Compressed with Zstandard.
    Zstd,
    /// Encrypted with AES-256-GCM, then compressed: what a store does to an app whose model is encrypted.
    EncryptedThenZstd,
    /// Compressed, then encrypted with AES-256-GCM.
    ZstdThenEncrypted,
}

impl Packaging {
    /// All, in the order they are shown.
    pub const ALL: [Self; 4] = [Self::Raw, Self::Zstd, Self::EncryptedThenZstd, Self::ZstdThenEncrypted];

    /// Stable name: `zstd_then_encrypted`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Raw => "raw",
            Self::Zstd => "zstd",
            Self::EncryptedThenZstd => "encrypted_then_zstd",
            Self::ZstdThenEncrypted => "zstd_then_encrypted",
        }
    }

    /// Whether loading it needs a key.
    pub fn is_encrypted(self) -> bool {
        matches!(self, Self::EncryptedThenZstd | Self::ZstdThenEncrypted)
    }
}

/// Size of a model file in one packaging.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct PackageSize {
    /// Form.
    pub packaging: Packaging,
    /// Bytes.
    pub size: Bytes,
}

/// Loading a model from one packaging, each time in a fresh runner.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct PackagedLoad {
    /// Form.
    pub packaging: Packaging,
    /// Bytes of the package.
    pub size: Bytes,
    /// Each load.
    pub loads: Vec<LoadTime>,
}

/// The parts of one load.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct LoadTime {
    /// Reading the file, decrypting and decompressing it.
    pub unpack: Nanos,
    /// The engine's own work: parsing and optimising.
    pub load: Nanos,
}

/// The key of an encrypted package: made for one measurement, handed over on a pipe, never stored, and printed by nothing.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PackageKey(#[serde(with = "hex::serde")] pub [u8; 32]);

impl std::fmt::Debug for PackageKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("PackageKey(redacted)")
    }
}
