//! BLAKE3-256 in derive_key mode under the contexts of `domain`.

use std::sync::LazyLock;

pub use blake3::Hasher;
use blake3::hazmat::{ContextKey, HasherExt, hash_derive_key_context};

use crate::domain::Domain;

pub const DIGEST_BYTES: usize = 32;
pub type Digest = [u8; DIGEST_BYTES];

/// Context strings are hashed once a process: that is one compression saved on each short input.
static CONTEXT_KEYS: LazyLock<Vec<ContextKey>> =
    LazyLock::new(|| Domain::ALL.iter().map(|domain| hash_derive_key_context(domain.context())).collect());

/// A hasher of `domain` to feed piece by piece.
pub fn hasher(domain: Domain) -> Hasher {
    Hasher::new_from_context_key(&CONTEXT_KEYS[domain as usize])
}

/// The digest of the concatenated `parts` in `domain`.
pub fn hash(domain: Domain, parts: &[&[u8]]) -> Digest {
    let mut hasher = hasher(domain);
    for part in parts {
        hasher.update(part);
    }
    *hasher.finalize().as_bytes()
}

/// The plain BLAKE3-256 of `bytes`, for files and the network id.
pub fn plain(bytes: &[u8]) -> Digest {
    *blake3::hash(bytes).as_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_domain_is_derive_key_of_its_context() {
        for &domain in Domain::ALL {
            let context = format!("av10 {} 1", domain.name());
            assert_eq!(hash(domain, &[b"ab", b"c"]), blake3::derive_key(&context, b"abc"), "{context}");
        }
    }

    #[test]
    fn domains_are_distinct_and_indexed_in_order() {
        for (index, &domain) in Domain::ALL.iter().enumerate() {
            assert_eq!(Domain::from_index(index as u32), Ok(domain));
            assert!(Domain::ALL[..index].iter().all(|other| other.name() != domain.name()));
        }
        let end = Domain::ALL.len() as u32;
        assert_eq!(Domain::from_index(end), Err(crate::CryptoError::UnknownDomain { index: end }));
    }

    #[test]
    fn plain_is_unkeyed_blake3() {
        let empty = "af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262";
        assert_eq!(plain(b"").map(|byte| format!("{byte:02x}")).concat(), empty);
    }
}
