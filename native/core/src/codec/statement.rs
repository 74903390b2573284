//! The statement that validators sign at a checkpoint: `docs/spec/checkpoint.md`.

use super::reader::{DecodeError, Reader};
use crate::domain::Domain;
use crate::hash::{self, Digest};

pub const VERSION: u8 = 1;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement {
    pub network_id: Digest,
    pub epoch: u32,
    pub index: u64,
    pub previous_digest: Digest,
    pub commit_index: u64,
    pub commit_digest: Digest,
    pub time_ms: u64,
    pub accounts_root: Digest,
    pub system_root: Digest,
    pub results_root: Digest,
    pub params_hash: Digest,
}

impl Statement {
    /// The canonical bytes. The ledger closes no epoch yet, hence the final 0.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(260);
        out.push(VERSION);
        out.extend(self.network_id);
        out.extend(self.epoch.to_le_bytes());
        out.extend(self.index.to_le_bytes());
        out.extend(self.previous_digest);
        out.extend(self.commit_index.to_le_bytes());
        out.extend(self.commit_digest);
        out.extend(self.time_ms.to_le_bytes());
        out.extend(self.accounts_root);
        out.extend(self.system_root);
        out.extend(self.results_root);
        out.extend(self.params_hash);
        out.push(0);
        out
    }

    pub fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        if reader.u8()? != VERSION {
            return Err(DecodeError::NonCanonical);
        }
        let statement = Self {
            network_id: reader.array()?,
            epoch: reader.u32()?,
            index: reader.u53()?,
            previous_digest: reader.array()?,
            commit_index: reader.u53()?,
            commit_digest: reader.array()?,
            time_ms: reader.u53()?,
            accounts_root: reader.array()?,
            system_root: reader.array()?,
            results_root: reader.array()?,
            params_hash: reader.array()?,
        };
        if reader.u8()? == 0 { Ok(statement) } else { Err(DecodeError::NonCanonical) }
    }
}

pub fn digest(statement: &[u8]) -> Digest {
    hash::hash(Domain::Statement, &[statement])
}
