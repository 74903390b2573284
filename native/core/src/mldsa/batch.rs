//! Verification of many signatures on several threads: one answer per item, whatever the others are.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

use super::verify;

/// One batch is one task of a worker thread: 1,024 verifications are 60 to 250 ms, beyond which a caller should
/// rather see results in between. It also bounds the copy of 7.4 kB an item that the binding makes.
pub const MAX_BATCH_ITEMS: usize = 1024;

/// More threads than this in one batch would only compete with the other rooms of the process.
const MAX_BATCH_THREADS: usize = 64;

/// Starting a thread costs about as much as half a verification, so each gets at least this many.
const MIN_ITEMS_PER_THREAD: usize = 4;

#[derive(Clone, Copy)]
pub struct BatchItem<'a> {
    pub public_key: &'a [u8],
    pub context: &'a [u8],
    pub message: &'a [u8],
    pub signature: &'a [u8],
}

/// Verifies every item, on at most `threads` threads (the caller's is one of them).
pub fn verify_batch(items: &[BatchItem<'_>], threads: usize) -> Vec<bool> {
    let threads = threads.min(MAX_BATCH_THREADS).min(items.len() / MIN_ITEMS_PER_THREAD).max(1);
    let results: Vec<AtomicBool> = items.iter().map(|_| AtomicBool::new(false)).collect();
    let next = AtomicUsize::new(0);
    let work = || {
        while let Some((item, result)) = pick(&next, items, &results) {
            let valid = verify(item.public_key, item.context, item.message, item.signature);
            result.store(valid, Ordering::Relaxed);
        }
    };
    thread::scope(|scope| {
        for _ in 1..threads {
            // Without another thread the remaining ones do the work.
            let _ = thread::Builder::new().name("av10-verify".into()).spawn_scoped(scope, work);
        }
        work();
    });
    results.into_iter().map(AtomicBool::into_inner).collect()
}

fn pick<'a, 'b>(
    next: &AtomicUsize,
    items: &'a [BatchItem<'b>],
    results: &'a [AtomicBool],
) -> Option<(&'a BatchItem<'b>, &'a AtomicBool)> {
    let index = next.fetch_add(1, Ordering::Relaxed);
    items.get(index).zip(results.get(index))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mldsa::SigningKey;

    #[test]
    fn every_item_gets_its_own_answer_on_any_number_of_threads() {
        let key = SigningKey::from_seed(&[1; 32]).unwrap();
        let good = key.sign(b"c", b"m").unwrap();
        let item = BatchItem { public_key: key.public_key(), context: b"c", message: b"m", signature: &good };
        let bad = BatchItem { message: b"x", ..item };
        let items: Vec<_> = (0..21).map(|i| if i % 3 == 0 { bad } else { item }).collect();
        let expected: Vec<_> = (0..21).map(|i| i % 3 != 0).collect();
        for threads in [0, 1, 2, 7, 1000] {
            assert_eq!(verify_batch(&items, threads), expected, "{threads} threads");
        }
        assert!(verify_batch(&[], 4).is_empty());
    }
}
