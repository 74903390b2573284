//! Coded errors: what crosses into JavaScript is a code of a closed set and a sentence.

use std::fmt;

/// An error with a stable code. The binding sends `CODE: sentence` and `src/addon` takes it apart again.
pub trait Coded: fmt::Display {
    fn code(&self) -> &'static str;
}

/// Everything that signing, key generation, encapsulation, hashing and batches can answer besides a result.
/// Verification has no errors but its own: what is malformed is not a valid signature.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CryptoError {
    /// An argument has another length than the standard fixes.
    Length { what: &'static str, expected: usize, got: usize },
    /// A context string is longer than the 255 bytes of FIPS 204 section 5.2.
    ContextTooLong { limit: usize, got: usize },
    /// An ML-KEM encapsulation key with a coefficient that is not reduced (FIPS 203 section 7.2).
    MalformedKey,
    /// More items in one verification batch than `MAX_BATCH_ITEMS`.
    BatchTooLarge { limit: usize, got: usize },
    /// The parallel lists of one verification batch differ in length.
    BatchShape { expected: usize, got: usize },
    /// A hash domain index outside the table.
    UnknownDomain { index: u32 },
    /// A processor has no verifier of this index.
    UnknownVerifier { index: u32 },
    /// Our verifier and AWS-LC have judged a signature differently: one of them is wrong, and nobody here knows which.
    VerifierDisagrees,
    /// AWS-LC refused a step that cannot fail for checked input: out of memory or of entropy.
    Library { step: &'static str },
}

impl Coded for CryptoError {
    fn code(&self) -> &'static str {
        match self {
            Self::Length { .. } => "CRYPTO_LENGTH",
            Self::ContextTooLong { .. } => "CRYPTO_CONTEXT_TOO_LONG",
            Self::MalformedKey => "CRYPTO_MALFORMED_KEY",
            Self::BatchTooLarge { .. } => "CRYPTO_BATCH_TOO_LARGE",
            Self::BatchShape { .. } => "CRYPTO_BATCH_SHAPE",
            Self::UnknownDomain { .. } => "CRYPTO_UNKNOWN_DOMAIN",
            Self::UnknownVerifier { .. } => "CRYPTO_UNKNOWN_VERIFIER",
            Self::VerifierDisagrees => "HALT_VERIFIER_DISAGREES",
            Self::Library { .. } => "CRYPTO_LIBRARY",
        }
    }
}

impl fmt::Display for CryptoError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Length { what, expected, got } => write!(f, "{what} must be {expected} bytes, got {got}"),
            Self::ContextTooLong { limit, got } => write!(f, "context must be at most {limit} bytes, got {got}"),
            Self::MalformedKey => write!(f, "encapsulation key is not in canonical form"),
            Self::BatchTooLarge { limit, got } => write!(f, "batch must hold at most {limit} items, got {got}"),
            Self::BatchShape { expected, got } => {
                write!(f, "lists of a batch must be equally long, expected {expected}, got {got}")
            }
            Self::UnknownDomain { index } => write!(f, "no hash domain has the index {index}"),
            Self::UnknownVerifier { index } => write!(f, "this processor has no verifier {index}"),
            Self::VerifierDisagrees => write!(
                f,
                "the verifier and AWS-LC disagree about a signature: do not restart this version on this machine"
            ),
            Self::Library { step } => write!(f, "AWS-LC failed in {step}"),
        }
    }
}

impl std::error::Error for CryptoError {}
