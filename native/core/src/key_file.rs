//! Public keys of accounts, 2,592 bytes each: on disk, because a million of them are 2.6 GB. Genesis accounts are read
//! from `accounts.bin`, which every node of a machine may share; later keys are appended to a file of this node.

use std::fs::{File, OpenOptions};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;

use crate::domain::Domain;
use crate::hash::{self, Digest};
use crate::ledger::LedgerError;
use crate::mldsa::PUBLIC_KEY_BYTES;

/// Public key and balance.
pub const ACCOUNT_ROW_BYTES: usize = PUBLIC_KEY_BYTES + 8;

pub type PublicKey = [u8; PUBLIC_KEY_BYTES];

/// Reads by slot from any thread: genesis accounts first, appended keys after them.
#[derive(Clone)]
pub struct KeyReader {
    genesis: Arc<File>,
    genesis_count: u32,
    appended: Arc<File>,
}

/// The writing end, owned by the ledger.
pub struct KeyFile {
    reader: KeyReader,
    /// Keys in the file.
    written: u32,
    /// Keys of the commit being executed. No signature of that commit is checked against them.
    staged: Vec<PublicKey>,
}

impl KeyReader {
    /// Rows of `accounts.bin` from the `first`, as many as `rows` holds.
    pub fn read_rows(accounts: &File, first: u32, rows: &mut [u8]) -> Result<(), LedgerError> {
        let read = accounts.read_exact_at(rows, u64::from(first) * ACCOUNT_ROW_BYTES as u64);
        read.map_err(|error| LedgerError::key_file("reading", &error))
    }

    /// The key at `slot`, which must hash to `expected`.
    pub fn read(&self, slot: u32, expected: &Digest) -> Result<PublicKey, LedgerError> {
        let mut key = [0; PUBLIC_KEY_BYTES];
        let read = match slot.checked_sub(self.genesis_count) {
            None => self.genesis.read_exact_at(&mut key, u64::from(slot) * ACCOUNT_ROW_BYTES as u64),
            Some(index) => self.appended.read_exact_at(&mut key, u64::from(index) * PUBLIC_KEY_BYTES as u64),
        };
        read.map_err(|error| LedgerError::key_file("reading", &error))?;
        if key_hash(&key) == *expected { Ok(key) } else { Err(LedgerError::KeyDamaged { slot }) }
    }
}

impl KeyFile {
    /// Opens `path`, creating it if it is missing; the state knows of its first `known` keys.
    pub fn open(genesis: File, genesis_count: u32, path: &Path, known: u32) -> Result<Self, LedgerError> {
        let failed = |error: std::io::Error| LedgerError::key_file("opening", &error);
        let mut options = OpenOptions::new();
        let appended = options.read(true).write(true).create(true).truncate(false).open(path).map_err(failed)?;
        let found = appended.metadata().map_err(failed)?.len() / PUBLIC_KEY_BYTES as u64;
        if found < u64::from(known) {
            return Err(LedgerError::KeysMissing { expected: known, got: found as u32 });
        }
        let reader = KeyReader { genesis: Arc::new(genesis), genesis_count, appended: Arc::new(appended) };
        Ok(Self { reader, written: known, staged: Vec::new() })
    }

    /// Cuts the file to the keys that the state knows of: later ones come again when the commits behind the state are
    /// executed again.
    pub fn cut(&self) -> Result<(), LedgerError> {
        let length = u64::from(self.written) * PUBLIC_KEY_BYTES as u64;
        self.reader.appended.set_len(length).map_err(|error| LedgerError::key_file("cutting", &error))
    }

    pub fn reader(&self) -> KeyReader {
        self.reader.clone()
    }

    /// Appended keys, staged ones included.
    pub fn count(&self) -> u32 {
        self.written + self.staged.len() as u32
    }

    /// Stages a key and names its slot.
    pub fn stage(&mut self, key: &PublicKey) -> u32 {
        let slot = self.reader.genesis_count + self.count();
        self.staged.push(*key);
        slot
    }

    /// Forgets the keys staged since the count was `count`.
    pub fn unstage(&mut self, count: u32) {
        self.staged.truncate((count - self.written) as usize);
    }

    /// Writes the staged keys.
    pub fn write(&mut self) -> Result<(), LedgerError> {
        if self.staged.is_empty() {
            return Ok(());
        }
        let offset = u64::from(self.written) * PUBLIC_KEY_BYTES as u64;
        let written = self.reader.appended.write_all_at(self.staged.as_flattened(), offset);
        written.map_err(|error| LedgerError::key_file("writing", &error))?;
        self.written += self.staged.len() as u32;
        self.staged.clear();
        Ok(())
    }

    /// Makes the written keys durable; a snapshot counts on them.
    pub fn sync(&self) -> Result<(), LedgerError> {
        self.reader.appended.sync_data().map_err(|error| LedgerError::key_file("syncing", &error))
    }

    /// The bytes of `count` appended keys from `first`, fewer at the end.
    pub fn appended(&self, first: u32, count: u32) -> Result<Vec<u8>, LedgerError> {
        let count = count.min(self.written.saturating_sub(first)) as usize;
        let mut keys = vec![0; count * PUBLIC_KEY_BYTES];
        let read = self.reader.appended.read_exact_at(&mut keys, u64::from(first) * PUBLIC_KEY_BYTES as u64);
        read.map_err(|error| LedgerError::key_file("reading", &error))?;
        Ok(keys)
    }
}

pub fn key_hash(key: &PublicKey) -> Digest {
    hash::hash(Domain::Key, &[key])
}

pub fn address(first_key: &PublicKey) -> Digest {
    hash::hash(Domain::Address, &[first_key])
}
