//! The state as bytes, in parts: the system first, then accounts. `docs/spec/ledger.md`, "Snapshot".

use crate::codec::statement::Statement;
use crate::codec::{DecodeError, Reader};
use crate::hash::Digest;
use crate::key_file::KeyFile;
use crate::merkle::Frontier;

use super::accounts::{Accounts, Row};
use super::checkpoint::{Checkpoint, Checkpoints, check_supply};
use super::error::LedgerError;
use super::genesis::Genesis;
use super::system::System;
use super::{KeyPaths, Ledger, Rules, Simulation, State, open_accounts};

const VERSION: u8 = 1;
/// About 3 MB with one asset.
const ACCOUNTS_PER_PART: u32 = 32_768;
const LEVELS: usize = 64;

impl Ledger {
    /// The state after the last commit. The appended keys it counts on are durable when this returns.
    pub fn snapshot(&self) -> Result<Vec<Vec<u8>>, LedgerError> {
        if self.stopped {
            return Err(LedgerError::Stopped);
        }
        self.state.keys.sync()?;
        let mut parts = vec![self.system_part()];
        for first in (0..self.state.accounts.count()).step_by(ACCOUNTS_PER_PART as usize) {
            parts.push(self.accounts_part(first));
        }
        Ok(parts)
    }

    /// The ledger of a snapshot of the same genesis. At a checkpoint the state must lead to the roots of its statement.
    pub fn restore(
        genesis: Genesis,
        paths: &KeyPaths<'_>,
        simulation: Option<Simulation>,
        parts: &[&[u8]],
    ) -> Result<Self, LedgerError> {
        let (&head, rest) = parts.split_first().ok_or(LedgerError::Snapshot { what: "a snapshot has parts" })?;
        let mut reader = Reader::new(head);
        let malformed = |_: DecodeError| LedgerError::Snapshot { what: "the system part does not follow its format" };
        let head = Head::decode(&mut reader).map_err(malformed)?;
        let system = System::decode(&mut reader).map_err(malformed)?;
        let checkpoints = decode_checkpoints(&genesis, &mut reader).map_err(malformed)?;
        reader.end().map_err(malformed)?;
        head.check(&genesis, &system)?;
        let accounts = decode_accounts(&genesis, head.accounts, rest)?;
        let file = open_accounts(&genesis, paths.accounts)?;
        let keys = KeyFile::open(file, genesis.accounts, paths.keys, head.keys)?;
        let state = State { accounts, system, keys, journal: Vec::new() };
        let rules = Rules { genesis, simulation };
        let (last_commit, last_time_ms) = (head.last_commit, head.last_time_ms);
        let mut ledger = Self { rules, state, checkpoints, last_commit, last_time_ms, stopped: false };
        check_supply(&ledger.state)?;
        ledger.check_keys()?;
        ledger.check_roots()?;
        ledger.state.keys.cut()?;
        Ok(ledger)
    }

    fn system_part(&self) -> Vec<u8> {
        let mut out = vec![VERSION];
        out.extend(self.rules.genesis.network_id);
        out.extend(self.last_commit.to_le_bytes());
        out.extend(self.last_time_ms.to_le_bytes());
        out.extend(self.state.accounts.count().to_le_bytes());
        out.extend(self.state.keys.count().to_le_bytes());
        self.state.system.encode_into(&mut out);
        encode_checkpoints(&self.checkpoints, &mut out);
        out
    }

    fn accounts_part(&self, first: u32) -> Vec<u8> {
        let last = self.state.accounts.count().min(first.saturating_add(ACCOUNTS_PER_PART));
        let mut out = Vec::with_capacity((last - first) as usize * (84 + 8 * self.state.accounts.assets()));
        for account in (first..last).filter_map(|handle| self.account(handle)) {
            out.extend(account.row.address);
            out.extend(account.row.key_hash);
            out.extend(account.row.key_version.to_le_bytes());
            out.extend(account.row.flags.to_le_bytes());
            out.extend(account.row.key_slot.to_le_bytes());
            out.extend(account.nonce.to_le_bytes());
            account.balances.iter().for_each(|balance| out.extend(balance.to_le_bytes()));
        }
        out
    }

    /// Appended keys may come from another node: each current one must be the one its account names.
    fn check_keys(&self) -> Result<(), LedgerError> {
        let reader = self.state.keys.reader();
        let genesis_accounts = self.rules.genesis.accounts;
        for handle in 0..self.state.accounts.count() {
            let row = self.state.accounts.row(handle);
            let appended = row.key_slot.checked_sub(genesis_accounts);
            if appended.map_or(row.key_slot != handle, |index| index >= self.state.keys.count()) {
                return Err(LedgerError::Snapshot { what: "an account names a key that is not its own" });
            }
            if appended.is_some() {
                reader.read(row.key_slot, &row.key_hash)?;
            }
        }
        Ok(())
    }

    fn check_roots(&mut self) -> Result<(), LedgerError> {
        let accounts_root = self.state.accounts.root();
        let system_root = self.state.system.root(&self.rules.genesis);
        let Some(last) = &self.checkpoints.last else { return Ok(()) };
        if last.statement.commit_index != self.last_commit {
            return Ok(());
        }
        let expected = (last.statement.accounts_root, last.statement.system_root, last.statement.time_ms, 0);
        if expected != (accounts_root, system_root, self.last_time_ms, self.checkpoints.results.count) {
            return Err(LedgerError::Snapshot { what: "the state does not lead to the roots of its statement" });
        }
        self.checkpoints.provable = true;
        Ok(())
    }
}

struct Head {
    network_id: Digest,
    last_commit: u64,
    last_time_ms: u64,
    accounts: u32,
    keys: u32,
}

impl Head {
    fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        if reader.u8()? != VERSION {
            return Err(DecodeError::NonCanonical);
        }
        Ok(Self {
            network_id: reader.array()?,
            last_commit: reader.u53()?,
            last_time_ms: reader.u53()?,
            accounts: reader.u32()?,
            keys: reader.u32()?,
        })
    }

    fn check(&self, genesis: &Genesis, system: &System) -> Result<(), LedgerError> {
        if self.network_id != genesis.network_id {
            return Err(LedgerError::Snapshot { what: "the snapshot is of another network" });
        }
        let shape = (system.supply.len(), system.last_rounds.len());
        if self.accounts < genesis.accounts || shape != (genesis.assets(), usize::from(genesis.members)) {
            return Err(LedgerError::Snapshot { what: "the snapshot does not fit the genesis" });
        }
        Ok(())
    }
}

fn encode_checkpoints(checkpoints: &Checkpoints, out: &mut Vec<u8>) {
    out.extend(checkpoints.results.count.to_le_bytes());
    // A count of 64 bits has at most 64 pending nodes.
    out.push(checkpoints.results.pending.len() as u8);
    for pending in &checkpoints.results.pending {
        out.push(u8::from(pending.is_some()));
        out.extend(pending.iter().flatten());
    }
    out.push(u8::from(checkpoints.last.is_some()));
    let last = checkpoints.last.iter().flat_map(|last| &last.bytes);
    out.extend(last);
}

fn decode_checkpoints(genesis: &Genesis, reader: &mut Reader<'_>) -> Result<Checkpoints, DecodeError> {
    let count = reader.u64()?;
    let levels = usize::from(reader.u8()?);
    let levels = reader.count(levels, LEVELS, 1)?;
    let pending = (0..levels).map(|_| flag(reader)?.then(|| reader.array()).transpose()).collect::<Result<_, _>>()?;
    let mut checkpoints = Checkpoints::new(genesis);
    checkpoints.results = Frontier { count, pending };
    if flag(reader)? {
        let checkpoint = Checkpoint::new(Statement::decode(reader)?);
        checkpoints.last_time_ms = checkpoint.statement.time_ms;
        checkpoints.last = Some(checkpoint);
    }
    Ok(checkpoints)
}

fn flag(reader: &mut Reader<'_>) -> Result<bool, DecodeError> {
    match reader.u8()? {
        0 => Ok(false),
        1 => Ok(true),
        _ => Err(DecodeError::NonCanonical),
    }
}

fn decode_accounts(genesis: &Genesis, count: u32, parts: &[&[u8]]) -> Result<Accounts, LedgerError> {
    let malformed = LedgerError::Snapshot { what: "an accounts part does not follow its format" };
    let row_bytes = 84 + 8 * genesis.assets();
    if parts.iter().map(|part| part.len()).sum::<usize>() != count as usize * row_bytes {
        return Err(malformed);
    }
    let mut accounts = Accounts::new(genesis.assets());
    accounts.reserve(count as usize);
    for part in parts {
        let mut reader = Reader::new(part);
        while reader.remaining() > 0 {
            decode_account(&mut accounts, &mut reader).map_err(|_| malformed.clone())?;
        }
    }
    Ok(accounts)
}

fn decode_account(accounts: &mut Accounts, reader: &mut Reader<'_>) -> Result<(), DecodeError> {
    let row = Row {
        address: reader.array()?,
        key_hash: reader.array()?,
        key_version: reader.u32()?,
        flags: reader.u32()?,
        key_slot: reader.u32()?,
    };
    let nonce = reader.u53()?;
    let balances = (0..accounts.assets()).map(|_| reader.u64()).collect::<Result<Vec<_>, _>>()?;
    accounts.open(row, nonce, balances.into_iter());
    Ok(())
}
