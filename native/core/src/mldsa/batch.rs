//! Verification of many signatures on several threads: one answer per item, whatever the others are.

use std::sync::{LazyLock, Mutex, PoisonError};
use std::thread;

use super::trust::Trust;
use super::verifier::{GROUP, Implementation, Request, Signed};
use super::verify;
use super::verifying_key::VerifyingKey;
use crate::error::CryptoError;

/// One batch is one task of a worker thread: 1,024 verifications are 7 to 250 ms, beyond which a caller should rather see
/// results in between. It also bounds the copy of 7.4 kB an item that the binding makes.
pub const MAX_BATCH_ITEMS: usize = 1024;

/// Keys that a caller holds at a time beside those kept: 17 MiB if all of them are strangers.
pub const MAX_HELD_KEYS: usize = 256;

/// More threads than this in one batch would only compete with the other rooms of the process.
const MAX_BATCH_THREADS: usize = 64;

/// Starting a thread costs about as much as eight verifications, so each gets at least twice as many.
const MIN_ITEMS_PER_THREAD: usize = 2 * GROUP;

static IMPLEMENTATION: LazyLock<Implementation> = LazyLock::new(|| Implementation::available()[0]);
static TRUST: Trust = Trust::new();

#[derive(Clone, Copy)]
pub struct BatchItem<'a> {
    /// None for bytes that are no key: nothing is valid then.
    pub key: Option<&'a VerifyingKey>,
    pub context: &'a [u8],
    pub message: &'a [u8],
    pub signature: &'a [u8],
}

impl BatchItem<'_> {
    fn verify_by_library(&self) -> bool {
        self.key.is_some_and(|key| verify(key.public_key(), self.context, self.message, self.signature))
    }
}

/// Verifies every item; keys come from those kept. Errors as `verify_batch`.
pub fn verify_many(items: &[Signed<'_>], threads: usize) -> Result<Vec<bool>, CryptoError> {
    let mut verdicts = Vec::with_capacity(items.len());
    for items in items.chunks(MAX_HELD_KEYS) {
        let keys: Vec<_> = items.iter().map(|item| VerifyingKey::of(item.public_key)).collect();
        let item = |(&Signed { context, message, signature, .. }, key)| BatchItem { key, context, message, signature };
        let items: Vec<_> = items.iter().zip(keys.iter().map(Option::as_deref)).map(item).collect();
        verdicts.extend(verify_batch(&items, threads)?);
    }
    Ok(verdicts)
}

/// Verifies every item, on at most `threads` threads (the caller's is one of them). Fails once and for all after a
/// disagreement with AWS-LC.
pub fn verify_batch(items: &[BatchItem<'_>], threads: usize) -> Result<Vec<bool>, CryptoError> {
    let threads = threads.min(MAX_BATCH_THREADS).min(items.len() / MIN_ITEMS_PER_THREAD).max(1);
    let mut verdicts = vec![false; items.len()];
    let groups = Mutex::new(items.chunks(GROUP).zip(verdicts.chunks_mut(GROUP)));
    let next = || groups.lock().unwrap_or_else(PoisonError::into_inner).next();
    let work = || {
        while let Some((items, verdicts)) = next() {
            verify_group(*IMPLEMENTATION, &TRUST, items, verdicts);
        }
    };
    thread::scope(|scope| {
        for _ in 1..threads {
            // Without another thread the remaining ones do the work.
            let _ = thread::Builder::new().name("av10-verify".into()).spawn_scoped(scope, work);
        }
        work();
    });
    TRUST.check()?;
    Ok(verdicts)
}

/// Sets the verdicts of what is valid.
fn verify_group(implementation: Implementation, trust: &Trust, items: &[BatchItem<'_>], verdicts: &mut [bool]) {
    let mut own = Vec::with_capacity(items.len());
    let mut requests = Vec::with_capacity(items.len());
    for (item, verdict) in items.iter().zip(verdicts) {
        let Some(key) = item.key else { continue };
        let Some(expanded) = key.expanded(implementation) else {
            *verdict = item.verify_by_library();
            continue;
        };
        if let Some(request) = Request::new(expanded, item.context, item.message, item.signature) {
            requests.push(request);
            own.push((item, verdict));
        }
    }
    for ((item, verdict), found) in own.into_iter().zip(implementation.verify(&requests)) {
        *verdict = trust.confirm(found, || item.verify_by_library());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mldsa::SigningKey;

    #[test]
    fn every_item_gets_its_own_answer_on_any_number_of_threads() {
        let key = SigningKey::from_seed(&[1; 32]).unwrap();
        let good = key.sign(b"c", b"m").unwrap();
        let key = VerifyingKey::of(key.public_key());
        let item = BatchItem { key: key.as_deref(), context: b"c", message: b"m", signature: &good };
        let bad = [
            BatchItem { message: b"x", ..item },
            BatchItem { key: None, ..item },
            BatchItem { context: &[0; 256], ..item },
            BatchItem { signature: &good[1..], ..item },
        ];
        let items: Vec<_> = (0..71).map(|i| if i % 3 == 0 { bad[i % bad.len()] } else { item }).collect();
        let expected: Vec<_> = (0..71).map(|i| i % 3 != 0).collect();
        for threads in [0, 1, 2, 7, 1000] {
            assert_eq!(verify_batch(&items, threads).unwrap(), expected, "{threads} threads");
        }
        assert!(verify_batch(&[], 4).unwrap().is_empty());
    }

    #[test]
    fn every_implementation_answers_alike_with_and_without_an_expanded_key() {
        let key = SigningKey::from_seed(&[2; 32]).unwrap();
        let good = key.sign(b"c", b"m").unwrap();
        for implementation in Implementation::available() {
            let key = VerifyingKey::new(*key.public_key());
            let trust = Trust::new();
            for _ in 0..20 {
                let item = BatchItem { key: Some(&key), context: b"c", message: b"m", signature: &good };
                let mut verdicts = [false; 2];
                verify_group(implementation, &trust, &[item, BatchItem { context: b"", ..item }], &mut verdicts);
                assert_eq!(verdicts, [true, false], "{}", implementation.name());
            }
            assert_eq!(trust.check(), Ok(()));
        }
    }
}
