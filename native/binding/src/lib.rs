//! The Node addon: converts arguments, dispatches to `av10-core`, maps errors. No algorithm lives here.
//!
//! Rules of this crate: every `#[napi]` function has `catch_unwind`, because a panic that reaches C aborts the
//! process; asynchronous work copies what it reads, because JavaScript may write to its arrays meanwhile; small
//! results are written into arrays of the caller, because an array made here costs a finalizer.
//! `src/addon/native.ts` is the typed counterpart and grows with every function here.

pub mod crypto;
mod error;
pub mod job;
pub mod ledger;

/// An array of the caller to write into. An alias, because the macro takes `&mut` for a reference to a wrapped object.
type OutputBytes<'a> = &'a mut [u8];
