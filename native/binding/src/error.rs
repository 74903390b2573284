//! Errors cross as `CODE: sentence`; `src/addon/load-addon.ts` makes a `CodedError` of that.

use av10_core::Coded;
use napi::{Error, Status};

/// The JavaScript error of a coded one.
pub(crate) fn coded(error: impl Coded) -> Error {
    Error::new(Status::GenericFailure, format!("{}: {error}", error.code()))
}
