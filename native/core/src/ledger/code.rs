//! What becomes of a transaction, in two classes that never meet for one id: `docs/spec/ledger.md`.

/// The nonce is consumed, the fee taken, a receipt written once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Applied {
    Ok = 0,
    Partial = 1,
    InsufficientBalance = 2,
    UnknownRecipient = 3,
    RecipientFrozen = 4,
    UnknownAsset = 5,
    Exists = 6,
    AccountLimit = 7,
    NotActive = 8,
    Internal = 9,
}

/// No effect at all; the same bytes may come again until they expire.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Dropped {
    Malformed = 128,
    StaleBlock = 129,
    UnknownSender = 130,
    UnknownKey = 131,
    BadSignature = 132,
    NonceUsed = 133,
    NonceGap = 134,
    KeyRotated = 135,
    Expired = 136,
    ExpiryTooFar = 137,
    Fee = 138,
    Frozen = 139,
    OpenLimit = 140,
}
