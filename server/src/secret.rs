//! Secrets that we hand out, and the hashes by which we know them again.

use sha2::{Digest, Sha256};
use uuid::Uuid;

/// A bearer token, lease secret or cookie value; shown once.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// A new one: 244 bits from the operating system's generator.
    #[expect(clippy::disallowed_methods, reason = "the one place of the server that makes secrets")]
    pub fn generate(prefix: &str) -> Self {
        Self(format!("{prefix}{}{}", Uuid::new_v4().simple(), Uuid::new_v4().simple()))
    }

    /// The text to hand out.
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// What is stored of it.
    pub fn hash(&self) -> SecretHash {
        SecretHash::of(&self.0)
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret(redacted)")
    }
}

/// SHA-256 of a secret. No slow hash is needed, because secrets are random and long, and none is compared byte by
/// byte: rows are found by the hash, which an attacker cannot steer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SecretHash([u8; 32]);

impl SecretHash {
    /// The hash of a secret as it was presented.
    pub fn of(presented: &str) -> Self {
        Self(Sha256::digest(presented.as_bytes()).into())
    }

    /// For the database.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_differ_and_do_not_print_themselves() {
        let (a, b) = (Secret::generate("brk_"), Secret::generate("brk_"));
        assert_ne!(a, b);
        assert!(a.reveal().starts_with("brk_") && a.reveal().len() == 68);
        assert!(!format!("{a:?}").contains(a.reveal()));
        assert_eq!(a.hash(), SecretHash::of(a.reveal()));
    }
}
