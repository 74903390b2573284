//! Ledgers by number, because several threads of JavaScript use one: its worker executes, others verify ahead and read
//! accounts. Nobody holds a ledger's lock while signatures are checked.

use std::collections::HashMap;
use std::num::NonZero;
use std::path::Path;
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::thread::available_parallelism;

use av10_core::codec::DecodeError;
use av10_core::ledger::{
    Account, Checkpoint, Commit, Dropped, Executed, Genesis, KeyPaths, Ledger, LedgerError, Simulation,
};
use napi::Result;
use napi::bindgen_prelude::{AsyncTask, Uint8Array};
use napi_derive::napi;

use crate::OutputBytes;
use crate::error::coded;
use crate::job::{Job, job};

/// A process runs one ledger; tests and simulations run dozens.
const MAX_LEDGERS: usize = 1024;

/// What `ledger_sender_into` writes.
const SENDER_BYTES: usize = 20;

type Shared = Arc<RwLock<Ledger>>;

#[derive(Default)]
struct Open {
    last: u32,
    by_number: HashMap<u32, Shared>,
}

static OPEN: LazyLock<Mutex<Open>> = LazyLock::new(Mutex::default);

/// `src/execution/simulation.ts`.
#[napi(object)]
pub struct LedgerSimulation {
    pub poison: Uint8Array,
    pub account_limit: Option<u32>,
    pub frozen: Vec<u32>,
}

/// Opens a ledger, from a snapshot if `snapshot` has parts, and answers its number.
#[napi(catch_unwind)]
pub fn ledger_open(
    genesis: &[u8],
    accounts_file: String,
    key_file: String,
    simulation: Option<LedgerSimulation>,
    snapshot: Vec<&[u8]>,
) -> Result<u32> {
    let what = "the genesis does not follow its format";
    let genesis = Genesis::decode(genesis).map_err(|_| coded(LedgerError::Genesis { what }))?;
    let paths = KeyPaths { accounts: Path::new(&accounts_file), keys: Path::new(&key_file) };
    let simulation = simulation.map(|simulation| Simulation {
        poison: simulation.poison.to_vec(),
        account_limit: simulation.account_limit,
        frozen: simulation.frozen,
    });
    let ledger = match snapshot.is_empty() {
        true => Ledger::create(genesis, &paths, simulation),
        false => Ledger::restore(genesis, &paths, simulation, &snapshot),
    };
    register(ledger.map_err(coded)?)
}

/// Answers false if it was not open.
#[napi(catch_unwind)]
pub fn ledger_close(ledger: u32) -> bool {
    open().by_number.remove(&ledger).is_some()
}

/// Executes a commit; `threads` check its signatures. The result is packed as `src/execution/native-codec.ts` reads it.
#[napi(catch_unwind)]
pub fn ledger_execute(ledger: u32, commit: &[u8], payloads: Vec<&[u8]>, threads: u32) -> Result<Uint8Array> {
    Ok(execute(ledger, commit, &payloads, threads)?.into())
}

/// As `ledger_execute`, on a thread of the pool.
#[napi(catch_unwind)]
pub fn ledger_execute_async(ledger: u32, commit: &[u8], payloads: Vec<&[u8]>, threads: u32) -> AsyncTask<Job> {
    let commit = commit.to_vec();
    let payloads: Vec<Vec<u8>> = payloads.into_iter().map(<[u8]>::to_vec).collect();
    job(move || execute(ledger, &commit, &payloads.iter().map(Vec::as_slice).collect::<Vec<_>>(), threads))
}

fn execute(ledger: u32, commit: &[u8], payloads: &[&[u8]], threads: u32) -> Result<Vec<u8>> {
    let shared = find(ledger)?;
    let what = "the commit does not follow its format";
    let commit = Commit::decode(commit, payloads).map_err(|_: DecodeError| coded(LedgerError::Input { what }))?;
    let (candidates, verifier) = {
        let ledger = read(&shared);
        (ledger.candidates(&commit), ledger.verifier())
    };
    let mut candidates = candidates.map_err(coded)?;
    verifier.check(&mut candidates, cores(threads)).map_err(coded)?;
    let executed = write(&shared).apply(&commit, &candidates).map_err(coded)?;
    Ok(pack_executed(&executed))
}

/// Checks the signatures of a payload against the newest keys, so that execution finds them checked. One byte for each
/// transaction: 0 unknown sender or key, 1 valid, 2 wrong signature, 3 malformed.
#[napi(catch_unwind)]
pub fn ledger_verify(ledger: u32, payload: &[u8], tx_count: u32, threads: u32) -> Result<Uint8Array> {
    let shared = find(ledger)?;
    let (candidates, verifier) = {
        let ledger = read(&shared);
        (ledger.preview(payload, tx_count as usize), ledger.verifier())
    };
    let mut candidates = candidates.map_err(coded)?;
    verifier.check(&mut candidates, cores(threads)).map_err(coded)?;
    let status = |verdict: &std::result::Result<av10_core::ledger::Judged<'_>, Dropped>| match verdict {
        Ok(judged) => u8::from(judged.check.is_some()),
        Err(Dropped::BadSignature) => 2,
        Err(Dropped::Malformed) => 3,
        Err(_) => 0,
    };
    Ok(candidates.iter().map(|candidate| status(&candidate.verdict)).collect::<Vec<_>>().into())
}

#[napi(catch_unwind)]
pub fn ledger_account(ledger: u32, handle: u32) -> Result<Option<Uint8Array>> {
    Ok(read(&*find(ledger)?).account(handle).map(|account| pack_account(&account).into()))
}

#[napi(catch_unwind)]
pub fn ledger_account_by_address(ledger: u32, address: &[u8]) -> Result<Option<Uint8Array>> {
    let what = "an address has 32 bytes";
    let address = address.try_into().map_err(|_| coded(LedgerError::Input { what }))?;
    Ok(read(&*find(ledger)?).account_by_address(address).map(|account| pack_account(&account).into()))
}

/// Writes nonce (8 bytes), key version (4) and balance of asset 0 (8) to `output`; answers false if there is no such account.
/// Asked several times for each transaction, so it makes nothing for the garbage collector.
#[napi(catch_unwind)]
pub fn ledger_sender_into(ledger: u32, address: &[u8], output: OutputBytes<'_>) -> Result<bool> {
    let what = "an address has 32 bytes, a sender 20";
    let refused = |_| coded(LedgerError::Input { what });
    let address = address.try_into().map_err(refused)?;
    let output: &mut [u8; SENDER_BYTES] = output.try_into().map_err(refused)?;
    let Some(sender) = read(&*find(ledger)?).sender(address) else { return Ok(false) };
    output[..8].copy_from_slice(&sender.nonce.to_le_bytes());
    output[8..12].copy_from_slice(&sender.key_version.to_le_bytes());
    output[12..].copy_from_slice(&sender.balance.to_le_bytes());
    Ok(true)
}

/// None as `Ledger::proof` says.
#[napi(catch_unwind)]
pub fn ledger_proof(ledger: u32, handle: u32, asset: u32) -> Result<Option<Uint8Array>> {
    Ok(read(&*find(ledger)?).proof(handle, asset).map(Uint8Array::from))
}

#[napi(catch_unwind)]
pub fn ledger_last_commit(ledger: u32) -> Result<i64> {
    // Commits are counted below 2^53.
    Ok(read(&*find(ledger)?).last_commit() as i64)
}

/// Digest and statement.
#[napi(catch_unwind)]
pub fn ledger_last_checkpoint(ledger: u32) -> Result<Option<Uint8Array>> {
    Ok(read(&*find(ledger)?).last_checkpoint().map(|checkpoint| pack_checkpoint(checkpoint).into()))
}

#[napi(catch_unwind)]
pub fn ledger_snapshot(ledger: u32) -> Result<Vec<Uint8Array>> {
    let parts = read(&*find(ledger)?).snapshot().map_err(coded)?;
    Ok(parts.into_iter().map(Uint8Array::from).collect())
}

#[napi(catch_unwind)]
pub fn ledger_appended_keys(ledger: u32, first: u32, count: u32) -> Result<Uint8Array> {
    Ok(read(&*find(ledger)?).appended_keys(first, count).map_err(coded)?.into())
}

fn register(ledger: Ledger) -> Result<u32> {
    let mut open = open();
    if open.by_number.len() >= MAX_LEDGERS {
        return Err(coded(LedgerError::Input { what: "too many ledgers are open; close those no longer used" }));
    }
    open.last = open.last.wrapping_add(1);
    let number = open.last;
    open.by_number.insert(number, Arc::new(RwLock::new(ledger)));
    Ok(number)
}

fn find(number: u32) -> Result<Shared> {
    open().by_number.get(&number).cloned().ok_or_else(|| coded(LedgerError::Closed { ledger: number }))
}

// A lock is poisoned by a panic under it. The table is whole after one; a ledger that was executing refuses to go on.

fn open() -> MutexGuard<'static, Open> {
    OPEN.lock().unwrap_or_else(PoisonError::into_inner)
}

fn read(ledger: &RwLock<Ledger>) -> RwLockReadGuard<'_, Ledger> {
    ledger.read().unwrap_or_else(PoisonError::into_inner)
}

fn write(ledger: &RwLock<Ledger>) -> RwLockWriteGuard<'_, Ledger> {
    ledger.write().unwrap_or_else(PoisonError::into_inner)
}

/// 0 stands for all of the machine.
fn cores(threads: u32) -> usize {
    if threads == 0 { available_parallelism().map_or(1, NonZero::get) } else { threads as usize }
}

fn pack_executed(executed: &Executed) -> Vec<u8> {
    let mut out = Vec::with_capacity(executed.outcomes.len() + 400);
    out.extend(executed.index.to_le_bytes());
    out.extend(executed.transfers.to_le_bytes());
    out.extend(executed.applied.to_le_bytes());
    out.extend(executed.dropped.to_le_bytes());
    out.extend(executed.internal.to_le_bytes());
    out.extend((executed.outcomes.len() as u32).to_le_bytes());
    out.extend_from_slice(&executed.outcomes);
    out.extend(executed.checkpoint.iter().flat_map(pack_checkpoint));
    out
}

fn pack_checkpoint(checkpoint: &Checkpoint) -> Vec<u8> {
    [&checkpoint.digest, checkpoint.bytes.as_slice()].concat()
}

fn pack_account(account: &Account) -> Vec<u8> {
    let mut out = Vec::with_capacity(96);
    out.extend(account.handle.to_le_bytes());
    out.extend(account.row.address);
    out.extend(account.row.key_hash);
    out.extend(account.row.key_version.to_le_bytes());
    out.extend(account.row.flags.to_le_bytes());
    out.extend(account.nonce.to_le_bytes());
    account.balances.iter().for_each(|balance| out.extend(balance.to_le_bytes()));
    out
}
