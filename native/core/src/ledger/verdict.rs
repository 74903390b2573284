//! Verdicts on transactions before execution: `docs/spec/ledger.md`, "Verdict". A verdict is a function of the state
//! before the commit, so a whole commit is judged at once and its signatures are checked on several threads.

use std::sync::Arc;

use crate::codec::transaction::Transaction;
use crate::domain::Domain;
use crate::hash::{Digest, hash};
use crate::key_file::KeyReader;
use crate::mldsa::{self, BatchItem, MAX_HELD_KEYS, SIGNATURE_BYTES, VerifyingKey};
use crate::payload::Item;

use super::accounts::Accounts;
use super::code::Dropped;
use super::error::LedgerError;
use super::system::System;
use super::verified;

/// A transaction with what is known of it so far.
pub struct Candidate<'a> {
    /// Among the refs of the commit.
    pub block: u32,
    /// In its block.
    pub position: u16,
    pub item: Item<'a>,
    pub verdict: Result<Judged<'a>, Dropped>,
}

/// A well-formed transaction of a known sender.
pub struct Judged<'a> {
    pub transaction: Transaction<'a>,
    pub sender: u32,
    /// What its signature is to be checked against; none if it cannot be applied whatever the signature is.
    pub check: Option<Check>,
}

#[derive(Clone, Copy)]
pub struct Check {
    slot: u32,
    key_hash: Digest,
}

/// A signature that this process has not verified yet.
struct Pending {
    /// Of its candidate.
    index: usize,
    name: Digest,
    key: Arc<VerifyingKey>,
}

/// Knows how to check signatures; independent of the ledger, so that nobody waits for it meanwhile.
#[derive(Clone)]
pub struct Verifier {
    pub(super) keys: KeyReader,
    pub(super) context: Vec<u8>,
    pub(super) network_id: Digest,
    pub(super) simulated: bool,
}

/// The verdict without the signature. `executed_commit` is the author's word; none stands for the newest.
pub(super) fn judge<'a>(
    accounts: &Accounts,
    system: &System,
    body: &'a [u8],
    executed_commit: Option<u64>,
) -> Result<Judged<'a>, Dropped> {
    let transaction = Transaction::decode(body).map_err(|_| Dropped::Malformed)?;
    let sender = accounts.handle(&transaction.sender).ok_or(Dropped::UnknownSender)?;
    let row = accounts.row(sender);
    let known = executed_commit.is_none_or(|executed| system.key_created_at(sender) <= executed);
    if transaction.key_version > row.key_version || (transaction.key_version == row.key_version && !known) {
        return Err(Dropped::UnknownKey);
    }
    let current = transaction.key_version == row.key_version;
    let check = current.then_some(Check { slot: row.key_slot, key_hash: row.key_hash });
    Ok(Judged { transaction, sender, check })
}

impl Verifier {
    /// Replaces the verdicts of wrongly signed candidates.
    pub fn check(&self, candidates: &mut [Candidate<'_>], threads: usize) -> Result<(), LedgerError> {
        for chunk in candidates.chunks_mut(MAX_HELD_KEYS) {
            self.check_chunk(chunk, threads)?;
        }
        Ok(())
    }

    fn check_chunk(&self, candidates: &mut [Candidate<'_>], threads: usize) -> Result<(), LedgerError> {
        let mut pending: Vec<Pending> = Vec::new();
        for (index, candidate) in candidates.iter_mut().enumerate() {
            let Ok(Judged { check: Some(check), .. }) = &candidate.verdict else { continue };
            if self.simulated {
                if !is_simulated_signature(check, &candidate.item) {
                    candidate.verdict = Err(Dropped::BadSignature);
                }
                continue;
            }
            let name = self.name(check, &candidate.item);
            if !verified::contains(&name) {
                let key = VerifyingKey::by_hash(&check.key_hash, || self.keys.read(check.slot, &check.key_hash))?;
                pending.push(Pending { index, name, key });
            }
        }
        let results =
            mldsa::verify_batch(&self.batch(candidates, &pending), threads).map_err(LedgerError::Signatures)?;
        for (Pending { index, name, .. }, valid) in pending.into_iter().zip(results) {
            if valid {
                verified::insert(name);
            } else {
                candidates[index].verdict = Err(Dropped::BadSignature);
            }
        }
        Ok(())
    }

    fn batch<'a>(&'a self, candidates: &'a [Candidate<'_>], pending: &'a [Pending]) -> Vec<BatchItem<'a>> {
        let item = |Pending { index, key, .. }: &'a Pending| BatchItem {
            key: Some(key),
            context: &self.context,
            message: candidates[*index].item.body,
            signature: candidates[*index].item.signature,
        };
        pending.iter().map(item).collect()
    }

    /// Names wire bytes together with the key and network that they were found to be signed for.
    fn name(&self, check: &Check, item: &Item<'_>) -> Digest {
        hash(Domain::Wire, &[&item.wire_key, &check.key_hash, &self.network_id])
    }
}

/// A tag that anybody can make: for simulations and tests, where the ledger is created so.
fn is_simulated_signature(check: &Check, item: &Item<'_>) -> bool {
    let mut expected = [0; SIGNATURE_BYTES];
    expected[..32].copy_from_slice(&hash(Domain::Sig, &[&check.key_hash, &item.id]));
    item.signature == expected
}
