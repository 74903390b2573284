//! What a ledger starts from, decoded from the bytes that `src/execution/genesis.ts` writes.

use crate::codec::{DecodeError, Reader};
use crate::hash::Digest;

pub(super) const MAX_ASSETS: usize = 256;
pub(super) const MAX_MEMBERS: usize = 100;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Genesis {
    pub network_id: Digest,
    pub time_ms: u64,
    pub accounts: u32,
    pub members: u16,
    pub committee_digest: Digest,
    pub params_hash: Digest,
    pub max_opens_per_commit: u32,
    pub checkpoint_spacing_ms: u64,
    pub checkpoint_idle_spacing_ms: u64,
    pub expiry_horizon_ms: u64,
    pub registry_history_commits: u64,
    pub fee_base: u64,
    pub fee_per_transfer: u64,
    pub fee_per_byte: u64,
    pub open_deposit: u64,
    /// Of the assets from 1: who received all of it.
    pub issued: Vec<Issue>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Issue {
    pub handle: u32,
    pub amount: u64,
}

impl Genesis {
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(bytes);
        let genesis = Self {
            network_id: reader.array()?,
            time_ms: reader.u53()?,
            accounts: reader.u32()?,
            members: reader.u16()?,
            committee_digest: reader.array()?,
            params_hash: reader.array()?,
            max_opens_per_commit: reader.u32()?,
            checkpoint_spacing_ms: reader.u53()?,
            checkpoint_idle_spacing_ms: reader.u53()?,
            expiry_horizon_ms: reader.u53()?,
            registry_history_commits: reader.u53()?,
            fee_base: reader.u64()?,
            fee_per_transfer: reader.u64()?,
            fee_per_byte: reader.u64()?,
            open_deposit: reader.u64()?,
            issued: read_issued(&mut reader)?,
        };
        reader.end()?;
        let sound = usize::from(genesis.members) <= MAX_MEMBERS
            && genesis.issued.iter().all(|issue| issue.handle < genesis.accounts);
        if sound { Ok(genesis) } else { Err(DecodeError::Limit) }
    }

    pub fn assets(&self) -> usize {
        1 + self.issued.len()
    }
}

fn read_issued(reader: &mut Reader<'_>) -> Result<Vec<Issue>, DecodeError> {
    let count = usize::from(reader.u16()?);
    let count = reader.count(count, MAX_ASSETS - 1, 12)?;
    (0..count).map(|_| Ok(Issue { handle: reader.u32()?, amount: reader.u64()? })).collect()
}
