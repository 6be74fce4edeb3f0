//! Signatures of reports: Ed25519 (RFC 8032), so that a verdict can be traced to the device that measured.
//!
//! An agent makes its key at its first start and registers the public half. What is signed are the very bytes of a report
//! as they are sent, under a prefix of our own, so that a signature can never be taken for one of something else.

use std::fmt;
use std::str::FromStr;

use ed25519_dalek::Signer as _;
use serde::{Deserialize, Serialize};

/// What precedes every signed report.
const REPORT: &[u8] = b"benchrack report 1\n";

/// The half of a key that everybody may know. Text form: 64 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PublicKey(pub [u8; 32]);

/// A signature of a report. Text form: 128 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Signature(pub [u8; 64]);

/// The half of a key that signs; never printed.
pub struct SecretKey(ed25519_dalek::SigningKey);

impl SecretKey {
    /// The key of this seed, 32 bytes that nobody can guess.
    pub fn of_seed(seed: &[u8; 32]) -> Self {
        Self(ed25519_dalek::SigningKey::from_bytes(seed))
    }

    /// Its public half.
    pub fn public(&self) -> PublicKey {
        PublicKey(self.0.verifying_key().to_bytes())
    }

    /// Signs the bytes of a report.
    pub fn sign_report(&self, report: &[u8]) -> Signature {
        Signature(self.0.sign(&signed(report)).to_bytes())
    }
}

impl fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SecretKey(redacted, public half {})", self.public())
    }
}

impl PublicKey {
    /// Whether this key signed these bytes of a report; keys and signatures of more than one reading are refused
    /// (Chalkias, Garillot and Nikolaenko, "Taming the many EdDSAs", 2020).
    pub fn has_signed_report(&self, report: &[u8], signature: &Signature) -> bool {
        let signature = ed25519_dalek::Signature::from_bytes(&signature.0);
        let key = ed25519_dalek::VerifyingKey::from_bytes(&self.0);
        key.is_ok_and(|key| key.verify_strict(&signed(report), &signature).is_ok())
    }
}

fn signed(report: &[u8]) -> Vec<u8> {
    [REPORT, report].concat()
}

/// The text is no key or signature.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("'{text}' is no {what}: {digits} hexadecimal digits are expected")]
pub struct NotHex {
    what: &'static str,
    digits: usize,
    text: String,
}

macro_rules! as_hex {
    ($($name:ty, $bytes:literal, $what:literal;)*) => {$(
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&hex::encode(self.0))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self)
            }
        }

        impl FromStr for $name {
            type Err = NotHex;

            fn from_str(text: &str) -> Result<Self, NotHex> {
                let mut bytes = [0; $bytes];
                let wrong = |_| NotHex { what: $what, digits: 2 * $bytes, text: text.chars().take(140).collect() };
                hex::decode_to_slice(text, &mut bytes).map_err(wrong)?;
                Ok(Self(bytes))
            }
        }

        impl Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
            }
        }
    )*};
}

as_hex! {
    PublicKey, 32, "public key";
    Signature, 64, "signature";
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 8032 §7.1, test 1: the public half of a known seed.
    #[test]
    fn the_public_half_is_that_of_the_standard() {
        let seed = "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60".parse::<PublicKey>().unwrap().0;
        let public = SecretKey::of_seed(&seed).public();
        assert_eq!(public.to_string(), "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a");
    }

    #[test]
    fn another_report_another_key_or_another_signature_is_noticed() {
        let (key, other) = (SecretKey::of_seed(&[1; 32]), SecretKey::of_seed(&[2; 32]));
        let signature = key.sign_report(b"{}");
        assert!(key.public().has_signed_report(b"{}", &signature));
        assert!(!key.public().has_signed_report(b"{ }", &signature));
        assert!(!other.public().has_signed_report(b"{}", &signature));
        let mut wrong = signature;
        wrong.0[5] ^= 1;
        assert!(!key.public().has_signed_report(b"{}", &wrong));
        assert!(!PublicKey([0; 32]).has_signed_report(b"{}", &Signature([0; 64])));
        assert!(!format!("{key:?}").contains(&hex::encode([1; 32])));
    }

    #[test]
    fn texts_are_read_back_and_nonsense_is_refused() {
        let key = SecretKey::of_seed(&[1; 32]).public();
        assert_eq!(key.to_string().parse(), Ok(key));
        assert!("12".parse::<PublicKey>().unwrap_err().to_string().contains("64 hexadecimal digits"));
        assert!("xy".repeat(64).parse::<Signature>().is_err());
    }
}
