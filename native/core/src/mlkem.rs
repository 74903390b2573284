//! ML-KEM-1024 (FIPS 203). Private keys are kept as their 64-byte seed d || z, the form every backend reads.

use zeroize::Zeroizing;

use crate::aws_lc::Key;
use crate::error::CryptoError;

// FIPS 203 table 3; the seed is d || z of algorithm 19.
pub const SEED_BYTES: usize = 64;
pub const PUBLIC_KEY_BYTES: usize = 1568;
pub const CIPHERTEXT_BYTES: usize = 1568;
pub const SHARED_SECRET_BYTES: usize = 32;

pub type SharedSecret = Zeroizing<[u8; SHARED_SECRET_BYTES]>;

/// The encapsulation key that belongs to a seed of 64 bytes.
pub fn public_key(seed: &[u8]) -> Result<[u8; PUBLIC_KEY_BYTES], CryptoError> {
    private_key(seed)?.public_key()
}

/// A fresh shared secret and its ciphertext for `public_key`, which is checked as FIPS 203 section 7.2 asks.
pub fn encapsulate(public_key: &[u8]) -> Result<([u8; CIPHERTEXT_BYTES], SharedSecret), CryptoError> {
    let public_key = sized("ML-KEM-1024 public key", public_key)?;
    let encapsulation = Key::ml_kem_public(public_key)?.encapsulate()?;
    Ok((encapsulation.ciphertext, Zeroizing::new(encapsulation.shared_secret)))
}

/// The shared secret of `ciphertext`. A ciphertext made for another key yields an unrelated secret, not an error.
pub fn decapsulate(seed: &[u8], ciphertext: &[u8]) -> Result<SharedSecret, CryptoError> {
    let ciphertext = sized("ML-KEM-1024 ciphertext", ciphertext)?;
    let mut shared_secret = Zeroizing::new([0; SHARED_SECRET_BYTES]);
    private_key(seed)?.decapsulate(ciphertext, &mut shared_secret)?;
    Ok(shared_secret)
}

fn private_key(seed: &[u8]) -> Result<Key, CryptoError> {
    Key::ml_kem_from_seed(sized("ML-KEM-1024 seed", seed)?)
}

fn sized<'a, const N: usize>(what: &'static str, bytes: &'a [u8]) -> Result<&'a [u8; N], CryptoError> {
    bytes.try_into().map_err(|_| CryptoError::Length { what, expected: N, got: bytes.len() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_sides_reach_one_secret() {
        let seed = [3; SEED_BYTES];
        let (ciphertext, secret) = encapsulate(&public_key(&seed).unwrap()).unwrap();
        assert_eq!(decapsulate(&seed, &ciphertext).unwrap(), secret);
    }

    #[test]
    fn a_changed_ciphertext_yields_another_secret() {
        let seed = [3; SEED_BYTES];
        let (mut ciphertext, secret) = encapsulate(&public_key(&seed).unwrap()).unwrap();
        ciphertext[0] ^= 1;
        assert_ne!(decapsulate(&seed, &ciphertext).unwrap(), secret);
    }

    #[test]
    fn wrong_lengths_and_unreduced_keys_are_refused() {
        let error = |what, expected, got| CryptoError::Length { what, expected, got };
        assert_eq!(public_key(&[0; 63]).unwrap_err(), error("ML-KEM-1024 seed", 64, 63));
        assert_eq!(encapsulate(&[0; 1567]).unwrap_err(), error("ML-KEM-1024 public key", 1568, 1567));
        assert_eq!(decapsulate(&[0; 64], &[0; 1]).unwrap_err(), error("ML-KEM-1024 ciphertext", 1568, 1));
        assert_eq!(encapsulate(&[255; PUBLIC_KEY_BYTES]).unwrap_err(), CryptoError::MalformedKey);
    }
}
