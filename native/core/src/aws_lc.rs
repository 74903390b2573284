//! ML-DSA-87 and ML-KEM-1024 through the EVP interface of AWS-LC, and all `unsafe` code that this needs.
//!
//! The safe crate over AWS-LC has neither the context string of FIPS 204 nor keys from an ML-KEM seed, hence this
//! wrapper (`docs/decisions/0010-native-cryptography.md`). Every function checks lengths through its types, every
//! pointer handed to C comes from a live Rust reference, and every C object has one owner that frees it.
#![allow(unsafe_code)]

use std::ptr::{NonNull, null, null_mut};

use aws_lc_sys as ffi;

use crate::error::CryptoError;
use crate::mldsa::{SEED_BYTES, SIGNATURE_BYTES};
use crate::mlkem::{CIPHERTEXT_BYTES, SHARED_SECRET_BYTES};

/// A parsed key. Immutable once made, so threads may share it.
pub(crate) struct Key(NonNull<ffi::EVP_PKEY>);

// SAFETY: an EVP_PKEY is reference counted atomically and nothing here changes it after construction; AWS-LC
// documents concurrent use of one key by several operations as safe.
unsafe impl Send for Key {}
// SAFETY: as above.
unsafe impl Sync for Key {}

impl Drop for Key {
    fn drop(&mut self) {
        // SAFETY: the pointer is owned by this value and freed once; AWS-LC cleanses key memory on free.
        unsafe { ffi::EVP_PKEY_free(self.0.as_ptr()) }
    }
}

impl Key {
    pub(crate) fn ml_dsa_from_seed(seed: &[u8; SEED_BYTES]) -> Result<Self, CryptoError> {
        // SAFETY: pointer and length describe the live `seed`.
        let key = unsafe { ffi::EVP_PKEY_pqdsa_new_raw_private_key(ffi::NID_MLDSA87, seed.as_ptr(), seed.len()) };
        Self::own(key, "ML-DSA key generation")
    }

    pub(crate) fn ml_dsa_public(bytes: &[u8; crate::mldsa::PUBLIC_KEY_BYTES]) -> Result<Self, CryptoError> {
        // SAFETY: pointer and length describe the live `bytes`.
        let key = unsafe { ffi::EVP_PKEY_pqdsa_new_raw_public_key(ffi::NID_MLDSA87, bytes.as_ptr(), bytes.len()) };
        Self::own(key, "ML-DSA key import")
    }

    pub(crate) fn ml_kem_from_seed(seed: &[u8; crate::mlkem::SEED_BYTES]) -> Result<Self, CryptoError> {
        // SAFETY: a context for key generation needs no engine.
        let context = Operation::own(unsafe { ffi::EVP_PKEY_CTX_new_id(ffi::EVP_PKEY_KEM, null_mut()) })?;
        let mut key = null_mut();
        let mut seed_len = seed.len();
        // SAFETY: `context` is live; `key` and `seed_len` are valid out-pointers; `seed` holds `seed_len` bytes.
        let made = unsafe {
            ffi::EVP_PKEY_CTX_kem_set_params(context.0.as_ptr(), ffi::NID_MLKEM1024) == 1
                && ffi::EVP_PKEY_keygen_init(context.0.as_ptr()) == 1
                && ffi::EVP_PKEY_keygen_deterministic(context.0.as_ptr(), &mut key, seed.as_ptr(), &mut seed_len) == 1
        };
        check(made, "ML-KEM key generation")?;
        Self::own(key, "ML-KEM key generation")
    }

    pub(crate) fn ml_kem_public(bytes: &[u8; crate::mlkem::PUBLIC_KEY_BYTES]) -> Result<Self, CryptoError> {
        // SAFETY: pointer and length describe the live `bytes`.
        let key = unsafe { ffi::EVP_PKEY_kem_new_raw_public_key(ffi::NID_MLKEM1024, bytes.as_ptr(), bytes.len()) };
        Self::own(key, "ML-KEM key import").map_err(|_| CryptoError::MalformedKey)
    }

    pub(crate) fn public_key<const N: usize>(&self) -> Result<[u8; N], CryptoError> {
        let mut bytes = [0; N];
        let mut len = N;
        // SAFETY: `bytes` has room for `len` bytes, and the call writes no more than that.
        let got = unsafe { ffi::EVP_PKEY_get_raw_public_key(self.0.as_ptr(), bytes.as_mut_ptr(), &mut len) };
        check(got == 1 && len == N, "public key export")?;
        Ok(bytes)
    }

    /// Hedged ML-DSA.Sign (FIPS 204 algorithm 2); the caller has checked the length of `context`.
    pub(crate) fn sign(&self, context: &[u8], message: &[u8]) -> Result<[u8; SIGNATURE_BYTES], CryptoError> {
        let digest = Digest::new()?;
        let mut operation = null_mut();
        let mut signature = [0; SIGNATURE_BYTES];
        let mut len = SIGNATURE_BYTES;
        // SAFETY: `digest` and the key are live; `operation` belongs to `digest` and is used only while it lives;
        // slices are passed with their own lengths; `signature` has room for `len` bytes.
        let signed = unsafe {
            ffi::EVP_DigestSignInit(digest.0.as_ptr(), &mut operation, null(), null_mut(), self.0.as_ptr()) == 1
                && set_context(operation, context)
                && ffi::EVP_DigestSign(
                    digest.0.as_ptr(),
                    signature.as_mut_ptr(),
                    &mut len,
                    message.as_ptr(),
                    message.len(),
                ) == 1
        };
        check(signed && len == SIGNATURE_BYTES, "ML-DSA signing")?;
        Ok(signature)
    }

    /// ML-DSA.Verify (FIPS 204 algorithm 3).
    pub(crate) fn verify(&self, context: &[u8], message: &[u8], signature: &[u8; SIGNATURE_BYTES]) -> bool {
        let Ok(digest) = Digest::new() else { return false };
        let mut operation = null_mut();
        // SAFETY: as in `sign`; nothing is written but the library's own state.
        let valid = unsafe {
            ffi::EVP_DigestVerifyInit(digest.0.as_ptr(), &mut operation, null(), null_mut(), self.0.as_ptr()) == 1
                && set_context(operation, context)
                && ffi::EVP_DigestVerify(
                    digest.0.as_ptr(),
                    signature.as_ptr(),
                    signature.len(),
                    message.as_ptr(),
                    message.len(),
                ) == 1
        };
        check(valid, "ML-DSA verification").is_ok()
    }

    /// ML-KEM.Encaps (FIPS 203 algorithm 20).
    pub(crate) fn encapsulate(&self) -> Result<Encapsulation, CryptoError> {
        let operation = self.operation()?;
        let mut out = Encapsulation::default();
        let (mut ciphertext_len, mut secret_len) = (out.ciphertext.len(), out.shared_secret.len());
        // SAFETY: `operation` is live and both out-buffers have the lengths passed beside them.
        let done = unsafe {
            ffi::EVP_PKEY_encapsulate(
                operation.0.as_ptr(),
                out.ciphertext.as_mut_ptr(),
                &mut ciphertext_len,
                out.shared_secret.as_mut_ptr(),
                &mut secret_len,
            )
        };
        check(done == 1, "ML-KEM encapsulation").map_err(|_| CryptoError::MalformedKey)?;
        Ok(out)
    }

    /// ML-KEM.Decaps (FIPS 203 algorithm 21): a wrong ciphertext yields an unpredictable secret, not an error.
    pub(crate) fn decapsulate(
        &self,
        ciphertext: &[u8; CIPHERTEXT_BYTES],
        shared_secret: &mut [u8; SHARED_SECRET_BYTES],
    ) -> Result<(), CryptoError> {
        let operation = self.operation()?;
        let mut len = shared_secret.len();
        // SAFETY: `operation` is live; `shared_secret` has room for `len` bytes; `ciphertext` is passed with its length.
        let done = unsafe {
            ffi::EVP_PKEY_decapsulate(
                operation.0.as_ptr(),
                shared_secret.as_mut_ptr(),
                &mut len,
                ciphertext.as_ptr(),
                ciphertext.len(),
            )
        };
        check(done == 1 && len == SHARED_SECRET_BYTES, "ML-KEM decapsulation")
    }

    fn operation(&self) -> Result<Operation, CryptoError> {
        // SAFETY: the key is live; the context takes its own reference to it.
        Operation::own(unsafe { ffi::EVP_PKEY_CTX_new(self.0.as_ptr(), null_mut()) })
    }

    fn own(key: *mut ffi::EVP_PKEY, step: &'static str) -> Result<Self, CryptoError> {
        check(!key.is_null(), step)?;
        NonNull::new(key).map(Self).ok_or(CryptoError::Library { step })
    }
}

#[derive(Clone)]
pub(crate) struct Encapsulation {
    pub(crate) ciphertext: [u8; CIPHERTEXT_BYTES],
    pub(crate) shared_secret: [u8; SHARED_SECRET_BYTES],
}

impl Default for Encapsulation {
    fn default() -> Self {
        Self { ciphertext: [0; CIPHERTEXT_BYTES], shared_secret: [0; SHARED_SECRET_BYTES] }
    }
}

struct Operation(NonNull<ffi::EVP_PKEY_CTX>);

impl Operation {
    fn own(context: *mut ffi::EVP_PKEY_CTX) -> Result<Self, CryptoError> {
        NonNull::new(context).map(Self).ok_or(CryptoError::Library { step: "context allocation" })
    }
}

impl Drop for Operation {
    fn drop(&mut self) {
        // SAFETY: owned by this value and freed once.
        unsafe { ffi::EVP_PKEY_CTX_free(self.0.as_ptr()) }
    }
}

struct Digest(NonNull<ffi::EVP_MD_CTX>);

impl Digest {
    fn new() -> Result<Self, CryptoError> {
        // SAFETY: takes no arguments; the result is checked for null.
        let context = unsafe { ffi::EVP_MD_CTX_new() };
        NonNull::new(context).map(Self).ok_or(CryptoError::Library { step: "digest allocation" })
    }
}

impl Drop for Digest {
    fn drop(&mut self) {
        // SAFETY: owned by this value and freed once, together with the EVP_PKEY_CTX inside.
        unsafe { ffi::EVP_MD_CTX_free(self.0.as_ptr()) }
    }
}

/// # Safety
/// `operation` must be the live context of an initialised sign or verify operation.
unsafe fn set_context(operation: *mut ffi::EVP_PKEY_CTX, context: &[u8]) -> bool {
    // SAFETY: the caller vouches for `operation`; `context` is passed with its own length and copied.
    unsafe { ffi::EVP_PKEY_CTX_set1_signature_context_string(operation, context.as_ptr(), context.len()) == 1 }
}

/// A refused call leaves entries in the error queue of its thread; they are dropped so that it never fills up.
fn check(ok: bool, step: &'static str) -> Result<(), CryptoError> {
    if ok {
        return Ok(());
    }
    // SAFETY: touches the queue of this thread only.
    unsafe { ffi::ERR_clear_error() }
    Err(CryptoError::Library { step })
}

#[cfg(test)]
impl Key {
    /// Verifies over FIPS 204's external mu: the entry that lets the ACVP sets, which have no context, run here.
    pub(crate) fn verify_mu(&self, mu: &[u8; 64], signature: &[u8]) -> bool {
        let operation = self.operation().unwrap();
        // SAFETY: `operation` is live; both slices are passed with their own lengths.
        let valid = unsafe {
            ffi::EVP_PKEY_verify_init(operation.0.as_ptr()) == 1
                && ffi::EVP_PKEY_verify(
                    operation.0.as_ptr(),
                    signature.as_ptr(),
                    signature.len(),
                    mu.as_ptr(),
                    mu.len(),
                ) == 1
        };
        check(valid, "ML-DSA verification").is_ok()
    }

    /// Encapsulates with given randomness instead of drawn one, as the vectors need it.
    pub(crate) fn encapsulate_with(&self, randomness: &[u8; 32]) -> Result<Encapsulation, CryptoError> {
        let operation = self.operation()?;
        let mut out = Encapsulation::default();
        let (mut ciphertext_len, mut secret_len) = (out.ciphertext.len(), out.shared_secret.len());
        let mut randomness_len = randomness.len();
        // SAFETY: as in `encapsulate`; `randomness` is passed with its own length.
        let done = unsafe {
            ffi::EVP_PKEY_encapsulate_deterministic(
                operation.0.as_ptr(),
                out.ciphertext.as_mut_ptr(),
                &mut ciphertext_len,
                out.shared_secret.as_mut_ptr(),
                &mut secret_len,
                randomness.as_ptr(),
                &mut randomness_len,
            )
        };
        check(done == 1, "ML-KEM encapsulation").map_err(|_| CryptoError::MalformedKey)?;
        Ok(out)
    }

    /// Imports the 3,168 bytes of an expanded decapsulation key (FIPS 203 section 7.3).
    pub(crate) fn ml_kem_expanded(bytes: &[u8]) -> Result<Self, CryptoError> {
        // SAFETY: pointer and length describe the live `bytes`.
        let key = unsafe { ffi::EVP_PKEY_kem_new_raw_secret_key(ffi::NID_MLKEM1024, bytes.as_ptr(), bytes.len()) };
        Self::own(key, "ML-KEM key import").map_err(|_| CryptoError::MalformedKey)
    }
}
