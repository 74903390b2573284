//! Execution of one transaction: `docs/spec/ledger.md`, "Execution".

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use crate::codec::receipt::Receipt;
use crate::codec::transaction::{Batch, Payload, Transaction};
use crate::key_file::{self, PublicKey};
use crate::mldsa::SIGNATURE_BYTES;

use super::accounts::{Accounts, Journal, Row};
use super::code::{Applied, Dropped};
use super::genesis::Genesis;
use super::system::YoungKey;
use super::verdict::{Candidate, Judged};
use super::{Rules, State};

/// What of a commit its transactions depend on.
pub(super) struct Moment {
    pub index: u64,
    pub time_ms: u64,
    /// Accounts opened in this commit so far.
    pub opens: u32,
}

/// What the payload of an applied transaction did.
pub(super) struct Effect {
    pub code: Applied,
    pub detail: u32,
    pub bitmap: Vec<u8>,
    /// What the throughput counts.
    pub transfers: u64,
}

/// Why a payload changed nothing. `Internal` is a bug that the caller turns into the same result on every node.
enum Failure {
    Coded(Applied, u32),
    Internal,
}

/// What to restore if a payload ends in the middle.
struct Undo {
    balances: Journal,
    accounts: u32,
    keys: u32,
    fee_pool: u64,
    opens: u32,
    key: Option<(u32, Row, Option<YoungKey>)>,
}

/// Applies the transaction of `candidate` or says why it is dropped.
pub(super) fn apply(
    state: &mut State,
    rules: &Rules,
    moment: &mut Moment,
    candidate: &Candidate<'_>,
) -> Result<Effect, Dropped> {
    let judged = candidate.verdict.as_ref().map_err(|&code| code)?;
    let size = candidate.item.body.len() + SIGNATURE_BYTES;
    admit(state, &rules.genesis, moment, judged, size)?;
    let Judged { transaction, sender, .. } = judged;
    state.accounts.set_nonce(*sender, transaction.nonce + 1);
    let balance = state.accounts.balance(0, *sender);
    state.accounts.set_balance(0, *sender, balance - transaction.fee);
    state.system.fee_pool += transaction.fee;
    Ok(run(state, rules, moment, transaction, *sender))
}

pub(super) fn receipt<'a>(
    candidate: &Candidate<'_>,
    judged: &Judged<'_>,
    commit: u64,
    effect: &'a Effect,
) -> Receipt<'a> {
    Receipt {
        id: candidate.item.id,
        commit,
        code: effect.code as u8,
        kind: judged.transaction.payload.kind(),
        sender: judged.sender,
        nonce: judged.transaction.nonce,
        fee: judged.transaction.fee,
        detail: effect.detail,
        transfers: judged.transaction.payload.transfers(),
        bitmap: &effect.bitmap,
    }
}

/// The conditions under which a transaction is applied, in the order that decides the code.
fn admit(
    state: &State,
    genesis: &Genesis,
    moment: &Moment,
    Judged { transaction, sender, check }: &Judged<'_>,
    size: usize,
) -> Result<(), Dropped> {
    let next = state.accounts.nonce(*sender);
    let rotated = check.is_none() || transaction.key_version != state.accounts.row(*sender).key_version;
    let opens = matches!(transaction.payload, Payload::OpenAccount(_));
    let refusals = [
        (transaction.nonce < next, Dropped::NonceUsed),
        (transaction.nonce > next, Dropped::NonceGap),
        (rotated, Dropped::KeyRotated),
        (moment.time_ms > transaction.expiry_ms, Dropped::Expired),
        (transaction.expiry_ms > moment.time_ms + genesis.expiry_horizon_ms, Dropped::ExpiryTooFar),
        (u128::from(transaction.fee) < required_fee(genesis, transaction, size), Dropped::Fee),
        (transaction.fee > state.accounts.balance(0, *sender), Dropped::Fee),
        (state.accounts.is_frozen(*sender), Dropped::Frozen),
        (opens && moment.opens >= genesis.max_opens_per_commit, Dropped::OpenLimit),
    ];
    refusals.into_iter().find_map(|(refused, code)| refused.then_some(code)).map_or(Ok(()), Err)
}

fn required_fee(genesis: &Genesis, transaction: &Transaction<'_>, size: usize) -> u128 {
    u128::from(genesis.fee_base)
        + u128::from(genesis.fee_per_transfer) * u128::from(transaction.payload.transfers())
        + u128::from(genesis.fee_per_byte) * size as u128
}

/// Runs the payload. A bug in it must not stop one node more than another: its writes are rolled back everywhere.
fn run(state: &mut State, rules: &Rules, moment: &mut Moment, transaction: &Transaction<'_>, sender: u32) -> Effect {
    let mut undo = Undo {
        balances: std::mem::take(&mut state.journal),
        accounts: state.accounts.count(),
        keys: state.keys.count(),
        fee_pool: state.system.fee_pool,
        opens: moment.opens,
        key: None,
    };
    undo.balances.clear();
    let work = AssertUnwindSafe(|| run_payload(state, rules, moment, &mut undo, transaction, sender));
    let result = catch_unwind(work).unwrap_or(Err(Failure::Internal));
    let effect = result.unwrap_or_else(|failure| {
        let (code, detail) = match failure {
            Failure::Coded(code, detail) => (code, detail),
            Failure::Internal => {
                undo.roll_back(state, moment);
                (Applied::Internal, 0)
            }
        };
        Effect { code, detail, bitmap: Vec::new(), transfers: 0 }
    });
    state.journal = undo.balances;
    effect
}

fn run_payload(
    state: &mut State,
    rules: &Rules,
    moment: &mut Moment,
    undo: &mut Undo,
    transaction: &Transaction<'_>,
    sender: u32,
) -> Result<Effect, Failure> {
    match &transaction.payload {
        Payload::Transfers(batch) if batch.asset as usize >= state.accounts.assets() => {
            Err(Failure::Coded(Applied::UnknownAsset, 0))
        }
        Payload::Transfers(batch) if batch.atomic => transfer_all(&mut state.accounts, undo, batch, sender),
        Payload::Transfers(batch) => transfer_each(&mut state.accounts, undo, batch, sender),
        Payload::OpenAccount(key) => open_account(state, rules, moment, undo, key, sender),
        Payload::RotateKey(key) => rotate_key(state, moment, undo, key, sender),
        Payload::ValidatorChange { .. } => Err(Failure::Coded(Applied::NotActive, 0)),
        Payload::DataAnchor(data) => match rules.simulation.as_ref() {
            // Half way through, so that there is something to roll back.
            Some(simulation) if !simulation.poison.is_empty() && *data == simulation.poison => {
                write_balance(&mut state.accounts, undo, 0, sender, 0);
                resume_unwind(Box::new("planted by the simulation"))
            }
            _ => Ok(done(0, 1)),
        },
    }
}

fn done(detail: u32, transfers: u64) -> Effect {
    Effect { code: Applied::Ok, detail, bitmap: Vec::new(), transfers }
}

/// All transfers or none.
fn transfer_all(accounts: &mut Accounts, undo: &mut Undo, batch: &Batch, sender: u32) -> Result<Effect, Failure> {
    let asset = batch.asset as usize;
    let balance = accounts.balance(asset, sender);
    let mut total = 0u64;
    for (index, (&recipient, &amount)) in batch.recipients.iter().zip(&batch.amounts).enumerate() {
        // At most 8,192 transfers.
        let failed = |code| Failure::Coded(code, index as u32);
        check_recipient(accounts, recipient).map_err(failed)?;
        let affordable = total.checked_add(amount).filter(|&sum| sum <= balance);
        total = affordable.ok_or(failed(Applied::InsufficientBalance))?;
    }
    write_balance(accounts, undo, asset, sender, balance - total);
    credit(accounts, undo, asset, &batch.recipients, &batch.amounts)?;
    Ok(done(0, batch.recipients.len() as u64))
}

/// Each transfer for itself, against the balance then left.
fn transfer_each(accounts: &mut Accounts, undo: &mut Undo, batch: &Batch, sender: u32) -> Result<Effect, Failure> {
    let asset = batch.asset as usize;
    let mut bitmap = vec![0u8; batch.recipients.len().div_ceil(8)];
    let mut succeeded = 0u32;
    for (index, (&recipient, &amount)) in batch.recipients.iter().zip(&batch.amounts).enumerate() {
        let balance = accounts.balance(asset, sender);
        if check_recipient(accounts, recipient).is_err() || amount > balance {
            continue;
        }
        write_balance(accounts, undo, asset, sender, balance - amount);
        credit(accounts, undo, asset, &[recipient], &[amount])?;
        bitmap[index / 8] |= 1 << (index % 8);
        succeeded += 1;
    }
    if succeeded as usize == batch.recipients.len() {
        return Ok(done(0, u64::from(succeeded)));
    }
    Ok(Effect { code: Applied::Partial, detail: succeeded, bitmap, transfers: u64::from(succeeded) })
}

fn open_account(
    state: &mut State,
    rules: &Rules,
    moment: &mut Moment,
    undo: &mut Undo,
    key: &PublicKey,
    sender: u32,
) -> Result<Effect, Failure> {
    let address = key_file::address(key);
    let balance = state.accounts.balance(0, sender);
    if state.accounts.handle(&address).is_some() {
        return Err(Failure::Coded(Applied::Exists, 0));
    }
    if state.accounts.count() >= rules.account_limit() {
        return Err(Failure::Coded(Applied::AccountLimit, 0));
    }
    if rules.genesis.open_deposit > balance {
        return Err(Failure::Coded(Applied::InsufficientBalance, 0));
    }
    write_balance(&mut state.accounts, undo, 0, sender, balance - rules.genesis.open_deposit);
    state.system.fee_pool += rules.genesis.open_deposit;
    moment.opens += 1;
    let key_slot = state.keys.stage(key);
    let row = Row { address, key_hash: key_file::key_hash(key), key_version: 0, flags: 0, key_slot };
    let assets = state.accounts.assets();
    let handle = state.accounts.open(row, 0, std::iter::repeat_n(0, assets));
    state.system.set_young_key(handle, Some(YoungKey { version: 0, created_at: moment.index }));
    Ok(done(handle, 1))
}

fn rotate_key(
    state: &mut State,
    moment: &Moment,
    undo: &mut Undo,
    key: &PublicKey,
    sender: u32,
) -> Result<Effect, Failure> {
    let before = *state.accounts.row(sender);
    let version = before.key_version.checked_add(1).ok_or(Failure::Internal)?;
    let young = YoungKey { version, created_at: moment.index };
    let key_slot = state.keys.stage(key);
    let row = Row { key_hash: key_file::key_hash(key), key_version: version, key_slot, ..before };
    undo.key = Some((sender, before, state.system.set_young_key(sender, Some(young))));
    state.accounts.set_row(sender, row);
    Ok(done(0, 1))
}

fn check_recipient(accounts: &Accounts, recipient: u32) -> Result<(), Applied> {
    if recipient >= accounts.count() {
        return Err(Applied::UnknownRecipient);
    }
    if accounts.is_frozen(recipient) { Err(Applied::RecipientFrozen) } else { Ok(()) }
}

fn write_balance(accounts: &mut Accounts, undo: &mut Undo, asset: usize, handle: u32, balance: u64) {
    undo.balances.push((asset as u32, handle, accounts.balance(asset, handle)));
    accounts.set_balance(asset, handle, balance);
}

/// The supply of an asset is a u64, so every sum fits; if one does not, the supply was violated.
fn credit(
    accounts: &mut Accounts,
    undo: &mut Undo,
    asset: usize,
    recipients: &[u32],
    amounts: &[u64],
) -> Result<(), Failure> {
    accounts.credit(asset, recipients, amounts, &mut undo.balances).ok_or(Failure::Internal)
}

impl Undo {
    fn roll_back(&mut self, state: &mut State, moment: &mut Moment) {
        for (asset, handle, balance) in self.balances.drain(..).rev() {
            state.accounts.set_balance(asset as usize, handle, balance);
        }
        for handle in self.accounts..state.accounts.count() {
            state.system.set_young_key(handle, None);
        }
        state.accounts.truncate(self.accounts);
        state.keys.unstage(self.keys);
        state.system.fee_pool = self.fee_pool;
        moment.opens = self.opens;
        if let Some((handle, row, young)) = self.key.take() {
            state.accounts.set_row(handle, row);
            state.system.set_young_key(handle, young);
        }
    }
}
