//! Public keys of recent signatures, kept in their expanded form: expanding a key is most of a verification.

use std::collections::{HashMap, VecDeque};
use std::convert::Infallible;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, OnceLock, PoisonError};

use super::PUBLIC_KEY_BYTES;
use super::verifier::{ExpandedKey, Implementation};
use crate::domain::Domain;
use crate::hash::{Digest, hash};

/// 1,900 keys: the members of a network and the accounts that send most.
const MAX_KEPT_BYTES: usize = 128 << 20;
const MAX_KEPT: usize = MAX_KEPT_BYTES / (ExpandedKey::BYTES + size_of::<VerifyingKey>());

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
    // The table is whole after a panic elsewhere, too.
    KEPT.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Keys go one at a time, so that the memory of one is that of the next: the one kept longest, unless it was used since its
/// last turn.
#[derive(Default)]
struct Kept {
    by_hash: HashMap<Digest, Entry>,
    turns: VecDeque<Digest>,
}

struct Entry {
    key: Arc<VerifyingKey>,
    is_used: bool,
}

impl Kept {
    fn find(&mut self, hash: &Digest) -> Option<Arc<VerifyingKey>> {
        let found = self.by_hash.get_mut(hash).map(|entry| {
            entry.is_used = true;
            Arc::clone(&entry.key)
        });
        if found.is_some() { &HITS } else { &MISSES }.fetch_add(1, Ordering::Relaxed);
        found
    }

    /// Answers the key that another thread has kept meanwhile, if any.
    fn keep(&mut self, hash: Digest, key: Arc<VerifyingKey>) -> Arc<VerifyingKey> {
        if let Some(entry) = self.by_hash.get(&hash) {
            return Arc::clone(&entry.key);
        }
        while self.by_hash.len() >= MAX_KEPT {
            self.take_turn();
        }
        self.turns.push_back(hash);
        self.by_hash.insert(hash, Entry { key: Arc::clone(&key), is_used: false });
        key
    }

    fn take_turn(&mut self) {
        let Some(hash) = self.turns.pop_front() else { return };
        match self.by_hash.get_mut(&hash) {
            Some(entry) if entry.is_used => {
                entry.is_used = false;
                self.turns.push_back(hash);
            }
            _ => {
                self.by_hash.remove(&hash);
            }
        }
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
        for index in 0..4 * MAX_KEPT {
            kept.keep(digest(index), Arc::clone(&key));
            assert!(kept.find(&digest(0)).is_some(), "used at every step, gone at {index}");
            assert!(kept.by_hash.len() <= MAX_KEPT && kept.turns.len() == kept.by_hash.len());
        }
        assert!(kept.find(&digest(MAX_KEPT)).is_none(), "never used");
        assert!(kept.find(&digest(4 * MAX_KEPT - 1)).is_some(), "the newest");
        assert!((1_900..2_000).contains(&MAX_KEPT));
    }

    #[test]
    fn room_is_made_when_all_keys_are_used() {
        let mut kept = Kept::default();
        let key = Arc::new(VerifyingKey::new([1; PUBLIC_KEY_BYTES]));
        for index in 0..MAX_KEPT {
            kept.keep(digest(index), Arc::clone(&key));
            kept.find(&digest(index));
        }
        kept.keep(digest(MAX_KEPT), key);
        assert!(kept.find(&digest(0)).is_none(), "its turn was the first");
        assert_eq!(kept.by_hash.len(), MAX_KEPT);
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
