//! Which transactions this process has found correctly signed, so that each signature is verified once: by the workers
//! ahead of execution, or at execution.

use std::collections::HashSet;
use std::mem::take;
use std::sync::{LazyLock, Mutex, PoisonError};

use crate::hash::Digest;

/// 10^6 x 32 B: seconds of what two cores can verify, held from admission to execution.
const MAX_ENTRIES: usize = 1 << 20;
/// Workers seldom meet at one lock.
const SHARDS: usize = 16;
/// The younger generation replaces the older one when it is full, so an entry lives for half of the capacity at least.
const GENERATION: usize = MAX_ENTRIES / SHARDS / 2;

#[derive(Default)]
struct Shard {
    younger: HashSet<Digest>,
    older: HashSet<Digest>,
}

static SHARDED: LazyLock<Vec<Mutex<Shard>>> = LazyLock::new(|| (0..SHARDS).map(|_| Mutex::default()).collect());

pub(super) fn contains(key: &Digest) -> bool {
    with_shard(key, |shard| shard.younger.contains(key) || shard.older.contains(key))
}

pub(super) fn insert(key: Digest) {
    with_shard(&key, |shard| {
        if shard.younger.len() >= GENERATION {
            shard.older = take(&mut shard.younger);
        }
        shard.younger.insert(key);
    });
}

fn with_shard<T>(key: &Digest, act: impl FnOnce(&mut Shard) -> T) -> T {
    let shard = &SHARDED[usize::from(key[0]) % SHARDS];
    // A set is whole after a panic elsewhere, too.
    act(&mut shard.lock().unwrap_or_else(PoisonError::into_inner))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_outlives_half_of_the_capacity_and_the_whole_stays_bounded() {
        let key = |index: usize| {
            let mut key = [7; 32];
            key[1..9].copy_from_slice(&index.to_le_bytes());
            key
        };
        insert(key(0));
        (1..GENERATION).for_each(|index| insert(key(index)));
        assert!(contains(&key(0)));
        (GENERATION..3 * GENERATION).for_each(|index| insert(key(index)));
        assert!(!contains(&key(0)));
        with_shard(&key(0), |shard| assert!(shard.younger.len() + shard.older.len() <= 2 * GENERATION));
    }
}
