//! When a checkpoint is due and what it states: `docs/spec/checkpoint.md`.

use crate::codec::receipt::Receipt;
use crate::codec::statement::{self, Statement};
use crate::domain::Domain;
use crate::hash::{DIGEST_BYTES, Digest, hash};
use crate::merkle::Frontier;

use super::State;
use super::commit::Commit;
use super::error::LedgerError;
use super::genesis::Genesis;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    pub statement: Statement,
    /// What a vote signs.
    pub bytes: Vec<u8>,
    pub digest: Digest,
}

pub(super) struct Checkpoints {
    pub(super) last: Option<Checkpoint>,
    /// Genesis time before the first checkpoint.
    pub(super) last_time_ms: u64,
    /// Results since the last checkpoint; one for each applied transaction.
    pub(super) results: Frontier,
    /// Whether the pages of the last checkpoint are at hand.
    pub(super) provable: bool,
}

impl Checkpoint {
    pub(super) fn new(statement: Statement) -> Self {
        let bytes = statement.encode();
        let digest = statement::digest(&bytes);
        Self { statement, bytes, digest }
    }
}

impl Checkpoints {
    pub(super) fn new(genesis: &Genesis) -> Self {
        Self { last: None, last_time_ms: genesis.time_ms, results: Frontier::default(), provable: false }
    }

    pub(super) fn last(&self) -> Option<&Checkpoint> {
        self.last.as_ref()
    }

    pub(super) fn is_provable(&self) -> bool {
        self.provable
    }

    pub(super) fn record(&mut self, receipt: &Receipt<'_>) {
        let bitmap = match receipt.bitmap {
            [] => [0; DIGEST_BYTES],
            bitmap => hash(Domain::Bitmap, &[bitmap]),
        };
        let (commit, detail) = (receipt.commit.to_le_bytes(), receipt.detail.to_le_bytes());
        self.results.push(hash(Domain::Res, &[&receipt.id, &[receipt.code], &commit, &detail, &bitmap]));
    }

    /// The checkpoint at `commit`, if one is due after its execution.
    pub(super) fn after(
        &mut self,
        genesis: &Genesis,
        state: &mut State,
        commit: &Commit<'_>,
    ) -> Result<Option<Checkpoint>, LedgerError> {
        let idle = self.results.count == 0;
        let spacing = if idle { genesis.checkpoint_idle_spacing_ms } else { genesis.checkpoint_spacing_ms };
        if commit.time_ms < self.last_time_ms.saturating_add(spacing) {
            return Ok(None);
        }
        check_supply(state)?;
        let checkpoint = Checkpoint::new(self.statement(genesis, state, commit));
        self.last = Some(checkpoint.clone());
        self.last_time_ms = commit.time_ms;
        self.results = Frontier::default();
        self.provable = true;
        Ok(Some(checkpoint))
    }

    fn statement(&self, genesis: &Genesis, state: &mut State, commit: &Commit<'_>) -> Statement {
        let (index, previous_digest) =
            self.last.as_ref().map_or((1, genesis.network_id), |last| (last.statement.index + 1, last.digest));
        Statement {
            network_id: genesis.network_id,
            epoch: commit.epoch,
            index,
            previous_digest,
            commit_index: commit.index,
            commit_digest: commit.digest,
            time_ms: commit.time_ms,
            accounts_root: state.accounts.root(),
            system_root: state.system.root(genesis),
            results_root: hash(Domain::Results, &[&self.results.count.to_le_bytes(), &self.results.root()]),
            params_hash: genesis.params_hash,
        }
    }
}

/// Nothing is created or lost: balances and, for asset 0, the fee pool add up to the supply.
pub(super) fn check_supply(state: &State) -> Result<(), LedgerError> {
    for (asset, &supply) in state.system.supply.iter().enumerate() {
        let pool = if asset == 0 { state.system.fee_pool } else { 0 };
        if state.accounts.total(asset) + u128::from(pool) != u128::from(supply) {
            return Err(LedgerError::Invariant { what: "balances and fee pool do not add up to the supply" });
        }
    }
    Ok(())
}
