//! ML-DSA-87 (FIPS 204), pure variant with a context string, hedged signing.

mod batch;
mod trust;
mod verifier;
mod verifying_key;

pub use batch::{BatchItem, MAX_BATCH_ITEMS, MAX_HELD_KEYS, verify_batch, verify_many};
pub use verifier::{Implementation, Signed, verdicts};
pub use verifying_key::{VerifyingKey, key_lookups};

use crate::aws_lc::Key;
use crate::error::CryptoError;

// FIPS 204 table 2; the seed is xi of algorithm 1.
pub const SEED_BYTES: usize = 32;
pub const PUBLIC_KEY_BYTES: usize = 2592;
pub const SIGNATURE_BYTES: usize = 4627;
/// Of the expanded form, which never leaves AWS-LC.
pub const PRIVATE_KEY_BYTES: usize = 4896;

/// FIPS 204 section 5.2.
pub const MAX_CONTEXT_BYTES: usize = 255;

/// A signing key, expanded once and shared by threads. Its memory is cleansed when it goes.
pub struct SigningKey {
    key: Key,
    public_key: [u8; PUBLIC_KEY_BYTES],
}

impl SigningKey {
    /// Expands a seed of 32 bytes (FIPS 204 algorithm 6).
    pub fn from_seed(seed: &[u8]) -> Result<Self, CryptoError> {
        let seed = seed.try_into().map_err(|_| CryptoError::Length {
            what: "ML-DSA-87 seed",
            expected: SEED_BYTES,
            got: seed.len(),
        })?;
        let key = Key::ml_dsa_from_seed(seed)?;
        let public_key = key.public_key()?;
        Ok(Self { key, public_key })
    }

    pub fn public_key(&self) -> &[u8; PUBLIC_KEY_BYTES] {
        &self.public_key
    }

    /// Signs `message` under `context` (at most 255 bytes). Hedged: two signatures of one message differ.
    pub fn sign(&self, context: &[u8], message: &[u8]) -> Result<[u8; SIGNATURE_BYTES], CryptoError> {
        if context.len() > MAX_CONTEXT_BYTES {
            return Err(CryptoError::ContextTooLong { limit: MAX_CONTEXT_BYTES, got: context.len() });
        }
        self.key.sign(context, message)
    }
}

/// True if `signature` is one of `message` under `context` by `public_key`, says AWS-LC: the measure of all other
/// verification here. Wrong lengths are just not valid.
pub fn verify(public_key: &[u8], context: &[u8], message: &[u8], signature: &[u8]) -> bool {
    let (Ok(public_key), Ok(signature)) = (public_key.try_into(), signature.try_into()) else { return false };
    context.len() <= MAX_CONTEXT_BYTES
        && Key::ml_dsa_public(public_key).is_ok_and(|key| key.verify(context, message, signature))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn valid() -> (SigningKey, Vec<u8>) {
        let key = SigningKey::from_seed(&[7; SEED_BYTES]).unwrap();
        let signature = key.sign(b"context", b"message").unwrap().to_vec();
        (key, signature)
    }

    #[test]
    fn a_signature_verifies_for_its_key_context_and_message_only() {
        let (key, signature) = valid();
        let other = SigningKey::from_seed(&[8; SEED_BYTES]).unwrap();
        assert!(verify(key.public_key(), b"context", b"message", &signature));
        assert!(!verify(other.public_key(), b"context", b"message", &signature));
        assert!(!verify(key.public_key(), b"contexT", b"message", &signature));
        assert!(!verify(key.public_key(), b"", b"message", &signature));
        assert!(!verify(key.public_key(), b"context", b"messagE", &signature));
    }

    #[test]
    fn wrong_lengths_are_not_valid() {
        let (key, signature) = valid();
        assert!(!verify(&key.public_key()[1..], b"context", b"message", &signature));
        assert!(!verify(key.public_key(), b"context", b"message", &signature[1..]));
        assert!(!verify(key.public_key(), b"context", b"message", &[signature.as_slice(), &[0]].concat()));
        assert!(!verify(key.public_key(), &[0; 256], b"message", &signature));
        assert!(!verify(&[], b"", b"", &[]));
    }

    #[test]
    fn signing_is_hedged_and_bounds_the_context() {
        let (key, signature) = valid();
        assert_ne!(key.sign(b"context", b"message").unwrap().to_vec(), signature);
        assert!(key.sign(&[0; 255], b"message").is_ok());
        assert_eq!(key.sign(&[0; 256], b"message").unwrap_err(), CryptoError::ContextTooLong { limit: 255, got: 256 });
    }

    #[test]
    fn a_seed_has_32_bytes() {
        let error = SigningKey::from_seed(&[0; 31]).err();
        assert_eq!(error, Some(CryptoError::Length { what: "ML-DSA-87 seed", expected: 32, got: 31 }));
    }

    #[test]
    fn one_key_serves_several_threads() {
        let (key, _) = valid();
        std::thread::scope(|scope| {
            for thread in 0..4u8 {
                let key = &key;
                scope.spawn(move || {
                    let signature = key.sign(b"context", &[thread]).unwrap();
                    assert!(verify(key.public_key(), b"context", &[thread], &signature));
                });
            }
        });
    }
}
