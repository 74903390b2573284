//! Runs one hot path once, for `bench/instructions.ts`, which counts its instructions under callgrind. What is not counted
//! prepares; keys and amounts are functions of numbers.

use std::error::Error;
use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::{env, fs, process};

use av10_core::codec::transaction::{self, Batch, Payload, Transaction};
use av10_core::domain::Domain;
use av10_core::hash::hash;
use av10_core::ledger::{Block, BlockRef, Commit, Genesis, KeyPaths, Ledger, Simulation};
use av10_core::mldsa::{self, PUBLIC_KEY_BYTES, SIGNATURE_BYTES, Signed, SigningKey};
use av10_core::{key_file, payload};

type Outcome = Result<(), Box<dyn Error>>;
type PublicKey = [u8; PUBLIC_KEY_BYTES];

const ACCOUNTS: u32 = 4_096;
const BALANCE: u64 = 1 << 40;
const SIGNATURES: usize = 64;
const SINGLE_TRANSFERS: u32 = 256;
const BATCH_TRANSFERS: u32 = 8_192;
const CONTEXT: [u8; 42] = [6; 42];
const MESSAGE: [u8; 200] = [5; 200];

fn main() -> Outcome {
    match env::args().nth(1).as_deref() {
        Some("verify-64-kept-key") => verify_kept(),
        Some("verify-1-fresh-key") => verify_fresh(),
        Some("parse-256-transactions") => parse(),
        Some("execute-256-transactions") => execute(SINGLE_TRANSFERS, 1),
        Some("execute-8192-transfers") => execute(1, BATCH_TRANSFERS),
        path => Err(format!("no such path: {path:?}").into()),
    }
}

/// Counted by its name.
#[inline(never)]
fn counted<T>(action: impl FnOnce() -> T) -> T {
    black_box(action())
}

fn verify_kept() -> Outcome {
    let signer = SigningKey::from_seed(&[7; 32])?;
    let signature = signer.sign(&CONTEXT, &MESSAGE)?;
    let items = vec![signed(&signer, &signature); SIGNATURES];
    // The first verification of a process keeps the key, and AWS-LC confirms it; the next 99 acceptances are taken as they are.
    mldsa::verify_many(&items[..1], 1)?;
    let verdicts = counted(|| mldsa::verify_many(&items, 1))?;
    must(verdicts.iter().all(|&valid| valid), "all are valid")
}

fn verify_fresh() -> Outcome {
    let [first, other] = [[7; 32], [8; 32]].map(|seed| SigningKey::from_seed(&seed));
    let (first, other) = (first?, other?);
    let (known, unknown) = (first.sign(&CONTEXT, &MESSAGE)?, other.sign(&CONTEXT, &MESSAGE)?);
    mldsa::verify_many(&[signed(&first, &known)], 1)?;
    let verdicts = counted(|| mldsa::verify_many(&[signed(&other, &unknown)], 1))?;
    must(verdicts == [true], "it is valid")
}

fn signed<'a>(signer: &'a SigningKey, signature: &'a [u8]) -> Signed<'a> {
    Signed { public_key: signer.public_key(), context: &CONTEXT, message: &MESSAGE, signature }
}

fn parse() -> Outcome {
    let bytes = payload_of(SINGLE_TRANSFERS, 1);
    let digest = counted(|| payload::parse(&bytes, SINGLE_TRANSFERS as usize).map(|items| payload::digest(&items)));
    digest.map_err(|_| "a sound payload")?;
    Ok(())
}

/// A commit of one block, with a checkpoint; signatures are those of simulations, which cost a hash.
fn execute(transactions: u32, transfers: u32) -> Outcome {
    let folder = Folder::new()?;
    let mut ledger = folder.open_ledger()?;
    let bytes = payload_of(transactions, transfers);
    let refs = vec![BlockRef { round: 1, author: 0, id: [1; 32] }];
    let blocks = vec![Block { position: 0, executed_commit: 0, tx_count: transactions as usize, payload: &bytes }];
    let commit = Commit { index: 1, digest: [3; 32], time_ms: 3_000, epoch: 1, gc_round: 0, refs, blocks };
    let executed = counted(|| ledger.execute(&commit, 1))?;
    must(executed.transfers == u64::from(transactions * transfers), "every transfer is made")?;
    must(executed.checkpoint.is_some(), "there is a checkpoint")
}

/// Transactions of different senders to accounts all over the ledger.
fn payload_of(transactions: u32, transfers: u32) -> Vec<u8> {
    let bodies: Vec<_> = (0..transactions).map(|sender| body(sender, transfers)).collect();
    let mut out = Vec::new();
    for body in &bodies {
        out.extend((body.len() as u32).to_le_bytes());
        out.extend(body);
    }
    for (sender, body) in bodies.iter().enumerate() {
        let mut signature = [0; SIGNATURE_BYTES];
        let tag = hash(Domain::Sig, &[&key_file::key_hash(&key(sender as u32)), &transaction::id(body)]);
        signature[..tag.len()].copy_from_slice(&tag);
        out.extend(signature);
    }
    out
}

fn body(sender: u32, transfers: u32) -> Vec<u8> {
    let recipients = (0..transfers).map(|i| (sender + 1 + i * 2_654_435) % ACCOUNTS).collect();
    let amounts = (0..transfers).map(|i| u64::from(1 + i * 7 % 60_000)).collect();
    let payload = Payload::Transfers(Batch { asset: 0, atomic: true, recipients, amounts });
    let sender = key_file::address(&key(sender));
    transaction::encode(&Transaction { sender, key_version: 0, nonce: 0, expiry_ms: 50_000, fee: 0, payload })
}

fn key(account: u32) -> PublicKey {
    let mut key = [1; PUBLIC_KEY_BYTES];
    key[..4].copy_from_slice(&account.to_le_bytes());
    key
}

/// Files of a ledger, removed with it.
struct Folder(PathBuf);

impl Folder {
    fn new() -> std::io::Result<Self> {
        let path = env::temp_dir().join(format!("av10-hot-paths-{}", process::id()));
        fs::create_dir(&path)?;
        Ok(Self(path))
    }

    fn open_ledger(&self) -> Result<Ledger, Box<dyn Error>> {
        let rows = (0..ACCOUNTS).flat_map(|account| [key(account).as_slice(), &BALANCE.to_le_bytes()].concat());
        let (accounts, keys) = (self.0.join("accounts.bin"), self.0.join("keys.bin"));
        fs::write(&accounts, rows.collect::<Vec<_>>())?;
        let paths: KeyPaths<'_> = KeyPaths { accounts: Path::new(&accounts), keys: Path::new(&keys) };
        Ok(Ledger::create(genesis(), &paths, Some(Simulation::default()))?)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn genesis() -> Genesis {
    Genesis {
        network_id: [9; 32],
        time_ms: 1_000,
        accounts: ACCOUNTS,
        members: 1,
        committee_digest: [1; 32],
        params_hash: [2; 32],
        max_opens_per_commit: 10,
        checkpoint_spacing_ms: 1_000,
        checkpoint_idle_spacing_ms: 60_000,
        expiry_horizon_ms: 86_400_000,
        registry_history_commits: 100,
        fee_base: 0,
        fee_per_transfer: 0,
        fee_per_byte: 0,
        open_deposit: 0,
        issued: Vec::new(),
    }
}

fn must(holds: bool, what: &str) -> Outcome {
    if holds { Ok(()) } else { Err(what.into()) }
}
