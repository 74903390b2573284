//! Receipts of applied transactions: `docs/spec/ledger.md`.

use crate::hash::Digest;

pub struct Receipt<'a> {
    pub id: Digest,
    pub commit: u64,
    pub code: u8,
    pub kind: u8,
    pub sender: u32,
    pub nonce: u64,
    pub fee: u64,
    pub detail: u32,
    pub transfers: u16,
    /// A bit for each transfer of a batch that succeeded in part, empty otherwise.
    pub bitmap: &'a [u8],
}

impl Receipt<'_> {
    pub fn encode_into(&self, out: &mut Vec<u8>) {
        out.extend(self.id);
        out.extend(self.commit.to_le_bytes());
        out.extend([self.code, self.kind]);
        out.extend(self.sender.to_le_bytes());
        out.extend(self.nonce.to_le_bytes());
        out.extend(self.fee.to_le_bytes());
        out.extend(self.detail.to_le_bytes());
        out.extend(self.transfers.to_le_bytes());
        // At most 1,024 bytes: one bit for each of 8,192 transfers.
        out.extend((self.bitmap.len() as u16).to_le_bytes());
        out.extend_from_slice(self.bitmap);
    }
}
