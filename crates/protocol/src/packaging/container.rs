//! Packs model files and unpacks them: the bytes behind each [`Packaging`].
//!
//! `raw` is the file itself and `zstd` one Zstandard frame (RFC 8878) that states its content's size, so that the `zstd` tool
//! reads it. The encrypted forms wrap one of these in an envelope, or an envelope in one of these:
//!
//! | bytes | what |
//! |---|---|
//! | 0..4 | `BRPK` |
//! | 4 | version, 1 |
//! | 5..8 | zero |
//! | 8..16 | length of the ciphertext, little-endian |
//! | 16..28 | nonce |
//! | 28..28+length | ciphertext: AES-256 in Galois/counter mode (NIST SP 800-38D), as long as what it hides |
//! | the last 16 | tag over the first 16 bytes and the ciphertext |
//!
//! A nonce must never be used twice with one key. The size of an envelope is that of its content plus [`ENVELOPE`], whatever
//! key and nonce are.

use aes_gcm::{AeadInOut, Aes256Gcm, KeyInit};
use zstd::zstd_safe::zstd_sys::ZSTD_ErrorCode;
use zstd::zstd_safe::{find_frame_compressed_size, get_frame_content_size, is_error_kind};

use super::{PackageKey, Packaging};

/// Zstandard's level. Weights have little but their exponents to squeeze, so higher levels cost minutes and win nothing.
pub const ZSTD_LEVEL: i32 = 9;
/// Bytes that an envelope adds to what it hides.
pub const ENVELOPE: usize = HEADER + TAG;
/// Largest model that is unpacked: the limit of a protocol-buffers file, in which ONNX keeps a model.
pub const MODEL_LIMIT: usize = 1 << 31;

const MAGIC: [u8; 4] = *b"BRPK";
const VERSION: u8 = 1;
const HEADER: usize = 28;
/// The part of the header that the tag covers; the nonce is covered by its use.
const AUTHENTICATED: usize = 16;
const TAG: usize = 16;

/// A model that cannot be packed, or a package that cannot be unpacked.
#[derive(Debug, thiserror::Error)]
pub enum PackageError {
    /// The form is encrypted and no key was given.
    #[error("a model that is packed as {} needs a key", .0.name())]
    MissingKey(Packaging),
    /// The bytes do not begin as the form does.
    #[error("this is no {what}: it begins with other bytes; check how the model was packed")]
    NotAPackage {
        /// `encrypted model`, `Zstandard frame`.
        what: &'static str,
    },
    /// Another version of the envelope.
    #[error("the encrypted model has version {found} and this program reads version {VERSION}; pack the model again")]
    Version {
        /// As it says.
        found: u8,
    },
    /// Bytes are missing at the end.
    #[error("the package is cut short: it has {found} bytes; fetch or pack it again")]
    Truncated {
        /// Bytes of the layer that is too short.
        found: usize,
    },
    /// The tag is not that of the content under this key.
    #[error("the key does not open this package: it is another package's key, or the package is damaged")]
    WrongKey,
    /// The frame's content or checksum is not what it was.
    #[error("the package is damaged; fetch or pack it again")]
    Damaged(#[source] std::io::Error),
    /// More than any model may have.
    #[error("the model would have {size} bytes, more than the {MODEL_LIMIT} that an ONNX file can have")]
    TooLarge {
        /// Bytes it says to unpack to.
        size: u64,
    },
    /// The compressor failed, as it does for want of memory.
    #[error("the model cannot be compressed")]
    Compress(#[source] std::io::Error),
    /// The cipher refused, as it does above 64 GiB.
    #[error("the model cannot be encrypted: {size} bytes are too many")]
    Encrypt {
        /// Bytes that it was given.
        size: usize,
    },
}

/// The package of a model. The same model, key and nonce always give the same bytes, with one version of this program.
///
/// `key` and `nonce` are used by the encrypted forms only.
///
/// # Errors
/// An encrypted form without a key; more bytes than memory or cipher can take.
pub fn pack(packaging: Packaging, model: &[u8], key: Option<&PackageKey>, nonce: [u8; 12]) -> Result<Vec<u8>, PackageError> {
    let key = || key.ok_or(PackageError::MissingKey(packaging));
    match packaging {
        Packaging::Raw => Ok(model.to_vec()),
        Packaging::Zstd => compress(model),
        Packaging::EncryptedThenZstd => compress(&seal(model, key()?, nonce)?),
        Packaging::ZstdThenEncrypted => seal(&compress(model)?, key()?, nonce),
    }
}

/// The model of a package, byte for byte.
///
/// # Errors
/// A missing or wrong key, another form or version, a package that is cut short or damaged, or one that would unpack to more
/// than [`MODEL_LIMIT`] bytes.
pub fn unpack(packaging: Packaging, package: Vec<u8>, key: Option<&PackageKey>) -> Result<Vec<u8>, PackageError> {
    let key = || key.ok_or(PackageError::MissingKey(packaging));
    match packaging {
        Packaging::Raw => Ok(package),
        Packaging::Zstd => decompress(&package, MODEL_LIMIT),
        Packaging::EncryptedThenZstd => open(decompress(&package, MODEL_LIMIT + ENVELOPE)?, key()?),
        Packaging::ZstdThenEncrypted => decompress(&open(package, key()?)?, MODEL_LIMIT),
    }
}

fn compress(bytes: &[u8]) -> Result<Vec<u8>, PackageError> {
    let compressed = zstd::bulk::Compressor::new(ZSTD_LEVEL).and_then(|mut compressor| {
        compressor.include_checksum(true)?;
        compressor.compress(bytes)
    });
    compressed.map_err(PackageError::Compress)
}

fn decompress(bytes: &[u8], limit: usize) -> Result<Vec<u8>, PackageError> {
    const START: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];
    if !bytes.starts_with(&START[..bytes.len().min(4)]) {
        return Err(PackageError::NotAPackage { what: "Zstandard frame" });
    }
    let truncated = PackageError::Truncated { found: bytes.len() };
    let Ok(Some(size)) = get_frame_content_size(bytes) else { return Err(truncated) };
    if size > limit as u64 {
        return Err(PackageError::TooLarge { size });
    }
    // The blocks' headers tell where the frame ends, so that what is cut short is not taken for damage.
    if find_frame_compressed_size(bytes).is_err_and(|code| is_error_kind(code, ZSTD_ErrorCode::ZSTD_error_srcSize_wrong)) {
        return Err(truncated);
    }
    zstd::bulk::decompress(bytes, limit.min(size as usize)).map_err(PackageError::Damaged)
}

fn seal(content: &[u8], key: &PackageKey, nonce: [u8; 12]) -> Result<Vec<u8>, PackageError> {
    let mut package = Vec::with_capacity(content.len() + ENVELOPE);
    package.extend(MAGIC);
    package.extend([VERSION, 0, 0, 0]);
    package.extend((content.len() as u64).to_le_bytes());
    package.extend(nonce);
    package.extend(content);
    let (header, body) = package.split_at_mut(HEADER);
    let tag = Aes256Gcm::new(&key.0.into())
        .encrypt_inout_detached(&nonce.into(), &header[..AUTHENTICATED], body.into())
        .map_err(|_| PackageError::Encrypt { size: content.len() })?;
    package.extend(tag);
    Ok(package)
}

fn open(mut package: Vec<u8>, key: &PackageKey) -> Result<Vec<u8>, PackageError> {
    if !package.starts_with(&MAGIC[..package.len().min(4)]) {
        return Err(PackageError::NotAPackage { what: "encrypted model" });
    }
    let found = package.len();
    let truncated = || PackageError::Truncated { found };
    let (header, body) = package.split_at_mut_checked(HEADER).ok_or_else(truncated)?;
    if header[4] != VERSION {
        return Err(PackageError::Version { found: header[4] });
    }
    let (prefix, nonce) = header.split_at(AUTHENTICATED);
    let length = prefix.last_chunk().map_or(0, |length| u64::from_le_bytes(*length));
    let length = usize::try_from(length).ok().filter(|length| *length <= body.len().saturating_sub(TAG)).ok_or_else(truncated)?;
    let (content, tag) = body.split_at_mut(length);
    let (nonce, tag) = (nonce.first_chunk::<12>(), <&[u8; TAG]>::try_from(&*tag));
    let (Some(nonce), Ok(tag)) = (nonce, tag) else {
        // What follows the tag is nothing that this program wrote.
        return Err(PackageError::WrongKey);
    };
    Aes256Gcm::new(&key.0.into())
        .decrypt_inout_detached(&(*nonce).into(), prefix, content.into(), &(*tag).into())
        .map_err(|_| PackageError::WrongKey)?;
    package.truncate(HEADER + length);
    package.drain(..HEADER);
    Ok(package)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const KEY: PackageKey = PackageKey([7; 32]);
    const NONCE: [u8; 12] = *b"only for one";

    fn model() -> Vec<u8> {
        (0..5000u32).flat_map(|at| (at / 7).to_le_bytes()).collect()
    }

    #[test]
    fn every_form_gives_the_model_back() {
        for packaging in Packaging::ALL {
            for model in [model(), Vec::new(), vec![3]] {
                let package = pack(packaging, &model, Some(&KEY), NONCE).unwrap();
                assert_eq!(unpack(packaging, package, Some(&KEY)).unwrap(), model, "{}", packaging.name());
            }
        }
    }

    #[test]
    fn the_order_of_compression_and_encryption_decides_the_size() {
        let size = |packaging| pack(packaging, &model(), Some(&KEY), NONCE).unwrap().len();
        assert_eq!(size(Packaging::Raw), model().len());
        assert!(size(Packaging::Zstd) * 2 < model().len());
        assert_eq!(size(Packaging::ZstdThenEncrypted), size(Packaging::Zstd) + ENVELOPE);
        assert!(size(Packaging::EncryptedThenZstd) > model().len());
    }

    #[test]
    fn the_size_does_not_depend_on_key_and_nonce() {
        for packaging in Packaging::ALL {
            let sizes = [1, 2, 3].map(|byte| pack(packaging, &model(), Some(&PackageKey([byte; 32])), [byte; 12]).unwrap().len());
            assert!(sizes.iter().all(|size| *size == sizes[0]), "{}: {sizes:?}", packaging.name());
        }
    }

    #[test]
    fn the_cipher_is_the_standards() {
        // NIST's GCM test vector for a 256-bit key: one block of zeros under a key and a nonce of zeros (test case 14).
        let sealed = seal(&[0; 16], &PackageKey([0; 32]), [0; 12]).unwrap();
        assert_eq!(hex::encode(&sealed[HEADER..HEADER + 16]), "cea7403d4d606b6e074ec5d3baf39d18");
        assert_eq!(hex::encode(&sealed[..HEADER]), "4252504b010000001000000000000000000000000000000000000000");
    }

    #[test]
    fn a_wrong_key_a_missing_one_and_damage_are_told() {
        for packaging in [Packaging::EncryptedThenZstd, Packaging::ZstdThenEncrypted] {
            let package = pack(packaging, &model(), Some(&KEY), NONCE).unwrap();
            let other = unpack(packaging, package.clone(), Some(&PackageKey([8; 32])));
            assert!(matches!(other, Err(PackageError::WrongKey)), "{other:?}");
            let missing = unpack(packaging, package, None);
            assert!(matches!(missing, Err(PackageError::MissingKey(_))), "{missing:?}");
            assert!(matches!(pack(packaging, &model(), None, NONCE), Err(PackageError::MissingKey(_))));
        }
        let mut package = pack(Packaging::ZstdThenEncrypted, &model(), Some(&KEY), NONCE).unwrap();
        package[HEADER + 5] ^= 1;
        assert!(matches!(unpack(Packaging::ZstdThenEncrypted, package, Some(&KEY)), Err(PackageError::WrongKey)));
        let mut package = pack(Packaging::Zstd, &model(), None, NONCE).unwrap();
        let last = package.len() - 1;
        package[last] ^= 1;
        assert!(matches!(unpack(Packaging::Zstd, package, None), Err(PackageError::Damaged(_))));
    }

    #[test]
    fn other_files_and_versions_are_no_packages() {
        for packaging in [Packaging::Zstd, Packaging::EncryptedThenZstd, Packaging::ZstdThenEncrypted] {
            let error = unpack(packaging, model(), Some(&KEY)).unwrap_err();
            assert!(matches!(error, PackageError::NotAPackage { .. }), "{error}");
        }
        let mut package = pack(Packaging::ZstdThenEncrypted, &model(), Some(&KEY), NONCE).unwrap();
        package[4] = 2;
        let error = unpack(Packaging::ZstdThenEncrypted, package, Some(&KEY)).unwrap_err();
        assert!(matches!(error, PackageError::Version { found: 2 }), "{error}");
    }

    #[test]
    fn a_package_cut_short_says_so_at_every_length() {
        let small: Vec<u8> = (0..100).map(|at| at % 5).collect();
        for packaging in [Packaging::Zstd, Packaging::EncryptedThenZstd, Packaging::ZstdThenEncrypted] {
            let package = pack(packaging, &small, Some(&KEY), NONCE).unwrap();
            for length in 0..package.len() {
                let error = unpack(packaging, package[..length].to_vec(), Some(&KEY)).unwrap_err();
                assert!(matches!(error, PackageError::Truncated { .. }), "{} of {length}: {error}", packaging.name());
            }
        }
    }

    #[test]
    fn a_frame_that_promises_too_much_is_refused_before_it_is_unpacked() {
        // Header of a single-segment frame with an 8-byte content size (RFC 8878 section 3.1.1.1).
        let mut frame = vec![0x28, 0xb5, 0x2f, 0xfd, 0b1110_0000];
        frame.extend(u64::from(u32::MAX).to_le_bytes());
        frame.extend([1, 0, 0]);
        let error = unpack(Packaging::Zstd, frame, None).unwrap_err();
        assert!(matches!(error, PackageError::TooLarge { size } if size == u64::from(u32::MAX)), "{error}");
    }

    #[test]
    fn keys_are_printed_by_nothing() {
        assert_eq!(format!("{KEY:?}"), "PackageKey(redacted)");
    }

    proptest! {
        #[test]
        fn noise_never_panics(bytes in prop::collection::vec(any::<u8>(), 0..200), form in 0usize..4, start in 0usize..3) {
            let start: &[u8] = [&[][..], b"BRPK\x01\0\0\0", &[0x28, 0xb5, 0x2f, 0xfd]][start];
            let _ = unpack(Packaging::ALL[form], [start, &bytes].concat(), Some(&KEY));
        }
    }
}
