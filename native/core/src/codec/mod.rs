//! The canonical encodings that the ledger reads and writes: `docs/spec/transaction.md`, `docs/spec/ledger.md` and
//! `docs/spec/checkpoint.md`. One byte string per value; whatever else comes is refused, nothing that comes panics.

mod reader;
pub mod receipt;
pub mod statement;
pub mod transaction;
#[cfg(test)]
pub(crate) mod vectors;

pub use reader::{DecodeError, Reader};
