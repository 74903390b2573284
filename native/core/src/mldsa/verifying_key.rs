//! Public keys of recent signatures, kept in their expanded form: expanding a key is most of a verification.

use std::collections::HashMap;
use std::convert::Infallible;
use std::mem::take;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, OnceLock, PoisonError};

use super::PUBLIC_KEY_BYTES;
use super::verifier::{ExpandedKey, Implementation};
use crate::domain::Domain;
use crate::hash::{Digest, hash};

/// 1,900 keys: the members of a network and the accounts that send most.
const MAX_KEPT_BYTES: usize = 128 << 20;
const GENERATION: usize = MAX_KEPT_BYTES / (ExpandedKey::BYTES + size_of::<VerifyingKey>()) / 2;

/// A slowly expanded key has paid for itself after a dozen signatures.
const USES_BEFORE_SLOW_EXPANSION: u32 = 12;

/// A public key, expanded when it is first worth it.
pub struct VerifyingKey {
    public_key: [u8; PUBLIC_KEY_BYTES],
    uses: AtomicU32,
    expanded: OnceLock<ExpandedKey>,
}

impl VerifyingKey {
    pub(super) fn new(public_key: [u8; PUBLIC_KEY_BYTES]) -> Self {
        Self { public_key, uses: AtomicU32::new(0), expanded: OnceLock::new() }
    }

    /// The kept key, or a new one that is kept from now on. None for bytes of another length.
    pub fn of(public_key: &[u8]) -> Option<Arc<Self>> {
        let public_key: [u8; PUBLIC_KEY_BYTES] = public_key.try_into().ok()?;
        Self::by_hash(&hash(Domain::Key, &[&public_key]), || Ok::<_, Infallible>(public_key)).ok()
    }

    /// As `of` for the key with this hash in the domain `Key`; `read` gets it if it is not kept.
    pub fn by_hash<E>(hash: &Digest, read: impl FnOnce() -> Result<[u8; PUBLIC_KEY_BYTES], E>) -> Result<Arc<Self>, E> {
        if let Some(key) = kept().find(hash) {
            return Ok(key);
        }
        // Nobody waits for the lock while this reads.
        let key = Arc::new(Self::new(read()?));
        Ok(kept().keep(*hash, key))
    }

    pub(super) fn public_key(&self) -> &[u8; PUBLIC_KEY_BYTES] {
        &self.public_key
    }

    /// None as long as AWS-LC verifies faster than this key is expanded.
    pub(super) fn expanded(&self, implementation: Implementation) -> Option<&ExpandedKey> {
        let is_worth_it = implementation.expands_fast()
            || self.expanded.get().is_some()
            || self.uses.fetch_add(1, Ordering::Relaxed) >= USES_BEFORE_SLOW_EXPANSION;
        is_worth_it.then(|| self.expanded.get_or_init(|| implementation.expand(&self.public_key)))
    }
}

/// How often a key was found kept, and how often it was not, since the process started.
pub fn key_lookups() -> (u64, u64) {
    (HITS.load(Ordering::Relaxed), MISSES.load(Ordering::Relaxed))
}

static HITS: AtomicU64 = AtomicU64::new(0);
static MISSES: AtomicU64 = AtomicU64::new(0);
static KEPT: LazyLock<Mutex<Kept>> = LazyLock::new(Mutex::default);

fn kept() -> MutexGuard<'static, Kept> {
    // The maps are whole after a panic elsewhere, too.
    KEPT.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The younger generation replaces the older one when it is full. What is used moves to the younger one.
#[derive(Default)]
struct Kept {
    younger: HashMap<Digest, Arc<VerifyingKey>>,
    older: HashMap<Digest, Arc<VerifyingKey>>,
}

impl Kept {
    fn find(&mut self, hash: &Digest) -> Option<Arc<VerifyingKey>> {
        let found = match self.younger.get(hash) {
            Some(key) => Some(Arc::clone(key)),
            None => self.older.remove(hash).map(|key| self.keep(*hash, key)),
        };
        if found.is_some() { &HITS } else { &MISSES }.fetch_add(1, Ordering::Relaxed);
        found
    }

    /// Answers the key that another thread has kept meanwhile, if any.
    fn keep(&mut self, hash: Digest, key: Arc<VerifyingKey>) -> Arc<VerifyingKey> {
        if self.younger.len() >= GENERATION {
            self.older = take(&mut self.younger);
        }
        Arc::clone(self.younger.entry(hash).or_insert(key))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn digest(index: usize) -> Digest {
        let mut digest = [0; 32];
        digest[..8].copy_from_slice(&index.to_le_bytes());
        digest
    }

    #[test]
    fn what_is_used_stays_and_the_whole_is_bounded() {
        let mut kept = Kept::default();
        let key = Arc::new(VerifyingKey::new([1; PUBLIC_KEY_BYTES]));
        for index in 0..4 * GENERATION {
            kept.keep(digest(index), Arc::clone(&key));
            assert!(kept.find(&digest(0)).is_some(), "used at every step, gone at {index}");
            assert!(kept.younger.len() + kept.older.len() <= 2 * GENERATION);
        }
        assert!(kept.find(&digest(GENERATION)).is_none(), "never used again");
        assert!((1_500..2_500).contains(&(2 * GENERATION)));
    }

    #[test]
    fn a_kept_key_is_not_read_again() {
        let public_key = [0x5a; PUBLIC_KEY_BYTES];
        let key = VerifyingKey::of(&public_key).unwrap();
        let name = hash(Domain::Key, &[&public_key]);
        let again = VerifyingKey::by_hash(&name, || Err("read")).unwrap();
        assert!(Arc::ptr_eq(&key, &again));
        assert_eq!(VerifyingKey::by_hash(&digest(7), || Err("read")).err(), Some("read"));
        assert!(VerifyingKey::of(&public_key[1..]).is_none());
    }

    #[test]
    fn a_slow_implementation_expands_only_what_is_used_often() {
        for implementation in Implementation::available() {
            let key = VerifyingKey::new([3; PUBLIC_KEY_BYTES]);
            let uses = (0..20).take_while(|_| key.expanded(implementation).is_none()).count();
            let expected = if implementation.expands_fast() { 0 } else { USES_BEFORE_SLOW_EXPANSION as usize };
            assert_eq!(uses, expected, "{}", implementation.name());
        }
    }
}
