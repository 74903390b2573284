//! The ledger engine: executes commits in order, keeps the roots, makes checkpoints. `docs/spec/ledger.md` and
//! `docs/spec/checkpoint.md` say what it computes; `src/execution/model` computes the same in plain TypeScript.

mod accounts;
mod apply;
mod checkpoint;
mod code;
mod commit;
mod error;
mod genesis;
mod snapshot;
mod system;
#[cfg(test)]
mod tests;
mod verdict;
mod verified;

use std::fs::File;
use std::path::Path;

pub use accounts::{Account, FROZEN, Sender};
pub use checkpoint::Checkpoint;
pub use code::{Applied, Dropped};
pub use commit::{Block, BlockRef, Commit};
pub use error::LedgerError;
pub use genesis::{Genesis, Issue};
pub use verdict::{Candidate, Judged, Verifier};

use accounts::{Accounts, Journal, Row};
use apply::Moment;
use checkpoint::Checkpoints;
use system::System;

use crate::codec::DecodeError;
use crate::hash::Digest;
use crate::key_file::{self, ACCOUNT_ROW_BYTES, KeyFile, KeyReader};
use crate::mldsa::PUBLIC_KEY_BYTES;
use crate::payload;

/// How many accounts a handle of 32 bits can name, keeping the count in a u32.
const MAX_ACCOUNTS: u32 = u32::MAX;
/// 100,000 accounts in steps of 1 MiB of `accounts.bin`.
const ROWS_PER_READ: usize = 403;

/// Where the ledger finds and keeps public keys.
pub struct KeyPaths<'a> {
    /// `accounts.bin` of the genesis.
    pub accounts: &'a Path,
    /// Appended keys of this node; created if it is missing.
    pub keys: &'a Path,
}

/// For simulations and tests only: signatures become tags that anybody can make, and the outcomes that good software
/// never reaches can be reached. No genesis and no configuration leads here.
#[derive(Debug, Clone, Default)]
pub struct Simulation {
    /// A data anchor that makes the payload panic half way; empty for none.
    pub poison: Vec<u8>,
    pub account_limit: Option<u32>,
    /// Genesis accounts that start frozen.
    pub frozen: Vec<u32>,
}

/// What the outcome of a transaction depends on besides the state.
struct Rules {
    genesis: Genesis,
    simulation: Option<Simulation>,
}

/// What transactions change.
struct State {
    accounts: Accounts,
    system: System,
    keys: KeyFile,
    /// Kept for its capacity.
    journal: Journal,
}

pub struct Ledger {
    rules: Rules,
    state: State,
    checkpoints: Checkpoints,
    last_commit: u64,
    last_time_ms: u64,
    stopped: bool,
}

/// What a commit did.
#[derive(Default)]
pub struct Executed {
    pub index: u64,
    /// Successful transfers, and one for each other transaction that succeeded.
    pub transfers: u64,
    pub applied: u32,
    pub dropped: u32,
    /// Applied as `Internal`: a bug to be alarmed about.
    pub internal: u32,
    /// Packed, in order of execution: `docs/spec/ledger.md`, "Outcomes".
    pub outcomes: Vec<u8>,
    pub checkpoint: Option<Checkpoint>,
}

impl Rules {
    fn account_limit(&self) -> u32 {
        self.simulation.as_ref().and_then(|simulation| simulation.account_limit).unwrap_or(MAX_ACCOUNTS)
    }
}

impl Ledger {
    /// The ledger of a genesis, before the first commit.
    pub fn create(genesis: Genesis, paths: &KeyPaths<'_>, simulation: Option<Simulation>) -> Result<Self, LedgerError> {
        let file = open_accounts(&genesis, paths.accounts)?;
        let mut accounts = Accounts::new(genesis.assets());
        read_accounts(&genesis, &file, simulation.as_ref(), &mut accounts)?;
        let supply = (0..genesis.assets()).map(|asset| u64::try_from(accounts.total(asset)));
        let supply = supply.collect::<Result<_, _>>();
        let supply = supply.map_err(|_| LedgerError::Genesis { what: "the supply of an asset must be below 2^64" })?;
        let system = System::new(genesis.members, supply);
        let keys = KeyFile::open(file, genesis.accounts, paths.keys, 0)?;
        keys.cut()?;
        let checkpoints = Checkpoints::new(&genesis);
        // Makes the account trees, so that a checkpoint only costs what changed.
        accounts.root();
        let state = State { accounts, system, keys, journal: Vec::new() };
        let last_time_ms = genesis.time_ms;
        let rules = Rules { genesis, simulation };
        Ok(Self { rules, state, checkpoints, last_commit: 0, last_time_ms, stopped: false })
    }

    pub fn last_commit(&self) -> u64 {
        self.last_commit
    }

    pub fn last_checkpoint(&self) -> Option<&Checkpoint> {
        self.checkpoints.last()
    }

    pub fn account(&self, handle: u32) -> Option<Account> {
        self.state.accounts.account(handle)
    }

    pub fn account_by_address(&self, address: &Digest) -> Option<Account> {
        self.account(self.state.accounts.handle(address)?)
    }

    pub fn sender(&self, address: &Digest) -> Option<Sender> {
        self.state.accounts.sender(address)
    }

    /// Encoded proof of an account under the last checkpoint (`docs/spec/checkpoint.md`); none if it was not there, or
    /// if no checkpoint was made since the ledger was restored in between two.
    pub fn proof(&self, handle: u32, asset: u32) -> Option<Vec<u8>> {
        self.checkpoints.last().filter(|_| self.checkpoints.is_provable())?;
        self.state.accounts.proof(handle, asset as usize)
    }

    /// `count` appended public keys from the `first`, fewer at the end: what another node needs beside a snapshot.
    pub fn appended_keys(&self, first: u32, count: u32) -> Result<Vec<u8>, LedgerError> {
        self.state.keys.appended(first, count)
    }

    pub fn verifier(&self) -> Verifier {
        let network_id = self.rules.genesis.network_id;
        Verifier {
            keys: self.state.keys.reader(),
            context: [b"av10/tx/1/".as_slice(), &network_id].concat(),
            network_id,
            simulated: self.rules.simulation.is_some(),
        }
    }

    /// Judges the transactions of the next commit, all but their signatures.
    pub fn candidates<'a>(&self, commit: &Commit<'a>) -> Result<Vec<Candidate<'a>>, LedgerError> {
        self.expect(commit)?;
        let mut candidates = Vec::new();
        for block in &commit.blocks {
            let history = self.rules.genesis.registry_history_commits;
            let fresh =
                block.executed_commit < commit.index && block.executed_commit.saturating_add(history) >= commit.index;
            for (position, item) in items(block.payload, block.tx_count)?.into_iter().enumerate() {
                let executed = Some(block.executed_commit);
                let mut verdict = verdict::judge(&self.state.accounts, &self.state.system, item.body, executed);
                if !fresh && !matches!(verdict, Err(Dropped::Malformed)) {
                    verdict = Err(Dropped::StaleBlock);
                }
                // A payload has at most 65,535 transactions: its count is a u16.
                candidates.push(Candidate { block: block.position, position: position as u16, item, verdict });
            }
        }
        Ok(candidates)
    }

    /// Judges a payload against the newest state, for verification ahead of execution.
    pub fn preview<'a>(&self, payload: &'a [u8], tx_count: usize) -> Result<Vec<Candidate<'a>>, LedgerError> {
        let judge = |(position, item): (usize, payload::Item<'a>)| {
            let verdict = verdict::judge(&self.state.accounts, &self.state.system, item.body, None);
            Candidate { block: 0, position: position as u16, item, verdict }
        };
        Ok(items(payload, tx_count)?.into_iter().enumerate().map(judge).collect())
    }

    /// Executes the next commit; `candidates` are its own, with their signatures checked.
    pub fn apply(&mut self, commit: &Commit<'_>, candidates: &[Candidate<'_>]) -> Result<Executed, LedgerError> {
        self.expect(commit)?;
        // Whatever fails from here on leaves the state half way.
        self.stopped = true;
        let mut executed = Executed { index: commit.index, ..Executed::default() };
        let mut moment = Moment { index: commit.index, time_ms: commit.time_ms, opens: 0 };
        for candidate in candidates {
            self.apply_one(&mut moment, candidate, &mut executed);
        }
        self.state.keys.write()?;
        self.state.system.linearise(&commit.refs, commit.gc_round);
        self.state.system.age_keys(commit.index, self.rules.genesis.registry_history_commits);
        self.last_commit = commit.index;
        self.last_time_ms = commit.time_ms;
        executed.checkpoint = self.checkpoints.after(&self.rules.genesis, &mut self.state, commit)?;
        self.stopped = false;
        Ok(executed)
    }

    /// All steps of a commit on the caller's thread and `threads - 1` more.
    pub fn execute(&mut self, commit: &Commit<'_>, threads: usize) -> Result<Executed, LedgerError> {
        let mut candidates = self.candidates(commit)?;
        self.verifier().check(&mut candidates, threads)?;
        self.apply(commit, &candidates)
    }

    fn expect(&self, commit: &Commit<'_>) -> Result<(), LedgerError> {
        if self.stopped {
            return Err(LedgerError::Stopped);
        }
        if commit.index != self.last_commit + 1 {
            return Err(LedgerError::Order { expected: self.last_commit + 1, got: commit.index });
        }
        if commit.time_ms < self.last_time_ms {
            return Err(LedgerError::Input { what: "commit time must not go back" });
        }
        Ok(())
    }

    fn apply_one(&mut self, moment: &mut Moment, candidate: &Candidate<'_>, executed: &mut Executed) {
        let result = apply::apply(&mut self.state, &self.rules, moment, candidate);
        let out = &mut executed.outcomes;
        out.extend(candidate.block.to_le_bytes());
        out.extend(candidate.position.to_le_bytes());
        out.push(result.as_ref().map_or_else(|&dropped| dropped as u8, |effect| effect.code as u8));
        out.extend(candidate.item.id);
        out.extend(candidate.item.wire_key);
        let (Ok(effect), Ok(judged)) = (result, &candidate.verdict) else {
            executed.dropped += 1;
            return;
        };
        executed.applied += 1;
        executed.transfers += effect.transfers;
        executed.internal += u32::from(effect.code == Applied::Internal);
        let receipt = apply::receipt(candidate, judged, moment.index, &effect);
        let length_at = out.len();
        out.extend([0; 2]);
        receipt.encode_into(out);
        let length = (out.len() - length_at - 2) as u16;
        out[length_at..length_at + 2].copy_from_slice(&length.to_le_bytes());
        self.checkpoints.record(&receipt);
    }
}

fn items(payload: &[u8], tx_count: usize) -> Result<Vec<payload::Item<'_>>, LedgerError> {
    let framing = |_: DecodeError| LedgerError::Input { what: "the framing of a payload was not checked before" };
    payload::parse(payload, tx_count).map_err(framing)
}

fn open_accounts(genesis: &Genesis, path: &Path) -> Result<File, LedgerError> {
    let failed = |error: std::io::Error| LedgerError::key_file("opening", &error);
    let file = File::open(path).map_err(failed)?;
    let length = file.metadata().map_err(failed)?.len();
    if length == u64::from(genesis.accounts) * ACCOUNT_ROW_BYTES as u64 {
        return Ok(file);
    }
    Err(LedgerError::Genesis { what: "accounts.bin must have 2,600 bytes for each genesis account" })
}

fn read_accounts(
    genesis: &Genesis,
    file: &File,
    simulation: Option<&Simulation>,
    accounts: &mut Accounts,
) -> Result<(), LedgerError> {
    accounts.reserve(genesis.accounts as usize);
    let mut rows = vec![0; ROWS_PER_READ * ACCOUNT_ROW_BYTES];
    while accounts.count() < genesis.accounts {
        let count = ROWS_PER_READ.min((genesis.accounts - accounts.count()) as usize);
        let bytes = &mut rows[..count * ACCOUNT_ROW_BYTES];
        KeyReader::read_rows(file, accounts.count(), bytes)?;
        for row in bytes.chunks_exact(ACCOUNT_ROW_BYTES) {
            open_genesis_account(genesis, simulation, accounts, row)?;
        }
    }
    Ok(())
}

fn open_genesis_account(
    genesis: &Genesis,
    simulation: Option<&Simulation>,
    accounts: &mut Accounts,
    row: &[u8],
) -> Result<(), LedgerError> {
    let malformed = LedgerError::Genesis { what: "a row of accounts.bin has 2,600 bytes" };
    let (Some(key), Some(balance)) = (row.first_chunk::<PUBLIC_KEY_BYTES>(), row.last_chunk()) else {
        return Err(malformed);
    };
    let handle = accounts.count();
    let address = key_file::address(key);
    if accounts.handle(&address).is_some() {
        return Err(LedgerError::Genesis { what: "accounts.bin names a public key twice" });
    }
    let frozen = simulation.is_some_and(|simulation| simulation.frozen.contains(&handle));
    let flags = if frozen { FROZEN } else { 0 };
    let row = Row { address, key_hash: key_file::key_hash(key), key_version: 0, flags, key_slot: handle };
    let issued = genesis.issued.iter().map(|issue| if issue.handle == handle { issue.amount } else { 0 });
    accounts.open(row, 0, std::iter::once(u64::from_le_bytes(*balance)).chain(issued));
    Ok(())
}
