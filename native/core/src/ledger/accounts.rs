//! Accounts in columns, and the trees over their pages: `docs/spec/checkpoint.md`.

use std::collections::HashMap;

use crate::domain::Domain;
use crate::hash::{Digest, hash};
use crate::merkle::Tree;

pub(super) const PAGE_ACCOUNTS: usize = 32;
pub(super) const STATIC_ROW_BYTES: usize = 72;
pub const FROZEN: u32 = 1;

/// What rarely changes of an account. `key_slot` says where this node keeps the key and is under no root.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Row {
    pub address: Digest,
    pub key_hash: Digest,
    pub key_version: u32,
    pub flags: u32,
    pub key_slot: u32,
}

type Values = [u64; PAGE_ACCOUNTS];

/// Asset, handle and balance before each change.
pub(crate) type Journal = Vec<(u32, u32, u64)>;

/// A page as it was at the last checkpoint.
struct SavedPage {
    balances: Values,
    nonces: Values,
}

/// The tree of one asset, and which of its pages differ from the last checkpoint.
#[derive(Default)]
struct Pages {
    dirty: Vec<u64>,
    saved: HashMap<u32, SavedPage>,
    tree: Tree,
}

#[derive(Default)]
pub(super) struct Accounts {
    rows: Vec<Row>,
    nonces: Vec<u64>,
    /// Balances by asset.
    columns: Vec<Vec<u64>>,
    by_address: HashMap<Digest, u32>,
    frozen: usize,
    /// H_static of each page, as of its last change.
    statics: Vec<Digest>,
    /// Rows, as of the last checkpoint, of the pages whose rows changed since.
    saved_statics: HashMap<u32, Vec<u8>>,
    pages: Vec<Pages>,
    /// Accounts at the last checkpoint.
    rooted: u32,
}

/// One account for whoever asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    pub handle: u32,
    pub row: Row,
    pub nonce: u64,
    pub balances: Vec<u64>,
}

/// What admission asks of the sender of a transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sender {
    pub nonce: u64,
    pub key_version: u32,
    /// Of asset 0, which pays the fees.
    pub balance: u64,
}

impl Accounts {
    pub(super) fn new(assets: usize) -> Self {
        let columns = vec![Vec::new(); assets];
        let pages = (0..assets).map(|_| Pages::default()).collect();
        Self { columns, pages, ..Self::default() }
    }

    pub(super) fn reserve(&mut self, accounts: usize) {
        self.rows.reserve(accounts);
        self.nonces.reserve(accounts);
        self.columns.iter_mut().for_each(|column| column.reserve(accounts));
        self.by_address.reserve(accounts);
    }

    pub(super) fn count(&self) -> u32 {
        // The account limit keeps the length within a u32.
        self.rows.len() as u32
    }

    pub(super) fn assets(&self) -> usize {
        self.columns.len()
    }

    pub(super) fn handle(&self, address: &Digest) -> Option<u32> {
        self.by_address.get(address).copied()
    }

    pub(super) fn account(&self, handle: u32) -> Option<Account> {
        let row = *self.rows.get(handle as usize)?;
        let balances = self.columns.iter().map(|column| column[handle as usize]).collect();
        Some(Account { handle, row, nonce: self.nonces[handle as usize], balances })
    }

    pub(super) fn sender(&self, address: &Digest) -> Option<Sender> {
        let handle = self.handle(address)?;
        let key_version = self.row(handle).key_version;
        Some(Sender { nonce: self.nonce(handle), key_version, balance: self.balance(0, handle) })
    }

    pub(super) fn row(&self, handle: u32) -> &Row {
        &self.rows[handle as usize]
    }

    pub(super) fn nonce(&self, handle: u32) -> u64 {
        self.nonces[handle as usize]
    }

    pub(super) fn balance(&self, asset: usize, handle: u32) -> u64 {
        self.columns[asset][handle as usize]
    }

    pub(super) fn is_frozen(&self, handle: u32) -> bool {
        // A random access to the rows for each recipient is saved while nobody is frozen.
        self.frozen > 0 && self.rows[handle as usize].flags & FROZEN != 0
    }

    /// The sum of all balances of an asset.
    pub(super) fn total(&self, asset: usize) -> u128 {
        self.columns[asset].iter().map(|&balance| u128::from(balance)).sum()
    }

    pub(super) fn set_nonce(&mut self, handle: u32, nonce: u64) {
        self.touch(0, handle);
        self.nonces[handle as usize] = nonce;
    }

    pub(super) fn set_balance(&mut self, asset: usize, handle: u32, balance: u64) {
        self.touch(asset, handle);
        self.columns[asset][handle as usize] = balance;
    }

    /// Adds `amounts` to the balances of `recipients`, noting in `journal` what each of them was. None if a sum is no u64.
    pub(crate) fn credit(
        &mut self,
        asset: usize,
        recipients: &[u32],
        amounts: &[u64],
        journal: &mut Journal,
    ) -> Option<()> {
        recipients.iter().for_each(|&recipient| self.touch(asset, recipient));
        let column = self.columns[asset].as_mut_slice();
        for (&recipient, &amount) in recipients.iter().zip(amounts) {
            let balance = &mut column[recipient as usize];
            journal.push((asset as u32, recipient, *balance));
            *balance = balance.checked_add(amount)?;
        }
        Some(())
    }

    /// Appends an account and answers its handle. Its page is saved first.
    pub(super) fn open(&mut self, row: Row, nonce: u64, balances: impl Iterator<Item = u64>) -> u32 {
        let handle = self.count();
        for asset in 0..self.assets() {
            self.touch(asset, handle);
        }
        self.touch_statics(handle);
        self.rows.push(row);
        self.nonces.push(nonce);
        self.columns.iter_mut().zip(balances).for_each(|(column, balance)| column.push(balance));
        self.by_address.insert(row.address, handle);
        self.frozen += usize::from(row.flags & FROZEN != 0);
        handle
    }

    /// Forgets the accounts from `count`.
    pub(super) fn truncate(&mut self, count: u32) {
        for row in self.rows.drain(count as usize..) {
            self.by_address.remove(&row.address);
        }
        self.nonces.truncate(count as usize);
        self.columns.iter_mut().for_each(|column| column.truncate(count as usize));
    }

    pub(super) fn set_row(&mut self, handle: u32, row: Row) {
        self.touch(0, handle);
        self.touch_statics(handle);
        let before = std::mem::replace(&mut self.rows[handle as usize], row);
        self.frozen += usize::from(row.flags & FROZEN != 0);
        self.frozen -= usize::from(before.flags & FROZEN != 0);
    }

    /// Brings the trees up to date and answers the accounts root. The cost is that of the pages changed since the last call.
    pub(super) fn root(&mut self) -> Digest {
        self.rehash_statics();
        for asset in 0..self.assets() {
            let mut dirty: Vec<u32> = self.pages[asset].saved.drain().map(|(page, _)| page).collect();
            dirty.sort_unstable();
            // A page opened by a transaction that was rolled back is not there.
            dirty.retain(|&page| (page as usize) < self.statics.len());
            let leaves: Vec<_> = dirty.iter().map(|&page| (page, self.leaf(asset, page))).collect();
            let pages = &mut self.pages[asset];
            pages.tree.update(&leaves);
            pages.dirty.fill(0);
        }
        self.rooted = self.count();
        let head = [&self.rooted.to_le_bytes()[..], &(self.assets() as u16).to_le_bytes()].concat();
        let roots: Vec<u8> = self.pages.iter().flat_map(|pages| pages.tree.root()).collect();
        hash(Domain::Accounts, &[&head, &roots])
    }

    /// The proof of `handle` under the root of the last checkpoint, with the balance of one further asset if it is not 0.
    pub(super) fn proof(&self, handle: u32, asset: usize) -> Option<Vec<u8>> {
        if handle >= self.rooted || asset >= self.assets() {
            return None;
        }
        let page = handle / PAGE_ACCOUNTS as u32;
        let path = self.pages[0].tree.path(page);
        let (balances, nonces) = self.rooted_values(0, page);
        let statics = self.saved_statics.get(&page).cloned().unwrap_or_else(|| self.static_rows(page));
        let mut out = vec![1];
        out.extend(handle.to_le_bytes());
        out.extend(self.rooted.to_le_bytes());
        out.extend(statics);
        out.extend(bytes_of(&nonces));
        out.extend(bytes_of(&balances));
        // 27 levels hold every handle; 255 assets follow the first.
        out.push(path.len() as u8);
        out.extend(path.as_flattened());
        out.push((self.assets() - 1) as u8);
        self.pages[1..].iter().for_each(|pages| out.extend(pages.tree.root()));
        out.push(asset as u8);
        if asset > 0 {
            out.extend(bytes_of(&self.rooted_values(asset, page).0));
            out.extend(self.pages[asset].tree.path(page).as_flattened());
        }
        Some(out)
    }

    #[inline]
    fn touch(&mut self, asset: usize, handle: u32) {
        let page = handle as usize / PAGE_ACCOUNTS;
        let marked = self.pages[asset].dirty.get(page / 64).is_some_and(|word| word >> (page % 64) & 1 == 1);
        if !marked {
            self.save(asset, page);
        }
    }

    #[cold]
    fn save(&mut self, asset: usize, page: usize) {
        let saved = SavedPage { balances: values(&self.columns[asset], page), nonces: self.nonce_values(asset, page) };
        let pages = &mut self.pages[asset];
        if pages.dirty.len() <= page / 64 {
            pages.dirty.resize(page / 64 + 1, 0);
        }
        pages.dirty[page / 64] |= 1 << (page % 64);
        pages.saved.insert(page as u32, saved);
    }

    fn touch_statics(&mut self, handle: u32) {
        let page = handle / PAGE_ACCOUNTS as u32;
        if !self.saved_statics.contains_key(&page) {
            self.saved_statics.insert(page, self.static_rows(page));
        }
    }

    fn rehash_statics(&mut self) {
        let pages = self.rows.len().div_ceil(PAGE_ACCOUNTS);
        let mut changed: Vec<u32> = self.saved_statics.drain().map(|(page, _)| page).collect();
        changed.sort_unstable();
        for page in changed.into_iter().filter(|&page| (page as usize) < pages) {
            let digest = hash(Domain::Static, &[&self.static_rows(page)]);
            if page as usize == self.statics.len() {
                self.statics.push(digest);
            } else {
                self.statics[page as usize] = digest;
            }
        }
    }

    fn leaf(&self, asset: usize, page: u32) -> Digest {
        let balances = bytes_of(&values(&self.columns[asset], page as usize));
        if asset > 0 {
            return hash(Domain::Leaf, &[&page.to_le_bytes(), &balances]);
        }
        let nonces = bytes_of(&values(&self.nonces, page as usize));
        hash(Domain::Leaf, &[&page.to_le_bytes(), &self.statics[page as usize], &nonces, &balances])
    }

    fn rooted_values(&self, asset: usize, page: u32) -> (Values, Values) {
        match self.pages[asset].saved.get(&page) {
            Some(saved) => (saved.balances, saved.nonces),
            None => (values(&self.columns[asset], page as usize), self.nonce_values(asset, page as usize)),
        }
    }

    /// Nonces lie in the leaves of asset 0 only.
    fn nonce_values(&self, asset: usize, page: usize) -> Values {
        if asset == 0 { values(&self.nonces, page) } else { [0; PAGE_ACCOUNTS] }
    }

    fn static_rows(&self, page: u32) -> Vec<u8> {
        let first = page as usize * PAGE_ACCOUNTS;
        let mut out = Vec::with_capacity(PAGE_ACCOUNTS * STATIC_ROW_BYTES);
        for row in self.rows.iter().skip(first).take(PAGE_ACCOUNTS) {
            out.extend(row.address);
            out.extend(row.key_hash);
            out.extend(row.key_version.to_le_bytes());
            out.extend(row.flags.to_le_bytes());
        }
        out.resize(PAGE_ACCOUNTS * STATIC_ROW_BYTES, 0);
        out
    }
}

/// The values of a page; absent accounts count as 0.
fn values(column: &[u64], page: usize) -> Values {
    let first = (page * PAGE_ACCOUNTS).min(column.len());
    let mut out = [0; PAGE_ACCOUNTS];
    out.iter_mut().zip(&column[first..]).for_each(|(value, &from)| *value = from);
    out
}

fn bytes_of(values: &Values) -> [u8; PAGE_ACCOUNTS * 8] {
    let mut out = [0; PAGE_ACCOUNTS * 8];
    out.as_chunks_mut::<8>().0.iter_mut().zip(values).for_each(|(bytes, value)| *bytes = value.to_le_bytes());
    out
}
