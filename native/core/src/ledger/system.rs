//! The state beside the accounts, all of it under the system root: `docs/spec/checkpoint.md`.

use std::collections::{BTreeMap, BTreeSet};

use crate::codec::{DecodeError, Reader};
use crate::domain::Domain;
use crate::hash::{Digest, hash};

use super::commit::{BlockRef, read_refs, write_refs};
use super::genesis::Genesis;

const VERSION: u8 = 1;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct System {
    pub fee_pool: u64,
    /// By asset: what its balances and, for asset 0, the fee pool add up to.
    pub supply: Vec<u64>,
    pub gc_round: u32,
    /// The highest linearised round of each author.
    pub last_rounds: Vec<u32>,
    /// Linearised blocks above `gc_round`.
    pub linearised: BTreeSet<BlockRef>,
    /// By handle: the current keys young enough to be unknown to a block that may still come.
    young_keys: BTreeMap<u32, YoungKey>,
    /// The same by age: commit of creation and handle.
    by_age: BTreeSet<(u64, u32)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct YoungKey {
    pub version: u32,
    pub created_at: u64,
}

impl System {
    pub(super) fn new(members: u16, supply: Vec<u64>) -> Self {
        Self {
            fee_pool: 0,
            supply,
            gc_round: 0,
            last_rounds: vec![0; usize::from(members)],
            linearised: BTreeSet::new(),
            young_keys: BTreeMap::new(),
            by_age: BTreeSet::new(),
        }
    }

    /// The commit at which the current key of `handle` was created; 0 stands for any that every block may know.
    pub(super) fn key_created_at(&self, handle: u32) -> u64 {
        self.young_keys.get(&handle).map_or(0, |key| key.created_at)
    }

    pub(super) fn linearise(&mut self, refs: &[BlockRef], gc_round: u32) {
        for block in refs {
            if let Some(last) = self.last_rounds.get_mut(usize::from(block.author)) {
                *last = (*last).max(block.round);
            }
        }
        self.gc_round = self.gc_round.max(gc_round);
        self.linearised.extend(refs);
        while self.linearised.first().is_some_and(|block| block.round <= self.gc_round) {
            self.linearised.pop_first();
        }
    }

    /// Replaces what is known of the youngest key of `handle` and answers what was known before.
    pub(super) fn set_young_key(&mut self, handle: u32, key: Option<YoungKey>) -> Option<YoungKey> {
        let before = match key {
            Some(key) => self.young_keys.insert(handle, key),
            None => self.young_keys.remove(&handle),
        };
        before.map(|key| self.by_age.remove(&(key.created_at, handle)));
        key.map(|key| self.by_age.insert((key.created_at, handle)));
        before
    }

    /// Forgets key creations that every block of a later commit must know of.
    pub(super) fn age_keys(&mut self, commit: u64, history: u64) {
        while let Some(&(created_at, handle)) = self.by_age.first() {
            if created_at.saturating_add(history) > commit {
                return;
            }
            self.set_young_key(handle, None);
        }
    }

    pub(super) fn root(&self, genesis: &Genesis) -> Digest {
        let mut out = vec![VERSION];
        out.extend(genesis.committee_digest);
        out.extend(genesis.params_hash);
        // No queued validator changes, no pending blocks: both come with the epochs and modes that have them.
        out.extend([0; 2]);
        out.extend([0; 4]);
        self.encode_into(&mut out);
        hash(Domain::System, &[&out])
    }

    pub(super) fn encode_into(&self, out: &mut Vec<u8>) {
        out.extend(self.fee_pool.to_le_bytes());
        out.extend((self.supply.len() as u16).to_le_bytes());
        self.supply.iter().for_each(|supply| out.extend(supply.to_le_bytes()));
        out.extend(self.gc_round.to_le_bytes());
        out.extend((self.last_rounds.len() as u16).to_le_bytes());
        self.last_rounds.iter().for_each(|round| out.extend(round.to_le_bytes()));
        write_refs(out, self.linearised.iter());
        out.extend((self.young_keys.len() as u32).to_le_bytes());
        for (handle, key) in &self.young_keys {
            out.extend(handle.to_le_bytes());
            out.extend(key.version.to_le_bytes());
            out.extend(key.created_at.to_le_bytes());
        }
    }

    pub(super) fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let fee_pool = reader.u64()?;
        let assets = usize::from(reader.u16()?);
        let supply = (0..assets).map(|_| reader.u64()).collect::<Result<_, _>>()?;
        let gc_round = reader.u32()?;
        let members = usize::from(reader.u16()?);
        let last_rounds = (0..members).map(|_| reader.u32()).collect::<Result<_, _>>()?;
        let linearised = read_refs(reader)?.into_iter().collect();
        let keys = reader.u32()? as usize;
        let keys = reader.count(keys, usize::MAX, 16)?;
        let mut system = Self { fee_pool, gc_round, last_rounds, linearised, ..Self::new(0, supply) };
        for _ in 0..keys {
            let handle = reader.u32()?;
            system.set_young_key(handle, Some(YoungKey { version: reader.u32()?, created_at: reader.u53()? }));
        }
        Ok(system)
    }
}
