//! Why a ledger stops. None of these can be caused by the content of a transaction.

use std::fmt;

use crate::error::{Coded, CryptoError};

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LedgerError {
    /// Commits are executed strictly in order.
    Order { expected: u64, got: u64 },
    /// A commit, genesis or snapshot does not follow its format, or states what cannot be.
    Input { what: &'static str },
    /// The genesis accounts and the genesis disagree.
    Genesis { what: &'static str },
    /// A snapshot does not lead to the roots of the statement it carries.
    Snapshot { what: &'static str },
    /// The operating system refused an access to a file of keys.
    KeyFile { step: &'static str, reason: String },
    /// A stored key is not the one whose hash the account holds.
    KeyDamaged { slot: u32 },
    /// The key file has fewer keys than the state knows of.
    KeysMissing { expected: u32, got: u32 },
    /// An invariant of the state does not hold: a bug, and nothing computed afterwards could be trusted.
    Invariant { what: &'static str },
    /// Signatures cannot be verified any more.
    Signatures(CryptoError),
    /// An earlier failure left the state half way; only restoring it helps.
    Stopped,
    /// No ledger of this number is open.
    Closed { ledger: u32 },
}

impl LedgerError {
    pub(crate) fn key_file(step: &'static str, error: &std::io::Error) -> Self {
        Self::KeyFile { step, reason: error.to_string() }
    }
}

impl Coded for LedgerError {
    fn code(&self) -> &'static str {
        match self {
            Self::Order { .. } => "LEDGER_ORDER",
            Self::Input { .. } => "LEDGER_INPUT",
            Self::Genesis { .. } => "LEDGER_GENESIS",
            Self::Snapshot { .. } => "LEDGER_SNAPSHOT",
            Self::KeyFile { .. } | Self::KeyDamaged { .. } | Self::KeysMissing { .. } => "LEDGER_KEY_FILE",
            Self::Invariant { .. } => "LEDGER_INVARIANT",
            Self::Signatures(error) => error.code(),
            Self::Stopped => "LEDGER_STOPPED",
            Self::Closed { .. } => "LEDGER_CLOSED",
        }
    }
}

impl fmt::Display for LedgerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Order { expected, got } => write!(f, "commit {expected} is the next to execute, got {got}"),
            Self::Input { what } => write!(f, "{what}"),
            Self::Genesis { what } => write!(f, "{what}"),
            Self::Snapshot { what } => write!(f, "{what}"),
            Self::KeyFile { step, reason } => write!(f, "{step} the key file failed: {reason}"),
            Self::KeyDamaged { slot } => write!(f, "the key in slot {slot} is damaged; restore the key file"),
            Self::KeysMissing { expected, got } => write!(f, "the key file must hold {expected} keys, it holds {got}"),
            Self::Invariant { what } => write!(f, "{what}"),
            Self::Signatures(error) => write!(f, "{error}"),
            Self::Stopped => write!(f, "the ledger stopped at an earlier failure; restart from a snapshot"),
            Self::Closed { ledger } => write!(f, "ledger {ledger} is not open"),
        }
    }
}

impl std::error::Error for LedgerError {}
