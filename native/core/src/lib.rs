//! The native core: signatures, key encapsulation and hashing, free of any JavaScript interface.
//! `av10-binding` exposes it to Node; `cargo test` runs it against the public vectors.

mod aws_lc;
pub mod codec;
pub mod domain;
pub mod error;
pub mod hash;
pub mod key_file;
pub mod ledger;
mod merkle;
pub mod mldsa;
pub mod mlkem;
pub mod payload;
#[cfg(test)]
mod vectors;

pub use error::{Coded, CryptoError};
