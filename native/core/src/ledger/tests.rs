//! The engine against the history that the TypeScript model wrote, and what only the engine has: threads, files, panics.

use std::fs;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};

use serde_json::Value;

use super::*;
use crate::codec::transaction::{self, Batch, Payload, Transaction};
use crate::codec::vectors::{bytes, load};
use crate::domain::Domain;
use crate::hash::hash;
use crate::mldsa::{SIGNATURE_BYTES, SigningKey};

/// Files of one test, removed with it.
struct Files(PathBuf);

impl Files {
    fn new(accounts: &[u8]) -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name = format!("av10-ledger-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let folder = std::env::temp_dir().join(name);
        fs::create_dir(&folder).unwrap();
        fs::write(folder.join("accounts.bin"), accounts).unwrap();
        Self(folder)
    }

    fn open(&self, genesis: &Genesis, simulation: Option<Simulation>) -> Result<Ledger, LedgerError> {
        let (accounts, keys) = (self.0.join("accounts.bin"), self.0.join("keys.bin"));
        Ledger::create(genesis.clone(), &KeyPaths { accounts: &accounts, keys: &keys }, simulation)
    }

    fn restore(
        &self,
        genesis: &Genesis,
        simulation: Option<Simulation>,
        parts: &[Vec<u8>],
    ) -> Result<Ledger, LedgerError> {
        let (accounts, keys) = (self.0.join("accounts.bin"), self.0.join("keys.bin"));
        let parts: Vec<_> = parts.iter().map(Vec::as_slice).collect();
        Ledger::restore(genesis.clone(), &KeyPaths { accounts: &accounts, keys: &keys }, simulation, &parts)
    }
}

impl Drop for Files {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn row(key: &[u8], balance: u64) -> Vec<u8> {
    [key, &balance.to_le_bytes()].concat()
}

fn simulated_signature(key: &[u8; PUBLIC_KEY_BYTES], body: &[u8]) -> Vec<u8> {
    let mut signature = vec![0; SIGNATURE_BYTES];
    let tag = hash(Domain::Sig, &[&key_file::key_hash(key), &transaction::id(body)]);
    signature[..32].copy_from_slice(&tag);
    signature
}

fn payload_of(items: &[(Vec<u8>, Vec<u8>)]) -> Vec<u8> {
    let mut out = Vec::new();
    for (body, _) in items {
        out.extend((body.len() as u32).to_le_bytes());
        out.extend(body);
    }
    items.iter().for_each(|(_, signature)| out.extend(signature));
    out
}

#[test]
fn the_golden_history_is_reproduced() {
    let history = load("history.json");
    let genesis = Genesis::decode(&bytes(&history["genesis"])).unwrap();
    let balances = history["balances"].as_array().unwrap().iter().enumerate();
    let rows = balances.flat_map(|(handle, balance)| {
        row(&[handle as u8; PUBLIC_KEY_BYTES], balance.as_str().unwrap().parse().unwrap())
    });
    let files = Files::new(&rows.collect::<Vec<_>>());
    let mut ledger = files.open(&genesis, Some(Simulation::default())).unwrap();
    let commits = history["commits"].as_array().unwrap();
    assert_eq!(commits.len(), 4);
    for commit in commits {
        let executed = execute_golden(&mut ledger, commit);
        assert_eq!(executed.outcomes, bytes(&commit["outcomes"]));
        let counts = [executed.transfers, executed.applied.into(), executed.dropped.into(), executed.internal.into()];
        assert_eq!(counts, ["transfers", "applied", "dropped", "internal"].map(|name| commit[name].as_u64().unwrap()));
        let statement = commit.get("statement").map(bytes);
        assert_eq!(executed.checkpoint.map(|checkpoint| checkpoint.bytes), statement);
    }
    let snapshot: Vec<_> = history["snapshot"].as_array().unwrap().iter().map(bytes).collect();
    assert_eq!(ledger.snapshot().unwrap(), snapshot);
    assert_eq!(ledger.proof(4, 1).unwrap(), bytes(&history["proof"]));
    let restored = files.restore(&genesis, Some(Simulation::default()), &snapshot).unwrap();
    assert_eq!(restored.proof(4, 1), ledger.proof(4, 1));
}

fn execute_golden(ledger: &mut Ledger, commit: &Value) -> Executed {
    let transactions = commit["transactions"].as_array().unwrap().iter();
    let items: Vec<_> = transactions
        .map(|tx| {
            let body = bytes(&tx["body"]);
            let signature = simulated_signature(&[tx["keyByte"].as_u64().unwrap() as u8; PUBLIC_KEY_BYTES], &body);
            (body, signature)
        })
        .collect();
    let payload = payload_of(&items);
    let encoded = bytes(&commit["commit"]);
    let commit = Commit::decode(&encoded, &[&payload]).unwrap();
    ledger.execute(&commit, 1).unwrap()
}

fn genesis(accounts: u32) -> Genesis {
    Genesis {
        network_id: [9; 32],
        time_ms: 1_000,
        accounts,
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

fn commit(index: u64, payload: &[u8], tx_count: usize) -> Commit<'_> {
    let refs = vec![BlockRef { round: index as u32, author: 0, id: [index as u8; 32] }];
    let blocks = vec![Block { position: 0, executed_commit: index - 1, tx_count, payload }];
    Commit { index, digest: [3; 32], time_ms: 1_000 + index * 1_000, epoch: 1, gc_round: 0, refs, blocks }
}

fn body(key: &[u8; PUBLIC_KEY_BYTES], nonce: u64, payload: Payload<'_>) -> Vec<u8> {
    let sender = key_file::address(key);
    transaction::encode(&Transaction { sender, key_version: 0, nonce, expiry_ms: 50_000, fee: 0, payload })
}

fn pay(recipient: u32, amount: u64) -> Payload<'static> {
    Payload::Transfers(Batch { asset: 0, atomic: true, recipients: vec![recipient], amounts: vec![amount] })
}

fn codes(executed: &Executed) -> Vec<u8> {
    let mut codes = Vec::new();
    let mut rest = executed.outcomes.as_slice();
    while !rest.is_empty() {
        codes.push(rest[6]);
        let receipt = if rest[6] < 128 { 2 + usize::from(u16::from_le_bytes([rest[71], rest[72]])) } else { 0 };
        rest = &rest[71 + receipt..];
    }
    codes
}

#[test]
fn real_signatures_give_the_same_on_any_number_of_threads() {
    let keys: Vec<_> = (0..6u8).map(|seed| SigningKey::from_seed(&[seed; 32]).unwrap()).collect();
    let rows: Vec<_> = keys.iter().flat_map(|key| row(key.public_key(), 1_000)).collect();
    let mut results = Vec::new();
    for threads in [1, 2, 8] {
        let files = Files::new(&rows);
        // Another network for each, or the cache of verified signatures would answer.
        let genesis = Genesis { network_id: [threads as u8; 32], ..genesis(6) };
        let context = [b"av10/tx/1/".as_slice(), &genesis.network_id].concat();
        let items: Vec<_> = (0..24u8)
            .map(|i| {
                let key = &keys[usize::from(i) % 6];
                let body = body(key.public_key(), u64::from(i / 6), pay(u32::from(i) % 5, 10 + u64::from(i)));
                let mut signature = key.sign(&context, &body).unwrap().to_vec();
                signature[4_000] ^= u8::from(i == 20);
                (body, signature)
            })
            .collect();
        let mut ledger = files.open(&genesis, None).unwrap();
        let payload = payload_of(&items);
        let executed = ledger.execute(&commit(1, &payload, 24), threads).unwrap();
        let checkpoint = executed.checkpoint.clone().unwrap();
        results.push((codes(&executed), checkpoint.statement.accounts_root, checkpoint.statement.results_root));
    }
    let expected: Vec<u8> = (0..24).map(|i| if i == 20 { Dropped::BadSignature as u8 } else { 0 }).collect();
    assert_eq!(results[0].0, expected);
    assert_eq!((&results[1], &results[2]), (&results[0], &results[0]));
}

#[test]
fn a_signature_for_one_network_does_not_count_for_another_even_when_cached() {
    let key = SigningKey::from_seed(&[77; 32]).unwrap();
    let rows = [row(key.public_key(), 1_000), row(&[1; PUBLIC_KEY_BYTES], 0)].concat();
    let body = body(key.public_key(), 0, pay(1, 1));
    let context = [b"av10/tx/1/".as_slice(), &[50; 32]].concat();
    let payload = payload_of(&[(body.clone(), key.sign(&context, &body).unwrap().to_vec())]);
    for (network, expected) in [(50, Applied::Ok as u8), (51, Dropped::BadSignature as u8), (50, Applied::Ok as u8)] {
        let files = Files::new(&rows);
        let mut ledger = files.open(&Genesis { network_id: [network; 32], ..genesis(2) }, None).unwrap();
        assert_eq!(codes(&ledger.execute(&commit(1, &payload, 1), 1).unwrap()), [expected]);
    }
}

#[test]
fn a_payload_that_panics_is_undone_and_keeps_its_fee_and_nonce() {
    let key = [1; PUBLIC_KEY_BYTES];
    let files = Files::new(&[row(&key, 1_000), row(&[2; PUBLIC_KEY_BYTES], 5)].concat());
    let simulation = Simulation { poison: vec![6, 6, 6], ..Simulation::default() };
    let mut ledger = files.open(&genesis(2), Some(simulation)).unwrap();
    let bodies = [body(&key, 0, Payload::DataAnchor(&[6, 6, 6])), body(&key, 1, pay(1, 400))];
    let items = bodies.map(|body| (body.clone(), simulated_signature(&key, &body)));
    let executed = ledger.execute(&commit(1, &payload_of(&items), 2), 1).unwrap();
    assert_eq!(codes(&executed), [Applied::Internal as u8, Applied::Ok as u8]);
    assert_eq!(executed.internal, 1);
    let account = ledger.account(0).unwrap();
    assert_eq!((account.balances[0], account.nonce), (600, 2));
}

#[test]
fn commits_out_of_order_are_refused_and_change_nothing() {
    let files = Files::new(&row(&[1; PUBLIC_KEY_BYTES], 1_000));
    let mut ledger = files.open(&genesis(1), Some(Simulation::default())).unwrap();
    assert_eq!(ledger.execute(&commit(2, &[], 0), 1).err(), Some(LedgerError::Order { expected: 1, got: 2 }));
    assert!(ledger.execute(&commit(1, &[], 0), 1).is_ok());
}

#[test]
fn a_violated_supply_stops_the_ledger_for_good() {
    let files = Files::new(&row(&[1; PUBLIC_KEY_BYTES], 1_000));
    let genesis = Genesis { checkpoint_idle_spacing_ms: 1_000, ..genesis(1) };
    let mut ledger = files.open(&genesis, Some(Simulation::default())).unwrap();
    ledger.state.accounts.set_balance(0, 0, 1_001);
    let violated = LedgerError::Invariant { what: "balances and fee pool do not add up to the supply" };
    assert_eq!(ledger.execute(&commit(1, &[], 0), 1).err(), Some(violated));
    assert_eq!(ledger.execute(&commit(2, &[], 0), 1).err(), Some(LedgerError::Stopped));
    assert_eq!(ledger.snapshot().err(), Some(LedgerError::Stopped));
}

#[test]
fn accounts_that_do_not_fit_the_genesis_are_refused() {
    let twice = [row(&[1; PUBLIC_KEY_BYTES], 1), row(&[1; PUBLIC_KEY_BYTES], 1)].concat();
    let too_much = [row(&[1; PUBLIC_KEY_BYTES], u64::MAX), row(&[2; PUBLIC_KEY_BYTES], 1)].concat();
    for (rows, what) in [
        (&twice[1..], "accounts.bin must have 2,600 bytes for each genesis account"),
        (&twice, "accounts.bin names a public key twice"),
        (&too_much, "the supply of an asset must be below 2^64"),
    ] {
        assert_eq!(Files::new(rows).open(&genesis(2), None).err(), Some(LedgerError::Genesis { what }));
    }
}

/// A ledger with one account opened after genesis, whose key lies in the key file.
fn with_opened_account(files: &Files) -> Ledger {
    let key = [1; PUBLIC_KEY_BYTES];
    let mut ledger = files.open(&genesis(1), Some(Simulation::default())).unwrap();
    let body = body(&key, 0, Payload::OpenAccount(&[5; PUBLIC_KEY_BYTES]));
    let payload = payload_of(&[(body.clone(), simulated_signature(&key, &body))]);
    assert_eq!(codes(&ledger.execute(&commit(1, &payload, 1), 1).unwrap()), [0]);
    ledger
}

#[test]
fn a_snapshot_with_anything_changed_or_missing_is_refused() {
    let files = Files::new(&row(&[1; PUBLIC_KEY_BYTES], 1_000));
    let parts = with_opened_account(&files).snapshot().unwrap();
    let simulation = Some(Simulation::default());
    let restored = files.restore(&genesis(1), simulation.clone(), &parts).unwrap();
    assert_eq!(restored.account(1).unwrap().row.key_hash, key_file::key_hash(&[5; PUBLIC_KEY_BYTES]));
    let certified = |ledger: &Ledger| (ledger.last_commit(), ledger.last_checkpoint().map(|last| last.digest));
    let original = certified(&restored);
    for (part, length) in [(0, parts[0].len()), (1, parts[1].len())] {
        for at in 0..length {
            let mut damaged = parts.clone();
            damaged[part][at] ^= 1;
            match files.restore(&genesis(1), simulation.clone(), &damaged) {
                Err(error) => assert_ne!(error, LedgerError::Stopped),
                // Whoever got the parts from a peer compares the two with a certificate.
                Ok(ledger) => {
                    assert_ne!(certified(&ledger), original, "byte {at} of part {part}");
                }
            }
        }
    }
    assert_eq!(files.restore(&genesis(1), simulation.clone(), &parts).err(), None);
    assert!(files.restore(&genesis(1), simulation.clone(), &parts[..1]).is_err());
    assert!(files.restore(&genesis(1), simulation, &[]).is_err());
}

#[test]
fn missing_and_damaged_keys_are_found_and_superfluous_ones_cut() {
    let files = Files::new(&row(&[1; PUBLIC_KEY_BYTES], 1_000));
    let parts = with_opened_account(&files).snapshot().unwrap();
    let restore = || files.restore(&genesis(1), Some(Simulation::default()), &parts).err();
    let path = files.0.join("keys.bin");
    let good = fs::read(&path).unwrap();
    fs::write(&path, [good.as_slice(), &[7; 100]].concat()).unwrap();
    assert_eq!(restore(), None);
    assert_eq!(fs::read(&path).unwrap(), good);
    fs::write(&path, &good[1..]).unwrap();
    assert_eq!(restore(), Some(LedgerError::KeysMissing { expected: 1, got: 0 }));
    fs::write(&path, [&[good[0] ^ 1], &good[1..]].concat()).unwrap();
    assert_eq!(restore(), Some(LedgerError::KeyDamaged { slot: 1 }));
}
