//! When a verdict of our own verifier counts: `docs/spec/cryptography.md`, "Verdicts".

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use crate::error::CryptoError;

/// One acceptance in so many is checked, the first one too. AWS-LC takes nine times as long, so that this is a tenth of
/// the work.
const CHECKED_ACCEPTANCES: u64 = 100;

pub(super) struct Trust {
    acceptances: AtomicU64,
    is_lost: AtomicBool,
}

impl Trust {
    pub(super) const fn new() -> Self {
        Self { acceptances: AtomicU64::new(0), is_lost: AtomicBool::new(false) }
    }

    /// The verdict that counts. Nothing does after a disagreement, see `check`.
    pub(super) fn confirm(&self, found: bool, verify_by_library: impl FnOnce() -> bool) -> bool {
        let is_checked = !found || self.acceptances.fetch_add(1, Ordering::Relaxed).is_multiple_of(CHECKED_ACCEPTANCES);
        if is_checked && verify_by_library() != found {
            self.is_lost.store(true, Ordering::Relaxed);
            return false;
        }
        found
    }

    pub(super) fn check(&self) -> Result<(), CryptoError> {
        if self.is_lost.load(Ordering::Relaxed) { Err(CryptoError::VerifierDisagrees) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rejections_are_always_checked_and_one_acceptance_in_a_hundred() {
        let trust = Trust::new();
        let mut checks = 0;
        for i in 0..1000 {
            let found = i % 2 == 0;
            let confirmed = trust.confirm(found, || {
                checks += 1;
                found
            });
            assert_eq!(confirmed, found);
        }
        assert_eq!(checks, 500 + 5);
        assert_eq!(trust.check(), Ok(()));
    }

    #[test]
    fn a_disagreement_either_way_ends_all_trust() {
        for found in [true, false] {
            let trust = Trust::new();
            assert!(!trust.confirm(found, || !found));
            assert_eq!(trust.check(), Err(CryptoError::VerifierDisagrees));
            trust.confirm(true, || true);
            assert_eq!(trust.check(), Err(CryptoError::VerifierDisagrees));
        }
    }
}
